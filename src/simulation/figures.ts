/** What a run earned and risked, from its share price day by day; pure. */
import { createRandom } from "../market/random.ts";
import { SECONDS_PER_DAY, SECONDS_PER_YEAR } from "../market/world.ts";

/** Days that are drawn together, so that what clusters stays together. */
const BLOCK_DAYS = 5;
const RESAMPLES = 1_000;
const TAIL = 0.025;
const MONTH_DAYS = 30;

/** A value at a time, Unix seconds: of a share, a vault, a token. */
export interface Valued {
  readonly time: number;
  readonly value: number;
}

export interface Figures {
  /** From beginning to end, and a year at that pace; shares. */
  readonly totalReturn: number;
  readonly annualReturn: number;
  /** Of daily returns, annualised; with the 5 % and 95 % quantiles of a block bootstrap. */
  readonly sharpe: number;
  readonly sharpeLow: number;
  readonly sharpeHigh: number;
  /** Deepest fall from a height before it. */
  readonly maxDrawdown: number;
  /** Mean of the worst 2.5 % of days, as a loss. */
  readonly expectedShortfall: number;
  /** The worst 30 days that follow each other. */
  readonly worstMonth: number;
}

/** Figures of a series with a value a day or so, increasing in time. */
export function figuresOf(series: readonly Valued[]): Figures {
  const [first, last] = [series[0], series.at(-1)];
  if (!first || !last || series.length < 3) throw new RangeError("figures need three days");
  const returns = dailyReturns(series);
  const totalReturn = last.value / first.value - 1;
  const years = (last.time - first.time) / SECONDS_PER_YEAR;
  const resampled = bootstrap(returns).toSorted((a, b) => a - b);
  return {
    totalReturn,
    annualReturn: totalReturn <= -1 ? -1 : (1 + totalReturn) ** (1 / years) - 1,
    sharpe: sharpeOf(returns),
    sharpeLow: resampled[Math.floor(0.05 * RESAMPLES)]!,
    sharpeHigh: resampled[Math.floor(0.95 * RESAMPLES)]!,
    maxDrawdown: drawdownOf(series.map(({ value }) => value)),
    expectedShortfall: shortfallOf(returns),
    worstMonth: worstMonthOf(series),
  };
}

/** Returns from each value to the next. */
export function dailyReturns(series: readonly Valued[]): readonly number[] {
  return series.slice(1).map(({ value }, i) => value / series[i]!.value - 1);
}

/** Mean over deviation, by √365; 0 where nothing moves. */
export function sharpeOf(returns: readonly number[]): number {
  const mean = returns.reduce((sum, x) => sum + x, 0) / returns.length;
  const variance = returns.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (returns.length - 1);
  return variance > 0 ? (mean / Math.sqrt(variance)) * Math.sqrt(365) : 0;
}

/** Sharpe ratios of series put together from blocks of days that are drawn with replacement, around the end. */
function bootstrap(returns: readonly number[]): readonly number[] {
  const random = createRandom("bootstrap");
  return Array.from({ length: RESAMPLES }, () => {
    const drawn: number[] = [];
    while (drawn.length < returns.length) {
      const start = Math.floor(random.uniform() * returns.length);
      for (let i = 0; i < BLOCK_DAYS && drawn.length < returns.length; i++) {
        drawn.push(returns[(start + i) % returns.length]!);
      }
    }
    return sharpeOf(drawn);
  });
}

/** Deepest fall from a height before it, share of the height. */
export function drawdownOf(values: readonly number[]): number {
  let [height, deepest] = [0, 0];
  for (const value of values) {
    height = Math.max(height, value);
    deepest = Math.max(deepest, 1 - value / height);
  }
  return deepest;
}

function shortfallOf(returns: readonly number[]): number {
  const worst = returns.toSorted((a, b) => a - b).slice(0, Math.max(1, Math.round(TAIL * returns.length)));
  return -worst.reduce((sum, x) => sum + x, 0) / worst.length;
}

function worstMonthOf(series: readonly Valued[]): number {
  const last = series.at(-1)!;
  const whole = last.value / series[0]!.value - 1;
  let worst = Number.POSITIVE_INFINITY;
  for (const { time, value } of series) {
    const until = series.find((later) => later.time >= time + MONTH_DAYS * SECONDS_PER_DAY);
    if (until) worst = Math.min(worst, until.value / value - 1);
  }
  return Number.isFinite(worst) ? worst : whole;
}

/** One series after another, each begun where the one before ended. */
export function chained(parts: readonly (readonly Valued[])[]): readonly Valued[] {
  let level = 1;
  return parts.flatMap((part) => {
    const scale = level / part[0]!.value;
    level = part.at(-1)!.value * scale;
    return part.map(({ time, value }) => ({ time, value: value * scale }));
  });
}
