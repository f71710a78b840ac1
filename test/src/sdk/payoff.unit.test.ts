import { describe, expect, test } from "vitest";
import type { OptionKind } from "../../../src/chain/optionId.ts";
import { payoffOf } from "../../../src/sdk/payoff.ts";

const [near, far] = [1_770_000_000, 1_770_000_000 + 30 * 86_400];
const market = { spot: 2000, now: near - 20 * 86_400 };
const leg = (contracts: number, strike: number, kind: OptionKind, expiry = near) => {
  return { contracts, strike, kind, expiry, volatility: 0.6 };
};
const at = (payoff: ReturnType<typeof payoffOf>, spot: number) =>
  payoff.points.find((point) => point.spot === spot)?.profit;

describe("profit at expiry", () => {
  test("of a long call: the premium is the most it loses, and there is no most", () => {
    const payoff = payoffOf([leg(2, 2000, "call")], 150, market);
    expect(payoff).toMatchObject({ at: near, least: -150, most: null });
    expect(payoff.breakEvens).toHaveLength(1);
    expect(payoff.breakEvens[0]).toBeCloseTo(2075, 6);
  });

  test("of a short put: it loses until spot is nothing", () => {
    const payoff = payoffOf([leg(-1, 2000, "put")], -80, market);
    expect(payoff.most).toBe(80);
    expect(payoff.least).toBe(-1920);
    expect(payoff.breakEvens[0]).toBeCloseTo(1920, 6);
  });

  test("of a short call: the loss has no end", () => {
    expect(payoffOf([leg(-1, 2000, "call")], -80, market)).toMatchObject({ least: null, most: 80 });
  });

  test("of an iron condor: two break-evens, most between the strikes", () => {
    const legs = [leg(1, 1700, "put"), leg(-1, 1800, "put"), leg(-1, 2200, "call"), leg(1, 2300, "call")];
    const payoff = payoffOf(legs, -30, market);
    expect(payoff).toMatchObject({ most: 30, least: -70 });
    expect(payoff.breakEvens.map((x) => Math.round(x * 1e6) / 1e6)).toEqual([1770, 2230]);
    expect(at(payoff, 1800)).toBe(30);
  });

  test("of a calendar: the far option keeps time value at the strike", () => {
    const payoff = payoffOf([leg(-1, 2000, "call"), leg(1, 2000, "call", far)], 60, market);
    expect(payoff.at).toBe(near);
    // 0.4·σ√τ·S of an option at the money
    expect(at(payoff, 2000)).toBeCloseTo(0.3989 * 0.6 * Math.sqrt(30 / 365) * 2000 - 60, 0);
    expect(payoff.least).toBeCloseTo(-60, 0);
  });
});
