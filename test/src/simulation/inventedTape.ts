/** A tape of a seeded walk, for tests that need no recorded data. */
import { createRandom } from "../../../src/market/random.ts";
import { type TapeData, tapeOfSpot } from "../../../src/simulation/tape.ts";

const HOUR = 3_600;
const DAY = 24 * HOUR;

/** Days of a walk with a deviation of `hourly` an hour. */
export function inventedTape(seed: number, days: number, hourly = 0.006): TapeData {
  const from = Date.UTC(2026, 0, 5) / 1000;
  const historyFrom = from - 60 * DAY;
  const random = createRandom(seed);
  const minutes = (days + 62) * 1_440;
  const prices = new Float64Array(minutes + 1);
  prices[0] = 2_600;
  for (let i = 1; i <= minutes; i++) prices[i] = prices[i - 1]! * Math.exp((hourly / Math.sqrt(60)) * random.normal());
  const spot = (time: number) => {
    const position = (time - historyFrom) / 60;
    const i = Math.min(minutes - 1, Math.floor(position));
    return prices[i]! + (prices[i + 1]! - prices[i]!) * (position - i);
  };
  const span = { from, to: from + days * DAY, fitSeconds: 6 * HOUR, historyFrom };
  return tapeOfSpot(spot, span, "a seeded walk");
}
