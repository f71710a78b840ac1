import type { Random } from "./random.ts";

/**
 * Bates (1996): Heston's stochastic variance with normally distributed jumps of the logarithm, no carry.
 *
 *     dS/S = −λm dt + √v dW₁ + (e^J − 1) dN,     J ~ N(jumpMean, jumpStdDev²),   m = E e^J − 1
 *     dv   = κ(θ − v) dt + ξ√v dW₂,              dW₁dW₂ = ρ dt
 */
export interface BatesParameters {
  /** κ, per year: variance halves its distance to θ in ln 2/κ years. */
  readonly meanReversion: number;
  /** θ, per year: the variance it returns to, jumps not included. */
  readonly longVariance: number;
  /** ξ, volatility of variance. */
  readonly volOfVariance: number;
  /** ρ. */
  readonly correlation: number;
  /** λ, jumps a year. */
  readonly jumpIntensity: number;
  readonly jumpMean: number;
  readonly jumpStdDev: number;
}

/**
 * Like ETH in a lively month. Total volatility √(θ + λ(0.03² + 0.06²)) = 0.60, a half-life of variance of six weeks, a jump a
 * month; 2κθ = 3.6 > ξ² = 1.44, so variance stays off zero (Feller).
 */
export const ethLikeParameters: BatesParameters = {
  meanReversion: 6,
  longVariance: 0.3,
  volOfVariance: 1.2,
  correlation: -0.35,
  jumpIntensity: 12,
  jumpMean: -0.03,
  jumpStdDev: 0.06,
};

export interface BatesState {
  /** ln S. */
  readonly logSpot: number;
  /** Per year; the discretised process may dip below zero, where it counts as zero. */
  readonly variance: number;
}

/** One Euler step with full truncation (Lord, Koekkoek & van Dijk 2010): the negative part of v drives nothing. */
export function stepBates(p: BatesParameters, state: BatesState, years: number, random: Random): BatesState {
  const v = Math.max(0, state.variance);
  const z1 = random.normal();
  const z2 = p.correlation * z1 + Math.sqrt(1 - p.correlation ** 2) * random.normal();
  const diffusion = Math.sqrt(v * years);
  let jump = 0;
  for (let n = random.poisson(p.jumpIntensity * years); n > 0; n--) jump += p.jumpMean + p.jumpStdDev * random.normal();
  return {
    logSpot: state.logSpot - (v / 2 + p.jumpIntensity * meanJump(p)) * years + diffusion * z1 + jump,
    variance: state.variance + p.meanReversion * (p.longVariance - v) * years + p.volOfVariance * diffusion * z2,
  };
}

/**
 * Undiscounted prices of puts on the forward by the COS method (Fang & Oosterlee 2008) on the characteristic function of
 * ln(S_T/F). Calls follow from parity. Absolute error about 1e-10·F for terms of an hour to some years (tests hold this
 * against Black, against integration of the density, and against published values).
 */
export function batesPuts(
  p: BatesParameters,
  variance: number,
  forward: number,
  strikes: readonly number[],
  years: number,
): readonly number[] {
  if (years <= 0) return strikes.map((strike) => Math.max(0, strike - forward));
  const { centre, halfWidth } = support(p, variance, years);
  const width = 2 * halfWidth;
  const terms = cosineCoefficients(p, variance, years, centre, halfWidth);
  return strikes.map((strike) => {
    // y = ln(S_T/K) lies in [a, a + width]; the put pays K(1 − e^y) for y in [a, d].
    const a = Math.log(forward / strike) + centre - halfWidth;
    const d = Math.min(0, a + width);
    if (a >= d) return 0;
    const expA = Math.exp(a);
    const expD = Math.exp(d);
    // ω_n = nπ/width. χ_n = ∫ e^y cos ω_n(y−a) dy and ψ_n = ∫ cos ω_n(y−a) dy over [a, d]; angles by recurrence.
    const turn = (Math.PI * (d - a)) / width;
    const cosTurn = Math.cos(turn);
    const sinTurn = Math.sin(turn);
    let cos = 1;
    let sin = 0;
    let sum = 0;
    for (let n = 0; n < terms.length; n++) {
      const omega = (n * Math.PI) / width;
      const chi = ((cos + omega * sin) * expD - expA) / (1 + omega * omega);
      const psi = n === 0 ? d - a : sin / omega;
      sum += (terms[n] ?? 0) * (psi - chi);
      const next = cos * cosTurn - sin * sinTurn;
      sin = sin * cosTurn + cos * sinTurn;
      cos = next;
    }
    const price = ((strike * 2) / width) * sum;
    return Math.min(strike, Math.max(0, strike - forward, price));
  });
}

/** E e^J − 1. */
function meanJump(p: BatesParameters): number {
  return Math.expm1(p.jumpMean + p.jumpStdDev ** 2 / 2);
}

/** Where ln(S_T/F) lies as far as prices notice: 24 deviations, because
 * stochastic variance has tails far fatter than a normal law's, and a jump of eight of its own. */
function support(p: BatesParameters, variance: number, years: number): { centre: number; halfWidth: number } {
  const v0 = Math.max(0, variance);
  const decay = -Math.expm1(-p.meanReversion * years) / p.meanReversion;
  const diffusionVariance = p.longVariance * years + (v0 - p.longVariance) * decay;
  const jumps = p.jumpIntensity * years;
  const jumpVariance = jumps * (p.jumpMean ** 2 + p.jumpStdDev ** 2);
  const largestJump = jumps > 0 ? Math.abs(p.jumpMean) + 8 * p.jumpStdDev : 0;
  return {
    centre: -diffusionVariance / 2 - jumps * (meanJump(p) - p.jumpMean),
    halfWidth: 24 * Math.sqrt(diffusionVariance + jumpVariance) + largestJump,
  };
}

const MOST_TERMS = 16_384;
const NEGLIGIBLE = 1e-12;

/** Re φ(ω_n)·e^{iω_n(halfWidth − centre)}, the first halved, up to where φ has died out. */
function cosineCoefficients(
  p: BatesParameters,
  variance: number,
  years: number,
  centre: number,
  halfWidth: number,
): Float64Array {
  const terms = new Float64Array(MOST_TERMS);
  let count = 0;
  for (let n = 0; n < MOST_TERMS; n++) {
    const omega = (n * Math.PI) / (2 * halfWidth);
    const { modulusLog, angle } = characteristicFunction(p, variance, years, omega);
    const modulus = Math.exp(modulusLog);
    terms[n] = (n === 0 ? 0.5 : 1) * modulus * Math.cos(angle + omega * (halfWidth - centre));
    count = n + 1;
    if (modulus < NEGLIGIBLE) break;
  }
  return terms.subarray(0, count);
}

/**
 * ln φ(u) of ln(S_T/F) as real and imaginary part, in the branch-safe form of Albrecher et al. (2007):
 *
 *     β = κ − iρξu,  d = √(β² + ξ²(u² + iu)),  g = (β − d)/(β + d)
 *     ln φ = κθ/ξ²·[(β − d)τ − 2 ln((1 − g e^{−dτ})/(1 − g))] + v₀(β − d)/ξ²·(1 − e^{−dτ})/(1 − g e^{−dτ})
 *            + λτ(e^{iu·jumpMean − ½u²·jumpStdDev²} − 1 − ium)
 *
 * with (β − d)/ξ² = −(u² + iu)/(β + d), which does not cancel for small ξ.
 */
export function characteristicFunction(
  p: BatesParameters,
  variance: number,
  years: number,
  u: number,
): { readonly modulusLog: number; readonly angle: number } {
  const v0 = Math.max(0, variance);
  const xi2 = p.volOfVariance ** 2;
  const beta = complex(p.meanReversion, -p.correlation * p.volOfVariance * u);
  const quadratic = complex(u * u, u);
  const d = squareRoot(add(multiply(beta, beta), scale(quadratic, xi2)));
  const betaPlusD = add(beta, d);
  const rate = scale(divide(quadratic, betaPlusD), -1); // (β − d)/ξ²
  const g = divide(scale(rate, xi2), betaPlusD);
  const decay = exponential(scale(d, -years));
  const one = complex(1, 0);
  const denominator = subtract(one, multiply(g, decay));
  // ln((1 − g e^{−dτ})/(1 − g)): for small ξ the quotient is next to 1, and its logarithm is divided by ξ².
  const logarithm = naturalLog1p(divide(multiply(g, subtract(one, decay)), subtract(one, g)));
  const c = scale(subtract(scale(rate, years), scale(logarithm, 2 / xi2)), p.meanReversion * p.longVariance);
  const diffusion = add(c, scale(multiply(rate, divide(subtract(one, decay), denominator)), v0));
  const jumps = p.jumpIntensity * years;
  const jumpModulus = Math.exp(-((u * p.jumpStdDev) ** 2) / 2);
  return {
    modulusLog: diffusion.re + jumps * (jumpModulus * Math.cos(u * p.jumpMean) - 1),
    angle: diffusion.im + jumps * (jumpModulus * Math.sin(u * p.jumpMean) - u * meanJump(p)),
  };
}

interface Complex {
  readonly re: number;
  readonly im: number;
}

const complex = (re: number, im: number): Complex => ({ re, im });
const add = (x: Complex, y: Complex) => complex(x.re + y.re, x.im + y.im);
const subtract = (x: Complex, y: Complex) => complex(x.re - y.re, x.im - y.im);
const scale = (x: Complex, factor: number) => complex(x.re * factor, x.im * factor);
const multiply = (x: Complex, y: Complex) => complex(x.re * y.re - x.im * y.im, x.re * y.im + x.im * y.re);
const divide = (x: Complex, y: Complex) => {
  const size = y.re * y.re + y.im * y.im;
  return complex((x.re * y.re + x.im * y.im) / size, (x.im * y.re - x.re * y.im) / size);
};
const exponential = (x: Complex) => complex(Math.exp(x.re) * Math.cos(x.im), Math.exp(x.re) * Math.sin(x.im));
/** ln(1 + x). */
const naturalLog1p = (x: Complex) =>
  complex(Math.log1p(2 * x.re + x.re * x.re + x.im * x.im) / 2, Math.atan2(x.im, 1 + x.re));
const squareRoot = (x: Complex) => {
  const size = Math.hypot(x.re, x.im);
  const re = Math.sqrt((size + Math.abs(x.re)) / 2);
  const im = Math.abs(x.im) / (2 * re);
  // The principal root: non-negative real part, the imaginary part's sign is the argument's.
  const sign = x.im < 0 ? -1 : 1;
  return x.re >= 0 ? complex(re, sign * im) : complex(im, sign * re);
};
