/** Twin of pool-contracts/libraries/pricing/Black76.sol, bit for bit; the formulas stand there. */

import { FixedPointError } from "./errors.ts";
import { bell } from "./exponential.ts";
import { solveImpliedStdDev } from "./impliedStdDev.ts";
import { lnRatio } from "./logarithm.ts";
import { millsRatio, millsRatioShort } from "./normalDistribution.ts";
import { absolute, divide, shiftRight } from "./word.ts";

const WAD = 10n ** 18n;
const LN_UNIT_PER_WAD = WAD << 41n;
const INVERSE_SQRT_2PI_Q80 = 482_291_623_313_231_213_510_445n;
const SECONDS_PER_YEAR = 31_536_000n;

export interface Prices {
  readonly callWad: bigint;
  readonly putWad: bigint;
}

export interface PriceDeltaVega extends Prices {
  /** Φ(d1); put delta = call delta − 1e18. */
  readonly callDeltaWad: bigint;
  /** F·φ(d1), by the standard deviation. */
  readonly vegaWad: bigint;
}

export interface Greeks extends PriceDeltaVega {
  readonly gammaWad: bigint;
  readonly thetaPerSecondWad: bigint;
  readonly callRhoWad: bigint;
  readonly putRhoWad: bigint;
}

export interface Black76Input {
  readonly forwardWad: bigint;
  readonly strikeWad: bigint;
  readonly stdDevWad: bigint;
}

export interface Black76KnownLnInput extends Black76Input {
  readonly lnStrikeOverForwardWad: bigint;
}

/** Call and put, undiscounted. */
export function black76Price(input: Black76Input): Prices {
  const [larger, smaller] = sorted(input);
  const scores = scoresOf(input, lnRatio(larger, smaller));
  return isExtreme(scores, larger | input.stdDevWad) ? priceAtLimit(input, larger) : priceInside(input, scores);
}

/** Call and put from v/2 as a score of 2^21 · 1e18 to one: a deviation with more digits than a WAD has. */
export function black76PriceFromScore(input: Omit<Black76Input, "stdDevWad">, halfStdDev: bigint): Prices {
  const [larger, smaller] = sorted(input);
  const scores = { smaller, moneyness: divide(lnRatio(larger, smaller), halfStdDev), halfStdDev };
  const withStdDev = { ...input, stdDevWad: halfStdDev >> 20n };
  return isExtreme(scores, larger | halfStdDev) ? priceAtLimit(withStdDev, larger) : priceInside(input, scores);
}

/** Call and put where k = ln(K/F) is known to the caller. */
export function black76PriceKnownLn(input: Black76KnownLnInput): Prices {
  const scores = knownScoresOf(input);
  return isExtreme(scores, boundedBitsOf(input)) ? priceAtLimit(input, scores.smaller) : priceInside(input, scores);
}

/** Price, delta and vega where k = ln(K/F) is known to the caller. */
export function black76PriceDeltaVegaKnownLn(input: Black76KnownLnInput): PriceDeltaVega {
  const scores = knownScoresOf(input);
  if (isExtreme(scores, boundedBitsOf(input)) || isZero(input)) {
    return { ...priceAtLimit(input, scores.smaller), callDeltaWad: deltaAtLimit(input), vegaWad: 0n };
  }
  const { callWad, putWad, callDeltaWad, vegaWad } = priceDeltaVega(input, scores);
  return { callWad, putWad, callDeltaWad, vegaWad };
}

/** Price, every first derivative, and gamma. */
export function black76PriceAndGreeks(input: Black76Input & { readonly secondsToExpiry: bigint }): Greeks {
  const { forwardWad, stdDevWad, secondsToExpiry } = input;
  const [larger, smaller] = sorted(input);
  const scores = scoresOf(input, lnRatio(larger, smaller));
  const rho = (priceWad: bigint) => -((priceWad * secondsToExpiry) / SECONDS_PER_YEAR);
  if (isExtreme(scores, larger | stdDevWad | secondsToExpiry) || isZero(input)) {
    if (secondsToExpiry >> 127n !== 0n) throw new FixedPointError("Black76_TimeTooLong", [secondsToExpiry]);
    const prices = priceAtLimit(input, larger);
    return {
      ...prices,
      callDeltaWad: deltaAtLimit(input),
      gammaWad: 0n,
      vegaWad: 0n,
      thetaPerSecondWad: 0n,
      callRhoWad: rho(prices.callWad),
      putRhoWad: rho(prices.putWad),
    };
  }
  const { density, ...values } = priceDeltaVega(input, scores);
  const phi = (density * INVERSE_SQRT_2PI_Q80) >> 60n;
  return {
    ...values,
    gammaWad: ((phi * WAD * WAD) / (forwardWad * stdDevWad)) >> 65n,
    thetaPerSecondWad: -divide(values.vegaWad * stdDevWad, 2n * WAD * secondsToExpiry),
    callRhoWad: rho(values.callWad),
    putRhoWad: rho(values.putWad),
  };
}

/** The standard deviation at which the call, or the put, has the given price; 0 for the intrinsic value. */
export function black76ImpliedStdDev(input: {
  readonly priceWad: bigint;
  readonly forwardWad: bigint;
  readonly strikeWad: bigint;
  readonly isCall: boolean;
}): bigint {
  const { priceWad, forwardWad, strikeWad, isCall } = input;
  const [larger, smaller] = sorted(input);
  if (larger >> 127n !== 0n) throw new FixedPointError("Black76_PriceTooLarge", [forwardWad, strikeWad]);
  const maximum = isCall ? forwardWad : strikeWad;
  const intrinsic = maximum - smaller;
  if (priceWad < intrinsic) throw new FixedPointError("Black76_PriceBelowIntrinsic", [priceWad, intrinsic]);
  if (priceWad === intrinsic) return 0n;
  if (priceWad >= maximum) throw new FixedPointError("Black76_PriceNotBelowMaximum", [priceWad, maximum]);
  return solveImpliedStdDev(priceWad - intrinsic, smaller, larger);
}

interface Scores {
  readonly smaller: bigint;
  /** |k|/v and v/2, both 2^21 · 1e18 to one. */
  readonly moneyness: bigint;
  readonly halfStdDev: bigint;
}

function scoresOf(input: Black76Input, lnAbsolute: bigint): Scores {
  const halfStdDev = input.stdDevWad << 20n;
  return { smaller: sorted(input)[1], moneyness: divide(lnAbsolute, halfStdDev), halfStdDev };
}

function sorted({
  forwardWad,
  strikeWad,
}: {
  readonly forwardWad: bigint;
  readonly strikeWad: bigint;
}): [larger: bigint, smaller: bigint] {
  return forwardWad > strikeWad ? [forwardWad, strikeWad] : [strikeWad, forwardWad];
}

function knownScoresOf(input: Black76KnownLnInput): Scores {
  return scoresOf(input, absolute(input.lnStrikeOverForwardWad) * LN_UNIT_PER_WAD);
}

function boundedBitsOf(input: Black76KnownLnInput): bigint {
  const [, smaller] = sorted(input);
  return smaller | input.stdDevWad | absolute(input.lnStrikeOverForwardWad);
}

function isExtreme({ smaller, moneyness, halfStdDev }: Scores, bits: bigint): boolean {
  // The logarithm of zero fills the register on chain; the price is the intrinsic value with or without it.
  return smaller === 0n || (bits | (moneyness + halfStdDev)) >> 127n !== 0n;
}

function isZero({ forwardWad, strikeWad, stdDevWad }: Black76Input): boolean {
  return forwardWad === 0n || strikeWad === 0n || stdDevWad === 0n;
}

function absoluteDifference({ moneyness, halfStdDev }: Scores): { a: bigint; isNegative: boolean } {
  const difference = moneyness - halfStdDev;
  return { a: absolute(difference), isNegative: difference < 0n };
}

/** What prices and Greeks are put together from. */
export interface Black76Parts {
  /** m·e^(−a²/2) in Q45. */
  readonly bell: bigint;
  /** sgn(a)·M(|a|)/√(2π) and M(b)/√(2π) in Q80. */
  readonly millsA: bigint;
  readonly millsB: bigint;
  readonly isNegative: boolean;
}

/** `Black76.shortKernel`, for a caller that stays inside the domain: `moneyness` is |k|/v and `halfStdDev` v/2 as scores. */
export function black76ShortParts(scores: Scores): Black76Parts {
  return partsOf(scores, millsRatioShort);
}

function partsOf(scores: Scores, mills: (z: bigint) => bigint): Black76Parts {
  const { smaller, moneyness, halfStdDev } = scores;
  const { a, isNegative } = absoluteDifference(scores);
  const { mantissa, shift } = bell(a);
  return {
    bell: shiftRight(smaller * mantissa, shift),
    millsA: isNegative ? -mills(a) : mills(a),
    millsB: mills(moneyness + halfStdDev),
    isNegative,
  };
}

/** otm − min(F, K): adding F gives the call, adding K the put. */
export function black76Excess(parts: Black76Parts, smaller: bigint): bigint {
  return ((parts.bell * (parts.millsA - parts.millsB)) >> 125n) - (parts.isNegative ? 0n : smaller);
}

/** Φ(d1) and F·φ(d1). */
export function black76DeltaAndVega(
  { bell: area, millsA, millsB, isNegative }: Black76Parts,
  forwardWad: bigint,
  strikeWad: bigint,
): { readonly callDeltaWad: bigint; readonly vegaWad: bigint; readonly density: bigint } {
  const density = divide(area * WAD, forwardWad);
  const outOfTheMoney = strikeWad > forwardWad;
  const mills = outOfTheMoney ? millsA : -millsB;
  const base = !outOfTheMoney || isNegative ? WAD : 0n;
  return {
    callDeltaWad: base + ((density * mills) >> 125n),
    vegaWad: (area * INVERSE_SQRT_2PI_Q80) >> 125n,
    density,
  };
}

function priceInside({ forwardWad, strikeWad }: Omit<Black76Input, "stdDevWad">, scores: Scores): Prices {
  const excess = black76Excess(partsOf(scores, millsRatio), scores.smaller);
  return { callWad: forwardWad + excess, putWad: strikeWad + excess };
}

function priceDeltaVega(input: Black76Input, scores: Scores): PriceDeltaVega & { readonly density: bigint } {
  const { forwardWad, strikeWad } = input;
  const parts = partsOf(scores, millsRatio);
  const excess = black76Excess(parts, scores.smaller);
  return {
    callWad: forwardWad + excess,
    putWad: strikeWad + excess,
    ...black76DeltaAndVega(parts, forwardWad, strikeWad),
  };
}

function priceAtLimit({ forwardWad, strikeWad, stdDevWad }: Black76Input, bounded: bigint): Prices {
  if (bounded >> 127n !== 0n) throw new FixedPointError("Black76_PriceTooLarge", [forwardWad, strikeWad]);
  const smaller = forwardWad < strikeWad ? forwardWad : strikeWad;
  const excess = stdDevWad < 10n ** 27n ? -smaller : 0n;
  return { callWad: forwardWad + excess, putWad: strikeWad + excess };
}

function deltaAtLimit({ forwardWad, strikeWad, stdDevWad }: Black76Input): bigint {
  if (stdDevWad >= 10n ** 27n || forwardWad > strikeWad) return forwardWad === 0n ? 0n : WAD;
  return forwardWad === strikeWad ? WAD / 2n : 0n;
}
