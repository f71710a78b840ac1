import type { Address } from "viem";
import { clearinghouseAbi, marketOracleAbi, optionPoolAbi } from "../../chain/abis.ts";
import { holdingsOf } from "../../chain/optionId.ts";
import type { Connection, Pool } from "../../sdk/client.ts";
import type { ExpiryBoards, OracleFacts, PoolFacts } from "./makers.ts";

/** Moments of Board.sol. */
const [AT_REPORT, NOW, PREVIOUS, UNCONFIRMED] = [0, 1, 2, 3];

/** Reads an oracle's market as it will stand in the next block. undefined before the first report. */
export async function readOracleFacts(
  { client, deployment }: Pick<Connection, "client" | "deployment">,
  marketId: number,
): Promise<OracleFacts | undefined> {
  const oracle = { address: deployment.marketOracle, abi: marketOracleAbi, blockTag: "pending" } as const;
  const [listed, block] = await Promise.all([
    client.readContract({ ...oracle, functionName: "expiries", args: [marketId] }),
    client.getBlock({ blockTag: "pending" }),
  ]);
  const timestamp = Number(block.timestamp);
  const live = listed.filter((expiry) => expiry > timestamp);
  const [state, boards] = await client.readContract({
    ...oracle,
    functionName: "boardsAt",
    args: [marketId, live, AT_REPORT, NOW],
  });
  if (state.round === 0) return undefined;
  const other = state.unconfirmed ? UNCONFIRMED : PREVIOUS;
  const previous = await readBoards(client, deployment.marketOracle, marketId, live, other);
  return {
    timestamp,
    round: state.round,
    state,
    boards: new Map(
      live.map((expiry, i): [number, ExpiryBoards] => [
        expiry,
        { atReport: boards[i]!, current: boards[live.length + i]!, previous: previous[i] },
      ]),
    ),
  };
}

/** Boards of another moment; none where there is no such report yet, or an expiry is new in this one. */
async function readBoards(
  client: Connection["client"],
  address: Address,
  marketId: number,
  expiries: readonly number[],
  moment: number,
) {
  try {
    const [, boards] = await client.readContract({
      address,
      abi: marketOracleAbi,
      functionName: "boards",
      args: [marketId, expiries, moment],
      blockTag: "pending",
    });
    return boards;
  } catch {
    return []; // as the pool itself does
  }
}

/** Reads what a pool's prices and limits depend on. */
export async function readPoolFacts(
  { client, deployment }: Pick<Connection, "client" | "deployment">,
  pool: Pick<Pool, "name" | "optionPool"> & { readonly account: bigint },
  expiries: readonly number[],
): Promise<PoolFacts> {
  const contract = { address: pool.optionPool, abi: optionPoolAbi, blockTag: "pending" } as const;
  const [parameters, [inventory, reserveWad], mark, book, flow, words, risks] = await Promise.all([
    client.readContract({ ...contract, functionName: "parameters" }),
    client.readContract({ ...contract, functionName: "inventory" }),
    client.readContract({ ...contract, functionName: "lastMark" }),
    client.readContract({ ...contract, functionName: "hedgeBook" }),
    client.readContract({ ...contract, functionName: "flow" }),
    client.readContract({
      address: deployment.clearinghouse,
      abi: clearinghouseAbi,
      functionName: "strikes",
      args: [pool.account],
      blockTag: "pending",
    }),
    Promise.all(
      expiries.map((expiry) => client.readContract({ ...contract, functionName: "expiryRisk", args: [expiry] })),
    ),
  ]);
  return {
    name: pool.name,
    address: pool.optionPool,
    parameters,
    inventory,
    reserveWad,
    markedRound: book.markedRound,
    nav: mark.nav,
    navE6: book.navE6,
    quoteDecimals: deployment.quoteDecimals,
    flow,
    expiryRisks: new Map(expiries.map((expiry, i) => [expiry, risks[i]!])),
    positions: new Map(words.flatMap(holdingsOf).map(({ option, size }) => [option, size])),
  };
}
