import type { Position } from "./flow.ts";

/** What somebody holds of the market's options. */
export interface HeldPosition {
  readonly holder: number;
  readonly position: Position;
}

/** Who gives back what to which pool. */
export interface ClosingOrder {
  readonly holder: number;
  readonly pool: number;
  readonly order: Position;
}

const seriesOf = ({ expiry, strike, kind }: Position) => `${expiry}-${strike}-${kind}`;

/**
 * Orders that flatten every pool's whole book: whoever stands against a pool gives back, in turn, until the pool is flat; each order only
 * reduces the pool and is never refused by a limit. What one pool is long and another short, nobody has to give back: the last holder
 * takes it from the one and brings it to the other. What holders have against each other stays.
 *
 * @param books Positions of each pool.
 * @param held Positions of everybody else.
 * @param last Index of that last holder; he may be short.
 */
export function flattenPools(
  books: readonly (readonly Position[])[],
  held: readonly HeldPosition[],
  last: number,
): readonly ClosingOrder[] {
  // In millionths, as the ledger counts, so that nothing is left over by rounding.
  const left = held.map(({ position }) => Math.round(position.size * 1e6));
  return books.flatMap((book, pool) =>
    book.flatMap((position) => {
      let open = Math.round(position.size * 1e6);
      const orders: ClosingOrder[] = [];
      const give = (holder: number, size: number) => {
        if (size !== 0) orders.push({ holder, pool, order: { ...position, size: size / 1e6 } });
        open -= size;
      };
      for (const [i, item] of held.entries()) {
        const size = left[i] ?? 0;
        if (seriesOf(item.position) !== seriesOf(position) || Math.sign(size) !== -Math.sign(open)) continue;
        // He buys what the pool is long and sells what it is short.
        const back = Math.sign(open) * Math.min(Math.abs(size), Math.abs(open));
        left[i] = size + back;
        give(item.holder, back);
      }
      give(last, open);
      return orders;
    }),
  );
}
