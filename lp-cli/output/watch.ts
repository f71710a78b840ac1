import type { WatchFrame } from "../commands/watch.ts";
import { dim } from "./colour.ts";
import { amount, signed, time } from "./format.ts";
import { renderPools } from "./lp.ts";
import { terminalChart } from "./terminalChart.ts";

/** One frame of `watch`: the pool now, and the share price since it is watched. */
export function renderFrame(frames: readonly WatchFrame[]): string {
  const [first, last] = [frames[0], frames.at(-1)];
  if (!first || !last) return "";
  const change = last.pool.sharePrice.mid - first.pool.sharePrice.mid;
  const parts = [renderPools([last.pool])];
  if (frames.length > 1 && last.at > first.at) {
    parts.push(
      terminalChart({
        title: "Share price, mid",
        subtitle: `${signed(change, 6)} since ${time(first.at)}`,
        xTitle: "seconds watched",
        yTitle: last.pool.quoteSymbol,
        xScale: "linear",
        series: [{ name: "mid", points: frames.map(({ at, pool }) => ({ x: at - first.at, y: pool.sharePrice.mid })) }],
        formatX: (x) => amount(x, 0),
        formatY: (y) => amount(y, 6),
      }),
    );
  }
  return [...parts, dim(`${time(last.at)}, Ctrl-C ends`)].join("\n\n");
}

/** What is left on the screen when it ends. */
export function renderWatched(frames: readonly WatchFrame[]): string {
  const [first, last] = [frames[0], frames.at(-1)];
  if (!first || !last) return "Nothing was seen.";
  const change = last.pool.sharePrice.mid - first.pool.sharePrice.mid;
  return `Watched pool ${last.pool.name} ${frames.length} times: share price ${amount(last.pool.sharePrice.mid, 6)} ${last.pool.quoteSymbol}, ${signed(change, 6)}.`;
}
