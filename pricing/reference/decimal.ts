import { Decimal as SharedDecimal } from "decimal.js";

/** A private clone: `Decimal.set` is global, and its default of 20 digits is far too few here. */
export const Decimal = SharedDecimal.clone({ precision: 120, rounding: 4, toExpNeg: -40, toExpPos: 40 });
export type Decimal = InstanceType<typeof Decimal>;

export const ZERO = new Decimal(0);
export const ONE = new Decimal(1);
export const PI = Decimal.acos(-1);
export const SQRT_TWO_PI = PI.times(2).sqrt();
