import { createRequire } from "node:module";
import {
  black76,
  calibrateEssvi,
  type ExpiryQuotes,
  essviTotalVariance,
  fitSvi,
  impliedStdDev,
  logMoneyness,
  normalisedImpliedStdDev,
  type OptionKind,
  price,
  stdDev,
  totalVariance,
  years,
} from "../../pricing/index.ts";
import { black76Reference, normalisedBlack } from "../../pricing/reference/black76.ts";
import { exactly } from "../../pricing/reference/decimal.ts";
import { type BenchOptions, type BenchReport, type Figure, medianSeconds } from "./figure.ts";
import { benchPricingGas } from "./pricingGas.ts";

interface Case {
  readonly forward: number;
  readonly strike: number;
  readonly time: number;
  readonly sigma: number;
  readonly kind: OptionKind;
  readonly price: number;
}

/** 10,000 options a market could hold: moneyness 0.2…5, a day to two years, 20…200 % volatility; Weyl's sequence, no seed. */
function marketCases(): Case[] {
  const cases: Case[] = [];
  for (let i = 1; cases.length < 10_000; i += 1) {
    const [one, two, three] = [(i * Math.SQRT2) % 1, (i * Math.sqrt(3)) % 1, (i * Math.sqrt(5)) % 1];
    const forward = 2000;
    const time = 730 ** two / 365;
    const sigma = 0.2 * 10 ** three;
    const v = sigma * Math.sqrt(time);
    const k = Math.max(-Math.log(5), Math.min(Math.log(5), (2 * one - 1) * 4 * v));
    const strike = forward * Math.exp(k);
    const kind = i % 2 === 0 ? "call" : "put";
    const value = black76({ forward: price(forward), strike: price(strike), stdDev: stdDev(v), kind });
    cases.push({ forward, strike, time, sigma, kind, price: value });
  }
  return cases;
}

/** The accuracy grid of the specification: x ∈ [−256, 0] × s ∈ [1e-4, 25], in units of the attainable accuracy. */
function worstImpliedError(): { worst: number; cases: number } {
  let worst = 0;
  let cases = 0;
  const steps = 48;
  for (let i = 0; i <= steps; i += 1) {
    for (let j = 0; j <= steps; j += 1) {
      const x = i === 0 ? 0 : -256 * 10 ** (-9 * (1 - i / steps));
      const s = j === steps ? 25 : 1e-4 * 250_000 ** (j / steps);
      if (-x / s > 40 + s) continue; // the price underflows
      const { price: truth, conditioning } = normalisedBlack(x, s);
      const beta = truth.toNumber();
      if (beta < 2.3e-308) continue; // subnormal: digits are lost before we see it
      const implied = normalisedImpliedStdDev(x, beta);
      const attainable = conditioning.plus(1).times(2 ** -52);
      worst = Math.max(worst, exactly(implied).div(exactly(s)).minus(1).abs().div(attainable).toNumber());
      cases += 1;
    }
  }
  return { worst, cases };
}

function syntheticChain(): ExpiryQuotes[] {
  return [1, 3, 7, 30, 90, 180, 365].map((days) => {
    const time = days / 365;
    const theta = 0.45 * time;
    const slice = { theta, rho: -0.25, psi: 0.9 * Math.sqrt(theta) };
    const quotes = Array.from({ length: 41 }, (_, i) => {
      const z = (i - 20) / 8;
      const k = logMoneyness(z * Math.sqrt(theta));
      const ripple = 1 + 0.01 * Math.sin(7 * i + days);
      return { k, totalVariance: totalVariance(essviTotalVariance(slice, k) * ripple), weight: Math.exp(-0.5 * z * z) };
    });
    return { years: years(time), forward: price(2000), quotes };
  });
}

/** Packages a user would otherwise pick; left out where they are not installed. */
interface Rivals {
  readonly price?: (c: Case) => number;
  readonly implied?: (c: Case) => number;
  readonly greeks?: (c: Case) => number;
}

type PackageFunction = (...values: (number | string)[]) => number;

/** A function of an untyped package; undefined where the package is not installed or has no such function. */
function packageFunction(name: string, member: string): PackageFunction | undefined {
  try {
    const loaded: unknown = createRequire(import.meta.url)(name);
    const found: unknown = typeof loaded === "object" && loaded !== null ? Reflect.get(loaded, member) : undefined;
    return typeof found === "function" ? (...values) => Number(found(...values)) : undefined;
  } catch {
    return undefined;
  }
}

function loadRivals(): Rivals {
  const scholes = packageFunction("black-scholes", "blackScholes");
  const implied = packageFunction("implied-volatility", "getImpliedVolatility");
  const delta = packageFunction("greeks", "getDelta");
  return {
    ...(scholes && { price: (c: Case) => scholes(c.forward, c.strike, c.time, c.sigma, 0, c.kind) }),
    ...(implied && { implied: (c: Case) => implied(c.price, c.forward, c.strike, c.time, 0, c.kind) }),
    ...(delta && { greeks: (c: Case) => delta(c.forward, c.strike, c.time, c.sigma, 0, c.kind) }),
  };
}

/** Keeps results alive, so that no optimiser removes the work. */
let sink = 0;

/** Median over slices of 100 cases, each timed by itself: a slice is shorter than a scheduler's tick. */
function nanosecondsEach<T>(cases: readonly T[], rounds: number, work: (item: T) => number): number {
  const size = Math.min(100, cases.length);
  let next = 0;
  const seconds = medianSeconds(Math.ceil((rounds * cases.length) / size), () => {
    for (let i = 0; i < size; i += 1) {
      sink += work(cases[next]!);
      next = next + 1 === cases.length ? 0 : next + 1;
    }
  });
  return (seconds / size) * 1e9;
}

export async function benchPricing(_options: BenchOptions): Promise<BenchReport> {
  const cases = marketCases();
  const branded = cases.map((c) => ({
    forward: price(c.forward),
    strike: price(c.strike),
    stdDev: stdDev(c.sigma * Math.sqrt(c.time)),
    price: price(c.price),
    kind: c.kind,
  }));
  const priceNs = nanosecondsEach(branded, 25, black76);
  const impliedNs = nanosecondsEach(branded, 25, impliedStdDev);

  const { worst, cases: gridCases } = worstImpliedError();
  const sample = cases.filter((_, i) => i % 20 === 0);
  const errorOf = (priceOf: (c: Case) => number): number =>
    sample.reduce((most, c) => {
      const truth = black76Reference(c.forward, c.strike, c.sigma * Math.sqrt(c.time), c.kind);
      return Math.max(most, truth.minus(priceOf(c)).abs().div(Math.max(c.forward, c.strike)).toNumber());
    }, 0);

  const chain = syntheticChain();
  const essviMs = 1e3 * medianSeconds(401, () => (sink += calibrateEssvi(chain).length));
  const sviMs = 1e3 * medianSeconds(401, () => (sink += fitSvi(chain[3]!).residual));

  const figures: Figure[] = [
    { name: "price.ns", value: priceNs, unit: "ns" },
    { name: "price.error.max", value: errorOf((c) => c.price), unit: "of max(F,K)" },
    { name: "iv.ns", value: impliedNs, unit: "ns" },
    { name: "iv.error.ratio", value: worst, unit: `of attainable, worst of ${gridCases}` },
    { name: "essvi.fit.ms", value: essviMs, unit: "ms, 7 expiries" },
    { name: "svi.fit.ms", value: sviMs, unit: "ms a slice" },
  ];
  figures.push(...rivalFigures(cases.slice(0, 1000), priceNs, impliedNs, errorOf));
  const gas = await benchPricingGas();
  return { figures: [...gas.figures, ...figures], lines: gas.lines ?? [] };
}

function rivalFigures(
  few: readonly Case[],
  priceNs: number,
  impliedNs: number,
  errorOf: (priceOf: (c: Case) => number) => number,
): Figure[] {
  const rivals = loadRivals();
  const figures: Figure[] = [];
  if (rivals.price !== undefined) {
    const ns = nanosecondsEach(few, 5, rivals.price);
    figures.push({ name: "price.blackScholesPackage.ns", value: ns, unit: `ns, ${(ns / priceNs).toFixed(1)}× ours` });
    figures.push({ name: "price.blackScholesPackage.error.max", value: errorOf(rivals.price), unit: "of max(F,K)" });
  }
  if (rivals.greeks !== undefined) {
    figures.push({
      name: "delta.greeksPackage.ns",
      value: nanosecondsEach(few, 5, rivals.greeks),
      unit: "ns, delta alone",
    });
  }
  if (rivals.implied !== undefined) {
    const { implied } = rivals;
    const ns = nanosecondsEach(few.slice(0, 200), 3, implied);
    figures.push({
      name: "iv.impliedVolatilityPackage.ns",
      value: ns,
      unit: `ns, ${(ns / impliedNs).toFixed(0)}× ours`,
    });
    const informative = few.filter((c) => Math.abs(Math.log(c.strike / c.forward)) < 2 * c.sigma * Math.sqrt(c.time));
    const error = informative.reduce((most, c) => Math.max(most, Math.abs(implied(c) / c.sigma - 1)), 0);
    figures.push({
      name: "iv.impliedVolatilityPackage.error.max",
      value: error,
      unit: "relative, within 2 deviations",
    });
  }
  return figures;
}
