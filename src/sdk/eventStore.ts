import { type Address, type Hex, keccak256, toHex } from "viem";
import { type Database, inTransaction } from "../runtime/database.ts";
import { describeError, MeniscusError } from "../runtime/errors.ts";

/** A block that was read: what it said is known, and by its hash whether the chain still has it. */
export interface KnownBlock {
  readonly number: number;
  readonly hash: Hex;
  /** Unix seconds. */
  readonly time: number;
}

/** What a contract said, as the chain keeps it. */
export interface StoredLog {
  readonly block: number;
  readonly logIndex: number;
  readonly address: Address;
  readonly transactionHash: Hex;
  readonly topics: readonly Hex[];
  readonly data: Hex;
  /** Calldata of its transaction, where a reader of the log needs it. */
  readonly input: Hex | null;
}

/** Everything that was read, in the chain's order. */
export interface StoredEvents {
  readonly blocks: readonly KnownBlock[];
  readonly logs: readonly StoredLog[];
}

const SCHEMA = [
  "create schema if not exists meniscus",
  `create table if not exists meniscus.history (
    id integer generated always as identity primary key,
    identity text not null unique
  )`,
  `create table if not exists meniscus.block (
    history integer not null references meniscus.history on delete cascade,
    number bigint not null,
    hash text not null,
    time bigint not null,
    primary key (history, number)
  )`,
  `create table if not exists meniscus.log (
    history integer not null,
    block bigint not null,
    log_index integer not null,
    address text not null,
    transaction_hash text not null,
    topics text[] not null,
    data text not null,
    input text,
    primary key (history, block, log_index),
    foreign key (history, block) references meniscus.block on delete cascade
  )`,
];

/**
 * The events of one set of contracts on one chain, in a database. One process at a time has them: `open` waits for others.
 * What is stored is always whole: pages are appended in transactions, each with the hash of its last block.
 */
export class EventStore {
  private readonly database: Database;
  private readonly history: number;

  private constructor(database: Database, history: number) {
    this.database = database;
    this.history = history;
  }

  /**
   * @param contracts Whose events are stored: others are another history, and begin anew.
   * @param patienceMilliseconds How long to wait for another process.
   * @throws MeniscusError `data` where it is in use, or the database refuses.
   */
  static async open(
    database: Database,
    chainId: number,
    contracts: readonly Address[],
    patienceMilliseconds: number,
  ): Promise<EventStore> {
    const identity = keccak256(toHex([chainId, ...contracts.map((address) => address.toLowerCase()).sort()].join()));
    try {
      await database.query(`set lock_timeout = ${Math.ceil(patienceMilliseconds)}`);
      // Of the session: it ends with the connection, however that ends.
      await database.query("select pg_advisory_lock(hashtext('meniscus.history'), hashtext($1))", [identity]);
      for (const statement of SCHEMA) await database.query(statement);
      await database.query("insert into meniscus.history (identity) values ($1) on conflict do nothing", [identity]);
      const rows = await database.query<{ id: number }>("select id from meniscus.history where identity = $1", [
        identity,
      ]);
      const [row] = rows;
      if (!row) throw new Error("the history is not there");
      return new EventStore(database, row.id);
    } catch (cause) {
      throw new MeniscusError("data", `The database does not serve: ${describeError(cause)}.`, { cause });
    }
  }

  async load(): Promise<StoredEvents> {
    // As double precision both drivers give a number, exact below 2⁵³.
    const blocks = await this.database.query<KnownBlock>(
      `select number::float8 as number, hash, time::float8 as time
       from meniscus.block where history = $1 order by block.number`,
      [this.history],
    );
    const logs = await this.database.query<StoredLog>(
      `select block::float8 as block, log_index as "logIndex", address, transaction_hash as "transactionHash", topics, data, input
       from meniscus.log where history = $1 order by log.block, log.log_index`,
      [this.history],
    );
    return { blocks, logs };
  }

  /** Adds a page; all of it, or nothing. */
  async append({ blocks, logs }: StoredEvents): Promise<void> {
    await inTransaction(this.database, async () => {
      await this.database.query(
        `insert into meniscus.block (history, number, hash, time)
         select $1, number, hash, time from jsonb_to_recordset($2::jsonb) as page (number bigint, hash text, time bigint)
         on conflict do nothing`,
        [this.history, JSON.stringify(blocks)],
      );
      await this.database.query(
        `insert into meniscus.log (history, block, log_index, address, transaction_hash, topics, data, input)
         select $1, block, "logIndex", address, "transactionHash", topics, data, input
         from jsonb_to_recordset($2::jsonb) as page (block bigint, "logIndex" integer, address text, "transactionHash" text,
           topics text[], data text, input text)`,
        [this.history, JSON.stringify(logs)],
      );
    });
  }

  /** Forgets every block after `number`, and what it said. */
  async rewind(number: number): Promise<void> {
    await this.database.query("delete from meniscus.block where history = $1 and number > $2", [this.history, number]);
  }
}
