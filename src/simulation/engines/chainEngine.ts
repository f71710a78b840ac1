/** The real contracts on a local chain. */
import {
  type Abi,
  type ContractFunctionArgs,
  type ContractFunctionName,
  erc20Abi,
  maxInt256,
  maxUint256,
  parseEventLogs,
} from "viem";
import {
  clearinghouseAbi,
  localTokenAbi,
  marketOracleAbi,
  optionPoolAbi,
  poolSharesAbi,
  spotHedgerAbi,
} from "../../chain/abis.ts";
import type { Anvil } from "../../chain/anvil.ts";
import { revertNameOf } from "../../chain/decodeError.ts";
import type { Deployment } from "../../chain/deployments.ts";
import { toAccountId, toOptionId, toSize } from "../../chain/optionId.ts";
import { packReport, type Report, signReport } from "../../chain/report.ts";
import { type Receipt, Transactor } from "../../chain/transactor.ts";
import { MeniscusError } from "../../runtime/errors.ts";
import type { Action, Engine, Outcome, PoolView, SimulatedLeg, SimulatedReport } from "../actions.ts";
import { sharesOf } from "./twinEngine.ts";

const NO_DEADLINE = 2 ** 40 - 1;
/** So much that no taker ever fails his margin: quote tokens. */
const RICHES = 1_000_000_000_000n;

export interface ChainSetup {
  readonly anvil: Anvil;
  readonly deployment: Deployment;
  /** Indices of the chain's accounts: who deployed and acts as keeper, the oracle's nodes, and everybody by name. */
  readonly keeper: number;
  readonly nodes: readonly number[];
  readonly people: Readonly<Record<string, number>>;
  /** Called after each report's block, for whoever follows spot elsewhere. */
  readonly afterReport?: (spot: number) => Promise<void>;
}

type Call<TAbi extends Abi, TName extends ContractFunctionName<TAbi, "nonpayable" | "payable">> = {
  readonly by: number;
  readonly address: `0x${string}`;
  readonly abi: TAbi;
  readonly name: TName;
  readonly args: ContractFunctionArgs<TAbi, "nonpayable" | "payable", TName>;
};

/** Takers trade from margin accounts that are never short of cash. Acts lie some seconds apart, as the chain's own blocks come between. */
export class ChainEngine implements Engine {
  /** Of each kind of act, gas and how often. */
  readonly gas = new Map<Action["kind"], { used: bigint; count: number }>();
  private readonly setup: ChainSetup;
  private readonly transactors = new Map<number, Transactor>();

  private constructor(setup: ChainSetup) {
    this.setup = setup;
  }

  /** Gives everybody quote tokens and the consents that acts need. */
  static async open(setup: ChainSetup): Promise<ChainEngine> {
    const engine = new ChainEngine(setup);
    const { anvil, deployment, people, keeper } = setup;
    const { quoteToken, clearinghouse } = deployment;
    const deployer = new Transactor(anvil.publicClient, anvil.wallet(keeper), { sync: true });
    for (const index of Object.values(people)) {
      const person = new Transactor(anvil.publicClient, anvil.wallet(index), { sync: true });
      const amount = 2n * RICHES * 10n ** BigInt(deployment.quoteDecimals);
      await deployer.write(quoteToken, localTokenAbi, "mint", [person.address, amount]);
      for (const spender of [clearinghouse, engine.pool.poolShares]) {
        await person.write(quoteToken, erc20Abi, "approve", [spender, maxUint256]);
      }
      await person.write(clearinghouse, clearinghouseAbi, "depositCash", [toAccountId(person.address, 1), amount / 2n]);
    }
    return engine;
  }

  async act(action: Action): Promise<Outcome> {
    try {
      return await this.done(action);
    } catch (error) {
      const refused = revertNameOf(error);
      if (refused === undefined) throw error;
      return { done: false, refused };
    }
  }

  async view(): Promise<PoolView> {
    const { anvil, deployment } = this.setup;
    const { optionPool, poolShares, marketId } = this.pool;
    const account = toAccountId(optionPool, 1);
    const ledger = { address: deployment.clearinghouse, abi: clearinghouseAbi } as const;
    const pool = { address: optionPool, abi: optionPoolAbi } as const;
    const { publicClient: client } = anvil;
    const [cash, requirement, base, mark, [inventory, reserveWad], supply] = await Promise.all([
      client.readContract({ ...ledger, functionName: "cash", args: [account] }),
      client.readContract({ ...ledger, functionName: "requirement", args: [account] }),
      client.readContract({ ...ledger, functionName: "base", args: [account, marketId] }),
      client.readContract({ ...pool, functionName: "lastMark" }),
      client.readContract({ ...pool, functionName: "inventory" }),
      client.readContract({ address: poolShares, abi: poolSharesAbi, functionName: "totalSupply" }),
    ]);
    return { cash, requirement, base, nav: mark.nav, reserveWad, inventory, supply };
  }

  private get pool(): Deployment["pools"][number] {
    const [pool] = this.setup.deployment.pools;
    if (!pool) throw new MeniscusError("internal", "The deployment has no pool.");
    return pool;
  }

  private async done(action: Action): Promise<Outcome> {
    const { optionPool, poolShares, spotHedger } = this.pool;
    const { clearinghouse } = this.setup.deployment;
    const by = this.setup.keeper;
    const ofPool = toAccountId(optionPool, 1);
    switch (action.kind) {
      case "report": {
        await this.report(action.time, action.report);
        return { done: true, cash: 0 };
      }
      case "mark":
        await this.call(action, { by, address: optionPool, abi: optionPoolAbi, name: "mark", args: [] });
        return { done: true, cash: 0 };
      case "stress":
        await this.call(action, { by, address: clearinghouse, abi: clearinghouseAbi, name: "stress", args: [ofPool] });
        return { done: true, cash: 0 };
      case "swap":
        return await this.swap(action);
      case "hedge": {
        const { logs } = await this.call(action, {
          by,
          address: spotHedger,
          abi: spotHedgerAbi,
          name: "hedge",
          args: [],
        });
        const [made] = parseEventLogs({ abi: spotHedgerAbi, eventName: "HedgeMade", logs: [...logs] });
        if (!made) throw new MeniscusError("internal", "A hedge was not announced.");
        const { baseAmount, quoteAmount, bounty } = made.args;
        const [base, quote] = [magnitude(baseAmount), magnitude(quoteAmount)];
        return { done: true, cash: 0, hedge: { baseAmount: base, quoteAmount: quote, bounty } };
      }
      case "deposit": {
        const { index, address } = this.person(action.who);
        const args = [BigInt(action.assets), address, address] as const;
        await this.call(action, { by: index, address: poolShares, abi: poolSharesAbi, name: "requestDeposit", args });
        return { done: true, cash: 0 };
      }
      case "redeem": {
        const { index, address } = this.person(action.who);
        const shares = sharesOf(await this.balanceOf(address), action.shareE6);
        const args = [shares, address, address] as const;
        await this.call(action, { by: index, address: poolShares, abi: poolSharesAbi, name: "requestRedeem", args });
        return { done: true, cash: 0 };
      }
      case "claim": {
        const { address } = this.person(action.who);
        const [shares, money] = await Promise.all([this.balanceOf(address), this.moneyOf(address)]);
        await this.call(action, { by, address: poolShares, abi: poolSharesAbi, name: "claimFor", args: [address] });
        const [sharesAfter, moneyAfter] = await Promise.all([this.balanceOf(address), this.moneyOf(address)]);
        return { done: true, cash: Number(moneyAfter - money), shares: sharesAfter - shares };
      }
      default:
        return await this.settle(action.time, action.expiry);
    }
  }

  private async swap(action: Action & { readonly kind: "swap" }): Promise<Outcome> {
    const { index, address } = this.person(action.who);
    const swap = {
      account: toAccountId(address, 1),
      maker: this.pool.optionPool,
      legs: action.legs.map((leg) => ({ option: this.optionOf(leg), size: toSize(leg.size) })),
      limitCash: action.limit === undefined ? maxInt256 : BigInt(Math.floor(action.limit)),
      deadline: NO_DEADLINE,
      report: "0x",
      makerData: "0x",
    } as const;
    const { clearinghouse } = this.setup.deployment;
    const call = { by: index, address: clearinghouse, abi: clearinghouseAbi, name: "trade", args: [swap] } as const;
    const { logs } = await this.call(action, call);
    const [swapped] = parseEventLogs({ abi: optionPoolAbi, eventName: "Swapped", logs: [...logs] });
    if (!swapped) throw new MeniscusError("internal", "A swap was not announced.");
    const { cash, fee, midWad } = swapped.args.quote;
    return { done: true, cash: Number(cash), fee: Number(fee), mid: Number(midWad) / 1e12 };
  }

  private optionOf({ expiry, strike, kind }: SimulatedLeg): bigint {
    return toOptionId({ marketId: this.pool.marketId, expiry, strike, kind });
  }

  private async report(time: number, report: SimulatedReport): Promise<void> {
    const { anvil, deployment, nodes, keeper, afterReport } = this.setup;
    const whole = { ...report, marketId: this.pool.marketId, signerSet: 1 } as Report;
    const domain = { chainId: deployment.chainId, oracle: deployment.marketOracle };
    const signatures = await Promise.all(
      nodes.map(async (node, index) => ({
        index,
        signature: await signReport(anvil.wallet(node).account, whole, domain),
      })),
    );
    const args = [packReport(whole, signatures)] as const;
    const { marketOracle: address } = deployment;
    await this.call(
      { kind: "report", time },
      { by: keeper, address, abi: marketOracleAbi, name: "submitReport", args },
    );
    await afterReport?.(Number(report.spot) / 1e18);
  }

  /** The price is fixed a second before, everybody is settled at the act's time, and then what the pool is due is paid. */
  private async settle(time: number, expiry: number): Promise<Outcome> {
    const { deployment, keeper: by, people } = this.setup;
    const { marketId, optionPool } = this.pool;
    const ledger = { by, address: deployment.clearinghouse, abi: clearinghouseAbi } as const;
    const account = toAccountId(optionPool, 1);
    const takers = Object.keys(people).map((name) => toAccountId(this.person(name).address, 1));
    const before = await this.cashOf(account);
    const at = (kind: Action["kind"], after: number) => ({ kind, time: time + after });
    await this.call(at("settle", -1), { ...ledger, name: "startSettlement", args: [marketId, expiry] });
    await this.call(at("settle", 0), {
      ...ledger,
      name: "settleAccounts",
      args: [marketId, expiry, [account, ...takers]],
    });
    await this.call(at("settle", 1), { ...ledger, name: "finalizeSettlement", args: [marketId, expiry] });
    const credit = await this.setup.anvil.publicClient.readContract({
      address: deployment.clearinghouse,
      abi: clearinghouseAbi,
      functionName: "credit",
      args: [account, marketId, expiry],
    });
    if (credit !== 0n) {
      await this.call(at("settle", 2), { ...ledger, name: "claimCredit", args: [account, marketId, expiry] });
    }
    return { done: true, cash: Number((await this.cashOf(account)) - before) };
  }

  /** Asks first whether the call passes in a block of the act's time, and then mines that block. */
  private async call<TAbi extends Abi, TName extends ContractFunctionName<TAbi, "nonpayable" | "payable">>(
    { kind, time }: Pick<Action, "kind" | "time">,
    { by, address, abi, name, args }: Call<TAbi, TName>,
  ): Promise<Receipt> {
    const { anvil } = this.setup;
    const transactor = this.transactor(by);
    await anvil.publicClient.simulateContract({
      address,
      abi,
      functionName: name,
      args,
      account: transactor.signer.account,
      blockOverrides: { time: BigInt(time) },
    } as never);
    await anvil.testClient.setNextBlockTimestamp({ timestamp: BigInt(time) });
    const receipt = await transactor.write(address, abi, name, args);
    const { used, count } = this.gas.get(kind) ?? { used: 0n, count: 0 };
    this.gas.set(kind, { used: used + receipt.gasUsed, count: count + 1 });
    return receipt;
  }

  private transactor(index: number): Transactor {
    const { anvil } = this.setup;
    const known = this.transactors.get(index);
    if (known) return known;
    const made = new Transactor(anvil.publicClient, anvil.wallet(index), { sync: true, unasked: true });
    this.transactors.set(index, made);
    return made;
  }

  private person(who: string) {
    const index = this.setup.people[who];
    if (index === undefined) throw new MeniscusError("internal", `Nobody is called ${who}.`);
    return { index, address: this.setup.anvil.wallet(index).account.address };
  }

  private async balanceOf(owner: `0x${string}`): Promise<bigint> {
    const call = { address: this.pool.poolShares, abi: poolSharesAbi, functionName: "balanceOf" } as const;
    return await this.setup.anvil.publicClient.readContract({ ...call, args: [owner] });
  }

  private async moneyOf(owner: `0x${string}`): Promise<bigint> {
    const call = { address: this.setup.deployment.quoteToken, abi: erc20Abi, functionName: "balanceOf" } as const;
    return await this.setup.anvil.publicClient.readContract({ ...call, args: [owner] });
  }

  private async cashOf(account: bigint): Promise<bigint> {
    const call = { address: this.setup.deployment.clearinghouse, abi: clearinghouseAbi, functionName: "cash" } as const;
    return await this.setup.anvil.publicClient.readContract({ ...call, args: [account] });
  }
}

function magnitude(x: bigint): bigint {
  return x < 0n ? -x : x;
}
