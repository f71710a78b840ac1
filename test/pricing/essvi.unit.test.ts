import { describe, expect, it } from "vitest";
import {
  type EssviSlice,
  essviDerivatives,
  essviIsButterflyFree,
  essviIsCalendarFree,
  essviTotalVariance,
  findArbitrage,
  logMoneyness,
} from "../../pricing/index.ts";

const slice: EssviSlice = { theta: 0.04, rho: -0.5, psi: 0.2 };

describe("essvi", () => {
  it("is θ at the money and has wings of slope ψ(1±ρ)/2", () => {
    expect(essviTotalVariance(slice, logMoneyness(0))).toBe(0.04);
    const right = essviTotalVariance(slice, logMoneyness(1e6)) / 1e6;
    const left = essviTotalVariance(slice, logMoneyness(-1e6)) / 1e6;
    expect(right).toBeCloseTo(0.5 * 0.2 * 0.5, 6);
    expect(left).toBeCloseTo(0.5 * 0.2 * 1.5, 6);
  });
  it("has the derivatives of its own values", () => {
    for (const k of [-1.3, -0.2, 0, 0.05, 0.8]) {
      const h = 1e-4;
      const at = (shift: number): number => essviTotalVariance(slice, logMoneyness(k + shift));
      const { w, dw, ddw } = essviDerivatives(slice, logMoneyness(k));
      expect(w).toBeCloseTo(at(0), 15);
      expect(dw).toBeCloseTo((at(h) - at(-h)) / (2 * h), 7);
      expect(ddw).toBeCloseTo((at(h) - 2 * at(0) + at(-h)) / (h * h), 5);
    }
  });
  it("names butterflies at both bounds", () => {
    expect(essviIsButterflyFree(slice)).toBe(true);
    expect(essviIsButterflyFree({ theta: 0.04, rho: -0.5, psi: 0.327 })).toBe(false); // ψ² (1+|ρ|) > 4θ
    expect(essviIsButterflyFree({ theta: 10, rho: 0.5, psi: 2.67 })).toBe(false); // ψ(1+|ρ|) > 4
    expect(essviIsButterflyFree({ theta: 0, rho: 0, psi: 0 })).toBe(false);
  });
  it("names crossings at each of the three bounds", () => {
    expect(essviIsCalendarFree(slice, { theta: 0.05, rho: -0.5, psi: 0.22 })).toBe(true);
    expect(essviIsCalendarFree(slice, slice)).toBe(true);
    expect(essviIsCalendarFree(slice, { theta: 0.039, rho: -0.5, psi: 0.2 })).toBe(false);
    expect(essviIsCalendarFree(slice, { theta: 0.05, rho: -0.3, psi: 0.21 })).toBe(false);
    expect(essviIsCalendarFree(slice, { theta: 0.041, rho: -0.5, psi: 0.22 })).toBe(false);
  });
});

describe("findArbitrage on eSSVI", () => {
  it("sees nothing where the inequalities hold, alone or in an object", () => {
    const surface = [slice, { theta: 0.05, rho: -0.5, psi: 0.22 }];
    expect(findArbitrage(surface)).toEqual([]);
    expect(findArbitrage({ slices: surface })).toEqual([]);
  });
  it("flags a crossing with its interval", () => {
    const found = findArbitrage([slice, { theta: 0.041, rho: -0.2, psi: 0.2 }]);
    expect(found.map(({ kind, slice: index }) => [kind, index])).toEqual([["calendar", 1]]);
    expect(found[0]!.to).toBeLessThan(0);
    expect(found[0]!.worst).toBeLessThan(0);
  });
  it("flags wings steeper than Lee allows and variance that is not positive", () => {
    expect(findArbitrage([{ theta: 1, rho: 0, psi: 4.4 }]).some(({ kind }) => kind === "butterfly")).toBe(true);
    const negative = findArbitrage([{ a: -0.1, b: 0.1, rho: 0, m: 0, sigma: 0.2 }]);
    expect(negative.some(({ worst }) => worst === -Infinity)).toBe(true);
  });
});
