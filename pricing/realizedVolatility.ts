/** Realised volatility from closes and from candles, annualised. */
import { PricingError } from "./errors.ts";
import { type Volatility, volatility } from "./units.ts";

export interface Candle {
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
}

/** ln(closeᵢ/closeᵢ₋₁). */
export function logReturns(closes: readonly number[]): number[] {
  return closes.slice(1).map((close, i) => {
    const before = closes[i]!;
    if (!(close > 0 && before > 0)) throw new PricingError("OutOfDomain", "closes must be positive", { close, before });
    return Math.log(close / before);
  });
}

const annualised = (meanSquare: number, periodsPerYear: number): Volatility =>
  volatility(Math.sqrt(Math.max(meanSquare, 0) * periodsPerYear));

function meanOf(values: readonly number[]): number {
  if (values.length === 0) throw new PricingError("TooFewQuotes", "no observation", { observations: 0 });
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Root mean square of log returns about zero: the drift of a short window is noise, not signal. */
export function closeToCloseVolatility(closes: readonly number[], periodsPerYear: number): Volatility {
  return annualised(meanOf(logReturns(closes).map((r) => r * r)), periodsPerYear);
}

/**
 * Exponentially weighted: h ← λ·h + (1 − λ)·r², started at the sample's mean square so that an early window is not biased
 * to zero. λ = 2^(−1/half-life in periods).
 */
export function ewmaVolatility(closes: readonly number[], periodsPerYear: number, halfLifePeriods: number): Volatility {
  if (!(halfLifePeriods > 0)) throw new PricingError("OutOfDomain", "half-life must be positive", { halfLifePeriods });
  const squares = logReturns(closes).map((r) => r * r);
  const lambda = 2 ** (-1 / halfLifePeriods);
  return annualised(
    squares.reduce((h, square) => lambda * h + (1 - lambda) * square, meanOf(squares)),
    periodsPerYear,
  );
}

/** Parkinson 1980: ln²(H/L)/(4 ln 2). */
export function parkinsonVolatility(candles: readonly Candle[], periodsPerYear: number): Volatility {
  return annualised(meanOf(candles.map(({ high, low }) => Math.log(high / low) ** 2 / (4 * Math.LN2))), periodsPerYear);
}

/** Garman & Klass 1980: ½·ln²(H/L) − (2 ln 2 − 1)·ln²(C/O). */
export function garmanKlassVolatility(candles: readonly Candle[], periodsPerYear: number): Volatility {
  return annualised(
    meanOf(
      candles.map(
        ({ open, high, low, close }) =>
          0.5 * Math.log(high / low) ** 2 - (2 * Math.LN2 - 1) * Math.log(close / open) ** 2,
      ),
    ),
    periodsPerYear,
  );
}

/** Rogers & Satchell 1991: ln(H/C)·ln(H/O) + ln(L/C)·ln(L/O), free of drift. */
export function rogersSatchellVolatility(candles: readonly Candle[], periodsPerYear: number): Volatility {
  return annualised(
    meanOf(
      candles.map(
        ({ open, high, low, close }) =>
          Math.log(high / close) * Math.log(high / open) + Math.log(low / close) * Math.log(low / open),
      ),
    ),
    periodsPerYear,
  );
}
