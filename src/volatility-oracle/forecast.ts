import {
  continuousVariance,
  ewmaVolatility,
  fitHar,
  harForecast,
  PricingError,
  realizedVariance,
  SECONDS_PER_YEAR,
  type VarianceForecast,
  varianceUpTo,
} from "../../pricing/index.ts";
import type { SpotCandle } from "../market-data/marketData.ts";

/** What realised volatility will be until a horizon in seconds, per √year; undefined where too little is known. */
export type Forecast = (horizon: number) => number | undefined;

/** From hourly candles of the past, oldest first, to forecasts: what all horizons share is computed once. */
export type Forecaster = (hours: readonly SpotCandle[]) => Forecast;

const DAY_SECONDS = 86_400;
/**
 * How much of the past a node keeps for its forecast. On hours of ETH from 2018 to 2023 log-HAR lost (QLIKE at 1, 7 and 30 days) 23, 13
 * and 4 % less than the EWMA when fitted to half a year, 25, 21 and 9 % less when fitted to two, and hardly less with three.
 */
export const HISTORY_SECONDS = 730 * DAY_SECONDS;

const DAYS_PER_YEAR = SECONDS_PER_YEAR / DAY_SECONDS;
const HOUR_SECONDS = 3_600;
const LEAST_HOURS = 48;
/** λ = 0.94 a day, as RiskMetrics has it: ln ½/ln 0.94 days. */
const HALF_LIFE_HOURS = (Math.log(0.5) / Math.log(0.94)) * 24;

/** Exponentially weighted, the same for every horizon. */
export const ewmaForecast: Forecaster = (hours) => {
  if (hours.length < LEAST_HOURS) return () => undefined;
  const closes = hours.map(({ close }) => close);
  const volatility = ewmaVolatility(closes, SECONDS_PER_YEAR / HOUR_SECONDS, HALF_LIFE_HOURS);
  return () => (volatility > 0 ? volatility : undefined);
};

/** Whole days ahead for which log-HAR is fitted; other horizons lie between. */
const HAR_HORIZONS = [1, 7, 30];
/** Outcomes that do not overlap, below which a fit is worse than none: a month fitted to half a year lost 27 % more than the EWMA. */
const LEAST_INDEPENDENT_OUTCOMES = 20;
/** A day with fewer hours than this has no variance. */
const LEAST_HOURS_OF_DAY = 22;

/** Hourly returns of days that end with the last candle, oldest first; undefined where too many hours are missing. */
function returnsByDay(hours: readonly SpotCandle[]): readonly (readonly number[] | undefined)[] {
  const end = (hours.at(-1)?.time ?? 0) + HOUR_SECONDS;
  const length = Math.ceil((end - (hours[0]?.time ?? end)) / DAY_SECONDS);
  const days: number[][] = Array.from({ length }, () => []);
  for (const [i, { time, open, close }] of hours.entries()) {
    const daysBack = Math.floor((end - HOUR_SECONDS - time) / DAY_SECONDS);
    days[length - 1 - daysBack]?.push(Math.log(close / (hours[i - 1]?.close ?? open)));
  }
  return days.map((returns) => (returns.length < LEAST_HOURS_OF_DAY ? undefined : returns));
}

/** One horizon's forecast; undefined where the past is too short, too full of holes or says nothing. */
function fitHorizon(
  realized: readonly (number | undefined)[],
  predictors: readonly (number | undefined)[],
  horizon: number,
): VarianceForecast | undefined {
  try {
    const model = fitHar({ realized, predictors }, { form: "log", horizon });
    const variance = harForecast(model, predictors);
    if (variance === undefined || model.observations < LEAST_INDEPENDENT_OUTCOMES * horizon) return undefined;
    return { horizon, variance };
  } catch (error) {
    if (error instanceof PricingError) return undefined;
    throw error;
  }
}

/** log-HAR on hourly realised variance, freed of jumps on its right side; EWMA where the past is too short for a fit. */
export const harVolatility: Forecaster = (hours) => {
  const days = returnsByDay(hours);
  const realized = days.map((returns) => returns && realizedVariance(returns));
  const predictors = days.map((returns) => returns && continuousVariance(returns));
  const fits = HAR_HORIZONS.flatMap((horizon) => fitHorizon(realized, predictors, horizon) ?? []);
  if (fits.length === 0) return ewmaForecast(hours);
  return (seconds) => {
    const horizon = seconds / DAY_SECONDS;
    const variance = varianceUpTo(fits, horizon);
    return variance > 0 ? Math.sqrt((variance / horizon) * DAYS_PER_YEAR) : undefined;
  };
};

const fitted = new WeakMap<readonly SpotCandle[], Forecast>();

/** The forecast that nodes use: fitted once for each list of candles, which grows once an hour. */
export const forecastVolatility: Forecaster = (hours) => {
  const forecast = fitted.get(hours) ?? harVolatility(hours);
  fitted.set(hours, forecast);
  return forecast;
};
