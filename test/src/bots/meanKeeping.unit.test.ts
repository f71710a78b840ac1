import { describe, expect, test } from "vitest";
import { isMeanAtRisk } from "../../../src/bots/meanKeeping.ts";

const expiry = 1_800_000_000;
const MINUTE = 60;
const windowStart = expiry - 30 * MINUTE;
const longAgo = windowStart - 86_400;

describe("the mean is recorded", () => {
  test.each([
    ["a quarter of an hour after the expiry, not before", 15 * MINUTE, longAgo, true],
    ["not a second earlier where the pool remembers long", 15 * MINUTE - 1, longAgo, false],
    ["at once where the pool hardly reaches back to the window", 0, windowStart - 15 * MINUTE + 1, true],
    ["not yet where it reaches a quarter of an hour further", 0, windowStart - 15 * MINUTE, false],
    ["never before the expiry", -1, windowStart, false],
  ] as const)("%s", (_, waited, remembersSince, wanted) => {
    expect(isMeanAtRisk({ now: expiry + waited, expiry, hasAverage: false, remembersSince })).toBe(wanted);
  });

  test("never where the oracle has said its average", () => {
    expect(isMeanAtRisk({ now: expiry + 86_400, expiry, hasAverage: true, remembersSince: windowStart })).toBe(false);
  });
});
