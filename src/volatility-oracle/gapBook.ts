import { existsSync, readFileSync } from "node:fs";
import { z } from "zod";
import { type GapHistory, noGapHistory, type QuoteGap, usualGap, withGap } from "../../pricing/index.ts";
import { writeDurably } from "../runtime/durableFile.ts";
import { describeError } from "../runtime/errors.ts";
import type { SeenGap } from "./level.ts";

/**
 * Days to expiry of which a history is kept: those for which the forecast is fitted, and the long end, where it is carried on and
 * lies elsewhere against quotes. A tenor between lies between.
 */
export const GAP_HORIZONS = [1, 7, 30, 180] as const;
/** Quotes of a tenor within this factor of a horizon tell of it. */
const REACH = 2;
/** Quotes that carry more noise than this say little of how far they usually lie: 5 % of volatility. */
const MOST_NOISE = 0.01;
const HOUR_SECONDS = 3_600;
const DAY_SECONDS = 86_400;

const history = z.object({
  time: z.number().nonnegative(),
  days: z.number().nonnegative(),
  mean: z.number().gt(-10).lt(10),
  squares: z.number().gt(-1e6).lt(1e6),
});
const schema = z.object({ horizons: z.array(history).length(GAP_HORIZONS.length) });

/** What a node has learnt of how far quotes usually lie from its forecast, kept in a file from one run to the next. */
export class GapBook {
  private readonly file: string;
  private readonly onTrouble: (why: string) => void;
  private histories: readonly GapHistory[];

  /** @param onTrouble Told where the file cannot be used: then learning begins anew, which is no fault of a report. */
  constructor(file: string, onTrouble: (why: string) => void) {
    this.file = file;
    this.onTrouble = onTrouble;
    this.histories = this.read() ?? GAP_HORIZONS.map(() => noGapHistory);
  }

  /** The gap to expect at a tenor in seconds: linear in its logarithm between horizons, as the nearest one beyond. */
  usual(tenor: number): QuoteGap {
    const days = tenor / DAY_SECONDS;
    const known = GAP_HORIZONS.map((horizon, i) => usualGap(this.histories[i] ?? noGapHistory, horizon));
    const right = GAP_HORIZONS.findIndex((horizon) => horizon >= days);
    const above = known[right] ?? known.at(-1) ?? usualGap(noGapHistory, 1);
    const below = known[right - 1];
    if (right < 0 || !below) return above;
    const [from, to] = [GAP_HORIZONS[right - 1] ?? days, GAP_HORIZONS[right] ?? days];
    const share = Math.log(days / from) / Math.log(to / from);
    const between = (a: number, b: number) => a + share * (b - a);
    return {
      gap: between(below.gap, above.gap),
      disagreement: between(below.disagreement, above.disagreement),
    };
  }

  /** Learns from what was seen at `time`, Unix seconds; at most once an hour of each horizon. */
  learn(time: number, gaps: readonly SeenGap[]): void {
    const next = this.histories.map((past, i) => {
      const seen = gaps.filter((gap) => gap.noise <= MOST_NOISE && isNear(gap.tenor, GAP_HORIZONS[i] ?? 0));
      if (seen.length === 0 || time < past.time + HOUR_SECONDS) return past;
      const mean = (of: (gap: SeenGap) => number) => seen.reduce((sum, gap) => sum + of(gap), 0) / seen.length;
      return withGap(past, { time, gap: mean(({ gap }) => gap), noise: mean(({ noise }) => noise) });
    });
    if (next.every((item, i) => item === this.histories[i])) return;
    this.histories = next;
    try {
      writeDurably(this.file, JSON.stringify({ horizons: next }));
    } catch (error) {
      this.onTrouble(`${this.file} cannot be written: ${describeError(error)}`);
    }
  }

  private read(): readonly GapHistory[] | undefined {
    if (!existsSync(this.file)) {
      this.onTrouble(`${this.file} is not there: the gap between quotes and forecast is learnt anew`);
      return undefined;
    }
    try {
      return schema.parse(JSON.parse(readFileSync(this.file, "utf8"))).horizons;
    } catch {
      this.onTrouble(`${this.file} is damaged: the gap between quotes and forecast is learnt anew`);
      return undefined;
    }
  }
}

function isNear(tenor: number, horizonDays: number): boolean {
  const days = tenor / DAY_SECONDS;
  return days >= horizonDays / REACH && days <= horizonDays * REACH;
}
