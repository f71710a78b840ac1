/** The protocol on a chain of its own under a drill's market: reports, orders, and a record of every act that must not fail. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeAbiParameters, type Hex } from "viem";
import { clearinghouseAbi, marketOracleAbi, riskEngineAbi, signedOrdersAbi } from "../../../../src/chain/abis.ts";
import { startAnvil } from "../../../../src/chain/anvil.ts";
import { revertNameOf } from "../../../../src/chain/decodeError.ts";
import { writeDeployment } from "../../../../src/chain/deployments.ts";
import { toAccountId, toStrikeE6, toStrikeKey } from "../../../../src/chain/optionId.ts";
import { describeError } from "../../../../src/runtime/errors.ts";
import { type Connection, connect } from "../../../../src/sdk/client.ts";
import { ConservationChecker } from "../../../../src/sdk/conservation.ts";
import { TestMarket } from "../../../../test/src/sdk/testMarket.ts";
import type { Drill } from "./description.ts";
import { AVERAGING_SECONDS, type MarketPath } from "./marketPath.ts";

const MARKET_ID = 1;
const ACCOUNTS = 60;
/** An expiry that nobody trades, so that there is a surface to mark by until the end. */
const HORIZON_SECONDS = 28 * 86_400;
/** Between a report that moves the market too far and the one that confirms it. */
const CONFIRMATION_SECONDS = 5;
const USDC = 1_000_000n;

export interface StageLeg {
  readonly option: bigint;
  readonly size: bigint;
}

/** An act that the design says is never refused, and what it was refused for. */
export interface Refusal {
  readonly time: number;
  readonly what: string;
  readonly reason: string;
}

export class Stage {
  readonly market: TestMarket;
  readonly connection: Connection;
  readonly conservation: ConservationChecker;
  readonly refusals: Refusal[] = [];
  confirmations = 0;
  reports = 0;
  acts = 0;
  private readonly drill: Drill;
  private readonly path: MarketPath;
  private readonly folder: string;
  private nonce = 0n;

  private constructor(drill: Drill, path: MarketPath, market: TestMarket, connection: Connection, folder: string) {
    this.drill = drill;
    this.path = path;
    this.market = market;
    this.connection = connection;
    this.folder = folder;
    this.conservation = new ConservationChecker(market.client, market.deployment);
  }

  static async open(drill: Drill, path: MarketPath): Promise<Stage> {
    const anvil = await startAnvil({ port: 0, timestamp: drill.openAt - 300, accounts: ACCOUNTS });
    const folder = mkdtempSync(join(tmpdir(), "meniscus-drill-"));
    try {
      const horizon = (drill.expiries.at(-1) ?? drill.openAt) + HORIZON_SECONDS;
      const market = await TestMarket.on(anvil, [...drill.expiries, horizon], {
        marketTerms: {
          strikeStepE6: drill.strikeStep * 1e6,
          stressAllowance: BigInt(drill.stressAllowance) * USDC,
        },
        pool: { backstopCap: BigInt(drill.backstopCap) * USDC },
      });
      const deploymentFile = join(folder, "deployment.json");
      writeDeployment(market.deployment, deploymentFile);
      return new Stage(drill, path, market, await connect({ rpcUrl: anvil.url, deploymentFile }), folder);
    } catch (error) {
      await anvil.stop();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.market.anvil.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  account(index: number, sub = 1): bigint {
    return toAccountId(this.market.address(index), sub);
  }

  /** Chain time of the last block. */
  async now(): Promise<number> {
    return Number((await this.market.client.getBlock()).timestamp);
  }

  /** Lets a time pass without a report; later than the last block in any case. */
  async wait(time: number): Promise<number> {
    const at = Math.max(time, (await this.now()) + 2);
    await this.market.anvil.mineAt(at);
    return at;
  }

  // ───────────────────────────── Reports ─────────────────────────────

  /** A report of the path at a time, confirmed by a second one where it moves the market too far; then the pool's mark. */
  async report(time: number): Promise<void> {
    const unsettled = await this.unsettledAt(time);
    // Whoever has an expiry whose average the last reports could not move far enough asks every node to sign.
    const overdue = unsettled.some((expiry) => time > expiry + 300);
    let at = await this.submit(time, unsettled, overdue ? 4 : 3);
    for (let i = 0; i < 3 && (await this.market.isUnconfirmed()); i++) {
      this.confirmations += 1;
      at = await this.submit(at + CONFIRMATION_SECONDS, unsettled, 3);
    }
    await this.must("mark of the pool", () => this.market.mark());
  }

  private async submit(time: number, unsettled: readonly number[], signatures: 3 | 4): Promise<number> {
    const at = Math.max(time, (await this.now()) + 2);
    const volatilities = this.volatilitiesAt(at);
    await this.market.report({
      time: at,
      spot: this.path.spot(at),
      volatility: (expiry) => volatilities.get(expiry) ?? 1,
      averages: unsettled.map((expiry) => ({ expiry, average: this.path.average(at, expiry) })),
      signatures,
    });
    this.reports += 1;
    return at;
  }

  /** Expiries whose window has begun and whose price is not fixed. */
  private async unsettledAt(time: number): Promise<readonly number[]> {
    const begun = this.drill.expiries.filter((expiry) => time > expiry - AVERAGING_SECONDS);
    const prices = await Promise.all(begun.map((expiry) => this.settlementPrice(expiry)));
    return begun.filter((_, i) => prices[i] === 0n);
  }

  /** Volatilities of all listed expiries, each raised to where total variance does not fall: no calendar arbitrage. */
  private volatilitiesAt(time: number): ReadonlyMap<number, number> {
    const result = new Map<number, number>();
    let least = 0;
    for (const expiry of this.market.expiries.filter((candidate) => candidate > time)) {
      const tenor = expiry - time;
      const effective = tenor >= AVERAGING_SECONDS ? tenor - 1_200 : tenor ** 3 / (3 * AVERAGING_SECONDS ** 2);
      const variance = Math.max(this.path.volatility(time, expiry) ** 2 * effective, least * (1 + 1e-6));
      result.set(expiry, Math.sqrt(variance / effective));
      least = variance;
    }
    return result;
  }

  async settlementPrice(expiry: number): Promise<bigint> {
    const { marketOracle } = this.market.deployment;
    const call = { address: marketOracle, abi: marketOracleAbi, functionName: "settlementPrice" } as const;
    return await this.market.client.readContract({ ...call, args: [MARKET_ID, expiry] });
  }

  // ───────────────────────────── Acts ─────────────────────────────

  /** Does what must never be refused, and records where it is. */
  async must<T>(what: string, act: () => Promise<T>): Promise<T | undefined> {
    this.acts += 1;
    try {
      return await act();
    } catch (error) {
      this.refusals.push({ time: await this.now(), what, reason: revertNameOf(error) ?? describeError(error) });
      return undefined;
    }
  }

  private get ledger() {
    return { address: this.market.deployment.clearinghouse, abi: clearinghouseAbi } as const;
  }

  async cash(account: bigint): Promise<bigint> {
    return await this.market.client.readContract({ ...this.ledger, functionName: "cash", args: [account] });
  }

  async debt(account: bigint): Promise<bigint> {
    return await this.market.client.readContract({ ...this.ledger, functionName: "debt", args: [account] });
  }

  async strikes(account: bigint): Promise<readonly bigint[]> {
    return await this.market.client.readContract({ ...this.ledger, functionName: "strikes", args: [account] });
  }

  async position(account: bigint, option: bigint): Promise<bigint> {
    return await this.market.client.readContract({ ...this.ledger, functionName: "position", args: [account, option] });
  }

  async base(account: bigint): Promise<bigint> {
    return await this.market.client.readContract({ ...this.ledger, functionName: "base", args: [account, MARKET_ID] });
  }

  /** What is left to pay of an expiry. */
  async pot(expiry: number): Promise<bigint> {
    return await this.market.client.readContract({ ...this.ledger, functionName: "pot", args: [MARKET_ID, expiry] });
  }

  async isFinal(expiry: number): Promise<boolean> {
    const args = [MARKET_ID, expiry] as const;
    const word = await this.market.client.readContract({ ...this.ledger, functionName: "expiryWord", args });
    return (word & 0xffn) === 2n;
  }

  /** Cash plus the worst value over the initial grid. */
  async worstInitial(account: bigint): Promise<bigint> {
    const [worst] = await this.market.client.readContract({
      ...this.ledger,
      functionName: "health",
      args: [account, 0],
    });
    return worst;
  }

  /** Present value of legs on the surface, quote units. */
  async valueOf(legs: readonly StageLeg[]): Promise<bigint> {
    const words = legs.map(({ option, size }) => {
      const sized = BigInt.asUintN(80, size);
      return ((option >> 8n) << 160n) | ((option & 1n) === 1n ? sized : sized << 80n);
    });
    const call = { address: this.market.deployment.riskEngine, abi: riskEngineAbi, functionName: "values" } as const;
    const [, mid] = await this.market.client.readContract({ ...call, args: [MARKET_ID, words, 0n, 0] });
    return mid;
  }

  optionOf(expiry: number, strike: number, kind: "call" | "put"): bigint {
    return (toStrikeKey(MARKET_ID, expiry, toStrikeE6(strike)) << 8n) | (kind === "put" ? 1n : 0n);
  }

  /** Swaps with the pool at any price. */
  async swapWithPool(index: number, sub: number, legs: readonly StageLeg[]): Promise<void> {
    await this.trade(index, sub, this.market.pool.optionPool, legs, 10n ** 30n, "0x");
  }

  /** A margin account signs an order at the present value of the legs, and somebody fills it: `legs` are what he receives. */
  async swapByOrder(writer: number, taker: number, sub: number, legs: readonly StageLeg[]): Promise<void> {
    const cash = await this.valueOf(legs);
    const order = {
      account: this.account(writer),
      taker: this.account(taker, sub),
      legs,
      cash,
      nonce: this.nonce++,
      deadline: 2_000_000_000,
    };
    const { chainId, signedOrders } = this.market.deployment;
    const signature = await this.market.anvil.wallet(writer).account.signTypedData({
      domain: { name: "Meniscus Signed Orders", version: "1", chainId, verifyingContract: signedOrders },
      types: orderTypes,
      primaryType: "Order",
      message: order,
    });
    await this.trade(taker, sub, signedOrders, legs, cash, encodeAbiParameters(orderParameters, [order, signature]));
  }

  async allowOrders(writer: number): Promise<void> {
    await this.market.ledger(writer, "setAccountOperator", [
      this.account(writer),
      this.market.deployment.signedOrders,
      true,
    ]);
  }

  private async trade(
    index: number,
    sub: number,
    maker: Hex,
    legs: readonly StageLeg[],
    limitCash: bigint,
    makerData: Hex,
  ): Promise<void> {
    const account = this.account(index, sub);
    const swap = { account, maker, legs, limitCash, deadline: 2_000_000_000, report: "0x", makerData } as const;
    await this.market.ledger(index, "trade", [swap]);
  }
}

const orderTypes = {
  Order: [
    { name: "account", type: "uint256" },
    { name: "taker", type: "uint256" },
    { name: "legs", type: "Leg[]" },
    { name: "cash", type: "int256" },
    { name: "nonce", type: "uint256" },
    { name: "deadline", type: "uint40" },
  ],
  Leg: [
    { name: "option", type: "uint256" },
    { name: "size", type: "int128" },
  ],
} as const;

/** An order and its signature as the maker decodes them. */
const orderParameters = [
  signedOrdersAbi.find((item) => item.type === "function" && item.name === "digestOf")!.inputs[0],
  { name: "signature", type: "bytes" },
] as const;
