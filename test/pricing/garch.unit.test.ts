import { describe, expect, it } from "vitest";
import {
  fitGarch,
  type GarchKind,
  type GarchParameters,
  garchForecast,
  garchLogLikelihood,
  garchPersistence,
  garchVariances,
  PricingError,
  presampleVariance,
} from "../../pricing/index.ts";
import { Decimal, exactly, PI } from "../../pricing/reference/decimal.ts";
import { Random } from "./random.ts";
import { haveVectors, readCsv, readJson } from "./support/vectors.ts";

const NAMES = ["mu", "omega", "alpha", "gamma", "beta"] as const;
type Name = (typeof NAMES)[number];

/** The likelihood once more, in decimal, from the formulas. */
function logLikelihoodInDecimal(returns: readonly number[], at: Record<Name, Decimal>): Decimal {
  const residuals = returns.map((r) => exactly(r).minus(at.mu));
  const before = residuals.reduce((sum, e) => sum.plus(e.times(e)), new Decimal(0)).div(returns.length);
  let variance = at.omega.plus(at.alpha.plus(at.gamma.div(2)).plus(at.beta).times(before));
  let value = new Decimal(0);
  for (const e of residuals) {
    const square = e.times(e);
    value = value.minus(Decimal.ln(PI.times(2)).plus(Decimal.ln(variance)).plus(square.div(variance)).div(2));
    const news = e.isNegative() ? at.alpha.plus(at.gamma) : at.alpha;
    variance = at.omega.plus(news.times(square)).plus(at.beta.times(variance));
  }
  return value;
}

function simulate(seed: number, count: number, parameters: GarchParameters): number[] {
  const random = new Random(seed);
  const { mu, omega, alpha, gamma, beta } = parameters;
  let variance = omega / (1 - garchPersistence(parameters));
  return Array.from({ length: count }, () => {
    const e = Math.sqrt(variance) * random.normal();
    variance = omega + (e < 0 ? alpha + gamma : alpha) * e * e + beta * variance;
    return mu + e;
  });
}

const GARCH: GarchParameters = { mu: 0.05, omega: 0.3, alpha: 0.1, gamma: 0, beta: 0.85 };
const GJR: GarchParameters = { mu: 0.05, omega: 0.3, alpha: 0.04, gamma: 0.12, beta: 0.85 };

describe("the GARCH likelihood", () => {
  const returns = simulate(51, 60, GJR);
  const parameters = { mu: 0.02, omega: 0.4, alpha: 0.07, gamma: 0.09, beta: 0.78 };
  const inDecimal = Object.fromEntries(NAMES.map((name) => [name, exactly(parameters[name])])) as Record<Name, Decimal>;
  it("equals the formula in decimal", () => {
    const expected = logLikelihoodInDecimal(returns, inDecimal).toNumber();
    expect(Math.abs(garchLogLikelihood(returns, parameters).value / expected - 1)).toBeLessThan(1e-14);
  });
  it("has the gradient of central differences in decimal, with respect to every parameter", () => {
    const { gradient } = garchLogLikelihood(returns, parameters);
    const h = new Decimal("1e-25"); // truncation h² and rounding 1e-120/h are both far below a double
    for (const [i, name] of NAMES.entries()) {
      const up = logLikelihoodInDecimal(returns, { ...inDecimal, [name]: inDecimal[name].plus(h) });
      const down = logLikelihoodInDecimal(returns, { ...inDecimal, [name]: inDecimal[name].minus(h) });
      const slope = up.minus(down).div(h.times(2)).toNumber();
      expect(Math.abs(gradient[i]! / slope - 1), `${name}: ${gradient[i]} against ${slope}`).toBeLessThan(1e-12);
    }
  });
  it("starts from the mean squared residual", () => {
    expect(presampleVariance([1, 3], 1)).toBe(2);
    expect(garchVariances([], GARCH, 2)).toEqual([0.3 + 0.95 * 2]);
    expect(garchVariances([1, 3], { ...GARCH, mu: 1 })[0]).toBeCloseTo(0.3 + 0.95 * 2, 14);
  });
});

describe("fitGarch", () => {
  it.skipIf(!haveVectors)("equals the published benchmark of Bollerslev & Ghysels", () => {
    const returns = readCsv("garch_dmbp_returns.csv").map((row) => row.number("ret_pct"));
    expect(returns).toHaveLength(1974);
    const { published_coefficients: published, own_MLE_check: optimum } = readJson<{
      published_coefficients: Omit<GarchParameters, "gamma">;
      own_MLE_check: Omit<GarchParameters, "gamma"> & { loglik: number };
    }>("garch_dmbp_expected.json");
    const fit = fitGarch(returns);
    for (const name of ["mu", "omega", "alpha", "beta"] as const) {
      // Six digits are published: five must agree.
      expect(Math.abs(fit.parameters[name] / published[name] - 1), name).toBeLessThan(1e-5);
      expect(Math.abs(fit.parameters[name] / optimum[name] - 1), name).toBeLessThan(5e-6);
    }
    expect(fit.parameters.gamma).toBe(0);
    expect(Math.abs(fit.logLikelihood - optimum.loglik)).toBeLessThan(1e-9);
    expect(fit.logLikelihood).toBeCloseTo(-1106.60788, 5);
  });
  it.skipIf(!haveVectors)("filters as QuantLib does", () => {
    const { expected_sigma: sigma, tolerance } = readJson<{ expected_sigma: number[]; tolerance: number }>(
      "garch_filter_quantlib.json",
    );
    expect(sigma).toHaveLength(10);
    const returns = sigma.map(() => 0.1);
    const variances = garchVariances(returns, { mu: 0, omega: 0.2, alpha: 0.2, gamma: 0, beta: 0.3 }, 0.1 ** 2);
    for (const [i, expected] of sigma.entries()) {
      expect(Math.abs(Math.sqrt(variances[i]!) - expected), `step ${i}`).toBeLessThan(tolerance);
    }
  });
  it("finds the parameters that made a long path", () => {
    const garch = fitGarch(simulate(52, 20_000, GARCH)).parameters;
    expect(garch.alpha).toBeCloseTo(0.1, 1.7);
    expect(garch.beta).toBeCloseTo(0.85, 1.5);
    const gjr = fitGarch(simulate(53, 20_000, GJR), "gjr").parameters;
    expect(gjr.alpha).toBeCloseTo(0.04, 1.7);
    expect(gjr.gamma).toBeCloseTo(0.12, 1.5);
    expect(gjr.beta).toBeCloseTo(0.85, 1.5);
  });
  it("stands where the gradient of what is free is nothing, whatever the unit of the returns", () => {
    const returns = simulate(54, 1_500, GJR);
    const fit = fitGarch(returns, "gjr");
    const { gradient } = garchLogLikelihood(returns, fit.parameters);
    for (const [i, name] of NAMES.entries()) {
      expect(Math.abs(gradient[i]! * fit.parameters[name]), name).toBeLessThan(1e-3);
    }
    const scaled = fitGarch(
      returns.map((r) => r / 100),
      "gjr",
    );
    expect(scaled.parameters.beta).toBeCloseTo(fit.parameters.beta, 6);
    expect(scaled.parameters.omega * 1e4).toBeCloseTo(fit.parameters.omega, 6);
    expect(scaled.nextVariance * 1e4).toBeCloseTo(fit.nextVariance, 6);
  });
  it("is never below GARCH with one parameter more, nor worse for a warm start", () => {
    for (let seed = 60; seed < 66; seed += 1) {
      const returns = simulate(seed, 400, seed % 2 === 0 ? GARCH : GJR);
      const garch = fitGarch(returns);
      const gjr = fitGarch(returns, "gjr");
      expect(gjr.logLikelihood, `seed ${seed}`).toBeGreaterThan(garch.logLikelihood - 1e-6);
      const warm = fitGarch(returns.slice(20), "gjr", gjr.parameters);
      expect(warm.logLikelihood).toBeGreaterThan(fitGarch(returns.slice(20), "gjr").logLikelihood - 1e-6);
    }
  });
  it("ends on the bound where there is no clustering, and where variance never returns", () => {
    const random = new Random(55);
    const flat = Array.from({ length: 1_000 }, () => random.normal());
    for (const kind of ["garch", "gjr"] satisfies GarchKind[]) {
      const { parameters, nextVariance } = fitGarch(flat, kind);
      expect(parameters.alpha + Math.max(parameters.gamma, 0)).toBeLessThan(0.1);
      expect(nextVariance).toBeCloseTo(1, 0);
    }
    const growing = Array.from({ length: 1_000 }, (_, i) => random.normal() * 1.004 ** i);
    expect(garchPersistence(fitGarch(growing).parameters)).toBeGreaterThan(0.99);
  });
  it("settles on any series: short ones, outliers, still days, every unit", () => {
    const random = new Random(5);
    for (let path = 0; path < 120; path += 1) {
      const length = 50 + random.below(800);
      const [omega, alpha] = [0.1 * random.unit(), 0.3 * random.unit()];
      const beta = (1 - alpha) * random.unit();
      const gamma = (random.unit() - 0.3) * 0.2;
      const kind = random.below(3);
      const unit = 10 ** (random.below(7) - 3);
      let variance = 1;
      const returns = Array.from({ length }, () => {
        let z = random.normal();
        if (kind === 1 && random.unit() < 0.02) z *= 8;
        if (kind === 2 && random.unit() < 0.1) z = 0;
        const e = Math.sqrt(variance) * z;
        variance = omega + Math.max(0, alpha + (e < 0 ? gamma : 0)) * e * e + beta * variance + 1e-6;
        return (0.02 + e) * unit;
      });
      const garch = fitGarch(returns);
      const gjr = fitGarch(returns, "gjr");
      expect(gjr.logLikelihood, `path ${path}`).toBeGreaterThan(garch.logLikelihood - 1e-3);
    }
  });
  it("raises typed errors on too few returns and on returns without variance", () => {
    expect(() => fitGarch(Array.from({ length: 49 }, (_, i) => i))).toThrow(PricingError);
    expect(() => fitGarch(Array.from({ length: 60 }, () => 0.1))).toThrow("returns must vary");
    expect(() => fitGarch([...simulate(56, 60, GARCH), Number.NaN])).toThrow("returns must be finite");
    expect(() => garchVariances([1], { ...GARCH, beta: 0.95 })).toThrow("must not explode");
  });
});

describe("garchForecast", () => {
  /** Σ of the recursion E σ²ₖ₊₁ = ω + p·E σ²ₖ. */
  function iterated(parameters: GarchParameters, nextVariance: number, horizon: number): number {
    const p = exactly(parameters.alpha).plus(exactly(parameters.gamma).div(2)).plus(exactly(parameters.beta));
    let variance = exactly(nextVariance);
    let sum = new Decimal(0);
    for (let k = 0; k < horizon; k += 1) {
      sum = sum.plus(variance);
      variance = exactly(parameters.omega).plus(p.times(variance));
    }
    return sum.toNumber();
  }
  // Persistence from none to one, on both sides of where the series takes over (h·(1 − p) = 1/4).
  for (const beta of [0, 0.5, 0.8, 0.9 - 0.25 / 30 - 1e-6, 0.9 - 0.25 / 30 + 1e-6, 0.8999, 0.9 - 1e-9, 0.9]) {
    it(`equals the iteration at α = 0.06, γ = 0.08, β = ${beta}`, () => {
      const parameters = { mu: 0, omega: 0.02, alpha: 0.06, gamma: 0.08, beta };
      for (const horizon of [1, 2, 7, 30, 365]) {
        const expected = iterated(parameters, 1.7, horizon);
        const error = garchForecast(parameters, 1.7, horizon) / expected - 1;
        expect(Math.abs(error), `${horizon} periods`).toBeLessThan(2e-13);
      }
    });
  }
  it("is continuous where the series takes over, at horizons that are not whole", () => {
    const q = 0.01;
    const parameters = { mu: 0, omega: 0.02, alpha: 0.1, gamma: 0, beta: 0.9 - q };
    const seam = 0.25 / q;
    const [below, above] = [seam - 1e-7, seam + 1e-7].map((h) => garchForecast(parameters, 1.7, h));
    expect(above! - below!).toBeGreaterThan(0);
    expect(above! - below!).toBeLessThan(1e-6);
    expect(garchForecast(parameters, 1.7, 1.5)).toBeGreaterThan(1.7);
  });
  it("without persistence is the next variance and then ω", () => {
    const parameters = { mu: 0, omega: 2, alpha: 0, gamma: 0, beta: 0 };
    expect(garchForecast(parameters, 5, 1)).toBe(5);
    expect(garchForecast(parameters, 5, 4)).toBe(11);
    expect(() => garchForecast(parameters, 5, 0.5)).toThrow(PricingError);
  });
});
