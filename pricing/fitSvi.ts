/**
 * Quasi-explicit fit of raw SVI (Zeliade Systems, "Quasi-explicit calibration of Gatheral's SVI model", 2009): for given
 * (m, σ) the rest is linear least squares in a box, and only (m, σ) are searched.
 */
import { durrleman, findArbitrage } from "./arbitrage.ts";
import { calibrateEssvi, type VarianceQuote } from "./calibrateEssvi.ts";
import { PricingError } from "./errors.ts";
import { type RawSvi, sviDerivatives, sviOfEssvi } from "./svi.ts";
import { logMoneyness, price, type Years, years } from "./units.ts";

export interface SviFit extends RawSvi {
  /** √(Σ weight·(√w_fit − √w_quote)²/Σ weight), over √years where they are given: a volatility. */
  readonly residual: number;
}

export interface SviSliceQuotes {
  readonly quotes: readonly VarianceQuote[];
  readonly years?: Years;
}

interface Sums {
  readonly size: number;
  readonly k: Float64Array;
  readonly w: Float64Array;
  readonly trust: Float64Array;
  readonly highest: number;
  /** Σ trust, the mean of w under it, and Σ trust·(w − mean)². */
  readonly weight: number;
  readonly mean: number;
  readonly spread: number;
}

function sumsOf(quotes: readonly VarianceQuote[]): Sums {
  const w = Float64Array.from(quotes, (quote) => quote.totalVariance);
  const trust = Float64Array.from(quotes, (quote) => (quote.weight ?? 1) / quote.totalVariance);
  const weight = trust.reduce((sum, t) => sum + t, 0);
  const mean = w.reduce((sum, value, i) => sum + trust[i]! * value, 0) / weight;
  return {
    size: quotes.length,
    k: Float64Array.from(quotes, (quote) => quote.k),
    w,
    trust,
    highest: w.reduce((most, value) => Math.max(most, value), 0),
    weight,
    mean,
    spread: w.reduce((sum, value, i) => sum + trust[i]! * (value - mean) ** 2, 0),
  };
}

interface Inner {
  readonly a: number;
  /** b(1+ρ)σ and b(1−ρ)σ. */
  readonly u: number;
  readonly v: number;
  readonly error: number;
}

/**
 * Least squares in (a, u, v) of w = a + u·(√(y²+1)+y)/2 + v·(√(y²+1)−y)/2, y = (k−m)/σ, on the box |a| ≤ max w and
 * 0 ≤ u, v ≤ 2σ (Lee's bound on both wings). Zeliade's parallelogram in (c, d) is this box in (c+d, c−d).
 */
function solveInner({ size, k, w, trust, highest, weight, mean, spread }: Sums, m: number, sigma: number): Inner {
  let up1 = 0;
  let down1 = 0;
  let upUp = 0;
  let downDown = 0;
  let upW = 0;
  let downW = 0;
  const inverse = 1 / sigma;
  for (let i = 0; i < size; i += 1) {
    const y = (k[i]! - m) * inverse;
    // The smaller of the two as a quotient: √(y²+1) − |y| cancels far out.
    const large = 0.5 * (Math.sqrt(y * y + 1) + Math.abs(y));
    const small = 0.25 / large;
    const up = y > 0 ? large : small;
    const down = y > 0 ? small : large;
    const t = trust[i]!;
    const centred = t * (w[i]! - mean);
    up1 += t * up;
    down1 += t * down;
    upUp += t * up * up;
    downDown += t * down * down;
    upW += centred * up;
    downW += centred * down;
  }
  // a = mean − u·ū − v·v̄ eliminated: a quadratic in (u, v). up·down = ¼ everywhere.
  const meanUp = up1 / weight;
  const meanDown = down1 / weight;
  const cap = 2 * sigma;
  const free = minimiseInSquare(
    upUp - up1 * meanUp,
    0.25 * weight - up1 * meanDown,
    downDown - down1 * meanDown,
    upW,
    downW,
    cap,
  );
  const a = mean - free.u * meanUp - free.v * meanDown;
  if (a >= -highest && a <= highest) return { a, u: free.u, v: free.v, error: spread + free.value };
  const held = a < 0 ? -highest : highest;
  const shift = mean - held;
  const bound = minimiseInSquare(upUp, 0.25 * weight, downDown, upW + shift * up1, downW + shift * down1, cap);
  return { a: held, u: bound.u, v: bound.v, error: spread + weight * shift * shift + bound.value };
}

interface SquareMinimum {
  readonly u: number;
  readonly v: number;
  readonly value: number;
}

/** Least p·u² + 2q·uv + r·v² − 2(e·u + f·v) on [0, cap]²: inside, or else on the best of the four edges. */
function minimiseInSquare(p: number, q: number, r: number, e: number, f: number, cap: number): SquareMinimum {
  const valueAt = (u: number, v: number): number => p * u * u + 2 * q * u * v + r * v * v - 2 * (e * u + f * v);
  const determinant = p * r - q * q;
  if (determinant > 1e-14 * p * r) {
    const u = (e * r - f * q) / determinant;
    const v = (f * p - e * q) / determinant;
    if (u >= 0 && u <= cap && v >= 0 && v <= cap) return { u, v, value: valueAt(u, v) };
  }
  const clamp = (x: number): number => (x > 0 ? (x < cap ? x : cap) : 0);
  let best: SquareMinimum = { u: 0, v: 0, value: 0 };
  for (let edge = 0; edge < 4; edge += 1) {
    const side = edge % 2 === 0 ? 0 : cap;
    const u = edge < 2 ? side : clamp((e - q * side) / p);
    const v = edge < 2 ? clamp((f - q * side) / r) : side;
    const value = valueAt(u, v);
    if (value < best.value) best = { u, v, value };
  }
  return best;
}

interface Point {
  readonly m: number;
  readonly lnSigma: number;
  readonly error: number;
}

const MOST_EVALUATIONS = 110;

/** Nelder–Mead in (m, ln σ): two dimensions, no derivative, a fixed budget. */
function minimise(errorAt: (m: number, lnSigma: number) => number, start: readonly Point[]): Point {
  const simplex = [...start];
  const at = (m: number, lnSigma: number): Point => ({ m, lnSigma, error: errorAt(m, lnSigma) });
  for (let used = 0; used < MOST_EVALUATIONS; ) {
    simplex.sort((left, right) => left.error - right.error);
    const [best, middle, worst] = [simplex[0]!, simplex[1]!, simplex[2]!];
    const size =
      Math.abs(worst.m - best.m) + Math.abs(worst.lnSigma - best.lnSigma) + Math.abs(middle.lnSigma - best.lnSigma);
    if (size < 1e-9) break;
    const cm = 0.5 * (best.m + middle.m);
    const cs = 0.5 * (best.lnSigma + middle.lnSigma);
    const along = (step: number): Point => at(cm + step * (worst.m - cm), cs + step * (worst.lnSigma - cs));
    const reflected = along(-1);
    used += 1;
    if (reflected.error < best.error) {
      const expanded = along(-2);
      used += 1;
      simplex[2] = expanded.error < reflected.error ? expanded : reflected;
    } else if (reflected.error < middle.error) {
      simplex[2] = reflected;
    } else {
      const contracted = along(reflected.error < worst.error ? -0.5 : 0.5);
      used += 1;
      if (contracted.error < Math.min(reflected.error, worst.error)) simplex[2] = contracted;
      else {
        simplex[1] = at(0.5 * (best.m + middle.m), 0.5 * (best.lnSigma + middle.lnSigma));
        simplex[2] = at(0.5 * (best.m + worst.m), 0.5 * (best.lnSigma + worst.lnSigma));
        used += 2;
      }
    }
  }
  return simplex.reduce((left, right) => (right.error < left.error ? right : left));
}

const isFree = (slice: RawSvi): boolean => findArbitrage([slice]).length === 0;

/**
 * Fits one slice and keeps it free of butterfly arbitrage: where the least-squares fit is not, it is drawn towards the eSSVI
 * fit of the same quotes, which is free by construction, just as far as needed.
 */
export function fitSvi(slice: SviSliceQuotes): SviFit {
  const quotes = slice.quotes
    .filter(({ k, totalVariance: w, weight = 1 }) => w > 0 && w < Infinity && weight > 0 && Number.isFinite(k))
    .toSorted((left, right) => left.k - right.k);
  if (quotes.length < 5) {
    throw new PricingError("TooFewQuotes", "five parameters need five quotes", { quotes: quotes.length });
  }
  const sums = sumsOf(quotes);
  const first = sums.k[0]!;
  const width = sums.k[sums.size - 1]! - first;
  const lowest = sums.w.indexOf(sums.w.reduce((least, value) => Math.min(least, value), Infinity));
  const errorAt = (m: number, lnSigma: number): number => {
    // Beyond the quotes by their own width, or with σ outside [1e-4, 10] widths, the parameters stop meaning anything.
    const outside = Math.max(first - width - m, m - first - 2 * width, 0) / width;
    const range = Math.max(Math.log(1e-4 * width) - lnSigma, lnSigma - Math.log(10 * width), 0);
    const { error } = solveInner(sums, m, Math.exp(lnSigma));
    return error * (1 + outside + range);
  };
  const begin = (m: number, sigma: number): Point[] =>
    [
      [m, Math.log(sigma)],
      [m + 0.1 * width, Math.log(sigma)],
      [m, Math.log(sigma) + 0.7],
    ].map((at) => ({ m: at[0]!, lnSigma: at[1]!, error: errorAt(at[0]!, at[1]!) }));
  const starts = [begin(sums.k[lowest]!, 0.1 * width), begin(first + 0.5 * width, 0.4 * width)];
  const best = starts
    .map((start) => minimise(errorAt, start))
    .reduce((left, right) => (right.error < left.error ? right : left));
  const sigma = Math.exp(best.lnSigma);
  const { a, u, v } = solveInner(sums, best.m, sigma);
  const sum = u + v;
  const fitted: RawSvi = { a, b: sum / (2 * sigma), rho: sum === 0 ? 0 : (u - v) / sum, m: best.m, sigma };
  const residual = (candidate: RawSvi): SviFit => ({
    ...candidate,
    residual: residualOf(candidate, sums, slice.years),
  });
  if (isFree(fitted)) return residual(fitted);
  const [drawn, safe] = towardsFree(fitted, slice);
  const [near, far] = [residual(drawn), residual(safe)];
  return near.residual < far.residual ? near : far;
}

/** Least g over |k| ≤ 4 scale lengths and in the wings: a quick look that steers the bisection; findArbitrage decides. */
function looksFree(slice: RawSvi): boolean {
  for (let index = -24; index <= 24; index += 1) {
    const u = index / 24;
    const k = slice.m + slice.sigma * (4 * u + 60 * u * u * u * u * u);
    if (durrleman(slice, logMoneyness(k)) < 1e-6) return false;
  }
  return true;
}

/** The fit drawn just far enough, and the eSSVI slice it is drawn to. */
function towardsFree(fitted: RawSvi, slice: SviSliceQuotes): [RawSvi, RawSvi] {
  const [essvi] = calibrateEssvi([
    {
      years: slice.years ?? years(1),
      forward: price(1),
      quotes: slice.quotes,
    },
  ]);
  const safe = sviOfEssvi(essvi!);
  const blend = (share: number): RawSvi => ({
    a: fitted.a + share * (safe.a - fitted.a),
    b: fitted.b + share * (safe.b - fitted.b),
    rho: fitted.rho + share * (safe.rho - fitted.rho),
    m: fitted.m + share * (safe.m - fitted.m),
    sigma: fitted.sigma + share * (safe.sigma - fitted.sigma),
  });
  let free = 1;
  let broken = 0;
  for (let step = 0; step < 10; step += 1) {
    const middle = 0.5 * (free + broken);
    if (looksFree(blend(middle))) free = middle;
    else broken = middle;
  }
  for (let attempt = 0; attempt < 4 && free < 1; attempt += 1) {
    const candidate = blend(free);
    if (isFree(candidate)) return [candidate, safe];
    free += 0.1 * (attempt + 1) * (1 - free);
  }
  return [safe, safe];
}

function residualOf(slice: RawSvi, { size, k, w, trust }: Sums, time: Years = years(1)): number {
  let squares = 0;
  let weights = 0;
  for (let i = 0; i < size; i += 1) {
    const fitted = sviDerivatives(slice, logMoneyness(k[i]!)).w;
    const miss = Math.sqrt(Math.max(fitted, 0)) - Math.sqrt(w[i]!);
    const weight = trust[i]! * w[i]!;
    squares += weight * miss * miss;
    weights += weight;
  }
  return Math.sqrt(squares / (weights * time));
}
