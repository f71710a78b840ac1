import { describe, expect, it } from "vitest";
import {
  type Black76Greeks,
  black76,
  black76Greeks,
  type OptionKind,
  premiumAdjustedDelta,
  price,
  stdDev,
  volatility,
  years,
} from "../../pricing/index.ts";

interface State {
  readonly forward: number;
  readonly strike: number;
  readonly sigma: number;
  readonly time: number;
}

const greeksAt = (state: State, kind: OptionKind): Black76Greeks =>
  black76Greeks({
    forward: price(state.forward),
    strike: price(state.strike),
    volatility: volatility(state.sigma),
    years: years(state.time),
    kind,
  });

/** Central difference, fourth order. */
function slope(of: (state: State) => number, state: State, variable: keyof State): number {
  const h = 1e-3 * state[variable];
  const at = (steps: number): number => of({ ...state, [variable]: state[variable] + steps * h });
  return (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * h);
}

/** Each Greek as the slope of a simpler one. `time` runs towards expiry, so Greeks in t are minus the slope in τ. */
const CHAIN: [keyof Black76Greeks, keyof Black76Greeks, keyof State, 1 | -1][] = [
  ["delta", "price", "forward", 1],
  ["dualDelta", "price", "strike", 1],
  ["vega", "price", "sigma", 1],
  ["theta", "price", "time", -1],
  ["gamma", "delta", "forward", 1],
  ["dualGamma", "dualDelta", "strike", 1],
  ["vanna", "delta", "sigma", 1],
  ["vanna", "vega", "forward", 1],
  ["volga", "vega", "sigma", 1],
  ["vomma", "vega", "sigma", 1],
  ["charm", "delta", "time", -1],
  ["veta", "vega", "time", -1],
  ["speed", "gamma", "forward", 1],
  ["zomma", "gamma", "sigma", 1],
  ["color", "gamma", "time", -1],
  ["ultima", "volga", "sigma", 1],
];

describe("black76Greeks", () => {
  for (const kind of ["call", "put"] as const) {
    for (const [greek, base, variable, sign] of CHAIN) {
      it(`${kind}: ${greek} is the slope of ${base} in ${variable}`, () => {
        for (const strike of [1500, 1950, 2000, 2600]) {
          const state = { forward: 2000, strike, sigma: 0.7, time: 0.1 };
          const analytic = greeksAt(state, kind)[greek];
          const numeric = sign * slope((moved) => greeksAt(moved, kind)[base], state, variable);
          const scale = Math.max(Math.abs(analytic), Math.abs(numeric));
          expect(Math.abs(analytic - numeric), `K ${strike}: ${analytic} for ${numeric}`).toBeLessThan(
            1e-7 * scale + 1e-12,
          );
        }
      });
    }
  }

  it("reads a deviation alone as the volatility of one year", () => {
    const alone = black76Greeks({ forward: price(100), strike: price(110), stdDev: stdDev(0.2), kind: "call" });
    const both = greeksAt({ forward: 100, strike: 110, sigma: 0.2, time: 1 }, "call");
    expect(alone).toEqual(both);
  });

  it("has finite limits at zero deviation", () => {
    for (const strike of [90, 100, 110]) {
      const greeks = greeksAt({ forward: 100, strike, sigma: 0, time: 1 }, "put");
      expect(Object.values(greeks).every(Number.isFinite)).toBe(true);
    }
    expect(greeksAt({ forward: 100, strike: 90, sigma: 0, time: 1 }, "call").delta).toBe(1);
    expect(greeksAt({ forward: 100, strike: 110, sigma: 0, time: 1 }, "put").delta).toBe(-1);
  });
});

describe("black76Greeks at the ends of the doubles", () => {
  const ends = [1e-320, 1e-160, 1e-20, 1e-5, 1, 40, 1e3, 1e154, 1e300];
  it("is never NaN", () => {
    let checked = 0;
    for (const forward of [0, 1e-300, 100, 1e300]) {
      for (const strike of [0, 1e-300, 100, 110, 1e300]) {
        for (const v of [0, ...ends]) {
          for (const time of [0, 1e-10, 1, 1e10]) {
            for (const kind of ["call", "put"] as const) {
              const greeks = black76Greeks({
                forward: price(forward),
                strike: price(strike),
                stdDev: stdDev(v),
                years: years(time),
                kind,
              });
              expect(Object.entries(greeks).filter(([, value]) => Number.isNaN(value))).toEqual([]);
              checked += 1;
            }
          }
        }
      }
    }
    expect(checked).toBe(1600);
  });
  it("takes the limits of delta", () => {
    const deltas = (forward: number, strike: number, v: number) => {
      const call = black76Greeks({ forward: price(forward), strike: price(strike), stdDev: stdDev(v), kind: "call" });
      return [call.delta, call.dualDelta];
    };
    expect(deltas(100, 110, 1e-200)).toEqual([0, -0]);
    expect(deltas(110, 100, 1e-200)).toEqual([1, -1]);
    expect(deltas(100, 110, 1e200)).toEqual([1, -0]);
  });
});

describe("premiumAdjustedDelta", () => {
  it("counts the kink half, as delta does", () => {
    const input = { forward: price(100), strike: price(100), stdDev: stdDev(0), kind: "put" } as const;
    expect(premiumAdjustedDelta(input)).toBe(black76Greeks(input).delta);
  });

  it("is the delta less the premium in coin", () => {
    for (const kind of ["call", "put"] as const) {
      for (const strike of [80, 100, 130]) {
        const input = { forward: price(100), strike: price(strike), stdDev: stdDev(0.3), kind };
        expect(premiumAdjustedDelta(input)).toBeCloseTo(black76Greeks(input).delta - black76(input) / 100, 14);
      }
    }
  });
});
