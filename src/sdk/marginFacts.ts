/** What the arithmetic of margin needs to know, as the chain says it: a market's surface and grids, an account's holdings on them. */
import type { ContractFunctionReturnType } from "viem";
import {
  type MarginBoard,
  type MarginFacts,
  type MarginMarket,
  type MarginPosition,
  type MarginScenario,
  unpackGrid,
} from "../../pricing/fixed/index.ts";
import { marketOracleAbi, riskEngineAbi } from "../chain/abis.ts";
import { toStrikeE6 } from "../chain/optionId.ts";
import type { Connection } from "./client.ts";
import { type At, type Holdings, together } from "./holdings.ts";

const [MOMENT_UNCONFIRMED, MOMENT_HELD] = [3, 4] as const;
const AVERAGING_SECONDS = 1_800n;

/** A market at one second: everything that margin depends on and accounts share. */
export interface MarketFacts {
  /** The expiries of the boards, in their order. */
  readonly expiries: readonly number[];
  readonly confirmed: MarginMarket;
  /** While a larger move waits for confirmation. */
  readonly unconfirmed: MarginMarket | undefined;
  /** How far the reporters differ, with what an old surface adds. */
  readonly disagreementWad: bigint;
  readonly staleSpotWad: bigint;
  readonly contingencies: MarginFacts["contingencies"];
  readonly initial: readonly MarginScenario[];
  readonly maintenance: readonly MarginScenario[];
  readonly baseDecimals: number;
  readonly quoteDecimals: number;
}

type OracleWords<TName extends "boards" | "unconfirmed"> = ContractFunctionReturnType<
  typeof marketOracleAbi,
  "view",
  TName
>;

/** The answers to `marketCalls`, in their order. */
export type MarketWords = readonly [
  held: OracleWords<"boards">,
  waiting: OracleWords<"boards">,
  waits: OracleWords<"unconfirmed">,
  grids: ContractFunctionReturnType<typeof riskEngineAbi, "view", "grids">,
  stale: ContractFunctionReturnType<typeof riskEngineAbi, "view", "staleness">,
];

/** The calls behind `marketFacts`: whoever asks the chain more than these asks it in one request, so that all is of one second. */
export function marketCalls({ deployment }: Connection, marketId: number, expiries: readonly number[]) {
  const oracle = { address: deployment.marketOracle, abi: marketOracleAbi } as const;
  const riskEngine = { address: deployment.riskEngine, abi: riskEngineAbi } as const;
  return [
    { ...oracle, functionName: "boards", args: [marketId, expiries, MOMENT_HELD] },
    { ...oracle, functionName: "boards", args: [marketId, expiries, MOMENT_UNCONFIRMED] },
    { ...oracle, functionName: "unconfirmed", args: [marketId] },
    { ...riskEngine, functionName: "grids", args: [marketId] },
    { ...riskEngine, functionName: "staleness", args: [marketId] },
  ] as const;
}

export type Averages = readonly (readonly [average: bigint, elapsed: bigint])[];

/** The running averages of the expiries: they change with reports alone, not with time. */
export async function readAverages(
  { client, deployment }: Connection,
  marketId: number,
  expiries: readonly number[],
  at: At,
): Promise<Averages> {
  const oracle = { address: deployment.marketOracle, abi: marketOracleAbi } as const;
  return await client.multicall({
    contracts: expiries.map(
      (expiry) => ({ ...oracle, functionName: "runningAverage", args: [marketId, expiry] }) as const,
    ),
    ...together,
    ...at,
  });
}

/** What the chain said, in the terms of the arithmetic. */
export function marketFacts(
  { deployment }: Connection,
  marketId: number,
  expiries: readonly number[],
  [[state, boards], [, waiting], waits, grids, [staleVolatilityWad, staleSpotWad]]: MarketWords,
  averages: Averages,
): MarketFacts {
  const marketOf = (words: OracleWords<"boards">[1], spotWad: bigint): MarginMarket => ({
    spotWad,
    boards: words.map((board, i) => marginBoard(board, averages[i] ?? [0n, 0n])),
  });
  const waitingSpot = waits.spotWad === 0n ? state.spotWad : waits.spotWad;
  return {
    expiries,
    confirmed: marketOf(boards, state.spotWad),
    unconfirmed: state.unconfirmed ? marketOf(waiting, waitingSpot) : undefined,
    disagreementWad: state.disagreementWad + staleVolatilityWad,
    staleSpotWad,
    contingencies: grids.contingencies,
    initial: unpackGrid(grids.initial),
    maintenance: unpackGrid(grids.maintenance),
    baseDecimals: deployment.markets.find((market) => market.marketId === marketId)?.baseDecimals ?? 18,
    quoteDecimals: deployment.quoteDecimals,
  };
}

/** Outside the averaging window nothing of it has passed, so that nothing of the forward is fixed. */
function marginBoard(
  board: OracleWords<"boards">[1][number],
  [average, elapsed]: readonly [bigint, bigint],
): MarginBoard {
  return { ...board, fixedWad: board.settled ? 0n : (average * elapsed) / AVERAGING_SECONDS };
}

/** An account's strikes on the market's boards. */
export function marginPositions(
  { expiries }: MarketFacts,
  { strikes }: Pick<Holdings, "strikes">,
): readonly MarginPosition[] {
  return strikes.map(({ expiry, strike, calls, puts }) => ({
    strikeWad: toStrikeE6(strike) * 10n ** 12n,
    calls,
    puts,
    board: expiries.indexOf(expiry),
  }));
}

/** Base collateral as a size of 6 decimals, rounded down. */
export function baseSizeOf({ baseDecimals }: MarketFacts, { base }: Pick<Holdings, "base">): bigint {
  return (base * 1_000_000n) / 10n ** BigInt(baseDecimals);
}
