import { afterAll, beforeAll, describe, expect, test } from "vitest";
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
