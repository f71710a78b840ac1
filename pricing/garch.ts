/**
 * GARCH(1,1) (Bollerslev 1986) and GJR-GARCH (Glosten, Jagannathan & Runkle 1993) by Gaussian maximum likelihood:
 *
 *     rₜ = μ + eₜ,     σ²ₜ = ω + (α + γ·[eₜ₋₁ < 0])·e²ₜ₋₁ + β·σ²ₜ₋₁,     eₜ = σₜzₜ
 *
 * GARCH is γ = 0. The persistence is p = α + γ/2 + β, the long-run variance ω/(1 − p). Variances are per period and in the
 * square of the returns' unit: returns in per cent give variances in per cent².
 *
 * Before the first return, e² and σ² are taken to be the mean squared residual of the sample, as Bollerslev & Ghysels (1996)
 * did, so σ²₁ = ω + p·mean(e²); a published benchmark is only met under its own convention.
 */
import { PricingError } from "./errors.ts";
import { minimise } from "./minimise.ts";
import { LOG_SQRT_TWO_PI } from "./normal.ts";

export interface GarchParameters {
  readonly mu: number;
  readonly omega: number;
  readonly alpha: number;
  /** What a fall adds to α; 0 in GARCH(1,1). */
  readonly gamma: number;
  readonly beta: number;
}

export type GarchKind = "garch" | "gjr";

export interface GarchFit {
  readonly kind: GarchKind;
  readonly parameters: GarchParameters;
  readonly logLikelihood: number;
  /** σ² of the period after the last return. */
  readonly nextVariance: number;
}

/** p = α + γ/2 + β, the share of a deviation of variance that is left a period later. */
export const garchPersistence = ({ alpha, gamma, beta }: GarchParameters): number => alpha + gamma / 2 + beta;

/** Shares that sum to 1 may add up to a little more. */
const ROUNDING = 1e-12;

function assertParameters(parameters: GarchParameters): void {
  const { mu, omega, alpha, gamma, beta } = parameters;
  const fine = Number.isFinite(mu) && omega >= 0 && alpha >= 0 && alpha + gamma >= 0 && beta >= 0;
  if (!(fine && omega < Infinity && garchPersistence(parameters) <= 1 + ROUNDING)) {
    throw new PricingError("OutOfDomain", "variance must stay positive and must not explode", { ...parameters });
  }
}

function assertReturns(returns: readonly number[], least: number): void {
  if (returns.length < least) {
    throw new PricingError("TooFewObservations", `at least ${least} returns are needed`, { returns: returns.length });
  }
  const bad = returns.findIndex((r) => !Number.isFinite(r));
  if (bad >= 0) throw new PricingError("NotANumber", "returns must be finite", { index: bad, return: returns[bad]! });
}

const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Mean of (r − μ)²: what stands for e² and σ² before the first return. */
export function presampleVariance(returns: readonly number[], mu: number): number {
  assertReturns(returns, 1);
  return meanOf(returns.map((r) => (r - mu) ** 2));
}

/**
 * σ² of every period, and one more: entry i is known before return i, and the last is the forecast for the next period.
 * `presample` stands for e² and σ² before the first return.
 */
export function garchVariances(
  returns: readonly number[],
  parameters: GarchParameters,
  presample: number = presampleVariance(returns, parameters.mu),
): number[] {
  assertParameters(parameters);
  assertReturns(returns, 0);
  const { mu, omega, alpha, gamma, beta } = parameters;
  let variance = omega + garchPersistence(parameters) * presample;
  const variances = [variance];
  for (const r of returns) {
    const e = r - mu;
    variance = omega + (e < 0 ? alpha + gamma : alpha) * e * e + beta * variance;
    variances.push(variance);
  }
  return variances;
}

export interface LogLikelihood {
  readonly value: number;
  /** By μ, ω, α, γ, β. */
  readonly gradient: readonly [number, number, number, number, number];
}

/**
 * ℓ = −½·Σ (ln 2π + ln σ²ₜ + e²ₜ/σ²ₜ) and its gradient, which runs through the same recursion:
 *
 *     ∂σ²ₜ = (0, 1, e²ₜ₋₁, [eₜ₋₁ < 0]·e²ₜ₋₁, σ²ₜ₋₁) + β·∂σ²ₜ₋₁,     and in μ also −2(α + γ[eₜ₋₁ < 0])·eₜ₋₁
 *
 * The presample variance depends on μ too.
 */
export function garchLogLikelihood(returns: readonly number[], parameters: GarchParameters): LogLikelihood {
  assertParameters(parameters);
  const { mu, omega, alpha, gamma, beta } = parameters;
  const before = presampleVariance(returns, mu);
  const persistence = garchPersistence(parameters);
  let variance = omega + persistence * before;
  let dMu = -2 * persistence * (meanOf(returns) - mu);
  let dOmega = 1;
  let dAlpha = before;
  let dGamma = before / 2;
  let dBeta = before;
  let value = 0;
  const gradient: [number, number, number, number, number] = [0, 0, 0, 0, 0];
  for (const r of returns) {
    const e = r - mu;
    const square = e * e;
    const fall = e < 0 ? 1 : 0;
    value -= LOG_SQRT_TWO_PI + 0.5 * (Math.log(variance) + square / variance);
    const slope = (0.5 * (square / variance - 1)) / variance;
    gradient[0] += slope * dMu + e / variance;
    gradient[1] += slope * dOmega;
    gradient[2] += slope * dAlpha;
    gradient[3] += slope * dGamma;
    gradient[4] += slope * dBeta;
    const news = alpha + fall * gamma;
    dMu = -2 * news * e + beta * dMu;
    dOmega = 1 + beta * dOmega;
    dAlpha = square + beta * dAlpha;
    dGamma = fall * square + beta * dGamma;
    dBeta = variance + beta * dBeta;
    variance = omega + news * square + beta * variance;
  }
  return { value, gradient };
}

/** Fewer returns do not tell α from β. */
const LEAST_RETURNS = 50;
/** On the log-likelihood per return. Where p runs up to 1 the logits run away, and less is not told from rounding. */
const GRADIENT_TOLERANCE = 1e-8;
const MOST_ITERATIONS = 400;
/** Where the search starts: usual for daily returns, and a short memory. Short samples may have a maximum near each. */
const STARTS: readonly Pick<GarchParameters, "alpha" | "beta">[] = [
  { alpha: 0.08, beta: 0.88 },
  { alpha: 0.1, beta: 0.3 },
];

/**
 * Maximum likelihood, the best of a few starts. The search runs without bounds over (μ, ln ω, and logits of the shares): the
 * four parts α/2, (α + γ)/2, β and 1 − p of a GJR model (three in GARCH: α, β, 1 − p) are positive and sum to 1, so p < 1
 * holds by construction. `warm` is one more start, for a refit on a few more returns.
 */
export function fitGarch(returns: readonly number[], kind: GarchKind = "garch", warm?: GarchParameters): GarchFit {
  assertReturns(returns, LEAST_RETURNS);
  const mean = meanOf(returns);
  const scale = Math.sqrt(presampleVariance(returns, mean));
  if (!(scale > ROUNDING * Math.abs(mean))) {
    throw new PricingError("OutOfDomain", "returns must vary", { standardDeviation: scale });
  }
  // Of unit variance, all parameters are of order one.
  const scaled = returns.map((r) => r / scale);
  const starts = STARTS.map(({ alpha, beta }) => ({
    mu: mean / scale,
    omega: 1 - alpha - beta,
    alpha,
    gamma: 0,
    beta,
  }));
  // Of GARCH, GJR is the wider model: from its maximum the search can only rise.
  if (kind === "gjr") starts.push(fitGarch(scaled).parameters);
  if (warm !== undefined) starts.push({ ...warm, mu: warm.mu / scale, omega: warm.omega / scale ** 2 });
  const minima = starts.map((start) =>
    minimise((at) => negativeLikelihood(scaled, kind, at), coordinatesOf(kind, start), {
      gradientTolerance: GRADIENT_TOLERANCE,
      mostIterations: MOST_ITERATIONS,
    }),
  );
  const found = parametersAt(kind, minima.reduce((best, next) => (next.value < best.value ? next : best)).at);
  const parameters = { ...found, mu: found.mu * scale, omega: found.omega * scale ** 2 };
  return {
    kind,
    parameters,
    logLikelihood: garchLogLikelihood(returns, parameters).value,
    nextVariance: garchVariances(returns, parameters).at(-1)!,
  };
}

/** The parts of 1, the last being 1 − p. */
const partsOf = (kind: GarchKind, { alpha, gamma, beta }: GarchParameters): number[] => {
  const slack = 1 - (alpha + gamma / 2 + beta);
  return kind === "garch" ? [alpha, beta, slack] : [alpha / 2, (alpha + gamma) / 2, beta, slack];
};

/** Softmax with the last logit 0. */
function partsAt(logits: readonly number[]): number[] {
  const largest = Math.max(0, ...logits);
  const weights = [...logits, 0].map((logit) => Math.exp(logit - largest));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

/** Nothing starts on a bound, where the logits would be infinite. */
const LEAST_PART = 1e-4;

function coordinatesOf(kind: GarchKind, parameters: GarchParameters): number[] {
  const parts = partsOf(kind, parameters).map((part) => Math.max(part, LEAST_PART));
  return [
    parameters.mu,
    Math.log(parameters.omega),
    ...parts.slice(0, -1).map((part) => Math.log(part / parts.at(-1)!)),
  ];
}

function parametersAt(kind: GarchKind, [mu, logOmega, ...logits]: readonly number[]): GarchParameters {
  const parts = partsAt(logits);
  const common = { mu: mu!, omega: Math.exp(logOmega!) };
  if (kind === "garch") return { ...common, alpha: parts[0]!, gamma: 0, beta: parts[1]! };
  return { ...common, alpha: 2 * parts[0]!, gamma: 2 * (parts[1]! - parts[0]!), beta: parts[2]! };
}

/** −ℓ/n in the coordinates of the search: chain rule through ω = e^x and the softmax, ∂partᵢ/∂logitⱼ = partᵢ(δᵢⱼ − partⱼ). */
function negativeLikelihood(returns: readonly number[], kind: GarchKind, at: readonly number[]) {
  const parameters = parametersAt(kind, at);
  // A long step of the search may leave the doubles: no likelihood there.
  if (!(parameters.omega > 0 && parameters.omega < Infinity)) return { value: Infinity, gradient: at.map(() => 0) };
  const { value, gradient } = garchLogLikelihood(returns, parameters);
  const [byMu, byOmega, byAlpha, byGamma, byBeta] = gradient;
  const parts = partsAt(at.slice(2));
  // α = 2a, γ = 2(b − a): ∂ℓ/∂a = 2∂α − 2∂γ, ∂ℓ/∂b = 2∂γ.
  const byPart = kind === "garch" ? [byAlpha, byBeta, 0] : [2 * (byAlpha - byGamma), 2 * byGamma, byBeta, 0];
  const mean = byPart.reduce((sum, slope, i) => sum + slope * parts[i]!, 0);
  const byLogit = byPart.slice(0, -1).map((slope, i) => parts[i]! * (slope - mean));
  const n = returns.length;
  return {
    value: -value / n,
    gradient: [byMu, byOmega * parameters.omega, ...byLogit].map((slope) => -slope / n),
  };
}

/** Below this h·(1 − p) the closed form would cancel, and its series takes over. */
const SERIES_BELOW = 0.25;

/**
 * Σ E σ²ₜ₊ₖ for k = 1 … h, in closed form. With q = 1 − p and G = Σ pᵏ⁻¹ = (1 − pʰ)/q:
 *
 *     Σ = σ²ₜ₊₁·G + ω·(h − G)/q
 *
 * and its limit σ²ₜ₊₁·h + ω·h(h − 1)/2 where p = 1. h ≥ 1 need not be whole: the sum then lies smoothly between.
 */
export function garchForecast(parameters: GarchParameters, nextVariance: number, horizon: number): number {
  assertParameters(parameters);
  if (!(horizon >= 1 && horizon < Infinity && nextVariance >= 0 && nextVariance < Infinity)) {
    throw new PricingError("OutOfDomain", "the horizon is a period or more, variance finite", {
      horizon,
      nextVariance,
    });
  }
  const q = 1 - garchPersistence(parameters);
  if (horizon * q >= SERIES_BELOW) {
    const geometric = -Math.expm1(horizon * Math.log1p(-q)) / q;
    return nextVariance * geometric + (parameters.omega * (horizon - geometric)) / q;
  }
  // (1 − q)ʰ = Σ C(h, j)(−q)ʲ, so G = Σ_{j≥1} C(h, j)(−q)ʲ⁻¹ and (h − G)/q = Σ_{j≥2} C(h, j)(−q)ʲ⁻².
  let geometric = 0;
  let excess = 0;
  let term = horizon; // C(h, j)(−q)ʲ⁻¹
  for (let j = 1; Math.abs(term) > 1e-18 * horizon; j += 1) {
    geometric += term;
    const next = (term * (horizon - j)) / (j + 1); // C(h, j + 1)(−q)ʲ⁻¹
    excess += next;
    term = -q * next;
    if (next === 0) break;
  }
  return nextVariance * geometric + parameters.omega * excess;
}
