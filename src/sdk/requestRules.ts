/** What `PoolShares` makes of the charge that a request accepts, for those who show or replay requests. */

/** As `Batches.sol` has them, tightest first. */
const BOUNDS_IN_BASIS_POINTS = [10, 20, 50, 100, 200, 500, 1000] as const;

/** The tightest bound on a charge, a share. */
export const tightestChargeBound = BOUNDS_IN_BASIS_POINTS[0] / 10_000;

/** The bound that holds where `maxCharge` is named: the largest that is not above it; undefined where none is so tight. */
export function chargeBoundOf(maxCharge: number): number | undefined {
  return BOUNDS_IN_BASIS_POINTS.map((bound) => bound / 10_000).findLast((bound) => bound <= maxCharge);
}

/** The lot of an epoch in which requests with this bound (WAD) stand: 1 for the tightest. */
export function lotOfBound(bound: bigint): number {
  return BOUNDS_IN_BASIS_POINTS.findIndex((basisPoints) => BigInt(basisPoints) * 10n ** 14n === bound) + 1;
}
