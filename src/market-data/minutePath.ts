import { createRandom, mixSeed } from "../market/random.ts";

export interface PriceBar {
  readonly open: number;
  readonly high: number;
  readonly low: number;
  /** Where the path ends: the next bar's open if it follows, else the close. */
  readonly end: number;
}

const CANDIDATES = 24;

/**
 * Prices at the whole minutes of a candle, both ends included: a Brownian bridge from the open to the end, as rough as
 * the candle's range says, that touches high and low. Deterministic in the seed.
 *
 * Of two dozen bridges with the variance that the range implies, the one is taken whose extremes come closest; what still
 * sticks out is folded back, and its extremes are moved onto high and low. Scaling one bridge to the range instead would add
 * half as much variance again, because quiet draws are stretched more than lively ones are shrunk.
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
  // Parkinson: a Brownian path of variance V has a range whose mean square is 4 ln 2·V.
  const step = range / Math.sqrt(4 * Math.LN2 * minutes);
  for (let n = 0; n < CANDIDATES; n++) {
    const deviation = bridge(minutes, random);
    const path = line.map((price, i) => price + step * (deviation[i] ?? 0));
    const { highest, lowest } = extremes(path);
    const miss = Math.abs(highest - bar.high) + Math.abs(lowest - bar.low);
    if (miss < bestMiss) [best, bestMiss] = [path, miss];
  }
  const folded = best.map((price) => foldInto(price, bar.low, bar.high));
  const { indexOfHighest, indexOfLowest } = extremes(folded);
  // An extreme at an end stays at the end's own price: then the candle has its extreme inside.
  const inside = (index: number, other: number) =>
    index > 0 && index < minutes ? index : other > minutes / 2 ? Math.ceil(minutes / 4) : Math.ceil((3 * minutes) / 4);
  const top = bar.high > Math.max(bar.open, end) ? inside(indexOfHighest, indexOfLowest) : undefined;
  const bottom = bar.low < Math.min(bar.open, end) ? inside(indexOfLowest, top ?? indexOfHighest) : undefined;
  const touched = folded.map((price, i) => {
    const up = top === undefined ? 0 : (bar.high - (folded[top] ?? 0)) * tent(i, top, minutes);
    const down = bottom === undefined ? 0 : ((folded[bottom] ?? 0) - bar.low) * tent(i, bottom, minutes);
    return Math.min(bar.high, Math.max(bar.low, price + up - down));
  });
  if (top !== undefined) touched[top] = bar.high;
  if (bottom !== undefined) touched[bottom] = bar.low;
  return touched;
}

/** 1 at the peak, falling linearly to 0 at both ends: moves an extreme without a spike of one minute. */
function tent(index: number, peak: number, last: number): number {
  return index <= peak ? index / peak : (last - index) / (last - peak);
}

/** A standard Brownian bridge over `steps` steps of length one: zero at both ends. */
function bridge(steps: number, random: { normal(): number }): Float64Array {
  const walk = new Float64Array(steps + 1);
  for (let i = 1; i <= steps; i++) walk[i] = (walk[i - 1] ?? 0) + random.normal();
  const last = walk[steps] ?? 0;
  return walk.map((value, i) => value - (last * i) / steps);
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
