import { describe, expect, it } from "vitest";
import { compareLosses, PricingError, qlike } from "../../pricing/index.ts";
import { Decimal, exactly } from "../../pricing/reference/decimal.ts";
import { Random } from "./random.ts";

describe("qlike", () => {
  it("equals rv/h − ln(rv/h) − 1 in decimal, far from agreement and next to it", () => {
    for (const [forecast, realized] of [
      [0.002, 0.0016],
      [1, 1e-6],
      [1, 1e6],
      [3, 3.0001],
      [0.7, 0.71],
    ] as const) {
      const ratio = exactly(realized).div(exactly(forecast));
      const expected = ratio.minus(Decimal.ln(ratio)).minus(1).toNumber();
      // Roundings of the excess and of the logarithm.
      const rounding = 2 ** -52 * (Math.abs(ratio.toNumber() - 1) + Math.abs(Decimal.ln(ratio).toNumber()));
      expect(Math.abs(qlike(forecast, realized) - expected), `${forecast} ${realized}`).toBeLessThan(rounding);
    }
    expect(qlike(0.3, 0.3)).toBe(0);
  });
  it("ranks the true variance first, however noisy the measure of it", () => {
    const random = new Random(31);
    const realized = Array.from({ length: 20_000 }, () => random.normal() ** 2);
    const mean = (forecast: number): number =>
      realized.reduce((sum, rv) => sum + qlike(forecast, rv), 0) / realized.length;
    expect(mean(1)).toBeLessThan(mean(0.9));
    expect(mean(1)).toBeLessThan(mean(1.1));
  });
  it("refuses what has no logarithm", () => {
    for (const [forecast, realized] of [
      [0, 1],
      [1, 0],
      [-1, 1],
      [1, Number.NaN],
      [Infinity, 1],
    ] as const) {
      expect(() => qlike(forecast, realized), `${forecast} ${realized}`).toThrow(PricingError);
    }
  });
});

describe("compareLosses", () => {
  it("without lags is the mean over its standard error", () => {
    const { mean, statistic, pValue } = compareLosses([1, 2, 3, 4], 0);
    expect(mean).toBe(2.5);
    expect(statistic).toBeCloseTo(2.5 / Math.sqrt(1.25 / 4), 14);
    expect(pValue).toBeCloseTo(2 * 3.87e-6, 7);
  });
  it("weighs autocovariances by Bartlett", () => {
    // Deviations ±1 in turn: γ₀ = 1, γ₁ = −(n − 1)/n, γ₂ = (n − 2)/n.
    const n = 10;
    const differences = Array.from({ length: n }, (_, i) => 5 + (i % 2 === 0 ? 1 : -1));
    const variance = 1 + 2 * ((2 / 3) * (-(n - 1) / n) + (1 / 3) * ((n - 2) / n));
    expect(compareLosses(differences, 2).statistic).toBeCloseTo(5 / Math.sqrt(variance / n), 12);
  });
  it("calls overlapping noise a difference no more often than promised, but for small samples", () => {
    const random = new Random(32);
    let rejected = 0;
    const paths = 400;
    for (let path = 0; path < paths; path += 1) {
      const noise = Array.from({ length: 806 }, () => random.normal());
      const overlapping = noise.slice(6).map((_, i) => noise.slice(i, i + 7).reduce((a, b) => a + b));
      if (compareLosses(overlapping, 6).pValue < 0.05) rejected += 1;
    }
    // Bartlett's weights leave out a part of the covariance: 5 % becomes about 10 %; without lags it is near half.
    expect(rejected / paths).toBeGreaterThan(0.02);
    expect(rejected / paths).toBeLessThan(0.17);
  });
  it("asks for more days than lags, and sees nothing in equal losses", () => {
    expect(() => compareLosses([1, 2], 1)).toThrow(PricingError);
    expect(compareLosses([0, 0, 0], 0)).toEqual({ mean: 0, statistic: 0, pValue: 1 });
  });
});
