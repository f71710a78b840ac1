import type { BookScenarios } from "../../src/sdk/bookScenario.ts";
import { byGain, dim } from "./colour.ts";
import { amount, percent, shock, signed } from "./format.ts";
import { heading, table } from "./table.ts";
import { terminalChart } from "./terminalChart.ts";

/** `scenario`. */
export function renderScenarios(view: BookScenarios): string {
  const { rows, volatilityShocks, quoteSymbol, nav } = view;
  const when = view.days === 0 ? "now" : `in ${view.days} days`;
  const share = (profit: number) => (nav > 0 ? ` ${percent(profit / nav, 2)}` : "");
  return [
    heading(`Pool ${view.pool}: profit if ${view.symbol} moved ${when}`),
    dim(
      `${quoteSymbol} and as a share of net asset value, ${amount(nav)}; spot ${amount(view.spot)}. Nobody trades or hedges meanwhile.`,
    ),
    "",
    table(
      [{ title: "spot" }, ...volatilityShocks.map((u) => ({ title: `volatility ${shock(u)}` }))],
      rows.map(({ spotShock, profits }) => [
        shock(spotShock),
        ...profits.map((profit) => byGain(profit, `${signed(profit)}${share(profit)}`)),
      ]),
    ),
    "",
    terminalChart({
      title: "Profit by the move of spot",
      subtitle: volatilityShocks.map((u) => `volatility ${shock(u)}`).join(", "),
      xTitle: "spot, %",
      yTitle: quoteSymbol,
      xScale: "linear",
      series: volatilityShocks.map((u, i) => ({
        name: shock(u),
        points: rows.map(({ spotShock, profits }) => ({ x: 100 * spotShock, y: profits[i] ?? 0 })),
      })),
      formatX: (x) => signed(x, 0),
      formatY: (y) => amount(y, 0),
    }),
  ].join("\n");
}
