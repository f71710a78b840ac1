import { MeniscusError } from "../runtime/errors.ts";
import type { Connection } from "../sdk/client.ts";

/**
 * Notices that a node is out of sync: that it answers for another chain, or is behind what it has said before. A chain that was really set
 * back is waited for until it is as long again.
 */
export class NodeWatch {
  private readonly client: Pick<Connection["client"], "getChainId" | "getBlockNumber">;
  private readonly chainId: number;
  private highest = 0n;

  constructor(client: Pick<Connection["client"], "getChainId" | "getBlockNumber">, chainId: number) {
    this.client = client;
    this.chainId = chainId;
  }

  /** @throws MeniscusError `network` where nothing that the node says may be acted on now. */
  async check(): Promise<void> {
    const [chainId, head] = await Promise.all([this.client.getChainId(), this.client.getBlockNumber()]);
    if (chainId !== this.chainId) {
      throw new MeniscusError("network", `The node is of chain ${chainId}, not of ${this.chainId}.`, {
        retryable: true,
      });
    }
    if (head < this.highest) {
      throw new MeniscusError(
        "network",
        `The node is out of sync: it is at block ${head} and was at ${this.highest}.`,
        {
          retryable: true,
        },
      );
    }
    this.highest = head;
  }
}
