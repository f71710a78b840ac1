import { type Address, erc20Abi, maxUint256, parseEventLogs } from "viem";
import { atomicExecutorAbi, clearinghouseAbi } from "../../chain/abis.ts";
import { revertNameOf } from "../../chain/decodeError.ts";
import { toAccountId, toOptionId } from "../../chain/optionId.ts";
import { MeniscusError } from "../../runtime/errors.ts";
import { chainTime, type Sender } from "../../sdk/client.ts";
import type { Plan } from "./plan.ts";

/** For so long a plan's prices may be waited for, seconds. */
const DEADLINE_SECONDS = 120;
const NO_LIMIT = 2n ** 127n - 1n;
/** What a bot is refused with that has given nobody leave to trade: as it only looks, or as the chain took that back. */
export const WITHOUT_LEAVE: readonly string[] = ["Clearinghouse_NotAuthorized", "ERC20InsufficientAllowance"];

export type PlanOutcome =
  /** Done: what cash and tokens gained, quote tokens, and the gas it took. */
  | { readonly done: { readonly gain: number; readonly gasUsed: bigint } }
  /** Would have been sent. */
  | { readonly dry: true }
  /** Refused by a simulation or when mined, with the name of the contract's error or a reason. */
  | { readonly refused: string };

/** Carries plans out: all swaps and the trade on Uniswap v3 in one transaction, which reverts where less than wanted is gained. */
export class PlanExecutor {
  readonly account: bigint;
  private readonly sender: Sender;
  private readonly executor: Address;
  private readonly isDryRun: boolean;

  /**
   * @param sub The margin account that trades.
   * @throws MeniscusError `data` where the market has no executor.
   */
  constructor(sender: Sender, marketId: number, { sub, dryRun }: { readonly sub: number; readonly dryRun: boolean }) {
    const market = sender.connection.deployment.markets.find((each) => each.marketId === marketId);
    if (!market || BigInt(market.atomicExecutor) === 0n) {
      throw new MeniscusError("data", `Market ${marketId} has no Uniswap v3 pool to hedge on.`);
    }
    this.sender = sender;
    this.executor = market.atomicExecutor;
    this.isDryRun = dryRun;
    this.account = toAccountId(sender.address, sub);
  }

  /** Lets the executor trade for the account and take the wallet's tokens for Uniswap, where that is missing. */
  async prepare(baseToken: Address): Promise<void> {
    if (this.isDryRun) return;
    const { client, deployment } = this.sender.connection;
    const ledger = { address: deployment.clearinghouse, abi: clearinghouseAbi } as const;
    const args = [this.account, this.executor] as const;
    if (!(await client.readContract({ ...ledger, functionName: "isAccountOperator", args }))) {
      await this.sender.send({ ...ledger, functionName: "setAccountOperator", args: [...args, true] });
    }
    for (const address of [deployment.quoteToken, baseToken]) {
      const token = { address, abi: erc20Abi } as const;
      const owner = this.sender.address;
      const allowance = await client.readContract({
        ...token,
        functionName: "allowance",
        args: [owner, this.executor],
      });
      if (allowance > maxUint256 / 4n) continue;
      await this.sender.send({ ...token, functionName: "approve", args: [this.executor, maxUint256] });
    }
  }

  /**
   * Simulates a plan and, where it still gains, sends it. It may gain less than it promised when it is mined, down to `minGain`.
   *
   * @throws viem's errors where the node cannot be read.
   */
  async execute(plan: Plan, minGain: number): Promise<PlanOutcome> {
    const { client } = this.sender.connection;
    const args = await this.argumentsOf(plan, minGain);
    const call = { address: this.executor, abi: atomicExecutorAbi, functionName: "execute", args } as const;
    try {
      await client.simulateContract({ ...call, account: this.sender.address, blockTag: "pending" });
      if (this.isDryRun) return { dry: true };
      const receipt = await this.sender.send(call);
      const [done] = parseEventLogs({ abi: atomicExecutorAbi, eventName: "Executed", logs: [...receipt.logs] });
      return { done: { gain: this.toTokens(done?.args.gain ?? 0n), gasUsed: receipt.gasUsed } };
    } catch (error) {
      const name = revertNameOf(error);
      if (name !== undefined) return this.isDryRun && WITHOUT_LEAVE.includes(name) ? { dry: true } : { refused: name };
      // Mined and reverted, or called off: the market has moved on.
      if (error instanceof MeniscusError && error.retryable && error.kind === "market") return { refused: "reverted" };
      throw error;
    }
  }

  private async argumentsOf(plan: Plan, minGain: number) {
    const deadline = (await chainTime(this.sender.connection)) + DEADLINE_SECONDS;
    const swaps = plan.swaps.map(({ maker, legs }) => ({
      account: this.account,
      maker: maker.address,
      legs: legs.map(({ terms, size }) => ({ option: toOptionId(terms), size })),
      limitCash: NO_LIMIT, // the bound is on all of them together
      deadline,
      report: "0x" as const,
      makerData: "0x" as const,
    }));
    // All that it is to gain beyond the least may go: a hedge that was to cost something may cost that.
    const slack = Math.max(0, plan.gain - minGain);
    const leastGain = this.toUnitsDown(plan.wealth - slack);
    const basePriceWad = BigInt(Math.round(plan.spot * 1e6)) * 10n ** 12n;
    const bound = { basePriceWad, leastGain, deadline };
    return [this.account, swaps, { baseAmount: plan.base, sqrtPriceLimitX96: 0n }, bound] as const;
  }

  private get unit(): number {
    return 10 ** this.sender.connection.deployment.quoteDecimals;
  }

  private toTokens(units: bigint): number {
    return Number(units) / this.unit;
  }

  /** Less a thousandth of a token: bases are rounded to a millionth of a unit by strategies, and balances to units by the contract. */
  private toUnitsDown(tokens: number): bigint {
    return BigInt(Math.floor((tokens - 0.001) * this.unit));
  }
}
