/**
 * The chain's half of `npm run bench -- pricing`: gas and error of our libraries, the public building blocks that npm holds
 * beside ours on the same inputs in the same run, and the recorded figures of the field. Compiled via-IR with 1e6 runs, as
 * the field was measured.
 */

import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Decimal } from "decimal.js";
import * as fixed from "../../pricing/fixed/index.ts";
import { normalDensity, normalDistribution, Real } from "../../pricing/reference/normal.ts";
import {
  binaries,
  codeOf,
  type Metered,
  type PricingHarness,
  root,
  startPricingHarness,
} from "../../test/pricing/pricingHarness.ts";
import { Random } from "../../test/pricing/random.ts";
import { compareWithTwin, twinCases } from "../../test/pricing/twinCases.ts";
import type { BenchReport, Figure } from "./figure.ts";

type Rows = readonly (readonly bigint[])[];

/** One of our functions or a rival's: its meter and, where there is a truth, how to compare with it. */
interface Subject {
  readonly name: string;
  readonly file: "PricingGas" | "RivalGas";
  readonly meter: string;
  readonly inputs: Rows;
  /** |computed − true| of one call, in the unit of its row's error; taken of every `errorEvery`-th call. */
  readonly errorEvery?: number;
  readonly error?: (input: readonly bigint[], result: bigint) => number;
}

/** Ours first, rivals behind it: their gas is shown as a multiple of ours. */
interface Contest {
  readonly unit?: string;
  readonly subjects: readonly [Subject, ...Subject[]];
  /** Figures of the field that cannot be compiled here. */
  readonly recorded?: readonly { readonly name: string; readonly median: number }[];
}

interface Measured {
  readonly name: string;
  readonly min: number;
  readonly median: number;
  readonly max: number;
  readonly error?: { readonly max: number; readonly rms: number };
}

const WAD = 10n ** 18n;
const word = (x: bigint) => BigInt.asUintN(256, x);
const real = (wad: bigint): Decimal => new Real(wad.toString()).div("1e18");

/** Recorded with solc 0.8.37, via-IR, 1e6 runs, Osaka, on 1,260 inputs; frame taken off. */
const recorded = {
  price: [
    { name: "DeFiMath 4.1.0, recorded", median: 5151 },
    { name: "Derive, recorded", median: 4858 },
    { name: "Lyra v1, recorded", median: 13_502 },
    { name: "Premia v2, recorded", median: 41_149 },
  ],
  black76: [{ name: "Derive Black76, recorded", median: 4196 }],
  greeks: [{ name: "DeFiMath 4.1.0, recorded", median: 10_147 }],
  impliedStdDev: [{ name: "DeFiMath 4.1.0, recorded", median: 11_652 }],
  cdf: [{ name: "DeFiMath 4.1.0, recorded", median: 607 }],
} as const;

/** Half of the points with moneyness 0.2…5, half with 1e-6…1e6; deviations from 1e-4 to 20. */
function drawOptions(points: number) {
  const random = new Random(1973);
  return Array.from({ length: points }, (_, i) => {
    const forwardWad = random.logWad(1, 1e5);
    const strikeWad = (forwardWad * (i % 2 ? random.logWad(1e-6, 1e6) : random.logWad(0.2, 5))) / WAD;
    return { forwardWad, strikeWad, stdDevWad: random.logWad(1e-4, 20) };
  });
}

/** Builds the meters. solstat pins a compiler without CLZ, so its two files are compiled from a copy without the pin. */
function buildMeters(): void {
  const copies = join(root, "cache", "rivals", "solstat");
  mkdirSync(copies, { recursive: true });
  for (const file of ["Gaussian.sol", "Units.sol"]) {
    const source = readFileSync(join(root, "node_modules", "solstat", "src", file), "utf8");
    writeFileSync(join(copies, file), source.replace("pragma solidity 0.8.13;", "pragma solidity ^0.8.13;"));
  }
  const sources = ["scripts/bench/rivals", "test/contracts/pricing/PricingGas.sol"];
  execFileSync(join(binaries, "forge"), ["build", ...sources], {
    cwd: root,
    env: { ...process.env, FOUNDRY_PROFILE: "bench" },
    stdio: ["ignore", "ignore", "inherit"],
  });
}

function drawInputs(points: number) {
  const options = drawOptions(points);
  const random = new Random(1976);
  const single = (draw: () => bigint): Rows => options.map(() => [word(draw()), 0n, 0n, 0n, 0n]);
  return {
    options: options.map(({ forwardWad, strikeWad, stdDevWad }) => [
      forwardWad,
      strikeWad,
      stdDevWad,
      word(fixed.lnWad((strikeWad * WAD) / forwardWad)),
      BigInt(3600 + random.below(63_000_000)),
    ]),
    spots: options.map(({ forwardWad, strikeWad }) => [
      forwardWad,
      strikeWad,
      random.logWad(0.05, 3),
      word(random.wad(-0.05, 0.1)),
      BigInt(3600 + random.below(63_000_000)),
    ]),
    slices: options.map(() => [
      word(random.wad(-3, 3)),
      random.logWad(0.0001, 5),
      word(random.wad(-0.95, 0.95)),
      random.logWad(0.01, 2),
      0n,
    ]),
    prices: options.flatMap((option) => {
      const { callWad, putWad } = fixed.black76Price(option);
      const isCall = option.forwardWad < option.strikeWad;
      const smaller = isCall ? option.forwardWad : option.strikeWad;
      const price = isCall ? callWad : putWad;
      return price > 0n && price < smaller ? [[option.forwardWad, option.strikeWad, price, isCall ? 1n : 0n, 0n]] : [];
    }),
    logs: single(() => random.logWad(1e-6, 1e6)),
    exponents: single(() => random.wad(-30, 30)),
    scores: single(() => random.wad(-8, 8)),
  };
}

const ours = (name: string, meter: string, inputs: Rows, error?: Subject["error"]): Subject => ({
  name,
  file: "PricingGas",
  meter,
  inputs,
  ...(error && { error }),
});

/** ABDK counts in 2⁻⁶⁴; its errors are shown in wei as everybody's. */
const toBinary = (rows: Rows): Rows =>
  rows.map(([x = 0n, ...rest]) => [word((BigInt.asIntN(256, x) << 64n) / WAD), ...rest]);
const wadOf = (x: bigint): Decimal => new Real(BigInt.asIntN(256, x).toString()).div("1e18");
const binaryOf = (x: bigint): Decimal => new Real(BigInt.asIntN(256, x).toString()).div(new Real(2).pow(64));

/** Ours, Solady's, PRBMath's and ABDK's of one function, each against the truth at the input it was given. */
function elementary(
  name: string,
  suffix: string,
  meter: string,
  inputs: Rows,
  truth: (x: Decimal) => Decimal,
  scale: (truth: Decimal) => Decimal = () => new Real(1),
): Contest {
  const errorIn = (parse: (x: bigint) => Decimal) => (input: readonly bigint[], result: bigint) => {
    const exact = truth(parse(input[0] ?? 0n));
    return parse(result).minus(exact).times("1e18").div(scale(exact)).abs().toNumber();
  };
  const rival = (library: string, prefix: string, binary = false): Subject => ({
    name: `${library} ${suffix}`,
    file: "RivalGas",
    meter: `GasOf${prefix}${meter.replace("Logarithm", "Ln").replace("Exponential", "Exp").replace("SquareRoot", "Sqrt")}`,
    inputs: binary ? toBinary(inputs) : inputs,
    errorEvery: 10,
    error: errorIn(binary ? binaryOf : wadOf),
  });
  return {
    unit: "wei",
    subjects: [
      { ...ours(name, `GasOf${meter}`, inputs, errorIn(wadOf)), errorEvery: 10 },
      rival("Solady 0.1.26", "Solady"),
      rival("PRBMath 4.2.0", "Prb"),
      rival("ABDK 3.2.0", "Abdk", true),
    ],
  };
}

function contests(points: number): readonly Contest[] {
  const { options, spots, slices, prices, logs, exponents, scores } = drawInputs(points);
  const cdfError = ([x = 0n]: readonly bigint[], result: bigint) =>
    wadOf(result)
      .minus(normalDistribution(wadOf(x)))
      .times("1e18")
      .abs()
      .toNumber();
  const priceError = ([forwardWad = 0n, strikeWad = 0n, stdDevWad = 0n]: readonly bigint[]) =>
    relativePriceError({ forwardWad, strikeWad, stdDevWad });
  return [
    {
      unit: "max(F, K), beyond 1 wei",
      subjects: [ours("Black76.price", "GasOfBlack76Price", options, priceError)],
      recorded: recorded.black76,
    },
    // Its error is that of Black76.price and, per unit of min(F, K), the half wei by which k is rounded.
    { subjects: [ours("Black76.priceKnownLn", "GasOfBlack76PriceKnownLn", options)] },
    { subjects: [ours("Black76.priceDeltaVegaKnownLn", "GasOfBlack76PriceDeltaVegaKnownLn", options)] },
    {
      subjects: [ours("Black76.priceAndGreeks", "GasOfBlack76PriceAndGreeks", options)],
      recorded: recorded.greeks,
    },
    {
      unit: "max(S, K), beyond 2 wei",
      subjects: [{ ...ours("BlackScholes.price", "GasOfBlackScholesPrice", spots, spotPriceError), errorEvery: 10 }],
      recorded: recorded.price,
    },
    {
      unit: "wei",
      subjects: [{ ...ours("Essvi.stdDev", "GasOfEssviStdDev", slices, essviError), errorEvery: 10 }],
    },
    {
      unit: "max(1, v)",
      subjects: [
        { ...ours("Black76.impliedStdDev", "GasOfBlack76ImpliedStdDev", prices, impliedError), errorEvery: 10 },
      ],
      recorded: recorded.impliedStdDev,
    },
    {
      unit: "wei",
      subjects: [
        ours("NormalDistribution.cdf", "GasOfCdf", scores, cdfError),
        { name: "solstat 0.0.2", file: "RivalGas", meter: "GasOfSolstatCdf", inputs: scores, error: cdfError },
      ],
      recorded: recorded.cdf,
    },
    elementary("Logarithm.lnWad", "ln", "Logarithm", logs, (x) => Real.ln(x)),
    elementary(
      "Exponential.expWad",
      "exp",
      "Exponential",
      exponents,
      (x) => Real.exp(x),
      (exact) => Real.max(1, exact),
    ),
    elementary("SquareRoot.sqrtWad", "sqrt", "SquareRoot", logs, (x) => x.sqrt()),
  ];
}

/** Measures everything; about half a minute for 10,000 points. */
export async function benchPricingGas({ points = 10_000 } = {}): Promise<BenchReport> {
  buildMeters();
  const harness = await startPricingHarness();
  try {
    const all = contests(points);
    const frame = summary(await run(harness, ours("", "GasOfNothing", all[0]?.subjects[0].inputs ?? []))).median;
    const lines = ["gas, via-IR, 1e6 runs, Osaka               min  median     max   × ours   error max    rms"];
    const measured = new Map<string, Measured>();
    for (const { subjects, recorded: field = [], unit } of all) {
      const rows: Measured[] = [];
      for (const subject of subjects) rows.push(await measureSubject(harness, subject, frame));
      const [own, ...rivals] = rows;
      if (!own) continue;
      measured.set(own.name, own);
      lines.push(lineOf(own, own, unit), ...rivals.map((row) => lineOf(row, own, unit, "  ")));
      for (const { name, median } of field) lines.push(lineOf({ name, min: NaN, median, max: NaN }, own, unit, "  "));
    }
    let mismatches = 0;
    for (const subject of twinCases) mismatches += (await compareWithTwin(harness, subject)).mismatches.length;
    const of = (name: string) => measured.get(name) ?? { median: NaN, error: undefined };
    const figures: Figure[] = [
      { name: "black76.gas", value: of("Black76.price").median, unit: "gas" },
      { name: "black76.knownLn.gas", value: of("Black76.priceKnownLn").median, unit: "gas" },
      { name: "black76.greeks.gas", value: of("Black76.priceAndGreeks").median, unit: "gas" },
      { name: "blackScholes.gas", value: of("BlackScholes.price").median, unit: "gas" },
      { name: "essvi.gas", value: of("Essvi.stdDev").median, unit: "gas" },
      { name: "impliedStdDev.gas", value: of("Black76.impliedStdDev").median, unit: "gas" },
      { name: "black76.error.max", value: of("Black76.price").error?.max ?? NaN, unit: "max(F,K)" },
      { name: "impliedStdDev.error.max", value: of("Black76.impliedStdDev").error?.max ?? NaN, unit: "max(1, v)" },
      { name: "cdf.error.wei", value: of("NormalDistribution.cdf").error?.max ?? NaN, unit: "wei" },
      { name: "twin.mismatches", value: mismatches, unit: "inputs" },
    ];
    return { figures, lines };
  } finally {
    harness.stop();
  }
}

function run(harness: PricingHarness, { file, meter, inputs }: Subject): Promise<readonly Metered[]> {
  return harness.measure(codeOf("out-bench", file, meter), inputs);
}

async function measureSubject(harness: PricingHarness, subject: Subject, frame: number): Promise<Measured> {
  const metered = await run(harness, subject);
  const { min, median, max } = summary(metered);
  const row = { name: subject.name, min: min - frame, median: median - frame, max: max - frame };
  const { error, errorEvery = 1 } = subject;
  if (!error) return row;
  const errors = metered.flatMap(({ result }, i) =>
    i % errorEvery === 0 ? [error(subject.inputs[i] ?? [], result)] : [],
  );
  const rms = Math.sqrt(errors.reduce((sum, value) => sum + value * value, 0) / errors.length);
  return { ...row, error: { max: errors.reduce((a, b) => Math.max(a, b), 0), rms } };
}

function summary(metered: readonly Metered[]) {
  const sorted = metered.map(({ gas }) => gas).toSorted((a, b) => a - b);
  return { min: sorted[0] ?? NaN, median: sorted[sorted.length >> 1] ?? NaN, max: sorted.at(-1) ?? NaN };
}

function lineOf(row: Measured, own: Measured, unit: string | undefined, indent = ""): string {
  const gas = [row.min, row.median, row.max].map((value) => (Number.isNaN(value) ? "" : String(value)).padStart(7));
  const ratio = row === own ? "" : `${(row.median / own.median).toFixed(1)}×`;
  const error = row.error
    ? `  ${row.error.max.toPrecision(2).padStart(9)}  ${row.error.rms.toPrecision(2)} ${unit}`
    : "";
  return `${`${indent}${row.name}`.padEnd(38)}${gas.join(" ")}  ${ratio.padStart(7)}${error}`.trimEnd();
}

const undiscountedCall = (forward: Decimal, strike: Decimal, stdDev: Decimal): Decimal => {
  const d1 = Real.ln(forward.div(strike)).div(stdDev).plus(stdDev.div(2));
  return forward.times(normalDistribution(d1)).minus(strike.times(normalDistribution(d1.minus(stdDev))));
};

/** What is left of |computed − true| after the wei that rounding takes, by max(F, K). The twin is the EVM bit for bit. */
function relativePriceError(input: fixed.Black76Input): number {
  const truth = undiscountedCall(real(input.forwardWad), real(input.strikeWad), real(input.stdDevWad));
  const wei = new Real(fixed.black76Price(input).callWad.toString()).minus(truth.times("1e18")).abs().minus(1);
  return Math.max(0, wei.div(Real.max(input.forwardWad.toString(), input.strikeWad.toString())).toNumber());
}

/** As `relativePriceError`, beyond 2 wei. */
function spotPriceError(input: readonly bigint[]): number {
  const [spotWad = 0n, strikeWad = 0n, volatilityWad = 0n, rate = 0n, secondsToExpiry = 0n] = input;
  const rateWad = BigInt.asIntN(256, rate);
  const years = new Real(secondsToExpiry.toString()).div(365 * 24 * 3600);
  const discounted = real(strikeWad).times(Real.exp(real(rateWad).times(years).neg()));
  const truth = undiscountedCall(real(spotWad), discounted, real(volatilityWad).times(years.sqrt()));
  const { callWad } = fixed.blackScholesPrice({ spotWad, strikeWad, secondsToExpiry, volatilityWad, rateWad });
  const wei = new Real(callWad.toString()).minus(truth.times("1e18")).abs().minus(2);
  return Math.max(0, wei.div(Real.max(spotWad.toString(), strikeWad.toString())).toNumber());
}

function essviError([k = 0n, theta = 0n, rho = 0n, psi = 0n]: readonly bigint[], result: bigint): number {
  const [t, r, slope] = [real(theta), wadOf(rho), real(psi).times(wadOf(k))];
  const radical = slope
    .plus(r.times(t))
    .pow(2)
    .plus(t.pow(2).times(new Real(1).minus(r.pow(2))))
    .sqrt();
  const deviation = t.plus(r.times(slope)).plus(radical).div(2).sqrt();
  return real(result).minus(deviation).times("1e18").abs().toNumber();
}

/** Newton's step from the answer towards the root, in 80 digits, beyond what half a wei of price and of v bring. */
function impliedError(
  [forwardWad = 0n, strikeWad = 0n, priceWad = 0n, isCall = 0n]: readonly bigint[],
  result: bigint,
) {
  const [forward, strike, stdDev] = [real(forwardWad), real(strikeWad), real(result)];
  const call = undiscountedCall(forward, strike, stdDev);
  const model = isCall === 1n ? call : call.minus(forward).plus(strike);
  const d1 = Real.ln(forward.div(strike)).div(stdDev).plus(stdDev.div(2));
  const beyondRounding = model
    .minus(real(priceWad))
    .abs()
    .minus("5e-19")
    .div(forward.times(normalDensity(d1)));
  return Math.max(0, beyondRounding.minus("5e-19").div(Real.max(1, stdDev)).toNumber());
}
