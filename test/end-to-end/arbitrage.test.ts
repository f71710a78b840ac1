// An arbitrage bot and a keeper of marks as processes of their own, beside a venue, two pools and the real Uniswap v3. The bot is killed at
// random moments, its node fails now and then, and blocks stop coming: what it does stays within its limits, and it goes on.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { decodeFunctionData, erc20Abi } from "viem";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { atomicExecutorAbi, clearinghouseAbi, insuranceFundAbi } from "../../src/chain/abis.ts";
import { writeDeployment } from "../../src/chain/deployments.ts";
import { fromOptionId, fromSize, holdingsOf, toAccountId } from "../../src/chain/optionId.ts";
import { poolPrice, swapToPrice } from "../../src/chain/uniswapV3.ts";
import { generateWorld } from "../../src/market/generator.ts";
import { createRandom } from "../../src/market/random.ts";
import { startVenues, type VenueServer } from "../../src/market/venue.ts";
import type { World } from "../../src/market/world.ts";
import { connect } from "../../src/sdk/client.ts";
import { ConservationChecker } from "../../src/sdk/conservation.ts";
import { findBoard, readSurface, valueOption } from "../../src/sdk/optionChain.ts";
import { FaultyNode } from "../drills/faultyNode.ts";
import { reorganise } from "../drills/reorganise.ts";
import { drillSeeds } from "../drills/seeds.ts";
import { type EthPoolFixture, startEthPool } from "../src/chain/ethPoolFixture.ts";
import { TestMarket } from "../src/sdk/testMarket.ts";

const DAY = 86_400;
/** The fixture's account 1 is rich in both tokens: the bot's. */
const [BOT, LP, MARKER] = [1, 3, 5];
/** Quote tokens per 1.00 of volatility: about what one trade of the bot would take, so that taking it twice is seen. */
const VEGA_LIMIT = 12_000;
const GWEI = 10n ** 9n;
const root = join(import.meta.dirname, "..", "..");
const folder = mkdtempSync(join(tmpdir(), "meniscus-arbitrage-"));
const deploymentFile = join(folder, "deployment.json");
const random = createRandom("chaos");

let fixture: EthPoolFixture;
let market: TestMarket;
let world: World;
let venues: VenueServer;
let node: FaultyNode;
let now: number;
let expiries: readonly number[];
const children: { readonly name: string; readonly process: ChildProcess; log: string }[] = [];

function start(name: string, index: number, config: object): ChildProcess {
  const file = join(folder, `${name}.json`);
  const common = { name, deploymentFile, keyVariable: "MENISCUS_BOT_KEY", pollMilliseconds: 100 };
  writeFileSync(file, JSON.stringify({ ...common, ...config }));
  const env = { ...process.env, MENISCUS_BOT_KEY: market.anvil.privateKey(index) };
  const program = join(root, "src", "bots", "main.ts");
  const child = spawn(process.execPath, ["--import", "tsx", program, file], {
    cwd: root,
    env,
    stdio: ["ignore", "ignore", "pipe"],
  });
  const kept = { name, process: child, log: "" };
  child.stderr.on("data", (chunk: Buffer) => (kept.log += chunk.toString()));
  children.push(kept);
  return child;
}

const startBot = () =>
  start("arbitrageur", BOT, {
    kind: "arbitrageur",
    rpcUrl: node.url,
    stateFile: join(folder, "arbitrageur.state.json"),
    reference: { url: venues.url("venue"), currency: "ETH" },
    maxReferenceAge: 600,
    replaceAfterMilliseconds: 700,
    maxContracts: 40,
    limits: { delta: 60, gamma: 1, vega: VEGA_LIMIT, theta: 4_000, loss: 500_000 },
    metricsPort: 0,
  });

/** Some minutes pass; the oracle says that volatility is so many points from the venue's, and is otherwise right. */
async function step(points: number): Promise<void> {
  now = Math.max(now + 120, Number((await market.client.getBlock()).timestamp) + 2);
  venues.setTime(now);
  const spot = world.spot(now);
  const chain = world.chain(now);
  const atTheMoney = (expiry: number) => {
    const quotes = chain.quotes.filter((quote) => quote.expiry === expiry && quote.markIv > 0);
    const forward = chain.forwardByExpiry.get(expiry) ?? spot;
    const nearest = quotes.toSorted((a, b) => Math.abs(a.strike - forward) - Math.abs(b.strike - forward))[0];
    return nearest?.markIv ?? 0.6;
  };
  await market.report({
    time: now,
    spot,
    volatility: (expiry) => atTheMoney(expiry) + points / 100,
    rho: -0.3,
    signatures: 4, // all of them: no move is too large
    basis: 0,
  });
  surfaces = [await surfaceNow(), ...surfaces.slice(0, 1)];
  const { anvil, contracts, pool } = fixture;
  await swapToPrice(market.client, anvil.wallet(0), contracts, pool, spot);
  await market.mark();
}

const executed = async (after = -1) => {
  const events = await market.client.getContractEvents({
    address: market.deployment.markets[0]!.atomicExecutor,
    abi: atomicExecutorAbi,
    eventName: "Executed",
    strict: true,
    fromBlock: 0n,
  });
  return events.filter(({ blockNumber }) => blockNumber > after);
};

async function until<T>(what: string, look: () => Promise<T | undefined>, seconds = 30): Promise<T> {
  for (let i = 0; i < 10 * seconds; i++) {
    const seen = await look();
    if (seen !== undefined) return seen;
    await sleep(100);
  }
  throw new Error(`${what} did not happen.\n${children.map(({ name, log }) => `${name}:\n${log}`).join("\n")}`);
}

const isUp = async () => (children.at(-1)!.log.includes("bot is up") ? true : undefined);
const head = async () => Number(await market.client.getBlockNumber({ cacheTime: 0 }));
const mine = async () => await market.anvil.testClient.mine({ blocks: 1 });
const nonceAt = async (blockTag: "latest" | "pending") =>
  await market.client.getTransactionCount({ address: market.address(BOT), blockTag });

/** A transaction of the bot's key that is not the bot's: dearer than its bids, not so dear that gas seems to cost more. */
async function foreignHand(nonce: number): Promise<void> {
  const fee = 2n * GWEI;
  const serializedTransaction = await market.anvil.wallet(BOT).account.signTransaction({
    type: "eip1559",
    chainId: market.deployment.chainId,
    nonce,
    to: market.address(LP),
    gas: 21_000n,
    maxFeePerGas: fee,
    maxPriorityFeePerGas: fee,
  });
  await market.client.sendRawTransaction({ serializedTransaction });
}

const account = () => toAccountId(market.address(BOT), 1);
async function positions(): Promise<ReadonlyMap<bigint, bigint>> {
  const words = await market.client.readContract({
    address: market.deployment.clearinghouse,
    abi: clearinghouseAbi,
    functionName: "strikes",
    args: [account()],
  });
  return new Map(words.flatMap(holdingsOf).map(({ option, size }) => [option, size]));
}

/** Quote tokens per 1.00 of volatility, on the oracle's surface. */
const surfaceNow = async () => await readSurface(await connect({ rpcUrl: market.anvil.url, deploymentFile }), 1);
/** Of the last move and of the one before. */
let surfaces: readonly Awaited<ReturnType<typeof surfaceNow>>[] = [];

/** Size of the vega on each of the last two surfaces. */
function vegasOf(held: ReadonlyMap<bigint, bigint>): readonly number[] {
  return surfaces.map((surface) => {
    const vegas = [...held].map(([option, size]) => {
      const { expiry, strike, kind } = fromOptionId(option);
      return fromSize(size) * 100 * valueOption(findBoard(surface, expiry), strike, kind).vega;
    });
    return Math.abs(vegas.reduce((sum, vega) => sum + vega, 0));
  });
}

/**
 * What the bot holds is within its limit, or no more than it held. What it decided on the surface before may be carried out after the
 * move, and weigh more then: it is judged by the surface on which it weighs less.
 */
async function expectNotTwice(...held: readonly ReadonlyMap<bigint, bigint>[]): Promise<void> {
  const most = Math.max(VEGA_LIMIT, ...held.flatMap(vegasOf));
  const least = Math.min(...vegasOf(await positions()));
  expect(least, "taken twice, it would be beyond").toBeLessThan(1.05 * most);
}

beforeAll(async () => {
  world = generateWorld({ seed: 5 });
  now = world.firstTime + DAY;
  fixture = await startEthPool(now - 7_200);
  expiries = world
    .expiries(now)
    .filter((expiry) => expiry - now > 5 * DAY && expiry - now < 60 * DAY)
    .slice(0, 3);
  const { anvil, contracts, pool } = fixture;
  market = await TestMarket.on(anvil, expiries, {
    uniswap: { contracts, pool },
    pool: { parameters: { worseOfSeconds: 0, maxSpotAge: 120 } },
    otherPools: [{ name: "steady", parameters: { worseOfSeconds: 0, maxSpotAge: 120 } }],
  });
  writeDeployment(market.deployment, deploymentFile);
  venues = await startVenues({ world, time: now, venues: [{ name: "venue", seed: 5 }] });
  node = await FaultyNode.before(anvil.url);
  for (const index of [BOT, LP, MARKER]) await market.fund(index, 3_000_000);
  await market.openMargin(BOT, 500_000);
  await market.deposit(LP, 1_000_000);
  // Enough that the market's limit on stress is not what keeps the bot from trading.
  const { quoteToken, insuranceFund } = market.deployment;
  const stake = 1_500_000n * 1_000_000n;
  await market.transactor(LP).write(quoteToken, erc20Abi, "approve", [insuranceFund, stake]);
  await market.transactor(LP).write(insuranceFund, insuranceFundAbi, "deposit", [stake, market.address(LP)]);
  await step(0);
  await step(0);
  await market.claim(LP);
}, 240_000);

afterAll(async () => {
  for (const child of children) if (child.process.exitCode === null) child.process.kill("SIGKILL");
  node?.close();
  await venues?.close();
  await fixture?.anvil.stop();
  rmSync(folder, { recursive: true, force: true });
});

test("K1 K9 K14 bot: a bot that is killed, whose node fails and whose transactions get stuck does each thing once", async () => {
  let bot = startBot();
  for (let round = 0; round < 6; round++) {
    await until("the bot's start", isUp);
    node.fail(0.02 * (round % 3), random, ["reset", "unavailable", "garbage", "swallow"]);
    const held = await positions();
    await step(round % 2 === 0 ? -6 : 6);
    const before = (await executed()).length;
    if (round % 3 === 1) {
      // Blocks stop coming: what was sent is bid for again, or called off.
      await market.anvil.testClient.setAutomine(false);
      await sleep(2_500);
      await market.anvil.testClient.mine({ blocks: 1 });
      await market.anvil.testClient.setAutomine(true);
    }
    if (round < 2) await until("a trade", async () => ((await executed()).length > before ? true : undefined));
    await sleep(5_000 * random.uniform());
    const ended = new Promise((resolve) => bot.once("exit", resolve));
    bot.kill("SIGKILL");
    await ended;
    expect(bot.signalCode, "it was alive until then").toBe("SIGKILL");
    await expectNotTwice(held);
    bot = startBot();
  }
  // Whatever it holds now, one of the two is room to trade.
  node.heal();
  await until("the bot's start", isUp);
  const before = (await executed()).length;
  let points = 6;
  await until("a trade after the last start", async () => {
    if ((await executed()).length > before) return true;
    points = -points;
    await step(points);
    await sleep(3_000);
    return undefined;
  });
  bot.kill("SIGTERM");
  await new Promise((resolve) => bot.once("exit", resolve));
}, 300_000);

/** What it holds is what its trades add up to, no transaction of it is open, and nobody's money is gone. */
async function expectNothingLost(): Promise<void> {
  const traded = await market.client.getContractEvents({
    address: market.deployment.clearinghouse,
    abi: clearinghouseAbi,
    eventName: "Traded",
    args: { taker: account() },
    strict: true,
    fromBlock: 0n,
  });
  const sums = new Map<bigint, bigint>();
  for (const { option, size } of traded.flatMap(({ args }) => args.legs)) {
    sums.set(option, (sums.get(option) ?? 0n) + size);
  }
  for (const [option, size] of sums) if (size === 0n) sums.delete(option);
  expect(traded.length).toBeGreaterThan(3);
  expect(await positions()).toEqual(sums);
  const journal = JSON.parse(readFileSync(join(folder, "arbitrageur.state.json.outbox"), "utf8")) as { open: unknown };
  expect(journal.open).toBeNull();
  const conservation = new ConservationChecker(market.client, market.deployment);
  await conservation.check();
  expect(conservation.result()).toMatchObject({ violations: 0 });
}

test("what it holds is what its trades add up to, and no transaction of it is open", expectNothingLost);

test("K14 its memory outlived every kill: it says what it did and earned since its first start", async () => {
  const memory = JSON.parse(readFileSync(join(folder, "arbitrageur.state.json"), "utf8")) as Record<string, number>;
  const done = await executed();
  // A kill between a receipt and the memory's file forgets one plan at most.
  expect(memory.plans).toBeGreaterThan(0);
  expect(memory.plans).toBeLessThanOrEqual(done.length);
  expect(memory.gain).toBeGreaterThan(0);
  expect(await poolPrice(market.client, fixture.pool)).toBeGreaterThan(0);
});

describe.each(drillSeeds)("a bot under a chain that misbehaves, seed %i", (seed) => {
  const chance = createRandom(`bot ${seed}`);
  const upTo = (most: number) => 1 + Math.floor(most * chance.uniform());
  const most = 5;
  let bot: ChildProcess;
  let points = 6;

  beforeAll(async () => {
    node.heal();
    bot = startBot();
    await until("the bot's start", isUp);
    await until("a trade", tradesAnew);
  }, 120_000);
  afterAll(async () => {
    await market.anvil.testClient.setAutomine(true);
    bot.kill("SIGTERM");
    if (bot.exitCode === null) await new Promise((resolve) => bot.once("exit", resolve));
    await expectNothingLost();
  });

  beforeEach(async () => {
    await market.anvil.testClient.setAutomine(true);
    await mine();
  });

  /** The oracle moves to the other side of the venue; whether the bot has traded on that. */
  async function tradesAnew(): Promise<true | undefined> {
    points = -points;
    const before = await head();
    await step(points);
    await sleep(2_000);
    return (await executed(before)).length > 0 ? true : undefined;
  }

  /**
   * The oracle moves while the bot cannot see it; then blocks stop coming, it sees, and what it sends waits. Where the limits leave it no
   * room, the oracle moves the other way.
   *
   * @returns What it held then.
   */
  async function movesUnseen(meanwhile: () => Promise<unknown> = async () => {}): Promise<ReadonlyMap<bigint, bigint>> {
    return await until("a transaction of the bot", async () => {
      await market.anvil.testClient.setAutomine(true);
      node.faultOf = () => "unavailable";
      points = -points;
      await step(points);
      await meanwhile();
      const held = await positions();
      await market.anvil.testClient.setAutomine(false);
      node.heal();
      for (let look = 0; look < 30; look++) {
        if (await waitsForBlock()) return held;
        await sleep(100);
      }
      return undefined;
    });
  }

  const pending = async () => await nonceAt("pending");
  const waitsForBlock = async () => ((await pending()) > (await nonceAt("latest")) ? true : undefined);

  /** A block whenever the bot waits for one; after how many it has traded. */
  async function blocksUntilTrade(): Promise<number> {
    await market.anvil.testClient.setAutomine(false);
    const from = await head();
    for (let blocks = 1; ; blocks++) {
      // What was bid for at the price of before may have to be called off first, an eighth more a round.
      await until("a transaction of the bot", waitsForBlock, 120);
      await mine();
      if ((await executed(from)).length > 0) {
        await market.anvil.testClient.setAutomine(true);
        await mine();
        return blocks;
      }
    }
  }

  test("K5 bot: its trades are taken back by a reorganisation of depth 5, and done again", async () => {
    const held = await movesUnseen();
    const marked = await head();
    await market.anvil.testClient.setAutomine(true);
    await mine();
    await until("a trade", async () => ((await executed(marked)).length > 0 ? true : undefined));
    await sleep(1_500 * chance.uniform());
    // What the bot did and nothing before it: the books stay marked.
    await market.anvil.testClient.setAutomine(false);
    const own = (await head()) - marked;
    if (own < most) await market.anvil.testClient.mine({ blocks: most - own });
    const traded = await positions();
    const undone = await executed((await head()) - most);
    await reorganise(market.anvil, most);
    const left = new Set((await executed()).map(({ transactionHash }) => transactionHash));
    expect(undone.filter(({ transactionHash }) => left.has(transactionHash))).toEqual([]);
    expect(await blocksUntilTrade()).toBeLessThanOrEqual(most);
    await expectNotTwice(held, traded);
  }, 60_000);

  test("K8 bot: nonces below the one that is open are freed by a reorganisation of depth 5", async () => {
    const used = upTo(3);
    const held = await movesUnseen(async () => {
      for (let i = 0; i < used; i++) await foreignHand(await nonceAt("latest"));
      await market.anvil.testClient.mine({ blocks: most - used });
    });
    await reorganise(market.anvil, most);
    expect(await blocksUntilTrade()).toBeLessThanOrEqual(most);
    await expectNotTwice(held);
  }, 60_000);

  test("K8 bot: a foreign hand with its key takes the nonce of what is open", async () => {
    const held = await movesUnseen();
    await foreignHand(await nonceAt("latest"));
    await mine();
    expect(await blocksUntilTrade()).toBeLessThanOrEqual(most);
    await expectNotTwice(held);
  }, 60_000);

  test("K11 bot: gas at a hundred times its price is not paid; when it is over, it trades", async () => {
    const { testClient } = market.anvil;
    const held = await movesUnseen();
    await testClient.setNextBlockBaseFeePerGas({ baseFeePerGas: 200n * GWEI });
    await mine();
    const spike = await head();
    await sleep(1_500);
    await mine();
    expect(await executed(spike)).toEqual([]);
    await testClient.setNextBlockBaseFeePerGas({ baseFeePerGas: 2n * GWEI });
    await mine();
    expect(await blocksUntilTrade()).toBeLessThanOrEqual(most);
    await testClient.setNextBlockBaseFeePerGas({ baseFeePerGas: 7n });
    await expectNotTwice(held);
  }, 200_000);

  test("K12 bot: somebody is faster in the same block; what it sent reverts, costs its gas, and it goes on", async () => {
    const held = await movesUnseen();
    const { transactions } = await market.client.getBlock({ blockTag: "pending", includeTransactions: true });
    const own = transactions.find(({ from }) => from.toLowerCase() === market.address(BOT).toLowerCase())!;
    const { functionName, args } = decodeFunctionData({ abi: atomicExecutorAbi, data: own.input });
    if (functionName !== "execute") throw new Error(`the bot sent ${functionName}`);
    const { baseAmount } = args[2];
    const { anvil, contracts, pool } = fixture;
    const worse = world.spot(now) * (baseAmount < 0n ? 0.9 : 1.1);
    const faster = swapToPrice(market.client, anvil.wallet(0), contracts, pool, worse);
    const arrived = async () =>
      await market.client.getTransactionCount({ address: market.address(0), blockTag: "pending" });
    const mined = await market.client.getTransactionCount({ address: market.address(0) });
    await until("a faster one", async () => ((await arrived()) > mined ? true : undefined));
    // Nobody trades at a price that is there for this alone.
    node.faultOf = () => "unavailable";
    await mine();
    await faster;
    expect(await market.client.getTransactionReceipt({ hash: own.hash })).toMatchObject({ status: "reverted" });
    await anvil.testClient.setAutomine(true);
    await swapToPrice(market.client, anvil.wallet(0), contracts, pool, world.spot(now));
    await anvil.testClient.setAutomine(false);
    node.heal();
    expect(await positions()).toEqual(held);
    expect(await blocksUntilTrade()).toBeLessThanOrEqual(most);
    await expectNotTwice(held);
  }, 60_000);

  test("K13 bot: a second process with its state file ends at once and says who has it", async () => {
    const second = startBot();
    const kept = children.at(-1)!;
    expect(await new Promise((resolve) => second.once("exit", resolve))).toBe(7);
    expect(kept.log).toMatch(new RegExp(`Process ${bot.pid} runs with .* already`));
  });
});

test("a keeper of marks marks both pools for pay or as told, and serves its metrics", async () => {
  now = Math.max(now + 3_600, Number((await market.client.getBlock()).timestamp) + 2);
  await market.report({ time: now, spot: world.spot(now), volatility: 0.6, basis: 0 });
  const marker = start("marker", MARKER, { kind: "marker", rpcUrl: market.anvil.url, asService: true, metricsPort: 0 });
  const kept = children.at(-1)!;
  await until("both marks", async () => (kept.log.split('"marked"').length > 2 ? true : undefined));
  const port = /"port":(\d+)/.exec(kept.log)?.[1];
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  expect(text).toMatch(/meniscus_bot_looks_total\{result="done"\} [1-9]/);
  marker.kill("SIGTERM");
  expect(await new Promise((resolve) => marker.once("exit", resolve))).toBe(0);
  expect(kept.log).not.toMatch(/"level":50/);
});
