import { plot } from "asciichart";
import { type Chart, extentOf, roundTicks } from "../../src/drawing/svgChart.ts";
import { bold, dim } from "./colour.ts";

const HEIGHT = 14;
/** Room that the y axis takes. */
const AXIS = 10;
const LEAST_WIDTH = 40;

/** A chart in characters: lines by asciichart, and below them an x axis with its unit. */
export function terminalChart(chart: Chart, columns = process.stdout.columns ?? 100): string {
  const width = Math.max(LEAST_WIDTH, Math.min(columns, 110) - AXIS - 2);
  const { xs, ys } = extentOf(chart);
  const root = chart.xScale === "root";
  const scale = root ? Math.sqrt : (x: number) => x;
  const back = (value: number) => (root ? value * value : value);
  const xAt = (column: number) => back(scale(xs[0]) + ((scale(xs[1]) - scale(xs[0])) * column) / (width - 1));
  const rows = chart.series.map(({ points }) => Array.from({ length: width }, (_, i) => valueAt(points, xAt(i))));
  const lines = plot(rows, {
    height: HEIGHT,
    min: ys[0],
    max: ys[1],
    format: (y: number) => chart.formatY(y).padStart(AXIS - 2),
  });
  const columnOf = (x: number) =>
    Math.round(((scale(x) - scale(xs[0])) / (scale(xs[1]) - scale(xs[0]) || 1)) * (width - 1));
  const ticks = (chart.xTicks ?? roundTicks(xs[0], xs[1], 6)).filter((x) => x >= xs[0] - 1e-9 && x <= xs[1] + 1e-9);
  return [
    bold(chart.title),
    dim(chart.subtitle),
    "",
    dim(`${chart.yTitle}`),
    lines,
    ...axis(
      ticks.map((x) => ({ column: columnOf(x), label: chart.formatX(x) })),
      width,
    ),
    dim(`${" ".repeat(AXIS)}${chart.xTitle}`),
  ].join("\n");
}

/** Linear between points; the ends' values beyond them. */
function valueAt(points: readonly { readonly x: number; readonly y: number }[], x: number): number {
  const right = points.findIndex((point) => point.x >= x);
  const above = points[right] ?? points.at(-1);
  const below = points[right - 1];
  if (!above) return Number.NaN;
  if (!below || above.x === below.x) return above.y;
  return below.y + ((above.y - below.y) * (x - below.x)) / (above.x - below.x);
}

function axis(ticks: readonly { readonly column: number; readonly label: string }[], width: number): readonly string[] {
  const rule = Array.from({ length: width }, () => "─");
  const names = Array.from({ length: width + 8 }, () => " ");
  let free = 0;
  for (const { column, label } of ticks) {
    rule[column] = "┬";
    const start = Math.max(0, column - Math.floor(label.length / 2));
    if (start < free) continue; // would touch the label before
    for (const [i, letter] of [...label].entries()) names[start + i] = letter;
    free = start + label.length + 1;
  }
  const pad = " ".repeat(AXIS);
  return [`${pad}${rule.join("")}`, `${pad}${names.join("").trimEnd()}`];
}
