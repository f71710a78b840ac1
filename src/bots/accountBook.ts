import { clearinghouseAbi } from "../chain/abis.ts";
import { fromAccountId } from "../chain/optionId.ts";
import type { Connection } from "../sdk/client.ts";

/** Blocks asked for at once; halved where the node refuses. */
const PAGE = 5_000n;

/** Every margin account that the ledger's events have named: who may hold positions. Reads what is new at each update. */
export class AccountBook {
  private readonly connection: Connection;
  private readonly known = new Set<bigint>();
  private nextBlock: bigint;

  constructor(connection: Connection) {
    this.connection = connection;
    this.nextBlock = BigInt(connection.deployment.deployedAtBlock);
  }

  /** Reads events up to the chain's head. A failure leaves what was read; the next call goes on from there. */
  async update(): Promise<readonly bigint[]> {
    const { client, deployment } = this.connection;
    const head = await client.getBlockNumber();
    let page = PAGE;
    while (this.nextBlock <= head) {
      const last = this.nextBlock + page - 1n;
      const toBlock = last < head ? last : head;
      try {
        const range = { fromBlock: this.nextBlock, toBlock };
        const events = await client.getContractEvents({
          address: deployment.clearinghouse,
          abi: clearinghouseAbi,
          strict: true,
          ...range,
        });
        for (const event of events) {
          if (event.eventName === "Traded") this.note(event.args.taker, event.args.maker);
          else if (event.eventName === "Liquidated") this.note(event.args.bidder);
          else if (event.eventName === "OptionsDeposited") this.note(event.args.account);
        }
        this.nextBlock = toBlock + 1n;
      } catch (error) {
        if (page === 1n) throw error;
        page /= 2n;
      }
    }
    return [...this.known];
  }

  private note(...accounts: readonly bigint[]): void {
    for (const account of accounts) if (fromAccountId(account).sub !== 0) this.known.add(account);
  }
}
