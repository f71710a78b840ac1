/** Forecasts of variance on recorded days: QLIKE at 1, 7 and 30 days, and the value at risk that they give. */
import {
  compareLosses,
  coverageTests,
  filteredHistoricalVaR,
  harForecast,
  normalVaR,
  qlike,
  varianceUpTo,
} from "../../../pricing/index.ts";
import type { BenchOptions, BenchReport, Figure } from "../figure.ts";
import { type DailyHistory, isoDay, readDailyHistory } from "./dailyHistory.ts";
import {
  blendForecasts,
  ewmaForecasts,
  FIRST_FORECAST,
  FIT_DAYS,
  type Forecasts,
  garchForecasts,
  type HarForecasts,
  harForecasts,
  type ImpliedSeries,
  outcomes,
} from "./walkForward.ts";

const HORIZONS = [1, 7, 30] as const;
/** DVOL's own. */
const DVOL_TENOR_DAYS = 30;

interface Row {
  readonly name: string;
  /** In `forecast.qlike.NAME.1d`; rows without are shown only. */
  readonly figure?: string;
  readonly forecasts: Forecasts;
}

/** Days on which every row has a forecast and the outcome is known. */
function commonDays(rows: readonly Row[], outcome: Forecasts): number[] {
  return outcome.flatMap((came, day) =>
    came !== undefined && rows.every(({ forecasts }) => forecasts[day] !== undefined) ? [day] : [],
  );
}

/** Days that are missing inside a period are not told apart. */
const LONGEST_HOLE = 31;

/** `378 days 2023-01-01…2023-06-29, 2023-12-10…2024-06-29`. */
function periodsOf(days: readonly number[], { firstDay }: DailyHistory): string {
  const starts = days.filter((day, i) => i === 0 || day - days[i - 1]! > LONGEST_HOLE);
  const ends = days.filter((day, i) => i === days.length - 1 || days[i + 1]! - day > LONGEST_HOLE);
  const periods = starts.map((start, i) => `${isoDay(firstDay + start)}…${isoDay(firstDay + ends[i]!)}`);
  return `${days.length} days ${periods.join(", ")}`;
}

const lossesOf = ({ forecasts }: Row, outcome: Forecasts, days: readonly number[]): number[] =>
  days.map((day) => qlike(forecasts[day]!, outcome[day]!));
const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** The first row's forecasts, and the second's on days when it has none. */
const either = (first: Row, second: Row): Forecasts =>
  first.forecasts.map((here, day) => here ?? second.forecasts[day]);

interface Comparison {
  readonly lines: readonly string[];
  readonly figures: readonly Figure[];
}

/** Rows on the days they have in common, beside row 0. */
function compare(
  title: string,
  rows: readonly Row[],
  outcome: Forecasts,
  horizon: number,
  history: DailyHistory,
  figurePrefix: (figure: string) => string | undefined,
): Comparison {
  const days = commonDays(rows, outcome);
  if (days.length === 0) throw new Error(`${title}: no day has every forecast and an outcome`);
  const sample = periodsOf(days, history);
  const losses = rows.map((row) => lossesOf(row, outcome, days));
  const ewma = meanOf(losses[0]!);
  const lines = [
    `${title}, ${horizon} d ahead: ${sample} (${Math.floor(days.length / horizon)} without overlap)`,
    "  forecast                  QLIKE   vs EWMA    t    outcome/forecast",
  ];
  const figures: Figure[] = [];
  for (const [i, row] of rows.entries()) {
    const mean = meanOf(losses[i]!);
    const t =
      i === 0
        ? "    "
        : compareLosses(
            losses[i]!.map((loss, day) => loss - losses[0]![day]!),
            horizon - 1,
          )
            .statistic.toFixed(1)
            .padStart(4);
    const change = i === 0 ? "" : `${(100 * (mean / ewma - 1)).toFixed(1)} %`;
    const ratio = meanOf(days.map((day) => outcome[day]! / row.forecasts[day]!));
    lines.push(
      `  ${row.name.padEnd(24)} ${mean.toFixed(4)} ${change.padStart(9)} ${t} ${ratio.toFixed(2).padStart(12)}`,
    );
    const prefix = row.figure === undefined ? undefined : figurePrefix(row.figure);
    if (prefix !== undefined) figures.push({ name: `${prefix}.${horizon}d`, value: mean, unit: `QLIKE, ${sample}` });
  }
  return { lines, figures };
}

interface RealizedRows {
  readonly rows: readonly Row[];
  readonly logHar: HarForecasts;
}

function realizedRows(history: DailyHistory, horizon: number, garch: Row[]): RealizedRows {
  const logHar = harForecasts(history, { form: "log", horizon }, history.continuous);
  return {
    logHar,
    rows: [
      { name: "EWMA(0.94)", figure: "ewma", forecasts: ewmaForecasts(history, horizon) },
      ...garch,
      {
        name: "HAR",
        figure: "har",
        forecasts: harForecasts(history, { form: "level", horizon }, history.realized).forecasts,
      },
      {
        name: "log-HAR, with jumps",
        forecasts: harForecasts(history, { form: "log", horizon }, history.realized).forecasts,
      },
      { name: "log-HAR", figure: "logHar", forecasts: logHar.forecasts },
    ],
  };
}

function impliedRows(realizedForecasts: Forecasts, implied: ImpliedSeries, outcome: Forecasts, horizon: number) {
  const { forecasts, last } = blendForecasts(realizedForecasts, implied, outcome, horizon);
  const impliedAlone: Row = { name: "implied alone", figure: "implied", forecasts: implied.variances };
  const blend: Row = { name: "blend", figure: "blend", forecasts };
  const logHar: Row = { name: "log-HAR", forecasts: realizedForecasts };
  const rows = [impliedAlone, blend];
  const days = commonDays([...rows, logHar], outcome);
  const against = (other: Row): string => {
    const differences = days.map(
      (day) => qlike(forecasts[day]!, outcome[day]!) - qlike(other.forecasts[day]!, outcome[day]!),
    );
    return compareLosses(differences, horizon - 1).statistic.toFixed(1);
  };
  const line = `  blend: t ${against(impliedAlone)} against implied, ${against(logHar)} against log-HAR; at the end weight of implied ${last.weight.toFixed(2)}, premium ${(100 * last.premiumCorrection).toFixed(0)} % of variance`;
  return { rows, line };
}

/** Value at risk of a day's log return at its start, walk-forward, and the tests on it. */
function valueAtRisk(history: DailyHistory, { forecasts, first }: HarForecasts, coverage: number) {
  const name = `var${Math.round(100 * coverage)}`;
  const ewma = ewmaForecasts(history, 1);
  // Before the first forecast, what the first model makes of the days it was fitted to.
  const variances = forecasts.map((forecast, day) =>
    day < FIRST_FORECAST ? harForecast(first, history.continuous, day) : forecast,
  );
  const standardized: number[] = [];
  const filtered: boolean[] = [];
  const normal: boolean[] = [];
  const days: number[] = [];
  for (const [day, variance] of variances.entries()) {
    const r = history.returns[day + 1];
    if (variance === undefined || r === undefined) continue;
    const riskMetrics = ewma[day];
    if (day >= FIRST_FORECAST && riskMetrics !== undefined) {
      filtered.push(-r > filteredHistoricalVaR(standardized.slice(-FIT_DAYS), variance, coverage));
      normal.push(-r > normalVaR(riskMetrics, coverage));
      days.push(day + 1);
    }
    standardized.push(r / Math.sqrt(variance));
  }
  const tests = coverageTests(filtered, coverage);
  const line = (label: string, { exceedances, unconditional, independence, conditional }: typeof tests): string =>
    `  ${label.padEnd(24)} ${String(exceedances).padStart(4)} of ${(tests.days * (1 - coverage)).toFixed(1)} expected    Kupiec p ${unconditional.pValue.toFixed(3)}   independence p ${independence.pValue.toFixed(3)}   Christoffersen p ${conditional.pValue.toFixed(3)}`;
  const sample = periodsOf(days, history);
  return {
    lines: [
      `Value at risk ${Math.round(100 * coverage)} % of a day's return, ${sample}`,
      line("filtered, on log-HAR", tests),
      line("RiskMetrics normal", coverageTests(normal, coverage)),
    ],
    figures: [
      { name: `${name}.kupiec.p`, value: tests.unconditional.pValue, unit: `${sample}, > 0.05 passes` },
      {
        name: `${name}.christoffersen.p`,
        value: tests.conditional.pValue,
        unit: "conditional coverage, > 0.05 passes",
      },
      { name: `${name}.independence.p`, value: tests.independence.pValue, unit: "> 0.05 passes" },
    ],
  };
}

export async function benchForecast({ dataDirectory }: BenchOptions): Promise<BenchReport> {
  const history = await readDailyHistory(dataDirectory);
  const measured = history.realized.filter((variance) => variance !== undefined).length;
  const lines = [
    `${measured} days of hourly returns, ${history.excludedDays} excluded for missing hours. QLIKE of realised variance; t: Diebold–Mariano against EWMA,`,
    "negative is better. Every forecast is made at 24:00 UTC from what was known then; models refitted monthly, the blend daily.",
  ];
  const figures: Figure[] = [];
  const garch = garchForecasts(history, "garch");
  const gjr = garchForecasts(history, "gjr");
  let oneDay: HarForecasts | undefined;
  for (const horizon of HORIZONS) {
    const outcome = outcomes(history, horizon);
    const { rows, logHar } = realizedRows(history, horizon, [
      { name: "GARCH(1,1)", figure: "garch", forecasts: garch(horizon) },
      { name: "GJR-GARCH", forecasts: gjr(horizon) },
    ]);
    if (horizon === 1) oneDay = logHar;

    const long = compare("Past prices", rows, outcome, horizon, history, (figure) => `forecast.qlike.${figure}`);
    const dvol: ImpliedSeries = {
      variances: history.impliedPerDay.map((perDay) => perDay && perDay * horizon),
      noise: () => 0,
      tenorDays: DVOL_TENOR_DAYS,
    };
    const withDvol = impliedRows(logHar.forecasts, dvol, outcome, horizon);
    const common = compare("With DVOL", [...rows, ...withDvol.rows], outcome, horizon, history, (figure) =>
      figure === "implied" || figure === "blend" ? `forecast.qlike.${figure}` : `forecast.qlike.common.${figure}`,
    );
    const chains: ImpliedSeries = {
      variances: history.chains.map((chain) => chain && varianceUpTo(chain.variances, horizon)),
      noise: (row) => history.chains[row]!.noiseAt(horizon),
      tenorDays: horizon,
    };
    const withChains = impliedRows(logHar.forecasts, chains, outcome, horizon);
    const recent = compare(
      "With option chains",
      [...rows, ...withChains.rows],
      outcome,
      horizon,
      history,
      () => undefined,
    );
    const everywhere = compare(
      "With either",
      [...rows, ...withDvol.rows.map((row, i) => ({ ...row, forecasts: either(row, withChains.rows[i]!) }))],
      outcome,
      horizon,
      history,
      () => undefined,
    );
    lines.push(
      "",
      ...long.lines,
      ...common.lines,
      withDvol.line,
      ...recent.lines,
      withChains.line,
      ...everywhere.lines,
    );
    figures.push(...long.figures, ...common.figures);
  }
  for (const coverage of [0.99, 0.95]) {
    const risk = valueAtRisk(history, oneDay!, coverage);
    lines.push("", ...risk.lines);
    figures.push(...risk.figures);
  }
  return { lines, figures };
}
