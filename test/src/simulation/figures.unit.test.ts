import { describe, expect, test } from "vitest";
import { createRandom } from "../../../src/market/random.ts";
import { chained, figuresOf, sharpeOf } from "../../../src/simulation/figures.ts";

const DAY = 86_400;
const series = (values: readonly number[]) => values.map((value, i) => ({ time: i * DAY, value }));

describe("figures of a share price", () => {
  test("return, fall, shortfall and the worst month of a series that can be worked out by hand", () => {
    // Forty days up by a thousandth, one down by a twentieth, ten days flat.
    const values = [1];
    for (let i = 0; i < 40; i++) values.push(values.at(-1)! * 1.001);
    values.push(values.at(-1)! * 0.95);
    for (let i = 0; i < 10; i++) values.push(values.at(-1)!);
    const figures = figuresOf(series(values));
    expect(figures.totalReturn).toBeCloseTo(1.001 ** 40 * 0.95 - 1, 12);
    expect(figures.annualReturn).toBeCloseTo((1.001 ** 40 * 0.95) ** (365 / 51) - 1, 12);
    expect(figures.maxDrawdown).toBeCloseTo(0.05, 12);
    expect(figures.expectedShortfall).toBeCloseTo(0.05, 12); // one day is 2.5 % of 51
    expect(figures.worstMonth).toBeCloseTo(0.95 * 1.001 ** 19 - 1, 12);
  });

  test("Sharpe is mean over deviation by √365, and the bootstrap's interval holds it", () => {
    const returns = [0.01, -0.01, 0.02, 0, 0.005];
    const deviation = Math.sqrt((0.005 ** 2 + 0.015 ** 2 + 0.015 ** 2 + 0.005 ** 2) / 4);
    expect(sharpeOf(returns)).toBeCloseTo((0.005 / deviation) * Math.sqrt(365), 12);
    const values = [1];
    const random = createRandom(3);
    for (let i = 0; i < 200; i++) values.push(values.at(-1)! * (1 + returns[Math.floor(5 * random.uniform())]!));
    const { sharpe, sharpeLow, sharpeHigh } = figuresOf(series(values));
    expect(sharpeLow).toBeLessThan(sharpe);
    expect(sharpeHigh).toBeGreaterThan(sharpe);
    expect(sharpeHigh - sharpeLow).toBeGreaterThan(0.5);
  });

  test("periods are chained where the one before ended", () => {
    expect(chained([series([2, 3]), series([10, 5])]).map(({ value }) => value)).toEqual([1, 1.5, 1.5, 0.75]);
  });
});
