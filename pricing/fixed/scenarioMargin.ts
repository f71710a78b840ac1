/** Twin of pool-contracts/RiskEngine.sol and its libraries in libraries/risk, bit for bit; the formulas stand there. */

import { type Black76Parts, black76DeltaAndVega, black76Excess, black76ShortParts } from "./black76.ts";
import { cashDivisor, toCashDown, toCashUp } from "./cashMath.ts";
import { essviStdDev, requireEssviSlice } from "./essvi.ts";
import { lnWad } from "./logarithm.ts";
import { front, type MarginScenario, type PortfolioShape } from "./scenarioGrid.ts";
import { sqrtWad } from "./squareRoot.ts";
import { absolute } from "./word.ts";

const WAD = 10n ** 18n;
const LN_UNIT_PER_WAD = WAD << 41n;
const MIN_HALF_STD_DEV = 1_000_000n << 20n;
const SECONDS_PER_YEAR = 31_536_000n;
const REFERENCE_TENOR = 2_592_000n;
const MAX_TENOR_FACTOR = 3n * WAD;
const MIN_STD_DEV_FACTOR = WAD / 10n;

/** What margin adds to a grid, all WAD; see `Contingencies` in ShockTable.sol. */
export interface Contingencies {
  readonly shortWad: bigint;
  readonly skewWad: bigint;
  readonly basisWad: bigint;
}

export const noContingencies: Contingencies = { shortWad: 0n, skewWad: 0n, basisWad: 0n };

/** What of `Board` (Board.sol) margin depends on, and what of its forward no longer moves (inside the averaging window). */
export interface MarginBoard {
  readonly effectiveSeconds: bigint;
  readonly forwardWad: bigint;
  readonly thetaWad: bigint;
  readonly psiWad: bigint;
  readonly rhoWad: bigint;
  readonly settled: boolean;
  /** elapsed·average/A, else 0. */
  readonly fixedWad: bigint;
}

/** An account's calls and puts of one strike, signed, long positive, 6 decimals. */
export interface MarginPosition {
  readonly strikeWad: bigint;
  readonly calls: bigint;
  readonly puts: bigint;
  /** Index of its expiry in the arrays of boards. */
  readonly board: number;
}

/** A surface and the spot beside it. */
export interface MarginMarket {
  readonly boards: readonly MarginBoard[];
  readonly spotWad: bigint;
}

export interface MarginFacts {
  /** A grid's scenarios, the present first. */
  readonly scenarios: readonly MarginScenario[];
  readonly contingencies: Contingencies;
  readonly positions: readonly MarginPosition[];
  /** Base collateral as a size of 6 decimals. */
  readonly baseSize: bigint;
  readonly confirmed: MarginMarket;
  /** While a larger move waits for confirmation: the boards and the spot that wait. */
  readonly unconfirmed?: MarginMarket;
  /** How far the reporters differ, with what an old surface adds: `staleness`. */
  readonly disagreementWad: bigint;
  /** How far spot may have moved since an old report, as a share: `staleness`. */
  readonly staleSpotWad: bigint;
  readonly quoteDecimals: number;
}

/** Where a portfolio is worth least: in a scenario of the grid, or between its spots at the strike of a position. */
export type WorstPlace = { readonly scenario: number } | { readonly position: number };

/** Values on one market, quote units rounded down unless named otherwise. */
export interface MarginValues {
  readonly worst: bigint;
  readonly mid: bigint;
  /** The least value with every damped tail counted whole, without contingencies. */
  readonly stressed: bigint;
  /** On which market, the confirmed one or the one that waits. */
  readonly market: MarginMarket;
  readonly worstPlace: WorstPlace;
  /** Short, skew and basis contingency and what an old spot adds, rounded up. */
  readonly contingency: bigint;
}

const GRACE = 120;
const DAY = 86_400;
const STALE_VOLATILITY = WAD / 20n;
const STALE_SPOT = WAD / 50n;

/** What the ages of the last surface and of the last spot, seconds, add to volatility shocks and to the spread of spot, WAD. */
export function staleness(ages: { readonly surface: number; readonly spot: number }): {
  readonly volatilityWad: bigint;
  readonly spotWad: bigint;
} {
  const stale = (age: number, perHourWad: bigint) => {
    if (age <= GRACE) return 0n;
    return (perHourWad * sqrtWad((BigInt(Math.min(age - GRACE, DAY)) * WAD) / 3600n)) / WAD;
  };
  return { volatilityWad: stale(ages.surface, STALE_VOLATILITY), spotWad: stale(ages.spot, STALE_SPOT) };
}

/** The worst, the present and the stressed value, as `RiskEngine.values`; where the worst is, on the market that is worse. */
export function scenarioMargin(facts: MarginFacts): MarginValues {
  const { positions, baseSize } = facts;
  if (positions.length === 0 && baseSize === 0n) {
    const nothing = { worst: 0n, mid: 0n, stressed: 0n, contingency: 0n };
    return { ...nothing, market: facts.confirmed, worstPlace: { scenario: 0 } };
  }
  const confirmed = valuesOn(facts, facts.confirmed);
  if (facts.unconfirmed === undefined) return confirmed;
  const waiting = valuesOn(facts, facts.unconfirmed);
  const less = (a: bigint, b: bigint) => (a < b ? a : b);
  return {
    ...(waiting.worst < confirmed.worst ? waiting : confirmed),
    mid: less(waiting.mid, confirmed.mid),
    stressed: less(waiting.stressed, confirmed.stressed),
  };
}

/** What positions are worth in each scenario on one market, raw, in the grid's order. */
export function scenarioValuesRaw(facts: MarginFacts, market: MarginMarket): readonly bigint[] {
  const baseRaw = facts.baseSize * market.spotWad;
  const settled = settledRaw(facts, market);
  const exposures = exposuresOf(facts, market);
  return facts.scenarios.map((scenario, i) => {
    return exposures.values[i]! + settled + baseRaw + baseMoveRaw(baseRaw, scenario);
  });
}

/** What a portfolio is worth in each scenario of the whole grid on a market, in its order, and what counts of it; quote units, rounded down. */
export function scenarioValues(
  facts: MarginFacts,
  market: MarginMarket,
): readonly { readonly value: bigint; readonly weighted: bigint }[] {
  const raws = scenarioValuesRaw(facts, market);
  const presentRaw = raws[0] ?? 0n;
  const divisor = cashDivisor(facts.quoteDecimals);
  return raws.map((raw, i) => ({
    value: toCashDown(raw, divisor),
    weighted: toCashDown(weighed(presentRaw, raw - presentRaw, facts.scenarios[i]!), divisor),
  }));
}

function weighed(presentRaw: bigint, changeRaw: bigint, { weightPercent: weight }: MarginScenario): bigint {
  return presentRaw + (weight === 100n ? changeRaw : toCashDown(changeRaw * weight, 100n));
}

/** Looks, as the chain does, at the scenarios alone that may be the worst for a portfolio of this shape. */
function valuesOn(whole: MarginFacts, market: MarginMarket): MarginValues {
  const looked = front(whole.scenarios, shapeOf(whole));
  const facts = { ...whole, scenarios: looked.map((i) => whole.scenarios[i]!) };
  const { scenarios, quoteDecimals } = facts;
  const baseRaw = facts.baseSize * market.spotWad;
  const { values, deltas, skewRaw, shortContracts } = exposuresOf(facts, market);
  const presentOptions = values[0] ?? 0n;
  const presentRaw = presentOptions + settledRaw(facts, market) + baseRaw;
  const changes = scenarios.map((scenario, i) => values[i]! - presentOptions + baseMoveRaw(baseRaw, scenario));
  const weighted = changes.map((change, i) => weighed(presentRaw, change, scenarios[i]!));
  const leastChange = changes.reduce((least, x) => (x < least ? x : least), 0n);
  let lowest = presentRaw;
  let worstPlace: WorstPlace = { scenario: 0 };
  weighted.forEach((raw, i) => {
    if (raw < lowest) [lowest, worstPlace] = [raw, { scenario: looked[i]! }];
  });
  for (const { raw, position } of valuesBetween(facts, market, spotsOf(scenarios, weighted))) {
    if (raw < lowest) [lowest, worstPlace] = [raw, { position }];
  }
  const { shortWad, skewWad, basisWad } = facts.contingencies;
  const delta = deltas.reduce((sum, x) => sum + absolute(x), 0n);
  const numerator =
    shortContracts * market.spotWad * shortWad +
    delta * ((market.spotWad * basisWad) / WAD) +
    absolute(skewRaw) * skewWad;
  const netDelta = absolute(deltas.reduce((sum, x) => sum + x, facts.baseSize * WAD));
  const move = (market.spotWad * facts.staleSpotWad) / WAD;
  const ofStaleSpot =
    facts.staleSpotWad === 0n || netDelta === 0n ? 0n : ((netDelta / 10n ** 9n) * move) / 10n ** 9n + 1n;
  const contingency = (numerator === 0n ? 0n : numerator / WAD + 1n) + ofStaleSpot;
  const divisor = cashDivisor(quoteDecimals);
  return {
    worst: toCashDown(lowest - contingency, divisor),
    mid: toCashDown(presentRaw, divisor),
    stressed: toCashDown(presentRaw + leastChange, divisor),
    market,
    worstPlace,
    contingency: toCashUp(contingency, divisor),
  };
}

function shapeOf({ positions, baseSize }: MarginFacts): PortfolioShape {
  if (positions.some(({ calls, puts }) => calls + puts > 0n)) {
    return positions.some(({ calls, puts }) => calls + puts < 0n) ? "any" : "long";
  }
  if (baseSize === 0n && positions.every(({ calls, puts }) => calls <= 0n && puts === 0n)) return "shortCalls";
  if (baseSize === 0n && positions.every(({ calls, puts }) => puts <= 0n && calls === 0n)) return "shortPuts";
  return "short";
}

function baseMoveRaw(baseRaw: bigint, { spotShockWad }: MarginScenario): bigint {
  return toCashDown(baseRaw, WAD) * spotShockWad;
}

function settledRaw(facts: MarginFacts, { boards }: MarginMarket): bigint {
  return facts.positions.reduce((sum, { strikeWad, calls, puts, board }) => {
    const { settled, forwardWad } = boards[board]!;
    if (!settled) return sum;
    return sum + (forwardWad > strikeWad ? calls * (forwardWad - strikeWad) : puts * (strikeWad - forwardWad));
  }, 0n);
}

/** Sums over the live positions. */
interface Exposures {
  /** Options in each scenario, raw. */
  readonly values: readonly bigint[];
  /** Net delta of each expiry, size times WAD. */
  readonly deltas: readonly bigint[];
  /** Σ size·vega·k, raw. */
  readonly skewRaw: bigint;
  /** A size. */
  readonly shortContracts: bigint;
}

function exposuresOf(facts: MarginFacts, { boards }: MarginMarket): Exposures {
  const { scenarios, disagreementWad } = facts;
  const shocked = boards.map((board) => (board.settled ? [] : shockedBoard(board, scenarios, disagreementWad)));
  const values = scenarios.map(() => 0n);
  const deltas = boards.map(() => 0n);
  let [skewRaw, shortContracts] = [0n, 0n];
  for (const { strikeWad, calls, puts, board: index } of facts.positions) {
    const board = boards[index]!;
    if (board.settled) continue;
    const net = calls + puts;
    shortContracts += (calls < 0n ? -calls : 0n) + (puts < 0n ? -puts : 0n);
    for (const [i, { forwardWad }] of shocked[index]!.entries()) values[i]! += calls * forwardWad + puts * strikeWad;
    deltas[index]! -= puts * WAD;
    if (net === 0n) continue;
    const k = lnWad((strikeWad * WAD) / board.forwardWad);
    const parts = shocked[index]!.map((shock) => partsOf(board, shock, strikeWad, k));
    for (const [i, { excess }] of parts.entries()) values[i]! += net * excess;
    const { callDeltaWad, vegaWad } = black76DeltaAndVega(parts[0]!.parts, board.forwardWad, strikeWad);
    deltas[index]! += net * callDeltaWad;
    skewRaw += net * ((vegaWad * k) / WAD);
  }
  return { values, deltas, skewRaw, shortContracts };
}

/** An expiry under one scenario. */
interface Shock {
  readonly forwardWad: bigint;
  readonly lnFactorWad: bigint;
  readonly factorWad: bigint;
  readonly addedWad: bigint;
}

function shockedBoard(
  board: MarginBoard,
  scenarios: readonly MarginScenario[],
  disagreementWad: bigint,
): readonly Shock[] {
  requireEssviSlice(board);
  const { effectiveSeconds: tenor, forwardWad, fixedWad } = board;
  const root = tenor === 0n ? MAX_TENOR_FACTOR : sqrtWad((REFERENCE_TENOR * WAD) / tenor);
  const tenorFactor = root < MAX_TENOR_FACTOR ? root : MAX_TENOR_FACTOR;
  const apartWad = disagreementWad === 0n ? 0n : (disagreementWad * sqrtWad((tenor * WAD) / SECONDS_PER_YEAR)) / WAD;
  return scenarios.map(({ spotShockWad, volatilityShockWad, isInverted }) => {
    const factor = WAD + spotShockWad;
    const shockedWad = fixedWad + ((forwardWad - fixedWad) * factor) / WAD;
    const shift = (volatilityShockWad * (tenorFactor - (isInverted ? WAD : 0n))) / WAD;
    return {
      forwardWad: shockedWad,
      lnFactorWad: lnWad(fixedWad === 0n ? factor : (shockedWad * WAD) / forwardWad),
      factorWad: WAD + shift < MIN_STD_DEV_FACTOR ? MIN_STD_DEV_FACTOR : WAD + shift,
      addedWad: shift > 0n ? apartWad : shift < 0n ? -apartWad : 0n,
    };
  });
}

function partsOf(
  board: MarginBoard,
  shock: Shock,
  strikeWad: bigint,
  k: bigint,
): { readonly excess: bigint; readonly parts: Black76Parts } {
  const kWad = k - shock.lnFactorWad;
  const smaller = strikeWad < shock.forwardWad ? strikeWad : shock.forwardWad;
  const stdDevWad = (essviStdDev({ ...board, kWad }) * shock.factorWad) / WAD + shock.addedWad;
  const raised = stdDevWad << 20n;
  const halfStdDev = raised < MIN_HALF_STD_DEV ? MIN_HALF_STD_DEV : raised;
  const moneyness = (absolute(kWad) * LN_UNIT_PER_WAD) / halfStdDev;
  const parts = black76ShortParts({ smaller, moneyness, halfStdDev });
  return { parts, excess: black76Excess(parts, smaller) };
}

/** A spot of the grid, the least weighted value there, the least weight. */
interface SpotValue {
  readonly factorWad: bigint;
  readonly lowestRaw: bigint;
  readonly weightPercent: bigint;
}

function spotsOf(scenarios: readonly MarginScenario[], weighted: readonly bigint[]): readonly SpotValue[] {
  const spots = new Map<bigint, SpotValue>();
  scenarios.forEach(({ spotShockWad, weightPercent: weight }, i) => {
    const factorWad = WAD + spotShockWad;
    const spot = spots.get(factorWad) ?? { factorWad, lowestRaw: weighted[i]!, weightPercent: weight };
    spots.set(factorWad, {
      factorWad,
      lowestRaw: weighted[i]! < spot.lowestRaw ? weighted[i]! : spot.lowestRaw,
      weightPercent: weight < spot.weightPercent ? weight : spot.weightPercent,
    });
  });
  return [...spots.values()].toSorted((a, b) => (a.factorWad < b.factorWad ? -1 : 1));
}

/** Where the payoff of a position bends: see `PayoffSag`. */
interface Bend {
  readonly position: number;
  readonly atWad: bigint;
  readonly bendRaw: bigint;
  readonly lower: SpotValue;
  readonly upper: SpotValue;
}

/** Values between the grid's spots, at the strikes where a payoff bends upwards. */
function valuesBetween(
  { positions }: MarginFacts,
  { boards }: MarginMarket,
  spots: readonly SpotValue[],
): readonly { readonly raw: bigint; readonly position: number }[] {
  const bends = positions.flatMap((position, i) => bendOf(position, i, boards[position.board]!, spots));
  return bends
    .filter(({ bendRaw }) => bendRaw > 0n)
    .map(({ position, atWad, lower, upper }) => {
      const [a, b] = [lower.factorWad, upper.factorWad];
      const sagRaw = bends
        .filter((other) => other.lower === lower)
        .reduce((sum, other) => {
          const partAbove = (other.bendRaw * (other.atWad - a)) / (b - a);
          return sum + (other.atWad < atWad ? partAbove * (b - atWad) : (other.bendRaw - partAbove) * (atWad - a));
        }, 0n);
      const weight = lower.weightPercent < upper.weightPercent ? lower.weightPercent : upper.weightPercent;
      const riseRaw = ((upper.lowestRaw - lower.lowestRaw) * (atWad - a)) / (b - a);
      return { position, raw: lower.lowestRaw + riseRaw - ((sagRaw / WAD) * weight) / 100n };
    });
}

function bendOf(
  { calls, puts, strikeWad }: MarginPosition,
  position: number,
  board: MarginBoard,
  spots: readonly SpotValue[],
): readonly Bend[] {
  const openWad = board.settled ? 0n : board.forwardWad - board.fixedWad;
  if (calls + puts === 0n || openWad === 0n || strikeWad <= board.fixedWad) return [];
  const atWad = ((strikeWad - board.fixedWad) * WAD) / openWad;
  const lower = spots.findLast(({ factorWad }) => factorWad <= atWad);
  const upper = spots.find(({ factorWad }) => factorWad > atWad);
  if (lower === undefined || upper === undefined) return [];
  const reachWad = (sqrtWad(board.thetaWad) * board.forwardWad) / openWad;
  const fadeWad = fade(upper.factorWad - lower.factorWad, reachWad);
  const bendRaw = (calls + puts) * ((openWad * fadeWad) / WAD);
  return bendRaw === 0n ? [] : [{ position, atWad, bendRaw, lower, upper }];
}

function fade(widthWad: bigint, reachWad: bigint): bigint {
  if (reachWad >= 2n * widthWad) return 0n;
  const fadeWad = ((2n * widthWad - reachWad) * 2n * WAD) / (3n * widthWad);
  return fadeWad < WAD ? fadeWad : WAD;
}
