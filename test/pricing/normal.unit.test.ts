import { describe, expect, it } from "vitest";
import { erfcx, inverseNormalCdf, mills, millsSlope, normalCdf, normalPdf } from "../../pricing/index.ts";
import { exactly } from "../../pricing/reference/decimal.ts";
import { cumulative, density, mills as millsReference } from "../../pricing/reference/mills.ts";

/** Units of 2⁻⁵³ by which a double misses a decimal. */
const units = (computed: number, truth: ReturnType<typeof exactly>): number =>
  exactly(computed)
    .div(truth)
    .minus(1)
    .abs()
    .times(2 ** 53)
    .toNumber();

const points = Array.from({ length: 300 }, (_, i) => (4 * (i + 0.37)) / (300 - i - 0.3));

describe("the normal distribution in doubles", () => {
  it("has Mills ratios to 12 units of 2⁻⁵³ on the half line", () => {
    for (const x of points) {
      const m = millsReference(exactly(x));
      expect(units(mills(x), m), `M(${x})`).toBeLessThan(12);
      expect(units(millsSlope(x), exactly(1).minus(exactly(x).times(m))), `N(${x})`).toBeLessThan(12);
    }
  });
  it("keeps the density's relative precision in the tail, where x² is rounded by more than a bit", () => {
    for (const x of points.filter((value) => value < 37)) {
      expect(units(normalPdf(x), density(exactly(x))), `φ(${x})`).toBeLessThan(4);
    }
  });
  it("keeps the left tail's relative precision", () => {
    for (const x of points.filter((value) => value < 37)) {
      expect(units(normalCdf(-x), cumulative(exactly(-x))), `Φ(${-x})`).toBeLessThan(16);
      expect(units(normalCdf(x), cumulative(exactly(x))), `Φ(${x})`).toBeLessThan(8);
    }
  });
  it("scales to erfcx", () => {
    expect(erfcx(0)).toBeCloseTo(1, 15);
    expect(erfcx(1)).toBeCloseTo(0.427583576155807, 14);
    expect(erfcx(1e10)).toBeCloseTo(1 / (1e10 * Math.sqrt(Math.PI)), 24);
    expect(erfcx(-1)).toBeCloseTo(5.00898008076228, 13);
  });
  it("inverts the distribution from 1e-300 to 1 − 1e-15", () => {
    for (const p of [1e-300, 1e-100, 1e-20, 1e-5, 0.02425, 0.3, 0.5, 0.7, 0.999, 1 - 1e-15]) {
      expect(normalCdf(inverseNormalCdf(p)) / p).toBeCloseTo(1, 11);
    }
    expect(inverseNormalCdf(0)).toBe(-Infinity);
    expect(inverseNormalCdf(1)).toBe(Infinity);
  });
});
