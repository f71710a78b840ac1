import { mixSeed } from "../market/random.ts";
import { type Candle, SECONDS_PER_HOUR, SECONDS_PER_MINUTE } from "../market/world.ts";
import { MeniscusError } from "../runtime/errors.ts";
import { readCsv } from "./csvFile.ts";
import { minutePath } from "./minutePath.ts";

/** Spot between the first and the last second of a series of candles. */
export interface SpotPath {
  readonly firstTime: number;
  readonly lastTime: number;
  readonly minutesPerCandle: number;
  spot(atSeconds: number): number;
}

/** Candles of `ts, open, high, low, close, volume` that opened in [from, to]. */
export async function readCandles(path: string, from: number, to: number): Promise<readonly Candle[]> {
  const candles: Candle[] = [];
  await readCsv(path, { from, to, columns: ["open", "high", "low", "close", "volume"] }, (row) => {
    const candle = {
      time: row.number("ts"),
      open: row.number("open"),
      high: row.number("high"),
      low: row.number("low"),
      close: row.number("close"),
      volume: row.number("volume"),
    };
    const previous = candles.at(-1);
    if (previous && candle.time <= previous.time) throw row.wrong("the candle is not later than the one before");
    if (!(candle.low > 0)) throw row.wrong(`low ${candle.low} is not a price`);
    if (candle.high < Math.max(candle.open, candle.close) || candle.low > Math.min(candle.open, candle.close)) {
      throw row.wrong(`open ${candle.open} or close ${candle.close} lies outside of ${candle.low} … ${candle.high}`);
    }
    candles.push(candle);
  });
  return candles;
}

/**
 * A price for every second: a Brownian bridge at whole minutes within each candle that touches its high and low (see
 * `minutePath`), linear inside a minute, linear over hours that the venue was down.
 */
export function spotPath(candles: readonly Candle[]): SpotPath {
  const first = candles[0];
  const last = candles.at(-1);
  if (!first || !last) throw new MeniscusError("internal", "A spot path needs a candle.");
  const interval = smallestGap(candles);
  const minutes = interval / SECONDS_PER_MINUTE;
  const paths = new Map<number, Float64Array>();

  const pathOf = (index: number, candle: Candle) => {
    const known = paths.get(index);
    if (known) return known;
    const next = candles[index + 1];
    const end = next?.time === candle.time + interval ? next.open : candle.close;
    const path = minutePath({ ...candle, end }, minutes, mixSeed(candle.time));
    paths.set(index, path);
    return path;
  };
  const firstTime = first.time;
  const lastTime = last.time + interval;
  const spot = (atSeconds: number) => {
    if (!(atSeconds >= firstTime && atSeconds <= lastTime)) {
      throw new MeniscusError("data", `There is no spot at ${isoMinute(atSeconds)} UTC.`, {
        hint: `Candles cover ${isoMinute(firstTime)} to ${isoMinute(lastTime)}.`,
      });
    }
    const index = lastNotAfter(candles, atSeconds);
    const candle = candles[index] ?? first;
    const path = pathOf(index, candle);
    const minute = (atSeconds - candle.time) / SECONDS_PER_MINUTE;
    if (minute >= minutes) {
      const from = path[minutes] ?? candle.close;
      const next = candles[index + 1];
      if (!next) return from;
      return (
        from + ((next.open - from) * (minute - minutes) * SECONDS_PER_MINUTE) / (next.time - candle.time - interval)
      );
    }
    const whole = Math.floor(minute);
    const here = path[whole] ?? candle.open;
    return here + ((path[whole + 1] ?? here) - here) * (minute - whole);
  };
  return { firstTime, lastTime, minutesPerCandle: minutes, spot };
}

function smallestGap(candles: readonly Candle[]): number {
  let gap = SECONDS_PER_HOUR;
  for (let i = 1; i < candles.length; i++) gap = Math.min(gap, (candles[i]?.time ?? 0) - (candles[i - 1]?.time ?? 0));
  if (gap % SECONDS_PER_MINUTE !== 0)
    throw new MeniscusError("data", `Candles ${gap} seconds apart: whole minutes are needed.`);
  return gap;
}

/** Index of the last item whose time is not later; 0 when all are. */
export function lastNotAfter(items: readonly { readonly time: number }[], atSeconds: number): number {
  let low = 0;
  let high = items.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((items[middle]?.time ?? Infinity) <= atSeconds) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** `2026-01-31T08:00`, in UTC. */
export function isoMinute(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 16);
}
