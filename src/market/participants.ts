import { type Address, erc20Abi, maxInt256, maxUint256, parseEventLogs } from "viem";
import { clearinghouseAbi, optionPoolAbi, poolLensAbi, poolSharesAbi } from "../chain/abis.ts";
import { revertNameOf } from "../chain/decodeError.ts";
import type { Deployment } from "../chain/deployments.ts";
import { fromOptionId, fromSize, holdingsOf, optionName, toAccountId, toOptionId, toSize } from "../chain/optionId.ts";
import type { Transactor } from "../chain/transactor.ts";
import { describeError } from "../runtime/errors.ts";
import type { Order, Position } from "./flow.ts";

/** One swap as the live view and the count of trades know it. */
export interface TradeRecord {
  readonly trader: string;
  readonly order: string;
  /** Quote tokens; positive paid by the trader. */
  readonly cash: number;
}

/** What became of an order: done, or refused with the name of the contract's error. */
export type Outcome = { readonly trade: TradeRecord } | { readonly refused: string };

/** What an order is refused with where its trader finds the price too high. */
export const TOO_DEAR = "too dear";

/** The name of the custom error behind a failed call, or a line about what else went wrong. */
function refusalOf(error: unknown): string {
  return revertNameOf(error) ?? describeError(error);
}

/** Lets `spender` take the quote token from the transactor's account. */
export async function approve(transactor: Transactor, token: Address, spender: Address): Promise<void> {
  await transactor.write(token, erc20Abi, "approve", [spender, maxUint256]);
}

/** Somebody who swaps options: from a wallet (sub 0) or from a margin account. */
export class Trader {
  readonly name: string;
  readonly account: bigint;
  readonly canWrite: boolean;
  private readonly deployment: Deployment;
  private readonly transactor: Transactor;
  private readonly marketId: number;
  private readonly walletOptions = new Set<bigint>();

  constructor(name: string, deployment: Deployment, transactor: Transactor, canWrite: boolean) {
    const pool = deployment.pools[0];
    if (!pool) throw new Error("the deployment has no pool");
    this.name = name;
    this.deployment = deployment;
    this.transactor = transactor;
    this.canWrite = canWrite;
    this.account = toAccountId(transactor.address, canWrite ? 1 : 0);
    this.marketId = pool.marketId;
  }

  /** Approves the ledger and, on margin, pays the collateral in. */
  async open(collateral: bigint): Promise<void> {
    const { clearinghouse, quoteToken } = this.deployment;
    await approve(this.transactor, quoteToken, clearinghouse);
    if (this.canWrite) {
      await this.transactor.write(clearinghouse, clearinghouseAbi, "depositCash", [this.account, collateral]);
    }
  }

  /** Brings more collateral to a margin account. */
  async topUp(amount: bigint): Promise<void> {
    if (!this.canWrite) return;
    await this.transactor.write(this.deployment.clearinghouse, clearinghouseAbi, "depositCash", [this.account, amount]);
  }

  async positions(): Promise<readonly Position[]> {
    const { client } = this.transactor;
    const contract = { address: this.deployment.clearinghouse, abi: clearinghouseAbi } as const;
    if (this.canWrite) {
      const words = await client.readContract({ ...contract, functionName: "strikes", args: [this.account] });
      return words.flatMap(holdingsOf).map(({ option, size }) => ({ ...fromOptionId(option), size: fromSize(size) }));
    }
    const held = await Promise.all(
      [...this.walletOptions].map(async (id) => {
        const size = await client.readContract({ ...contract, functionName: "position", args: [this.account, id] });
        if (size === 0n) this.walletOptions.delete(id);
        return { ...fromOptionId(id), size: fromSize(size) };
      }),
    );
    return held.filter(({ size }) => size !== 0);
  }

  /**
   * Asks for a price and takes it, with half a per cent of room. Refusals of the market are an outcome, and so is a price above `most`
   * quote tokens, which is too dear for the trader.
   *
   * @param maker Whom he trades with; by default the pool whose price is best.
   */
  async swap(order: Order, most = Infinity, maker?: Address): Promise<Outcome> {
    const { client } = this.transactor;
    const legs = order.map(({ expiry, strike, kind, size }) => ({
      option: toOptionId({ marketId: this.marketId, expiry, strike, kind }),
      size: toSize(size),
    }));
    const pool = maker ?? (await this.bestPool(legs));
    const request = (limitCash: bigint, deadline: number) =>
      ({
        account: this.account,
        maker: pool,
        legs,
        limitCash,
        deadline,
        report: "0x",
        makerData: "0x",
      }) as const;
    try {
      const block = await client.getBlock();
      const deadline = Number(block.timestamp) + 300;
      const { result: quoted } = await client.simulateContract({
        address: this.deployment.clearinghouse,
        abi: clearinghouseAbi,
        functionName: "trade",
        args: [request(maxInt256, deadline)],
        account: this.transactor.signer.account,
      });
      if (Number(quoted) / 10 ** this.deployment.quoteDecimals > most) return { refused: TOO_DEAR };
      const room = (quoted < 0n ? -quoted : quoted) / 200n + 1_000_000n;
      const receipt = await this.transactor.write(this.deployment.clearinghouse, clearinghouseAbi, "trade", [
        request(quoted + room, deadline),
      ]);
      const traded = parseEventLogs({ abi: clearinghouseAbi, eventName: "Traded", logs: [...receipt.logs] })[0];
      if (!this.canWrite) for (const { option } of legs) this.walletOptions.add(option);
      const cash = Number(traded?.args.cash ?? quoted) / 10 ** this.deployment.quoteDecimals;
      return { trade: { trader: this.name, order: describeOrder(this.symbol, order), cash } };
    } catch (error) {
      return { refused: refusalOf(error) };
    }
  }

  /** The pool that names the best price; the first where none does, which then says why. */
  private async bestPool(legs: readonly { readonly option: bigint; readonly size: bigint }[]): Promise<Address> {
    const pools = this.deployment.pools.filter(({ marketId }) => marketId === this.marketId);
    const [first, ...others] = pools.map(({ optionPool }) => optionPool);
    if (!first) throw new Error("the market has no pool");
    if (others.length === 0) return first;
    const [best] = await this.transactor.client.readContract({
      address: this.deployment.poolLens,
      abi: poolLensAbi,
      functionName: "bestQuote",
      args: [[first, ...others], legs],
      blockTag: "pending",
    });
    return [first, ...others][Number(best)] ?? first;
  }

  /** Wallets: burns the options of final expiries and takes the payout home. */
  async redeem(expiry: number): Promise<void> {
    const options = [...this.walletOptions].filter((id) => fromOptionId(id).expiry === expiry);
    if (this.canWrite || options.length === 0) return;
    const { clearinghouse } = this.deployment;
    const owner = this.transactor.address;
    await this.transactor.write(clearinghouse, clearinghouseAbi, "redeemOptions", [owner, options]);
    for (const option of options) this.walletOptions.delete(option);
    const cash = await this.transactor.client.readContract({
      address: clearinghouse,
      abi: clearinghouseAbi,
      functionName: "cash",
      args: [this.account],
    });
    if (cash > 0n) {
      await this.transactor.write(clearinghouse, clearinghouseAbi, "withdrawCash", [this.account, cash, owner]);
    }
  }

  private get symbol(): string {
    return this.deployment.markets.find(({ marketId }) => marketId === this.marketId)?.symbol ?? "?";
  }
}

function describeOrder(symbol: string, order: Order): string {
  return order
    .map((leg) => `${leg.size > 0 ? "buys" : "sells"} ${Math.abs(leg.size)} ${optionName(symbol, leg)}`)
    .join(", ");
}

/** Somebody who owns a part of a pool. */
export class LiquidityProvider {
  readonly name: string;
  /** The pool's name. */
  readonly pool: string;
  readonly address: Address;
  /** Whether a request of this LP may still have something to claim. */
  isWaiting = false;
  private readonly deployment: Deployment;
  private readonly transactor: Transactor;
  private readonly poolShares: Address;

  /** @param poolName By default the deployment's first pool. */
  constructor(name: string, deployment: Deployment, transactor: Transactor, poolName?: string) {
    const pool = deployment.pools.find((each) => poolName === undefined || each.name === poolName);
    if (!pool) throw new Error("the deployment has no such pool");
    this.name = name;
    this.pool = pool.name;
    this.address = transactor.address;
    this.deployment = deployment;
    this.transactor = transactor;
    this.poolShares = pool.poolShares;
  }

  async requestDeposit(assets: bigint): Promise<void> {
    await approve(this.transactor, this.deployment.quoteToken, this.poolShares);
    await this.transactor.write(this.poolShares, poolSharesAbi, "requestDeposit", [assets, this.address, this.address]);
    this.isWaiting = true;
  }

  async requestRedeemAll(): Promise<void> {
    await this.claim();
    const shares = await this.shares();
    if (shares > 0n) {
      await this.transactor.write(this.poolShares, poolSharesAbi, "requestRedeem", [
        shares,
        this.address,
        this.address,
      ]);
    }
  }

  /** Takes whatever has become claimable, shares and money. */
  async claim(): Promise<void> {
    const requests = await this.transactor.client.readContract({
      address: this.poolShares,
      abi: poolSharesAbi,
      functionName: "requestsOf",
      args: [this.address],
    });
    if (requests.some((request) => request.claimableAssets + request.claimableShares + request.back > 0n)) {
      await this.transactor.write(this.poolShares, poolSharesAbi, "claimFor", [this.address]);
    }
    this.isWaiting = requests.some(({ pending }) => pending > 0n);
  }

  async shares(): Promise<bigint> {
    return await this.transactor.client.readContract({
      address: this.poolShares,
      abi: poolSharesAbi,
      functionName: "balanceOf",
      args: [this.address],
    });
  }
}

/** Whoever keeps the market moving: marks the books after each report. */
export class Keeper {
  private readonly deployment: Deployment;
  private readonly transactor: Transactor;

  constructor(deployment: Deployment, transactor: Transactor) {
    this.deployment = deployment;
    this.transactor = transactor;
  }

  async mark(): Promise<void> {
    for (const { optionPool } of this.deployment.pools) {
      await this.transactor.write(optionPool, optionPoolAbi, "mark", []);
      await this.transactor.write(this.deployment.clearinghouse, clearinghouseAbi, "stress", [
        toAccountId(optionPool, 1),
      ]);
    }
  }
}
