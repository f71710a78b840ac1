import { SwapMath, TickMath } from "@uniswap/v3-sdk";
import JSBI from "jsbi";
import {
  type EthPool,
  type PoolShape,
  priceOfSqrt,
  type Reader,
  readTicks,
  shapeOf,
  sqrtPriceOf,
} from "./uniswapV3.ts";

const FEE_UNIT = 1_000_000;

/** A boundary of somebody's liquidity. */
export interface CurveTick {
  readonly index: number;
  /** What the liquidity grows by where the price crosses upwards. */
  readonly liquidityNet: bigint;
}

/** A Uniswap v3 pool at one block. Prices are quote token per unit of the underlying. */
export interface CurveState extends PoolShape {
  readonly sqrtPriceX96: bigint;
  readonly liquidity: bigint;
  readonly feePips: number;
  /** Ascending; all that lie between `lowest` and `highest`, beyond which nothing is known. */
  readonly ticks: readonly CurveTick[];
  readonly lowest: number;
  readonly highest: number;
}

/** What a swap moves, from the trader's side, in the tokens' units: positive received, negative paid. */
export interface CurveTrade {
  readonly base: bigint;
  readonly quote: bigint;
  readonly sqrtPriceX96: bigint;
}

/** A Uniswap v3 pool off the chain: swaps to the unit, by Uniswap's own arithmetic (its SDK). Pure. */
export class UniswapCurve {
  readonly state: CurveState;

  constructor(state: CurveState) {
    this.state = state;
  }

  /** Between bid and ask, before fees. */
  get price(): number {
    return priceOfSqrt(this.state.sqrtPriceX96, this.state);
  }

  /** Share of what goes in. */
  get fee(): number {
    return this.state.feePips / FEE_UNIT;
  }

  /** Buys base exactly (positive), or sells it (negative), base units; undefined where the known liquidity does not carry that far. */
  trade(base: bigint): CurveTrade | undefined {
    if (base === 0n) return { base: 0n, quote: 0n, sqrtPriceX96: this.state.sqrtPriceX96 };
    const done = this.walk(this.falls(base), -base, undefined);
    return done.left === 0n ? done.trade : undefined;
  }

  /** Trades until the next unit would cost (bring) the price, fee included: what is best for whoever values base at it. */
  tradeTo(price: number): CurveTrade {
    const [ask, bid] = [price * (1 - this.fee), price / (1 - this.fee)];
    const none = { base: 0n, quote: 0n, sqrtPriceX96: this.state.sqrtPriceX96 };
    if (this.price < ask) return this.walk(this.falls(1n), MOST, sqrtPriceOf(ask, this.state)).trade;
    if (this.price > bid) return this.walk(this.falls(-1n), MOST, sqrtPriceOf(bid, this.state)).trade;
    return none;
  }

  /** Whether Uniswap's own price, token1 per token0, falls where base is bought (positive) or sold. */
  private falls(base: bigint): boolean {
    return base > 0n !== this.state.baseIsToken0;
  }

  /** As `UniswapV3Pool.swap`: `specified` is what goes in, or, negative, what comes out. */
  private walk(falls: boolean, specified: bigint, limit: bigint | undefined) {
    const { ticks, lowest, highest, feePips } = this.state;
    const end = sqrtAt(falls ? lowest : highest);
    const last = limit === undefined || (falls ? limit < end : limit > end) ? end : limit;
    const ahead = falls
      ? ticks.filter(({ index }) => sqrtAt(index) <= this.state.sqrtPriceX96).toReversed()
      : ticks.filter(({ index }) => sqrtAt(index) > this.state.sqrtPriceX96);
    let { sqrtPriceX96, liquidity } = this.state;
    let [left, paid, received] = [specified, 0n, 0n];
    for (const tick of [...ahead, undefined]) {
      const at = tick === undefined ? last : sqrtAt(tick.index);
      const target = falls ? larger(at, last) : smaller(at, last);
      const [next, amountIn, amountOut, fee] = SwapMath.computeSwapStep(
        big(sqrtPriceX96),
        big(target),
        big(liquidity),
        big(left),
        big(BigInt(feePips)),
      ).map((value) => BigInt(value.toString())) as [bigint, bigint, bigint, bigint];
      sqrtPriceX96 = next;
      paid += amountIn + fee;
      received += amountOut;
      left += specified > 0n ? -(amountIn + fee) : amountOut;
      if (left === 0n || sqrtPriceX96 === last || tick === undefined || sqrtPriceX96 !== at) break;
      liquidity += falls ? -tick.liquidityNet : tick.liquidityNet;
    }
    const baseGoesIn = falls === this.state.baseIsToken0;
    const [base, quote] = baseGoesIn ? [-paid, received] : [received, -paid];
    return { left, trade: { base, quote, sqrtPriceX96 } };
  }
}

/** More than any pool takes. */
const MOST = 2n ** 255n - 1n;

/** Reads a pool with the liquidity around its price: words of 256 tick spacings, so many on either side. */
export async function readCurve(reader: Reader, pool: EthPool, wordsAround = 2): Promise<UniswapCurve> {
  const state = await readTicks(reader, pool.address, wordsAround);
  return new UniswapCurve({ ...state, ...shapeOf(pool), feePips: pool.feePips });
}

function sqrtAt(tick: number): bigint {
  return BigInt(TickMath.getSqrtRatioAtTick(tick).toString());
}

function big(value: bigint): JSBI {
  return JSBI.BigInt(value.toString());
}

function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function larger(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
