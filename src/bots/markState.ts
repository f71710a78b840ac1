import { marketOracleAbi, optionPoolAbi } from "../chain/abis.ts";
import type { Connection, Pool } from "../sdk/client.ts";

/** The last report of a pool's market, as the next block will have it, and whether the pool's book waits to be marked under it. */
export interface MarkState {
  readonly isDue: boolean;
  /** 0 before the first report. */
  readonly round: number;
  readonly spotWad: bigint;
}

/** Reads whether a pool is to be marked. */
export async function readMarkState(
  { client, deployment }: Pick<Connection, "client" | "deployment">,
  { optionPool, marketId }: Pick<Pool, "optionPool" | "marketId">,
): Promise<MarkState> {
  const [{ markedRound }, { round, spotWad }] = await Promise.all([
    client.readContract({ address: optionPool, abi: optionPoolAbi, functionName: "hedgeBook", blockTag: "pending" }),
    client.readContract({
      address: deployment.marketOracle,
      abi: marketOracleAbi,
      functionName: "marketState",
      args: [marketId],
      blockTag: "pending",
    }),
  ]);
  return { isDue: round !== markedRound, round, spotWad };
}
