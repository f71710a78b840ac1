/** A line of a chart; where `marks` is set its points are shown. */
export interface ChartSeries {
  readonly name: string;
  readonly points: readonly { readonly x: number; readonly y: number; readonly error?: number }[];
  readonly marks?: boolean;
  /** Bars from zero, one at each whole x, and no line. */
  readonly bars?: boolean;
  /** Drawn heavier, in black: the sum of the others. */
  readonly isTotal?: boolean;
}

/** A picture as data; the same for the terminal, for SVG and for a page. */
export interface Chart {
  readonly title: string;
  readonly subtitle: string;
  readonly xTitle: string;
  readonly yTitle: string;
  readonly series: readonly ChartSeries[];
  /** `root` gives near expiries room. */
  readonly xScale: "linear" | "root";
  readonly formatX: (x: number) => string;
  readonly formatY: (y: number) => string;
  /** Where ticks stand on the x axis; round numbers where left out. */
  readonly xTicks?: readonly number[];
  /** A vertical line with a name: the forward, for example. */
  readonly reference?: { readonly x: number; readonly name: string };
  /** Colours from near to far (left out), or such that tell kinds apart. */
  readonly colours?: "kinds";
  /** In points (540). */
  readonly height?: number;
  /** Rows under the picture on a page. */
  readonly table?: { readonly head: readonly string[]; readonly rows: readonly (readonly string[])[] };
}

const WIDTH = 900;
const HEIGHT = 540;
const FRAME = { left: 84, right: 36, top: 74, bottom: 62 };
/** Half of what a bar takes of the x axis, with the gap beside it, and the part of it that is drawn. */
const BAR = 0.6;
const BAR_DRAWN = 0.38;
/** What the legend takes on the right: a dash, and its longest name. */
const LEGEND_DASH = 53;
const LETTER = 6.6;
/** From near (dark) to far (light), readable on white and told apart without red and green. */
const RAMP = [
  [59, 15, 112],
  [140, 41, 129],
  [222, 73, 104],
  [254, 170, 100],
] as const;

/** Okabe and Ito's colours, told apart without red and green, and three more. */
const KINDS = [
  "#0072b2",
  "#e69f00",
  "#009e73",
  "#d55e00",
  "#56b4e9",
  "#cc79a7",
  "#8c6d31",
  "#6a3d9a",
  "#7f7f7f",
  "#b8a900",
] as const;

function rampColour(share: number): string {
  const at = share * (RAMP.length - 1);
  const [low, high] = [RAMP[Math.floor(at)] ?? RAMP[0], RAMP[Math.ceil(at)] ?? RAMP[0]];
  const channels = low.map((value, i) => Math.round(value + (at % 1) * ((high[i] ?? value) - value)));
  return `rgb(${channels.join(",")})`;
}

/** Round numbers from `low` to `high`, about `count` of them: 1, 2 or 5 times a power of ten. */
export function roundTicks(low: number, high: number, count: number): readonly number[] {
  const raw = (high - low) / count;
  if (!(raw > 0)) return [low];
  const power = 10 ** Math.floor(Math.log10(raw));
  const miss = (factor: number) => Math.abs(Math.log((factor * power) / raw));
  const step = power * [1, 2, 5, 10].reduce((best, factor) => (miss(factor) < miss(best) ? factor : best));
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/** Lowest and highest value of a chart's axes, with a little room above and below. */
export function extentOf({ series }: Chart) {
  const hasBars = series.some(({ bars = false }) => bars);
  const points = series.flatMap((item) => item.points);
  const xs = points.flatMap(({ x }) => (hasBars ? [x - BAR, x + BAR] : [x]));
  const ys = points.flatMap(({ y, error = 0 }) => [y - error, y + error, ...(hasBars ? [0] : [])]);
  const [low, high] = [Math.min(...ys), Math.max(...ys)];
  const room = (high - low) * 0.08 || Math.abs(high) * 0.01 || 1;
  // What is never negative does not show room for it.
  const bottom = low < 0 ? low - room : Math.max(0, low - room);
  return { xs: [Math.min(...xs), Math.max(...xs)] as const, ys: [bottom, high + room] as const };
}

/** Charts as one SVG document that needs nothing else, one below the other with their left and right ends in line. */
export function svgChart(...charts: readonly Chart[]): string {
  const legend = Math.max(0, ...charts.map(legendWidth));
  const heights = charts.map(({ height = HEIGHT }) => height);
  const total = heights.reduce((sum, height) => sum + height, 0);
  const panels = charts.map((chart, i) => {
    const above = heights.slice(0, i).reduce((sum, height) => sum + height, 0);
    return `<g transform="translate(0 ${above})">\n${panel(chart, legend)}\n</g>`;
  });
  const [first] = charts;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${total}" width="${WIDTH}" height="${total}" role="img" aria-label="${escapeXml(first?.title ?? "")}">
<style>text{font:13px system-ui,"Segoe UI",Helvetica,Arial,sans-serif;fill:#333}.title{font-size:18px;font-weight:600;fill:#111}.grid{stroke:#e6e6ea}.axis{stroke:#777}.zero{stroke:#999}.reference{stroke:#999;stroke-dasharray:4 4}</style>
<rect width="${WIDTH}" height="${total}" fill="#fff"/>
${panels.join("\n")}
</svg>
`;
}

function legendWidth({ series }: Chart): number {
  return series.length > 1 ? LEGEND_DASH + LETTER * Math.max(...series.map(({ name }) => name.length)) : 0;
}

/** One chart, its upper left corner at 0, 0. */
function panel(chart: Chart, legendRoom: number): string {
  const { xs, ys } = extentOf(chart);
  const scale = chart.xScale === "root" ? Math.sqrt : (x: number) => x;
  const [left, right] = [FRAME.left, WIDTH - FRAME.right - legendRoom];
  const [top, bottom] = [FRAME.top, (chart.height ?? HEIGHT) - FRAME.bottom];
  const span = scale(xs[1]) - scale(xs[0]) || 1;
  const px = (x: number) => left + ((scale(x) - scale(xs[0])) / span) * (right - left);
  const py = (y: number) => bottom - ((y - ys[0]) / (ys[1] - ys[0] || 1)) * (bottom - top);
  const n = (value: number) => value.toFixed(1);
  const colour = (i: number) =>
    chart.series[i]?.isTotal === true
      ? "#111"
      : chart.colours === "kinds"
        ? (KINDS[i % KINDS.length] ?? KINDS[0])
        : rampColour(i / Math.max(1, chart.series.length - 1));

  const yTicks = roundTicks(ys[0], ys[1], 6).map(
    (y) =>
      `<line x1="${left}" x2="${right}" y1="${n(py(y))}" y2="${n(py(y))}" class="grid"/>` +
      `<text x="${left - 10}" y="${n(py(y) + 4)}" text-anchor="end">${escapeXml(chart.formatY(y))}</text>`,
  );
  const wanted = chart.xTicks ?? roundTicks(xs[0], xs[1], 8);
  // Labels that would touch the one before are left out, the tick stays.
  let labelled = -Infinity;
  const xTicks = wanted
    .filter((x) => x >= xs[0] - 1e-9 && x <= xs[1] + 1e-9)
    .map((x) => {
      const label = chart.formatX(x);
      const fits = px(x) - labelled > 8 * label.length * 0.5 + 26;
      if (fits) labelled = px(x);
      return (
        `<line x1="${n(px(x))}" x2="${n(px(x))}" y1="${bottom}" y2="${bottom + 5}" class="axis"/>` +
        (fits ? `<text x="${n(px(x))}" y="${bottom + 20}" text-anchor="middle">${escapeXml(label)}</text>` : "")
      );
    });
  const lines = chart.series.map(({ points, marks = false, isTotal = false, bars = false }, i) => {
    if (bars) {
      return points
        .map(({ x, y }) => {
          const [x0, x1] = [px(x - BAR_DRAWN), px(x + BAR_DRAWN)];
          const [y0, y1] = [py(Math.max(0, y)), py(Math.min(0, y))];
          return `<rect x="${n(x0)}" y="${n(y0)}" width="${n(x1 - x0)}" height="${n(y1 - y0)}" fill="${y < 0 ? KINDS[3] : KINDS[0]}"/>`;
        })
        .join("");
    }
    const path = points.map(({ x, y }, j) => `${j === 0 ? "M" : "L"}${n(px(x))} ${n(py(y))}`).join("");
    const dots = marks
      ? points.map(({ x, y, error = 0 }) => {
          const bar = `<line x1="${n(px(x))}" x2="${n(px(x))}" y1="${n(py(y - error))}" y2="${n(py(y + error))}" stroke="${colour(i)}" stroke-width="1.2"/>`;
          return `${error > 0 ? bar : ""}<circle cx="${n(px(x))}" cy="${n(py(y))}" r="3.4" fill="${colour(i)}"/>`;
        })
      : [];
    return `<path d="${path}" fill="none" stroke="${colour(i)}" stroke-width="${isTotal ? 3 : 2}" stroke-linejoin="round"/>${dots.join("")}`;
  });
  const legend =
    chart.series.length < 2
      ? []
      : chart.series.map(({ name }, i) => {
          const y = top + 12 + i * 20;
          return (
            `<line x1="${right + 18}" x2="${right + 40}" y1="${y - 4}" y2="${y - 4}" stroke="${colour(i)}" stroke-width="3"/>` +
            `<text x="${right + 47}" y="${y}">${escapeXml(name)}</text>`
          );
        });
  const zero =
    ys[0] < 0 && ys[1] > 0 ? `<line x1="${left}" x2="${right}" y1="${n(py(0))}" y2="${n(py(0))}" class="zero"/>` : "";
  const reference = chart.reference
    ? `<line x1="${n(px(chart.reference.x))}" x2="${n(px(chart.reference.x))}" y1="${top}" y2="${bottom}" class="reference"/>` +
      `<text x="${n(px(chart.reference.x) + 6)}" y="${top + 12}">${escapeXml(chart.reference.name)}</text>`
    : "";
  return `<text x="${left}" y="30" class="title">${escapeXml(chart.title)}</text>
<text x="${left}" y="51">${escapeXml(chart.subtitle)}</text>
${yTicks.join("\n")}
${zero}
<line x1="${left}" x2="${right}" y1="${bottom}" y2="${bottom}" class="axis"/>
<line x1="${left}" x2="${left}" y1="${top}" y2="${bottom}" class="axis"/>
${xTicks.join("\n")}
${reference}
${lines.join("\n")}
${legend.join("\n")}
<text x="${(left + right) / 2}" y="${bottom + 46}" text-anchor="middle">${escapeXml(chart.xTitle)}</text>
<text transform="translate(18 ${(top + bottom) / 2}) rotate(-90)" text-anchor="middle">${escapeXml(chart.yTitle)}</text>`;
}

/** The same picture as a page with its numbers, which needs nothing else. */
export function htmlPage(...charts: readonly Chart[]): string {
  const cells = (row: readonly string[], tag: string) =>
    row.map((text) => `<${tag}>${escapeXml(text)}</${tag}>`).join("");
  const numbers = charts.flatMap(({ table }) =>
    table
      ? [
          `<table><thead><tr>${cells(table.head, "th")}</tr></thead><tbody>${table.rows
            .map((row) => `<tr>${cells(row, "td")}</tr>`)
            .join("")}</tbody></table>`,
        ]
      : [],
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escapeXml(charts[0]?.title ?? "")}</title>
<style>body{font:14px system-ui,"Segoe UI",Helvetica,Arial,sans-serif;color:#222;margin:24px;max-width:900px}svg{max-width:100%;height:auto}table{border-collapse:collapse;margin-top:12px;font-variant-numeric:tabular-nums}th,td{padding:4px 12px;text-align:right;border-bottom:1px solid #e6e6ea}th:first-child,td:first-child{text-align:left}</style>
</head><body>
${svgChart(...charts)}${numbers.join("\n")}
</body></html>
`;
}

function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
