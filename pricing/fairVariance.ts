/**
 * Fair variance of a variance swap by replication with out-of-the-money options, which is the VIX method:
 *
 *     σ²·τ = 2·Σ ΔKᵢ/Kᵢ²·Q(Kᵢ) − (F/K₀ − 1)²
 *
 * Q undiscounted; K₀ the highest strike that is not above F, where Q is the mean of call and put (of which parity gives the one
 * that is not quoted). ΔK is half the distance between
 * the neighbours, at both ends the distance to the only one.
 */
import { PricingError } from "./errors.ts";
import type { OptionKind, Price, Years } from "./units.ts";

export interface ReplicationQuote {
  readonly kind: OptionKind;
  readonly strike: Price;
  /** Undiscounted mid price. */
  readonly price: Price;
}

export interface FairVarianceInput {
  readonly forward: Price;
  readonly years: Years;
  readonly quotes: readonly ReplicationQuote[];
}

/** Variance per year; its square root is the index. In-the-money quotes are ignored. */
export function fairVariance({ forward, years, quotes }: FairVarianceInput): number {
  const strikes = [...new Set<number>(quotes.map((quote) => quote.strike))].toSorted((left, right) => left - right);
  const centre = strikes.findLast((strike) => strike <= forward);
  if (centre === undefined || !(years > 0)) {
    throw new PricingError("TooFewQuotes", "replication needs a strike at or below the forward, and time", {
      forward,
      years,
    });
  }
  const mean = (strike: number, kind: OptionKind): number | undefined => {
    const prices = quotes.filter((quote) => quote.strike === strike && quote.kind === kind).map((quote) => quote.price);
    return prices.length === 0 ? undefined : prices.reduce((sum: number, value) => sum + value, 0) / prices.length;
  };
  const legs = strikes.flatMap((strike) => {
    const put = strike <= centre ? mean(strike, "put") : undefined;
    const call = strike >= centre ? mean(strike, "call") : undefined;
    if (strike !== centre) return [put, call].flatMap((value) => (value === undefined ? [] : [{ strike, value }]));
    if (put === undefined && call === undefined) return [];
    const parity = forward - strike; // call − put
    return [{ strike, value: 0.5 * ((put ?? call! - parity) + (call ?? put! + parity)) }];
  });
  if (legs.length < 2)
    throw new PricingError("TooFewQuotes", "replication needs two strikes", { strikes: legs.length });
  let sum = 0;
  for (const [index, { strike, value }] of legs.entries()) {
    const below = legs[Math.max(index - 1, 0)]!.strike;
    const above = legs[Math.min(index + 1, legs.length - 1)]!.strike;
    const width = (above - below) / (index === 0 || index === legs.length - 1 ? 1 : 2);
    sum += (width / (strike * strike)) * value;
  }
  return (2 * sum - (forward / centre - 1) ** 2) / years;
}

/**
 * The same swap by the hedge that dominates the log payoff on the quoted strikes (Demeterfi, Derman, Kamal & Zou 1999): the
 * options form the chords of f(K) = 2·[(K − K₀)/K₀ − ln(K/K₀)], so the value lies above the continuous one.
 */
export function fairVarianceByChords({ forward, years, quotes }: FairVarianceInput, boundary: Price): number {
  const payoff = (strike: number): number => 2 * ((strike - boundary) / boundary - Math.log(strike / boundary));
  let value = 2 * Math.log(forward / boundary) - 2 * (forward / boundary - 1);
  for (const kind of ["call", "put"] as const) {
    const side = quotes
      .filter((quote) => quote.kind === kind && (kind === "call" ? quote.strike >= boundary : quote.strike <= boundary))
      .toSorted((left, right) => (kind === "call" ? left.strike - right.strike : right.strike - left.strike));
    let held = 0;
    for (const [index, { strike, price }] of side.entries()) {
      const next = side[index + 1];
      if (next === undefined) break; // the last strike only closes the chord before it
      const slope = (payoff(next.strike) - payoff(strike)) / Math.abs(next.strike - strike);
      value += (slope - held) * price;
      held = slope;
    }
  }
  return value / years;
}
