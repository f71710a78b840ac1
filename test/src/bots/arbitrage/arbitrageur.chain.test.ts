import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { erc20Abi } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Arbitrageur, type ArbitrageurRules } from "../../../../src/bots/arbitrage/arbitrageur.ts";
import { readOracleFacts, readPoolFacts } from "../../../../src/bots/arbitrage/collector.ts";
import { type Leg, PoolMaker } from "../../../../src/bots/arbitrage/makers.ts";
import { clearinghouseAbi, optionPoolAbi } from "../../../../src/chain/abis.ts";
import { revertNameOf } from "../../../../src/chain/decodeError.ts";
import { writeDeployment } from "../../../../src/chain/deployments.ts";
import { toAccountId, toOptionId, toSize } from "../../../../src/chain/optionId.ts";
import { Outbox } from "../../../../src/chain/outbox.ts";
import { poolPrice, swapToPrice } from "../../../../src/chain/uniswapV3.ts";
import { createRandom } from "../../../../src/market/random.ts";
import type { MarketSnapshot } from "../../../../src/market-data/marketData.ts";
import { createLogger } from "../../../../src/runtime/logger.ts";
import { type Connection, connect, findPool, Sender } from "../../../../src/sdk/client.ts";
import { type EthPoolFixture, startEthPool } from "../../chain/ethPoolFixture.ts";
import { TestMarket } from "../../sdk/testMarket.ts";
import { limits, option, oracleFacts, poolFacts, rules } from "./paperMarket.ts";

const START = Date.UTC(2026, 0, 31, 9) / 1000;
const WEEK = Date.UTC(2026, 1, 7, 8) / 1000;
const MONTH = Date.UTC(2026, 2, 6, 8) / 1000;
const SPOT = 2_700;
/** Account 1 is the fixture's rich one: it holds both tokens. */
const [BOT, LP, TRADER] = [1, 3, 4];

let fixture: EthPoolFixture;
let market: TestMarket;
let connection: Connection;
let folder: string;
let now = START;
let reference: MarketSnapshot;

beforeAll(async () => {
  fixture = await startEthPool(START - 7_200);
  const { anvil, contracts, pool } = fixture;
  // Not the wall clock: what is read now holds in the next block.
  await anvil.testClient.setBlockTimestampInterval({ interval: 1 });
  market = await TestMarket.on(anvil, [WEEK, MONTH], {
    uniswap: { contracts, pool },
    pool: { parameters: { worseOfSeconds: 0 } },
    otherPools: [{ name: "steady" }],
  });
  for (const index of [BOT, LP, TRADER]) await market.fund(index, 3_000_000);
  await market.deposit(LP, 1_000_000);
  await next();
  await next();
  await market.claim(LP);
  await market.openMargin(BOT, 500_000);
  await market.openMargin(TRADER, 500_000);
  folder = mkdtempSync(join(tmpdir(), "meniscus-arbitrage-"));
  const deploymentFile = writeDeployment(market.deployment, join(folder, "deployment.json"));
  connection = await connect({ rpcUrl: anvil.url, deploymentFile });
}, 180_000);
afterAll(async () => {
  await fixture?.anvil.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Ten minutes pass, the oracle reports, the books are marked; the other market says the same, or another volatility. */
async function next(volatility = 0.6): Promise<void> {
  now += 600;
  await market.report({ time: now, spot: SPOT, volatility: 0.6, basis: 0 });
  await market.mark();
  reference = referenceAt(volatility);
}

/** Quotes of strikes around the money at one volatility on the oracle's own smile, half a per cent wide. */
function referenceAt(volatility: number): MarketSnapshot {
  const paper = new PoolMaker(oracleFacts(volatility), poolFacts());
  const chains = [WEEK, MONTH].map((expiry) => ({
    expiry,
    forward: SPOT,
    quotes: [2_600, 2_700, 2_800].map((strike) => {
      const kind = strike < SPOT ? "put" : "call";
      const value = paper.mid(option(expiry, strike, kind)) ?? 0;
      return { expiry, strike, kind, bid: 0.9975 * value, ask: 1.0025 * value } as const;
    }),
  }));
  return { time: now, spot: SPOT, chains };
}

const stateFile = () => join(folder, "state.json");
function bot(changes: Partial<ArbitrageurRules> = {}, withReference = true): Arbitrageur {
  const account = privateKeyToAccount(fixture.anvil.privateKey(BOT));
  const outbox = new Outbox(connection.client, account, { file: join(folder, "outbox.json") });
  const sender = new Sender(connection, account, undefined, { outbox });
  const all = {
    ...rules,
    sub: 1,
    limits: { ...limits, delta: 200, loss: 1e6 },
    hedge: { band: 2, maxCost: 0.002 },
    maxReferenceAge: 120,
    nativePrice: undefined,
    dryRun: false,
    ...changes,
  };
  return new Arbitrageur(sender, all, createLogger("arbitrage", "silent"), {
    marketId: 1,
    reference: withReference ? { snapshot: async () => reference } : undefined,
    stateFile: stateFile(),
  });
}

const positions = async () =>
  await market.client.readContract({
    address: market.deployment.clearinghouse,
    abi: clearinghouseAbi,
    functionName: "strikes",
    args: [toAccountId(market.address(BOT), 1)],
  });
const baseHeld = async () =>
  Number(
    await market.client.readContract({
      address: market.baseToken,
      abi: erc20Abi,
      functionName: "balanceOf",
      args: [market.address(BOT)],
    }),
  ) / 1e18;

describe("a pool off the chain", () => {
  test("quotes what the pool quotes, to the unit, and refuses what it refuses", async () => {
    await market.swap(TRADER, 1, [{ expiry: MONTH, strike: 2_700, kind: "call", size: 30 }]);
    await market.swap(TRADER, 1, [{ expiry: WEEK, strike: 2_600, kind: "put", size: -20 }]);
    await market.swap(TRADER, 1, [{ expiry: MONTH, strike: 2_700, kind: "call", size: -5 }]);
    const oracle = await readOracleFacts(connection, 1);
    if (!oracle) throw new Error("no report");
    const pool = findPool(connection, "core");
    const maker = new PoolMaker(oracle, await readPoolFacts(connection, pool, [...oracle.boards.keys()]));
    const random = createRandom("quotes");
    const pick = <T>(items: readonly T[]): T => items[Math.floor(items.length * random.uniform())] as T;
    let [quoted, refused] = [0, 0];
    for (let i = 0; i < 150; i++) {
      const legs = new Map<bigint, Leg>();
      for (let j = pick([1, 1, 2, 3]); j > 0; j--) {
        const kind = pick(["call", "put"] as const);
        const terms = option(pick([WEEK, MONTH]), 25 * Math.round(96 + 24 * random.uniform()), kind);
        legs.set(toOptionId(terms), { terms, size: toSize(pick([1, -1]) * 10 ** (3.2 * random.uniform() - 1)) });
      }
      const all = [...legs.values()];
      const words = all.map(({ terms, size }) => ({ option: toOptionId(terms), size }));
      const isReducing = all.every(({ terms, size }) =>
        size > 0n ? maker.position(terms) >= size : maker.position(terms) <= size,
      );
      const mine = maker.quoteUnits(all);
      try {
        const { cash } = await market.client.readContract({
          address: pool.optionPool,
          abi: optionPoolAbi,
          functionName: "quote",
          args: [words, isReducing],
          blockTag: "pending",
        });
        expect(mine).toBe(cash);
        quoted += 1;
      } catch (error) {
        const name = revertNameOf(error);
        if (name === undefined) throw error;
        expect(mine, name).toBeUndefined();
        refused += 1;
      }
    }
    expect(quoted).toBeGreaterThan(40);
    expect(refused).toBeGreaterThan(10);
  });
});

describe("an arbitrage bot", () => {
  test("that is told so says what it would do, and does nothing", async () => {
    await next(0.66);
    expect(await bot({ dryRun: true }).look()).toEqual([]);
    expect(await positions()).toHaveLength(0);
  });

  test("buys what is dearer elsewhere until the rest does not pay, hedged, and stops at that", async () => {
    await next(0.66);
    const before = await baseHeld();
    const first = bot();
    const acts = await first.look();
    expect(acts.length).toBeGreaterThan(0);
    expect(acts.every(({ kind }) => kind === "reference")).toBe(true);
    expect(await positions()).not.toHaveLength(0);
    expect(await baseHeld()).not.toBe(before);
    expect(Math.abs(first.stands.delta)).toBeLessThan(2.01);
    expect(first.stands.vega).toBeGreaterThan(0);
    const promised = acts.reduce((sum, { gain }) => sum + gain, 0);
    await first.look();
    // At the reference's own values it has earned what it was to: capital is no cost yet.
    expect(first.stands.result).toBeGreaterThan(0.9 * promised);
    expect(await first.look()).toEqual([]);
    const text = await first.metrics.registry.metrics();
    expect(text).toMatch(/meniscus_bot_plans_done_total\{kind="reference"\} [1-9]/);
    expect(text).toMatch(/meniscus_bot_result [1-9]/);
  });

  test("remembers what it earned when it is started anew", async () => {
    await next(0.6);
    const again = bot();
    await again.look();
    const result = again.stands.result;
    const third = bot();
    await third.look();
    expect(third.stands.result).toBeCloseTo(result, 2);
    expect(third.stands.result).not.toBe(0);
  });

  test("brings Uniswap's price back to spot, as far as its fee", async () => {
    await next(0.6);
    const { anvil, contracts, pool } = fixture;
    await swapToPrice(market.client, anvil.wallet(0), contracts, pool, SPOT * 1.01);
    const wide = { limits: { ...limits, delta: 2_000, loss: 1e6 }, hedge: { band: 2_000, maxCost: 0.002 } };
    const acts = await bot(wide, false).look();
    expect(acts.map(({ kind }) => kind)).toContain("spot");
    expect(await poolPrice(market.client, pool)).toBeLessThan(SPOT * 1.001);
  });

  test("risks no more where its loss limit is reached, and still lowers its delta", async () => {
    await next(0.66);
    const stopped = bot({ limits: { ...limits, loss: 0 } });
    const acts = await stopped.look();
    expect(acts.filter(({ kind }) => kind === "reference")).toEqual([]);
    expect(stopped.stands.stopped).toBe(true);
  });

  test("takes no pool's word for what is gone when it is mined: nothing is lost to a plan that no longer pays", async () => {
    await next(0.66);
    const greedy = bot({ minGain: 1e7 });
    expect(await greedy.look()).toEqual([]);
  });
});
