/** The EVM's 256-bit arithmetic, where bigint's own differs: the twin of a few opcodes. */

const WORD = 1n << 256n;

const double = new Float64Array(1);
const words = new Uint32Array(double.buffer);
const SMALL = Array.from({ length: 1024 }, (_, i) => BigInt(i));

/** CLZ: the number of leading zero bits of a 256-bit word; 256 for zero. */
export function countLeadingZeros(x: bigint): bigint {
  if (x === 0n) return 256n;
  double[0] = Number(x);
  // The exponent of the nearest double: that of the next power of two where x was rounded up to it.
  const exponent = (words[1]! >>> 20) - 1023;
  const isBelow = x >> (SMALL[exponent] ?? 0n) === 0n;
  const zeros = (isBelow ? 256 : 255) - exponent;
  return SMALL[zeros] ?? BigInt(zeros); // what is no word has a negative number of them
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
