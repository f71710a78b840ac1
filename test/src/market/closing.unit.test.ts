import { describe, expect, test } from "vitest";
import { flattenPools } from "../../../src/market/closing.ts";

const option = { expiry: 1_770_000_000, strike: 2500, kind: "call" as const };
const holdings = (...sizes: readonly number[]) =>
  sizes.map((size, holder) => ({ holder, position: { ...option, size } }));
const book = (size: number) => [{ ...option, size }];
const LAST = 9;

describe("flattening the pools", () => {
  test("takes back from whoever stands against the pool, and no more than the pool holds", () => {
    expect(flattenPools([book(-3.8)], holdings(5, -2.5, 1.3), LAST)).toEqual([
      { holder: 0, pool: 0, order: { ...option, size: -3.8 } },
    ]);
  });

  test("buys back what the pool is long, from several", () => {
    expect(flattenPools([book(3.3)], holdings(-1.1, -2.2), LAST)).toEqual([
      { holder: 0, pool: 0, order: { ...option, size: 1.1 } },
      { holder: 1, pool: 0, order: { ...option, size: 2.2 } },
    ]);
  });

  test("leaves what holders have against each other", () => {
    expect(flattenPools([book(0), []], holdings(4, -4), LAST)).toEqual([]);
  });

  test("nobody gives back the same twice, and what pools have against each other goes by the last holder", () => {
    expect(flattenPools([book(-5), book(3)], holdings(2), LAST)).toEqual([
      { holder: 0, pool: 0, order: { ...option, size: -2 } },
      { holder: LAST, pool: 0, order: { ...option, size: -3 } },
      { holder: LAST, pool: 1, order: { ...option, size: 3 } },
    ]);
  });
});
