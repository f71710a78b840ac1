import { createRequire } from "node:module";
import {
  type Abi,
  type Address,
  encodeFunctionData,
  erc20Abi,
  getAddress,
  type Hex,
  maxUint256,
  parseAbi,
  parseEther,
  zeroAddress,
} from "viem";
import { MeniscusError } from "../runtime/errors.ts";
import { localTokenAbi, localTokenBytecode } from "./abis.ts";
import type { Deployment } from "./deployments.ts";
import type { Transactor } from "./transactor.ts";

const require = createRequire(import.meta.url);

/** The pool's fee of 0.05 %, in millionths as Uniswap writes it, and the tick spacing that goes with it. */
export const POOL_FEE_PIPS = 500;
const TICK_SPACING = 10;
/** The last usable tick of that spacing: the whole range of prices lies between it and its negative. */
const WIDEST_TICK = Math.floor(887_272 / TICK_SPACING) * TICK_SPACING;
const Q96 = 2n ** 96n;
const USDC_DECIMALS = 6;
const WETH_DECIMALS = 18;
/** Deadlines are meant for public mempools; here every transaction is mined at once. */
const NO_DEADLINE = maxUint256;
/** One swap a tick: three weeks of hours. */
const OBSERVATIONS = 500;
/** USDC on each side of a position. */
const POSITION_USDC = 20_000_000;
/** The concentrated position reaches from the opening price this factor down and up. */
const CONCENTRATION = 1.25;

const wethAbi = parseAbi(["function deposit() payable"]);
const factoryAbi = parseAbi(["function getPool(address a, address b, uint24 fee) view returns (address)"]);
export const uniswapV3PoolAbi = parseAbi([
  "function slot0() view returns (uint160 sqrtPriceX96, int24 tick, uint16 observationIndex, uint16 observationCardinality, uint16 observationCardinalityNext, uint8 feeProtocol, bool unlocked)",
  "function liquidity() view returns (uint128)",
  "function token0() view returns (address)",
  "function token1() view returns (address)",
  "function fee() view returns (uint24)",
  "function observe(uint32[] secondsAgos) view returns (int56[] tickCumulatives, uint160[] secondsPerLiquidityCumulativeX128s)",
  "function tickBitmap(int16 word) view returns (uint256)",
  "function ticks(int24 tick) view returns (uint128 liquidityGross, int128 liquidityNet, uint256 feeGrowthOutside0X128, uint256 feeGrowthOutside1X128, int56 tickCumulativeOutside, uint160 secondsPerLiquidityOutsideX128, uint32 secondsOutside, bool initialized)",
  "function increaseObservationCardinalityNext(uint16 next)",
]);
const positionManagerAbi = parseAbi([
  "function createAndInitializePoolIfNecessary(address token0, address token1, uint24 fee, uint160 sqrtPriceX96) payable returns (address pool)",
  "function mint((address token0, address token1, uint24 fee, int24 tickLower, int24 tickUpper, uint256 amount0Desired, uint256 amount1Desired, uint256 amount0Min, uint256 amount1Min, address recipient, uint256 deadline) params) payable returns (uint256 tokenId, uint128 liquidity, uint256 amount0, uint256 amount1)",
]);
const routerAbi = parseAbi([
  "function exactInputSingle((address tokenIn, address tokenOut, uint24 fee, address recipient, uint256 deadline, uint256 amountIn, uint256 amountOutMinimum, uint160 sqrtPriceLimitX96) params) payable returns (uint256 amountOut)",
]);

/** A local Uniswap v3 with a WETH/USDC pool, made of the published bytecode. Prices are USDC per WETH. */
export interface UniswapV3 {
  readonly usdc: Address;
  readonly weth: Address;
  readonly pool: Address;
  readonly addresses: Deployment["uniswapV3"];
  /** Only the transactor that deployed may mint. */
  mintUsdc(to: Address, amount: bigint): Promise<void>;
  /** The pool's price now. */
  spot(): Promise<number>;
  /** The time-weighted geometric mean price over the last seconds. */
  twap(seconds: number): Promise<number>;
  /**
   * Swaps until the pool stands at `price`, as an arbitrageur with enough of both tokens would (he is funded when he first
   * comes). Does nothing while the move is not worth the pool's fee.
   */
  swapToPrice(arbitrageur: Transactor, price: number): Promise<void>;
}

/**
 * Deploys Uniswap v3 as its authors compiled it (factory, position manager, router, quoter), WETH9 and a USDC of six
 * decimals, opens the 0.05 % pool at `price`, and gives it liquidity over the whole range and more of it around the price.
 */
export async function deployUniswapV3(deployer: Transactor, { price }: { readonly price: number }): Promise<UniswapV3> {
  const { client } = deployer;
  const weth = await deployArtifact(deployer, "canonical-weth/build/contracts/WETH9.json");
  const usdc = await deployer.deploy(localTokenAbi, localTokenBytecode, ["USD Coin", "USDC", USDC_DECIMALS]);
  const periphery = "@uniswap/v3-periphery/artifacts/contracts";
  const factory = await deployArtifact(
    deployer,
    "@uniswap/v3-core/artifacts/contracts/UniswapV3Factory.sol/UniswapV3Factory.json",
  );
  const positionManager = await deployArtifact(
    deployer,
    `${periphery}/NonfungiblePositionManager.sol/NonfungiblePositionManager.json`,
    // The third argument draws pictures of positions; nobody looks at them here.
    [factory, weth, zeroAddress],
  );
  const swapRouter = await deployArtifact(deployer, `${periphery}/SwapRouter.sol/SwapRouter.json`, [factory, weth]);
  const quoter = await deployArtifact(deployer, `${periphery}/lens/QuoterV2.sol/QuoterV2.json`, [factory, weth]);

  const baseIsToken0 = BigInt(weth) < BigInt(usdc);
  const shape = { baseIsToken0, quoteDecimals: USDC_DECIMALS };
  const [token0, token1] = baseIsToken0 ? [weth, usdc] : [usdc, weth];
  await deployer.write(positionManager, positionManagerAbi, "createAndInitializePoolIfNecessary", [
    token0,
    token1,
    POOL_FEE_PIPS,
    sqrtPriceOf(price, shape),
  ]);
  const pool = await client.readContract({
    address: factory,
    abi: factoryAbi,
    functionName: "getPool",
    args: [token0, token1, POOL_FEE_PIPS],
  });
  // Each new slot costs 22,100 gas: 500 fit under EIP-7825's cap.
  await deployer.write(pool, uniswapV3PoolAbi, "increaseObservationCardinalityNext", [OBSERVATIONS]);

  const usdcAmount = BigInt(POSITION_USDC) * 10n ** BigInt(USDC_DECIMALS);
  const wethAmount = parseEther((POSITION_USDC / price).toFixed(6));
  const fund = async (transactor: Transactor, spender: Address, weiOfWeth: bigint, unitsOfUsdc: bigint) => {
    await wrapEther(transactor, weth, weiOfWeth);
    await deployer.write(usdc, localTokenAbi, "mint", [transactor.address, unitsOfUsdc]);
    for (const token of [weth, usdc]) await transactor.write(token, erc20Abi, "approve", [spender, maxUint256]);
  };
  const provide = async (lowTick: number, highTick: number) => {
    await deployer.write(positionManager, positionManagerAbi, "mint", [
      {
        token0,
        token1,
        fee: POOL_FEE_PIPS,
        tickLower: lowTick,
        tickUpper: highTick,
        amount0Desired: baseIsToken0 ? wethAmount : usdcAmount,
        amount1Desired: baseIsToken0 ? usdcAmount : wethAmount,
        amount0Min: 0n,
        amount1Min: 0n,
        recipient: deployer.address,
        deadline: NO_DEADLINE,
      },
    ]);
  };
  await fund(deployer, positionManager, 2n * wethAmount, 2n * usdcAmount);
  await provide(-WIDEST_TICK, WIDEST_TICK);
  const ends = [price / CONCENTRATION, price * CONCENTRATION].map((end) => usableTick(sqrtPriceOf(end, shape)));
  await provide(Math.min(...ends), Math.max(...ends));

  const spot = async () => {
    const [now] = await client.readContract({ address: pool, abi: uniswapV3PoolAbi, functionName: "slot0" });
    return priceOfSqrt(now, shape);
  };
  const funded = new Set<Address>();
  return {
    usdc,
    weth,
    pool,
    addresses: { factory, positionManager, swapRouter, quoter },
    spot,
    async mintUsdc(to, amount) {
      await deployer.write(usdc, localTokenAbi, "mint", [to, amount]);
    },
    async twap(seconds) {
      const [[then = 0n, now = 0n]] = await client.readContract({
        address: pool,
        abi: uniswapV3PoolAbi,
        functionName: "observe",
        args: [[seconds, 0]],
      });
      const ratio = 1.0001 ** meanTick(now - then, BigInt(seconds)); // token1 per token0, in their own units
      return (baseIsToken0 ? ratio : 1 / ratio) * 10 ** (WETH_DECIMALS - USDC_DECIMALS);
    },
    async swapToPrice(arbitrageur, target) {
      if (!funded.has(arbitrageur.address)) {
        await fund(arbitrageur, swapRouter, parseEther("100000"), 10n ** 15n);
        funded.add(arbitrageur.address);
      }
      const before = await spot();
      if (Math.abs(target / before - 1) < POOL_FEE_PIPS / 1e6) return;
      const [tokenIn, tokenOut] = target > before ? [usdc, weth] : [weth, usdc];
      const amountIn = await client.readContract({
        address: tokenIn,
        abi: erc20Abi,
        functionName: "balanceOf",
        args: [arbitrageur.address],
      });
      // The limit ends the swap and the pool takes what it used, so all that he has may be offered.
      await arbitrageur.write(swapRouter, routerAbi, "exactInputSingle", [
        {
          tokenIn,
          tokenOut,
          fee: POOL_FEE_PIPS,
          recipient: arbitrageur.address,
          deadline: NO_DEADLINE,
          amountIn,
          amountOutMinimum: 0n,
          sqrtPriceLimitX96: sqrtPriceOf(target, shape),
        },
      ]);
      const after = await spot();
      if (Math.abs(target / after - 1) > POOL_FEE_PIPS / 1e6) {
        throw new MeniscusError(
          "funds",
          `The arbitrageur's money moved Uniswap's price to ${after.toFixed(2)}, not to ${target.toFixed(2)}.`,
        );
      }
    },
  };
}

/** Rounds toward −∞, as Uniswap's own oracle library does; BigInt's division would round toward zero. */
export function meanTick(tickSeconds: bigint, seconds: bigint): number {
  const truncated = tickSeconds / seconds;
  return Number(tickSeconds < 0n && tickSeconds % seconds !== 0n ? truncated - 1n : truncated);
}

interface PoolShape {
  readonly baseIsToken0: boolean;
  readonly quoteDecimals: number;
}

/** √(token1/token0)·2⁹⁶ of a price in quote token per ETH. */
export function sqrtPriceOf(price: number, { baseIsToken0, quoteDecimals }: PoolShape): bigint {
  if (!(price > 0 && price < 1e15)) throw new MeniscusError("usage", `${price} is not a price of ETH.`);
  // Units of quote for 1e18 units of base, carried with twelve more decimals.
  const quoteUnits = BigInt(Math.round(price * 1e6)) * 10n ** BigInt(quoteDecimals) * 10n ** 6n;
  const baseUnits = 10n ** BigInt(WETH_DECIMALS) * 10n ** 12n;
  const [amount1, amount0] = baseIsToken0 ? [quoteUnits, baseUnits] : [baseUnits, quoteUnits];
  return integerSqrt((amount1 * Q96 * Q96) / amount0);
}

/** The inverse of `sqrtPriceOf`, to double precision. */
export function priceOfSqrt(sqrtPriceX96: bigint, { baseIsToken0, quoteDecimals }: PoolShape): number {
  const root = Number(sqrtPriceX96) / Number(Q96);
  const ratio = root * root;
  return (baseIsToken0 ? ratio : 1 / ratio) * 10 ** (WETH_DECIMALS - quoteDecimals);
}

/** ⌊√n⌋ by Newton's steps from above. */
function integerSqrt(n: bigint): bigint {
  if (n < 2n) return n;
  let root = 1n << BigInt(Math.ceil(n.toString(2).length / 2));
  for (;;) {
    const next = (root + n / root) / 2n;
    if (next >= root) return root;
    root = next;
  }
}

/** The usable tick nearest to a price: ticks are powers of 1.0001 of the price, so twice those of its root. */
function usableTick(sqrtPriceX96: bigint): number {
  const tick = (2 * Math.log(Number(sqrtPriceX96) / Number(Q96))) / Math.log(1.0001);
  return Math.round(tick / TICK_SPACING) * TICK_SPACING;
}

/** Turns development ether into WETH. */
async function wrapEther(transactor: Transactor, weth: Address, value: bigint): Promise<void> {
  const data = encodeFunctionData({ abi: wethAbi, functionName: "deposit" });
  const hash = await transactor.signer.sendTransaction({ to: weth, data, value });
  const { status } = await transactor.client.waitForTransactionReceipt({ hash });
  if (status !== "success") throw new MeniscusError("funds", `${transactor.address} has no ether to wrap.`);
}

/** Deploys what somebody else compiled; the path is that of an artifact in node_modules. */
async function deployArtifact(deployer: Transactor, path: string, args: readonly Address[] = []): Promise<Address> {
  const artifact = require(path) as { readonly abi: Abi; readonly bytecode: Hex };
  return getAddress(await deployer.deploy(artifact.abi, artifact.bytecode, args));
}
