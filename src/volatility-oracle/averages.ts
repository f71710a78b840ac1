import type { MinutePrice } from "../market-data/marketData.ts";

/** Options settle on the average of spot over this time before their expiry, seconds. */
export const WINDOW_SECONDS = 1_800;
/** How long a settlement that was missed is still reported, seconds. */
const LATE_SECONDS = 2 * 86_400;
const SECONDS_PER_DAY = 86_400;
const EXPIRY_TIME_OF_DAY = 8 * 3_600;

/** The mean of spot over the part of a window that has passed. */
export interface ObservedAverage {
  readonly expiry: number;
  readonly average: number;
  readonly elapsed: number;
}

/** Those expiries whose window has begun and whose settlement may still be owed at `time`, increasing. */
export function expiriesToAverage(time: number, expiries: Iterable<number>): readonly number[] {
  return [...new Set(expiries)]
    .filter((expiry) => time > expiry - WINDOW_SECONDS && time <= expiry + LATE_SECONDS)
    .sort((a, b) => a - b);
}

/** The expiries, daily at 08:00 UTC, that may still wait for their settlement at `time`. */
export function recentExpiries(time: number): readonly number[] {
  const last = Math.floor((time - EXPIRY_TIME_OF_DAY) / SECONDS_PER_DAY) * SECONDS_PER_DAY + EXPIRY_TIME_OF_DAY;
  return [last - SECONDS_PER_DAY, last];
}

/** From when to when spot counts for the average of `expiry`, seen at `time`. */
export function windowOf(expiry: number, time: number): { readonly from: number; readonly until: number } {
  return { from: expiry - WINDOW_SECONDS, until: Math.min(time, expiry) };
}

/** The running average of `expiry` at `time`; undefined where not one minute of the window is known. */
export function runningAverage(
  expiry: number,
  time: number,
  minutes: readonly MinutePrice[],
): ObservedAverage | undefined {
  const { from, until } = windowOf(expiry, time);
  const inside = minutes.filter((minute) => minute.time >= from && minute.time < until);
  if (inside.length === 0) return undefined;
  const average = inside.reduce((sum, minute) => sum + minute.price, 0) / inside.length;
  return { expiry, average, elapsed: until - from };
}
