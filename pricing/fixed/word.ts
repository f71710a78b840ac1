/** The EVM's 256-bit arithmetic, where bigint's own differs: the twin of a few opcodes. */

const WORD = 1n << 256n;

/** CLZ: the number of leading zero bits of a 256-bit word; 256 for zero. */
export function countLeadingZeros(x: bigint): bigint {
  return x === 0n ? 256n : BigInt(256 - x.toString(2).length);
}

/** DIV and SDIV: rounded toward zero, and zero where the divisor is zero. */
export function divide(dividend: bigint, divisor: bigint): bigint {
  return divisor === 0n ? 0n : dividend / divisor;
}

/** The word that a 256-bit register holds for `x`. */
export function wrap(x: bigint): bigint {
  return BigInt.asUintN(256, x);
}

/** SHR and SHL: shifts of 256 bits or more leave nothing. */
export function shiftRight(x: bigint, bits: bigint): bigint {
  return bits > 255n || bits < 0n ? 0n : x >> bits;
}

/** True where `x` fits into an unsigned 256-bit word. */
export function isWord(x: bigint): boolean {
  return x >= 0n && x < WORD;
}

/** |x| */
export function absolute(x: bigint): bigint {
  return x < 0n ? -x : x;
}
