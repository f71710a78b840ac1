import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openReplay } from "../../../src/market-data/csvReplay.ts";
import { OracleSchedule } from "../../../src/simulation/oracleSchedule.ts";
import { population } from "../../../src/simulation/population.ts";
import { Tape, tapeOfWorld } from "../../../src/simulation/tape.ts";
import { inventedTape } from "./inventedTape.ts";

const DAY = 86_400;
const data = inventedTape(6, 6);
const tape = new Tape(data);
const [first, second] = [data.fits[3]!, data.fits[4]!];
const directory = process.env.MENISCUS_DATA ?? join(import.meta.dirname, "..", "..", "..", "..", "shared", "data");

describe("a tape", () => {
  test("says at a fit what was fitted, and between two fits strays around their mean", () => {
    for (const fit of [first, second]) {
      expect(tape.slices(fit.time).map(({ theta }) => theta)).toEqual(fit.slices.map(({ theta }) => theta));
    }
    const between = Array.from({ length: 71 }, (_, i) => Math.log(tape.level(first.time + 300 * (i + 1))));
    const steps = between.slice(1).map((x, i) => x - between[i]!);
    const deviation = Math.sqrt(steps.reduce((sum, x) => sum + x * x, 0) / steps.length);
    const expected = 0.5 * Math.sqrt(300 / (365 * DAY)); // half per √year at thirty days
    expect(deviation / expected).toBeGreaterThan(0.7);
    expect(deviation / expected).toBeLessThan(1.4);
  });

  test("an average is that of spot by the second, and what has expired is worth its payoff", () => {
    const expiry = data.from + 2 * DAY + 8 * 3_600;
    const seconds = Array.from({ length: 900 }, (_, i) => tape.spot(expiry - 1_800 + i + 0.5));
    const { average, elapsed } = tape.average(expiry, expiry - 900)!;
    expect(elapsed).toBe(900);
    expect(average).toBeCloseTo(seconds.reduce((sum, x) => sum + x, 0) / 900, 6);
    expect(tape.average(expiry, expiry - 1_800)).toBeUndefined();
    const whole = tape.average(expiry, expiry)!.average;
    expect(tape.value({ expiry, strike: 2_000, kind: "call" }, expiry + 60)).toBeCloseTo(Math.max(0, whole - 2_000), 9);
  });

  test("one liar of four moves the median no further than an honest node stands", () => {
    const rules = (liars: number) => ({ ...population().oracle, liars, spotNoise: 0.001 });
    const errors = (liars: number) => {
      const schedule = new OracleSchedule(tape, rules(liars), 3);
      return Array.from({ length: 400 }, (_, i) => {
        const time = data.from + 60 * i;
        return Number(schedule.spot(time, []).spot) / 1e18 / tape.spot(time) - 1;
      });
    };
    const size = (all: readonly number[]) => Math.sqrt(all.reduce((sum, x) => sum + x * x, 0) / all.length);
    expect(size(errors(0))).toBeGreaterThan(0.0003);
    expect(size(errors(1))).toBeGreaterThan(size(errors(0)));
    expect(Math.max(...errors(1).map(Math.abs))).toBeLessThan(0.0035); // of three honest nodes
    expect(() => errors(2)).toThrow(/liars/);
  });

  test.skipIf(!existsSync(directory))(
    "recorded chains are fitted as nodes fit them: ten strikes within two points",
    async () => {
      const from = Date.UTC(2026, 1, 10) / 1000;
      const world = await openReplay({ directory, from, days: 2 });
      const made = await tapeOfWorld(world, { from, to: from + DAY, fitSeconds: 6 * 3_600 });
      const recorded = new Tape(made);
      const time = made.fits[1]!.time;
      const chain = world.chain(time);
      const listed = made.fits[1]!.listed.filter(({ expiry }) => expiry > time + 5 * DAY).slice(0, 200);
      const errors = listed.map((option) => {
        const quote = chain.quotes.find(({ expiry, strike, kind }) => {
          return expiry === option.expiry && strike === option.strike && kind === option.kind;
        });
        return Math.abs(recorded.value(option, time) - quote!.mark * chain.spot) / recorded.vega(option, time);
      });
      expect(errors.length).toBeGreaterThan(10);
      expect(errors.toSorted((a, b) => a - b)[Math.floor(errors.length / 2)]).toBeLessThan(0.02);
      expect(made.fits).toHaveLength(4);
    },
  );
});
