import type { Chart } from "../../src/drawing/svgChart.ts";
import { type StatementPart, type StatementRow, statementParts } from "../../src/sdk/statement.ts";
import type { Simulation, StatementResult } from "../commands/statement.ts";
import { amount, day, percent, signed, time } from "./format.ts";

const HOUR = 3_600;
const DAY = 86_400;
const PANEL_HEIGHT = 400;
/** Of the largest cause: what stays below it is drawn together. */
const LEAST_SHARE = 0.04;
/** Lines that can be told apart. */
const MOST_LINES = 9;

/** Round steps of time, so that about eight ticks fit. */
function timeTicks(from: number, to: number): readonly number[] {
  const steps = [HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 4 * DAY, 7 * DAY, 14 * DAY, 28 * DAY, 91 * DAY];
  const step = steps.find((candidate) => (to - from) / candidate <= 9) ?? 364 * DAY;
  const first = Math.ceil(from / step) * step;
  return Array.from({ length: Math.max(0, Math.floor((to - first) / step) + 1) }, (_, i) => first + i * step);
}

function overTime(rows: readonly StatementRow[]): Pick<Chart, "xTitle" | "xScale" | "formatX" | "xTicks"> {
  const [from, to] = [rows[0]?.time ?? 0, rows.at(-1)?.time ?? 0];
  const ticks = timeTicks(from, to);
  const hours = ticks.some((tick) => tick % DAY !== 0);
  return {
    xTitle: "model time of the mark, UTC",
    xScale: "linear",
    xTicks: ticks,
    formatX: (x) => (hours ? time(x).slice(5, 16) : day(x).slice(5)),
  };
}

/** The price of a share, and what leaving pays for it. */
export function sharePriceChart(rows: readonly StatementRow[], pool: string, quoteSymbol: string): Chart {
  const [first, last] = [rows[0], rows.at(-1)];
  const change = first && last ? last.sharePrice / first.sharePrice - 1 : 0;
  return {
    title: `Share price of pool ${pool}`,
    subtitle: `${day(first?.time ?? 0)} to ${day(last?.time ?? 0)}: ${signed(100 * change, 2)} %`,
    yTitle: `${quoteSymbol} a share`,
    height: PANEL_HEIGHT,
    colours: "kinds",
    formatY: (y) => amount(y, 4),
    ...overTime(rows),
    series: [
      { name: "mid", isTotal: true, points: rows.map(({ time: x, sharePrice: y }) => ({ x, y })) },
      { name: "leaving", points: rows.map(({ time: x, bid: y }) => ({ x, y })) },
    ],
  };
}

/** Causes of profit as they add up over time; the small ones together. */
function partsChart(
  rows: readonly StatementRow[],
  flowsOf: (row: StatementRow) => StatementRow["pool"] | null,
  words: Pick<Chart, "title" | "subtitle"> & { readonly quoteSymbol: string },
): Chart {
  const running = (parts: readonly StatementPart[]) => {
    let sum = 0;
    return rows.map((row) => {
      const flows = flowsOf(row);
      sum += flows ? parts.reduce((total, part) => total + flows.parts[part], 0) : 0;
      return { x: row.time, y: sum };
    });
  };
  const largest = (part: StatementPart) => Math.max(...running([part]).map(({ y }) => Math.abs(y)));
  const bySize = statementParts.map((part) => ({ part, size: largest(part) })).toSorted((a, b) => b.size - a.size);
  const least = LEAST_SHARE * (bySize[0]?.size ?? 0);
  const drawn = new Set(
    bySize
      .filter(({ size }) => size > least)
      .slice(0, MOST_LINES)
      .map(({ part }) => part),
  );
  const rest = statementParts.filter((part) => !drawn.has(part));
  const lines = [
    { name: "all", parts: statementParts, isTotal: true },
    ...statementParts.filter((part) => drawn.has(part)).map((part) => ({ name: partName(part), parts: [part] })),
    { name: "the rest", parts: rest },
  ].map(({ parts, ...line }) => ({ ...line, points: running(parts) }));
  const end = (points: readonly { readonly y: number }[]) => points.at(-1)?.y ?? 0;
  return {
    ...words,
    yTitle: words.quoteSymbol,
    height: PANEL_HEIGHT + 40,
    colours: "kinds",
    formatY: (y) => amount(y, 0),
    ...overTime(rows),
    series: lines.map(({ name, ...line }) => ({ ...line, name: `${name} ${signed(end(line.points), 0)}` })),
    table: { head: ["cause", words.quoteSymbol], rows: lines.map(({ name, points }) => [name, signed(end(points))]) },
  };
}

/** `statement --out`: the share price, and below it why it moved. */
export function statementCharts({ pool, statement }: StatementResult, rows: readonly StatementRow[]): readonly Chart[] {
  const flows = statement ?? pool;
  const parts = partsChart(rows, (row) => (statement ? row.lp : row.pool), {
    title: statement ? "Your profit by its causes" : "The pool's profit by its causes",
    subtitle: `${signed(flows.change)} ${pool.quoteSymbol} in all, each line from the start of the period`,
    quoteSymbol: pool.quoteSymbol,
  });
  return [sharePriceChart(rows, pool.name, pool.quoteSymbol), parts];
}

/** `simulate --out`. */
export function simulationCharts(simulation: Simulation, rows: readonly StatementRow[]): readonly Chart[] {
  const { pool, quoteSymbol, profit, amount: paid, drawdown } = simulation;
  const parts = partsChart(rows, (row) => row.lp, {
    title: `What ${amount(paid)} ${quoteSymbol} would have become`,
    subtitle: `leaving now would pay ${amount(simulation.valueLeaving)}: ${signed(profit)}, ${percent(profit / paid, 2)}; deepest fall ${percent(drawdown.share, 2)}`,
    quoteSymbol,
  });
  return [sharePriceChart(rows, pool, quoteSymbol), parts];
}

/** `entryAndExit` as `entry and exit`. */
export function partName(part: string): string {
  return part.replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase();
}
