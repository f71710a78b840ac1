/** The waterfall of losses: who would pay how much if a scenario of the margin grid came true now. */

import {
  cashDivisor,
  type MarginFacts,
  type MarginMarket,
  type MarginPosition,
  type MarginScenario,
  noContingencies,
  scenarioValuesRaw,
  toCashDown,
  toCashUp,
} from "./fixed/index.ts";

const WAD = 10n ** 18n;

/** What one account holds and owes, quote units unless named otherwise. */
export interface WaterfallAccount {
  readonly positions: readonly MarginPosition[];
  /** Base collateral as a size of 6 decimals. */
  readonly baseSize: bigint;
  readonly cash: bigint;
  /** Owed to settlements that are not final. What it owes to final ones is lost already: the fund or the holders have paid it. */
  readonly debt: bigint;
  /** Due from settlements at most, before payout ratios. */
  readonly credit: bigint;
  /** A registered maker: a pool, whose loss is its LPs'. */
  readonly isMaker: boolean;
  /** What a maker can pay behind the fund: its cap or the cash its own book does not need, whichever is less. */
  readonly backstop: bigint;
}

export interface WaterfallFacts {
  /** A grid's scenarios, the present first; weights are not used. */
  readonly scenarios: readonly MarginScenario[];
  readonly market: MarginMarket;
  readonly disagreementWad: bigint;
  readonly quoteDecimals: number;
  readonly accounts: readonly WaterfallAccount[];
  /**
   * What the insurance fund can pay for these accounts, quote units. Their own debts and provisions are not to be deducted from it:
   * they are in the accounts, and what is counted there must not be counted twice.
   */
  readonly fund: bigint;
}

/** An account in one scenario, quote units. */
export interface AccountOutcome {
  /** Cash, credit and base collateral, rounded down. */
  readonly collateral: bigint;
  /** That and the options, less debts, rounded down. */
  readonly equity: bigint;
  /** What the account cannot pay: −equity, or 0. */
  readonly shortfall: bigint;
  /** What others are due from it: the net of each expiry where it is negative, rounded up, and its debts. */
  readonly owed: bigint;
}

/** One scenario, quote units. */
export interface WaterfallRow extends MarginScenario {
  /** In the order of the facts. */
  readonly accounts: readonly AccountOutcome[];
  /** Accounts with a shortfall, makers among them. */
  readonly failing: number;
  /** Their collateral: all of it goes. */
  readonly collateralLost: bigint;
  /** The sum of shortfalls: `fundPays`, `backstopsPay` and `unpaid` together. */
  readonly shortfall: bigint;
  readonly fundPays: bigint;
  /** What makers behind the fund pay of it. */
  readonly backstopsPay: bigint;
  readonly unpaid: bigint;
  /** What others are due from all accounts together. */
  readonly claims: bigint;
  /** 1 − unpaid/claims, rounded down; 1 where nothing is due. */
  readonly payoutRatioWad: bigint;
  /**
   * What makers lose of their present equity by their own books, no maker more than it has, before what is unpaid to them and what they pay
   * behind the fund; negative: they gain.
   */
  readonly makersLoss: bigint;
  /** The makers' part of the shortfall. */
  readonly makersShortfall: bigint;
  /** The one row with the largest shortfall; among equals that in which makers lose most. */
  readonly isWorst: boolean;
}

/**
 * The value of every account in every scenario, tails counted whole, without contingencies, and how the shortfall is shared out:
 * first each account's own collateral, then the fund as far as it reaches, then the makers behind it up to what they can pay now, then
 * whoever is owed.
 *
 * The payout ratio is one number for everybody who is owed something in the market: every short has its long, so what the accounts owe, netted by
 * expiry as settlement does, is what holders (wallets too) are due; what settlements have collected already is in their pots
 * and no longer at risk. Real ratios are fixed expiry by expiry as each becomes final, the fund paying in that order, so that one expiry may be
 * paid in full and another less than this. The scenario is the only thing that happens: options keep their value in it instead of running to
 * their expiry, auctions pay what an account is worth, credits count in full, and whoever is paid less does not fail in turn.
 */
export function waterfall(facts: WaterfallFacts): readonly WaterfallRow[] {
  const byAccount = facts.accounts.map((account) => outcomesOf(facts, account));
  const rows = facts.scenarios.map((scenario, i) => rowOf(facts, scenario, byAccount, i));
  const worst = rows.reduce((least, row, i) => (isWorse(row, rows[least]!) ? i : least), 0);
  return rows.map((row, i) => ({ ...row, isWorst: i === worst }));
}

function isWorse(a: Omit<WaterfallRow, "isWorst">, b: Omit<WaterfallRow, "isWorst">): boolean {
  return a.shortfall === b.shortfall ? a.makersLoss > b.makersLoss : a.shortfall > b.shortfall;
}

function rowOf(
  { accounts: all, fund }: WaterfallFacts,
  scenario: MarginScenario,
  byAccount: readonly (readonly AccountOutcome[])[],
  i: number,
): Omit<WaterfallRow, "isWorst"> {
  const accounts = byAccount.map((outcomes) => outcomes[i]!);
  const failing = accounts.filter(({ shortfall }) => shortfall > 0n);
  const shortfall = sum(failing.map((account) => account.shortfall));
  const available = positive(fund);
  const fundPays = shortfall < available ? shortfall : available;
  const backstops = sum(all.map(({ backstop }) => backstop));
  const backstopsPay = shortfall - fundPays < backstops ? shortfall - fundPays : backstops;
  const unpaid = shortfall - fundPays - backstopsPay;
  const claims = sum(accounts.map(({ owed }) => owed));
  const makers = byAccount.filter((_, account) => all[account]!.isMaker);
  return {
    ...scenario,
    accounts,
    failing: failing.length,
    collateralLost: sum(failing.map(({ collateral }) => collateral)),
    shortfall,
    fundPays,
    backstopsPay,
    unpaid,
    claims,
    payoutRatioWad: claims === 0n ? WAD : ((claims - unpaid) * WAD) / claims,
    makersLoss: sum(makers.map((outcomes) => positive(outcomes[0]!.equity) - positive(outcomes[i]!.equity))),
    makersShortfall: sum(makers.map((outcomes) => outcomes[i]!.shortfall)),
  };
}

/** One account in every scenario. */
function outcomesOf(facts: WaterfallFacts, account: WaterfallAccount): readonly AccountOutcome[] {
  const { market, scenarios } = facts;
  const divisor = cashDivisor(facts.quoteDecimals);
  const base = rawOf(facts, { positions: [], baseSize: account.baseSize }, { ...market, boards: [] });
  const byExpiry = market.boards.flatMap((board, index) => {
    const positions = account.positions.filter((position) => position.board === index);
    if (positions.length === 0) return [];
    const alone = positions.map((position) => ({ ...position, board: 0 }));
    return [rawOf(facts, { positions: alone, baseSize: 0n }, { ...market, boards: [board] })];
  });
  return scenarios.map((_, i) => {
    const nets = byExpiry.map((raws) => raws[i]!);
    const value = toCashDown(sum(nets) + base[i]!, divisor);
    const equity = value + account.cash + account.credit - account.debt;
    return {
      collateral: account.cash + account.credit + toCashDown(base[i]!, divisor),
      equity,
      shortfall: positive(-equity),
      owed: account.debt + sum(nets.map((net) => toCashUp(positive(-net), divisor))),
    };
  });
}

function rawOf(
  { scenarios, disagreementWad, quoteDecimals }: WaterfallFacts,
  held: Pick<MarginFacts, "positions" | "baseSize">,
  market: MarginMarket,
): readonly bigint[] {
  const noMargin = { contingencies: noContingencies, staleSpotWad: 0n };
  return scenarioValuesRaw(
    { scenarios, disagreementWad, quoteDecimals, confirmed: market, ...noMargin, ...held },
    market,
  );
}

const positive = (x: bigint): bigint => (x > 0n ? x : 0n);
const sum = (all: readonly bigint[]): bigint => all.reduce((total, x) => total + x, 0n);
