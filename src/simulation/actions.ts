/** What can happen to a market with one pool, and the engines that make it happen. */
import type { Report } from "../chain/report.ts";
import type { OptionKind } from "../market/world.ts";

/** An option and a size in contracts, the taker's: positive buys. Sizes are multiples of 1e-6, strikes of the market's step. */
export interface SimulatedLeg {
  readonly expiry: number;
  readonly strike: number;
  readonly kind: OptionKind;
  readonly size: number;
}

/** What the venue of the underlying gave and took for a hedge: at a price for all that is wanted, or both amounts in tokens' units. */
export type VenueFill = { readonly price: number } | { readonly baseAmount: bigint; readonly quoteAmount: bigint };

/**
 * One act in a block of its own at `time`, Unix seconds; times never fall. Amounts are integers in units: quote tokens have 6 decimals,
 * shares 18. `who` names an LP or a taker.
 */
export type Action =
  | { readonly kind: "report"; readonly time: number; readonly report: SimulatedReport }
  | { readonly kind: "mark"; readonly time: number }
  | { readonly kind: "stress"; readonly time: number }
  | {
      readonly kind: "swap";
      readonly time: number;
      readonly who: string;
      readonly legs: readonly SimulatedLeg[];
      /** The most it may cost, quote units; anything where it is left out. */
      readonly limit?: number;
    }
  | { readonly kind: "hedge"; readonly time: number; readonly fill: VenueFill }
  | { readonly kind: "deposit"; readonly time: number; readonly who: string; readonly assets: number }
  | {
      readonly kind: "redeem";
      readonly time: number;
      readonly who: string;
      /** Of what the LP holds, in millionths: 1,000,000 is all. */
      readonly shareE6: number;
    }
  | { readonly kind: "claim"; readonly time: number; readonly who: string }
  | {
      readonly kind: "settle";
      readonly time: number;
      readonly expiry: number;
      /** What all other accounts owe and what of it is covered, quote units; everything where it is left out. */
      readonly others?: { readonly owed: number; readonly collected: number };
    };

/** A report of the oracle as all its nodes sign it. */
export type SimulatedReport = Report extends infer R
  ? R extends Report
    ? Omit<R, "marketId" | "signerSet">
    : never
  : never;

/** What became of an act: done, or refused with the name of the contract's error. */
export type Outcome =
  | {
      readonly done: true;
      /** Quote units: what a taker paid, an LP got out of a claim, the pool was paid at settlement. */
      readonly cash: number;
      /** What of a swap's cash is fee, and what of it is mid; quote units. */
      readonly fee?: number;
      readonly mid?: number;
      /** Shares that a claim brought, 18 decimals. */
      readonly shares?: bigint;
      /** What a hedge exchanged, in the tokens' units. */
      readonly hedge?: { readonly baseAmount: bigint; readonly quoteAmount: bigint; readonly bounty: bigint };
    }
  | { readonly done: false; readonly refused: string };

/** The pool as everybody sees it, in units. */
export interface PoolView {
  readonly cash: bigint;
  readonly requirement: bigint;
  readonly base: bigint;
  /** At the last mark, with what LPs brought and took. */
  readonly nav: bigint;
  readonly reserveWad: bigint;
  readonly inventory: readonly [bigint, bigint, bigint, bigint];
  /** Shares that exist. */
  readonly supply: bigint;
}

/** Makes acts happen one after another. */
export interface Engine {
  act(action: Action): Outcome | Promise<Outcome>;
  view(): PoolView | Promise<PoolView>;
}

/** An engine in memory, which answers at once and says prices to whoever asks. */
export interface QuotingEngine extends Engine {
  act(action: Action): Outcome;
  view(): PoolView;
  /** What a package costs the taker at `time`, quote units, whatever the limits; undefined where it has no price. */
  quote(legs: readonly SimulatedLeg[], time: number): number | undefined;
  /** What a margin account needs beside such a package, quote units. */
  marginOf(legs: readonly SimulatedLeg[], time: number): number;
  /** Quote tokens of a share. */
  readonly sharePrice: number;
}

const VIRTUAL_SHARES = 10n ** 12n;

/** Quote units that 1e18 shares are worth, times 1e18; 1e24 is par. As `PoolShares.convertToAssets` has it, virtual shares counted. */
export function sharePriceWad({ nav, supply }: Pick<PoolView, "nav" | "supply">): bigint {
  return (((nav > 0n ? nav : 0n) + 1n) * 10n ** 36n) / (supply + VIRTUAL_SHARES);
}
