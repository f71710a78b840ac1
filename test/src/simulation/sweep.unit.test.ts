import { mkdtempSync, readdirSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Job } from "../../../src/simulation/job.ts";
import { combinations, knobsName } from "../../../src/simulation/knobs.ts";
import { simulationPage, strategyOf } from "../../../src/simulation/page.ts";
import { population } from "../../../src/simulation/population.ts";
import { runSweep } from "../../../src/simulation/sweep.ts";
import { inventedTape } from "./inventedTape.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "meniscus-sweep-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const tapes = [inventedTape(4, 5)];
const people = population({ oracle: { surfaceSeconds: 3_600 } });
const jobs = [1, 2, 3].map((seed): Job => {
  return { key: `seed${seed}`, period: 0, seed, kind: "meniscus", knobs: {}, population: people, engine: "float" };
});

describe("a sweep", () => {
  test("leaves a file a run, goes on where it was stopped, and says the same again", async () => {
    const first = await runSweep({ tapes, jobs, folder, workers: 2 });
    expect(readdirSync(join(folder, "runs")).toSorted()).toEqual(["seed1.json", "seed2.json", "seed3.json"]);
    unlinkSync(join(folder, "runs", "seed2.json"));
    const progress: number[] = [];
    const again = await runSweep({ tapes, jobs, folder, workers: 2, onProgress: (done) => progress.push(done) });
    expect(progress).toEqual([2, 3]); // two were there
    const records = (results: typeof first) => results.map(({ record }) => JSON.parse(JSON.stringify(record)));
    expect(records(again)).toEqual(records(first));
  });

  test("does not take another sweep's runs for its own", async () => {
    const changed = jobs.map((job) => ({ ...job, knobs: { kappa: 0.3 } }));
    await expect(runSweep({ tapes, jobs: changed, folder, workers: 1 })).rejects.toThrow(/another sweep/);
    writeFileSync(join(folder, "runs", "seed9.json.draft"), "cut off"); // a run that was stopped while it wrote
    expect(await runSweep({ tapes, jobs, folder, workers: 1 })).toHaveLength(3);
  });

  test("every combination of the knobs' values is run", () => {
    expect(combinations({}).map(knobsName)).toEqual(["as deployed"]);
    expect(combinations({ kappa: [1, 2], feeRate: [3, 4] }).map(knobsName)).toEqual([
      "kappa 1, feeRate 3",
      "kappa 1, feeRate 4",
      "kappa 2, feeRate 3",
      "kappa 2, feeRate 4",
    ]);
  });

  test("its page needs nothing from elsewhere and says what was compared", async () => {
    const results = await runSweep({ tapes, jobs, folder, workers: 1 });
    const page = simulationPage({
      title: "A <market>",
      description: "of a walk",
      strategies: [strategyOf("the pool", results)],
      walkForward: [],
      settings: [],
      regimes: [],
      notes: ["a note"],
    });
    expect(page).toContain("A &lt;market&gt;");
    expect(page).toContain("the pool");
    expect(page.match(/<svg/g)).toHaveLength(3);
    expect(page).not.toMatch(/(?:src|href)=|url\(|NaN|undefined/);
  });
});
