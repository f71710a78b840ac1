import { existsSync } from "node:fs";
import { join } from "node:path";

/** One measured number of a bench. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
}

/** What a bench module returns: the figures, and lines for a reader. */
export interface BenchReport {
  readonly figures: readonly Figure[];
  readonly lines?: readonly string[];
}

export interface BenchOptions {
  /** Folder of recorded market data. */
  readonly dataDirectory: string;
  /** Where pictures go; none are drawn where it is left out. */
  readonly outDirectory?: string | undefined;
}

/** Whether there are recorded option chains; says so where there are none. */
export function hasChains(dataDirectory: string): boolean {
  const found = existsSync(join(dataDirectory, "options"));
  if (!found)
    console.error(`bench: no option chains in ${dataDirectory}: the figures of a recorded market are left out`);
  return found;
}

/** Median seconds of `rounds` runs of `work`, after a fifth as many that warm up. Short runs escape most interruptions. */
export function medianSeconds(rounds: number, work: () => void): number {
  for (let round = 0; round < rounds / 5; round += 1) work();
  const times: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const start = process.hrtime.bigint();
    work();
    times.push(Number(process.hrtime.bigint() - start) / 1e9);
  }
  return quantile(times, 0.5);
}

export function quantile(values: readonly number[], share: number): number {
  if (values.length === 0) return 0;
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
}
