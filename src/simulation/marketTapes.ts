/** The tapes of a span of time, a calendar month each, made once and kept in a sweep's folder. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { deserialize, serialize } from "node:v8";
import { SECONDS_PER_DAY, SECONDS_PER_HOUR } from "../market/world.ts";
import { readCandles, spotPath } from "../market-data/candleFiles.ts";
import { openReplay } from "../market-data/csvReplay.ts";
import { MeniscusError } from "../runtime/errors.ts";
import { minuteSpots, type TapeData, tapeOfSpot, tapeOfWorld } from "./tape.ts";

/** About four chains a day are on record. */
const FIT_SECONDS = 6 * SECONDS_PER_HOUR;
const HISTORY = 180 * SECONDS_PER_DAY;

/** Days, midnight UTC. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** A span cut at the beginnings of months; what is shorter than ten days joins its neighbour. */
export function monthsOf({ from, to }: Span): readonly Span[] {
  const cuts = [from];
  const day = new Date(from * 1000);
  for (let month = 1; ; month++) {
    const next = Date.UTC(day.getUTCFullYear(), day.getUTCMonth() + month, 1) / 1000;
    if (next > to - 10 * SECONDS_PER_DAY) break;
    if (next > from + 10 * SECONDS_PER_DAY) cuts.push(next);
  }
  return cuts.map((start, i) => ({ from: start, to: cuts[i + 1] ?? to }));
}

/** Real chains where the folder has them for the month; `synthetic` makes surfaces from the candles of a file instead. */
export async function tapesOf(
  directory: string,
  spans: readonly Span[],
  folder: string,
  options: { readonly synthetic?: string | undefined; readonly onFit?: (done: number, all: number) => void },
): Promise<readonly TapeData[]> {
  mkdirSync(folder, { recursive: true });
  const tapes: TapeData[] = [];
  for (const [i, span] of spans.entries()) {
    const file = join(folder, `tape-${span.from}-${span.to}${options.synthetic ? "-synthetic" : ""}.bin`);
    tapes.push(existsSync(file) ? readTape(file) : await make(directory, span, options.synthetic, file));
    options.onFit?.(i + 1, spans.length);
  }
  return tapes;
}

async function make(directory: string, span: Span, synthetic: string | undefined, file: string): Promise<TapeData> {
  const tape = synthetic ? await fromCandles(directory, span, synthetic) : await fromChains(directory, span);
  writeFileSync(file, serialize({ ...tape, spots: Float64Array.from(tape.spots) }));
  return tape;
}

function readTape(file: string): TapeData {
  const tape = deserialize(readFileSync(file)) as TapeData;
  const shared = minuteSpots(
    (time) => tape.spots[Math.round((time - tape.spotFrom) / 60)]!,
    tape.spotFrom,
    tape.spotFrom + 60 * (tape.spots.length - 1),
  );
  return { ...tape, ...shared };
}

async function fromChains(directory: string, { from, to }: Span): Promise<TapeData> {
  const world = await openReplay({ directory, from, days: (to - from) / SECONDS_PER_DAY });
  return await tapeOfWorld(world, {
    from,
    to: Math.min(to, world.lastTime - SECONDS_PER_HOUR),
    fitSeconds: FIT_SECONDS,
  });
}

async function fromCandles(directory: string, { from, to }: Span, name: string): Promise<TapeData> {
  const file = readdirSync(join(directory, "spot")).find((entry) => entry.startsWith(name));
  if (!file) throw new MeniscusError("data", `There is no file ${name}… in ${join(directory, "spot")}.`);
  const candles = await readCandles(join(directory, "spot", file), from - HISTORY, to + 2 * SECONDS_PER_HOUR);
  const path = spotPath(candles);
  const span = {
    from,
    to: Math.min(to, path.lastTime - SECONDS_PER_HOUR),
    fitSeconds: FIT_SECONDS,
    historyFrom: path.firstTime,
  };
  return tapeOfSpot((time) => path.spot(time), span, `candles of ${file}, surfaces made from them`);
}
