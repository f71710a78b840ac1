/** Twin of pool-contracts/libraries/pricing/SquareRoot.sol, bit for bit; the formulas stand there. */

import { countLeadingZeros, divide } from "./word.ts";

const SQRT_HALF_Q128 = 240_615_969_168_004_511_545_033_772_477_625_056_927n;
const WAD = 10n ** 18n;

/** √x rounded to one of its two neighbours, or with a relative error of 7e-25, whichever is greater. */
export function sqrtNear(x: bigint): bigint {
  let root = SQRT_HALF_Q128 >> (countLeadingZeros(x) >> 1n);
  for (let step = 0; step < 5; step++) root = (root + divide(x, root)) >> 1n;
  return root;
}

/** ⌊√x⌋ */
export function sqrt(x: bigint): bigint {
  const near = sqrtNear(x);
  const root = (near + divide(x, near)) >> 1n;
  return divide(x, root) < root ? root - 1n : root;
}

/** √x of a WAD, rounded down; above 2^196 in steps of 1e9 wei. */
export function sqrtWad(xWad: bigint): bigint {
  return xWad >> 196n === 0n ? sqrt(xWad * WAD) : sqrt(xWad) * 1_000_000_000n;
}
