// A scripted chain under a history that is kept in a real database: what is read again, and what a reorganisation drops.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Address, BlockNotFoundError, encodeEventTopics, type Hex, keccak256, toHex } from "viem";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { clearinghouseAbi } from "../../../src/chain/abis.ts";
import { type Database, openDatabase } from "../../../src/runtime/database.ts";
import { EventStore } from "../../../src/sdk/eventStore.ts";
import { type HistoryClient, historyContracts, ProtocolHistory } from "../../../src/sdk/history.ts";
import { someDeployment } from "./someDeployment.ts";

const deployment = someDeployment;
const contracts = historyContracts(deployment);
const folder = mkdtempSync(join(tmpdir(), "meniscus-history-"));
const place = join(folder, "db");
let database: Database;
let chains = 0; // no two have a hash in common

beforeAll(async () => {
  database = await openDatabase(place, 0);
});
afterAll(async () => {
  await database.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Blocks by number; each says who registered as a maker, if anybody. */
class ScriptedChain {
  blocks: { readonly hash: Hex; readonly maker?: bigint }[] = [];
  asked: string[] = [];
  /** Called before each answer: what happens to the chain meanwhile. */
  meanwhile: (name: string) => void = () => {};
  private readonly id = ++chains;

  /** Adds blocks on top; `branch` tells those of one history from those of another. */
  mine(branch: string, ...makers: readonly (bigint | undefined)[]): this {
    for (const maker of makers) {
      const hash = keccak256(toHex(`${this.id} ${branch} ${this.blocks.length}`));
      this.blocks.push(maker === undefined ? { hash } : { hash, maker });
    }
    return this;
  }

  cut(length: number): this {
    this.blocks = this.blocks.slice(0, length);
    return this;
  }

  get client(): HistoryClient {
    const answer = async <T>(name: string, value: () => T): Promise<T> => {
      this.meanwhile(name);
      this.asked.push(name);
      return await Promise.resolve(value());
    };
    const at = (number: number) => {
      const block = this.blocks[number];
      if (!block) throw new BlockNotFoundError({ blockNumber: BigInt(number) });
      return { number: BigInt(number), hash: block.hash, timestamp: BigInt(1_000 + number) };
    };
    const client = {
      getBlockNumber: async () => await answer("getBlockNumber", () => BigInt(this.blocks.length - 1)),
      getBlock: async ({ blockNumber }: { blockNumber: bigint }) =>
        await answer("getBlock", () => at(Number(blockNumber))),
      getLogs: async ({ fromBlock, toBlock }: { fromBlock: bigint; toBlock: bigint }) =>
        await answer(`getLogs ${fromBlock}-${toBlock}`, () =>
          this.blocks.flatMap(({ hash, maker }, number) =>
            maker === undefined || number < fromBlock || number > toBlock ? [] : [logOf(number, hash, maker)],
          ),
        ),
      getTransaction: async () => await answer("getTransaction", () => ({ input: "0x" })),
    };
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as much of a client as a history asks of one
    return client as unknown as HistoryClient;
  }
}

function logOf(number: number, hash: Hex, account: bigint) {
  return {
    address: deployment.clearinghouse,
    blockNumber: BigInt(number),
    blockHash: hash,
    blockTimestamp: BigInt(1_000 + number),
    transactionHash: hash,
    logIndex: 0,
    topics: encodeEventTopics({ abi: clearinghouseAbi, eventName: "MakerRegistered", args: { account } }),
    data: "0x",
  };
}

/** As another process would: from the database, then from the chain. */
async function readAnew(chain: ScriptedChain, chainId: number, in_ = database): Promise<readonly bigint[]> {
  const store = await EventStore.open(in_, chainId, contracts, 1_000);
  const history = new ProtocolHistory(chain.client, deployment, store);
  await history.update();
  return makersOf(history);
}

const makersOf = ({ events }: ProtocolHistory) =>
  events.flatMap((event) => (event.name === "MakerRegistered" ? [event.args.account] : []));

describe("a history in a database", () => {
  test("reads each block once, also after a restart", async () => {
    const chain = new ScriptedChain().mine("a", undefined, 1n, 2n, undefined);
    expect(await readAnew(chain, 1)).toEqual([1n, 2n]);
    chain.asked = [];
    expect(await readAnew(chain, 1)).toEqual([1n, 2n]);
    expect(chain.asked).toEqual(["getBlockNumber", "getBlock"]);
    chain.mine("a", 3n);
    chain.asked = [];
    expect(await readAnew(chain, 1)).toEqual([1n, 2n, 3n]);
    expect(chain.asked.filter((name) => name.startsWith("getLogs"))).toEqual(["getLogs 4-4"]);
  });

  test("keeps where an event stands and when", async () => {
    const chain = new ScriptedChain().mine("a", undefined, 1n);
    await readAnew(chain, 2);
    const store = await EventStore.open(database, 2, contracts, 1_000);
    const history = new ProtocolHistory(chain.client, deployment, store);
    await history.update();
    expect(history.events).toMatchObject([
      { source: "ledger", name: "MakerRegistered", args: { account: 1n }, blockNumber: 1n, time: 1_001, logIndex: 0 },
    ]);
    expect(history.readUntil).toBe(2n);
  });

  test("K5 drops what a reorganisation took back, and only that", async () => {
    const chain = new ScriptedChain().mine("a", undefined, 1n, 2n, 3n, 4n);
    await readAnew(chain, 3);
    chain.cut(3).mine("b", undefined, 30n, 40n, 50n);
    chain.asked = [];
    expect(await readAnew(chain, 3)).toEqual([1n, 2n, 30n, 40n, 50n]);
    expect(chain.asked.filter((name) => name.startsWith("getLogs"))).toEqual(["getLogs 3-6"]);
    // Shorter than what was read.
    chain.cut(2).mine("c", 20n);
    expect(await readAnew(chain, 3)).toEqual([1n, 20n]);
    expect(await readAnew(chain, 3)).toEqual([1n, 20n]);
  });

  test("begins anew where another chain answers", async () => {
    await readAnew(new ScriptedChain().mine("a", undefined, 1n, 2n), 4);
    expect(await readAnew(new ScriptedChain().mine("z", 7n), 4)).toEqual([7n]);
  });

  test("keeps other contracts' events apart", async () => {
    await readAnew(new ScriptedChain().mine("a", 1n), 5);
    const others: readonly Address[] = contracts.slice(1);
    expect(await (await EventStore.open(database, 5, others, 1_000)).load()).toEqual({ blocks: [], logs: [] });
  });

  test("K5 sees a reorganisation between two questions", async () => {
    const chain = new ScriptedChain().mine("a", undefined, 1n, 2n, 3n);
    let done = false;
    chain.meanwhile = (name) => {
      // The hash of the tip is known, its logs are not: they come from the other branch.
      if (!name.startsWith("getLogs") || done) return;
      done = true;
      chain.cut(2).mine("b", 20n, 30n, 40n);
    };
    expect(await readAnew(chain, 6)).toEqual([1n, 20n, 30n, 40n]);
  });

  test("K5 keeps every block that the chain still has", async () => {
    for (let kept = 1; kept <= 9; kept++) {
      const chain = new ScriptedChain().mine("a", ...Array.from({ length: 9 }, (_, i) => BigInt(i)));
      const history = new ProtocolHistory(chain.client, deployment);
      await history.update();
      chain.cut(kept).mine("b", 100n);
      chain.asked = [];
      await history.update();
      expect(chain.asked.filter((name) => name.startsWith("getLogs"))).toEqual([`getLogs ${kept}-${kept}`]);
      expect(makersOf(history)).toEqual([...Array.from({ length: kept }, (_, i) => BigInt(i)), 100n]);
    }
  });

  test("a history in memory follows a reorganisation too", async () => {
    const chain = new ScriptedChain().mine("a", undefined, 1n, 2n);
    const history = new ProtocolHistory(chain.client, deployment);
    await history.update();
    chain.cut(2).mine("b", 20n, 30n);
    await history.update();
    expect(makersOf(history)).toEqual([1n, 20n, 30n]);
  });

  test("K15 a page is kept whole or not at all", async () => {
    const store = await EventStore.open(database, 7, contracts, 1_000);
    const blocks = [{ number: 1, hash: "0x01", time: 1 }] as const;
    const log = {
      block: 1,
      logIndex: 0,
      address: contracts[0]!,
      transactionHash: "0x",
      topics: [],
      data: "0x",
    } as const;
    const page = {
      blocks,
      logs: [
        { ...log, input: null },
        { ...log, input: null },
      ],
    };
    await expect(store.append(page), "the same log twice").rejects.toThrow(/duplicate/);
    expect(await store.load()).toEqual({ blocks: [], logs: [] });
  });
});

describe("a database in a folder", () => {
  test("K14 K15 belongs to one process, and to the next when that is gone or killed while it writes", async () => {
    await expect(openDatabase(place, 100), "this process").rejects.toThrow(/Process \d+ has the database/);
    const other = join(folder, "other");
    const script = join(folder, "writer.mts");
    const source = (path: string) => JSON.stringify(join(import.meta.dirname, "..", "..", "..", "src", path));
    writeFileSync(
      script,
      `import { openDatabase, inTransaction } from ${source("runtime/database.ts")};
       const database = await openDatabase(${JSON.stringify(other)}, 0);
       await database.query("create table pair (a integer)");
       for (let i = 0; ; i++) {
         await inTransaction(database, async () => {
           for (let j = 0; j < 2; j++) await database.query("insert into pair values ($1)", [i]);
         });
         if (i === 20) console.log("writing");
       }`,
    );
    const writer = spawn(process.execPath, ["--import", "tsx", script], { stdio: ["ignore", "pipe", "inherit"] });
    await once(writer.stdout, "data");
    await expect(openDatabase(other, 100)).rejects.toThrow(new RegExp(`Process ${writer.pid} has the database`));
    writer.kill("SIGKILL");
    await once(writer, "exit");
    const again = await openDatabase(other, 0);
    const rows = await again.query<{ count: number }>("select count(*)::integer as count from pair group by a");
    await again.close();
    expect(rows.length).toBeGreaterThan(20);
    expect(rows.filter(({ count }) => count !== 2)).toEqual([]);
  });

  test("K15 that is none is said, with what to do", async () => {
    const file = join(folder, "file");
    writeFileSync(file, "not a database");
    await expect(openDatabase(file, 0)).rejects.toThrow(/holds no database that can be opened/);
    await expect(openDatabase("postgres://u:secret@127.0.0.1:1/x", 0)).rejects.toThrow(/^No database at 127.0.0.1:1/);
  });
});
