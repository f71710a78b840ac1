import { describe, expect, test } from "vitest";
import {
  drawdownOf,
  type Interval,
  intervalsOf,
  residualOf,
  riskOf,
} from "../../../../../scripts/bench/pool/replay/figures.ts";
import { type StatementPart, type StatementRow, statementParts } from "../../../../../src/sdk/statement.ts";

const HOUR = 3_600;
const DAY = 24 * HOUR;

function partsOf(some: Partial<Record<StatementPart, number>>): Record<StatementPart, number> {
  const parts = Object.fromEntries(statementParts.map((part) => [part, 0])) as Record<StatementPart, number>;
  return { ...parts, ...some };
}

function flows(some: Partial<Record<StatementPart, number>>) {
  const parts = partsOf(some);
  const change = statementParts.reduce((sum, part) => sum + parts[part], 0);
  return { deposited: 0, withdrawn: 0, change, parts, residual: 0 };
}

const row = (time: number, some: Partial<Record<StatementPart, number>>): StatementRow => ({
  time,
  round: 0,
  block: 0,
  nav: 0,
  shares: 1,
  sharePrice: 1,
  bid: 1,
  pool: flows(some),
  lp: null,
});

const interval = (some: Partial<Record<StatementPart, number>>): Interval => {
  const { change, parts } = flows(some);
  return { time: 0, change, parts, unhedgeable: 0 };
};

describe("intervals", () => {
  test("add up the rows of a day, and leave out days that are not whole", () => {
    const rows = [
      row(DAY - HOUR, { spread: 1_000 }),
      row(DAY, { spread: 1, delta: 2 }),
      row(2 * DAY - 1, { spread: 3 }),
      row(2 * DAY, { spread: 5 }),
      row(3 * DAY, { spread: 1_000 }),
    ];
    const found = intervalsOf(rows, DAY);
    expect(found.map(({ time, change }) => ({ time, change }))).toEqual([
      { time: DAY, change: 6 },
      { time: 2 * DAY, change: 5 },
    ]);
    expect(found[0]?.parts).toEqual(partsOf({ spread: 4, delta: 2 }));
  });
});

describe("what cannot be hedged", () => {
  test("is what delta brought after hours in which the pool was long and had no base", () => {
    const hours = Array.from({ length: 25 }, (_, i) => row(DAY + i * HOUR, { delta: 1, hedging: 2, vega: 100 }));
    const at = (hour: number, delta: number, base: number) => ({ time: DAY + hour * HOUR, delta, base });
    const exposures = [at(0, -3, 0), at(1, 3, 0), at(2, 3, 0), at(3, 3, 5), at(4, -1, 0)];
    expect(intervalsOf(hours, DAY, exposures).map(({ unhedgeable }) => unhedgeable)).toEqual([6]);
    expect(intervalsOf(hours, DAY).map(({ unhedgeable }) => unhedgeable)).toEqual([0]);
  });
});

describe("risk", () => {
  test("a hedge that undoes delta leaves what other causes brought", () => {
    const risk = riskOf([
      interval({ delta: 10, hedging: -10, vega: 1 }),
      interval({ delta: -10, hedging: 10, vega: -1 }),
    ]);
    expect(risk.hedged).toBeCloseTo(Math.SQRT2, 12);
    expect(risk.unhedged).toBeCloseTo(11 * Math.SQRT2, 12);
    expect(risk.ratio).toBeCloseTo(1 / 11, 12);
    expect(risk.deltaRatio).toBe(0);
    expect(risk.of.vega).toBeCloseTo(Math.SQRT2, 12);
  });

  test("a base that is held against nothing adds to risk", () => {
    const risk = riskOf([interval({ hedging: 4, spread: 1 }), interval({ hedging: -4, spread: -1 })]);
    expect(risk.ratio).toBeCloseTo(5, 12);
  });

  test("the same profit every day is no risk", () => {
    expect(riskOf([interval({ spread: 7 }), interval({ spread: 7 })]).hedged).toBe(0);
  });

  test("every cause belongs to one group", () => {
    const risk = riskOf([interval({}), interval(Object.fromEntries(statementParts.map((part) => [part, 1])))]);
    const sum = Object.values(risk.of).reduce((total, value) => total + value, 0);
    expect(sum).toBeCloseTo(statementParts.length / Math.SQRT2, 12);
  });
});

describe("the rest", () => {
  test("the deepest fall is from the height before it", () => {
    const prices = [1, 0.9, 1.2, 0.9, 1.3, 1.2].map((sharePrice) => ({ sharePrice }));
    expect(drawdownOf(prices)).toBeCloseTo(0.25, 12);
    expect(drawdownOf([{ sharePrice: 1 }, { sharePrice: 2 }])).toBe(0);
  });

  test("the residual is the largest of pool, LPs and rows, of either sign", () => {
    const rows = [{ ...row(0, {}), pool: { ...flows({}), residual: -0.03 } }];
    expect(residualOf({ pool: { residual: 0.01 }, lps: [], rows })).toBe(0.03);
  });
});
