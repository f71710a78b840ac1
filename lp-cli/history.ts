/** The protocol's history for one command: from a database as far as it was read before, the rest from the chain. */
import { join } from "node:path";
import type { Deployment } from "../src/chain/deployments.ts";
import { isServer, openDatabase } from "../src/runtime/database.ts";
import { describeError, MeniscusError } from "../src/runtime/errors.ts";
import { type Connection, inWords } from "../src/sdk/client.ts";
import { EventStore } from "../src/sdk/eventStore.ts";
import { type HistoryStore, historyContracts, ProtocolHistory } from "../src/sdk/history.ts";
import { Progress } from "./output/progress.ts";

/** How a database is named that is not to be used. */
const NONE = "none";
/** How long another command may have the database before this one goes without it. */
const PATIENCE_MILLISECONDS = 10_000;

/** Whether a database is named by its folder, not by a server's URL, and not given up. */
export function isFolder(location: string): boolean {
  return location !== NONE && !isServer(location);
}

/**
 * Where the history is kept: a server's URL or a folder, as named or in MENISCUS_DATABASE; else `~/.meniscus/history/CHAIN-LEDGER`. Undefined
 * where it is not kept.
 */
export function databaseLocation(
  named: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
  { chainId, clearinghouse }: Pick<Deployment, "chainId" | "clearinghouse">,
): string | undefined {
  // Not an option's default: help would show it, and it may hold a password.
  const chosen = named ?? environment.MENISCUS_DATABASE;
  if (chosen !== undefined) return chosen === NONE ? undefined : chosen;
  // Without a home, as in a container, there is no place that is surely meant.
  if (environment.HOME === undefined) return undefined;
  return join(environment.HOME, ".meniscus", "history", `${chainId}-${clearinghouse.toLowerCase()}`);
}

/**
 * Reads the history up to the chain's head. A database that is in use for long or does not serve is gone without, and that is said.
 *
 * @param location Of the database; undefined reads everything from the chain.
 * @param say Where messages and progress go.
 */
export async function readHistory(
  connection: Connection,
  location: string | undefined,
  say: (text: string) => void,
): Promise<ProtocolHistory> {
  if (location === undefined) return await update(connection, undefined, say);
  try {
    return await withStore(connection, location, async (store) => await update(connection, store, say));
  } catch (error) {
    if (!(error instanceof DatabaseFailure)) throw error;
    say(
      `${describeError(error.cause)} Everything is read from the chain instead; \`--database none\` does so without asking.`,
    );
    return await update(connection, undefined, say);
  }
}

/** The database does not serve; `cause` says why. */
class DatabaseFailure extends Error {}

async function withStore<T>(
  { deployment }: Connection,
  location: string,
  use: (store: HistoryStore) => Promise<T>,
): Promise<T> {
  const database = await ofDatabase(() => openDatabase(location, PATIENCE_MILLISECONDS));
  try {
    const store = await ofDatabase(() =>
      EventStore.open(database, deployment.chainId, historyContracts(deployment), PATIENCE_MILLISECONDS),
    );
    return await use({
      load: () => ofDatabase(() => store.load()),
      append: (page) => ofDatabase(() => store.append(page)),
      rewind: (number) => ofDatabase(() => store.rewind(number)),
    });
  } finally {
    await database.close();
  }
}

async function ofDatabase<T>(action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (cause) {
    const inOurWords = cause instanceof MeniscusError;
    throw new DatabaseFailure("", {
      cause: inOurWords
        ? cause
        : new MeniscusError("data", `The database does not serve: ${describeError(cause)}.`, { cause }),
    });
  }
}

async function update(
  connection: Connection,
  store: HistoryStore | undefined,
  say: (text: string) => void,
): Promise<ProtocolHistory> {
  const history = new ProtocolHistory(connection.client, connection.deployment, store);
  const progress = new Progress(say);
  try {
    await inHistoryWords(connection, () =>
      history.update((read, head) => {
        if (read < head) progress.update(`Reading the chain's history: block ${read} of ${head}`);
      }),
    );
  } finally {
    progress.end();
  }
  return history;
}

/** As `inWords`, but a failure of the database stays one. */
async function inHistoryWords(connection: Connection, action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    if (error instanceof DatabaseFailure) throw error;
    await inWords(connection, () => Promise.reject(error));
  }
}
