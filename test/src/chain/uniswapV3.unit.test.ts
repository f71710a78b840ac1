import { parseAbi, parseEther, parseUnits } from "viem";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Anvil, startAnvil } from "../../../src/chain/anvil.ts";
import { Transactor } from "../../../src/chain/transactor.ts";
import {
  deployUniswapV3,
  meanTick,
  POOL_FEE_PIPS,
  priceOfSqrt,
  sqrtPriceOf,
  type UniswapV3,
} from "../../../src/chain/uniswapV3.ts";
import { quoteExactInput } from "../../../src/chain/uniswapV3Quote.ts";

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
  let uniswap: UniswapV3;
  let arbitrageur: Transactor;

  beforeAll(async () => {
    anvil = await startAnvil({ port: 0, timestamp: start });
    uniswap = await deployUniswapV3(new Transactor(anvil.client, anvil.signer(0)), { price: 2_700 });
    arbitrageur = new Transactor(anvil.client, anvil.signer(1));
  });
  afterAll(() => anvil.stop());

  it("opens at the price it was given", async () => {
    expect(await uniswap.spot()).toBeCloseTo(2_700, 6);
  });

  it.each([
    { what: "a small sale of ETH", sell: "weth", amount: parseEther("1") },
    { what: "a sale of ETH that leaves the concentrated range", sell: "weth", amount: parseEther("30000") },
    { what: "a purchase of ETH that leaves the concentrated range", sell: "usdc", amount: parseUnits("100000000", 6) },
  ] as const)("the SDK quotes $what to the unit", async ({ sell, amount }) => {
    const tokenIn = uniswap[sell];
    const tokenOut = sell === "weth" ? uniswap.usdc : uniswap.weth;
    const { result } = await anvil.client.simulateContract({
      address: uniswap.addresses.quoter,
      abi: quoterAbi,
      functionName: "quoteExactInputSingle",
      args: [{ tokenIn, tokenOut, amountIn: amount, fee: POOL_FEE_PIPS, sqrtPriceLimitX96: 0n }],
    });
    expect(result[2]).toBe(sell === "weth" && amount === parseEther("1") ? 0 : 1);
    expect(await quoteExactInput(anvil.client, uniswap.pool, tokenIn, amount)).toBe(result[0]);
  });

  it("has no quote for a token that is not in the pool", async () => {
    const stranger = uniswap.addresses.quoter;
    await expect(quoteExactInput(anvil.client, uniswap.pool, stranger, 1n)).rejects.toThrow(
      "is not a token of the pool",
    );
  });

  it("follows the market: down through the concentrated range, up again, and not at all within the fee", async () => {
    for (const target of [2_690, 1_748.12, 2_500, 3_456.78]) {
      await uniswap.swapToPrice(arbitrageur, target);
      expect(Math.abs((await uniswap.spot()) / target - 1)).toBeLessThan(1e-6);
    }
    await uniswap.swapToPrice(arbitrageur, 3_458);
    expect(await uniswap.spot()).toBeCloseTo(3_456.78, 3);
  });

  it("says so when the arbitrageur has too little", async () => {
    await expect(uniswap.swapToPrice(arbitrageur, 1e12)).rejects.toThrow(
      /moved Uniswap's price to .*, not to 1000000000000\.00/,
    );
  });

  it("remembers its price: the mean over time is geometric and within a tick", async () => {
    await uniswap.swapToPrice(arbitrageur, 2_000);
    const low = await anvil.client.getBlock();
    const half = 900;
    await anvil.mineAt(Number(low.timestamp) + half);
    await uniswap.swapToPrice(arbitrageur, 2_400);
    const high = await anvil.client.getBlock();
    const end = Number(high.timestamp) + half;
    await anvil.mineAt(end);
    const seconds = end - Number(low.timestamp);
    const atLow = Number(high.timestamp - low.timestamp);
    const mean = Math.exp((Math.log(2_000) * atLow + Math.log(2_400) * (seconds - atLow)) / seconds);
    expect(Math.abs((await uniswap.twap(seconds)) / mean - 1)).toBeLessThan(1.1e-4);
  });
});
