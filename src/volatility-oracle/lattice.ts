import { impliedStdDev, PricingError, price, SECONDS_PER_YEAR } from "../../pricing/index.ts";
import type { ExpiryChain, MarketSnapshot, OptionQuote } from "../market-data/marketData.ts";

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
}

export const defaultLatticeRules: LatticeRules = {
  maxRelativeWidth: 1,
  maxHalfWidth: 0.1,
  minTenor: 1_800,
  maxExpiries: 14,
};

interface VolatilityPoint {
  readonly k: number;
  readonly volatility: number;
  readonly halfWidth: number;
}

/** A node's view of the surface: out-of-the-money quotes, filtered, inverted, read off on the lattice. Pure. */
export function observeSurface(snapshot: MarketSnapshot, rules = defaultLatticeRules): readonly ExpiryObservation[] {
  return snapshot.chains
    .filter(({ expiry }) => expiry - snapshot.time >= rules.minTenor)
    .flatMap((chain) => {
      const years = (chain.expiry - snapshot.time) / SECONDS_PER_YEAR;
      const points = volatilityPoints(chain, years, rules);
      if (points.length < 3) return [];
      const readings = LATTICE_X.map((x) => readAt(points, x * Math.sqrt(years)));
      if (readings.filter((reading) => reading !== null).length < 3) return [];
      return [
        {
          expiry: chain.expiry,
          basis: chain.forward / snapshot.spot - 1,
          totalVariance: readings.map((reading) => (reading ? reading.volatility ** 2 * years : null)),
          halfWidth: readings.map((reading) => reading?.halfWidth ?? null),
        },
      ];
    })
    .slice(0, rules.maxExpiries);
}

/** Volatilities of the out-of-the-money quotes by log-moneyness; crossed, wide and impossible quotes are left out. */
function volatilityPoints(chain: ExpiryChain, years: number, rules: LatticeRules): readonly VolatilityPoint[] {
  const points: VolatilityPoint[] = [];
  for (const quote of chain.quotes) {
    const k = Math.log(quote.strike / chain.forward);
    if (quote.kind === "call" ? k < 0 : k >= 0) continue;
    if (quote.bid <= 0 || quote.ask <= quote.bid) continue;
    const mid = (quote.bid + quote.ask) / 2;
    const [low, middle, high] = [quote.bid, mid, quote.ask].map((value) =>
      volatilityOf(quote, value, chain.forward, years),
    );
    if (low === undefined || middle === undefined || high === undefined) continue;
    const halfWidth = (high - low) / 2;
    const wide = quote.ask - quote.bid > rules.maxRelativeWidth * mid;
    if (wide && halfWidth > rules.maxHalfWidth * middle) continue;
    points.push({ k, volatility: middle, halfWidth });
  }
  return points.sort((a, b) => a.k - b.k);
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
function readAt(points: readonly VolatilityPoint[], k: number): VolatilityPoint | null {
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
  };
}
