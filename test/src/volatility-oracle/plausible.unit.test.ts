import { describe, expect, test } from "vitest";
import { composeReport, composeSpotReport, medianLattice } from "../../../src/volatility-oracle/consensus.ts";
import { LATTICE_X } from "../../../src/volatility-oracle/lattice.ts";
import { movementOf } from "../../../src/volatility-oracle/movement.ts";
import { disbelief } from "../../../src/volatility-oracle/plausible.ts";
import { EXPIRIES, honest, NOW } from "./observations.ts";

const frame = { round: 1, signerSet: 1, quorum: 3 };
const report = composeReport([honest(0), honest(0.001), honest(-0.001), honest(0)], frame);
const own = honest(0.002);

describe("a node believes a report", () => {
  test("that is near its own view", () => expect(disbelief(report, own)).toBeUndefined());

  test("not with another spot", () => {
    expect(disbelief({ ...report, spot: (report.spot * 103n) / 100n }, own)).toMatch(/^spot/);
    expect(disbelief({ ...report, spot: (report.spot * 101n) / 100n }, own)).toBeUndefined();
  });

  test("not with another volatility: 20 % of it, hours before an expiry 60 %", () => {
    const scaled = (index: number, percent: bigint) => ({
      ...report,
      slices: report.slices.map((slice, i) =>
        i === index ? { ...slice, theta: (slice.theta * percent) / 100n } : slice,
      ),
    });
    expect(disbelief(scaled(3, 150n), own)).toMatch(/^volatility/); // σ 22 % higher
    expect(disbelief(scaled(3, 135n), own)).toBeUndefined();
    expect(disbelief(scaled(0, 150n), own)).toBeUndefined();
    expect(disbelief(scaled(0, 300n), own)).toMatch(/^volatility/);
  });

  test("of an expiry that it does not see", () => {
    const blind = { ...own, surface: own.surface.slice(0, 2) };
    expect(disbelief({ ...report, slices: report.slices.slice(2) }, blind)).toBeUndefined();
  });
});

describe("a report of spot alone", () => {
  const nodes = [1, 0, 2, 9].map((noise) => ({ ...honest(noise / 100), kind: "spot" as const, surface: [] }));

  test("is the median of spots and of averages", () => {
    const spot = composeSpotReport(nodes, frame);
    expect(spot).toMatchObject({ kind: "spot", marketId: 1, modelTime: NOW, signerSet: 1 });
    expect(Number(spot.spot) / 1e18).toBeCloseTo(3_000 * 1.0015, 6);
    expect(spot.averages).toEqual([{ expiry: NOW - 86_400, average: expect.any(BigInt), elapsed: 1_800 }]);
    expect("slices" in spot).toBe(false);
  });
});

test("the median lattice has the points that a quorum sees", () => {
  const [first] = medianLattice([honest(0), honest(0.001), honest(0.002)], 3);
  const years = ((EXPIRIES[0] ?? 0) - NOW) / 31_536_000;
  expect(first?.totalVariance[LATTICE_X.indexOf(0)]).toBeCloseTo(0.601 ** 2 * years, 12);
  const blind = {
    ...honest(0),
    surface: honest(0).surface.map((item) => ({ ...item, totalVariance: Array<null>(15).fill(null) })),
  };
  expect(medianLattice([honest(0), blind, honest(0)], 3)[0]?.totalVariance.every((w) => w === null)).toBe(true);
});

test("movement is the largest change of volatility at the money from a day to expiry on, and that of spot", () => {
  const stored = {
    time: NOW - 60,
    spot: 3_000,
    volatilities: EXPIRIES.map((expiry, i) => ({ expiry, volatility: i === 0 ? 2 : i === 4 ? 0.63 : 0.6 })),
  };
  const moved = movementOf(NOW, 3_030, honest(0).surface, stored);
  expect(moved.seconds).toBe(60);
  expect(moved.spot).toBeCloseTo(Math.log(1.01), 12);
  expect(moved.volatility).toBeCloseTo(0.03, 6);
  expect(movementOf(NOW, 3_000, honest(0).surface, { time: 0, spot: 0, volatilities: [] })).toMatchObject({
    spot: 0,
    volatility: 0,
  });
});
