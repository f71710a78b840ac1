import { afterAll, beforeAll, expect, test } from "vitest";
import { type PricingHarness, startPricingHarness } from "./pricingHarness.ts";
import { compareWithTwin, twinCases } from "./twinCases.ts";

let harness: PricingHarness;
beforeAll(async () => {
  harness = await startPricingHarness();
});
afterAll(() => harness?.stop());

test("together they are at least 100,000 inputs", () => {
  expect(twinCases.reduce((sum, { count }) => sum + count, 0)).toBeGreaterThanOrEqual(100_000);
});

test.each(twinCases)("$signature: the twin equals the EVM bit for bit on $count inputs", async (subject) => {
  const { mismatches, answers, reverted } = await compareWithTwin(harness, subject);
  expect(mismatches.slice(0, 5)).toEqual([]);
  expect(answers).toBe(subject.count);
  expect(reverted).toBeLessThan(subject.count / 2);
});
