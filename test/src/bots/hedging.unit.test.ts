import { expect, test } from "vitest";
import { decideHedge } from "../../../src/bots/hedging.ts";

const rules = { minGain: 0n, asService: false };

test("a hedge is called where its bounty pays for the gas, and for what the caller wants beside it", () => {
  expect(decideHedge({ bounty: 100n, gasCost: 100n }, rules)).toBe(true);
  expect(decideHedge({ bounty: 100n, gasCost: 101n }, rules)).toBe(false);
  expect(decideHedge({ bounty: 100n, gasCost: 60n }, { ...rules, minGain: 40n })).toBe(true);
  expect(decideHedge({ bounty: 100n, gasCost: 60n }, { ...rules, minGain: 41n })).toBe(false);
  expect(decideHedge({ bounty: 0n, gasCost: 60n }, { ...rules, minGain: -60n })).toBe(true);
});

test("as a service it is called whether it pays or not", () => {
  expect(decideHedge({ bounty: 0n, gasCost: 1_000n }, { ...rules, asService: true })).toBe(true);
});
