/** Ordinary least squares by Householder reflections: no normal equations, so the condition number is not squared. */
import { PricingError } from "./errors.ts";

export interface LeastSquaresFit {
  readonly coefficients: readonly number[];
  /** y − Xb. */
  readonly residuals: readonly number[];
  /** Σ residual². */
  readonly residualSquares: number;
}

/** A column that keeps less than this share of its length beside those before it is a combination of them. */
const LEAST_INDEPENDENT_SHARE = 1e-10;

/**
 * b that minimises ‖y − Xb‖₂. `rows` are the rows of X, all of one length and at least as many as columns. QR after Golub &
 * Van Loan, Matrix Computations, §5.2 and §5.3; raises `RankDeficient` where the columns do not determine b.
 */
export function leastSquares(rows: readonly (readonly number[])[], y: readonly number[]): LeastSquaresFit {
  const m = rows.length;
  const n = rows[0]?.length ?? 0;
  if (n === 0 || m < n)
    throw new PricingError("TooFewObservations", "fewer rows than columns", { rows: m, columns: n });
  if (y.length !== m || rows.some((row) => row.length !== n)) {
    throw new PricingError("OutOfDomain", "rows must have one length, and y one entry for each", {
      rows: m,
      y: y.length,
    });
  }
  const columns = Array.from({ length: n }, (_, j) => Float64Array.from(rows, (row) => row[j]!));
  const rotated = Float64Array.from(y);
  if (![...columns, rotated].every((column) => column.every(Number.isFinite))) {
    throw new PricingError("NotANumber", "observations must be finite", { rows: m, columns: n });
  }
  const diagonal = columns.map((column, j) => {
    const whole = Math.hypot(...column.subarray(0, j), tailNorm(column, j));
    const norm = tailNorm(column, j);
    if (!(norm > LEAST_INDEPENDENT_SHARE * whole)) {
      throw new PricingError("RankDeficient", "a column is a combination of those before it", { column: j });
    }
    // Reflect along v = x + sign(x₁)‖x‖e₁; the column keeps v, and R's diagonal is −sign(x₁)‖x‖.
    const pivot = column[j]! >= 0 ? -norm : norm;
    column[j] = column[j]! - pivot;
    for (const target of [...columns.slice(j + 1), rotated]) reflect(target, column, j);
    return pivot;
  });
  const coefficients = Array.from({ length: n }, () => 0);
  for (let j = n - 1; j >= 0; j -= 1) {
    let rest = rotated[j]!;
    for (let k = j + 1; k < n; k += 1) rest -= columns[k]![j]! * coefficients[k]!;
    coefficients[j] = rest / diagonal[j]!;
  }
  const residuals = rows.map((row, i) => y[i]! - row.reduce((sum, x, j) => sum + x * coefficients[j]!, 0));
  return { coefficients, residuals, residualSquares: residuals.reduce((sum, e) => sum + e * e, 0) };
}

/** ‖x[from…]‖₂, scaled so that squares neither overflow nor vanish. */
function tailNorm(x: Float64Array, from: number): number {
  let largest = 0;
  for (let i = from; i < x.length; i += 1) largest = Math.max(largest, Math.abs(x[i]!));
  if (largest === 0) return 0;
  let squares = 0;
  for (let i = from; i < x.length; i += 1) squares += (x[i]! / largest) ** 2;
  return largest * Math.sqrt(squares);
}

/** x ← x − 2v(vᵀx)/(vᵀv), on the rows from `from`. */
function reflect(x: Float64Array, v: Float64Array, from: number): void {
  let product = 0;
  let length = 0;
  for (let i = from; i < x.length; i += 1) {
    product += v[i]! * x[i]!;
    length += v[i]! * v[i]!;
  }
  const scale = (2 * product) / length;
  for (let i = from; i < x.length; i += 1) x[i] = x[i]! - scale * v[i]!;
}
