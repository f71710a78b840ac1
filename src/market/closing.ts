import type { Position } from "./flow.ts";

/** What a trader holds, and what of it would bring the pool nearer to flat. */
export interface HeldPosition {
  readonly trader: number;
  readonly position: Position;
}

export interface ClosingOrder {
  readonly trader: number;
  readonly order: Position;
}

const seriesOf = ({ expiry, strike, kind }: Position) => `${expiry}-${strike}-${kind}`;

/**
 * Orders that flatten the pool's whole book. What traders hold of a series sums to minus the pool's position, so whoever
 * stands against the pool gives back, in turn, until the pool is flat; each order only reduces the pool and is never refused
 * by a limit. What traders hold against each other stays.
 */
export function flattenPool(held: readonly HeldPosition[]): readonly ClosingOrder[] {
  const bySeries = new Map<string, HeldPosition[]>();
  for (const item of held) {
    const series = seriesOf(item.position);
    bySeries.set(series, [...(bySeries.get(series) ?? []), item]);
  }
  return [...bySeries.values()].flatMap((items) => {
    // In millionths, as the ledger counts, so that nothing is left over by rounding.
    const sizes = items.map(({ position }) => Math.round(position.size * 1e6));
    let open = sizes.reduce((sum, size) => sum + size, 0);
    return items.flatMap(({ trader, position }, index) => {
      const size = sizes[index] ?? 0;
      if (open === 0 || Math.sign(size) !== Math.sign(open)) return [];
      const back = Math.sign(open) * Math.min(Math.abs(size), Math.abs(open));
      open -= back;
      return [{ trader, order: { ...position, size: -back / 1e6 } }];
    });
  });
}
