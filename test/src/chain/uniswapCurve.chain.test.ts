import { parseEther } from "viem";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readCurve } from "../../../src/chain/uniswapCurve.ts";
import { poolPrice, quoteExactInput, swapToPrice } from "../../../src/chain/uniswapV3.ts";
import { type EthPoolFixture, startEthPool } from "./ethPoolFixture.ts";

let fixture: EthPoolFixture;
beforeAll(async () => {
  fixture = await startEthPool(Date.UTC(2026, 0, 31) / 1000);
});
afterAll(() => fixture.anvil.stop());

describe("a Uniswap v3 pool off the chain", () => {
  test.each(["1", "50", "2500"])("sells %s ETH for what Uniswap's own code says", async (ether) => {
    const { anvil, pool } = fixture;
    const curve = await readCurve(anvil.publicClient, pool);
    const sold = curve.trade(-parseEther(ether));
    expect(sold?.base).toBe(-parseEther(ether));
    expect(sold?.quote).toBe(await quoteExactInput(anvil.publicClient, pool, pool.baseToken, parseEther(ether)));
  });

  test("buying costs more than selling brings, and across the end of a range more steeply", async () => {
    const curve = await readCurve(fixture.anvil.publicClient, fixture.pool);
    const costOf = (ether: string) => -Number(curve.trade(parseEther(ether))!.quote) / 1e6 / Number(ether);
    expect(costOf("0.01")).toBeGreaterThan(curve.price);
    // The inner range ends at 3,300: beyond it half the liquidity is left.
    expect(costOf("1500") - costOf("1000")).toBeLessThan(costOf("2800") - costOf("2300"));
  });

  test("trading to a price is what the chain does, to the unit", async () => {
    const { anvil, contracts, pool } = fixture;
    const before = await readCurve(anvil.publicClient, pool);
    const target = 2_790;
    const planned = before.tradeTo(target / (1 - before.fee));
    await swapToPrice(anvil.publicClient, anvil.wallet(1), contracts, pool, target);
    const after = await readCurve(anvil.publicClient, pool);
    expect(planned.sqrtPriceX96).toBe(after.state.sqrtPriceX96);
    expect(await poolPrice(anvil.publicClient, pool)).toBeCloseTo(target, 6);
    // And back: what was bought brings less than it cost, by the fee both ways.
    const back = after.trade(-planned.base)!;
    expect(-Number(back.quote) / Number(planned.quote)).toBeCloseTo((1 - before.fee) ** 2, 4);
    expect(after.tradeTo(after.price)).toMatchObject({ base: 0n, quote: 0n });
  });
});
