import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  calibrateEssvi,
  type ExpiryQuotes,
  findArbitrage,
  logMoneyness,
  price,
  quantiseSurface,
  sliceWordsAreArbitrageFree,
  totalVariance,
  years,
} from "../../pricing/index.ts";

/** Any chain at all: random smiles that need not agree with each other. */
const quote = fc.record({
  k: fc.double({ min: -1.5, max: 1.5, noNaN: true }).map(logMoneyness),
  volatility: fc.double({ min: 0.1, max: 3, noNaN: true }),
  weight: fc.double({ min: 1e-3, max: 1, noNaN: true }),
});
const chain = fc
  .record({
    days: fc.double({ min: 0.1, max: 400, noNaN: true }),
    quotes: fc.array(quote, { minLength: 1, maxLength: 12 }),
  })
  .map(
    ({ days, quotes }): ExpiryQuotes => ({
      years: years(days / 365),
      forward: price(2000),
      quotes: quotes.map(({ k, volatility, weight }) => ({
        k,
        weight,
        totalVariance: totalVariance((volatility ** 2 * days) / 365),
      })),
    }),
  );

describe("calibrateEssvi on any quotes", () => {
  it("returns slices free of arbitrage, and so do their words", () => {
    fc.assert(
      fc.property(fc.array(chain, { minLength: 1, maxLength: 8 }), (chains) => {
        const slices = calibrateEssvi(chains);
        expect(slices).toHaveLength(chains.length);
        expect(findArbitrage(slices)).toEqual([]);
        expect(sliceWordsAreArbitrageFree(quantiseSurface(slices))).toBe(true);
      }),
      { numRuns: 150 },
    );
  });
});
