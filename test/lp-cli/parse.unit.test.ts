import { describe, expect, test } from "vitest";
import {
  parseAmount,
  parseExpiry,
  parseInteger,
  parseOption,
  parseOrder,
  parsePercent,
  parsePeriod,
  parsePrice,
} from "../../lp-cli/parse.ts";
import { MeniscusError } from "../../src/runtime/errors.ts";
import { pool } from "./somePool.ts";

const expiry = Date.UTC(2026, 1, 13, 8) / 1000;
const call = (strike: number) => ({ marketId: 1, expiry, strike, kind: "call" });

function refusal(action: () => unknown): MeniscusError {
  try {
    action();
  } catch (error) {
    if (error instanceof MeniscusError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

describe("amounts", () => {
  test.each([
    ["1", 1_000_000n],
    ["1_000.5", 1_000_500_000n],
    [".25", 250_000n],
    ["0.000001", 1n],
    ["123456789012345678", 123_456_789_012_345_678_000_000n],
  ])("%s is exact", (text, units) => expect(parseAmount(text, 6, "USDC")).toBe(units));

  test.each(["", "abc", "-1", "1e3", "1,5", "0x10", "1.2345678", "0", "0.0", "."])("%j is refused", (text) =>
    expect(refusal(() => parseAmount(text, 6, "USDC")).kind).toBe("usage"),
  );
});

describe("orders", () => {
  test("a size and an option", () => {
    const order = parseOrder(["2.5", "ETH-13FEB26-2000-C"], pool, 1n);
    expect(order).toEqual({ legs: [{ terms: call(2000), size: 2_500_000n }], count: 2_500_000n });
  });

  test("an option alone is one contract; selling turns it round", () => {
    expect(parseOrder(["eth-13feb26-2000-c"], pool, -1n)).toEqual({
      legs: [{ terms: call(2000), size: -1_000_000n }],
      count: 1_000_000n,
    });
  });

  test("a package keeps the signs of its legs and its limit is for one", () => {
    const { legs, count } = parseOrder(["+1", "ETH-13FEB26-2000-C", "-2", "ETH-13FEB26-2200-C"], pool, 1n);
    expect(legs.map(({ size }) => size)).toEqual([1_000_000n, -2_000_000n]);
    expect(count).toBe(1_000_000n);
  });

  test("a number before a package repeats it", () => {
    const { legs, count } = parseOrder(["3", "+1", "ETH-13FEB26-2000-C", "-0.5", "ETH-13FEB26-2200-C"], pool, -1n);
    expect(legs.map(({ size }) => size)).toEqual([-3_000_000n, 1_500_000n]);
    expect(count).toBe(3_000_000n);
  });

  test.each([
    [[]],
    [["1"]],
    [["1", "2", "3"]],
    [["ETH-13FEB26-2000"]],
    [["1", "ETH-31FEB26-2000-C"]],
    [["1", "ETH-13FEB26-2000-C", "1"]],
    [["-2", "+1", "ETH-13FEB26-2000-C"]],
    [["0.0000001", "ETH-13FEB26-2000-C"]],
    [["0", "ETH-13FEB26-2000-C"]],
  ])("%j is refused with an example", (tokens) => {
    expect(refusal(() => parseOrder(tokens, pool, 1n)).kind).toBe("usage");
  });

  test("an option of another market names the pool's", () => {
    expect(refusal(() => parseOption("BTC-13FEB26-90000-C", pool)).message).toContain("trades ETH, not BTC");
  });
});

describe("other arguments", () => {
  test("expiries are 08:00 UTC", () => expect(parseExpiry("13FEB26")).toBe(expiry));
  test("an impossible day is refused", () =>
    expect(refusal(() => parseExpiry("30FEB26")).message).toContain("30FEB26"));
  test("per cent with and without its sign", () => {
    expect(parsePercent("1", "slippage")).toBe(0.01);
    expect(parsePercent("0.5 %", "slippage")).toBe(0.005);
    expect(refusal(() => parsePercent("101", "slippage")).kind).toBe("usage");
  });
  test("prices may be negative", () => expect(parsePrice("-20.5")).toBe(-20.5));
  test("integers keep their bounds", () => {
    expect(parseInteger("255", "account", 0, 255)).toBe(255);
    for (const text of ["256", "-1", "1.5", "x", ""]) {
      expect(refusal(() => parseInteger(text, "account", 0, 255)).kind).toBe("usage");
    }
  });
});

describe("periods", () => {
  const day = (d: number, hour = 0) => Date.UTC(2026, 1, d, hour) / 1000;
  const now = day(20);

  test("days, times and spans; a last day is whole", () => {
    expect(parsePeriod({}, now)).toEqual({ from: undefined, to: undefined });
    expect(parsePeriod({ from: "2026-02-01", to: "2026-02-03" }, now)).toEqual({ from: day(1), to: day(4) });
    expect(parsePeriod({ to: "2026-02-03T06:00" }, now)).toEqual({ from: undefined, to: day(3, 6) });
    expect(parsePeriod({ last: "7d" }, now)).toEqual({ from: day(13), to: undefined });
  });

  test.each([
    [{ from: "yesterday" }, /not a date/],
    [{ from: "2026-02-30" }, /not a date/],
    [{ last: "soon" }, /not a duration/],
    [{ from: "2026-02-02", to: "2026-02-01" }, /ends before it begins/],
    [{ from: "2026-02-02", last: "7d" }, /period of its own/],
  ])("%j is refused", (options, says) => expect(refusal(() => parsePeriod(options, now)).message).toMatch(says));
});
