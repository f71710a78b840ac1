import type { QuoteBoard } from "../../../../pricing/fixed/index.ts";
import { greeksOn } from "../../../../src/bots/arbitrage/greeks.ts";
import type { RiskLimits } from "../../../../src/bots/arbitrage/limits.ts";
import {
  type ExpiryBoards,
  type Leg,
  type Maker,
  type OracleFacts,
  type PoolFacts,
  PoolMaker,
} from "../../../../src/bots/arbitrage/makers.ts";
import type { ArbitrageFacts } from "../../../../src/bots/arbitrage/plan.ts";
import type { ArbitrageRules } from "../../../../src/bots/arbitrage/rules.ts";
import { fromSize, type OptionTerms, toOptionId } from "../../../../src/chain/optionId.ts";
import { defaultPoolParameters, wad } from "../../../../src/chain/parameters.ts";
import { UniswapCurve } from "../../../../src/chain/uniswapCurve.ts";
import { sqrtPriceOf } from "../../../../src/chain/uniswapV3.ts";

export const SPOT = 2_700;
export const NOW = Date.UTC(2026, 0, 31, 9) / 1000;
export const WEEK = Date.UTC(2026, 1, 7, 8) / 1000;
export const MONTH = Date.UTC(2026, 2, 6, 8) / 1000;
const YEAR = 365 * 86_400;
const NAV = 1_000_000;
const shape = { baseIsToken0: true, quoteDecimals: 6 };

/** A surface of one volatility without skew, reported seconds ago. */
export function oracleFacts(volatility = 0.6, expiries: readonly number[] = [WEEK, MONTH]): OracleFacts {
  const boardOf = (expiry: number, time: number): QuoteBoard & { fresh: boolean } => {
    const seconds = expiry - time - 1_200;
    const theta = (volatility ** 2 * seconds) / YEAR;
    return {
      expiry,
      effectiveSeconds: BigInt(seconds),
      forwardWad: wad(SPOT),
      thetaWad: wad(theta),
      psiWad: wad(0.9 * Math.sqrt(theta)),
      rhoWad: wad(-0.3),
      residualWad: 0n,
      fresh: true,
    };
  };
  const spotWad = wad(SPOT);
  return {
    timestamp: NOW,
    round: 7,
    state: {
      surfaceTime: NOW - 4,
      spotTime: NOW - 2,
      spotWad,
      surfaceSpotWad: spotWad,
      disagreementWad: 0n,
      unconfirmed: false,
      surfaceAcceptedAt: NOW - 3,
      spotAcceptedAt: NOW - 2,
    },
    boards: new Map(
      expiries.map((expiry): [number, ExpiryBoards] => {
        const boards = { atReport: boardOf(expiry, NOW - 4), current: boardOf(expiry, NOW), previous: undefined };
        return [expiry, boards];
      }),
    ),
  };
}

/** A pool of a million, flat and just marked, unless it is told otherwise. */
export function poolFacts(changes: Partial<PoolFacts> = {}): PoolFacts {
  return {
    name: "core",
    address: "0x00000000000000000000000000000000000000c0",
    parameters: defaultPoolParameters(6),
    inventory: [0n, 0n, 0n, 0n],
    reserveWad: 0n,
    markedRound: 7,
    nav: BigInt(NAV) * 1_000_000n,
    navE6: BigInt(NAV) * 1_000_000n,
    quoteDecimals: 6,
    flow: [0n, 0n],
    expiryRisks: new Map(),
    positions: new Map(),
    ...changes,
  };
}

/** All prices, one liquidity: √(x·y) of 20 million a side. */
export function curveAt(price: number, dollars = 20_000_000): UniswapCurve {
  const liquidity = BigInt(Math.round(dollars / Math.sqrt(SPOT))) * 10n ** 12n;
  const edges = { lowest: -300_000, highest: -100_000 };
  return new UniswapCurve({
    ...shape,
    ...edges,
    sqrtPriceX96: sqrtPriceOf(price, shape),
    liquidity,
    feePips: 500,
    ticks: [],
  });
}

/** A maker who values some options differently: his bids and asks are shifted by so many quote tokens a contract. */
export class ShiftedMaker implements Maker {
  readonly name = "shifted";
  readonly address = "0x00000000000000000000000000000000000000d0";
  private readonly maker: Maker;
  private readonly shifts = new Map<bigint, number>();

  constructor(maker: Maker, shifts: readonly (readonly [OptionTerms, number])[]) {
    this.maker = maker;
    for (const [terms, shift] of shifts) this.shifts.set(toOptionId(terms), shift);
  }

  quote(legs: readonly Leg[]): number | undefined {
    const cash = this.maker.quote(legs);
    return cash && cash + legs.reduce((sum, { terms, size }) => sum + fromSize(size) * this.shiftOf(terms), 0);
  }

  mid(terms: OptionTerms): number | undefined {
    const mid = this.maker.mid(terms);
    return mid && mid + this.shiftOf(terms);
  }

  private shiftOf(terms: OptionTerms): number {
    return this.shifts.get(toOptionId(terms)) ?? 0;
  }
}

export const rules: ArbitrageRules = {
  minGain: 1,
  edgePoints: 0,
  capitalRate: 0.05,
  shortMargin: 0.25,
  holdingSeconds: 86_400,
  maxContracts: 1_000,
  spreadShare: 0,
  maxSpreadPoints: 5,
};

export const limits: RiskLimits = { delta: 1_000, gamma: 100, vega: 1e6, theta: 1e6, loss: 10_000 };

export function factsWith(changes: Partial<ArbitrageFacts> = {}): ArbitrageFacts {
  const oracle = oracleFacts();
  return {
    now: NOW,
    spot: SPOT,
    makers: [new PoolMaker(oracle, poolFacts())],
    greeksOf: (terms) => greeksOn(oracle, terms),
    forwards: new Map([...oracle.boards].map(([expiry]) => [expiry, SPOT])),
    uniswap: curveAt(SPOT),
    baseDecimals: 18,
    quoteDecimals: 6,
    gas: { gasPrice: 10n ** 7n, nativePrice: SPOT },
    lot: 10_000n,
    holdings: { positions: new Map(), base: 0 },
    ...changes,
  };
}

export const option = (expiry: number, strike: number, kind: "call" | "put"): OptionTerms => ({
  marketId: 1,
  expiry,
  strike,
  kind,
});
