import { clearinghouseAbi } from "../chain/abis.ts";
import { fromAccountId, fromOptionId } from "../chain/optionId.ts";
import { accountsNamed, optionsTraded } from "./accountsNamed.ts";
import { BlockPages } from "./blockPages.ts";
import type { Connection } from "./client.ts";

/** Options of one market that expire together. */
export interface Series {
  readonly marketId: number;
  /** Unix seconds. */
  readonly expiry: number;
}

/**
 * Every account and every series that the ledger's events have named. Reads what is new at each update, and all again where the chain was
 * reorganised; what it took back stays named, and holds nothing.
 */
export class AccountBook {
  private readonly connection: Pick<Connection, "client" | "deployment">;
  private readonly pages: BlockPages;
  private readonly margin = new Set<bigint>();
  private readonly wallet = new Set<bigint>();
  private readonly traded = new Map<string, Series>();

  constructor(connection: Pick<Connection, "client" | "deployment">) {
    this.connection = connection;
    this.pages = new BlockPages(connection.client, BigInt(connection.deployment.deployedAtBlock));
  }

  /** Wallets' accounts, as of the last update: they may have credits where they redeemed options at a payout ratio below one. */
  get wallets(): readonly bigint[] {
    return [...this.wallet];
  }

  /** Every series of which options were ever traded, as of the last update: whoever holds one has it from a trade. */
  get series(): readonly Series[] {
    return [...this.traded.values()];
  }

  /**
   * Reads events up to the chain's head. A failure leaves what was read; the next call goes on from there.
   *
   * @returns All margin accounts: who may hold positions.
   */
  async update(): Promise<readonly bigint[]> {
    const { client, deployment } = this.connection;
    const ledger = { address: deployment.clearinghouse, abi: clearinghouseAbi, strict: true } as const;
    for await (const events of this.pages.read((range) => client.getContractEvents({ ...ledger, ...range }))) {
      for (const account of events.flatMap(({ args }) => accountsNamed(args))) {
        (fromAccountId(account).sub === 0 ? this.wallet : this.margin).add(account);
      }
      for (const option of events.flatMap(({ args }) => optionsTraded(args))) {
        const { marketId, expiry } = fromOptionId(option);
        this.traded.set(`${marketId}-${expiry}`, { marketId, expiry });
      }
    }
    return [...this.margin];
  }
}
