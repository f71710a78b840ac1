import type { Chain, HttpTransport, PublicClient } from "viem";
import type { EthPool } from "../chain/uniswapV3.ts";
import { MeniscusError } from "../runtime/errors.ts";
import type { SpotPrice, SpotVenue } from "./marketData.ts";

/** A Uniswap v3 pool as a place to look for spot: the geometric mean over the last seconds, which one block cannot move. */
export class UniswapTwap implements SpotVenue {
  readonly name: string;
  private readonly reader: PublicClient<HttpTransport, Chain>;
  private readonly pool: EthPool;
  private readonly seconds: number;

  /** @param seconds Over how long the mean runs; the pool must remember as much. */
  constructor(reader: PublicClient<HttpTransport, Chain>, pool: EthPool, seconds: number) {
    this.name = `uniswap ${pool.address}`;
    this.reader = reader;
    this.pool = pool;
    this.seconds = seconds;
  }

  async spot(): Promise<SpotPrice> {
    try {
      // Uniswap's SDK is large; nodes without such a pool do without it.
      const { poolTwap } = await import("../chain/uniswapV3.ts");
      const [block, price] = await Promise.all([
        this.reader.getBlock(),
        poolTwap(this.reader, this.pool, this.seconds),
      ]);
      // A mean holds in the middle of what it is taken over.
      return { time: Number(block.timestamp) - this.seconds / 2, price };
    } catch (cause) {
      throw new MeniscusError("network", `${this.name} gives no mean of ${this.seconds} s.`, {
        retryable: true,
        cause,
        hint: "The chain may be out of reach, or the pool younger than that.",
      });
    }
  }
}
