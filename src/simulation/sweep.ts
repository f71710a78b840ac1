/** Many runs side by side: each leaves a file of its own, so that a sweep that was stopped goes on where it was. */
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { writeDurably } from "../runtime/durableFile.ts";
import { MeniscusError } from "../runtime/errors.ts";
import type { Job, JobResult } from "./job.ts";
import type { TapeData } from "./tape.ts";

export interface SweepSetup {
  readonly tapes: readonly TapeData[];
  readonly jobs: readonly Job[];
  /** Holds `runs/` with a file a run. */
  readonly folder: string;
  readonly workers: number;
  readonly onProgress?: (done: number, all: number) => void;
}

/** Runs what is not there yet; returns every result in the order of the jobs. */
export async function runSweep({
  tapes,
  jobs,
  folder,
  workers,
  onProgress = () => {},
}: SweepSetup): Promise<readonly JobResult[]> {
  const runs = join(folder, "runs");
  mkdirSync(runs, { recursive: true });
  const known = new Set(readdirSync(runs));
  const queue = jobs.filter(({ key }) => !known.has(`${key}.json`));
  let done = jobs.length - queue.length;
  onProgress(done, jobs.length);
  const finish = (result: JobResult) => {
    writeDurably(join(runs, `${result.job.key}.json`), JSON.stringify(result));
    done += 1;
    onProgress(done, jobs.length);
  };
  await Promise.all(
    Array.from({ length: Math.min(workers, queue.length) }, () => work(tapes, () => queue.shift(), finish)),
  );
  return jobs.map((job) => readResult(join(runs, `${job.key}.json`), job));
}

/** One thread, until the queue is empty. */
async function work(
  tapes: readonly TapeData[],
  next: () => Job | undefined,
  finish: (result: JobResult) => void,
): Promise<void> {
  const worker = new Worker(new URL("./threadStart.mjs", import.meta.url), { workerData: { tapes } });
  try {
    await new Promise<void>((resolve, reject) => {
      const give = () => {
        const job = next();
        // A thread has no origin to name.
        // oxlint-disable-next-line unicorn/require-post-message-target-origin
        if (job) worker.postMessage(job);
        else resolve();
      };
      worker.on("message", (result: JobResult) => {
        finish(result);
        give();
      });
      worker.on("error", reject);
      worker.on("exit", (code) =>
        reject(new MeniscusError("internal", `A simulation's thread ended with code ${code}.`)),
      );
      give();
    });
  } finally {
    await worker.terminate();
  }
}

/** A run's file; what another sweep left under the same name is refused. */
function readResult(file: string, job: Job): JobResult {
  if (!existsSync(file)) throw new MeniscusError("internal", `${file} is missing.`);
  const result = JSON.parse(readFileSync(file, "utf8")) as JobResult;
  if (JSON.stringify(result.job) !== JSON.stringify(job)) {
    throw new MeniscusError("usage", `${file} is of another sweep.`, {
      hint: "Choose another --out, or remove that folder.",
    });
  }
  return result;
}
