import { describe, expect, test } from "vitest";
import { SECONDS_PER_YEAR, sliceWordsAreArbitrageFree } from "../../../pricing/index.ts";
import type { SurfaceReport } from "../../../src/chain/report.ts";
import { createRandom } from "../../../src/market/random.ts";
import { composeReport, type Observation } from "../../../src/volatility-oracle/consensus.ts";
import { median } from "../../../src/volatility-oracle/median.ts";
import { EXPIRIES, honest, NOW } from "./observations.ts";

const frame = { round: 5, signerSet: 1, quorum: 3 };
const nodes = [honest(-0.002), honest(0), honest(0.001), honest(0.002)];

/** A node that does not see one expiry and knows no averages. */
const blind = (observation: Observation): Observation => ({
  ...observation,
  averages: [],
  surface: observation.surface.filter(({ expiry }) => expiry !== EXPIRIES[3]),
});

function volatilities(report: SurfaceReport): number[] {
  return report.slices.map(({ expiry, theta }) =>
    Math.sqrt((Number(theta) * 1e-11 * SECONDS_PER_YEAR) / (expiry - report.modelTime)),
  );
}

function isFreeOfArbitrage({ slices }: SurfaceReport): boolean {
  return sliceWordsAreArbitrageFree(
    slices.map((slice) => ({
      ...slice,
      rho: BigInt(slice.rho),
      basis: BigInt(slice.basis),
      residual: BigInt(slice.residual),
    })),
  );
}

describe("median", () => {
  test.for([
    [[3], 3],
    [[3, 1], 2],
    [[9, 1, 4], 4],
    [[9, 1, 4, 5], 4.5],
  ] as const)("of %j is %d", ([values, middle]) => expect(median(values)).toBe(middle));

  test("of nothing is refused", () => expect(() => median([])).toThrow(RangeError));
});

describe("composeReport", () => {
  test("says what honest nodes saw", () => {
    const report = composeReport(nodes, frame);
    expect(report).toMatchObject({ kind: "surface", marketId: 1, round: 5, modelTime: NOW, signerSet: 1 });
    expect(report.slices.map(({ expiry }) => expiry)).toEqual(EXPIRIES);
    expect(Number(report.spot) / 1e18).toBeCloseTo(3_000 * 1.00005, 6);
    expect(report.averages).toEqual([{ expiry: NOW - 86_400, average: expect.any(BigInt), elapsed: 1_800 }]);
    expect(report.slices[4]?.basis).toBe(Math.round((0.03 * 30 * 1e7) / 365));
    for (const volatility of volatilities(report)) expect(Math.abs(volatility - 0.6005)).toBeLessThan(0.005);
    expect(report.disagreement).toBe(5); // half of 0.6010 − 0.6000 between the two in the middle
    expect(isFreeOfArbitrage(report)).toBe(true);
  });

  test("is a function of the observations alone", () => {
    expect(composeReport(structuredClone(nodes), frame)).toEqual(composeReport(nodes, frame));
  });

  test("leaves out what fewer than a quorum saw", () => {
    const report = composeReport([...nodes.slice(0, 2).map(blind), ...nodes.slice(2)], frame);
    expect(report.slices.map(({ expiry }) => expiry)).toEqual(EXPIRIES.filter((expiry) => expiry !== EXPIRIES[3]));
    expect(report.averages).toEqual([]);
  });

  test("has no surface to sign where nobody sees one", () => {
    expect(() =>
      composeReport(
        nodes.map((node) => ({ ...node, surface: [] })),
        frame,
      ),
    ).toThrow(/no surface/);
  });

  test("one liar among four moves nothing beyond what honest nodes saw", () => {
    const random = createRandom("liars");
    const wild = (value: number) => value * Math.exp(8 * (random.uniform() - 0.5));
    for (let run = 0; run < 100; run++) {
      const liar: Observation = {
        ...honest(0),
        spot: wild(3_000),
        averages: [{ expiry: NOW - 86_400, average: wild(2_950), elapsed: 1_800 }],
        surface: honest(0).surface.map((item) => ({
          expiry: item.expiry,
          basis: 1.4 * (random.uniform() - 0.5),
          totalVariance: item.totalVariance.map((value) => (random.uniform() < 0.2 ? null : wild(value ?? 1))),
          halfWidth: item.halfWidth.map((value) => wild(value ?? 1)),
        })),
      };
      const others = [honest(-0.002), honest(0.001), honest(0.002)];
      const at = Math.floor(random.uniform() * 4);
      const report = composeReport([...others.slice(0, at), liar, ...others.slice(at)], frame);
      const spot = Number(report.spot) / 1e18;
      expect(spot).toBeGreaterThanOrEqual(3_000 * 0.9998 - 1e-6);
      expect(spot).toBeLessThanOrEqual(3_000 * 1.0002 + 1e-6);
      const average = Number(report.averages[0]?.average) / 1e18;
      expect(Math.abs(average - 2_950)).toBeLessThan(0.6);
      for (const volatility of volatilities(report)) expect(Math.abs(volatility - 0.6)).toBeLessThan(0.008);
      expect(report.disagreement).toBeLessThanOrEqual(20);
      expect(isFreeOfArbitrage(report)).toBe(true);
    }
  });

  test("hours before its expiry a slice takes the shape of the next", () => {
    const noisy = nodes.map((node) => ({
      ...node,
      surface: node.surface.map((item, i) =>
        i === 0
          ? { ...item, totalVariance: item.totalVariance.map((w, j) => (w ?? 0) * (j % 2 === 0 ? 1.3 : 0.8)) }
          : item,
      ),
    }));
    const [quiet, loud] = [composeReport(nodes, frame), composeReport(noisy, frame)];
    expect(loud.slices.slice(1)).toEqual(quiet.slices.slice(1));
    expect(loud.slices[0]?.rho).toBe(loud.slices[1]?.rho);
    expect(loud.slices[0]?.residual).toBeGreaterThan(quiet.slices[0]?.residual ?? 0);
  });
});
