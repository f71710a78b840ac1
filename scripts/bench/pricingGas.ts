/**
 * The chain's half of `npm run bench -- pricing`: gas and error of our libraries, Solady's building blocks beside ours
 * in the same run, and the recorded figures of the field.
 */

import type { Decimal } from "decimal.js";
import * as fixed from "../../pricing/fixed/index.ts";
import { normalDistribution, Real } from "../../pricing/reference/normal.ts";
import { startPricingHarness } from "../../test/pricing/pricingHarness.ts";
import { Random } from "../../test/pricing/random.ts";
import { compareWithTwin, twinCases } from "../../test/pricing/twinCases.ts";

export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
}

export interface GasRow {
  readonly name: string;
  readonly min: number;
  readonly median: number;
  readonly max: number;
  /** Gas of the best other implementation over ours: measured in this run, or as recorded in `source`. */
  readonly rival?: { readonly name: string; readonly median: number; readonly ratio: number; readonly source: string };
}

export interface ErrorRow {
  readonly name: string;
  readonly max: number;
  readonly rms: number;
  readonly unit: string;
}

export interface PricingGasReport {
  readonly figures: readonly Figure[];
  readonly gas: readonly GasRow[];
  readonly errors: readonly ErrorRow[];
}

const WAD = 10n ** 18n;
const word = (x: bigint) => BigInt.asUintN(256, x);
const real = (wad: bigint): Decimal => new Real(wad.toString()).div("1e18");

/** Recorded with solc 0.8.37, via-IR, 1e6 runs, Osaka, on 1,260 inputs; frame taken off. */
const recorded = {
  price: { name: "DeFiMath 4.1.0, call + put", median: 5151 },
  black76: { name: "Derive Black76, call + put", median: 4196 },
  greeks: { name: "DeFiMath 4.1.0, price and five Greeks", median: 10_147 },
  impliedStdDev: { name: "DeFiMath 4.1.0", median: 11_652 },
  cdf: { name: "DeFiMath 4.1.0", median: 607 },
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

/** Measures everything; about 25 seconds for 10,000 points. */
export async function benchPricingGas({ points = 10_000 } = {}): Promise<PricingGasReport> {
  const harness = await startPricingHarness();
  try {
    const options = drawOptions(points);
    const random = new Random(1976);
    const rows = options.map(({ forwardWad, strikeWad, stdDevWad }) => [
      forwardWad,
      strikeWad,
      stdDevWad,
      word(fixed.lnWad((strikeWad * WAD) / forwardWad)),
      BigInt(3600 + random.below(63_000_000)),
    ]);
    const spots = options.map(({ forwardWad, strikeWad }) => [
      forwardWad,
      strikeWad,
      random.logWad(0.05, 3),
      word(random.wad(-0.05, 0.1)),
      BigInt(3600 + random.below(63_000_000)),
    ]);
    const slices = options.map(() => [
      word(random.wad(-3, 3)),
      random.logWad(0.0001, 5),
      word(random.wad(-0.95, 0.95)),
      random.logWad(0.01, 2),
      0n,
    ]);
    const prices = options.flatMap((option) => {
      const { callWad, putWad } = fixed.black76Price(option);
      const isCall = option.forwardWad < option.strikeWad;
      const smaller = isCall ? option.forwardWad : option.strikeWad;
      const price = isCall ? callWad : putWad;
      return price > 0n && price < smaller ? [[option.forwardWad, option.strikeWad, price, isCall ? 1n : 0n, 0n]] : [];
    });
    const single = (draw: () => bigint) => options.map(() => [word(draw()), 0n, 0n, 0n, 0n]);
    const logs = single(() => random.logWad(1e-6, 1e6));
    const exponents = single(() => random.wad(-30, 30));
    const scores = single(() => random.wad(-8, 8));

    const frame = summary(await harness.measureGas("PricingGas", "GasOfNothing", rows)).median;
    const gasOf = async (name: string, meter: string, inputs: bigint[][], rival?: GasRow["rival"]): Promise<GasRow> => {
      const { min, median, max } = summary(await harness.measureGas("PricingGas", meter, inputs));
      const row = { name, min: min - frame, median: median - frame, max: max - frame };
      return rival ? { ...row, rival: { ...rival, ratio: rival.median / row.median } } : row;
    };
    const measured = async (
      name: string,
      meter: string,
      inputs: bigint[][],
    ): Promise<NonNullable<GasRow["rival"]>> => ({
      name,
      median: summary(await harness.measureGas("RivalGas", meter, inputs)).median - frame,
      ratio: 0,
      source: "this run",
    });

    const gas = [
      await gasOf("Black76.price", "GasOfBlack76Price", rows, field(recorded.black76)),
      await gasOf("Black76.priceKnownLn", "GasOfBlack76PriceKnownLn", rows),
      await gasOf("Black76.priceDeltaVegaKnownLn", "GasOfBlack76PriceDeltaVegaKnownLn", rows),
      await gasOf("Black76.priceAndGreeks", "GasOfBlack76PriceAndGreeks", rows, field(recorded.greeks)),
      await gasOf("BlackScholes.price", "GasOfBlackScholesPrice", spots, field(recorded.price)),
      await gasOf("Essvi.stdDev", "GasOfEssviStdDev", slices),
      await gasOf("Black76.impliedStdDev", "GasOfBlack76ImpliedStdDev", prices, field(recorded.impliedStdDev)),
      await gasOf("NormalDistribution.cdf", "GasOfCdf", scores, field(recorded.cdf)),
      await gasOf("Logarithm.lnWad", "GasOfLogarithm", logs, await measured("Solady 0.1.26", "GasOfSoladyLn", logs)),
      await gasOf(
        "Exponential.expWad",
        "GasOfExponential",
        exponents,
        await measured("Solady 0.1.26", "GasOfSoladyExp", exponents),
      ),
      await gasOf(
        "SquareRoot.sqrtWad",
        "GasOfSquareRoot",
        logs,
        await measured("Solady 0.1.26", "GasOfSoladySqrt", logs),
      ),
    ] as const;

    const errors = [
      errorRow("Black76.price", "max(F, K), beyond 1 wei", options.map(relativePriceError)),
      errorRow(
        "NormalDistribution.cdf",
        "wei",
        scores.map(([x]) => cdfError(BigInt.asIntN(256, x!))),
      ),
    ] as const;

    let mismatches = 0;
    for (const subject of twinCases) mismatches += (await compareWithTwin(harness, subject)).mismatches.length;

    const median = (name: string) => gas.find((row) => row.name === name)!.median;
    const figures = [
      { name: "black76.gas", value: median("Black76.price"), unit: "gas" },
      { name: "black76.knownLn.gas", value: median("Black76.priceKnownLn"), unit: "gas" },
      { name: "black76.greeks.gas", value: median("Black76.priceAndGreeks"), unit: "gas" },
      { name: "blackScholes.gas", value: median("BlackScholes.price"), unit: "gas" },
      { name: "essvi.gas", value: median("Essvi.stdDev"), unit: "gas" },
      { name: "impliedStdDev.gas", value: median("Black76.impliedStdDev"), unit: "gas" },
      { name: "black76.error.max", value: errors[0].max, unit: "max(F,K)" },
      { name: "cdf.error.wei", value: errors[1].max, unit: "wei" },
      { name: "twin.mismatches", value: mismatches, unit: "inputs" },
    ];
    return { figures, gas, errors };
  } finally {
    harness.stop();
  }
}

function field(rival: { readonly name: string; readonly median: number }): NonNullable<GasRow["rival"]> {
  return { ...rival, ratio: 0, source: "recorded" };
}

function summary(gas: readonly number[]) {
  const sorted = gas.toSorted((a, b) => a - b);
  return { min: sorted[0]!, median: sorted[sorted.length >> 1]!, max: sorted.at(-1)! };
}

function errorRow(name: string, unit: string, errors: readonly number[]): ErrorRow {
  const rms = Math.sqrt(errors.reduce((sum, error) => sum + error * error, 0) / errors.length);
  return { name, max: errors.reduce((a, b) => Math.max(a, b), 0), rms, unit };
}

/** What is left of |computed − true| after the wei that rounding takes, by max(F, K). */
function relativePriceError(input: fixed.Black76Input): number {
  const [forward, strike, stdDev] = [real(input.forwardWad), real(input.strikeWad), real(input.stdDevWad)];
  const d1 = Real.ln(forward.div(strike)).div(stdDev).plus(stdDev.div(2));
  const truth = forward.times(normalDistribution(d1)).minus(strike.times(normalDistribution(d1.minus(stdDev))));
  const wei = new Real(fixed.black76Price(input).callWad.toString()).minus(truth.times("1e18")).abs().minus(1);
  return Math.max(0, wei.div(Real.max(input.forwardWad.toString(), input.strikeWad.toString())).toNumber());
}

function cdfError(x: bigint): number {
  return new Real(fixed.cdf(x).toString())
    .minus(normalDistribution(real(x)).times("1e18"))
    .abs()
    .toNumber();
}
