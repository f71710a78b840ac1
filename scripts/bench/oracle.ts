/** The volatility oracle, part by part; each part is a module that returns its figures and lines. */
import type { BenchOptions, BenchReport } from "./figure.ts";
import { benchOracleContract } from "./oracle/contract.ts";
import { benchForecast } from "./oracle/forecast.ts";
import { benchOracleReplay } from "./oracle/replay.ts";

const PARTS: readonly ((options: BenchOptions) => BenchReport | Promise<BenchReport>)[] = [
  benchOracleContract,
  benchForecast,
  benchOracleReplay,
];

export async function benchOracle(options: BenchOptions): Promise<BenchReport> {
  const reports: BenchReport[] = [];
  for (const part of PARTS) reports.push(await part(options));
  return {
    lines: reports.flatMap(({ lines = [] }, i) => (i === 0 ? lines : ["", ...lines])),
    figures: reports.flatMap(({ figures }) => figures),
  };
}
