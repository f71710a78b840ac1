import { clearinghouseAbi, optionPoolAbi, poolSharesAbi } from "../chain/abis.ts";
import { decodeChainError, revertNameOf } from "../chain/decodeError.ts";
import { toAccountId } from "../chain/optionId.ts";
import type { Logger } from "../runtime/logger.ts";
import type { Connection, Sender } from "../sdk/client.ts";
import { type BountyRules, bountyOf, gasCostOf, isWorthwhile, toPriceWad } from "./bounty.ts";
import { readMarkState } from "./markState.ts";

type Pool = Connection["deployment"]["pools"][number];

/** What one look led to, by the pools' names. */
export interface MarkerActs {
  /** Marked: requests of LPs that waited are priced, and paid as far as there is free liquidity. */
  readonly marked: readonly string[];
  /** Waiting redemptions were advanced money, as no report has come for the grace time. */
  readonly advanced: readonly string[];
}

/**
 * Marks pools under each new report, which prices and pays the requests of their LPs; where no report comes, has money advanced to those
 * who wait. A mark pays by the time since the last one, where somebody has traded; an advance pays nothing. Safe to run twice: a book that
 * is marked is left alone.
 */
export class Marker {
  private readonly sender: Sender;
  private readonly rules: BountyRules;
  private readonly log: Logger;

  constructor(sender: Sender, rules: BountyRules, log: Logger) {
    this.sender = sender;
    this.rules = rules;
    this.log = log;
  }

  /** Looks once. A pool that cannot be marked is logged and does not keep the others waiting. */
  async look(): Promise<MarkerActs> {
    const acts = { marked: [] as string[], advanced: [] as string[] };
    for (const pool of this.connection.deployment.pools) {
      try {
        if (await this.mark(pool)) acts.marked.push(pool.name);
        else if (await this.advance(pool)) acts.advanced.push(pool.name);
      } catch (error) {
        if (revertNameOf(error) === undefined) throw error;
        const reason = decodeChainError(error, this.connection.words).message;
        this.log.warn({ pool: pool.name, reason }, "not marked");
      }
    }
    return acts;
  }

  private get connection(): Connection {
    return this.sender.connection;
  }

  private async mark({ name, optionPool, marketId }: Pool): Promise<boolean> {
    const { isDue, round, spotWad } = await readMarkState(this.connection, { optionPool, marketId });
    if (!isDue) return false;
    const call = { address: optionPool, abi: optionPoolAbi, functionName: "mark", args: [] } as const;
    const { bounty, gas } = this.rules.asService ? { bounty: 0n, gas: 0n } : await bountyOf(this.sender, call);
    const gasCost = await gasCostOf(this.connection, gas, toPriceWad(this.rules.nativePrice, spotWad));
    if (!isWorthwhile({ bounty, gasCost }, this.rules)) return false;
    await this.sender.send(call);
    // Round trips ratchet a maker's requirement up: redemptions are paid out of what it really leaves.
    if (this.rules.asService) await this.tighten(optionPool);
    this.log.info({ pool: name, round, bounty: bounty.toString() }, "marked");
    return true;
  }

  private async tighten(optionPool: Pool["optionPool"]): Promise<void> {
    await this.sender.send({
      address: this.connection.deployment.clearinghouse,
      abi: clearinghouseAbi,
      functionName: "stress",
      args: [toAccountId(optionPool, 1)],
    });
  }

  /** As a service alone: it pays nothing. */
  private async advance({ name, poolShares }: Pool): Promise<boolean> {
    if (!this.rules.asService) return false;
    const call = { address: poolShares, abi: poolSharesAbi, functionName: "advance", args: [] } as const;
    try {
      await this.connection.client.simulateContract({ ...call, account: this.sender.address });
    } catch (error) {
      if (revertNameOf(error) === undefined) throw error;
      return false; // a report came not long ago, or nobody waits
    }
    await this.sender.send(call);
    this.log.info({ pool: name }, "advanced");
    return true;
  }
}
