import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { SignedState } from "../../../src/volatility-oracle/signedState.ts";

const folder = mkdtempSync(join(tmpdir(), "meniscus-state-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("K17 a round is signed once, also after a restart", () => {
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

test("K15 what was signed cannot be forgotten silently", () => {
  const file = join(folder, "damaged.json");
  for (const content of ["", "{", '{"surface":{"number":-1,"digest":"0x"}}', "[]"]) {
    writeFileSync(file, content);
    expect(() => new SignedState(file)).toThrow(/is damaged/);
  }
});

test("a spot is signed once for its moment, beside the surfaces", () => {
  const file = join(folder, "spot.json");
  const state = new SignedState(file);
  expect(state.claim("surface", 5, "0x0a")).toBe(true);
  expect(state.claim("spot", 1_000, "0x0b")).toBe(true);
  expect(state.claim("spot", 1_000, "0x0c")).toBe(false);
  expect(state.claim("spot", 999, "0x0b")).toBe(false);
  const again = new SignedState(file);
  expect([again.round, again.spotTime]).toEqual([5, 1_000]);
  expect(again.claim("spot", 1_000, "0x0c")).toBe(false);
});

test("K15 a draft that was torn by a crash is no word, the last whole one counts", () => {
  const file = join(folder, "torn.json");
  new SignedState(file).claim("surface", 7, "0x0a");
  writeFileSync(`${file}.draft`, '{"surface":{"num');
  const state = new SignedState(file);
  expect(state.claim("surface", 7, "0x0b")).toBe(false);
  expect(state.claim("surface", 8, "0x0b")).toBe(true);
  expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({ surface: { number: 8 } });
});

test("K13 one process at a time has the file; that of a dead one is taken over", async () => {
  const file = join(folder, "locked.json");
  const other = spawn(process.execPath, ["-e", "setTimeout(() => {}, 60_000)"]);
  writeFileSync(`${file}.lock`, String(other.pid));
  expect(() => new SignedState(file)).toThrow(new RegExp(`Process ${other.pid} signs with .*locked.json already`));
  other.kill("SIGKILL");
  await once(other, "exit");
  const state = new SignedState(file);
  expect(state.claim("surface", 1, "0x0a")).toBe(true);
  state.release();
  expect(existsSync(`${file}.lock`)).toBe(false);
});
