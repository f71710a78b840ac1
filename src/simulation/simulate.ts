/** A simulation from its options to its report. */
import { mkdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { writeDurably } from "../runtime/durableFile.ts";
import { coveredCalls, type PoolKind } from "./baselines.ts";
import { chained, type Figures } from "./figures.ts";
import type { Job, JobResult } from "./job.ts";
import { combinations, type Knobs, knobsName } from "./knobs.ts";
import { monthsOf, type Span, tapesOf } from "./marketTapes.ts";
import {
  meanFigures,
  notionalOf,
  type ReportInput,
  resultsOf,
  type Strategy,
  simulationPage,
  strategyOf,
} from "./page.ts";
import { type Population, population as populationOf } from "./population.ts";
import { runSweep } from "./sweep.ts";
import { Tape, type TapeData } from "./tape.ts";

const DAY = 86_400;

export interface SimulationOptions {
  readonly directory: string;
  readonly span: Span;
  readonly population: Population;
  readonly seeds: number;
  /** Values for each knob; every combination is run. None: the terms as deployed. */
  readonly sweep: Readonly<Partial<Record<keyof Knobs, readonly number[]>>>;
  /** Other flows under which the chosen setting is run, by name. */
  readonly regimes: Readonly<Record<string, Population>>;
  readonly folder: string;
  readonly workers?: number | undefined;
  readonly engine: "float" | "twin";
  /** The beginning of a candle file's name: surfaces are made from it where there are no chains. */
  readonly synthetic?: string | undefined;
  readonly onProgress?: (what: string, done: number, all: number) => void;
}

/** What a simulation came to: the chosen setting's figures, and beside them those of what it is compared with. */
export interface SimulationResult {
  readonly page: string;
  readonly runs: number;
  readonly chosen: Knobs;
  readonly figures: Readonly<Record<string, Figures>>;
  readonly walkForward: ReportInput["walkForward"];
  /** The walk-forward's own figures, where there are periods to choose from. */
  readonly outOfSample: Figures | undefined;
  readonly regimes: ReportInput["regimes"];
  readonly settings: ReportInput["settings"];
}

/** Runs (or goes on with) a simulation and writes `report.html` and `result.json` into its folder. */
export async function simulate(options: SimulationOptions): Promise<SimulationResult> {
  const { folder, span, onProgress = () => {} } = options;
  mkdirSync(folder, { recursive: true });
  const periods = monthsOf(span);
  const tapes = await tapesOf(options.directory, periods, join(folder, "tapes"), {
    synthetic: options.synthetic,
    onFit: (done, all) => onProgress("surfaces", done, all),
  });
  const settings = combinations(options.sweep);
  const sweep = await run(
    options,
    tapes,
    "runs",
    settings.map((knobs) => ({ kind: "meniscus", knobs })),
  );
  const scores = settings.map((knobs) =>
    periods.map((_, period) => score(resultsOf(sweep, "meniscus", knobs), period)),
  );
  const walk = walkForward(settings, periods, scores);
  const chosen = settings[bestOf(scores, periods.length)] ?? {};
  const kinds: readonly PoolKind[] = ["noInventory", "flat"];
  const others = await run(
    options,
    tapes,
    "baselines",
    kinds.map((kind) => ({ kind, knobs: chosen })),
  );
  const own = resultsOf(sweep, "meniscus", chosen);
  const strategies = [
    strategyOf(`pool, ${knobsName(chosen)}`, own),
    strategyOf("pool without inventory pricing", resultsOf(others, "noInventory", chosen)),
    strategyOf("flat impact, no hedge", resultsOf(others, "flat", chosen)),
    ...idle(tapes),
  ];
  const regimes = await regimesOf(options, tapes, chosen);
  const tested = settings.map((knobs) => {
    const { annualReturn, maxDrawdown, worstMonth } = meanFigures(
      strategyOf("", resultsOf(sweep, "meniscus", knobs)).paths,
    );
    return { name: knobsName(knobs), annualReturn, maxDrawdown, worstMonth };
  });
  const input: ReportInput = {
    title: "Meniscus: a simulated market",
    description: `${day(span.from)} to ${day(span.to)}, ${tapes[0]?.description ?? ""}; ${options.seeds} seeds, ${sweep.length + others.length} runs and those of other flows`,
    strategies,
    walkForward: walk.rows,
    settings: tested.toSorted((a, b) => b.annualReturn - a.annualReturn),
    regimes,
    notes: notesOf(options),
  };
  const page = join(folder, "report.html");
  writeDurably(page, simulationPage(input));
  const result: SimulationResult = {
    page,
    runs: sweep.length + others.length + Object.keys(options.regimes).length * options.seeds * periods.length,
    chosen,
    figures: Object.fromEntries(strategies.map(({ name, paths }) => [name, meanFigures(paths)])),
    walkForward: walk.rows,
    outOfSample: walk.choices.length > 0 ? outOfSample(sweep, walk.choices) : undefined,
    regimes,
    settings: input.settings,
  };
  writeDurably(join(folder, "result.json"), JSON.stringify(result, null, 2));
  return result;
}

async function run(
  options: SimulationOptions,
  tapes: readonly TapeData[],
  what: string,
  pools: readonly { readonly kind: PoolKind; readonly knobs: Knobs }[],
  people = options.population,
  name = "",
): Promise<readonly JobResult[]> {
  const { folder, seeds, engine, onProgress = () => {} } = options;
  const jobs = tapes.flatMap((_, period) =>
    pools.flatMap(({ kind, knobs }) =>
      Array.from({ length: seeds }, (_seed, i): Job => {
        const key = [kind, ...Object.entries(knobs).flat(), name, `period${period}`, `seed${i + 1}`].join("-");
        return { key: key.replaceAll(/[^\w.-]/g, "_"), period, seed: i + 1, kind, knobs, population: people, engine };
      }),
    ),
  );
  const workers = options.workers ?? Math.max(1, availableParallelism());
  return await runSweep({ tapes, jobs, folder, workers, onProgress: (done, all) => onProgress(what, done, all) });
}

/** Mean return of a period over seeds, annualised. */
function score(results: readonly JobResult[], period: number): number {
  const of = results.filter(({ job }) => job.period === period);
  const annual = of.map(({ record }) => {
    const { days, from, to } = record;
    return ((days.at(-1)?.sharePrice ?? 1) / (days[0]?.sharePrice ?? 1)) ** ((365 * DAY) / (to - from)) - 1;
  });
  return annual.reduce((sum, x) => sum + x, 0) / annual.length;
}

/** The setting that earned most in the first periods. */
function bestOf(scores: readonly (readonly number[])[], until: number): number {
  const sums = scores.map((row) => row.slice(0, until).reduce((sum, x) => sum + Math.log(1 + Math.max(-0.99, x)), 0));
  return sums.indexOf(Math.max(...sums));
}

function walkForward(settings: readonly Knobs[], periods: readonly Span[], scores: readonly (readonly number[])[]) {
  if (settings.length < 2 || periods.length < 2) return { rows: [], choices: [] };
  const choices = periods.slice(1).map((_, i) => ({ period: i + 1, setting: settings[bestOf(scores, i + 1)]! }));
  const rows = choices.map(({ period, setting }) => {
    const seen = scores.map((row) => row[period]!);
    return {
      period: `${day(periods[period]!.from)} to ${day(periods[period]!.to)}`,
      chosen: knobsName(setting),
      annualReturn: seen[settings.indexOf(setting)]!,
      best: Math.max(...seen),
      worst: Math.min(...seen),
    };
  });
  return { rows, choices };
}

/** The periods after the first, each with what was chosen before it. */
function outOfSample(
  sweep: readonly JobResult[],
  choices: readonly { readonly period: number; readonly setting: Knobs }[],
): Figures {
  const results = choices.flatMap(({ period, setting }) =>
    resultsOf(sweep, "meniscus", setting).filter(({ job }) => job.period === period),
  );
  return meanFigures(strategyOf("", results).paths);
}

/** What needs no pool. */
function idle(tapes: readonly TapeData[]): readonly Strategy[] {
  const built = tapes.map((data) => new Tape(data));
  const calls = chained(built.map(coveredCalls));
  const dollars = calls.map(({ time }) => ({ time, value: 1 }));
  return [
    { name: "covered calls on ether", paths: [calls], records: [] },
    { name: "USDC", paths: [dollars], records: [] },
  ];
}

async function regimesOf(
  options: SimulationOptions,
  tapes: readonly TapeData[],
  knobs: Knobs,
): Promise<ReportInput["regimes"]> {
  const rows: ReportInput["regimes"][number][] = [];
  for (const [name, people] of Object.entries(options.regimes)) {
    const results = await run(options, tapes, name, [{ kind: "meniscus", knobs }], people, name);
    const { annualReturn, maxDrawdown } = meanFigures(strategyOf(name, results).paths);
    const mean = (value: (result: JobResult) => number) =>
      results.reduce((sum, result) => sum + value(result), 0) / results.length;
    rows.push({
      name,
      annualReturn,
      maxDrawdown,
      fills: mean(({ record }) => notionalOf(record) / record.meanNav / ((record.to - record.from) / DAY)),
      informedGain: mean(({ record }) => record.flow.informed?.gained ?? 0),
    });
  }
  return rows;
}

function notesOf({ population, synthetic }: SimulationOptions): readonly string[] {
  const { oracle } = population;
  return [
    `The oracle reports a surface every ${oracle.surfaceSeconds} s and spot every ${oracle.spotSeconds} s. Between two chains of the venue volatility is their mean plus a Brownian bridge.`,
    "Takers come whatever the pool earned; nobody sees the pool's results but LPs. One past is one past: other seeds are other customers on the same days.",
    "The same flow went to every pool. USDC earns nothing here. Covered calls are in quote tokens: they hold ether.",
    ...(synthetic
      ? ["There were no option chains: implied volatility was made from realised, with a premium that is invented."]
      : []),
  ];
}

/** Flows beside the one that is looked at, from friendly to hostile: how the result depends on who comes. */
export function usualRegimes(base: Population): Readonly<Record<string, Population>> {
  const change = (
    input: { [K in keyof Population]?: Population[K] extends object ? Partial<Population[K]> : Population[K] },
  ) => {
    const merged = Object.fromEntries(
      Object.entries(base).map(([key, value]) => {
        const own = (input as Record<string, unknown>)[key];
        return [key, typeof value === "object" && typeof own === "object" ? { ...value, ...own } : (own ?? value)];
      }),
    );
    return populationOf(merged);
  };
  return {
    "nobody informed": change({ informed: { count: 0 } }),
    "three times as many informed": change({ informed: { count: 3 * Math.max(1, base.informed.count) } }),
    "balanced: half buy": change({ noise: { buyers: 0.5 } }),
    "nine in ten buy": change({ noise: { buyers: 0.9 } }),
    "customers who go for the last basis point": change({
      noise: { preference: base.noise.preference / 4 },
      hedgers: { preference: base.hedgers.preference / 4 },
    }),
    "customers who do not look at the venue": change({
      noise: { preference: base.noise.preference * 4 },
      hedgers: { preference: base.hedgers.preference * 4 },
    }),
    "a third of the flow": change({
      noise: { ordersPerDay: base.noise.ordersPerDay / 3 },
      hedgers: { ordersPerDay: base.hedgers.ordersPerDay / 3 },
    }),
    "one node of four lies": change({ oracle: { liars: 1 } }),
    "half of marks and hedges missed": change({ keepers: { missedMarks: 0.5, missedHedges: 0.5 } }),
    "no liquidators": change({ keepers: { liquidatorDelayHours: null } }),
    "runs of LPs at 1 %": change({ providers: { entriesPerMonth: 8, runAt: 0.01 } }),
  };
}

function day(time: number): string {
  return new Date(time * 1000).toISOString().slice(0, 10);
}
