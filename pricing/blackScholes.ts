/**
 * Generalised Black–Scholes–Merton from spot: F = S·e^(bτ), discounted at r. Cost of carry b = r: stock without dividends;
 * b = r − q: dividend yield q; b = 0: futures; b = r − r_f: currencies (Haug, "The Complete Guide to Option Pricing Formulas").
 */
import { black76 } from "./black76.ts";
import { PricingError } from "./errors.ts";
import { black76Greeks } from "./greeks.ts";
import { normalCdf } from "./normal.ts";
import { logRatio, type OptionKind, type Price, price, stdDevOf, type Volatility, type Years } from "./units.ts";

export interface BlackScholesInput {
  readonly spot: Price;
  readonly strike: Price;
  readonly years: Years;
  readonly volatility: Volatility;
  /** Continuously compounded, per year; may be negative. */
  readonly rate: number;
  /** b; the rate when left out. */
  readonly carry?: number;
  readonly kind: OptionKind;
}

export interface BlackScholesGreeks {
  readonly price: number;
  /** ∂V/∂S. */
  readonly delta: number;
  /** ∂²V/∂S². */
  readonly gamma: number;
  /** ∂V/∂σ, per 1.00 of volatility. */
  readonly vega: number;
  /** ∂V/∂t, per year. */
  readonly theta: number;
  /** ∂V/∂r with b moving along (r − b held), per 1.00 of rate. */
  readonly rho: number;
  /** ∂V/∂q, the dividend yield's: −∂V/∂b. */
  readonly dividendRho: number;
  /** ∂V/∂b. */
  readonly carryRho: number;
  /** Δ·S/V; 0 for an option worth nothing. */
  readonly elasticity: number;
}

interface Reduced {
  readonly forward: Price;
  readonly forwardPerSpot: number;
  readonly discount: number;
  readonly carry: number;
}

function reduce({ spot, years, rate, carry = rate }: BlackScholesInput): Reduced {
  const forwardPerSpot = Math.exp(carry * years);
  const discount = Math.exp(-rate * years);
  if (!(discount < Infinity && forwardPerSpot < Infinity)) {
    throw new PricingError("OutOfDomain", "e^(−rτ) and e^(bτ) must be finite", { rate, carry, years });
  }
  return { forward: price(spot * forwardPerSpot), forwardPerSpot, discount, carry };
}

export function blackScholes(input: BlackScholesInput): number {
  const { forward, discount } = reduce(input);
  const { strike, kind, volatility, years } = input;
  return discount * black76({ forward, strike, stdDev: stdDevOf(volatility, years), kind });
}

export function blackScholesGreeks(input: BlackScholesInput): BlackScholesGreeks {
  const { forward, forwardPerSpot, discount, carry } = reduce(input);
  const { spot, strike, kind, volatility, years, rate } = input;
  const greeks = black76Greeks({ forward, strike, kind, volatility, years });
  const value = discount * greeks.price;
  const delta = discount * forwardPerSpot * greeks.delta;
  const carryRho = years * spot * delta;
  return {
    price: value,
    delta,
    gamma: discount * forwardPerSpot * forwardPerSpot * greeks.gamma,
    vega: discount * greeks.vega,
    theta: discount * greeks.theta - carry * spot * delta + rate * value,
    // ∂/∂r of discount and of the forward together: −τV + τSΔ = τ·K·e^(−rτ)·Φ(±d₂)
    rho: years * discount * (strike * -greeks.dualDelta),
    dividendRho: -carryRho,
    carryRho,
    elasticity: value === 0 ? 0 : (delta * spot) / value,
  };
}

/** Φ(±d₂) and Φ(±d₁)·S·e^((b−r)τ): what the three digital payoffs are made of. */
function exercise(input: BlackScholesInput): { readonly cash: number; readonly asset: number } {
  const { forward, discount } = reduce(input);
  const v = stdDevOf(input.volatility, input.years);
  const sign = input.kind === "call" ? 1 : -1;
  // At v = 0 the kink counts half, as in black76Greeks.
  const d1 = forward === input.strike ? 0.5 * v : logRatio(forward, input.strike) / v + 0.5 * v;
  return { cash: discount * normalCdf(sign * (d1 - v)), asset: discount * forward * normalCdf(sign * d1) };
}

/** Pays `cash` where the option ends in the money. */
export const cashOrNothing = (input: BlackScholesInput, cash: number): number => cash * exercise(input).cash;

/** Pays the underlying where the option ends in the money. */
export const assetOrNothing = (input: BlackScholesInput): number => exercise(input).asset;

/** Triggered at the strike, pays the difference to another one. May be worth less than nothing. */
export function gapOption(input: BlackScholesInput, payoffStrike: Price): number {
  const { cash, asset } = exercise(input);
  return input.kind === "call" ? asset - payoffStrike * cash : payoffStrike * cash - asset;
}
