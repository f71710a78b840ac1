/**
 * Realised variance of one period from the n returns inside it, and what of it came as jumps. Not annualised: a day's
 * returns give the day's variance.
 *
 * For a price that diffuses and jumps, RV tends to ∫σ² + Σ jump², while BV and MedRV tend to ∫σ² alone, because a jump is
 * multiplied with, or outvoted by, its small neighbours.
 */
import { PricingError } from "./errors.ts";
import { normalCdf } from "./normal.ts";

/** μ₁ = E|Z| = √(2/π); BV carries its inverse square. */
const INVERSE_MU_ONE_SQUARED = Math.PI / 2;
/** μ₄⸝₃ = E|Z|^{4/3} = 2^{2/3}·Γ(7/6)/Γ(1/2), to the inverse third power. */
const INVERSE_MU_FOUR_THIRDS_CUBED = 1.7434720745319845;
/** π/(6 − 4√3 + π): the median of three |Z| squared has the inverse of this mean. */
const MEDIAN_SCALE = Math.PI / (6 - 4 * Math.sqrt(3) + Math.PI);
/** π²/4 + π − 5: the variance of BV − RV over one return's ∫σ⁴ (Barndorff-Nielsen & Shephard 2004). */
const BIPOWER_EXCESS = Math.PI ** 2 / 4 + Math.PI - 5;

function assertReturns(returns: readonly number[], least: number): void {
  if (returns.length < least) {
    throw new PricingError("TooFewObservations", `at least ${least} returns are needed`, { returns: returns.length });
  }
  const bad = returns.findIndex((r) => !Number.isFinite(r));
  if (bad >= 0) throw new PricingError("NotANumber", "returns must be finite", { index: bad, return: returns[bad]! });
}

/** RV = Σ r². */
export function realizedVariance(returns: readonly number[]): number {
  assertReturns(returns, 1);
  return returns.reduce((sum, r) => sum + r * r, 0);
}

/** BV = (π/2)·n/(n − 1)·Σ |rᵢ|·|rᵢ₋₁| (Barndorff-Nielsen & Shephard 2004). */
export function bipowerVariation(returns: readonly number[]): number {
  assertReturns(returns, 2);
  const n = returns.length;
  let sum = 0;
  for (let i = 1; i < n; i += 1) sum += Math.abs(returns[i]! * returns[i - 1]!);
  return ((INVERSE_MU_ONE_SQUARED * n) / (n - 1)) * sum;
}

/**
 * MedRV = π/(6 − 4√3 + π)·n/(n − 2)·Σ med(|rᵢ₋₁|, |rᵢ|, |rᵢ₊₁|)² (Andersen, Dobrev & Schaumburg 2012). One jump leaves it
 * unmoved at every n, and one zero return does not pull it down as it does BV.
 */
export function medRealizedVariance(returns: readonly number[]): number {
  assertReturns(returns, 3);
  const n = returns.length;
  let sum = 0;
  for (let i = 1; i + 1 < n; i += 1) {
    const a = Math.abs(returns[i - 1]!);
    const b = Math.abs(returns[i]!);
    const c = Math.abs(returns[i + 1]!);
    sum += Math.max(Math.min(a, b), Math.min(Math.max(a, b), c)) ** 2;
  }
  return ((MEDIAN_SCALE * n) / (n - 2)) * sum;
}

/** TP = n·μ₄⸝₃⁻³·n/(n − 2)·Σ (|rᵢ|·|rᵢ₋₁|·|rᵢ₋₂|)^{4/3}, which tends to ∫σ⁴ with or without jumps. */
export function tripowerQuarticity(returns: readonly number[]): number {
  assertReturns(returns, 3);
  const n = returns.length;
  let sum = 0;
  for (let i = 2; i < n; i += 1) sum += Math.abs(returns[i]! * returns[i - 1]! * returns[i - 2]!) ** (4 / 3);
  return ((INVERSE_MU_FOUR_THIRDS_CUBED * n * n) / (n - 2)) * sum;
}

export interface JumpTest {
  /** Standard normal without jumps, large with them. */
  readonly statistic: number;
  /** Of the one-sided test: 1 − Φ(statistic). */
  readonly pValue: number;
  /** max(RV − BV, 0): the variance that came as jumps, if there were any. */
  readonly jumpVariance: number;
}

/**
 * The ratio statistic of Huang & Tauchen 2005:
 *
 *     z = (1 − BV/RV) / √((π²/4 + π − 5)·max(1, TP/BV²)/n)  →  N(0, 1)
 *
 * It is asymptotic in n: without jumps and at constant volatility the test at 1 % rejects 1.1 % of days at n = 288 and 1.5 %
 * at n = 24 (measured by the tests). A period without any movement has no jump: statistic 0, p-value 1/2.
 */
export function jumpTest(returns: readonly number[]): JumpTest {
  const rv = realizedVariance(returns);
  const bv = bipowerVariation(returns);
  if (rv === 0) return { statistic: 0, pValue: 0.5, jumpVariance: 0 };
  const roughness = bv === 0 ? 1 : Math.max(1, tripowerQuarticity(returns) / bv ** 2);
  const statistic = (1 - bv / rv) / Math.sqrt((BIPOWER_EXCESS * roughness) / returns.length);
  return { statistic, pValue: normalCdf(-statistic), jumpVariance: Math.max(rv - bv, 0) };
}

/** What a jump test at this level calls a jump: a day in a hundred without any would be called one in the limit. */
export const JUMP_SIGNIFICANCE = 0.01;

/**
 * The part of RV that persists: BV where the test finds a jump, else RV itself, which is the less noisy of the two. As the
 * predictor of a HAR model it forecasts better than RV: a jump says little about tomorrow (Andersen, Bollerslev & Diebold 2007).
 */
export function continuousVariance(returns: readonly number[], significance = JUMP_SIGNIFICANCE): number {
  return jumpTest(returns).pValue < significance ? bipowerVariation(returns) : realizedVariance(returns);
}
