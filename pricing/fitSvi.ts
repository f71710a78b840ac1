/**
 * Quasi-explicit fit of raw SVI (Zeliade Systems, "Quasi-explicit calibration of Gatheral's SVI model", 2009): for given
 * (m, σ) the rest is linear least squares in a box, and only (m, σ) are searched.
 */
import { findArbitrage } from "./arbitrage.ts";
import { calibrateEssvi, type VarianceQuote } from "./calibrateEssvi.ts";
import { PricingError } from "./errors.ts";
import { type RawSvi, sviDerivatives, sviOfEssvi } from "./svi.ts";
import { type LogMoneyness, price, type Years, years } from "./units.ts";

export interface SviFit extends RawSvi {
  /** √(Σ weight·(√w_fit − √w_quote)²/Σ weight), over √years where they are given: a volatility. */
  readonly residual: number;
}

export interface SviSliceQuotes {
  readonly quotes: readonly (Omit<VarianceQuote, "weight"> & { readonly weight?: number })[];
  readonly years?: Years;
}

interface Sums {
  readonly size: number;
  readonly k: Float64Array;
  readonly w: Float64Array;
  readonly trust: Float64Array;
  readonly highest: number;
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
function solveInner({ size, k, w, trust, highest }: Sums, m: number, sigma: number): Inner {
  let s00 = 0,
    s01 = 0,
    s02 = 0,
    s11 = 0,
    s12 = 0,
    s22 = 0,
    r0 = 0,
    r1 = 0,
    r2 = 0,
    rr = 0;
  for (let i = 0; i < size; i += 1) {
    const y = (k[i]! - m) / sigma;
    const root = Math.sqrt(y * y + 1);
    // The smaller of the two as a quotient: root − |y| cancels far out.
    const large = 0.5 * (root + Math.abs(y));
    const small = 0.25 / large;
    const up = y > 0 ? large : small;
    const down = y > 0 ? small : large;
    const t = trust[i]!;
    const tw = t * w[i]!;
    s00 += t;
    s01 += t * up;
    s02 += t * down;
    s11 += t * up * up;
    s12 += 0.25 * t;
    s22 += t * down * down;
    r0 += tw;
    r1 += tw * up;
    r2 += tw * down;
    rr += tw * w[i]!;
  }
  const matrix = [s00, s01, s02, s01, s11, s12, s02, s12, s22];
  const right = [r0, r1, r2];
  const low = [-highest, 0, 0];
  const high = [highest, 2 * sigma, 2 * sigma];
  const errorAt = (x: readonly number[]): number => {
    let value = rr;
    for (let i = 0; i < 3; i += 1) {
      value -= 2 * right[i]! * x[i]!;
      for (let j = 0; j < 3; j += 1) value += matrix[3 * i + j]! * x[i]! * x[j]!;
    }
    return value;
  };
  const free = solveFree(matrix, right, [0, 0, 0], [0, 1, 2]);
  if (free?.every((x, i) => x >= low[i]! && x <= high[i]!)) {
    return { a: free[0]!, u: free[1]!, v: free[2]!, error: errorAt(free) };
  }
  // A convex quadratic over a box: the best of the 26 faces' own minimisers that lie in it.
  let best: Inner = { a: 0, u: 0, v: 0, error: Infinity };
  for (let face = 0; face < 27; face += 1) {
    const sides = [face % 3, Math.floor(face / 3) % 3, Math.floor(face / 9)]; // 0 low, 1 high, 2 free
    const fixed = sides.map((side, i) => (side === 0 ? low[i]! : side === 1 ? high[i]! : 0));
    const unknowns = [0, 1, 2].filter((i) => sides[i] === 2);
    if (unknowns.length === 3) continue;
    const x = unknowns.length === 0 ? fixed : solveFree(matrix, right, fixed, unknowns);
    if (x === undefined || unknowns.some((i) => x[i]! < low[i]! || x[i]! > high[i]!)) continue;
    const error = errorAt(x);
    if (error < best.error) best = { a: x[0]!, u: x[1]!, v: x[2]!, error };
  }
  return best;
}

/** Minimiser over the unknown coordinates with the others fixed: Gaussian elimination of at most three equations. */
function solveFree(
  matrix: readonly number[],
  right: readonly number[],
  fixed: readonly number[],
  unknowns: readonly number[],
): number[] | undefined {
  const n = unknowns.length;
  const rows = unknowns.map((i) => {
    let rest = right[i]!;
    for (let j = 0; j < 3; j += 1) if (!unknowns.includes(j)) rest -= matrix[3 * i + j]! * fixed[j]!;
    return [...unknowns.map((j) => matrix[3 * i + j]!), rest];
  });
  for (let column = 0; column < n; column += 1) {
    const pivot = rows[column]![column]!;
    if (!(pivot > 1e-14 * Math.abs(matrix[4 * unknowns[column]!]!))) return undefined; // two columns as good as equal
    for (let row = column + 1; row < n; row += 1) {
      const factor = rows[row]![column]! / pivot;
      for (let index = column; index <= n; index += 1) rows[row]![index]! -= factor * rows[column]![index]!;
    }
  }
  const x = [...fixed];
  for (let row = n - 1; row >= 0; row -= 1) {
    let value = rows[row]![n]!;
    for (let index = row + 1; index < n; index += 1) value -= rows[row]![index]! * x[unknowns[index]!]!;
    x[unknowns[row]!] = value / rows[row]![row]!;
  }
  return x;
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
    const [best, middle, worst] = simplex as [Point, Point, Point];
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
 * Fits one slice and keeps it free of butterfly arbitrage: where the least-squares fit is not, it is drawn towards the eSSVI fit
 * of the same quotes, which is free by construction, just as far as needed (12 bisections).
 */
export function fitSvi(slice: SviSliceQuotes): SviFit {
  const quotes = slice.quotes
    .filter(({ k, totalVariance: w, weight = 1 }) => w > 0 && w < Infinity && weight > 0 && Number.isFinite(k))
    .toSorted((left, right) => left.k - right.k);
  if (quotes.length < 5) {
    throw new PricingError("TooFewQuotes", "five parameters need five quotes", { quotes: quotes.length });
  }
  const sums: Sums = {
    size: quotes.length,
    k: Float64Array.from(quotes, (quote) => quote.k),
    w: Float64Array.from(quotes, (quote) => quote.totalVariance),
    trust: Float64Array.from(quotes, (quote) => (quote.weight ?? 1) / quote.totalVariance),
    highest: quotes.reduce((most, quote) => Math.max(most, quote.totalVariance), 0),
  };
  const first = sums.k[0]!;
  const width = sums.k[sums.size - 1]! - first;
  const lowest = sums.w.indexOf(sums.w.reduce((least, w) => Math.min(least, w), Infinity));
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
  const kept = isFree(fitted) ? fitted : towardsFree(fitted, slice);
  return { ...kept, residual: residualOf(kept, sums, slice.years) };
}

function towardsFree(fitted: RawSvi, slice: SviSliceQuotes): RawSvi {
  const [essvi] = calibrateEssvi([
    {
      years: slice.years ?? years(1),
      forward: price(1),
      quotes: slice.quotes.map((quote) => ({ ...quote, weight: quote.weight ?? 1 })),
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
  for (let step = 0; step < 12; step += 1) {
    const middle = 0.5 * (free + broken);
    if (isFree(blend(middle))) free = middle;
    else broken = middle;
  }
  return free === 1 ? safe : blend(free);
}

function residualOf(slice: RawSvi, { size, k, w, trust }: Sums, time: Years = years(1)): number {
  let squares = 0;
  let weights = 0;
  for (let i = 0; i < size; i += 1) {
    const fitted = sviDerivatives(slice, k[i]! as LogMoneyness).w;
    const miss = Math.sqrt(Math.max(fitted, 0)) - Math.sqrt(w[i]!);
    const weight = trust[i]! * w[i]!;
    squares += weight * miss * miss;
    weights += weight;
  }
  return Math.sqrt(squares / (weights * time));
}
