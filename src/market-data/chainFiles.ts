import { blackPrice, impliedStdDevOutOfTheMoney } from "../market/venuePricing.ts";
import {
  askOnGrid,
  bidOnGrid,
  type ChainQuote,
  instrumentName,
  type OptionKind,
  SECONDS_PER_YEAR,
} from "../market/world.ts";
import { csvHeader, readCsv } from "./csvFile.ts";

/** What a venue quoted on one option, as distances from its mark. */
interface Listing {
  readonly kind: OptionKind;
  /** ETH from the bid up to the mark; undefined without a bid. */
  readonly bidGap: number | undefined;
  readonly askGap: number | undefined;
  readonly openInterest: number;
}

interface StrikePoint {
  readonly strike: number;
  /** k = ln(K/F) at the snapshot. */
  readonly k: number;
  /** σ² per year. */
  readonly variance: number;
  readonly listings: readonly Listing[];
}

/** One expiry of a snapshot. */
export interface ExpirySmile {
  readonly expiry: number;
  /** ln(F/S)/τ. */
  readonly carry: number;
  /** Ascending in strike. */
  readonly points: readonly StrikePoint[];
  /** dσ²/dk at each point. */
  readonly slopes: readonly number[];
}

/** A whole chain at one moment. */
export interface ChainSnapshot {
  readonly time: number;
  /** Ascending in expiry. */
  readonly smiles: readonly ExpirySmile[];
}

/** The columns that make a file an option chain; `mark_iv` may be missing and is then inverted from the mark. */
export const chainColumns = [
  "instrument",
  "cp",
  "strike",
  "expiry",
  "fwd",
  "index",
  "bid",
  "ask",
  "mark",
  "oi",
] as const;

interface ChainRow {
  readonly kind: OptionKind;
  readonly strike: number;
  readonly expiry: number;
  readonly forward: number;
  readonly index: number;
  readonly bid: number | undefined;
  readonly ask: number | undefined;
  readonly mark: number;
  readonly markIv: number | undefined;
  readonly openInterest: number;
}

/** Snapshots taken in [from, to], ascending. */
export async function readSnapshots(path: string, from: number, to: number): Promise<readonly ChainSnapshot[]> {
  const hasMarkIv = (await csvHeader(path)).includes("mark_iv");
  const rowsByTime = new Map<number, ChainRow[]>();
  await readCsv(path, { from, to, columns: chainColumns }, (row) => {
    const time = row.number("ts");
    const cp = row.text("cp");
    if (cp !== "C" && cp !== "P") throw row.wrong(`cp "${cp}" is neither C nor P`);
    const parsed: ChainRow = {
      kind: cp === "C" ? "call" : "put",
      strike: row.number("strike"),
      expiry: row.number("expiry"),
      forward: row.number("fwd"),
      index: row.number("index"),
      bid: row.optionalNumber("bid"),
      ask: row.optionalNumber("ask"),
      mark: row.number("mark"),
      markIv: hasMarkIv ? row.optionalNumber("mark_iv") : undefined,
      openInterest: row.number("oi"),
    };
    if (!(parsed.strike > 0 && parsed.forward > 0 && parsed.index > 0)) {
      throw row.wrong("strike, fwd and index must be positive");
    }
    if (parsed.bid !== undefined && parsed.ask !== undefined && parsed.bid > parsed.ask) {
      throw row.wrong(`bid ${parsed.bid} is above ask ${parsed.ask}`);
    }
    const rows = rowsByTime.get(time);
    if (rows) rows.push(parsed);
    else rowsByTime.set(time, [parsed]);
  });
  return [...rowsByTime].map(([time, rows]) => toSnapshot(time, rows)).toSorted((a, b) => a.time - b.time);
}

function toSnapshot(time: number, rows: readonly ChainRow[]): ChainSnapshot {
  const byExpiry = groupBy(
    rows.filter((row) => row.expiry > time),
    (row) => row.expiry,
  );
  const expiries = [...byExpiry.keys()].toSorted((a, b) => a - b);
  const forwards = expiries.map((expiry) => median((byExpiry.get(expiry) ?? []).map((row) => row.forward)));
  const spot = spotOfForwards(
    expiries.map((expiry, i) => ({ years: (expiry - time) / SECONDS_PER_YEAR, forward: forwards[i] ?? 0 })),
    median(rows.map((row) => row.index)),
  );
  const smiles = expiries.flatMap((expiry, i) => {
    const forward = forwards[i] ?? spot;
    const years = (expiry - time) / SECONDS_PER_YEAR;
    const points = strikePoints(byExpiry.get(expiry) ?? [], forward, years);
    if (points.length === 0) return [];
    return [{ expiry, carry: Math.log(forward / spot) / years, points, slopes: monotoneSlopes(points) }];
  });
  return { time, smiles };
}

/**
 * Spot at the instant of the forwards. The `index` column was taken minutes later and may have moved by a per cent, which
 * would be read as carry; ln F over time, run back to zero through the two nearest expiries, is what the venue itself
 * interpolated from. The index serves where there is one expiry, or where the two disagree beyond its known drift.
 */
function spotOfForwards(curve: readonly { readonly years: number; readonly forward: number }[], index: number): number {
  const [near, next] = curve;
  if (!near || !next) return index;
  const slope = Math.log(next.forward / near.forward) / (next.years - near.years);
  const spot = near.forward * Math.exp(-slope * near.years);
  return Math.abs(Math.log(spot / index)) < 0.02 ? spot : index;
}

function strikePoints(rows: readonly ChainRow[], forward: number, years: number): readonly StrikePoint[] {
  const points: StrikePoint[] = [];
  for (const [strike, sameStrike] of groupBy(rows, (row) => row.strike)) {
    // Call and put carry one volatility; the side out of the money is the one that knows it.
    const outside = sameStrike.find((row) => (row.kind === "call") === strike >= forward) ?? sameStrike[0];
    if (!outside) continue;
    const volatility = outside.markIv || invertedVolatility(outside, forward, years);
    if (!volatility) continue;
    points.push({
      strike,
      k: Math.log(strike / forward),
      variance: volatility * volatility,
      listings: sameStrike.map((row) => ({
        kind: row.kind,
        bidGap: row.bid === undefined ? undefined : Math.max(0, row.mark - row.bid),
        askGap: row.ask === undefined ? undefined : Math.max(0, row.ask - row.mark),
        openInterest: row.openInterest,
      })),
    });
  }
  return points.toSorted((a, b) => a.strike - b.strike);
}

function invertedVolatility(row: ChainRow, forward: number, years: number): number | undefined {
  const intrinsic = Math.max(0, row.kind === "call" ? forward - row.strike : row.strike - forward);
  const stdDev = impliedStdDevOutOfTheMoney(forward, row.strike, row.mark * forward - intrinsic);
  return stdDev === undefined ? undefined : stdDev / Math.sqrt(years);
}

/** Slopes for a cubic through the points that makes no hill of its own between two of them (Fritsch & Butland 1984). */
function monotoneSlopes(points: readonly StrikePoint[]): readonly number[] {
  const secant = (i: number) => {
    const a = points[i];
    const b = points[i + 1];
    return a && b ? (b.variance - a.variance) / (b.k - a.k) : 0;
  };
  return points.map((point, i) => {
    const before = points[i - 1];
    const after = points[i + 1];
    // Outside of the listed strikes volatility is kept: the slope ends at zero.
    if (!before || !after) return 0;
    const [left, right] = [secant(i - 1), secant(i)];
    if (left * right <= 0) return 0;
    const h0 = point.k - before.k;
    const h1 = after.k - point.k;
    const w0 = (h0 + 2 * h1) / (3 * (h0 + h1));
    return (left * right) / (w0 * right + (1 - w0) * left);
  });
}

/** σ²(k), flat beyond the listed strikes. */
function varianceAt(smile: ExpirySmile, k: number): number {
  const { points, slopes } = smile;
  const right = points.findIndex((point) => point.k >= k);
  const b = points[right];
  const a = points[right - 1];
  if (!b) return points.at(-1)?.variance ?? 0;
  if (!a) return b.variance;
  // Cubic Hermite on t = (k − k_a)/h.
  const h = b.k - a.k;
  const t = (k - a.k) / h;
  const s = 1 - t;
  return (
    (1 + 2 * t) * s * s * a.variance +
    t * s * s * h * (slopes[right - 1] ?? 0) +
    t * t * (3 - 2 * t) * b.variance -
    t * t * s * h * (slopes[right] ?? 0)
  );
}

/**
 * The quotes of a smile at a later time and another spot. The smile is a function of k = ln(K/F) and moves with the
 * forward; its volatility is kept while total variance runs down with time. Bid and ask keep their distance to the mark, in
 * ETH, as the snapshot had it at the nearest k: an option that has come to the money is quoted as tightly as those there were.
 */
export function reprice(smile: ExpirySmile, atSeconds: number, forward: number): readonly ChainQuote[] {
  const years = (smile.expiry - atSeconds) / SECONDS_PER_YEAR;
  return smile.points.flatMap(({ strike, listings }) => {
    const k = Math.log(strike / forward);
    const volatility = Math.sqrt(varianceAt(smile, k));
    const near = nearestPoint(smile.points, k);
    return listings.map((listing): ChainQuote => {
      const mark = blackPrice(forward, strike, volatility * Math.sqrt(years), listing.kind) / forward;
      const gaps = near.listings.find((other) => other.kind === listing.kind) ?? listing;
      return {
        instrument: instrumentName(smile.expiry, strike, listing.kind),
        kind: listing.kind,
        strike,
        expiry: smile.expiry,
        bid: gaps.bidGap === undefined ? undefined : bidOnGrid(mark - gaps.bidGap),
        ask: gaps.askGap === undefined ? undefined : askOnGrid(mark + gaps.askGap),
        mark: Math.round(mark * 1e6) / 1e6,
        markIv: Math.round(volatility * 1e4) / 1e4,
        openInterest: listing.openInterest,
      };
    });
  });
}

function nearestPoint(points: readonly StrikePoint[], k: number): StrikePoint {
  return points.reduce((best, next) => (Math.abs(next.k - k) < Math.abs(best.k - k) ? next : best));
}

// Map.groupBy came with Node 21.
function groupBy<Item>(items: readonly Item[], keyOf: (item: Item) => number): ReadonlyMap<number, readonly Item[]> {
  const groups = new Map<number, Item[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group) group.push(item);
    else groups.set(keyOf(item), [item]);
  }
  return groups;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
