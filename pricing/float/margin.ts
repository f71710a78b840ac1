/** Scenario margin in float64; fixed/scenarioMargin.ts says the rules. */

import { front, type MarginScenario, type PortfolioShape } from "../fixed/index.ts";
import { millsOfPositive, normalPdf } from "../normal.ts";
import { SECONDS_PER_YEAR } from "../units.ts";
import { essviStdDev, excessOf, type FloatBoard } from "./board.ts";

const REFERENCE_TENOR = 2_592_000;
const MAX_TENOR_FACTOR = 3;
const MIN_STD_DEV_FACTOR = 0.1;
const MIN_STD_DEV = 2e-12;
const SHAPES = ["any", "short", "shortCalls", "shortPuts", "long"] as const satisfies readonly PortfolioShape[];
const GRACE = 120;
const DAY = 86_400;
const STALE_VOLATILITY = 0.05;
const STALE_SPOT = 0.02;

/** What margin adds to a grid. */
export interface FloatContingencies {
  readonly short: number;
  readonly skew: number;
  readonly basis: number;
}

/** Calls and puts of one strike, whole units of 1e-6, long positive; `board` is where its expiry stands in the list of boards. */
export interface FloatPosition {
  readonly strike: number;
  readonly calls: number;
  readonly puts: number;
  readonly board: number;
}

/** The scenarios that may be the worst for a shape, in the order of the grid. */
interface Scenarios {
  readonly count: number;
  readonly spotShock: Float64Array;
  readonly lnFactor: Float64Array;
  readonly volatilityShock: Float64Array;
  /** 1 where front and back of the term structure move opposite ways. */
  readonly inverted: Float64Array;
  /** Share of a loss that counts. */
  readonly weight: Float64Array;
  /** Index of each scenario's spot among the distinct ones, ascending. */
  readonly spotOf: Int32Array;
  readonly spotFactor: Float64Array;
  readonly spotWeight: Float64Array;
}

/** What the ages of the last surface and of the last spot, seconds, add to volatility shocks and to the spread of spot. */
export function floatStaleness(
  surfaceAge: number,
  spotAge: number,
): { readonly volatility: number; readonly spot: number } {
  const stale = (age: number, perHour: number) =>
    age <= GRACE ? 0 : perHour * Math.sqrt(Math.min(age - GRACE, DAY) / 3_600);
  return { volatility: stale(surfaceAge, STALE_VOLATILITY), spot: stale(spotAge, STALE_SPOT) };
}

/** What a margin check knows beside the positions. */
export interface FloatMarginMarket {
  readonly boards: readonly FloatBoard[];
  readonly spot: number;
  /** How far the reporters differ, with what an old surface adds. */
  readonly disagreement: number;
  readonly staleSpot: number;
}

export class FloatMargin {
  private readonly contingencies: FloatContingencies;
  private readonly scenarios: Readonly<Record<PortfolioShape, Scenarios>>;
  private readonly values: Float64Array;
  private readonly weighted: Float64Array;
  private readonly shockedForward: Float64Array;
  private readonly lnFactor: Float64Array;
  private readonly factor: Float64Array;
  private readonly added: Float64Array;
  private readonly spotLowest: Float64Array;
  private bends: { at: number; bend: number; lower: number }[] = [];
  /** Present value of the last portfolio that was looked at, quote units, rounded down. */
  mid = 0;
  /** Its least value with every damped tail counted whole, without contingencies. */
  stressed = 0;

  constructor(grid: readonly MarginScenario[], contingencies: FloatContingencies) {
    this.contingencies = contingencies;
    this.scenarios = Object.fromEntries(SHAPES.map((shape) => [shape, scenariosOf(grid, shape)])) as Record<
      PortfolioShape,
      Scenarios
    >;
    const scratch = () => new Float64Array(grid.length);
    [this.values, this.weighted, this.shockedForward, this.lnFactor] = [scratch(), scratch(), scratch(), scratch()];
    [this.factor, this.added, this.spotLowest] = [scratch(), scratch(), scratch()];
  }

  /**
   * The worst value over the grid less contingencies, quote units rounded down; `mid` and `stressed` are kept beside it.
   *
   * @param baseSize Base collateral in units of 1e-6.
   */
  worst(positions: readonly FloatPosition[], baseSize: number, market: FloatMarginMarket): number {
    if (positions.length === 0 && baseSize === 0) {
      [this.mid, this.stressed] = [0, 0];
      return 0;
    }
    const scenarios = this.scenarios[shapeOf(positions, baseSize)];
    const { count, spotShock, weight, spotOf } = scenarios;
    const { values, weighted, spotLowest } = this;
    values.fill(0);
    const contingency = this.addPositions(scenarios, positions, baseSize, market);
    const baseWorth = baseSize * market.spot;
    const settled = settledWorth(positions, market.boards);
    const presentOptions = values[0]!;
    const present = presentOptions + settled + baseWorth;
    let [lowest, leastChange] = [present, 0];
    spotLowest.fill(Number.POSITIVE_INFINITY);
    for (let i = 0; i < count; i++) {
      const change = values[i]! - presentOptions + baseWorth * spotShock[i]!;
      if (change < leastChange) leastChange = change;
      const value = present + change * weight[i]!;
      weighted[i] = value;
      if (value < lowest) lowest = value;
      const spot = spotOf[i]!;
      if (value < spotLowest[spot]!) spotLowest[spot] = value;
    }
    lowest = this.lowestBetween(scenarios, positions, market.boards, lowest);
    this.mid = Math.floor(present);
    this.stressed = Math.floor(present + leastChange);
    return Math.floor(lowest - contingency);
  }

  /** Adds every live position to the values in all scenarios; returns the contingency, quote units. */
  private addPositions(
    scenarios: Scenarios,
    positions: readonly FloatPosition[],
    baseSize: number,
    { boards, spot, disagreement, staleSpot }: FloatMarginMarket,
  ): number {
    const { values, shockedForward, lnFactor, factor, added } = this;
    const { count } = scenarios;
    let [shortContracts, skew, grossDelta, netDelta] = [0, 0, 0, baseSize];
    for (let b = 0; b < boards.length; b++) {
      const board = boards[b]!;
      if (board.settled) continue;
      this.shock(scenarios, board, disagreement);
      let delta = 0;
      for (let p = 0; p < positions.length; p++) {
        const position = positions[p]!;
        if (position.board !== b) continue;
        const { strike, calls, puts } = position;
        const net = calls + puts;
        shortContracts += (calls < 0 ? -calls : 0) + (puts < 0 ? -puts : 0);
        for (let i = 0; i < count; i++) values[i]! += calls * shockedForward[i]! + puts * strike;
        delta -= puts;
        if (net === 0) continue;
        const k = Math.log(strike / board.forward);
        for (let i = 0; i < count; i++) {
          const shockedK = k - lnFactor[i]!;
          const v = essviStdDev(board.theta, board.psi, board.rho, shockedK) * factor[i]! + added[i]!;
          values[i]! += net * excessOf(shockedForward[i]!, strike, shockedK, v > MIN_STD_DEV ? v : MIN_STD_DEV);
        }
        const greeks = deltaAndVega(board, strike, k);
        delta += net * greeks.delta;
        skew += net * greeks.vega * k;
      }
      grossDelta += Math.abs(delta);
      netDelta += delta;
    }
    const { short, skew: perSkew, basis } = this.contingencies;
    const usual = shortContracts * spot * short + grossDelta * spot * basis + Math.abs(skew) * perSkew;
    return usual + Math.abs(netDelta) * spot * staleSpot;
  }

  /** The forward and the smile of an expiry in each scenario. */
  private shock(
    { count, spotShock, lnFactor, volatilityShock, inverted }: Scenarios,
    board: FloatBoard,
    apart: number,
  ): void {
    const { effectiveSeconds: tenor, forward, fixed } = board;
    const root = tenor === 0 ? MAX_TENOR_FACTOR : Math.sqrt(REFERENCE_TENOR / tenor);
    const tenorFactor = root < MAX_TENOR_FACTOR ? root : MAX_TENOR_FACTOR;
    const widened = apart * Math.sqrt(tenor / SECONDS_PER_YEAR);
    for (let i = 0; i < count; i++) {
      const shocked = fixed + (forward - fixed) * (1 + spotShock[i]!);
      const shift = volatilityShock[i]! * (tenorFactor - inverted[i]!);
      this.shockedForward[i] = shocked;
      this.lnFactor[i] = fixed === 0 ? lnFactor[i]! : Math.log(shocked / forward);
      this.factor[i] = 1 + shift < MIN_STD_DEV_FACTOR ? MIN_STD_DEV_FACTOR : 1 + shift;
      this.added[i] = shift > 0 ? widened : shift < 0 ? -widened : 0;
    }
  }

  /** The least value at the strikes between the grid's spots, where that is below `lowest`. */
  private lowestBetween(
    { spotFactor, spotWeight }: Scenarios,
    positions: readonly FloatPosition[],
    boards: readonly FloatBoard[],
    lowest: number,
  ): number {
    const { spotLowest, bends } = this;
    bends.length = 0;
    let anyUpwards = false;
    for (const { strike, calls, puts, board: index } of positions) {
      const board = boards[index]!;
      const open = board.settled ? 0 : board.forward - board.fixed;
      if (calls + puts === 0 || open === 0 || strike <= board.fixed) continue;
      const at = (strike - board.fixed) / open;
      let lower = spotFactor.length - 1;
      while (lower >= 0 && spotFactor[lower]! > at) lower -= 1;
      if (lower < 0 || lower + 1 >= spotFactor.length) continue;
      const width = spotFactor[lower + 1]! - spotFactor[lower]!;
      const reach = (Math.sqrt(board.theta) * board.forward) / open;
      if (reach >= 2 * width) continue;
      const fade = Math.min(1, ((2 * width - reach) * 2) / (3 * width));
      const bend = (calls + puts) * open * fade;
      bends.push({ at, bend, lower });
      if (bend > 0) anyUpwards = true;
    }
    if (!anyUpwards) return lowest;
    for (const { at, bend, lower } of bends) {
      if (bend <= 0) continue;
      const [a, b] = [spotFactor[lower]!, spotFactor[lower + 1]!];
      let sag = 0;
      for (const other of bends) {
        if (other.lower !== lower) continue;
        const partAbove = (other.bend * (other.at - a)) / (b - a);
        sag += other.at < at ? partAbove * (b - at) : (other.bend - partAbove) * (at - a);
      }
      const rise = ((spotLowest[lower + 1]! - spotLowest[lower]!) * (at - a)) / (b - a);
      const value = spotLowest[lower]! + rise - sag * Math.min(spotWeight[lower]!, spotWeight[lower + 1]!);
      if (value < lowest) lowest = value;
    }
    return lowest;
  }
}

function scenariosOf(grid: readonly MarginScenario[], shape: PortfolioShape): Scenarios {
  const looked = front(grid, shape).map((i) => grid[i]!);
  const of = (value: (scenario: MarginScenario) => number) => Float64Array.from(looked, value);
  const spotShock = of(({ spotShockWad }) => Number(spotShockWad) / 1e18);
  const weight = of(({ weightPercent }) => Number(weightPercent) / 100);
  const factors = [...new Set(spotShock.map((shock) => 1 + shock))].toSorted((a, b) => a - b);
  const spotOf = Int32Array.from(spotShock, (shock) => factors.indexOf(1 + shock));
  const spotWeight = Float64Array.from(factors, (_, spot) => Math.min(...weight.filter((_w, i) => spotOf[i] === spot)));
  return {
    count: looked.length,
    spotShock,
    lnFactor: spotShock.map((shock) => Math.log(1 + shock)),
    volatilityShock: of(({ volatilityShockWad }) => Number(volatilityShockWad) / 1e18),
    inverted: of(({ isInverted }) => (isInverted ? 1 : 0)),
    weight,
    spotOf,
    spotFactor: Float64Array.from(factors),
    spotWeight,
  };
}

function shapeOf(positions: readonly FloatPosition[], baseSize: number): PortfolioShape {
  let [isShort, isLong, onlyCalls, onlyPuts] = [true, true, baseSize === 0, baseSize === 0];
  for (const { calls, puts } of positions) {
    if (calls + puts > 0) isShort = false;
    if (calls + puts < 0) isLong = false;
    if (calls > 0 || puts !== 0) onlyCalls = false;
    if (puts > 0 || calls !== 0) onlyPuts = false;
  }
  if (!isShort) return isLong ? "long" : "any";
  return onlyCalls ? "shortCalls" : onlyPuts ? "shortPuts" : "short";
}

function settledWorth(positions: readonly FloatPosition[], boards: readonly FloatBoard[]): number {
  let sum = 0;
  for (const { strike, calls, puts, board } of positions) {
    const { settled, forward } = boards[board]!;
    if (settled) sum += forward > strike ? calls * (forward - strike) : puts * (strike - forward);
  }
  return sum;
}

const greeks = { delta: 0, vega: 0 };

/** Delta by the forward and vega by the standard deviation; the object is overwritten by the next call. */
function deltaAndVega(board: FloatBoard, strike: number, k: number): { readonly delta: number; readonly vega: number } {
  const v = essviStdDev(board.theta, board.psi, board.rho, k);
  const h = Math.abs(k) / v;
  const a = h - 0.5 * v;
  const isAbove = strike > board.forward;
  const bell = (isAbove ? board.forward : strike) * normalPdf(a);
  const tail = (bell / board.forward) * millsOfPositive(isAbove ? Math.abs(a) : h + 0.5 * v);
  greeks.delta = isAbove && a >= 0 ? tail : 1 - tail;
  greeks.vega = bell;
  return greeks;
}
