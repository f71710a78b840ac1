/** Gas of opening shorts, settling and starting auctions, as the snapshots of test/contracts/Clearing.gas.t.sol hold it. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { BenchOptions, BenchReport } from "../figure.ts";

const FILE = join(import.meta.dirname, "..", "..", "..", "snapshots", "Clearing.json");
const BATCH = 20;

/** Snapshot → figure, with the bound it has to stay below and over how many accounts it is spread. */
const FIGURES: readonly {
  readonly of: string;
  readonly name: string;
  readonly bound: number;
  readonly over?: number;
}[] = [
  { of: "a short opened beside 1 strike", name: "margin.open.gas.1", bound: 175_000 },
  { of: "a short opened beside 4 strikes", name: "margin.open.gas.4", bound: 230_000 },
  { of: "a short opened beside 8 strikes", name: "margin.open.gas.8", bound: 300_000 },
  { of: "a short opened beside 16 strikes", name: "margin.open.gas.16", bound: 450_000 },
  { of: "settlement of an account with 1 strike", name: "settle.gas", bound: 55_000 },
  { of: "settlement of an account with 8 strikes", name: "settle.strikes8.gas", bound: 90_000 },
  {
    of: "settlement of 20 accounts with 1 strike each",
    name: "settle.batch20.gas",
    bound: 18_000,
    over: BATCH,
  },
  { of: "start of an auction of 8 strikes", name: "auction.start8.gas", bound: 260_000 },
];

export function benchClearingGas(_options: BenchOptions): BenchReport {
  if (!existsSync(FILE)) throw new Error(`no gas snapshots at ${FILE}: npm run snapshots writes them`);
  const snapshots = z.record(z.string(), z.coerce.number()).parse(JSON.parse(readFileSync(FILE, "utf8")));
  return {
    figures: FIGURES.map(({ of, name, bound, over = 1 }) => {
      const gas = snapshots[of];
      if (gas === undefined) throw new Error(`${FILE} does not know "${of}": npm run snapshots`);
      const each = over === 1 ? "" : ` an account, ${over} at once`;
      return { name, value: Math.round(gas / over), unit: `gas${each} (bound ${bound})` };
    }),
  };
}
