/**
 * One expiry of the extended SSVI surface (Hendriks & Martini 2019; Corbetta, Cohort, Laachir & Martini 2019):
 *
 *     w(k) = ½·[ θ + ρψk + √((ψk + ρθ)² + (1−ρ²)θ²) ] = ½·[ θ + ηk + √(ψ²k² + 2ηθk + θ²) ],   η = ρψ
 *
 * θ is the total variance at the money; (ψ + η)/1 and (ψ − η)/1 are the slopes of the right and the left wing, so a slice is
 * free of butterfly arbitrage if ψ(1+|ρ|) ≤ 4 and ψ²(1+|ρ|) ≤ 4θ, and two slices do not cross if θ₂ ≥ θ₁, both wings are no
 * flatter later (|ρ₂ψ₂ − ρ₁ψ₁| ≤ ψ₂ − ψ₁) and φ = ψ/θ does not grow (ψ₂θ₁ ≤ ψ₁θ₂).
 */
import { type LogMoneyness, type TotalVariance, totalVariance } from "./units.ts";

export interface EssviSlice {
  /** θ, total variance at the money. */
  readonly theta: number;
  /** ρ ∈ (−1, 1). */
  readonly rho: number;
  /** ψ = θφ, the mean slope of the two wings. */
  readonly psi: number;
}

/** Total variance with its first two derivatives in k. */
export interface VarianceJet {
  readonly w: number;
  readonly dw: number;
  readonly ddw: number;
}

/** w(k). */
export function essviTotalVariance({ theta, rho, psi }: EssviSlice, k: LogMoneyness): TotalVariance {
  const eta = rho * psi;
  const root = Math.sqrt(psi * psi * k * k + 2 * eta * theta * k + theta * theta);
  return totalVariance(Math.max(0.5 * (theta + eta * k + root), 0)); // ≥ 0 but for rounding
}

/** w, w′ = ½ψ(ρ + (ψk + ρθ)/R) and w″ = ½ψ²(1−ρ²)θ²/R³, with R the root. */
export function essviDerivatives({ theta, rho, psi }: EssviSlice, k: LogMoneyness): VarianceJet {
  const shifted = psi * k + rho * theta;
  const flat = (1 - rho * rho) * theta * theta;
  const root = Math.sqrt(shifted * shifted + flat);
  return {
    w: 0.5 * (theta + rho * psi * k + root),
    dw: root === 0 ? 0 : 0.5 * psi * (rho + shifted / root),
    ddw: root === 0 ? 0 : (0.5 * psi * psi * flat) / (root * root * root),
  };
}

/** Sufficient, and within 1 % necessary: ψ(1+|ρ|) ≤ 4 and ψ²(1+|ρ|) ≤ 4θ. */
export function essviIsButterflyFree({ theta, rho, psi }: EssviSlice): boolean {
  const steeper = psi * (1 + Math.abs(rho));
  return theta > 0 && psi >= 0 && Math.abs(rho) < 1 && steeper <= 4 && psi * steeper <= 4 * theta;
}

/** Sufficient for w_far(k) ≥ w_near(k) at every k. */
export function essviIsCalendarFree(near: EssviSlice, far: EssviSlice): boolean {
  return (
    far.theta >= near.theta &&
    Math.abs(far.rho * far.psi - near.rho * near.psi) <= far.psi - near.psi &&
    far.psi * near.theta <= near.psi * far.theta
  );
}
