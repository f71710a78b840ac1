/**
 * Finds static arbitrage in any slice and between slices.
 *
 * Butterfly: a slice is free where Durrleman's function is not negative (Gatheral & Jacquier 2014, Lemma 2.2),
 *
 *     g(k) = (1 − k·w′/(2w))² − (w′²/4)·(1/w + 1/4) + w″/2,
 *
 * which is the risk-neutral density up to a positive factor. Calendar: w must not fall with expiry at any k.
 */
import { type EssviSlice, essviDerivatives, type VarianceJet } from "./essvi.ts";
import { type RawSvi, sviDerivatives } from "./svi.ts";
import { type LogMoneyness, logMoneyness } from "./units.ts";

export type Slice = EssviSlice | RawSvi;

export interface Arbitrage {
  readonly kind: "butterfly" | "calendar";
  /** Index of the slice; of the later one for a calendar arbitrage, the earlier being slice − 1. */
  readonly slice: number;
  /** The interval of k, refined to 1e-9. */
  readonly from: number;
  readonly to: number;
  /** Where it is worst, and the value there: g, or w_far − w_near. */
  readonly worstK: number;
  readonly worst: number;
}

export const isEssvi = (slice: Slice): slice is EssviSlice => "theta" in slice;

export function sliceDerivatives(slice: Slice, k: LogMoneyness): VarianceJet {
  return isEssvi(slice) ? essviDerivatives(slice, k) : sviDerivatives(slice, k);
}

/** Durrleman's g; −∞ where total variance is not positive. */
export function durrleman(slice: Slice, k: LogMoneyness): number {
  const { w, dw, ddw } = sliceDerivatives(slice, k);
  if (!(w > 0)) return Number.NEGATIVE_INFINITY;
  const shape = 1 - (0.5 * k * dw) / w;
  return shape * shape - 0.25 * dw * dw * (1 / w + 0.25) + 0.5 * ddw;
}

/** How far out slices are looked at closely. Beyond, g nears its limit (1 − slope²/4)/4 as 1/|k|: a few points see it. */
const FARTHEST = 100;
const POINTS = 160;
const WINGS = [-1e6, -1e5, -1e4, -1e3, 1e3, 1e4, 1e5, 1e6];
/** Rounding of g at its own scale of one; of w relative to w. */
const NOISE = 1e-12;

/** Where the slice bends, and over what distance. */
function bendOf(slice: Slice): { readonly centre: number; readonly scale: number } {
  if (!isEssvi(slice)) return { centre: slice.m, scale: slice.sigma };
  const { theta, rho, psi } = slice;
  return psi > 0
    ? { centre: (-rho * theta) / psi, scale: (theta * Math.sqrt(1 - rho * rho)) / psi }
    : { centre: 0, scale: 1 };
}

/** centre ± scale·sinh(u): dense where the slice bends, geometric in the wings; and k = 0. */
function gridFor(slice: Slice): number[] {
  const { centre, scale } = bendOf(slice);
  const width = Math.min(Math.max(Math.abs(scale), 1e-6), 10);
  const reach = Math.asinh(FARTHEST / width);
  const grid: number[] = [0, ...WINGS];
  for (let index = 0; index <= POINTS; index += 1) {
    grid.push(centre + width * Math.sinh(reach * ((2 * index) / POINTS - 1)));
  }
  return grid.toSorted((left, right) => left - right);
}

/** Crossing of the threshold between a point below it and one above it. */
function refine(f: (k: number) => number, below: number, above: number): number {
  let low = below;
  let high = above;
  for (let step = 0; step < 60 && Math.abs(high - low) > 1e-10; step += 1) {
    const middle = 0.5 * (low + high);
    if (f(middle) < 0) low = middle;
    else high = middle;
  }
  return 0.5 * (low + high);
}

const GOLDEN = 0.6180339887498949;

function minimumBetween(f: (k: number) => number, from: number, to: number): { k: number; value: number } {
  let low = from;
  let high = to;
  let left = high - GOLDEN * (high - low);
  let right = low + GOLDEN * (high - low);
  let atLeft = f(left);
  let atRight = f(right);
  for (let step = 0; step < 40 && high - low > 1e-9; step += 1) {
    if (atLeft <= atRight) {
      high = right;
      right = left;
      atRight = atLeft;
      left = high - GOLDEN * (high - low);
      atLeft = f(left);
    } else {
      low = left;
      left = right;
      atLeft = atRight;
      right = low + GOLDEN * (high - low);
      atRight = f(right);
    }
  }
  return atLeft <= atRight ? { k: left, value: atLeft } : { k: right, value: atRight };
}

interface Interval {
  readonly from: number;
  readonly to: number;
  readonly worstK: number;
  readonly worst: number;
}

/** Intervals where f < 0: on the grid, and in dips between its points that a local minimum betrays. */
function negativeIntervals(f: (k: number) => number, grid: readonly number[]): Interval[] {
  const points: { k: number; value: number }[] = [];
  const values = grid.map(f);
  for (const [index, k] of grid.entries()) {
    const value = values[index]!;
    points.push({ k, value });
    const before = values[index - 1];
    const after = values[index + 1];
    if (before === undefined || after === undefined || value < 0 || value > before || value > after) continue;
    // A dip, unless it is rounding: its bottom may lie below zero between the points.
    if (Math.max(before, after) - value > NOISE * value)
      points.push(minimumBetween(f, grid[index - 1]!, grid[index + 1]!));
  }
  points.sort((left, right) => left.k - right.k);
  const intervals: Interval[] = [];
  for (let index = 0; index < points.length; index += 1) {
    if (!(points[index]!.value < 0)) continue;
    let last = index;
    while (last + 1 < points.length && points[last + 1]!.value < 0) last += 1;
    const before = points[index - 1];
    const after = points[last + 1];
    const from = before === undefined ? points[index]!.k : refine(f, points[index]!.k, before.k);
    const to = after === undefined ? points[last]!.k : refine(f, points[last]!.k, after.k);
    let lowest = index;
    for (let inner = index; inner <= last; inner += 1) if (points[inner]!.value < points[lowest]!.value) lowest = inner;
    const deepest = minimumBetween(f, points[lowest - 1]?.k ?? from, points[lowest + 1]?.k ?? to);
    const worst = deepest.value < points[lowest]!.value ? deepest : points[lowest]!;
    intervals.push({ from, to, worstK: worst.k, worst: worst.value });
    index = last;
  }
  return intervals;
}

/** Slices in order of expiry, of any kind, also mixed. Empty means free of arbitrage on |k| ≤ 1e6. */
export function findArbitrage(surface: readonly Slice[] | { readonly slices: readonly Slice[] }): Arbitrage[] {
  const slices = "slices" in surface ? surface.slices : surface;
  const found: Arbitrage[] = [];
  for (const [index, slice] of slices.entries()) {
    const grid = gridFor(slice);
    const g = (k: number): number => durrleman(slice, logMoneyness(k)) + NOISE;
    for (const interval of negativeIntervals(g, grid)) found.push({ kind: "butterfly", slice: index, ...interval });
    const earlier = slices[index - 1];
    if (earlier === undefined) continue;
    const rise = (k: number): number => {
      const far = sliceDerivatives(slice, logMoneyness(k)).w;
      const near = sliceDerivatives(earlier, logMoneyness(k)).w;
      return far - near + NOISE * Math.abs(near);
    };
    const both = [...new Set([...grid, ...gridFor(earlier)])].toSorted((left, right) => left - right);
    for (const interval of negativeIntervals(rise, both)) found.push({ kind: "calendar", slice: index, ...interval });
  }
  return found;
}
