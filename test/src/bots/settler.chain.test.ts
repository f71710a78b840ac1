// The settler in a market with the real Uniswap v3: the oracle's average and the pool's mean disagree, and the average never comes.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { privateKeyToAccount } from "viem/accounts";
import { afterEach, expect, test } from "vitest";
import { service } from "../../../src/bots/bounty.ts";
import { Settler } from "../../../src/bots/settler.ts";
import { clearinghouseAbi, settlementPriceAbi } from "../../../src/chain/abis.ts";
import { writeDeployment } from "../../../src/chain/deployments.ts";
import { swapToPrice } from "../../../src/chain/uniswapV3.ts";
import { connect, Sender } from "../../../src/sdk/client.ts";
import { type EthPoolFixture, startEthPool } from "../chain/ethPoolFixture.ts";
import { TestMarket } from "../sdk/testMarket.ts";

const HOUR = 3_600;
const DAY = 24 * HOUR;
const MARKET = 1;
const start = Date.UTC(2026, 1, 1, 8) / 1000;
const expiry = start + 3 * DAY;
const far = start + 30 * DAY;
const [ARBITRAGEUR, LP, BUYER, SETTLER] = [1, 16, 3, 10] as const;
/** The pool's price all along; the oracle's moves. */
const POOL_PRICE = 2_700;
const FINAL = 2n;

let fixture: EthPoolFixture | undefined;
let folder = "";

afterEach(async () => {
  await fixture?.anvil.stop();
  fixture = undefined;
  rmSync(folder, { recursive: true, force: true });
});

class Scene {
  readonly market: TestMarket;
  readonly settler: Settler;
  private readonly uniswap: EthPoolFixture;

  constructor(market: TestMarket, settler: Settler, uniswap: EthPoolFixture) {
    [this.market, this.settler, this.uniswap] = [market, settler, uniswap];
  }

  /** A market in which one wallet holds a call that expires in three days. */
  static async open(observations: number): Promise<Scene> {
    fixture = await startEthPool(start - HOUR, observations);
    const expiries = [expiry, far];
    const market = await TestMarket.on(fixture.anvil, expiries, { uniswap: fixture });
    folder = mkdtempSync(join(tmpdir(), "meniscus-settler-"));
    const deploymentFile = writeDeployment(market.deployment, join(folder, "deployment.json"));
    const connection = await connect({ rpcUrl: market.anvil.url, deploymentFile });
    const key = privateKeyToAccount(market.anvil.privateKey(SETTLER));
    const settler = new Settler(
      new Sender(connection, key, () => {}, { sync: true }),
      service,
      pino({ level: "silent" }),
    );
    for (const index of [LP, BUYER]) await market.fund(index, 2_000_000);
    await market.report({ time: start, spot: POOL_PRICE, volatility: 0.6 });
    await market.deposit(LP, 1_000_000);
    await market.report({ time: start + 60, spot: POOL_PRICE, volatility: 0.6 });
    await market.mark();
    const refusal = await market.refusalOf(BUYER, 0, [{ expiry, strike: POOL_PRICE, kind: "call", size: 2 }]);
    if (refusal !== undefined) throw new Error(`the market would not trade: ${refusal}`);
    return new Scene(market, settler, fixture);
  }

  async settlesAt(time: number): Promise<number> {
    await this.market.anvil.mineAt(time);
    return await this.settler.look();
  }

  /** WAD; 0 while the settlement has not begun. */
  async settledAt(): Promise<bigint> {
    return await this.read("settlementPrice");
  }

  async isFinal(): Promise<boolean> {
    return ((await this.read("expiryWord")) & 0xffn) === FINAL;
  }

  private async read(functionName: "settlementPrice" | "expiryWord"): Promise<bigint> {
    const { clearinghouse } = this.market.deployment;
    const call = { address: clearinghouse, abi: clearinghouseAbi, functionName, args: [MARKET, expiry] } as const;
    return await this.market.client.readContract(call);
  }

  async meanOf(): Promise<number> {
    const address = this.market.deployment.settlementPrice;
    const call = { address, abi: settlementPriceAbi, functionName: "meanOf", args: [MARKET, expiry] } as const;
    return Number(await this.market.client.readContract(call)) / 1e18;
  }

  async recordings(): Promise<number> {
    const address = this.market.deployment.settlementPrice;
    const event = { address, abi: settlementPriceAbi, eventName: "MeanRecorded", fromBlock: 0n } as const;
    return (await this.market.client.getContractEvents(event)).length;
  }

  /** Swaps up and down until every observation of before is overwritten. */
  async makesPoolForget(time: number, swaps: number): Promise<void> {
    const { anvil, contracts, pool } = this.uniswap;
    for (let i = 0; i < swaps; i++) {
      await anvil.mineAt(time + 60 * i);
      await swapToPrice(anvil.publicClient, anvil.wallet(ARBITRAGEUR), contracts, pool, i % 2 === 0 ? 2_000 : 1_900);
    }
  }
}

test("where the mean differs by more than 3 %, the settler waits for four hours and settles at the oracle's average", async () => {
  const scene = await Scene.open(600);
  const average = 2_900;
  await scene.market.reportSpot({ time: expiry, spot: average, averages: [{ expiry, average }] });
  expect(Math.abs((await scene.meanOf()) / average - 1)).toBeGreaterThan(0.03);
  expect(await scene.settlesAt(expiry + 60)).toBe(0);
  expect(await scene.settlesAt(expiry + 4 * HOUR - 60)).toBe(0);
  expect(await scene.settledAt()).toBe(0n);
  expect(await scene.recordings(), "the average is there").toBe(0);
  expect(await scene.settlesAt(expiry + 4 * HOUR)).toBe(1);
  expect(await scene.settledAt()).toBe(BigInt(average) * 10n ** 18n);
  expect(await scene.isFinal()).toBe(true);
});

test("where the average never comes, the settler has the mean recorded, and after three days it counts", async () => {
  const scene = await Scene.open(10);
  expect(await scene.settlesAt(expiry + 14 * 60)).toBe(0);
  expect(await scene.recordings(), "it is early").toBe(0);
  expect(await scene.settlesAt(expiry + 15 * 60)).toBe(0);
  await scene.settlesAt(expiry + 16 * 60);
  expect(await scene.recordings(), "once").toBe(1);
  await scene.makesPoolForget(expiry + HOUR, 12);
  expect(Math.abs((await scene.meanOf()) / POOL_PRICE - 1)).toBeLessThan(2.01e-4);
  expect(await scene.settlesAt(expiry + 3 * DAY - 60)).toBe(0);
  expect(await scene.settledAt()).toBe(0n);
  expect(await scene.settlesAt(expiry + 3 * DAY)).toBe(1);
  expect(Number(await scene.settledAt()) / 1e18).toBeCloseTo(await scene.meanOf(), 9);
  expect(await scene.isFinal()).toBe(true);
});
