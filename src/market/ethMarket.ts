import type { Anvil } from "../chain/anvil.ts";
import {
  addLiquidity,
  createEthPool,
  deployTokens,
  deployUniswapV3,
  type EthPool,
  mintLocalToken,
  type UniswapV3Contracts,
  wrapEther,
} from "../chain/uniswapV3.ts";

/** USDC a side: over all prices, and as much again around the first one. */
const DEPTH = 20_000_000;
const QUOTE = { name: "USD Coin", symbol: "USDC", decimals: 6 };
const ETHER = 10n ** 18n;

/** Where ETH is traded on a local chain. */
export interface EthMarket {
  readonly uniswap: UniswapV3Contracts;
  readonly ethPool: EthPool;
}

/**
 * Uniswap v3 with a WETH/USDC pool of 20 million USDC a side over all prices and as much again within 30 % of the first one, and an
 * arbitrageur with plenty of both.
 *
 * @param people Indices of the chain's accounts: who deploys, mints USDC and provides the liquidity, and who arbitrages.
 */
export async function openEthMarket(
  anvil: Anvil,
  price: number,
  people: { readonly deployer: number; readonly arbitrageur: number },
): Promise<EthMarket> {
  const { publicClient } = anvil;
  const deployer = anvil.wallet(people.deployer);
  const units = (tokens: number) => BigInt(tokens) * 10n ** BigInt(QUOTE.decimals);
  const mint = (index: number, tokens: number) =>
    mintLocalToken(deployer, ethPool.quoteToken, anvil.address(index), units(tokens));
  const tokens = await deployTokens(deployer, QUOTE);
  const uniswap = await deployUniswapV3(deployer, tokens.weth);
  const ethPool = await createEthPool(publicClient, deployer, uniswap, tokens, price);
  const ethWei = BigInt(Math.round(DEPTH / price)) * ETHER;
  await wrapEther(deployer, tokens.weth, 2n * ethWei);
  await mint(people.deployer, 2 * DEPTH);
  for (const prices of [undefined, { low: price / 1.3, high: price * 1.3 }]) {
    await addLiquidity(publicClient, deployer, uniswap, ethPool, { prices, ethWei, quoteAmount: units(DEPTH) });
  }
  await wrapEther(anvil.wallet(people.arbitrageur), tokens.weth, 100_000n * ETHER);
  await mint(people.arbitrageur, 300_000_000);
  return { uniswap, ethPool };
}
