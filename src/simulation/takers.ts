/** What takers decide: pure, from what they see; all chance comes from `random`. */
import type { Random } from "../market/random.ts";
import { SECONDS_PER_DAY } from "../market/world.ts";
import type { SimulatedLeg } from "./actions.ts";
import type { Population } from "./population.ts";
import type { Fit, ListedOption, Tape } from "./tape.ts";

export type TakerKind = "noise" | "hedger" | "informed" | "arbitrageur";

/** A package and the most it may cost, quote tokens; negative is the least to be paid. */
export interface Wish {
  readonly legs: readonly SimulatedLeg[];
  readonly most: number;
}

/** What a package costs now, quote tokens; undefined where the pool has no price. */
export type Quoter = (legs: readonly SimulatedLeg[]) => number | undefined;

const weights = new WeakMap<Fit, Float64Array>();

/** An option that is listed, drawn by its weight. */
function draw(fit: Fit, random: Random): ListedOption | undefined {
  let sums = weights.get(fit);
  if (!sums) {
    let sum = 0;
    sums = Float64Array.from(fit.listed, ({ weight }) => (sum += weight));
    weights.set(fit, sums);
  }
  const wanted = random.uniform() * (sums.at(-1) ?? 0);
  let [low, high] = [0, sums.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sums[middle]! <= wanted) low = middle + 1;
    else high = middle;
  }
  return fit.listed[low];
}

/** To a hundredth of a contract, at least a tenth. */
function drawSize(median: number, deviation: number, random: Random): number {
  return Math.max(0.1, Math.round(median * Math.exp(deviation * random.normal()) * 100) / 100);
}

/** What the venue asks (or bids) with its fee, quote tokens a contract; undefined where nobody quotes that side. */
function venuePrice(
  tape: Tape,
  time: number,
  option: ListedOption,
  buys: boolean,
  rules: Population["venue"],
): number | undefined {
  const gap = buys ? option.askGap : option.bidGap;
  if (gap === undefined) return undefined;
  const spot = tape.spot(time);
  const mid = tape.value(option, time);
  const side = buys ? 1 : -1;
  const fee = Math.min(rules.optionFee * spot, rules.optionFeeCap * mid);
  return Math.max(0, mid + side * (gap * spot + fee));
}

/** The venue's price, and for what it is not gone there. */
function wishFor(
  tape: Tape,
  time: number,
  option: ListedOption,
  size: number,
  population: Population,
  preference: number,
  random: Random,
): Wish | undefined {
  const price = venuePrice(tape, time, option, size > 0, population.venue);
  const extra = -preference * Math.log(1 - random.uniform()) * tape.spot(time);
  if (price === undefined) return undefined;
  const { expiry, strike, kind } = option;
  const limit = size > 0 ? price + extra : Math.max(0, price - extra);
  return { legs: [{ expiry, strike, kind, size }], most: size * limit };
}

/** Somebody opens what is listed, or gives back what he holds. */
export function noiseWish(
  tape: Tape,
  time: number,
  held: readonly SimulatedLeg[],
  population: Population,
  random: Random,
): Wish | undefined {
  const { buyers, closers, medianSize, sizeDeviation, preference } = population.noise;
  const fit = tape.fit(time);
  const [closing, buying, which] = [random.uniform(), random.uniform(), random.uniform()];
  const option = draw(fit, random);
  const size = drawSize(medianSize, sizeDeviation, random);
  const open = closing < closers ? held.filter(({ expiry }) => expiry > time + SECONDS_PER_DAY / 2) : [];
  const position = open[Math.floor(which * open.length)];
  if (position) {
    const { expiry, strike, kind } = position;
    const listed = fit.listed.find((item) => item.expiry === expiry && item.strike === strike && item.kind === kind);
    const known = listed ?? { expiry, strike, kind, weight: 0, bidGap: 0.0005, askGap: 0.0005 };
    return wishFor(tape, time, known, -position.size, population, preference, random);
  }
  return option && wishFor(tape, time, option, buying < buyers ? size : -size, population, preference, random);
}

/** Protection below spot is bought, calls above it are sold, for two to six weeks. */
export function hedgerWish(tape: Tape, time: number, population: Population, random: Random): Wish | undefined {
  const { medianSize, sizeDeviation, preference } = population.hedgers;
  const spot = tape.spot(time);
  const [protects, distance] = [random.uniform() < 0.6, 0.05 + 0.12 * random.uniform()];
  const size = drawSize(medianSize, sizeDeviation, random);
  const aim = spot * (protects ? 1 - distance : 1 + distance);
  const [kind, low, high] = [protects ? "put" : "call", 14 * SECONDS_PER_DAY, 45 * SECONDS_PER_DAY] as const;
  const fitting = tape
    .fit(time)
    .listed.filter((item) => item.kind === kind && item.expiry - time > low && item.expiry - time < high);
  const first = fitting[0];
  if (!first) return undefined;
  const option = fitting.reduce(
    (best, next) => (Math.abs(next.strike - aim) < Math.abs(best.strike - aim) ? next : best),
    first,
  );
  return wishFor(tape, time, option, protects ? size : -size, population, preference, random);
}

const candidates = new WeakMap<Fit, readonly ListedOption[]>();
const MOST_CANDIDATES = 12;

/** The options with most weight. */
function candidatesOf(fit: Fit): readonly ListedOption[] {
  const known = candidates.get(fit);
  if (known) return known;
  const chosen = fit.listed.toSorted((a, b) => b.weight - a.weight).slice(0, MOST_CANDIDATES);
  candidates.set(fit, chosen);
  return chosen;
}

/** What somebody who compares the pool with what options are worth to him goes by. */
export interface Edge {
  /** Quote tokens a contract, and what it costs to turn that into money. */
  readonly value: (option: ListedOption) => number;
  readonly cost: (option: ListedOption) => number;
  readonly leastGain: number;
  readonly largest: number;
}

const STEPS = [1, 2, 4, 8, 16, 32, 64, 128, 256];

/**
 * The trade that gains most against one's own value, at the size from which on more would bring less; undefined where none brings
 * `leastGain`.
 */
export function edgeWish(fit: Fit, quote: Quoter, { value, cost, leastGain, largest }: Edge): Wish | undefined {
  let best: Wish | undefined;
  let bestGain = leastGain;
  for (const option of candidatesOf(fit)) {
    const { expiry, strike, kind } = option;
    const [worth, dear] = [value(option), cost(option)];
    for (const side of [1, -1]) {
      let before = Number.NEGATIVE_INFINITY;
      for (const step of STEPS) {
        if (step > largest) break;
        const size = side * step;
        const cash = quote([{ expiry, strike, kind, size }]);
        if (cash === undefined) break;
        const gain = size * worth - cash - step * dear;
        if (gain <= before || gain <= 0) break;
        before = gain;
        if (gain > bestGain) {
          bestGain = gain;
          best = { legs: [{ expiry, strike, kind, size }], most: size * worth - step * dear };
        }
      }
    }
  }
  return best;
}
