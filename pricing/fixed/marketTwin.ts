/**
 * A market with one pool in memory, to the unit: the oracle's boards, the pool and its shares, and what the ledger does for the pool
 * (cash, fees, requirement, settlement, base of the hedger). Every act has the block's time and throws `FixedPointError` with the
 * contract's own error where the chain refuses.
 *
 * Not here: accounts of takers and their margin, reports that wait for confirmation, backstops and takes of small accounts, bounds on
 * the charge and cancelations of requests.
 */

import { cashDivisor, toCashDown, toCashUp } from "./cashMath.ts";
import { FixedPointError } from "./errors.ts";
import { type HedgeFacts, type HedgeRules, type HedgeUsage, hedgeBounty, hedgePlan, usageAfter } from "./hedgePlan.ts";
import { OracleTwin, type TwinBoard, type TwinReport } from "./oracleTwin.ts";
import { expiryRiskAfter, flowOf, type PoolRules, reduces, requireFresh, requireWithinLimits } from "./poolLimits.ts";
import type { PoolQuote, QuoteOption } from "./poolQuote.ts";
import { PoolTwin, type PricedPackage, type TwinMarket } from "./poolTwin.ts";
import type { MarginScenario } from "./scenarioGrid.ts";
import { type Contingencies, type MarginPosition, scenarioMargin, staleness } from "./scenarioMargin.ts";
import { type SharesMark, SharesTwin } from "./sharesTwin.ts";
import { absolute } from "./word.ts";

const WAD = 10n ** 18n;
const SIZE_UNIT = 1_000_000n;
const MAX_MAKER_STRIKES = 128;
const HEDGE_COST_DIVISOR = 20n;
const HOUR = 3_600;

export interface MarketTwinTerms {
  readonly rules: PoolRules;
  readonly hedging: HedgeRules;
  /** Those of the initial margin's grid, the present first. */
  readonly scenarios: readonly MarginScenario[];
  readonly contingencies: Contingencies;
  readonly quoteDecimals: number;
  readonly baseDecimals: number;
  readonly insuranceFeeShareBps: bigint;
  readonly protocolFeeShareBps: bigint;
}

/** One leg of a package; the size is the taker's, 6 decimals. */
export interface TwinLeg {
  readonly expiry: number;
  readonly strikeWad: bigint;
  readonly isPut: boolean;
  readonly size: bigint;
}

/** What the venue gave and took for a hedge: at a price for all that the plan wants, or the two amounts. */
export type HedgeFill = { readonly priceWad: bigint } | { readonly baseAmount: bigint; readonly quoteAmount: bigint };

export interface HedgeMade {
  readonly buysBase: boolean;
  /** Base token's units. */
  readonly baseAmount: bigint;
  /** Quote units. */
  readonly quoteAmount: bigint;
  readonly bounty: bigint;
}

/** A mark's numbers as the pool keeps them, quote units. */
export interface KeptMark extends SharesMark {
  readonly round: number;
}

export class MarketTwin {
  readonly oracle = new OracleTwin();
  readonly pool: PoolTwin;
  readonly shares: SharesTwin;
  /** Cash that the ledger wants beside the book, quote units. */
  requirement = 0n;
  /** Base of the pool's account, in the base token's units. */
  base = 0n;
  lastMark: KeptMark = { round: 0, surfaceTime: 0, nav: 0n, reserve: 0n, freshReserve: 0n, unwind: 0n };
  private readonly terms: MarketTwinTerms;
  private readonly divisor: bigint;
  private readonly baseUnit: bigint;
  private readonly quoteUnit: bigint;
  private usage: HedgeUsage = { inHour: 0n, time: 0 };

  constructor(terms: MarketTwinTerms) {
    this.terms = terms;
    this.pool = new PoolTwin({ ...terms, parameters: terms.rules }, 0n);
    this.shares = new SharesTwin(terms.quoteDecimals);
    this.divisor = cashDivisor(terms.quoteDecimals);
    this.baseUnit = 10n ** BigInt(terms.baseDecimals);
    this.quoteUnit = 10n ** BigInt(terms.quoteDecimals);
  }

  report(report: TwinReport, now: number): void {
    this.oracle.report(report, now);
  }

  // ───────────────────────────── Swaps ─────────────────────────────

  /** What a package costs the taker, limits and freshness aside, as `OptionPool.quote` with `reduces`. */
  quote(legs: readonly TwinLeg[], now: number): PoolQuote {
    const { market, options } = this.marketOf(legs, now);
    return this.pool.quote(market, options);
  }

  /** Trades a package; refused where it costs more than `limit` quote units. */
  swap(legs: readonly TwinLeg[], now: number, limit?: bigint): PoolQuote {
    for (const { expiry } of legs) {
      if (now >= expiry) throw new FixedPointError("Clearinghouse_SeriesExpired", [BigInt(expiry)]);
    }
    const isReducing = legs.every((leg) => this.reduces(leg));
    const { market, options, expiries } = this.marketOf(legs, now);
    const { pool, terms } = this;
    if (!isReducing) {
      const { state } = this.oracle;
      requireFresh(terms.rules, { state, current: market.current, markedRound: pool.markedRound, timestamp: now });
    }
    const priced = pool.price(market, options);
    const flow = this.requireAllowed(priced, expiries, now, isReducing);
    const { quote } = priced;
    if (limit !== undefined && quote.cash > limit) {
      throw new FixedPointError("Clearinghouse_LimitExceeded", [quote.cash, limit]);
    }
    const cash = pool.cash + pool.kept(quote);
    if (cash < 0n) throw new FixedPointError("Clearinghouse_InsufficientCash", [-pool.kept(quote), pool.cash]);
    this.requireFewStrikes(legs);
    const alone = legs.map(({ expiry, strikeWad, isPut, size }) => {
      return { expiry, strikeWad, calls: isPut ? 0n : -size, puts: isPut ? -size : 0n };
    });
    const needed = this.requirement - this.worst(alone, 0n, now);
    if (!isReducing && needed > cash) throw new FixedPointError("Clearinghouse_Unhealthy", [needed - cash]);

    pool.apply(market, options, priced);
    [pool.flow, pool.flowTime] = [flow, now];
    this.requirement = needed;
    return quote;
  }

  /** What the pool refuses once it knows the price; returns the flow after the swap. */
  private requireAllowed({ totals }: PricedPackage, expiries: readonly number[], now: number, isReducing: boolean) {
    const { pool, terms } = this;
    const { spotWad } = this.oracle.state;
    const { navE6, inventory } = pool;
    if (!isReducing) {
      if (pool.nav <= 0n) throw new FixedPointError("OptionPool_Insolvent", [pool.nav]);
      requireWithinLimits(terms.rules, { navE6, spotWad, inventory }, totals);
    }
    expiries.forEach((expiry, i) => {
      const change = { vega: totals.expiryVega[i]!, gamma: totals.expiryGamma[i]! };
      expiryRiskAfter(terms.rules, navE6, expiry, pool.expiryRisk(expiry), change, isReducing);
    });
    const elapsed = now - pool.flowTime;
    return flowOf(terms.rules, pool.flow, elapsed, { navE6, spotWad }, totals.change, isReducing);
  }

  /** Whether a leg brings the pool's position nearer to zero, without crossing it. */
  private reduces({ expiry, strikeWad, isPut, size }: TwinLeg): boolean {
    return reduces(this.pool.position(expiry, strikeWad, isPut), size);
  }

  private requireFewStrikes(legs: readonly TwinLeg[]): void {
    const { pool } = this;
    const fresh = new Set<string>();
    for (const { expiry, strikeWad } of legs) {
      const holds = pool.position(expiry, strikeWad, false) !== 0n || pool.position(expiry, strikeWad, true) !== 0n;
      if (!holds) fresh.add(`${expiry} ${strikeWad}`);
    }
    const count = pool.strikeCount + fresh.size;
    if (fresh.size > 0 && count > MAX_MAKER_STRIKES) {
      throw new FixedPointError("Clearinghouse_TooManyStrikes", [BigInt(count), BigInt(MAX_MAKER_STRIKES)]);
    }
  }

  /** The boards that a package is priced on, and its legs on them. */
  private marketOf(legs: readonly TwinLeg[], now: number) {
    const { oracle } = this;
    const expiries = [...new Set(legs.map(({ expiry }) => expiry))];
    const { state } = oracle;
    const acceptedAt = Math.max(state.surfaceAcceptedAt, state.spotAcceptedAt);
    const market: TwinMarket = {
      round: state.round,
      state,
      atReport: oracle.boards(expiries, "report", now),
      current: oracle.boards(expiries, "now", now),
      previous: now > acceptedAt + this.terms.rules.worseOfSeconds ? [] : this.previousBoards(expiries, now),
      timestamp: now,
    };
    const options = legs.map(({ expiry, ...leg }): QuoteOption => ({ ...leg, board: expiries.indexOf(expiry) }));
    return { market, options, expiries };
  }

  /** None where the chain cannot draw them. */
  private previousBoards(expiries: readonly number[], now: number): readonly TwinBoard[] {
    try {
      return this.oracle.boards(expiries, "previous", now);
    } catch (error) {
      if (error instanceof FixedPointError) return [];
      throw error;
    }
  }

  // ───────────────────────────── Mark ─────────────────────────────

  /** Values the book under the last surface, prices requests and pays who waits; once a report. */
  mark(now: number): void {
    const { state } = this.oracle;
    const { pool, shares } = this;
    if (state.round === 0) throw new FixedPointError("OptionPool_NoSurface", []);
    if (pool.markedRound === state.round) return;
    const expiries = [...new Set([...pool.holdings].map(({ expiry }) => expiry))];
    const atReport = this.oracle.boards(expiries, "report", now);
    const bounty = this.markBounty(state.surfaceTime);
    const { round, surfaceTime } = state;
    pool.mark({ round, state, atReport, current: [], previous: [], timestamp: now }, (mark) => {
      const { nav, reserve, freshReserve, unwind } = mark;
      this.lastMark = { round, surfaceTime, nav, reserve, freshReserve, unwind };
      shares.onMark(this.lastMark, {
        receive: (assets) => {
          pool.cash += assets;
        },
        payable: () => this.payableToRedeemers(now),
        pay: (assets) => {
          pool.cash -= assets;
        },
      });
      // Short of cash or in debt, the pool pays nobody.
      if (bounty <= pool.cash && this.requirement <= pool.cash - bounty) pool.cash -= bounty;
    });
    this.lastMark = { ...this.lastMark, nav: pool.nav };
  }

  private markBounty(surfaceTime: number): bigint {
    if (!this.pool.hasTraded) return 0n;
    const elapsed = Math.min(surfaceTime - this.lastMark.surfaceTime, HOUR);
    return (this.terms.rules.markBountyRate * BigInt(elapsed)) / BigInt(HOUR);
  }

  /** The most that redeemers may be paid now, quote units; makes the requirement exact. */
  payableToRedeemers(now: number): bigint {
    this.stress(now);
    const { pool, terms } = this;
    if (pool.strikeCount === 0) return pool.cash;
    const requirement = this.requirement < 0n ? 0n : this.requirement;
    const free = pool.cash - requirement;
    const byUtilisation = this.lastMark.nav - (requirement * WAD) / terms.rules.utilisationLimit;
    const limit = free < byUtilisation ? free : byUtilisation;
    return limit <= 0n ? 0n : (limit * terms.rules.redemptionShare) / WAD;
  }

  /** Makes the requirement exact. */
  stress(now: number): void {
    this.requirement = -this.worst([...this.pool.holdings], this.baseSize, now);
  }

  /** What a margin account needs beside a package of its own, quote units. */
  marginOf(legs: readonly TwinLeg[], now: number): bigint {
    const alone = legs.map(({ expiry, strikeWad, isPut, size }) => {
      return { expiry, strikeWad, calls: isPut ? 0n : size, puts: isPut ? size : 0n };
    });
    return -this.worst(alone, 0n, now);
  }

  private worst(
    holdings: readonly (Omit<MarginPosition, "board"> & { readonly expiry: number })[],
    baseSize: bigint,
    now: number,
  ): bigint {
    const { oracle, terms } = this;
    const { state } = oracle;
    const expiries = [...new Set(holdings.map(({ expiry }) => expiry))];
    const stale = staleness({ surface: now - state.surfaceTime, spot: now - state.spotTime });
    const positions = holdings.map(({ expiry, strikeWad, calls, puts }) => {
      return { strikeWad, calls, puts, board: expiries.indexOf(expiry) };
    });
    const { worst } = scenarioMargin({
      scenarios: terms.scenarios,
      contingencies: terms.contingencies,
      positions,
      baseSize,
      confirmed: { spotWad: state.spotWad, boards: expiries.map((expiry) => oracle.marginBoard(expiry, now)) },
      disagreementWad: state.disagreementWad + stale.volatilityWad,
      staleSpotWad: stale.spotWad,
      quoteDecimals: terms.quoteDecimals,
    });
    return worst;
  }

  // ───────────────────────────── Hedge ─────────────────────────────

  /** Base as a size of 6 decimals, rounded down. */
  get baseSize(): bigint {
    return (this.base * SIZE_UNIT) / this.baseUnit;
  }

  /** Brings the pool's net delta towards its band, as one hedge in a block of its own does. */
  hedge(fill: HedgeFill, now: number): HedgeMade {
    const facts = this.hedgeFacts(now);
    const { hedging } = this.terms;
    const plan = hedgePlan(hedging, facts);
    const { baseAmount, quoteAmount } = "priceWad" in fill ? this.filled(plan, fill.priceWad) : fill;
    if ("priceWad" in fill) {
      const exceeds = plan.buysBase ? fill.priceWad > plan.limitWad : fill.priceWad < plan.limitWad;
      if (exceeds) throw new FixedPointError("SpotHedger_PriceTooFar", [fill.priceWad, plan.limitWad]);
    }
    const bounty = hedgeBounty(hedging, facts, plan.band, baseAmount);
    const usage = usageAfter(hedging, facts, baseAmount);
    this.exchange(plan.buysBase, baseAmount, quoteAmount, bounty, now);
    this.usage = usage;
    return { buysBase: plan.buysBase, baseAmount, quoteAmount, bounty };
  }

  private filled({ amount, buysBase }: { readonly amount: bigint; readonly buysBase: boolean }, priceWad: bigint) {
    const [worth, unit] = [amount * priceWad * this.quoteUnit, this.baseUnit * WAD];
    return { baseAmount: amount, quoteAmount: buysBase ? (worth + unit - 1n) / unit : worth / unit };
  }

  private hedgeFacts(now: number): HedgeFacts {
    const { pool, oracle, base, usage, baseUnit, quoteUnit } = this;
    const { markedRound, navE6, inventory, netShortGammaWad } = pool;
    const { state } = oracle;
    return { state, markedRound, navE6, inventory, netShortGammaWad, base, usage, timestamp: now, baseUnit, quoteUnit };
  }

  /** `HedgeExchange.settle`. */
  private exchange(buys: boolean, baseAmount: bigint, quoteAmount: bigint, bounty: bigint, now: number): void {
    const { pool, oracle, divisor } = this;
    const before = { cash: pool.cash, base: this.base, size: this.baseSize, requirement: this.requirement };
    const holdings = [...pool.holdings];
    let cash = pool.cash;
    this.base += buys ? baseAmount : -baseAmount;
    try {
      if (buys) {
        if (cash - quoteAmount < this.requirement) this.requirement = -this.worst(holdings, this.baseSize, now);
        cash -= quoteAmount;
      } else {
        cash += quoteAmount;
        this.requirement = -this.worst(holdings, this.baseSize, now);
      }
      this.requireFree(cash);
      if (bounty !== 0n) {
        cash -= bounty;
        this.requireFree(cash);
      }
      const { state } = oracle;
      const size = this.baseSize - before.size;
      const gainedRaw = (cash - before.cash) * divisor + size * state.spotWad;
      const boundRaw = (absolute(size) * state.spotWad) / HEDGE_COST_DIVISOR + state.spotWad;
      if (gainedRaw < -boundRaw) throw new FixedPointError("OptionPool_HedgeTooDear", [gainedRaw, boundRaw]);
      const gained = cash - before.cash + toCashDown(size * state.surfaceSpotWad, divisor);
      pool.hedge({ round: state.round, state }, cash - before.cash, size, gained);
    } catch (error) {
      [this.base, this.requirement] = [before.base, before.requirement];
      throw error;
    }
  }

  /** What leaves the pool's account leaves at least its requirement. */
  private requireFree(cash: bigint): void {
    if (cash < 0n) throw new FixedPointError("Clearinghouse_InsufficientCash", [-cash]);
    if (this.requirement > cash) throw new FixedPointError("Clearinghouse_Unhealthy", [this.requirement - cash]);
  }

  // ───────────────────────────── LPs ─────────────────────────────

  /** Asks to put in `assets` quote units. */
  requestDeposit(owner: string, assets: bigint, now: number): void {
    this.shares.requestDeposit(owner, assets, now);
  }

  /** Asks to take out what `shares`, 18 decimals, are worth. */
  requestRedeem(owner: string, shares: bigint, now: number): void {
    this.shares.requestRedeem(owner, shares, now);
  }

  /** Takes whatever is done of an owner's requests. */
  claim(owner: string, now: number): { readonly shares: bigint; readonly assets: bigint } {
    return this.shares.claim(owner, now, this.oracle.state.surfaceTime);
  }

  // ───────────────────────────── Settlement ─────────────────────────────

  /**
   * Settles the pool in an expiry, finally, and pays its credit. `others` is what all other accounts owe together and what of it is
   * covered, quote units: below 1 their ratio cuts the credit.
   *
   * @returns What the pool was paid, or (negative) what it paid, quote units.
   */
  settle(expiry: number, now: number, others?: { readonly owed: bigint; readonly collected: bigint }): bigint {
    if (now < expiry) throw new FixedPointError("Clearinghouse_NotExpired", [BigInt(expiry)]);
    const priceWad = this.oracle.settlementPrice(expiry);
    if (priceWad === 0n) throw new FixedPointError("Clearinghouse_NoSettlementPrice", [BigInt(expiry)]);
    const { pool, divisor } = this;
    const count = pool.strikeCount;
    const raw = pool.closeExpired(expiry, priceWad);
    if (pool.strikeCount === count) return 0n;
    const owes = raw < 0n;
    const due = owes ? toCashUp(-raw, divisor) : toCashDown(raw, divisor);
    const paid = owes ? (due < pool.cash ? due : pool.cash) : creditOf(due, others);
    if (owes) {
      pool.cash -= paid;
      pool.settlements -= due - paid;
    }
    // The ledger looks at the book between debt and credit; where it cannot be priced now, what it counted has left it.
    this.requirement = pool.strikeCount === 0 ? 0n : this.requirementAfter(owes ? 0n : due, now);
    if (!owes) pool.cash += paid;
    return owes ? -paid : paid;
  }

  private requirementAfter(credited: bigint, now: number): bigint {
    try {
      return -this.worst([...this.pool.holdings], this.baseSize, now);
    } catch (error) {
      if (error instanceof FixedPointError) return this.requirement + credited;
      throw error;
    }
  }
}

/** due·collected/owed, rounded down; the whole where all was paid. */
function creditOf(due: bigint, others?: { readonly owed: bigint; readonly collected: bigint }): bigint {
  if (others === undefined || others.collected >= others.owed) return due;
  return (due * others.collected) / others.owed;
}
