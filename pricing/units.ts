import { PricingError } from "./errors.ts";

/**
 * Quantities that must not mix are different types. A brand exists for the compiler only: at run time it is the number it
 * was made from, and the constructor is the door at which it is validated.
 */
declare const unit: unique symbol;
type Quantity<Name extends string> = number & { readonly [unit]: Name };

/** An amount of the quote token for one unit of the underlying: spot, forward, strike, premium. */
export type Price = Quantity<"Price">;
/** v = σ√τ, dimensionless. */
export type StdDev = Quantity<"StdDev">;
/** w = v² = σ²τ, dimensionless. */
export type TotalVariance = Quantity<"TotalVariance">;
/** σ, per √year: 0.6 is 60 %. */
export type Volatility = Quantity<"Volatility">;
/** Time in years of 365 days. */
export type Years = Quantity<"Years">;
/** k = ln(K/F). */
export type LogMoneyness = Quantity<"LogMoneyness">;

export type OptionKind = "call" | "put";

/** The one year of this project: 365 days. */
export const SECONDS_PER_YEAR = 365 * 24 * 60 * 60;

function assertQuantity<Name extends string>(name: Name, value: number): asserts value is Quantity<Name> {
  if (value >= 0 && value < Number.POSITIVE_INFINITY) return;
  const code = Number.isNaN(value) ? "NotANumber" : "OutOfDomain";
  throw new PricingError(code, `${name} must be finite and not negative`, { [name]: value });
}

export function price(value: number): Price {
  assertQuantity("Price", value);
  return value;
}

export function stdDev(value: number): StdDev {
  assertQuantity("StdDev", value);
  return value;
}

export function totalVariance(value: number): TotalVariance {
  assertQuantity("TotalVariance", value);
  return value;
}

export function volatility(value: number): Volatility {
  assertQuantity("Volatility", value);
  return value;
}

export function years(value: number): Years {
  assertQuantity("Years", value);
  return value;
}

const isLogMoneyness = (value: number): value is LogMoneyness => Number.isFinite(value);

export function logMoneyness(value: number): LogMoneyness {
  if (isLogMoneyness(value)) return value;
  throw new PricingError("NotANumber", "logMoneyness must be finite", { logMoneyness: value });
}

export const yearsFromSeconds = (seconds: number): Years => years(seconds / SECONDS_PER_YEAR);
export const secondsFromYears = (time: Years): number => time * SECONDS_PER_YEAR;

/** v = σ√τ. */
export const stdDevOf = (sigma: Volatility, time: Years): StdDev => stdDev(sigma * Math.sqrt(time));
/** σ = v/√τ. */
export const volatilityOf = (deviation: StdDev, time: Years): Volatility => volatility(deviation / Math.sqrt(time));
/** k = ln(K/F), without the rounding of K/F where the strike is near the forward. */
export const logMoneynessOf = (strike: Price, forward: Price): LogMoneyness => logMoneyness(logRatio(strike, forward));

/**
 * ln(a/b) for positive a and b. Within a factor of two a − b is exact (Sterbenz), so log1p keeps full relative precision
 * where ln(a/b) is small. A ratio that leaves the range of normal doubles is not formed.
 */
export function logRatio(a: number, b: number): number {
  if (a > 0.5 * b && a < 2 * b) return Math.log1p((a - b) / b);
  const ratio = a / b;
  return ratio > 1e-300 && ratio < 1e300 ? Math.log(ratio) : Math.log(a) - Math.log(b);
}
