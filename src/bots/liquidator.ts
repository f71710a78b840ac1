import type { Hex } from "viem";
import { clearinghouseAbi, liquidationAuctionAbi, riskEngineAbi } from "../chain/abis.ts";
import { revertNameOf } from "../chain/decodeError.ts";
import { fromOptionId, holdingsOf, toAccountId, toStrikeWord } from "../chain/optionId.ts";
import { describeError } from "../runtime/errors.ts";
import type { Logger } from "../runtime/logger.ts";
import { AccountBook } from "../sdk/accountBook.ts";
import { type Connection, chainTime, type Sender } from "../sdk/client.ts";
import { type AuctionLot, type Bid, type BidRules, decideBid } from "./bidding.ts";

const GRID_INITIAL = 0;
const GRID_MAINTENANCE = 1;
/** Refusals that a smaller share may not meet. */
const TOO_LARGE = ["Clearinghouse_Unhealthy", "Clearinghouse_InsufficientCash"];
const WAD = 10n ** 18n;
const MAX_LEGS = 8;

export interface LiquidatorRules extends BidRules {
  /** The margin account that bids. */
  readonly sub: number;
  /** What leaving the taken positions at the pool may cost, as a share of their gross value. */
  readonly unwindCost: number;
}

/** What one look at the chain led to. */
export interface LiquidatorActs {
  readonly started: readonly bigint[];
  /** Small accounts that a pool closed out. */
  readonly taken: readonly bigint[];
  readonly bids: readonly { readonly account: bigint; readonly bid: Bid }[];
  readonly ended: readonly bigint[];
}

/**
 * Watches every margin account, lets a pool take those below maintenance margin that are small, puts the others up for auction, bids when
 * the price is worth it with as much as its own margin allows, and hands what it took to the pool where that is cheap. Safe to run twice: what another has done
 * first is refused by the chain and costs nothing, for every call is simulated before it is sent.
 */
export class Liquidator {
  private readonly sender: Sender;
  private readonly rules: LiquidatorRules;
  private readonly log: Logger;
  private readonly accounts: AccountBook;
  private readonly own: bigint;

  constructor(sender: Sender, rules: LiquidatorRules, log: Logger) {
    this.sender = sender;
    this.rules = rules;
    this.log = log;
    this.accounts = new AccountBook(sender.connection);
    this.own = toAccountId(sender.address, rules.sub);
  }

  /** Looks once. An account that cannot be dealt with is logged and does not keep the others waiting. */
  async look(): Promise<LiquidatorActs> {
    const started: bigint[] = [];
    const taken: bigint[] = [];
    const ended: bigint[] = [];
    const bids: { account: bigint; bid: Bid }[] = [];
    for (const account of await this.accounts.update()) {
      if (account === this.own) continue;
      try {
        if (!(await this.isRunning(account))) {
          if (!(await this.isLiquidatable(account))) continue;
          if (await this.take(account)) {
            taken.push(account);
            continue;
          }
          await this.act("start", [account, "0x"]);
          started.push(account);
          this.log.info({ account: idOf(account) }, "auction started");
        }
        const bid = await this.bid(account);
        if (bid) bids.push({ account, bid });
        else if (await this.take(account)) taken.push(account);
        else if (await this.end(account)) ended.push(account);
      } catch (error) {
        this.log.warn({ account: idOf(account), reason: describeError(error) }, "nothing done");
      }
    }
    if (bids.length > 0) await this.unwind();
    return { started, taken, bids, ended };
  }

  private get auction() {
    const { liquidationAuction } = this.connection.deployment;
    return { address: liquidationAuction, abi: liquidationAuctionAbi, blockTag: "pending" } as const;
  }

  private get ledger() {
    return { address: this.connection.deployment.clearinghouse, abi: clearinghouseAbi, blockTag: "pending" } as const;
  }

  private get connection(): Connection {
    return this.sender.connection;
  }

  private async isRunning(account: bigint): Promise<boolean> {
    const { startedAt } = await this.connection.client.readContract({
      ...this.auction,
      functionName: "auction",
      args: [account],
    });
    return startedAt !== 0;
  }

  private async isLiquidatable(account: bigint): Promise<boolean> {
    const { client } = this.connection;
    const [[worst, equity], debt, cash, isMaker] = await Promise.all([
      client.readContract({ ...this.ledger, functionName: "health", args: [account, GRID_MAINTENANCE] }),
      client.readContract({ ...this.ledger, functionName: "debt", args: [account] }),
      client.readContract({ ...this.ledger, functionName: "cash", args: [account] }),
      client.readContract({ ...this.ledger, functionName: "isMaker", args: [account] }),
    ]);
    return isMaker ? equity < 0n : worst < 0n || debt > cash;
  }

  /** Lets the first pool that will close out a small account, for the bounty; no where none takes it or it is for bidders. */
  private async take(account: bigint): Promise<boolean> {
    const { client, deployment } = this.connection;
    const [{ minimumRest }, [worst, equity]] = await Promise.all([
      client.readContract({ ...this.auction, functionName: "terms" }),
      client.readContract({ ...this.ledger, functionName: "health", args: [account, GRID_INITIAL] }),
    ]);
    if (equity - worst > minimumRest) return false;
    for (const { optionPool } of deployment.pools) {
      try {
        await this.act("take", [account, optionPool, this.own, "0x"]);
        this.log.info({ account: idOf(account), pool: optionPool }, "taken by the pool");
        return true;
      } catch (error) {
        const reason = revertNameOf(error) ?? describeError(error);
        this.log.info({ account: idOf(account), pool: optionPool, reason }, "the pool does not take the account");
      }
    }
    return false;
  }

  /** Bids for as much as pays and as the own margin allows; undefined where it does not pay yet. */
  private async bid(account: bigint): Promise<Bid | undefined> {
    const { client } = this.connection;
    const [lot, [worst, equity]] = await Promise.all([
      client.readContract({ ...this.auction, functionName: "lot", args: [account] }),
      client.readContract({ ...this.ledger, functionName: "health", args: [account, GRID_MAINTENANCE] }),
    ]);
    const facts: AuctionLot = { ...lot, margin: equity - worst };
    for (let share = WAD; ; share /= 2n) {
      const bid = decideBid(facts, this.rules, share);
      if (!bid) return undefined;
      try {
        await this.act("bid", [account, this.own, bid.shareWad, bid.limitPrice, lot.state, "0x"]);
        this.log.info(
          { account: idOf(account), share: Number(bid.shareWad) / 1e18, gain: bid.gain.toString() },
          "bid taken",
        );
        return bid;
      } catch (error) {
        if (!TOO_LARGE.includes(revertNameOf(error) ?? "")) throw error;
      }
    }
  }

  /** Ends the auction of an account that is healthy again. */
  private async end(account: bigint): Promise<boolean> {
    try {
      await this.act("end", [account]);
      this.log.info({ account: idOf(account) }, "auction ended");
      return true;
    } catch (error) {
      if (revertNameOf(error) === "LiquidationAuction_Unhealthy") return false;
      throw error;
    }
  }

  private async act(
    functionName: "start" | "take" | "bid" | "end",
    args:
      | readonly [bigint, Hex]
      | readonly [bigint]
      | readonly [bigint, Hex, bigint, Hex]
      | readonly [bigint, bigint, bigint, bigint, Hex, Hex],
  ): Promise<void> {
    // They share no common type of arguments.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    await this.sender.send({ ...this.auction, functionName, args } as never);
  }

  /** Gives to the pools whatever of the own positions they take back at a fair price. */
  private async unwind(): Promise<void> {
    const { client, deployment } = this.connection;
    const words = await client.readContract({ ...this.ledger, functionName: "strikes", args: [this.own] });
    const legs = words.flatMap(holdingsOf).map(({ option, size }) => ({ option, size: -size }));
    const deadline = (await chainTime(this.connection)) + 60;
    for (let i = 0; i < legs.length; i += MAX_LEGS) {
      const part = legs.slice(i, i + MAX_LEGS);
      for (const { optionPool } of deployment.pools) {
        if (await this.give(optionPool, part, deadline)) break;
      }
    }
  }

  private async give(
    maker: Hex,
    legs: readonly { readonly option: bigint; readonly size: bigint }[],
    deadline: number,
  ): Promise<boolean> {
    const { client, deployment } = this.connection;
    const swap = { account: this.own, maker, legs, deadline, report: "0x", makerData: "0x" } as const;
    try {
      const { result: cash } = await client.simulateContract({
        ...this.ledger,
        functionName: "trade",
        args: [{ ...swap, limitCash: 2n ** 127n - 1n }],
        account: this.sender.address,
      });
      const mid = await this.midOf(legs);
      const allowance = ((mid < 0n ? -mid : mid) * BigInt(Math.round(this.rules.unwindCost * 1e6))) / 1_000_000n;
      if (cash > mid + allowance) return false;
      await this.sender.send({
        address: deployment.clearinghouse,
        abi: clearinghouseAbi,
        functionName: "trade",
        args: [{ ...swap, limitCash: cash }],
      });
      this.log.info({ maker, legs: legs.length, cash: cash.toString() }, "positions handed to the pool");
      return true;
    } catch (error) {
      this.log.info(
        { maker, reason: revertNameOf(error) ?? describeError(error) },
        "the pool does not take the positions",
      );
      return false;
    }
  }

  /** Present value of the legs, quote units. */
  private async midOf(legs: readonly { readonly option: bigint; readonly size: bigint }[]): Promise<bigint> {
    const { client, deployment } = this.connection;
    const words = legs.map(({ option, size }) => toStrikeWord(option, size));
    const [, mid] = await client.readContract({
      address: deployment.riskEngine,
      abi: riskEngineAbi,
      functionName: "values",
      args: [fromOptionId(legs[0]?.option ?? 0n).marketId, words, 0n, GRID_MAINTENANCE],
      blockTag: "pending",
    });
    return mid;
  }
}

function idOf(account: bigint): string {
  return `0x${account.toString(16)}`;
}
