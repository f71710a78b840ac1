/**
 * Fits one eSSVI slice per expiry to an option chain, free of arbitrage by construction.
 *
 * Sequential and anchored at the money after Corbetta, Cohort, Laachir & Martini, "Robust calibration and arbitrage-free
 * interpolation of SSVI slices" (2019): θ is read off the chain at k = 0, and (ρ, ψ) solve a bounded least-squares problem
 * whose bounds are the no-arbitrage conditions of the slice and against its neighbours. With u = ψ(1+ρ), d = ψ(1−ρ):
 *
 *     butterfly  max(u, d) ≤ 4,  ψ·max(u, d) ≤ 4θ       calendar  θ₂ ≥ θ₁,  u₂ ≥ u₁,  d₂ ≥ d₁,  ψ₂/θ₂ ≤ ψ₁/θ₁
 *
 * Every node of the oracle must find the same bits: only + − × ÷ and √, fixed iteration counts, no clock, no randomness.
 */
import { PricingError } from "./errors.ts";
import type { EssviSlice } from "./essvi.ts";
import type { LogMoneyness, Price, TotalVariance, Years } from "./units.ts";

export interface VarianceQuote {
  /** ln(K/F). */
  readonly k: LogMoneyness;
  readonly totalVariance: TotalVariance;
  /** Relative trust in the quote's volatility, usually vega, or vega over the bid–ask width squared; 1 when left out. */
  readonly weight?: number;
}

export interface ExpiryQuotes {
  /** The τ of w = σ²τ; effective time where settlement averages. */
  readonly years: Years;
  readonly forward: Price;
  readonly quotes: readonly VarianceQuote[];
  /** Unix seconds; carried through. */
  readonly expiry?: number;
}

export interface CalibratedSlice extends EssviSlice {
  readonly years: Years;
  readonly forward: Price;
  /** √(Σ weight·(σ_fit − σ_quote)²/Σ weight), as a volatility. */
  readonly residual: number;
  readonly expiry?: number;
}

/**
 * Room left inside every inequality, relative: wider than the steps of the on-chain words, so that rounding to them finds an
 * arbitrage-free neighbour, and far below any quote's precision (2⁻¹² of θ is 0.01 vol points at σ = 80 %).
 */
const MARGIN = 2 ** -12;
const LARGEST_RHO = 0.999;
const LEAST_PSI_OVER_ROOT_THETA = 1e-3;
/** Half-width of the window at the money, in standard deviations. */
const WINDOW = 0.3;
const SWEEPS = 2;

/** A chain as flat arrays: the objective is evaluated some thousand times. */
interface Chain {
  readonly source: ExpiryQuotes;
  readonly size: number;
  readonly k: Float64Array;
  readonly w: Float64Array;
  /** weight/w: (Δσ)² ≈ (Δw)²/(4wτ). */
  readonly trust: Float64Array;
}

interface Wings {
  readonly theta: number;
  readonly eta: number;
  readonly psi: number;
}

function readChain(source: ExpiryQuotes): Chain {
  if (!(source.years > 0 && source.years < Infinity)) {
    throw new PricingError("OutOfDomain", "an expiry must lie in the future", { years: source.years });
  }
  const quotes = source.quotes
    .filter(
      ({ k, totalVariance: w, weight = 1 }) =>
        w > 0 && w < Infinity && weight > 0 && weight < Infinity && Number.isFinite(k),
    )
    .toSorted(
      (left, right) =>
        left.k - right.k || left.totalVariance - right.totalVariance || (left.weight ?? 1) - (right.weight ?? 1),
    );
  if (quotes.length === 0) {
    throw new PricingError("TooFewQuotes", "an expiry has no usable quote", { years: source.years });
  }
  return {
    source,
    size: quotes.length,
    k: Float64Array.from(quotes, (quote) => quote.k),
    w: Float64Array.from(quotes, (quote) => quote.totalVariance),
    trust: Float64Array.from(quotes, (quote) => (quote.weight ?? 1) / quote.totalVariance),
  };
}

/** w(0) by linear interpolation between the nearest quotes; the nearest one where the chain does not reach across. */
function interpolateAtTheMoney({ size, k, w }: Chain): number {
  let right = 0;
  while (right < size && k[right]! < 0) right += 1;
  if (right === size) return w[size - 1]!;
  if (right === 0 || k[right] === 0) return w[right]!;
  const share = -k[right - 1]! / (k[right]! - k[right - 1]!);
  return w[right - 1]! + share * (w[right]! - w[right - 1]!);
}

/**
 * θ: the value at k = 0 of a parabola fitted to the quotes within 0.3 standard deviations, weighted towards the money. It
 * averages the noise of single quotes and keeps the smile's curvature, which a chord between two strikes would overstate.
 */
function varianceAtTheMoney(chain: Chain): number {
  const chord = interpolateAtTheMoney(chain);
  const reach = WINDOW * Math.sqrt(chord);
  let s0 = 0,
    s1 = 0,
    s2 = 0,
    s3 = 0,
    s4 = 0,
    y0 = 0,
    y1 = 0,
    y2 = 0,
    left = 0,
    right = 0;
  for (let i = 0; i < chain.size; i += 1) {
    const z = chain.k[i]! / reach;
    if (!(z > -1 && z < 1)) continue;
    if (z <= 0) left += 1;
    if (z >= 0) right += 1;
    const near = 1 - z * z;
    const weight = chain.trust[i]! * near * near;
    const wz = weight * z;
    const wzz = wz * z;
    s0 += weight;
    s1 += wz;
    s2 += wzz;
    s3 += wzz * z;
    s4 += wzz * z * z;
    y0 += weight * chain.w[i]!;
    y1 += wz * chain.w[i]!;
    y2 += wzz * chain.w[i]!;
  }
  if (left < 2 || right < 2) return chord;
  // Cramer's rule for the constant term of the normal equations.
  const c0 = s2 * s4 - s3 * s3;
  const c1 = s2 * s3 - s1 * s4;
  const c2 = s1 * s3 - s2 * s2;
  const determinant = s0 * c0 + s1 * c1 + s2 * c2;
  const fitted = (y0 * c0 + y1 * c1 + y2 * c2) / determinant;
  // A parabola through noise may overshoot: it stays within a fifth of the chord.
  return fitted > 0.8 * chord && fitted < 1.2 * chord ? fitted : chord;
}

/**
 * θ must grow with expiry. Pool-adjacent-violators in vol-error weights (dσ = dθ/(2√(θτ))), then the margin.
 * Returns the same array.
 */
function makeIncreasing(theta: number[], chains: readonly Chain[]): number[] {
  const blocks: { value: number; weight: number; count: number }[] = [];
  for (let i = 0; i < theta.length; i += 1) {
    let block = { value: theta[i]!, weight: 1 / (theta[i]! * chains[i]!.source.years), count: 1 };
    for (let last = blocks.at(-1); last !== undefined && last.value > block.value; last = blocks.at(-1)) {
      blocks.pop();
      const weight = last.weight + block.weight;
      const value = (last.value * last.weight + block.value * block.weight) / weight;
      block = { value, weight, count: last.count + block.count };
    }
    blocks.push(block);
  }
  let index = 0;
  let floor = 0;
  for (const { value, count } of blocks) {
    for (let member = 0; member < count; member += 1) {
      theta[index] = Math.max(value, floor);
      floor = theta[index]! * (1 + MARGIN);
      index += 1;
    }
  }
  return theta;
}

/** The η allowed at one ψ, and the ψ allowed at all: a slice's own conditions and those against both neighbours. */
interface Bounds {
  readonly theta: number;
  readonly rightFrom: number;
  readonly rightTo: number;
  readonly leftFrom: number;
  readonly leftTo: number;
  readonly psiFrom: number;
  readonly psiTo: number;
}

function boundsBetween(theta: number, previous: Wings | undefined, next: Wings | undefined): Bounds {
  const inside = 1 - MARGIN;
  const rightFrom = previous === undefined ? 0 : previous.psi + previous.eta;
  const leftFrom = previous === undefined ? 0 : previous.psi - previous.eta;
  const steepest = Math.max(rightFrom, leftFrom);
  const psiCap = Math.min(2 * Math.sqrt(theta), 4) * inside;
  const psiFrom = Math.max(
    previous === undefined ? LEAST_PSI_OVER_ROOT_THETA * Math.sqrt(theta) : previous.psi,
    next === undefined ? 0 : (next.psi * theta) / next.theta,
  );
  const psiTo = Math.min(
    psiCap,
    steepest === 0 ? psiCap : ((4 * theta) / steepest) * inside,
    previous === undefined ? Infinity : (previous.psi * theta) / previous.theta,
    next === undefined ? Infinity : next.psi,
  );
  return {
    theta,
    rightFrom,
    leftFrom,
    rightTo: next === undefined ? Infinity : next.psi + next.eta,
    leftTo: next === undefined ? Infinity : next.psi - next.eta,
    psiFrom,
    psiTo,
  };
}

interface Fit {
  readonly eta: number;
  readonly error: number;
}

/** Best η at a given ψ: three clamped Gauss–Newton steps on a nearly quadratic objective. */
function bestEta(chain: Chain, bounds: Bounds, psi: number, start: number): Fit {
  const { theta } = bounds;
  const widest = Math.min(LARGEST_RHO * psi, Math.min((4 * theta) / psi, 4) * (1 - MARGIN) - psi);
  const from = Math.max(bounds.rightFrom - psi, psi - bounds.leftTo, -widest);
  const to = Math.min(psi - bounds.leftFrom, bounds.rightTo - psi, widest);
  if (from > to) return { eta: 0.5 * (from + to), error: Infinity };
  const { size, k, w, trust } = chain;
  const psiSquare = psi * psi;
  const thetaSquare = theta * theta;
  let eta = Math.min(Math.max(start, from), to);
  for (let step = 0; step < 4; step += 1) {
    let gradient = 0;
    let curvature = 0;
    let error = 0;
    for (let i = 0; i < size; i += 1) {
      const ki = k[i]!;
      const root = Math.sqrt(psiSquare * ki * ki + 2 * eta * theta * ki + thetaSquare);
      const miss = 0.5 * (theta + eta * ki + root) - w[i]!;
      const slope = 0.5 * ki * (1 + theta / root);
      const weighted = trust[i]! * slope;
      error += trust[i]! * miss * miss;
      gradient += weighted * miss;
      curvature += weighted * slope;
    }
    if (step === 3 || curvature === 0) return { eta, error };
    const moved = Math.min(Math.max(eta - gradient / curvature, from), to);
    if (Math.abs(moved - eta) <= 1e-9 * psi) return { eta, error };
    eta = moved;
  }
  return { eta, error: Infinity };
}

const GOLDEN = 0.6180339887498949;
const SCAN = 8;
const NARROWINGS = 22;

/** Scan ψ geometrically over its interval, then narrow the best bracket by golden section. */
function fitWings(chain: Chain, bounds: Bounds, fallback: Wings): Wings {
  const { theta, psiFrom, psiTo } = bounds;
  if (!(psiTo > psiFrom)) return fallback;
  let best: Wings = fallback;
  let bestError = Infinity;
  let start = fallback.eta;
  const consider = (psi: number): number => {
    const { eta, error } = bestEta(chain, bounds, psi, start);
    if (error < bestError) {
      bestError = error;
      best = { theta, eta, psi };
      start = eta;
    }
    return error;
  };
  // Geometric spacing without a power function: repeated square roots of the ratio.
  const ratio = Math.sqrt(Math.sqrt(Math.sqrt(psiTo / psiFrom))); // SCAN = 8 = 2³
  let bestIndex = 0;
  const grid: number[] = [];
  for (let index = 0, psi = psiFrom; index <= SCAN; index += 1, psi *= ratio) {
    grid.push(index === SCAN ? psiTo : psi);
    const before = bestError;
    if (consider(grid[index]!) < before) bestIndex = index;
  }
  let low = grid[Math.max(bestIndex - 1, 0)]!;
  let high = grid[Math.min(bestIndex + 1, SCAN)]!;
  let inner = high - GOLDEN * (high - low);
  let outer = low + GOLDEN * (high - low);
  let errorInner = consider(inner);
  let errorOuter = consider(outer);
  for (let step = 0; step < NARROWINGS && high - low > 1e-6 * high; step += 1) {
    if (errorInner <= errorOuter) {
      high = outer;
      outer = inner;
      errorOuter = errorInner;
      inner = high - GOLDEN * (high - low);
      errorInner = consider(inner);
    } else {
      low = inner;
      inner = outer;
      errorInner = errorOuter;
      outer = low + GOLDEN * (high - low);
      errorOuter = consider(outer);
    }
  }
  return best;
}

function residualOf(chain: Chain, { theta, eta, psi }: Wings): number {
  let squares = 0;
  let weights = 0;
  for (let i = 0; i < chain.size; i += 1) {
    const k = chain.k[i]!;
    const w = chain.w[i]!;
    const fitted = 0.5 * (theta + eta * k + Math.sqrt(psi * psi * k * k + 2 * eta * theta * k + theta * theta));
    const miss = Math.sqrt(fitted) - Math.sqrt(w);
    const weight = chain.trust[i]! * w;
    squares += weight * miss * miss;
    weights += weight;
  }
  return Math.sqrt(squares / (weights * chain.source.years));
}

/** See the head of this file. Expiries may come in any order and are returned sorted; each needs at least one usable quote. */
export function calibrateEssvi(quotesByExpiry: readonly ExpiryQuotes[]): CalibratedSlice[] {
  const chains = quotesByExpiry.toSorted((left, right) => left.years - right.years).map(readChain);
  const theta = makeIncreasing(chains.map(varianceAtTheMoney), chains);

  const slices: Wings[] = [];
  for (const [i, chain] of chains.entries()) {
    const previous = slices[i - 1];
    // Always allowed: the previous wings at the later θ; for the first slice a flat smile that later ones can steepen.
    const fallback = { theta: theta[i]!, eta: previous?.eta ?? 0, psi: previous?.psi ?? 0.5 * Math.sqrt(theta[i]!) };
    slices.push(fitWings(chain, boundsBetween(theta[i]!, previous, undefined), fallback));
  }
  // An early slice bounds the later ones: with both neighbours known, each is fitted once more.
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    for (let i = chains.length - 1; i >= 0; i -= 1) {
      slices[i] = fitWings(chains[i]!, boundsBetween(theta[i]!, slices[i - 1], slices[i + 1]), slices[i]!);
    }
  }

  return chains.map((chain, i) => {
    const wings = slices[i]!;
    const { years, forward, expiry } = chain.source;
    return {
      years,
      forward,
      theta: wings.theta,
      rho: wings.eta / wings.psi,
      psi: wings.psi,
      residual: residualOf(chain, wings),
      ...(expiry === undefined ? {} : { expiry }),
    };
  });
}
