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
import { essviStdDev, requireEssviSlice } from "./essvi.ts";
import {
  type InventoryVector,
  inventoryPotential,
  requireInventory,
  type VegaPotential,
} from "./inventoryPotential.ts";
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
const AVERAGING_WINDOW = 1800n;

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
  readonly vegaLimit: bigint;
  readonly deltaLimit: bigint;
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
  /** Net short vega by bucket and net short delta after the swap. */
  netShort: [bigint, bigint, bigint, bigint];
  /** By board: change of net short vega and of net short Γ·F², 6 decimals. */
  expiryVega: bigint[];
  expiryGamma: bigint[];
}

/** The price of a package, as `PoolQuote.price`: the breakdown, and the sums that limits are checked on. */
export function poolQuote(parameters: QuoteParameters, facts: QuoteFacts): { quote: PoolQuote; totals: QuoteTotals } {
  const totals = emptyTotals(facts);
  addNow(totals, parameters, facts);
  if (facts.previous.length !== 0) addPrevious(totals, facts);
  addReport(totals, parameters, facts);

  const worseMid = facts.previous.length !== 0 && totals.previousMid > totals.mid ? totals.previousMid : totals.mid;
  const midWad = toCashUp(worseMid, RAW_PER_WAD);
  const spreadWad =
    spreadRaw(parameters, facts, totals) / RAW_PER_WAD + 1n + roundingWad(parameters, facts.state.surfaceSpotWad);
  const impactWad = impact(parameters, facts, totals.netShort, spreadWad);
  const feeWad = totals.fee / RAW_PER_WAD + 1n;

  const totalWad = midWad + impactWad + spreadWad + feeWad;
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

/** A board at one moment, with what of its pricing does not depend on the strike; see `Smile.sol`. */
export interface Smile {
  readonly board: QuoteBoard;
  /** √τ_eff, years, WAD. */
  readonly rootYearsWad: bigint;
  /** Inside the averaging window the share of the average that is still open, else 1; WAD. */
  readonly deltaShareWad: bigint;
}

/** What was made of a board lately: many quotes look at one board at one time. */
const knownSmiles = new WeakMap<QuoteBoard, { readonly time: number; readonly smile: Smile }>();

/** A board at `time`, seconds, which is before its expiry. Throws where the slice is outside of eSSVI's domain. */
export function toSmile(board: QuoteBoard, time: number): Smile {
  const known = knownSmiles.get(board);
  if (known?.time === time) return known.smile;
  const smile = smileOf(board, time);
  knownSmiles.set(board, { time, smile });
  return smile;
}

function smileOf(board: QuoteBoard, time: number): Smile {
  const { thetaWad, rhoWad, psiWad } = board;
  requireEssviSlice({ thetaWad, rhoWad, psiWad }); // the chain looks at the slice before it looks at strikes
  const left = BigInt(board.expiry - time);
  return {
    board,
    rootYearsWad: sqrtWad((board.effectiveSeconds * WAD) / SECONDS_PER_YEAR),
    deltaShareWad: left >= 0n && left < AVERAGING_WINDOW ? (left * WAD) / AVERAGING_WINDOW : WAD,
  };
}

/** Call, put, call delta by the forward, vega by the standard deviation, and the standard deviation, of one strike on a board. */
export function strikeValue(board: QuoteBoard, strikeWad: bigint) {
  const { forwardWad, thetaWad, rhoWad, psiWad } = board;
  if (forwardWad === 0n) throw new FixedPointError("Panic", [PANIC_DIVISION_BY_ZERO]);
  const kWad = lnWad((strikeWad * WAD) / forwardWad);
  const stdDevWad = essviStdDev({ kWad, thetaWad, rhoWad, psiWad });
  const input = { forwardWad, strikeWad, lnStrikeOverForwardWad: kWad, stdDevWad };
  return { ...black76PriceDeltaVegaKnownLn(input), stdDevWad };
}

/** As `strikeValue`, with the call's delta by the underlying. */
export function smileValue({ board, deltaShareWad }: Smile, strikeWad: bigint) {
  const strike = strikeValue(board, strikeWad);
  return { ...strike, callDeltaWad: (strike.callDeltaWad * deltaShareWad) / WAD };
}

/** Γ·F² of one option, WAD. */
export function gammaWorth({ vegaWad, stdDevWad }: Pick<ReturnType<typeof strikeValue>, "vegaWad" | "stdDevWad">) {
  return stdDevWad === 0n ? 0n : (vegaWad * WAD) / stdDevWad;
}

function emptyTotals({ atReport }: QuoteFacts): QuoteTotals {
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
    netShort: [0n, 0n, 0n, 0n],
    expiryVega: atReport.map(() => 0n),
    expiryGamma: atReport.map(() => 0n),
  };
}

/** Value, fee, and what the spread is charged on: at present. */
function addNow(totals: QuoteTotals, parameters: QuoteParameters, facts: QuoteFacts): void {
  const smiles = facts.current.map((board) => toSmile(board, facts.timestamp));
  const feeByNotional = (facts.state.spotWad * parameters.feeRate) / WAD;
  for (const option of facts.options) {
    const { size } = option;
    const smile = smiles[option.board]!;
    const now = value(smile, option);
    totals.contracts += absolute(size);
    totals.mid += size * now.priceWad;
    totals.fee += absolute(size) * smaller(feeByNotional, (now.priceWad * parameters.feeCap) / WAD);
    const absDeltaWad = absolute(now.deltaWad);
    totals.minAbsDeltaWad = smaller(totals.minAbsDeltaWad, absDeltaWad);
    totals.maxAbsDeltaWad = larger(totals.maxAbsDeltaWad, absDeltaWad);
    addGreeks(totals, parameters, smile, size, now);
  }
}

/** Vega and what data may have missed since: Δ·σ, Γ·σ² and vega·σ. */
function addGreeks(
  totals: QuoteTotals,
  parameters: QuoteParameters,
  { board, rootYearsWad }: Smile,
  size: bigint,
  { deltaWad, vegaWad, stdDevWad }: { readonly deltaWad: bigint; readonly vegaWad: bigint; readonly stdDevWad: bigint },
): void {
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

function addPrevious(totals: QuoteTotals, facts: QuoteFacts): void {
  const smiles = facts.previous.map((board) => toSmile(board, facts.timestamp));
  for (const option of facts.options) totals.previousMid += option.size * value(smiles[option.board]!, option).priceWad;
}

/** Value and inventory change as marks see them: at the report's own time and spot. */
function addReport(totals: QuoteTotals, parameters: QuoteParameters, facts: QuoteFacts): void {
  const { surfaceTime } = facts.state;
  const smiles = facts.atReport.map((board) => toSmile(board, surfaceTime));
  const raw: [bigint, bigint, bigint, bigint] = [0n, 0n, 0n, 0n];
  for (const option of facts.options) {
    const { board, size } = option;
    const report = value(smiles[board]!, option);
    const vegaRaw = size * ((report.vegaWad * ROOT_REFERENCE_YEARS_WAD) / WAD);
    totals.reportValue += size * report.priceWad;
    raw[bucketOf(parameters, tenorOf(facts.atReport[board]!, surfaceTime))] += vegaRaw;
    raw[3] += size * report.deltaWad;
    totals.expiryVega[board]! += vegaRaw / WAD;
    totals.expiryGamma[board]! += (size * gammaWorth(report)) / WAD;
  }
  for (const i of [0, 1, 2, 3] as const) {
    totals.change[i] = raw[i] / WAD;
    totals.netShort[i] = facts.inventory[i] + totals.change[i];
  }
  requireInventory(totals.netShort);
}

function value(smile: Smile, option: QuoteOption) {
  const strike = smileValue(smile, option.strikeWad);
  return {
    priceWad: option.isPut ? strike.putWad : strike.callWad,
    deltaWad: option.isPut ? strike.callDeltaWad - smile.deltaShareWad : strike.callDeltaWad,
    vegaWad: strike.vegaWad,
    stdDevWad: strike.stdDevWad,
  };
}

/** The change of the potential, or what R pays back, at most the spread; what R holds above the potential is earned. */
function impact(parameters: QuoteParameters, facts: QuoteFacts, netShort: InventoryVector, spreadWad: bigint): bigint {
  const before = potential(parameters, facts, facts.inventory);
  const later = potential(parameters, facts, netShort);
  if (later >= before) return later - before;
  if (!facts.paysBack) return 0n;
  const reserveWad = smaller(facts.reserveWad, before);
  return -smaller((reserveWad * (before - later)) / before, spreadWad);
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

/** What the last place of the inventory is worth where it is at its limits, twice. */
function roundingWad(
  { deltaLimit, deltaPotential, vegaLimit, vegaPotential }: QuoteParameters,
  spotWad: bigint,
): bigint {
  const [k00, , , k11, , k22] = vegaPotential;
  const ofVega = (3n * (k00 + k11 + k22) * vegaLimit) / WAD;
  const ofDelta = (((deltaPotential * deltaLimit) / WAD) * spotWad) / WAD;
  return (2n * (ofVega + ofDelta)) / 1_000_000n + 1n;
}

/** √(age in years), WAD. */
function rootAge(timestamp: number, time: number): bigint {
  return timestamp <= time ? 0n : sqrtWad((BigInt(timestamp - time) * WAD) / SECONDS_PER_YEAR);
}

function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function larger(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
