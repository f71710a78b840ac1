import { zeroAddress } from "viem";
import { clearinghouseAbi, marketOracleAbi, settlementPriceAbi } from "../chain/abis.ts";
import { revertNameOf } from "../chain/decodeError.ts";
import { expiryName, fromStrikeKey, fromStrikeWord } from "../chain/optionId.ts";
import { oldestObservation } from "../chain/uniswapV3.ts";
import { describeError } from "../runtime/errors.ts";
import type { Logger } from "../runtime/logger.ts";
import { AccountBook, type Series } from "../sdk/accountBook.ts";
import { type ChainPlace, isOnChain } from "../sdk/blockPages.ts";
import { type Connection, chainTime, type Sender } from "../sdk/client.ts";
import { type BountyRules, gasCostOf, isWorthwhile, toPriceWad } from "./bounty.ts";
import { isMeanAtRisk } from "./meanKeeping.ts";

/** Accounts settled by one transaction: far below what a block takes, and cheap to repeat. */
const BATCH = 20;
const OPEN = 0n;
const FINAL = 2n;
/** Gas of a settlement, and of each account in it: measured, rounded up. */
const [SETTLEMENT_GAS, ACCOUNT_GAS] = [300_000n, 60_000n];
/** What the chain answers where somebody was faster, or where waiting helps. */
const HARMLESS = [
  "Clearinghouse_NotSettling",
  "Clearinghouse_AlreadyFinal",
  "Clearinghouse_DebtsPending",
  "Clearinghouse_ShortAccountsRemain",
  "Clearinghouse_NothingToSettle",
  "Clearinghouse_NoSettlementPrice",
  "SettlementPrice_Disputed",
  "SettlementPrice_NoMean",
];

/**
 * Brings every series that was traded to its end: fixes the settlement as soon as there is a price for it, nets the accounts that hold
 * it in batches, fixes the payout ratio when nothing is pending, pays the credits of margin accounts, and later to all what debtors
 * still bring. While the oracle's average is missing it has Uniswap's mean recorded before the pool forgets it. Each account that is short
 * has prepaid a bounty for it. Safe to run twice.
 */
export class Settler {
  private readonly sender: Sender;
  private readonly rules: BountyRules;
  private readonly log: Logger;
  private readonly accounts: AccountBook;
  private readonly done = new Map<string, Series>();
  private readonly recorded = new Set<string>();
  /** Up to where what is done was done; undefined where that could not be read. */
  private place: ChainPlace | undefined;

  constructor(sender: Sender, rules: BountyRules, log: Logger) {
    this.sender = sender;
    this.rules = rules;
    this.log = log;
    this.accounts = new AccountBook(sender.connection);
  }

  /** Looks once, and takes each series one or more steps further. @returns How many series became final. */
  async look(): Promise<number> {
    const accounts = await this.accounts.update();
    await this.forgetWhatIsGone();
    const now = await chainTime(this.connection);
    await this.collectLate(accounts);
    let finals = 0;
    for (const series of this.accounts.series) {
      const name = nameOf(series);
      if (series.expiry > now || this.done.has(name)) continue;
      try {
        if (!(await this.advance(series, accounts, now))) continue;
        this.done.set(name, series);
        finals += 1;
        this.log.info({ expiry: expiryName(series.expiry) }, "settlement is final");
      } catch (error) {
        this.log.warn({ expiry: expiryName(series.expiry), reason: describeError(error) }, "not settled yet");
      }
    }
    this.place = await this.connection.client.getBlock();
    return finals;
  }

  /** A reorganisation may have taken back what was done: then all is looked at again. */
  private async forgetWhatIsGone(): Promise<void> {
    const isThere = this.place !== undefined && (await isOnChain(this.connection.client, this.place));
    if (!isThere) {
      this.done.clear();
      this.recorded.clear();
    }
    this.place = undefined;
  }

  /** @returns Whether the series is final and all known credits are paid. */
  private async advance(series: Series, accounts: readonly bigint[], now: number): Promise<boolean> {
    const { marketId, expiry } = series;
    const state = async () => (await this.read("expiryWord", [marketId, expiry])) & 0xffn;
    if ((await state()) === OPEN) {
      if (!(await this.hasPrice(series))) {
        await this.keepMean(series, now);
        return false;
      }
      if (!(await this.pays(series, accounts))) return false;
      await this.act("startSettlement", [marketId, expiry]);
    }
    const holders = await this.among(accounts, async (account) => {
      const words = await this.read("strikes", [account]);
      const holds = words.some((word) => {
        const held = fromStrikeKey(fromStrikeWord(word).key);
        return held.marketId === marketId && held.expiry === expiry;
      });
      return holds || (await this.canPayDebt(account));
    });
    for (let i = 0; i < holders.length; i += BATCH) {
      await this.act("settleAccounts", [marketId, expiry, holders.slice(i, i + BATCH)]);
    }
    if ((await state()) !== FINAL) await this.act("finalizeSettlement", [marketId, expiry]);
    if ((await state()) !== FINAL) return false;
    await this.payCredits({ marketId, expiry }, accounts);
    return true;
  }

  /** Whether what the short accounts of a series have prepaid is worth the gas, or it is done as a service. */
  private async pays({ marketId, expiry }: Series, accounts: readonly bigint[]): Promise<boolean> {
    if (this.rules.asService) return true;
    const { client } = this.connection;
    const [{ settlementBounty }, priceWad, holders] = await Promise.all([
      client.readContract({ ...this.ledger, functionName: "market", args: [marketId] }),
      this.readPrice("priceOf", { marketId, expiry }),
      this.among(accounts, (account) => this.isShort(account, marketId, expiry)),
    ]);
    const gas = SETTLEMENT_GAS + ACCOUNT_GAS * BigInt(holders.length);
    const gasCost = await gasCostOf(this.connection, gas, toPriceWad(this.rules.nativePrice, priceWad));
    return isWorthwhile({ bounty: settlementBounty * BigInt(holders.length), gasCost }, this.rules);
  }

  private async isShort(account: bigint, marketId: number, expiry: number): Promise<boolean> {
    return (await this.read("strikes", [account])).some((word) => {
      const { key, calls, puts } = fromStrikeWord(word);
      const held = fromStrikeKey(key);
      return held.marketId === marketId && held.expiry === expiry && (calls < 0n || puts < 0n);
    });
  }

  /** Whether the ledger would be given a price now: not while the oracle is silent, nor while its average is disputed. */
  private async hasPrice(series: Series): Promise<boolean> {
    try {
      return (await this.readPrice("priceOf", series)) > 0n;
    } catch (error) {
      if (revertNameOf(error) !== "SettlementPrice_Disputed") throw error;
      return false;
    }
  }

  /** Has Uniswap's mean recorded, once, where the oracle's average does not come and the pool may forget. */
  private async keepMean(series: Series, now: number): Promise<void> {
    const { client, deployment } = this.connection;
    const pool = deployment.markets.find(({ marketId }) => marketId === series.marketId)?.uniswapV3Pool ?? zeroAddress;
    if (pool === zeroAddress || this.recorded.has(nameOf(series))) return;
    const { marketId, expiry } = series;
    const [averageWad, meanWad] = await Promise.all([this.readAverage(series), this.readPrice("meanOf", series)]);
    const hasAverage = averageWad > 0n;
    if (meanWad === 0n || hasAverage) return;
    const remembersSince = await oldestObservation(client, pool);
    if (!isMeanAtRisk({ now, expiry, hasAverage, remembersSince })) return;
    await this.act("recordMean", [marketId, expiry]);
    this.recorded.add(nameOf(series));
    this.log.warn({ expiry: expiryName(expiry) }, "the oracle's average is missing: Uniswap's mean is recorded");
  }

  private async payCredits({ marketId, expiry }: Series, accounts: readonly bigint[]): Promise<void> {
    const creditors = await this.among(accounts, async (account) => {
      return (await this.read("credit", [account, marketId, expiry])) > 0n;
    });
    for (const account of creditors) await this.act("claimCredit", [account, marketId, expiry]);
  }

  /** Debts of final series are paid out of cash that came in since: to creditors who were paid less, then to the fund. */
  private async collectLate(accounts: readonly bigint[]): Promise<void> {
    const debtors = await this.among(accounts, (account) => this.canPayDebt(account));
    if (debtors.length === 0) return;
    for (const series of this.done.values()) {
      for (let i = 0; i < debtors.length; i += BATCH) {
        await this.act("settleAccounts", [series.marketId, series.expiry, debtors.slice(i, i + BATCH)]);
      }
      await this.payCredits(series, [...accounts, ...this.accounts.wallets]);
    }
  }

  /** Whether an account owes to a settlement and has cash: an auction may have brought it. Settling it again collects. */
  private async canPayDebt(account: bigint): Promise<boolean> {
    const [debt, cash] = await Promise.all([this.read("debt", [account]), this.read("cash", [account])]);
    return debt > 0n && cash > 0n;
  }

  private get connection(): Connection {
    return this.sender.connection;
  }

  private get ledger() {
    return { address: this.connection.deployment.clearinghouse, abi: clearinghouseAbi } as const;
  }

  private async among(
    accounts: readonly bigint[],
    test: (account: bigint) => Promise<boolean>,
  ): Promise<readonly bigint[]> {
    const kept = await Promise.all(accounts.map(test));
    return accounts.filter((_, i) => kept[i]);
  }

  private read<TName extends "expiryWord" | "strikes" | "credit" | "debt" | "cash">(
    functionName: TName,
    args: TName extends "strikes" | "debt" | "cash" ? readonly [bigint] : readonly unknown[],
  ) {
    return this.connection.client.readContract({ ...this.ledger, functionName, args } as never) as Promise<
      TName extends "strikes" ? readonly bigint[] : bigint
    >;
  }

  private readPrice(functionName: "priceOf" | "meanOf", { marketId, expiry }: Series): Promise<bigint> {
    const address = this.connection.deployment.settlementPrice;
    return this.connection.client.readContract({
      address,
      abi: settlementPriceAbi,
      functionName,
      args: [marketId, expiry],
    });
  }

  private readAverage({ marketId, expiry }: Series): Promise<bigint> {
    const oracle = { address: this.connection.deployment.marketOracle, abi: marketOracleAbi } as const;
    return this.connection.client.readContract({
      ...oracle,
      functionName: "settlementPrice",
      args: [marketId, expiry],
    });
  }

  private async act(
    functionName: "startSettlement" | "settleAccounts" | "finalizeSettlement" | "claimCredit" | "recordMean",
    args: readonly unknown[],
  ): Promise<void> {
    const contract =
      functionName === "recordMean"
        ? { address: this.connection.deployment.settlementPrice, abi: settlementPriceAbi }
        : this.ledger;
    try {
      await this.sender.send({ ...contract, functionName, args } as never);
    } catch (error) {
      if (!HARMLESS.includes(revertNameOf(error) ?? "")) throw error;
    }
  }
}

const nameOf = ({ marketId, expiry }: Series): string => `${marketId}-${expiry}`;
