import { describe, expect, it } from "vitest";
import {
  type Candle,
  closeToCloseVolatility,
  ewmaVolatility,
  garmanKlassVolatility,
  PricingError,
  parkinsonVolatility,
  rogersSatchellVolatility,
} from "../../pricing/index.ts";
import { haveVectors, readCsv } from "./support/vectors.ts";

/** Variance after one 10 % move and `quiet` still periods, half-life four. */
const shock = (quiet: number): number =>
  ewmaVolatility([100, 100, 110, ...Array.from({ length: quiet }, () => 110)], 1, 4) ** 2;
/** The sample's mean square that it was started at. */
const start = (quiet: number): number => Math.log(1.1) ** 2 / (quiet + 2);

describe("realised volatility", () => {
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
