/** Recorded hourly candles and implied volatility as one row a day, each holding only what was known at its end (24:00 UTC). */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { continuousVariance, quoteNoise, realizedVariance, type VarianceForecast } from "../../../pricing/index.ts";
import { readCandles } from "../../../src/market-data/candleFiles.ts";
import { readCsv } from "../../../src/market-data/csvFile.ts";
import { type ChainExpiry, expiriesOf, readSnapshots } from "../optionChains.ts";

export const SECONDS_PER_DAY = 86_400;
const SECONDS_PER_HOUR = 3_600;
const HOURS_PER_DAY = 24;
/** A day of which more hours are missing is excluded. */
const MOST_MISSING_HOURS = 4;

/** The more liquid venue as soon as there is one: Gemini until 4 December 2019, Binance from the day after. */
const CANDLES: readonly { readonly file: string; readonly from: string; readonly to: string }[] = [
  { file: "eth_usd_1h_gemini_201805_202306.csv.gz", from: "2018-05-26", to: "2019-12-05" },
  { file: "eth_usdt_1h_binance_201912_202306.csv.gz", from: "2019-12-05", to: "2023-07-01" },
  { file: "eth_usdt_1h_binance_20231116_202406.csv.gz", from: "2023-11-16", to: "2024-07-01" },
  { file: "eth_usdt_1h_binance_20251115_202604.csv.gz", from: "2025-11-15", to: "2026-05-01" },
];
const DVOL_DAILY = "eth_dvol_1d_202301_202306_and_20231116_202404.csv";
const DVOL_HOURLY = "eth_dvol_1h_202403_202406.csv.gz";
const CHAINS = [
  "eth_deribit_chain_202512_202601.csv.gz",
  "eth_deribit_chain_202602.csv.gz",
  "eth_deribit_chain_202603_202604.csv.gz",
];

/** What options said at the end of a day. */
export interface ImpliedTermStructure {
  /** At-the-money total variance by expiry. */
  readonly variances: readonly VarianceForecast[];
  /** Noise of the nearest expiry of a horizon. */
  readonly noiseAt: (horizonDays: number) => number;
}

export interface DailyHistory {
  /** Days since 1970 of row 0; rows are consecutive. */
  readonly firstDay: number;
  /** Σ of squared hourly returns; undefined where the day is excluded or there are no data. */
  readonly realized: readonly (number | undefined)[];
  /** The same, without jumps. */
  readonly continuous: readonly (number | undefined)[];
  /** ln(close/close of the day before). */
  readonly returns: readonly (number | undefined)[];
  /** DVOL² as variance per day. */
  readonly impliedPerDay: readonly (number | undefined)[];
  readonly chains: readonly (ImpliedTermStructure | undefined)[];
  readonly excludedDays: number;
}

export const isoDay = (day: number): string => new Date(day * SECONDS_PER_DAY * 1000).toISOString().slice(0, 10);
const dayOf = (iso: string): number => Date.parse(iso) / 1000 / SECONDS_PER_DAY;

/**
 * Hourly returns of each day, from close to close. An hour without trades repeats one price through the whole bar: it is
 * missing, as one that was never recorded, and the return across missing hours is one return, whose square measures their
 * variance without bias. The venue's first return starts at its first open.
 */
async function hourlyReturns(path: string, from: number, to: number) {
  const byDay = new Map<number, number[]>();
  let before: number | undefined;
  for (const { time, open, high, low, close } of await readCandles(path, from, to - 1)) {
    if (high === low) continue;
    const day = Math.floor(time / SECONDS_PER_DAY);
    const returns = byDay.get(day) ?? [];
    returns.push(Math.log(close / (before ?? open)));
    byDay.set(day, returns);
    before = close;
  }
  return byDay;
}

function assertPresent(path: string): string {
  if (!existsSync(path)) throw new Error(`no market data at ${path}: pass --data DIR`);
  return path;
}

export async function readDailyHistory(dataDirectory: string): Promise<DailyHistory> {
  const firstDay = dayOf(CANDLES[0]!.from);
  const length = dayOf(CANDLES.at(-1)!.to) - firstDay;
  const empty = <T>(): (T | undefined)[] => Array.from({ length }, () => undefined);
  const realized = empty<number>();
  const continuous = empty<number>();
  const returns = empty<number>();
  let excludedDays = 0;
  for (const { file, from, to } of CANDLES) {
    const path = assertPresent(join(dataDirectory, "spot", file));
    const byDay = await hourlyReturns(path, dayOf(from) * SECONDS_PER_DAY, dayOf(to) * SECONDS_PER_DAY);
    for (const [day, hours] of byDay) {
      const row = day - firstDay;
      returns[row] = hours.reduce((sum, r) => sum + r, 0);
      if (hours.length < HOURS_PER_DAY - MOST_MISSING_HOURS) {
        excludedDays += 1;
        continue;
      }
      realized[row] = realizedVariance(hours);
      continuous[row] = continuousVariance(hours);
    }
  }
  return {
    firstDay,
    realized,
    continuous,
    returns,
    impliedPerDay: await readDvol(dataDirectory, firstDay, empty()),
    chains: readChains(dataDirectory, firstDay, empty()),
    excludedDays,
  };
}

/** DVOL at 24:00 of each day: the daily file's close, and the hourly file's last hour where the daily one ends. */
async function readDvol(dataDirectory: string, firstDay: number, rows: (number | undefined)[]) {
  const perDay = (percent: number): number => (percent / 100) ** 2 / 365;
  const hourly = assertPresent(join(dataDirectory, "dvol", DVOL_HOURLY));
  await readCsv(hourly, { from: 0, to: Infinity, columns: ["dvol"] }, (row) => {
    const ts = row.number("ts");
    if ((ts + SECONDS_PER_HOUR) % SECONDS_PER_DAY !== 0) return;
    rows[Math.floor(ts / SECONDS_PER_DAY) - firstDay] = perDay(row.number("dvol"));
  });
  const daily = readFileSync(assertPresent(join(dataDirectory, "dvol", DVOL_DAILY)), "utf8");
  for (const line of daily.trimEnd().split(/\r?\n/).slice(1)) {
    const [date, close] = line.split(",");
    rows[dayOf(date!) - firstDay] = perDay(Number(close));
  }
  return rows;
}

/** The last chain of each day. Its age at 24:00 is part of the quotes' noise. */
function readChains(dataDirectory: string, firstDay: number, rows: (ImpliedTermStructure | undefined)[]) {
  for (const file of CHAINS) {
    const last = new Map<number, ReturnType<typeof readSnapshots>[number]>();
    for (const snapshot of readSnapshots(dataDirectory, file)) {
      last.set(Math.floor(snapshot.timestamp / SECONDS_PER_DAY), snapshot);
    }
    for (const [day, snapshot] of last) {
      const age = (day + 1) * SECONDS_PER_DAY - snapshot.timestamp;
      const points = expiriesOf(snapshot, SECONDS_PER_DAY / 4).flatMap((expiry) => {
        const point = atTheMoney(expiry);
        return point === undefined ? [] : [{ ...point, horizon: expiry.years * 365 }];
      });
      if (points.length === 0) continue;
      rows[day - firstDay] = {
        variances: points,
        noiseAt: (horizon) => {
          const nearest = points.reduce((best, point) =>
            Math.abs(Math.log(point.horizon / horizon)) < Math.abs(Math.log(best.horizon / horizon)) ? point : best,
          );
          return quoteNoise({
            ageSeconds: age,
            tenorDays: nearest.horizon,
            relativeWidth: nearest.relativeWidth,
            venues: 1,
          });
        },
      };
    }
  }
  return rows;
}

/** Total variance at k = 0 on the chord between the strikes on both sides, and the wider of their two bid–ask widths. */
function atTheMoney({ quotes }: ChainExpiry): { variance: number; relativeWidth: number } | undefined {
  const right = quotes.findIndex(({ k }) => k >= 0);
  const above = quotes[right];
  const below = quotes[right - 1];
  if (above?.width === undefined || below?.width === undefined) return undefined;
  const share = (0 - below.k) / (above.k - below.k);
  const variance = below.totalVariance + share * (above.totalVariance - below.totalVariance);
  return { variance, relativeWidth: Math.max(above.width / above.volatility, below.width / below.volatility) };
}
