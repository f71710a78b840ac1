/** What of the attacks and faults that were gone through has a test of its number, what has a reason, and what is open. */
import { type Answer, attackAnswers, faultAnswers } from "../../test/answers.ts";
import type { BenchReport, Figure } from "./figure.ts";

const ROOT = `${import.meta.dirname}/../..`;

export async function benchHardening(): Promise<BenchReport> {
  return { figures: [...figuresOf("attacks", attackAnswers(ROOT)), ...figuresOf("faults", faultAnswers(ROOT))] };
}

function figuresOf(name: string, answers: readonly Answer[]): readonly Figure[] {
  const tested = answers.filter(({ tests }) => tests > 0).length;
  const reasoned = answers.filter(({ tests, hasReason }) => tests === 0 && hasReason).length;
  return [
    { name: `${name}.answered`, value: tested + reasoned, unit: `of ${answers.length}, by a test or a reason` },
    { name: `${name}.tested`, value: tested, unit: "by a test of that number" },
    { name: `${name}.open`, value: answers.length - tested - reasoned, unit: "(bound 0)" },
  ];
}
