import { describe, expect, it } from "vitest";
import {
  black76,
  impliedStdDev,
  normalisedImpliedStdDev,
  type Price,
  PricingError,
  price,
  stdDev,
} from "../../pricing/index.ts";
import { normalisedBlack } from "../../pricing/reference/black76.ts";
import { exactly } from "../../pricing/reference/decimal.ts";
import { unchecked } from "./support/plain.ts";
import { haveVectors, readCsv } from "./support/vectors.ts";

const codeOf = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    if (error instanceof PricingError) return error.code;
    throw error;
  }
  return "nothing raised";
};

describe("normalisedImpliedStdDev", () => {
  it("is within twice the attainable accuracy on x ∈ [−256, 0], s ∈ [1e-4, 25]", () => {
    const steps = 24;
    let checked = 0;
    for (let i = 0; i <= steps; i += 1) {
      for (let j = 0; j <= steps; j += 1) {
        const x = i === 0 ? 0 : -256 * 10 ** (-8 * (1 - i / steps));
        const s = j === steps ? 25 : 1e-4 * 250_000 ** (j / steps);
        if (-x / s > 40 + s) continue; // underflows
        const { price: truth, conditioning } = normalisedBlack(x, s);
        const beta = truth.toNumber();
        if (beta < 2.3e-308) continue; // a subnormal price has lost digits
        const implied = normalisedImpliedStdDev(x, beta);
        const attainable = conditioning.plus(1).times(2 ** -52);
        const ratio = exactly(implied).div(exactly(s)).minus(1).abs().div(attainable).toNumber();
        expect(ratio, `x ${x} s ${s} price ${beta}: ${implied}`).toBeLessThan(2);
        checked += 1;
      }
    }
    expect(checked).toBeGreaterThan(400);
  });

  it("gives zero for no time value", () => {
    expect(normalisedImpliedStdDev(-0.1, 0)).toBe(0);
    expect(normalisedImpliedStdDev(0, 0)).toBe(0);
  });
  it("gives the least deviation that rounds to a price at its maximum", () => {
    expect(normalisedImpliedStdDev(0, 1)).toBeGreaterThan(16);
    expect(normalisedImpliedStdDev(0, 1)).toBeLessThan(18);
  });
  it("inverts subnormal prices to the attainable accuracy of the double as it stands", () => {
    // Roots of ln b(x, s) = ln β in 50 digits.
    for (const [x, beta, root] of [
      [-1, 5e-324, 0.02612499187126311],
      [-1, 1e-323, 0.02613733468435968],
      [-0.1, 3e-320, 0.002632320773027708],
      [-5, 5e-324, 0.13048218072926224],
      [-20, 3e-320, 0.5245582587396486],
      [-80, 1e-310, 2.129260146184112],
    ] as const) {
      expect(Math.abs(normalisedImpliedStdDev(x, beta) / root - 1), `${x} ${beta}`).toBeLessThan(5e-16);
    }
    expect(normalisedImpliedStdDev(0, 5e-324)).toBeLessThan(2e-323);
  });
  it("follows the normal law where log-moneyness and price are tiny: b(cx, cs) = c·b(x, s)", () => {
    for (const ratio of [1e-3, 1, 30]) {
      const scaled = normalisedImpliedStdDev(-1e-12, 1e-12 * ratio) / 1e-12;
      for (const scale of [1e-40, 1e-100, 1e-200, 1e-290]) {
        const implied = normalisedImpliedStdDev(-scale, scale * ratio);
        expect(Math.abs(implied / (scaled * scale) - 1), `${ratio} ${scale}`).toBeLessThan(4e-15);
      }
    }
  });
  it("raises a typed error outside the no-arbitrage bounds", () => {
    expect(codeOf(() => normalisedImpliedStdDev(-0.1, -1e-300))).toBe("PriceBelowIntrinsic");
    expect(codeOf(() => normalisedImpliedStdDev(-0.1, Math.exp(-0.05) * (1 + 1e-14)))).toBe("PriceAboveMaximum");
    expect(codeOf(() => normalisedImpliedStdDev(-0.1, Infinity))).toBe("PriceAboveMaximum");
    expect(codeOf(() => normalisedImpliedStdDev(Number.NaN, 0.1))).toBe("NotANumber");
    expect(codeOf(() => normalisedImpliedStdDev(-0.1, Number.NaN))).toBe("NotANumber");
  });
});

const of = (value: number, forward: number, strike: number, kind: "call" | "put"): number =>
  impliedStdDev({ price: unchecked<Price>(value), forward: price(forward), strike: price(strike), kind });

describe("impliedStdDev", () => {
  it("recovers the deviation of QuantLib's printed price", () => {
    expect(of(4.292010941409885, 100, 110, "call")).toBeCloseTo(0.2, 14);
    expect(of(14.292010941409899, 100, 110, "put")).toBeCloseTo(0.2, 14);
  });
  it("accepts both bounds themselves, whatever the ratio of forward and strike", () => {
    for (const ratio of [1, 1.1, 20, 1e20, 1e80, 1e300]) {
      const [low, high] = [0.7 / Math.sqrt(ratio), 0.7 * Math.sqrt(ratio)];
      for (const [forward, strike, kind] of [
        [high, low, "call"],
        [high, low, "put"],
        [low, high, "call"],
        [low, high, "put"],
      ] as const) {
        const largest = kind === "call" ? forward : strike;
        const intrinsic = Math.max(kind === "call" ? forward - strike : strike - forward, 0);
        expect(of(intrinsic, forward, strike, kind)).toBe(0);
        // Where the smaller is below the rounding of the larger, the bounds are one double.
        if (largest > intrinsic) expect(of(largest, forward, strike, kind)).toBeGreaterThan(15);
      }
    }
  });
  it("forms no ratio that a double cannot hold", () => {
    const v = of(5e-201, 1e-200, 1e200, "call");
    const back = black76({ forward: price(1e-200), strike: price(1e200), stdDev: stdDev(v), kind: "call" });
    expect(back / 5e-201).toBeCloseTo(1, 11);
    expect(v).toBeGreaterThan(40);
  });
  it("raises a typed error outside the bounds, for both kinds", () => {
    expect(codeOf(() => of(9.99, 100, 90, "call"))).toBe("PriceBelowIntrinsic");
    expect(codeOf(() => of(100.01, 100, 90, "call"))).toBe("PriceAboveMaximum");
    expect(codeOf(() => of(9.99, 90, 100, "put"))).toBe("PriceBelowIntrinsic");
    expect(codeOf(() => of(100.01, 90, 100, "put"))).toBe("PriceAboveMaximum");
    expect(codeOf(() => of(-1, 100, 110, "call"))).toBe("PriceBelowIntrinsic");
    expect(codeOf(() => of(Number.NaN, 100, 110, "call"))).toBe("OutOfDomain");
    expect(codeOf(() => of(1, 0, 110, "call"))).toBe("OutOfDomain");
  });
  it.skipIf(!haveVectors)("matches the published Let's-Be-Rational cases", () => {
    let checked = 0;
    for (const row of readCsv("black_iv_letsberational_a.csv")) {
      const forward = row.number("forward");
      const strike = row.number("strike");
      const value = row.number("price_undiscounted");
      const years = row.number("t");
      const kind = row.text("cp") === "C" ? "call" : "put";
      const intrinsic = Math.max(kind === "call" ? forward - strike : strike - forward, 0);
      if (years === 0 || !(value - intrinsic > 1e-12 * value)) continue; // carries no information
      const implied = of(value, forward, strike, kind) / Math.sqrt(years);
      const published = row.number("implied_vol");
      // An in-the-money price keeps only the digits of its time value.
      const digits = 1e-12 + (2e-15 * value) / (value - intrinsic);
      expect(Math.abs(implied / published - 1), `${forward} ${strike} ${kind} ${value}`).toBeLessThan(digits);
      checked += 1;
    }
    expect(checked).toBeGreaterThan(300);
  });
});
