import { readdirSync } from "node:fs";
import { join } from "node:path";
import {
  type Chain,
  type ChainQuote,
  candlesOfPath,
  SECONDS_PER_DAY,
  SECONDS_PER_HOUR,
  type World,
} from "../market/world.ts";
import { MeniscusError } from "../runtime/errors.ts";
import { isoMinute, lastNotAfter, readCandles, spotPath } from "./candleFiles.ts";
import { type ChainSnapshot, chainColumns, readSnapshots, reprice } from "./chainFiles.ts";
import { csvExtent, csvHeader } from "./csvFile.ts";

export interface ReplayOptions {
  /** Holds `spot/` with candles and `options/` with option chains, `.csv` or `.csv.gz`. */
  readonly directory: string;
  /** Midnight UTC of the first day; by default the first day that has candles and a chain from its first hour. */
  readonly from?: number | undefined;
  /** By default as far as the data reach. */
  readonly days?: number | undefined;
}

/** A chain older than this no longer says what the market is; four a day are usual, the longest pause in sight is 15 hours. */
const LONGEST_SNAPSHOT_LIFE = SECONDS_PER_DAY;
/** Spot before the first tick, for forecasts of volatility. */
const HISTORY = 120 * SECONDS_PER_DAY;
/** The chain is taken up to this long after the end that was asked for, so that the last tick is inside. */
const TAIL = SECONDS_PER_HOUR;

/**
 * The real market of a period: hourly (or finer) candles and Deribit option chains from files. Between two snapshots the last
 * smile is kept, rolled down and repriced on the current spot, so that quotes fit spot at every second.
 */
export async function openReplay(options: ReplayOptions): Promise<World> {
  const spotFiles = listCsv(options.directory, "spot");
  const chainFiles = await onlyChains(listCsv(options.directory, "options"), options.directory);
  const candleFiles = await withExtents(spotFiles);
  const from = options.from ?? (await firstDay(chainFiles, candleFiles, options.directory));
  const to = options.days === undefined ? Infinity : from + options.days * SECONDS_PER_DAY + TAIL;

  const snapshots: ChainSnapshot[] = [];
  for (const file of chainFiles) {
    if (!mayOverlap(file, from - LONGEST_SNAPSHOT_LIFE, to)) continue;
    for (const snapshot of await readSnapshots(file, from - LONGEST_SNAPSHOT_LIFE, to)) {
      if (!snapshots.some(({ time }) => time === snapshot.time)) snapshots.push(snapshot);
    }
  }
  const chain = unbroken(
    snapshots.toSorted((a, b) => a.time - b.time),
    from,
  );
  const candleFile = candleFiles
    .filter(({ first, last }) => first <= from && last > from)
    .reduce<DatedFile | undefined>((best, next) => (best && best.last >= next.last ? best : next), undefined);
  if (!chain || !candleFile) throw await nothingAt(from, chainFiles, candleFiles, options.directory);

  const candles = await readCandles(candleFile.path, from - HISTORY, to);
  const path = spotPath(candles);
  const firstTime = Math.max(from, chain.firstTime);
  const lastTime = Math.min(chain.lastTime, path.lastTime);
  if (options.days !== undefined && lastTime < from + options.days * SECONDS_PER_DAY) {
    throw new MeniscusError(
      "data",
      `${options.directory} has ${((lastTime - from) / SECONDS_PER_DAY).toFixed(1)} days of market from ${isoMinute(from)} UTC, not ${options.days}.`,
      { hint: `It ends at ${isoMinute(lastTime)}: choose an earlier --from or fewer --days.` },
    );
  }

  const snapshotAt = (atSeconds: number) => {
    if (!(atSeconds >= firstTime && atSeconds <= lastTime)) {
      throw new MeniscusError("data", `There is no option chain at ${isoMinute(atSeconds)} UTC.`, {
        hint: `The replay covers ${isoMinute(firstTime)} to ${isoMinute(lastTime)}.`,
      });
    }
    return chain.snapshots[lastNotAfter(chain.snapshots, atSeconds)] ?? chain.latest;
  };
  const chainAt = (atSeconds: number): Chain => {
    const spot = path.spot(atSeconds);
    const forwardByExpiry = new Map<number, number>();
    const quotes: ChainQuote[] = [];
    for (const smile of snapshotAt(atSeconds).smiles) {
      const years = (smile.expiry - atSeconds) / (365 * SECONDS_PER_DAY);
      if (years <= 0) continue;
      const forward = spot * Math.exp(smile.carry * years);
      forwardByExpiry.set(smile.expiry, forward);
      quotes.push(...reprice(smile, atSeconds, forward));
    }
    return { time: atSeconds, spot, forwardByExpiry, quotes };
  };

  const volumeAt = (atSeconds: number) => candles[lastNotAfter(candles, atSeconds)]?.volume ?? 0;
  let latest: Chain | undefined;
  return {
    description: `replay of ${isoMinute(firstTime).slice(0, 10)} … ${isoMinute(lastTime).slice(0, 10)} from ${options.directory}`,
    firstTime,
    lastTime,
    historyFrom: path.firstTime,
    spot: (atSeconds) => path.spot(atSeconds),
    chain: (atSeconds) => {
      if (latest?.time !== atSeconds) latest = chainAt(atSeconds);
      return latest;
    },
    expiries: (atSeconds) => snapshotAt(atSeconds).smiles.flatMap(({ expiry }) => (expiry > atSeconds ? [expiry] : [])),
    minuteCandles: (fromSeconds, toSeconds) =>
      candlesOfPath(
        (atSeconds) => path.spot(atSeconds),
        Math.max(fromSeconds, path.firstTime),
        Math.min(toSeconds, path.lastTime),
        (time) => volumeAt(time) / path.minutesPerCandle,
      ),
  };
}

interface DatedFile {
  readonly path: string;
  readonly first: number;
  /** Close of the last candle at the latest. */
  readonly last: number;
}

function listCsv(directory: string, folder: string): readonly string[] {
  let names: readonly string[];
  try {
    names = readdirSync(join(directory, folder));
  } catch (cause) {
    throw new MeniscusError("data", `There is no folder ${join(directory, folder)}.`, {
      hint: "--data needs a folder with spot/ (candles) and options/ (chains).",
      cause,
    });
  }
  const files = names.filter((name) => /\.csv(\.gz)?$/.test(name)).toSorted();
  if (files.length === 0) {
    throw new MeniscusError("data", `There is no .csv or .csv.gz file in ${join(directory, folder)}.`);
  }
  return files.map((name) => join(directory, folder, name));
}

/** Other tables may lie beside the chains; the header says which is one. */
async function onlyChains(files: readonly string[], directory: string): Promise<readonly string[]> {
  const chains: string[] = [];
  for (const file of files) {
    const header = await csvHeader(file);
    if (chainColumns.every((column) => header.includes(column))) chains.push(file);
  }
  if (chains.length === 0) {
    throw new MeniscusError("data", `No file in ${join(directory, "options")} is an option chain.`, {
      hint: `A chain has the columns ts, ${chainColumns.join(", ")}.`,
    });
  }
  return chains;
}

async function withExtents(files: readonly string[]): Promise<readonly DatedFile[]> {
  const dated: DatedFile[] = [];
  for (const path of files) {
    const named = periodInName(path);
    const extent = named ?? (await csvExtent(path));
    if (extent) dated.push({ path, first: extent.first, last: extent.last });
  }
  return dated;
}

/**
 * The period that a name announces: `…_202602`, `…_20251115_202604`, `…_20240108`. It only saves reading files of other
 * years; what a file holds is what its rows say.
 */
export function periodInName(path: string): { readonly first: number; readonly last: number } | undefined {
  const match = /_(\d{6}|\d{8})(?:_(\d{6}|\d{8}))?\.csv(?:\.gz)?$/.exec(path);
  const start = match?.[1];
  if (!start) return undefined;
  const end = match[2] ?? start;
  const first = date(start, 0, 0) / 1000;
  const last = (end.length === 6 ? date(end, 1, 0) : date(end, 0, 1)) / 1000;
  return last > first ? { first, last } : undefined;
}

/** Unix milliseconds of `202602` or `20260207`, some months or days later. */
function date(text: string, monthsLater: number, daysLater: number): number {
  const [year, month, day] = [text.slice(0, 4), text.slice(4, 6), text.slice(6, 8)].map(Number);
  return Date.UTC(year ?? 0, (month ?? 1) - 1 + monthsLater, (day || 1) + daysLater);
}

function mayOverlap(path: string, from: number, to: number): boolean {
  const period = periodInName(path);
  return period === undefined || (period.first <= to && period.last >= from);
}

/** The first day with candles and with a chain at its first second. A chain all alone is no market and is passed over. */
async function firstDay(
  chainFiles: readonly string[],
  candleFiles: readonly DatedFile[],
  directory: string,
): Promise<number> {
  const days: number[] = [];
  for (const file of chainFiles) {
    const extent = await csvExtent(file);
    if (!extent || extent.times < 2) continue;
    const day = Math.ceil(extent.first / SECONDS_PER_DAY) * SECONDS_PER_DAY;
    if (candleFiles.some(({ first, last }) => first <= day && last > day)) days.push(day);
    // Names that begin with a date are in the order of time: the first that fits is the earliest.
    if (days.length > 0 && chainFiles.every((other) => periodInName(other) !== undefined)) break;
  }
  if (days.length === 0) {
    throw new MeniscusError("data", `${directory} has no day with both candles and option chains.`, {
      hint: await whatThereIs(chainFiles, candleFiles),
    });
  }
  return Math.min(...days);
}

interface UnbrokenChain {
  readonly snapshots: readonly ChainSnapshot[];
  readonly latest: ChainSnapshot;
  readonly firstTime: number;
  readonly lastTime: number;
}

/** The snapshots from the one in force at `from` (or the first of that day) up to the first pause that is too long. */
function unbroken(snapshots: readonly ChainSnapshot[], from: number): UnbrokenChain | undefined {
  const inForce = snapshots.findLastIndex(({ time }) => time <= from);
  const start = Math.max(0, inForce);
  const first = snapshots[start];
  if (!first || first.time >= from + SECONDS_PER_DAY) return undefined;
  let latest = first;
  const run = [first];
  for (const next of snapshots.slice(start + 1)) {
    if (next.time - latest.time > LONGEST_SNAPSHOT_LIFE) break;
    run.push(next);
    latest = next;
  }
  return { snapshots: run, latest, firstTime: first.time, lastTime: latest.time + LONGEST_SNAPSHOT_LIFE };
}

async function nothingAt(
  from: number,
  chainFiles: readonly string[],
  candleFiles: readonly DatedFile[],
  directory: string,
): Promise<MeniscusError> {
  return new MeniscusError(
    "data",
    `${directory} has no candles with option chains on ${isoMinute(from).slice(0, 10)}.`,
    {
      hint: await whatThereIs(chainFiles, candleFiles),
    },
  );
}

async function whatThereIs(chainFiles: readonly string[], candleFiles: readonly DatedFile[]): Promise<string> {
  const chains: { first: number; last: number }[] = [];
  for (const file of chainFiles) {
    const extent = await csvExtent(file);
    if (extent) chains.push(extent);
  }
  return `Chains: ${span(chains)}. Candles: ${span(candleFiles)}.`;
}

function span(periods: readonly { readonly first: number; readonly last: number }[]): string {
  const texts = periods
    .toSorted((a, b) => a.first - b.first)
    .map(({ first, last }) => `${isoMinute(first).slice(0, 10)} … ${isoMinute(last).slice(0, 10)}`);
  return texts.length === 0 ? "none" : texts.join(", ");
}
