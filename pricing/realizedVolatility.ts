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
  if (values.length === 0) throw new PricingError("TooFewObservations", "no observation", { observations: 0 });
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

const rogersSatchellTerm = ({ open, high, low, close }: Candle): number =>
  Math.log(high / close) * Math.log(high / open) + Math.log(low / close) * Math.log(low / open);

/** Rogers & Satchell 1991: ln(H/C)·ln(H/O) + ln(L/C)·ln(L/O), free of drift. */
export function rogersSatchellVolatility(candles: readonly Candle[], periodsPerYear: number): Volatility {
  return annualised(meanOf(candles.map(rogersSatchellTerm)), periodsPerYear);
}

/** Sample variance about the mean, with n − 1. */
function sampleVariance(values: readonly number[]): number {
  const mean = meanOf(values);
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
}

/**
 * Yang & Zhang 2000, free of drift and counting the jump from one close to the next open:
 *
 *     σ² = V(ln O/C₋₁) + k·V(ln C/O) + (1 − k)·RS,     k = 0.34/(1.34 + (n + 1)/(n − 1))
 *
 * V is the sample variance over n candles and RS the mean of Rogers & Satchell. The first candle only supplies the close
 * before, so n + 1 candles are passed and n must be at least 2.
 */
export function yangZhangVolatility(candles: readonly Candle[], periodsPerYear: number): Volatility {
  const n = candles.length - 1;
  if (n < 2) throw new PricingError("TooFewObservations", "Yang–Zhang needs three candles", { candles: n + 1 });
  const window = candles.slice(1);
  const overnight = sampleVariance(window.map(({ open }, i) => Math.log(open / candles[i]!.close)));
  const openToClose = sampleVariance(window.map(({ open, close }) => Math.log(close / open)));
  const k = 0.34 / (1.34 + (n + 1) / (n - 1));
  return annualised(overnight + k * openToClose + (1 - k) * meanOf(window.map(rogersSatchellTerm)), periodsPerYear);
}
