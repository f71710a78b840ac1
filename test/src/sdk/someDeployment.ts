import type { Address } from "viem";
import type { Deployment } from "../../../src/chain/deployments.ts";

export const address = (digit: string): Address => `0x${digit.repeat(40)}`;

/** A pool that stands nowhere, for what is told event by event. */
export const somePool = {
  name: "core",
  optionPool: address("1"),
  poolShares: address("2"),
  marketId: 1,
  spotHedger: address("c"),
};

export const someDeployment: Deployment = {
  chainId: 31_337,
  quoteToken: address("3"),
  quoteSymbol: "USDC",
  quoteDecimals: 6,
  markets: [
    {
      marketId: 1,
      symbol: "ETH",
      baseToken: address("4"),
      baseDecimals: 18,
      uniswapV3Pool: address("5"),
      atomicExecutor: address("d"),
    },
  ],
  authority: address("6"),
  marketOracle: address("7"),
  riskEngine: address("8"),
  settlementPrice: address("8"),
  clearinghouse: address("9"),
  insuranceFund: address("a"),
  liquidationAuction: address("a"),
  signedOrders: address("a"),
  permit2: address("b"),
  poolLens: address("b"),
  pools: [somePool],
  uniswapV3: { factory: address("b"), positionManager: address("b"), swapRouter: address("b"), quoter: address("b") },
  deployedAtBlock: 0,
};
