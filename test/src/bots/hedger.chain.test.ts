import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseEventLogs, zeroAddress } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hedgeBand } from "../../../pricing/hedgeBand.ts";
import { Decimal } from "../../../pricing/reference/decimal.ts";
import { service } from "../../../src/bots/bounty.ts";
import { Hedger } from "../../../src/bots/hedger.ts";
import { clearinghouseAbi, optionPoolAbi, spotHedgerAbi } from "../../../src/chain/abis.ts";
import { revertNameOf } from "../../../src/chain/decodeError.ts";
import { writeDeployment } from "../../../src/chain/deployments.ts";
import { toAccountId, toOptionId } from "../../../src/chain/optionId.ts";
import { defaultHedgerParameters, wad } from "../../../src/chain/parameters.ts";
import { poolPrice, swapToPrice } from "../../../src/chain/uniswapV3.ts";
import { createLogger } from "../../../src/runtime/logger.ts";
import { connect, Sender } from "../../../src/sdk/client.ts";
import { readStatement } from "../../../src/sdk/statement.ts";
import { type EthPoolFixture, startEthPool } from "../chain/ethPoolFixture.ts";
import { TestMarket } from "../sdk/testMarket.ts";

const START = Date.UTC(2026, 0, 31, 9) / 1000;
const WEEK = Date.UTC(2026, 1, 7, 8) / 1000;
const MONTH = Date.UTC(2026, 2, 6, 8) / 1000;
const SPOT = 2_700;
const MARKET_ID = 1;
const [arbitrageur, lp, trader, keeper] = [1, 3, 4, 5];

let fixture: EthPoolFixture;
let market: TestMarket;
let folder: string;
let bot: Hedger;
let now = START;

beforeAll(async () => {
  fixture = await startEthPool(START - 7_200);
  const { anvil, contracts, pool } = fixture;
  market = await TestMarket.on(anvil, [WEEK, MONTH], {
    uniswap: { contracts, pool },
    // A tenth of NAV at once.
    pool: { hedgerParameters: { blockShare: wad(0.1), hourShare: wad(0.1) } },
  });
  await market.fund(lp, 1_000_000);
  await market.fund(trader, 1_000_000);
  await market.deposit(lp, 1_000_000);
  await market.report({ time: START, spot: SPOT, volatility: 0.6 });
  await market.mark();
  await market.claim(lp);
  folder = mkdtempSync(join(tmpdir(), "meniscus-hedger-"));
  const deploymentFile = writeDeployment(market.deployment, join(folder, "deployment.json"));
  const connection = await connect({ rpcUrl: anvil.url, deploymentFile });
  const sender = new Sender(connection, privateKeyToAccount(anvil.privateKey(keeper)), undefined, { sync: true });
  bot = new Hedger(sender, service, createLogger("hedger", "silent"));
}, 120_000);
afterAll(async () => {
  await fixture?.anvil.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Time passes, the oracle reports, the book is marked. */
async function next(seconds: number, spot = SPOT): Promise<void> {
  now += seconds;
  await market.report({ time: now, spot, volatility: 0.6 });
  await market.mark();
}

const hedgerCall = () => ({ address: market.pool.spotHedger, abi: spotHedgerAbi }) as const;
const plan = () => market.client.readContract({ ...hedgerCall(), functionName: "plan" });

/** Hedges, and returns what was announced. */
async function hedge() {
  const { address, abi } = hedgerCall();
  const { logs } = await market.transactor(keeper).write(address, abi, "hedge", []);
  const [made] = parseEventLogs({ abi, eventName: "HedgeMade", logs: [...logs] });
  if (!made) throw new Error("no hedge was announced");
  return made.args;
}

/** Why the hedger does nothing now. */
async function refusal(): Promise<string | undefined> {
  try {
    await hedge();
    return undefined;
  } catch (error) {
    return revertNameOf(error) ?? String(error);
  }
}

async function holdings() {
  const account = toAccountId(market.pool.optionPool, 1);
  const ledger = { address: market.deployment.clearinghouse, abi: clearinghouseAbi } as const;
  const read = { address: market.pool.optionPool, abi: optionPoolAbi } as const;
  const [cash, base, [netShort], mark] = await Promise.all([
    market.client.readContract({ ...ledger, functionName: "cash", args: [account] }),
    market.client.readContract({ ...ledger, functionName: "base", args: [account, MARKET_ID] }),
    market.client.readContract({ ...read, functionName: "inventory" }),
    market.client.readContract({ ...read, functionName: "lastMark" }),
  ]);
  return { cash, base, delta: netShort[3], nav: mark.nav };
}

const push = (price: number) =>
  swapToPrice(market.client, fixture.anvil.wallet(arbitrageur), fixture.contracts, fixture.pool, price);
const buy = (size: number, expiry = MONTH) => market.swap(trader, 0, [{ expiry, strike: 2_700, kind: "call", size }]);

describe("the pool's delta on the real Uniswap v3", () => {
  test("a short delta is bought up to the band's edge, at a price inside the bound, for a bounty", async () => {
    await buy(40);
    await next(60);
    const before = await holdings();
    const { band, bounty: promised } = await plan();
    const made = await hedge();
    const after = await holdings();
    expect(after.delta).toBe(band);
    expect(after.base).toBe((before.delta - band) * 10n ** 12n);
    expect(made.baseAmount).toBe(after.base);
    expect(before.cash - after.cash).toBe(-made.quoteAmount + made.bounty);
    const price = Number(made.priceWad) / 1e18;
    expect(price).toBeGreaterThan(SPOT * 1.0005); // Uniswap's fee, and what the purchase moved
    expect(price).toBeLessThan(SPOT * 1.001);
    expect(made.bounty).toBe(promised);
    expect(made.bounty).toBeGreaterThan(0n);
    const wallet = toAccountId(market.address(keeper), 0);
    const ledger = { address: market.deployment.clearinghouse, abi: clearinghouseAbi } as const;
    expect(await market.client.readContract({ ...ledger, functionName: "cash", args: [wallet] })).toBe(made.bounty);
  });

  test("the band is that of decimal arithmetic on the book's gamma", async () => {
    const read = { address: market.pool.optionPool, abi: optionPoolAbi } as const;
    const { netShortGammaWad, navE6 } = await market.client.readContract({ ...read, functionName: "hedgeBook" });
    // 40 calls at the money: Γ = φ(d1)/(F·v) each.
    expect(Number(netShortGammaWad) / 1e18 / 40).toBeCloseTo(0.3989 / (SPOT * 0.6 * Math.sqrt(34 / 365)), 4);
    const { aversion, maxCost } = defaultHedgerParameters(6);
    const spotWad = BigInt(SPOT) * 10n ** 18n;
    const [lambda, spot, gamma] = [maxCost, spotWad, netShortGammaWad].map((x) => new Decimal(x.toString()).div(1e18));
    if (!lambda || !spot || !gamma) throw new Error("three numbers");
    const nav = new Decimal(navE6.toString()).div(1e6);
    const exact = lambda.mul(1.5).mul(spot).mul(gamma.pow(2)).mul(nav).div(aversion.toString()).mul(1e18).cbrt();
    expect((await holdings()).delta).toBe(BigInt(exact.mul(1e6).floor().toFixed(0)));
    const inFloat = { cost: 0.001, spot: SPOT, gamma: gamma.toNumber(), nav: nav.toNumber(), aversion: 30 };
    expect(hedgeBand(inFloat)).toBeCloseTo(exact.toNumber(), 9);
  });

  test("a second call finds nothing to do", async () => {
    expect(await refusal()).toBe("SpotHedger_WithinBand");
    await next(60);
    expect(await bot.look()).toEqual([]);
  });

  test("NAV changes by what the hedge cost and by nothing else", async () => {
    await next(3_600);
    await push(SPOT);
    await buy(15);
    const { testClient } = fixture.anvil;
    const snapshot = await testClient.snapshot();
    await next(60);
    const unhedged = (await holdings()).nav;
    await testClient.revert({ id: snapshot });
    now -= 60;
    const made = await hedge();
    await next(60);
    const cost = -made.quoteAmount + made.bounty - (made.baseAmount * BigInt(SPOT)) / 10n ** 12n;
    expect(cost).toBeGreaterThan(0n);
    expect(Math.abs(Number(unhedged - cost - (await holdings()).nav))).toBeLessThanOrEqual(2);
  });

  test("a hedge that is no longer needed is sold", async () => {
    await next(3_600);
    await push(SPOT);
    await buy(-40);
    await next(60);
    const before = await holdings();
    expect(before.delta).toBeLessThan(0n);
    const [act] = await bot.look();
    const after = await holdings();
    expect(act?.deltaBefore).toBeCloseTo(Number(before.delta) / 1e6, 6);
    expect(act?.deltaAfter).toBeCloseTo(Number(after.delta) / 1e6, 6);
    expect(after.base).toBeLessThan(before.base);
    expect(after.delta).toBeLessThan(0n);
    expect(after.delta).toBeGreaterThan(before.delta);
    expect(await poolPrice(market.client, fixture.pool)).toBeLessThan(SPOT);
  });

  test("the price bound refuses, and a thin price fills a part", async () => {
    await next(3_600);
    await push(SPOT);
    await buy(60);
    await next(60);
    await push(SPOT * 1.0006);
    expect(await refusal()).toBe("SpotHedger_PriceTooFar");
    await push(SPOT * 1.0004);
    const before = await holdings();
    const { amount } = await plan();
    const made = await hedge();
    expect(made.baseAmount).toBeLessThan(amount);
    expect(made.baseAmount).toBe((await holdings()).base - before.base);
    expect(Number(made.priceWad) / 1e18).toBeLessThan(SPOT * 1.001);
    expect(await refusal()).toBe("SpotHedger_PriceTooFar");
  });

  test("an hour trades a tenth of NAV and no more", async () => {
    let why: string | undefined;
    for (let i = 0; i < 6; i++) {
      await push(SPOT);
      await buy(25);
      why = await refusal();
      if (why) break;
    }
    expect(why).toBe("SpotHedger_CapReached");
    const left = () => market.client.readContract({ ...hedgerCall(), functionName: "notionalLeft" });
    expect(await left()).toBeLessThan(defaultHedgerParameters(6).minNotional);
    await next(1_200);
    expect(Number(await left()) / Number((await holdings()).nav)).toBeCloseTo(0.1 / 3, 2);
    await push(SPOT);
    await hedge();
  });

  test("while Uniswap's mean disagrees with the oracle nothing is done", async () => {
    await next(3_600);
    await push(SPOT * 1.02);
    now += 120;
    await fixture.anvil.mineAt(now);
    await push(SPOT);
    await next(1);
    expect(await refusal()).toBe("SpotHedger_MeanTooFar");
    await next(120);
    await hedge();
  });

  test("only the hedger exchanges the pool's property", async () => {
    const thief = market.transactor(trader);
    const trade = {
      buysBase: true,
      received: 0n,
      paid: 1_000_000n,
      payee: thief.address,
      keeper: toAccountId(thief.address, 0),
      bounty: 0n,
    };
    const theft = thief.write(market.pool.optionPool, optionPoolAbi, "settleHedge", [trade]);
    await expect(theft.catch((error) => Promise.reject(new Error(revertNameOf(error))))).rejects.toThrow(
      "OptionPool_NotHedger",
    );
    const setting = thief.write(market.pool.optionPool, optionPoolAbi, "setHedger", [zeroAddress]);
    await expect(setting.catch((error) => Promise.reject(new Error(revertNameOf(error))))).rejects.toThrow(
      "AccessManagedUnauthorized",
    );
  });

  test("after an expiry settles, its hedge is sold", async () => {
    // Everything but the weekly expiry is given back.
    const option = toOptionId({ marketId: MARKET_ID, expiry: MONTH, strike: 2_700, kind: "call" });
    const held = await market.client.readContract({
      address: market.deployment.clearinghouse,
      abi: clearinghouseAbi,
      functionName: "position",
      args: [toAccountId(market.address(trader), 0), option],
    });
    await next(3_600);
    await buy(-Number(held) / 1e6);
    await buy(30, WEEK);
    for (let i = 0; i < 6; i++) {
      await next(3_600);
      await push(SPOT);
      await bot.look();
    }
    const hedged = await holdings();
    expect(hedged.base).toBeGreaterThan(5n * 10n ** 18n);
    now = WEEK - 3_600;
    await next(0);
    now = WEEK - 60;
    await market.report({ time: now, spot: SPOT, volatility: 0.6, averages: [{ expiry: WEEK, average: SPOT }] });
    await market.mark();
    now = WEEK + 60;
    await market.report({ time: now, spot: SPOT, volatility: 0.6, averages: [{ expiry: WEEK, average: SPOT }] });
    expect(await refusal()).toBe("SpotHedger_NotMarked");
    await market.settle(WEEK, [[trader, 0]]);
    await market.mark();
    await push(SPOT);
    await bot.look();
    expect((await holdings()).base).toBe(0n);
    expect((await holdings()).delta).toBe(0n);
  });

  test("the LP's statement knows what hedging brought and cost, and nothing is left unexplained", async () => {
    const statement = await readStatement(market.client, market.deployment, {});
    expect(statement.pool.mismatches).toBe(0);
    expect(statement.pool.marks).toBeGreaterThan(20);
    for (const { residual, parts } of statement.lps) {
      expect(Math.abs(residual)).toBeLessThan(1e-6);
      expect(parts.hedging).toBeLessThan(-10); // spot has not moved: fees, slippage and bounties
      expect(parts.gifts).toBe(0);
    }
  });
});
