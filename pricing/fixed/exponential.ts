/** Twin of pool-contracts/libraries/pricing/Exponential.sol, bit for bit; the formulas stand there. */

import { FixedPointError } from "./errors.ts";

const U = 73_278_861_156_178_246_867_169_145n;
const G0 = 24_923_001_900_877_243_257_917_929n;
const G1 = 131_659_512_140_050_902_935_576_075_153_748_622_277_535_243_056_442n;
const G2 = 7_742_803_680_387_358_542_269_664n;
const G3 = 3_557_301_837_562_576_279_081_569_154_946_403_433_055_073_673_758n;
const G4 = 2_222_657_186_315_489_723_421_346n;
const Z_PER_BIT = 5_043_309_506_144_908_005_206_032n;

const ROUND_AND_SCALE = (67n << 80n) + (1n << 79n);
const HALF_BIT = 1n << 79n;
const BITS_PER_WAD_Q96 = 138_182_732_311_979_226_182_305_066_060_065_637n;
const ROUND_195 = (195n << 80n) + (1n << 79n);
const WAD_Q83 = (10n ** 18n) << 83n;
const OVERFLOW = 135_305_999_368_893_231_589n;
const LOWEST = -42_139_678_854_452_767_551n;
const FRACTION_MASK = (1n << 80n) - 1n;

/** The Gaussian bell: e^(−z²/2) = mantissa / 2^(45 + shift), for a standard score z of 2^21 · 1e18 to one. */
export function bell(z: bigint): { mantissa: bigint; shift: bigint } {
  const bits = (z * z) / Z_PER_BIT + ROUND_AND_SCALE;
  return { mantissa: exp2Negative((bits & FRACTION_MASK) - HALF_BIT), shift: bits >> 80n };
}

/** 2^112 · 2^(−fraction / 2^80) for |fraction| ≤ 2^79. */
export function exp2Negative(fraction: bigint): bigint {
  const u = (fraction * fraction) / U;
  const g = u + G0 - G1 / (u + G2 - G3 / (u + G4));
  return ((g - fraction) << 112n) / (g + fraction);
}

/** e^x in WAD; throws where the Solidity reverts with `Exponential_Overflow`. */
export function expWad(xWad: bigint): bigint {
  if (xWad >= OVERFLOW) throw new FixedPointError("Exponential_Overflow", [xWad]);
  if (xWad < LOWEST) return 0n;
  const bits = ROUND_195 - ((xWad * BITS_PER_WAD_Q96) >> 96n);
  const mantissa = exp2Negative((bits & FRACTION_MASK) - HALF_BIT);
  return (mantissa * WAD_Q83) >> (bits >> 80n);
}
