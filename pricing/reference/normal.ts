/** The normal law to 70 digits: the truth that constants are derived from and tests compare with. Slow by design. */

import { Decimal } from "decimal.js";

/** decimal.js in a private clone of 80 digits: ten to spare. */
export const Real = Decimal.clone({ precision: 80, minE: -9e15, maxE: 9e15 });

// Near z = 10 the series for the Mills ratio loses 23 digits to cancellation.
const Wide = Decimal.clone({ precision: 120, minE: -9e15, maxE: 9e15 });

const nodesPerUnit = 8;
const seriesUpTo = 10;
const nodes = new Map<number, Decimal>();
const sqrtTwoPi = Wide.acos(-1).times(2).sqrt();

/** φ(z) = e^(−z²/2) / √(2π) */
export function normalDensity(z: Decimal): Decimal {
  return Real.exp(new Real(z).times(z).div(-2)).div(sqrtTwoPi);
}

/** Φ(z) */
export function normalDistribution(z: Decimal): Decimal {
  const tail = normalDensity(z).times(millsRatio(z.abs()));
  return z.isNegative() ? tail : new Real(1).minus(tail);
}

/** M(z) = (1 − Φ(z)) / φ(z) for z ≥ 0. */
export function millsRatio(z: Decimal): Decimal {
  if (z.greaterThan(seriesUpTo)) return millsByContinuedFraction(z);
  const node = Math.round(z.toNumber() * nodesPerUnit);
  const at = new Real(node).div(nodesPerUnit);
  return millsByTaylor(at, millsAtNode(node), new Real(z).minus(at));
}

/** M = 1/(z + 1/(z + 2/(z + 3/(z + …)))), 120 levels: beyond z = 10 these are more than 80 digits. */
function millsByContinuedFraction(z: Decimal): Decimal {
  let t = new Real(z);
  for (let level = 120; level >= 1; level--) t = new Real(level).div(t).plus(z);
  return new Real(1).div(t);
}

/** M(at + δ) from M(at): M′ = zM − 1, and so M⁽ⁿ⁺¹⁾ = z·M⁽ⁿ⁾ + n·M⁽ⁿ⁻¹⁾. */
function millsByTaylor(at: Decimal, mills: Decimal, delta: Decimal): Decimal {
  let before = mills;
  let derivative = at.times(mills).minus(1);
  let factor = delta;
  let sum = mills.plus(derivative.times(factor));
  for (let n = 1; !factor.isZero() && factor.times(derivative).abs().greaterThan("1e-80"); n++) {
    [before, derivative] = [derivative, at.times(derivative).plus(before.times(n))];
    factor = factor.times(delta).div(n + 1);
    sum = sum.plus(derivative.times(factor));
  }
  return sum;
}

/** M(z) = ½/φ(z) − (z + z³/3 + z⁵/(3·5) + …) */
function millsAtNode(node: number): Decimal {
  const known = nodes.get(node);
  if (known) return known;
  const z = new Wide(node).div(nodesPerUnit);
  const square = z.times(z);
  let term = z;
  let sum = z;
  for (let n = 3; term.greaterThan("1e-110"); n += 2) {
    term = term.times(square).div(n);
    sum = sum.plus(term);
  }
  const mills = new Real(Wide.exp(square.div(2)).times(sqrtTwoPi).div(2).minus(sum));
  nodes.set(node, mills);
  return mills;
}
