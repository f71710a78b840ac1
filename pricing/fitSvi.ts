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
  /** weight/w, scaled so that they sum to one. */
  readonly trust: Float64Array;
  readonly highest: number;
  /** The mean of w under trust, and Σ trust·(w − mean)². */
  readonly mean: number;
  readonly spread: number;
}

function sumsOf(quotes: readonly VarianceQuote[]): Sums {
  const w = Float64Array.from(quotes, (quote) => quote.totalVariance);
  const unscaled = quotes.map((quote) => (quote.weight ?? 1) / quote.totalVariance);
  const total = unscaled.reduce((sum, t) => sum + t, 0);
  const trust = Float64Array.from(unscaled, (t) => t / total);
  const mean = w.reduce((sum, value, i) => sum + trust[i]! * value, 0);
  return {
    size: quotes.length,
    k: Float64Array.from(quotes, (quote) => quote.k),
    w,
    trust,
    highest: w.reduce((most, value) => Math.max(most, value), 0),
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
function solveInner({ size, k, w, trust, highest, mean, spread }: Sums, m: number, sigma: number): Inner {
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
  // a = mean − u·Σ trust·up − v·Σ trust·down eliminated: a quadratic in (u, v). up·down = ¼ everywhere.
  const cap = 2 * sigma;
  const free = minimiseInSquare(upUp - up1 * up1, 0.25 - up1 * down1, downDown - down1 * down1, upW, downW, cap);
  const a = mean - free.u * up1 - free.v * down1;
  if (a >= -highest && a <= highest) return { a, u: free.u, v: free.v, error: spread + free.value };
  const held = a < 0 ? -highest : highest;
  const shift = mean - held;
  const bound = minimiseInSquare(upUp, 0.25, downDown, upW + shift * up1, downW + shift * down1, cap);
  return { a: held, u: bound.u, v: bound.v, error: spread + shift * shift + bound.value };
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
  readonly inner: Inner;
}

const within = (x: number, most: number): number => Math.min(Math.max(x, -most), most);

const MOST_STEPS = 40;
const SMALLEST_GAIN = 1e-11;

/**
 * Levenberg–Marquardt in (m, ln σ) alone: the linear parameters are solved for at every point, and their columns are projected
 * out of the Jacobian (variable projection, Kaufman 1975). With s = ∂w/∂y, ∂w/∂m = −s/σ and ∂w/∂ln σ = −s·y at given (a, u, v).
 */
function minimise(sums: Sums, pointAt: (m: number, lnSigma: number) => Point, start: Point): Point {
  let best = start;
  let slopes = projectedSlopes(sums, best);
  for (let step = 0, damping = 1e-2; step < MOST_STEPS; step += 1) {
    const { p, q, r, e, f } = slopes;
    const determinant = p * r * (1 + damping) ** 2 - q * q;
    if (!(determinant > 0)) return best;
    const shift = (e * r * (1 + damping) - f * q) / determinant;
    const stretch = (f * p * (1 + damping) - e * q) / determinant;
    const sigma = Math.exp(best.lnSigma);
    const next = pointAt(best.m - sigma * within(shift, 2), best.lnSigma - within(stretch, 0.7));
    const gain = best.inner.error - next.inner.error;
    if (gain > 0) {
      best = next;
      damping *= 0.1;
      if (gain < SMALLEST_GAIN * best.inner.error) return best;
      slopes = projectedSlopes(sums, best);
    } else {
      damping *= 8;
      if (damping > 1e8) return best;
    }
  }
  return best;
}

/** Normal equations p·x + q·z = e, q·x + r·z = f of w − w_fit on the columns s and s·y. */
interface Slopes {
  readonly p: number;
  readonly q: number;
  readonly r: number;
  readonly e: number;
  readonly f: number;
}

function projectedSlopes({ size, k, w, trust, highest }: Sums, { m, lnSigma, inner }: Point): Slopes {
  const { a, u, v } = inner;
  const inverse = Math.exp(-lnSigma);
  // Sums of trust times products of: 1, up and down (see solveInner), s, s·y = sy, and the miss.
  let up1 = 0;
  let down1 = 0;
  let upUp = 0;
  let downDown = 0;
  let s1 = 0;
  let sy1 = 0;
  let sUp = 0;
  let sDown = 0;
  let syUp = 0;
  let syDown = 0;
  let ss = 0;
  let ssy = 0;
  let sysy = 0;
  let sMiss = 0;
  let syMiss = 0;
  for (let i = 0; i < size; i += 1) {
    const y = (k[i]! - m) * inverse;
    const root = Math.sqrt(y * y + 1);
    const large = 0.5 * (root + Math.abs(y));
    const small = 0.25 / large;
    const up = y > 0 ? large : small;
    const down = y > 0 ? small : large;
    const s = (u * up - v * down) / root; // up′ = up/√(y²+1), down′ = −down/√(y²+1)
    const sy = s * y;
    const miss = w[i]! - a - u * up - v * down;
    const t = trust[i]!;
    const ts = t * s;
    const tsy = t * sy;
    up1 += t * up;
    down1 += t * down;
    upUp += t * up * up;
    downDown += t * down * down;
    s1 += ts;
    sy1 += tsy;
    sUp += ts * up;
    sDown += ts * down;
    syUp += tsy * up;
    syDown += tsy * down;
    ss += ts * s;
    ssy += ts * sy;
    sysy += tsy * sy;
    sMiss += ts * miss;
    syMiss += tsy * miss;
  }
  // Projected out: the constant first, then up and down, each where the box leaves it free.
  const share = a > -highest && a < highest ? 1 : 0;
  const sigma = Math.exp(lnSigma);
  const freeUp = u > 0 && u < 2 * sigma;
  const freeDown = v > 0 && v < 2 * sigma;
  const upUpC = freeUp ? upUp - up1 * up1 * share : 0;
  const downDownC = freeDown ? downDown - down1 * down1 * share : 0;
  const upDownC = freeUp && freeDown ? 0.25 - up1 * down1 * share : 0;
  const determinant = upUpC * downDownC - upDownC * upDownC;
  const [toUp, toDown] = [sUp - s1 * up1 * share, sDown - s1 * down1 * share];
  const [toUpY, toDownY] = [syUp - sy1 * up1 * share, syDown - sy1 * down1 * share];
  const explained = (up: number, down: number, otherUp: number, otherDown: number): number => {
    if (determinant > 1e-14 * upUpC * downDownC) {
      return (
        (up * otherUp * downDownC - (up * otherDown + down * otherUp) * upDownC + down * otherDown * upUpC) /
        determinant
      );
    }
    if (upUpC > 0) return (up * otherUp) / upUpC;
    return downDownC > 0 ? (down * otherDown) / downDownC : 0;
  };
  return {
    p: ss - s1 * s1 * share - explained(toUp, toDown, toUp, toDown),
    q: ssy - s1 * sy1 * share - explained(toUp, toDown, toUpY, toDownY),
    r: sysy - sy1 * sy1 * share - explained(toUpY, toDownY, toUpY, toDownY),
    e: sMiss,
    f: syMiss,
  };
}

const isFree = (slice: RawSvi): boolean => findArbitrage([slice]).length === 0;

/**
 * Fits one slice and keeps it free of butterfly arbitrage: where the least-squares fit is not, it is drawn towards the eSSVI
 * fit of the same quotes, which is free by construction, just as far as needed.
 */
export function fitSvi(slice: SviSliceQuotes): SviFit {
  const quotes = slice.quotes
    .filter(
      ({ k, totalVariance: w, weight = 1 }) =>
        w > 0 && w < Infinity && weight > 0 && weight < Infinity && Number.isFinite(k),
    )
    .toSorted((left, right) => left.k - right.k);
  if (quotes.length < 5) {
    throw new PricingError("TooFewQuotes", "five parameters need five quotes", { quotes: quotes.length });
  }
  const sums = sumsOf(quotes);
  const first = sums.k[0]!;
  const width = sums.k[sums.size - 1]! - first || 1; // of a single strike: any
  const lowest = sums.w.indexOf(sums.w.reduce((least, value) => Math.min(least, value), Infinity));
  // Beyond the quotes by their own width, or with σ outside [1e-4, 10] widths, the parameters stop meaning anything.
  const [leastLnSigma, mostLnSigma] = [Math.log(1e-4 * width), Math.log(10 * width)];
  const pointAt = (m: number, lnSigma: number): Point => {
    const near = Math.min(Math.max(m, first - width), first + 2 * width);
    const inRange = Math.min(Math.max(lnSigma, leastLnSigma), mostLnSigma);
    return { m: near, lnSigma: inRange, inner: solveInner(sums, near, Math.exp(inRange)) };
  };
  const starts = [pointAt(sums.k[lowest]!, Math.log(0.1 * width)), pointAt(first + 0.5 * width, Math.log(0.4 * width))];
  const best = starts
    .map((start) => minimise(sums, pointAt, start))
    .reduce((left, right) => (right.inner.error < left.inner.error ? right : left));
  const sigma = Math.exp(best.lnSigma);
  const { a, u, v } = best.inner;
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
