import type { ArbitrageurRules } from "../bots/arbitrage/arbitrageur.ts";
import { clearinghouseAbi } from "../chain/abis.ts";
import type { Anvil } from "../chain/anvil.ts";
import type { Deployment } from "../chain/deployments.ts";
import { toAccountId } from "../chain/optionId.ts";
import { Transactor } from "../chain/transactor.ts";
import { mintLocalToken, wrapEther } from "../chain/uniswapV3.ts";
import type { EthMarket } from "./ethMarket.ts";
import { approve } from "./participants.ts";

/** What an arbitrage bot works with: margin and wallet in USDC, base tokens to sell. */
const CAPITAL = { margin: 500_000n * 1_000_000n, wallet: 500_000n * 1_000_000n, base: 300n * 10n ** 18n };

/** When a bot of the local market trades: a place to start. */
export const arbitrageRules: ArbitrageurRules = {
  sub: 1,
  minGain: 2,
  edgePoints: 0.1,
  capitalRate: 0.05,
  shortMargin: 0.25,
  holdingSeconds: 86_400,
  maxContracts: 200,
  spreadShare: 0.5,
  maxSpreadPoints: 2,
  // A volatility point costs at most 1,000 USDC, 1 % of spot a delta of 4 ETH.
  limits: { delta: 60, gamma: 0.15, vega: 100_000, theta: 4_000, loss: 50_000 },
  hedge: { band: 10, maxCost: 0.002 },
  maxReferenceAge: 60,
  nativePrice: undefined,
  dryRun: false,
};

/** Gives an arbitrage bot its capital: cash in its margin account, both tokens in its wallet. */
export async function openArbitrage(
  anvil: Anvil,
  { ethPool }: EthMarket,
  deployment: Deployment,
  people: { readonly deployer: number; readonly arbitrageBot: number },
): Promise<void> {
  const bot = new Transactor(anvil.publicClient, anvil.wallet(people.arbitrageBot), { sync: true });
  const { margin, wallet, base } = CAPITAL;
  await mintLocalToken(anvil.wallet(people.deployer), ethPool.quoteToken, bot.address, margin + wallet);
  await wrapEther(anvil.wallet(people.arbitrageBot), ethPool.baseToken, base);
  await approve(bot, ethPool.quoteToken, deployment.clearinghouse);
  await bot.write(deployment.clearinghouse, clearinghouseAbi, "depositCash", [toAccountId(bot.address, 1), margin]);
}
