import { describe, expect, it } from "vitest";
import {
  type Candle,
  closeToCloseVolatility,
  ewmaVolatility,
  garmanKlassVolatility,
  PricingError,
  parkinsonVolatility,
  rogersSatchellVolatility,
  yangZhangVolatility,
} from "../../pricing/index.ts";
import { Decimal } from "../../pricing/reference/decimal.ts";
import { Random } from "./random.ts";
import { haveVectors, readCsv } from "./support/vectors.ts";

/** Variance after one 10 % move and `quiet` still periods, half-life four. */
const shock = (quiet: number): number =>
  ewmaVolatility([100, 100, 110, ...Array.from({ length: quiet }, () => 110)], 1, 4) ** 2;
/** The sample's mean square that it was started at. */
const start = (quiet: number): number => Math.log(1.1) ** 2 / (quiet + 2);

/** Candles of a random walk of unit variance a period in many steps, a share of it while the market is closed. */
function simulatedCandles(seed: number, count: number, drift: number, closedShare: number): Candle[] {
  const random = new Random(seed);
  const steps = 2_000;
  const deviation = 0.01;
  let price = 0;
  return Array.from({ length: count }, () => {
    price += random.normal() * deviation * Math.sqrt(closedShare);
    const open = price;
    let high = price;
    let low = price;
    for (let i = 0; i < steps; i += 1) {
      price += (drift * deviation) / steps + random.normal() * deviation * Math.sqrt((1 - closedShare) / steps);
      high = Math.max(high, price);
      low = Math.min(low, price);
    }
    return { open: Math.exp(open), high: Math.exp(high), low: Math.exp(low), close: Math.exp(price) };
  });
}

/** Yang & Zhang's formula once more, in decimal. */
function yangZhangInDecimal(candles: readonly Candle[], periodsPerYear: number): number {
  const ln = (a: number, b: number): Decimal => Decimal.ln(new Decimal(a).div(b));
  const mean = (values: Decimal[]): Decimal => values.reduce((a, b) => a.plus(b)).div(values.length);
  const sample = (values: Decimal[]): Decimal => {
    const centre = mean(values);
    return mean(values.map((value) => value.minus(centre).pow(2)))
      .times(values.length)
      .div(values.length - 1);
  };
  const window = candles.slice(1);
  const n = window.length;
  const k = new Decimal("0.34").div(new Decimal("1.34").plus(new Decimal(n + 1).div(n - 1)));
  const rs = mean(
    window.map(({ open, high, low, close }) =>
      ln(high, close)
        .times(ln(high, open))
        .plus(ln(low, close).times(ln(low, open))),
    ),
  );
  const overnight = sample(window.map(({ open }, i) => ln(open, candles[i]!.close)));
  const day = sample(window.map(({ open, close }) => ln(close, open)));
  return overnight.plus(k.times(day)).plus(new Decimal(1).minus(k).times(rs)).times(periodsPerYear).sqrt().toNumber();
}

describe("realised volatility", () => {
  it("by Yang & Zhang equals their formula in decimal", () => {
    const candles = simulatedCandles(41, 12, 0.5, 0.2);
    expect(Math.abs(yangZhangVolatility(candles, 365) / yangZhangInDecimal(candles, 365) - 1)).toBeLessThan(1e-12);
    expect(() => yangZhangVolatility(candles.slice(0, 2), 365)).toThrow(PricingError);
  });
  it("measures simulated paths, each estimator where it promises to", () => {
    const unit = (volatility: number): number => (volatility / 0.01) ** 2;
    const steady = simulatedCandles(42, 2_000, 0, 0);
    // 2,000 steps miss the true extremes by a little: about −2.5 % in variance.
    for (const estimator of [parkinsonVolatility, garmanKlassVolatility, rogersSatchellVolatility]) {
      expect(unit(estimator(steady, 1))).toBeGreaterThan(0.93);
      expect(unit(estimator(steady, 1))).toBeLessThan(1.03);
    }
    const drifting = simulatedCandles(43, 2_000, 1, 0);
    expect(unit(rogersSatchellVolatility(drifting, 1))).toBeGreaterThan(0.92);
    expect(unit(rogersSatchellVolatility(drifting, 1))).toBeLessThan(1.03);
    expect(unit(parkinsonVolatility(drifting, 1))).toBeGreaterThan(1.2);
    const closing = simulatedCandles(44, 2_000, 1, 0.3);
    expect(unit(yangZhangVolatility(closing, 1))).toBeGreaterThan(0.93);
    expect(unit(yangZhangVolatility(closing, 1))).toBeLessThan(1.05);
    expect(unit(rogersSatchellVolatility(closing, 1))).toBeLessThan(0.75);
  });
  it("of a constant absolute return is that return, annualised", () => {
    const closes = Array.from({ length: 101 }, (_, i) => 100 * Math.exp(i % 2 === 0 ? 0 : 0.01));
    expect(closeToCloseVolatility(closes, 365)).toBeCloseTo(0.01 * Math.sqrt(365), 12);
    expect(ewmaVolatility(closes, 365, 10)).toBeCloseTo(0.01 * Math.sqrt(365), 12);
  });
  it("weighs the latest returns most", () => {
    const calm = Array.from({ length: 100 }, (_, i) => 100 * Math.exp(i % 2 === 0 ? 0 : 0.001));
    const wild = Array.from({ length: 20 }, (_, i) => 100 * Math.exp(i % 2 === 0 ? 0 : 0.05));
    expect(ewmaVolatility([...calm, ...wild], 365, 5)).toBeGreaterThan(closeToCloseVolatility([...calm, ...wild], 365));
    expect(ewmaVolatility([...wild, ...calm], 365, 5)).toBeLessThan(closeToCloseVolatility([...wild, ...calm], 365));
  });
  it("halves a shock's weight in one half-life", () => {
    const lambda = 2 ** -0.25;
    const own = (quiet: number): number => shock(quiet) - start(quiet) * lambda ** (quiet + 2);
    expect(own(14) / own(10)).toBeCloseTo(0.5, 10);
  });
  it("raises a typed error on nothing and on a price that is not positive", () => {
    expect(() => closeToCloseVolatility([100], 365)).toThrow(PricingError);
    expect(() => closeToCloseVolatility([100, 0], 365)).toThrow(PricingError);
  });
  it.skipIf(!haveVectors)("matches TTR's range estimators over ten days", () => {
    const rows = readCsv("rv_estimators_ttr.csv");
    const candles: Candle[] = rows.map((row) => ({
      open: row.number("open"),
      high: row.number("high"),
      low: row.number("low"),
      close: row.number("close"),
    }));
    let checked = 0;
    for (const [i, row] of rows.entries()) {
      if (row.text("vol_parkinson_n10") === "") continue;
      const window = candles.slice(i - 9, i + 1);
      for (const [estimator, column] of [
        [parkinsonVolatility, "vol_parkinson_n10"],
        [garmanKlassVolatility, "vol_garman_klass_n10"],
        [rogersSatchellVolatility, "vol_rogers_satchell_n10"],
      ] as const) {
        expect(Math.abs(estimator(window, 260) - row.number(column)), `row ${i} ${column}`).toBeLessThan(1e-13);
      }
      checked += 1;
    }
    expect(checked).toBeGreaterThan(50);
  });
});
