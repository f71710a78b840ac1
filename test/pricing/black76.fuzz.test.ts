import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { black76, type OptionKind, price, stdDev } from "../../pricing/index.ts";

const at = (forward: number, strike: number, v: number, kind: OptionKind): number =>
  black76({ forward: price(forward), strike: price(strike), stdDev: stdDev(v), kind });

const forwards = fc.double({ min: 1e-3, max: 1e6, noNaN: true });
const lnMoneyness = fc.double({ min: -14, max: 14, noNaN: true });
const deviations = fc.double({ min: 0, max: 25, noNaN: true });

describe("black76 for any forward, strike and deviation", () => {
  it("keeps call − put = F − K to one rounding", () => {
    fc.assert(
      fc.property(forwards, lnMoneyness, deviations, (forward, k, v) => {
        const strike = forward * Math.exp(k);
        const gap = at(forward, strike, v, "call") - at(forward, strike, v, "put") - (forward - strike);
        expect(Math.abs(gap)).toBeLessThanOrEqual(2 * Number.EPSILON * Math.max(forward, strike));
      }),
      { numRuns: 2000 },
    );
  });
  it("stays between intrinsic value and maximum", () => {
    fc.assert(
      fc.property(forwards, lnMoneyness, deviations, (forward, k, v) => {
        const strike = forward * Math.exp(k);
        const call = at(forward, strike, v, "call");
        expect(call).toBeGreaterThanOrEqual(Math.max(forward - strike, 0));
        expect(call).toBeLessThanOrEqual(forward);
      }),
      { numRuns: 2000 },
    );
  });
  it("grows with deviation", () => {
    fc.assert(
      fc.property(forwards, lnMoneyness, deviations, deviations, (forward, k, one, other) => {
        const strike = forward * Math.exp(k);
        const low = at(forward, strike, Math.min(one, other), "put");
        const high = at(forward, strike, Math.max(one, other), "put");
        expect(high).toBeGreaterThanOrEqual(low * (1 - 1e-13));
      }),
      { numRuns: 2000 },
    );
  });
});
