import { Decimal as SharedDecimal } from "decimal.js";

/** A private clone: `Decimal.set` is global, and its default of 20 digits is far too few here. */
export const Decimal = SharedDecimal.clone({ precision: 120, rounding: 4, toExpNeg: -40, toExpPos: 40 });
export type Decimal = InstanceType<typeof Decimal>;

export const ZERO = new Decimal(0);
export const ONE = new Decimal(1);
export const PI = Decimal.acos(-1);
export const SQRT_TWO_PI = PI.times(2).sqrt();

/** The double itself. `new Decimal(0.1)` is a tenth, from the shortest decimal that prints the double. */
export function exactly(value: number): Decimal {
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, value);
  const word = bits.getBigUint64(0);
  const exponent = Number((word >> 52n) & 0x7ffn);
  const fraction = word & 0xf_ffff_ffff_ffffn;
  if (exponent === 0x7ff) throw new RangeError(`${value} has no decimal value`);
  const mantissa = exponent === 0 ? fraction : fraction | (1n << 52n);
  const magnitude = new Decimal(mantissa.toString()).times(new Decimal(2).pow(Math.max(exponent, 1) - 1075));
  return word >> 63n === 0n ? magnitude : magnitude.neg();
}
