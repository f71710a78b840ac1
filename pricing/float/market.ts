/**
 * A market with one pool in float64: fixed/marketTwin.ts says the rules and what is left out. Acts return what the chain refuses with
 * instead of throwing it.
 */

import type { MarketTwinTerms } from "../fixed/index.ts";
import { FloatBoard, ROOT_REFERENCE_YEARS, StrikeValue, valueStrike } from "./board.ts";
import { FloatHedge, type FloatHedgeMade } from "./hedge.ts";
import { FloatMargin, type FloatPosition, floatStaleness } from "./margin.ts";
import { FloatOracle, type FloatReport } from "./oracle.ts";
import {
  type FloatLeg,
  type FloatPackage,
  FloatQuote,
  floatBucket,
  floatPotential,
  MAX_LEGS,
  priceInto,
} from "./quote.ts";
import { type FloatRules, floatHedgeRules, floatRules } from "./rules.ts";
import { type FloatMark, FloatShares } from "./shares.ts";

const FLOW_FULL = 32_767;
const MAX_MAKER_STRIKES = 128;
const HEDGE_COST_DIVISOR = 20;
const HOUR = 3_600;
/** A reserve is kept in 96 bits. */
const MAX_RESERVE = (2 ** 96 - 1) / 1e18;

/** Calls and puts of one strike, whole units, long positive. */
interface Holding {
  readonly strike: number;
  calls: number;
  puts: number;
}

interface ExpiryBook {
  readonly expiry: number;
  readonly strikes: Map<number, Holding>;
  /** Net short vega and Γ·F², whole units. */
  vega: number;
  gamma: number;
}

export class FloatMarket {
  readonly oracle = new FloatOracle();
  readonly shares: FloatShares;
  readonly rules: FloatRules;
  readonly margin: FloatMargin;
  /** Quote units. */
  cash = 0;
  /** Base in units of 1e-6, which a hedge cut to its cap leaves broken; what counts of it is `baseSize`. */
  base = 0;
  /** What settlements still owe the pool less its debts, quote units. */
  settlements = 0;
  /** Cash that the ledger wants beside the book, quote units. */
  requirement = 0;
  /** At the last mark, quote units. */
  nav = 0;
  /** R, quote tokens. */
  reserve = 0;
  readonly inventory = new Float64Array(4);
  /** Net short Γ, units of the underlying per quote token. */
  netShortGamma = 0;
  readonly lastMark: FloatMark = { round: 0, surfaceTime: 0, nav: 0, reserve: 0, freshReserve: 0, unwind: 0 };
  markedRound = 0;
  private reserveAtMark = 0;
  private drift = 0;
  private driftRound = 0;
  private flowVega = 0;
  private flowDelta = 0;
  private flowTime = 0;
  private strikeCount = 0;
  private readonly books = new Map<number, ExpiryBook>();
  private readonly hedging: FloatHedge;
  private readonly insuranceFeeShare: number;
  private readonly protocolFeeShare: number;
  // Written by each price.
  private readonly priced = new FloatQuote();
  private readonly reportBoards: FloatBoard[] = [];
  private readonly currentBoards = Array.from({ length: MAX_LEGS }, () => new FloatBoard());
  private readonly previousBoards = Array.from({ length: MAX_LEGS }, () => new FloatBoard());
  private readonly boardOf: number[] = [];
  private readonly expiries: number[] = [];
  private readonly heldBoards = Array.from({ length: 32 }, () => new FloatBoard());

  constructor(terms: MarketTwinTerms) {
    this.rules = floatRules(terms.rules);
    const { shortWad, skewWad, basisWad } = terms.contingencies;
    const contingencies = {
      short: Number(shortWad) / 1e18,
      skew: Number(skewWad) / 1e18,
      basis: Number(basisWad) / 1e18,
    };
    this.margin = new FloatMargin(terms.scenarios, contingencies);
    this.hedging = new FloatHedge(floatHedgeRules(terms.hedging));
    this.shares = new FloatShares(terms.quoteDecimals);
    this.insuranceFeeShare = Number(terms.insuranceFeeShareBps);
    this.protocolFeeShare = Number(terms.protocolFeeShareBps);
  }

  report(report: FloatReport, now: number): void {
    this.oracle.report(report, now);
  }

  /** Base as whole units of 1e-6, rounded down. */
  get baseSize(): number {
    return Math.floor(this.base);
  }

  /** NAV at the last mark with the floor that the potential and limits use, quote units. */
  get flooredNav(): number {
    return Math.max(this.nav, this.rules.navFloor);
  }

  /** The pool's calls or puts of a strike, whole units. */
  position(expiry: number, strike: number, isPut: boolean): number {
    const holding = this.books.get(expiry)?.strikes.get(strike);
    return (isPut ? holding?.puts : holding?.calls) ?? 0;
  }

  // ───────────────────────────── Swaps ─────────────────────────────

  /**
   * What a package costs the taker, limits and freshness aside. The answer is overwritten by the next quote.
   *
   * @returns What the chain refuses with, as text.
   */
  quote(legs: readonly FloatLeg[], now: number): FloatQuote | string {
    const bundle = this.packageOf(legs, now);
    if (typeof bundle === "string") return bundle;
    return this.price(bundle, now) ?? this.priced;
  }

  /** Trades a package; refused where it costs more than `limit` quote units. */
  swap(legs: readonly FloatLeg[], now: number, limit: number): FloatQuote | string {
    for (const { expiry } of legs) if (now >= expiry) return "Clearinghouse_SeriesExpired";
    let reduces = true;
    for (const leg of legs) reduces &&= this.reduces(leg);
    const bundle = this.packageOf(legs, now);
    if (typeof bundle === "string") return bundle;
    const refused =
      (reduces ? undefined : this.staleness(bundle, now)) ??
      this.price(bundle, now) ??
      (reduces ? undefined : this.beyondLimits(bundle)) ??
      this.swapPriced(bundle, now, limit, reduces);
    return refused ?? this.priced;
  }

  private swapPriced(bundle: FloatPackage, now: number, limit: number, reduces: boolean): string | undefined {
    const { priced, rules } = this;
    const elapsed = now - this.flowTime;
    const [v0, v1, v2, deltaChange] = priced.change as unknown as readonly [number, number, number, number];
    const nav = this.flooredNav;
    const leftVega = drained(this.flowVega, elapsed, rules.flowSeconds);
    const leftDelta = drained(this.flowDelta, elapsed, rules.flowSeconds);
    const vega = flowAfter(leftVega, v0 + v1 + v2, Math.trunc(nav * rules.vegaFlowLimit));
    const delta = flowAfter(leftDelta, deltaChange, Math.trunc((nav * rules.deltaFlowLimit) / this.oracle.spot));
    if (!reduces && Math.abs(vega) > FLOW_FULL) return "OptionPool_VegaFlowLimit";
    if (!reduces && Math.abs(delta) > FLOW_FULL) return "OptionPool_DeltaFlowLimit";

    if (priced.cash > limit) return "Clearinghouse_LimitExceeded";
    const kept = this.kept(priced.cash, priced.fee);
    const cash = this.cash + kept;
    if (cash < 0) return "Clearinghouse_InsufficientCash";
    const added = this.addedStrikes(bundle.legs);
    if (added > 0 && this.strikeCount + added > MAX_MAKER_STRIKES) return "Clearinghouse_TooManyStrikes";
    const alone = bundle.legs.map(({ strike, isPut, size }, i): FloatPosition => {
      return { strike, calls: isPut ? 0 : -size, puts: isPut ? -size : 0, board: bundle.boardOf[i]! };
    });
    const needed = this.requirement - this.worst(alone, this.expiries, 0, now);
    if (!reduces && needed > cash) return "Clearinghouse_Unhealthy";

    this.cash = cash;
    this.requirement = needed;
    this.flowVega = clamp(vega);
    this.flowDelta = clamp(delta);
    this.flowTime = now;
    this.addDrift(kept - priced.reportValue);
    for (let i = 0; i < 4; i++) this.inventory[i]! += priced.change[i]!;
    this.reserve = Math.min(MAX_RESERVE, this.reserve + priced.impact);
    for (const leg of bundle.legs) this.hold(leg);
    for (let i = 0; i < bundle.count; i++) {
      const book = this.bookOf(this.expiries[i]!);
      book.vega += priced.expiryVega[i]!;
      book.gamma += priced.expiryGamma[i]!;
    }
    return undefined;
  }

  private kept(cash: number, fee: number): number {
    return (
      cash - Math.floor((fee * this.insuranceFeeShare) / 10_000) - Math.floor((fee * this.protocolFeeShare) / 10_000)
    );
  }

  /** Whether a leg brings the pool's position nearer to zero, without crossing it. */
  private reduces({ expiry, strike, isPut, size }: FloatLeg): boolean {
    const held = this.position(expiry, strike, isPut);
    return held > 0 ? size > 0 && size <= held : size < 0 && size >= held;
  }

  private staleness({ current, count }: FloatPackage, now: number): string | undefined {
    const { rules, oracle } = this;
    if (rules.reduceOnly) return "OptionPool_ReduceOnly";
    if (now - oracle.surfaceTime > rules.maxSurfaceAge) return "OptionPool_StaleSurface";
    if (now - oracle.spotTime > rules.maxSpotAge) return "OptionPool_StaleSpot";
    if (this.markedRound !== oracle.round) return "OptionPool_NotMarked";
    for (let i = 0; i < count; i++) {
      const tenor = current[i]!.expiry - now;
      if (tenor < rules.minTenor || tenor > rules.maxTenor) return "OptionPool_TenorOutOfRange";
    }
    return undefined;
  }

  private beyondLimits({ count }: FloatPackage): string | undefined {
    const { rules, priced, inventory, oracle } = this;
    if (this.nav <= 0) return "OptionPool_Insolvent";
    if (priced.maxAbsDelta > rules.maxDelta || priced.minAbsDelta < rules.minDelta) return "OptionPool_DeltaOutOfRange";
    const nav = this.flooredNav;
    const vegaLimit = Math.trunc(nav * rules.vegaLimit);
    for (let i = 0; i < 3; i++) {
      if (isAdded(inventory[i]!, inventory[i]! + priced.change[i]!, vegaLimit)) return "OptionPool_VegaLimit";
    }
    const deltaLimit = Math.trunc((nav * rules.deltaLimit) / oracle.spot);
    if (isAdded(inventory[3]!, inventory[3]! + priced.change[3]!, deltaLimit)) return "OptionPool_DeltaLimit";
    for (let i = 0; i < count; i++) {
      const book = this.books.get(this.expiries[i]!);
      const [vega, gamma] = [book?.vega ?? 0, book?.gamma ?? 0];
      if (isAdded(vega, vega + priced.expiryVega[i]!, Math.trunc(nav * rules.expiryVegaLimit))) {
        return "OptionPool_ExpiryVegaLimit";
      }
      if (isAdded(gamma, gamma + priced.expiryGamma[i]!, Math.trunc(nav * rules.expiryGammaLimit))) {
        return "OptionPool_ExpiryGammaLimit";
      }
    }
    return undefined;
  }

  private addedStrikes(legs: readonly FloatLeg[]): number {
    let added = 0;
    for (let i = 0; i < legs.length; i++) {
      const { expiry, strike } = legs[i]!;
      if (this.books.get(expiry)?.strikes.has(strike)) continue;
      let isFirst = true;
      for (let j = 0; j < i; j++) if (legs[j]!.expiry === expiry && legs[j]!.strike === strike) isFirst = false;
      if (isFirst) added += 1;
    }
    return added;
  }

  /** Draws the boards that a package is priced on. */
  private packageOf(legs: readonly FloatLeg[], now: number): FloatPackage | string {
    const { oracle, expiries, boardOf, reportBoards, currentBoards } = this;
    expiries.length = 0;
    boardOf.length = 0;
    for (const { expiry } of legs) {
      let index = expiries.indexOf(expiry);
      if (index < 0) {
        index = expiries.length;
        expiries.push(expiry);
        const atReport = oracle.atReport(expiry);
        if (typeof atReport === "string") return atReport;
        reportBoards[index] = atReport;
        const refused = oracle.draw(currentBoards[index]!, expiry, "now", now);
        if (refused !== undefined) return refused;
      }
      boardOf.push(index);
    }
    const previous = this.drawPrevious(now) ? this.previousBoards : undefined;
    return { legs, boardOf, count: expiries.length, atReport: reportBoards, current: currentBoards, previous };
  }

  /** Whether the price before counts too, and its boards could be drawn. */
  private drawPrevious(now: number): boolean {
    const { oracle, expiries, previousBoards } = this;
    if (now > oracle.acceptedAt + this.rules.worseOfSeconds) return false;
    for (let i = 0; i < expiries.length; i++) {
      if (oracle.draw(previousBoards[i]!, expiries[i]!, "previous", now) !== undefined) return false;
    }
    return true;
  }

  private price(bundle: FloatPackage, now: number): string | undefined {
    const { inventory, reserve, oracle } = this;
    const facts = { inventory, reserve, nav: this.flooredNav, paysBack: this.markedRound === oracle.round };
    return priceInto(this.priced, this.rules, oracle, bundle, facts, now);
  }

  private bookOf(expiry: number): ExpiryBook {
    const known = this.books.get(expiry);
    if (known) return known;
    const book = { expiry, strikes: new Map<number, Holding>(), vega: 0, gamma: 0 };
    this.books.set(expiry, book);
    return book;
  }

  private hold({ expiry, strike, isPut, size }: FloatLeg): void {
    const { strikes } = this.bookOf(expiry);
    let holding = strikes.get(strike);
    if (!holding) {
      holding = { strike, calls: 0, puts: 0 };
      strikes.set(strike, holding);
      this.strikeCount += 1;
    }
    if (isPut) holding.puts -= size;
    else holding.calls -= size;
    if (holding.calls !== 0 || holding.puts !== 0) return;
    strikes.delete(strike);
    this.strikeCount -= 1;
  }

  private addDrift(gained: number): void {
    this.drift = gained + (this.driftRound === this.oracle.round ? this.drift : 0);
    this.driftRound = this.oracle.round;
  }

  // ───────────────────────────── Mark ─────────────────────────────

  /** Values the book under the last surface, prices requests and pays who waits; once a report. */
  mark(now: number): string | undefined {
    const { oracle, lastMark } = this;
    if (oracle.round === 0) return "OptionPool_NoSurface";
    if (this.markedRound === oracle.round) return undefined;
    const refused = this.refusedBoard();
    if (refused !== undefined) return refused;
    const bounty = this.markBounty();
    const drift = this.driftRound === oracle.round ? this.drift : 0;
    const { value, unwind } = this.valueBook();
    const nav = this.cash + this.settlements + value - drift;
    const survivedBefore = this.reserveAtMark;
    this.capReserve(nav);
    const survived = Math.min(this.reserve, survivedBefore);
    this.markedRound = oracle.round;
    [lastMark.round, lastMark.surfaceTime, lastMark.nav] = [oracle.round, oracle.surfaceTime, nav];
    lastMark.reserve = Math.ceil(this.reserve * 1e6);
    lastMark.freshReserve = Math.ceil((this.reserve - survived) * 1e6);
    lastMark.unwind = unwind;

    const cashBefore = this.cash;
    this.shares.onMark(lastMark, {
      receive: (assets) => {
        this.cash += assets;
      },
      payable: () => this.payableToRedeemers(now),
      pay: (assets) => {
        this.cash -= assets;
      },
    });
    if (bounty <= this.cash && this.requirement <= this.cash - bounty) this.cash -= bounty;
    this.nav = nav + this.cash - cashBefore;
    if (this.nav > nav) this.capReserve(this.nav);
    this.reserveAtMark = this.reserve;
    [this.drift, this.driftRound] = [drift, drift === 0 ? 0 : oracle.round];
    lastMark.nav = this.nav;
    return undefined;
  }

  private refusedBoard(): string | undefined {
    for (const { expiry, strikes } of this.books.values()) {
      if (strikes.size === 0) continue;
      const board = this.oracle.atReport(expiry);
      if (typeof board === "string") return board;
    }
    return undefined;
  }

  private markBounty(): number {
    if (this.markedRound === 0 || this.driftRound < this.markedRound) return 0;
    const elapsed = Math.min(this.oracle.surfaceTime - this.lastMark.surfaceTime, HOUR);
    return Math.floor((this.rules.markBountyRate * elapsed) / HOUR);
  }

  /** Value of options and base, rounded down, and half-spread to close all, quote units; brings the inventory up to date. */
  private valueBook(): { readonly value: number; readonly unwind: number } {
    const { oracle, rules, inventory, baseSize } = this;
    let [value, netVega, grossVega, contracts, netGamma] = [baseSize * oracle.surfaceSpot, 0, 0, 0, 0];
    inventory.fill(0);
    inventory[3] = -baseSize;
    for (const book of this.books.values()) {
      if (book.strikes.size === 0) {
        this.books.delete(book.expiry);
        continue;
      }
      [book.vega, book.gamma] = [0, 0];
      const board = oracle.atReport(book.expiry) as FloatBoard; // looked at before
      if (board.settled) {
        for (const { strike, calls, puts } of book.strikes.values())
          value += payoff(board.forward, strike, calls, puts);
        continue;
      }
      const bucket = floatBucket(rules, book.expiry - oracle.surfaceTime);
      const spread = Math.max(rules.grossVegaSpread, board.residual);
      for (const { strike, calls, puts } of book.strikes.values()) {
        valueStrike(board, strike, strikeValue);
        const net = calls + puts;
        const vega = Math.trunc(net * strikeValue.vega * ROOT_REFERENCE_YEARS);
        const gammaWorth = strikeValue.vega / strikeValue.stdDev;
        value += calls * strikeValue.call + puts * strikeValue.put;
        inventory[bucket]! -= vega;
        const { callDelta } = strikeValue;
        inventory[3]! -= Math.trunc(calls * callDelta + puts * (callDelta - board.deltaShare));
        book.vega -= vega;
        book.gamma -= Math.trunc(net * gammaWorth);
        const vegaPerVolatility = strikeValue.vega * board.rootYears;
        const magnitude = Math.abs(calls) + Math.abs(puts);
        netVega += net * vegaPerVolatility;
        grossVega += magnitude * vegaPerVolatility * spread;
        contracts += magnitude;
        netGamma += (net * gammaWorth) / (board.forward * board.forward);
      }
    }
    this.netShortGamma = -netGamma / 1e6;
    const unwind =
      Math.abs(netVega) * (rules.netVegaSpread + oracle.disagreement) +
      grossVega +
      contracts * oracle.surfaceSpot * rules.notionalSpread;
    return { value: Math.floor(value), unwind: Math.ceil(unwind) };
  }

  private capReserve(nav: number): void {
    const [v0, v1, v2, delta] = this.inventory as unknown as readonly [number, number, number, number];
    const floored = Math.max(nav, this.rules.navFloor);
    const potential = floatPotential(this.rules, v0, v1, v2, delta, this.oracle.surfaceSpot, floored);
    this.reserve = Math.min(this.reserve, potential);
  }

  /** The most that redeemers may be paid now, quote units; makes the requirement exact. */
  payableToRedeemers(now: number): number {
    this.stress(now);
    if (this.strikeCount === 0) return this.cash;
    const { utilisationLimit, redemptionShare } = this.rules;
    const requirement = Math.max(0, this.requirement);
    const byUtilisation = this.lastMark.nav - Math.trunc(requirement / utilisationLimit);
    const limit = Math.min(this.cash - requirement, byUtilisation);
    return limit <= 0 ? 0 : Math.floor(limit * redemptionShare);
  }

  /** Makes the requirement exact; returns what the chain refuses with. */
  stress(now: number): string | undefined {
    const worst = this.worstOfBook(now);
    if (worst !== undefined) this.requirement = -worst;
    return worst === undefined ? "MarketOracle_UnknownExpiry" : undefined;
  }

  /** Undefined where an expiry has passed whose price is not known. */
  private worstOfBook(now: number): number | undefined {
    const positions: FloatPosition[] = [];
    const expiries: number[] = [];
    for (const { expiry, strikes } of this.books.values()) {
      if (strikes.size === 0) continue;
      if (now >= expiry && this.oracle.settlementPrice(expiry) === undefined) return undefined;
      for (const { strike, calls, puts } of strikes.values()) {
        positions.push({ strike, calls, puts, board: expiries.length });
      }
      expiries.push(expiry);
    }
    return this.worst(positions, expiries, this.baseSize, now);
  }

  /** Whoever's positions on expiries are worth in the worst scenario of initial margin, quote units. */
  worst(positions: readonly FloatPosition[], expiries: readonly number[], baseSize: number, now: number): number {
    const { oracle, heldBoards } = this;
    for (let i = 0; i < expiries.length; i++) {
      heldBoards[i] ??= new FloatBoard();
      oracle.draw(heldBoards[i]!, expiries[i]!, "held", now);
    }
    const stale = floatStaleness(now - oracle.surfaceTime, now - oracle.spotTime);
    const boards = heldBoards.slice(0, expiries.length);
    const disagreement = oracle.disagreement + stale.volatility;
    return this.margin.worst(positions, baseSize, { boards, spot: oracle.spot, disagreement, staleSpot: stale.spot });
  }

  // ───────────────────────────── Hedge ─────────────────────────────

  /** Brings the pool's net delta towards its band at a price for all that the plan wants, as one hedge in a block of its own does. */
  hedge(price: number, now: number): FloatHedgeMade | string {
    const { oracle, markedRound, inventory, netShortGamma, base } = this;
    const facts = { oracle, markedRound, nav: this.flooredNav, inventory, netShortGamma, base, now };
    const plan = this.hedging.plan(facts);
    if (typeof plan === "string") return plan;
    const { buysBase, amount, limit } = plan;
    if (buysBase ? price > limit : price < limit) return "SpotHedger_PriceTooFar";
    const quoteAmount = buysBase ? Math.ceil(amount * price) : Math.floor(amount * price);
    const bounty = this.hedging.bounty(facts, plan.band, amount);
    const refused = this.exchange(buysBase, amount, quoteAmount, bounty, now);
    if (refused !== undefined) return refused;
    this.hedging.use(facts, amount);
    return { buysBase, baseAmount: amount, quoteAmount, bounty };
  }

  private exchange(
    buys: boolean,
    amount: number,
    quoteAmount: number,
    bounty: number,
    now: number,
  ): string | undefined {
    const { oracle, inventory } = this;
    const before = { base: this.base, size: this.baseSize, requirement: this.requirement };
    this.base += buys ? amount : -amount;
    const size = this.baseSize - before.size;
    const traded = this.cash + (buys ? -quoteAmount : quoteAmount);
    if (!buys || traded < this.requirement) this.stress(now);
    const cash = traded - bounty;
    const gained = cash - this.cash + size * oracle.spot;
    const bound = (Math.abs(size) * oracle.spot) / HEDGE_COST_DIVISOR + oracle.spot;
    const refused =
      cash < 0
        ? "Clearinghouse_InsufficientCash"
        : this.requirement > cash
          ? "Clearinghouse_Unhealthy"
          : gained < -bound
            ? "OptionPool_HedgeTooDear"
            : undefined;
    if (refused !== undefined) {
      [this.base, this.requirement] = [before.base, before.requirement];
      return refused;
    }
    this.addDrift(cash - this.cash + Math.floor(size * oracle.surfaceSpot));
    this.cash = cash;
    inventory[3]! -= size;
    this.capReserve(this.nav);
    return undefined;
  }

  // ───────────────────────────── Settlement ─────────────────────────────

  /** Settles the pool in an expiry, finally, and pays its credit; returns what it was paid, or (negative) paid, quote units. */
  settle(expiry: number, now: number, others?: { readonly owed: number; readonly collected: number }): number | string {
    if (now < expiry) return "Clearinghouse_NotExpired";
    const price = this.oracle.settlementPrice(expiry);
    if (price === undefined) return "Clearinghouse_NoSettlementPrice";
    const book = this.books.get(expiry);
    if (!book || book.strikes.size === 0) return 0;
    let raw = 0;
    for (const { strike, calls, puts } of book.strikes.values()) raw += payoff(price, strike, calls, puts);
    this.strikeCount -= book.strikes.size;
    this.books.delete(expiry);
    const owes = raw < 0;
    const due = owes ? Math.ceil(-raw) : Math.floor(raw);
    const paid = owes ? Math.min(due, this.cash) : creditOf(due, others);
    if (owes) {
      this.cash -= paid;
      this.settlements -= due - paid;
    }
    if (this.strikeCount === 0) this.requirement = 0;
    else if (this.stress(now) !== undefined && !owes) this.requirement += due;
    if (!owes) this.cash += paid;
    return owes ? -paid : paid;
  }
}

const strikeValue = new StrikeValue();

function payoff(price: number, strike: number, calls: number, puts: number): number {
  return price > strike ? calls * (price - strike) : puts * (strike - price);
}

function creditOf(due: number, others?: { readonly owed: number; readonly collected: number }): number {
  if (others === undefined || others.collected >= others.owed) return due;
  return Math.floor((due * others.collected) / others.owed);
}

/** Whether a risk becomes larger, and larger than its limit. */
function isAdded(before: number, later: number, limit: number): boolean {
  const magnitude = Math.abs(later);
  return magnitude > limit && magnitude > Math.abs(before);
}

function drained(flow: number, elapsed: number, flowSeconds: number): number {
  if (elapsed >= flowSeconds) return 0;
  const leak = Math.floor((elapsed * FLOW_FULL) / flowSeconds);
  return flow > leak ? flow - leak : flow < -leak ? flow + leak : 0;
}

/** Beyond ±FLOW_FULL where it is more than full and more than before. */
function flowAfter(flow: number, change: number, limit: number): number {
  if (change === 0) return flow;
  const magnitude = Math.abs(change);
  const part = magnitude > 2 * limit ? 2 * FLOW_FULL + 1 : Math.ceil((magnitude * FLOW_FULL) / limit);
  return change < 0 ? flow - part : flow + part;
}

function clamp(flow: number): number {
  return Math.min(FLOW_FULL, Math.max(-FLOW_FULL, flow));
}
