/**
 * npm run bench -- AREA [--json] [--data DIR] [--out DIR]
 *
 * Runs one area's measurements and prints a table, or `{ "figures": [{ "name", "value", "unit" }] }` with --json.
 */
import { parseArgs } from "node:util";
import { describeError } from "../../src/runtime/errors.ts";
import type { BenchOptions, BenchReport, Figure } from "./figure.ts";

/** Area → its module, loaded only when asked for. */
const AREAS: Readonly<Record<string, () => Promise<(options: BenchOptions) => Promise<BenchReport>>>> = {
  arbitrage: async () => (await import("./arbitrage.ts")).benchArbitrage,
  clearing: async () => (await import("./clearing.ts")).benchClearing,
  hardening: async () => (await import("./hardening.ts")).benchHardening,
  oracle: async () => (await import("./oracle.ts")).benchOracle,
  pool: async () => (await import("./pool.ts")).benchPool,
  pricing: async () => (await import("./pricing.ts")).benchPricing,
  simulation: async () => (await import("./simulation.ts")).benchSimulation,
  surface: async () => (await import("./surface.ts")).benchSurface,
};

const usage = `areas: ${Object.keys(AREAS).join(", ")} (npm run bench -- AREA [--json] [--data DIR] [--out DIR])`;

function printTable(figures: readonly Figure[]): void {
  const width = Math.max(...figures.map(({ name }) => name.length));
  for (const { name, value, unit } of figures) {
    const number = Number.isInteger(value) ? String(value) : value.toPrecision(4);
    console.log(`${name.padEnd(width)}  ${number.padStart(12)}  ${unit}`);
  }
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: "boolean", default: false },
      data: { type: "string", default: "../shared/data" },
      out: { type: "string" },
    },
  });
  const area = positionals[0];
  if (area === undefined || !Object.hasOwn(AREAS, area)) {
    throw new Error(`${area === undefined ? "no area given" : `unknown area "${area}"`}; ${usage}`);
  }
  const bench = await AREAS[area]!();
  const { figures, lines = [] } = await bench({ dataDirectory: values.data, outDirectory: values.out });
  if (values.json) {
    console.log(JSON.stringify({ figures }, null, 2));
    return;
  }
  for (const line of lines) console.log(line);
  if (lines.length > 0) console.log();
  printTable(figures);
}

try {
  await main();
} catch (error) {
  console.error(`bench: ${describeError(error)}`);
  process.exitCode = 1;
}
