import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { monthsOf } from "../../../src/simulation/marketTapes.ts";
import { simulationOptions } from "../../../src/simulation/words.ts";

const folder = mkdtempSync(join(tmpdir(), "meniscus-words-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = (name: string, text: string) => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};

test("what is left out has its default, and files are read", () => {
  const agents = file("agents.json", '{ "informed": { "count": 3 } }');
  const sweep = file("sweep.json", '{ "kappa": [0.1, 0.2] }');
  const options = simulationOptions({ data: "data", from: "2026-02-01", agents, sweep, regimes: true });
  expect(options.span).toEqual({ from: Date.UTC(2026, 1, 1) / 1000, to: Date.UTC(2026, 3, 30) / 1000 });
  expect(options.population.informed).toMatchObject({ count: 3, leadSeconds: 10 });
  expect(options.sweep).toEqual({ kappa: [0.1, 0.2] });
  expect(options.regimes["three times as many informed"]?.informed.count).toBe(9);
  expect(options).toMatchObject({ seeds: 3, engine: "float", folder: "simulation" });
});

test("what makes no sense is said", () => {
  const wrong = (words: Parameters<typeof simulationOptions>[0]) => () => simulationOptions({ data: "data", ...words });
  expect(() => simulationOptions({})).toThrow(/Which data/);
  expect(wrong({ from: "yesterday" })).toThrow(/no day/);
  expect(wrong({ from: "2026-02-30" })).toThrow(/no day/);
  expect(wrong({ from: "2026-03-01", to: "2026-02-01" })).toThrow(/before/);
  expect(wrong({ seeds: "0" })).toThrow(/--seeds/);
  expect(wrong({ engine: "fast" })).toThrow(/no engine/);
  expect(wrong({ sweep: file("a.json", '{ "kapa": [1] }') })).toThrow(/no sweep: .*kapa/);
  expect(wrong({ agents: file("b.json", '{ "noise": { "buyers": 2 } }') })).toThrow(/no population: .*noise.buyers/);
});

test("a span is cut at months, and short ends join their neighbour", () => {
  const day = (text: string) => Date.parse(`${text}T00:00:00Z`) / 1000;
  const cut = (from: string, to: string) =>
    monthsOf({ from: day(from), to: day(to) }).map((span) => new Date(span.from * 1000).toISOString().slice(0, 10));
  expect(cut("2026-01-01", "2026-04-30")).toEqual(["2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01"]);
  expect(cut("2026-01-25", "2026-03-08")).toEqual(["2026-01-25"]);
  expect(cut("2026-02-10", "2026-02-12")).toEqual(["2026-02-10"]);
});
