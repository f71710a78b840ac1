import { describe, expect, it } from "vitest";
import { qlike, SECONDS_PER_YEAR } from "../../../pricing/index.ts";
import type { SpotCandle } from "../../../src/market-data/marketData.ts";
import { ewmaForecast, forecastVolatility, harVolatility } from "../../../src/volatility-oracle/forecast.ts";
import { Random } from "../../pricing/random.ts";

const DAY = 86_400;
const HOUR = 3_600;

/** Hourly candles whose volatility per √year on each day is given. */
function candles(days: number, volatilityOf: (day: number) => number, seed = 1): SpotCandle[] {
  const random = new Random(seed);
  let close = 3_000;
  return Array.from({ length: days * 24 }, (_, i) => {
    const open = close;
    close *= Math.exp(volatilityOf(Math.floor(i / 24)) * Math.sqrt(HOUR / SECONDS_PER_YEAR) * random.normal());
    return { time: 1_700_006_400 + i * HOUR, open, high: Math.max(open, close), low: Math.min(open, close), close };
  });
}

/** Persistent log-volatility about 60 %, by day. */
function persistent(days: number, seed: number): number[] {
  const random = new Random(seed);
  let state = 0;
  return Array.from({ length: days }, () => {
    state = 0.8 * state + 0.35 * random.normal();
    return 0.6 * Math.exp(state);
  });
}

describe("the forecast of nodes", () => {
  it("finds a volatility that does not change, at every horizon", () => {
    const forecast = harVolatility(candles(170, () => 0.6));
    for (const days of [0.1, 1, 3, 7, 20, 30, 90]) expect(forecast(days * DAY)).toBeCloseTo(0.6, 1);
  });

  it("expects wild days to pass, as an average that is the same for every horizon cannot", () => {
    const past = persistent(726, 3);
    const hours = candles(730, (day) => past[day] ?? 1.6);
    const forecast = harVolatility(hours);
    const [day, month] = [1, 30].map((days) => forecast(days * DAY) ?? 0);
    expect(day).toBeGreaterThan(1.15 * (month ?? 0));
    expect(ewmaForecast(hours)(DAY)).toBe(ewmaForecast(hours)(30 * DAY));
  });

  it("loses less than the average over the next week, on volatility that reverts", () => {
    let [har, ewma] = [0, 0];
    for (let seed = 10; seed < 40; seed++) {
      const path = persistent(737, seed);
      const past = candles(730, (day) => path[day] ?? 0, seed);
      const variance = path.slice(730).reduce((sum, v) => sum + v * v, 0) / 7;
      har += qlike((harVolatility(past)(7 * DAY) ?? 0) ** 2, variance);
      ewma += qlike((ewmaForecast(past)(7 * DAY) ?? 0) ** 2, variance);
    }
    expect(har).toBeLessThan(ewma);
  });

  it("is the average where the past is too short, or stands still, and nothing where there is none", () => {
    const short = candles(60, () => 0.6);
    expect(harVolatility(short)(7 * DAY)).toEqual(ewmaForecast(short)(7 * DAY));
    expect(harVolatility(candles(170, () => 0))(DAY)).toBeUndefined();
    expect(harVolatility([])(DAY)).toBeUndefined();
  });

  it("looks no further ahead than its past has taught it: with half a year no fit for a month", () => {
    const [half, whole] = [180, 730].map((days) => candles(days, () => 0.6));
    const perDay = (hours: readonly SpotCandle[], days: number) => (harVolatility(hours)(days * DAY) ?? 0) ** 2 * days;
    // Beyond the longest fit variance grows at the slope of the last piece.
    const slope = (hours: readonly SpotCandle[], from: number, to: number) => perDay(hours, to) - perDay(hours, from);
    expect(slope(half ?? [], 29, 30)).toBeCloseTo(slope(half ?? [], 6, 7), 12);
    expect(slope(whole ?? [], 29, 30)).not.toBeCloseTo(slope(whole ?? [], 6, 7), 12);
  });

  it("survives holes in the past", () => {
    const hours = candles(180, () => 0.6).filter(({ time }, i) => i % 50 !== 0 && Math.floor(time / DAY) % 40 !== 0);
    expect(harVolatility(hours)(7 * DAY)).toBeCloseTo(0.6, 1);
  });

  it("fits once for one list of candles", () => {
    const hours = candles(170, () => 0.6);
    expect(forecastVolatility(hours)).toBe(forecastVolatility(hours));
    expect(forecastVolatility([...hours])).not.toBe(forecastVolatility(hours));
  });
});
