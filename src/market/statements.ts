import Table from "cli-table3";
import type { Chain, PublicClient, Transport } from "viem";
import type { Deployment } from "../chain/deployments.ts";
import { type PoolStatement, readStatement, type StatementPart, statementParts } from "../sdk/statement.ts";
import type { LiquidityProvider } from "./participants.ts";
import type { LpReport, MarketReport } from "./report.ts";

/** What became of each LP, from the chain's events. */
export async function lpReports(
  client: PublicClient<Transport, Chain>,
  deployment: Deployment,
  lps: readonly LiquidityProvider[],
): Promise<readonly LpReport[]> {
  const names = Object.fromEntries(lps.map(({ address, name }) => [address, name]));
  const pools = [...new Set(lps.map(({ pool }) => pool))];
  const statements = new Map<string, PoolStatement>();
  for (const pool of pools) statements.set(pool, await readStatement(client, deployment, { names, pool }));
  return lps.map(({ name, address, pool }) => {
    const own = statements.get(pool)?.lps.find((lp) => lp.address.toLowerCase() === address.toLowerCase());
    if (!own) throw new Error(`${name} has no statement`);
    const { deposited, withdrawn, change, parts, residual } = own;
    return { name, pool, deposited, withdrawn, change, parts, residual };
  });
}

/** What each part is, in a few words. */
const meanings: Readonly<Record<StatementPart, string>> = {
  premium: "premium over the last mark's value",
  spread: "spread",
  impact: "price impact",
  fees: "fees",
  delta: "delta: spot moved",
  gamma: "gamma: spot moved, squared",
  theta: "theta: time passed",
  vega: "vega: the surface moved",
  higherOrder: "higher orders of a spot move",
  hedging: "hedging",
  keepers: "paid for marks",
  insurance: "insurance received",
  shortfall: "unpaid at settlement",
  backstop: "paid behind the insurance fund",
  gifts: "gifts",
  rounding: "rounding",
  entryAndExit: "entering and leaving, own and others'",
};

/** The LPs' statements side by side, and what was proved on the way. */
export function renderStatements(report: MarketReport, symbol: string): string {
  const { lps, conservation } = report;
  const table = new Table({
    head: [`LP statement, ${symbol}`, ...lps.map(({ name, pool }) => `${name} (${pool})`)],
    colAligns: ["left", ...lps.map(() => "right" as const)],
    style: { head: [], border: [], compact: true },
  });
  const row = (label: string, value: (lp: LpReport) => number) =>
    table.push([label, ...lps.map((lp) => money(value(lp)))]);
  row("deposited", (lp) => lp.deposited);
  row("withdrawn", (lp) => lp.withdrawn);
  row("change", (lp) => lp.change);
  for (const part of statementParts) {
    if (lps.some((lp) => Math.abs(lp.parts[part] ?? 0) >= 0.005))
      row(`  ${meanings[part]}`, (lp) => lp.parts[part] ?? 0);
  }
  row("change less the sum of the parts", (lp) => lp.residual);
  const sums = Object.keys(conservation.claims).map(
    (token) => `${token} claims ${conservation.claims[token]}, held ${conservation.held[token]}`,
  );
  const refused = Object.entries(report.refused).map(([name, count]) => `${count} × ${name}`);
  return [
    "",
    table.toString(),
    "",
    `${report.trades} trades, ${report.expiriesSettled} expiries settled, ${report.model.ticks} reports (${report.model.source})`,
    `prices: core within a volatility point of the venue ${percent(report.alignment.within1)} of the time (each option by itself ${percent(report.alignment.optionsWithin1)}), ${report.alignment.distance.toFixed(2)} points on average`,
    report.arbitrage
      ? `arbitrage: ${report.arbitrage.plans} plans for ${money(report.arbitrage.promised)} ${symbol} after costs; result ${money(report.arbitrage.result)} ${symbol}`
      : "arbitrage: no bot",
    refused.length > 0 ? `orders refused: ${refused.join(", ")}` : "no order was refused",
    `conservation: ${conservation.checkedBlocks} blocks checked, ${conservation.violations} violations; ${sums.join("; ")}`,
  ].join("\n");
}

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;

function money(value: number): string {
  const rounded = Math.abs(value) < 0.005 ? 0 : value;
  return rounded.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
}
