import { impliedStdDev, PricingError, price, quoteNoise, SECONDS_PER_YEAR } from "../../pricing/index.ts";
import type { ExpiryChain, MarketSnapshot, OptionQuote } from "../market-data/marketData.ts";
import type { LevelRule, SeenLevel } from "./level.ts";
import { median } from "./median.ts";

/** Where total variance is read, in units of √(years): k = x·√τ. Fixed, so that nodes can be compared point by point. */
export const LATTICE_X = [-1.5, -1, -0.7, -0.5, -0.35, -0.2, -0.1, 0, 0.1, 0.2, 0.35, 0.5, 0.7, 1, 1.5] as const;

/** What one node saw of one expiry. */
export interface ExpiryObservation {
  readonly expiry: number;
  /** F/S − 1. */
  readonly basis: number;
  /** Total variance at LATTICE_X; null where the node has no quotes around. */
  readonly totalVariance: readonly (number | null)[];
  /** Half the bid–ask width at each point, as a volatility; null as above. */
  readonly halfWidth: readonly (number | null)[];
}

export interface LatticeRules {
  /** Widest bid–ask taken seriously, as a share of mid … */
  readonly maxRelativeWidth: number;
  /** … unless half of it is at most this share of the volatility. */
  readonly maxHalfWidth: number;
  /** Shortest tenor that gets a slice, seconds. */
  readonly minTenor: number;
  readonly maxExpiries: number;
  /** Quotes older than this say nothing, seconds. */
  readonly maxQuoteAge: number;
}

export const defaultLatticeRules: LatticeRules = {
  maxRelativeWidth: 1,
  maxHalfWidth: 0.1,
  minTenor: 1_800,
  maxExpiries: 14,
  maxQuoteAge: 60,
};

/** Error that even the tightest, freshest quote is given beside another venue's, as a volatility. */
const QUOTE_NOISE = 0.005;
const DAYS_PER_YEAR = 365;

/** A volatility that quotes give, and how far it may be off. */
interface Reading {
  readonly k: number;
  readonly volatility: number;
  readonly halfWidth: number;
  /** Seconds since the older of its quotes was made. */
  readonly age: number;
  /** How many venues it is of. */
  readonly venues: number;
}

/** From when an observation is, and where the level of a smile is taken to be, given what quotes say of its middle. */
export interface LatticeFrame {
  readonly time: number;
  /** By default where quotes have it. */
  readonly level?: LevelRule;
}

/**
 * A node's view of the surface: out-of-the-money quotes of every venue, filtered, inverted, read off on the lattice, put
 * together, and moved to the level that follows from quotes and forecast. Pure.
 */
export function observeSurface(
  snapshots: readonly MarketSnapshot[],
  frame: LatticeFrame,
  rules = defaultLatticeRules,
): readonly ExpiryObservation[] {
  const expiries = new Set(snapshots.flatMap(({ chains }) => chains.map(({ expiry }) => expiry)));
  return [...expiries]
    .filter((expiry) => expiry - frame.time >= rules.minTenor)
    .toSorted((a, b) => a - b)
    .flatMap((expiry) => observeExpiry(expiry, snapshots, frame, rules) ?? [])
    .slice(0, rules.maxExpiries);
}

function observeExpiry(
  expiry: number,
  snapshots: readonly MarketSnapshot[],
  frame: LatticeFrame,
  rules: LatticeRules,
): ExpiryObservation | undefined {
  const tenor = expiry - frame.time;
  const years = tenor / SECONDS_PER_YEAR;
  const seen = snapshots.flatMap((snapshot) => {
    const chain = snapshot.chains.find((item) => item.expiry === expiry);
    if (!chain || chain.quotes.length === 0) return [];
    const points = readingsOf(chain, snapshot, frame.time, rules);
    // A venue's forward is against its own index.
    return points.length < 3 ? [] : [{ basis: chain.forward / snapshot.spot - 1, points }];
  });
  if (seen.length === 0) return undefined;
  const readings = LATTICE_X.map((x) => {
    const k = x * Math.sqrt(years);
    return putTogether(
      seen.flatMap(({ points }) => readAt(points, k) ?? []),
      years,
    );
  });
  if (readings.filter((reading) => reading !== null).length < 3) return undefined;
  const middle = readings[LATTICE_X.indexOf(0)];
  const level = middle && frame.level ? frame.level(tenor, seenLevel(middle, years)) / middle.volatility : 1;
  return {
    expiry,
    basis: median(seen.map(({ basis }) => basis)),
    totalVariance: readings.map((reading) => (reading ? (level * reading.volatility) ** 2 * years : null)),
    halfWidth: readings.map((reading) => reading?.halfWidth ?? null),
  };
}

/** Volatilities of the out-of-the-money quotes by log-moneyness; stale, crossed, wide and impossible ones are left out. */
function readingsOf(
  chain: ExpiryChain,
  snapshot: MarketSnapshot,
  time: number,
  rules: LatticeRules,
): readonly Reading[] {
  const years = (chain.expiry - time) / SECONDS_PER_YEAR;
  const readings: Reading[] = [];
  for (const quote of chain.quotes) {
    const k = Math.log(quote.strike / chain.forward);
    if (quote.kind === "call" ? k < 0 : k >= 0) continue;
    if (quote.bid <= 0 || quote.ask <= quote.bid) continue;
    const age = Math.max(0, time - (quote.time ?? snapshot.time));
    if (age > rules.maxQuoteAge) continue;
    const mid = (quote.bid + quote.ask) / 2;
    const [low, middle, high] = [quote.bid, mid, quote.ask].map((value) =>
      volatilityOf(quote, value, chain.forward, years),
    );
    if (low === undefined || middle === undefined || high === undefined) continue;
    const halfWidth = (high - low) / 2;
    const wide = quote.ask - quote.bid > rules.maxRelativeWidth * mid;
    if (wide && halfWidth > rules.maxHalfWidth * middle) continue;
    readings.push({ k, volatility: middle, halfWidth, age, venues: 1 });
  }
  return readings.toSorted((a, b) => a.k - b.k);
}

function volatilityOf(quote: OptionQuote, value: number, forward: number, years: number): number | undefined {
  try {
    const terms = { price: price(value), forward: price(forward), strike: price(quote.strike), kind: quote.kind };
    return impliedStdDev(terms) / Math.sqrt(years);
  } catch (error) {
    if (error instanceof PricingError) return undefined; // below intrinsic or above the maximum: no volatility
    throw error;
  }
}

/** Linear in volatility between the two points around k; nothing beyond the outermost. */
function readAt(points: readonly Reading[], k: number): Reading | null {
  const right = points.findIndex((point) => point.k >= k);
  const above = points[right];
  if (!above) return null;
  const below = points[right - 1];
  if (!below) return above.k === k ? above : null;
  const share = (k - below.k) / (above.k - below.k);
  return {
    k,
    volatility: below.volatility + share * (above.volatility - below.volatility),
    halfWidth: below.halfWidth + share * (above.halfWidth - below.halfWidth),
    age: Math.max(below.age, above.age),
    venues: 1,
  };
}

/** What a reading's quotes say, and m, the variance of its logarithm's error. */
function seenLevel({ volatility, halfWidth, age, venues }: Reading, years: number): SeenLevel {
  const relativeWidth = (2 * halfWidth) / volatility;
  return {
    volatility,
    noise: quoteNoise({ ageSeconds: age, tenorDays: years * DAYS_PER_YEAR, relativeWidth, venues }),
  };
}

/** How far one venue's reading may be off, as a variance of volatility: that of ln(variance) is four times ln(volatility)'s. */
function errorOf(reading: Reading, years: number): number {
  const { volatility, noise } = seenLevel(reading, years);
  return (noise / 4) * volatility * volatility + QUOTE_NOISE * QUOTE_NOISE;
}

/**
 * One reading of several venues'. Of two the mean, weighted by 1/error variance; of more the weighted median, which one wild venue
 * does not move. Where they differ by more than their widths, the width becomes half of the difference.
 */
function putTogether(readings: readonly Reading[], years: number): Reading | null {
  const [first, ...others] = readings;
  if (!first) return null;
  if (others.length === 0) return first;
  const weighted = readings
    .map((reading) => ({ reading, weight: 1 / errorOf(reading, years) }))
    .toSorted((a, b) => a.reading.volatility - b.reading.volatility);
  const total = weighted.reduce((sum, { weight }) => sum + weight, 0);
  const mean = (of: (reading: Reading) => number) =>
    weighted.reduce((sum, { reading, weight }) => sum + weight * of(reading), 0) / total;
  let below = 0;
  const middle = weighted.find(({ weight }) => {
    below += weight;
    return below >= total / 2;
  });
  const volatility =
    readings.length === 2 || !middle ? mean((reading) => reading.volatility) : middle.reading.volatility;
  const apart = ((weighted.at(-1)?.reading.volatility ?? 0) - (weighted[0]?.reading.volatility ?? 0)) / 2;
  return {
    k: first.k,
    volatility,
    halfWidth:
      readings.length === 2
        ? Math.max(
            mean((reading) => reading.halfWidth),
            apart,
          )
        : mean((r) => r.halfWidth),
    age: mean((reading) => reading.age),
    venues: readings.length,
  };
}
