import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describeError, MeniscusError } from "./errors.ts";
import { releaseLock, takeLock } from "./lockFile.ts";

/** PostgreSQL, embedded or a server. */
export interface Database {
  /** Runs one statement; `$1`, `$2`, … stand for the values. Whole numbers of eight bytes come in the driver's own type: cast them. */
  query<TRow extends object>(text: string, values?: readonly unknown[]): Promise<readonly TRow[]>;
  close(): Promise<void>;
}

const POLL_MILLISECONDS = 50;
const CONNECT_MILLISECONDS = 5_000;
/** Folders that are open in this process: its own lock does not keep it out. */
const openHere = new Set<string>();

/** Whether a database is named by the URL of a server, not by a folder. */
export function isServer(location: string): boolean {
  return /^postgres(ql)?:\/\//.test(location);
}

/**
 * Opens a database: a server's by its URL, `postgres://…`, or an embedded one in a folder, which is made where there is none.
 * A folder belongs to one process at a time: others wait.
 *
 * @param patienceMilliseconds How long to wait for another process.
 * @throws MeniscusError `network` where no server answers, `data` where the folder is in use or does not hold a database.
 */
export async function openDatabase(location: string, patienceMilliseconds: number): Promise<Database> {
  return isServer(location) ? await openServer(location) : await openFolder(location, patienceMilliseconds);
}

/** Runs statements as one transaction: all of them count, or none. */
export async function inTransaction(database: Database, action: () => Promise<void>): Promise<void> {
  await database.query("begin");
  try {
    await action();
  } catch (error) {
    await database.query("rollback");
    throw error;
  }
  await database.query("commit");
}

async function openServer(url: string): Promise<Database> {
  const { default: pg } = await import("pg");
  let host = "";
  try {
    host = new URL(url).host;
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: CONNECT_MILLISECONDS });
    // A connection that breaks while nothing is asked is noticed by what is asked next.
    client.on("error", () => {});
    await client.connect();
    return {
      query: async <TRow extends object>(text: string, values: readonly unknown[] = []) =>
        (await client.query<TRow>(text, [...values])).rows,
      close: async () => await client.end(),
    };
  } catch (cause) {
    // The URL may hold a password: only its host is shown.
    throw new MeniscusError("network", `No database at ${host || "that URL"}: ${describeError(cause)}.`, {
      hint: "It has to be postgres://USER:PASSWORD@HOST/DATABASE, a folder, or none.",
      cause,
    });
  }
}

async function openFolder(folder: string, patienceMilliseconds: number): Promise<Database> {
  const lock = `${folder}.lock`;
  try {
    mkdirSync(dirname(folder), { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new MeniscusError("data", `${folder} cannot be made: ${describeError(cause)}.`, { cause });
  }
  const until = performance.now() + patienceMilliseconds;
  const holderOf = () => (openHere.has(folder) ? process.pid : takeLock(lock));
  for (let holder = holderOf(); holder !== undefined; holder = holderOf()) {
    if (performance.now() >= until) {
      throw new MeniscusError("data", `Process ${holder} has the database ${folder}.`, { retryable: true });
    }
    await sleep(POLL_MILLISECONDS);
  }
  openHere.add(folder);
  const release = () => {
    releaseLock(lock);
    openHere.delete(folder);
  };
  try {
    const embedded = await openEmbedded(folder);
    return {
      query: async <TRow extends object>(text: string, values: readonly unknown[] = []) =>
        (await embedded.query<TRow>(text, [...values])).rows,
      close: async () => {
        await embedded.close();
        release();
      },
    };
  } catch (cause) {
    release();
    throw new MeniscusError(
      "data",
      `${folder} holds no database that can be opened: ${describeError(cause).replace(/\.$/, "")}.`,
      {
        hint: "Remove the folder: it is made anew from what the chain says.",
        cause,
      },
    );
  }
}

async function openEmbedded(folder: string) {
  const { PGlite } = await import("@electric-sql/pglite");
  if (!existsSync(folder)) {
    // Made under another name first: a folder that exists is whole.
    const draft = `${folder}.draft`;
    rmSync(draft, { recursive: true, force: true });
    await (await PGlite.create(draft)).close();
    renameSync(draft, folder);
  }
  return await PGlite.create(folder);
}
