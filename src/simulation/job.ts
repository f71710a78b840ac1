/** One run of a sweep as data, and what it leaves. */

import { type PoolKind, poolOf } from "./baselines.ts";
import { FloatEngine } from "./engines/floatEngine.ts";
import { TwinEngine } from "./engines/twinEngine.ts";
import { type Knobs, termsOf } from "./knobs.ts";
import type { Population } from "./population.ts";
import { runMarket } from "./runMarket.ts";
import type { RunRecord } from "./runRecord.ts";
import type { Tape } from "./tape.ts";

export interface Job {
  /** Names the run's file: letters, digits, dashes. */
  readonly key: string;
  /** Which of the tapes. */
  readonly period: number;
  readonly seed: number;
  readonly kind: PoolKind;
  readonly knobs: Knobs;
  readonly population: Population;
  readonly engine: "float" | "twin";
}

export interface JobResult {
  readonly job: Job;
  readonly seconds: number;
  readonly record: RunRecord;
}

/** Runs a job on its tape. */
export function runJob(job: Job, tape: Tape): JobResult {
  const { knobs, isHedged } = poolOf(job.kind, job.knobs);
  const terms = termsOf(knobs);
  const engine = job.engine === "float" ? new FloatEngine(terms) : new TwinEngine(terms);
  const started = process.hrtime.bigint();
  const record = runMarket({ tape, population: job.population, seed: job.seed, engine, isHedged });
  return { job, seconds: Number(process.hrtime.bigint() - started) / 1e9, record };
}
