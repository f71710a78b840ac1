import { describe, expect, test } from "vitest";
import { flattenPool } from "../../../src/market/closing.ts";

const option = { expiry: 1_770_000_000, strike: 2500, kind: "call" as const };

describe("flattening the pool", () => {
  test("takes back from whoever stands against the pool, and no more than the pool holds", () => {
    const held = [
      { trader: 0, position: { ...option, size: 5 } },
      { trader: 1, position: { ...option, size: -2.5 } },
      { trader: 2, position: { ...option, size: 1.3 } },
    ];
    // Traders are long 3.8 in all: the pool is short 3.8.
    expect(flattenPool(held)).toEqual([{ trader: 0, order: { ...option, size: -3.8 } }]);
  });

  test("buys back what the pool is long, from several", () => {
    const held = [
      { trader: 0, position: { ...option, size: -1.1 } },
      { trader: 1, position: { ...option, size: -2.2 } },
    ];
    expect(flattenPool(held)).toEqual([
      { trader: 0, order: { ...option, size: 1.1 } },
      { trader: 1, order: { ...option, size: 2.2 } },
    ]);
  });

  test("leaves what traders hold against each other", () => {
    const held = [
      { trader: 0, position: { ...option, size: 4 } },
      { trader: 1, position: { ...option, size: -4 } },
    ];
    expect(flattenPool(held)).toEqual([]);
  });
});
