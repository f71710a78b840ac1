import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  dequantiseSlice,
  PricingError,
  quantiseSlice,
  quantiseSurface,
  type SliceWord,
  sliceWordIsButterflyFree,
  sliceWordsAreArbitrageFree,
  sliceWordsAreCalendarFree,
} from "../../pricing/index.ts";

describe("slice words", () => {
  it("keep every field to half a step, the residual rounded up", () => {
    const slice = {
      theta: 0.0123456789012,
      rho: -0.31415926,
      psi: 0.1234567891234,
      basis: -0.0012345678,
      residual: 0.00421,
    };
    const word = quantiseSlice(slice);
    expect(word).toEqual({ theta: 1234567890n, rho: -10294n, psi: 1234567891n, basis: -12346n, residual: 43n });
    const back = dequantiseSlice(word);
    expect(back.theta).toBeCloseTo(slice.theta, 10);
    expect(Math.abs(back.rho - slice.rho)).toBeLessThanOrEqual(2 ** -16);
    expect(back.residual).toBe(0.0043);
  });
  it("come back from their own values", () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 1n, max: 2n ** 40n - 1n }),
        fc.bigInt({ min: 0n, max: 2n ** 36n - 1n }),
        fc.bigInt({ min: -32767n, max: 32767n }),
        fc.bigInt({ min: -(2n ** 23n) + 1n, max: 2n ** 23n - 1n }),
        (theta, psi, rho, basis) => {
          const word: SliceWord = { theta, psi, rho, basis, residual: 0n };
          expect(quantiseSlice(dequantiseSlice(word))).toEqual(word);
        },
      ),
    );
  });
  it("refuse what does not fit", () => {
    const slice = { theta: 0.01, rho: 0, psi: 0.1 };
    for (const bad of [
      { theta: 11 },
      { theta: 0 },
      { theta: Number.NaN },
      { psi: 6.9 },
      { psi: -1 },
      { rho: 1 },
      { rho: -1 },
      { basis: 0.9 },
    ]) {
      expect(() => quantiseSlice({ ...slice, ...bad })).toThrow(PricingError);
    }
  });
  it("saturate the residual", () => {
    expect(quantiseSlice({ theta: 0.01, rho: 0, psi: 0.1, residual: 3 }).residual).toBe(4095n);
  });

  it("hold the butterfly inequalities at their last integer", () => {
    // ρ = 0: ψ² ≤ 4θ, so θ = 0.01 allows ψ = 0.2 exactly.
    const word = { theta: 1_000_000_000n, psi: 2_000_000_000n, rho: 0n, basis: 0n, residual: 0n };
    expect(sliceWordIsButterflyFree(word)).toBe(true);
    expect(sliceWordIsButterflyFree({ ...word, psi: word.psi + 1n })).toBe(false);
    // ρ = 0: ψ ≤ 4.
    const wide = { ...word, theta: 2n ** 40n - 1n, psi: 40_000_000_000n };
    expect(sliceWordIsButterflyFree(wide)).toBe(true);
    expect(sliceWordIsButterflyFree({ ...wide, psi: wide.psi + 1n })).toBe(false);
  });
  it("hold the calendar inequalities at their last integer", () => {
    const near = { theta: 1_000_000n, psi: 50_000_000n, rho: -8192n, basis: 0n, residual: 0n };
    const far = { ...near, theta: 2_000_000n, psi: 100_000_000n };
    expect(sliceWordsAreCalendarFree(near, far)).toBe(true);
    expect(sliceWordsAreCalendarFree(near, { ...far, psi: far.psi + 1n })).toBe(false);
    expect(sliceWordsAreCalendarFree(near, { ...near, psi: near.psi - 1n })).toBe(false);
    expect(sliceWordsAreCalendarFree(near, { ...near, theta: near.theta - 1n })).toBe(false);
    expect(sliceWordsAreCalendarFree(near, { ...near, rho: near.rho + 1n })).toBe(false);
  });

  it("of any slices satisfy every inequality after nudging", () => {
    const slice = fc.record({
      theta: fc.double({ min: 1e-6, max: 10, noNaN: true }),
      rho: fc.double({ min: -0.999, max: 0.999, noNaN: true }),
      psi: fc.double({ min: 0, max: 6, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(slice, { minLength: 1, maxLength: 12 }), (slices) => {
        expect(sliceWordsAreArbitrageFree(quantiseSurface(slices))).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
  it("move a surface with a margin by no more than its steps", () => {
    const slices = [
      { theta: 0.01, rho: -0.3, psi: 0.09 },
      { theta: 0.02, rho: -0.3, psi: 0.13 },
      { theta: 0.05, rho: -0.2, psi: 0.2 },
    ];
    expect(quantiseSurface(slices)).toEqual(slices.map(quantiseSlice));
  });
});
