// Faults for the oracle: seven nodes as real processes, quorum 5, every mix of two faults, then three.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ReportSlice, unpackSlice } from "../../src/chain/report.ts";
import { LATTICE_X } from "../../src/volatility-oracle/lattice.ts";
import { DrillNetwork, FAULTS, type Fault } from "../src/volatility-oracle/drillNetwork.ts";

const NODES = 7;
const HEARTBEAT = 60;
/** Real time that one heartbeat may take here: far more than any needs, so that a busy machine fails nothing. */
const PATIENCE_MILLISECONDS = 25_000;

let network: DrillNetwork;
let pairs = 0;

beforeAll(async () => {
  network = await DrillNetwork.start(NODES);
  await network.moveOn(HEARTBEAT);
  if (!(await network.base.reported(network.time, PATIENCE_MILLISECONDS)))
    throw new Error("seven sound nodes are mute");
});
afterAll(() => network?.stop());

/** Lets heartbeats pass until there is a report; returns how many it took, at most two. */
async function heartbeatsUntilReport(): Promise<number> {
  for (let beat = 1; beat <= 2; beat++) {
    const time = await network.moveOn(HEARTBEAT);
    if (await network.base.reported(time, PATIENCE_MILLISECONDS)) return beat;
  }
  return Infinity;
}

/** Which two nodes are faulty: every node has its turn, as leader and as follower. */
function nextPair(): readonly [number, number] {
  pairs += 1;
  const first = pairs % NODES;
  return [first, (first + 1 + (pairs % (NODES - 1))) % NODES];
}

const mixes = FAULTS.flatMap((first, i) => FAULTS.slice(i).map((second) => [first, second] as const));

describe("K18 K21 given two faulty nodes of seven", () => {
  test.for(mixes)("%s and %s: reports keep coming", async ([first, second]) => {
    const [one, other] = nextPair();
    await network.break(one, first);
    await network.break(other, second);
    expect(await heartbeatsUntilReport()).toBeLessThanOrEqual(2);
    await Promise.all([network.mend(one), network.mend(other)]);
  });
});

describe("K19 given three faulty nodes of seven", () => {
  const mix: readonly (readonly [number, Fault])[] = [
    [1, "partition"],
    [3, "hung"],
    [6, "crash"],
  ];

  test("there is no report rather than a wrong one", async () => {
    const before = (await network.base.state()).round;
    for (const [index, fault] of mix) await network.break(index, fault);
    const time = await network.moveOn(HEARTBEAT);
    expect(await network.base.reported(time, 4_000)).toBe(false);
    expect((await network.base.state()).round).toBe(before);
  });

  test("when the third comes back, so do reports, without a hand", async () => {
    await network.mend(6);
    expect(await heartbeatsUntilReport()).toBeLessThanOrEqual(2);
    await Promise.all([network.mend(1), network.mend(3)]);
    expect(await heartbeatsUntilReport()).toBeLessThanOrEqual(2);
  });
});

describe("K18 given three lying nodes of seven", () => {
  test("whatever is reported is not what they say, and everything recovers", async () => {
    const liars = [0, 2, 5];
    for (const index of liars) await network.break(index, "wild");
    const spot = network.base.world.spot(await network.moveOn(HEARTBEAT));
    await network.base.reported(network.time, 4_000);
    expect(Math.abs(Number((await network.base.state()).spotWad) / 1e18 / spot - 1)).toBeLessThan(0.02);
    for (const index of liars) await network.mend(index);
    expect(await heartbeatsUntilReport()).toBeLessThanOrEqual(2);
  });
});

describe("between surfaces", () => {
  test("a move of spot makes a report of spot alone", async () => {
    network.base.shift = 1.004;
    const time = await network.moveOn(10);
    await expect.poll(() => network.base.state(), { timeout: PATIENCE_MILLISECONDS }).toMatchObject({ spotTime: time });
    const state = await network.base.state();
    expect(state.surfaceTime).toBeLessThan(time);
    expect(Math.abs(Number(state.spotWad) / Number(state.surfaceSpotWad) - 1.004)).toBeLessThan(1e-3);
  });

  test("a small one makes none", async () => {
    network.base.shift = 1.005;
    const before = (await network.base.state()).spotTime;
    await network.moveOn(10);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect((await network.base.state()).spotTime).toBe(before);
  });

  test("a large one makes a surface before the heartbeat", async () => {
    const before = (await network.base.state()).surfaceTime;
    network.base.shift = 1.05;
    // To the next moments at which deviations are looked for; a machine that is busy may miss one.
    let surfaceTime = before;
    for (let look = 0; look < 3 && surfaceTime === before; look++) {
      const time = await network.moveOn(15 - (network.time % 15));
      expect(time - before).toBeLessThanOrEqual(HEARTBEAT);
      if (await network.base.reported(time, PATIENCE_MILLISECONDS)) surfaceTime = time;
    }
    expect(surfaceTime).toBeGreaterThan(before);
    expect(surfaceTime).toBeLessThan(before + HEARTBEAT);
  });
});

describe("over all that happened", () => {
  test("K17 K21 no hand signed two reports for one round", () => {
    expect(network.signatures.length).toBeGreaterThan(50);
    const digests = new Map<string, Set<string>>();
    for (const { index, kind, number, digest } of network.signatures) {
      const key = `${index} ${kind} ${number}`;
      digests.set(key, (digests.get(key) ?? new Set()).add(digest));
    }
    expect([...digests].filter(([, different]) => different.size > 1)).toEqual([]);
  });

  test("K18 every published value lies between the honest nodes' own", async () => {
    const reports = await network.base.reports();
    expect(reports.length).toBeGreaterThan(mixes.length);
    let points = 0;
    for (const { round, modelTime, spotWad, expiries, slices } of reports) {
      const honest = [...(network.honest.get(modelTime)?.values() ?? [])];
      // A quorum of five spoke, of whom two at most had a fault.
      expect(honest.length, `round ${round}`).toBeGreaterThanOrEqual(3);
      const spots = honest.map(({ spot }) => spot);
      expectBetween(Number(spotWad) / 1e18, spots, 1e-6, `spot of round ${round}`);

      const digest = network.signatures.find((item) => item.kind === "surface" && item.number === round)?.digest ?? "";
      const lattice = network.lattices.get(digest);
      for (const { expiry, totalVariance } of lattice ?? []) {
        const seen = honest.flatMap(({ surface }) => surface.find((item) => item.expiry === expiry) ?? []);
        for (const [i, variance] of totalVariance.entries()) {
          if (variance === null) continue;
          const values = seen.flatMap((item) => item.totalVariance[i] ?? []);
          expectBetween(variance, values, 1e-12, `round ${round}, expiry ${expiry}, x = ${LATTICE_X[i]}`);
          points += 1;
        }
      }
      const words: readonly ReportSlice[] = slices.map((word, i) => unpackSlice(expiries[i] ?? 0, word));
      for (const { expiry, theta } of words) {
        if (expiry - modelTime < 2 * 86_400) continue;
        const middle = LATTICE_X.indexOf(0);
        const values = honest.flatMap(({ surface }) => {
          const variance = surface.find((item) => item.expiry === expiry)?.totalVariance[middle];
          return variance ? [variance] : [];
        });
        // θ is fitted through the medians: it may leave their range by what the fit smooths.
        expectBetween(Number(theta) * 1e-11, values, 0.02, `θ of round ${round}, expiry ${expiry}`);
      }
    }
    expect(points).toBeGreaterThan(3_000);
  });
});

/** Fails, saying where, if the value is outside of the range of `values`, relatively by more than `slack`. */
function expectBetween(value: number, values: readonly number[], slack: number, what: string): void {
  expect(value, what).toBeGreaterThanOrEqual(Math.min(...values) * (1 - slack));
  expect(value, what).toBeLessThanOrEqual(Math.max(...values) * (1 + slack));
}
