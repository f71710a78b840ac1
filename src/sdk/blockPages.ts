import { BlockNotFoundError, type Hex } from "viem";
import { MeniscusError } from "../runtime/errors.ts";
import type { Connection } from "./client.ts";

/** Blocks asked for at once; halved where the node refuses. */
const PAGE = 10_000n;

/** A range of blocks, both ends inside. */
export interface BlockRange {
  readonly fromBlock: bigint;
  readonly toBlock: bigint;
}

/** Asks a node for as many blocks at once as it answers for, and remembers how many those are. */
export class Pager {
  private size = PAGE;

  /**
   * The blocks from `fromBlock` on, up to `head` or as far as the node goes at once.
   *
   * @throws MeniscusError `network` where the node gives no logs, not even of one block.
   */
  async page<T>(fromBlock: bigint, head: bigint, ask: (range: BlockRange) => Promise<T>): Promise<T> {
    for (;;) {
      const end = fromBlock + this.size - 1n;
      try {
        return await ask({ fromBlock, toBlock: end < head ? end : head });
      } catch (cause) {
        if (this.size === 1n) throw new MeniscusError("network", "The node gives no logs.", { cause, retryable: true });
        this.size /= 2n;
      }
    }
  }
}

type BlockReader = Pick<Connection["client"], "getBlockNumber" | "getBlock">;

/** A block by its hash: while the chain has it, it has all before it. */
export interface ChainPlace {
  readonly number: bigint;
  readonly hash: Hex;
}

/** Whether the chain still has a block. */
export async function isOnChain(
  client: Pick<BlockReader, "getBlock">,
  { number, hash }: { readonly number: bigint | number; readonly hash: Hex },
): Promise<boolean> {
  try {
    return (await client.getBlock({ blockNumber: BigInt(number) })).hash === hash;
  } catch (error) {
    if (error instanceof BlockNotFoundError) return false; // the chain is shorter now
    throw error;
  }
}

/** Reads what the chain has said, page by page, each block once; from the first one again where the chain took back what was read. */
export class BlockPages {
  private readonly client: BlockReader;
  private readonly first: bigint;
  private next: bigint;
  /** The last block that was read. */
  private tip: ChainPlace | undefined;

  /** @param fromBlock The first block that is read. */
  constructor(client: BlockReader, fromBlock: bigint) {
    this.client = client;
    this.first = fromBlock;
    this.next = fromBlock;
  }

  /**
   * The pages since the last call, up to the chain's head. A page counts as read when the next one is asked for: whoever fails on it
   * finds it again.
   *
   * @throws MeniscusError `network` where the node gives no logs, not even of one block.
   */
  async *read<T>(ask: (range: BlockRange) => Promise<T>): AsyncGenerator<T> {
    const head = await this.client.getBlockNumber();
    // A head below what was read is a node that is behind: what is there when it has caught up decides.
    if (this.tip && this.tip.number <= head && !(await isOnChain(this.client, this.tip))) {
      this.next = this.first;
      this.tip = undefined;
    }
    const pager = new Pager();
    while (this.next <= head) {
      const { page, tip } = await pager.page(this.next, head, async (range) => {
        // Read before the page: while the chain still has it, the page is of that chain.
        const { hash } = await this.client.getBlock({ blockNumber: range.toBlock });
        return { page: await ask(range), tip: { number: range.toBlock, hash } };
      });
      yield page;
      this.tip = tip;
      this.next = tip.number + 1n;
    }
  }
}
