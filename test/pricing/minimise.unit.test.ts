import { describe, expect, it } from "vitest";
import { minimise } from "../../pricing/index.ts";

const options = { gradientTolerance: 1e-9, mostIterations: 200 };

describe("minimise", () => {
  it("follows Rosenbrock's valley to (1, 1)", () => {
    const { at, iterations } = minimise(
      ([x, y]) => ({
        value: (1 - x!) ** 2 + 100 * (y! - x! * x!) ** 2,
        gradient: [-2 * (1 - x!) - 400 * x! * (y! - x! * x!), 200 * (y! - x! * x!)],
      }),
      [-1.2, 1],
      options,
    );
    expect(at[0]).toBeCloseTo(1, 8);
    expect(at[1]).toBeCloseTo(1, 8);
    expect(iterations).toBeLessThan(60);
  });
  it("is not stopped by rounding of a large value", () => {
    // The value is good to about 1e-9, as a sum of a million would be, and here always rounds upwards.
    let rounding = 0;
    const { at } = minimise(
      ([x]) => {
        rounding += 1e-9;
        return { value: 1e6 + Math.exp(x!) - 3 * x! + rounding, gradient: [Math.exp(x!) - 3] };
      },
      [0],
      options,
    );
    expect(at[0]).toBeCloseTo(Math.log(3), 9);
  });
  it("ends where the gradient is noise above the tolerance and the value stands still", () => {
    let sign = 1;
    const { at, iterations } = minimise(
      ([x]) => {
        sign = -sign;
        return { value: 1 + (x! - 2) ** 2, gradient: [2 * (x! - 2) + 1e-8 * sign] };
      },
      [0],
      options,
    );
    expect(at[0]).toBeCloseTo(2, 6);
    expect(iterations).toBeLessThan(60);
  });
  it("steps back from where the function does not exist", () => {
    const { at } = minimise(
      ([x]) => (x! > 0 ? { value: x! - Math.log(x!), gradient: [1 - 1 / x!] } : { value: Number.NaN, gradient: [0] }),
      [50],
      options,
    );
    expect(at[0]).toBeCloseTo(1, 8);
  });
  it("says so when there is no minimum, or no start", () => {
    const falling = ([x]: readonly number[]) => ({ value: -x!, gradient: [-1] });
    expect(() => minimise(falling, [0], options)).toThrow("the minimum was not reached");
    expect(() => minimise(() => ({ value: Infinity, gradient: [0] }), [0], options)).toThrow("finite value");
  });
});
