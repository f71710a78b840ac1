import { ewmaVolatility, SECONDS_PER_YEAR } from "../../pricing/index.ts";
import type { SpotCandle } from "../market-data/marketData.ts";

/** What realised volatility will be until a horizon, and how wrong that usually is. */
export interface VolatilityForecast {
  /** Per √year. */
  readonly volatility: number;
  /** Standard deviation of the error, as a share of the volatility. */
  readonly relativeError: number;
}

/** A forecast for a horizon in seconds; undefined where too little is known. */
export type Forecast = (horizon: number) => VolatilityForecast | undefined;

/** From hourly candles of the past, oldest first, to forecasts: what all horizons share is computed once. */
export type Forecaster = (hours: readonly SpotCandle[]) => Forecast;

/** How much of the past a node keeps for its forecast. */
export const HISTORY_SECONDS = 60 * 86_400;

const HOUR_SECONDS = 3_600;
const LEAST_HOURS = 48;
/** λ = 0.94 a day, as RiskMetrics has it: ln ½/ln 0.94 days. */
const HALF_LIFE_HOURS = (Math.log(0.5) / Math.log(0.94)) * 24;
/** Of a month's realised volatility an EWMA misses about a third; of a day's more. */
const RELATIVE_ERROR = 0.35;

/** Exponentially weighted, the same for every horizon. */
export const ewmaForecast: Forecaster = (hours) => {
  if (hours.length < LEAST_HOURS) return () => undefined;
  const closes = hours.map(({ close }) => close);
  const volatility = ewmaVolatility(closes, SECONDS_PER_YEAR / HOUR_SECONDS, HALF_LIFE_HOURS);
  const forecast = volatility > 0 ? { volatility, relativeError: RELATIVE_ERROR } : undefined;
  return () => forecast;
};

/** The forecast that nodes use. */
export const forecastVolatility: Forecaster = ewmaForecast;
