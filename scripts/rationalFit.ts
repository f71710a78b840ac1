/** Best rational approximation (Remez' second algorithm) and its continued fraction, in 80 digits, started from nothing but the function. */

import type { Decimal } from "decimal.js";
import { Real } from "../pricing/reference/normal.ts";

export interface Target {
  /** Where the function is looked at, in ascending order: dense enough to see every ripple of the error. */
  readonly grid: readonly Decimal[];
  readonly f: readonly Decimal[];
  /** What an error of f costs at each point of the grid. */
  readonly weight: readonly Decimal[];
}

/** P/Q with coefficients in ascending powers; `error` is the largest weighted error on the grid. */
export interface Rational {
  readonly numerator: readonly Decimal[];
  readonly denominator: readonly Decimal[];
  readonly error: Decimal;
}

const zero = new Real(0);
const one = new Real(1);

export function evaluate(coefficients: readonly Decimal[], x: Decimal): Decimal {
  return coefficients.reduceRight((sum, coefficient) => sum.times(x).plus(coefficient), zero);
}

/**
 * The rational function of the given degrees (denominator monic) whose weighted error is smallest.
 *
 * Each round solves P(x) − (f ± E/w)·Q(x) = 0 at the reference points, with the Q of the round before beside E, and then
 * moves the references to the extrema of the error, until the ripples are level to one in a thousand.
 */
export function fitRational(target: Target, numeratorDegree: number, denominatorDegree: number): Rational {
  const { grid, f, weight } = target;
  const unknowns = numeratorDegree + denominatorDegree + 1;
  let references = firstReferences(grid.length, unknowns + 1);
  let denominator: Decimal[] | undefined;
  let best: Rational | undefined;

  for (let round = 0; round < 60; round++) {
    const solution = solveAtReferences(target, references, numeratorDegree, denominatorDegree, denominator);
    denominator = solution.denominator;
    const errors = grid.map((x, i) =>
      evaluate(solution.numerator, x).div(evaluate(solution.denominator, x)).minus(f[i]!).times(weight[i]!),
    );
    const extrema = alternatingExtrema(errors, unknowns + 1);
    const heights = extrema.map((i) => errors[i]!.abs());
    const highest = Real.max(...errors.map((error) => error.abs()));
    if (!best || highest.lessThan(best.error)) best = { ...solution, error: highest };
    const lowest = Real.min(...heights);
    if (extrema.length === unknowns + 1 && highest.lessThan(lowest.times("1.001")))
      return { ...solution, error: highest };
    if (extrema.length === unknowns + 1) references = extrema;
    else references = references.map((_, i) => Math.min(grid.length - 1, references[i]! + (round % 3) - 1));
  }
  return best!;
}

/** Chebyshev points of the grid's index, none of them at an end: the weight may vanish there. */
function firstReferences(size: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) =>
    Math.round(((1 - Math.cos((Math.PI * (i + 0.5)) / count)) / 2) * (size - 1)),
  );
}

function solveAtReferences(
  { grid, f, weight }: Target,
  references: readonly number[],
  numeratorDegree: number,
  denominatorDegree: number,
  before: readonly Decimal[] | undefined,
): { numerator: Decimal[]; denominator: Decimal[] } {
  let previous = before;
  let numerator: Decimal[] = [];
  let denominator: Decimal[] = [];
  // E is linear only beside a known Q: a few repetitions make both agree.
  for (let repetition = 0; repetition < (before ? 4 : 8); repetition++) {
    const rows = references.map((at, i) => {
      const x = grid[at]!;
      const powers = [one];
      for (let n = 1; n <= Math.max(numeratorDegree, denominatorDegree); n++) powers.push(powers[n - 1]!.times(x));
      const q = previous ? evaluate(previous, x) : one;
      const ripple = q.div(weight[at]!).times(i % 2 ? -1 : 1);
      return [
        ...powers.slice(0, numeratorDegree + 1),
        ...powers.slice(0, denominatorDegree).map((power) => power.times(f[at]!).neg()),
        ripple.neg(),
        powers[denominatorDegree]!.times(f[at]!),
      ];
    });
    const solution = solve(rows);
    numerator = solution.slice(0, numeratorDegree + 1);
    denominator = [...solution.slice(numeratorDegree + 1, numeratorDegree + 1 + denominatorDegree), one];
    previous = denominator;
  }
  return { numerator, denominator };
}

/** Gauss with row pivots; each row carries its right-hand side at the end. */
function solve(rows: Decimal[][]): Decimal[] {
  const n = rows.length;
  for (let column = 0; column < n; column++) {
    let pivot = column;
    for (let row = column + 1; row < n; row++) {
      if (rows[row]![column]!.abs().greaterThan(rows[pivot]![column]!.abs())) pivot = row;
    }
    [rows[column], rows[pivot]] = [rows[pivot]!, rows[column]!];
    for (let row = column + 1; row < n; row++) {
      const factor = rows[row]![column]!.div(rows[column]![column]!);
      for (let i = column; i <= n; i++) rows[row]![i] = rows[row]![i]!.minus(factor.times(rows[column]![i]!));
    }
  }
  const solution = Array.from({ length: n }, () => zero);
  for (let row = n - 1; row >= 0; row--) {
    let sum = rows[row]![n]!;
    for (let i = row + 1; i < n; i++) sum = sum.minus(rows[row]![i]!.times(solution[i]!));
    solution[row] = sum.div(rows[row]![row]!);
  }
  return solution;
}

/** The highest error of each run of equal sign; of more than `count`, the lowest ends go first. */
function alternatingExtrema(errors: readonly Decimal[], count: number): number[] {
  const extrema: number[] = [];
  errors.forEach((error, i) => {
    const last = extrema.at(-1);
    if (last === undefined || errors[last]!.isNegative() !== error.isNegative()) extrema.push(i);
    else if (error.abs().greaterThan(errors[last]!.abs())) extrema[extrema.length - 1] = i;
  });
  while (extrema.length > count) {
    const dropFirst = errors[extrema[0]!]!.abs().lessThan(errors[extrema.at(-1)!]!.abs());
    if (dropFirst) extrema.shift();
    else extrema.pop();
  }
  return extrema;
}

export interface JacobiFraction {
  /** slope·x + offset + b₁/(x + a₁ + b₂/(x + a₂ + …)) */
  readonly slope: Decimal;
  readonly offset: Decimal;
  readonly levels: readonly { readonly b: Decimal; readonly a: Decimal }[];
}

/** P/Q as a continued fraction that takes two coefficients a level, by Euclid's algorithm. */
export function toJacobiFraction({ numerator, denominator }: Rational): JacobiFraction {
  const head = divideOnce(numerator, denominator);
  const levels: { b: Decimal; a: Decimal }[] = [];
  let [dividend, divisor] = [denominator, head.remainder];
  let factor = one;
  while (divisor.length > 0) {
    // Q/R = slope·(x + offset/slope + …)
    const step = divideOnce(dividend, divisor);
    levels.push({ b: factor.div(step.slope), a: step.offset.div(step.slope) });
    factor = one.div(step.slope);
    [dividend, divisor] = [divisor, step.remainder];
  }
  return { slope: head.slope, offset: head.offset, levels };
}

/** Linear quotient and remainder of polynomials whose degrees differ by one, by zero, or by minus one. */
function divideOnce(dividend: readonly Decimal[], divisor: readonly Decimal[]) {
  const rest = [...dividend];
  const quotient = [zero, zero];
  for (const power of [1, 0]) {
    if (rest.length !== divisor.length + power) continue;
    const factor = rest.at(-1)!.div(divisor.at(-1)!);
    quotient[power] = factor;
    divisor.forEach((coefficient, i) => {
      rest[i + power] = rest[i + power]!.minus(factor.times(coefficient));
    });
    rest.pop();
  }
  return { slope: quotient[1]!, offset: quotient[0]!, remainder: rest };
}
