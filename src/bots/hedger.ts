import { type Hex, zeroAddress } from "viem";
import { optionPoolAbi, spotHedgerAbi } from "../chain/abis.ts";
import { decodeChainError, revertNameOf } from "../chain/decodeError.ts";
import { fromSize } from "../chain/optionId.ts";
import type { Logger } from "../runtime/logger.ts";
import type { Connection, Sender } from "../sdk/client.ts";
import { type BountyRules, gasCostOf, isWorthwhile, readBounties, toPriceWad } from "./bounty.ts";
import { readMarkState } from "./markState.ts";

/** Refusals that are the market's ordinary state: nothing to do, or something that only time brings. */
const QUIET: ReadonlySet<string> = new Set([
  "SpotHedger_WithinBand",
  "SpotHedger_NoBase",
  "SpotHedger_NotMarked",
  "SpotHedger_StaleSpot",
  "SpotHedger_StaleSurface",
  "SpotHedger_Unconfirmed",
  "SpotHedger_ExpiryPassed",
  "SpotHedger_CapReached",
  "SpotHedger_Reversed",
  "SpotHedger_MeanTooFar",
  "SpotHedger_PriceTooFar",
  "SpotHedger_TooLittleFilled",
]);

type Pool = Connection["deployment"]["pools"][number];

/** A hedge that was made: the pool's net short delta before and after, in units of the underlying, and what it paid for the call. */
export interface HedgeAct {
  readonly pool: string;
  readonly deltaBefore: number;
  readonly deltaAfter: number;
  /** Quote units, in the caller's wallet account of the ledger. */
  readonly bounty: bigint;
}

/**
 * Calls the hedger of every pool where that pays, or always as a service, which marks the pool first where that is needed. Safe to run
 * twice: a pool that another has hedged is inside its band, and the call is refused before it is sent.
 */
export class Hedger {
  private readonly sender: Sender;
  private readonly rules: BountyRules;
  private readonly log: Logger;

  constructor(sender: Sender, rules: BountyRules, log: Logger) {
    this.sender = sender;
    this.rules = rules;
    this.log = log;
  }

  /** Looks once; at most one hedge a pool. A refusal that is not ordinary is logged and does not keep other pools waiting. */
  async look(): Promise<readonly HedgeAct[]> {
    const acts: HedgeAct[] = [];
    for (const pool of this.connection.deployment.pools) {
      if (pool.spotHedger === zeroAddress) continue;
      try {
        const act = await this.hedge(pool);
        if (act) acts.push(act);
      } catch (error) {
        const name = revertNameOf(error);
        if (name === undefined) throw error;
        const reason = decodeChainError(error, this.connection.words).message;
        if (QUIET.has(name)) this.log.debug({ pool: pool.name, reason }, "nothing hedged");
        else this.log.warn({ pool: pool.name, reason }, "not hedged");
      }
    }
    return acts;
  }

  private get connection(): Connection {
    return this.sender.connection;
  }

  private async hedge(pool: Pool): Promise<HedgeAct | undefined> {
    if (this.rules.asService) await this.markIfNeeded(pool);
    const hedger = { address: pool.spotHedger, abi: spotHedgerAbi } as const;
    const { bounty, netShortDelta, spotWad } = await this.connection.client.readContract({
      ...hedger,
      functionName: "plan",
      blockTag: "pending",
    });
    const gasCost = await this.gasCost(pool.spotHedger, spotWad);
    if (!isWorthwhile({ bounty, gasCost }, this.rules)) return undefined;
    const before = await readBounties(this.sender);
    await this.sender.send({ ...hedger, functionName: "hedge", args: [] });
    const [netShort] = await this.inventory(pool.optionPool);
    const act = {
      pool: pool.name,
      deltaBefore: fromSize(netShortDelta),
      deltaAfter: fromSize(netShort[3]),
      bounty: (await readBounties(this.sender)) - before,
    };
    this.log.info({ ...act, bounty: act.bounty.toString() }, "hedged");
    return act;
  }

  /** What calling the hedger costs now, quote units. */
  private async gasCost(hedger: Hex, spotWad: bigint): Promise<bigint> {
    const gas = await this.connection.client.estimateContractGas({
      address: hedger,
      abi: spotHedgerAbi,
      functionName: "hedge",
      account: this.sender.address,
    });
    return await gasCostOf(this.connection, gas, toPriceWad(this.rules.nativePrice, spotWad));
  }

  private async markIfNeeded({ optionPool, marketId }: Pool): Promise<void> {
    const { isDue } = await readMarkState(this.connection, { optionPool, marketId });
    if (isDue) await this.sender.send({ address: optionPool, abi: optionPoolAbi, functionName: "mark", args: [] });
  }

  private inventory(optionPool: Hex) {
    return this.connection.client.readContract({
      address: optionPool,
      abi: optionPoolAbi,
      functionName: "inventory",
    });
  }
}
