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

/** Reads what the chain has said, page by page, each block once. */
export class BlockPages {
  private readonly client: Pick<Connection["client"], "getBlockNumber">;
  private next: bigint;

  /** @param fromBlock The first block that is read. */
  constructor(client: Pick<Connection["client"], "getBlockNumber">, fromBlock: bigint) {
    this.client = client;
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
    const pager = new Pager();
    while (this.next <= head) {
      const { page, toBlock } = await pager.page(this.next, head, async (range) => ({
        page: await ask(range),
        toBlock: range.toBlock,
      }));
      yield page;
      this.next = toBlock + 1n;
    }
  }
}
