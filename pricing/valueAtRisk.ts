/**
 * Value at risk by filtered historical simulation, and whether its exceedances are as many and as scattered as promised.
 *
 * Past returns divided by the deviation that was forecast for them are draws of one distribution; the quantile of those, times
 * the deviation forecast now, is the loss of the coming period (Barone-Adesi, Giannopoulos & Vosper 1999).
 */
import { PricingError } from "./errors.ts";
import { inverseNormalCdf, normalCdf } from "./normal.ts";

function assertShare(coverage: number): void {
  if (!(coverage > 0 && coverage < 1)) throw new PricingError("OutOfDomain", "coverage lies in (0, 1)", { coverage });
}

/**
 * The quantile of a sample, linear between order statistics: position (n − 1)·p of the sorted values (Hyndman & Fan's type 7,
 * the default of R and NumPy).
 */
export function sampleQuantile(values: readonly number[], p: number): number {
  if (values.length === 0) throw new PricingError("TooFewObservations", "no observation", { observations: 0 });
  if (!(p >= 0 && p <= 1)) throw new PricingError("OutOfDomain", "a quantile lies in [0, 1]", { p });
  const sorted = Float64Array.from(values).sort();
  const position = (sorted.length - 1) * p;
  const below = Math.floor(position);
  const low = sorted[below]!;
  return low + (position - below) * ((sorted[below + 1] ?? low) - low);
}

/**
 * Loss, as a positive log return, that the coming period exceeds with probability 1 − coverage. `standardized` are past
 * returns over their forecast deviations, `variance` the forecast for the coming period. A distribution that never fell gives
 * a negative loss.
 */
export function filteredHistoricalVaR(standardized: readonly number[], variance: number, coverage: number): number {
  assertShare(coverage);
  if (!(variance >= 0 && variance < Infinity)) {
    throw new PricingError("OutOfDomain", "variance must be finite and not negative", { variance });
  }
  return -sampleQuantile(standardized, 1 - coverage) * Math.sqrt(variance);
}

/** The same of a centred normal return: RiskMetrics, with an EWMA(0.94) variance. */
export function normalVaR(variance: number, coverage: number): number {
  assertShare(coverage);
  if (!(variance >= 0 && variance < Infinity)) {
    throw new PricingError("OutOfDomain", "variance must be finite and not negative", { variance });
  }
  return -inverseNormalCdf(1 - coverage) * Math.sqrt(variance);
}

/** P(X > x) for X of chi-square distribution: 2Φ(−√x) with one degree of freedom, e^{−x/2} with two. */
export function chiSquareTail(x: number, degrees: 1 | 2): number {
  if (Number.isNaN(x)) throw new PricingError("NotANumber", "the statistic is not a number", { x });
  if (x <= 0) return 1;
  return degrees === 1 ? 2 * normalCdf(-Math.sqrt(x)) : Math.exp(-x / 2);
}

export interface LikelihoodRatioTest {
  readonly statistic: number;
  readonly pValue: number;
}

export interface CoverageTests {
  readonly days: number;
  readonly exceedances: number;
  /** Kupiec 1995: are there as many as promised? One degree of freedom. */
  readonly unconditional: LikelihoodRatioTest;
  /** Christoffersen 1998: is one as likely after another as after none? One degree of freedom. */
  readonly independence: LikelihoodRatioTest;
  /** Both at once: the sum, with two degrees of freedom. */
  readonly conditional: LikelihoodRatioTest;
}

/** k·ln p, 0 where k is. */
const entropyTerm = (k: number, p: number): number => (k === 0 ? 0 : k * Math.log(p));
const logLikelihood = (hits: number, misses: number, p: number): number =>
  entropyTerm(hits, p) + entropyTerm(misses, 1 - p);
const share = (hits: number, misses: number): number => (hits + misses === 0 ? 0 : hits / (hits + misses));

/**
 * Likelihood-ratio tests on the sequence of exceedances (true where the loss was larger than the value at risk). With x of n
 * days exceeding, and nᵢⱼ days in state j after state i:
 *
 *     LR_uc  = −2·ln [ (1 − p)ⁿ⁻ˣ·pˣ / (1 − π)ⁿ⁻ˣ·πˣ ],                            π = x/n
 *     LR_ind = −2·ln [ (1 − π₂)^(n₀₀+n₁₀)·π₂^(n₀₁+n₁₁) / Π (1 − πᵢ)^nᵢ₀·πᵢ^nᵢ₁ ],   πᵢ = nᵢ₁/(nᵢ₀ + nᵢ₁)
 *     LR_cc  = LR_uc + LR_ind
 */
export function coverageTests(exceeded: readonly boolean[], coverage: number): CoverageTests {
  assertShare(coverage);
  const n = exceeded.length;
  if (n < 2) throw new PricingError("TooFewObservations", "two days are needed", { days: n });
  const p = 1 - coverage;
  const x = exceeded.filter(Boolean).length;
  let n00 = 0;
  let n01 = 0;
  let n10 = 0;
  let n11 = 0;
  for (let i = 1; i < n; i += 1) {
    if (exceeded[i - 1]!) {
      if (exceeded[i]!) n11 += 1;
      else n10 += 1;
    } else if (exceeded[i]!) n01 += 1;
    else n00 += 1;
  }
  const uc = 2 * (logLikelihood(x, n - x, share(x, n - x)) - logLikelihood(x, n - x, p));
  const separate = logLikelihood(n01, n00, share(n01, n00)) + logLikelihood(n11, n10, share(n11, n10));
  const ind = 2 * (separate - logLikelihood(n01 + n11, n00 + n10, share(n01 + n11, n00 + n10)));
  const test = (statistic: number, degrees: 1 | 2): LikelihoodRatioTest => ({
    statistic: Math.max(statistic, 0), // a ratio of 1 may round to below
    pValue: chiSquareTail(statistic, degrees),
  });
  return {
    days: n,
    exceedances: x,
    unconditional: test(uc, 1),
    independence: test(ind, 1),
    conditional: test(uc + ind, 2),
  };
}
