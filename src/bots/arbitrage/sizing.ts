/** How much to take: a size in lots, and what it gains. */
export interface Sized {
  readonly lots: bigint;
  readonly gain: number;
}

/**
 * The number of lots at which the gain is largest: where one lot more would gain nothing, as the marginal price has met the reference.
 * Exact where the gain is concave in the lots, and undefined (refused) beyond a number where it is at it.
 *
 * @param gainOf Gain of a positive number of lots; undefined where that cannot be had.
 * @param most Most lots.
 * @returns undefined where no number of lots gains anything.
 */
export function bestSize(gainOf: (lots: bigint) => number | undefined, most: bigint): Sized | undefined {
  const known = new Map<bigint, number>([[0n, 0]]);
  const at = (lots: bigint): number => {
    const gain = known.get(lots) ?? gainOf(lots) ?? -Infinity;
    known.set(lots, gain);
    return gain;
  };
  /** Whether the next lot gains: true up to the best number, false from it on. */
  const rises = (lots: bigint) => at(lots + 1n) > at(lots);
  if (most < 1n || !rises(0n)) return undefined;
  // Doubles first: the best number is often small, and large ones are the dearest to ask about.
  let [low, high] = [1n, most];
  for (let next = 2n; next < most; next *= 2n) {
    if (!rises(next)) {
      high = next;
      break;
    }
    low = next;
  }
  while (low < high) {
    const middle = (low + high) / 2n;
    if (rises(middle)) low = middle + 1n;
    else high = middle;
  }
  const gain = at(low);
  return gain > 0 ? { lots: low, gain } : undefined;
}
