/** The report of a sweep: one page that needs nothing else. */
import { type Chart, svgChart } from "../drawing/svgChart.ts";
import type { PoolKind } from "./baselines.ts";
import { chained, type Figures, figuresOf, type Valued } from "./figures.ts";
import type { JobResult } from "./job.ts";
import { type Knobs, knobsName } from "./knobs.ts";
import { type FlowRecord, MARKOUT_SECONDS, type RunRecord } from "./runRecord.ts";
import type { TakerKind } from "./takers.ts";

const DAY = 86_400;
const PANEL_HEIGHT = 380;

/** What a strategy came to over one or more periods, on each seed. */
export interface Strategy {
  readonly name: string;
  /** One series a seed, periods chained. */
  readonly paths: readonly (readonly Valued[])[];
  /** The runs behind it; none for what is no pool. */
  readonly records: readonly RunRecord[];
}

export interface ReportInput {
  readonly title: string;
  readonly description: string;
  /** The pool that is looked at first, then what it is compared with. */
  readonly strategies: readonly Strategy[];
  /** What each setting earned in each period, mean over seeds, annualised; and which was chosen for it before it began. */
  readonly walkForward: readonly {
    readonly period: string;
    readonly chosen: string;
    readonly annualReturn: number;
    readonly best: number;
    readonly worst: number;
  }[];
  readonly settings: readonly {
    readonly name: string;
    readonly annualReturn: number;
    readonly worstMonth: number;
    readonly maxDrawdown: number;
  }[];
  /** How the result depends on the flow: one row a regime. */
  readonly regimes: readonly {
    readonly name: string;
    readonly annualReturn: number;
    readonly maxDrawdown: number;
    readonly fills: number;
    readonly informedGain: number;
  }[];
  readonly notes: readonly string[];
}

/** Share price of a run, day by day. */
export function pathOf({ days }: RunRecord): readonly Valued[] {
  return days.map(({ time, sharePrice }) => ({ time, value: sharePrice }));
}

/** Mean of a figure over seeds. */
export function meanFigures(paths: readonly (readonly Valued[])[]): Figures {
  const all = paths.map(figuresOf);
  const mean = (name: keyof Figures) => all.reduce((sum, figures) => sum + figures[name], 0) / all.length;
  return {
    totalReturn: mean("totalReturn"),
    annualReturn: mean("annualReturn"),
    sharpe: mean("sharpe"),
    sharpeLow: mean("sharpeLow"),
    sharpeHigh: mean("sharpeHigh"),
    maxDrawdown: mean("maxDrawdown"),
    expectedShortfall: mean("expectedShortfall"),
    worstMonth: mean("worstMonth"),
  };
}

/** Results of one setting as a strategy: periods chained seed by seed. */
export function strategyOf(name: string, results: readonly JobResult[]): Strategy {
  const seeds = [...new Set(results.map(({ job }) => job.seed))];
  const paths = seeds.map((seed) =>
    chained(
      results
        .filter(({ job }) => job.seed === seed)
        .toSorted((a, b) => a.job.period - b.job.period)
        .map(({ record }) => pathOf(record)),
    ),
  );
  return { name, paths, records: results.map(({ record }) => record) };
}

/** Those of a sweep that have these knobs and this kind. */
export function resultsOf(results: readonly JobResult[], kind: PoolKind, knobs: Knobs): readonly JobResult[] {
  const name = knobsName(knobs);
  return results.filter(({ job }) => job.kind === kind && knobsName(job.knobs) === name);
}

/** The page. */
export function simulationPage(input: ReportInput): string {
  const { strategies, title } = input;
  const [pool] = strategies;
  if (!pool) throw new RangeError("a report needs a pool");
  const sections = [
    `<h1>${text(title)}</h1><p>${text(input.description)}</p>`,
    `<h2>What LPs earned</h2>${table(
      ["strategy", "return a year", "Sharpe (5–95 %)", "deepest fall", "shortfall 97.5 %, a day", "worst 30 days"],
      strategies.map(({ name, paths }) => figureRow(name, meanFigures(paths))),
    )}`,
    svgChart(valueChart(strategies)),
    `<h2>How it was earned</h2>${table(["", ...strategies.filter(({ records }) => records.length > 0).map(({ name }) => name)], poolRows(strategies))}`,
    `<h2>Who traded</h2>${table(
      [
        "taker",
        "trades",
        "notional",
        ...MARKOUT_SECONDS.map((seconds) => `pool's gain after ${seconds} s, bp`),
        "gained by knowing",
      ],
      flowRows(pool.records),
    )}<p>Of what was gained, basis points of the underlying behind the options; positive is the pool's.</p>`,
    svgChart(seenChart(pool, "utilisation", "Utilisation", "share of NAV", ({ utilisation }) => utilisation)),
    svgChart(
      seenChart(
        pool,
        "alignment",
        "Pool's mid less the reference",
        "volatility points",
        ({ volatilityError }) => 100 * volatilityError,
      ),
    ),
    input.walkForward.length === 0
      ? ""
      : `<h2>Walk-forward</h2><p>Before each period the setting is chosen that earned most in those before it.</p>${table(
          ["period", "chosen before it", "it earned, a year", "best setting", "worst setting"],
          input.walkForward.map((row) => [
            row.period,
            row.chosen,
            percent(row.annualReturn),
            percent(row.best),
            percent(row.worst),
          ]),
        )}`,
    input.settings.length === 0
      ? ""
      : `<h2>Settings</h2>${table(
          ["setting", "return a year", "deepest fall", "worst 30 days"],
          input.settings.map((row) => [
            row.name,
            percent(row.annualReturn),
            percent(row.maxDrawdown),
            percent(row.worstMonth),
          ]),
        )}`,
    input.regimes.length === 0
      ? ""
      : `<h2>How it depends on the flow</h2>${table(
          ["flow", "return a year", "deepest fall", "fills, NAV a day", "informed gained"],
          input.regimes.map((row) => [
            row.name,
            percent(row.annualReturn),
            percent(row.maxDrawdown),
            row.fills.toFixed(2),
            amount(row.informedGain),
          ]),
        )}`,
    input.notes.map((note) => `<p>${text(note)}</p>`).join(""),
  ];
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${text(title)}</title>
<style>body{font:14px system-ui,"Segoe UI",Helvetica,Arial,sans-serif;color:#222;margin:24px;max-width:980px}svg{max-width:100%;height:auto}table{border-collapse:collapse;margin:12px 0;font-variant-numeric:tabular-nums}th,td{padding:4px 12px;text-align:right;border-bottom:1px solid #e6e6ea}th:first-child,td:first-child{text-align:left}.bad{color:#b3261e}</style>
</head><body>
${sections.join("\n")}
</body></html>
`;
}

function figureRow(name: string, figures: Figures): readonly string[] {
  const { sharpe, sharpeLow, sharpeHigh } = figures;
  return [
    name,
    percent(figures.annualReturn),
    `${sharpe.toFixed(2)} (${sharpeLow.toFixed(2)} … ${sharpeHigh.toFixed(2)})`,
    percent(figures.maxDrawdown),
    percent(figures.expectedShortfall),
    percent(figures.worstMonth),
  ];
}

function poolRows(strategies: readonly Strategy[]): readonly (readonly string[])[] {
  const pools = strategies.filter(({ records }) => records.length > 0);
  const row = (name: string, value: (record: RunRecord) => number, show: (x: number) => string) => [
    name,
    ...pools.map(({ records }) => show(records.reduce((sum, record) => sum + value(record), 0) / records.length)),
  ];
  const daysOf = ({ from, to }: RunRecord) => (to - from) / DAY;
  return [
    row(
      "fills, NAV a day",
      (record) => notionalOf(record) / record.meanNav / daysOf(record),
      (x) => x.toFixed(2),
    ),
    row("fees of takers, a period", ({ fees }) => fees, amount),
    row("lost to stale mids", ({ staleLoss }) => staleLoss, amount),
    row("cost of hedging", ({ hedgeCost }) => hedgeCost, amount),
    row("utilisation, mean", ({ meanUtilisation }) => meanUtilisation, percent),
    row("utilisation, most", ({ maxUtilisation }) => maxUtilisation, percent),
    row("mid within 1 point of the reference", ({ within1 }) => within1, percent),
    row("implied, 30 days", ({ implied }) => implied, percent),
    row("realised", ({ realised }) => realised, percent),
    row("shortfall of writers", ({ shortfall }) => shortfall, amount),
    row("of which insured", ({ insured }) => insured, amount),
    row(
      "liquidations",
      ({ liquidations }) => liquidations,
      (x) => x.toFixed(1),
    ),
    row("gas, millions", ({ gas }) => gas / 1e6, amount),
  ];
}

/** Notional of all fills. */
export function notionalOf({ flow }: RunRecord): number {
  return Object.values(flow).reduce((sum, { notional }) => sum + notional, 0);
}

function flowRows(records: readonly RunRecord[]): readonly (readonly string[])[] {
  const kinds = [...new Set(records.flatMap(({ flow }) => Object.keys(flow) as TakerKind[]))];
  return kinds.map((kind) => {
    const all = records.flatMap(({ flow }) => flow[kind] ?? []);
    const sum = (value: (flow: FlowRecord) => number) => all.reduce((total, flow) => total + value(flow), 0);
    const notional = sum((flow) => flow.notional);
    const markouts = MARKOUT_SECONDS.map((_, i) => ((1e4 * sum(({ markouts: m }) => m[i] ?? 0)) / notional).toFixed(1));
    return [
      kind,
      String(sum(({ trades }) => trades)),
      amount(notional),
      ...markouts,
      amount(sum(({ gained }) => gained)),
    ];
  });
}

function overTime(points: readonly { readonly x: number }[]): Pick<Chart, "xTitle" | "xScale" | "formatX" | "xTicks"> {
  const [from, to] = [points[0]?.x ?? 0, points.at(-1)?.x ?? 0];
  const step =
    [1, 2, 4, 7, 14, 28, 91].map((days) => days * DAY).find((seconds) => (to - from) / seconds <= 9) ?? 182 * DAY;
  const first = Math.ceil(from / step) * step;
  const count = Math.max(0, Math.floor((to - first) / step) + 1);
  return {
    xTitle: "UTC",
    xScale: "linear",
    xTicks: Array.from({ length: count }, (_, i) => first + i * step),
    formatX: (x) => new Date(x * 1000).toISOString().slice(5, 10),
  };
}

function valueChart(strategies: readonly Strategy[]): Chart {
  const series = strategies.map(({ name, paths }, i) => ({ name, isTotal: i === 0, points: pointsOf(paths) }));
  return {
    title: "Value of one quote token",
    subtitle: "mean over seeds",
    yTitle: "quote tokens",
    height: PANEL_HEIGHT,
    colours: "kinds",
    formatY: (y) => y.toFixed(3),
    series,
    ...overTime(series[0]?.points ?? []),
  };
}

/** Mean over seeds. */
function pointsOf(paths: readonly (readonly Valued[])[]): readonly { readonly x: number; readonly y: number }[] {
  const [first] = paths;
  return (first ?? []).map(({ time }, i) => {
    const seen = paths.flatMap((path) => path[i]?.value ?? []);
    return { x: time, y: seen.reduce((sum, x) => sum + x, 0) / seen.length };
  });
}

function seenChart(
  { records }: Strategy,
  name: string,
  title: string,
  yTitle: string,
  value: (hour: RunRecord["days"][number]) => number,
): Chart {
  const byTime = new Map<number, number[]>();
  for (const hour of records.flatMap(({ days }) => days)) {
    const seen = value(hour);
    if (Number.isFinite(seen)) byTime.set(hour.time, [...(byTime.get(hour.time) ?? []), seen]);
  }
  const points = [...byTime]
    .toSorted(([a], [b]) => a - b)
    .map(([x, seen]) => ({ x, y: seen.reduce((sum, y) => sum + y, 0) / seen.length }));
  return {
    title,
    subtitle: "at midnight, mean over seeds",
    yTitle,
    height: PANEL_HEIGHT,
    colours: "kinds",
    formatY: (y) => y.toFixed(2),
    series: [{ name, points: points.length > 0 ? points : [{ x: 0, y: 0 }] }],
    ...overTime(points),
  };
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = (row: readonly string[], tag: string) =>
    row.map((cell) => `<${tag}${cell.startsWith("−") ? ' class="bad"' : ""}>${text(cell)}</${tag}>`).join("");
  return `<table><thead><tr>${cells(head, "th")}</tr></thead><tbody>${rows.map((row) => `<tr>${cells(row, "td")}</tr>`).join("")}</tbody></table>`;
}

function percent(x: number): string {
  return `${signed(100 * x, 2)} %`;
}

function amount(x: number): string {
  return signed(x, 0);
}

function signed(x: number, digits: number): string {
  const shown = Math.abs(x).toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return x < 0 && Number(shown.replaceAll(",", "")) !== 0 ? `−${shown}` : shown;
}

function text(value: string): string {
  return value.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
