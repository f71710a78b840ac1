import { MeniscusError } from "../runtime/errors.ts";
import { EXPIRY_SECOND_OF_DAY, SECONDS_PER_DAY, SECONDS_PER_HOUR } from "./world.ts";

/** When the market's model clock stands where. All times are Unix seconds of model time. */
export interface TickSchedule {
  readonly firstTick: number;
  /** The last tick; undefined when the market runs until it is stopped or its world ends. */
  readonly lastTick: number | undefined;
  readonly tickSeconds: number;
  /** Model seconds per real second; undefined runs as fast as the work allows. */
  readonly speed: number | undefined;
}

export interface TickPlan {
  /** The first model time at which the world exists. */
  readonly worldFrom: number;
  /** The last one. */
  readonly worldTo: number;
  readonly days?: number | undefined;
  readonly tickSeconds?: number | undefined;
  readonly speed?: number | undefined;
}

/** Without `--days` and `--speed`: an hour of the model in ten seconds, so that a person can follow. */
export const WATCHING_SPEED = 360;

/**
 * Lays the ticks so that every 08:00 UTC, when options expire, is one of them.
 *
 * @example
 * planTicks({ worldFrom: 0, worldTo: Infinity, days: 1 })
 * // { firstTick: 0, lastTick: 86400, tickSeconds: 3600, speed: undefined }
 */
export function planTicks(plan: TickPlan): TickSchedule {
  const tickSeconds = plan.tickSeconds ?? SECONDS_PER_HOUR;
  if (!Number.isInteger(tickSeconds) || tickSeconds < 1 || SECONDS_PER_DAY % tickSeconds !== 0) {
    throw new MeniscusError("usage", `A tick of ${tickSeconds} seconds does not divide a day.`, {
      hint: "Choose for example --tick 1h, 30m or 15m.",
    });
  }
  if (plan.days !== undefined && !(plan.days > 0 && plan.days < 10_000)) {
    throw new MeniscusError("usage", `--days must be a positive number, not ${plan.days}.`);
  }
  if (plan.speed !== undefined && !(plan.speed > 0)) {
    throw new MeniscusError(
      "usage",
      `--speed must be a positive number of model seconds per second, not ${plan.speed}.`,
    );
  }
  // Whole hours, or for longer ticks the first time a whole number of ticks away from 08:00 UTC.
  const grid = Math.max(tickSeconds, SECONDS_PER_HOUR);
  const firstTick = Math.ceil((plan.worldFrom - EXPIRY_SECOND_OF_DAY) / grid) * grid + EXPIRY_SECOND_OF_DAY;
  const wanted = plan.days === undefined ? undefined : firstTick + plan.days * SECONDS_PER_DAY;
  // A world that ends inside the last tick still has the ticks before.
  const lastPossible = firstTick + Math.floor((plan.worldTo - firstTick) / tickSeconds) * tickSeconds;
  if (firstTick > plan.worldTo || (wanted !== undefined && wanted > plan.worldTo)) {
    const end = new Date(plan.worldTo * 1000).toISOString().slice(0, 16);
    throw new MeniscusError("usage", `The data end at ${end} UTC, before the last tick that was asked for.`, {
      hint: "Choose an earlier --from or fewer --days.",
    });
  }
  const count = wanted === undefined ? undefined : Math.floor((wanted - firstTick) / tickSeconds);
  return {
    firstTick,
    lastTick:
      count !== undefined ? firstTick + count * tickSeconds : Number.isFinite(lastPossible) ? lastPossible : undefined,
    tickSeconds,
    speed: plan.speed ?? (plan.days === undefined ? WATCHING_SPEED : undefined),
  };
}

/** Real time, passed in so that tests need not wait. */
export interface WallClock {
  nowMilliseconds(): number;
  /** Resolves after the time, or at once when the signal aborts. */
  sleep(milliseconds: number, signal: AbortSignal): Promise<void>;
}

export const wallClock: WallClock = {
  nowMilliseconds: () => performance.now(),
  sleep: (milliseconds, signal) =>
    new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const wake = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      const timer = setTimeout(wake, milliseconds);
      signal.addEventListener("abort", wake);
    }),
};

/**
 * Yields one tick time after another, waiting so that model time does not run ahead of `speed`. A consumer that was slow is
 * not hurried afterwards: the pace restarts from where it is. Ends after the last tick or when the signal aborts.
 */
export async function* ticks(
  schedule: TickSchedule,
  signal: AbortSignal,
  clock: WallClock = wallClock,
): AsyncGenerator<number, void, void> {
  const gap = schedule.speed === undefined ? 0 : (schedule.tickSeconds / schedule.speed) * 1000;
  let due = clock.nowMilliseconds();
  for (let time = schedule.firstTick; time <= (schedule.lastTick ?? Infinity); time += schedule.tickSeconds) {
    const early = due - clock.nowMilliseconds();
    if (early > 0) await clock.sleep(early, signal);
    if (signal.aborted) return;
    yield time;
    due = Math.max(due + gap, clock.nowMilliseconds());
  }
}

const durationUnits: Readonly<Record<string, number>> = { s: 1, m: 60, h: SECONDS_PER_HOUR, d: SECONDS_PER_DAY };

/** Seconds of `90`, `90s`, `15m`, `1h`, `1d`. */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([smhd]?)$/.exec(text.trim());
  if (!match) {
    throw new MeniscusError("usage", `"${text}" is not a duration.`, { hint: "Write for example 1h, 15m or 900s." });
  }
  return Number(match[1]) * (durationUnits[match[2] || "s"] ?? 1);
}

/** Unix seconds of midnight UTC of `2026-01-31`, or of `2026-01-31T06:00`. */
export function parseDate(text: string): number {
  const match = /^(\d{4})-(\d{2})-(\d{2})(?:T(\d{2}):(\d{2}))?Z?$/.exec(text.trim());
  const milliseconds = match
    ? Date.parse(`${text.trim().slice(0, 10)}T${match[4] ?? "00"}:${match[5] ?? "00"}:00Z`)
    : NaN;
  // Date.parse rolls 2026-02-30 over into March on some engines: the day must come back as it was written.
  if (!match || Number.isNaN(milliseconds) || new Date(milliseconds).getUTCDate() !== Number(match[3])) {
    throw new MeniscusError("usage", `"${text}" is not a date.`, { hint: "Write for example 2026-01-31." });
  }
  return milliseconds / 1000;
}
