/** What a margin account wants to know of its margin: by grid, by scenario, by option, where it is sold, and at what price. */
import type { Address, ContractFunctionReturnType } from "viem";
import {
  type MarginBoard,
  type MarginFacts,
  type MarginMarket,
  type MarginPosition,
  type MarginValues,
  scenarioMargin,
  unpackGrid,
} from "../../pricing/fixed/index.ts";
import { contributions, liquidationSpots, scenarioTable } from "../../pricing/scenarioMargin.ts";
import { clearinghouseAbi, liquidationAuctionAbi, marketOracleAbi, riskEngineAbi } from "../chain/abis.ts";
import { fromSize, fromStrikeKey, fromStrikeWord, optionName, toAccountId, toStrikeE6 } from "../chain/optionId.ts";
import { type Connection, inWords, toTokens } from "./client.ts";

const [MOMENT_NOW, MOMENT_UNCONFIRMED] = [1, 3] as const;
const [GRID_INITIAL, GRID_MAINTENANCE] = [0, 1] as const;
const AVERAGING_SECONDS = 1_800n;
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

type BoardWords = ContractFunctionReturnType<typeof marketOracleAbi, "view", "boards">[1];

/**
 * Reads everything in one call at the pending block, so that it belongs to one second, and works the rest out with the chain's own
 * arithmetic.
 *
 * @param sub 1 to 255; a wallet has no margin.
 */
export async function readMargin(connection: Connection, owner: Address, sub: number): Promise<MarginView> {
  const { client, deployment } = connection;
  const account = toAccountId(owner, sub);
  const ledger = { address: deployment.clearinghouse, abi: clearinghouseAbi } as const;
  return await inWords(connection, async () => {
    const call = { ...ledger, functionName: "strikes", args: [account], blockTag: "pending" } as const;
    const words = (await client.readContract(call)).map(fromStrikeWord);
    const keys = words.map(({ key }) => fromStrikeKey(key));
    const marketId = keys[0]?.marketId ?? deployment.markets[0]?.marketId ?? 1;
    const expiries = [...new Set(keys.map(({ expiry }) => expiry))];
    const chain = await readChain(connection, account, marketId, expiries);

    const positions = words.map(
      ({ calls, puts }, i): MarginPosition => ({
        strikeWad: toStrikeE6(keys[i]!.strike) * 10n ** 12n,
        calls,
        puts,
        board: expiries.indexOf(keys[i]!.expiry),
      }),
    );
    const decimals = deployment.markets.find((market) => market.marketId === marketId)?.baseDecimals ?? 18;
    const common = {
      contingencies: chain.grids.contingencies,
      positions,
      // Base counts beside options alone: the ledger asks no price for an account that holds none.
      baseSize: words.length === 0 ? 0n : (chain.base * 1_000_000n) / 10n ** BigInt(decimals),
      confirmed: chain.confirmed,
      ...(chain.unconfirmed && { unconfirmed: chain.unconfirmed }),
      disagreementWad: chain.disagreementWad,
      quoteDecimals: deployment.quoteDecimals,
    };
    const initial: MarginFacts = { ...common, scenarios: unpackGrid(chain.grids.initial) };
    const maintenance: MarginFacts = { ...common, scenarios: unpackGrid(chain.grids.maintenance) };
    const own = chain.cash - chain.debt;
    const tokens = (units: bigint) => toTokens(connection, units);
    const parts = contributions(maintenance);
    // A move that waits for confirmation counts now: the level is where spot stands, whatever it would be were the move dropped.
    const here = chain.confirmed.spotWad;
    const isHealthy = chain.maintenance[0] >= 0n;
    const spots = isHealthy ? liquidationSpots(maintenance, own + chain.credit) : { below: here, above: here };
    const atSpot = (wad: bigint | undefined) => (wad === undefined ? null : Number(wad) / WAD);
    return {
      quoteSymbol: deployment.quoteSymbol,
      marketId,
      spot: Number(chain.confirmed.spotWad) / WAD,
      initial: gridView(initial, own, chain.initial, tokens),
      maintenance: gridView(maintenance, own + chain.credit, chain.maintenance, tokens),
      strikes: positions.map((position, i) => {
        const { mid } = scenarioMargin({ ...maintenance, positions: [position], baseSize: 0n });
        return {
          options: optionsOf(connection.words.symbolOf(marketId), keys[i]!, position),
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
  return {
    equity: tokens(equity),
    worst: tokens(worst),
    required: tokens(equity - worst),
    used: equity > 0n ? Number(equity - worst) / Number(equity) : null,
    contingency: tokens(values.contingency),
    scenarios: scenarioTable(facts).map((row) => ({
      spotShock: Number(row.spotShockWad) / WAD,
      volatilityShock: Number(row.volatilityShockWad) / WAD,
      inverted: row.isInverted,
      weight: Number(row.weightPercent) / 100,
      change: tokens(row.value - values.scenarios[0]!.value),
      counted: tokens(row.weighted - values.scenarios[0]!.value),
      worst: row.isWorst,
    })),
    worstUnits: { chain: worst, twin: values.worst + own },
  };
}

function optionsOf(
  symbol: string,
  { expiry, strike }: { readonly expiry: number; readonly strike: number },
  { calls, puts }: MarginPosition,
): StrikeView["options"] {
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

/** What the chain says of an account, all of one second. */
async function readChain(
  { client, deployment }: Connection,
  account: bigint,
  marketId: number,
  expiries: readonly number[],
) {
  const ledger = { address: deployment.clearinghouse, abi: clearinghouseAbi } as const;
  const oracle = { address: deployment.marketOracle, abi: marketOracleAbi } as const;
  const auctions = { address: deployment.liquidationAuction, abi: liquidationAuctionAbi } as const;
  const risk = { address: deployment.riskEngine, abi: riskEngineAbi } as const;
  const options = { allowFailure: false, deployless: true, batchSize: 0, blockTag: "pending" } as const;
  const facts = client.multicall({
    contracts: [
      { ...ledger, functionName: "cash", args: [account] },
      { ...ledger, functionName: "debt", args: [account] },
      { ...ledger, functionName: "pendingCredit", args: [account] },
      { ...ledger, functionName: "base", args: [account, marketId] },
      { ...ledger, functionName: "health", args: [account, GRID_INITIAL] },
      { ...ledger, functionName: "health", args: [account, GRID_MAINTENANCE] },
      { ...oracle, functionName: "boards", args: [marketId, expiries, MOMENT_NOW] },
      { ...oracle, functionName: "boards", args: [marketId, expiries, MOMENT_UNCONFIRMED] },
      { ...oracle, functionName: "unconfirmed", args: [marketId] },
      { ...risk, functionName: "grids", args: [marketId] },
      { ...auctions, functionName: "auction", args: [account] },
      { ...auctions, functionName: "lot", args: [account] },
    ] as const,
    ...options,
  });
  // These change with reports alone, not with time.
  const running = client.multicall({
    contracts: expiries.map((expiry) => {
      return { ...oracle, functionName: "runningAverage", args: [marketId, expiry] } as const;
    }),
    ...options,
  });
  const [cash, debt, credit, base, initial, maintenance, [state, boards], [, waiting], waits, grids, auction, lot] =
    await facts;
  const averages = await running;
  const marketOf = (words: BoardWords, spotWad: bigint): MarginMarket => ({
    spotWad,
    boards: words.map((board, i) => marginBoard(board, averages[i] ?? [0n, 0n])),
  });
  const waitingSpot = waits.spotWad === 0n ? state.spotWad : waits.spotWad;
  return {
    cash,
    debt,
    credit,
    base,
    initial,
    maintenance,
    grids,
    auction,
    lot,
    disagreementWad: state.disagreementWad,
    confirmed: marketOf(boards, state.spotWad),
    unconfirmed: state.unconfirmed ? marketOf(waiting, waitingSpot) : undefined,
  };
}

/** Outside the averaging window nothing of it has passed, so that nothing of the forward is fixed. */
function marginBoard(board: BoardWords[number], [average, elapsed]: readonly [bigint, bigint]): MarginBoard {
  return { ...board, fixedWad: board.settled ? 0n : (average * elapsed) / AVERAGING_SECONDS };
}
