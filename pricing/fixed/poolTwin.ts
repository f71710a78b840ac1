/**
 * A pool in memory: what `OptionPool` makes of swaps and marks, to the unit, without a chain. Limits, freshness and margin are
 * not repeated; times, boards and spot come in.
 */

import { cappedReserve, navE6, type PoolMark, poolMark, reserveAfter, type StrikePosition } from "./bookValue.ts";
import { toCashUp } from "./cashMath.ts";
import type { InventoryVector } from "./inventoryPotential.ts";
import {
  type PoolQuote,
  poolQuote,
  type QuoteBoard,
  type QuoteOption,
  type QuoteParameters,
  type QuoteState,
} from "./poolQuote.ts";

const BASIS_POINTS = 10_000n;

/** The market as one surface report and the present have it. */
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

/** Calls and puts of one strike, signed, long positive, 6 decimals; `board` is the index of its expiry. */
interface Holding {
  readonly strikeWad: bigint;
  readonly board: number;
  calls: bigint;
  puts: bigint;
}

export class PoolTwin {
  private readonly terms: TwinTerms;
  private readonly holdings = new Map<string, Holding>();
  /** Quote units. */
  cash: bigint;
  /** At the last mark, quote units. */
  nav = 0n;
  inventory: InventoryVector = [0n, 0n, 0n, 0n];
  reserveWad = 0n;
  private reserveAtMarkWad = 0n;
  private drift = { round: 0, gained: 0n };
  private markedRound = 0;

  constructor(terms: TwinTerms, cash: bigint) {
    this.terms = terms;
    this.cash = cash;
  }

  /** Another pool that is the same until either trades. */
  copy(): PoolTwin {
    const twin = new PoolTwin(this.terms, this.cash);
    const { nav, inventory, reserveWad, reserveAtMarkWad, drift, markedRound } = this;
    Object.assign(twin, { nav, inventory, reserveWad, reserveAtMarkWad, drift, markedRound });
    for (const [key, holding] of this.holdings) twin.holdings.set(key, { ...holding });
    return twin;
  }

  /** The pool's calls and puts of a strike. */
  position(option: Pick<QuoteOption, "board" | "strikeWad" | "isPut">): bigint {
    const holding = this.holdings.get(`${option.board} ${option.strikeWad}`);
    return (option.isPut ? holding?.puts : holding?.calls) ?? 0n;
  }

  /** What a package costs the taker now. */
  quote(market: TwinMarket, options: readonly QuoteOption[]): PoolQuote {
    const { parameters, quoteDecimals } = this.terms;
    return poolQuote(parameters, {
      ...market,
      options,
      inventory: this.inventory,
      reserveWad: this.reserveWad,
      navE6: navE6(parameters.navFloor, this.nav, quoteDecimals),
      paysBack: this.markedRound === market.round,
      quoteDecimals,
    }).quote;
  }

  /** The same, done. */
  swap(market: TwinMarket, options: readonly QuoteOption[]): PoolQuote {
    const quote = this.quote(market, options);
    const { insuranceFeeShareBps, protocolFeeShareBps, quoteDecimals } = this.terms;
    const kept =
      quote.cash - (quote.fee * insuranceFeeShareBps) / BASIS_POINTS - (quote.fee * protocolFeeShareBps) / BASIS_POINTS;
    this.cash += kept;
    const gained = kept - toCashUp(quote.reportValueWad, 10n ** BigInt(18 - quoteDecimals));
    const before = this.drift.round === market.round ? this.drift.gained : 0n;
    this.drift = { round: market.round, gained: before + gained };
    const [front, middle, back] = quote.vegaChange;
    const [v0, v1, v2, delta] = this.inventory;
    this.inventory = [v0 + front, v1 + middle, v2 + back, delta + quote.deltaChange];
    this.reserveWad = reserveAfter(this.reserveWad, quote.impactWad);
    for (const option of options) this.add(option);
    return quote;
  }

  /** Values the whole book under the market's report; `flow` is what LPs bring, or take (negative), at this mark. */
  mark(market: TwinMarket, flow = 0n): PoolMark | undefined {
    if (this.markedRound === market.round) return undefined;
    const { parameters, quoteDecimals } = this.terms;
    const { surfaceTime, surfaceSpotWad, disagreementWad } = market.state;
    const positions = [...this.holdings.values()].map(({ board, ...strike }): StrikePosition => {
      return { ...strike, board: market.atReport[board]! };
    });
    const mark = poolMark(parameters, {
      positions,
      surfaceTime,
      surfaceSpotWad,
      disagreementWad,
      baseSize: 0n,
      cash: this.cash,
      drift: this.drift.round === market.round ? this.drift.gained : 0n,
      reserveWad: this.reserveWad,
      reserveAtMarkWad: this.reserveAtMarkWad,
      quoteDecimals,
    });
    this.cash += flow;
    this.nav = mark.nav + flow;
    this.inventory = mark.netShort;
    const { reserveWad, netShort } = mark;
    const capped = { reserveWad, netShort, surfaceSpotWad, nav: this.nav, quoteDecimals };
    this.reserveWad = flow > 0n ? cappedReserve(parameters, capped) : reserveWad;
    this.reserveAtMarkWad = this.reserveWad;
    this.markedRound = market.round;
    return mark;
  }

  private add({ board, strikeWad, isPut, size }: QuoteOption): void {
    const key = `${board} ${strikeWad}`;
    const holding = this.holdings.get(key) ?? { strikeWad, board, calls: 0n, puts: 0n };
    if (isPut) holding.puts -= size;
    else holding.calls -= size;
    if (holding.calls === 0n && holding.puts === 0n) this.holdings.delete(key);
    else this.holdings.set(key, holding);
  }
}
