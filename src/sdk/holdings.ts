import { clearinghouseAbi } from "../chain/abis.ts";
import { fromStrikeKey, fromStrikeWord } from "../chain/optionId.ts";
import { type Connection, readEvents } from "./client.ts";

/** The block whose state is read: one that is mined, or the one that would be mined now. */
export type At = { readonly blockNumber: bigint } | { readonly blockTag: "pending" };

/** Calls of one request, counted in their bytes; where there are more, several requests are made. */
const REQUEST_BYTES = 16_384;

/** How calls are read together: without a contract on the chain, and a failure fails all. */
export const together = { allowFailure: false, deployless: true, batchSize: REQUEST_BYTES } as const;

/** Calls and puts of one strike, in millionths of a contract, signed. */
export interface StrikeHolding {
  readonly expiry: number;
  /** In quote tokens. */
  readonly strike: number;
  readonly calls: bigint;
  readonly puts: bigint;
}

/** What the ledger holds of a margin account, quote units unless named otherwise. */
export interface Holdings {
  readonly account: bigint;
  /** The market of its options; without any, that of the settlement it owes to; null where there is neither. */
  readonly marketId: number | null;
  readonly strikes: readonly StrikeHolding[];
  readonly cash: bigint;
  /** What it owes to settlements. */
  readonly debt: bigint;
  /** The part of it that is owed to settlements which are not final. */
  readonly openDebt: bigint;
  /** Due from settlements at most, before payout ratios. */
  readonly credit: bigint;
  /** Base collateral that counts, the one of its market, in the base token's units. */
  readonly base: bigint;
  readonly isMaker: boolean;
}

/** What the ledger holds of each account, in their order. */
export async function readHoldings(
  connection: Connection,
  accounts: readonly bigint[],
  at: At,
): Promise<readonly Holdings[]> {
  if (accounts.length === 0) return [];
  const { client, deployment } = connection;
  const ledger = { address: deployment.clearinghouse, abi: clearinghouseAbi } as const;
  const options = { ...together, ...at };
  const [words, cash, debts, credits, makers] = await Promise.all([
    client.multicall({
      contracts: accounts.map((account) => ({ ...ledger, functionName: "strikes", args: [account] }) as const),
      ...options,
    }),
    client.multicall({
      contracts: accounts.map((account) => ({ ...ledger, functionName: "cash", args: [account] }) as const),
      ...options,
    }),
    client.multicall({
      contracts: accounts.map((account) => ({ ...ledger, functionName: "debt", args: [account] }) as const),
      ...options,
    }),
    client.multicall({
      contracts: accounts.map((account) => ({ ...ledger, functionName: "pendingCredit", args: [account] }) as const),
      ...options,
    }),
    client.multicall({
      contracts: accounts.map((account) => ({ ...ledger, functionName: "isMaker", args: [account] }) as const),
      ...options,
    }),
  ]);
  const debtsOf = await readDebts(
    connection,
    accounts.filter((_, i) => debts[i] !== 0n),
  );
  const markets = accounts.map((account, i) => {
    const [word] = words[i]!;
    return word === undefined
      ? (debtsOf.get(account)?.owingMarket ?? null)
      : fromStrikeKey(fromStrikeWord(word).key).marketId;
  });
  // Market 0 is none, and nobody has base of it.
  const bases = await client.multicall({
    contracts: accounts.map(
      (account, i) => ({ ...ledger, functionName: "base", args: [account, markets[i] ?? 0] }) as const,
    ),
    ...options,
  });
  return accounts.map((account, i) => ({
    account,
    marketId: markets[i]!,
    strikes: words[i]!.map((word) => {
      const { key, calls, puts } = fromStrikeWord(word);
      const { expiry, strike } = fromStrikeKey(key);
      return { expiry, strike, calls, puts };
    }),
    cash: cash[i]!,
    debt: debts[i]!,
    openDebt: debtsOf.get(account)?.open ?? 0n,
    credit: credits[i]!,
    base: bases[i]!,
    isMaker: makers[i]!,
  }));
}

/** What the ledger keeps of an account's debts and no view of it tells, found in its events. */
interface Debts {
  /** The market of the settlement that it last failed to pay: its base there stands for all that it owes. */
  readonly owingMarket: number;
  /** Owed to settlements that are not final, quote units. */
  readonly open: bigint;
}

async function readDebts(connection: Connection, debtors: readonly bigint[]): Promise<ReadonlyMap<bigint, Debts>> {
  if (debtors.length === 0) return new Map();
  const { client, deployment } = connection;
  const ledger = { address: deployment.clearinghouse, abi: clearinghouseAbi, strict: true } as const;
  const args = { account: [...debtors] };
  const [settled, collected, final] = await Promise.all([
    readEvents(connection, (range) =>
      client.getContractEvents({ ...ledger, eventName: "AccountSettled", args, ...range }),
    ),
    readEvents(connection, (range) =>
      client.getContractEvents({ ...ledger, eventName: "DebtCollected", args, ...range }),
    ),
    readEvents(connection, (range) => client.getContractEvents({ ...ledger, eventName: "SettlementFinal", ...range })),
  ]);
  const expiryOf = ({ marketId, expiry }: { readonly marketId: number; readonly expiry: number }) =>
    `${marketId}-${expiry}`;
  const finals = new Set(final.map((event) => expiryOf(event.args)));
  return new Map(
    debtors.map((account) => {
      const failures = settled.filter((event) => event.args.account === account && event.args.unpaid > 0n);
      // Oldest first, and collected after it was owed: the last of an expiry says what is left.
      const left = new Map(
        [...failures, ...collected.filter((event) => event.args.account === account)].map((event) => [
          expiryOf(event.args),
          event.args.unpaid,
        ]),
      );
      const open = [...left].reduce((sum, [expiry, unpaid]) => (finals.has(expiry) ? sum : sum + unpaid), 0n);
      return [account, { owingMarket: failures.at(-1)?.args.marketId ?? 0, open }];
    }),
  );
}
