import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Numbers of the attacks on contracts that were gone through, by family; missing numbers were never given. */
const ATTACKS: Readonly<Record<string, readonly number[]>> = {
  A: [1, 2, 3, 4, 5, 6, 7, 9, 10, 12, 13, 14, 16, 17, 18, 20],
  B: [1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15, 16, 17, 18, 19, 21, 22, 24, 25, 26, 27],
  C: [1, 2, 3, 4, 6, 7, 8, 9, 10, 12, 13, 14, 15, 16, 17, 19, 20, 22, 23, 24, 25, 26, 28],
  D: [1, 2, 4, 5, 6, 8, 10, 11, 12, 13, 14, 15, 16, 17, 18, 20, 21, 22, 23, 24, 25],
  E: [1, 3, 4, 5, 6, 8, 9, 10, 11, 12, 14, 15],
  F: [1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 15, 16],
  G: [1, 2, 3, 4, 5, 7, 8, 9, 11, 12, 13, 14],
  H: [1, 2, 3, 4, 6, 8, 9, 10, 11, 12],
};
const FAULTS = Array.from({ length: 30 }, (_, i) => `K${i + 1}`);

/** Where a numbered attack or fault is answered. */
export interface Answer {
  readonly id: string;
  /** Tests whose name carries the number. */
  readonly tests: number;
  /** Whether SECURITY.md says why it does not apply. */
  readonly hasReason: boolean;
}

/** Every attack on the contracts, with what answers it. */
export function attackAnswers(root: string): readonly Answer[] {
  const contracts = textsBelow(join(root, "test"), /\.t\.sol$/).join("\n");
  const named = [...contracts.matchAll(/function test(?:Fuzz)?_attack_([A-H]\d+)_/g)].map((match) => match[1]!);
  const titled = titlesBelow(root).filter((title) => title.startsWith("attack"));
  const ids = Object.entries(ATTACKS).flatMap(([family, numbers]) => numbers.map((number) => `${family}${number}`));
  return answersOf(root, ids, [...named, ...titled.flatMap((title) => title.match(/\b[A-H]\d+\b/g) ?? [])]);
}

/** Every fault of the services, with what answers it. */
export function faultAnswers(root: string): readonly Answer[] {
  const named = titlesBelow(root).flatMap((title) => title.match(/\bK\d+\b/g) ?? []);
  return answersOf(root, FAULTS, named);
}

function titlesBelow(root: string): readonly string[] {
  const tests = textsBelow(join(root, "test"), /\.test\.ts$/).join("\n");
  const titles = tests.matchAll(/(?:test|describe)(?:\.\w+)*(?:\([^)]*\))?\(\s*["'`]([^"'`]*)/g);
  return [...titles].map((match) => match[1]!);
}

function answersOf(root: string, ids: readonly string[], named: readonly string[]): readonly Answer[] {
  const reasons = new Set(readFileSync(join(root, "SECURITY.md"), "utf8").match(/\b[A-K]\d+\b/g));
  return ids.map((id) => ({ id, tests: named.filter((name) => name === id).length, hasReason: reasons.has(id) }));
}

function textsBelow(folder: string, name: RegExp): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && name.test(entry.name))
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), "utf8"));
}
