/** Two real markets of weeks replayed with a realistic flow: whether the LPs' statements add up, and what hedging does to the pool's risk. */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { signed } from "../../../lp-cli/output/format.ts";
import { writePicture } from "../../../lp-cli/output/picture.ts";
import { statementCharts } from "../../../lp-cli/output/statementCharts.ts";
import type { Chart } from "../../../src/drawing/svgChart.ts";
import { openReplay } from "../../../src/market-data/csvReplay.ts";
import { statementParts } from "../../../src/sdk/statement.ts";
import type { BenchOptions, BenchReport, Figure } from "../figure.ts";
import {
  drawdownOf,
  type Group,
  groups,
  intervalsOf,
  isUnhedgeable,
  profitOf,
  type Risk,
  residualOf,
  riskOf,
} from "./replay/figures.ts";
import { type ReplayResult, runReplay } from "./replay/runReplay.ts";

interface Period {
  readonly name: "february" | "marchApril";
  readonly title: string;
  /** Midnight UTC of the first day. */
  readonly from: number;
  readonly days: number;
}

const PERIODS: readonly Period[] = [
  { name: "february", title: "February 2026", from: Date.UTC(2026, 1, 1) / 1000, days: 28 },
  { name: "marchApril", title: "March and April 2026", from: Date.UTC(2026, 2, 1) / 1000, days: 61 },
];
const SEED = 1;
const [FOUR_HOURS, DAY] = [4 * 3_600, 86_400];

/** Both at once: each waits for its own chain most of the time. */
export async function benchReplay({ dataDirectory, outDirectory }: BenchOptions): Promise<BenchReport> {
  if (!existsSync(join(dataDirectory, "options")) || !existsSync(join(dataDirectory, "spot"))) {
    throw new Error(`no candles and option chains (spot/, options/) in ${dataDirectory}: pass --data DIR`);
  }
  if (outDirectory !== undefined) mkdirSync(outDirectory, { recursive: true });
  const results = await Promise.all(
    PERIODS.map(async (period) => ({ period, result: await replay(period, dataDirectory) })),
  );
  if (outDirectory !== undefined) {
    for (const { period, result } of results) draw(period, result, join(outDirectory, `${period.name}.svg`));
  }
  const ratios = results.map(({ result }) => daily(result).ratio);
  return {
    lines: results.flatMap(({ period, result }, i) => [...(i === 0 ? [] : [""]), ...describe(period, result)]),
    figures: [
      ...results.flatMap(({ period, result }) => figuresOf(period, result)),
      {
        name: "hedge.stdRatio",
        value: Math.max(...ratios),
        unit: "standard deviation of daily profit, hedged over unhedged, of the worse replay (bound 0.30)",
      },
    ],
  };
}

async function replay({ title, from, days }: Period, directory: string): Promise<ReplayResult> {
  const world = await openReplay({ directory, from, days });
  const start = performance.now();
  const onDay = (day: number) => {
    const seconds = Math.round((performance.now() - start) / 1000);
    if (day % 7 === 0 || day === days) console.error(`bench: ${title}, day ${day} of ${days}, ${seconds} s`);
  };
  return await runReplay({ world, from, days, seed: SEED, onDay });
}

const daily = ({ statement, exposures }: ReplayResult): Risk => riskOf(intervalsOf(statement.rows, DAY, exposures));

function figuresOf({ name }: Period, result: ReplayResult): readonly Figure[] {
  const { statement, hedges } = result;
  const figure = (of: string, value: number, unit: string): Figure => ({ name: `replay.${name}.${of}`, value, unit });
  const { ratio, deltaRatio } = daily(result);
  return [
    figure("residual", residualOf(statement), "quote tokens, the largest of pool, LPs and rows (0)"),
    figure("stdRatio", ratio, "standard deviation of daily profit, hedged over unhedged"),
    figure("deltaStdRatio", deltaRatio, "the same of what delta alone brought"),
    figure("hedgeCost", hedges.cost, "quote tokens against the oracle's spot, bounties included"),
    figure("profit", statement.pool.change, "quote tokens on a million"),
    figure("drawdown", drawdownOf(statement.rows), "deepest fall of the share price"),
  ];
}

/** What happened, what the pool gained by which cause, and how much of its risk came from where. */
function describe({ title, days }: Period, result: ReplayResult): readonly string[] {
  const { statement, trades, tooDear, refused, hedges, settled, liquidations, confirmations, exposures } = result;
  const { pool, lps, rows } = statement;
  const refusals = [...refused].map(([name, count]) => `, ${count} × ${name}`).join("");
  const [byDay, byFour] = [daily(result), riskOf(intervalsOf(rows, FOUR_HOURS, exposures))];
  const volume = lps.reduce((sum, { flows }) => Math.max(sum, flows.volume), 0);
  return [
    `${title}: ${trades} swaps, ${tooDear} dearer than the venue${refusals}; ${settled} expiries settled, ${liquidations} liquidations, ${confirmations} reports confirmed a minute later`,
    `share price ${pool.sharePrice.toFixed(6)} after ${days} days, lowest ${Math.min(...rows.map(({ sharePrice }) => sharePrice)).toFixed(6)}, deepest fall ${(100 * drawdownOf(rows)).toFixed(2)} %; NAV ${money(pool.nav)}; an LP's share of the volume at most ${volume.toFixed(0)} contracts; marks not reproduced ${pool.mismatches}`,
    `${hedges.count} hedges of ${money(hedges.turnover)} ${pool.quoteSymbol} together cost ${money(hedges.cost)}, bounties included`,
    exposed(exposures),
    `profit ${signed(pool.change, 0)} ${pool.quoteSymbol}: ${statementParts
      .filter((part) => Math.abs(pool.parts[part]) >= 0.005)
      .map((part) => `${part} ${signed(pool.parts[part], 0)}`)
      .join(", ")}`,
    "standard deviation of profit          a day   four hours",
    ...riskRows(byDay, byFour),
  ];
}

/** A pool cannot be short the underlying: how long it was without base to sell. */
function exposed(exposures: ReplayResult["exposures"]): string {
  const long = exposures.filter(isUnhedgeable);
  const share = long.length / exposures.length;
  const mean = long.reduce((sum, { delta }) => sum + delta, 0) / Math.max(1, long.length);
  return `long without base in ${(100 * share).toFixed(0)} % of the hours, by ${mean.toFixed(1)} ETH on average`;
}

function riskRows(byDay: Risk, byFour: Risk): readonly string[] {
  const row = (name: string, of: (risk: Risk) => number, digits = 0) =>
    `  ${name.padEnd(32)} ${of(byDay).toFixed(digits).padStart(8)} ${of(byFour).toFixed(digits).padStart(12)}`;
  const words: Readonly<Record<Group, string>> = {
    delta: "of options' delta",
    hedging: "of the base held",
    gammaAndTheta: "of gamma and theta",
    vega: "of vega",
    earned: "of what swaps brought",
    other: "of all else",
  };
  return [
    row("hedged", ({ hedged }) => hedged),
    row("unhedged", ({ unhedged }) => unhedged),
    row("hedged over unhedged", ({ ratio }) => ratio, 3),
    row("delta hedged over delta", ({ deltaRatio }) => deltaRatio, 3),
    row("of delta, long without base", ({ unhedgeable }) => unhedgeable),
    ...(Object.keys(groups) as Group[]).map((group) => row(words[group], ({ of }) => of[group])),
  ];
}

/** The share price, the pool's profit by its causes, and the same profit without the hedge. */
function draw({ title }: Period, { statement }: ReplayResult, file: string): void {
  const { pool, period, rows } = statement;
  const result = { pool, period: { ...period, from: null, to: null }, statement: null, history: null, file };
  const [price, parts] = statementCharts(result, rows);
  if (!price || !parts) return;
  const sums = profitOf(rows);
  const line = (name: string, of: (sum: (typeof sums)[number]) => number, isTotal = false) => ({
    name: `${name} ${signed(of(sums.at(-1) ?? { time: 0, hedged: 0, hedging: 0 }), 0)}`,
    points: sums.map((sum) => ({ x: sum.time, y: of(sum) })),
    isTotal,
  });
  const { ratio } = riskOf(intervalsOf(rows, DAY));
  const { reference: _, table: __, ...frame } = parts;
  const hedge: Chart = {
    ...frame,
    title: "The pool's profit with its hedge and without",
    subtitle: `standard deviation of a day's profit: ${(100 * ratio).toFixed(0)} % of that without`,
    series: [
      line("hedged", ({ hedged }) => hedged, true),
      line("unhedged", ({ hedged, hedging }) => hedged - hedging),
      line("the hedge", ({ hedging }) => hedging),
    ],
  };
  writePicture(file, { ...price, title: `${title}: ${price.title.toLowerCase()}` }, parts, hedge);
}

function money(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}
