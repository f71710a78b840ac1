import { clearinghouseAbi, marketOracleAbi } from "../chain/abis.ts";
import { revertNameOf } from "../chain/decodeError.ts";
import { expiryName, fromStrikeKey, fromStrikeWord } from "../chain/optionId.ts";
import { describeError } from "../runtime/errors.ts";
import type { Logger } from "../runtime/logger.ts";
import { AccountBook } from "../sdk/accountBook.ts";
import { BlockPages } from "../sdk/blockPages.ts";
import { type Connection, chainTime, type Sender } from "../sdk/client.ts";

/** Accounts settled by one transaction: far below what a block takes, and cheap to repeat. */
const BATCH = 20;
const OPEN = 0n;
const FINAL = 2n;
/** What the chain answers where somebody was faster, or where waiting helps. */
const HARMLESS = [
  "Clearinghouse_NotSettling",
  "Clearinghouse_AlreadyFinal",
  "Clearinghouse_DebtsPending",
  "Clearinghouse_ShortAccountsRemain",
  "Clearinghouse_NothingToSettle",
  "Clearinghouse_NoSettlementPrice",
  "SettlementPrice_Disputed",
];

interface Series {
  readonly marketId: number;
  readonly expiry: number;
}

/**
 * Brings every expired series to its end: fixes the settlement as soon as the oracle has its price, nets the accounts that hold it in
 * batches, fixes the payout ratio when nothing is pending, pays the credits of margin accounts, and later to all what debtors still
 * bring. Safe to run twice.
 */
export class Settler {
  private readonly sender: Sender;
  private readonly log: Logger;
  private readonly accounts: AccountBook;
  private readonly open = new Map<string, Series>();
  private readonly done = new Map<string, Series>();
  private readonly pages: BlockPages;

  constructor(sender: Sender, log: Logger) {
    this.sender = sender;
    this.log = log;
    this.accounts = new AccountBook(sender.connection);
    this.pages = new BlockPages(sender.connection.client, BigInt(sender.connection.deployment.deployedAtBlock));
  }

  /** Looks once, and takes each series one or more steps further. @returns How many series became final. */
  async look(): Promise<number> {
    await this.findPrices();
    if (this.open.size === 0 && this.done.size === 0) return 0;
    const accounts = await this.accounts.update();
    await this.collectLate(accounts);
    let finals = 0;
    for (const [name, series] of this.open) {
      try {
        if (!(await this.advance(series, accounts))) continue;
        this.open.delete(name);
        this.done.set(name, series);
        finals += 1;
        this.log.info({ expiry: expiryName(series.expiry) }, "settlement is final");
      } catch (error) {
        this.log.warn({ expiry: expiryName(series.expiry), reason: describeError(error) }, "not settled yet");
      }
    }
    return finals;
  }

  /** Expiries whose price the oracle has fixed since the last look. */
  private async findPrices(): Promise<void> {
    const { client, deployment } = this.connection;
    const prices = {
      address: deployment.marketOracle,
      abi: marketOracleAbi,
      eventName: "SettlementPriceFixed",
      strict: true,
    } as const;
    for await (const events of this.pages.read((range) => client.getContractEvents({ ...prices, ...range }))) {
      for (const { args } of events) {
        const { marketId, expiry } = args;
        const name = `${marketId}-${expiry}`;
        if (!this.done.has(name)) this.open.set(name, { marketId, expiry });
      }
    }
  }

  /** @returns Whether the series is final and all known credits are paid. */
  private async advance({ marketId, expiry }: Series, accounts: readonly bigint[]): Promise<boolean> {
    if ((await chainTime(this.connection)) < expiry) return false;
    const state = async () => (await this.read("expiryWord", [marketId, expiry])) & 0xffn;
    if ((await state()) === OPEN) await this.act("startSettlement", [marketId, expiry]);
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

  private async act(
    functionName: "startSettlement" | "settleAccounts" | "finalizeSettlement" | "claimCredit",
    args: readonly unknown[],
  ): Promise<void> {
    try {
      await this.sender.send({ ...this.ledger, functionName, args } as never);
    } catch (error) {
      if (!HARMLESS.includes(revertNameOf(error) ?? "")) throw error;
    }
  }
}
