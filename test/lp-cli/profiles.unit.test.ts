import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { databaseLocation } from "../../lp-cli/history.ts";
import { configFileOf, readProfile } from "../../lp-cli/profiles.ts";
import { runProgram } from "../../lp-cli/program.ts";

const folder = mkdtempSync(join(tmpdir(), "meniscus-profiles-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function written(name: string, content: unknown): Record<string, string> {
  const file = join(folder, name);
  writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
  return { MENISCUS_CONFIG: file };
}

const two = written("two.json", {
  profile: "local",
  profiles: { local: { rpc: "http://127.0.0.1:1", deployment: "local.json", as: "alice" }, main: { pool: "core" } },
});

test("a profile is the one that is named, or the file's own choice; paths count from the file", () => {
  expect(readProfile(two, undefined)).toEqual({
    rpc: "http://127.0.0.1:1",
    deployment: join(folder, "local.json"),
    as: "alice",
  });
  expect(readProfile(two, "main")).toEqual({ pool: "core" });
});

test("without a file there is none, and the place follows the environment", () => {
  expect(readProfile({ HOME: join(folder, "nobody") }, undefined)).toEqual({});
  expect(configFileOf({ HOME: "/h" })).toBe("/h/.meniscus/config.json");
  expect(configFileOf({ HOME: "/h", MENISCUS_CONFIG: "/x.json" })).toBe("/x.json");
});

test("a missing profile, a file that is not there and one with a wrong field are said", () => {
  expect(() => readProfile(two, "test")).toThrow(/no profile "test"/);
  expect(() => readProfile({ MENISCUS_CONFIG: join(folder, "none.json") }, undefined)).toThrow(/no configuration at/);
  expect(() => readProfile(written("wrong.json", { profiles: { a: { rcp: "x" } } }), "a")).toThrow(/rcp/);
});

test("what is typed wins over the profile, the profile over the environment", async () => {
  const environment = { ...two, MENISCUS_RPC: "http://127.0.0.1:3" };
  const said = async (...words: readonly string[]) => {
    const err: string[] = [];
    const code = await runProgram(words, { environment, out: () => {}, err: (text) => err.push(text) });
    return { code, text: err.join("\n") };
  };
  expect(await said("pools")).toMatchObject({ code: 4, text: expect.stringContaining("127.0.0.1:1") });
  expect(await said("--rpc", "http://127.0.0.1:2", "pools")).toMatchObject({
    code: 4,
    text: expect.stringContaining("127.0.0.1:2"),
  });
  expect(await said("--profile", "main", "pools")).toMatchObject({ text: expect.stringContaining("127.0.0.1:3") });
  expect(await said("--profile", "test", "pools")).toMatchObject({ code: 2 });
});

test("a profile's database is a folder beside the file, a server, or none", () => {
  const of = (database: string) =>
    readProfile(written("database.json", { profiles: { a: { database } } }), "a").database;
  expect(of("history")).toBe(join(folder, "history"));
  expect(of("postgres://me@host/x")).toBe("postgres://me@host/x");
  expect(of("none")).toBe("none");
});

test("the database is the one that is named, or one for the chain and its ledger", () => {
  const deployment = { chainId: 31_337, clearinghouse: "0x00000000000000000000000000000000000000AB" } as const;
  expect(databaseLocation("/x", { HOME: "/h" }, deployment)).toBe("/x");
  expect(databaseLocation("/x", { HOME: "/h", MENISCUS_DATABASE: "/y" }, deployment)).toBe("/x");
  expect(databaseLocation(undefined, { HOME: "/h", MENISCUS_DATABASE: "/y" }, deployment)).toBe("/y");
  expect(databaseLocation("none", { HOME: "/h" }, deployment)).toBeUndefined();
  expect(databaseLocation(undefined, { HOME: "/h" }, deployment)).toBe(
    "/h/.meniscus/history/31337-0x00000000000000000000000000000000000000ab",
  );
  expect(databaseLocation(undefined, {}, deployment)).toBeUndefined();
});
