/**
 * A surface of eSSVI slices at a model time, and how it lives until the next report.
 *
 * Settlement is the average over the last A = 30 minutes, so variance runs on effective time (design §5):
 *
 *     τ_eff = τ − 2A/3  for τ ≥ A,   τ³/(3A²)  inside the window      (equal with equal slopes at τ = A)
 *
 * Until the next report θ and ψ of each slice shrink in proportion to its τ_eff, ρ stays. Later slices shrink less, so every
 * inequality survives. Between expiries θ, ψ and ρψ are linear in τ_eff, which is free of arbitrage where the ends are.
 */
import { PricingError } from "./errors.ts";
import { type EssviSlice, essviTotalVariance } from "./essvi.ts";
import {
  type LogMoneyness,
  type Price,
  price,
  type TotalVariance,
  totalVariance,
  type Years,
  yearsFromSeconds,
} from "./units.ts";

/** Settlement averages over the last 30 minutes. */
export const AVERAGING_SECONDS = 1800;

export interface SurfaceSlice extends EssviSlice {
  /** Unix seconds. */
  readonly expiry: number;
}

export interface Surface {
  /** Unix seconds of the market data the slices were fitted to. */
  readonly modelTime: number;
  /** In order of expiry. */
  readonly slices: readonly SurfaceSlice[];
}

/** τ_eff in seconds, 0 from expiry on. */
export function effectiveSeconds(secondsToExpiry: number): number {
  if (!(secondsToExpiry > 0)) return 0;
  return secondsToExpiry >= AVERAGING_SECONDS
    ? secondsToExpiry - (2 * AVERAGING_SECONDS) / 3
    : secondsToExpiry ** 3 / (3 * AVERAGING_SECONDS ** 2);
}

export const effectiveYears = (secondsToExpiry: number): Years => yearsFromSeconds(effectiveSeconds(secondsToExpiry));

/** The forward of what will be paid: inside the window, (elapsed·average so far + remaining·F)/A. */
export function averagedForward(forward: Price, averageSoFar: Price, secondsToExpiry: number): Price {
  if (secondsToExpiry >= AVERAGING_SECONDS) return forward;
  const remaining = Math.max(secondsToExpiry, 0);
  return price(((AVERAGING_SECONDS - remaining) * averageSoFar + remaining * forward) / AVERAGING_SECONDS);
}

/** Slices as they stand at `time`; expired ones are left out. */
export function rollDown({ modelTime, slices }: Surface, time: number): Surface {
  if (time < modelTime) {
    throw new PricingError("OutOfDomain", "a surface rolls forward in time only", { time, modelTime });
  }
  const rolled = slices.flatMap((slice) => {
    const left = effectiveSeconds(slice.expiry - time);
    const whole = effectiveSeconds(slice.expiry - modelTime);
    if (left === 0) return [];
    const share = left / whole;
    return [{ ...slice, theta: slice.theta * share, psi: slice.psi * share }];
  });
  return { modelTime: time, slices: rolled };
}

/**
 * The slice of any expiry at `time`. Before the first expiry it is the first slice rolled towards zero; beyond the last, θ grows
 * with time and ψ stays, so that φ falls and the wings do not.
 */
export function sliceAt(surface: Surface, expiry: number, time: number = surface.modelTime): EssviSlice {
  const { slices } = rollDown(surface, time);
  const wanted = effectiveSeconds(expiry - time);
  const first = slices[0];
  const last = slices.at(-1);
  if (first === undefined || last === undefined || wanted === 0) {
    throw new PricingError("OutOfDomain", "no slice is alive at this time", { expiry, time });
  }
  const start = effectiveSeconds(first.expiry - time);
  if (wanted <= start)
    return { theta: (first.theta * wanted) / start, rho: first.rho, psi: (first.psi * wanted) / start };
  const end = effectiveSeconds(last.expiry - time);
  if (wanted >= end) return { theta: (last.theta * wanted) / end, rho: last.rho, psi: last.psi };
  const later = slices.findIndex((slice) => effectiveSeconds(slice.expiry - time) >= wanted);
  const near = slices[later - 1]!;
  const far = slices[later]!;
  const from = effectiveSeconds(near.expiry - time);
  const share = (wanted - from) / (effectiveSeconds(far.expiry - time) - from);
  const mix = (left: number, right: number): number => left + share * (right - left);
  const psi = mix(near.psi, far.psi);
  return {
    theta: mix(near.theta, far.theta),
    rho: psi === 0 ? 0 : mix(near.rho * near.psi, far.rho * far.psi) / psi,
    psi,
  };
}

/** w(k) for any expiry at any time from the model time on; 0 once expired. */
export function totalVarianceAt(
  surface: Surface,
  k: LogMoneyness,
  expiry: number,
  time: number = surface.modelTime,
): TotalVariance {
  if (expiry <= time) return totalVariance(0);
  return essviTotalVariance(sliceAt(surface, expiry, time), k);
}
