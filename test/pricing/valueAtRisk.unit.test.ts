import { describe, expect, it } from "vitest";
import {
  chiSquareTail,
  coverageTests,
  filteredHistoricalVaR,
  normalVaR,
  PricingError,
  sampleQuantile,
} from "../../pricing/index.ts";
import { Decimal } from "../../pricing/reference/decimal.ts";
import { Random } from "./random.ts";

/** n days of which the first x exceed. */
const days = (n: number, x: number): boolean[] => Array.from({ length: n }, (_, i) => i < x);

describe("chiSquareTail", () => {
  it("gives back the published critical values", () => {
    for (const [degrees, p, critical] of [
      [1, 0.1, 2.705543454095404],
      [1, 0.05, 3.841458820694124],
      [1, 0.01, 6.634896601021213],
      [1, 0.001, 10.827566170662733],
      [2, 0.1, 4.605170185988092],
      [2, 0.05, 5.991464547107979],
      [2, 0.01, 9.210340371976182],
      [2, 0.001, 13.815510557964274],
    ] as const) {
      expect(Math.abs(chiSquareTail(critical, degrees) / p - 1), `${degrees} ${p}`).toBeLessThan(1e-13);
    }
  });
  it("is 1 at nothing and keeps its digits far out", () => {
    expect(chiSquareTail(0, 1)).toBe(1);
    expect(chiSquareTail(-1e-17, 2)).toBe(1);
    // 2·(1 − Φ(20)) and e⁻²⁰⁰
    expect(chiSquareTail(400, 1) / 5.507248237212467e-89).toBeCloseTo(1, 10);
    expect(chiSquareTail(400, 2)).toBe(Math.exp(-200));
    expect(() => chiSquareTail(Number.NaN, 1)).toThrow(PricingError);
  });
});

describe("coverageTests", () => {
  it("passes exactly inside Kupiec's published regions, at 5 %", () => {
    // Kupiec 1995, table 3, as in Jorion, Value at Risk: days, coverage, fewest and most exceedances that pass.
    for (const [n, coverage, fewest, most] of [
      [255, 0.95, 7, 20],
      [510, 0.99, 2, 10],
      [510, 0.95, 17, 35],
      [1000, 0.99, 5, 16],
      [1000, 0.95, 38, 64],
    ] as const) {
      const passes = (x: number): boolean => coverageTests(days(n, x), coverage).unconditional.pValue > 0.05;
      expect([fewest - 1, fewest, most, most + 1].map(passes), `${n} days at ${coverage}`).toEqual([
        false,
        true,
        true,
        false,
      ]);
    }
  });
  it("equals the likelihood ratios in decimal", () => {
    // 0 0 1 1 0 0 0 1 0 0: n₀₀ = 4, n₀₁ = 2, n₁₀ = 2, n₁₁ = 1.
    const exceeded = "0011000100".split("").map((digit) => digit === "1");
    const ln = (a: number, b: number): Decimal => Decimal.ln(new Decimal(a).div(b));
    const uc = ln(9, 10)
      .times(7)
      .plus(ln(1, 10).times(3))
      .minus(ln(7, 10).times(7).plus(ln(3, 10).times(3)))
      .times(-2);
    const pooled = ln(6, 9).times(6).plus(ln(3, 9).times(3));
    const separate = ln(4, 6).times(4).plus(ln(2, 6).times(2)).plus(ln(2, 3).times(2)).plus(ln(1, 3));
    const ind = pooled.minus(separate).times(-2);
    const tests = coverageTests(exceeded, 0.9);
    expect(tests).toMatchObject({ days: 10, exceedances: 3 });
    expect(tests.unconditional.statistic).toBeCloseTo(uc.toNumber(), 13);
    expect(tests.independence.statistic).toBeCloseTo(ind.toNumber(), 13);
    expect(tests.conditional.statistic).toBeCloseTo(uc.plus(ind).toNumber(), 13);
    expect(tests.conditional.pValue).toBeCloseTo(Math.exp(-uc.plus(ind).toNumber() / 2), 13);
  });
  it("sees exceedances that come in rows, though they are as many as promised", () => {
    const clustered = days(1000, 50);
    const scattered = Array.from({ length: 1000 }, (_, i) => i % 20 === (i >> 6) % 7);
    expect(coverageTests(clustered, 0.95).unconditional.pValue).toBeCloseTo(1, 12);
    expect(coverageTests(clustered, 0.95).independence.pValue).toBeLessThan(1e-10);
    expect(coverageTests(clustered, 0.95).conditional.pValue).toBeLessThan(1e-10);
    expect(coverageTests(scattered, 0.95).independence.pValue).toBeGreaterThan(0.01);
  });
  it("works where nothing exceeds, and where everything does", () => {
    expect(coverageTests(days(250, 0), 0.99).unconditional.statistic).toBeCloseTo(-500 * Math.log(0.99), 10);
    expect(coverageTests(days(250, 0), 0.99).independence).toEqual({ statistic: 0, pValue: 1 });
    expect(coverageTests(days(50, 50), 0.95).unconditional.pValue).toBeLessThan(1e-30);
  });
  it("rejects true models as often as it says", () => {
    const random = new Random(91);
    let kupiec = 0;
    let christoffersen = 0;
    for (let path = 0; path < 2_000; path += 1) {
      const exceeded = Array.from({ length: 1_000 }, () => random.unit() < 0.05);
      const tests = coverageTests(exceeded, 0.95);
      if (tests.unconditional.pValue < 0.05) kupiec += 1;
      if (tests.conditional.pValue < 0.05) christoffersen += 1;
    }
    expect(Math.abs(kupiec / 2_000 - 0.05)).toBeLessThan(0.02);
    expect(Math.abs(christoffersen / 2_000 - 0.05)).toBeLessThan(0.02);
  });
  it("asks for days and a coverage", () => {
    expect(() => coverageTests([true], 0.99)).toThrow(PricingError);
    expect(() => coverageTests(days(10, 1), 1)).toThrow(PricingError);
  });
});

describe("value at risk", () => {
  it("takes R's default quantile", () => {
    const sample = [10, 1, 7, 3, 2, 9, 4, 8, 6, 5];
    expect(sampleQuantile(sample, 0.25)).toBe(3.25);
    expect(sampleQuantile(sample, 0.01)).toBeCloseTo(1.09, 14);
    expect(sampleQuantile(sample, 1)).toBe(10);
    expect(sampleQuantile([4], 0.3)).toBe(4);
    expect(sample[0]).toBe(10); // left as it was
    expect(() => sampleQuantile([], 0.5)).toThrow(PricingError);
  });
  it("scales the past's quantile by today's deviation", () => {
    const standardized = Array.from({ length: 101 }, (_, i) => (i - 50) / 10);
    expect(filteredHistoricalVaR(standardized, 0.0004, 0.99)).toBeCloseTo(4.9 * 0.02, 15);
    expect(filteredHistoricalVaR(standardized, 0.0016, 0.95)).toBeCloseTo(4.5 * 0.04, 15);
    expect(normalVaR(0.0004, 0.99)).toBeCloseTo(2.3263478740408408 * 0.02, 14);
    expect(() => normalVaR(Number.NaN, 0.99)).toThrow(PricingError);
  });
  it("covers fat tails that the normal does not", () => {
    const random = new Random(92);
    // Student's t of four degrees, scaled to unit variance.
    const draw = (): number =>
      random.normal() /
      Math.sqrt((random.normal() ** 2 + random.normal() ** 2 + random.normal() ** 2 + random.normal() ** 2) / 2);
    const past = Array.from({ length: 5_000 }, draw);
    const future = Array.from({ length: 5_000 }, draw);
    const variance = 0.0009;
    const test = (loss: number) =>
      coverageTests(
        future.map((z) => -z * Math.sqrt(variance) > loss),
        0.99,
      ).unconditional.pValue;
    expect(test(filteredHistoricalVaR(past, variance, 0.99))).toBeGreaterThan(0.05);
    expect(test(normalVaR(variance, 0.99))).toBeLessThan(0.01);
  });
});
