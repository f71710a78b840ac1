import type { ReferenceVolatility } from "../bots/arbitrage/alignment.ts";
import { normalCdf } from "./venuePricing.ts";
import { type Chain, SECONDS_PER_DAY, SECONDS_PER_YEAR } from "./world.ts";

/** What alignment is looked at by: a little inside of what pools trade. */
const [MIN_TENOR, MAX_TENOR] = [2.1 * SECONDS_PER_DAY, 65 * SECONDS_PER_DAY];
const [MIN_DELTA, MAX_DELTA] = [0.1, 0.5];

/**
 * The venue's own volatilities of its options out of the money that somebody quotes on both sides and pools trade: from 10 delta to the
 * money, from two days to 65, strikes on the pools' grid.
 */
export function referenceVolatilities(
  chain: Chain,
  marketId: number,
  strikeStep: number,
): readonly ReferenceVolatility[] {
  return chain.quotes.flatMap(({ expiry, strike, kind, bid, ask, markIv }) => {
    const tenor = expiry - chain.time;
    if (bid === undefined || ask === undefined || !(markIv > 0) || strike % strikeStep !== 0) return [];
    if (tenor < MIN_TENOR || tenor > MAX_TENOR) return [];
    const stdDev = markIv * Math.sqrt(tenor / SECONDS_PER_YEAR);
    const forward = chain.forwardByExpiry.get(expiry) ?? chain.spot;
    const call = normalCdf(Math.log(forward / strike) / stdDev + stdDev / 2);
    const delta = kind === "call" ? call : 1 - call;
    if (delta < MIN_DELTA || delta > MAX_DELTA) return [];
    return [{ terms: { marketId, expiry, strike, kind }, volatility: markIv }];
  });
}
