import { createRandom, mixSeed } from "../market/random.ts";

export interface PriceBar {
  readonly open: number;
  readonly high: number;
  readonly low: number;
  /** Where the path ends: the next bar's open if it follows, else the close. */
  readonly end: number;
}

const CANDIDATES = 8;
const BISECTIONS = 20;

/**
 * Prices at the whole minutes of a candle, both ends included: a Brownian bridge from the open to the end, as rough as
 * the candle's range says, that touches high and low. Deterministic in the seed.
 *
 * Of eight bridges, each scaled so that its range is high − low, the one is taken whose place fits best; what
 * still sticks out is folded back, and its extremes are put on high and low.
 */
export function minutePath(bar: PriceBar, minutes: number, seed: number): Float64Array {
  const end = Math.min(bar.high, Math.max(bar.low, bar.end));
  const line = Float64Array.from({ length: minutes + 1 }, (_, i) => bar.open + ((end - bar.open) * i) / minutes);
  const range = bar.high - bar.low;
  // Too few minutes to place two extremes, or a bar that only went one way.
  if (minutes < 4 || range <= Math.abs(end - bar.open)) return line;

  let best: Float64Array = line;
  let bestMiss = Infinity;
  const random = createRandom(mixSeed(seed, "bridge"));
  for (let n = 0; n < CANDIDATES; n++) {
    const path = scaledToRange(line, bridge(minutes, random), range);
    const miss = Math.abs(extremes(path).highest - bar.high);
    if (miss < bestMiss) [best, bestMiss] = [path, miss];
  }
  const { indexOfHighest, indexOfLowest } = extremes(best);
  // An extreme at an end stays at the end's own price: then the candle has its extreme inside.
  const inside = (index: number, other: number) =>
    index > 0 && index < minutes ? index : other > minutes / 2 ? Math.ceil(minutes / 4) : Math.ceil((3 * minutes) / 4);
  const top = bar.high > Math.max(bar.open, end) ? inside(indexOfHighest, indexOfLowest) : undefined;
  const bottom = bar.low < Math.min(bar.open, end) ? inside(indexOfLowest, top ?? indexOfHighest) : undefined;
  const folded = best.map((price) => foldInto(price, bar.low, bar.high));
  if (top !== undefined) folded[top] = bar.high;
  if (bottom !== undefined) folded[bottom] = bar.low;
  return folded;
}

/** A standard Brownian bridge over `steps` steps of length one: zero at both ends. */
function bridge(steps: number, random: { normal(): number }): Float64Array {
  const walk = new Float64Array(steps + 1);
  for (let i = 1; i <= steps; i++) walk[i] = (walk[i - 1] ?? 0) + random.normal();
  const last = walk[steps] ?? 0;
  return walk.map((value, i) => value - (last * i) / steps);
}

function scaledToRange(line: Float64Array, deviation: Float64Array, range: number): Float64Array {
  const at = (scale: number) => line.map((price, i) => price + scale * (deviation[i] ?? 0));
  const spread = (path: Float64Array) => extremes(path).highest - extremes(path).lowest;
  let low = 0;
  // The deviation alone would span the range twice: line and deviation together span at least it.
  let high = (4 * range) / Math.max(spread(deviation), Number.MIN_VALUE);
  for (let i = 0; i < BISECTIONS; i++) {
    const middle = (low + high) / 2;
    if (spread(at(middle)) > range) high = middle;
    else low = middle;
  }
  return at(low);
}

function extremes(path: Float64Array): {
  readonly highest: number;
  readonly lowest: number;
  readonly indexOfHighest: number;
  readonly indexOfLowest: number;
} {
  let highest = -Infinity;
  let lowest = Infinity;
  let indexOfHighest = 0;
  let indexOfLowest = 0;
  path.forEach((price, i) => {
    if (price > highest) [highest, indexOfHighest] = [price, i];
    if (price < lowest) [lowest, indexOfLowest] = [price, i];
  });
  return { highest, lowest, indexOfHighest, indexOfLowest };
}

function foldInto(price: number, low: number, high: number): number {
  const reflected = price > high ? 2 * high - price : price < low ? 2 * low - price : price;
  return Math.min(high, Math.max(low, reflected));
}
