import { type Address, formatUnits, parseEventLogs } from "viem";
import { clearinghouseAbi, insuranceFundAbi, liquidationAuctionAbi } from "../chain/abis.ts";
import { expiryName, toAccountId } from "../chain/optionId.ts";
import { MeniscusError } from "../runtime/errors.ts";
import { type Connection, chainTime, inWords, type Sender, toTokens } from "./client.ts";
import type { ProtocolEvent } from "./history.ts";

const inShares = (units: bigint): number => Number(formatUnits(units, 18));

/** The insurance fund and one stake in it, quote tokens and shares; times in Unix seconds. */
export interface InsuranceView {
  readonly quoteSymbol: string;
  /** What the fund's account holds. */
  readonly held: number;
  /** Debts of settlements that are not final. */
  readonly unpaidDebts: number;
  /** What accounts under liquidation may cost. */
  readonly provisions: number;
  /** What is left for stakers if both come true. */
  readonly assets: number;
  readonly shares: number;
  readonly sharePrice: number;
  readonly cooldownSeconds: number;
  readonly windowSeconds: number;
  /** Null where nobody is looked at. */
  readonly stake: {
    readonly owner: Address;
    readonly shares: number;
    readonly value: number;
    readonly cooling: number;
    readonly readyAt: number | null;
    readonly lapsesAt: number | null;
  } | null;
}

const fundOf = ({ deployment }: Connection) =>
  ({ address: deployment.insuranceFund, abi: insuranceFundAbi, blockTag: "pending" }) as const;

export async function readInsurance(connection: Connection, owner: Address | undefined): Promise<InsuranceView> {
  const { client, deployment } = connection;
  const fund = fundOf(connection);
  const ledger = { address: deployment.clearinghouse, abi: clearinghouseAbi, blockTag: "pending" } as const;
  const auction = {
    address: deployment.liquidationAuction,
    abi: liquidationAuctionAbi,
    blockTag: "pending",
  } as const;
  return await inWords(connection, async () => {
    const account = toAccountId(deployment.insuranceFund, 1);
    const [held, unpaidDebts, provisions, assets, supply, one, cooldownSeconds, windowSeconds, stake] =
      await Promise.all([
        client.readContract({ ...ledger, functionName: "cash", args: [account] }),
        client.readContract({ ...ledger, functionName: "unpaidDebts" }),
        client.readContract({ ...auction, functionName: "totalProvision" }),
        client.readContract({ ...fund, functionName: "totalAssets" }),
        client.readContract({ ...fund, functionName: "totalSupply" }),
        client.readContract({ ...fund, functionName: "convertToAssets", args: [10n ** 18n] }),
        client.readContract({ ...fund, functionName: "cooldownSeconds" }),
        client.readContract({ ...fund, functionName: "windowSeconds" }),
        owner === undefined ? null : readStake(connection, owner),
      ]);
    return {
      quoteSymbol: deployment.quoteSymbol,
      held: toTokens(connection, held),
      unpaidDebts: toTokens(connection, unpaidDebts),
      provisions: toTokens(connection, provisions),
      assets: toTokens(connection, assets),
      shares: inShares(supply),
      sharePrice: toTokens(connection, one),
      cooldownSeconds: Number(cooldownSeconds),
      windowSeconds: Number(windowSeconds),
      stake,
    };
  });
}

async function readStake(connection: Connection, owner: Address): Promise<NonNullable<InsuranceView["stake"]>> {
  const { client } = connection;
  const fund = fundOf(connection);
  const [shares, [cooling, readyAt, lapsesAt]] = await Promise.all([
    client.readContract({ ...fund, functionName: "balanceOf", args: [owner] }),
    client.readContract({ ...fund, functionName: "cooldownOf", args: [owner] }),
  ]);
  const value = await client.readContract({ ...fund, functionName: "convertToAssets", args: [shares] });
  return {
    owner,
    shares: inShares(shares),
    value: toTokens(connection, value),
    cooling: inShares(cooling),
    readyAt: readyAt === 0n ? null : Number(readyAt),
    lapsesAt: lapsesAt === 0n ? null : Number(lapsesAt),
  };
}

/** A stake that was made. */
export interface StakeResult {
  readonly assets: number;
  readonly shares: number;
  readonly hash: string;
}

export async function stakeInsurance(sender: Sender, assets: bigint): Promise<StakeResult> {
  const { connection } = sender;
  const { insuranceFund } = connection.deployment;
  await sender.requireBalance(assets);
  // The fund takes the tokens when the ledger asks it for them.
  const receipt = await sender.sendPaying(
    { address: insuranceFund, abi: insuranceFundAbi, functionName: "deposit", args: [assets, sender.address] },
    { spender: insuranceFund, amount: assets },
  );
  const made = parseEventLogs({ abi: insuranceFundAbi, eventName: "Deposit", logs: [...receipt.logs] })[0];
  if (!made) throw new MeniscusError("internal", `The stake left no trace (transaction ${receipt.hash}).`);
  return {
    assets: toTokens(connection, made.args.assets),
    shares: inShares(made.args.shares),
    hash: receipt.hash,
  };
}

/** What `unstake` did: it began the cooldown, or, inside the window, paid the shares out. */
export type UnstakeResult =
  | {
      readonly step: "cooling";
      readonly shares: number;
      readonly readyAt: number;
      readonly lapsesAt: number;
      readonly hash: string;
    }
  | { readonly step: "paid"; readonly shares: number; readonly assets: number; readonly hash: string };

/**
 * One step on the way out: starts the cooldown of the shares; called again inside the window, redeems them.
 *
 * @param wanted Shares in 1e18, or all.
 * @throws MeniscusError `market` while they cool down, saying until when.
 */
export async function unstakeInsurance(sender: Sender, wanted: bigint | "all"): Promise<UnstakeResult> {
  const { connection } = sender;
  const { client } = connection;
  const fund = fundOf(connection);
  const call = { address: fund.address, abi: fund.abi } as const;
  const [owned, [cooling, readyAt, lapsesAt], now] = await inWords(connection, () =>
    Promise.all([
      client.readContract({ ...fund, functionName: "balanceOf", args: [sender.address] }),
      client.readContract({ ...fund, functionName: "cooldownOf", args: [sender.address] }),
      chainTime(connection),
    ]),
  );
  if (owned === 0n) throw new MeniscusError("funds", `${sender.address} has no stake in the insurance fund.`);
  if (readyAt !== 0n && now <= Number(lapsesAt)) {
    const shares = wanted === "all" || wanted > cooling ? cooling : wanted;
    const receipt = await sender.send({
      ...call,
      functionName: "redeem",
      args: [shares, sender.address, sender.address],
    });
    const paid = parseEventLogs({ abi: insuranceFundAbi, eventName: "Withdraw", logs: [...receipt.logs] })[0];
    const assets = toTokens(connection, paid?.args.assets ?? 0n);
    return { step: "paid", shares: inShares(shares), assets, hash: receipt.hash };
  }
  const shares = wanted === "all" ? owned : wanted;
  const receipt = await sender.send({ ...call, functionName: "startCooldown", args: [shares] });
  const begun = parseEventLogs({ abi: insuranceFundAbi, eventName: "CooldownStarted", logs: [...receipt.logs] })[0];
  return {
    step: "cooling",
    shares: inShares(shares),
    readyAt: Number(begun?.args.readyAt ?? 0n),
    lapsesAt: Number(begun?.args.lapsesAt ?? 0n),
    hash: receipt.hash,
  };
}

/** One thing that happened to the fund's money, quote tokens; positive came in. */
export interface InsuranceEvent {
  readonly time: number;
  readonly block: number;
  readonly what: string;
  readonly amount: number;
}

/** Stakes, exits, losses covered and liquidations, oldest first. Fees of swaps are left out: `held` has them. */
export function insuranceHistory(connection: Connection, events: readonly ProtocolEvent[]): readonly InsuranceEvent[] {
  return events.flatMap((event) => {
    const moved = fundMovement(event, connection.words);
    if (!moved) return [];
    const { what, units } = moved;
    return [{ time: event.time, block: Number(event.blockNumber), what, amount: toTokens(connection, units) }];
  });
}

/** What an event did to the fund's money, quote units; undefined where it did nothing. */
function fundMovement(event: ProtocolEvent, words: Connection["words"]) {
  if (event.source === "fund") {
    switch (event.name) {
      case "Deposit":
        return { what: `stake of ${event.args.owner}`, units: event.args.assets };
      case "Withdraw":
        return { what: `paid out to ${event.args.receiver}`, units: -event.args.assets };
      case "Covered": {
        const { marketId, expiry, covered } = event.args;
        return { what: `covered ${words.symbolOf(marketId)}-${expiryName(expiry)}`, units: -covered };
      }
      default:
        return undefined;
    }
  }
  if (event.source !== "ledger" || event.name !== "Liquidated") return undefined;
  const { price, penalty } = event.args;
  if (price < 0n) return { what: "insolvent account taken over", units: price };
  return penalty > 0n ? { what: "penalty of a liquidation", units: penalty } : undefined;
}
