/** A thread that runs one job after another. */
import { parentPort, workerData } from "node:worker_threads";
import { type Job, runJob } from "./job.ts";
import { Tape, type TapeData } from "./tape.ts";

const tapes = (workerData as { readonly tapes: readonly TapeData[] }).tapes.map((data) => new Tape(data));

parentPort?.on("message", (job: Job) => {
  // A thread's port has no origin to name.
  // oxlint-disable-next-line unicorn/require-post-message-target-origin
  parentPort?.postMessage(runJob(job, tapes[job.period]!));
});
