import { describe, expect, test } from "vitest";
import { FloatEngine } from "../../../src/simulation/engines/floatEngine.ts";
import { TwinEngine } from "../../../src/simulation/engines/twinEngine.ts";
import { type Knobs, termsOf } from "../../../src/simulation/knobs.ts";
import { type Population, population } from "../../../src/simulation/population.ts";
import { runMarket } from "../../../src/simulation/runMarket.ts";
import { Tape, type TapeData } from "../../../src/simulation/tape.ts";
import { inventedTape } from "./inventedTape.ts";

const HOURLY = { surfaceSeconds: 3_600 };
const tape = inventedTape(1, 12);

function run(people: Population, knobs: Knobs = {}, seed = 1, data: TapeData = tape) {
  const engine = new FloatEngine(termsOf(knobs));
  return runMarket({ tape: new Tape(data), population: people, seed, engine, isHedged: true });
}

describe("a run", () => {
  test("is the same for the same seed, and another for another", () => {
    const people = population({ oracle: HOURLY, noise: { buyers: 0.95, preference: 0.003 } });
    const rough = inventedTape(2, 12, 0.012);
    const [one, again, other] = [1, 1, 2].map((seed) => run(people, {}, seed, rough));
    expect(again).toEqual(one);
    expect(other!.finalSharePrice).not.toBe(one!.finalSharePrice);
    expect(one!.acts.swap).toBeGreaterThan(100);
    expect(one!.acts.settle).toBeGreaterThan(3);
    expect(one!.acts.hedge).toBeGreaterThan(0);
  });

  test("to the unit and in float64 is the same trades, and a share price within 1e-9", () => {
    const people = population({ oracle: HOURLY, informed: { everySeconds: 120 } });
    const [twin, float] = [TwinEngine, FloatEngine].map((Engine) => {
      const engine = new Engine(termsOf({}));
      return runMarket({ tape: new Tape(inventedTape(3, 4)), population: people, seed: 5, engine, isHedged: true });
    });
    expect(float!.acts).toEqual(twin!.acts);
    expect(Math.abs(float!.finalSharePrice / twin!.finalSharePrice - 1)).toBeLessThan(1e-9);
  });

  test("LPs earn on customers, and what they earn falls the more the informed know", () => {
    const rough = inventedTape(2, 12, 0.012);
    const gained = (informed: Partial<Population["informed"]>, knobs: Knobs = {}) => {
      const people = population({
        oracle: { ...HOURLY, spotSeconds: 12 },
        noise: { count: 0 },
        hedgers: { count: 0 },
        arbitrageurs: { count: 0 },
        informed: { everySeconds: 20, leastGain: 0.5, ...informed },
      });
      return run(people, knobs, 1, rough).flow.informed?.gained ?? 0;
    };
    const bare = { ageMultiplier: 0, worseOfSeconds: 0 };
    const [far, near] = [gained({ leadSeconds: 120 }, bare), gained({ leadSeconds: 10 }, bare)];
    expect(near).toBeGreaterThan(0);
    expect(far).toBeGreaterThan(2 * near);
    expect(gained({ leadSeconds: 10 }, { ageMultiplier: 2.5 })).toBeLessThan(near);
    const [alone, beset] = [0, 3].map((count) => {
      return run(
        population({ oracle: HOURLY, informed: { count, leadSeconds: 120, everySeconds: 20 } }),
        bare,
        1,
        rough,
      );
    });
    expect(beset!.finalSharePrice).toBeLessThan(alone!.finalSharePrice);
  });

  test("without liquidators writers fall short where the market runs away, and the fund pays first", () => {
    const wild = inventedTape(9, 12, 0.05);
    const people = (liquidatorDelayHours: number | null) =>
      population({ oracle: HOURLY, noise: { buyers: 0.2, preference: 0.02 }, keepers: { liquidatorDelayHours } });
    const [absent, there] = [run(people(null), {}, 1, wild), run(people(0), {}, 1, wild)];
    expect(absent.shortfall).toBeGreaterThan(0);
    expect(absent.insured).toBeGreaterThan(0);
    expect(absent.insured).toBeLessThanOrEqual(absent.shortfall);
    expect(absent.liquidations).toBe(0);
    expect(there.liquidations).toBeGreaterThan(0);
    expect(there.shortfall).toBeLessThan(absent.shortfall);
  });

  test("keepers who miss marks and hedges are missed, LPs come, and leave together where the share price falls", () => {
    const missed = run(population({ oracle: HOURLY, keepers: { missedMarks: 0.5, missedHedges: 1 } }));
    const usual = run(population({ oracle: HOURLY }));
    expect(missed.acts.hedge).toBeUndefined();
    expect(missed.acts.mark).toBeLessThan(0.7 * usual.acts.mark!);
    const runs = run(population({ oracle: HOURLY, providers: { entriesPerMonth: 30, runAt: 0.001 } }));
    expect(runs.acts.deposit).toBeGreaterThan(5);
    expect(runs.acts.redeem).toBeGreaterThan(2);
  });
});
