/**
 * npm run simulate -- --data DIR [--from DAY] [--to DAY] [--agents FILE] [--seeds N] [--sweep FILE] [--out DIR]
 *
 * Lets a population trade with a pool on a recorded market, many times, and writes a page. What was run is kept: the same command goes on
 * where it was stopped.
 */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { describeError, MeniscusError } from "../runtime/errors.ts";
import { knobsName } from "./knobs.ts";
import { population, readPopulation } from "./population.ts";
import { type SimulationOptions, simulate, usualRegimes } from "./simulate.ts";

const usage = `npm run simulate -- --data DIR [options]

  --from DAY, --to DAY   2026-01-01 to 2026-04-30 by default; a calendar month is a run
  --agents FILE          JSON: who trades and how the oracle works (src/simulation/population.ts); defaults without it
  --seeds N              runs of each month with other customers (3)
  --sweep FILE           JSON: values of parameters, e.g. {"kappa": [0.1, 0.2], "netVegaSpread": [0.005, 0.01]}; all combinations
  --regimes              also runs other flows, from friendly to hostile
  --engine float|twin    float64 (default), or to the unit
  --synthetic NAME       surfaces made from the candles of spot/NAME…, where there are no chains
  --workers N            threads; as many as there are cores
  --out DIR              where runs and the page go (simulation)`;

function dayOf(text: string): number {
  const time = Date.parse(`${text}T00:00:00Z`) / 1000;
  if (!Number.isFinite(time)) throw new MeniscusError("usage", `"${text}" is no day.`, { hint: "Write 2026-02-01." });
  return time;
}

function wholeOf(text: string, name: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new MeniscusError("usage", `--${name} is a whole number from 1 on.`);
  return value;
}

/** The options of a command line; undefined where help was asked for. */
export function parseSimulation(args: readonly string[]): SimulationOptions | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      data: { type: "string" },
      from: { type: "string", default: "2026-01-01" },
      to: { type: "string", default: "2026-04-30" },
      agents: { type: "string" },
      seeds: { type: "string", default: "3" },
      sweep: { type: "string" },
      regimes: { type: "boolean", default: false },
      engine: { type: "string", default: "float" },
      synthetic: { type: "string" },
      workers: { type: "string" },
      out: { type: "string", default: "simulation" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return undefined;
  if (values.data === undefined) throw new MeniscusError("usage", "Which data?", { hint: "Write --data DIR." });
  if (values.engine !== "float" && values.engine !== "twin") {
    throw new MeniscusError("usage", `There is no engine "${values.engine}".`, { hint: "float or twin." });
  }
  const people = values.agents === undefined ? population() : readPopulation(values.agents);
  return {
    directory: values.data,
    span: { from: dayOf(values.from), to: dayOf(values.to) },
    population: people,
    seeds: wholeOf(values.seeds, "seeds"),
    sweep: values.sweep === undefined ? {} : JSON.parse(readFileSync(values.sweep, "utf8")),
    regimes: values.regimes ? usualRegimes(people) : {},
    folder: values.out,
    workers: values.workers === undefined ? undefined : wholeOf(values.workers, "workers"),
    engine: values.engine,
    synthetic: values.synthetic,
    onProgress: bar,
  };
}

const WIDTH = 30;

function bar(what: string, done: number, all: number): void {
  if (!process.stderr.isTTY && done !== all) return;
  const full = Math.round((WIDTH * done) / Math.max(1, all));
  const line = `${"█".repeat(full)}${"·".repeat(WIDTH - full)} ${done}/${all} ${what}`;
  process.stderr.write(process.stderr.isTTY ? `\r\u001b[K${line}${done === all ? "\n" : ""}` : `${line}\n`);
}

/** Runs a command line and prints what came out. */
export async function simulateCommand(args: readonly string[]): Promise<void> {
  const options = parseSimulation(args);
  if (!options) {
    console.log(usage);
    return;
  }
  const { page, runs, chosen, figures, outOfSample } = await simulate(options);
  const percent = (x: number) => `${(100 * x).toFixed(2)} %`.padStart(10);
  console.log(`${runs} runs; chosen: ${knobsName(chosen)}\n`);
  console.log(
    `${"".padEnd(40)}${"a year".padStart(10)}${"fall".padStart(10)}${"30 days".padStart(10)}${"Sharpe".padStart(8)}`,
  );
  const rows = [...Object.entries(figures), ...(outOfSample ? [["walk-forward", outOfSample] as const] : [])];
  for (const [name, { annualReturn, maxDrawdown, worstMonth, sharpe }] of rows) {
    console.log(
      `${name.slice(0, 39).padEnd(40)}${percent(annualReturn)}${percent(maxDrawdown)}${percent(worstMonth)}${sharpe.toFixed(2).padStart(8)}`,
    );
  }
  console.log(`\n${page}`);
}

if (process.argv[1]?.endsWith("src/simulation/main.ts")) {
  try {
    await simulateCommand(process.argv.slice(2));
  } catch (error) {
    console.error(`simulate: ${describeError(error)}`);
    process.exitCode = 1;
  }
}
