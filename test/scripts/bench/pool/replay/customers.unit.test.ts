import { describe, expect, test } from "vitest";
import { closingWish, openingWish, type Wish } from "../../../../../scripts/bench/pool/replay/customers.ts";
import { createRandom } from "../../../../../src/market/random.ts";
import type { Chain, ChainQuote, OptionKind } from "../../../../../src/market/world.ts";

const DAY = 86_400;
const NOW = 1_770_000_000;
const SPOT = 2_000;

const quote = (some: Partial<ChainQuote> = {}): ChainQuote => ({
  instrument: "",
  kind: "call",
  strike: 2_100,
  expiry: NOW + 30 * DAY,
  bid: 0.05,
  ask: 0.052,
  mark: 0.051,
  markIv: 0.6,
  openInterest: 100,
  ...some,
});

const chainOf = (...quotes: readonly ChainQuote[]): Chain => ({
  time: NOW,
  spot: SPOT,
  forwardByExpiry: new Map(quotes.map(({ expiry }) => [expiry, SPOT])),
  quotes,
});

function wishes(count: number, draw: (random: ReturnType<typeof createRandom>) => Wish | undefined): readonly Wish[] {
  const random = createRandom("customers");
  return Array.from({ length: count }, () => draw(random)).filter((wish) => wish !== undefined);
}

describe("customers who open a position", () => {
  test("choose calls and puts as the venue's open interest has them", () => {
    const chain = chainOf(
      quote({ openInterest: 300 }),
      quote({ kind: "put", strike: 1_900, openInterest: 100 }),
      quote({ strike: 2_200, openInterest: 0 }),
    );
    const kinds = wishes(4_000, (random) => openingWish(chain, "buy", random)).map(({ order }) => order.kind);
    expect(kinds).toHaveLength(4_000);
    const calls = kinds.filter((kind: OptionKind) => kind === "call").length;
    expect(calls / 4_000).toBeCloseTo(0.75, 1);
  });

  test("want nothing that the pool does not trade, nor what the venue does not quote", () => {
    const refused = [
      quote({ expiry: NOW + 2 * DAY }),
      quote({ expiry: NOW + 100 * DAY }),
      quote({ strike: 2_110 }),
      quote({ strike: 5_000 }),
      quote({ strike: 1_000 }),
      quote({ ask: undefined }),
    ];
    for (const each of refused) expect(openingWish(chainOf(each), "buy", createRandom(1))).toBeUndefined();
    expect(openingWish(chainOf(quote()), "buy", createRandom(1))).toBeDefined();
  });

  test("pay no less than the venue's ask and fee, and a preference that is 10 bp of spot on average", () => {
    const found = wishes(4_000, (random) => openingWish(chainOf(quote()), "buy", random));
    const over = found.map(({ order, most }) => most / order.size - (0.052 * SPOT + 0.0003 * SPOT));
    expect(Math.min(...over)).toBeGreaterThanOrEqual(0);
    expect(over.reduce((sum, value) => sum + value, 0) / over.length / SPOT).toBeCloseTo(0.001, 4);
  });

  test("sell for what the venue pays less its fee, or less", () => {
    const found = wishes(500, (random) => openingWish(chainOf(quote()), "sell", random));
    for (const { order, most } of found) {
      expect(order.size).toBeLessThan(0);
      expect(most / order.size).toBeLessThanOrEqual(0.05 * SPOT - 0.0003 * SPOT);
      expect(most).toBeLessThanOrEqual(0);
    }
  });

  test("are many small ones and few large ones", () => {
    const sizes = wishes(4_000, (random) => openingWish(chainOf(quote()), "buy", random))
      .map(({ order }) => order.size)
      .toSorted((a, b) => a - b);
    expect(sizes[2_000]).toBeCloseTo(4, 0);
    expect(sizes.reduce((sum, size) => sum + size, 0) / 4_000).toBeGreaterThan(5);
  });
});

describe("customers who close", () => {
  test("give back half of what they hold, or all, and all of what is small", () => {
    const { expiry, strike, kind } = quote();
    const sizes = wishes(200, (random) => closingWish(chainOf(quote()), { expiry, strike, kind, size: 8 }, random));
    expect(new Set(sizes.map(({ order }) => order.size))).toEqual(new Set([-8, -4]));
    const small = wishes(50, (random) => closingWish(chainOf(quote()), { expiry, strike, kind, size: -1 }, random));
    expect(new Set(small.map(({ order }) => order.size))).toEqual(new Set([1]));
  });

  test("wait where the venue does not say what it is worth", () => {
    const held = { expiry: NOW + 30 * DAY, strike: 2_150, kind: "call", size: 8 } as const;
    expect(closingWish(chainOf(quote()), held, createRandom(1))).toBeUndefined();
    expect(
      closingWish(chainOf(quote({ bid: undefined })), { ...held, strike: 2_100 }, createRandom(1)),
    ).toBeUndefined();
  });
});
