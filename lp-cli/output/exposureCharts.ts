import type { Chart } from "../../src/drawing/svgChart.ts";
import type { ExpiryExposure, PoolExposure } from "../../src/sdk/poolExposure.ts";
import { amount, signed, time } from "./format.ts";

const PANEL_HEIGHT = 360;

/** Profit by the move of spot, and vega and delta by expiry. */
export function exposureCharts(exposure: PoolExposure): readonly Chart[] {
  const { pool, profits, expiries, total, base } = exposure;
  const { quoteSymbol, symbol, spot } = pool;
  const at = `round ${pool.oracle.round}, ${time(pool.oracle.surfaceTime)}, spot ${amount(spot)} ${quoteSymbol}`;
  const over = (pick: (row: (typeof profits)[number]) => number) =>
    profits.map((row) => ({ x: spot * (1 + row.spotShock), y: pick(row) }));
  return [
    {
      title: `Pool ${pool.name}: profit by the spot`,
      subtitle: `${at}; nobody trades or hedges meanwhile`,
      xTitle: `spot, ${quoteSymbol}`,
      yTitle: quoteSymbol,
      xScale: "linear",
      height: PANEL_HEIGHT + 40,
      colours: "kinds",
      formatX: (x) => amount(x, 0),
      formatY: (y) => amount(y, 0),
      series: [
        { name: "now", points: over(({ now }) => now) },
        { name: "in a week", points: over(({ inAWeek }) => inAWeek) },
      ],
      reference: { x: spot, name: "spot" },
      table: {
        head: ["expiry", "days", "contracts", "value", "delta", "gamma, 1 %", "theta, a day", "vega, a point"],
        rows: expiries.map((row) => [
          row.name,
          amount(row.days, 1),
          amount(row.contracts, 1),
          amount(row.value),
          signed(row.delta, 3),
          signed(row.gamma, 3),
          signed(row.theta),
          signed(row.vega),
        ]),
      },
    },
    ...(expiries.length === 0
      ? []
      : [
          bars(expiries, ({ vega }) => vega, {
            title: "Vega by expiry",
            subtitle: `${signed(total.vega)} ${quoteSymbol} a volatility point in all`,
            yTitle: `${quoteSymbol} a point`,
          }),
          bars(expiries, ({ delta }) => delta, {
            title: "Delta by expiry",
            subtitle: `${signed(total.delta, 3)} ${symbol} in all, with the hedge of ${amount(base, 3)}`,
            yTitle: symbol,
          }),
        ]),
  ];
}

function bars(
  expiries: readonly ExpiryExposure[],
  pick: (expiry: ExpiryExposure) => number,
  words: Pick<Chart, "title" | "subtitle" | "yTitle">,
): Chart {
  return {
    ...words,
    xTitle: "expiry",
    xScale: "linear",
    height: PANEL_HEIGHT,
    xTicks: expiries.map((_, i) => i),
    formatX: (x) => expiries[x]?.name ?? "",
    formatY: (y) => amount(y, 1),
    series: [{ name: "", bars: true, points: expiries.map((expiry, x) => ({ x, y: pick(expiry) })) }],
  };
}
