import { describe, expect, test } from "vitest";
import { type FlowFacts, nextOrder } from "../../../src/market/flow.ts";
import { createRandom } from "../../../src/market/random.ts";

const day = 86_400;
const facts: FlowFacts = {
  boards: [
    { expiry: 1_770_000_000, tenor: 1 * day, forward: 2500, stdDev: 0.03 },
    { expiry: 1_770_500_000, tenor: 7 * day, forward: 2505, stdDev: 0.08 },
    { expiry: 1_775_000_000, tenor: 30 * day, forward: 2510, stdDev: 0.17 },
  ],
  positions: [],
  canWrite: true,
  strikeStep: 25,
  minTenor: 2 * day,
  maxTenor: 90 * day,
  typicalSize: 2,
};
const orders = (overrides: Partial<FlowFacts>, count = 400) => {
  const random = createRandom(11);
  return Array.from({ length: count }, () => nextOrder({ ...facts, ...overrides }, random)).filter(
    (order) => order.length > 0,
  );
};

describe("the traders' flow", () => {
  test("buys and writes calls and puts and trades spreads, on the grid and inside the tenors", () => {
    const all = orders({});
    expect(all.some((order) => order.length === 2)).toBe(true);
    for (const kind of ["call", "put"]) {
      for (const side of [1, -1]) {
        expect(all.some(([leg]) => leg?.kind === kind && Math.sign(leg.size) === side)).toBe(true);
      }
    }
    for (const leg of all.flat()) {
      expect(leg.strike % 25).toBe(0);
      expect(leg.expiry).not.toBe(1_770_000_000);
      expect(Math.abs(leg.size)).toBeGreaterThanOrEqual(0.1);
    }
  });

  test("a wallet never writes", () => {
    expect(orders({ canWrite: false }).every((order) => order.length === 1 && (order[0]?.size ?? 0) > 0)).toBe(true);
  });

  test("reduces what is held, never beyond it", () => {
    const held = { expiry: 1_770_500_000, strike: 2600, kind: "call" as const, size: -3 };
    const closings = orders({ positions: [held] }).filter(
      ([leg]) => leg?.strike === 2600 && leg.expiry === held.expiry && leg.size > 0 && leg.kind === "call",
    );
    expect(closings.length).toBeGreaterThan(20);
    expect(closings.some(([leg]) => leg?.size === 3)).toBe(true);
  });

  test("the same seed gives the same flow", () => {
    expect(orders({})).toEqual(orders({}));
  });
});
