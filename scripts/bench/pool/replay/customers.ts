/** Who comes to the pool of a replay, and what it is worth to them; pure, all chance comes from `random`. */
import type { Position } from "../../../../src/market/flow.ts";
import type { Random } from "../../../../src/market/random.ts";
import { normalCdf } from "../../../../src/market/venuePricing.ts";
import { type Chain, type ChainQuote, SECONDS_PER_DAY, SECONDS_PER_YEAR } from "../../../../src/market/world.ts";

/** What customers look at: what the pool sells, a little inside of what it refuses. */
const STRIKE_STEP = 25;
const [MIN_TENOR, MAX_TENOR] = [2.1 * SECONDS_PER_DAY, 65 * SECONDS_PER_DAY];
const [MIN_DELTA, MAX_DELTA] = [0.05, 0.7];
/** Contracts: sizes are log-normal. */
const [MEDIAN_SIZE, SIZE_DEVIATION] = [4, 0.9];
/** A venue's fee for takers: 3 bp of spot, at most an eighth of the premium. */
const [VENUE_FEE, VENUE_FEE_CAP] = [0.0003, 0.125];
/** What trading on the chain is worth to a customer on average, share of spot: some pay no more than at the venue. */
const PREFERENCE = 0.001;

/** One option and a size in contracts (positive buys), and the most it may cost: quote tokens, negative is the least to be paid. */
export interface Wish {
  readonly order: Position;
  readonly most: number;
}

/**
 * Somebody opens a position: the option is drawn by the venue's open interest, so that calls and puts, strikes and expiries stand to one
 * another as in the market of that day; undefined where the venue shows nothing that the pool trades.
 */
export function openingWish(chain: Chain, side: "buy" | "sell", random: Random): Wish | undefined {
  const listed = chain.quotes.filter((quote) => quote.openInterest > 0 && isTraded(quote, chain));
  const all = listed.reduce((sum, { openInterest }) => sum + openInterest, 0);
  let left = all * random.uniform();
  const quote = listed.find(({ openInterest }) => {
    left -= openInterest;
    return left < 0;
  });
  if (!quote) return undefined;
  const size = Math.max(0.1, round(MEDIAN_SIZE * Math.exp(SIZE_DEVIATION * random.normal())));
  return wishOf(quote, side === "buy" ? size : -size, chain, random);
}

/** Somebody gives back what he holds, half of it or all; undefined where the venue does not say what that is worth. */
export function closingWish(chain: Chain, { expiry, strike, kind, size }: Position, random: Random): Wish | undefined {
  const isWhole = Math.abs(size) < 2 || random.uniform() < 0.5;
  const quote = chain.quotes.find((item) => item.expiry === expiry && item.strike === strike && item.kind === kind);
  return quote && wishOf(quote, round(isWhole ? -size : -size / 2), chain, random);
}

/** At most what the venue asks with its fee, and what not having to go there is worth; sellers alike. */
function wishOf(
  { expiry, strike, kind, bid, ask }: ChainQuote,
  size: number,
  { spot }: Chain,
  random: Random,
): Wish | undefined {
  const coin = size > 0 ? ask : bid;
  if (coin === undefined || size === 0) return undefined;
  const price = coin * spot;
  const fee = Math.min(VENUE_FEE * spot, VENUE_FEE_CAP * price);
  const preference = -PREFERENCE * Math.log(1 - random.uniform()) * spot;
  const limit = size > 0 ? price + fee + preference : Math.max(0, price - fee - preference);
  return { order: { expiry, strike, kind, size }, most: size * limit };
}

function isTraded({ expiry, strike, kind, markIv }: ChainQuote, { time, spot, forwardByExpiry }: Chain): boolean {
  const tenor = expiry - time;
  if (strike % STRIKE_STEP !== 0 || tenor < MIN_TENOR || tenor > MAX_TENOR || !(markIv > 0)) return false;
  const stdDev = markIv * Math.sqrt(tenor / SECONDS_PER_YEAR);
  const call = normalCdf(Math.log((forwardByExpiry.get(expiry) ?? spot) / strike) / stdDev + stdDev / 2);
  const delta = kind === "call" ? call : 1 - call;
  return delta >= MIN_DELTA && delta <= MAX_DELTA;
}

/** To a tenth of a contract. */
function round(size: number): number {
  return Math.round(size * 10) / 10;
}
