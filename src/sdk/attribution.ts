import { black76PriceKnownLn, lnWad, type QuoteBoard, toCashDown, toCashUp } from "../../pricing/fixed/index.ts";
import { strikeValue } from "../../pricing/fixed/poolQuote.ts";

/** What a pool earns or loses by, between two marks. */
export const poolParts = [
  "premium",
  "spread",
  "impact",
  "fees",
  "delta",
  "gamma",
  "theta",
  "vega",
  "higherOrder",
  "hedging",
  "keepers",
  "insurance",
  "shortfall",
  "backstop",
  "gifts",
  "rounding",
] as const;

export type PoolPart = (typeof poolParts)[number];

/**
 * Profit by its causes, raw: 1e24 to one quote token, so that size (6 decimals) times price (WAD) needs no rounding.
 *
 * - `premium`: swaps' mid less the value of their legs at the last report: mids were fresher, or the worse of two.
 * - `spread`, `impact`, `fees`: as swaps paid them; fees without the fund's and the protocol's part.
 * - `theta`: the book revalued after the time between two reports at unchanged forwards.
 * - `delta` = Δ·dF, `gamma` = ½Γ·dF², `higherOrder` = the rest of a full revaluation at the new forward, each strike's
 *   volatility held.
 * - `vega`: the full revaluation under the new surface: volatility, skew and basis.
 * - `hedging`: base tokens held, at spot, and what exchanging them cost, bounties included.
 * - `keepers`: what the pool paid for its marks.
 * - `shortfall`, `insurance`: what settlements did not pay of credits, and what the fund and the pools behind it paid of it.
 * - `backstop`: what the pool paid behind the fund for others' losses (negative), and what late debtors repaid of it.
 * - `gifts`: tokens given to the pool by nobody's swap or deposit.
 * - `rounding`: quote units on chain against exact amounts, computed, never a remainder.
 */
export type PoolParts = Readonly<Record<PoolPart, bigint>>;

/** Sums that are still being added to. */
export type PartSums = Record<PoolPart, bigint>;

const WAD = 10n ** 18n;
/** Raw units in one WAD of the quote token. */
const RAW_PER_WAD = 1_000_000n;

/** Quote tokens from raw; rounded to 1e-9 before it becomes a float. */
export function tokensOfRaw(raw: bigint): number {
  return Number(raw / 10n ** 15n) / 1e9;
}

export function noParts(): PartSums {
  return {
    premium: 0n,
    spread: 0n,
    impact: 0n,
    fees: 0n,
    delta: 0n,
    gamma: 0n,
    theta: 0n,
    vega: 0n,
    higherOrder: 0n,
    hedging: 0n,
    keepers: 0n,
    insurance: 0n,
    shortfall: 0n,
    backstop: 0n,
    gifts: 0n,
    rounding: 0n,
  };
}

export function addParts(sums: PartSums, more: Partial<PoolParts>): void {
  for (const part of poolParts) sums[part] += more[part] ?? 0n;
}

export function sumParts(parts: PoolParts): bigint {
  return poolParts.reduce((sum, part) => sum + parts[part], 0n);
}

// ───────────────────────────── Swaps ─────────────────────────────

/** A swap's breakdown as `Swapped` states it, with what the ledger took of the fee (quote units). */
export interface SwapFacts {
  readonly midWad: bigint;
  readonly impactWad: bigint;
  readonly spreadWad: bigint;
  readonly feeWad: bigint;
  readonly reportValueWad: bigint;
  /** Parts of the fee that are not the pool's, quote units. */
  readonly feesAway: bigint;
  /** Value of the legs at the last report, raw, from the replay of the surface. */
  readonly givenRaw: bigint;
}

/**
 * What the pool gained by a swap against the last report's prices, part by part: kept cash less the value given.
 *
 * @param divisor Raw units in one quote unit, 10^(24 − quote decimals).
 */
export function swapParts(swap: SwapFacts, divisor: bigint): Partial<PoolParts> {
  const wadPerUnit = divisor / RAW_PER_WAD;
  const totalWad = swap.midWad + swap.impactWad + swap.spreadWad + swap.feeWad;
  const cashRoundedUp = toCashUp(totalWad, wadPerUnit) * divisor - totalWad * RAW_PER_WAD;
  const givenRoundedUp = toCashUp(swap.givenRaw, RAW_PER_WAD) * RAW_PER_WAD - swap.givenRaw;
  return {
    premium: (swap.midWad - swap.reportValueWad) * RAW_PER_WAD,
    spread: swap.spreadWad * RAW_PER_WAD,
    impact: swap.impactWad * RAW_PER_WAD,
    fees: swap.feeWad * RAW_PER_WAD - swap.feesAway * divisor,
    rounding: cashRoundedUp + givenRoundedUp,
  };
}

/** By how much the pool's `drift` of a swap (quote units) falls short of what the swap gained exactly, raw: ≥ 0. */
export function driftRounding(swap: SwapFacts, divisor: bigint): bigint {
  const wadPerUnit = divisor / RAW_PER_WAD;
  const givenWad = toCashUp(swap.givenRaw, RAW_PER_WAD);
  return toCashUp(givenWad, wadPerUnit) * divisor - swap.givenRaw;
}

/** The floor that a mark takes of the whole book's value, raw: ≤ 0. */
export function bookRounding(bookRaw: bigint, divisor: bigint): bigint {
  return toCashDown(bookRaw, divisor) * divisor - bookRaw;
}

// ───────────────────────────── The book from report to report ─────────────────────────────

/** One expiry at a report's own time and spot; settled, its forward is the settlement price. */
export interface ReportBoard extends QuoteBoard {
  readonly settled: boolean;
}

/** Calls and puts of one strike, signed, long positive, 6 decimals. */
export interface StrikeHolding {
  readonly strikeWad: bigint;
  readonly calls: bigint;
  readonly puts: bigint;
}

/** Raw value of a strike as a mark sees it (`OptionPool._addStrike`). */
export function valueRaw(holding: StrikeHolding, board: ReportBoard): bigint {
  if (board.settled) return payoffRaw(holding, board.forwardWad);
  const { callWad, putWad } = strikeValue(board, holding.strikeWad);
  return holding.calls * callWad + holding.puts * putWad;
}

/** Raw payoff of a strike where the underlying ends at `priceWad`. */
export function payoffRaw({ strikeWad, calls, puts }: StrikeHolding, priceWad: bigint): bigint {
  return priceWad > strikeWad ? calls * (priceWad - strikeWad) : puts * (strikeWad - priceWad);
}

/**
 * What a strike gains from one board to the next, part by part; the parts add up to the change of `valueRaw` exactly.
 *
 * @param rolled `from` at the time of `to`, with the forward of `from`: what time alone does.
 */
export function carryParts(
  holding: StrikeHolding,
  from: ReportBoard,
  rolled: QuoteBoard,
  to: ReportBoard,
): Partial<PoolParts> {
  if (from.settled) return {};
  const start = strikeValue(from, holding.strikeWad);
  const before = holding.calls * start.callWad + holding.puts * start.putWad;
  const after = valueRaw(holding, to);
  if (to.settled) {
    const { deltaRaw } = deltaGamma(holding, start, from.forwardWad, to.forwardWad);
    const theta = payoffRaw(holding, from.forwardWad) - before;
    return { theta, delta: deltaRaw, gamma: after - before - theta - deltaRaw };
  }
  const aged = strikeValue(rolled, holding.strikeWad);
  const agedRaw = holding.calls * aged.callWad + holding.puts * aged.putWad;
  const { deltaRaw, gammaRaw } = deltaGamma(holding, aged, rolled.forwardWad, to.forwardWad);
  const movedRaw = valueAt(holding, to.forwardWad, aged.stdDevWad);
  return {
    theta: agedRaw - before,
    delta: deltaRaw,
    gamma: gammaRaw,
    higherOrder: movedRaw - agedRaw - deltaRaw - gammaRaw,
    vega: after - movedRaw,
  };
}

type StrikeGreeks = ReturnType<typeof strikeValue>;

/** Δ·dF and ½Γ·dF² of a strike, Γ = F·φ(d1)/(F²·v); rounded towards zero. */
function deltaGamma({ calls, puts }: StrikeHolding, greeks: StrikeGreeks, forwardWad: bigint, nextForwardWad: bigint) {
  const { callDeltaWad, vegaWad, stdDevWad } = greeks;
  const move = nextForwardWad - forwardWad;
  const deltaRaw = ((calls * callDeltaWad + puts * (callDeltaWad - WAD)) * move) / WAD;
  const divisor = 2n * forwardWad * forwardWad * stdDevWad;
  const gammaRaw = divisor === 0n ? 0n : ((calls + puts) * vegaWad * move * move * WAD) / divisor;
  return { deltaRaw, gammaRaw };
}

/** Raw value of a strike at a forward and a standard deviation. */
function valueAt({ strikeWad, calls, puts }: StrikeHolding, forwardWad: bigint, stdDevWad: bigint): bigint {
  const lnStrikeOverForwardWad = lnWad((strikeWad * WAD) / forwardWad);
  const { callWad, putWad } = black76PriceKnownLn({ forwardWad, strikeWad, lnStrikeOverForwardWad, stdDevWad });
  return calls * callWad + puts * putWad;
}
