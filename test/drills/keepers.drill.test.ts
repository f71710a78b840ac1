// Faults under the keepers, and under who deploys and reads: a market on a chain of its own, whose blocks are taken back.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { encodeFunctionData, erc20Abi, type Hex } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { service } from "../../src/bots/bounty.ts";
import { Liquidator } from "../../src/bots/liquidator.ts";
import { Marker } from "../../src/bots/marker.ts";
import { Settler } from "../../src/bots/settler.ts";
import { clearinghouseAbi, insuranceFundAbi } from "../../src/chain/abis.ts";
import { startAnvil } from "../../src/chain/anvil.ts";
import { type Deployment, writeDeployment } from "../../src/chain/deployments.ts";
import { toAccountId, toOptionId, toSize } from "../../src/chain/optionId.ts";
import { Outbox } from "../../src/chain/outbox.ts";
import { createRandom } from "../../src/market/random.ts";
import { startBound } from "../../src/runtime/boundProcess.ts";
import { createLogger } from "../../src/runtime/logger.ts";
import { AccountBook } from "../../src/sdk/accountBook.ts";
import { type Connection, connect, Sender } from "../../src/sdk/client.ts";
import { ConservationChecker } from "../../src/sdk/conservation.ts";
import { TestMarket } from "../src/sdk/testMarket.ts";
import { FaultyNode } from "./faultyNode.ts";
import { reorganise } from "./reorganise.ts";
import { drillSeeds } from "./seeds.ts";

const HOUR = 3_600;
const DAY = 24 * HOUR;
const START = Date.UTC(2026, 1, 1, 8) / 1000;
const EXPIRY = START + 3 * DAY;
const FAR = START + 30 * DAY;
const MARKET = 1;
const FINAL = 2n;
const SPOT = 2_700;
const AVERAGE = 2_850;
const [LP, HOLDER, WRITER, KEEPER, OTHER, LATE] = [3, 4, 5, 6, 7, 8];
/** What a process holds is told from its garbage. */
const COLLECTS = "data:text/javascript,setInterval(() => gc(), 500).unref()";
const log = createLogger("drill", "silent");

let market: TestMarket;
let connection: Connection;
let folder: string;

beforeAll(async () => {
  market = await TestMarket.on(await startAnvil({ timestamp: START - 2 * HOUR }), [EXPIRY, FAR], {
    otherPools: [{ name: "steady" }],
  });
  folder = mkdtempSync(join(tmpdir(), "meniscus-drill-"));
  const deploymentFile = writeDeployment(market.deployment, join(folder, "deployment.json"));
  connection = await connect({ rpcUrl: market.anvil.url, deploymentFile });
  for (const index of [LP, HOLDER, WRITER, LATE, OTHER]) await market.fund(index, 2_000_000);
  await market.report({ time: START, spot: SPOT, volatility: 0.6 });
  await market.deposit(LP, 1_000_000);
  await market.report({ time: START + 60, spot: SPOT, volatility: 0.6 });
  await market.mark();
  await market.claim(LP);
  await market.openMargin(WRITER, 100_000);
  const call = { expiry: EXPIRY, strike: SPOT, kind: "call" } as const;
  const bought = await market.swap(HOLDER, 0, [{ ...call, size: 2 }]);
  const written = await market.swap(WRITER, 1, [{ ...call, size: -3 }]);
  if (!bought || !written) throw new Error("the market would not trade");
}, 120_000);
afterAll(async () => {
  await market?.anvil.stop();
  rmSync(folder, { recursive: true, force: true });
});

const sender = (index: number) =>
  new Sender(connection, privateKeyToAccount(market.anvil.privateKey(index)), undefined, { sync: true });
const settler = () => new Settler(sender(KEEPER), service, log);
const settlementState = async () =>
  (await market.client.readContract({
    address: market.deployment.clearinghouse,
    abi: clearinghouseAbi,
    functionName: "expiryWord",
    args: [MARKET, EXPIRY],
  })) & 0xffn;

/** What everybody has in the ledger: cash, credits and debts of the expiry. */
async function balances(): Promise<readonly bigint[]> {
  const ledger = { address: market.deployment.clearinghouse, abi: clearinghouseAbi } as const;
  const pools = market.deployment.pools.map(({ optionPool }) => toAccountId(optionPool, 1));
  const accounts = [...pools, toAccountId(market.address(WRITER), 1), toAccountId(market.address(HOLDER), 0)];
  return await Promise.all(
    accounts.flatMap((account) => [
      market.client.readContract({ ...ledger, functionName: "cash", args: [account] }),
      market.client.readContract({ ...ledger, functionName: "debt", args: [account] }),
      market.client.readContract({ ...ledger, functionName: "credit", args: [account, MARKET, EXPIRY] }),
    ]),
  );
}

/** Runs something on a chain that is then set back. */
async function undone<T>(action: () => Promise<T>): Promise<T> {
  const id = await market.anvil.testClient.snapshot();
  try {
    return await action();
  } finally {
    await market.anvil.testClient.revert({ id });
  }
}

/** A deposit into the margin account, signed and not sent. */
async function depositOf(index: number): Promise<Hex> {
  const { account } = market.anvil.wallet(index);
  const args = [toAccountId(account.address, 1), 1_000_000n] as const;
  return await account.signTransaction({
    type: "eip1559",
    chainId: market.deployment.chainId,
    nonce: await market.client.getTransactionCount({ address: account.address }),
    to: market.deployment.clearinghouse,
    data: encodeFunctionData({ abi: clearinghouseAbi, functionName: "depositCash", args }),
    gas: 500_000n,
    maxFeePerGas: 10n ** 10n,
    maxPriorityFeePerGas: 10n ** 9n,
  });
}

test("K13 two-markers: two with keys of their own look at once; every pool is marked, and nothing is left to do", async () => {
  await undone(async () => {
    await market.report({ time: START + HOUR, spot: SPOT, volatility: 0.6 });
    const looks = await Promise.all(
      [KEEPER, OTHER].map(async (index) => await new Marker(sender(index), service, log).look()),
    );
    for (const { name } of market.deployment.pools) {
      expect(looks.filter(({ marked }) => marked.includes(name)).length, name).toBeGreaterThanOrEqual(1);
    }
    expect((await new Marker(sender(KEEPER), service, log).look()).marked, "all is marked").toEqual([]);
  });
});

test("K4 dead-nodes: of three RPCs one is dead, then two; looks go on and it is said which; of none they fail, until one is back", async () => {
  const nodes = await Promise.all([1, 2, 3].map(async () => await FaultyNode.before(market.anvil.url)));
  try {
    const [rpcUrl = "", ...otherRpcUrls] = nodes.map(({ url }) => url);
    const silent = new Set<string>();
    const options = { rpcUrl, otherRpcUrls, onSilent: (url: string) => silent.add(url) };
    const several = await connect({ ...options, deploymentFile: join(folder, "deployment.json") });
    const key = privateKeyToAccount(market.anvil.privateKey(KEEPER));
    const outbox = new Outbox(several.client, key);
    const bot = new Marker(new Sender(several, key, undefined, { outbox }), service, log);
    const names = market.deployment.pools.map(({ name }) => name);
    await undone(async () => {
      for (let dead = 0; dead < 3; dead++) {
        silent.clear();
        for (const node of nodes.slice(0, dead)) node.faultOf = () => (dead === 1 ? "reset" : "unavailable");
        await market.report({ time: START + HOUR * (dead + 1), spot: SPOT, volatility: 0.6 });
        await outbox.settleOpen();
        expect((await bot.look()).marked).toEqual(names);
        expect([...silent]).toEqual(nodes.slice(0, dead).map(({ url }) => url));
      }
      nodes[2]!.faultOf = () => "garbage";
      await expect(bot.look()).rejects.toThrow();
      nodes[1]!.heal();
      expect((await bot.look()).marked).toEqual([]);
    });
  } finally {
    for (const node of nodes) node.close();
  }
});

test(
  "K27 storm: a jump puts every writer below maintenance in one block; all are closed in a few blocks each, nobody owes",
  async () => {
    await undone(async () => {
      const { quoteToken, insuranceFund, clearinghouse, optionPool } = { ...market.deployment, ...market.pool };
      // So many as the market's limits allow.
      const dozens = Math.min(drillSeeds.length, 5);
      const stake = 100_000_000_000n * BigInt(dozens);
      await market.transactor(LP).write(quoteToken, erc20Abi, "approve", [insuranceFund, stake]);
      await market.transactor(LP).write(insuranceFund, insuranceFundAbi, "deposit", [stake, market.address(LP)]);
      await market.openMargin(OTHER, 300_000);
      const count = 12 * dozens;
      const writers = Array.from({ length: count }, (_, i) => ({
        account: toAccountId(market.address(WRITER), 2 + i),
        // One in six is too large for the pool to take: it is sold.
        contracts: i % 6 === 5 ? 5 : 0.05,
      }));
      for (const { account, contracts } of writers) {
        await market.ledger(WRITER, "depositCash", [account, BigInt(Math.round(800e6 * contracts))]);
        const call = toOptionId({ marketId: MARKET, expiry: FAR, strike: 2_600, kind: "call" });
        const legs = [{ option: call, size: toSize(-contracts) }];
        const terms = { limitCash: 10n ** 30n, deadline: 2_000_000_000, report: "0x", makerData: "0x" } as const;
        await market.ledger(WRITER, "trade", [{ account, maker: optionPool, legs, ...terms }]);
      }
      const ledger = { address: clearinghouse, abi: clearinghouseAbi } as const;
      const isBelow = async (account: bigint) => {
        const health = { ...ledger, functionName: "health", args: [account, 1] } as const;
        return (await market.client.readContract(health))[0] < 0n;
      };
      const below = async () =>
        (await Promise.all(writers.map(({ account }) => isBelow(account)))).filter(Boolean).length;
      expect(await below()).toBe(0);
      let now = START + 4 * HOUR;
      await market.report({ time: now, spot: 3_200, volatility: 0.6 });
      await market.mark();
      expect(await below(), "at one blow").toBe(count);

      const bot = new Liquidator(sender(OTHER), { sub: 1, edge: 0.02, minProfit: 1_000_000n, unwindCost: 0.05 }, log);
      let blocks = 0;
      for (let look = 0; look < 30 && (await below()) > 0; look++) {
        const before = await market.client.getBlockNumber({ cacheTime: 0 });
        await bot.look();
        blocks += Number((await market.client.getBlockNumber({ cacheTime: 0 })) - before);
        now = Math.max(now + 60, Number((await market.client.getBlock()).timestamp) + 2);
        await market.report({ time: now, spot: 3_200, volatility: 0.6 });
        await market.mark();
      }
      expect(await below()).toBe(0);
      expect(blocks).toBeLessThanOrEqual(4 * count);
      for (const { account } of writers) {
        expect(await market.client.readContract({ ...ledger, functionName: "debt", args: [account] })).toBe(0n);
      }
      const held = { address: insuranceFund, abi: insuranceFundAbi, functionName: "totalAssets" } as const;
      expect(await market.client.readContract(held), "nothing of the fund was needed").toBeGreaterThanOrEqual(stake);
      const conservation = new ConservationChecker(market.client, market.deployment);
      await conservation.check();
      expect(conservation.result()).toMatchObject({ violations: 0 });
    });
  },
  60_000 * drillSeeds.length,
);

test("K28 services-down: a day late, by anybody's hand, an expiry settles to what the settler would have paid", async () => {
  const averages = [{ expiry: EXPIRY, average: AVERAGE }];
  const inTime = await undone(async () => {
    await market.reportSpot({ time: EXPIRY, spot: AVERAGE, averages });
    await market.anvil.mineAt(EXPIRY + 60);
    expect(await settler().look()).toBe(1);
    return await balances();
  });
  const late = await undone(async () => {
    await market.anvil.mineAt(EXPIRY + DAY);
    // The nodes come back, and owe the average.
    await market.reportSpot({ time: EXPIRY + DAY + 60, spot: 3_100, averages });
    await market.settle(EXPIRY, [
      [WRITER, 1],
      [HOLDER, 0],
    ]);
    await market.claimPoolCredit(EXPIRY);
    return await balances();
  });
  expect(late).toEqual(inTime);
});

test("K29 half-deployed: a deployer that is cut off leaves no book, and begins anew beside what is there", async () => {
  const anvil = await startAnvil({ timestamp: START });
  try {
    let left = 12;
    const cut = Object.assign(Object.create(anvil), {
      wallet: (index: number) => {
        const wallet = anvil.wallet(index);
        return Object.assign(Object.create(wallet), {
          deployContract: async (call: never) => {
            if (left-- === 0) throw new Error("cut off");
            return await wallet.deployContract(call);
          },
        });
      },
    }) as typeof anvil;
    await expect(TestMarket.on(cut, [FAR], {})).rejects.toThrow("cut off");
    const { deployment } = await TestMarket.on(anvil, [FAR], {});
    const deploymentFile = writeDeployment(deployment, join(folder, "anew.json"));
    expect((await connect({ rpcUrl: anvil.url, deploymentFile })).deployment).toEqual(deployment);
  } finally {
    await anvil.stop();
  }
});

test("K29 wrong-book: one that names contracts which do not belong together is refused, whichever it is", async () => {
  const { deployment } = market;
  const [core, steady] = deployment.pools;
  const refusal = async (change: Partial<Deployment>) => {
    const deploymentFile = join(folder, "wrong.json");
    writeFileSync(deploymentFile, JSON.stringify({ ...deployment, ...change }));
    return await connect({ rpcUrl: market.anvil.url, deploymentFile }).catch((error: unknown) => String(error));
  };
  const { marketOracle, riskEngine } = deployment;
  expect(await refusal({ marketOracle: riskEngine, riskEngine: marketOracle })).toMatch(/do not belong together/);
  expect(await refusal({ insuranceFund: market.address(0) })).toMatch(/as its insuranceFund/);
  expect(await refusal({ signedOrders: market.address(0) })).toMatch(/the order book is not one/);
  expect(await refusal({ pools: [{ ...core!, poolShares: steady!.poolShares }] })).toMatch(
    /pool core .* as its shares/,
  );
  expect(await refusal({ pools: [{ ...core!, optionPool: marketOracle }] })).toMatch(/pool core is not one/);
});

test(
  "K30 leak: hundreds of looks through a node that fails now and then leave no more memory and no more open files behind",
  async () => {
    const node = await FaultyNode.before(market.anvil.url);
    node.fail(0.02, createRandom("leak"));
    const config = {
      kind: "marker",
      name: "marker",
      rpcUrl: node.url,
      deploymentFile: join(folder, "deployment.json"),
      keyVariable: "MENISCUS_BOT_KEY",
      stateFile: join(folder, "marker.json"),
      pollMilliseconds: 1,
      metricsPort: 0,
      asService: true,
    };
    const file = join(folder, "marker.config.json");
    writeFileSync(file, JSON.stringify(config));
    const program = join(import.meta.dirname, "..", "..", "src", "bots", "main.ts");
    const bot = startBound(process.execPath, ["--expose-gc", "--import", COLLECTS, "--import", "tsx", program, file], {
      environment: { ...process.env, MENISCUS_BOT_KEY: market.anvil.privateKey(KEEPER) },
    });
    try {
      let said = "";
      bot.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
      await expect.poll(() => said, { timeout: 20_000 }).toContain("bot is up");
      const url = `http://127.0.0.1:${/"port":(\d+)/.exec(said)?.[1]}/metrics`;
      const read = async () => {
        const text = await (await fetch(url)).text();
        const value = (name: string) => Number(new RegExp(`^meniscus_bot_${name} (\\S+)$`, "m").exec(text)?.[1] ?? 0);
        return {
          looks: value('looks_total{result="done"}') + value('looks_total{result="failed"}'),
          heap: value("nodejs_heap_size_used_bytes"),
          files: value("process_open_fds"),
        };
      };
      /** What it holds at the least while it looks so often: what is not garbage. */
      const over = async (looks: number) => {
        let least = await read();
        for (let now = least, end = least.looks + looks; now.looks < end; now = await read()) {
          await sleep(50);
          least = { ...now, heap: Math.min(least.heap, now.heap), files: Math.min(least.files, now.files) };
        }
        return least;
      };
      const looks = 40 * drillSeeds.length;
      await over(looks); // what is made once
      const before = await over(looks);
      const after = await over(looks);
      expect(after.looks).toBeGreaterThan(before.looks);
      expect((after.heap - before.heap) / looks, "bytes a look").toBeLessThan(20_000);
      expect(after.files - before.files).toBeLessThan(3);
    } finally {
      await bot.stop();
      node.close();
    }
  },
  60_000 * drillSeeds.length,
);

// What follows is not undone: a reorganisation leaves no snapshot.
test("K5 K22 accounts: one that a reorganisation brings into blocks that were read is known, whatever a node gives at once", async () => {
  const asked: bigint[] = [];
  // A node that gives logs of seven blocks at once.
  const getContractEvents = async (range: { readonly fromBlock: bigint; readonly toBlock: bigint }) => {
    if (range.toBlock - range.fromBlock > 6n) throw new Error("query exceeds the largest range");
    asked.push(range.fromBlock);
    return await market.client.getContractEvents(range as never);
  };
  const client = Object.assign(Object.create(market.client), { getContractEvents }) as typeof market.client;
  const narrow = new AccountBook({ client, deployment: market.deployment });
  for (const [index, book] of [[LATE, narrow] as const, [OTHER, new AccountBook(connection)] as const]) {
    const late = toAccountId(market.address(index), 1);
    await market.fund(index, 10);
    await market.anvil.testClient.mine({ blocks: 6 });
    const before = await book.update();
    expect(before).toContain(toAccountId(market.address(WRITER), 1));
    expect(before).not.toContain(late);
    await reorganise(market.anvil, 5, [[await depositOf(index), 1]]);
    expect(await book.update()).toContain(late);
  }
  asked.length = 0;
  await narrow.update();
  const again = asked.length;
  await narrow.update();
  expect(asked, "nothing is read again without a cause").toHaveLength(again);
});

test("K5 settler: a settlement that was final is taken back by a reorganisation, and done again", async () => {
  const bot = settler();
  await market.reportSpot({ time: EXPIRY, spot: AVERAGE, averages: [{ expiry: EXPIRY, average: AVERAGE }] });
  await market.anvil.testClient.mine({ blocks: 5 });
  expect(await bot.look()).toBe(1);
  expect(await settlementState()).toBe(FINAL);
  const settled = await balances();
  await reorganise(market.anvil, 3);
  expect(await settlementState()).not.toBe(FINAL);
  await bot.look();
  expect(await settlementState()).toBe(FINAL);
  expect(await balances()).toEqual(settled);
});
