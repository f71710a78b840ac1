// An LP's requests against a real chain: bounds, cancelations, what goes back, silence, and what goes wrong.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { CancelOutcome, ClaimOutcome, RequestList, RequestOutcome } from "../../lp-cli/commands/lp.ts";
import { localTokenAbi, optionPoolAbi } from "../../src/chain/abis.ts";
import { writeDeployment } from "../../src/chain/deployments.ts";
import type { LpPosition, RequestView } from "../../src/sdk/lp.ts";
import type { LpStatement } from "../../src/sdk/statement.ts";
import { TestMarket } from "../src/sdk/testMarket.ts";
import { type Answer, commandLine } from "./commandLine.ts";

const DAY = 86_400;
const HOUR = 3_600;
const start = Date.UTC(2026, 1, 1, 8) / 1000;
const expiries = [start + 12 * DAY, start + 40 * DAY];
const LP = 16;
const OTHER = 17;
const TRADER = 18;
const folder = mkdtempSync(join(tmpdir(), "meniscus-requests-"));
const deploymentFile = join(folder, "deployment.json");
const spot = 2_500;

let market: TestMarket;
let now = start;

/** The next full minute after now, so that requests of one test are one epoch. */
async function tick(seconds = 60): Promise<void> {
  const block = await market.client.getBlock();
  now = Math.ceil(Math.max(now + seconds, Number(block.timestamp) + 2) / 60) * 60;
  await market.report({ time: now, spot, volatility: 0.6 });
  await market.mark();
}

async function meniscus(index: number, ...words: readonly string[]): Promise<Answer> {
  return await commandLine(market, deploymentFile, index, ["-y", ...words]);
}

async function done<T>(index: number, ...words: readonly string[]): Promise<T> {
  const answer = await meniscus(index, "--json", ...words);
  expect(answer.code, answer.err).toBe(0);
  const data: T = JSON.parse(answer.out);
  return data;
}

async function refused(index: number, ...words: readonly string[]): Promise<string> {
  const answer = await meniscus(index, ...words);
  expect(answer.code).not.toBe(0);
  expect(answer.out).toBe("");
  return answer.err;
}

async function requestsOf(index: number): Promise<readonly RequestView[]> {
  return (await done<RequestList>(index, "requests")).requests;
}

beforeAll(async () => {
  market = await TestMarket.start(start, expiries);
  writeDeployment(market.deployment, deploymentFile);
  for (const index of [LP, OTHER, TRADER]) {
    const { quoteToken } = market.deployment;
    await market.transactor(0).write(quoteToken, localTokenAbi, "mint", [market.address(index), 1_000_000_000_000n]);
  }
  await tick();
});

afterAll(async () => {
  await market?.anvil.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe("a session of LPs", () => {
  test("a deposit waits, is listed with its cut-off, and is canceled at once before it", async () => {
    const asked = await done<RequestOutcome>(LP, "deposit", "1000", "--no-wait", "--max-charge", "0.7%");
    expect(asked).toMatchObject({ state: "pending", received: null, direction: "deposit", asked: 1_000 });
    expect(asked.preview).toMatchObject({ price: 1, low: 1_000, high: 1_000, charge: 0, maxCharge: 0.005 });
    const [request] = await requestsOf(LP);
    expect(request).toMatchObject({ pending: 1_000, claimable: 0, back: 0, canceling: false, maxCharge: 0.005 });
    expect(request?.cutOff).toBe(asked.preview.cutOff);
    expect((await meniscus(LP, "requests")).out).toMatch(/deposit\s+1,000\.00.*0\.5 %.*priced from \d\d:\d\d:\d\d on/);
    const canceled = await done<CancelOutcome>(LP, "cancel", asked.requestId);
    expect(canceled).toMatchObject({ state: "canceled", back: 1_000, received: { assets: 1_000 } });
    expect(await requestsOf(LP)).toEqual([]);
  });

  test("after the cut-off a cancelation waits for a later report's mark", async () => {
    await tick();
    await done(LP, "deposit", "5000", "--no-wait");
    await market.anvil.mineAt(now + 61);
    const canceled = await done<CancelOutcome>(LP, "cancel", "--no-wait");
    expect(canceled).toMatchObject({ state: "pending", back: 0, received: null });
    expect((await meniscus(LP, "requests")).out).toContain("being canceled");
    expect(await refused(LP, "cancel")).toMatch(/nothing to cancel/);
    expect(await refused(LP, "cancel", canceled.requestId)).toMatch(/being canceled already/);
    expect(await refused(LP, "deposit", "100")).toMatch(/waits already.*meniscus cancel/s);
    await tick(120);
    const [request] = await requestsOf(LP);
    expect(request).toMatchObject({ pending: 0, back: 5_000, canceling: false });
    expect(await done<ClaimOutcome>(LP, "claim")).toMatchObject({ assets: 5_000, shares: 0 });
  });

  test("what an earlier request has brought is claimed before the next", async () => {
    await done(LP, "deposit", "40000", "--no-wait");
    await done(OTHER, "deposit", "40000", "--no-wait");
    await tick();
    const next = await meniscus(LP, "deposit", "10000", "--no-wait");
    expect(next.err).toContain("Claiming what request");
    await tick();
    await done(LP, "claim");
    await done(OTHER, "claim");
    expect(await done<LpPosition>(LP, "position")).toMatchObject({ shares: expect.closeTo(50_000, 3) });
  });

  test("a withdrawal that would cost more than its bound comes back; another is paid", async () => {
    await market.fund(TRADER, 10_000);
    await market.openMargin(TRADER, 5_000);
    await tick();
    const bought = await market.swap(TRADER, 1, [{ expiry: expiries[0]!, strike: 2_600, kind: "call", size: 40 }]);
    expect(bought).toBe(true);
    await tick();
    const tight = await done<RequestOutcome>(LP, "withdraw", "1000", "--no-wait", "--max-charge", "0.1");
    expect(tight.preview.charge).toBeGreaterThan(0.001);
    expect(tight.preview.low).toBeLessThan(tight.preview.high);
    await done(OTHER, "withdraw", "1000", "--no-wait", "--max-charge", "5");
    await tick();
    expect(await requestsOf(LP)).toMatchObject([{ back: 1_000, pending: 0, claimable: 0 }]);
    expect((await meniscus(LP, "requests")).out).toContain("sent back");
    expect(await done<ClaimOutcome>(LP, "claim")).toMatchObject({ shares: 1_000, assets: 0 });
    const paid = await done<ClaimOutcome>(OTHER, "claim");
    expect(paid.assets).toBeGreaterThan(900);
  });

  test("while the oracle is silent a deposit goes back and a withdrawal is advanced", async () => {
    await tick();
    await done(LP, "withdraw", "10000", "--no-wait");
    await done(OTHER, "deposit", "7000", "--no-wait");
    expect(await refused(TRADER, "advance")).toMatch(/The oracle has reported/);
    now += 6 * HOUR + 200;
    await market.anvil.mineAt(now);
    const [deposit] = await requestsOf(OTHER);
    expect(deposit).toMatchObject({ pending: 0, back: 7_000 });
    expect(await done<ClaimOutcome>(OTHER, "claim")).toMatchObject({ assets: 7_000 });
    const advanced = await done<{ assets: number }>(TRADER, "advance");
    expect(advanced.assets).toBeGreaterThan(5_000);
    const claimed = await done<ClaimOutcome>(LP, "claim");
    expect(claimed.assets).toBeCloseTo(advanced.assets, 4);
    expect(claimed.waiting).toMatchObject([{ pending: 10_000, claimable: 0 }]);
    await tick();
    const rest = await done<ClaimOutcome>(LP, "claim");
    expect(rest.waiting).toEqual([]);
    const whole = claimed.assets + rest.assets;
    const { sharePrice } = await done<LpPosition>(LP, "position");
    expect(whole).toBeCloseTo(10_000 * sharePrice.bid, 0);
  });

  test("the statements of both add up", async () => {
    for (const index of [LP, OTHER]) {
      const { statement } = await done<{ statement: LpStatement }>(index, "statement");
      const parts = Object.values(statement.parts).reduce((sum, part) => sum + part, 0);
      expect(parts).toBeCloseTo(statement.change, 2);
      expect(statement.pending).toBeCloseTo(0, 6);
    }
  });

  test("a preview of a withdrawal says what the pool could pay", async () => {
    const nav = await market.client.readContract({
      address: market.pool.optionPool,
      abi: optionPoolAbi,
      functionName: "lastMark",
    });
    const asked = await done<RequestOutcome>(LP, "withdraw", "all", "--no-wait");
    expect(asked.preview.payable).toBeGreaterThan(0);
    expect(asked.preview.payable).toBeLessThan(Number(nav.nav) / 1e6);
    await done(LP, "cancel");
  });
});

describe("wrong input", () => {
  test.each([
    ["a bound that is none", ["deposit", "100", "--max-charge", "lots"], /not a charge/],
    ["a bound below the tightest", ["deposit", "100", "--max-charge", "0.05"], /bounded below 0.1 %/],
    ["more shares than are held", ["withdraw", "10000000"], /holds .* shares/],
    ["an id that is none", ["cancel", "x"], /not a request id/],
    ["an id of nobody's", ["cancel", "99999"], /no request 99999/],
    ["nothing to cancel", ["cancel"], /nothing to cancel/],
    ["an advance while the oracle reports", ["advance"], /money is advanced from/],
  ] as const)("%s", async (_name, words, says) => {
    await tick();
    const before = await market.client.getTransactionCount({ address: market.address(OTHER) });
    expect(await refused(OTHER, ...words)).toMatch(says);
    expect(await market.client.getTransactionCount({ address: market.address(OTHER) })).toBe(before);
  });
});
