import { describe, expect, test } from "vitest";
import { fitBlend, type GapObservation, noGapHistory, usualGap, withGap } from "../../pricing/index.ts";
import { Random } from "./random.ts";

const DAY = 86_400;
const START = 1_770_000_000;
const learn = (observations: readonly GapObservation[]) => observations.reduce(withGap, noGapHistory);

/** Gaps about a mean, with spread and noise as variances. */
function gaps(count: number, every: number, { mean = 0.3, spread = 0.04, noise = 0.02 } = {}): GapObservation[] {
  const random = new Random(7);
  return Array.from({ length: count }, (_, i) => {
    const gap = mean + Math.sqrt(spread + noise) * random.normal();
    return { time: START + i * every, gap, noise };
  });
}

describe("before any observation", () => {
  test("there is no gap, and the prior's disagreement: that of a fit to nothing", () => {
    const { gap, disagreement } = fitBlend([], { horizonDays: 7 });
    expect(usualGap(noGapHistory, 7)).toEqual({ gap, disagreement });
  });
});

describe("the moments", () => {
  test("are the sums of their definition, whatever the times", () => {
    const random = new Random(3);
    let time = START;
    const observations = Array.from({ length: 200 }, () => {
      time += 3_600 + Math.floor(random.unit() * 3 * DAY);
      return { time, gap: random.normal(), noise: random.unit() / 10 };
    });
    const weights = observations.map(({ time: at }, i) => {
      const before = observations[i - 1]?.time;
      const days = before === undefined ? 1 / 24 : Math.min(1, (at - before) / DAY);
      return days * 2 ** ((at - time) / (30 * DAY));
    });
    const sum = (of: (observation: GapObservation) => number) =>
      observations.reduce((total, observation, i) => total + (weights[i] ?? 0) * of(observation), 0);
    const days = sum(() => 1);
    const mean = sum(({ gap }) => gap) / days;
    const squares = sum(({ gap, noise }) => (gap - mean) ** 2 - noise);
    const history = learn(observations);
    expect(history.days / days).toBeCloseTo(1, 12);
    expect(history.mean).toBeCloseTo(mean, 12);
    expect(history.squares / squares).toBeCloseTo(1, 10);
    expect(usualGap(history, 7).disagreement).toBeCloseTo((10 * 0.09 + squares / 7) / (10 + days / 7), 12);
  });

  test("find mean and disagreement among noise, sooner at short horizons", () => {
    const history = learn(gaps(24 * 365, 3_600));
    expect(history.mean).toBeCloseTo(0.3, 1);
    // Half a life of 30 days covers 30/ln 2 days.
    expect(history.days).toBeCloseTo(30 / Math.LN2, 1);
    const [day, month] = [1, 30].map((horizon) => usualGap(history, horizon).disagreement) as [number, number];
    expect(Math.abs(day - 0.04)).toBeLessThan(0.012);
    expect(month).toBeGreaterThan(day);
    expect(month).toBeLessThan(0.09);
  });

  test("two ways to measure never agree better than the least", () => {
    // Quotes that lie at one distance, and were said to be noisy.
    const still = gaps(200, DAY).map((observation) => ({ ...observation, gap: 0.3 }));
    expect(usualGap(learn(still), 1).disagreement).toBe(0.01);
  });

  test("follow a change of regime within its half-life", () => {
    const before = gaps(200, DAY, { mean: 0.3, spread: 0, noise: 0 });
    const after = Array.from({ length: 30 }, (_, i) => ({ time: START + (200 + i) * DAY, gap: -0.1, noise: 0 }));
    expect(learn([...before, ...after]).mean).toBeCloseTo(0.1, 2);
  });
});

test.for([
  ["an earlier time", { time: START, gap: 0, noise: 0 }],
  ["no number", { time: START + 1, gap: Number.NaN, noise: 0 }],
  ["infinite noise", { time: START + 1, gap: 0, noise: Infinity }],
] as const)("%s is refused", ([, observation]) => {
  const history = learn([{ time: START, gap: 0.1, noise: 0 }]);
  expect(() => withGap(history, observation)).toThrow(/later than the one before/);
});
