import { createRequire } from "node:module";
import { CurrencyAmount, Token } from "@uniswap/sdk-core";
import { Pool, type TickDataProvider, TickMath } from "@uniswap/v3-sdk";
import {
  type Abi,
  type Address,
  type Chain,
  encodeDeployData,
  getAddress,
  type Hex,
  type HttpTransport,
  maxUint256,
  type PublicClient,
  parseAbi,
  parseEther,
  type TransactionReceipt,
  type WalletClient,
  zeroAddress,
} from "viem";
import type { LocalAccount } from "viem/accounts";
import { MeniscusError } from "../runtime/errors.ts";
import { localTokenAbi, localTokenBytecode } from "./abis.ts";

const require = createRequire(import.meta.url);

export type Reader = PublicClient<HttpTransport, Chain>;
type Wallet = WalletClient<HttpTransport, Chain, LocalAccount>;

/** The pool's fee of 0.05 %, in millionths as Uniswap writes it, and the tick spacing that goes with it. */
export const POOL_FEE_PIPS = 500;
const TICK_SPACING = 10;
/** Lowest and highest usable ticks of that spacing: the whole range of prices. */
const WIDEST_TICK = Math.floor(887_272 / TICK_SPACING) * TICK_SPACING;
const Q96 = 2n ** 96n;
const WETH_DECIMALS = 18;
/**
 * Gas for whatever moves a pool. An estimate is made in the same second as the last block's; mined a second later, the pool
 * writes an observation as well, and an exact estimate runs out of gas.
 */
const POOL_GAS = 2_000_000n;
/** Deadlines are meant for public mempools; here every transaction is mined at once. */
const NO_DEADLINE = maxUint256;

const erc20Abi = parseAbi([
  "function approve(address spender, uint256 amount) returns (bool)",
  "function balanceOf(address owner) view returns (uint256)",
  "function allowance(address owner, address spender) view returns (uint256)",
  "function decimals() view returns (uint8)",
  "function symbol() view returns (string)",
]);
const wethAbi = parseAbi(["function deposit() payable"]);
const factoryAbi = parseAbi(["function getPool(address a, address b, uint24 fee) view returns (address)"]);
const poolAbi = parseAbi([
  "function slot0() view returns (uint160 sqrtPriceX96, int24 tick, uint16 observationIndex, uint16 observationCardinality, uint16 observationCardinalityNext, uint8 feeProtocol, bool unlocked)",
  "function liquidity() view returns (uint128)",
  "function token0() view returns (address)",
  "function token1() view returns (address)",
  "function fee() view returns (uint24)",
  "function observe(uint32[] secondsAgos) view returns (int56[] tickCumulatives, uint160[] secondsPerLiquidityCumulativeX128s)",
  "function observations(uint256 index) view returns (uint32 blockTimestamp, int56 tickCumulative, uint160 secondsPerLiquidityCumulativeX128, bool initialized)",
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

export interface UniswapV3Contracts {
  readonly factory: Address;
  readonly positionManager: Address;
  readonly swapRouter: Address;
  readonly quoter: Address;
}

/** A Uniswap v3 pool of ETH against the quote token. */
export interface EthPool {
  readonly address: Address;
  /** WETH. */
  readonly baseToken: Address;
  readonly quoteToken: Address;
  readonly quoteDecimals: number;
  readonly feePips: number;
}

/** Deploys the canonical WETH9, a test token as the quote token, and gives them to nobody yet. */
export async function deployTokens(
  wallet: Wallet,
  quote: { readonly name: string; readonly symbol: string; readonly decimals: number },
): Promise<{ readonly weth: Address; readonly quoteToken: Address }> {
  const weth = await deployArtifact(wallet, "canonical-weth/build/contracts/WETH9.json");
  const data = encodeDeployData({
    abi: localTokenAbi,
    bytecode: localTokenBytecode,
    args: [quote.name, quote.symbol, quote.decimals],
  });
  const receipt = await wallet.sendTransactionSync({ data });
  return { weth, quoteToken: created(receipt) };
}

/** Mints the local token; only its deployer can. */
export async function mintLocalToken(wallet: Wallet, token: Address, to: Address, amount: bigint): Promise<void> {
  succeeded(
    await wallet.writeContractSync({ address: token, abi: localTokenAbi, functionName: "mint", args: [to, amount] }),
    "mint",
  );
}

/** Turns ETH of the wallet into WETH. */
export async function wrapEther(wallet: Wallet, weth: Address, amountWei: bigint): Promise<void> {
  succeeded(
    await wallet.writeContractSync({ address: weth, abi: wethAbi, functionName: "deposit", value: amountWei }),
    "deposit",
  );
}

/** Deploys Uniswap v3 as its authors compiled it: factory, position manager, router and quoter. */
export async function deployUniswapV3(wallet: Wallet, weth: Address): Promise<UniswapV3Contracts> {
  const factory = await deployArtifact(
    wallet,
    "@uniswap/v3-core/artifacts/contracts/UniswapV3Factory.sol/UniswapV3Factory.json",
  );
  const periphery = "@uniswap/v3-periphery/artifacts/contracts";
  return {
    factory,
    // The third argument draws pictures of positions; nobody looks at them here.
    positionManager: await deployArtifact(
      wallet,
      `${periphery}/NonfungiblePositionManager.sol/NonfungiblePositionManager.json`,
      [factory, weth, zeroAddress],
    ),
    swapRouter: await deployArtifact(wallet, `${periphery}/SwapRouter.sol/SwapRouter.json`, [factory, weth]),
    quoter: await deployArtifact(wallet, `${periphery}/lens/QuoterV2.sol/QuoterV2.json`, [factory, weth]),
  };
}

/** Creates the 0.05 % pool at a price (quote token per ETH, as a person writes it) with room for observations. */
export async function createEthPool(
  reader: Reader,
  wallet: Wallet,
  contracts: UniswapV3Contracts,
  tokens: { readonly weth: Address; readonly quoteToken: Address },
  price: number,
  observationCardinality = 600,
): Promise<EthPool> {
  const quoteDecimals = await reader.readContract({
    address: tokens.quoteToken,
    abi: erc20Abi,
    functionName: "decimals",
  });
  const [token0, token1] = sorted(tokens.weth, tokens.quoteToken);
  const sqrtPriceX96 = sqrtPriceOf(price, { baseIsToken0: token0 === getAddress(tokens.weth), quoteDecimals });
  succeeded(
    await wallet.writeContractSync({
      address: contracts.positionManager,
      abi: positionManagerAbi,
      functionName: "createAndInitializePoolIfNecessary",
      args: [token0, token1, POOL_FEE_PIPS, sqrtPriceX96],
    }),
    "createAndInitializePoolIfNecessary",
  );
  const address = await reader.readContract({
    address: contracts.factory,
    abi: factoryAbi,
    functionName: "getPool",
    args: [token0, token1, POOL_FEE_PIPS],
  });
  const pool = {
    address,
    baseToken: getAddress(tokens.weth),
    quoteToken: getAddress(tokens.quoteToken),
    quoteDecimals,
    feePips: POOL_FEE_PIPS,
  };
  // Each new slot costs 22,100 gas and one call must stay below EIP-7825's cap.
  for (let next = 500; ; next += 500) {
    const room = Math.min(next, observationCardinality);
    succeeded(
      await wallet.writeContractSync({
        address,
        abi: poolAbi,
        functionName: "increaseObservationCardinalityNext",
        args: [room],
      }),
      "increaseObservationCardinalityNext",
    );
    if (room === observationCardinality) return pool;
  }
}

export interface LiquidityRange {
  /** Quote token per ETH; undefined stands for the whole range of prices. */
  readonly prices: { readonly low: number; readonly high: number } | undefined;
  readonly ethWei: bigint;
  readonly quoteAmount: bigint;
}

/** Adds liquidity from the wallet's WETH and quote token; what the price does not use stays with the wallet. */
export async function addLiquidity(
  reader: Reader,
  wallet: Wallet,
  contracts: UniswapV3Contracts,
  pool: EthPool,
  range: LiquidityRange,
): Promise<void> {
  await approveOnce(reader, wallet, pool, contracts.positionManager);
  const baseIsToken0 = isBaseToken0(pool);
  const tickOfPrice = (price: number) => {
    const sqrt = sqrtPriceOf(price, { baseIsToken0, quoteDecimals: pool.quoteDecimals });
    return Math.round((2 * Math.log(Number(sqrt) / Number(Q96))) / Math.log(1.0001) / TICK_SPACING) * TICK_SPACING;
  };
  const ends = range.prices && [tickOfPrice(range.prices.low), tickOfPrice(range.prices.high)];
  const [token0, token1] = sorted(pool.baseToken, pool.quoteToken);
  succeeded(
    await wallet.writeContractSync({
      address: contracts.positionManager,
      abi: positionManagerAbi,
      functionName: "mint",
      gas: POOL_GAS,
      args: [
        {
          token0,
          token1,
          fee: pool.feePips,
          tickLower: ends ? Math.min(...ends) : -WIDEST_TICK,
          tickUpper: ends ? Math.max(...ends) : WIDEST_TICK,
          amount0Desired: baseIsToken0 ? range.ethWei : range.quoteAmount,
          amount1Desired: baseIsToken0 ? range.quoteAmount : range.ethWei,
          amount0Min: 0n,
          amount1Min: 0n,
          recipient: wallet.account.address,
          deadline: NO_DEADLINE,
        },
      ],
    }),
    "mint",
  );
}

/** The pool's price now, quote token per ETH. */
export async function poolPrice(reader: Reader, pool: EthPool): Promise<number> {
  const [sqrtPriceX96] = await reader.readContract({ address: pool.address, abi: poolAbi, functionName: "slot0" });
  return priceOfSqrt(sqrtPriceX96, shapeOf(pool));
}

/** The oldest moment, Unix seconds, from which on a pool can say its mean price. */
export async function oldestObservation(reader: Pick<Reader, "readContract">, address: Address): Promise<number> {
  const pool = { address, abi: poolAbi } as const;
  const [, , index, cardinality] = await reader.readContract({ ...pool, functionName: "slot0" });
  // A ring: the slot after the last written is the oldest, once all were written; until then the first.
  const at = async (slot: number) =>
    await reader.readContract({ ...pool, functionName: "observations", args: [BigInt(slot)] });
  const [afterLast, , , isWritten] = await at((index + 1) % cardinality);
  return isWritten ? afterLast : (await at(0))[0];
}

/**
 * What an arbitrageur does when the market has moved: swaps until the pool's price is the target, however much that takes.
 * Does nothing while the price is within the tolerance (by default one basis point). The wallet must hold enough of the
 * token that is sold.
 */
export async function swapToPrice(
  reader: Reader,
  wallet: Wallet,
  contracts: UniswapV3Contracts,
  pool: EthPool,
  target: number,
  tolerance = 1e-4,
): Promise<{ readonly moved: boolean; readonly price: number }> {
  const before = await poolPrice(reader, pool);
  if (Math.abs(Math.log(target / before)) <= tolerance) return { moved: false, price: before };
  await approveOnce(reader, wallet, pool, contracts.swapRouter);
  const [tokenIn, tokenOut] = target > before ? [pool.quoteToken, pool.baseToken] : [pool.baseToken, pool.quoteToken];
  // The limit stops the swap at the target, and the pool takes what it used: all that the wallet has may be offered.
  const amountIn = await reader.readContract({
    address: tokenIn,
    abi: erc20Abi,
    functionName: "balanceOf",
    args: [wallet.account.address],
  });
  succeeded(
    await wallet.writeContractSync({
      address: contracts.swapRouter,
      abi: routerAbi,
      functionName: "exactInputSingle",
      gas: POOL_GAS,
      args: [
        {
          tokenIn,
          tokenOut,
          fee: pool.feePips,
          recipient: wallet.account.address,
          deadline: NO_DEADLINE,
          amountIn,
          amountOutMinimum: 0n,
          sqrtPriceLimitX96: sqrtPriceOf(target, shapeOf(pool)),
        },
      ],
    }),
    "exactInputSingle",
  );
  const price = await poolPrice(reader, pool);
  if (Math.abs(Math.log(target / price)) > tolerance) {
    throw new MeniscusError(
      "funds",
      `The arbitrageur's money moved the pool to ${price.toFixed(2)}, not ${target.toFixed(2)}.`,
      {
        hint: "Give it more of both tokens.",
      },
    );
  }
  return { moved: true, price };
}

/** The time-weighted geometric mean price over the last seconds, quote token per ETH. */
export async function poolTwap(reader: Reader, pool: EthPool, seconds: number): Promise<number> {
  const [cumulatives] = await reader.readContract({
    address: pool.address,
    abi: poolAbi,
    functionName: "observe",
    args: [[seconds, 0]],
  });
  const [then = 0n, now = 0n] = cumulatives;
  const tick = meanTick(now - then, BigInt(seconds));
  return priceOfSqrt(BigInt(TickMath.getSqrtRatioAtTick(tick).toString()), shapeOf(pool));
}

/** Rounds toward −∞, as Uniswap's own oracle library does; BigInt's division would round toward zero. */
export function meanTick(tickSeconds: bigint, seconds: bigint): number {
  const truncated = tickSeconds / seconds;
  return Number(tickSeconds < 0n && tickSeconds % seconds !== 0n ? truncated - 1n : truncated);
}

/** What `amountIn` of one token buys of the other, computed here by Uniswap's SDK on the chain's state. */
export async function quoteExactInput(
  reader: Reader,
  pool: EthPool,
  tokenIn: Address,
  amountIn: bigint,
): Promise<bigint> {
  const [[sqrtPriceX96, tick], liquidity] = await Promise.all([
    reader.readContract({ address: pool.address, abi: poolAbi, functionName: "slot0" }),
    reader.readContract({ address: pool.address, abi: poolAbi, functionName: "liquidity" }),
  ]);
  const chainId = reader.chain.id;
  const base = new Token(chainId, pool.baseToken, WETH_DECIMALS, "WETH");
  const quote = new Token(chainId, pool.quoteToken, pool.quoteDecimals);
  const state = new Pool(
    base,
    quote,
    pool.feePips,
    sqrtPriceX96.toString(),
    liquidity.toString(),
    tick,
    ticksOf(reader, pool.address),
  );
  const input = getAddress(tokenIn) === getAddress(pool.baseToken) ? base : quote;
  const [output] = await state.getOutputAmount(CurrencyAmount.fromRawAmount(input, amountIn.toString()));
  return BigInt(output.quotient.toString());
}

/**
 * A pool's price, and the ticks with liquidity around it, at the latest block.
 *
 * @param wordsAround Words of the tick bitmap (256 spacings) that are read on either side of the price.
 */
export async function readTicks(reader: Reader, address: Address, wordsAround: number) {
  const pool = { address, abi: poolAbi } as const;
  const [[sqrtPriceX96, tick], liquidity] = await Promise.all([
    reader.readContract({ ...pool, functionName: "slot0" }),
    reader.readContract({ ...pool, functionName: "liquidity" }),
  ]);
  const word = Math.floor(tick / TICK_SPACING) >> 8;
  const words = Array.from({ length: 2 * wordsAround + 1 }, (_, i) => word - wordsAround + i);
  const bitmaps = await Promise.all(
    words.map((each) => reader.readContract({ ...pool, functionName: "tickBitmap", args: [each] })),
  );
  const indices = bitmaps.flatMap((bits, i) =>
    Array.from({ length: 256 }, (_, bit) => bit)
      .filter((bit) => (bits >> BigInt(bit)) & 1n)
      .map((bit) => (words[i]! * 256 + bit) * TICK_SPACING),
  );
  const ticks = await Promise.all(
    indices.map(async (index) => {
      const [, liquidityNet] = await reader.readContract({ ...pool, functionName: "ticks", args: [index] });
      return { index, liquidityNet };
    }),
  );
  const lowest = words[0]! * 256 * TICK_SPACING;
  const highest = (words.at(-1)! + 1) * 256 * TICK_SPACING;
  return { sqrtPriceX96, liquidity, ticks, lowest, highest };
}

/** The SDK walks from tick to tick; this reads the ones it comes by. */
function ticksOf(reader: Reader, address: Address): TickDataProvider {
  const words = new Map<number, Promise<bigint>>();
  const bitmap = (word: number) => {
    const known = words.get(word);
    if (known) return known;
    const asked = reader.readContract({ address, abi: poolAbi, functionName: "tickBitmap", args: [word] });
    words.set(word, asked);
    return asked;
  };
  return {
    getTick: async (tick) => {
      const [, liquidityNet] = await reader.readContract({
        address,
        abi: poolAbi,
        functionName: "ticks",
        args: [tick],
      });
      return { liquidityNet: liquidityNet.toString() };
    },
    // TickBitmap.sol: the nearest initialised tick at or below (lte), or above, inside the word of 256 ticks.
    nextInitializedTickWithinOneWord: async (tick, lte, spacing) => {
      const compressed = Math.floor(tick / spacing) + (lte ? 0 : 1);
      const word = compressed >> 8;
      const bits = await bitmap(word);
      const lastInWord = lte ? word << 8 : (word << 8) + 255;
      const step = lte ? -1 : 1;
      for (let index = compressed; lte ? index >= lastInWord : index <= lastInWord; index += step) {
        if ((bits >> BigInt(index - (word << 8))) & 1n) return [index * spacing, true];
      }
      return [lastInWord * spacing, false];
    },
  };
}

/** Which way round a pool's tokens stand. */
export interface PoolShape {
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

function isBaseToken0(pool: EthPool): boolean {
  return sorted(pool.baseToken, pool.quoteToken)[0] === getAddress(pool.baseToken);
}

/** How the pool's tokens stand. */
export function shapeOf(pool: EthPool): PoolShape {
  return { baseIsToken0: isBaseToken0(pool), quoteDecimals: pool.quoteDecimals };
}

function sorted(a: Address, b: Address): readonly [Address, Address] {
  return BigInt(a) < BigInt(b) ? [getAddress(a), getAddress(b)] : [getAddress(b), getAddress(a)];
}

async function approveOnce(reader: Reader, wallet: Wallet, pool: EthPool, spender: Address): Promise<void> {
  for (const token of [pool.baseToken, pool.quoteToken]) {
    const allowance = await reader.readContract({
      address: token,
      abi: erc20Abi,
      functionName: "allowance",
      args: [wallet.account.address, spender],
    });
    if (allowance > parseEther("1000000000")) continue;
    succeeded(
      await wallet.writeContractSync({
        address: token,
        abi: erc20Abi,
        functionName: "approve",
        args: [spender, maxUint256],
      }),
      "approve",
    );
  }
}

/** Deploys what somebody else compiled; the path is that of an artifact in node_modules. */
async function deployArtifact(wallet: Wallet, path: string, args: readonly Address[] = []): Promise<Address> {
  const artifact: { readonly abi: Abi; readonly bytecode: Hex } = require(path);
  const data = encodeDeployData({ abi: artifact.abi, bytecode: artifact.bytecode, args: [...args] });
  return created(await wallet.sendTransactionSync({ data }));
}

function created(receipt: TransactionReceipt): Address {
  if (receipt.status !== "success" || !receipt.contractAddress) {
    throw new MeniscusError("internal", `A contract was not deployed (transaction ${receipt.transactionHash}).`);
  }
  return getAddress(receipt.contractAddress);
}

function succeeded(receipt: TransactionReceipt, what: string): void {
  if (receipt.status !== "success") {
    throw new MeniscusError("market", `${what} on Uniswap's side reverted (transaction ${receipt.transactionHash}).`);
  }
}
