import { describe, expect, it } from "vitest";
import {
  type CalibratedSlice,
  calibrateEssvi,
  type EssviSlice,
  type ExpiryQuotes,
  essviIsButterflyFree,
  essviIsCalendarFree,
  essviTotalVariance,
  findArbitrage,
  logMoneyness,
  PricingError,
  price,
  quantiseSurface,
  sliceWordsAreArbitrageFree,
  totalVariance,
  years,
} from "../../pricing/index.ts";

const TENORS = [1, 3, 7, 30, 90, 180, 365].map((days) => days / 365);

/** A surface free of arbitrage: θ = σ²τ, ψ/√θ falling, skew fading. */
const truthAt = (time: number): EssviSlice => {
  const theta = 0.5 * time;
  return { theta, rho: -0.25, psi: 0.95 * Math.sqrt(theta) };
};

/** Deterministic noise in [−1, 1]. */
const wobble = (i: number): number => {
  const x = Math.sin(12.9898 * (i + 1)) * 43758.5453;
  return 2 * (x - Math.floor(x)) - 1;
};

function chainOf(slice: EssviSlice, time: number, noise = 0): ExpiryQuotes {
  const deviation = Math.sqrt(slice.theta);
  const quotes = Array.from({ length: 31 }, (_, i) => {
    const k = logMoneyness((i - 15) * 0.16 * deviation);
    const exact = essviTotalVariance(slice, k);
    return {
      k,
      totalVariance: totalVariance(exact * (1 + noise * wobble(i))),
      weight: Math.exp(-0.5 * (k / deviation) ** 2),
    };
  });
  return { years: years(time), forward: price(2000), quotes };
}

/** What is wrong with a surface, by every means at hand; nothing, if it is free of arbitrage. */
function faultsOf(slices: readonly CalibratedSlice[]): string[] {
  const faults = findArbitrage(slices).map(({ kind, slice }) => `${kind} ${slice} found`);
  for (const [i, slice] of slices.entries()) {
    if (!essviIsButterflyFree(slice)) faults.push(`butterfly inequality ${i}`);
    if (i > 0 && !essviIsCalendarFree(slices[i - 1]!, slice)) faults.push(`calendar inequality ${i}`);
  }
  if (!sliceWordsAreArbitrageFree(quantiseSurface(slices))) faults.push("words");
  return faults;
}

describe("calibrateEssvi", () => {
  it("recovers an arbitrage-free surface from its own values", () => {
    const slices = calibrateEssvi(TENORS.map((time) => chainOf(truthAt(time), time)));
    expect(slices).toHaveLength(TENORS.length);
    for (const [i, slice] of slices.entries()) {
      const truth = truthAt(TENORS[i]!);
      expect(Math.abs(slice.theta / truth.theta - 1)).toBeLessThan(1e-4);
      expect(Math.abs(slice.rho - truth.rho)).toBeLessThan(2e-3);
      expect(Math.abs(slice.psi / truth.psi - 1)).toBeLessThan(2e-3);
      expect(slice.residual).toBeLessThan(2e-4);
    }
    expect(faultsOf(slices)).toEqual([]);
  });

  it("stays free of arbitrage on noisy quotes, within the noise at the money", () => {
    const slices = calibrateEssvi(TENORS.map((time) => chainOf(truthAt(time), time, 0.03)));
    expect(faultsOf(slices)).toEqual([]);
    for (const [i, slice] of slices.entries()) {
      expect(Math.abs(Math.sqrt(slice.theta / truthAt(TENORS[i]!).theta) - 1)).toBeLessThan(0.015);
    }
  });

  it("draws a falling term structure together instead of refusing it", () => {
    const early = chainOf({ theta: 0.012, rho: -0.2, psi: 0.1 }, 7 / 365);
    const late = chainOf({ theta: 0.011, rho: -0.2, psi: 0.09 }, 10 / 365);
    const slices = calibrateEssvi([early, late]);
    expect(faultsOf(slices)).toEqual([]);
    for (const slice of slices) {
      expect(slice.theta).toBeGreaterThan(0.011);
      expect(slice.theta).toBeLessThan(0.0121);
    }
    // Pooled, and apart by the margin that rounding to words needs.
    expect(slices[1]!.theta / slices[0]!.theta - 1).toBeCloseTo(2 ** -12, 12);
  });

  it("keeps clashing skews inside the calendar bounds", () => {
    const slices = calibrateEssvi([
      chainOf({ theta: 0.01, rho: -0.8, psi: 0.13 }, 7 / 365),
      chainOf({ theta: 0.0105, rho: 0.8, psi: 0.13 }, 8 / 365),
      chainOf({ theta: 0.02, rho: -0.8, psi: 0.05 }, 20 / 365),
    ]);
    expect(faultsOf(slices)).toEqual([]);
  });

  it("does not depend on the order of expiries or quotes, to the bit", () => {
    const chains = TENORS.map((time) => chainOf(truthAt(time), time, 0.02));
    const shuffled = chains.toReversed().map((chain) => ({ ...chain, quotes: chain.quotes.toReversed() }));
    expect(calibrateEssvi(shuffled)).toEqual(calibrateEssvi(chains));
  });

  it("serves an expiry with one quote", () => {
    const lonely = { ...chainOf(truthAt(0.1), 0.1), quotes: chainOf(truthAt(0.1), 0.1).quotes.slice(15, 16) };
    const [slice] = calibrateEssvi([lonely]);
    expect(slice!.theta).toBeCloseTo(0.05, 12);
    expect(faultsOf([slice!])).toEqual([]);
  });

  it("carries forward and expiry through", () => {
    const [slice] = calibrateEssvi([{ ...chainOf(truthAt(0.1), 0.1), expiry: 1_772_179_200 }]);
    expect(slice).toMatchObject({ forward: 2000, expiry: 1_772_179_200, years: 0.1 });
  });

  it("raises a typed error on an expiry without usable quotes or in the past", () => {
    const empty = { years: years(0.1), forward: price(2000), quotes: [] };
    expect(() => calibrateEssvi([empty])).toThrow(PricingError);
    expect(() => calibrateEssvi([{ ...chainOf(truthAt(0.1), 0.1), years: years(0) }])).toThrow(PricingError);
  });
});
