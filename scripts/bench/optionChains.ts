import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { ExpiryQuotes, VarianceQuote } from "../../pricing/calibrateEssvi.ts";
import { impliedStdDev } from "../../pricing/impliedVolatility.ts";
import { normalPdf } from "../../pricing/normal.ts";
import {
  logMoneynessOf,
  type OptionKind,
  price,
  SECONDS_PER_YEAR,
  stdDev,
  totalVariance,
  yearsFromSeconds,
} from "../../pricing/units.ts";

/** One option of a recorded chain; prices in coin, `undefined` = no quote. */
export interface ChainRow {
  readonly timestamp: number;
  readonly kind: OptionKind;
  readonly strike: number;
  readonly expiry: number;
  readonly forward: number;
  /** The venue's index a little after the quotes. */
  readonly index: number;
  readonly bid: number | undefined;
  readonly ask: number | undefined;
  readonly markVolatility: number;
}

export interface Snapshot {
  readonly timestamp: number;
  readonly rows: readonly ChainRow[];
}

export function readSnapshots(dataDirectory: string, file: string): Snapshot[] {
  const path = join(dataDirectory, "options", file);
  if (!existsSync(path)) throw new Error(`no option chains at ${path}: pass --data DIR`);
  const [header, ...lines] = gunzipSync(readFileSync(path)).toString("utf8").trimEnd().split("\n");
  const names = header!.split(",");
  const columnOf = (column: string): number => {
    const index = names.indexOf(column);
    if (index < 0) throw new Error(`${path}: line 1: column ${column} is missing`);
    return index;
  };
  const ts = columnOf("ts");
  const cp = columnOf("cp");
  const strike = columnOf("strike");
  const expiry = columnOf("expiry");
  const fwd = columnOf("fwd");
  const index = columnOf("index");
  const bid = columnOf("bid");
  const ask = columnOf("ask");
  const iv = columnOf("mark_iv");
  const snapshots = new Map<number, ChainRow[]>();
  for (const line of lines) {
    const cells = line.split(",");
    const row: ChainRow = {
      timestamp: Number(cells[ts]),
      kind: cells[cp] === "C" ? "call" : "put",
      strike: Number(cells[strike]),
      expiry: Number(cells[expiry]),
      forward: Number(cells[fwd]),
      index: Number(cells[index]),
      bid: cells[bid] === "" ? undefined : Number(cells[bid]),
      ask: cells[ask] === "" ? undefined : Number(cells[ask]),
      markVolatility: Number(cells[iv]),
    };
    const rows = snapshots.get(row.timestamp);
    if (rows === undefined) snapshots.set(row.timestamp, [row]);
    else rows.push(row);
  }
  return [...snapshots].map(([timestamp, rows]) => ({ timestamp, rows }));
}

/** A quote with what the report needs beside the fit. */
export interface ChainQuote extends VarianceQuote {
  readonly weight: number;
  readonly volatility: number;
  /** Ask minus bid volatility, where both are quoted. */
  readonly width: number | undefined;
}

export interface ChainExpiry extends ExpiryQuotes {
  readonly quotes: readonly ChainQuote[];
  readonly expiry: number;
}

/** The volatility at which a row's option costs `coin`, `time` in years; undefined outside the no-arbitrage bounds. */
export function volatilityOfCoinPrice(row: ChainRow, coin: number, time: number): number | undefined {
  try {
    return (
      impliedStdDev({
        price: price(coin * row.forward),
        forward: price(row.forward),
        strike: price(row.strike),
        kind: row.kind,
      }) / Math.sqrt(time)
    );
  } catch {
    return undefined; // outside the no-arbitrage bounds: no volatility quotes it
  }
}

/** Out-of-the-money options of one snapshot, by expiry, at their mark volatility and weighted by vega. */
export function expiriesOf({ timestamp, rows }: Snapshot, leastSeconds = 3600): ChainExpiry[] {
  const byExpiry = new Map<number, ChainRow[]>();
  for (const row of rows) byExpiry.set(row.expiry, [...(byExpiry.get(row.expiry) ?? []), row]);
  const result: ChainExpiry[] = [];
  for (const [expiry, all] of [...byExpiry].toSorted(([left], [right]) => left - right)) {
    if (expiry - timestamp < leastSeconds) continue;
    const time = (expiry - timestamp) / SECONDS_PER_YEAR;
    const forward = all.map((row) => row.forward).toSorted((left, right) => left - right)[all.length >> 1]!;
    const quotes: ChainQuote[] = [];
    for (const row of all) {
      if (!(row.markVolatility > 0) || (row.kind === "call") !== row.strike >= row.forward) continue;
      const k = logMoneynessOf(price(row.strike), price(row.forward));
      const v = row.markVolatility * Math.sqrt(time);
      const vega = normalPdf(k / v - 0.5 * v);
      if (vega < 0.01) continue; // beyond about 2.7 deviations a mark is an extrapolation
      const bid = row.bid === undefined ? undefined : volatilityOfCoinPrice(row, row.bid, time);
      const ask = row.ask === undefined ? undefined : volatilityOfCoinPrice(row, row.ask, time);
      quotes.push({
        k,
        totalVariance: totalVariance(stdDev(v) ** 2),
        weight: vega,
        volatility: row.markVolatility,
        width: bid === undefined || ask === undefined ? undefined : ask - bid,
      });
    }
    if (quotes.length === 0) continue;
    quotes.sort((left, right) => left.k - right.k);
    result.push({ expiry, years: yearsFromSeconds(expiry - timestamp), forward: price(forward), quotes });
  }
  return result;
}
