import { expect, test } from "vitest";
import { black76 } from "../../../pricing/black76.ts";
import { price, stdDev } from "../../../pricing/units.ts";
import { type Book, type BookExpiry, bookProfit } from "../../../src/sdk/bookScenario.ts";

const DAY = 86_400;
const YEAR = 365 * DAY;
/** A flat smile of 60 % over 30 days: ψ is next to nothing. */
const month: BookExpiry = { tenor: 30 * DAY, forward: 2000, theta: (0.36 * 30) / 365, psi: 1e-12, rho: 0 };
const call = (calls: number, strike = 2000): Book => ({
  spot: 2000,
  base: 0,
  positions: [{ expiry: month, strike, calls, puts: 0 }],
});
const still = { spot: 0, volatility: 0, days: 0 };
const callWorth = (forward: number, deviation: number) =>
  black76({ forward: price(forward), strike: price(2000), stdDev: stdDev(deviation), kind: "call" });

test("nothing happens where nothing moves", () => {
  expect(bookProfit(call(-3), still)).toBe(0);
});

test("spot, volatility and time each do what Black-76 says", () => {
  const deviation = 0.6 * Math.sqrt((30 * DAY) / YEAR);
  const before = callWorth(2000, deviation);
  expect(bookProfit(call(2), { ...still, spot: 0.1 })).toBeCloseTo(2 * (callWorth(2200, deviation) - before), 6);
  expect(bookProfit(call(2), { ...still, volatility: 0.45 })).toBeCloseTo(
    2 * (callWorth(2000, 1.45 * deviation) - before),
    6,
  );
  // Settled by an average over the last half hour: 20 minutes of it count as no time.
  const share = (20 * DAY - 1200) / (30 * DAY - 1200);
  const later = callWorth(2000, deviation * Math.sqrt(share));
  expect(bookProfit(call(-1), { ...still, days: 10 })).toBeCloseTo(before - later, 6);
});

test("what expires meanwhile is worth its payoff", () => {
  const before = callWorth(2000, 0.6 * Math.sqrt((30 * DAY) / YEAR));
  expect(bookProfit(call(-1), { spot: 0.1, volatility: 0.45, days: 31 })).toBeCloseTo(before - 200, 6);
  expect(bookProfit(call(-1), { spot: -0.1, volatility: -0.3, days: 31 })).toBeCloseTo(before, 6);
});

test("base moves with spot, and a covered call no further than its strike", () => {
  const covered: Book = { ...call(-1), base: 1 };
  const up = bookProfit(covered, { spot: 0.3, volatility: 0, days: 31 });
  expect(bookProfit(covered, { spot: 0.2, volatility: 0, days: 31 })).toBeCloseTo(up, 6);
  expect(bookProfit({ ...call(0), base: 3 }, { ...still, spot: -0.2 })).toBeCloseTo(-1200, 9);
});
