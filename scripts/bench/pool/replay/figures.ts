/** What a replay says of a pool's profit and of its risk; pure. */
import {
  type PoolStatement,
  type StatementPart,
  type StatementRow,
  statementParts,
} from "../../../../src/sdk/statement.ts";
import { drawdownOf as deepestFall } from "../../../../src/simulation/figures.ts";
import type { Exposure } from "./runReplay.ts";

/** Less base than this is none: units of the underlying. */
const NO_BASE = 1e-3;

/** Profit of one interval by its causes, quote tokens. */
export interface Interval {
  /** Unix seconds: where the interval begins. */
  readonly time: number;
  readonly change: number;
  readonly parts: Readonly<Record<StatementPart, number>>;
  /** What delta brought, base included, while the pool was long and had no base to sell: a hedger can do nothing about it. */
  readonly unhedgeable: number;
}

/** Causes put together by what moves them. `delta` is the options' alone, `hedging` what undoes it. */
export const groups = {
  delta: ["delta"],
  hedging: ["hedging"],
  gammaAndTheta: ["gamma", "theta", "higherOrder"],
  vega: ["vega"],
  earned: ["premium", "spread", "impact", "fees", "keepers"],
  other: ["insurance", "shortfall", "backstop", "gifts", "rounding", "entryAndExit"],
} as const satisfies Readonly<Record<string, readonly StatementPart[]>>;

export type Group = keyof typeof groups;

/** Standard deviations of profit from interval to interval, quote tokens. */
export interface Risk {
  readonly intervals: number;
  /** As it was. */
  readonly hedged: number;
  /** Without what the base tokens gained or lost and without what exchanging them cost. */
  readonly unhedged: number;
  /** `hedged` / `unhedged`. */
  readonly ratio: number;
  /** Of options' delta and base together, over that of options' delta: what hedging can do at all. */
  readonly deltaRatio: number;
  /** Of delta while nothing could be hedged. */
  readonly unhedgeable: number;
  readonly of: Readonly<Record<Group, number>>;
}

/**
 * The pool's profit by intervals of `seconds`, those that are whole: rows belong to where their mark's report is. A row tells what
 * happened since the mark before, so what could be hedged in it is what the exposure before it says.
 */
export function intervalsOf(
  rows: readonly StatementRow[],
  seconds: number,
  exposures: readonly Exposure[] = [],
): readonly Interval[] {
  const begin = (time: number) => Math.floor(time / seconds) * seconds;
  const first = Math.ceil((rows[0]?.time ?? 0) / seconds) * seconds;
  const last = begin(rows.at(-1)?.time ?? 0);
  const sums = new Map<number, { change: number; parts: Record<StatementPart, number>; unhedgeable: number }>();
  let seen = 0;
  for (const { time, pool } of rows) {
    while ((exposures[seen]?.time ?? Infinity) < time) seen += 1;
    const exposure = exposures[seen - 1];
    const at = begin(time);
    if (at < first || at >= last) continue;
    const sum = sums.get(at) ?? { change: 0, parts: noParts(), unhedgeable: 0 };
    sum.change += pool.change;
    if (exposure && isUnhedgeable(exposure)) sum.unhedgeable += pool.parts.delta + pool.parts.hedging;
    for (const part of statementParts) sum.parts[part] += pool.parts[part];
    sums.set(at, sum);
  }
  return [...sums].map(([time, sum]) => ({ time, ...sum }));
}

/** Long, with nothing to sell. */
export function isUnhedgeable({ delta, base }: Exposure): boolean {
  return delta > 0 && base < NO_BASE;
}

/** How much intervals differ, hedged and not, and by which causes. */
export function riskOf(intervals: readonly Interval[]): Risk {
  const sumOf = (interval: Interval, group: Group) =>
    groups[group].reduce((sum, part) => sum + interval.parts[part], 0);
  const spread = (value: (interval: Interval) => number) => deviation(intervals.map(value));
  const hedged = spread(({ change }) => change);
  const unhedged = spread(({ change, parts }) => change - parts.hedging);
  const delta = spread((interval) => sumOf(interval, "delta"));
  const of = Object.fromEntries(
    (Object.keys(groups) as Group[]).map((group) => [group, spread((interval) => sumOf(interval, group))]),
  ) as Record<Group, number>;
  return {
    intervals: intervals.length,
    hedged,
    unhedged,
    ratio: hedged / unhedged,
    deltaRatio: spread((interval) => sumOf(interval, "delta") + sumOf(interval, "hedging")) / delta,
    unhedgeable: spread((interval) => interval.unhedgeable),
    of,
  };
}

/** Profit from the beginning until each mark, with the hedge and what the hedge brought of it. */
export function profitOf(rows: readonly StatementRow[]) {
  let [hedged, hedging] = [0, 0];
  return rows.map(({ time, pool }) => {
    hedged += pool.change;
    hedging += pool.parts.hedging;
    return { time, hedged, hedging };
  });
}

/** Deepest fall of the share price from a height before it, share of the height. */
export function drawdownOf(rows: readonly Pick<StatementRow, "sharePrice">[]): number {
  return deepestFall(rows.map(({ sharePrice }) => sharePrice));
}

/** What does not add up at most: of the pool, of every LP and of every row; quote tokens. */
export function residualOf({
  pool,
  lps,
  rows,
}: Pick<PoolStatement, "lps" | "rows"> & { readonly pool: { readonly residual: number } }): number {
  const all = [pool, ...lps, ...rows.map((row) => row.pool), ...rows.flatMap(({ lp }) => lp ?? [])];
  return Math.max(...all.map(({ residual }) => Math.abs(residual)));
}

function noParts(): Record<StatementPart, number> {
  // Every part is a key.
  return Object.fromEntries(statementParts.map((part) => [part, 0])) as Record<StatementPart, number>;
}

/** Sample standard deviation. */
function deviation(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1));
}
