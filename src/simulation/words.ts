/** What a command line says about a simulation, as it is written there. */
import { z } from "zod";
import { readConfigFile } from "../runtime/configFile.ts";
import { describeError, MeniscusError } from "../runtime/errors.ts";
import { type Knobs, knobsName, knobsSchema } from "./knobs.ts";
import { population, readPopulation } from "./population.ts";
import { type SimulationOptions, type SimulationResult, usualRegimes } from "./simulate.ts";

/** Options by their names; those that are left out have the defaults that the help names. */
export interface SimulationWords {
  readonly data?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly agents?: string | undefined;
  readonly seeds?: string | undefined;
  readonly sweep?: string | undefined;
  readonly regimes?: boolean | undefined;
  readonly engine?: string | undefined;
  readonly synthetic?: string | undefined;
  readonly workers?: string | undefined;
  readonly out?: string | undefined;
}

/** The options as a command declares them: flags, and what they mean. */
export const simulationFlags = [
  ["--data <dir>", "recorded market: spot/ and options/ as CSV"],
  ["--from <day>", "UTC (2026-01-01); a calendar month is a run"],
  ["--to <day>", "UTC, not included (2026-04-30)"],
  ["--agents <file>", "JSON: who trades and how oracle and keepers work; see src/simulation/population.ts"],
  ["--seeds <n>", "runs of each month, with other customers (3)"],
  ["--sweep <file>", 'JSON: values of parameters, {"kappa": [0.1, 0.2]}; all combinations are run'],
  ["--regimes", "also other flows, from friendly to hostile"],
  ["--engine <name>", "float, or twin: to the unit (float)"],
  ["--synthetic <name>", "surfaces made from the candles of spot/NAME…, where there are no chains"],
  ["--workers <n>", "threads (as many as cores)"],
  ["--out <dir>", "where runs and the page go; the same command goes on there (simulation)"],
] as const;

const WIDTH = 30;

/** What the words mean; files are read, and days and numbers checked. */
export function simulationOptions(words: SimulationWords): SimulationOptions {
  const { data, engine = "float", workers } = words;
  if (data === undefined) throw new MeniscusError("usage", "Which data?", { hint: "Write --data DIR." });
  if (engine !== "float" && engine !== "twin") {
    throw new MeniscusError("usage", `There is no engine "${engine}".`, { hint: "float or twin." });
  }
  const people = words.agents === undefined ? population() : readPopulation(words.agents);
  const span = { from: dayOf(words.from ?? "2026-01-01"), to: dayOf(words.to ?? "2026-04-30") };
  if (span.to <= span.from) throw new MeniscusError("usage", "--to lies before --from.");
  return {
    directory: data,
    span,
    population: people,
    seeds: wholeOf(words.seeds ?? "3", "seeds"),
    sweep: words.sweep === undefined ? {} : readSweep(words.sweep),
    regimes: words.regimes ? usualRegimes(people) : {},
    folder: words.out ?? "simulation",
    workers: workers === undefined ? undefined : wholeOf(workers, "workers"),
    engine,
    synthetic: words.synthetic,
    onProgress: bar,
  };
}

function readSweep(file: string): SimulationOptions["sweep"] {
  const names = Object.keys(knobsSchema.shape) as [keyof Knobs, ...(keyof Knobs)[]];
  const schema = z.partialRecord(z.enum(names), z.array(z.number().min(0)).min(1));
  try {
    return readConfigFile(file, schema);
  } catch (cause) {
    throw new MeniscusError("usage", `This is no sweep: ${describeError(cause)}`, {
      hint: `Parameters are ${names.join(", ")}; each has a list of values.`,
      cause,
    });
  }
}

function dayOf(text: string): number {
  const time = Date.parse(`${text}T00:00:00Z`) / 1000;
  // A day that a month does not have rolls over into the next.
  if (!Number.isFinite(time) || new Date(time * 1000).toISOString().slice(0, 10) !== text) {
    throw new MeniscusError("usage", `"${text}" is no day.`, { hint: "Write 2026-02-01." });
  }
  return time;
}

function wholeOf(text: string, name: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new MeniscusError("usage", `--${name} is a whole number from 1 on.`);
  return value;
}

/** One line that fills, on standard error. */
function bar(what: string, done: number, all: number): void {
  if (!process.stderr.isTTY && done !== all) return;
  const full = Math.round((WIDTH * done) / Math.max(1, all));
  const line = `${"█".repeat(full)}${"·".repeat(WIDTH - full)} ${done}/${all} ${what}`;
  process.stderr.write(process.stderr.isTTY ? `\r\u001b[K${line}${done === all ? "\n" : ""}` : `${line}\n`);
}

/** What came out, as a table for a terminal. */
export function renderMarketSimulation({ page, runs, chosen, figures, outOfSample }: SimulationResult): string {
  const percent = (x: number) => `${(100 * x).toFixed(2)} %`.padStart(10);
  const head = ["a year", "fall", "30 days", "Sharpe"].map((name) => name.padStart(10)).join("");
  const rows = [...Object.entries(figures), ...(outOfSample ? [["walk-forward", outOfSample] as const] : [])];
  return [
    `${runs} runs; chosen: ${knobsName(chosen)}`,
    "",
    `${"".padEnd(40)}${head}`,
    ...rows.map(([name, { annualReturn, maxDrawdown, worstMonth, sharpe }]) => {
      const figure =
        percent(annualReturn) + percent(maxDrawdown) + percent(worstMonth) + sharpe.toFixed(2).padStart(10);
      return name.slice(0, 39).padEnd(40) + figure;
    }),
    "",
    page,
  ].join("\n");
}
