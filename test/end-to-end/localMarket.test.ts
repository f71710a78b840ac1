import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { MarketReport } from "../../src/market/report.ts";

const root = join(import.meta.dirname, "..", "..");
const data = process.env.MENISCUS_DATA ?? join(root, "..", "shared", "data");
const folder = mkdtempSync(join(tmpdir(), "meniscus-e2e-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Run {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
  readonly report: MarketReport;
}

/** Runs `npm start -- …` to its end, as a user would. */
async function runMarket(name: string, ...args: string[]): Promise<Run> {
  const file = join(folder, `${name}.json`);
  const child = spawn(
    process.execPath,
    ["--import", "tsx", "src/market/main.ts", "--report", file, "--port", "0", ...args],
    { cwd: root, stdio: ["ignore", "pipe", "pipe"] },
  );
  let output = "";
  let errors = "";
  child.stdout.on("data", (chunk) => (output += chunk));
  child.stderr.on("data", (chunk) => (errors += chunk));
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  if (!existsSync(file)) throw new Error(`no report was written (exit code ${code}):\n${errors}\n${output}`);
  return { code, output, errors, report: JSON.parse(readFileSync(file, "utf8")) as MarketReport };
}

/** What must hold of every run, whatever the market did. */
function itHolds(run: () => Run, expiries: number): void {
  test("it ends by itself and says how the LPs fared", () => {
    expect(run().code, run().errors).toBe(0);
    expect(run().output).toMatch(/statement/i);
  });

  test("claims equal what is held at every block", () => {
    const { conservation } = run().report;
    expect(conservation.checkedBlocks).toBeGreaterThan(100);
    expect(conservation.violations).toBe(0);
    expect(conservation.claims).toEqual(conservation.held);
  });

  test("expiries settle and traders trade", () => {
    expect(run().report.expiriesSettled).toBeGreaterThanOrEqual(expiries);
    expect(run().report.trades).toBeGreaterThan(50);
  });

  test("prices are compared with the venue's, and the bot's result is told", () => {
    const { alignment, arbitrage } = run().report;
    expect(alignment.ticks).toBeGreaterThan(50);
    expect(alignment.within1).toBeGreaterThan(0.9);
    expect(alignment.optionsWithin1).toBeGreaterThan(0.5);
    expect(arbitrage).not.toBeNull();
    expect(run().output).toMatch(/prices: core within a volatility point of the venue/);
  });

  test("the LPs of both pools leave with everything, and the parts of their statements add up to the cent", () => {
    const { lps } = run().report;
    expect(lps.map(({ name, pool }) => `${name} ${pool}`)).toEqual(["Ada core", "Ben core", "Cem conservative"]);
    for (const lp of lps) {
      expect(lp.deposited).toBeGreaterThan(0);
      expect(lp.withdrawn).toBeGreaterThan(0);
      expect(lp.change).toBeCloseTo(lp.withdrawn - lp.deposited, 6);
      const parts = Object.values(lp.parts).reduce((sum, part) => sum + part, 0);
      expect(Math.abs(lp.change - parts)).toBeLessThan(0.01);
      expect(Math.abs(lp.residual)).toBeLessThan(0.01);
    }
  });
}

describe("a generated market", () => {
  let run: Run;
  beforeAll(async () => {
    run = await runMarket("generated", "--days", "6", "--tick", "2h", "--seed", "7");
  }, 480_000);
  itHolds(() => run, 1);
});

describe.skipIf(!existsSync(data))(`a market on real data (${data}; set MENISCUS_DATA to read it elsewhere)`, () => {
  let run: Run;
  beforeAll(async () => {
    run = await runMarket("real", "--days", "6", "--tick", "2h", "--from", "2026-01-31", "--data", data);
  }, 480_000);
  itHolds(() => run, 1);
});
