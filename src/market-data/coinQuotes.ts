import type { ExpiryChain, OptionQuote } from "./marketData.ts";

/** An option quoted and paid in coin, as inverse venues do; `null` where nobody quotes that side. */
export interface CoinQuote {
  readonly expiry: number;
  readonly strike: number;
  readonly kind: "call" | "put";
  readonly bid: number | null;
  readonly ask: number | null;
  /** Of its expiry, in quote tokens. */
  readonly forward: number;
  readonly time?: number;
}

/**
 * Chains in quote tokens. At expiry c coins are worth c·S, so a price of c coins today is one of c·F. One side alone is no
 * price and is left out; expiries increase.
 *
 * @example coinChains([{ expiry: 1, strike: 2000, kind: "call", bid: 0.05, ask: 0.06, forward: 2000 }])[0].quotes[0].bid // 100
 */
export function coinChains(quotes: Iterable<CoinQuote>): readonly ExpiryChain[] {
  const chains = new Map<number, { forward: number; quotes: OptionQuote[] }>();
  for (const { expiry, strike, kind, bid, ask, forward, time } of quotes) {
    const chain = chains.get(expiry) ?? { forward, quotes: [] };
    chains.set(expiry, chain);
    if (bid === null || ask === null || bid <= 0) continue;
    const quote = { expiry, strike, kind, bid: bid * forward, ask: ask * forward };
    chain.quotes.push(time === undefined ? quote : { ...quote, time });
  }
  return [...chains].map(([expiry, chain]) => ({ expiry, ...chain })).toSorted((a, b) => a.expiry - b.expiry);
}
