/** Twin of pool-contracts/libraries/pricing/BlackScholes.sol, bit for bit; the formulas stand there. */

import { black76PriceFromScore, type Prices } from "./black76.ts";
import { FixedPointError } from "./errors.ts";
import { exp2Negative } from "./exponential.ts";
import { sqrtNear } from "./squareRoot.ts";
import { shiftRight } from "./word.ts";

const BITS_PER_WAD_SECOND_Q96 = 4_381_745_697_361_086_573_512_971_400n;
const YEARS_PER_SECOND_Q200 = 50_955_671_114_250_072_156_962_268_275_658_377_807_020_642_877_435_085n;
const ROUND_112 = (112n << 80n) + (1n << 79n);
const FRACTION_MASK = (1n << 80n) - 1n;
const HALF_BIT = 1n << 79n;

export interface BlackScholesInput {
  readonly spotWad: bigint;
  readonly strikeWad: bigint;
  readonly secondsToExpiry: bigint;
  readonly volatilityWad: bigint;
  readonly rateWad: bigint;
}

/** Call and put on spot with a constant interest rate. */
export function blackScholesPrice(input: BlackScholesInput): Prices {
  const { spotWad, strikeWad, secondsToExpiry, volatilityWad, rateWad } = input;
  const bits = ROUND_112 + ((rateWad * secondsToExpiry * BITS_PER_WAD_SECOND_Q96) >> 96n);
  const rateMagnitude = rateWad < 0n ? -rateWad - 1n : rateWad; // as xor(r, sign) has it
  if (secondsToExpiry >> 64n || (volatilityWad | rateMagnitude) >> 96n || strikeWad >> 127n || bits < 0n) {
    throw new FixedPointError("BlackScholes_OutOfDomain", [secondsToExpiry, volatilityWad, rateWad]);
  }
  const discount = exp2Negative((bits & FRACTION_MASK) - HALF_BIT);
  const discountedStrikeWad = shiftRight(strikeWad * discount, bits >> 80n);
  const halfStdDev = (volatilityWad * sqrtNear(secondsToExpiry * YEARS_PER_SECOND_Q200)) >> 80n;
  return black76PriceFromScore({ forwardWad: spotWad, strikeWad: discountedStrikeWad }, halfStdDev);
}
