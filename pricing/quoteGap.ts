/**
 * How far quotes usually lie from a forecast, learnt as time passes: exponentially weighted moments of d = ln i − ln f, the
 * logarithm of implied over forecast variance, for `quotedVariance`.
 *
 *     gap = Σ w·d / Σ w,     D = (n₀·D₀ + n·s²)/(n₀ + n),     s² = Σ w·[(d − gap)² − m] / Σ w,     w = 2^(−age/half-life)
 *
 * m is each quote's noise (`quoteNoise`), which is no disagreement. Forecasts over H days made more often than that overlap, so
 * that n = Σ w·(days since the one before)/H of them are independent; D₀ and n₀ are those of `fitBlend`, whose mean and variance these
 * are with weights that fade. They are kept as sums, so that one that comes costs the same however many there were.
 */
import { PricingError } from "./errors.ts";
import { LEAST_DISAGREEMENT, PRIOR_DISAGREEMENT, PRIOR_DISAGREEMENT_COUNT, type QuoteGap } from "./forecastBlend.ts";

/** What is remembered of one horizon. */
export interface GapHistory {
  /** Unix seconds of the last observation; 0 before the first. */
  readonly time: number;
  /** Σ w·days, the time that observations cover. */
  readonly days: number;
  /** Mean of d; 0 before the first observation. */
  readonly mean: number;
  /** Σ w·days·[(d − mean)² − m]. */
  readonly squares: number;
}

export const noGapHistory: GapHistory = { time: 0, days: 0, mean: 0, squares: 0 };

export interface GapObservation {
  /** Unix seconds, later than the one before. */
  readonly time: number;
  /** d. */
  readonly gap: number;
  /** m. */
  readonly noise: number;
}

const SECONDS_PER_DAY = 86_400;
/** What is this old counts half: premia change over weeks, and a month has a few independent ones to tell. */
const HALF_LIFE_DAYS = 30;
/** For how much time the first observation stands, and at most one after a pause: an hour and a day. */
const [FIRST_DAYS, MOST_DAYS] = [1 / 24, 1];

/** The history with one observation more. West (1979) updates weighted squares about a mean that moves. */
export function withGap(history: GapHistory, { time, gap, noise }: GapObservation): GapHistory {
  if (!(time > history.time && Number.isFinite(gap) && noise >= 0 && noise < Infinity)) {
    throw new PricingError("OutOfDomain", "a gap is later than the one before, and finite", { time, gap, noise });
  }
  const passed = (time - history.time) / SECONDS_PER_DAY;
  const weight = history.time === 0 ? FIRST_DAYS : Math.min(passed, MOST_DAYS);
  const fade = history.time === 0 ? 0 : 2 ** (-passed / HALF_LIFE_DAYS);
  const before = history.days * fade;
  const days = before + weight;
  const away = gap - history.mean;
  return {
    time,
    days,
    mean: history.mean + (weight / days) * away,
    squares: history.squares * fade + weight * ((before / days) * away * away - noise),
  };
}

/** What the history says of the usual gap and of D at a horizon of so many days. */
export function usualGap({ mean, days, squares }: GapHistory, horizonDays: number): QuoteGap {
  const disagreement =
    (PRIOR_DISAGREEMENT_COUNT * PRIOR_DISAGREEMENT + squares / horizonDays) /
    (PRIOR_DISAGREEMENT_COUNT + days / horizonDays);
  return { gap: mean, disagreement: Math.max(disagreement, LEAST_DISAGREEMENT) };
}
