import {
  type Abi,
  type Address,
  type Chain,
  type ContractEventName,
  type DecodeEventLogReturnType,
  decodeEventLog,
  decodeFunctionData,
  getAddress,
  type Hex,
  type Log,
  type PublicClient,
  type Transport,
} from "viem";
import { clearinghouseAbi, insuranceFundAbi, marketOracleAbi, optionPoolAbi, poolSharesAbi } from "../chain/abis.ts";
import type { Deployment } from "../chain/deployments.ts";
import { type RunningAverage, unpackReport, unpackStoredSurface } from "../chain/report.ts";
import { isOnChain, Pager } from "./blockPages.ts";
import type { EventStore, KnownBlock, StoredLog } from "./eventStore.ts";

/** Where an event stands on the chain. */
export interface EventPlace {
  readonly address: Address;
  readonly blockNumber: bigint;
  /** Of its block, Unix seconds. */
  readonly time: number;
  readonly transactionHash: Hex;
  readonly logIndex: number;
}

/** What a history asks of a node. */
export type HistoryClient = Pick<
  PublicClient<Transport, Chain>,
  "getBlockNumber" | "getBlock" | "getLogs" | "getTransaction"
>;

type MinedLog = Log<bigint, number, false>;

type EventOf<TSource extends string, TAbi extends Abi> = {
  [TName in ContractEventName<TAbi>]: EventPlace & {
    readonly source: TSource;
    readonly name: TName;
    readonly args: DecodeEventLogReturnType<TAbi, TName>["args"];
  };
}[ContractEventName<TAbi>];

export type LedgerEvent = EventOf<"ledger", typeof clearinghouseAbi>;
export type PoolEvent = EventOf<"pool", typeof optionPoolAbi>;
export type SharesEvent = EventOf<"shares", typeof poolSharesAbi>;
export type FundEvent = EventOf<"fund", typeof insuranceFundAbi>;
/** `averages`: what the report said of settlement averages, read from its calldata where an averaging window was open. */
export type OracleEvent = EventOf<"oracle", typeof marketOracleAbi> & { readonly averages: readonly RunningAverage[] };

/** Anything a contract of the protocol said, decoded. */
export type ProtocolEvent = LedgerEvent | PoolEvent | SharesEvent | FundEvent | OracleEvent;

type Source = ProtocolEvent["source"];

const abis: Readonly<Record<Source, Abi>> = {
  ledger: clearinghouseAbi,
  pool: optionPoolAbi,
  shares: poolSharesAbi,
  fund: insuranceFundAbi,
  oracle: marketOracleAbi,
};

const DAY = 86_400;
const EXPIRY_TIME_OF_DAY = 8 * 3600;
const AVERAGING_WINDOW = 1800;
/** More blocks than one deployment takes. */
const DEPLOYMENT_BLOCKS = 1_000n;

/** Where a history is kept between processes: an `EventStore`. */
export type HistoryStore = Pick<EventStore, "load" | "append" | "rewind">;

/** The contracts whose events are the protocol's history. */
export function historyContracts(deployment: Deployment): readonly Address[] {
  return [...sourcesOf(deployment).keys()];
}

function sourcesOf(deployment: Deployment): ReadonlyMap<Address, Source> {
  return new Map<Address, Source>([
    [getAddress(deployment.clearinghouse), "ledger"],
    [getAddress(deployment.marketOracle), "oracle"],
    [getAddress(deployment.insuranceFund), "fund"],
    ...deployment.pools.flatMap(({ optionPool, poolShares }): [Address, Source][] => [
      [getAddress(optionPool), "pool"],
      [getAddress(poolShares), "shares"],
    ]),
  ]);
}

/**
 * Everything the protocol's contracts have said since they were deployed, in the chain's order. `update` reads what is new, and drops
 * what the chain no longer has. With a store it begins with what was read before.
 *
 * @example
 * const history = new ProtocolHistory(client, deployment);
 * await history.update();
 * history.events.filter((event) => event.name === "Swapped").length; // number of swaps
 */
export class ProtocolHistory {
  private readonly client: HistoryClient;
  private readonly sources: ReadonlyMap<Address, Source>;
  private readonly store: HistoryStore | undefined;
  private readonly firstBlock: bigint;
  private decoded: readonly ProtocolEvent[] = [];
  /** Blocks that said something, and the last of every page, by number. */
  private blocks: readonly KnownBlock[] = [];
  private loaded = false;
  private readonly pager = new Pager();

  constructor(client: HistoryClient, deployment: Deployment, store?: HistoryStore) {
    this.client = client;
    this.store = store;
    this.sources = sourcesOf(deployment);
    // Parameters, markets and makers are announced while the deployer works, before the block it writes down.
    const deployedAt = BigInt(deployment.deployedAtBlock);
    this.firstBlock = deployedAt > DEPLOYMENT_BLOCKS ? deployedAt - DEPLOYMENT_BLOCKS : 0n;
  }

  get events(): readonly ProtocolEvent[] {
    return this.decoded;
  }

  /** The first block that is not read yet. */
  get readUntil(): bigint {
    const tip = this.blocks.at(-1);
    return tip ? BigInt(tip.number) + 1n : this.firstBlock;
  }

  /**
   * Reads the blocks since the last call, up to the chain's head. Where the chain was reorganised, or began anew, what it no longer has
   * is dropped first.
   *
   * @param onProgress Told of every page: the last block read, and the chain's head.
   * @throws MeniscusError `network` where the node gives no logs, not even of one block.
   */
  async update(onProgress: (read: bigint, head: bigint) => void = () => {}): Promise<void> {
    await this.load();
    let head = await this.client.getBlockNumber();
    for (;;) {
      if (await this.dropOrphans()) head = await this.client.getBlockNumber();
      // The tip's hash was read before its page and is still the chain's: the page is of one chain, with all before it.
      if (this.readUntil > head) return;
      await this.readPage(head);
      onProgress(this.readUntil - 1n, head);
    }
  }

  private async load(): Promise<void> {
    if (this.loaded) return;
    const { blocks, logs } = (await this.store?.load()) ?? { blocks: [], logs: [] };
    this.blocks = blocks;
    this.decoded = this.decode(blocks, logs);
    this.loaded = true;
  }

  /** Drops the blocks that the chain no longer has; returns whether there were any. */
  private async dropOrphans(): Promise<boolean> {
    const tip = this.blocks.at(-1);
    if (!tip || (await isOnChain(this.client, tip))) return false;
    // A block has its ancestors: those that the chain still has come first.
    let [kept, end] = [0, this.blocks.length - 1];
    while (kept < end) {
      const middle = Math.floor((kept + end) / 2);
      if (await isOnChain(this.client, this.blocks[middle]!)) kept = middle + 1;
      else end = middle;
    }
    const last = this.blocks[kept - 1]?.number ?? -1;
    await this.store?.rewind(last);
    this.blocks = this.blocks.slice(0, kept);
    this.decoded = this.decoded.filter(({ blockNumber }) => blockNumber <= BigInt(last));
    return true;
  }

  private async readPage(head: bigint): Promise<void> {
    const address = [...this.sources.keys()];
    const { last, logs } = await this.pager.page(this.readUntil, head, async (range) => {
      const block = await this.client.getBlock({ blockNumber: range.toBlock });
      return { last: block, logs: await this.client.getLogs({ address, ...range }) };
    });
    const tip: KnownBlock = { number: Number(last.number), hash: last.hash, time: Number(last.timestamp) };
    const blocks = [...(await this.blocksOf(logs, tip)), tip];
    const stored = await Promise.all(logs.map((log) => this.toStored(log)));
    // Decoded before anything is kept: what cannot be read is not remembered as read.
    const events = this.decode(blocks, stored);
    await this.store?.append({ blocks, logs: stored });
    this.blocks = [...this.blocks, ...blocks];
    this.decoded = [...this.decoded, ...events];
  }

  /** The blocks of these logs before the tip; their times come with the logs, or are asked for. */
  private async blocksOf(logs: readonly MinedLog[], tip: KnownBlock): Promise<readonly KnownBlock[]> {
    const byNumber = new Map(logs.map((log) => [Number(log.blockNumber), log]));
    byNumber.delete(tip.number);
    return await Promise.all(
      [...byNumber].map(async ([number, { blockHash, blockTimestamp }]) => {
        const time = blockTimestamp ?? (await this.client.getBlock({ blockHash })).timestamp;
        return { number, hash: blockHash, time: Number(time) };
      }),
    );
  }

  /** Keeps the calldata of reports inside averaging windows: no event repeats the running averages. */
  private async toStored(log: MinedLog): Promise<StoredLog> {
    const { address, blockNumber, transactionHash, logIndex, topics, data } = log;
    const source = this.sources.get(getAddress(address));
    const isReport = source === "oracle" && isInsideWindow(decodeEventLog({ abi: abis[source], data, topics }).args);
    const input = isReport ? (await this.client.getTransaction({ hash: transactionHash })).input : null;
    return { block: Number(blockNumber), logIndex, address, transactionHash, topics, data, input };
  }

  private decode(blocks: readonly KnownBlock[], logs: readonly StoredLog[]): readonly ProtocolEvent[] {
    const times = new Map(blocks.map(({ number, time }) => [number, time]));
    return logs.flatMap((log): ProtocolEvent[] => {
      const { block, logIndex, address, transactionHash, topics, data, input } = log;
      const source = this.sources.get(getAddress(address));
      const [signature, ...indexed] = topics;
      if (!source || !signature) return [];
      const { eventName, args } = decodeEventLog({ abi: abis[source], data, topics: [signature, ...indexed] });
      const averages = input === null ? [] : averagesIn(input);
      const place: EventPlace = {
        address: getAddress(address),
        blockNumber: BigInt(block),
        time: times.get(block) ?? 0,
        transactionHash,
        logIndex,
      };
      const event: unknown = { ...place, source, name: eventName, args, ...(source === "oracle" ? { averages } : {}) };
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- its type is derived from the ABI that decoded it
      return [event as ProtocolEvent];
    });
  }
}

/** The running averages in the report that a transaction carried. */
function averagesIn(input: Hex): readonly RunningAverage[] {
  const packed = packedReportIn(input);
  return packed === undefined || packed === "0x" ? [] : unpackReport(packed).report.averages;
}

/** Whether the report's model time stands strictly inside the 30 minutes before an expiry: 08:00 UTC of some day. */
function isInsideWindow(args: unknown): boolean {
  if (typeof args !== "object" || args === null || !("header" in args) || !("pages" in args)) return false;
  const { modelTime } = unpackStoredSurface(BigInt(String(args.header)), []);
  const left = (EXPIRY_TIME_OF_DAY - (modelTime % DAY) + DAY) % DAY;
  return left > 0 && left < AVERAGING_WINDOW;
}

/** The packed report in a call of the oracle, or in a swap that brings one along. */
function packedReportIn(input: Hex): Hex | undefined {
  try {
    const { functionName, args } = decodeFunctionData({ abi: [...marketOracleAbi, ...clearinghouseAbi], data: input });
    if (functionName === "submitReport" || functionName === "submitIfNewer") return args[0];
    if (functionName === "trade") return args[0].report;
  } catch {
    // A contract in between called the oracle: its calldata is not ours to read.
  }
  return undefined;
}
