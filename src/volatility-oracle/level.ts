import { type GapObservation, type QuoteGap, quotedVariance } from "../../pricing/index.ts";
import type { Forecast } from "./forecast.ts";

/** What quotes say of the middle of a smile. */
export interface SeenLevel {
  /** Per √year. */
  readonly volatility: number;
  /** m, the variance of the error of ln(variance). */
  readonly noise: number;
}

/** The volatility at the money that a node takes for true, for a tenor in seconds. */
export type LevelRule = (tenor: number, seen: SeenLevel) => number;

/** How far quotes of a tenor were from the forecast. */
export interface SeenGap extends Omit<GapObservation, "time"> {
  /** Seconds. */
  readonly tenor: number;
}

/**
 * Levels as `quotedVariance` has them: what quotes say, and the more noise they carry, the more of the forecast at its usual
 * distance from them. What is seen of that distance is handed on.
 *
 * @param usual The gap to expect at a tenor in seconds.
 */
export function levelByForecast(
  forecast: Forecast,
  usual: (tenor: number) => QuoteGap,
  onGap: (gap: SeenGap) => void = () => {},
): LevelRule {
  return (tenor, { volatility, noise }) => {
    const expected = forecast(tenor);
    if (expected === undefined) return volatility;
    // Both are of one tenor: variances a year compare as those over it do.
    const [realizedForecast, impliedVariance] = [expected ** 2, volatility ** 2];
    onGap({ tenor, gap: Math.log(impliedVariance / realizedForecast), noise });
    return Math.sqrt(quotedVariance(usual(tenor), { realizedForecast, impliedVariance, noise }));
  };
}
