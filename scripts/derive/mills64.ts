/**
 * Derives the rational approximations in pricing/normal.ts and prints them with their errors.
 *
 *     node --import tsx scripts/derive/mills64.ts
 *
 * Each function f on [0, ∞) is interpolated by P(x)/Q(x) at the Chebyshev nodes of y = x/(x + c), which spreads them over
 * the whole half line; the degrees carry f's decay at infinity. The linear system is solved in 120 digits.
 */
import { Decimal } from "../../pricing/reference/decimal.ts";
import { mills } from "../../pricing/reference/mills.ts";

type Dec = InstanceType<typeof Decimal>;

function solve(matrix: Dec[][], right: Dec[]): Dec[] {
  const size = right.length;
  for (let column = 0; column < size; column += 1) {
    let pivot = column;
    for (let row = column + 1; row < size; row += 1) {
      if (matrix[row]![column]!.abs().gt(matrix[pivot]![column]!.abs())) pivot = row;
    }
    [matrix[column], matrix[pivot]] = [matrix[pivot]!, matrix[column]!];
    [right[column], right[pivot]] = [right[pivot]!, right[column]!];
    for (let row = column + 1; row < size; row += 1) {
      const factor = matrix[row]![column]!.div(matrix[column]![column]!);
      for (let index = column; index < size; index += 1) {
        matrix[row]![index] = matrix[row]![index]!.minus(factor.times(matrix[column]![index]!));
      }
      right[row] = right[row]!.minus(factor.times(right[column]!));
    }
  }
  for (let row = size - 1; row >= 0; row -= 1) {
    for (let index = row + 1; index < size; index += 1) {
      right[row] = right[row]!.minus(matrix[row]![index]!.times(right[index]!));
    }
    right[row] = right[row]!.div(matrix[row]![row]!);
  }
  return right;
}

/** P of degree `top`, monic Q of degree `bottom`, ascending coefficients. */
function interpolate(f: (x: Dec) => Dec, top: number, bottom: number, c: number, y0: number, y1: number) {
  const count = top + 1 + bottom;
  const matrix: Dec[][] = [];
  const right: Dec[] = [];
  for (let node = 0; node < count; node += 1) {
    const y = Decimal.acos(-1)
      .times(2 * node + 1)
      .div(2 * count)
      .cos()
      .plus(1)
      .div(2)
      .times(y1 - y0)
      .plus(y0);
    const x = y.times(c).div(new Decimal(1).minus(y));
    const value = f(x);
    const row: Dec[] = [];
    for (let power = 0; power <= top; power += 1) row.push(x.pow(power).div(value));
    for (let power = 0; power < bottom; power += 1) row.push(x.pow(power).neg());
    matrix.push(row);
    right.push(x.pow(bottom));
  }
  const solution = solve(matrix, right);
  return { p: solution.slice(0, top + 1), q: [...solution.slice(top + 1), new Decimal(1)] };
}

const horner = (coefficients: Dec[], x: Dec) =>
  coefficients.reduceRight((sum, c) => sum.times(x).plus(c), new Decimal(0));

const print = (values: Dec[]): string => values.map((value) => value.toNumber()).join(", ");

function report(name: string, f: (x: Dec) => Dec, top: number, bottom: number, c: number, y0: number, y1: number) {
  const { p, q } = interpolate(f, top, bottom, c, y0, y1);
  let worst = new Decimal(0);
  for (let step = 0; step < 300; step += 1) {
    const y = new Decimal(step + 0.5)
      .div(300)
      .times(y1 - y0)
      .plus(y0);
    const x = y.times(c).div(new Decimal(1).minus(y));
    const error = horner(p, x).div(horner(q, x)).div(f(x)).minus(1).abs();
    if (error.gt(worst)) worst = error;
  }
  console.log(`${name} degree ${top}/${bottom}: relative error ${worst.toExponential(2)}`);
  console.log(`  P ${print(p)}\n  Q ${print(q)}`);
}

const slope = (x: Dec) => new Decimal(1).minus(x.times(mills(x)));
report("M(x), Mills ratio", mills, 10, 11, 4, 0, 0.9999);
report("N(x) = 1 − x·M(x)", slope, 10, 12, 4, 0, 0.9999);
