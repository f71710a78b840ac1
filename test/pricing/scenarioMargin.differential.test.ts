import { afterAll, beforeAll, expect, test } from "vitest";
import { Random } from "./random.ts";
import { compareMargins, type RiskHarness, startRiskHarness } from "./riskHarness.ts";

/** 20,000 in `npm run bench -- clearing`, and here with MARGIN_PORTFOLIOS=20000. */
const portfolios = Number(process.env.MARGIN_PORTFOLIOS ?? 600);

let harness: RiskHarness;
beforeAll(async () => {
  harness = await startRiskHarness();
});
afterAll(() => harness?.stop());

test(`worst, mid, maintenance and stress of ${portfolios} random portfolios equal the chain's, bit for bit`, {
  timeout: 1_800_000,
}, async () => {
  const { mismatches, valued, refused } = await compareMargins(harness, new Random(16), portfolios);
  expect(mismatches.slice(0, 1)).toEqual([]);
  expect(valued + refused).toBe(portfolios);
  expect(refused).toBeLessThan(portfolios / 5);
});
