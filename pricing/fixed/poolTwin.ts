/**
 * A pool in memory: what `OptionPool` makes of swaps, marks and hedges, to the unit, without a chain. Times, boards and spot come in;
 * limits stand in poolLimits.ts, what the ledger wants beside a book and what LPs bring in marketTwin.ts.
 */

import { cappedReserve, navE6, type PoolMark, poolMark, reserveAfter, type StrikePosition } from "./bookValue.ts";
import { toCashUp } from "./cashMath.ts";
import type { InventoryVector } from "./inventoryPotential.ts";
import type { ExpiryRisk, Flow } from "./poolLimits.ts";
import {
  type PoolQuote,
  poolQuote,
  type QuoteBoard,
  type QuoteOption,
  type QuoteParameters,
  type QuoteState,
  type QuoteTotals,
} from "./poolQuote.ts";

const BASIS_POINTS = 10_000n;

/** The market as one surface report and the present have it; every list of boards has the same expiries in the same order. */
export interface TwinMarket {
  readonly round: number;
  readonly state: QuoteState;
  readonly atReport: readonly (QuoteBoard & { readonly settled: boolean })[];
  readonly current: readonly QuoteBoard[];
  /** Boards of the report before, rolled down to now; empty where the present price alone counts. */
  readonly previous: readonly QuoteBoard[];
  /** Now, seconds. */
  readonly timestamp: number;
}

export interface TwinTerms {
  readonly parameters: QuoteParameters & { readonly navFloor: bigint };
  readonly quoteDecimals: number;
  /** Parts of each fee that do not stay with the pool. */
  readonly insuranceFeeShareBps: bigint;
  readonly protocolFeeShareBps: bigint;
}

/** Calls and puts of one strike, signed, long positive, 6 decimals. */
export interface Holding {
  readonly strikeWad: bigint;
  readonly expiry: number;
  calls: bigint;
  puts: bigint;
}

/** A price, and the sums that limits are checked on. */
export interface PricedPackage {
  readonly quote: PoolQuote;
  readonly totals: QuoteTotals;
}

export class PoolTwin {
  private readonly terms: TwinTerms;
  private readonly book = new Map<string, Holding>();
  /** Quote units. */
  cash: bigint;
  /** Base as a size of 6 decimals. */
  baseSize = 0n;
  /** What settlements still owe the pool less its debts, quote units. */
  settlements = 0n;
  /** At the last mark, quote units. */
  nav = 0n;
  inventory: InventoryVector = [0n, 0n, 0n, 0n];
  netShortGammaWad = 0n;
  reserveWad = 0n;
  flow: Flow = { vega: 0n, delta: 0n };
  flowTime = 0;
  private reserveAtMarkWad = 0n;
  private drift = { round: 0, gained: 0n };
  private expiryRisks = new Map<number, ExpiryRisk>();
  /** The report under which the whole book was marked. */
  markedRound = 0;

  constructor(terms: TwinTerms, cash: bigint) {
    this.terms = terms;
    this.cash = cash;
  }

  /** Another pool that is the same until either trades. */
  copy(): PoolTwin {
    const twin = new PoolTwin(this.terms, this.cash);
    const { baseSize, settlements, nav, inventory, netShortGammaWad, reserveWad, flow, flowTime } = this;
    const { reserveAtMarkWad, drift, markedRound } = this;
    Object.assign(twin, { baseSize, settlements, nav, inventory, netShortGammaWad, reserveWad, flow, flowTime });
    Object.assign(twin, { reserveAtMarkWad, drift, markedRound, expiryRisks: new Map(this.expiryRisks) });
    for (const [key, holding] of this.book) twin.book.set(key, { ...holding });
    return twin;
  }

  /** Every strike that the pool holds. */
  get holdings(): IterableIterator<Holding> {
    return this.book.values();
  }

  get strikeCount(): number {
    return this.book.size;
  }

  /** The pool's calls or puts of a strike. */
  position(expiry: number, strikeWad: bigint, isPut: boolean): bigint {
    const holding = this.book.get(`${expiry} ${strikeWad}`);
    return (isPut ? holding?.puts : holding?.calls) ?? 0n;
  }

  /** NAV at the last mark with the floor that the potential and limits use, 6 decimals. */
  get navE6(): bigint {
    return navE6(this.terms.parameters.navFloor, this.nav, this.terms.quoteDecimals);
  }

  /** What a package costs the taker now. */
  quote(market: TwinMarket, options: readonly QuoteOption[]): PoolQuote {
    return this.price(market, options).quote;
  }

  /** The same, with the sums behind it. */
  price(market: TwinMarket, options: readonly QuoteOption[]): PricedPackage {
    const { parameters, quoteDecimals } = this.terms;
    return poolQuote(parameters, {
      ...market,
      options,
      inventory: this.inventory,
      reserveWad: this.reserveWad,
      navE6: this.navE6,
      paysBack: this.markedRound === market.round,
      quoteDecimals,
    });
  }

  /** What of a quote's cash stays with the pool, quote units. */
  kept({ cash, fee }: PoolQuote): bigint {
    const { insuranceFeeShareBps, protocolFeeShareBps } = this.terms;
    return cash - (fee * insuranceFeeShareBps) / BASIS_POINTS - (fee * protocolFeeShareBps) / BASIS_POINTS;
  }

  /** Prices a package and trades it. */
  swap(market: TwinMarket, options: readonly QuoteOption[]): PoolQuote {
    const priced = this.price(market, options);
    this.apply(market, options, priced);
    return priced.quote;
  }

  /** Trades a package at a price that was just made. */
  apply(market: TwinMarket, options: readonly QuoteOption[], { quote, totals }: PricedPackage): void {
    const kept = this.kept(quote);
    this.cash += kept;
    const wadPerUnit = 10n ** BigInt(18 - this.terms.quoteDecimals);
    this.addDrift(market.round, kept - toCashUp(quote.reportValueWad, wadPerUnit));
    this.inventory = totals.netShort;
    this.reserveWad = reserveAfter(this.reserveWad, quote.impactWad);
    for (const i of new Set(options.map(({ board }) => board))) {
      const { expiry } = market.atReport[i]!;
      const { vega, gamma } = this.expiryRisk(expiry);
      const after = { vega: vega + totals.expiryVega[i]!, gamma: gamma + totals.expiryGamma[i]! };
      this.expiryRisks.set(expiry, after);
    }
    for (const option of options) this.add(market.atReport[option.board]!.expiry, option);
  }

  /** Net short vega and Γ·F² of an expiry, as marked and traded since. */
  expiryRisk(expiry: number): ExpiryRisk {
    return this.expiryRisks.get(expiry) ?? { vega: 0n, gamma: 0n };
  }

  /** What was gained since the report of a round against its prices, quote units. */
  driftOf(round: number): bigint {
    return this.drift.round === round ? this.drift.gained : 0n;
  }

  /** Whether somebody has traded since the last mark, so that the next one pays its bounty. */
  get hasTraded(): boolean {
    return this.markedRound !== 0 && this.drift.round >= this.markedRound;
  }

  /**
   * Values the whole book under the market's report. `flow` is what LPs bring, or take (negative), at this mark: an amount, or what
   * follows from the mark, in which case it moves the pool's cash itself.
   */
  mark(market: TwinMarket, flow: bigint | ((mark: PoolMark) => void) = 0n): PoolMark | undefined {
    if (this.markedRound === market.round) return undefined;
    const { parameters, quoteDecimals } = this.terms;
    const { surfaceTime, surfaceSpotWad, disagreementWad } = market.state;
    const boards = new Map(market.atReport.map((board) => [board.expiry, board]));
    const positions = [...this.book.values()].map(({ expiry, ...strike }): StrikePosition => {
      return { ...strike, board: boards.get(expiry)! };
    });
    const drift = this.driftOf(market.round);
    const mark = poolMark(parameters, {
      positions,
      surfaceTime,
      surfaceSpotWad,
      disagreementWad,
      baseSize: this.baseSize,
      cash: this.cash,
      settlements: this.settlements,
      drift,
      reserveWad: this.reserveWad,
      reserveAtMarkWad: this.reserveAtMarkWad,
      quoteDecimals,
    });
    this.inventory = mark.netShort;
    this.netShortGammaWad = mark.netShortGammaWad;
    this.expiryRisks = new Map(mark.expiryRisks);
    this.reserveWad = mark.reserveWad;
    this.markedRound = market.round;
    const cashBefore = this.cash;
    if (typeof flow === "bigint") this.cash += flow;
    else flow(mark);
    this.nav = mark.nav + this.cash - cashBefore;
    // A larger NAV lowers Φ, and R above Φ would pay back what a cycle never paid in.
    if (this.nav > mark.nav) this.capReserve(surfaceSpotWad);
    this.reserveAtMarkWad = this.reserveWad;
    this.drift = { round: drift === 0n ? 0 : market.round, gained: drift };
    return mark;
  }

  /** Cash against base on the pool's account; `gained` is what that gained against the report's spot, quote units. */
  hedge(market: Pick<TwinMarket, "round" | "state">, cash: bigint, size: bigint, gained: bigint): void {
    this.cash += cash;
    this.baseSize += size;
    this.addDrift(market.round, gained);
    const [v0, v1, v2, delta] = this.inventory;
    this.inventory = [v0, v1, v2, delta - size];
    this.capReserve(market.state.surfaceSpotWad);
  }

  /** Takes the strikes of an expiry out of the book; returns what they pay at a price, raw. */
  closeExpired(expiry: number, priceWad: bigint): bigint {
    let raw = 0n;
    for (const [key, holding] of this.book) {
      if (holding.expiry !== expiry) continue;
      const inTheMoney = priceWad - holding.strikeWad;
      raw += inTheMoney > 0n ? holding.calls * inTheMoney : -holding.puts * inTheMoney;
      this.book.delete(key);
    }
    return raw;
  }

  private addDrift(round: number, gained: bigint): void {
    this.drift = { round, gained: this.driftOf(round) + gained };
  }

  private capReserve(surfaceSpotWad: bigint): void {
    const { reserveWad, inventory: netShort, nav } = this;
    const { parameters, quoteDecimals } = this.terms;
    this.reserveWad = cappedReserve(parameters, { reserveWad, netShort, surfaceSpotWad, nav, quoteDecimals });
  }

  private add(expiry: number, { strikeWad, isPut, size }: QuoteOption): void {
    const key = `${expiry} ${strikeWad}`;
    const holding = this.book.get(key) ?? { strikeWad, expiry, calls: 0n, puts: 0n };
    if (isPut) holding.puts -= size;
    else holding.calls -= size;
    if (holding.calls === 0n && holding.puts === 0n) this.book.delete(key);
    else this.book.set(key, holding);
  }
}
