/**
 * Raw SVI (Gatheral): w(k) = a + b·[ρ(k − m) + √((k − m)² + σ²)].
 */
import type { EssviSlice, VarianceJet } from "./essvi.ts";
import type { LogMoneyness, Years } from "./units.ts";

export interface RawSvi {
  readonly a: number;
  readonly b: number;
  readonly rho: number;
  readonly m: number;
  readonly sigma: number;
}

export function sviDerivatives({ a, b, rho, m, sigma }: RawSvi, k: LogMoneyness): VarianceJet {
  const y = k - m;
  const root = Math.sqrt(y * y + sigma * sigma);
  return {
    w: a + b * (rho * y + root),
    dw: root === 0 ? b * rho : b * (rho + y / root),
    ddw: root === 0 ? 0 : (b * sigma * sigma) / (root * root * root),
  };
}

/** w(k); negative where the parameters make no smile, which findArbitrage flags. */
export function sviTotalVariance(slice: RawSvi, k: LogMoneyness): number {
  return sviDerivatives(slice, k).w;
}

/** An eSSVI slice is a raw SVI slice. */
export function sviOfEssvi({ theta, rho, psi }: EssviSlice): RawSvi {
  const flat = 1 - rho * rho;
  return {
    a: 0.5 * theta * flat,
    b: 0.5 * psi,
    rho,
    m: (-rho * theta) / psi,
    sigma: (theta * Math.sqrt(flat)) / psi,
  };
}

/** Gatheral & Jacquier's jump-wings parameters, whose meaning a trader can read. */
export interface JumpWings {
  /** ATM variance per year. */
  readonly v: number;
  /** ATM skew. */
  readonly psi: number;
  /** Slope of the left wing. */
  readonly p: number;
  /** Slope of the right wing. */
  readonly c: number;
  /** Least variance per year. */
  readonly vTilde: number;
}

export function jumpWingsOf({ a, b, rho, m, sigma }: RawSvi, time: Years): JumpWings {
  const root = Math.sqrt(m * m + sigma * sigma);
  const w = a + b * (-rho * m + root);
  const rootW = Math.sqrt(w);
  return {
    v: w / time,
    psi: (0.5 * b * (rho - m / root)) / rootW,
    p: (b * (1 - rho)) / rootW,
    c: (b * (1 + rho)) / rootW,
    vTilde: (a + b * sigma * Math.sqrt(1 - rho * rho)) / time,
  };
}
