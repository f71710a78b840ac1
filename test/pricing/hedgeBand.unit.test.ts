import { describe, expect, test } from "vitest";
import { deltaRisk, hedgeBand } from "../../pricing/hedgeBand.ts";
import { Decimal } from "../../pricing/reference/decimal.ts";

const band = { cost: 0.001, spot: 3000, gamma: 0.16, nav: 1e6, aversion: 30 };

describe("the band of Whalley and Wilmott", () => {
  test("is the cube root of 3/2·λ·S·Γ²·NAV/γ, to the last bits", () => {
    for (const gamma of [1e-9, 0.16, -0.16, 5]) {
      for (const nav of [1e4, 1e6, 1e10]) {
        const exact = new Decimal(1.5)
          .mul(band.cost)
          .mul(band.spot)
          .mul(new Decimal(gamma).pow(2))
          .mul(nav)
          .div(band.aversion)
          .cbrt();
        expect(Math.abs(hedgeBand({ ...band, gamma, nav }) / exact.toNumber() - 1)).toBeLessThan(1e-15);
      }
    }
    expect(hedgeBand(band)).toBeCloseTo(15.6594705646755, 12);
  });

  test("balances what trading costs against what risk costs, to the order that it claims", () => {
    // A delta that walks freely inside ±h by Γ·σ·S·√t and is held at the edges by trading: uniform inside, so the risk per year is
    // ½·γ/NAV·σ²·S²·h²/3, and the edges take (Γ·σ·S)²/(2h) of trading a year at λ·S. The least sum stands where the formula says.
    const sigma = 0.6;
    const yearly = (h: number) => {
      const risk = deltaRisk({ worth: h * band.spot, ...band, volatility: sigma, seconds: 31_536_000 }) / 3;
      const traded = (band.gamma * sigma * band.spot) ** 2 / (2 * h);
      return risk + band.cost * band.spot * traded;
    };
    const best = hedgeBand(band);
    expect(yearly(best)).toBeLessThan(yearly(best * 1.01));
    expect(yearly(best)).toBeLessThan(yearly(best * 0.99));
  });
});

test("a delta's risk is quadratic in its worth and linear in time", () => {
  const input = { worth: 300_000, nav: 1e6, aversion: 30, volatility: 0.6, seconds: 3_600 };
  expect(deltaRisk(input)).toBeCloseTo(55.479452054794514, 12);
  expect(deltaRisk({ ...input, worth: 150_000 })).toBeCloseTo(deltaRisk(input) / 4, 12);
  expect(deltaRisk({ ...input, seconds: 7_200 })).toBeCloseTo(deltaRisk(input) * 2, 12);
});
