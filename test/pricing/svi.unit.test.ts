import { describe, expect, it } from "vitest";
import {
  durrleman,
  essviTotalVariance,
  findArbitrage,
  fitSvi,
  jumpWingsOf,
  logMoneyness,
  PricingError,
  type RawSvi,
  sviOfEssvi,
  sviTotalVariance,
  totalVariance,
  years,
} from "../../pricing/index.ts";
import { haveVectors, readCsv, readJson } from "./support/vectors.ts";

/** Vogt's parameters (Gatheral & Jacquier 2014, example 3.1). */
const VOGT: RawSvi = { a: -0.041, b: 0.1331, rho: 0.306, m: 0.3586, sigma: 0.4153 };
const grid = (from: number, to: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => from + ((to - from) * i) / (count - 1));

const quotesOf = (slice: RawSvi, ks: number[]) =>
  ks.map((k) => ({ k: logMoneyness(k), totalVariance: totalVariance(sviTotalVariance(slice, logMoneyness(k))) }));

describe("raw SVI", () => {
  it("contains every eSSVI slice", () => {
    const essvi = { theta: 0.04, rho: -0.4, psi: 0.2 };
    for (const k of grid(-2, 2, 21)) {
      const at = logMoneyness(k);
      expect(sviTotalVariance(sviOfEssvi(essvi), at)).toBeCloseTo(essviTotalVariance(essvi, at), 14);
    }
  });
  it.skipIf(!haveVectors)("gives Vogt's published jump-wings parameters", () => {
    const { jw_published: published } = readJson<{
      jw_published: { v: number; psi: number; p: number; c: number; v_tilde: number };
    }>("svi_gatheral_jacquier_vogt.json");
    const wings = jumpWingsOf(VOGT, years(1));
    for (const [computed, printed] of [
      [wings.v, published.v],
      [wings.psi, published.psi],
      [wings.p, published.p],
      [wings.c, published.c],
      [wings.vTilde, published.v_tilde],
    ] as const) {
      expect(Math.abs(computed / printed - 1)).toBeLessThan(1e-6);
    }
  });
  it("has a + bσ at k = m (QuantLib's check)", () => {
    const slice = { a: -0.0666, b: 0.229, sigma: 0.337, rho: 0.439, m: 0.193 };
    expect(sviTotalVariance(slice, logMoneyness(slice.m))).toBeCloseTo(slice.a + slice.b * slice.sigma, 15);
  });
});

describe("findArbitrage on Vogt's slice", () => {
  const found = findArbitrage([VOGT]);
  it("flags one butterfly with the interval where g < 0", () => {
    expect(found).toHaveLength(1);
    expect(found[0]!.kind).toBe("butterfly");
    const { from, to } = found[0]!;
    expect(from).toBeGreaterThan(0.5); // a check of |k| ≤ 0.5 misses it
    for (const [inside, outside] of [
      [from + 1e-6, from - 1e-6],
      [to - 1e-6, to + 1e-6],
    ] as const) {
      expect(durrleman(VOGT, logMoneyness(inside))).toBeLessThan(0);
      expect(durrleman(VOGT, logMoneyness(outside))).toBeGreaterThan(0);
    }
  });
  it("names the worst place: g = −0.03286 at k = 0.88", () => {
    expect(found[0]!.worst).toBeCloseTo(-0.0328635, 6);
    expect(found[0]!.worstK).toBeCloseTo(0.88, 2);
  });
});

describe("fitSvi", () => {
  it("recovers a slice from its own values", () => {
    const truth: RawSvi = { a: 0.01, b: 0.1, rho: -0.35, m: 0.05, sigma: 0.25 };
    const fit = fitSvi({ quotes: quotesOf(truth, grid(-0.8, 0.8, 41)) });
    expect(fit.residual).toBeLessThan(1e-6);
    expect(fit.rho).toBeCloseTo(truth.rho, 3);
  });
  it("fits Vogt's quotes with a slice that is free of arbitrage", () => {
    const fit = fitSvi({ quotes: quotesOf(VOGT, grid(-1.5, 1.5, 41)) });
    expect(findArbitrage([fit])).toEqual([]);
    expect(fit.residual).toBeLessThan(0.02);
  });
  it("asks for five quotes", () => {
    expect(() => fitSvi({ quotes: quotesOf(VOGT, [-0.1, 0, 0.1, 0.2]) })).toThrow(PricingError);
  });
  it.skipIf(!haveVectors)("fits the published smiles, free of arbitrage", () => {
    for (const file of ["smile_sp_fromtheo.csv", "smile_dax_fromtheo.csv"]) {
      const rows = readCsv(file);
      const expiries = [...new Set(rows.map((row) => row.text("t")))];
      expect(expiries.length).toBeGreaterThan(0);
      for (const t of expiries) {
        const quotes = rows
          .filter((row) => row.text("t") === t)
          .map((row) => ({
            k: logMoneyness(row.number("log_moneyness_fwd")),
            totalVariance: totalVariance(row.number("iv") ** 2 * Number(t)),
          }));
        const fit = fitSvi({ quotes, years: years(Number(t)) });
        expect(findArbitrage([fit])).toEqual([]);
        expect(fit.residual, `${file} t ${t}`).toBeLessThan(0.008);
      }
    }
  });
  it.skipIf(!haveVectors)("survives a smile that SVI fits badly", () => {
    const quotes = readCsv("smile_svi_bad_lefloch.csv").map((row) => ({
      k: logMoneyness(Math.log(row.number("strike"))),
      totalVariance: totalVariance(row.number("iv") ** 2),
    }));
    const fit = fitSvi({ quotes, years: years(1) });
    expect(findArbitrage([fit])).toEqual([]);
    expect(fit.residual).toBeLessThan(0.02);
  });
});
