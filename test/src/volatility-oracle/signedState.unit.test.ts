import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { SignedState } from "../../../src/volatility-oracle/signedState.ts";

const folder = mkdtempSync(join(tmpdir(), "meniscus-state-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("a round is signed once, also after a restart", () => {
  const file = join(folder, "state.json");
  const state = new SignedState(file);
  expect(state.round).toBe(0);
  expect(state.claim("surface", 3, "0x0a")).toBe(true);
  expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({ surface: { number: 3, digest: "0x0a" } });
  for (const memory of [state, new SignedState(file)]) {
    expect(memory.claim("surface", 3, "0x0b")).toBe(false);
    expect(memory.claim("surface", 2, "0x0a")).toBe(false);
    expect(memory.claim("surface", 3, "0x0a")).toBe(true);
    expect(memory.round).toBe(3);
  }
  expect(new SignedState(file).claim("surface", 4, "0x0b")).toBe(true);
});

test("what was signed cannot be forgotten silently", () => {
  const file = join(folder, "damaged.json");
  for (const content of ["", "{", '{"surface":{"number":-1,"digest":"0x"}}', "[]"]) {
    writeFileSync(file, content);
    expect(() => new SignedState(file)).toThrow(/is damaged/);
  }
});
