// A market that jumps, with the liquidator and the settler as processes of their own: nobody here does their work.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { clearinghouseAbi, liquidationAuctionAbi } from "../../src/chain/abis.ts";
import { writeDeployment } from "../../src/chain/deployments.ts";
import { toAccountId } from "../../src/chain/optionId.ts";
import { type BoundProcess, startBound } from "../../src/runtime/boundProcess.ts";
import { ConservationChecker } from "../../src/sdk/conservation.ts";
import type { InsuranceView } from "../../src/sdk/insurance.ts";
import { commandLine } from "../lp-cli/commandLine.ts";
import { TestMarket } from "../src/sdk/testMarket.ts";

const HOUR = 3_600;
const DAY = 24 * HOUR;
const start = Date.UTC(2026, 1, 1, 8) / 1000;
const [near, far] = [start + 3 * DAY, start + 30 * DAY] as const;
const [LP, WRITER, SMALL, LIQUIDATOR, SETTLER, STAKER, BUYER] = [16, 6, 7, 9, 10, 17, 3] as const;
const root = join(import.meta.dirname, "..", "..");
const folder = mkdtempSync(join(tmpdir(), "meniscus-liquidation-"));
const deploymentFile = join(folder, "deployment.json");
const bots: { readonly name: string; readonly process: BoundProcess; log: string }[] = [];

let market: TestMarket;
let now = start;
let spot = 2_500;
let average: { readonly expiry: number; readonly average: number } | undefined;

async function step(seconds: number): Promise<void> {
  const block = await market.client.getBlock();
  now = Math.max(now + seconds, Number(block.timestamp) + 2);
  await market.report({ time: now, spot, volatility: 0.6, averages: average ? [average] : [] });
  await market.mark();
}

/** Time goes on, a minute a step, until it holds. */
async function until<T>(what: string, seconds: number, look: () => Promise<T | undefined>): Promise<T> {
  for (let i = 0; i < 60; i++) {
    const seen = await look();
    if (seen !== undefined) return seen;
    await step(seconds);
    await sleep(500);
  }
  throw new Error(`${what} did not happen.\n${bots.map(({ name, log }) => `${name}:\n${log}`).join("\n")}`);
}

function startBot(name: string, index: number, config: object): void {
  const file = join(folder, `${name}.json`);
  const common = { name, rpcUrl: market.anvil.url, deploymentFile, keyVariable: "MENISCUS_BOT_KEY" };
  writeFileSync(file, JSON.stringify({ ...common, pollMilliseconds: 100, ...config }));
  const environment = { ...process.env, MENISCUS_BOT_KEY: market.anvil.privateKey(index) };
  const program = join(root, "src", "bots", "main.ts");
  const bot = {
    name,
    process: startBound(process.execPath, ["--import", "tsx", program, file], { environment }),
    log: "",
  };
  bot.process.stderr.on("data", (chunk: Buffer) => (bot.log += chunk.toString()));
  bot.process.stdout.resume();
  bots.push(bot);
}

async function meniscus<T>(index: number, ...words: readonly string[]): Promise<T> {
  const { code, out, err } = await commandLine(market, deploymentFile, index, ["--json", "--yes", ...words]);
  expect(code, err).toBe(0);
  // The shape is the command's own.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return JSON.parse(out) as T;
}

const events = async <TName extends "Liquidated" | "SettlementFinal" | "CreditPaid">(eventName: TName) =>
  await market.client.getContractEvents({
    address: market.deployment.clearinghouse,
    abi: clearinghouseAbi,
    eventName,
    strict: true,
    fromBlock: 0n,
  });

const account = (index: number) => toAccountId(market.address(index), 1);

beforeAll(async () => {
  market = await TestMarket.start(start, [near, far]);
  writeDeployment(market.deployment, deploymentFile);
  for (const index of [LP, WRITER, SMALL, LIQUIDATOR, SETTLER, STAKER, BUYER]) await market.fund(index, 3_000_000);
  await step(60);
  await market.deposit(LP, 1_000_000);
  await step(60);
  await market.claim(LP);
  await market.openMargin(WRITER, 8_000);
  await market.openMargin(SMALL, 40);
  await market.openMargin(LIQUIDATOR, 300_000);
  await meniscus(STAKER, "insurance", "stake", "100000");
  const bought = await market.swap(BUYER, 0, [{ expiry: near, strike: 2_500, kind: "call", size: 2 }]);
  const written = await market.swap(WRITER, 1, [{ expiry: far, strike: 2_600, kind: "call", size: -10 }]);
  const little = await market.swap(SMALL, 1, [{ expiry: far, strike: 2_600, kind: "call", size: -0.05 }]);
  if (!bought || !written || !little) throw new Error("the market would not trade");
  startBot("liquidator", LIQUIDATOR, { kind: "liquidator", edge: 0.02, minProfit: 1 });
  startBot("settler", SETTLER, { kind: "settler" });
});

afterAll(async () => {
  await Promise.all(bots.map((bot) => bot.process.stop()));
  await market?.anvil.stop();
  rmSync(folder, { recursive: true, force: true });
});

test("a writer whom a jump has put below maintenance is sold to the liquidator, and the rest is healthy", async () => {
  await sleep(1_500);
  expect(await events("Liquidated"), "nobody is liquidated in a quiet market").toHaveLength(0);
  spot = 3_200;
  await step(3 * HOUR);
  const [sale] = await until("a liquidation", 60, async () => {
    const found = (await events("Liquidated")).filter(({ args }) => args.account === account(WRITER));
    return found.length > 0 ? found : undefined;
  });
  expect(sale?.args).toMatchObject({ account: account(WRITER), bidder: account(LIQUIDATOR) });
  expect(sale?.args.price).toBeGreaterThan(0n);
  await until("the end of the auction", 60, async () => {
    const { startedAt } = await market.client.readContract({
      address: market.deployment.liquidationAuction,
      abi: liquidationAuctionAbi,
      functionName: "auction",
      args: [account(WRITER)],
    });
    return startedAt === 0 ? true : undefined;
  });
  const ledger = { address: market.deployment.clearinghouse, abi: clearinghouseAbi, functionName: "health" } as const;
  for (const who of [WRITER, LIQUIDATOR]) {
    const [worst] = await market.client.readContract({ ...ledger, args: [account(who), 0] });
    expect(worst, `account ${who}`).toBeGreaterThanOrEqual(0n);
  }
  const fund = await meniscus<InsuranceView>(STAKER, "insurance", "show");
  expect(fund.provisions).toBe(0);
  expect(fund.held, "the penalty").toBeGreaterThan(100_000);
  expect(fund.stake).toMatchObject({ shares: 100_000, readyAt: null });
  expect(fund.stake?.value).toBeGreaterThan(100_000);
});

test("a small writer is closed out by the pool, and the liquidator gets the bounty", async () => {
  const taken = await until("a take", 60, async () => {
    const found = await market.client.getContractEvents({
      address: market.deployment.liquidationAuction,
      abi: liquidationAuctionAbi,
      eventName: "AccountTaken",
      strict: true,
      fromBlock: 0n,
    });
    return found[0]?.args;
  });
  expect(taken).toMatchObject({ account: account(SMALL), keeper: account(LIQUIDATOR) });
  expect(taken.taker.toLowerCase()).toBe(market.pool.optionPool.toLowerCase());
  expect(taken.bounty).toBeGreaterThan(0n);
  const ledger = { address: market.deployment.clearinghouse, abi: clearinghouseAbi } as const;
  const args = [account(SMALL)] as const;
  expect(await market.client.readContract({ ...ledger, functionName: "strikes", args })).toHaveLength(0);
  const left = await market.client.readContract({ ...ledger, functionName: "cash", args });
  expect(left, "what is left stays his").toBeGreaterThan(0n);
});

test("the settler brings an expiry to its end without anybody's hand", async () => {
  average = { expiry: near, average: spot };
  await step(near - now);
  average = undefined;
  const [final] = await until("finality", 60, async () => {
    const found = await events("SettlementFinal");
    return found.length > 0 ? found : undefined;
  });
  expect(final?.args).toMatchObject({ marketId: 1, expiry: near });
  expect(final?.args.owed).toBe(final?.args.collected);
  const redeemed = await meniscus<{ paid: number }>(BUYER, "redeem");
  expect(redeemed.paid).toBeCloseTo(2 * (3_200 - 2_500), 2);
});

test("nothing was lost on the way, and the bots are still up", async () => {
  const conservation = new ConservationChecker(market.client, market.deployment);
  await conservation.check();
  expect(conservation.result()).toMatchObject({ violations: 0 });
  for (const { name, log } of bots) {
    expect(log, name).toContain("bot is up");
    expect(log, name).not.toMatch(/"level":50/);
  }
  const { events: history } = await meniscus<{ events: readonly { what: string; amount: number }[] }>(
    STAKER,
    "insurance",
    "history",
  );
  expect(history.map(({ what }) => what)).toEqual([
    `stake of ${market.address(STAKER)}`,
    ...history.slice(1).map(() => "penalty of a liquidation"),
  ]);
  expect(history.length).toBeGreaterThan(1);
});

test("a stake leaves after its cooldown, in two steps", async () => {
  expect(await meniscus(STAKER, "insurance", "unstake")).toMatchObject({ step: "cooling", shares: 100_000 });
  await market.anvil.mineAt(now + 11 * DAY);
  const paid = await meniscus<{ step: string; assets: number }>(STAKER, "insurance", "unstake");
  expect(paid.step).toBe("paid");
  expect(paid.assets).toBeGreaterThan(100_000);
});

test("a configuration that cannot be meant is refused with the field's name", async () => {
  const file = join(folder, "wrong.json");
  writeFileSync(file, JSON.stringify({ kind: "liquidator", name: "x", rpcUrl: "nowhere", keyVariable: "K" }));
  const bot = startBound(process.execPath, ["--import", "tsx", join(root, "src", "bots", "main.ts"), file]);
  let log = "";
  bot.stderr.on("data", (chunk: Buffer) => (log += chunk.toString()));
  expect(await bot.ended).toBe(7);
  expect(log).toContain("rpcUrl");
});
