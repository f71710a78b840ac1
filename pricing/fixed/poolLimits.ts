/** Twin of what pool-contracts/OptionPool.sol refuses, and of its flow, types/Flow.sol, bit for bit. */

import { FixedPointError } from "./errors.ts";
import type { InventoryVector } from "./inventoryPotential.ts";
import type { QuoteBoard, QuoteParameters, QuoteState, QuoteTotals } from "./poolQuote.ts";
import { absolute } from "./word.ts";

const WAD = 10n ** 18n;
const FLOW_FULL = 32_767n;

/** `PoolParameters` of IOptionPool.sol, as far as swaps, marks, hedges and redemptions depend on them. */
export interface PoolRules extends QuoteParameters {
  readonly maxDelta: bigint;
  readonly minDelta: bigint;
  readonly expiryVegaLimit: bigint;
  readonly expiryGammaLimit: bigint;
  readonly vegaFlowLimit: bigint;
  readonly deltaFlowLimit: bigint;
  readonly utilisationLimit: bigint;
  readonly redemptionShare: bigint;
  readonly markBountyRate: bigint;
  readonly navFloor: bigint;
  readonly minTenor: number;
  readonly maxTenor: number;
  readonly maxSpotAge: number;
  readonly maxSurfaceAge: number;
  readonly worseOfSeconds: number;
  readonly flowSeconds: number;
  readonly reduceOnly: boolean;
}

/** What was taken lately of net short vega and delta: signed parts, 32,767 is all that is taken at once. */
export interface Flow {
  readonly vega: bigint;
  readonly delta: bigint;
}

/** Net short vega and net short Γ·F² of one expiry, 6 decimals. */
export interface ExpiryRisk {
  readonly vega: bigint;
  readonly gamma: bigint;
}

/** Whether a leg brings a position nearer to zero, without crossing it; `Leg.reduces`. Sizes are the taker's, `held` is the maker's. */
export function reduces(held: bigint, size: bigint): boolean {
  return held > 0n ? size > 0n && size <= held : size < 0n && size >= held;
}

/** Risk is added on fresh data and on a book that is marked under it; throws what the pool refuses with. */
export function requireFresh(
  rules: PoolRules,
  facts: {
    readonly state: QuoteState & { readonly round: number };
    readonly current: readonly QuoteBoard[];
    readonly markedRound: number;
    readonly timestamp: number;
  },
): void {
  const { state, current, markedRound, timestamp } = facts;
  if (rules.reduceOnly) throw new FixedPointError("OptionPool_ReduceOnly", []);
  requireAge("OptionPool_StaleSurface", timestamp - state.surfaceTime, rules.maxSurfaceAge);
  requireAge("OptionPool_StaleSpot", timestamp - state.spotTime, rules.maxSpotAge);
  if (markedRound !== state.round) {
    throw new FixedPointError("OptionPool_NotMarked", [BigInt(markedRound), BigInt(state.round)]);
  }
  for (const { expiry } of current) {
    const tenor = expiry - timestamp;
    if (tenor >= rules.minTenor && tenor <= rules.maxTenor) continue;
    throw new FixedPointError("OptionPool_TenorOutOfRange", [BigInt(expiry), BigInt(tenor)]);
  }
}

function requireAge(fact: string, age: number, most: number): void {
  if (age > most) throw new FixedPointError(fact, [BigInt(age), BigInt(most)]);
}

/** A swap that adds risk stays inside the range of deltas and the pool's limits of vega and delta. */
export function requireWithinLimits(
  rules: PoolRules,
  facts: { readonly navE6: bigint; readonly spotWad: bigint; readonly inventory: InventoryVector },
  totals: QuoteTotals,
): void {
  const { navE6, spotWad, inventory } = facts;
  const { minAbsDeltaWad, maxAbsDeltaWad, netShort } = totals;
  if (maxAbsDeltaWad > rules.maxDelta) {
    throw new FixedPointError("OptionPool_DeltaOutOfRange", [maxAbsDeltaWad, rules.minDelta, rules.maxDelta]);
  }
  if (minAbsDeltaWad < rules.minDelta) {
    throw new FixedPointError("OptionPool_DeltaOutOfRange", [minAbsDeltaWad, rules.minDelta, rules.maxDelta]);
  }
  const vegaLimit = (navE6 * rules.vegaLimit) / WAD;
  for (const i of [0, 1, 2] as const) {
    if (isAdded(inventory[i], netShort[i], vegaLimit)) {
      throw new FixedPointError("OptionPool_VegaLimit", [BigInt(i), absolute(netShort[i]), vegaLimit]);
    }
  }
  const deltaLimit = (navE6 * rules.deltaLimit) / spotWad;
  if (isAdded(inventory[3], netShort[3], deltaLimit)) {
    throw new FixedPointError("OptionPool_DeltaLimit", [absolute(netShort[3]), deltaLimit]);
  }
}

/** An expiry's risk after a swap that changes it; a swap that adds risk stays within the expiry's limits. */
export function expiryRiskAfter(
  rules: PoolRules,
  navE6: bigint,
  expiry: number,
  before: ExpiryRisk,
  change: ExpiryRisk,
  isReducing: boolean,
): ExpiryRisk {
  const vega = before.vega + change.vega;
  const gamma = before.gamma + change.gamma;
  if (isReducing) return { vega, gamma };
  const vegaLimit = (navE6 * rules.expiryVegaLimit) / WAD;
  if (isAdded(before.vega, vega, vegaLimit)) {
    throw new FixedPointError("OptionPool_ExpiryVegaLimit", [BigInt(expiry), absolute(vega), vegaLimit]);
  }
  const gammaLimit = (navE6 * rules.expiryGammaLimit) / WAD;
  if (isAdded(before.gamma, gamma, gammaLimit)) {
    throw new FixedPointError("OptionPool_ExpiryGammaLimit", [BigInt(expiry), absolute(gamma), gammaLimit]);
  }
  return { vega, gamma };
}

/** The flow after a swap, `elapsed` seconds after the last one; a swap that adds risk does not overfill it. */
export function flowOf(
  rules: PoolRules,
  lately: Flow,
  elapsed: number,
  facts: { readonly navE6: bigint; readonly spotWad: bigint },
  change: InventoryVector,
  isReducing: boolean,
): Flow {
  const left = drained(lately, elapsed, rules.flowSeconds);
  const [front, middle, back, deltaChange] = change;
  const vegaChange = front + middle + back;
  const vegaLimit = (facts.navE6 * rules.vegaFlowLimit) / WAD;
  const vega = flowAfter(left.vega, vegaChange, vegaLimit);
  const deltaLimit = (facts.navE6 * rules.deltaFlowLimit) / facts.spotWad;
  const delta = flowAfter(left.delta, deltaChange, deltaLimit);
  if (!isReducing && vega.exceeded) {
    throw new FixedPointError("OptionPool_VegaFlowLimit", [left.vega, vegaChange, vegaLimit]);
  }
  if (!isReducing && delta.exceeded) {
    throw new FixedPointError("OptionPool_DeltaFlowLimit", [left.delta, deltaChange, deltaLimit]);
  }
  return { vega: vega.after, delta: delta.after };
}

/** What is left of a flow `elapsed` seconds later. */
export function drained(flow: Flow, elapsed: number, flowSeconds: number): Flow {
  if (elapsed >= flowSeconds) return { vega: 0n, delta: 0n };
  const leak = (BigInt(elapsed) * FLOW_FULL) / BigInt(flowSeconds);
  const towardsZero = (value: bigint) => (value > leak ? value - leak : value < -leak ? value + leak : 0n);
  return { vega: towardsZero(flow.vega), delta: towardsZero(flow.delta) };
}

/** Rounded away from zero, at most full. */
function flowAfter(
  flow: bigint,
  change: bigint,
  limit: bigint,
): { readonly after: bigint; readonly exceeded: boolean } {
  if (change === 0n) return { after: flow, exceeded: false };
  const magnitude = absolute(change);
  const part = magnitude > 2n * limit ? 2n * FLOW_FULL + 1n : (magnitude * FLOW_FULL + limit - 1n) / limit;
  const after = change < 0n ? flow - part : flow + part;
  if (after > FLOW_FULL) return { after: FLOW_FULL, exceeded: true };
  if (after < -FLOW_FULL) return { after: -FLOW_FULL, exceeded: true };
  return { after, exceeded: false };
}

/** Whether a risk becomes larger, and larger than its limit. */
function isAdded(before: bigint, later: bigint, limit: bigint): boolean {
  const magnitude = absolute(later);
  return magnitude > limit && magnitude > absolute(before);
}
