import { describe, expect, test } from "vitest";
import {
  expiriesToAverage,
  recentExpiries,
  runningAverage,
  windowOf,
} from "../../../src/volatility-oracle/averages.ts";

const E = Date.UTC(2026, 1, 6, 8) / 1000;
const minutes = Array.from({ length: 40 }, (_, i) => ({ time: E - 2_100 + i * 60, price: 3_000 + i }));

describe("the average before an expiry", () => {
  test("is wanted from the second after its window begins until two days after", () => {
    expect(expiriesToAverage(E - 1_800, [E])).toEqual([]);
    expect(expiriesToAverage(E - 1_799, [E])).toEqual([E]);
    expect(expiriesToAverage(E + 2 * 86_400, [E, E])).toEqual([E]);
    expect(expiriesToAverage(E + 2 * 86_400 + 1, [E])).toEqual([]);
  });

  test("covers what has passed of the window and nothing else", () => {
    expect(windowOf(E, E - 600)).toEqual({ from: E - 1_800, until: E - 600 });
    expect(windowOf(E, E + 600)).toEqual({ from: E - 1_800, until: E });
    const inWindow = (n: number) => minutes.slice(5, 5 + n).reduce((sum, { price }) => sum + price, 0) / n;
    expect(runningAverage(E, E - 600, minutes)).toEqual({ expiry: E, average: inWindow(20), elapsed: 1_200 });
    expect(runningAverage(E, E + 600, minutes)).toEqual({ expiry: E, average: inWindow(30), elapsed: 1_800 });
    expect(runningAverage(E, E, [])).toBeUndefined();
  });

  test("may be owed to the two daily expiries that came last", () => {
    expect(recentExpiries(E)).toEqual([E - 86_400, E]);
    expect(recentExpiries(E - 1)).toEqual([E - 2 * 86_400, E - 86_400]);
  });
});
