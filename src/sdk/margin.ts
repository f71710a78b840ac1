/** What a margin account wants to know of its margin: by grid, by scenario, by option, where it is sold, and at what price. */
import type { Address } from "viem";
import { type MarginFacts, type MarginValues, scenarioMargin } from "../../pricing/fixed/index.ts";
import { contributions, liquidationSpots, scenarioTable } from "../../pricing/scenarioMargin.ts";
import { clearinghouseAbi, liquidationAuctionAbi } from "../chain/abis.ts";
import { fromSize, optionName, toAccountId } from "../chain/optionId.ts";
import { type Connection, inWords, toTokens } from "./client.ts";
import { readHoldings, type StrikeHolding, together } from "./holdings.ts";
import { baseSizeOf, marginPositions, marketCalls, marketFacts, readAverages } from "./marginFacts.ts";

const [GRID_INITIAL, GRID_MAINTENANCE] = [0, 1] as const;
const WAD = 1e18;

/** An account against one of its market's grids, quote tokens. */
export interface GridView {
  /** Cash and present value of all, debts deducted; for maintenance with what settlements owe the account. */
  readonly equity: number;
  /** What is left of it in the worst scenario: negative where margin is missing. */
  readonly worst: number;
  /** Equity less that. */
  readonly required: number;
  /** The part of equity that margin takes: 1 and more where it is missing; null without equity. */
  readonly used: number | null;
  /** What is added for shorts, skew and basis, inside `required`. */
  readonly contingency: number;
  readonly scenarios: readonly ScenarioView[];
  /** Worst in the units of the quote token, as the chain says it and as worked out here: equal. */
  readonly worstUnits: { readonly chain: bigint; readonly twin: bigint };
}

/** One scenario of a grid: shocks as shares, changes of value against now in quote tokens. */
export interface ScenarioView {
  readonly spotShock: number;
  /** Relative, for a tenor of 30 days. */
  readonly volatilityShock: number;
  /** Front and back of the term structure move opposite ways. */
  readonly inverted: boolean;
  /** How much of a loss counts. */
  readonly weight: number;
  readonly change: number;
  /** What counts of it. */
  readonly counted: number;
  readonly worst: boolean;
}

/** One strike of an account and what it does to maintenance margin, quote tokens. */
export interface StrikeView {
  readonly options: readonly { readonly name: string; readonly contracts: number }[];
  readonly value: number;
  /** What it is worth where the account is worth least. */
  readonly inWorst: number;
  /** Margin that it needs beside the others: negative where it hedges them. */
  readonly margin: number;
}

/** An auction that runs, quote tokens. */
export interface AuctionView {
  readonly startedAt: number;
  /** Deducted from the value of insurance shares meanwhile. */
  readonly provision: number;
  /** Of the whole account now; negative: the insurance fund pays. */
  readonly price: number;
  readonly gross: number;
  /** The largest share that may be bid for. */
  readonly maxShare: number;
}

export interface MarginView {
  readonly quoteSymbol: string;
  readonly marketId: number;
  readonly spot: number;
  readonly initial: GridView;
  readonly maintenance: GridView;
  readonly strikes: readonly StrikeView[];
  /** Nearest spots at which maintenance margin is gone, all else as now; null where there is none from a quarter of spot to four times. */
  readonly liquidation: { readonly below: number | null; readonly above: number | null };
  readonly auction: AuctionView | null;
}

/**
 * Reads what depends on time in one call at the pending block, so that it belongs to one second, and works the rest out with the chain's
 * own arithmetic. Base collateral of an account without options counts while it owes to a settlement, as the ledger counts it.
 *
 * @param sub 1 to 255; a wallet has no margin.
 */
export async function readMargin(connection: Connection, owner: Address, sub: number): Promise<MarginView> {
  const { deployment } = connection;
  return await inWords(connection, async () => {
    const holdings = (await readHoldings(connection, [toAccountId(owner, sub)], { blockTag: "pending" }))[0]!;
    const { strikes, cash, debt, credit } = holdings;
    // Without options and debts no market counts: any of them shows an empty account.
    const marketId = holdings.marketId ?? deployment.markets[0]?.marketId ?? 1;
    const chain = await readChain(connection, holdings.account, marketId, [
      ...new Set(strikes.map(({ expiry }) => expiry)),
    ]);
    const { facts } = chain;
    const positions = marginPositions(facts, holdings);
    const common = {
      contingencies: facts.contingencies,
      positions,
      baseSize: baseSizeOf(facts, holdings),
      confirmed: facts.confirmed,
      ...(facts.unconfirmed && { unconfirmed: facts.unconfirmed }),
      disagreementWad: facts.disagreementWad,
      staleSpotWad: facts.staleSpotWad,
      quoteDecimals: facts.quoteDecimals,
    };
    const initial: MarginFacts = { ...common, scenarios: facts.initial };
    const maintenance: MarginFacts = { ...common, scenarios: facts.maintenance };
    const own = cash - debt;
    const tokens = (units: bigint) => toTokens(connection, units);
    const parts = contributions(maintenance);
    // A move that waits for confirmation counts now: the level is where spot stands, whatever it would be were the move dropped.
    const here = facts.confirmed.spotWad;
    const isHealthy = chain.maintenance[0] >= 0n;
    const spots = isHealthy ? liquidationSpots(maintenance, own + credit) : { below: here, above: here };
    const atSpot = (wad: bigint | undefined) => (wad === undefined ? null : Number(wad) / WAD);
    return {
      quoteSymbol: deployment.quoteSymbol,
      marketId,
      spot: Number(facts.confirmed.spotWad) / WAD,
      initial: gridView(initial, own, chain.initial, tokens),
      maintenance: gridView(maintenance, own + credit, chain.maintenance, tokens),
      strikes: positions.map((position, i) => {
        const { mid } = scenarioMargin({ ...maintenance, positions: [position], baseSize: 0n });
        return {
          options: optionsOf(connection.words.symbolOf(marketId), strikes[i]!),
          value: tokens(mid),
          inWorst: tokens(parts[i]!.inWorst),
          margin: tokens(parts[i]!.marginal + mid),
        };
      }),
      liquidation: { below: atSpot(spots.below), above: atSpot(spots.above) },
      auction: auctionView(chain.auction, chain.lot, tokens),
    };
  });
}

function gridView(
  facts: MarginFacts,
  own: bigint,
  [worst, equity]: readonly [bigint, bigint],
  tokens: (units: bigint) => number,
): GridView {
  const values: MarginValues = scenarioMargin(facts);
  const rows = scenarioTable(facts);
  const present = rows[0]?.value ?? 0n;
  return {
    equity: tokens(equity),
    worst: tokens(worst),
    required: tokens(equity - worst),
    used: equity > 0n ? Number(equity - worst) / Number(equity) : null,
    contingency: tokens(values.contingency),
    scenarios: rows.map((row) => ({
      spotShock: Number(row.spotShockWad) / WAD,
      volatilityShock: Number(row.volatilityShockWad) / WAD,
      inverted: row.isInverted,
      weight: Number(row.weightPercent) / 100,
      change: tokens(row.value - present),
      counted: tokens(row.weighted - present),
      worst: row.isWorst,
    })),
    worstUnits: { chain: worst, twin: values.worst + own },
  };
}

function optionsOf(symbol: string, { expiry, strike, calls, puts }: StrikeHolding): StrikeView["options"] {
  return [
    { name: optionName(symbol, { expiry, strike, kind: "call" }), contracts: fromSize(calls) },
    { name: optionName(symbol, { expiry, strike, kind: "put" }), contracts: fromSize(puts) },
  ].filter(({ contracts }) => contracts !== 0);
}

function auctionView(
  { startedAt, provision }: { readonly startedAt: number; readonly provision: bigint },
  { gross, price, maxShareWad }: { readonly gross: bigint; readonly price: bigint; readonly maxShareWad: bigint },
  tokens: (units: bigint) => number,
): AuctionView | null {
  if (startedAt === 0) return null;
  return {
    startedAt,
    provision: tokens(provision),
    price: tokens(price),
    gross: tokens(gross),
    maxShare: Number(maxShareWad) / WAD,
  };
}

// ───────────────────────────── One call ─────────────────────────────

/** The market and what the chain says of the account on it, all of one second. */
async function readChain(connection: Connection, account: bigint, marketId: number, expiries: readonly number[]) {
  const { client, deployment } = connection;
  const ledger = { address: deployment.clearinghouse, abi: clearinghouseAbi } as const;
  const auctions = { address: deployment.liquidationAuction, abi: liquidationAuctionAbi } as const;
  const at = { blockTag: "pending" } as const;
  const [[held, waiting, waits, grids, stale, initial, maintenance, auction, lot], averages] = await Promise.all([
    client.multicall({
      contracts: [
        ...marketCalls(connection, marketId, expiries),
        { ...ledger, functionName: "health", args: [account, GRID_INITIAL] },
        { ...ledger, functionName: "health", args: [account, GRID_MAINTENANCE] },
        { ...auctions, functionName: "auction", args: [account] },
        { ...auctions, functionName: "lot", args: [account] },
      ] as const,
      ...together,
      ...at,
    }),
    readAverages(connection, marketId, expiries, at),
  ]);
  const facts = marketFacts(connection, marketId, expiries, [held, waiting, waits, grids, stale], averages);
  return { facts, initial, maintenance, auction, lot };
}
