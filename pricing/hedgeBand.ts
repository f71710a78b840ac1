import { SECONDS_PER_YEAR } from "./units.ts";

/** What the width of a hedging band depends on. */
export interface BandInput {
  /** λ: cost of trading as a share of spot. */
  readonly cost: number;
  /** S, quote per unit of the underlying. */
  readonly spot: number;
  /** Γ of the book, units of the underlying per quote token; its sign does not matter. */
  readonly gamma: number;
  /** NAV, quote tokens. */
  readonly nav: number;
  /** γ: risk aversion is γ/NAV. */
  readonly aversion: number;
}

/**
 * Half-width of the band inside which a delta is left alone, units of the underlying: (3/2·λ·S·Γ²·NAV/γ)^(1/3).
 *
 * Whalley and Wilmott, "An asymptotic analysis of an optimal hedging model for option pricing with transaction costs",
 * Mathematical Finance 7 (1997): exponential utility, small costs, no interest. On chain: `HedgeBand.halfWidth`.
 *
 * @example hedgeBand({ cost: 0.001, spot: 3000, gamma: 0.16, nav: 1e6, aversion: 30 }) // 15.659470564675456
 */
export function hedgeBand({ cost, spot, gamma, nav, aversion }: BandInput): number {
  return Math.cbrt((1.5 * cost * spot * gamma * gamma * nav) / aversion);
}

/** What a delta's risk depends on. */
export interface RiskInput {
  /** The delta's worth, quote tokens. */
  readonly worth: number;
  readonly nav: number;
  readonly aversion: number;
  /** σ per √year. */
  readonly volatility: number;
  /** T: for how long the delta is held, seconds. */
  readonly seconds: number;
}

/**
 * The certain loss that holding a delta is as bad as, quote tokens: ½·γ/NAV·y²·σ²·T. On chain: `HedgeBand.savedE6` is its change.
 *
 * @example deltaRisk({ worth: 300_000, nav: 1e6, aversion: 30, volatility: 0.6, seconds: 3600 }) // 55.479452054794514
 */
export function deltaRisk({ worth, nav, aversion, volatility, seconds }: RiskInput): number {
  return ((aversion / nav) * worth * worth * volatility * volatility * seconds) / (2 * SECONDS_PER_YEAR);
}
