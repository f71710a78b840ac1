/** How far a variance forecast was from what came, and whether two forecasts differ by more than chance. */
import { PricingError } from "./errors.ts";
import { normalCdf } from "./normal.ts";
import { logRatio } from "./units.ts";

/**
 * QLIKE(h, rv) = rv/h − ln(rv/h) − 1 ≥ 0, and 0 where they agree. It ranks forecasts h as the unknown true variance would,
 * though rv is only an unbiased, noisy measure of it (Patton 2011), and does not depend on the level of variance.
 */
export function qlike(forecast: number, realized: number): number {
  if (!(forecast > 0 && realized > 0 && forecast < Infinity && realized < Infinity)) {
    throw new PricingError("OutOfDomain", "variances must be positive", { forecast, realized });
  }
  return (realized - forecast) / forecast - logRatio(realized, forecast);
}

export interface LossComparison {
  /** Mean of the differences: negative where the first forecast was better. */
  readonly mean: number;
  /** Mean over its standard error. */
  readonly statistic: number;
  /** Two-sided, from N(0, 1). */
  readonly pValue: number;
}

/**
 * Diebold & Mariano 1995 on the differences of two forecasts' losses, with the standard error of Newey & West 1987 over
 * `lags` autocovariances (Bartlett weights). Forecasts over h days that are made daily overlap: pass at least h − 1 lags.
 * With few independent periods (days/h below some tens) the statistic is too large; read it as an upper bound.
 */
export function compareLosses(differences: readonly number[], lags: number): LossComparison {
  const n = differences.length;
  if (n < lags + 2)
    throw new PricingError("TooFewObservations", "fewer differences than lags", { differences: n, lags });
  const mean = differences.reduce((sum, value) => sum + value, 0) / n;
  const autocovariance = (lag: number): number => {
    let sum = 0;
    for (let i = lag; i < n; i += 1) sum += (differences[i]! - mean) * (differences[i - lag]! - mean);
    return sum / n;
  };
  let variance = autocovariance(0);
  for (let lag = 1; lag <= lags; lag += 1) variance += 2 * (1 - lag / (lags + 1)) * autocovariance(lag);
  if (variance === 0) return { mean, statistic: 0, pValue: 1 };
  const statistic = mean / Math.sqrt(variance / n);
  return { mean, statistic, pValue: 2 * normalCdf(-Math.abs(statistic)) };
}
