import { describe, expect, it } from "vitest";
import { GENERATED_FROM, generateWorld } from "../../../src/market/generator.ts";
import { listedExpiries } from "../../../src/market/listing.ts";
import { blackPrice } from "../../../src/market/venuePricing.ts";
import { SECONDS_PER_DAY, SECONDS_PER_YEAR } from "../../../src/market/world.ts";

const day = (text: string) => Date.parse(`${text}Z`) / 1000;
const dates = (seconds: readonly number[]) => seconds.map((time) => new Date(time * 1000).toISOString().slice(0, 16));

describe("listed expiries", () => {
  it("are three days, three Fridays, three months and two quarters, each date once", () => {
    expect(dates(listedExpiries(day("2026-01-31T09:00")).map(({ expiry }) => expiry))).toEqual([
      "2026-02-01T08:00",
      "2026-02-02T08:00",
      "2026-02-03T08:00",
      "2026-02-06T08:00",
      "2026-02-13T08:00",
      "2026-02-20T08:00",
      "2026-02-27T08:00",
      "2026-03-27T08:00",
      "2026-04-24T08:00",
      "2026-06-26T08:00",
    ]);
  });

  it("drop the one that expires at that second", () => {
    expect(dates(listedExpiries(day("2026-02-06T08:00")).map(({ expiry }) => expiry))[0]).toBe("2026-02-07T08:00");
    expect(dates(listedExpiries(day("2026-02-06T07:59")).map(({ expiry }) => expiry))[0]).toBe("2026-02-06T08:00");
  });
});

describe("a generated world", () => {
  const world = generateWorld({ seed: 7 });

  it("opens at the spot it was given and has a past for forecasts", () => {
    expect(world.firstTime).toBe(GENERATED_FROM);
    expect(world.spot(world.firstTime)).toBeCloseTo(3_000, 9);
    const past = world.minuteCandles(world.firstTime - 30 * SECONDS_PER_DAY, world.firstTime);
    expect(past).toHaveLength(30 * 1_440);
    expect(past.at(-1)?.close).toBeCloseTo(3_000, 9);
    const yearly = past.reduce((sum, { open, close }) => sum + Math.log(close / open) ** 2, 0) * (365 / 30);
    expect(Math.sqrt(yearly)).toBeGreaterThan(0.2);
    expect(Math.sqrt(yearly)).toBeLessThan(1.5);
  });

  it("is the same for the same seed, in whatever order it is asked", () => {
    const other = generateWorld({ seed: 7 });
    const late = world.firstTime + 9 * SECONDS_PER_DAY;
    const lateChain = other.chain(late);
    expect(other.chain(world.firstTime)).toEqual(world.chain(world.firstTime));
    expect(lateChain).toEqual(world.chain(late));
    expect(generateWorld({ seed: 8 }).spot(late)).not.toBe(world.spot(late));
  });

  it("has quotes that fit its forwards: marks are Black at the mark's volatility, bid < mark < ask, on the grid", () => {
    const chain = world.chain(world.firstTime + 5 * 3_600);
    expect(chain.quotes.length).toBeGreaterThan(400);
    expect(chain.quotes.length).toBeLessThan(1_200);
    for (const quote of chain.quotes) {
      const forward = chain.forwardByExpiry.get(quote.expiry) ?? 0;
      const v = quote.markIv * Math.sqrt((quote.expiry - chain.time) / SECONDS_PER_YEAR);
      // markIv has four decimals and the wing's mark may be below what a volatility can say.
      expect(
        Math.abs(blackPrice(forward, quote.strike, v, quote.kind) / forward - quote.mark),
        quote.instrument,
      ).toBeLessThan(3e-5);
      expect(quote.bid ?? 0).toBeLessThan(quote.ask ?? Infinity);
      expect(quote.bid ?? 0).toBeLessThanOrEqual(quote.mark);
      expect(quote.ask ?? Infinity).toBeGreaterThanOrEqual(quote.mark);
    }
    // In coin, C − P = 1 − K/F at every strike.
    for (const call of chain.quotes.filter(({ kind }) => kind === "call")) {
      const put = chain.quotes.find((q) => q.kind === "put" && q.strike === call.strike && q.expiry === call.expiry);
      const forward = chain.forwardByExpiry.get(call.expiry) ?? 0;
      expect(Math.abs(call.mark - (put?.mark ?? 0) - 1 + call.strike / forward)).toBeLessThan(2e-6);
    }
  });

  it("keeps every strike that it has listed until its expiry, and lists new ones", () => {
    const first = world.chain(world.firstTime);
    const later = world.chain(world.firstTime + 4 * SECONDS_PER_DAY);
    const names = new Set(later.quotes.map(({ instrument }) => instrument));
    const [alive, expired] = [true, false].map((wanted) =>
      first.quotes.filter(({ expiry }) => expiry > later.time === wanted),
    );
    expect(alive?.length).toBeGreaterThan(200);
    expect(alive?.filter(({ instrument }) => !names.has(instrument))).toEqual([]);
    expect(expired?.length).toBeGreaterThan(100);
    expect(expired?.filter(({ instrument }) => names.has(instrument))).toEqual([]);
    expect(names.size).toBeGreaterThan(alive?.length ?? 0);
  });

  it("says when a time before its beginning is asked for", () => {
    expect(() => world.chain(world.firstTime - 3_600)).toThrow(
      "The generated world begins at 2026-01-01T00:00:00.000Z",
    );
  });
});
