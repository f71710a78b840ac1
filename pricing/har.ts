/**
 * Heterogeneous autoregression of realised variance (Corsi 2009) over the last day, week and month, by direct regression for
 * each horizon h. With RVₜ the variance of day t, and ⟨RV⟩ₜ,ₙ its mean over the n days up to t:
 *
 *     HAR       ⟨RV⟩ₜ₊ₕ,ₕ = b₀ + Σ bₙ·⟨RV⟩ₜ,ₙ + e
 *     log-HAR   ln ⟨RV⟩ₜ₊ₕ,ₕ = b₀ + Σ bₙ·ln ⟨RV⟩ₜ,ₙ + e,     E⟨RV⟩ = exp(fit + ½s²),  s² = Σe²/(days − columns)
 *
 * The predictors on the right may be freed of jumps (`continuousVariance`) while the outcome keeps them.
 *
 * The market never closes, so a week is 7 days and a month 30. Days are consecutive; `undefined` is a day whose data had
 * too many holes. Variances are per day and not annualised.
 */
import { PricingError } from "./errors.ts";
import { leastSquares } from "./leastSquares.ts";

export type DailyVariances = readonly (number | undefined)[];

export interface HarSpecification {
  readonly form: "level" | "log";
  /** Whole days ahead. */
  readonly horizon: number;
  /** Days of the averages, increasing; a day, a week and a month when left out. */
  readonly lags?: readonly number[];
}

export interface HarModel {
  readonly form: "level" | "log";
  readonly horizon: number;
  readonly lags: readonly number[];
  /** b₀ and one for each lag. */
  readonly coefficients: readonly number[];
  /** s², of the fitted mean in "level", of its logarithm in "log". */
  readonly residualVariance: number;
  /** Least and largest mean that was fitted: a linear forecast outside is not believed. */
  readonly range: readonly [number, number];
  readonly observations: number;
}

export const HAR_LAGS: readonly number[] = [1, 7, 30];

/** Shares of the days of an average that must be there. One day is always needed for an average of one. */
const PRESENT_BEHIND = 0.8;
const PRESENT_AHEAD = 0.9;
/** Fewer days than this many for each coefficient are no regression. */
const LEAST_DAYS_PER_COEFFICIENT = 10;

/** Mean over the days [from, from + length) that are there; undefined where too few are. */
function meanOver(days: DailyVariances, from: number, length: number, share: number): number | undefined {
  if (from < 0 || from + length > days.length) return undefined;
  let sum = 0;
  let present = 0;
  for (let i = from; i < from + length; i += 1) {
    const variance = days[i];
    if (variance === undefined) continue;
    sum += variance;
    present += 1;
  }
  return present > 0 && present >= share * length ? sum / present : undefined;
}

/**
 * Variance over the h days after `day`, scaled up by h where days are missing; undefined where more than a tenth are missing
 * or the data end. What forecasts made at the end of `day` are measured against.
 */
export function varianceAhead(days: DailyVariances, day: number, horizon: number): number | undefined {
  const mean = meanOver(days, day + 1, horizon, PRESENT_AHEAD);
  return mean === undefined ? undefined : mean * horizon;
}

/** ⟨RV⟩ over each lag, at the end of `day`; undefined where one is unknown, or 0 and without a logarithm. */
function averagesAt(days: DailyVariances, day: number, { form, lags }: Pick<HarModel, "form" | "lags">) {
  const averages: number[] = [];
  for (const lag of lags) {
    const mean = meanOver(days, day - lag + 1, lag, PRESENT_BEHIND);
    if (mean === undefined || (form === "log" && !(mean > 0))) return undefined;
    averages.push(form === "log" ? Math.log(mean) : mean);
  }
  return averages;
}

export interface HarHistory {
  /** RV of consecutive days: what is forecast. */
  readonly realized: DailyVariances;
  /** What it is forecast from, for the same days; RV when left out. */
  readonly predictors?: DailyVariances;
}

/**
 * Fits to the forecasts of the past whose outcome is known by the last day, the latest `mostDays` of them: nothing later is
 * used.
 */
export function fitHar(
  { realized, predictors = realized }: HarHistory,
  { form, horizon, lags = HAR_LAGS }: HarSpecification,
  mostDays = Infinity,
): HarModel {
  if (predictors.length !== realized.length) {
    throw new PricingError("OutOfDomain", "predictors and outcomes are of the same days", {
      realized: realized.length,
      predictors: predictors.length,
    });
  }
  if (!(Number.isInteger(horizon) && horizon >= 1)) {
    throw new PricingError("OutOfDomain", "the horizon is a whole number of days", { horizon });
  }
  if (lags.length === 0 || lags.some((lag, i) => !Number.isInteger(lag) || lag <= (lags[i - 1] ?? 0))) {
    throw new PricingError("OutOfDomain", "lags are increasing whole days", { lags: lags.join(" ") });
  }
  const rows: number[][] = [];
  const outcomes: number[] = [];
  for (let day = realized.length - 1 - horizon; day >= 0 && rows.length < mostDays; day -= 1) {
    const averages = averagesAt(predictors, day, { form, lags });
    const outcome = meanOver(realized, day + 1, horizon, PRESENT_AHEAD);
    if (averages === undefined || outcome === undefined || (form === "log" && !(outcome > 0))) continue;
    rows.push([1, ...averages]);
    outcomes.push(outcome);
  }
  const columns = lags.length + 1;
  if (rows.length < LEAST_DAYS_PER_COEFFICIENT * columns) {
    throw new PricingError("TooFewObservations", "too few days with an outcome", { days: rows.length, columns });
  }
  const { coefficients, residualSquares } = leastSquares(rows, form === "log" ? outcomes.map(Math.log) : outcomes);
  return {
    form,
    horizon,
    lags,
    coefficients,
    residualVariance: residualSquares / (rows.length - columns),
    range: [Math.min(...outcomes), Math.max(...outcomes)],
    observations: rows.length,
  };
}

/**
 * Expected variance over the model's horizon, made at the end of the last of the predictors' days (or of `day`); undefined where too many
 * of the days that it looks at are missing. A "level" forecast outside of what was ever fitted is moved to that bound: the
 * line may fall below zero (Bollerslev, Patton & Quaedvlieg 2016).
 */
export function harForecast(
  model: HarModel,
  predictors: DailyVariances,
  day = predictors.length - 1,
): number | undefined {
  const averages = averagesAt(predictors, day, model);
  if (averages === undefined) return undefined;
  const [constant, ...slopes] = model.coefficients;
  const fitted = slopes.reduce((sum, slope, i) => sum + slope * averages[i]!, constant!);
  const mean =
    model.form === "log"
      ? Math.exp(fitted + model.residualVariance / 2)
      : Math.min(Math.max(fitted, model.range[0]), model.range[1]);
  return mean * model.horizon;
}

/** Expected variance from now up to one horizon. */
export interface VarianceForecast {
  /** Days, not necessarily whole. */
  readonly horizon: number;
  readonly variance: number;
}

/**
 * Expected variance up to any horizon from those of the fitted ones: variance grows linearly between two of them, as it does
 * at a constant forward variance, from 0 at horizon 0, and goes on at the slope of the last piece. Forecasts of two direct
 * regressions may contradict each other; a variance that fell with time is held level.
 */
export function varianceUpTo(forecasts: readonly VarianceForecast[], horizon: number): number {
  const known = forecasts.toSorted((a, b) => a.horizon - b.horizon);
  if (known.length === 0 || !(known[0]!.horizon > 0)) {
    throw new PricingError("TooFewObservations", "a positive horizon is needed", { horizons: known.length });
  }
  if (!(horizon >= 0 && horizon < Infinity)) {
    throw new PricingError("OutOfDomain", "the horizon must be finite and not negative", { horizon });
  }
  let from: VarianceForecast = { horizon: 0, variance: 0 };
  let slope = 0;
  for (const to of known) {
    slope = Math.max(0, to.variance - from.variance) / (to.horizon - from.horizon);
    if (horizon <= to.horizon) break;
    from = { horizon: to.horizon, variance: Math.max(from.variance, to.variance) };
  }
  return from.variance + slope * (horizon - from.horizon);
}
