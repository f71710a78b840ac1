/** Nobody gains by playing a pool's prices: smaller runs of what `npm run bench -- pool` searches. */

import { expect, test } from "vitest";
import {
  crossingGain,
  drawBook,
  play,
  searchRoundTrip,
  splitAdvantage,
} from "../../../../scripts/bench/pool/pricingGames.ts";
import { createRandom, type Random } from "../../../../src/market/random.ts";

const most = (gains: readonly bigint[]): bigint => gains.reduce((a, b) => (b > a ? b : a));
const games = (seed: string, count: number, game: (random: Random) => bigint): readonly bigint[] => {
  const random = createRandom(seed);
  return Array.from({ length: count }, () => game(random));
};

test("no box, vertical, butterfly or calendar crosses among quotes of one instant, whatever the inventory", () => {
  const gains = games("crossing", 150, (random) => crossingGain(random, drawBook(random)));
  expect(most(gains)).toBeLessThanOrEqual(0n);
  expect(gains.filter((gain) => gain > -10_000_000n).length).toBeGreaterThan(10); // some came within ten quote tokens
});

test("an order costs no less in parts", () => {
  const gains = games("split", 400, (random) => splitAdvantage(random, drawBook(random)));
  expect(most(gains)).toBeLessThanOrEqual(0n);
  expect(most(gains)).toBeGreaterThan(-1000n); // and in the best case next to nothing more
});

test("who comes back to where he was has lost, and a search for the best way finds none that gains", () => {
  expect(most(games("search", 12, (random) => searchRoundTrip(random, drawBook(random), 40)))).toBeLessThanOrEqual(0n);
  const random = createRandom("walks");
  const walks = Array.from({ length: 200 }, () => {
    const steps = Array.from({ length: 8 }, () => Array.from({ length: 6 }, () => random.uniform()));
    return play(drawBook(random), [[0.1, 0.5, 0.5, 0.9, 0.5, 0.5], ...steps]); // the first buys
  });
  expect(most(walks)).toBeLessThan(0n);
});
