/** The price of a package in float64; fixed/poolQuote.ts says the rules. Everything is written in place. */

import { SECONDS_PER_YEAR } from "../units.ts";
import { type FloatBoard, ROOT_REFERENCE_YEARS, StrikeValue, valueStrike } from "./board.ts";
import type { FloatRules } from "./rules.ts";

/** Legs of one swap at most. */
export const MAX_LEGS = 8;
/** Largest size that an inventory's lane takes. */
const LANE = 2 ** 55;

/** One leg; the size is the taker's, whole units of 1e-6. */
export interface FloatLeg {
  readonly expiry: number;
  readonly strike: number;
  readonly isPut: boolean;
  readonly size: number;
}

/** The boards of a package: for each leg where its expiry stands in the lists. */
export interface FloatPackage {
  readonly legs: readonly FloatLeg[];
  readonly boardOf: readonly number[];
  readonly count: number;
  readonly atReport: readonly FloatBoard[];
  readonly current: readonly FloatBoard[];
  /** Undefined where the present price alone counts. */
  readonly previous: readonly FloatBoard[] | undefined;
}

export interface FloatMarketState {
  readonly surfaceTime: number;
  readonly spotTime: number;
  readonly spot: number;
  readonly surfaceSpot: number;
  readonly disagreement: number;
}

/** What of a pool a price depends on. */
export interface FloatQuoteFacts {
  /** Net short vega of three buckets and net short delta, whole units. */
  readonly inventory: Float64Array;
  /** R, quote tokens. */
  readonly reserve: number;
  /** Floored NAV, whole units of 1e-6. */
  readonly nav: number;
  readonly paysBack: boolean;
}

/** Breakdown of a price, quote tokens unless named otherwise, and the sums that limits are checked on. */
export class FloatQuote {
  mid = 0;
  impact = 0;
  spread = 0;
  /** Quote units. */
  cash = 0;
  /** Quote units. */
  fee = 0;
  /** Value of the legs at the report's time and spot, quote units rounded up. */
  reportValue = 0;
  /** Change of net short vega by bucket and of net short delta, whole units. */
  readonly change = new Float64Array(4);
  readonly expiryVega = new Float64Array(MAX_LEGS);
  readonly expiryGamma = new Float64Array(MAX_LEGS);
  minAbsDelta = 0;
  maxAbsDelta = 0;
}

const value = new StrikeValue();

/** Φ in quote tokens; inventory and NAV in whole units. */
export function floatPotential(
  { vegaPotential, deltaPotential }: FloatRules,
  v0: number,
  v1: number,
  v2: number,
  delta: number,
  spot: number,
  nav: number,
): number {
  const [k00, k01, k02, k11, k12, k22] = vegaPotential;
  const y = Math.trunc(delta * spot);
  const diagonal = k00 * v0 * v0 + k11 * v1 * v1 + k22 * v2 * v2 + deltaPotential * y * y;
  const quadratic = diagonal + 2 * (k01 * v0 * v1 + k02 * v0 * v2 + k12 * v1 * v2);
  return quadratic <= 0 ? 0 : quadratic / (2e6 * nav);
}

/** What the last place of the inventory is worth where it is at its limits, twice. */
export function roundingOf({ vegaPotential, vegaLimit, deltaPotential, deltaLimit }: FloatRules, spot: number): number {
  const [k00, , , k11, , k22] = vegaPotential;
  return (2 * (3 * (k00 + k11 + k22) * vegaLimit + deltaPotential * deltaLimit * spot)) / 1e6;
}

/** Tenor bucket of an expiry that is `tenor` seconds away from the report. */
export function floatBucket({ frontTenor, middleTenor }: FloatRules, tenor: number): 0 | 1 | 2 {
  if (tenor <= frontTenor) return 0;
  return tenor <= middleTenor ? 1 : 2;
}

/** Prices a package into `out`; returns what the chain refuses with. */
export function priceInto(
  out: FloatQuote,
  rules: FloatRules,
  state: FloatMarketState,
  { legs, boardOf, count, atReport, current, previous }: FloatPackage,
  { inventory, reserve, nav, paysBack }: FloatQuoteFacts,
  now: number,
): string | undefined {
  const { change, expiryVega, expiryGamma } = out;
  change.fill(0);
  expiryVega.fill(0, 0, count);
  expiryGamma.fill(0, 0, count);
  const feeByNotional = state.spot * rules.feeRate;
  let [mid, fee, contracts, netVega, netDelta, grossVega] = [0, 0, 0, 0, 0, 0];
  let [ageDelta, ageVega, ageGamma, previousMid, reportValue] = [0, 0, 0, 0, 0];
  let [minAbsDelta, maxAbsDelta] = [Number.POSITIVE_INFINITY, 0];
  for (let i = 0; i < legs.length; i++) {
    const { strike, isPut, size } = legs[i]!;
    const index = boardOf[i]!;
    const magnitude = Math.abs(size);
    const board = current[index]!;
    valueStrike(board, strike, value);
    const price = isPut ? value.put : value.call;
    const delta = isPut ? value.callDelta - board.deltaShare : value.callDelta;
    const volatility = value.stdDev / board.rootYears;
    const vegaPerVolatility = value.vega * board.rootYears;
    mid += size * price;
    contracts += magnitude;
    fee += magnitude * Math.min(feeByNotional, price * rules.feeCap);
    minAbsDelta = Math.min(minAbsDelta, Math.abs(delta));
    maxAbsDelta = Math.max(maxAbsDelta, Math.abs(delta));
    netVega += size * vegaPerVolatility;
    netDelta += size * delta;
    grossVega += magnitude * vegaPerVolatility * Math.max(rules.grossVegaSpread, board.residual);
    ageDelta += size * delta * volatility;
    ageVega += size * value.vega * ROOT_REFERENCE_YEARS * volatility;
    ageGamma += (size * value.vega * volatility * volatility) / (board.forward * board.forward * value.stdDev);

    if (previous) {
      valueStrike(previous[index]!, strike, value);
      previousMid += size * (isPut ? value.put : value.call);
    }

    const reported = atReport[index]!;
    valueStrike(reported, strike, value);
    reportValue += size * (isPut ? value.put : value.call);
    const vega = size * value.vega * ROOT_REFERENCE_YEARS;
    const bucket = floatBucket(rules, reported.expiry - state.surfaceTime);
    change[bucket]! += vega;
    change[3]! += size * (isPut ? value.callDelta - reported.deltaShare : value.callDelta);
    expiryVega[index]! += Math.trunc(vega);
    expiryGamma[index]! += Math.trunc((size * value.vega) / value.stdDev);
  }
  for (let i = 0; i < 4; i++) change[i] = Math.trunc(change[i]!);
  [out.minAbsDelta, out.maxAbsDelta] = [minAbsDelta, maxAbsDelta];

  const { ageMultiplier, volOfVol } = rules;
  const m = ageMultiplier * state.spot * rootAge(now, state.spotTime);
  const n = ageMultiplier * volOfVol * rootAge(now, state.surfaceTime);
  const spreadUnits =
    Math.abs(netVega) * (rules.netVegaSpread + state.disagreement) +
    grossVega +
    contracts * state.spot * rules.notionalSpread +
    Math.abs(netDelta) * state.spot * rules.deltaSpread +
    Math.abs(ageDelta) * m +
    (Math.abs(ageGamma) * m * m) / 2 +
    Math.abs(ageVega) * n;
  out.spread = spreadUnits / 1e6 + roundingOf(rules, state.surfaceSpot);
  out.mid = (previous && previousMid > mid ? previousMid : mid) / 1e6;

  const [v0, v1, v2, delta] = inventory as unknown as readonly [number, number, number, number];
  const [n0, n1, n2, n3] = [v0 + change[0]!, v1 + change[1]!, v2 + change[2]!, delta + change[3]!];
  if (Math.max(Math.abs(n0), Math.abs(n1), Math.abs(n2), Math.abs(n3)) >= LANE) return "Inventory_Overflow";
  const { surfaceSpot } = state;
  const before = floatPotential(rules, v0, v1, v2, delta, surfaceSpot, nav);
  const later = floatPotential(rules, n0, n1, n2, n3, surfaceSpot, nav);
  if (later >= before) out.impact = later - before;
  else if (!paysBack) out.impact = 0;
  else out.impact = -Math.min((Math.min(reserve, before) * (before - later)) / before, out.spread);

  const feeTokens = fee / 1e6;
  out.fee = Math.floor(feeTokens * 1e6);
  out.cash = Math.ceil((out.mid + out.impact + out.spread + feeTokens) * 1e6);
  out.reportValue = Math.ceil(reportValue);
  return undefined;
}

/** √(age in years). */
function rootAge(now: number, time: number): number {
  return now <= time ? 0 : Math.sqrt((now - time) / SECONDS_PER_YEAR);
}
