import { describe, expect, it } from "vitest";
import { black76, type OptionKind, type Price, PricingError, price, type StdDev, stdDev } from "../../pricing/index.ts";
import { black76Reference } from "../../pricing/reference/black76.ts";
import { exactly } from "../../pricing/reference/decimal.ts";
import { unchecked } from "./support/plain.ts";
import { haveVectors, readCsv } from "./support/vectors.ts";

const at = (forward: number, strike: number, v: number, kind: OptionKind): number =>
  black76({ forward: price(forward), strike: price(strike), stdDev: stdDev(v), kind });

describe("black76", () => {
  describe("against decimals, by zones", () => {
    const ratios = [1e-6, 0.01, 0.2, 0.5, 0.9, 0.999, 1, 1 + 1e-9, 1.02, 1.5, 2, 5, 1e6];
    const deviations = [1e-4, 1e-3, 0.01, 0.1, 0.5, 1.3999, 1.4001, 3, 8, 20];
    for (const kind of ["call", "put"] as const) {
      it(`gives every ${kind} to a few units of its conditioning`, () => {
        let checked = 0;
        for (const ratio of ratios) {
          for (const v of deviations) {
            const [forward, strike] = [1999.5, 1999.5 * ratio];
            const truth = black76Reference(forward, strike, v, kind);
            const h = Math.abs(Math.log(ratio)) / v;
            const computed = at(forward, strike, v, kind);
            // Below 1e-290 only the size counts: the last digits are subnormal.
            const error = truth.lt("1e-290") ? computed : exactly(computed).div(truth).minus(1).abs().toNumber();
            // ln(F/K) is rounded once, and h²/2 magnifies it.
            expect(error, `F/K ${1 / ratio} v ${v} ${kind}: ${computed} for ${truth.toPrecision(20)}`).toBeLessThan(
              (12 + 2 * h * (h + 1)) * Number.EPSILON,
            );
            checked += 1;
          }
        }
        expect(checked).toBeGreaterThan(90);
      });
    }
  });

  describe("limits", () => {
    it("is the intrinsic value at zero deviation", () => {
      expect(at(100, 90, 0, "call")).toBe(10);
      expect(at(100, 90, 0, "put")).toBe(0);
      expect(at(100, 100, 0, "call")).toBe(0);
    });
    it("is worth the forward or the strike at infinite deviation", () => {
      const wide = { forward: price(100), strike: price(90), stdDev: unchecked<StdDev>(Infinity) };
      expect(black76({ ...wide, kind: "call" })).toBe(100);
      expect(black76({ ...wide, kind: "put" })).toBe(90);
      expect(at(100, 90, 1000, "call")).toBe(100);
    });
    it("is defined at zero strike and zero forward", () => {
      expect(at(100, 0, 0.5, "call")).toBe(100);
      expect(at(100, 0, 0.5, "put")).toBe(0);
      expect(at(0, 100, 0.5, "call")).toBe(0);
      expect(at(0, 100, 0.5, "put")).toBe(100);
    });
    it("vanishes far out of the money instead of becoming NaN", () => {
      expect(at(1, 1e6, 1e-4, "call")).toBe(0);
      expect(at(1, 1e6, 1e-320, "call")).toBe(0);
    });
    it("raises a typed error on what is not a number or negative", () => {
      for (const bad of [Number.NaN, -1]) {
        expect(() => at(bad, 100, 0.2, "call")).toThrow(PricingError);
        expect(() =>
          black76({ forward: price(100), strike: unchecked<Price>(bad), stdDev: stdDev(0.2), kind: "put" }),
        ).toThrow(PricingError);
      }
    });
  });

  it.skipIf(!haveVectors)("matches QuantLib's black calculator to 1e-12", () => {
    for (const row of readCsv("black76_quantlib.csv")) {
      const kind = row.text("cp") === "C" ? "call" : "put";
      const value =
        at(row.number("forward"), row.number("strike"), row.number("stddev"), kind) * row.number("discount");
      expect(Math.abs(value - row.number("value"))).toBeLessThan(1e-12);
    }
  });
});
