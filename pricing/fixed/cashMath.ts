/** Twin of pool-contracts/libraries/accounting/CashMath.sol, bit for bit; the meaning of "raw" stands there. */

/** Raw units in one quote unit: 10^(24 − quote decimals). */
export function cashDivisor(quoteDecimals: number): bigint {
  return 10n ** BigInt(24 - quoteDecimals);
}

/** raw/divisor, rounded towards minus infinity. `divisor` is positive. */
export function toCashDown(raw: bigint, divisor: bigint): bigint {
  const cash = raw / divisor;
  return raw < 0n && cash * divisor !== raw ? cash - 1n : cash;
}

/** raw/divisor, rounded towards plus infinity. `divisor` is positive. */
export function toCashUp(raw: bigint, divisor: bigint): bigint {
  const cash = raw / divisor;
  return raw > 0n && cash * divisor !== raw ? cash + 1n : cash;
}
