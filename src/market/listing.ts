import { EXPIRY_SECOND_OF_DAY, SECONDS_PER_DAY } from "./world.ts";

export type ExpiryClass = "day" | "week" | "month" | "quarter";

export interface ListedExpiry {
  /** Unix seconds, 08:00 UTC. */
  readonly expiry: number;
  /** The longest-lived class that the date belongs to. */
  readonly class: ExpiryClass;
  /** When its first strikes were listed. */
  readonly listedAt: number;
}

const FRIDAY = 5;
/** How many of each class are open at a time, as Deribit lists ETH. */
const listed: Readonly<Record<ExpiryClass, number>> = { day: 3, week: 3, month: 3, quarter: 2 };
/** How long before its expiry a series opens. */
const lifetimeDays: Readonly<Record<ExpiryClass, number>> = { day: 3, week: 21, month: 92, quarter: 183 };

/**
 * The expiries listed at a time: the next three days, three Fridays, three last Fridays of a month and two last Fridays of a
 * quarter, all at 08:00 UTC, each date once.
 */
export function listedExpiries(atSeconds: number): readonly ListedExpiry[] {
  const byExpiry = new Map<number, ListedExpiry>();
  const left = { ...listed };
  let expiry = nextExpiryTime(atSeconds);
  // Two quarters are at most 190 days away.
  for (let day = 0; day < 200; day++, expiry += SECONDS_PER_DAY) {
    for (const kind of classesOf(expiry)) {
      if (left[kind] === 0) continue;
      left[kind]--;
      // Classes come from the shortest to the longest: the last one written is the longest.
      byExpiry.set(expiry, { expiry, class: kind, listedAt: expiry - lifetimeDays[kind] * SECONDS_PER_DAY });
    }
  }
  return [...byExpiry.values()];
}

/** The first 08:00 UTC later than the time. */
export function nextExpiryTime(atSeconds: number): number {
  const days = Math.floor((atSeconds - EXPIRY_SECOND_OF_DAY) / SECONDS_PER_DAY) + 1;
  return days * SECONDS_PER_DAY + EXPIRY_SECOND_OF_DAY;
}

function classesOf(expiry: number): readonly ExpiryClass[] {
  const date = new Date(expiry * 1000);
  if (date.getUTCDay() !== FRIDAY) return ["day"];
  const lastOfMonth = new Date((expiry + 7 * SECONDS_PER_DAY) * 1000).getUTCMonth() !== date.getUTCMonth();
  if (!lastOfMonth) return ["day", "week"];
  return date.getUTCMonth() % 3 === 2 ? ["day", "week", "month", "quarter"] : ["day", "week", "month"];
}

/** Step between strikes as a part of spot, and how far strikes reach from a spot at listing or any later midnight. */
const grids: Readonly<Record<ExpiryClass, { readonly step: number; readonly below: number; readonly above: number }>> =
  {
    day: { step: 0.0085, below: 0.9, above: 1.11 },
    week: { step: 0.017, below: 0.75, above: 1.35 },
    month: { step: 0.034, below: 0.5, above: 1.9 },
    quarter: { step: 0.068, below: 0.35, above: 3 },
  };

/**
 * Strikes of a series that has seen spot between `lowest` and `highest` since it was listed. A strike once listed stays,
 * because the range only grows. `referenceSpot` fixes the grid for the life of a world.
 */
export function listedStrikes(
  kind: ExpiryClass,
  lowest: number,
  highest: number,
  referenceSpot: number,
): readonly number[] {
  const grid = grids[kind];
  const step = roundStep(referenceSpot * grid.step);
  const strikes: number[] = [];
  const last = Math.floor((highest * grid.above) / step);
  for (let n = Math.max(1, Math.ceil((lowest * grid.below) / step)); n <= last; n++) strikes.push(cents(n * step));
  return strikes;
}

/** The nearest of 1, 2, 2.5, 5 times a power of ten. */
function roundStep(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  const choices = [1, 2, 2.5, 5, 10].map((factor) => factor * power);
  return choices.reduce((best, next) => (Math.abs(next - value) < Math.abs(best - value) ? next : best));
}

function cents(value: number): number {
  return Math.round(value * 1e6) / 1e6;
}
