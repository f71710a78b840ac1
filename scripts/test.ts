// `npm test`: runs the Solidity, the TypeScript and the end-to-end tests, fails unless some of each ran, and closes with
// "N passed, N failed". Arguments name the kinds to run: `npm test -- solidity`, `npm test -- typescript`.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { closingLine, countForge, countVitest, problemsOf, type TestRun } from "./testRun.ts";

const nothing = { passed: 0, failed: 0, skipped: 0 };
const wanted = process.argv.slice(2).map((word) => word.toLowerCase());
const wants = (kind: string) => wanted.length === 0 || wanted.includes(kind);
const folder = mkdtempSync(join(tmpdir(), "meniscus-test-"));

/** Runs a command to its end; returns its standard output when `capture` is set, else shows it. */
function run(command: string, args: readonly string[], capture: boolean): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["ignore", capture ? "pipe" : "inherit", "inherit"] });
    const chunks: Buffer[] = [];
    child.stdout?.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.on("error", reject);
    child.on("close", () => resolve(Buffer.concat(chunks).toString()));
  });
}

async function solidity(): Promise<TestRun["Solidity"]> {
  console.log("Solidity tests (forge) …");
  const output = await run("forge", ["test", "--json"], true);
  const start = output.indexOf("{");
  let report: Parameters<typeof countForge>[0];
  try {
    report = JSON.parse(output.slice(start).split("\n")[0] ?? "");
  } catch {
    console.log(output);
    return { ...nothing, failed: 1 };
  }
  for (const [suite, { test_results }] of Object.entries(report)) {
    const results = Object.entries(test_results) as [string, { status: string; reason?: string | null }][];
    const bad = results.filter(([, { status }]) => status === "Failure");
    console.log(` ${bad.length === 0 ? "✓" : "✗"} ${suite} (${results.length} tests)`);
    for (const [name, { reason }] of bad) console.log(`   ✗ ${name}: ${reason ?? "failed"}`);
  }
  return countForge(report);
}

async function typescript(): Promise<Omit<TestRun, "Solidity">> {
  console.log("TypeScript and end-to-end tests (vitest) …");
  const file = join(folder, "vitest.json");
  await run("vitest", ["run", "--reporter=default", "--reporter=json", `--outputFile.json=${file}`], false);
  try {
    return countVitest(JSON.parse(readFileSync(file, "utf8")));
  } catch (error) {
    console.log(`vitest left no report: ${String(error)}`);
    return { TypeScript: { ...nothing, failed: 1 }, "end-to-end": nothing };
  }
}

const forge = wants("solidity") ? await solidity() : nothing;
const vitest = wants("typescript") ? await typescript() : { TypeScript: nothing, "end-to-end": nothing };
const result: TestRun = { Solidity: forge, ...vitest };
rmSync(folder, { recursive: true, force: true });

console.log();
for (const [kind, counts] of Object.entries(result)) {
  console.log(`${kind.padEnd(12)} ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
}
const problems = wanted.length === 0 ? problemsOf(result) : [];
for (const problem of problems) console.log(`✗ ${problem}`);
console.log(closingLine(result));
process.exitCode = problems.length > 0 || Object.values(result).some(({ failed }) => failed > 0) ? 1 : 0;
