import { Decimal, ONE, SQRT_TWO_PI, ZERO } from "./decimal.ts";

/** Where the Taylor series of the Mills ratio hands over to its continued fraction. */
const SERIES_LIMIT = 10;
/** The fraction's error is about e^(−2x√(2n)): 1e-87 at x = 10, n = 50. */
const FRACTION_LEVELS = 60;

/** φ(x) = e^(−x²/2)/√(2π). */
export function density(x: Decimal): Decimal {
  return x.times(x).div(-2).exp().div(SQRT_TWO_PI);
}

/**
 * Mills ratio M(x) = (1 − Φ(x))/φ(x) for every real x.
 *
 * |x| ≤ 10: √(π/2)·e^(x²/2) − Σ x^(2n+1)/(2n+1)!!, which cancels 22 of the 120 digits at the seam;
 * beyond:   1/(x + 1/(x + 2/(x + 3/(x + …)))), and M(−x) = 1/φ(x) − M(x).
 */
export function mills(x: Decimal): Decimal {
  if (x.abs().lte(SERIES_LIMIT)) {
    const square = x.times(x);
    let term = x;
    let sum = ZERO;
    const negligible = new Decimal("1e-125");
    for (let n = 1; !term.isZero() && (n < 20 || term.abs().gt(negligible)); n += 1) {
      sum = sum.plus(term);
      term = term.times(square).div(2 * n + 1);
    }
    return ONE.div(density(x)).div(2).minus(sum);
  }
  const magnitude = x.abs();
  let tail = magnitude;
  for (let level = FRACTION_LEVELS; level >= 1; level -= 1) tail = magnitude.plus(new Decimal(level).div(tail));
  const positive = ONE.div(tail);
  return x.isNegative() ? ONE.div(density(x)).minus(positive) : positive;
}

/** Φ(x), accurate relative to itself in the left tail. */
export function cumulative(x: Decimal): Decimal {
  return x.isNegative() ? density(x).times(mills(x.neg())) : ONE.minus(density(x).times(mills(x)));
}
