/** The real path of a drill's market, and when the oracle tells it. */
import { SECONDS_PER_YEAR } from "../../../../pricing/units.ts";
import type { Candle } from "../../../../src/market/world.ts";
import { readCandles, spotPath } from "../../../../src/market-data/candleFiles.ts";
import { type ChainRow, readSnapshots } from "../../optionChains.ts";
import type { Drill, TimeSpan } from "./description.ts";

const [MINUTE, HOUR, DAY] = [60, 3_600, 86_400];
/** Length of the window whose mean settles an expiry. */
export const AVERAGING_SECONDS = 1_800;
/** Candles before the opening that the first volatilities are made of. */
const HISTORY_SECONDS = 20 * DAY;
/** How long a drill goes on after its last expiry: grace for debts, then marks by which LPs leave. */
const AFTERMATH_SECONDS = 6 * HOUR;

export interface MarketPath {
  spot(time: number): number;
  /** At the money, 0.6 is 60 %. */
  volatility(time: number, expiry: number): number;
  /** Mean of spot over what has passed of the window before an expiry. */
  average(time: number, expiry: number): number;
}

export async function readMarketPath(drill: Drill, dataDirectory: string): Promise<MarketPath> {
  const end = (drill.expiries.at(-1) ?? drill.openAt) + DAY;
  const candles = await readCandles(`${dataDirectory}/${drill.candles}`, drill.openAt - HISTORY_SECONDS, end);
  const continuous = spotPath(candles);
  const spot = (time: number) => continuous.spot(time);
  const { volatility } = drill;
  return {
    spot,
    volatility:
      volatility.from === "realised"
        ? realisedVolatility(candles)
        : recordedVolatility(volatility.files.flatMap((file) => atTheMoney(dataDirectory, file))),
    average: (time, expiry) => {
      const start = expiry - AVERAGING_SECONDS;
      const minutes = Math.max(1, Math.floor((Math.min(time, expiry) - start) / MINUTE));
      const prices = Array.from({ length: minutes }, (_, i) => spot(start + (i + 0.5) * MINUTE));
      return prices.reduce((sum, price) => sum + price, 0) / minutes;
    },
  };
}

// ───────────────────────────── Volatility ─────────────────────────────

const [FAST_HALF_LIFE, SLOW_HALF_LIFE] = [6 * HOUR, 10 * DAY];
/** How fast the front of the term structure falls back to its end. */
const REVERSION_SECONDS = 3 * DAY;
/** Sellers ask for more than what was realised. */
const PREMIUM = 1.05;
const [LEAST, LARGEST] = [0.4, 4];

/**
 * Two exponentially weighted variances of the returns so far, with half-lives of six hours and ten days; an expiry's lies between them:
 * slow + (fast − slow)·(1 − e^−x)/x, x = tenor/3 d.
 */
function realisedVolatility(candles: readonly Candle[]): MarketPath["volatility"] {
  const seen: { readonly time: number; readonly fast: number; readonly slow: number }[] = [];
  const rates = candles.slice(1).map(({ time, close }, i) => {
    const before = candles[i]!;
    return { time, elapsed: time - before.time, square: Math.log(close / before.close) ** 2 };
  });
  const total = rates.reduce((sum, { square }) => sum + square, 0);
  const usual = (total / rates.reduce((sum, { elapsed }) => sum + elapsed, 0)) * SECONDS_PER_YEAR;
  let [fast, slow] = [usual, usual];
  const interval = Math.min(...rates.map(({ elapsed }) => elapsed));
  for (const { time, elapsed, square } of rates) {
    const variance = (square / elapsed) * SECONDS_PER_YEAR;
    const towards = (last: number, halfLife: number) => variance + (last - variance) * 2 ** (-elapsed / halfLife);
    [fast, slow] = [towards(fast, FAST_HALF_LIFE), towards(slow, SLOW_HALF_LIFE)];
    seen.push({ time: time + interval, fast, slow });
  }
  return (time, expiry) => {
    const now = seen.findLast((item) => item.time <= time) ?? { fast: usual, slow: usual };
    const x = (expiry - time) / REVERSION_SECONDS;
    const variance = now.slow + (now.fast - now.slow) * (x < 1e-6 ? 1 : (1 - Math.exp(-x)) / x);
    return Math.min(LARGEST, Math.max(LEAST, PREMIUM * Math.sqrt(variance)));
  };
}

interface RecordedTerm {
  readonly time: number;
  /** Increasing in expiry. */
  readonly points: readonly { readonly expiry: number; readonly volatility: number }[];
}

/** The mark volatility of the strike nearest to the forward, for each expiry of each snapshot. */
function atTheMoney(dataDirectory: string, file: string): readonly RecordedTerm[] {
  return readSnapshots(dataDirectory, file).map(({ timestamp, rows }) => {
    const nearest = new Map<number, ChainRow>();
    for (const row of rows) {
      if (!(row.markVolatility > 0) || row.expiry - timestamp < 12 * HOUR) continue;
      const known = nearest.get(row.expiry);
      const distance = ({ strike, forward }: ChainRow) => Math.abs(Math.log(strike / forward));
      if (!known || distance(row) < distance(known)) nearest.set(row.expiry, row);
    }
    const points = [...nearest.values()].map(({ expiry, markVolatility }) => ({ expiry, volatility: markVolatility }));
    return { time: timestamp, points: points.toSorted((a, b) => a.expiry - b.expiry) };
  });
}

/** Linear in total variance between the expiries of the last snapshot, flat in volatility beyond its ends. */
function recordedVolatility(terms: readonly RecordedTerm[]): MarketPath["volatility"] {
  return (time, expiry) => {
    const term = terms.findLast((candidate) => candidate.time <= time) ?? terms[0];
    const after = term?.points.find((point) => point.expiry >= expiry) ?? term?.points.at(-1);
    if (!term || !after) throw new Error("the recorded chains do not reach back to the opening");
    const before = term.points.findLast((point) => point.expiry < expiry);
    if (!before || before === after) return after.volatility;
    const variance = (point: { expiry: number; volatility: number }) =>
      point.volatility ** 2 * (point.expiry - term.time);
    const share = (expiry - before.expiry) / (after.expiry - before.expiry);
    const total = variance(before) + share * (variance(after) - variance(before));
    return Math.sqrt(total / (expiry - term.time));
  };
}

// ───────────────────────────── When ─────────────────────────────

/** The hour within the span after which spot is lowest against its beginning. */
export function worstHour(path: MarketPath, { from, to }: TimeSpan): TimeSpan {
  let worst = { from, fall: Infinity };
  for (let time = from; time + HOUR <= to; time += 5 * MINUTE) {
    const fall = path.spot(time + HOUR) / path.spot(time);
    if (fall < worst.fall) worst = { from: time, fall };
  }
  return { from: worst.from, to: worst.from + HOUR };
}

/** Every time at which the drill looks at the world, increasing; reports come at all that are not inside the outage. */
export function scheduleOf(drill: Drill, outage: TimeSpan): readonly number[] {
  const end = (drill.expiries.at(-1) ?? drill.openAt) + AFTERMATH_SECONDS;
  const times = new Set<number>();
  for (let time = drill.openAt + drill.calmStep; time < end; time += drill.calmStep) times.add(time);
  for (let time = drill.crash.from; time < drill.crash.to; time += drill.crashStep) times.add(time);
  // Inside the window twice, at its end, and when debts have had their grace.
  for (const expiry of drill.expiries)
    for (const wait of [-1_200, -300, 15, 600, 2 * HOUR + 900]) times.add(expiry + wait);
  // Auctions run for a quarter of an hour and half an hour: a liquidator that wakes looks often.
  for (const { to } of drill.liquidatorsAsleep) for (let wait = 0; wait < 2 * HOUR; wait += 600) times.add(to + wait);
  times
    .add(outage.from)
    .add((outage.from + outage.to) / 2)
    .add(outage.to);
  return [...times].filter((time) => time > drill.openAt && time <= end).toSorted((a, b) => a - b);
}
