import { fromSize } from "../../chain/optionId.ts";
import type { UniswapCurve } from "../../chain/uniswapCurve.ts";
import { type Greeks, type OptionGreeks, scaled, sumOf } from "./greeks.ts";
import type { Leg, Maker } from "./makers.ts";
import type { GasFacts } from "./rules.ts";

export type PlanKind =
  | "reference"
  | "crossing"
  | "parity"
  | "vertical"
  | "butterfly"
  | "calendar"
  | "box"
  | "spot"
  | "inventory"
  | "hedge";

/** One swap with one maker, and what it costs as far as the strategy knows, quote tokens. */
export interface PlannedSwap {
  readonly maker: Maker;
  readonly legs: readonly Leg[];
  readonly cash: number;
}

/** What to do, all or nothing, and what it is for. Amounts in quote tokens. */
export interface Plan {
  readonly kind: PlanKind;
  readonly swaps: readonly PlannedSwap[];
  /** Base bought on Uniswap v3 (negative: sold), in the token's units. */
  readonly base: bigint;
  /** What that costs; negative where it brings. */
  readonly baseCash: number;
  /** What a unit of the underlying counts. */
  readonly spot: number;
  /** What is gained after every cost, gas included. */
  readonly gain: number;
  /** What the account's cash and the wallet's tokens change by, base at `spot`: what the chain can check. */
  readonly wealth: number;
  /** Change of the account's options and base. */
  readonly greeks: Greeks;
}

/** An account that trades, and what its options and base amount to. */
export interface Holdings {
  /** Signed sizes by option id, millionths. */
  readonly positions: ReadonlyMap<bigint, bigint>;
  /** Base beside what the bot was given to work with, units of the underlying, signed. */
  readonly base: number;
}

/** Everything strategies decide on. */
export interface ArbitrageFacts {
  /** Unix seconds. */
  readonly now: number;
  /** What a unit of the underlying is worth, quote tokens. */
  readonly spot: number;
  readonly makers: readonly Maker[];
  /** Greeks of one contract by the oracle's surface; undefined where it has no such expiry. */
  greeksOf(terms: Leg["terms"]): OptionGreeks | undefined;
  /** Forward by expiry. */
  readonly forwards: ReadonlyMap<number, number>;
  readonly uniswap: UniswapCurve;
  readonly baseDecimals: number;
  readonly quoteDecimals: number;
  readonly gas: GasFacts;
  /** Smallest size of a leg, millionths: sizes are multiples of it. */
  readonly lot: bigint;
  readonly holdings: Holdings;
}

/** Greeks of a package; undefined where the surface does not have one of its expiries. */
export function greeksOfLegs(facts: ArbitrageFacts, legs: readonly Leg[]): Greeks | undefined {
  const all = legs.map(({ terms, size }) => {
    const one = facts.greeksOf(terms);
    return one && scaled(one, fromSize(size));
  });
  return all.every((one) => one !== undefined) ? sumOf(all) : undefined;
}

/** Units of the underlying as the base token counts them. */
export function toBaseUnits({ baseDecimals }: Pick<ArbitrageFacts, "baseDecimals">, amount: number): bigint {
  // Six decimals are what a size has: more would be noise of the delta.
  return BigInt(Math.round(amount * 1e6)) * 10n ** BigInt(baseDecimals - 6);
}

/** What base costs on Uniswap v3, quote tokens (negative: brings); undefined where its liquidity does not carry that far. */
export function baseCash({ uniswap, quoteDecimals }: ArbitrageFacts, base: bigint): number | undefined {
  const trade = uniswap.trade(base);
  return trade && -Number(trade.quote) / 10 ** quoteDecimals;
}
