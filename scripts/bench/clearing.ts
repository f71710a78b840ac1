/** The clearing house, part by part; each part is a module that returns its figures and lines. */
import { benchDrills } from "./clearing/drills.ts";
import { benchClearingGas } from "./clearing/gas.ts";
import { benchMargin } from "./clearing/margin.ts";
import type { BenchOptions, BenchReport } from "./figure.ts";

const PARTS: readonly ((options: BenchOptions) => BenchReport | Promise<BenchReport>)[] = [
  benchMargin,
  benchClearingGas,
  benchDrills,
];

export async function benchClearing(options: BenchOptions): Promise<BenchReport> {
  const reports: BenchReport[] = [];
  for (const part of PARTS) reports.push(await part(options));
  return {
    lines: reports.flatMap(({ lines = [] }, i) => (i === 0 ? lines : ["", ...lines])),
    figures: reports.flatMap(({ figures }) => figures),
  };
}
