import type { Chain, PublicClient, Transport } from "viem";
import { clearinghouseAbi, marketOracleAbi, optionPoolAbi, poolSharesAbi } from "../chain/abis.ts";
import type { Deployment } from "../chain/deployments.ts";
import { fromSize, fromStrikeKey, fromStrikeWord, toAccountId } from "../chain/optionId.ts";
import type { BoardView } from "./flow.ts";
import type { MarketStatus, SurfaceRow } from "./view.ts";

/** What the protocol shows of itself at the latest block; amounts in quote tokens. */
export interface Observation {
  readonly spot: number;
  readonly oracleRound: number;
  readonly surfaceTime: number;
  readonly boards: readonly BoardView[];
  readonly surface: readonly SurfaceRow[];
  readonly nav: number;
  readonly sharePrice: number;
  readonly utilisation: number;
  readonly reserve: number;
  readonly openInterest: number;
  /** Net delta of options and base, positive long, and the base held; units of the underlying. */
  readonly delta: number;
  readonly baseHeld: number;
  readonly insuranceFund: number;
  readonly liquidations: number;
  /** All pools but the first. */
  readonly otherPools: MarketStatus["otherPools"];
}

const MOMENT_NOW = 1;

/** Reads oracle, pool and ledger at one block. */
export async function observe(
  client: PublicClient<Transport, Chain>,
  deployment: Deployment,
  now: number,
): Promise<Observation> {
  const pool = deployment.pools[0];
  if (!pool) throw new Error("the deployment has no pool");
  const market = deployment.markets.find(({ marketId }) => marketId === pool.marketId);
  if (!market) throw new Error(`the deployment has no market ${pool.marketId}`);
  const units = 10 ** deployment.quoteDecimals;
  const oracle = { address: deployment.marketOracle, abi: marketOracleAbi } as const;
  const ledger = { address: deployment.clearinghouse, abi: clearinghouseAbi } as const;
  const optionPool = { address: pool.optionPool, abi: optionPoolAbi } as const;
  const poolAccount = toAccountId(pool.optionPool, 1);
  const [listed, mark, [netShort, reserveWad], supply, requirement, words, base, insuranceFund, liquidations] =
    await Promise.all([
      client.readContract({ ...oracle, functionName: "expiries", args: [pool.marketId] }),
      client.readContract({ ...optionPool, functionName: "lastMark" }),
      client.readContract({ ...optionPool, functionName: "inventory" }),
      client.readContract({ address: pool.poolShares, abi: poolSharesAbi, functionName: "totalSupply" }),
      client.readContract({ ...ledger, functionName: "requirement", args: [poolAccount] }),
      client.readContract({ ...ledger, functionName: "strikes", args: [poolAccount] }),
      client.readContract({ ...ledger, functionName: "base", args: [poolAccount, pool.marketId] }),
      client.readContract({ ...ledger, functionName: "cash", args: [toAccountId(deployment.insuranceFund, 1)] }),
      client.getContractEvents({
        ...ledger,
        eventName: "Liquidated",
        fromBlock: BigInt(deployment.deployedAtBlock),
      }),
    ]);
  const live = listed.filter((expiry) => expiry > now);
  const [state, boards] = await client.readContract({
    ...oracle,
    functionName: "boards",
    args: [pool.marketId, live, MOMENT_NOW],
  });
  const book = words.map(fromStrikeWord);
  const shortOf = (expiry: number) =>
    -book
      .filter(({ key }) => fromStrikeKey(key).expiry === expiry)
      .reduce((sum, { calls, puts }) => sum + fromSize(calls + puts), 0);
  const nav = Number(mark.nav) / units;
  return {
    spot: Number(state.spotWad) / 1e18,
    oracleRound: state.round,
    surfaceTime: state.surfaceTime,
    boards: boards.map((board) => ({
      expiry: board.expiry,
      tenor: board.expiry - now,
      forward: Number(board.forwardWad) / 1e18,
      stdDev: Math.sqrt(Number(board.thetaWad) / 1e18),
    })),
    surface: boards.map((board) => ({
      expiry: board.expiry,
      days: (board.expiry - now) / 86_400,
      forward: Number(board.forwardWad) / 1e18,
      volatility: Math.sqrt(Number(board.thetaWad) / 1e18 / (Number(board.effectiveSeconds) / (365 * 86_400))),
      skew: Number(board.rhoWad) / 1e18,
      poolShort: shortOf(board.expiry),
    })),
    nav,
    sharePrice: supply === 0n ? 1 : nav / (Number(supply) / 1e18),
    utilisation: nav > 0 ? Math.max(0, Number(requirement) / units) / nav : 0,
    reserve: Number(reserveWad) / 1e18,
    openInterest: book.reduce((sum, { calls, puts }) => sum + Math.abs(fromSize(calls)) + Math.abs(fromSize(puts)), 0),
    delta: -fromSize(netShort[3]),
    baseHeld: Number(base) / 10 ** market.baseDecimals,
    insuranceFund: Number(insuranceFund) / units,
    liquidations: liquidations.length,
    otherPools: await Promise.all(deployment.pools.slice(1).map((other) => observeShares(client, other, units))),
  };
}

async function observeShares(
  client: PublicClient<Transport, Chain>,
  { name, optionPool, poolShares }: Deployment["pools"][number],
  units: number,
): Promise<MarketStatus["otherPools"][number]> {
  const [{ nav }, supply] = await Promise.all([
    client.readContract({ address: optionPool, abi: optionPoolAbi, functionName: "lastMark" }),
    client.readContract({ address: poolShares, abi: poolSharesAbi, functionName: "totalSupply" }),
  ]);
  const value = Number(nav) / units;
  return { name, nav: value, sharePrice: supply === 0n ? 1 : value / (Number(supply) / 1e18) };
}
