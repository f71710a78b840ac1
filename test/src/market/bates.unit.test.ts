import { describe, expect, it } from "vitest";
import { type BatesParameters, batesPuts, ethLikeParameters, stepBates } from "../../../src/market/bates.ts";
import { createRandom } from "../../../src/market/random.ts";
import {
  blackPrice,
  impliedStdDevOutOfTheMoney,
  normalCdf,
  outOfTheMoneyPrice,
} from "../../../src/market/venuePricing.ts";

const noJumps = { jumpIntensity: 0, jumpMean: 0, jumpStdDev: 0 };
const put = (p: BatesParameters, variance: number, forward: number, strike: number, years: number) =>
  batesPuts(p, variance, forward, [strike], years)[0] ?? Number.NaN;

describe("the venues' Black-76", () => {
  it.each([
    // Φ to 16 digits (Abramowitz & Stegun's table and its complements).
    { x: 0, phi: 0.5 },
    { x: 1, phi: 0.8413447460685429 },
    { x: -2, phi: 0.022750131948179195 },
    { x: -8, phi: 6.220960574271785e-16 },
  ])("Φ($x) = $phi", ({ x, phi }) => {
    // Seven digits in the far tail, fifteen elsewhere.
    expect(Math.abs(normalCdf(x) / phi - 1)).toBeLessThan(x < -7 ? 1e-7 : 1e-14);
    expect(Math.abs(normalCdf(x) - phi)).toBeLessThan(2e-16);
  });

  it("prices an at-the-money option as F(2Φ(v/2) − 1), and keeps parity", () => {
    expect(blackPrice(100, 100, 0.2, "call")).toBeCloseTo(100 * (2 * 0.539827837277029 - 1), 10);
    expect(blackPrice(100, 80, 0.3, "call") - blackPrice(100, 80, 0.3, "put")).toBeCloseTo(20, 12);
  });

  it("inverts what it prices", () => {
    const strikes = [1_000, 2_000, 2_999, 3_000, 3_001, 4_500, 9_000];
    const cases = strikes
      .flatMap((strike) => [0.01, 0.1, 0.5, 2].map((v) => ({ strike, v, price: outOfTheMoneyPrice(3_000, strike, v) })))
      .filter(({ price }) => price > 1e-6 * 3_000);
    expect(cases.length).toBeGreaterThan(18);
    for (const { strike, v, price } of cases) {
      const found = impliedStdDevOutOfTheMoney(3_000, strike, price) ?? 0;
      expect(Math.abs(found / v - 1), `strike ${strike}, v ${v}`).toBeLessThan(1e-8);
    }
  });

  it("has no answer for a price without information", () => {
    expect(impliedStdDevOutOfTheMoney(3_000, 9_000, 0)).toBeUndefined();
    expect(impliedStdDevOutOfTheMoney(3_000, 9_000, 3_000)).toBeUndefined();
  });
});

describe("COS prices of Bates's model", () => {
  it("give Black's prices when variance does not vary and nothing jumps", () => {
    // ξ = 0 divides by zero; at 1e-5 the smile it makes is below the tolerance.
    const flat: BatesParameters = {
      meanReversion: 2,
      longVariance: 0.36,
      volOfVariance: 1e-5,
      correlation: 0,
      ...noJumps,
    };
    for (const years of [1 / 8_760, 1 / 365, 0.1, 1]) {
      for (const strike of [1_500, 2_700, 2_990, 3_000, 3_300, 6_000]) {
        const black = blackPrice(3_000, strike, Math.sqrt(0.36 * years), "put");
        const error = Math.abs(put(flat, 0.36, 3_000, strike, years) - black);
        expect(error, `strike ${strike}, ${years} years: ${error}`).toBeLessThan(3_000 * 1e-9);
      }
    }
  });

  it("give Merton's series when only jumps remain", () => {
    const merton = { meanReversion: 2, longVariance: 0.09, volOfVariance: 1e-5, correlation: 0 };
    const jumps = { jumpIntensity: 3, jumpMean: -0.1, jumpStdDev: 0.15 };
    const years = 0.5;
    const m = Math.exp(-0.1 + 0.15 ** 2 / 2) - 1;
    for (const strike of [70, 100, 130]) {
      // Σ P(n jumps)·Black with the forward and variance that n jumps leave (Merton 1976).
      let series = 0;
      let probability = Math.exp(-3 * years);
      for (let n = 0; n < 60; n++) {
        const forward = 100 * Math.exp(-3 * m * years + n * (-0.1 + 0.15 ** 2 / 2));
        series += probability * blackPrice(forward, strike, Math.sqrt(0.09 * years + n * 0.15 ** 2), "put");
        probability *= (3 * years) / (n + 1);
      }
      expect(Math.abs(put({ ...merton, ...jumps }, 0.09, 100, strike, years) - series)).toBeLessThan(1e-7);
    }
  });

  it("give Heston's published prices (Fang & Oosterlee 2008, tables 4 and 5)", () => {
    const heston: BatesParameters = {
      meanReversion: 1.5768,
      longVariance: 0.0398,
      volOfVariance: 0.5751,
      correlation: -0.5711,
      ...noJumps,
    };
    // Printed 5.785155450 and 22.318945791; at F = K and no rates put and call agree.
    expect(Math.abs(put(heston, 0.0175, 100, 100, 1) - 5.78515545)).toBeLessThan(2e-8);
    expect(Math.abs(put(heston, 0.0175, 100, 100, 10) - 22.318945791)).toBeLessThan(1e-9);
  });

  it("leave no arbitrage between strikes: rising and convex, above intrinsic value", () => {
    for (const years of [1 / 8_760, 2 / 365, 0.1, 0.5]) {
      const strikes = Array.from({ length: 61 }, (_, i) => 1_500 + 50 * i);
      const puts = batesPuts(ethLikeParameters, 0.2, 3_000, strikes, years);
      for (let i = 1; i + 1 < strikes.length; i++) {
        const [before = 0, here = 0, after = 0] = puts.slice(i - 1, i + 2);
        expect(here).toBeGreaterThanOrEqual(Math.max(0, (strikes[i] ?? 0) - 3_000));
        expect(here - before).toBeGreaterThanOrEqual(-1e-7);
        expect(after - 2 * here + before, `strike ${strikes[i]}, ${years} years`).toBeGreaterThanOrEqual(-1e-7);
      }
    }
  });

  it("agree with the simulated process, whose spot is a martingale", () => {
    const random = createRandom("paths");
    const paths = 20_000;
    const steps = 40;
    const years = 0.1;
    let spotSum = 0;
    let spotSquares = 0;
    let payoffSum = 0;
    let payoffSquares = 0;
    for (let path = 0; path < paths; path++) {
      let state = { logSpot: 0, variance: 0.3 };
      for (let i = 0; i < steps; i++) state = stepBates(ethLikeParameters, state, years / steps, random);
      const spot = Math.exp(state.logSpot);
      const payoff = Math.max(0, 1 - spot);
      spotSum += spot;
      spotSquares += spot * spot;
      payoffSum += payoff;
      payoffSquares += payoff * payoff;
    }
    const errorOf = (sum: number, squares: number) => Math.sqrt((squares / paths - (sum / paths) ** 2) / paths);
    expect(Math.abs(spotSum / paths - 1)).toBeLessThan(4 * errorOf(spotSum, spotSquares));
    const expected = put(ethLikeParameters, 0.3, 1, 1, years);
    expect(Math.abs(payoffSum / paths - expected)).toBeLessThan(4 * errorOf(payoffSum, payoffSquares));
  });
});
