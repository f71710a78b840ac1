import type { Pool } from "../../src/sdk/client.ts";

const nobody = "0x0000000000000000000000000000000000000001";
/** A pool that nobody deployed: for what only reads its market. */
export const pool: Pool = {
  name: "core",
  optionPool: nobody,
  poolShares: nobody,
  spotHedger: nobody,
  marketId: 1,
  account: 0n,
  market: {
    marketId: 1,
    symbol: "ETH",
    baseToken: nobody,
    baseDecimals: 18,
    uniswapV3Pool: nobody,
    atomicExecutor: nobody,
  },
};
