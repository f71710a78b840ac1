/** Minimises a smooth function of a few variables from its value and gradient. */
import { PricingError } from "./errors.ts";

export interface Evaluation {
  readonly value: number;
  readonly gradient: readonly number[];
}

export interface MinimiseOptions {
  /** Done when no component of the gradient exceeds this. */
  readonly gradientTolerance: number;
  readonly mostIterations: number;
}

export interface Minimum extends Evaluation {
  readonly at: readonly number[];
  readonly iterations: number;
}

/** Weak Wolfe conditions: the share of the promised descent that is enough, and of the slope that may be left. */
const SUFFICIENT_DESCENT = 1e-4;
const LEFT_OF_SLOPE = 0.9;
const MOST_STEPS = 60;
/** Values this close, relative, may differ by rounding alone: the slope then says whether there was descent. */
const VALUE_ROUNDING = 1e-13;
/** Where the gradient is a sum of large terms, its rounding may exceed the tolerance: this many steps without descent end it. */
const PATIENCE = 20;

const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
const along = (at: readonly number[], direction: readonly number[], step: number): number[] =>
  at.map((x, i) => x + step * direction[i]!);
const steepest = (gradient: readonly number[]): number => Math.max(...gradient.map(Math.abs));

/**
 * Quasi-Newton (BFGS) with a bisecting line search for the weak Wolfe conditions (Nocedal & Wright, §6.1; Lewis & Overton
 * 2013): each step keeps the inverse Hessian positive definite. Near the minimum, where values differ by rounding only, descent
 * is judged by slopes (the approximate Wolfe conditions of Hager & Zhang 2005). A point where the function is not finite counts
 * as infinitely high. Ends where the gradient is within tolerance, or where the value has stood still to rounding for 20 steps;
 * else raises `NoConvergence` with the gradient that is left.
 */
export function minimise(
  evaluate: (at: readonly number[]) => Evaluation,
  start: readonly number[],
  { gradientTolerance, mostIterations }: MinimiseOptions,
): Minimum {
  const n = start.length;
  let at: readonly number[] = start;
  let here = evaluate(at);
  if (!Number.isFinite(here.value)) {
    throw new PricingError("OutOfDomain", "the start must have a finite value", { value: here.value });
  }
  const downhill = (): number[][] => scaledIdentity(n, 1 / Math.max(1, steepest(here.gradient)));
  let inverse = downhill();
  /** Whether the Hessian holds nothing yet, so that the next step goes straight downhill. */
  let fresh = true;
  let milestone = { value: here.value, iteration: 0 };
  for (let iterations = 0; iterations <= mostIterations; iterations += 1) {
    if (here.value < milestone.value - VALUE_ROUNDING * Math.abs(milestone.value)) {
      milestone = { value: here.value, iteration: iterations };
    }
    const stands = iterations - milestone.iteration >= PATIENCE;
    if (stands || steepest(here.gradient) <= gradientTolerance) return { at, ...here, iterations };
    const direction = inverse.map((row) => -dot(row, here.gradient));
    const next = searchAlong(evaluate, at, here, direction);
    if (next === undefined) {
      if (fresh) break;
      // What was learnt of the Hessian elsewhere misleads here: forget it once.
      inverse = downhill();
      fresh = true;
      continue;
    }
    const moved = next.at.map((x, i) => x - at[i]!);
    const turned = next.gradient.map((g, i) => g - here.gradient[i]!);
    const curvature = dot(moved, turned);
    if (curvature > 0) {
      // The first step tells the scale of the Hessian (Nocedal & Wright, 6.20).
      if (fresh) inverse = scaledIdentity(n, curvature / dot(turned, turned));
      inverse = updated(inverse, moved, turned, curvature);
      fresh = false;
    }
    at = next.at;
    here = next;
  }
  throw new PricingError("NoConvergence", "the minimum was not reached", {
    gradient: steepest(here.gradient),
    tolerance: gradientTolerance,
  });
}

const scaledIdentity = (n: number, scale: number): number[][] =>
  Array.from({ length: n }, (_, i) => Array.from({ length: n }, (__, j) => (i === j ? scale : 0)));

/** H ← (I − ρsyᵀ)H(I − ρysᵀ) + ρssᵀ, ρ = 1/sᵀy. */
function updated(
  inverse: readonly (readonly number[])[],
  s: readonly number[],
  y: readonly number[],
  curvature: number,
): number[][] {
  const hy = inverse.map((row) => dot(row, y));
  const scale = (1 + dot(y, hy) / curvature) / curvature;
  return inverse.map((row, i) =>
    row.map((h, j) => h + scale * s[i]! * s[j]! - (hy[i]! * s[j]! + s[i]! * hy[j]!) / curvature),
  );
}

function searchAlong(
  evaluate: (at: readonly number[]) => Evaluation,
  at: readonly number[],
  here: Evaluation,
  direction: readonly number[],
): (Evaluation & { readonly at: readonly number[] }) | undefined {
  const slope = dot(here.gradient, direction);
  if (!(slope < 0)) return undefined;
  let low = 0;
  let high = Infinity;
  let step = 1;
  for (let trial = 0; trial < MOST_STEPS; trial += 1) {
    const place = along(at, direction, step);
    const there = evaluate(place);
    const slopeThere = dot(there.gradient, direction);
    const descended =
      there.value <= here.value + SUFFICIENT_DESCENT * step * slope ||
      (there.value <= here.value + VALUE_ROUNDING * Math.abs(here.value) &&
        slopeThere <= (2 * SUFFICIENT_DESCENT - 1) * slope);
    if (!descended) high = step;
    else if (slopeThere < LEFT_OF_SLOPE * slope) low = step;
    else return { ...there, at: place };
    step = high === Infinity ? 2 * low : (low + high) / 2;
  }
  return undefined;
}
