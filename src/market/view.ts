import Table from "cli-table3";
import { expiryName } from "../chain/optionId.ts";
import type { TradeRecord } from "./participants.ts";

/** One expiry of the surface on chain. */
export interface SurfaceRow {
  readonly expiry: number;
  readonly days: number;
  readonly forward: number;
  /** At-the-money volatility, 0.6 is 60 %. */
  readonly volatility: number;
  readonly skew: number;
  /** Contracts the pool is net short. */
  readonly poolShort: number;
}

/** Everything the live view shows; amounts in quote tokens. */
export interface MarketStatus {
  readonly source: string;
  readonly modelTime: number;
  readonly progress: number | undefined;
  readonly spot: number;
  readonly uniswapSpot: number;
  readonly surface: readonly SurfaceRow[];
  readonly nav: number;
  readonly sharePrice: number;
  /** Requirement over NAV. */
  readonly utilisation: number;
  readonly reserve: number;
  readonly openInterest: number;
  /** The pool's net delta, positive long, and its base tokens; units of the underlying. */
  readonly delta: number;
  readonly baseHeld: number;
  /** Where this tick was hedged: the delta before. */
  readonly deltaBeforeHedge: number | undefined;
  readonly hedges: number;
  /** The first pool's distance from the venue, volatility points, and share of time within one so far. */
  readonly alignment: { readonly distance: number | undefined; readonly within1: number };
  /** What the arbitrage bot earned so far and in how many plans; undefined where there is none. */
  readonly arbitrage: { readonly result: number; readonly plans: number } | undefined;
  /** The other pools. */
  readonly otherPools: readonly { readonly name: string; readonly nav: number; readonly sharePrice: number }[];
  readonly insuranceFund: number;
  readonly liquidations: number;
  readonly oracleAge: number;
  readonly oracleRound: number;
  readonly trades: number;
  readonly refused: number;
  readonly expiriesSettled: number;
  readonly lastTrades: readonly TradeRecord[];
  readonly checkedBlocks: number;
  readonly violations: number;
  readonly rpcUrl: string;
}

const money = (value: number) => value.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const percent = (value: number) => `${(100 * value).toFixed(1)} %`;

/** Model time as `2026-02-03 08:00 UTC`. */
export function formatTime(seconds: number): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

/** The whole view as text, for a terminal that is redrawn. */
export function renderStatus(status: MarketStatus): string {
  const bar = status.progress === undefined ? "" : `  ${progressBar(status.progress)}`;
  const surface = new Table({
    head: ["expiry", "days", "forward", "ATM vol", "skew ρ", "pool short"],
    colAligns: ["left", "right", "right", "right", "right", "right"],
    style: { head: [], border: [], compact: true },
  });
  for (const row of status.surface) {
    surface.push([
      expiryName(row.expiry),
      row.days.toFixed(1),
      money(row.forward),
      percent(row.volatility),
      row.skew.toFixed(2),
      row.poolShort.toFixed(1),
    ]);
  }
  const trades = status.lastTrades.map(({ trader, order, cash }) => {
    const flow = cash >= 0 ? `pays ${money(cash)}` : `gets ${money(-cash)}`;
    return `  ${trader.padEnd(9)} ${order}  ${flow} USDC`;
  });
  return [
    `MENISCUS local market   ${formatTime(status.modelTime)}${bar}`,
    `${status.source}`,
    "",
    `spot        ${money(status.spot)} USDC   Uniswap v3 ${money(status.uniswapSpot)}   oracle round ${status.oracleRound}, ${status.oracleAge} s old`,
    `pool        NAV ${money(status.nav)} USDC   share ${status.sharePrice.toFixed(6)}   utilisation ${percent(status.utilisation)}   reserve R ${money(status.reserve)}`,
    ...status.otherPools.map(
      ({ name, nav, sharePrice }) => `${name.padEnd(11)} NAV ${money(nav)} USDC   share ${sharePrice.toFixed(6)}`,
    ),
    `prices      ${describeAlignment(status)}`,
    `hedge       delta ${status.delta.toFixed(2)} ETH${status.deltaBeforeHedge === undefined ? "" : ` (${(-status.deltaBeforeHedge).toFixed(2)} before)`}   base held ${status.baseHeld.toFixed(2)} ETH   ${status.hedges} hedges`,
    `market      open interest ${status.openInterest.toFixed(1)} contracts   ${status.trades} trades   ${status.refused} refused   ${status.expiriesSettled} expiries settled`,
    `safety      insurance fund ${money(status.insuranceFund)} USDC   ${status.liquidations} liquidations   claims = held in ${status.checkedBlocks} blocks, ${status.violations} violations`,
    "",
    surface.toString(),
    "",
    "last trades",
    ...(trades.length > 0 ? trades : ["  none yet"]),
    "",
    `RPC ${status.rpcUrl}   in another terminal: npx meniscus pools   (Ctrl-C ends the market)`,
  ].join("\n");
}

/** One line, for logs and pipes. */
export function renderLine(status: MarketStatus): string {
  return [
    formatTime(status.modelTime),
    `spot ${money(status.spot)}`,
    `NAV ${money(status.nav)}`,
    `share ${status.sharePrice.toFixed(6)}`,
    `utilisation ${percent(status.utilisation)}`,
    `${status.trades} trades`,
    `${status.hedges} hedges`,
    describeAlignment(status),
    `${status.expiriesSettled} expiries settled`,
    `${status.liquidations} liquidations`,
    `${status.violations} violations`,
  ].join(" · ");
}

function describeAlignment({ alignment, arbitrage }: MarketStatus): string {
  const now =
    alignment.distance === undefined ? "no reference" : `${alignment.distance.toFixed(2)} points from the venue`;
  const bot = arbitrage ? `arbitrage ${money(arbitrage.result)} USDC in ${arbitrage.plans} plans` : "no arbitrage bot";
  return `${now} (within 1: ${percent(alignment.within1)}) · ${bot}`;
}

function progressBar(share: number): string {
  const width = 24;
  const full = Math.round(width * Math.min(1, Math.max(0, share)));
  return `[${"█".repeat(full)}${"░".repeat(width - full)}] ${Math.round(100 * share)} %`;
}
