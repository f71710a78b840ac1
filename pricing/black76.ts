import { PricingError } from "./errors.ts";
import { outOfTheMoneyFraction } from "./normalisedBlack.ts";
import { logRatio, type OptionKind, type Price, type StdDev } from "./units.ts";

export interface Black76Input {
  readonly forward: Price;
  readonly strike: Price;
  /** v = σ√τ; +∞ is allowed and gives the largest price. */
  readonly stdDev: StdDev;
  readonly kind: OptionKind;
}

/**
 * Undiscounted Black-76 price: E[max(F_T − K, 0)] for a call, E[max(K − F_T, 0)] for a put.
 *
 *     price = intrinsic + min(F, K)·p(|ln(F/K)|/v, v/2)
 *
 * Defined on the closed domain F, K, v ≥ 0. Call − put = F − K up to the rounding of one addition, and the price lies in
 * [intrinsic, F] for a call and [intrinsic, K] for a put. Relative error of the out-of-the-money price: about
 * (4 + h²/2)·2⁻⁵² with h = |ln(F/K)|/v, the conditioning of the problem itself.
 *
 * @example black76({ forward: price(100), strike: price(110), stdDev: stdDev(0.2), kind: "call" }) // 4.292010941409885
 */
export function black76({ forward, strike, stdDev, kind }: Black76Input): number {
  if (!(forward >= 0 && strike >= 0 && stdDev >= 0 && forward < Infinity && strike < Infinity)) {
    throw new PricingError("OutOfDomain", "forward, strike and stdDev must be numbers that are not negative", {
      forward,
      strike,
      stdDev,
    });
  }
  const difference = kind === "call" ? forward - strike : strike - forward;
  const intrinsic = difference > 0 ? difference : 0;
  if (forward === 0 || strike === 0 || stdDev === 0) return intrinsic;
  const smaller = forward < strike ? forward : strike;
  const largest = kind === "call" ? forward : strike;
  if (stdDev === Infinity) return largest;
  const value = intrinsic + smaller * outOfTheMoneyFraction(Math.abs(logRatio(forward, strike)), stdDev);
  return value < largest ? value : largest;
}
