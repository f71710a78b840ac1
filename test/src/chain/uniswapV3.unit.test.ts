import { parseAbi, parseEther, parseUnits } from "viem";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Anvil } from "../../../src/chain/anvil.ts";
import {
  type EthPool,
  meanTick,
  poolPrice,
  poolTwap,
  priceOfSqrt,
  quoteExactInput,
  sqrtPriceOf,
  swapToPrice,
  type UniswapV3Contracts,
  wrapEther,
} from "../../../src/chain/uniswapV3.ts";
import { startEthPool } from "./ethPoolFixture.ts";

const quoterAbi = parseAbi([
  "function quoteExactInputSingle((address tokenIn, address tokenOut, uint256 amountIn, uint24 fee, uint160 sqrtPriceLimitX96) params) returns (uint256 amountOut, uint160 sqrtPriceX96After, uint32 ticksCrossed, uint256 gasEstimate)",
]);
const start = Date.UTC(2026, 0, 31) / 1000;

describe("prices and square roots", () => {
  it.each([
    { price: 2_707.37, baseIsToken0: true, quoteDecimals: 6 },
    { price: 2_707.37, baseIsToken0: false, quoteDecimals: 6 },
    { price: 1, baseIsToken0: true, quoteDecimals: 18 },
  ])("are inverse to each other: $price, ETH first $baseIsToken0, $quoteDecimals decimals", ({ price, ...shape }) => {
    expect(priceOfSqrt(sqrtPriceOf(price, shape), shape)).toBeCloseTo(price, 9);
  });

  it("give Uniswap's own number: one token for one is 2^96", () => {
    expect(sqrtPriceOf(1, { baseIsToken0: true, quoteDecimals: 18 })).toBe(2n ** 96n);
  });

  it("a mean tick rounds toward minus infinity", () => {
    expect([meanTick(-301n, 300n), meanTick(-300n, 300n), meanTick(301n, 300n), meanTick(-1n, 300n)]).toEqual([
      -2, -1, 1, -1,
    ]);
  });
});

describe("the real Uniswap v3 on a local chain", () => {
  let anvil: Anvil;
  let contracts: UniswapV3Contracts;
  let pool: EthPool;
  const reader = () => anvil.publicClient;
  const arbitrageur = () => anvil.wallet(1);

  beforeAll(async () => {
    ({ anvil, contracts, pool } = await startEthPool(start));
  });
  afterAll(() => anvil.stop());

  it("opens at the price it was given", async () => {
    expect(await poolPrice(reader(), pool)).toBeCloseTo(2_700, 6);
  });

  it.each([
    { what: "a small sale of ETH", sell: "base", amount: parseEther("1") },
    { what: "a sale of ETH that leaves the concentrated range", sell: "base", amount: parseEther("30000") },
    { what: "a purchase of ETH that leaves the concentrated range", sell: "quote", amount: parseUnits("100000000", 6) },
  ] as const)("the SDK quotes $what to the unit", async ({ sell, amount }) => {
    const [tokenIn, tokenOut] = sell === "base" ? [pool.baseToken, pool.quoteToken] : [pool.quoteToken, pool.baseToken];
    const { result } = await reader().simulateContract({
      address: contracts.quoter,
      abi: quoterAbi,
      functionName: "quoteExactInputSingle",
      args: [{ tokenIn, tokenOut, amountIn: amount, fee: pool.feePips, sqrtPriceLimitX96: 0n }],
    });
    expect(await quoteExactInput(reader(), pool, tokenIn, amount)).toBe(result[0]);
  });

  it("follows the market: down through the concentrated range, up again, and not at all for a hair", async () => {
    for (const target of [2_690, 1_748.12, 2_500, 3_456.78]) {
      const { moved, price } = await swapToPrice(reader(), arbitrageur(), contracts, pool, target);
      expect(moved).toBe(true);
      expect(Math.abs(price / target - 1)).toBeLessThan(1e-6);
    }
    const { moved } = await swapToPrice(reader(), arbitrageur(), contracts, pool, 3_456.9);
    expect(moved).toBe(false);
  });

  it("has gas for the observation that a later second adds", async () => {
    await swapToPrice(reader(), arbitrageur(), contracts, pool, 3_400);
    const { timestamp } = await reader().getBlock();
    // Asked in the second of the last swap, mined half a minute later.
    await anvil.testClient.setAutomine(false);
    const swap = swapToPrice(reader(), arbitrageur(), contracts, pool, 3_390);
    for (let look = 0; look < 200 && (await anvil.testClient.getTxpoolStatus()).pending === 0; look++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await anvil.mineAt(Number(timestamp) + 30);
    await anvil.testClient.setAutomine(true);
    expect((await swap).moved).toBe(true);
  });

  it("says so when the arbitrageur has too little", async () => {
    const poor = anvil.wallet(2);
    await wrapEther(poor, pool.baseToken, parseEther("1"));
    await expect(swapToPrice(reader(), poor, contracts, pool, 2_000)).rejects.toThrow(
      /moved the pool to .*, not 2000\.00/,
    );
  });

  it("remembers its price: the mean over time is geometric and within a tick", async () => {
    await swapToPrice(reader(), arbitrageur(), contracts, pool, 2_000);
    const low = await reader().getBlock();
    const half = 900;
    await anvil.mineAt(Number(low.timestamp) + half);
    await swapToPrice(reader(), arbitrageur(), contracts, pool, 2_400);
    const high = await reader().getBlock();
    const end = Number(high.timestamp) + half;
    await anvil.mineAt(end);
    const seconds = end - Number(low.timestamp);
    const atLow = Number(high.timestamp - low.timestamp);
    const mean = Math.exp((Math.log(2_000) * atLow + Math.log(2_400) * (seconds - atLow)) / seconds);
    expect(Math.abs((await poolTwap(reader(), pool, seconds)) / mean - 1)).toBeLessThan(1.1e-4);
  });
});
