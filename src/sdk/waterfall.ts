import type { Address } from "viem";
import { type WaterfallRow, waterfall } from "../../pricing/waterfall.ts";
import { clearinghouseAbi, liquidationAuctionAbi } from "../chain/abis.ts";
import { accountInWords } from "../chain/decodeError.ts";
import { fromAccountId, toAccountId } from "../chain/optionId.ts";
import { MeniscusError } from "../runtime/errors.ts";
import { AccountBook } from "./accountBook.ts";
import { type Connection, inWords, toTokens } from "./client.ts";
import { type At, type Holdings, readHoldings, together } from "./holdings.ts";
import {
  baseSizeOf,
  type MarketFacts,
  marginPositions,
  marketCalls,
  marketFacts,
  readAverages,
} from "./marginFacts.ts";

const WAD = 1e18;

/** An account that would fail, quote tokens. */
export interface WaterfallDebtor {
  readonly owner: Address;
  readonly sub: number;
  /** `margin account 1 of 0x…`, `pool core`. */
  readonly name: string;
  readonly shortfall: number;
  readonly collateralLost: number;
}

/** One scenario of the initial grid, as if it happened now: shocks as shares, quote tokens. */
export interface WaterfallScenario {
  readonly spotShock: number;
  /** Relative, for a tenor of 30 days. */
  readonly volatilityShock: number;
  /** Front and back of the term structure move opposite ways. */
  readonly inverted: boolean;
  /** Accounts below zero. */
  readonly failing: number;
  readonly collateralLost: number;
  /** What failing accounts cannot pay: the fund's part, that of the pools behind it and what is left unpaid. */
  readonly shortfall: number;
  readonly fundPays: number;
  /** What pools pay that stand behind the fund. */
  readonly backstopsPay: number;
  readonly unpaid: number;
  /** What is due to holders. */
  readonly claims: number;
  /** The share of it that they get, see `waterfall`. */
  readonly payoutRatio: number;
  /** What LPs lose by their pools' own books; negative: they gain. What others leave unpaid to the pools or they pay for is not in it. */
  readonly poolsLoss: number;
  /** The pools' part of the shortfall. */
  readonly poolsShortfall: number;
  readonly worst: boolean;
  /** Who fails, the largest shortfall first. */
  readonly debtors: readonly WaterfallDebtor[];
}

/** Who would pay how much if a scenario of the margin grid came true at this block, quote tokens. */
export interface WaterfallView {
  readonly quoteSymbol: string;
  readonly marketId: number;
  readonly symbol: string;
  readonly block: number;
  /** Unix seconds. */
  readonly time: number;
  readonly spot: number;
  /** A larger move waits for confirmation: the scenarios start from there. */
  readonly unconfirmed: boolean;
  /** How many hold options of the market or owe to its settlements. */
  readonly accounts: number;
  readonly pools: number;
  readonly fund: {
    readonly held: number;
    /** Debts and provisions of other markets: not for this one. */
    readonly setAside: number;
    readonly unpaidDebts: number;
    readonly provisions: number;
    readonly target: number;
    /** What pools can pay behind it. */
    readonly backstops: number;
    /** The chain's own sum: each account in its own worst scenario, as of when it was last touched; pools are not in it. */
    readonly stressLoss: number;
  };
  /** The present first. */
  readonly scenarios: readonly WaterfallScenario[];
}

/**
 * Reads every account of a market and the fund at the latest block, and works out the waterfall of each scenario of the initial grid. The
 * fund is one for all markets: here it pays for one of them alone.
 *
 * @param marketId By default the deployment's first.
 * @throws MeniscusError `usage` where there is no such market; `market` where the oracle has no price for what is held.
 */
export async function readWaterfall(connection: Connection, marketId?: number): Promise<WaterfallView> {
  const { client, deployment } = connection;
  const market = deployment.markets.find((candidate) => marketId === undefined || candidate.marketId === marketId);
  if (!market) {
    const known = deployment.markets.map((each) => `${each.marketId} (${each.symbol})`).join(", ");
    throw new MeniscusError("usage", `There is no market ${marketId}.`, { hint: `There is ${known}: --market N.` });
  }
  return await inWords(connection, async () => {
    const { number: blockNumber, timestamp } = await client.getBlock({ blockTag: "latest" });
    const at = { blockNumber };
    const named = await new AccountBook(connection).update();
    const all = await readHoldings(connection, named, at);
    const holdings = all.filter((account) => account.marketId === market.marketId);
    const expiries = [...new Set(holdings.flatMap(({ strikes }) => strikes.map(({ expiry }) => expiry)))];
    const [words, averages, fund, backstops] = await Promise.all([
      client.multicall({ contracts: marketCalls(connection, market.marketId, expiries), ...together, ...at }),
      readAverages(connection, market.marketId, expiries, at),
      readFund(connection, holdings, at),
      readBackstops(connection, market.marketId, holdings, at),
    ]);
    const facts = marketFacts(connection, market.marketId, expiries, words, averages);
    const surface = facts.unconfirmed ?? facts.confirmed;
    if (surface.spotWad === 0n) {
      throw new MeniscusError("market", `The oracle has not reported ${market.symbol} yet.`, {
        hint: "Try again in a moment; `meniscus oracle status` shows how far it is.",
        retryable: true,
      });
    }
    const rows = rowsOf(facts, holdings, backstops, fund.held - fund.setAside);
    const tokens = (units: bigint) => toTokens(connection, units);
    return {
      quoteSymbol: deployment.quoteSymbol,
      marketId: market.marketId,
      symbol: market.symbol,
      block: Number(blockNumber),
      time: Number(timestamp),
      spot: Number(surface.spotWad) / WAD,
      unconfirmed: facts.unconfirmed !== undefined,
      accounts: holdings.filter(({ isMaker }) => !isMaker).length,
      pools: holdings.filter(({ isMaker }) => isMaker).length,
      fund: {
        held: tokens(fund.held),
        setAside: tokens(fund.setAside),
        unpaidDebts: tokens(fund.unpaidDebts),
        provisions: tokens(fund.provisions),
        target: tokens(fund.target),
        backstops: tokens([...backstops.values()].reduce((sum, room) => sum + room, 0n)),
        stressLoss: tokens(fund.stressLoss),
      },
      scenarios: rows.map((row) => scenarioView(connection, holdings, row)),
    };
  });
}

function rowsOf(
  facts: MarketFacts,
  holdings: readonly Holdings[],
  backstops: ReadonlyMap<bigint, bigint>,
  fund: bigint,
): readonly WaterfallRow[] {
  return waterfall({
    scenarios: facts.initial,
    market: facts.unconfirmed ?? facts.confirmed,
    disagreementWad: facts.disagreementWad,
    quoteDecimals: facts.quoteDecimals,
    accounts: holdings.map((account) => ({
      positions: marginPositions(facts, account),
      baseSize: baseSizeOf(facts, account),
      cash: account.cash,
      debt: account.openDebt,
      credit: account.credit,
      isMaker: account.isMaker,
      backstop: backstops.get(account.account) ?? 0n,
    })),
    fund,
  });
}

/** The insurance fund, quote units. What accounts of this market owe or may cost is not set aside: the waterfall has it in them. */
async function readFund(connection: Connection, holdings: readonly Holdings[], at: At) {
  const { client, deployment } = connection;
  const ledger = { address: deployment.clearinghouse, abi: clearinghouseAbi } as const;
  const auctions = { address: deployment.liquidationAuction, abi: liquidationAuctionAbi } as const;
  const [[held, unpaidDebts, target, stressLoss, provisions], running] = await Promise.all([
    client.multicall({
      contracts: [
        { ...ledger, functionName: "cash", args: [toAccountId(deployment.insuranceFund, 1)] },
        { ...ledger, functionName: "unpaidDebts" },
        { ...ledger, functionName: "insuranceTarget" },
        { ...ledger, functionName: "stressLoss" },
        { ...auctions, functionName: "totalProvision" },
      ] as const,
      ...together,
      ...at,
    }),
    client.multicall({
      contracts: holdings.map(({ account }) => ({ ...auctions, functionName: "auction", args: [account] }) as const),
      ...together,
      ...at,
    }),
  ]);
  const ownDebts = holdings.reduce((sum, { openDebt }) => sum + openDebt, 0n);
  const ownProvisions = running.reduce((sum, { provision }) => sum + provision, 0n);
  const setAside = unpaidDebts - ownDebts + provisions - ownProvisions;
  return { held, unpaidDebts, target, stressLoss, provisions, setAside };
}

/** What each pool can pay behind the fund, quote units: its cap, or the cash that its own book does not need. */
async function readBackstops(
  connection: Connection,
  marketId: number,
  holdings: readonly Holdings[],
  at: At,
): Promise<ReadonlyMap<bigint, bigint>> {
  const ledger = { address: connection.deployment.clearinghouse, abi: clearinghouseAbi } as const;
  const makers = holdings.filter(({ isMaker }) => isMaker);
  const [caps, requirements] = await Promise.all([
    connection.client.multicall({
      contracts: makers.map(
        ({ account }) => ({ ...ledger, functionName: "backstopCap", args: [account, marketId] }) as const,
      ),
      ...together,
      ...at,
    }),
    connection.client.multicall({
      contracts: makers.map(({ account }) => ({ ...ledger, functionName: "requirement", args: [account] }) as const),
      ...together,
      ...at,
    }),
  ]);
  return new Map(
    makers.map(({ account, cash }, i) => {
      const needed = requirements[i]! > 0n ? requirements[i]! : 0n;
      const free = cash > needed ? cash - needed : 0n;
      return [account, free < caps[i]! ? free : caps[i]!];
    }),
  );
}

function scenarioView(connection: Connection, holdings: readonly Holdings[], row: WaterfallRow): WaterfallScenario {
  const tokens = (units: bigint) => toTokens(connection, units);
  const debtors = row.accounts
    .map(({ shortfall, collateral }, i) => ({
      ...fromAccountId(holdings[i]!.account),
      name: accountInWords(holdings[i]!.account, connection.words),
      shortfall: tokens(shortfall),
      collateralLost: tokens(collateral),
    }))
    .filter(({ shortfall }) => shortfall > 0);
  return {
    spotShock: Number(row.spotShockWad) / WAD,
    volatilityShock: Number(row.volatilityShockWad) / WAD,
    inverted: row.isInverted,
    failing: row.failing,
    collateralLost: tokens(row.collateralLost),
    shortfall: tokens(row.shortfall),
    fundPays: tokens(row.fundPays),
    backstopsPay: tokens(row.backstopsPay),
    unpaid: tokens(row.unpaid),
    claims: tokens(row.claims),
    payoutRatio: Number(row.payoutRatioWad) / WAD,
    poolsLoss: tokens(row.makersLoss),
    poolsShortfall: tokens(row.makersShortfall),
    worst: row.isWorst,
    debtors: debtors.toSorted((a, b) => b.shortfall - a.shortfall),
  };
}
