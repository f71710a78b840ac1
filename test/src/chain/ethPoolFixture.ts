import { parseEther, parseUnits } from "viem";
import { type Anvil, startAnvil } from "../../../src/chain/anvil.ts";
import {
  addLiquidity,
  createEthPool,
  deployTokens,
  deployUniswapV3,
  type EthPool,
  mintLocalToken,
  type UniswapV3Contracts,
  wrapEther,
} from "../../../src/chain/uniswapV3.ts";

export interface EthPoolFixture {
  readonly anvil: Anvil;
  readonly contracts: UniswapV3Contracts;
  readonly pool: EthPool;
}

/**
 * The real Uniswap v3 on a chain of its own: a pool of ETH at 2,700, account 0 its LP, account 1 rich in both tokens.
 *
 * @param observationCardinality How many observations the pool remembers.
 */
export async function startEthPool(timestamp: number, observationCardinality?: number): Promise<EthPoolFixture> {
  const anvil = await startAnvil({ timestamp });
  const [lp, reader] = [anvil.wallet(0), anvil.publicClient];
  const { weth, quoteToken } = await deployTokens(lp, { name: "USD Coin", symbol: "USDC", decimals: 6 });
  const contracts = await deployUniswapV3(lp, weth);
  const pool = await createEthPool(reader, lp, contracts, { weth, quoteToken }, 2_700, observationCardinality);
  for (const wallet of [lp, anvil.wallet(1)]) {
    await wrapEther(wallet, weth, parseEther("100000"));
    await mintLocalToken(lp, quoteToken, wallet.account.address, parseUnits("300000000", 6));
  }
  const amounts = { ethWei: parseEther("10000"), quoteAmount: parseUnits("27000000", 6) };
  await addLiquidity(reader, lp, contracts, pool, { prices: undefined, ...amounts });
  await addLiquidity(reader, lp, contracts, pool, { prices: { low: 2_200, high: 3_300 }, ...amounts });
  return { anvil, contracts, pool };
}
