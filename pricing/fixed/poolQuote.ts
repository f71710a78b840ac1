/**
 * Twin of pool-contracts/libraries/pricing/PoolQuote.sol, bit for bit; the formulas stand there.
 *
 * Parameters, boards, state and quote have the shapes in which viem decodes their Solidity structs, so that a quote read
 * from the chain replays without conversion. Where the EVM would divide by zero or go below zero this throws
 * `FixedPointError("Panic")`; sums are unbounded here, and on chain they stay inside a word for sizes that fit an int80.
 */

import { black76PriceDeltaVegaKnownLn } from "./black76.ts";
import { toCashUp } from "./cashMath.ts";
import { FixedPointError } from "./errors.ts";
import { essviStdDev } from "./essvi.ts";
import { type InventoryVector, inventoryPotential, type VegaPotential } from "./inventoryPotential.ts";
import { lnWad } from "./logarithm.ts";
import { sqrtWad } from "./squareRoot.ts";
import { absolute } from "./word.ts";

const WAD = 10n ** 18n;
const RAW_PER_WAD = 1_000_000n;
const PANIC_ARITHMETIC = 0x11n;
const PANIC_DIVISION_BY_ZERO = 0x12n;

/** √(30/365): vega per standard deviation times this is vega·√(30 d/τ). */
export const ROOT_REFERENCE_YEARS_WAD = 286_691_089_540_497_941n;
const SECONDS_PER_YEAR = 31_536_000n;

/** What of `PoolParameters` (IOptionPool.sol) a price depends on. */
export interface QuoteParameters {
  readonly vegaPotential: VegaPotential;
  readonly deltaPotential: bigint;
  readonly netVegaSpread: bigint;
  readonly grossVegaSpread: bigint;
  readonly notionalSpread: bigint;
  readonly deltaSpread: bigint;
  readonly ageMultiplier: bigint;
  readonly volOfVol: bigint;
  readonly feeRate: bigint;
  readonly feeCap: bigint;
  readonly frontTenor: number;
  readonly middleTenor: number;
}

/** What of `Board` (Board.sol) a price depends on. */
export interface QuoteBoard {
  readonly expiry: number;
  readonly effectiveSeconds: bigint;
  readonly forwardWad: bigint;
  readonly thetaWad: bigint;
  readonly psiWad: bigint;
  readonly rhoWad: bigint;
  readonly residualWad: bigint;
}

/** What of `MarketState` (Board.sol) a price depends on. */
export interface QuoteState {
  readonly surfaceTime: number;
  readonly spotTime: number;
  readonly spotWad: bigint;
  readonly surfaceSpotWad: bigint;
  /** How far the reporters' volatilities differ. */
  readonly disagreementWad: bigint;
}

export interface QuoteOption {
  /** Signed, 6 decimals, the taker's. */
  readonly size: bigint;
  readonly isPut: boolean;
  readonly strikeWad: bigint;
  /** Index of its expiry in the arrays of boards. */
  readonly board: number;
}

export interface QuoteFacts {
  readonly options: readonly QuoteOption[];
  readonly state: QuoteState;
  /** Boards of the last surface report at its own time. */
  readonly atReport: readonly QuoteBoard[];
  /** Boards now. */
  readonly current: readonly QuoteBoard[];
  /** Boards of the report before, rolled down to now; empty where the present price alone counts. */
  readonly previous: readonly QuoteBoard[];
  /** Before the swap. */
  readonly inventory: InventoryVector;
  /** R. */
  readonly reserveWad: bigint;
  /** NAV at the last mark, floored, 6 decimals. */
  readonly navE6: bigint;
  /** Whether the whole book is marked under the last report, so that impact may be paid back. */
  readonly paysBack: boolean;
  /** Now, seconds. */
  readonly timestamp: number;
  readonly quoteDecimals: number;
}

/** The parts of a price; see `Quote` in IOptionPool.sol. */
export interface PoolQuote {
  readonly midWad: bigint;
  readonly impactWad: bigint;
  readonly spreadWad: bigint;
  readonly feeWad: bigint;
  readonly reportValueWad: bigint;
  readonly vegaChange: readonly [bigint, bigint, bigint];
  readonly deltaChange: bigint;
  readonly cash: bigint;
  readonly fee: bigint;
}

/** Sums over the legs; raw unless named otherwise. */
export interface QuoteTotals {
  mid: bigint;
  previousMid: bigint;
  reportValue: bigint;
  netVega: bigint;
  netDelta: bigint;
  ageDelta: bigint;
  ageGamma: bigint;
  ageVega: bigint;
  grossVegaCost: bigint;
  contracts: bigint;
  fee: bigint;
  minAbsDeltaWad: bigint;
  maxAbsDeltaWad: bigint;
  change: [bigint, bigint, bigint, bigint];
}

/** The price of a package, as `PoolQuote.price`: the breakdown, and the sums that limits are checked on. */
export function poolQuote(parameters: QuoteParameters, facts: QuoteFacts): { quote: PoolQuote; totals: QuoteTotals } {
  const totals = emptyTotals();
  for (const option of facts.options) addOption(totals, parameters, facts, option);

  const worseMid = facts.previous.length !== 0 && totals.previousMid > totals.mid ? totals.previousMid : totals.mid;
  const midWad = toCashUp(worseMid, RAW_PER_WAD);
  const impactWad = impact(parameters, facts, totals.change);
  let spreadWad = spreadRaw(parameters, facts, totals) / RAW_PER_WAD + 1n;
  const feeWad = totals.fee / RAW_PER_WAD + 1n;

  let totalWad = midWad + impactWad + spreadWad + feeWad;
  const leastWad = leastPayoff(facts.options);
  if (leastWad !== undefined && totalWad < leastWad) {
    spreadWad += leastWad - totalWad;
    totalWad = leastWad;
  }
  const wadPerUnit = 10n ** BigInt(18 - facts.quoteDecimals);
  const [front, middle, back, deltaChange] = totals.change;
  const quote = {
    midWad,
    impactWad,
    spreadWad,
    feeWad,
    reportValueWad: toCashUp(totals.reportValue, RAW_PER_WAD),
    vegaChange: [front, middle, back] as const,
    deltaChange,
    cash: toCashUp(totalWad, wadPerUnit),
    fee: feeWad / wadPerUnit,
  };
  return { quote, totals };
}

/** Tenor bucket of an expiry that is `tenor` seconds away from the report. */
export function bucketOf(parameters: Pick<QuoteParameters, "frontTenor" | "middleTenor">, tenor: number): 0 | 1 | 2 {
  if (tenor <= parameters.frontTenor) return 0;
  return tenor <= parameters.middleTenor ? 1 : 2;
}

/** Seconds from the report to the expiry, where the EVM's subtraction would not go below zero. */
export function tenorOf(board: QuoteBoard, surfaceTime: number): number {
  if (board.expiry < surfaceTime) throw new FixedPointError("Panic", [PANIC_ARITHMETIC]);
  return board.expiry - surfaceTime;
}

/** √τ of a board in years, WAD, on effective time. */
export function rootYears(board: QuoteBoard): bigint {
  return sqrtWad((board.effectiveSeconds * WAD) / SECONDS_PER_YEAR);
}

/** Call, put, call delta, vega by the standard deviation, and the standard deviation, of one strike on a board. */
export function strikeValue(board: QuoteBoard, strikeWad: bigint) {
  const { forwardWad, thetaWad, rhoWad, psiWad } = board;
  if (forwardWad === 0n) throw new FixedPointError("Panic", [PANIC_DIVISION_BY_ZERO]);
  const kWad = lnWad((strikeWad * WAD) / forwardWad);
  const stdDevWad = essviStdDev({ kWad, thetaWad, rhoWad, psiWad });
  const input = { forwardWad, strikeWad, lnStrikeOverForwardWad: kWad, stdDevWad };
  return { ...black76PriceDeltaVegaKnownLn(input), stdDevWad };
}

function emptyTotals(): QuoteTotals {
  return {
    mid: 0n,
    previousMid: 0n,
    reportValue: 0n,
    netVega: 0n,
    netDelta: 0n,
    ageDelta: 0n,
    ageGamma: 0n,
    ageVega: 0n,
    grossVegaCost: 0n,
    contracts: 0n,
    fee: 0n,
    minAbsDeltaWad: 2n ** 256n - 1n,
    maxAbsDeltaWad: 0n,
    change: [0n, 0n, 0n, 0n],
  };
}

/** Prices one option at the moments that matter and adds it to the sums. */
function addOption(totals: QuoteTotals, parameters: QuoteParameters, facts: QuoteFacts, option: QuoteOption): void {
  const { size } = option;
  const magnitude = absolute(size);
  const now = value(facts.current, option);
  totals.contracts += magnitude;
  totals.mid += size * now.priceWad;
  addGreeks(totals, parameters, facts.current[option.board]!, size, now);
  const feeByNotional = (facts.state.spotWad * parameters.feeRate) / WAD;
  const feeByPremium = (now.priceWad * parameters.feeCap) / WAD;
  totals.fee += magnitude * smaller(feeByNotional, feeByPremium);
  const absDeltaWad = absolute(now.deltaWad);
  totals.minAbsDeltaWad = smaller(totals.minAbsDeltaWad, absDeltaWad);
  totals.maxAbsDeltaWad = larger(totals.maxAbsDeltaWad, absDeltaWad);
  if (facts.previous.length !== 0) totals.previousMid += size * value(facts.previous, option).priceWad;
  addReport(totals, parameters, facts, option);
}

/** Vega and what data may have missed since: Δ·σ, Γ·σ² and vega·σ, at present. */
function addGreeks(
  totals: QuoteTotals,
  parameters: QuoteParameters,
  board: QuoteBoard,
  size: bigint,
  { deltaWad, vegaWad, stdDevWad }: { readonly deltaWad: bigint; readonly vegaWad: bigint; readonly stdDevWad: bigint },
): void {
  const rootYearsWad = rootYears(board);
  const volatilityWad = rootYearsWad === 0n ? 0n : (stdDevWad * WAD) / rootYearsWad;
  const vegaPerVolatilityWad = (vegaWad * rootYearsWad) / WAD;
  totals.netVega += size * vegaPerVolatilityWad;
  totals.netDelta += size * deltaWad;
  totals.grossVegaCost +=
    absolute(size) * ((vegaPerVolatilityWad * larger(parameters.grossVegaSpread, board.residualWad)) / WAD);
  totals.ageDelta += size * ((deltaWad * volatilityWad) / WAD);
  totals.ageVega += size * ((((vegaWad * ROOT_REFERENCE_YEARS_WAD) / WAD) * volatilityWad) / WAD);
  if (stdDevWad !== 0n) {
    const perForward = (((vegaWad * WAD) / board.forwardWad) * WAD) / board.forwardWad;
    const gammaWad = (perForward * WAD) / stdDevWad;
    totals.ageGamma += size * ((((gammaWad * volatilityWad) / WAD) * volatilityWad) / WAD);
  }
}

/** Value and inventory change as marks see them: at the report's own time and spot. */
function addReport(totals: QuoteTotals, parameters: QuoteParameters, facts: QuoteFacts, option: QuoteOption): void {
  const { priceWad, deltaWad, vegaWad } = value(facts.atReport, option);
  totals.reportValue += option.size * priceWad;
  const bucket = bucketOf(parameters, tenorOf(facts.atReport[option.board]!, facts.state.surfaceTime));
  totals.change[bucket] += (option.size * ((vegaWad * ROOT_REFERENCE_YEARS_WAD) / WAD)) / WAD;
  totals.change[3] += (option.size * deltaWad) / WAD;
}

function value(boards: readonly QuoteBoard[], option: QuoteOption) {
  const strike = strikeValue(boards[option.board]!, option.strikeWad);
  return {
    priceWad: option.isPut ? strike.putWad : strike.callWad,
    deltaWad: option.isPut ? strike.callDeltaWad - WAD : strike.callDeltaWad,
    vegaWad: strike.vegaWad,
    stdDevWad: strike.stdDevWad,
  };
}

function impact(parameters: QuoteParameters, facts: QuoteFacts, change: InventoryVector): bigint {
  const [v0, v1, v2, delta] = facts.inventory;
  const next = [v0 + change[0], v1 + change[1], v2 + change[2], delta + change[3]] as const;
  const before = potential(parameters, facts, facts.inventory);
  const later = potential(parameters, facts, next);
  if (later >= before) return later - before;
  return facts.paysBack ? -((facts.reserveWad * (before - later)) / before) : 0n;
}

function potential(parameters: QuoteParameters, facts: QuoteFacts, inventory: InventoryVector): bigint {
  const { vegaPotential, deltaPotential } = parameters;
  const spotWad = facts.state.surfaceSpotWad;
  return inventoryPotential({ inventory, vegaPotential, deltaPotential, spotWad, navE6: facts.navE6 });
}

/** The half-spread, raw. */
function spreadRaw(parameters: QuoteParameters, facts: QuoteFacts, totals: QuoteTotals): bigint {
  const { ageMultiplier, deltaSpread, netVegaSpread, notionalSpread, volOfVol } = parameters;
  const { disagreementWad, spotWad, spotTime, surfaceTime } = facts.state;
  const resting =
    (absolute(totals.netVega) * (netVegaSpread + disagreementWad)) / WAD +
    totals.grossVegaCost +
    totals.contracts * ((spotWad * notionalSpread) / WAD) +
    (absolute(totals.netDelta) * ((spotWad * deltaSpread) / WAD)) / WAD;
  const m = (((ageMultiplier * spotWad) / WAD) * rootAge(facts.timestamp, spotTime)) / WAD;
  const n = (((ageMultiplier * volOfVol) / WAD) * rootAge(facts.timestamp, surfaceTime)) / WAD;
  const byDelta = (absolute(totals.ageDelta) * m) / WAD;
  const byGamma = (((absolute(totals.ageGamma) * m) / WAD) * m) / (2n * WAD);
  return resting + byDelta + byGamma + (absolute(totals.ageVega) * n) / WAD;
}

/** √(age in years), WAD. */
function rootAge(timestamp: number, time: number): bigint {
  return timestamp <= time ? 0n : sqrtWad((BigInt(timestamp - time) * WAD) / SECONDS_PER_YEAR);
}

/** The least the package can pay at expiry, WAD rounded up; undefined where it is not bounded or expiries differ. */
function leastPayoff(options: readonly QuoteOption[]): bigint | undefined {
  if (options.some((option) => option.board !== options[0]!.board)) return undefined;
  const slopeAbove = options.reduce((sum, option) => sum + (option.isPut ? 0n : option.size), 0n);
  if (slopeAbove < 0n) return undefined;
  const payoffs = [0n, ...options.map((option) => option.strikeWad)].map((priceWad) => payoffAt(options, priceWad));
  return toCashUp(payoffs.reduce(smaller), RAW_PER_WAD);
}

function payoffAt(options: readonly QuoteOption[], priceWad: bigint): bigint {
  return options.reduce((raw, { isPut, size, strikeWad }) => {
    const inTheMoney = isPut ? strikeWad - priceWad : priceWad - strikeWad;
    return inTheMoney > 0n ? raw + size * inTheMoney : raw;
  }, 0n);
}

function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function larger(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
