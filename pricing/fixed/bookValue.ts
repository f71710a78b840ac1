/** Twin of a pool's marks, pool-contracts/libraries/pool/PoolBook.sol and Marks.sol, bit for bit. */

import { cashDivisor, toCashDown } from "./cashMath.ts";
import { type InventoryVector, inventoryPotential } from "./inventoryPotential.ts";
import {
  bucketOf,
  gammaWorth,
  type QuoteBoard,
  type QuoteParameters,
  ROOT_REFERENCE_YEARS_WAD,
  smileValue,
  tenorOf,
  toSmile,
} from "./poolQuote.ts";
import { absolute } from "./word.ts";

const WAD = 10n ** 18n;

/** A pool's calls and puts of one strike, signed, long positive, 6 decimals, and its board at the report's time. */
export interface StrikePosition {
  readonly strikeWad: bigint;
  readonly calls: bigint;
  readonly puts: bigint;
  readonly board: QuoteBoard & { readonly settled: boolean };
}

/** Sums over a book; raw (1e24) unless named otherwise. */
export interface BookValue {
  /** Value at the report's own time and spot. */
  readonly value: bigint;
  readonly netVega: bigint;
  readonly grossVegaCost: bigint;
  readonly contracts: bigint;
  /** Size times WAD per quote token. */
  readonly netGamma: bigint;
  /** Net short vega by bucket and net short delta, 6 decimals. */
  readonly netShort: readonly [bigint, bigint, bigint, bigint];
}

/** What one strike adds to the sums, and to those of its expiry: net short vega and Γ·F², 6 decimals. */
export interface StrikeMark extends BookValue {
  readonly expiryVega: bigint;
  readonly expiryGamma: bigint;
}

/** One strike as the mark sees it; a settled one counts by its payoff alone. */
export function strikeMark(parameters: QuoteParameters, position: StrikePosition, surfaceTime: number): StrikeMark {
  const { board, calls, puts, strikeWad } = position;
  const netShort: [bigint, bigint, bigint, bigint] = [0n, 0n, 0n, 0n];
  if (board.settled) {
    const inTheMoney = board.forwardWad - strikeWad;
    const value = inTheMoney > 0n ? calls * inTheMoney : -puts * inTheMoney;
    const nothing = { netVega: 0n, grossVegaCost: 0n, contracts: 0n, netGamma: 0n, expiryVega: 0n, expiryGamma: 0n };
    return { value, ...nothing, netShort };
  }
  const smile = toSmile(board, surfaceTime);
  const strike = smileValue(smile, strikeWad);
  const { callWad, putWad, callDeltaWad, vegaWad } = strike;
  const bucket = bucketOf(parameters, tenorOf(board, surfaceTime));
  const net = calls + puts;
  const expiryVega = -((net * ((vegaWad * ROOT_REFERENCE_YEARS_WAD) / WAD)) / WAD);
  netShort[bucket] = expiryVega;
  netShort[3] = -((calls * callDeltaWad + puts * (callDeltaWad - smile.deltaShareWad)) / WAD);

  const vegaPerVolatilityWad = (vegaWad * smile.rootYearsWad) / WAD;
  const contracts = absolute(calls) + absolute(puts);
  const grossSpread = parameters.grossVegaSpread > board.residualWad ? parameters.grossVegaSpread : board.residualWad;
  return {
    value: calls * callWad + puts * putWad,
    netVega: net * vegaPerVolatilityWad,
    grossVegaCost: contracts * ((vegaPerVolatilityWad * grossSpread) / WAD),
    contracts,
    netGamma: net * gammaOf(board.forwardWad, strike),
    netShort,
    expiryVega,
    expiryGamma: -((net * gammaWorth(strike)) / WAD),
  };
}

/** Γ of one option, WAD; `Smiles.gamma`. */
function gammaOf(forwardWad: bigint, { vegaWad, stdDevWad }: ReturnType<typeof smileValue>): bigint {
  if (stdDevWad === 0n) return 0n;
  return (((((vegaWad * WAD) / forwardWad) * WAD) / forwardWad) * WAD) / stdDevWad;
}

/** The whole book; `baseSize` is base collateral as a size of 6 decimals, which is long delta. */
export function bookValue(
  parameters: QuoteParameters,
  positions: readonly StrikePosition[],
  surfaceTime: number,
  baseSize = 0n,
): BookValue & { readonly expiryRisks: ReadonlyMap<number, { readonly vega: bigint; readonly gamma: bigint }> } {
  let [value, netVega, grossVegaCost, contracts, netGamma] = [0n, 0n, 0n, 0n, 0n];
  const netShort: [bigint, bigint, bigint, bigint] = [0n, 0n, 0n, -baseSize];
  const expiryRisks = new Map<number, { readonly vega: bigint; readonly gamma: bigint }>();
  for (const position of positions) {
    const strike = strikeMark(parameters, position, surfaceTime);
    const risk = expiryRisks.get(position.board.expiry) ?? { vega: 0n, gamma: 0n };
    expiryRisks.set(position.board.expiry, {
      vega: risk.vega + strike.expiryVega,
      gamma: risk.gamma + strike.expiryGamma,
    });
    netGamma += strike.netGamma;
    value += strike.value;
    netVega += strike.netVega;
    grossVegaCost += strike.grossVegaCost;
    contracts += strike.contracts;
    for (const i of [0, 1, 2, 3] as const) netShort[i] += strike.netShort[i];
  }
  return { value, netVega, grossVegaCost, contracts, netGamma, netShort, expiryRisks };
}

/** What a pool knew when it was marked. */
export interface MarkFacts {
  readonly positions: readonly StrikePosition[];
  readonly surfaceTime: number;
  readonly surfaceSpotWad: bigint;
  /** How far the reporters' volatilities differ in that report. */
  readonly disagreementWad: bigint;
  /** Base collateral as a size of 6 decimals. */
  readonly baseSize: bigint;
  /** Cash, quote units. */
  readonly cash: bigint;
  /** What settlements still owe the pool less what it owes them, quote units; nothing where it is left out. */
  readonly settlements?: bigint;
  /** What swaps since the report gained against its prices, quote units. */
  readonly drift: bigint;
  /** R before the mark, and R at the mark before. */
  readonly reserveWad: bigint;
  readonly reserveAtMarkWad: bigint;
  readonly quoteDecimals: number;
}

/** The numbers of `Mark` in IOptionPool.sol, quote units, with the inventory that holds from then on. */
export interface PoolMark {
  readonly nav: bigint;
  readonly bookValue: bigint;
  readonly reserve: bigint;
  readonly freshReserve: bigint;
  readonly unwind: bigint;
  readonly reserveWad: bigint;
  readonly netShort: readonly [bigint, bigint, bigint, bigint];
  readonly netShortGammaWad: bigint;
  readonly expiryRisks: ReadonlyMap<number, { readonly vega: bigint; readonly gamma: bigint }>;
}

/** The mark of a pool. */
export function poolMark(parameters: QuoteParameters & { readonly navFloor: bigint }, facts: MarkFacts): PoolMark {
  const { positions, surfaceTime, surfaceSpotWad, baseSize, quoteDecimals } = facts;
  const book = bookValue(parameters, positions, surfaceTime, baseSize);
  const divisor = cashDivisor(quoteDecimals);
  const value = toCashDown(book.value + baseSize * surfaceSpotWad, divisor);
  const nav = facts.cash + (facts.settlements ?? 0n) + value - facts.drift;
  const reserveWad = cappedReserve(parameters, { ...facts, netShort: book.netShort, nav });
  const survivedWad = reserveWad < facts.reserveAtMarkWad ? reserveWad : facts.reserveAtMarkWad;
  const unwindRaw =
    (absolute(book.netVega) * (parameters.netVegaSpread + facts.disagreementWad)) / WAD +
    book.grossVegaCost +
    book.contracts * ((surfaceSpotWad * parameters.notionalSpread) / WAD);
  const wadPerUnit = 10n ** BigInt(18 - quoteDecimals);
  return {
    nav,
    bookValue: value,
    reserve: divideUp(reserveWad, wadPerUnit),
    freshReserve: divideUp(reserveWad - survivedWad, wadPerUnit),
    unwind: divideUp(unwindRaw, divisor),
    reserveWad,
    netShort: book.netShort,
    netShortGammaWad: -book.netGamma / 1_000_000n,
    expiryRisks: book.expiryRisks,
  };
}

/** What R is capped by. */
export interface ReserveFacts {
  readonly reserveWad: bigint;
  readonly netShort: InventoryVector;
  readonly surfaceSpotWad: bigint;
  readonly nav: bigint;
  readonly quoteDecimals: number;
}

/** R ← min(R, Φ): at a mark, and again at the NAV after LPs brought more. */
export function cappedReserve(
  parameters: QuoteParameters & { readonly navFloor: bigint },
  { reserveWad, netShort, surfaceSpotWad, nav, quoteDecimals }: ReserveFacts,
): bigint {
  const potentialWad = inventoryPotential({
    inventory: netShort,
    vegaPotential: parameters.vegaPotential,
    deltaPotential: parameters.deltaPotential,
    spotWad: surfaceSpotWad,
    navE6: navE6(parameters.navFloor, nav, quoteDecimals),
  });
  return reserveWad < potentialWad ? reserveWad : potentialWad;
}

/** NAV with the floor that the potential uses, 6 decimals; `PoolReserves.navE6`. */
export function navE6(navFloor: bigint, nav: bigint, quoteDecimals: number): bigint {
  return ((nav > navFloor ? nav : navFloor) * 1_000_000n) / 10n ** BigInt(quoteDecimals);
}

/** R after a swap: `OptionPool` keeps it in 96 bits, 79 billion quote tokens. */
export function reserveAfter(reserveWad: bigint, impactWad: bigint): bigint {
  const reserve = reserveWad + impactWad;
  return reserve >> 96n === 0n ? reserve : (1n << 96n) - 1n;
}

function divideUp(a: bigint, b: bigint): bigint {
  return (a + b - 1n) / b;
}
