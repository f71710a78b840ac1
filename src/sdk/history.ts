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
import { BlockPages } from "./blockPages.ts";

/** Where an event stands on the chain. */
export interface EventPlace {
  readonly address: Address;
  readonly blockNumber: bigint;
  readonly transactionHash: Hex;
  readonly logIndex: number;
}

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

/**
 * Everything the protocol's contracts have said since they were deployed, in the chain's order. `update` reads what is new.
 *
 * @example
 * const history = new ProtocolHistory(client, deployment);
 * await history.update();
 * history.events.filter((event) => event.name === "Swapped").length; // number of swaps
 */
export class ProtocolHistory {
  private readonly client: PublicClient<Transport, Chain>;
  private readonly sources: ReadonlyMap<Address, Source>;
  private readonly decoded: ProtocolEvent[] = [];
  private readonly pages: BlockPages;

  constructor(client: PublicClient<Transport, Chain>, deployment: Deployment) {
    this.client = client;
    this.sources = new Map<Address, Source>([
      [getAddress(deployment.clearinghouse), "ledger"],
      [getAddress(deployment.marketOracle), "oracle"],
      [getAddress(deployment.insuranceFund), "fund"],
      ...deployment.pools.flatMap(({ optionPool, poolShares }): [Address, Source][] => [
        [getAddress(optionPool), "pool"],
        [getAddress(poolShares), "shares"],
      ]),
    ]);
    // Parameters, markets and makers are announced while the deployer works, before the block it writes down.
    const deployedAt = BigInt(deployment.deployedAtBlock);
    this.pages = new BlockPages(client, deployedAt > DEPLOYMENT_BLOCKS ? deployedAt - DEPLOYMENT_BLOCKS : 0n);
  }

  get events(): readonly ProtocolEvent[] {
    return this.decoded;
  }

  /** The first block that is not read yet. */
  get readUntil(): bigint {
    return this.pages.readUntil;
  }

  /**
   * Reads the blocks since the last call, up to the chain's head.
   *
   * @returns The new events.
   */
  async update(): Promise<readonly ProtocolEvent[]> {
    const before = this.decoded.length;
    const address = [...this.sources.keys()];
    for await (const logs of this.pages.read((range) => this.client.getLogs({ address, ...range }))) {
      // Decoded as a whole before anything is kept, so that a failure leaves no half page.
      const events = await Promise.all(logs.map((log) => this.decode(log)));
      for (const event of events) if (event) this.decoded.push(event);
    }
    return this.decoded.slice(before);
  }

  private async decode(log: Log<bigint, number, false>): Promise<ProtocolEvent | undefined> {
    const source = this.sources.get(getAddress(log.address));
    if (!source) return undefined;
    const { address, blockNumber, transactionHash, logIndex, data, topics } = log;
    const { eventName, args } = decodeEventLog({ abi: abis[source], data, topics });
    const averages = source === "oracle" && isInsideWindow(args) ? await this.averagesIn(transactionHash) : [];
    const place = { address, blockNumber, transactionHash, logIndex };
    const event: unknown = { ...place, source, name: eventName, args, ...(source === "oracle" ? { averages } : {}) };
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- its type is derived from the ABI that decoded it
    return event as ProtocolEvent;
  }

  /** The running averages in the report that a transaction carried: no event repeats them. */
  private async averagesIn(transactionHash: Hex): Promise<readonly RunningAverage[]> {
    const { input } = await this.client.getTransaction({ hash: transactionHash });
    const packed = packedReportIn(input);
    return packed === undefined || packed === "0x" ? [] : unpackReport(packed).report.averages;
  }
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
