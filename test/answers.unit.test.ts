import { expect, test } from "vitest";
import { attackAnswers, faultAnswers } from "./answers.ts";

const ROOT = `${import.meta.dirname}/..`;

test.each([
  ["attack on the contracts", attackAnswers, 130],
  ["fault of the services", faultAnswers, 30],
] as const)("every %s has a test of its number, or its reason in SECURITY.md", (_, answers, count) => {
  const all = answers(ROOT);
  expect(all).toHaveLength(count);
  expect(all.filter(({ tests, hasReason }) => tests === 0 && !hasReason).map(({ id }) => id)).toEqual([]);
});
