/** Gas as the committed snapshots hold it: what `npm run snapshots` measured and the gate checks. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { Figure } from "./figure.ts";

const FOLDER = join(import.meta.dirname, "..", "..", "snapshots");

/** A snapshot, the figure it becomes, the bound it has to stay below, and over how many units it is spread. */
export interface GasFigure {
  readonly of: string;
  readonly name: string;
  readonly bound: number;
  readonly over?: number;
  /** What one of them is: `account`, `strike`. */
  readonly unit?: string;
}

/**
 * @param suite File in snapshots/ without its ending.
 * @throws Where the file or an entry is missing.
 */
export function gasFigures(suite: string, wanted: readonly GasFigure[]): readonly Figure[] {
  const file = join(FOLDER, `${suite}.json`);
  if (!existsSync(file)) throw new Error(`no gas snapshots at ${file}: npm run snapshots writes them`);
  const snapshots = z.record(z.string(), z.coerce.number()).parse(JSON.parse(readFileSync(file, "utf8")));
  return wanted.map(({ of, name, bound, over = 1, unit = "account" }) => {
    const gas = snapshots[of];
    if (gas === undefined) throw new Error(`${file} does not know "${of}": npm run snapshots`);
    const each = over === 1 ? "" : ` per ${unit}, ${over} at once`;
    return { name, value: Math.round(gas / over), unit: `gas${each} (bound ${bound})` };
  });
}
