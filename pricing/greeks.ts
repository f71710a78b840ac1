/**
 * Greeks of the undiscounted Black-76 price V(F, σ, t) and of its discounted form e^(−rτ)·V at r = 0.
 *
 * Units: σ per √year as a decimal (vega is per 1.00 of volatility, a hundredth of it per vol point), time in years of 365
 * days (theta per year, and with the sign of passing time), r as a decimal per year.
 */
import { black76 } from "./black76.ts";
import { PricingError } from "./errors.ts";
import { normalCdf, normalPdf } from "./normal.ts";
import { logRatio, type OptionKind, type Price, type StdDev, stdDev, type Volatility, type Years } from "./units.ts";

interface CommonInput {
  readonly forward: Price;
  readonly strike: Price;
  readonly kind: OptionKind;
}

/** Volatility and time; or a deviation alone, which is read as the volatility of one year. */
export type Black76GreeksInput =
  | (CommonInput & { readonly volatility: Volatility; readonly years: Years })
  | (CommonInput & { readonly stdDev: StdDev; readonly years?: Years });

export interface Black76Greeks {
  readonly price: number;
  /** ∂V/∂F. */
  readonly delta: number;
  /** ∂V/∂K. */
  readonly dualDelta: number;
  /** ∂V/∂σ. */
  readonly vega: number;
  /** ∂V/∂t = −∂V/∂τ. */
  readonly theta: number;
  /** ∂(e^(−rτ)V)/∂r at r = 0 with the forward held: −τV. */
  readonly rho: number;
  /** ∂²V/∂F². */
  readonly gamma: number;
  /** ∂²V/∂K², the undiscounted risk-neutral density. */
  readonly dualGamma: number;
  /** ∂²V/∂F∂σ. */
  readonly vanna: number;
  /** ∂²V/∂σ². */
  readonly volga: number;
  /** The other name of volga. */
  readonly vomma: number;
  /** ∂²V/∂F∂t. */
  readonly charm: number;
  /** ∂²V/∂σ∂t. */
  readonly veta: number;
  /** ∂³V/∂F³. */
  readonly speed: number;
  /** ∂³V/∂F²∂σ. */
  readonly zomma: number;
  /** ∂³V/∂F²∂t. */
  readonly color: number;
  /** ∂³V/∂σ³. */
  readonly ultima: number;
}

function deviationAndTime(input: Black76GreeksInput): { v: number; time: number } {
  if ("volatility" in input) return { v: input.volatility * Math.sqrt(input.years), time: input.years };
  return { v: input.stdDev, time: input.years ?? 1 };
}

/** Where nothing but the price's own slope is left: v → 0 away from the money, v → ∞, or no time. */
function limits(price: number, delta: number, dualDelta: number, time: number): Black76Greeks {
  return {
    price,
    delta,
    dualDelta,
    rho: -time * price,
    vega: 0,
    theta: 0,
    gamma: 0,
    dualGamma: 0,
    vanna: 0,
    volga: 0,
    vomma: 0,
    charm: 0,
    veta: 0,
    speed: 0,
    zomma: 0,
    color: 0,
    ultima: 0,
  };
}

/**
 * All first and second Greeks and the common third ones, never NaN. At v = 0, and where φ(d₁) underflows, derivatives take
 * their limits, zero; delta at the kink is the mean of both sides. Relative error of each some 1e-15, of ultima 1e-13.
 */
export function black76Greeks(input: Black76GreeksInput): Black76Greeks {
  const { forward, strike, kind } = input;
  const { v, time } = deviationAndTime(input);
  if (!(v >= 0 && time >= 0))
    throw new PricingError("OutOfDomain", "deviation and time must not be negative", { v, time });
  const price = black76({ forward, strike, stdDev: stdDev(v), kind });
  const call = kind === "call";
  const sigma = time === 0 ? 0 : v / Math.sqrt(time);
  if (sigma === 0 || forward === 0 || strike === 0) {
    const delta = (call ? 1 : -1) * exercisedShare(forward, strike, kind);
    return limits(price, delta, -delta, time);
  }
  const d1 = logRatio(forward, strike) / v + 0.5 * v;
  const d2 = d1 - v;
  const delta = call ? normalCdf(d1) : -normalCdf(-d1);
  const dualDelta = call ? -normalCdf(d2) : normalCdf(-d2);
  const density = normalPdf(d1);
  const vega = forward * density * Math.sqrt(time);
  if (vega === 0) return limits(price, delta, dualDelta, time);
  const gamma = density / (forward * v);
  const product = d1 * d2;
  const volga = vega * (product / sigma);
  return {
    price,
    delta,
    dualDelta,
    vega,
    theta: (-0.5 * vega * sigma) / time,
    rho: -time * price,
    gamma,
    dualGamma: normalPdf(d2) / (strike * v),
    vanna: (-density * d2) / sigma,
    volga,
    vomma: volga,
    charm: (density * d2) / (2 * time),
    veta: (-vega * (1 + product)) / (2 * time),
    speed: (-gamma / forward) * (1 + d1 / v),
    zomma: (gamma * (product - 1)) / sigma,
    color: (gamma * (1 - product)) / (2 * time),
    ultima: -vega * ((product * (1 - product) + d1 * d1 + d2 * d2) / sigma / sigma),
  };
}

/** 1 in the money, 0 out of it, and half at the kink. */
function exercisedShare(forward: number, strike: number, kind: OptionKind): number {
  if (forward === strike) return 0.5;
  return forward > strike === (kind === "call") ? 1 : 0;
}

/**
 * Delta of a quote whose premium is paid in the underlying: Δ − V/F, which is (K/F)·Φ(d₂) for a call and −(K/F)·Φ(−d₂)
 * for a put. The amount of coin that hedges a coin-settled option after its premium has been received.
 */
export function premiumAdjustedDelta(input: CommonInput & { readonly stdDev: StdDev }): number {
  const { forward, strike, kind, stdDev: v } = input;
  const call = kind === "call";
  if (!(forward > 0 && forward < Infinity && strike >= 0 && strike < Infinity && v >= 0 && v < Infinity)) {
    throw new PricingError("OutOfDomain", "forward must be positive, strike and stdDev not negative, all finite", {
      forward,
      strike,
      v,
    });
  }
  if (strike === 0) return 0;
  const d2 = logRatio(forward, strike) / v - 0.5 * v;
  const exercised = v === 0 ? exercisedShare(forward, strike, kind) : normalCdf(call ? d2 : -d2);
  return ((call ? 1 : -1) * strike * exercised) / forward;
}
