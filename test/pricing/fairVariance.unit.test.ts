import { describe, expect, it } from "vitest";
import {
  black76,
  fairVariance,
  fairVarianceByChords,
  PricingError,
  price,
  type ReplicationQuote,
  stdDev,
  years,
} from "../../pricing/index.ts";
import { haveVectors, readCsv, readJson } from "./support/vectors.ts";

const flatChain = (forward: number, v: number, step: number): ReplicationQuote[] => {
  const quotes: ReplicationQuote[] = [];
  for (let strike = step; strike < 6 * forward; strike += step) {
    for (const kind of ["call", "put"] as const) {
      const value = black76({ forward: price(forward), strike: price(strike), stdDev: stdDev(v), kind });
      quotes.push({ kind, strike: price(strike), price: price(value) });
    }
  }
  return quotes;
};

describe("fairVariance", () => {
  it("of a flat smile is its variance, as strikes become dense", () => {
    const quotes = flatChain(100.3, 0.3, 0.25);
    expect(fairVariance({ forward: price(100.3), years: years(0.25), quotes })).toBeCloseTo(0.09 / 0.25, 4);
    const chords = fairVarianceByChords({ forward: price(100.3), years: years(0.25), quotes }, price(100.25));
    expect(chords).toBeCloseTo(0.09 / 0.25, 4);
    expect(chords).toBeGreaterThan(0.09 / 0.25); // chords lie above the logarithm
  });
  it("needs the out-of-the-money side of a chain alone", () => {
    const quotes = flatChain(100.3, 0.3, 0.5);
    const input = { forward: price(100.3), years: years(0.25) };
    const both = fairVariance({ ...input, quotes });
    for (const kindAtTheCentre of ["call", "put"] as const) {
      const side = quotes.filter(({ kind, strike }) =>
        strike === 100 ? kind === kindAtTheCentre : kind === (strike > 100 ? "call" : "put"),
      );
      expect(side.length).toBe(quotes.length / 2);
      expect(fairVariance({ ...input, quotes: side }) / both).toBeCloseTo(1, 12);
    }
  });
  it("asks for a strike at or below the forward", () => {
    const quotes: ReplicationQuote[] = [{ kind: "call", strike: price(110), price: price(1) }];
    expect(() => fairVariance({ forward: price(100), years: years(1), quotes })).toThrow(PricingError);
  });
  it.skipIf(!haveVectors)("gives Derman's 19-strike replication", () => {
    const expected = readJson<{
      spot: number;
      r: number;
      t: number;
      fair_variance: number;
      tolerance: number;
    }>("varswap_derman_1999_expected.json");
    const forward = price(expected.spot * Math.exp(expected.r * expected.t));
    const quotes = readCsv("varswap_derman_1999.csv").map((row): ReplicationQuote => {
      const kind = row.text("cp") === "C" ? "call" : "put";
      const strike = price(row.number("strike"));
      const v = stdDev(row.number("vol") * Math.sqrt(expected.t));
      return { kind, strike, price: price(black76({ forward, strike, stdDev: v, kind })) };
    });
    expect(quotes).toHaveLength(19);
    const input = { forward, years: years(expected.t), quotes };
    expect(Math.abs(fairVarianceByChords(input, price(100)) - expected.fair_variance)).toBeLessThan(expected.tolerance);
    expect(Math.abs(fairVariance(input) - expected.fair_variance)).toBeLessThan(2 * expected.tolerance);
  });
});
