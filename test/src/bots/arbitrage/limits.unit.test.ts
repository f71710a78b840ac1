import { expect, test } from "vitest";
import { type Greeks, noGreeks, scaled } from "../../../../src/bots/arbitrage/greeks.ts";
import { isStopped, isWithinLimits, lotsWithin, type RiskLimits } from "../../../../src/bots/arbitrage/limits.ts";
import { createRandom } from "../../../../src/market/random.ts";

const limits: RiskLimits = { delta: 10, gamma: 1, vega: 1_000, theta: 50, loss: 100 };
const greeks = (changes: Partial<Greeks>): Greeks => ({ ...noGreeks, ...changes });

test("a risk may be raised to its limit, and lowered from beyond it", () => {
  expect(isWithinLimits(greeks({ delta: 9 }), greeks({ delta: 1 }), limits)).toBe(true);
  expect(isWithinLimits(greeks({ delta: 9 }), greeks({ delta: 1.1 }), limits)).toBe(false);
  expect(isWithinLimits(greeks({ delta: 30 }), greeks({ delta: -1 }), limits)).toBe(true);
  expect(isWithinLimits(greeks({ delta: 30 }), greeks({ delta: -1, vega: 1_001 }), limits)).toBe(false);
  expect(isWithinLimits(greeks({ delta: 30 }), greeks({ delta: -70 }), limits)).toBe(false);
});

test("the most lots are those beyond which a limit breaks", () => {
  const random = createRandom("limits");
  const draw = () => 2 * random.uniform() - 1;
  let bounded = 0;
  for (let i = 0; i < 2_000; i++) {
    const held = { delta: 20 * draw(), gamma: 2 * draw(), vega: 1_500 * draw(), theta: 80 * draw() };
    const perLot = { delta: 0.1 * draw(), gamma: 0.02 * draw(), vega: 20 * draw(), theta: draw() };
    const lots = lotsWithin(held, perLot, limits, 10_000n);
    const allowed = (n: bigint) => n === 0n || isWithinLimits(held, scaled(perLot, Number(n)), limits);
    expect(allowed(lots), `${lots} lots`).toBe(true);
    expect(allowed(lots + 1n), `${lots} lots and one`).toBe(false);
    if (lots > 0n) bounded += 1;
  }
  expect(bounded).toBeGreaterThan(100);
  expect(lotsWithin(noGreeks, noGreeks, limits, 7n)).toBe(7n);
});

test("a bot stops when it has lost its limit from its best", () => {
  expect(isStopped({ now: 950, best: 1_000 }, limits)).toBe(false);
  expect(isStopped({ now: 900, best: 1_000 }, limits)).toBe(true);
});
