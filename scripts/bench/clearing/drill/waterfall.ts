/**
 * Who paid a crash, by the written order of losses: the accounts' own collateral, auctions, the insurance fund, the pool behind
 * it, the payout ratio.
 * Everything is worked out anew from positions and prices and held against what the ledger did: what does not agree is `unpaid`.
 */
import { cashDivisor, toCashDown, toCashUp } from "../../../../pricing/fixed/index.ts";
import { fromAccountId, fromOptionId, toStrikeE6 } from "../../../../src/chain/optionId.ts";

/** A position that an account took into an expiry; size in 1e-6. */
export interface Holding {
  readonly account: bigint;
  readonly option: bigint;
  readonly size: bigint;
}

/** Quote units throughout; times in Unix seconds. */
export interface ExpiryFacts {
  readonly expiry: number;
  readonly priceWad: bigint;
  readonly holdings: readonly Holding[];
  /** As the ledger said when it fixed the ratio; what the fund covered and makers behind it paid is a part of what was collected. */
  readonly owed: bigint;
  readonly collected: bigint;
  readonly covered: bigint;
  readonly backed: bigint;
  /** What lies in the pot at the end. */
  readonly pot: bigint;
  /** What the ledger said of each account: what was due (positive) or owed, and the part of a debt that was not paid. */
  readonly settled: readonly { readonly account: bigint; readonly net: bigint; readonly unpaid: bigint }[];
  /** Debts paid later out of cash that came in since, into the pot or, once the ratio was fixed, up the order of losses. */
  readonly collections: readonly { readonly account: bigint; readonly paid: bigint; readonly isLate: boolean }[];
  readonly payments: readonly { readonly account: bigint; readonly amount: bigint }[];
  /** What makers behind the fund were given back of `backed`. */
  readonly backstopsRepaid: bigint;
}

export interface SaleFacts {
  readonly account: bigint;
  readonly bidder: bigint;
  /** Negative: the fund paid the bidder. */
  readonly price: bigint;
  readonly penalty: bigint;
}

export interface FundFacts {
  readonly staked: bigint;
  readonly fees: bigint;
  readonly withdrawn: bigint;
  readonly held: bigint;
}

/** An account that still owes when all is over, and what it holds: cash, and base at the last spot. */
export interface DebtorFacts {
  readonly account: bigint;
  readonly debt: bigint;
  readonly holds: bigint;
}

export interface LossFacts {
  readonly quoteDecimals: number;
  readonly debtors: readonly DebtorFacts[];
  readonly expiries: readonly ExpiryFacts[];
  readonly sales: readonly SaleFacts[];
  readonly fund: FundFacts;
}

/** What one account was due of an expiry or of all, and what it was paid. */
export interface Claim {
  readonly account: bigint;
  readonly due: bigint;
  readonly paid: bigint;
}

export interface ExpiryLosses {
  readonly expiry: number;
  readonly price: number;
  readonly owed: bigint;
  /** By the debtors themselves, before the ratio was fixed. */
  readonly ownCash: bigint;
  readonly covered: bigint;
  readonly backed: bigint;
  /** Left to the payout ratio. */
  readonly shortfall: bigint;
  /** Paid by debtors after the ratio was fixed: to creditors up to the shortfall, then to makers behind the fund, then to it. */
  readonly late: bigint;
  readonly due: bigint;
  readonly paid: bigint;
  /** min(1, collected/owed), late payments included. */
  readonly ratio: number;
  readonly claims: readonly Claim[];
}

export interface Waterfall {
  readonly expiries: readonly ExpiryLosses[];
  readonly owed: bigint;
  readonly ownCash: bigint;
  readonly covered: bigint;
  readonly backed: bigint;
  readonly shortfall: bigint;
  readonly late: bigint;
  /** The part of it that repaid makers behind the fund, and the fund. */
  readonly backstopsRepaid: bigint;
  readonly repaid: bigint;
  /** What bidders paid into accounts, the penalty out of it, and what the fund paid bidders. */
  readonly auctionProceeds: bigint;
  readonly penalties: bigint;
  readonly auctionCosts: bigint;
  readonly insuranceUsed: bigint;
  readonly lowestRatio: number;
  readonly claims: readonly Claim[];
  /** What the order of losses leaves unexplained: 0. */
  readonly unpaid: bigint;
  readonly unexplained: readonly { readonly what: string; readonly amount: bigint }[];
}

export function waterfallOf({ quoteDecimals, expiries, sales, fund, debtors }: LossFacts): Waterfall {
  const unexplained: { what: string; amount: bigint }[] = [];
  const expect = (what: string, found: bigint, expected: bigint) => {
    if (found !== expected) unexplained.push({ what, amount: distance(found, expected) });
  };
  const losses = expiries.map((facts) => lossesOf(facts, cashDivisor(quoteDecimals), expect));
  const covered = sum(losses, ({ covered: x }) => x);
  const backstopsRepaid = sum(losses, backstopsRepaidBy);
  const repaid = sum(losses, (loss) => loss.late - raisedBy(loss) - backstopsRepaidBy(loss));
  const auctionProceeds = sum(sales, ({ price }) => (price > 0n ? price : 0n));
  const penalties = sum(sales, ({ penalty }) => penalty);
  const auctionCosts = sum(sales, ({ price }) => (price < 0n ? -price : 0n));
  const fundShould = fund.staked + fund.fees + penalties + repaid - auctionCosts - covered - fund.withdrawn;
  expect("what the insurance fund holds", fund.held, fundShould);
  // Collateral comes first in the order of losses: none may be left with who owes.
  for (const { account, debt, holds } of debtors) {
    expect(`collateral that account ${account.toString(16)} keeps`, holds < debt ? holds : debt, 0n);
  }
  return {
    expiries: losses,
    owed: sum(losses, ({ owed }) => owed),
    ownCash: sum(losses, ({ ownCash }) => ownCash),
    covered,
    backed: sum(losses, ({ backed }) => backed),
    shortfall: sum(losses, ({ shortfall }) => shortfall),
    late: sum(losses, ({ late }) => late),
    backstopsRepaid,
    repaid,
    auctionProceeds,
    penalties,
    auctionCosts,
    insuranceUsed: covered + auctionCosts,
    lowestRatio: Math.min(1, ...losses.map(({ ratio }) => ratio)),
    claims: byAccount(losses.flatMap(({ claims }) => claims)),
    unpaid: sum(unexplained, ({ amount }) => amount),
    unexplained,
  };
}

/** What late payments gave to creditors: at most what they were short of. */
function raisedBy({ late, shortfall }: Pick<ExpiryLosses, "late" | "shortfall">): bigint {
  return late < shortfall ? late : shortfall;
}

/** What they then gave back to makers behind the fund: at most what those had paid. */
function backstopsRepaidBy(loss: Pick<ExpiryLosses, "late" | "shortfall" | "backed">): bigint {
  const rest = loss.late - raisedBy(loss);
  return rest < loss.backed ? rest : loss.backed;
}

type Expect = (what: string, found: bigint, expected: bigint) => void;

function lossesOf(facts: ExpiryFacts, divisor: bigint, expect: Expect): ExpiryLosses {
  const name = (what: string) => `${what} of ${new Date(facts.expiry * 1000).toISOString().slice(0, 10)}`;
  const { dues, debts } = netsOf(facts, divisor);
  const owed = sum([...debts.values()], (x) => x);
  expect(name("what is owed"), facts.owed, owed);
  for (const { account, net } of facts.settled) {
    const whole = sum(dues.get(account) ?? [], (x) => x) - (debts.get(account) ?? 0n);
    expect(name(`what account ${account.toString(16)} settled`), net, whole);
  }
  const atOnce = sum(facts.settled, ({ net, unpaid }) => (net < 0n ? -net - unpaid : 0n));
  const ownCash = atOnce + sum(facts.collections, ({ paid, isLate }) => (isLate ? 0n : paid));
  expect(name("what was collected"), facts.collected, ownCash + facts.covered + facts.backed);

  const late = sum(facts.collections, ({ paid, isLate }) => (isLate ? paid : 0n));
  const shortfall = owed - facts.collected;
  const collected = facts.collected + raisedBy({ late, shortfall });
  const { backed } = facts;
  expect(
    name("what makers behind the fund got back"),
    facts.backstopsRepaid,
    backstopsRepaidBy({ late, shortfall, backed }),
  );
  const claims = [...dues].map(([account, parts]): Claim => {
    const due = sum(parts, (x) => x);
    const should = payoutOf(due, { owed, collected });
    const paid = sum(
      facts.payments.filter((payment) => payment.account === account),
      ({ amount }) => amount,
    );
    expect(name(`what account ${account.toString(16)} was paid`), paid, should);
    return { account, due, paid };
  });
  const [due, paid] = [sum(claims, (claim) => claim.due), sum(claims, (claim) => claim.paid)];
  expect(
    name("payments to strangers"),
    sum(facts.payments, ({ amount }) => amount),
    paid,
  );
  expect(name("the rest in the pot"), facts.pot, collected - paid);
  // Debts are rounded up and claims down: less than a unit for each part. More would be money that nobody is due.
  const parts = sum([...dues.values()], (list) => BigInt(list.length)) + BigInt(debts.size);
  const rounding = owed - due;
  if (rounding < 0n || rounding > parts) expect(name("debts against claims"), owed, due);
  return {
    expiry: facts.expiry,
    price: Number(facts.priceWad) / 1e18,
    owed,
    ownCash,
    covered: facts.covered,
    backed,
    shortfall,
    late,
    due,
    paid,
    ratio: owed === 0n ? 1 : Number(collected) / Number(owed),
    claims,
  };
}

/**
 * What each account is due, part by part as it is rounded, or owes: margin accounts are netted, a wallet's options are paid one by
 * one.
 */
function netsOf({ holdings, priceWad }: ExpiryFacts, divisor: bigint) {
  const dues = new Map<bigint, readonly bigint[]>();
  const debts = new Map<bigint, bigint>();
  const netted = new Map<bigint, bigint>();
  for (const { account, option, size } of holdings) {
    const raw = size * payoffWad(option, priceWad);
    if (fromAccountId(account).sub === 0) dues.set(account, [...(dues.get(account) ?? []), toCashDown(raw, divisor)]);
    else netted.set(account, (netted.get(account) ?? 0n) + raw);
  }
  for (const [account, raw] of netted) {
    if (raw >= 0n) dues.set(account, [toCashDown(raw, divisor)]);
    else debts.set(account, toCashUp(-raw, divisor));
  }
  return { dues, debts };
}

function payoffWad(option: bigint, priceWad: bigint): bigint {
  const { strike, kind } = fromOptionId(option);
  const strikeWad = toStrikeE6(strike) * 10n ** 12n;
  const distanceWad = kind === "call" ? priceWad - strikeWad : strikeWad - priceWad;
  return distanceWad > 0n ? distanceWad : 0n;
}

/** due·collected/owed, rounded down; the whole where all was paid. */
function payoutOf(due: bigint, { owed, collected }: Pick<ExpiryFacts, "owed" | "collected">): bigint {
  return collected >= owed ? due : (due * collected) / owed;
}

function byAccount(claims: readonly Claim[]): readonly Claim[] {
  const result = new Map<bigint, Claim>();
  for (const { account, due, paid } of claims) {
    const known = result.get(account) ?? { account, due: 0n, paid: 0n };
    result.set(account, { account, due: known.due + due, paid: known.paid + paid });
  }
  return [...result.values()].filter(({ due }) => due > 0n);
}

function sum<T>(items: readonly T[], value: (item: T) => bigint): bigint {
  return items.reduce((total, item) => total + value(item), 0n);
}

function distance(a: bigint, b: bigint): bigint {
  return a > b ? a - b : b - a;
}
