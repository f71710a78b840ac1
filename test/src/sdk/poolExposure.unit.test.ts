import { describe, expect, test } from "vitest";
import { type Book, bookProfit } from "../../../src/sdk/bookScenario.ts";
import { strikeExposure } from "../../../src/sdk/poolExposure.ts";

const DAY = 86_400;
const expiry = { tenor: 30 * DAY, forward: 2_500, theta: 0.03, psi: 0.15, rho: -0.3 };

describe.each([
  { strike: 2_500, calls: -3, puts: 0 },
  { strike: 2_200, calls: 0, puts: 2 },
  { strike: 2_700, calls: 1.5, puts: -4 },
])("the exposure of %o", (held) => {
  const position = { expiry, ...held };
  const exposure = strikeExposure(position);
  const book: Book = { spot: 2_500, base: 0, positions: [position] };
  const profit = (spot: number, volatility: number, days: number) => bookProfit(book, { spot, volatility, days });

  test("is how the book's value moves", () => {
    // The smile moves with the forward in a scenario: the same where volatility is the same.
    const flat = { ...position, expiry: { ...expiry, psi: 0 } };
    const { delta, gamma } = strikeExposure(flat);
    const move = (spot: number) => bookProfit({ ...book, positions: [flat] }, { spot, volatility: 0, days: 0 });
    const step = 1e-3;
    expect(delta).toBeCloseTo((move(step) - move(-step)) / (2 * step * 2_500), 4);
    expect(gamma).toBeCloseTo(((move(step) + move(-step)) / (step * 2_500) ** 2) * 25, 4);
    expect(exposure.vega).toBeCloseTo((profit(0, 1e-3, 0) - profit(0, -1e-3, 0)) / 2e-3 / 100 / exposure.volatility, 4);
    expect(exposure.theta).toBeCloseTo((profit(0, 0, 1e-3) - profit(0, 0, -1e-3)) / 2e-3, 3);
  });

  test("has the sign of what is held", () => {
    const contracts = held.calls + held.puts;
    expect(Math.sign(exposure.vega)).toBe(Math.sign(contracts));
    expect(Math.sign(exposure.theta)).toBe(-Math.sign(contracts));
    expect(exposure.volatility).toBeGreaterThan(0.5);
  });
});
