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
  type Slice,
  sliceDerivatives,
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

describe("findArbitrage where it is hard to see", () => {
  it("flags wings steeper than Lee's bound, though g < 0 only far out", () => {
    const steep: RawSvi = { a: 4, b: 2.0005, rho: 1e-3, m: 0, sigma: 0.3 };
    expect(grid(-100, 100, 4001).every((k) => durrleman(steep, logMoneyness(k)) > 0)).toBe(true);
    const found = findArbitrage([steep]);
    expect(found.map(({ kind }) => kind)).toEqual(["butterfly"]);
    expect(found[0]!.from).toBeGreaterThan(100);
    expect(durrleman(steep, logMoneyness(found[0]!.worstK))).toBeLessThan(0);
  });
  it("flags a g below zero on an interval far narrower than its grid", () => {
    const slice: RawSvi = {
      a: -2.8218524907179623e-6,
      b: 1.6318563739308953e-4,
      rho: 0.996647016671375,
      m: -8.485327919498551e-3,
      sigma: 0.21380769541653916,
    };
    const found = findArbitrage([slice]).filter(({ from }) => from < -7.6 && from > -7.7);
    expect(found).toHaveLength(1);
    expect(found[0]!.to - found[0]!.from).toBeLessThan(4e-3);
    expect(found[0]!.worst).toBeLessThan(-2e-8);
  });
  it("flags slices that touch between the points of two interleaved grids", () => {
    const pairs: [Slice, Slice][] = [
      [
        { theta: 2.4868868396927906e-4, rho: -0.9020108742732554, psi: 0.07227110603226813 },
        { theta: 2.6178760922885045e-4, rho: -0.6334291744418442, psi: 0.1482477921759834 },
      ],
      [
        { theta: 0.04713424978747653, rho: -0.07966432104818523, psi: 6.52801412004331e-3 },
        { theta: 0.08972971000707597, rho: -0.6908341349009425, psi: 0.20986622519742792 },
      ],
      [
        {
          a: 3.9213595039463116e-6,
          b: 0.057556643999053074,
          rho: -0.02267490885220468,
          m: 0.04475840350952735,
          sigma: 0.02751916127015925,
        },
        {
          a: -0.07967385504689384,
          b: 0.17495513506230878,
          rho: -0.22384747649542988,
          m: -0.3035779042604502,
          sigma: 0.5765794821220851,
        },
      ],
    ];
    for (const [near, far] of pairs) {
      const found = findArbitrage([near, far]).filter(({ kind }) => kind === "calendar");
      expect(found.length).toBeGreaterThan(0);
      const { worstK } = found[0]!;
      const [early, late] = [near, far].map((slice) => sliceDerivatives(slice, logMoneyness(worstK)).w);
      expect(late!).toBeLessThan(early!);
    }
  });
  it("names the lowest g of a wide interval", () => {
    const slice: RawSvi = {
      a: 0.0208287860892519,
      b: 1.00417971521242,
      rho: -0.996909819407904,
      m: -9.4745447232604e-3,
      sigma: 8.11441459821719e-5,
    };
    const lowest = Math.min(...grid(-0.012, -0.009, 30_001).map((k) => durrleman(slice, logMoneyness(k))));
    expect(findArbitrage([slice])[0]!.worst / lowest).toBeCloseTo(1, 6);
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
  it("gives finite parameters, free of arbitrage, for chains that hardly determine a slice", () => {
    const chains: Record<string, { k: number; w: number; weight?: number }[]> = {
      "one strike": [0.1, 0.1, 0.1, 0.1, 0.1].map((k, i) => ({ k, w: 0.25 + 0.01 * i })),
      "two strikes": [0.1, 0.1, 0.1, 0.2, 0.2].map((k, i) => ({ k, w: 0.25 + 0.01 * i })),
      "one side": [0.1, 0.2, 0.3, 0.4, 0.5].map((k, i) => ({ k, w: 0.25 + 0.01 * i * i })),
      flat: grid(-0.3, 0.3, 7).map((k) => ({ k, w: 0.25 })),
      "one wing": grid(-0.3, 0.3, 7).map((k) => ({ k, w: 0.25 + 0.5 * k })),
      concave: grid(-0.3, 0.3, 7).map((k) => ({ k, w: 0.3 - k * k })),
      "an infinite weight": grid(-0.3, 0.3, 7).map((k, i) => ({ k, w: 0.2 + k * k, weight: i === 2 ? Infinity : 1 })),
      "minute weights": grid(-0.3, 0.3, 7).map((k) => ({ k, w: 0.2 + k * k, weight: 1e-300 })),
    };
    for (const [name, chain] of Object.entries(chains)) {
      const quotes = chain.map(({ k, w, weight = 1 }) => ({
        k: logMoneyness(k),
        totalVariance: totalVariance(w),
        weight,
      }));
      const fit = fitSvi({ quotes });
      expect(Object.values(fit).every(Number.isFinite), name).toBe(true);
      expect(Math.abs(fit.m), name).toBeLessThan(2);
      expect(findArbitrage([fit]), name).toEqual([]);
      expect(fit.residual, name).toBeLessThan(0.05);
    }
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
