import type { InsuranceView } from "../../src/sdk/insurance.ts";
import type { InsuranceHistory, StakeOutcome, UnstakeOutcome } from "../commands/insurance.ts";
import { dim } from "./colour.ts";
import { amount, duration, shortHex, signed, time } from "./format.ts";
import { facts, heading, table } from "./table.ts";

/** `insurance show`. */
export function renderInsurance(view: InsuranceView): string {
  const { quoteSymbol, stake } = view;
  const fund = facts([
    ["held", amount(view.held), quoteSymbol],
    ["unpaid debts of settlements", amount(view.unpaidDebts), quoteSymbol],
    ["provisions for liquidations", amount(view.provisions), quoteSymbol],
    ["left for stakers", amount(view.assets), quoteSymbol],
    ["shares", amount(view.shares), `at ${amount(view.sharePrice, 4)} ${quoteSymbol}`],
    ["cooldown", duration(view.cooldownSeconds), `then ${duration(view.windowSeconds)} to leave`],
  ]);
  const parts = [heading("Insurance fund"), fund];
  if (stake) {
    const leaving =
      stake.readyAt === null
        ? []
        : ([
            ["cooling down", amount(stake.cooling), "shares"],
            ["may leave from", time(stake.readyAt), `until ${time(stake.lapsesAt ?? 0)}`],
          ] as const);
    parts.push(
      "",
      heading(`Stake of ${stake.owner}`),
      facts([["shares", amount(stake.shares)], ["value", amount(stake.value), quoteSymbol], ...leaving]),
    );
  }
  return parts.join("\n");
}

/** `insurance stake`. */
export function renderStake({ assets, shares, quoteSymbol, hash }: StakeOutcome): string {
  return `Staked ${amount(assets)} ${quoteSymbol} for ${amount(shares)} shares.  ${dim(shortHex(hash))}`;
}

/** `insurance unstake`. */
export function renderUnstake(outcome: UnstakeOutcome): string {
  const { shares, hash, quoteSymbol } = outcome;
  const sentence =
    outcome.step === "paid"
      ? `Paid out ${amount(outcome.assets)} ${quoteSymbol} for ${amount(shares)} shares.`
      : `${amount(shares)} shares cool down until ${time(outcome.readyAt)}; they stay liable. Then call this again, before ${time(outcome.lapsesAt)}.`;
  return `${sentence}  ${dim(shortHex(hash))}`;
}

/** `insurance history`. */
export function renderInsuranceHistory({ quoteSymbol, events }: InsuranceHistory): string {
  if (events.length === 0) return "Nothing was staked and nothing was lost yet.";
  return [
    heading("Insurance fund: what came in and what left"),
    table(
      [{ title: "time", align: "left" }, { title: quoteSymbol }, { title: "", align: "left" }],
      events.map((event) => [time(event.time), signed(event.amount), event.what]),
    ),
  ].join("\n");
}
