import { type Greeks, scaled, sumOf } from "./greeks.ts";

/** Most of each risk, either sign; units as in `Greeks`. */
export interface RiskLimits extends Greeks {
  /** Most that may be lost from the best result so far, quote tokens. */
  readonly loss: number;
}

const names = ["delta", "gamma", "vega", "theta"] as const;

/** Whether a change may be made: every risk it raises stays within its limit. */
export function isWithinLimits(held: Greeks, change: Greeks, limits: RiskLimits): boolean {
  const after = sumOf([held, change]);
  return names.every((name) => {
    const size = Math.abs(after[name]);
    return size <= limits[name] || size <= Math.abs(held[name]);
  });
}

/** Most lots, each of which changes the risks by `perLot`, so that limits hold; at most `most`. */
export function lotsWithin(held: Greeks, perLot: Greeks, limits: RiskLimits, most: bigint): bigint {
  const room = names.map((name) => {
    const [now, step] = [held[name], perLot[name]];
    if (step === 0) return Infinity;
    // Towards zero and through it to the other limit, or from here to this one.
    const far = limits[name] * Math.sign(step) - now;
    const past = -2 * now; // as far on the other side as now on this one
    const reach =
      Math.sign(now) === -Math.sign(step) ? Math.max(Math.abs(past), far / Math.sign(step)) : far / Math.sign(step);
    return Math.max(0, Math.floor(reach / Math.abs(step) + 1e-9));
  });
  const least = Math.min(...room);
  const lots = least >= Number(most) ? most : BigInt(least);
  // Floating point has the last word at the edge.
  return lots > 0n && !isWithinLimits(held, scaled(perLot, Number(lots)), limits) ? lots - 1n : lots;
}

/** What a bot has earned, and the best it ever was: quote tokens. */
export interface Result {
  readonly now: number;
  readonly best: number;
}

/** Whether more may not be risked: as much as allowed is lost from the best result. */
export function isStopped({ now, best }: Result, { loss }: Pick<RiskLimits, "loss">): boolean {
  return best - now >= loss;
}
