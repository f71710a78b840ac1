import { expect, test } from "vitest";
import { isWorthwhile } from "../../../src/bots/bounty.ts";

const rules = { minGain: 0n, asService: false };

test("a hedge is called where its bounty pays for the gas, and for what the caller wants beside it", () => {
  expect(isWorthwhile({ bounty: 100n, gasCost: 100n }, rules)).toBe(true);
  expect(isWorthwhile({ bounty: 100n, gasCost: 101n }, rules)).toBe(false);
  expect(isWorthwhile({ bounty: 100n, gasCost: 60n }, { ...rules, minGain: 40n })).toBe(true);
  expect(isWorthwhile({ bounty: 100n, gasCost: 60n }, { ...rules, minGain: 41n })).toBe(false);
  expect(isWorthwhile({ bounty: 0n, gasCost: 60n }, { ...rules, minGain: -60n })).toBe(true);
});

test("as a service it is called whether it pays or not", () => {
  expect(isWorthwhile({ bounty: 0n, gasCost: 1_000n }, { ...rules, asService: true })).toBe(true);
});
