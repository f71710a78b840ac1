import { describe, expect, it } from "vitest";
import { leastSquares, PricingError } from "../../pricing/index.ts";
import { Random } from "./random.ts";

/** Longley 1967, as in NIST's Statistical Reference Datasets: y, then x₁ … x₆. */
const LONGLEY = [
  [60323, 83, 234289, 2356, 1590, 107608, 1947],
  [61122, 88.5, 259426, 2325, 1456, 108632, 1948],
  [60171, 88.2, 258054, 3682, 1616, 109773, 1949],
  [61187, 89.5, 284599, 3351, 1650, 110929, 1950],
  [63221, 96.2, 328975, 2099, 3099, 112075, 1951],
  [63639, 98.1, 346999, 1932, 3594, 113270, 1952],
  [64989, 99, 365385, 1870, 3547, 115094, 1953],
  [63761, 100, 363112, 3578, 3350, 116219, 1954],
  [66019, 101.2, 397469, 2904, 3048, 117388, 1955],
  [67857, 104.6, 419180, 2822, 2857, 118734, 1956],
  [68169, 108.4, 442769, 2936, 2798, 120445, 1957],
  [66513, 110.8, 444546, 4681, 2637, 121950, 1958],
  [68655, 112.6, 482704, 3813, 2552, 123366, 1959],
  [69564, 114.2, 502601, 3931, 2514, 125368, 1960],
  [69331, 115.7, 518173, 4806, 2572, 127852, 1961],
  [70551, 116.9, 554894, 4007, 2827, 130081, 1962],
] as const;
const CERTIFIED = [
  -3482258.63459582, 15.0618722713733, -0.035819179292591, -2.02022980381683, -1.03322686717359, -0.0511041056535807,
  1829.15146461355,
];
const CERTIFIED_RESIDUAL_SQUARES = 836424.055505915;

describe("leastSquares", () => {
  it("meets NIST's certified values on Longley's ill-conditioned data", () => {
    const fit = leastSquares(
      LONGLEY.map(([, ...x]) => [1, ...x]),
      LONGLEY.map(([y]) => y),
    );
    for (const [i, certified] of CERTIFIED.entries()) {
      expect(Math.abs(fit.coefficients[i]! / certified - 1), `b${i}`).toBeLessThan(1e-8);
    }
    expect(Math.abs(fit.residualSquares / CERTIFIED_RESIDUAL_SQUARES - 1)).toBeLessThan(1e-10);
  });
  it("solves Läuchli's problem, whose normal equations are singular in doubles", () => {
    const e = 1e-9; // 1 + e² rounds to 1
    const fit = leastSquares(
      [
        [1, 1],
        [e, 0],
        [0, e],
      ],
      [2, e, e],
    );
    expect(fit.coefficients[0]).toBeCloseTo(1, 6);
    expect(fit.coefficients[1]).toBeCloseTo(1, 6);
  });
  it("reflects away from the column, where the other way would cancel", () => {
    const fit = leastSquares([[1], [1e-9]], [0, 1]);
    expect(fit.coefficients[0]! / 1e-9).toBeCloseTo(1, 12);
  });
  it("leaves residuals orthogonal to every column", () => {
    const random = new Random(21);
    const rows = Array.from({ length: 40 }, () => [1, random.normal(), random.normal(), random.normal()]);
    const { residuals } = leastSquares(
      rows,
      rows.map(() => random.normal()),
    );
    for (let j = 0; j < 4; j += 1) {
      expect(Math.abs(residuals.reduce((sum, e, i) => sum + e * rows[i]![j]!, 0))).toBeLessThan(1e-13);
    }
  });
  it("raises typed errors where the columns do not determine the answer", () => {
    const y = [1, 2, 3];
    expect(() => leastSquares([[1], [1]], y)).toThrow(PricingError);
    expect(() => leastSquares([[1, 2]], [1])).toThrow("fewer rows than columns");
    const dependent = [
      [1, 3],
      [2, 6],
      [3, 9],
    ];
    expect(() => leastSquares(dependent, y)).toThrow("a column is a combination of those before it");
    expect(() => leastSquares([[0], [0], [0]], y)).toThrow("a column is a combination of those before it");
    expect(() => leastSquares([[1], [Number.NaN], [1]], y)).toThrow("observations must be finite");
  });
});
