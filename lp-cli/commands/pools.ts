import { findPool } from "../../src/sdk/client.ts";
import { markPool, type PoolView, readPool } from "../../src/sdk/lp.ts";
import { type PoolExposure, readPoolExposure } from "../../src/sdk/poolExposure.ts";
import { exposureCharts } from "../output/exposureCharts.ts";
import { requirePicture, writePicture } from "../output/picture.ts";
import type { Session } from "../session.ts";

/** `pools`: every pool of the deployment, or the one of --pool. */
export async function pools(session: Session): Promise<readonly PoolView[]> {
  const connection = await session.connection();
  const names =
    session.options.pool === undefined ? connection.deployment.pools.map(({ name }) => name) : [session.options.pool];
  return await Promise.all(names.map((name) => readPool(connection, findPool(connection, name))));
}

export interface ShowResult extends PoolExposure {
  readonly file: string | null;
}

/** `pool show`: a pool's book by expiry and strike, its Greeks, margin and limits. */
export async function show(session: Session, { out }: { readonly out?: string }): Promise<ShowResult> {
  if (out !== undefined) requirePicture(out);
  const exposure = await readPoolExposure(await session.connection(), await session.pool());
  if (out !== undefined) writePicture(out, ...exposureCharts(exposure));
  return { ...exposure, file: out ?? null };
}

export interface MarkResult {
  readonly pool: string;
  readonly round: number;
  readonly hash: string;
}

/** `mark`: values the book under the last report; waiting requests are priced inside. */
export async function mark(session: Session): Promise<MarkResult> {
  const pool = await session.pool();
  const { hash, round } = await markPool(await session.sender(), pool);
  return { pool: pool.name, round, hash };
}
