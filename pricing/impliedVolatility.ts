/**
 * Implied standard deviation after P. Jäckel, "Let's Be Rational" (Wilmott, 2015): a rational guess from four branches and two
 * Householder(3) steps on the branch's own objective. The Black function is the cancellation-free one of normalisedBlack.ts.
 *
 * Notation: x = −|ln(F/K)|, β the out-of-the-money price over √(FK), b(s) Black's function, b_max = e^(x/2), p = b/b_max,
 * D = b/b′. The attainable accuracy of s is (1 + |b/(s·b′)|)·2⁻⁵²: β itself is rounded.
 */
import { PricingError } from "./errors.ts";
import {
  INVERSE_SQRT_TWO_PI,
  inverseNormalCdf,
  LOG_SQRT_TWO_PI,
  mills,
  millsOfPositive,
  normalCdf,
  normalPdf,
} from "./normal.ts";
import { complementOfFraction, inSeriesZone, millsGap, outOfTheMoneyFraction } from "./normalisedBlack.ts";
import { logRatio, type OptionKind, type Price, type StdDev, stdDev } from "./units.ts";

const SQRT_THREE = 1.7320508075688772;
const TWO_PI = 6.283185307179586;
const SQRT_27 = 5.196152422706632;
const SQRT_HALF_PI = 1.2533141373155003;
/** p as it is rounded on the way here: b_max costs one exponential. */
const MAXIMUM_TOLERANCE = 4 * Number.EPSILON;
/** Below, p or β may be subnormal: ln p is worked out without p, and the guess from ln p. */
const TINY = 1e-200;
/** Where both |x| and p are smaller, s⁻² would overflow: they are scaled up. */
const LEAST_SCALE = 1e-30;
const MOST_STEPS = 4;
const HALF_ULP_BELOW_ONE = 2 ** -54;

/** Delbourgo & Gregory's rational cubic through (x₀, y₀), (x₁, y₁) with slopes d₀, d₁ and control parameter r. */
function rationalCubic(
  x: number,
  x0: number,
  x1: number,
  y0: number,
  y1: number,
  d0: number,
  d1: number,
  r: number,
): number {
  const width = x1 - x0;
  if (!(Math.abs(width) > 0)) return 0.5 * (y0 + y1);
  const t = (x - x0) / width;
  const u = 1 - t;
  if (!(r < 1e300)) return y1 * t + y0 * u;
  const numerator =
    y1 * t * t * t + (r * y1 - width * d1) * t * t * u + (r * y0 + width * d0) * t * u * u + y0 * u * u * u;
  return numerator / (1 + (r - 3) * t * u);
}

/** The least r that keeps the rational cubic monotone and convex (or concave) where the data are. */
function shapeControl(d0: number, d1: number, slope: number, preferShape: boolean): number {
  const monotone = d0 * slope >= 0 && d1 * slope >= 0;
  const convex = d0 <= slope && slope <= d1;
  const concave = d0 >= slope && slope >= d1;
  const least = -(1 - Math.sqrt(Number.EPSILON));
  if (!monotone && !convex && !concave) return least;
  let r = least;
  if (monotone) {
    if (slope !== 0) r = Math.max(r, (d1 + d0) / slope);
    else if (preferShape) return Infinity;
  }
  if (convex || concave) {
    const left = slope - d0;
    const right = d1 - slope;
    if (left !== 0 && right !== 0) r = Math.max(r, Math.abs((d1 - d0) / right), Math.abs((d1 - d0) / left));
    else if (preferShape) return Infinity;
  }
  return r;
}

/** r that matches the second derivative at the left (right) end, bounded by the shape. */
function controlForSecondDerivative(
  atRight: boolean,
  x0: number,
  x1: number,
  y0: number,
  y1: number,
  d0: number,
  d1: number,
  second: number,
  preferShape: boolean,
): number {
  const width = x1 - x0;
  const slope = (y1 - y0) / width;
  const numerator = 0.5 * width * second + (d1 - d0);
  const denominator = atRight ? d1 - slope : slope - d0;
  const fitted =
    numerator === 0 ? 0 : denominator === 0 ? (numerator > 0 ? Infinity : -Infinity) : numerator / denominator;
  return Math.max(fitted, shapeControl(d0, d1, slope, preferShape));
}

/** Householder's third-order correction of a Newton step, kept from halving s more than once. */
function householder(s: number, newton: number, halley: number, third: number): number {
  const step = (newton * (1 + 0.5 * halley * newton)) / (1 + newton * (halley + (third * newton) / 6));
  return s + (step > -0.5 * s ? step : -0.5 * s);
}

/**
 * Two steps converge in double precision; a third follows where the second still moved s by 1e-4 (the order is four), which
 * happens only for |x| in the hundreds.
 */
function needsStep(step: number, from: number, s: number): boolean {
  return step < 2 || (step < MOST_STEPS && Math.abs(s - from) > 1e-4 * s);
}

/** x·y − fl(x·y), exactly (Dekker; 2²⁷ + 1 splits a double into halves). */
function productError(x: number, y: number): number {
  const bigX = 134217729 * x;
  const bigY = 134217729 * y;
  const highX = bigX - (bigX - x);
  const highY = bigY - (bigY - y);
  const lowX = x - highX;
  const lowY = y - highY;
  return highX * highY - x * y + highX * lowY + lowX * highY + lowX * lowY;
}

/** Guess of the lowest branch: interpolate F(b) = 2π/√27·|x|·Φ(−|x|/(√3·s))³, which is b → 0's own asymptote, and invert it. */
function guessLower(z: number, beta: number, sLow: number, bLow: number): number {
  const y = z / (SQRT_THREE * sLow);
  const yy = y * y;
  const ss = sLow * sLow;
  const density = normalPdf(y);
  const cdfOverDensity = millsOfPositive(y);
  const cdf = density * cdfOverDensity;
  const growth = Math.exp(yy + ss / 8);
  const f = (TWO_PI / SQRT_27) * z * cdf * cdf * cdf;
  const f1 = TWO_PI * yy * cdf * cdf * growth;
  const f2 =
    (Math.PI / 6) *
    (yy / (ss * sLow)) *
    cdf *
    (8 * SQRT_THREE * sLow * z + (3 * ss * (ss - 8) - 8 * z * z) * cdfOverDensity) *
    growth *
    growth;
  const r = controlForSecondDerivative(true, 0, bLow, 0, f, 1, f1, f2, true);
  let guess = rationalCubic(beta, 0, bLow, 0, f, 1, f1, r);
  if (!(guess > 0)) {
    const share = beta / bLow;
    guess = (f * share + bLow * (1 - share)) * share;
  }
  return z / (SQRT_THREE * Math.abs(inverseNormalCdf(Math.cbrt((SQRT_27 / TWO_PI) * (guess / z)), 1)));
}

/**
 * Guess far out, where a = h − t is above 20: ln p = ln D − a²/2 − ln√(2π) is solved for a with the D of the round
 * before, and a = |x|/s − s/2 for s.
 */
function guessTail(z: number, lnP: number): number {
  let s = 0;
  for (let round = 0, lnD = 0; round < 3; round += 1) {
    const a = Math.sqrt(2 * (lnD - LOG_SQRT_TWO_PI - lnP));
    s = (2 * z) / (a + Math.sqrt(a * a + 2 * z));
    lnD = Math.log(millsGap(z / s, 0.5 * s));
  }
  return s;
}

/** Lowest branch, f(s) = 1/ln b(s): the price is exponentially small. */
function refineLower(z: number, p: number, lnP: number, start: number): number {
  let s = start;
  const lnBeta = lnP - 0.5 * z;
  for (let step = 0, from = 0; needsStep(step, from, s); step += 1) {
    from = s;
    const h = z / s;
    const t = 0.5 * s;
    const a = h - t;
    const d = a >= 0 || inSeriesZone(h, t) ? millsGap(h, t) : (1 - complementOfFraction(h, t)) / normalPdf(a);
    // ln p − ln p(s) without forming p(s), whose exponent may underflow; p/d keeps the logarithm's argument free of cancellation.
    // ½a² reaches 700 and its rounding, like that of h and a, would be the largest error of all: it is carried along.
    const restOfH = (z - h * s - productError(h, s)) / s;
    const back = a - h;
    const restOfA = h - (a - back) - (t + back) + restOfH;
    const square = a * a;
    const rest = 0.5 * productError(a, a) + a * restOfA;
    const lnQuotient = p < TINY ? lnP - Math.log(d) : Math.log(p / d);
    const difference = lnQuotient + 0.5 * square + rest + LOG_SQRT_TWO_PI;
    const lnB = lnBeta - difference;
    const halleyOfB = (h * h) / s - 0.25 * s;
    const thirdOfB = halleyOfB * halleyOfB - 3 * (h / s) ** 2 - 0.25;
    const ratio = 1 + 2 / lnB;
    const newton = ((difference * lnB) / lnBeta) * d;
    s = householder(
      s,
      newton,
      halleyOfB - ratio / d,
      thirdOfB + (2 * (1 + (3 / lnB) * (1 + 1 / lnB))) / (d * d) - (3 * halleyOfB * ratio) / d,
    );
  }
  return s;
}

/** Middle branches, f(s) = p(s). The step (p − p(s))/φ(a) is p/φ(a) − D, with one exponential. */
function refineMiddle(z: number, p: number, start: number): number {
  let s = start;
  for (let step = 0, from = 0; needsStep(step, from, s); step += 1) {
    from = s;
    const h = z / s;
    const t = 0.5 * s;
    const a = h - t;
    const density = normalPdf(a);
    const newton =
      a >= 0 || inSeriesZone(h, t)
        ? p / density - millsGap(h, t)
        : millsOfPositive(-a) + millsOfPositive(h + t) - (1 - p) / density;
    const halley = (h * h) / s - 0.25 * s;
    s = householder(s, newton, halley, halley * halley - 3 * (h / s) ** 2 - 0.25);
  }
  return s;
}

/** Highest branch, f(s) = ln((1 − p)/(1 − p(s))): the price presses against its maximum. */
function refineUpper(z: number, complement: number, start: number): number {
  let s = start;
  for (let step = 0, from = 0; needsStep(step, from, s); step += 1) {
    from = s;
    const h = z / s;
    const t = 0.5 * s;
    const density = normalPdf(h - t);
    const missing = density * (mills(t - h) + millsOfPositive(h + t)); // 1 − p(s)
    const slope = density / missing; // of −ln(1 − p(s))
    const halleyOfB = (h * h) / s - 0.25 * s;
    const thirdOfB = halleyOfB * halleyOfB - 3 * (h / s) ** 2 - 0.25;
    s = householder(
      s,
      -Math.log(complement / missing) / slope,
      halleyOfB + slope,
      thirdOfB + slope * (2 * slope + 3 * halleyOfB),
    );
  }
  return s;
}

/**
 * s with b(x, s) = β, for x = ln(F/K) (the sign is immaterial: out-of-the-money prices are even in x) and
 * β = out-of-the-money price/√(FK).
 *
 * Error at most 2·(1 + |b/(s·b′)|)·2⁻⁵² on x ∈ [−256, 0], s ∈ [1e-4, 25]. β = 0 gives 0. A β that is its maximum e^(−|x|/2)
 * to the last bit gives the least s that rounds to it. Raises `PriceBelowIntrinsic`, `PriceAboveMaximum` and `NotANumber`.
 */
export function normalisedImpliedStdDev(logForwardOverStrike: number, normalisedOutOfTheMoneyPrice: number): StdDev {
  const z = Math.abs(logForwardOverStrike);
  const beta = normalisedOutOfTheMoneyPrice;
  if (!(z < Infinity) || Number.isNaN(beta)) {
    throw new PricingError("NotANumber", "log-moneyness and price must be numbers", {
      logForwardOverStrike,
      price: beta,
    });
  }
  if (beta <= 0) {
    if (beta === 0) return stdDev(0); // the limit: no time value, no deviation
    throw new PricingError("PriceBelowIntrinsic", "the price is below its intrinsic value", { timeValue: beta });
  }
  const maximum = Math.exp(-0.5 * z);
  const lnP = Math.log(beta) + 0.5 * z;
  const p = maximum < TINY ? Math.exp(lnP) : beta / maximum;
  if (p > 1 + MAXIMUM_TOLERANCE) {
    throw new PricingError("PriceAboveMaximum", "the price is above the underlying's own (call) or the strike (put)", {
      price: beta,
      maximum,
    });
  }
  return stdDev(solve(z, p, p < TINY ? lnP : Math.log(p), 1 - p));
}

/** s from p and, without the rounding of p, ln p and 1 − p. A complement that is not positive stands for half an ulp. */
function solve(z: number, p: number, lnP: number, complementOfP: number): number {
  // Where s is small, b(c·x, c·s) = c·b(x, s) but for s²/24: prices of a normal instead of a lognormal law.
  if (z < LEAST_SCALE && p < LEAST_SCALE) {
    return solve(z * 2 ** 60, p * 2 ** 60, lnP + 60 * Math.LN2, 1) * 2 ** -60;
  }
  const complement = complementOfP > 0 ? complementOfP : HALF_ULP_BELOW_ONE;

  // The inflection point of b: s_c = √(2|x|), where h = t and a = 0.
  const sCentre = Math.sqrt(2 * z);
  const pCentre =
    sCentre > 1e-4
      ? 0.5 - INVERSE_SQRT_TWO_PI * millsOfPositive(sCentre)
      : z === 0
        ? 0
        : outOfTheMoneyFraction(z, sCentre);
  const vCentre = INVERSE_SQRT_TWO_PI;
  if (p < pCentre) {
    const sLow = sCentre - pCentre / vCentre;
    const hLow = z / sLow;
    const tLow = 0.5 * sLow;
    const densityLow = normalPdf(hLow - tLow);
    const pLow = densityLow * millsGap(hLow, tLow);
    if (p < pLow) {
      const maximum = Math.exp(-0.5 * z);
      const beta = p * maximum;
      return refineLower(z, p, lnP, beta < TINY ? guessTail(z, lnP) : guessLower(z, beta, sLow, pLow * maximum));
    }
    const inverseVLow = 1 / densityLow;
    const r = controlForSecondDerivative(true, pLow, pCentre, sLow, sCentre, inverseVLow, 1 / vCentre, 0, false);
    return refineMiddle(z, p, rationalCubic(p, pLow, pCentre, sLow, sCentre, inverseVLow, 1 / vCentre, r));
  }
  const sHigh = sCentre + (1 - pCentre) / vCentre;
  const hHigh = z / sHigh;
  const tHigh = 0.5 * sHigh;
  const densityHigh = normalPdf(hHigh - tHigh);
  const complementHigh = densityHigh * (millsOfPositive(tHigh - hHigh) + millsOfPositive(hHigh + tHigh));
  const pHigh = 1 - complementHigh;
  let guess: number;
  if (p <= pHigh) {
    const inverseVHigh = 1 / densityHigh;
    const r = controlForSecondDerivative(false, pCentre, pHigh, sCentre, sHigh, 1 / vCentre, inverseVHigh, 0, false);
    guess = rationalCubic(p, pCentre, pHigh, sCentre, sHigh, 1 / vCentre, inverseVHigh, r);
  } else {
    // Interpolate Φ(−s/2) over p, written in the complement 1 − p: slope −½·e^(h²/2)·b_max in p, so +… in 1 − p.
    const f = normalCdf(-0.5 * sHigh);
    const maximum = Math.exp(-0.5 * z);
    const w = hHigh * hHigh;
    const f1 = -0.5 * Math.exp(0.5 * w) * maximum;
    const f2 = SQRT_HALF_PI * Math.exp(w + 0.125 * sHigh * sHigh) * (w / sHigh) * maximum * maximum;
    const end = -0.5 * maximum;
    const r = f2 < 1e300 ? controlForSecondDerivative(true, 0, complementHigh, 0, f, -end, -f1, f2, true) : Infinity;
    let image = rationalCubic(complement, 0, complementHigh, 0, f, -end, -f1, r);
    if (!(image > 0)) image = f * (complement / complementHigh);
    guess = -2 * inverseNormalCdf(image, 1);
  }
  return p > 0.5 ? refineUpper(z, complement, guess) : refineMiddle(z, p, guess);
}

export interface ImpliedStdDevInput {
  readonly price: Price;
  readonly forward: Price;
  readonly strike: Price;
  readonly kind: OptionKind;
}

/**
 * v = σ√τ that gives back an undiscounted Black-76 price.
 *
 * Time value is price − intrinsic; an in-the-money price that carries none gives 0. Raises `PriceBelowIntrinsic`,
 * `PriceAboveMaximum` (call above F, put above K), `OutOfDomain`; never NaN.
 *
 * @example impliedStdDev({ price: price(4.292010941409885), forward: price(100), strike: price(110), kind: "call" }) // 0.2
 */
export function impliedStdDev({ price, forward, strike, kind }: ImpliedStdDevInput): StdDev {
  if (!(forward > 0 && strike > 0 && forward < Infinity && strike < Infinity) || Number.isNaN(price)) {
    throw new PricingError("OutOfDomain", "forward and strike must be positive, the price a number", {
      price,
      forward,
      strike,
    });
  }
  const intrinsic = Math.max(kind === "call" ? forward - strike : strike - forward, 0);
  const largest = kind === "call" ? forward : strike;
  if (price < intrinsic) {
    throw new PricingError("PriceBelowIntrinsic", "the price is below its intrinsic value", { price, intrinsic });
  }
  if (price > largest) {
    throw new PricingError("PriceAboveMaximum", "the price is above the underlying's own (call) or the strike (put)", {
      price,
      maximum: largest,
    });
  }
  const timeValue = price - intrinsic;
  if (timeValue === 0) return stdDev(0);
  const smaller = Math.min(forward, strike);
  const p = timeValue / smaller;
  const lnP = p < TINY ? logRatio(timeValue, smaller) : Math.log(p);
  return stdDev(solve(Math.abs(logRatio(forward, strike)), p, lnP, (largest - price) / smaller));
}
