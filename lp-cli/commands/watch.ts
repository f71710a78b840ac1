import { setTimeout as sleep } from "node:timers/promises";
import { MeniscusError } from "../../src/runtime/errors.ts";
import { type PoolView, readPool } from "../../src/sdk/lp.ts";
import { renderFrame } from "../output/watch.ts";
import { parseInteger } from "../parse.ts";
import type { Session } from "../session.ts";

/** Frames that the picture shows at most. */
const REMEMBERED = 240;
const CLEAR_SCREEN = "\u001b[2J\u001b[H";

export interface WatchOptions {
  readonly every?: string;
  readonly times?: string;
}

/** A pool at a moment, Unix seconds of this machine. */
export interface WatchFrame {
  readonly at: number;
  readonly pool: PoolView;
}

/** `watch`: a pool again and again, with the way its share price went, until Ctrl-C. Returns what it saw. */
export async function watch(session: Session, options: WatchOptions): Promise<readonly WatchFrame[]> {
  const every = parseInteger(options.every ?? "2", "number of seconds", 1, 3_600);
  const times = options.times === undefined ? Infinity : parseInteger(options.times, "number of times", 1, 1_000_000);
  const connection = await session.connection();
  const pool = await session.pool();
  const interrupt = new AbortController();
  const onInterrupt = () => interrupt.abort();
  process.once("SIGINT", onInterrupt);
  const frames: WatchFrame[] = [];
  try {
    for (let i = 0; i < times && !interrupt.signal.aborted; i++) {
      if (i > 0) await sleep(every * 1000, undefined, { signal: interrupt.signal }).catch(() => undefined);
      if (interrupt.signal.aborted) break;
      try {
        frames.push({ at: Math.round(Date.now() / 1000), pool: await readPool(connection, pool) });
      } catch (error) {
        // The chain may be away for a moment: what was seen stays.
        if (!(error instanceof MeniscusError) || frames.length === 0) throw error;
        session.say(error.message);
        continue;
      }
      if (frames.length > REMEMBERED) frames.shift();
      if (session.options.json !== true)
        session.say((process.stderr.isTTY === true ? CLEAR_SCREEN : "") + renderFrame(frames));
    }
  } finally {
    process.removeListener("SIGINT", onInterrupt);
  }
  return frames;
}
