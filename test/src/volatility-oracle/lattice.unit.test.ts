import { describe, expect, test } from "vitest";
import { black76, price, SECONDS_PER_YEAR, stdDev } from "../../../pricing/index.ts";
import type { MarketSnapshot, OptionQuote } from "../../../src/market-data/marketData.ts";
import { ewmaForecast } from "../../../src/volatility-oracle/forecast.ts";
import { LATTICE_X, observeSurface } from "../../../src/volatility-oracle/lattice.ts";
import { levelByForecast, type SeenGap } from "../../../src/volatility-oracle/level.ts";
import { agreedSpot } from "../../../src/volatility-oracle/sources.ts";
import { NOW } from "./observations.ts";

const DAY = 86_400;
const EXPIRY = NOW + 30 * DAY;
const YEARS = 30 / 365;
const FORWARD = 3_030;
const strikes = Array.from({ length: 49 }, (_, i) => 1_500 + 75 * i);
const smile = (k: number, level = 0.6) => level - 0.1 * k + 0.2 * k * k;

/** Out-of-the-money quotes around a smile, half a vol point to each side. */
function quotesOf(level: number, half = 0.005, time = NOW): OptionQuote[] {
  return strikes.map((strike) => {
    const kind = strike >= FORWARD ? "call" : "put";
    const at = (volatility: number) =>
      black76({
        forward: price(FORWARD),
        strike: price(strike),
        stdDev: stdDev(volatility * Math.sqrt(YEARS)),
        kind,
      });
    const middle = smile(Math.log(strike / FORWARD), level);
    return { expiry: EXPIRY, strike, kind, bid: at(middle - half), ask: at(middle + half), time };
  });
}

const venue = (quotes: readonly OptionQuote[], spot = 3_000, time = NOW): MarketSnapshot => {
  return { time, spot, chains: [{ expiry: EXPIRY, forward: FORWARD, quotes }] };
};

/** Volatilities at the lattice; null where nothing was seen. */
function seen(snapshots: readonly MarketSnapshot[], frame: Partial<Parameters<typeof observeSurface>[1]> = {}) {
  const [found] = observeSurface(snapshots, { time: NOW, ...frame });
  return found?.totalVariance.map((w) => (w === null ? null : Math.sqrt(w / YEARS)));
}
const atTheMoney = LATTICE_X.indexOf(0);

describe("one venue", () => {
  test("is read where the lattice is, linear between its strikes", () => {
    const [found] = observeSurface([venue(quotesOf(0.6))], { time: NOW });
    expect(found?.basis).toBeCloseTo(0.01, 12);
    for (const [i, x] of LATTICE_X.entries()) {
      const w = found?.totalVariance[i];
      const expected = smile(x * Math.sqrt(YEARS));
      if (w) expect(Math.abs(Math.sqrt(w / YEARS) - expected), `x = ${x}`).toBeLessThan(3e-4);
      if (w) expect(found?.halfWidth[i]).toBeCloseTo(0.005, 3);
    }
    expect(found?.totalVariance.filter((w) => w !== null)).toHaveLength(LATTICE_X.length);
  });

  test.for<readonly [string, (quote: OptionQuote) => OptionQuote]>([
    ["crossed", ({ bid, ask, ...quote }) => ({ ...quote, bid: ask * 2, ask: bid * 2 })],
    ["locked", (quote) => ({ ...quote, ask: quote.bid })],
    ["without a bid", (quote) => ({ ...quote, bid: 0 })],
    ["far too wide", (quote) => ({ ...quote, bid: quote.bid / 20, ask: quote.ask * 5 })],
    ["above what any volatility gives", (quote) => ({ ...quote, bid: 2 * FORWARD, ask: 3 * FORWARD })],
    ["old", (quote) => ({ ...quote, time: NOW - 61 })],
    [
      "in the money, where it is worth less than at once",
      (quote) => {
        return { ...quote, kind: quote.kind === "call" ? "put" : "call", bid: 1, ask: 2 };
      },
    ],
  ])("a quote that is %s is as good as none", ([, spoil]) => {
    const good = quotesOf(0.6);
    const without = good.filter((_, i) => i % 4 !== 0);
    expect(seen([venue(good.map((quote, i) => (i % 4 === 0 ? spoil(quote) : quote)))])).toEqual(seen([venue(without)]));
    expect(seen([venue(good)])).not.toEqual(seen([venue(without)]));
  });

  test("with fewer than three quotes has no view; nothing is read beyond the outermost", () => {
    expect(seen([venue(quotesOf(0.6).slice(19, 21))])).toBeUndefined();
    const narrow = seen([venue(quotesOf(0.6).slice(15, 26))]);
    expect(narrow?.[0]).toBeNull();
    expect(narrow?.[atTheMoney]).toBeCloseTo(0.6, 3);
  });
});

describe("several venues", () => {
  test("two that are equally sure meet in the middle; one that is less sure weighs less", () => {
    expect(seen([venue(quotesOf(0.6)), venue(quotesOf(0.62))])?.[atTheMoney]).toBeCloseTo(0.61, 3);
    const unsure = seen([venue(quotesOf(0.6)), venue(quotesOf(0.62, 0.02))])?.[atTheMoney] ?? 0;
    // Weights 1/(0.005²/3 + 0.005²) and 1/(0.02²/3 + 0.005²): the truth lies anywhere inside bid and ask.
    const [sure, less] = [0.005, 0.02].map((half) => half ** 2 / 3 + 0.005 ** 2) as [number, number];
    expect(unsure).toBeCloseTo(0.6 + 0.02 * (sure / (sure + less)), 3);
  });

  test("K20 where two differ by more than their widths, the width says so", () => {
    const [found] = observeSurface([venue(quotesOf(0.6)), venue(quotesOf(0.7))], { time: NOW });
    expect(found?.halfWidth[atTheMoney]).toBeCloseTo(0.05, 3);
  });

  test("K20 of three one that is wild moves nothing much", () => {
    const wild = seen([venue(quotesOf(0.6)), venue(quotesOf(2)), venue(quotesOf(0.602))])?.[atTheMoney] ?? 0;
    expect(wild).toBeGreaterThan(0.5999);
    expect(wild).toBeLessThan(0.6021);
  });

  test("K20 one that is stale or knows nothing leaves the other's view", () => {
    const alone = seen([venue(quotesOf(0.6))]);
    expect(seen([venue(quotesOf(0.6)), venue(quotesOf(0.9, 0.005, NOW - 100), 3_000, NOW - 100)])).toEqual(alone);
    expect(seen([venue([]), venue(quotesOf(0.6))])).toEqual(alone);
  });

  test("the basis is each venue's forward against its own index", () => {
    const [found] = observeSurface([venue(quotesOf(0.6), 3_000), venue(quotesOf(0.6), 2_990)], { time: NOW });
    expect(found?.basis).toBeCloseTo((FORWARD / 3_000 + FORWARD / 2_990) / 2 - 1, 12);
  });
});

describe("the forecast", () => {
  const level = levelByForecast(
    () => 0.9,
    () => ({ gap: 0, disagreement: 0.09 }),
  );

  test("has next to nothing to say beside fresh, tight quotes", () => {
    const blended = seen([venue(quotesOf(0.6))], { level })?.[atTheMoney] ?? 0;
    expect(blended).toBeGreaterThan(0.6);
    expect(blended).toBeLessThan(0.6003);
  });

  test("says more beside wide and beside older ones, and moves the whole smile by one factor", () => {
    const plain = seen([venue(quotesOf(0.6, 0.05))]) ?? [];
    const wide = seen([venue(quotesOf(0.6, 0.05))], { level }) ?? [];
    const tight = seen([venue(quotesOf(0.6))], { level }) ?? [];
    const older = seen([venue(quotesOf(0.6, 0.005, NOW - 59))], { level }) ?? [];
    const factors = wide.map((volatility, i) => (volatility ?? 0) / (plain[i] ?? 1));
    for (const factor of factors) expect(factor).toBeCloseTo(factors[0] ?? 0, 12);
    // m = 4·(0.1/0.6)²/12, a = 0.09/(0.09 + m): ln σ = a·ln 0.6 + (1 − a)·ln 0.9.
    const noise = (4 * (0.1 / 0.6) ** 2) / 12;
    expect(wide[atTheMoney]).toBeCloseTo(0.6 * 1.5 ** (noise / (0.09 + noise)), 3);
    expect(older[atTheMoney]).toBeGreaterThan(tight[atTheMoney] ?? 1);
  });

  test("lies where it usually does against quotes, and what is seen of that is handed on", () => {
    const gap = 2 * Math.log(0.6 / 0.9);
    const seenGaps: SeenGap[] = [];
    const usual = levelByForecast(
      () => 0.9,
      () => ({ gap, disagreement: 0.09 }),
      (item) => seenGaps.push(item),
    );
    expect(seen([venue(quotesOf(0.6, 0.05))], { level: usual })?.[atTheMoney]).toBeCloseTo(0.6, 3);
    expect(seenGaps).toEqual([{ tenor: 30 * DAY, gap: expect.closeTo(gap, 2), noise: expect.closeTo(0.00926, 4) }]);
    const nothing = levelByForecast(
      () => undefined,
      () => ({ gap, disagreement: 0.09 }),
    );
    const quotes = [venue(quotesOf(0.6, 0.05))];
    expect(seen(quotes, { level: nothing })).toEqual(seen(quotes));
  });

  test("is exponentially weighted realised volatility; two days are the least", () => {
    const closes = Array.from({ length: 400 }, (_, i) => 3_000 * Math.exp(0.005 * (i % 2)));
    const hours = closes.map((close, i) => ({ time: i * 3_600, open: close, high: close, low: close, close }));
    expect(ewmaForecast(hours)(DAY)).toBeCloseTo(0.005 * Math.sqrt(SECONDS_PER_YEAR / 3_600), 10);
    expect(ewmaForecast(hours.slice(0, 47))(DAY)).toBeUndefined();
    const still = hours.map((hour) => ({ ...hour, close: 3_000 }));
    expect(ewmaForecast(still)(DAY)).toBeUndefined();
  });
});

describe("K20 spot that venues agree on", () => {
  test.for([
    [[3_000], 3_000],
    [[3_000, 3_010], 3_005],
    [[3_000, 3_010, 9_000], 3_005],
    [[1, 3_000, 3_010, 3_020], 3_010],
  ] as const)("of %j is %d", ([prices, spot]) => expect(agreedSpot(prices)).toBe(spot));

  test.for([[[3_000, 3_200]], [[1_000, 3_000, 9_000]]] as const)("of %j is nobody's", ([prices]) => {
    expect(() => agreedSpot(prices)).toThrow(/do not agree on spot/);
  });
});
