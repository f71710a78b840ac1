/** Twin of pool-contracts/libraries/pricing/InventoryPotential.sol, bit for bit; the formulas stand there. */

import { FixedPointError } from "./errors.ts";

const WAD = 10n ** 18n;
const PANIC_DIVISION_BY_ZERO = 0x12n;

/** Net short vega of the front, middle and back bucket and net short delta, 6 decimals each, as `Inventory.sol` keeps them. */
export type InventoryVector = readonly [front: bigint, middle: bigint, back: bigint, delta: bigint];

/** Throws where a value does not fit its lane of `Inventory.sol`: 56 bits. */
export function requireInventory(inventory: InventoryVector): void {
  for (const value of inventory) {
    if (BigInt.asIntN(56, value) !== value) throw new FixedPointError("Inventory_Overflow", [value]);
  }
}

/** κ_V as (00, 01, 02, 11, 12, 22), WAD. */
export type VegaPotential = readonly [bigint, bigint, bigint, bigint, bigint, bigint];

export interface PotentialInput {
  readonly inventory: InventoryVector;
  readonly vegaPotential: VegaPotential;
  /** κ_Δ, WAD. */
  readonly deltaPotential: bigint;
  /** Spot of the last surface report. */
  readonly spotWad: bigint;
  /** NAV, floored, 6 decimals, positive. */
  readonly navE6: bigint;
}

/** Φ in WAD of the quote token, rounded down. */
export function inventoryPotential(input: PotentialInput): bigint {
  const [v0, v1, v2, delta] = input.inventory;
  const [k00, k01, k02, k11, k12, k22] = input.vegaPotential;
  const y = (delta * input.spotWad) / WAD;
  const diagonal = k00 * v0 * v0 + k11 * v1 * v1 + k22 * v2 * v2 + input.deltaPotential * y * y;
  const quadratic = diagonal + 2n * (k01 * v0 * v1 + k02 * v0 * v2 + k12 * v1 * v2);
  if (quadratic <= 0n) return 0n;
  if (input.navE6 === 0n) throw new FixedPointError("Panic", [PANIC_DIVISION_BY_ZERO]);
  return quadratic / (2_000_000n * input.navE6);
}

/** Whether κ_V is positive semidefinite: all principal minors are non-negative. Entries at most 1e20 each. */
export function isPositiveSemidefinite(vegaPotential: VegaPotential): boolean {
  if (vegaPotential.some((entry) => entry > 10n ** 20n)) return false;
  const [a, b, c, d, e, f] = vegaPotential;
  if (a * d < b * b || a * f < c * c || d * f < e * e) return false;
  return a * (d * f - e * e) - b * (b * f - c * e) + c * (b * e - c * d) >= 0n;
}
