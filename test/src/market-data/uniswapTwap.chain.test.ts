import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  authorityAbi,
  authorityBytecode,
  marketOracleAbi,
  marketOracleBytecode,
  settlementPriceAbi,
  settlementPriceBytecode,
} from "../../../src/chain/abis.ts";
import { Transactor } from "../../../src/chain/transactor.ts";
import { swapToPrice } from "../../../src/chain/uniswapV3.ts";
import { UniswapTwap } from "../../../src/market-data/uniswapTwap.ts";
import { type EthPoolFixture, startEthPool } from "../chain/ethPoolFixture.ts";

const start = Date.UTC(2026, 0, 31) / 1000;
/** Uniswap keeps whole ticks, each a price 1.0001 times the one below: one is lost in the pool, one in the mean. */
const TWO_TICKS = 2.01e-4;

/** From when on the pool had which price. */
interface Step {
  readonly time: number;
  readonly price: number;
}

let fixture: EthPoolFixture;
const steps: Step[] = [];

beforeAll(async () => {
  fixture = await startEthPool(start);
  const { timestamp } = await fixture.anvil.publicClient.getBlock();
  steps.push({ time: Number(timestamp), price: 2_700 });
});
afterAll(() => fixture?.anvil.stop());

/** Lets seconds pass, then moves the pool's price. */
async function swapAfter(seconds: number, price: number): Promise<void> {
  const { anvil, contracts, pool } = fixture;
  await anvil.mineAt((await now()) + seconds);
  await swapToPrice(anvil.publicClient, anvil.wallet(1), contracts, pool, price);
  steps.push({ time: await now(), price });
}

async function now(): Promise<number> {
  return Number((await fixture.anvil.publicClient.getBlock()).timestamp);
}

const venue = (seconds: number) => new UniswapTwap(fixture.anvil.publicClient, fixture.pool, seconds);

/** exp of the mean of ln(price) over [end − seconds, end], from what was done to the pool and nothing that it says. */
function meanOf(seconds: number, end: number): number {
  const from = end - seconds;
  const parts = steps.map(({ time, price }, i) => {
    const until = steps[i + 1]?.time ?? end;
    return Math.max(0, until - Math.max(time, from)) * Math.log(price);
  });
  return Math.exp(parts.reduce((sum, part) => sum + part, 0) / seconds);
}

describe("a Uniswap v3 pool as a place to look for spot", () => {
  test("it says the geometric mean over its time, of the middle of that time, after swaps up and down", async () => {
    await swapAfter(400, 2_950);
    await swapAfter(250, 2_300);
    await swapAfter(35, 3_450);
    await fixture.anvil.mineAt((await now()) + 90);
    const end = await now();
    for (const seconds of [30, 100, 200, 600]) {
      const { time, price } = await venue(seconds).spot();
      expect(time, `${seconds} s`).toBe(end - seconds / 2);
      expect(Math.abs(price / meanOf(seconds, end) - 1), `${seconds} s`).toBeLessThan(TWO_TICKS);
    }
    // They are not the same number: each covers another part of the path.
    expect(meanOf(600, end) / meanOf(30, end)).toBeLessThan(0.85);
  });

  test("a price that lasts a moment weighs a moment", async () => {
    await swapAfter(60, 2_250);
    await swapAfter(1, 3_450);
    const end = await now();
    expect(Math.abs((await venue(300).spot()).price / meanOf(300, end) - 1)).toBeLessThan(TWO_TICKS);
  });

  test("where the pool is younger than the time, it says so, and that trying again can help", async () => {
    await expect(venue(86_400).spot()).rejects.toMatchObject({
      message: expect.stringMatching(/^uniswap 0x.* gives no mean of 86400 s\.$/),
      retryable: true,
    });
  });
});

describe("the pool beside a settlement price", () => {
  const MARKET = 1;

  test("the contract reads the mean of the 30 minutes before an expiry, also later, and keeps what is recorded", async () => {
    const { anvil, pool } = fixture;
    const deployer = new Transactor(anvil.publicClient, anvil.wallet(0));
    const authority = await deployer.deploy(authorityAbi, authorityBytecode, [deployer.address]);
    const oracle = await deployer.deploy(marketOracleAbi, marketOracleBytecode, [[deployer.address], authority]);
    const constructed = [oracle, pool.quoteToken, authority] as const;
    const address = await deployer.deploy(settlementPriceAbi, settlementPriceBytecode, constructed);
    await deployer.write(address, settlementPriceAbi, "setReference", [MARKET, pool.address, pool.baseToken]);
    const read = (functionName: "meanOf" | "priceOf", expiry: number) =>
      anvil.publicClient.readContract({ address, abi: settlementPriceAbi, functionName, args: [MARKET, expiry] });

    await swapAfter(1_000, 2_400);
    await swapAfter(900, 3_200);
    const expiry = (await now()) + 60;
    expect(await read("meanOf", expiry)).toBe(0n);
    await anvil.mineAt(expiry);
    const expected = meanOf(1_800, expiry);
    expect(Math.abs(Number(await read("meanOf", expiry)) / 1e18 / expected - 1)).toBeLessThan(TWO_TICKS);
    await swapAfter(600, 2_600);
    const mean = await read("meanOf", expiry);
    expect(Math.abs(Number(mean) / 1e18 / expected - 1)).toBeLessThan(TWO_TICKS);
    await deployer.write(address, settlementPriceAbi, "recordMean", [MARKET, expiry]);

    expect(await read("priceOf", expiry), "the oracle may still speak").toBe(0n);
    await anvil.mineAt(expiry + 3 * 86_400);
    expect(await read("priceOf", expiry)).toBe(mean);
  });
});
