import { MeniscusError } from "../runtime/errors.ts";
import type { Connection } from "./client.ts";

/** Blocks asked for at once; halved where the node refuses. */
const PAGE = 10_000n;

/** A range of blocks, both ends inside. */
export interface BlockRange {
  readonly fromBlock: bigint;
  readonly toBlock: bigint;
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

  /** The first block that is not read yet. */
  get readUntil(): bigint {
    return this.next;
  }

  /**
   * The pages since the last call, up to the chain's head. A page counts as read when the next one is asked for: whoever fails on it
   * finds it again.
   *
   * @throws MeniscusError `network` where the node gives no logs, not even of one block.
   */
  async *read<T>(ask: (range: BlockRange) => Promise<T>): AsyncGenerator<T> {
    const head = await this.client.getBlockNumber();
    let size = PAGE;
    while (this.next <= head) {
      const end = this.next + size - 1n;
      const toBlock = end < head ? end : head;
      let page: T;
      try {
        page = await ask({ fromBlock: this.next, toBlock });
      } catch (cause) {
        if (size === 1n) throw new MeniscusError("network", "The node gives no logs.", { cause, retryable: true });
        size /= 2n;
        continue;
      }
      yield page;
      this.next = toBlock + 1n;
    }
  }
}
