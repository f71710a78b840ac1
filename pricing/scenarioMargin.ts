/** What an account wants to know of its margin: after a trade, by leg, by scenario, and where it would be liquidated. */

import {
  cashDivisor,
  type MarginFacts,
  type MarginMarket,
  type MarginPosition,
  type MarginScenario,
  type MarginValues,
  scenarioMargin,
  scenarioValues,
  scenarioValuesRaw,
  toCashDown,
} from "./fixed/index.ts";

const WAD = 10n ** 18n;

/** Margin as if `legs` were held too; positions at one strike and expiry become one, so that a close frees its short. */
export function marginWith(facts: MarginFacts, legs: readonly MarginPosition[]): MarginValues {
  return scenarioMargin({ ...facts, positions: merged([...facts.positions, ...legs]) });
}

function merged(positions: readonly MarginPosition[]): readonly MarginPosition[] {
  const byStrike = new Map<string, MarginPosition>();
  for (const position of positions) {
    const key = `${position.board} ${position.strikeWad}`;
    const held = byStrike.get(key);
    const [calls, puts] = [position.calls + (held?.calls ?? 0n), position.puts + (held?.puts ?? 0n)];
    byStrike.set(key, { ...position, calls, puts });
  }
  return [...byStrike.values()].filter(({ calls, puts }) => calls !== 0n || puts !== 0n);
}

/** One scenario of a grid and what a portfolio is worth there, quote units without the account's cash. */
export interface ScenarioRow extends MarginScenario {
  readonly value: bigint;
  /** What counts of it: a tail's loss by its weight. */
  readonly weighted: bigint;
  readonly isWorst: boolean;
}

/** The value in each scenario, the worst marked; none is where the worst stands between spots of the grid. */
export function scenarioTable(facts: MarginFacts): readonly ScenarioRow[] {
  const { market, worstPlace } = scenarioMargin(facts);
  const scenarios = scenarioValues(facts, market);
  return facts.scenarios.map((scenario, i) => {
    const isWorst = "scenario" in worstPlace && worstPlace.scenario === i;
    return { ...scenario, ...scenarios[i]!, isWorst };
  });
}

/** What one position does to an account's margin, quote units. */
export interface Contribution {
  /** The worst without it less the worst with it: positive where it needs margin. */
  readonly marginal: bigint;
  /** What it is worth itself where the account is worth least. */
  readonly inWorst: bigint;
}

/** Each position's part, in their order. Marginal parts need not add up: what hedges another has a negative one. */
export function contributions(facts: MarginFacts): readonly Contribution[] {
  const whole = scenarioMargin(facts);
  const place = whole.worstPlace;
  const worstScenario =
    "scenario" in place ? facts.scenarios[place.scenario]! : atStrike(facts, facts.positions[place.position]!);
  return facts.positions.map((position, i) => {
    const without = scenarioMargin({ ...facts, positions: facts.positions.filter((_, j) => j !== i) });
    const alone = { ...facts, positions: [position], baseSize: 0n, scenarios: [worstScenario] };
    const [raw = 0n] = scenarioValuesRaw(alone, facts.confirmed);
    return { marginal: without.worst - whole.worst, inWorst: toCashDown(raw, cashDivisor(facts.quoteDecimals)) };
  });
}

/** Spot at a position's strike, volatility as it is. */
function atStrike({ confirmed }: MarginFacts, { strikeWad, board }: MarginPosition): MarginScenario {
  const { forwardWad, fixedWad } = confirmed.boards[board]!;
  const spotShockWad = ((strikeWad - fixedWad) * WAD) / (forwardWad - fixedWad) - WAD;
  return { spotShockWad, volatilityShockWad: 0n, isInverted: false, weightPercent: 100n };
}

/** Spots, WAD, at which an account stops being healthy; undefined where it stays so to the end of the range. */
export interface LiquidationSpots {
  readonly below?: bigint;
  readonly above?: bigint;
}

/** From a quarter of spot to four times spot. */
const SEARCH_FACTOR = 4n;
/** No stretch is taken for monotone that is longer than this share of its end: 4 %. */
const LONGEST_STRETCH = 25n;

/**
 * The nearest spots on both sides at which `cash` plus the worst value turns negative, everything else as it is now; the
 * smile and the forwards move with spot. The worst value bends where a strike meets a spot of the grid, so these points and steps of
 * 4 % between them cut the range into stretches that count as monotone; the first that ends below zero is bisected to a
 * millionth of spot. An account that is not healthy now has both at the present spot.
 */
export function liquidationSpots(facts: MarginFacts, cash: bigint): LiquidationSpots {
  const spotWad = facts.confirmed.spotWad;
  const isHealthy = (spot: bigint) => scenarioMargin(movedTo(facts, spot)).worst + cash >= 0n;
  if (!isHealthy(spotWad)) return { below: spotWad, above: spotWad };
  const knots = knotsOf(facts);
  const below = firstUnhealthy(spotWad, knots.filter((knot) => knot < spotWad).toReversed(), isHealthy);
  const above = firstUnhealthy(
    spotWad,
    knots.filter((knot) => knot > spotWad),
    isHealthy,
  );
  return { ...(below !== undefined && { below }), ...(above !== undefined && { above }) };
}

/** The facts at another spot. */
function movedTo(facts: MarginFacts, spotWad: bigint): MarginFacts {
  const moved = (market: MarginMarket): MarginMarket => ({
    spotWad,
    boards: market.boards.map((board) => {
      if (board.settled) return board;
      const openWad = ((board.forwardWad - board.fixedWad) * spotWad) / market.spotWad;
      return { ...board, forwardWad: board.fixedWad + openWad };
    }),
  });
  const { unconfirmed } = facts;
  return { ...facts, confirmed: moved(facts.confirmed), ...(unconfirmed && { unconfirmed: moved(unconfirmed) }) };
}

/** Spots that bring a strike to a spot of the grid, and enough others, increasing. */
function knotsOf({ confirmed, positions, scenarios }: MarginFacts): readonly bigint[] {
  const { spotWad, boards } = confirmed;
  const [low, high] = [spotWad / SEARCH_FACTOR, spotWad * SEARCH_FACTOR];
  const factors = [...new Set(scenarios.map(({ spotShockWad }) => WAD + spotShockWad))];
  const bends = positions.flatMap(({ strikeWad, board }) => {
    const { forwardWad, fixedWad, settled } = boards[board]!;
    if (settled || strikeWad <= fixedWad) return [];
    return factors.map((factor) => ((((strikeWad - fixedWad) * spotWad) / (forwardWad - fixedWad)) * WAD) / factor);
  });
  const knots = bends.filter((knot) => knot > low && knot < high);
  for (let knot = low; knot < high; knot += knot / LONGEST_STRETCH) knots.push(knot);
  return [...knots, high].toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}

function firstUnhealthy(
  spotWad: bigint,
  knots: readonly bigint[],
  isHealthy: (spot: bigint) => boolean,
): bigint | undefined {
  let healthy = spotWad;
  for (const knot of knots) {
    if (isHealthy(knot)) {
      healthy = knot;
      continue;
    }
    let unhealthy = knot;
    while ((healthy > unhealthy ? healthy - unhealthy : unhealthy - healthy) > spotWad / 1_000_000n) {
      const middle = (healthy + unhealthy) / 2n;
      if (isHealthy(middle)) healthy = middle;
      else unhealthy = middle;
    }
    return unhealthy;
  }
  return undefined;
}
