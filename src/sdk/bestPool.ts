import { poolLensAbi } from "../chain/abis.ts";
import { decodeRevert, explainRevert } from "../chain/decodeError.ts";
import { MeniscusError } from "../runtime/errors.ts";
import { type Connection, findPool, inWords, type Pool } from "./client.ts";
import { type LegOrder, legWords } from "./trader.ts";

/** What one pool answers to a package. */
export interface PoolAnswer {
  readonly pool: Pool;
  /** What the taker pays, quote units; undefined where the pool refuses. */
  readonly cash: bigint | undefined;
  /** Why it refuses, in words. */
  readonly refusal: MeniscusError | undefined;
}

/**
 * Asks every pool of the deployment that makes a price for these options, best price for the taker first; who refuses comes last.
 *
 * @throws MeniscusError where the chain cannot be read.
 */
export async function askPools(connection: Connection, legs: readonly LegOrder[]): Promise<readonly PoolAnswer[]> {
  const { client, deployment, words } = connection;
  const marketId = legs[0]?.terms.marketId;
  const pools = deployment.pools
    .filter((pool) => pool.marketId === marketId)
    .map(({ name }) => findPool(connection, name));
  const [, answers] = await inWords(connection, () =>
    client.readContract({
      address: deployment.poolLens,
      abi: poolLensAbi,
      functionName: "bestQuote",
      args: [pools.map(({ optionPool }) => optionPool), legWords(legs)],
      blockTag: "pending",
    }),
  );
  return pools
    .map((pool, i): PoolAnswer => {
      const { quoted, quote, refusal } = answers[i]!;
      if (quoted) return { pool, cash: quote.cash, refusal: undefined };
      const revert = decodeRevert(refusal);
      const inWordsOf = revert
        ? explainRevert(revert.name, revert.args, words)
        : new MeniscusError("market", `Pool ${pool.name} refuses without a word.`);
      return { pool, cash: undefined, refusal: inWordsOf };
    })
    .toSorted(byCash);
}

function byCash(a: PoolAnswer, b: PoolAnswer): number {
  if (a.cash === undefined || b.cash === undefined) return Number(a.cash === undefined) - Number(b.cash === undefined);
  return Number(a.cash - b.cash);
}
