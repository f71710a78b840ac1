import { describe, expect, it } from "vitest";
import {
  bipowerVariation,
  continuousVariance,
  jumpTest,
  medRealizedVariance,
  PricingError,
  realizedVariance,
  tripowerQuarticity,
} from "../../pricing/index.ts";
import { Decimal, PI } from "../../pricing/reference/decimal.ts";
import { Random } from "./random.ts";

const RETURNS = [0.011, -0.004, 0.0225, -0.0081, 0.0033, 0.0172, -0.0009];

/** E|Z|^p by Simpson's rule on a density that is nothing beyond 12. */
function absoluteMoment(p: number): number {
  const steps = 40_000;
  const width = 12 / steps;
  // t = √z smooths the root at 0.
  const integrand = (t: number): number => 2 * t * t ** (2 * p) * Math.exp(-(t ** 4) / 2) * Math.sqrt(2 / Math.PI);
  const top = Math.sqrt(12);
  const scaled = (top / 12) * width;
  let sum = integrand(0) + integrand(top);
  for (let i = 1; i < steps; i += 1) sum += (i % 2 === 0 ? 2 : 4) * integrand(i * scaled);
  return (sum * scaled) / 3;
}

const day = (random: Random, n: number, variance: number): number[] =>
  Array.from({ length: n }, () => random.normal() * Math.sqrt(variance / n));

/** Mean of an estimator over simulated days, in units of its standard error from `truth`. */
function biasInErrors(estimator: (returns: number[]) => number, truth: number, days: number[][]): number {
  const values = days.map(estimator);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const square = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
  return (mean - truth) / Math.sqrt(square / values.length);
}

describe("realised variance", () => {
  it("and what is robust to jumps equal their definitions in decimal", () => {
    const r = RETURNS.map((value) => new Decimal(value).abs());
    const n = r.length;
    const sum = (terms: Decimal[]): Decimal => terms.reduce((a, b) => a.plus(b));
    const rv = sum(r.map((x) => x.times(x)));
    const bv = sum(r.slice(1).map((x, i) => x.times(r[i]!)))
      .times(PI.div(2))
      .times(n)
      .div(n - 1);
    const median = (i: number): Decimal => [r[i - 1]!, r[i]!, r[i + 1]!].sort((a, b) => a.comparedTo(b))[1]!;
    const med = sum(r.slice(2).map((_, i) => median(i + 1).pow(2)))
      .times(PI.div(new Decimal(6).minus(new Decimal(3).sqrt().times(4)).plus(PI)))
      .times(n)
      .div(n - 2);
    for (const [name, value, expected] of [
      ["RV", realizedVariance(RETURNS), rv],
      ["BV", bipowerVariation(RETURNS), bv],
      ["MedRV", medRealizedVariance(RETURNS), med],
    ] as const) {
      expect(Math.abs(value / expected.toNumber() - 1), name).toBeLessThan(1e-14);
    }
  });
  it("scales the tripower quarticity by the moment of order 4/3", () => {
    expect(absoluteMoment(2)).toBeCloseTo(1, 12);
    const n = RETURNS.length;
    const products = RETURNS.slice(2).map((x, i) => Math.abs(x * RETURNS[i + 1]! * RETURNS[i]!) ** (4 / 3));
    const expected = (n * n * products.reduce((a, b) => a + b)) / ((n - 2) * absoluteMoment(4 / 3) ** 3);
    expect(Math.abs(tripowerQuarticity(RETURNS) / expected - 1)).toBeLessThan(1e-11);
  });
  it("is unbiased on diffusions, every estimator", () => {
    const random = new Random(11);
    for (const n of [24, 288]) {
      const days = Array.from({ length: 2_000 }, () => day(random, n, 0.0016));
      expect(Math.abs(biasInErrors(realizedVariance, 0.0016, days))).toBeLessThan(4);
      expect(Math.abs(biasInErrors(bipowerVariation, 0.0016, days))).toBeLessThan(4);
      expect(Math.abs(biasInErrors(medRealizedVariance, 0.0016, days))).toBeLessThan(4);
      expect(Math.abs(biasInErrors(tripowerQuarticity, 0.0016 ** 2, days))).toBeLessThan(4);
    }
  });
  it("counts a jump whole, and the robust ones hardly", () => {
    const random = new Random(12);
    const jump = 0.05;
    const days = Array.from({ length: 500 }, () => {
      const returns = day(random, 288, 0.0016);
      returns[random.below(288)]! += jump;
      return returns;
    });
    const mean = (estimator: (returns: number[]) => number): number =>
      days.reduce((sum, returns) => sum + estimator(returns), 0) / days.length;
    expect(mean(realizedVariance) - 0.0016).toBeCloseTo(jump ** 2, 4);
    expect(mean(bipowerVariation) - 0.0016).toBeLessThan(0.15 * jump ** 2);
    expect(mean(medRealizedVariance) - 0.0016).toBeLessThan(0.01 * jump ** 2);
  });
});

describe("the jump test", () => {
  const rejections = (n: number, days: number, seed: number, jump: number): number => {
    const random = new Random(seed);
    let rejected = 0;
    for (let i = 0; i < days; i += 1) {
      const returns = day(random, n, 1);
      returns[random.below(n)]! += jump;
      if (jumpTest(returns).pValue < 0.01) rejected += 1;
    }
    return rejected / days;
  };
  it("at 1 % rejects as many days without jumps as its comment says", () => {
    expect(Math.abs(rejections(288, 10_000, 13, 0) - 0.011)).toBeLessThan(0.003);
    expect(Math.abs(rejections(24, 100_000, 14, 0) - 0.0145)).toBeLessThan(0.0015);
  });
  it("finds a jump of three quarters of a day's deviation in five-minute returns", () => {
    expect(rejections(288, 2_000, 15, 0.75)).toBeGreaterThan(0.97);
  });
  it("takes the day's variance without the jump it found, and all of it where it found none", () => {
    const calm = day(new Random(16), 48, 0.0016);
    expect(jumpTest(calm).pValue).toBeGreaterThan(0.01);
    expect(continuousVariance(calm)).toBe(realizedVariance(calm));
    const jumped = calm.with(20, 0.08);
    expect(jumpTest(jumped).pValue).toBeLessThan(1e-4);
    expect(continuousVariance(jumped)).toBe(bipowerVariation(jumped));
    expect(jumpTest(jumped).jumpVariance).toBe(realizedVariance(jumped) - bipowerVariation(jumped));
  });
  it("sees no jump where nothing moves, and one where one return moves", () => {
    expect(jumpTest([0, 0, 0, 0])).toEqual({ statistic: 0, pValue: 0.5, jumpVariance: 0 });
    const one = Array.from({ length: 24 }, (_, i) => (i === 7 ? 0.01 : 0));
    expect(jumpTest(one).pValue).toBeLessThan(1e-6);
    expect(jumpTest(one).jumpVariance).toBeCloseTo(1e-4, 18);
  });
  it("raises typed errors on too few returns and on what is no number", () => {
    expect(() => realizedVariance([])).toThrow(PricingError);
    expect(() => bipowerVariation([0.1])).toThrow(PricingError);
    expect(() => jumpTest([0.1, 0.2])).toThrow(PricingError);
    expect(() => realizedVariance([0.1, Number.NaN])).toThrow(PricingError);
  });
});
