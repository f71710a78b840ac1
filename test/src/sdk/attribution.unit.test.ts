import { describe, expect, test } from "vitest";
import {
  addParts,
  carryParts,
  noParts,
  type ReportBoard,
  type StrikeHolding,
  sumParts,
  swapParts,
  valueRaw,
} from "../../../src/sdk/attribution.ts";
import { Random } from "../../pricing/random.ts";

const WAD = 10n ** 18n;
const RAW = 10n ** 24n;
const YEAR = 31_536_000;
const wad = (value: number) => BigInt(Math.round(value * 1e9)) * 10n ** 9n;

/** A flat slice of 60 % volatility unless told otherwise. */
function board(days: number, forward: number, volatility = 0.6, rho = 0): ReportBoard {
  const theta = volatility ** 2 * ((days * 86_400) / YEAR);
  return {
    expiry: 2_000_000_000,
    effectiveSeconds: BigInt(Math.round(days * 86_400)),
    forwardWad: wad(forward),
    thetaWad: wad(theta),
    psiWad: rho === 0 ? 0n : wad(0.5 * Math.sqrt(theta)),
    rhoWad: wad(rho),
    residualWad: 0n,
    settled: false,
  };
}

const settledAt = (price: number): ReportBoard => ({ ...board(0, price, 0), settled: true });
const shortCalls = (strike: number, contracts = 10): StrikeHolding => ({
  strikeWad: wad(strike),
  calls: BigInt(-contracts) * 1_000_000n,
  puts: 0n,
});
const tokens = (raw: bigint | undefined) => Number(raw ?? 0n) / 1e24;

describe("a strike carried from report to report", () => {
  test("parts add up to the change of value exactly, whatever moves", () => {
    const random = new Random(7);
    for (let i = 0; i < 300; i++) {
      const holding = {
        strikeWad: wad(2000 + 1000 * random.unit()),
        calls: BigInt(random.below(20_000_001) - 10_000_000),
        puts: BigInt(random.below(20_000_001) - 10_000_000),
      };
      const days = 0.1 + 40 * random.unit();
      const [forward, volatility, rho] = [2500 * (0.8 + 0.4 * random.unit()), 0.3 + random.unit(), random.unit() - 0.5];
      const from = board(days, 2500, 0.6, rho);
      const rolled = board(days * random.unit(), 2500, 0.6, rho);
      const to = i % 5 === 0 ? settledAt(forward) : board(days * random.unit(), forward, volatility, rho);
      const parts = noParts();
      addParts(parts, carryParts(holding, from, rolled, to));
      expect(sumParts(parts)).toBe(valueRaw(holding, to) - valueRaw(holding, from));
      expect(parts.rounding).toBe(0n);
    }
  });

  test("time alone is theta, and a short option earns it", () => {
    const parts = carryParts(shortCalls(2500), board(10, 2500), board(9, 2500), board(9, 2500));
    // 10 · 2500 · 0.6/√(2π) · (√(10/365) − √(9/365)), to first order
    expect(tokens(parts.theta)).toBeCloseTo(10 * 2500 * 0.6 * 0.398942 * (Math.sqrt(10 / 365) - Math.sqrt(9 / 365)), 0);
    expect(parts).toMatchObject({ delta: 0n, gamma: 0n, higherOrder: 0n, vega: 0n });
  });

  test("a move of spot is delta, a loss of gamma, and a rest of third order", () => {
    const at = board(30, 2500);
    const part = (move: number) => carryParts(shortCalls(2500), at, at, board(30, 2500 + move));
    const [small, large] = [part(10), part(20)];
    expect(tokens(small.delta)).toBeCloseTo(-10 * 10 * 0.5343, 0); // Φ(σ√τ/2) = Φ(0.0860)
    expect(small.vega).toBe(0n);
    expect(small.theta).toBe(0n);
    expect(tokens(small.gamma)).toBeLessThan(0);
    expect(tokens(large.gamma) / tokens(small.gamma)).toBeCloseTo(4, 6);
    expect(tokens(large.higherOrder) / tokens(small.higherOrder)).toBeCloseTo(8, 0);
  });

  test("a change of volatility alone is vega", () => {
    const at = board(30, 2500);
    const parts = carryParts(shortCalls(2500), at, at, board(30, 2500, 0.61));
    // one volatility point: 10 · F·φ(d1)·√τ/100
    expect(tokens(parts.vega)).toBeCloseTo(-10 * 2500 * 0.3975 * Math.sqrt(30 / 365) * 0.01, 0);
    expect(parts).toMatchObject({ theta: 0n, delta: 0n, gamma: 0n, higherOrder: 0n });
  });

  test("with a skewed surface a move of spot is still no vega where each strike keeps its volatility", () => {
    const at = board(30, 2500, 0.6, 0);
    const moved = carryParts(shortCalls(2600), at, at, board(30, 2550, 0.6, 0));
    const skewed = board(30, 2500, 0.6, -0.5);
    const sliding = carryParts(shortCalls(2600), skewed, skewed, board(30, 2550, 0.6, -0.5));
    expect(moved.vega).toBe(0n);
    expect(tokens(sliding.vega)).not.toBeCloseTo(0, 2); // the smile went with spot: the strike's volatility changed
  });

  test("an expiry is delta to the settlement, theta to the intrinsic value, and the rest gamma", () => {
    const parts = carryParts(shortCalls(2500), board(1, 2520), board(1, 2520), settledAt(2600));
    expect(valueRaw(shortCalls(2500), settledAt(2600))).toBe(-1000n * RAW);
    expect(tokens(parts.theta)).toBeGreaterThan(0);
    expect(tokens(parts.delta)).toBeLessThan(0);
    expect(parts.vega).toBeUndefined();
  });

  test("what is settled does not move", () => {
    expect(carryParts(shortCalls(2500), settledAt(2600), settledAt(2600), settledAt(2600))).toEqual({});
  });
});

describe("a swap", () => {
  test("its parts add up to the cash kept less the value given", () => {
    const divisor = 10n ** 18n; // six decimals
    const given = 123_456_789_012_345_678_901_234n;
    const swap = {
      midWad: 130_000_000_000_000_001n,
      impactWad: -3_000_000_000_000_007n,
      spreadWad: 2_000_000_000_000_011n,
      feeWad: 1_000_000_000_000_013n,
      reportValueWad: given / 1_000_000n + 1n,
      feesAway: 300n,
      givenRaw: given,
    };
    const totalWad = swap.midWad + swap.impactWad + swap.spreadWad + swap.feeWad;
    const cash = totalWad / 10n ** 12n + 1n; // rounded up once
    const parts = noParts();
    addParts(parts, swapParts(swap, divisor));
    expect(sumParts(parts)).toBe((cash - 300n) * divisor - given);
    expect(parts.premium).toBe((swap.midWad - swap.reportValueWad) * 1_000_000n);
    expect(parts.rounding).toBeGreaterThan(0n);
    expect(parts.rounding).toBeLessThan(2n * divisor);
    expect(parts.spread / 1_000_000n / WAD).toBe(0n);
  });
});
