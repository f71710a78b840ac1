/**
 * Forecasts of variance as they would have been made at the end of each day, with models refitted on the first of each month
 * to what was known then. Row d of every result uses rows up to d of the history and nothing later.
 */
import {
  type BlendModel,
  type BlendObservation,
  blendedForecast,
  fitBlend,
  fitGarch,
  fitHar,
  type GarchFit,
  garchForecast,
  garchVariances,
  type HarModel,
  type HarSpecification,
  harForecast,
  varianceAhead,
} from "../../../pricing/index.ts";
import { type DailyHistory, isoDay } from "./dailyHistory.ts";

/** One forecast a day; undefined where none can be made. */
export type Forecasts = readonly (number | undefined)[];

/** Days of data before the first forecast: a year, and the month that HAR looks back. */
export const FIRST_FORECAST = 365 + 30;
/**
 * Days that a model is fitted to. On outcomes up to 2022, log-HAR on every window from 500 days to all days is within 3 % in
 * QLIKE; the shortest of them follows a change of level soonest. GARCH and value at risk are given the same.
 */
export const FIT_DAYS = 500;
const LAMBDA = 0.94;
const EWMA_SEED_DAYS = 30;
/** A pause of the data this long starts an EWMA anew. */
const LONG_PAUSE_DAYS = 30;
/** GARCH is fitted to returns in per cent. */
const PERCENT = 100;

const isFirstOfMonth = (history: DailyHistory, row: number): boolean => isoDay(history.firstDay + row).endsWith("-01");
const isRefit = (history: DailyHistory, row: number): boolean => row === FIRST_FORECAST || isFirstOfMonth(history, row);

/** What came after each day. */
export const outcomes = ({ realized }: DailyHistory, horizon: number): Forecasts =>
  realized.map((_, row) => varianceAhead(realized, row, horizon));

/** RiskMetrics 1996: h ← 0.94·h + 0.06·r² on daily returns, times the horizon. */
export function ewmaForecasts({ returns }: DailyHistory, horizon: number): Forecasts {
  let h: number | undefined;
  let seed: number[] = [];
  let pause = 0;
  return returns.map((r) => {
    if (r === undefined) {
      pause += 1;
      if (pause >= LONG_PAUSE_DAYS) {
        h = undefined;
        seed = [];
      }
      return undefined;
    }
    pause = 0;
    if (h === undefined) {
      seed.push(r * r);
      if (seed.length === EWMA_SEED_DAYS) h = seed.reduce((sum, square) => sum + square, 0) / EWMA_SEED_DAYS;
    } else h = LAMBDA * h + (1 - LAMBDA) * r * r;
    return h === undefined ? undefined : h * horizon;
  });
}

/** Each month's search starts from the parameters of the last. */
export function garchForecasts({ returns, ...history }: DailyHistory, kind: "garch" | "gjr") {
  const days = { returns, ...history };
  const known: number[] = [];
  let fit: GarchFit | undefined;
  const next = returns.map((r, row) => {
    if (r !== undefined) known.push(PERCENT * r);
    if (known.length > FIT_DAYS) known.shift();
    if (row < FIRST_FORECAST || r === undefined) return undefined;
    if (fit === undefined || isRefit(days, row)) fit = fitGarch(known, kind, fit?.parameters);
    return { parameters: fit.parameters, variance: garchVariances(known, fit.parameters).at(-1)! };
  });
  return (horizon: number): Forecasts =>
    next.map((at) => at && garchForecast(at.parameters, at.variance, horizon) / PERCENT ** 2);
}

export interface HarForecasts {
  readonly forecasts: Forecasts;
  /** The first model, whose fitted values stand for the forecasts before it. */
  readonly first: HarModel;
}

export function harForecasts(
  history: DailyHistory,
  specification: HarSpecification,
  predictors: DailyHistory["realized"],
): HarForecasts {
  let model: HarModel | undefined;
  let first: HarModel | undefined;
  const forecasts = history.realized.map((_, row) => {
    if (row < FIRST_FORECAST) return undefined;
    if (model === undefined || isRefit(history, row)) {
      const known = { realized: history.realized.slice(0, row + 1), predictors: predictors.slice(0, row + 1) };
      model = fitHar(known, specification, FIT_DAYS);
      first ??= model;
    }
    return harForecast(model, predictors, row);
  });
  return { forecasts, first: first! };
}

export interface ImpliedSeries {
  /** Scaled to the horizon. */
  readonly variances: Forecasts;
  readonly noise: (row: number) => number;
  readonly tenorDays: number;
}

/** The blend, refitted every day to the outcomes known by then. The last model is returned to be shown. */
export function blendForecasts(
  realizedForecasts: Forecasts,
  implied: ImpliedSeries,
  outcome: Forecasts,
  horizon: number,
): { readonly forecasts: Forecasts; readonly last: BlendModel } {
  const settings = { horizonDays: horizon, tenorDays: implied.tenorDays };
  const observations: { readonly row: number; readonly observation: BlendObservation }[] = [];
  for (const [row, impliedVariance] of implied.variances.entries()) {
    const realizedForecast = realizedForecasts[row];
    const came = outcome[row];
    if (impliedVariance === undefined || realizedForecast === undefined || came === undefined) continue;
    const observation = { realizedForecast, impliedVariance, outcome: came, noise: implied.noise(row) };
    observations.push({ row, observation });
  }
  let last = fitBlend([], settings);
  const forecasts = implied.variances.map((impliedVariance, row) => {
    const realizedForecast = realizedForecasts[row];
    if (impliedVariance === undefined || realizedForecast === undefined) return undefined;
    // The outcome of day j is complete at the end of day j + horizon.
    const known = observations.filter((past) => past.row + horizon <= row).map(({ observation }) => observation);
    last = fitBlend(known, settings);
    return blendedForecast(last, { realizedForecast, impliedVariance, noise: implied.noise(row) });
  });
  return { forecasts, last };
}
