import { describe, expect, it } from "vitest";
import {
  type DailyVariances,
  fitHar,
  HAR_LAGS,
  harForecast,
  PricingError,
  varianceAhead,
  varianceUpTo,
} from "../../pricing/index.ts";
import { Random } from "./random.ts";

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Days that obey ln RVₜ₊₁ = b₀ + Σ bₙ·ln ⟨RV⟩ₜ,ₙ + noise exactly. */
function logHarPath(seed: number, count: number, b: readonly number[], deviation: number): number[] {
  const random = new Random(seed);
  const days = Array.from({ length: 30 }, () => 0.002 * Math.exp(0.5 * random.normal()));
  while (days.length < count) {
    const fitted = HAR_LAGS.reduce((sum, lag, i) => sum + b[i + 1]! * Math.log(mean(days.slice(-lag))), b[0]!);
    days.push(Math.exp(fitted + deviation * random.normal()));
  }
  return days;
}

const B = [-0.6, 0.4, 0.3, 0.2] as const;

describe("fitHar", () => {
  it("finds the coefficients of days that obey it exactly, in logs and in levels", () => {
    const random = new Random(71);
    const predictors = Array.from({ length: 400 }, () => 0.002 * Math.exp(random.normal()));
    const averages = (day: number): number[] => HAR_LAGS.map((lag) => mean(predictors.slice(day - lag + 1, day + 1)));
    const outcomeOf = (form: "level" | "log"): DailyVariances =>
      predictors.map((_, day) => {
        if (day < 30) return 0.002;
        const x = averages(day - 1);
        return form === "log"
          ? Math.exp(x.reduce((sum, value, i) => sum + B[i + 1]! * Math.log(value), B[0]))
          : x.reduce((sum, value, i) => sum + B[i + 1]! * value, 0.001);
      });
    for (const form of ["level", "log"] as const) {
      const model = fitHar({ realized: outcomeOf(form), predictors }, { form, horizon: 1 });
      const constant = form === "log" ? B[0] : 0.001;
      for (const [i, b] of [constant, ...B.slice(1)].entries()) expect(model.coefficients[i]).toBeCloseTo(b, 9);
      expect(model.residualVariance).toBeLessThan(1e-18);
      expect(model.observations).toBe(400 - 30);
      const x = averages(399);
      const expected =
        form === "log"
          ? Math.exp(x.reduce((sum, value, i) => sum + B[i + 1]! * Math.log(value), B[0]))
          : x.reduce((sum, value, i) => sum + B[i + 1]! * value, 0.001);
      expect(harForecast(model, predictors)! / expected).toBeCloseTo(1, 8);
    }
  });
  it("forecasts the mean and not the median: the correction of the logarithm's bias", () => {
    const days = logHarPath(72, 12_000, B, 0.6);
    const model = fitHar({ realized: days.slice(0, 6_000) }, { form: "log", horizon: 1 });
    expect(model.residualVariance).toBeCloseTo(0.36, 1.5);
    const ratios = days.slice(6_000).map((rv, i) => rv / harForecast(model, days, 5_999 + i)!);
    // Standard error √(e^0.36 − 1)/√6000 = 0.0085.
    expect(mean(ratios)).toBeGreaterThan(0.97);
    expect(mean(ratios)).toBeLessThan(1.03);
    const uncorrected = { ...model, residualVariance: 0 };
    expect(mean(days.slice(6_000).map((rv, i) => rv / harForecast(uncorrected, days, 5_999 + i)!))).toBeGreaterThan(
      1.15,
    );
  });
  it("regresses each horizon directly, on the mean of the days ahead", () => {
    const days = logHarPath(73, 3_000, B, 0.3);
    const model = fitHar({ realized: days }, { form: "log", horizon: 7 });
    expect(model.observations).toBe(3_000 - 29 - 7);
    const forecasts = days.map((_, day) => harForecast(model, days, day));
    const ratios = days.flatMap((_, day) => {
      const came = varianceAhead(days, day, 7);
      return forecasts[day] === undefined || came === undefined ? [] : [came / forecasts[day]];
    });
    expect(mean(ratios)).toBeCloseTo(1, 1.7);
  });
  it("uses nothing that is later than its last day, and only the latest days when told", () => {
    const days = logHarPath(74, 700, B, 0.5);
    const upTo = days.slice(0, 600);
    const model = fitHar({ realized: upTo }, { form: "log", horizon: 7 }, 200);
    expect(model.observations).toBe(200);
    // The last outcome that is known is of day 592, whose average looks back to day 363: nothing before it counts.
    const blurred = days.map((rv, day) => (day < 593 - 200 - 29 ? 99 : rv));
    expect(fitHar({ realized: blurred.slice(0, 600) }, { form: "log", horizon: 7 }, 200)).toEqual(model);
    expect(harForecast(model, upTo)).toBe(harForecast(model, days, 599));
  });
  it("passes over days that are missing", () => {
    const days: (number | undefined)[] = logHarPath(75, 500, B, 0.4);
    days[300] = undefined;
    const model = fitHar({ realized: days }, { form: "log", horizon: 1 });
    // Day 299 has no outcome, and day 300 no average of one day.
    expect(model.observations).toBe(500 - 29 - 1 - 2);
    expect(harForecast(model, days, 300)).toBeUndefined();
    expect(harForecast(model, days, 301)).toBeGreaterThan(0);
    expect(varianceAhead(days, 299, 1)).toBeUndefined();
    // Of ten days one may be missing: the rest stands for it.
    const nine = days.slice(301, 310) as number[];
    expect(varianceAhead(days, 299, 10)).toBeCloseTo((10 / 9) * nine.reduce((sum, rv) => sum + rv, 0), 15);
    expect(varianceAhead(days, 299, 9)).toBeUndefined();
    expect(varianceAhead(days, 495, 7)).toBeUndefined();
  });
  it("does not believe a line that leaves what was ever fitted", () => {
    const model = {
      form: "level",
      horizon: 7,
      lags: [1],
      coefficients: [-0.01, 1],
      residualVariance: 0,
      range: [0.001, 0.02],
      observations: 100,
    } as const;
    expect(harForecast(model, [0.005])).toBe(7 * 0.001);
    expect(harForecast(model, [0.5])).toBe(7 * 0.02);
    expect(harForecast(model, [0.02])).toBeCloseTo(7 * 0.01, 15);
  });
  it("raises typed errors on too few days and on horizons and lags that are none", () => {
    const days = logHarPath(76, 100, B, 0.4);
    expect(() => fitHar({ realized: days.slice(0, 60) }, { form: "log", horizon: 1 })).toThrow(PricingError);
    expect(() => fitHar({ realized: days }, { form: "log", horizon: 1.5 })).toThrow("whole number of days");
    expect(() => fitHar({ realized: days }, { form: "log", horizon: 1, lags: [7, 1] })).toThrow("increasing");
    expect(() => fitHar({ realized: days, predictors: [] }, { form: "log", horizon: 1 })).toThrow("same days");
  });
});

describe("varianceUpTo", () => {
  const forecasts = [
    { horizon: 7, variance: 0.02 },
    { horizon: 1, variance: 0.004 },
    { horizon: 30, variance: 0.066 },
  ];
  it("is linear between horizons, from nothing at 0 and on beyond the last", () => {
    for (const [horizon, expected] of [
      [0, 0],
      [0.5, 0.002],
      [1, 0.004],
      [4, 0.012],
      [7, 0.02],
      [18.5, 0.043],
      [30, 0.066],
      [53, 0.112],
    ] as const) {
      expect(varianceUpTo(forecasts, horizon), `${horizon} days`).toBeCloseTo(expected, 15);
    }
  });
  it("never falls with time", () => {
    const contradicting = [
      { horizon: 1, variance: 0.01 },
      { horizon: 2, variance: 0.008 },
      { horizon: 4, variance: 0.012 },
    ];
    expect(varianceUpTo(contradicting, 2)).toBe(0.01);
    expect(varianceUpTo(contradicting, 3)).toBeCloseTo(0.011, 15);
  });
  it("asks for a horizon", () => {
    expect(() => varianceUpTo([], 1)).toThrow(PricingError);
    expect(() => varianceUpTo(forecasts, -1)).toThrow(PricingError);
  });
});
