/**
 * The on-chain form of a slice: integers, and the no-arbitrage inequalities exactly as a contract evaluates them.
 *
 *     θ = T·1e-11 (40 bits)   ψ = P·1e-10 (36 bits)   ρ = R/2¹⁵ (int16)   basis = B·1e-7 (int24)   residual = E·1e-4 (12 bits)
 */
import { PricingError } from "./errors.ts";
import type { EssviSlice } from "./essvi.ts";

export const THETA_BITS = 40;
export const PSI_BITS = 36;
export const RHO_ONE = 32768n;
export const THETA_UNIT = 1e-11;
export const PSI_UNIT = 1e-10;
export const RHO_UNIT = 2 ** -15;
export const BASIS_UNIT = 1e-7;
export const RESIDUAL_UNIT = 1e-4;

const THETA_PER_ONE = 100_000_000_000n;
const PSI_PER_ONE = 10_000_000_000n;
const LARGEST_THETA = (1n << BigInt(THETA_BITS)) - 1n;
const LARGEST_PSI = (1n << BigInt(PSI_BITS)) - 1n;
const LARGEST_RHO = RHO_ONE - 1n;
const LARGEST_BASIS = (1n << 23n) - 1n;
const LARGEST_RESIDUAL = (1n << 12n) - 1n;

export interface QuantisableSlice extends EssviSlice {
  /** F/S − 1; 0 when left out. */
  readonly basis?: number;
  /** Volatility; rounded up, 0 when left out. */
  readonly residual?: number;
}

/** The integer fields of one slice. */
export interface SliceWord {
  readonly theta: bigint;
  readonly psi: bigint;
  readonly rho: bigint;
  readonly basis: bigint;
  readonly residual: bigint;
}

const magnitude = (value: bigint): bigint => (value < 0n ? -value : value);
const ceilDivide = (value: bigint, by: bigint): bigint => (value + by - 1n) / by;

function toInteger(
  name: string,
  value: number,
  unit: number,
  least: bigint,
  largest: bigint,
  round: (x: number) => number,
): bigint {
  const steps = round(value / unit);
  if (!Number.isFinite(steps) || steps < Number(least) || steps > Number(largest)) {
    throw new PricingError("NotRepresentable", `${name} does not fit its field`, { [name]: value });
  }
  return BigInt(steps);
}

/** Nearest integers of one slice, no inequality considered. The residual is a bound and is rounded up, saturating. */
export function quantiseSlice({ theta, rho, psi, basis = 0, residual = 0 }: QuantisableSlice): SliceWord {
  const widest = Number(LARGEST_RESIDUAL) * RESIDUAL_UNIT;
  return {
    theta: toInteger("theta", theta, THETA_UNIT, 1n, LARGEST_THETA, Math.round),
    psi: toInteger("psi", psi, PSI_UNIT, 0n, LARGEST_PSI, Math.round),
    rho: toInteger("rho", rho, RHO_UNIT, -LARGEST_RHO, LARGEST_RHO, Math.round),
    basis: toInteger("basis", basis, BASIS_UNIT, -LARGEST_BASIS, LARGEST_BASIS, Math.round),
    residual: toInteger("residual", Math.min(residual, widest), RESIDUAL_UNIT, 0n, LARGEST_RESIDUAL, Math.ceil),
  };
}

export function dequantiseSlice(word: SliceWord): Required<QuantisableSlice> {
  return {
    theta: Number(word.theta) / Number(THETA_PER_ONE),
    psi: Number(word.psi) / Number(PSI_PER_ONE),
    rho: Number(word.rho) * RHO_UNIT,
    basis: Number(word.basis) * BASIS_UNIT,
    residual: Number(word.residual) * RESIDUAL_UNIT,
  };
}

/** ψ(1+|ρ|) ≤ 4 and ψ²(1+|ρ|) ≤ 4θ, multiplied out: P(2¹⁵+|R|) ≤ 4·1e10·2¹⁵ and P²(2¹⁵+|R|) ≤ 4·T·1e9·2¹⁵. */
export function sliceWordIsButterflyFree({ theta, psi, rho }: SliceWord): boolean {
  const steeper = psi * (RHO_ONE + magnitude(rho));
  return (
    theta > 0n &&
    steeper <= 4n * PSI_PER_ONE * RHO_ONE &&
    psi * steeper <= 4n * theta * ((PSI_PER_ONE * PSI_PER_ONE) / THETA_PER_ONE) * RHO_ONE
  );
}

/** θ₂ ≥ θ₁, |ρ₂ψ₂ − ρ₁ψ₁| ≤ ψ₂ − ψ₁ and ψ₂θ₁ ≤ ψ₁θ₂, multiplied out. */
export function sliceWordsAreCalendarFree(near: SliceWord, far: SliceWord): boolean {
  return (
    far.theta >= near.theta &&
    magnitude(far.rho * far.psi - near.rho * near.psi) <= RHO_ONE * (far.psi - near.psi) &&
    far.psi * near.theta <= near.psi * far.theta
  );
}

/** Words in order of expiry. */
export function sliceWordsAreArbitrageFree(words: readonly SliceWord[]): boolean {
  return words.every(
    (word, i) => sliceWordIsButterflyFree(word) && (i === 0 || sliceWordsAreCalendarFree(words[i - 1]!, word)),
  );
}

/** Largest P that keeps a slice with T and R free of butterflies. */
function largestPsi(theta: bigint, rho: bigint): bigint {
  const sum = RHO_ONE + magnitude(rho);
  const bySlope = (4n * PSI_PER_ONE * RHO_ONE) / sum;
  const bySquare = squareRootDown((4n * theta * ((PSI_PER_ONE * PSI_PER_ONE) / THETA_PER_ONE) * RHO_ONE) / sum);
  const byLaw = bySlope < bySquare ? bySlope : bySquare;
  return byLaw < LARGEST_PSI ? byLaw : LARGEST_PSI;
}

function squareRootDown(value: bigint): bigint {
  if (value < 2n) return value;
  let root = BigInt(Math.floor(Math.sqrt(Number(value)))) + 1n;
  while (root * root > value) root -= 1n;
  return root;
}

/** ρ is looked for this many steps around its rounding before the previous slice's wings are taken over. */
const RHO_SEARCH = 64n;

/**
 * Words of a whole surface, in order of expiry, that satisfy every inequality as integers: each field is rounded to nearest
 * and then moved by the least that its own conditions and its predecessor ask for. A surface with margin moves by a step or
 * two; one without always has the predecessor's wings to fall back on, which are allowed at any θ that is not smaller.
 */
export function quantiseSurface(slices: readonly QuantisableSlice[]): SliceWord[] {
  const words: SliceWord[] = [];
  for (const slice of slices) {
    const nearest = quantiseSlice(slice);
    const word = nudge(nearest, words.at(-1));
    words.push(word);
  }
  return words;
}

function nudge(nearest: SliceWord, previous: SliceWord | undefined): SliceWord {
  if (previous === undefined) {
    const cap = largestPsi(nearest.theta, nearest.rho);
    return { ...nearest, psi: nearest.psi < cap ? nearest.psi : cap };
  }
  const theta = nearest.theta > previous.theta ? nearest.theta : previous.theta;
  const right = previous.psi * (RHO_ONE + previous.rho);
  const left = previous.psi * (RHO_ONE - previous.rho);
  const capByPrevious = (previous.psi * theta) / previous.theta;
  for (let step = 0n; step <= 2n * RHO_SEARCH; step += 1n) {
    const rho = nearest.rho + (step % 2n === 0n ? -(step / 2n) : (step + 1n) / 2n);
    if (magnitude(rho) > LARGEST_RHO) continue;
    const capBySlice = largestPsi(theta, rho);
    const cap = capBySlice < capByPrevious ? capBySlice : capByPrevious;
    const floorRight = ceilDivide(right, RHO_ONE + rho);
    const floorLeft = ceilDivide(left, RHO_ONE - rho);
    const floor = floorRight > floorLeft ? floorRight : floorLeft;
    if (floor > cap) continue;
    const psi = nearest.psi < floor ? floor : nearest.psi > cap ? cap : nearest.psi;
    return { ...nearest, theta, rho, psi };
  }
  return { ...nearest, theta, rho: previous.rho, psi: previous.psi };
}
