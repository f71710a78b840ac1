import { describe, expect, it } from "vitest";
import {
  type BlendObservation,
  blendedForecast,
  fitBlend,
  PricingError,
  priorWeight,
  quotedVariance,
  quoteNoise,
} from "../../pricing/index.ts";
import { Random } from "./random.ts";

/** Past days whose outcome is e^{b}·f^{1−w}·i^{w} times noise of mean 1. */
function history(seed: number, count: number, b: number, w: number, noise = 0): BlendObservation[] {
  const random = new Random(seed);
  return Array.from({ length: count }, () => {
    const realizedForecast = 0.002 * Math.exp(0.5 * random.normal());
    const gap = 0.1 + 0.4 * random.normal();
    const luck = Math.exp(0.5 * random.normal() - 0.125);
    return {
      realizedForecast,
      impliedVariance: realizedForecast * Math.exp(gap + Math.sqrt(noise) * random.normal()),
      outcome: realizedForecast * Math.exp(b + w * gap) * luck,
      noise,
    };
  });
}

const clean = { noise: 0 };

describe("quoteNoise", () => {
  it("is four times what age and width leave open in the logarithm of volatility", () => {
    const still = { ageSeconds: 0, tenorDays: 30, relativeWidth: 0.06, venues: 1 };
    expect(quoteNoise(still)).toBeCloseTo((4 * 0.06 ** 2) / 12, 16);
    // A year old, at 50 % volatility of volatility.
    expect(quoteNoise({ ...still, relativeWidth: 0, ageSeconds: 365 * 86_400 })).toBeCloseTo(4 * 0.25, 14);
    expect(quoteNoise({ ...still, venues: 3 })).toBeCloseTo(quoteNoise(still) / 3, 16);
    expect(quoteNoise({ ...still, venues: 0 })).toBe(Infinity);
    const week = { ...still, relativeWidth: 0, ageSeconds: 3_600, tenorDays: 7 };
    expect(quoteNoise(week) / quoteNoise({ ...week, tenorDays: 30 })).toBeCloseTo((30 / 7) ** (2 * 0.57), 12);
    expect(() => quoteNoise({ ...still, ageSeconds: -1 })).toThrow(PricingError);
  });
});

describe("fitBlend", () => {
  it("without a past is its prior: half at a foreign tenor, all at its own", () => {
    expect(priorWeight({ horizonDays: 30 })).toBe(1);
    expect(priorWeight({ horizonDays: 7.5, tenorDays: 30 })).toBe(0.75);
    expect(priorWeight({ horizonDays: 30, tenorDays: 7.5 })).toBe(0.75);
    const model = fitBlend([], { horizonDays: 7.5, tenorDays: 30 });
    expect(model).toEqual({ weight: 0.75, premiumCorrection: 0, gap: 0, disagreement: 0.09 });
    const blended = blendedForecast(model, { realizedForecast: 0.01, impliedVariance: 0.04, ...clean });
    expect(blended).toBeCloseTo(0.01 ** 0.25 * 0.04 ** 0.75, 15);
    expect(() => priorWeight({ horizonDays: 0 })).toThrow(PricingError);
  });
  it("finds the weight and the correction that made a long past", () => {
    const model = fitBlend(history(81, 20_000, -0.15, 0.35), { horizonDays: 1 });
    expect(model.weight).toBeCloseTo(0.35, 1.7);
    expect(model.premiumCorrection).toBeCloseTo(-0.15, 1.7);
    expect(model.gap).toBeCloseTo(0.1, 1.7);
    expect(model.disagreement).toBeCloseTo(0.16, 2);
  });
  it("finds them through quotes of known noise", () => {
    const model = fitBlend(history(82, 20_000, -0.15, 0.6, 0.16), { horizonDays: 1 });
    // The gaps vary by 0.16 of disagreement and 0.16 of noise, so that a quote tells half of what a clean one would.
    expect(model.disagreement).toBeCloseTo(0.16, 1.7);
    expect(model.weight).toBeCloseTo(0.6, 1.5);
  });
  it("learns nothing from days on which nobody quoted", () => {
    const past = history(86, 50, -0.2, 0.4);
    const unquoted = history(87, 50, 3, -3).map((day) => ({ ...day, noise: Infinity }));
    expect(fitBlend([...past, ...unquoted], { horizonDays: 1 })).toEqual(fitBlend(past, { horizonDays: 1 }));
  });
  it("leans on the prior the more, the fewer independent days there are", () => {
    const past = history(83, 60, -0.3, 0);
    const weights = [1, 7, 30, 365].map((horizonDays) => fitBlend(past, { horizonDays }).weight);
    for (const [i, weight] of weights.slice(1).entries()) expect(weight).toBeGreaterThan(weights[i]!);
    expect(weights[0]).toBeLessThan(0.5);
    expect(weights[3]).toBeGreaterThan(0.95);
  });
  it("beats both of its parts on days it has not seen, where both know something", () => {
    const past = history(84, 400, -0.2, 0.5);
    const model = fitBlend(past, { horizonDays: 1 });
    const loss = (forecast: (day: BlendObservation) => number): number =>
      history(85, 4_000, -0.2, 0.5).reduce((sum, day) => {
        const ratio = day.outcome / forecast(day);
        return sum + ratio - Math.log(ratio) - 1;
      }, 0);
    const blend = loss((day) => blendedForecast(model, { ...day, ...clean }));
    expect(blend).toBeLessThan(loss(({ realizedForecast }) => realizedForecast));
    expect(blend).toBeLessThan(loss(({ impliedVariance }) => impliedVariance));
  });
  it("settles on any past, however wild", () => {
    const random = new Random(88);
    for (let path = 0; path < 300; path += 1) {
      const wild = Array.from({ length: 1 + random.below(200) }, () => ({
        realizedForecast: Math.exp(3 * random.normal() - 6),
        impliedVariance: Math.exp(3 * random.normal() - 6),
        outcome: Math.exp(3 * random.normal() - 6),
        noise: random.unit(),
      }));
      const model = fitBlend(wild, { horizonDays: 1 + random.below(30), tenorDays: 30 });
      expect(Math.abs(model.weight), `path ${path}`).toBeLessThan(3);
      expect(Math.abs(model.premiumCorrection), `path ${path}`).toBeLessThan(3);
    }
  });
  it("refuses variances that have no logarithm", () => {
    expect(() => fitBlend([{ realizedForecast: 0, impliedVariance: 1, outcome: 1 }], { horizonDays: 1 })).toThrow(
      PricingError,
    );
  });
});

describe("a blend", () => {
  const model = { weight: 0.8, premiumCorrection: -0.1, gap: 0.2, disagreement: 0.09 };
  const both = { realizedForecast: 0.01, impliedVariance: 0.02 };
  it("leaves the realised forecast where a quote is worthless or missing", () => {
    expect(blendedForecast(model, { ...both, noise: Infinity })).toBe(0.01);
    expect(blendedForecast(model, { ...both, impliedVariance: undefined, noise: 0 })).toBe(0.01);
    expect(quotedVariance(model, { ...both, noise: Infinity })).toBeCloseTo(0.01 * Math.exp(0.2), 16);
    expect(quotedVariance(model, { ...both, impliedVariance: undefined, noise: 0 })).toBeCloseTo(
      0.01 * Math.exp(0.2),
      16,
    );
  });
  it("takes half of what a quote says when its noise is as large as the disagreement", () => {
    expect(Math.log(blendedForecast(model, { ...both, noise: 0.09 }) / 0.01)).toBeCloseTo(
      0.5 * (-0.1 + 0.8 * Math.log(2)),
      14,
    );
  });
  it("for quoting believes a clean quote wholly, and a fresh one of a real market to a tenth of a point", () => {
    expect(quotedVariance(model, { ...both, noise: 0 })).toBeCloseTo(0.02, 16);
    const noise = quoteNoise({ ageSeconds: 300, tenorDays: 30, relativeWidth: 0.03, venues: 2 });
    const volatility = 0.7 * Math.sqrt(quotedVariance(model, { ...both, noise }) / 0.02);
    expect(Math.abs(volatility - 0.7)).toBeLessThan(0.001);
  });
  it("moves from implied to the forecast without a jump as a quote grows old", () => {
    const hours = [0, 1, 6, 24, 24 * 30, 24 * 365];
    const values = hours.map((h) =>
      quotedVariance(model, {
        ...both,
        noise: quoteNoise({ ageSeconds: 3_600 * h, tenorDays: 7, relativeWidth: 0.02, venues: 2 }),
      }),
    );
    for (const [i, value] of values.slice(1).entries()) expect(value).toBeLessThan(values[i]!);
    expect(values.at(-1)).toBeGreaterThan(0.01 * Math.exp(0.2));
  });
});
