import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  averagedForward,
  effectiveSeconds,
  effectiveYears,
  essviTotalVariance,
  findArbitrage,
  logMoneyness,
  PricingError,
  price,
  rollDown,
  type Surface,
  sliceAt,
  totalVarianceAt,
} from "../../pricing/index.ts";

const DAY = 86_400;
const surface: Surface = {
  modelTime: 1_770_000_000,
  slices: [1, 7, 30, 180].map((days) => {
    const expiry = 1_770_000_000 + days * DAY;
    const theta = 0.5 * effectiveYears(days * DAY);
    return { expiry, theta, rho: -0.3, psi: 0.9 * Math.sqrt(theta) };
  }),
};

describe("effective time", () => {
  it("is τ − 2A/3 before the window and τ³/(3A²) inside, with equal value and slope at the seam", () => {
    expect(effectiveSeconds(DAY)).toBe(DAY - 1200);
    expect(effectiveSeconds(1800)).toBe(600);
    expect(effectiveSeconds(1800 - 1e-6)).toBeCloseTo(600 - 1e-6, 9);
    expect(effectiveSeconds(900)).toBe(75);
    expect(effectiveSeconds(0)).toBe(0);
    expect(effectiveSeconds(-5)).toBe(0);
  });
  it("mixes the average so far into the forward inside the window", () => {
    expect(averagedForward(price(2000), price(1900), 3600)).toBe(2000);
    expect(averagedForward(price(2000), price(1900), 900)).toBe(1950);
    expect(averagedForward(price(2000), price(1900), 0)).toBe(1900);
  });
});

describe("a surface between reports", () => {
  it("is itself at the model time", () => {
    for (const slice of surface.slices) {
      const k = logMoneyness(-0.1);
      expect(totalVarianceAt(surface, k, slice.expiry)).toBeCloseTo(essviTotalVariance(slice, k), 15);
    }
  });
  it("loses variance in proportion to effective time", () => {
    const later = rollDown(surface, surface.modelTime + DAY / 2);
    expect(later.slices[0]!.theta / surface.slices[0]!.theta).toBeCloseTo((DAY / 2 - 1200) / (DAY - 1200), 12);
  });
  it("stays free of arbitrage at any later moment and at any expiry between", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 40 * DAY }),
        fc.array(fc.integer({ min: 600, max: 300 * DAY }), { maxLength: 4 }),
        (wait, tenors) => {
          const time = surface.modelTime + wait;
          const expiries = tenors.map((tenor) => time + tenor).toSorted((left, right) => left - right);
          expect(findArbitrage(expiries.map((expiry) => sliceAt(surface, expiry, time)))).toEqual([]);
          expect(findArbitrage(rollDown(surface, time))).toEqual([]);
        },
      ),
      { numRuns: 40 },
    );
  });
  it("drops expired slices and is zero after expiry", () => {
    const time = surface.modelTime + 2 * DAY;
    expect(rollDown(surface, time).slices).toHaveLength(3);
    expect(totalVarianceAt(surface, logMoneyness(0), surface.slices[0]!.expiry, time)).toBe(0);
  });
  it("does not roll backwards and needs a living slice", () => {
    expect(() => rollDown(surface, surface.modelTime - 1)).toThrow(PricingError);
    expect(() => sliceAt(surface, surface.modelTime + 300 * DAY, surface.modelTime + 200 * DAY)).toThrow(PricingError);
  });
});
