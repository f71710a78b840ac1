/** A drill's outcome as lines for a reader: who lost, who paid, who was paid how much of what he was due. */
import { formatUnits } from "viem";
import { expiryName } from "../../../../src/chain/optionId.ts";
import type { DrillResult } from "./runDrill.ts";

const QUOTE_DECIMALS = 6;
const BASE_DECIMALS = 18;

export function printDrill(result: DrillResult): readonly string[] {
  const { drill, outage, spots, waterfall, auctions, conservation } = result;
  const clock = (time: number) => new Date(time * 1000).toISOString().slice(0, 16).replace("T", " ");
  const source =
    drill.volatility.from === "realised" ? "as realised (no chains of that time)" : "of the recorded chains";
  return [
    `── ${drill.title} ──`,
    `spot ${spots.opening.toFixed(0)} at the opening, ${spots.lowest.toFixed(0)} at the lowest look; volatility ${source}; skew −0.3.`,
    `${result.reports} reports, ${result.confirmations} of them to confirm a move; no oracle ${clock(outage.from)} to ${clock(outage.to).slice(11)};`,
    `no liquidator ${drill.liquidatorsAsleep.map(({ from, to }) => `${clock(from)} to ${clock(to)}`).join(", ")}.`,
    "",
    "Losses, in the written order                          USDC",
    row("owed by accounts at settlement", waterfall.owed),
    row("  paid from their own collateral", waterfall.ownCash),
    row("  paid by the insurance fund", waterfall.covered),
    row("  paid by the pool behind it", waterfall.backed),
    row("  left to the payout ratios", waterfall.shortfall),
    row("auctions: paid by bidders into the accounts", waterfall.auctionProceeds),
    row("  of it penalties, to the insurance fund", waterfall.penalties),
    row("auctions: paid by the insurance fund to bidders", waterfall.auctionCosts),
    row("paid late by debtors", waterfall.late),
    row("  of it to the pool behind the insurance fund", waterfall.backstopsRepaid),
    row("  of it to the insurance fund", waterfall.repaid),
    row("unpaid: what this leaves unexplained", waterfall.unpaid),
    ...waterfall.unexplained.map(({ what, amount }) => row(`  ${what}`, amount)),
    "",
    "Expiry        price        owed   own cash       fund       pool  shortfall   ratio         due        paid  paid late",
    ...waterfall.expiries.map((expiry) =>
      [
        expiryName(expiry.expiry).padEnd(8),
        expiry.price.toFixed(2).padStart(10),
        ...[expiry.owed, expiry.ownCash, expiry.covered, expiry.backed, expiry.shortfall].map((units) =>
          money(units).padStart(11),
        ),
        expiry.ratio.toFixed(5).padStart(8),
        ...[expiry.due, expiry.paid, expiry.late].map((units) => money(units).padStart(11)),
      ].join(""),
    ),
    "",
    "Who was due                            due         paid   share",
    ...waterfall.claims
      .toSorted((a, b) => Number(b.due - a.due))
      .map(({ account, due, paid }) =>
        [
          (result.names.get(account) ?? account.toString(16)).padEnd(28),
          money(due).padStart(14),
          money(paid).padStart(13),
          `${((Number(paid) / Number(due)) * 100).toFixed(2)} %`.padStart(10),
        ].join(""),
      ),
    "",
    "Who wrote                 cash in    base in   cash home  base home  still owes  base left",
    ...result.writers.map(({ name, cashIn, baseIn, cashOut, baseOut, debt, baseLeft }) =>
      [
        name.padEnd(20),
        ...[money(cashIn), coins(baseIn), money(cashOut), coins(baseOut), money(debt), coins(baseLeft)].map((cell) =>
          cell.padStart(12),
        ),
      ].join(""),
    ),
    "",
    ...[...result.liquidityProviders, { name: "insurance staker", ...result.staker }].map(
      ({ name, paidIn, paidOut }) => `${name}: paid in ${money(paidIn)}, paid out ${money(paidOut)}`,
    ),
    `left in the ledger: ${result.left.map(({ name, amount }) => `${name} ${formatUnits(amount, QUOTE_DECIMALS)}`).join(", ") || "nothing"}`,
    `auctions: ${auctions.started} started, ${auctions.bids} bids, ${auctions.running} running at the end`,
    `conservation: ${conservation.checkedBlocks} blocks, ${conservation.violations} violations`,
    `acts that must never be refused: ${result.acts}, refused ${result.refusals.length}`,
    ...result.refusals
      .slice(0, 10)
      .map(({ time, what, reason }) => `  ${clock(time)} ${what}: ${reason.slice(0, 160)}`),
    `${result.seconds.toFixed(0)} s`,
  ];
}

function row(text: string, units: bigint): string {
  return `${text.padEnd(46)}${formatUnits(units, QUOTE_DECIMALS).padStart(16)}`;
}

function money(units: bigint): string {
  return Number(formatUnits(units, QUOTE_DECIMALS)).toFixed(0);
}

function coins(units: bigint): string {
  return Number(formatUnits(units, BASE_DECIMALS)).toFixed(2);
}
