import { describe, expect, it } from "vitest";
import { parseDate, parseDuration, planTicks, ticks, WATCHING_SPEED } from "../../../src/market/clock.ts";

const at = (text: string) => Date.parse(`${text}:00Z`) / 1000;
const unlimited = { worldTo: Infinity };

describe("the schedule of ticks", () => {
  it("starts on the next whole hour and includes both ends", () => {
    expect(planTicks({ ...unlimited, worldFrom: at("2026-01-08T11:19"), days: 14 })).toEqual({
      firstTick: at("2026-01-08T12:00"),
      lastTick: at("2026-01-22T12:00"),
      tickSeconds: 3_600,
      speed: undefined,
    });
  });

  it.each([900, 1_800, 3_600, 7_200, 14_400, 28_800, 86_400])(
    "of %i seconds meets 08:00 UTC every day",
    (tickSeconds) => {
      const { firstTick } = planTicks({ ...unlimited, worldFrom: at("2026-01-31T00:00"), days: 3, tickSeconds });
      expect((at("2026-02-01T08:00") - firstTick) % tickSeconds).toBe(0);
      expect(firstTick).toBeGreaterThanOrEqual(at("2026-01-31T00:00"));
    },
  );

  it("ends with the world when no days are given, and paces itself for a watcher", () => {
    const schedule = planTicks({ worldFrom: at("2026-01-31T00:00"), worldTo: at("2026-02-01T10:30") });
    expect(schedule.lastTick).toBe(at("2026-02-01T10:00"));
    expect(schedule.speed).toBe(WATCHING_SPEED);
    expect(planTicks({ ...unlimited, worldFrom: 0 }).lastTick).toBeUndefined();
  });

  it.each([
    { plan: { tickSeconds: 7_000 }, says: "does not divide a day" },
    { plan: { days: -1 }, says: "--days must be a positive number" },
    { plan: { speed: 0 }, says: "--speed must be a positive number" },
    { plan: { days: 3, worldTo: 86_400 }, says: "The data end at 1970-01-02T00:00 UTC" },
  ])("refuses $plan", ({ plan, says }) => {
    expect(() => planTicks({ worldFrom: 0, worldTo: Infinity, ...plan })).toThrow(says);
  });
});

describe("the ticks themselves", () => {
  const clock = () => {
    const fake = { now: 0, slept: [] as number[] };
    return {
      fake,
      nowMilliseconds: () => fake.now,
      sleep: async (milliseconds: number) => {
        fake.slept.push(milliseconds);
        fake.now += milliseconds;
      },
    };
  };
  const schedule = { firstTick: 0, lastTick: 4 * 3_600, tickSeconds: 3_600 };

  it("come one after another without a pause when there is no speed", async () => {
    const wall = clock();
    const seen: number[] = [];
    for await (const time of ticks({ ...schedule, speed: undefined }, new AbortController().signal, wall))
      seen.push(time);
    expect(seen).toEqual([0, 3_600, 7_200, 10_800, 14_400]);
    expect(wall.fake.slept).toEqual([]);
  });

  it("keep the speed, and do not hurry after slow work", async () => {
    const wall = clock();
    let n = 0;
    for await (const _ of ticks({ ...schedule, speed: 3_600 }, new AbortController().signal, wall)) {
      wall.fake.now += n++ === 1 ? 2_500 : 100;
    }
    // A model hour a second: 100 ms of work leave 900; after the slow second tick the third follows at once and the pace
    // starts anew.
    expect(wall.fake.slept).toEqual([900, 900, 900]);
  });

  it("end when they are aborted", async () => {
    const abort = new AbortController();
    const seen: number[] = [];
    for await (const time of ticks({ ...schedule, speed: undefined }, abort.signal, clock())) {
      seen.push(time);
      if (seen.length === 2) abort.abort();
    }
    expect(seen).toEqual([0, 3_600]);
  });
});

describe("what a person writes", () => {
  it.each([
    ["90", 90],
    ["15m", 900],
    ["1h", 3_600],
    ["0.5d", 43_200],
  ])("%s is %i seconds", (text, seconds) => {
    expect(parseDuration(text)).toBe(seconds);
  });

  it("dates are midnight UTC, or the minute given", () => {
    expect(parseDate("2026-01-31")).toBe(at("2026-01-31T00:00"));
    expect(parseDate("2026-01-31T06:30")).toBe(at("2026-01-31T06:30"));
  });

  it.each(["2026-13-01", "2026-02-30", "yesterday", "31.1.2026", ""])("%s is not a date", (text) => {
    expect(() => parseDate(text)).toThrow("is not a date");
  });

  it("nonsense is not a duration", () => {
    expect(() => parseDuration("soon")).toThrow('"soon" is not a duration');
  });
});
