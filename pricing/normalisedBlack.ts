/**
 * Black's formula reduced to two numbers: h = |ln(F/K)|/v and t = v/2. With a = h − t and b = h + t the out-of-the-money
 * price in units of min(F, K) is
 *
 *     p = φ(a)·D,   D = M(a) − M(b)        for a ≥ 0, and
 *     p = 1 − φ(a)·(M(−a) + M(b))          for a < 0,
 *
 * and its slope is dp/dv = φ(a), so that D = p/(dp/dv). One exponential and two rational functions.
 */
import { INVERSE_SQRT_TWO_PI, millsOfPositive, millsSlope, normalPdf } from "./normal.ts";

/** φ(a) underflows beyond. */
export const LARGEST_A = 39;
/** Where D is summed as a series in t instead of a difference of two nearby Mills ratios. */
const SERIES_T = 0.7;
const SERIES_HT = 3;

export const inSeriesZone = (h: number, t: number): boolean => t < SERIES_T && h * t < SERIES_HT;

/**
 * D = 2·Σ c₂ⱼ₊₁(h)·t^(2j+1),  cₙ = ∫ uⁿ/n!·e^(−hu−u²/2) du over u ≥ 0.
 *
 * c₋₁ = 1, c₁ = N(h), and from cₙ = (cₙ₋₂ − h·cₙ₋₁)/n the even ones drop out: n(n−1)·cₙ = (2n−3+h²)·cₙ₋₂ − cₙ₋₄.
 * The forward recursion magnifies the rounding of N by sinh(ht)/(ht), 3.3 at ht = 3, while N itself is 1/h² of what a
 * difference of Mills ratios would round.
 */
export function millsGapSeries(h: number, t: number): number {
  const tt = t * t;
  const hh = h * h;
  let older = tt; // cₙ₋₄·t^(n−1), the powers carried along
  const first = millsSlope(h);
  let last = first; // cₙ₋₂·t^(n−3)
  let sum = 0;
  for (let n = 3; n < 40; n += 2) {
    const next = (((2 * n - 3 + hh) * last - (n === 3 ? 1 : older)) * tt) / (n * (n - 1));
    older = last * tt;
    last = next;
    sum += next;
    if (next < 1e-17 * first) break;
  }
  return 2 * t * (first + sum);
}

/** D = M(a) − M(b) for a ≥ 0, or anywhere in the series zone. */
export function millsGap(h: number, t: number): number {
  return inSeriesZone(h, t) ? millsGapSeries(h, t) : millsOfPositive(h - t) - millsOfPositive(h + t);
}

/** 1 − p for a < 0, positive and without cancellation. */
export function complementOfFraction(h: number, t: number): number {
  return normalPdf(h - t) * (millsOfPositive(t - h) + millsOfPositive(h + t));
}

/** p, the out-of-the-money price in units of min(F, K), for |ln(F/K)| and v > 0. */
export function outOfTheMoneyFraction(absoluteX: number, v: number): number {
  const h = absoluteX / v;
  const t = 0.5 * v;
  const a = h - t;
  if (a > LARGEST_A) return 0;
  if (inSeriesZone(h, t)) return normalPdf(a) * millsGapSeries(h, t);
  if (a >= 0) return normalPdf(a) * (millsOfPositive(a) - millsOfPositive(h + t));
  return 1 - complementOfFraction(h, t);
}

/** dp/dv = φ(h − t). At x = 0 and v = 0 it is φ(0). */
export function fractionVega(absoluteX: number, v: number): number {
  if (absoluteX === 0) return v === 0 ? INVERSE_SQRT_TWO_PI : normalPdf(0.5 * v);
  return v === 0 ? 0 : normalPdf(absoluteX / v - 0.5 * v);
}
