/**
 * Games against a pool's pricing, on its twin to the unit: quotes of one instant played against each other, orders cut into
 * parts, and sequences that return to where they began. Each says what the player gains; a sound pool lets nobody gain.
 */

import { PoolTwin, type QuoteOption, type TwinMarket } from "../../../pricing/fixed/index.ts";
import { defaultPoolParameters, wad } from "../../../src/chain/parameters.ts";
import type { Random } from "../../../src/market/random.ts";

const DAY = 86_400;
const YEAR = 365 * DAY;
const DECIMALS = 6;
const UNIT = 10n ** BigInt(DECIMALS);
const STRIKE_STEP = 25;
const FEE_SHARES = { insuranceFeeShareBps: 2000n, protocolFeeShareBps: 1000n };
/** Tenors from which expiries are drawn, days. */
const TENORS = [
  [2.2, 6],
  [8, 20],
  [25, 50],
  [70, 180],
] as const;

const below = (random: Random, n: number): number => Math.floor(random.uniform() * n);
const between = (random: Random, low: number, high: number): number => low + (high - low) * random.uniform();

/** What of a surface stays while time passes: θ = σ²τ, ψ = η√θ and one ρ for all are free of arbitrage for η²(1+|ρ|) ≤ 4. */
export interface GameSurface {
  readonly spot: number;
  readonly volatilities: readonly number[];
  readonly rho: number;
  readonly eta: number;
  readonly expiries: readonly number[];
}

export function drawSurface(random: Random, now: number): GameSurface {
  const tenors = TENORS.map(([low, high]) => between(random, low, high));
  // Total variance grows with the tenor.
  let least = 0;
  const volatilities = tenors.map((days) => {
    const volatility = Math.max(between(random, 0.2, 1.5), Math.sqrt(least / days) * 1.001);
    least = volatility ** 2 * days;
    return volatility;
  });
  const rho = between(random, -0.8, 0.5);
  return {
    spot: between(random, 500, 4_000),
    volatilities,
    rho,
    eta: between(random, 0.2, 1.9) / Math.sqrt(1 + Math.abs(rho)),
    expiries: tenors.map((days) => now + Math.round(days * DAY)),
  };
}

/** The market under a report of `surfaceTime`, seen at `timestamp`. */
export function marketAt(surface: GameSurface, round: number, surfaceTime: number, timestamp: number): TwinMarket {
  const boardsAt = (time: number) =>
    surface.expiries.map((expiry, i) => {
      const seconds = expiry - time - 1200;
      const theta = (surface.volatilities[i]! ** 2 * seconds) / YEAR;
      return {
        expiry,
        effectiveSeconds: BigInt(seconds),
        forwardWad: wad(surface.spot),
        thetaWad: wad(theta),
        psiWad: wad(surface.eta * Math.sqrt(theta)),
        rhoWad: wad(surface.rho),
        residualWad: 0n,
        settled: false,
      };
    });
  const spotWad = wad(surface.spot);
  const state = { surfaceTime, spotTime: timestamp, spotWad, surfaceSpotWad: spotWad, disagreementWad: 0n };
  return { round, state, atReport: boardsAt(surfaceTime), current: boardsAt(timestamp), previous: [], timestamp };
}

/** A strike near the money, as far out as two and a half deviations. */
function drawStrike(random: Random, surface: GameSurface, board: number, now: number): number {
  const deviation = surface.volatilities[board]! * Math.sqrt((surface.expiries[board]! - now) / YEAR);
  const strike = surface.spot * Math.exp(deviation * between(random, -2.5, 2.5));
  return Math.max(STRIKE_STEP, Math.round(strike / STRIKE_STEP) * STRIKE_STEP);
}

function drawLegs(random: Random, surface: GameSurface, now: number, most: number, notional: number): QuoteOption[] {
  const legs = new Map<string, QuoteOption>();
  for (let i = 1 + below(random, most); i > 0; i--) {
    const board = below(random, surface.expiries.length);
    const strike = drawStrike(random, surface, board, now);
    const contracts = (notional / surface.spot) * 10 ** between(random, -3, 0);
    const size = BigInt(Math.max(1, Math.round(contracts * 1e6))) * (random.uniform() < 0.5 ? 1n : -1n);
    const isPut = random.uniform() < 0.5;
    legs.set(`${board} ${strike} ${isPut}`, { board, strikeWad: wad(strike), isPut, size });
  }
  return [...legs.values()];
}

/** A pool that others have traded with, marked, with an inventory of either sign and a reserve. */
export interface Book {
  readonly surface: GameSurface;
  readonly pool: PoolTwin;
  readonly market: TwinMarket;
  readonly nav: number;
}

export function drawBook(random: Random, now = 1_800_000_000): Book {
  const surface = drawSurface(random, now);
  const nav = 10 ** between(random, 4.5, 7);
  const parameters = { ...defaultPoolParameters(DECIMALS), navFloor: UNIT };
  const pool = new PoolTwin({ parameters, quoteDecimals: DECIMALS, ...FEE_SHARES }, BigInt(Math.round(nav * 1e6)));
  const opening = marketAt(surface, 1, now - 120, now - 120);
  pool.mark(opening);
  for (let i = below(random, 12); i > 0; i--) pool.swap(opening, drawLegs(random, surface, now, 3, nav / 4));
  const market = marketAt(surface, 2, now - 30, now);
  pool.mark(market);
  return { surface, pool, market, nav };
}

/**
 * The largest sure gain, quote units, from boxes, verticals, butterflies and calendars whose legs are all quoted at the same instant,
 * each alone; not above 0 where no quotes cross.
 */
export function crossingGain(random: Random, { surface, pool, market, nav }: Book): bigint {
  const now = market.timestamp;
  const size = BigInt(Math.max(1, Math.round((nav / surface.spot) * 10 ** between(random, -3, 0) * 1e6)));
  const cost = (board: number, strike: number, isPut: boolean, signed: bigint): bigint =>
    pool.quote(market, [{ board, strikeWad: wad(strike), isPut, size: signed }]).cash;
  const gains: bigint[] = [];
  surface.expiries.forEach((_, board) => {
    const drawn = Array.from({ length: 5 }, () => drawStrike(random, surface, board, now));
    const strikes = [...new Set(drawn)].toSorted((a, b) => a - b);
    for (const isPut of [false, true]) {
      const asks = strikes.map((strike) => cost(board, strike, isPut, size));
      const bids = strikes.map((strike) => -cost(board, strike, isPut, -size));
      strikes.forEach((strike, i) => {
        gains.push(bids[i]! - asks[i]!);
        for (let j = i + 1; j < strikes.length; j++) {
          const width = BigInt(strikes[j]! - strike) * size;
          // The dearer pays at least what the cheaper does, and at most the width more.
          const [dear, cheap] = isPut ? [j, i] : [i, j];
          gains.push(bids[cheap]! - asks[dear]!, bids[dear]! - asks[cheap]! - width);
          if (j + 1 >= strikes.length) continue;
          // Convex: the middle pays no more than the weighed wings.
          const [whole, right] = [strikes[j + 1]! - strike, strikes[j + 1]! - strikes[j]!];
          const wings = asks[i]! * BigInt(right) + asks[j + 1]! * BigInt(whole - right);
          gains.push((bids[j]! * BigInt(whole) - wings) / BigInt(whole));
        }
        const later = board + 1;
        if (later < surface.expiries.length) gains.push(bids[i]! - cost(later, strike, isPut, size));
      });
    }
  });
  return gains.reduce((most, gain) => (gain > most ? gain : most));
}

/** What an order is cheaper by in parts than whole, quote units, in one block; all parts alike or cut anywhere. */
export function splitAdvantage(random: Random, { surface, pool, market, nav }: Book): bigint {
  const legs = drawLegs(random, surface, market.timestamp, 4, nav);
  const whole = pool.quote(market, legs).cash;
  const parts = 2 + below(random, 12);
  const cuts = Array.from({ length: parts }, () => random.uniform());
  const sum = cuts.reduce((total, cut) => total + cut, 0);
  const left = legs.map(({ size }) => size);
  const inParts = pool.copy();
  let paid = 0n;
  cuts.forEach((cut, i) => {
    const share = BigInt(Math.floor((cut / sum) * 2 ** 30));
    const portion = legs
      .map((leg, at) => {
        const size = i === parts - 1 ? left[at]! : (leg.size * share) >> 30n;
        left[at]! -= size;
        return { ...leg, size };
      })
      .filter(({ size }) => size !== 0n);
    if (portion.length > 0) paid += inParts.swap(market, portion).cash;
  });
  return whole - paid;
}

/** One step of a player, of somebody else, or of time; numbers between 0 and 1 that a search may change. */
type Step = readonly number[];
const STEP_NUMBERS = 6;

const drawStep = (random: Random): Step => Array.from({ length: STEP_NUMBERS }, () => random.uniform());

/**
 * Plays steps and then returns all positions of the player. Swaps of any one or two legs, marks, reports of an unchanged market, LPs who
 * come and go at marks, and traders whom the player cannot steer lie between.
 *
 * @returns What the player gained against mid, quote units: mid itself is what the market makes of his positions, not the pool.
 */
export function play(book: Book, steps: readonly Step[]): bigint {
  const { surface, nav } = book;
  const pool = book.pool.copy();
  const held = new Map<string, QuoteOption>();
  let { market } = book;
  let gained = 0n;
  const trade = (legs: readonly QuoteOption[], isPlayer: boolean): void => {
    const quote = pool.swap(market, legs);
    if (!isPlayer) return;
    gained -= quote.cash - quote.midWad / 10n ** 12n;
    for (const leg of legs) {
      const key = `${leg.board} ${leg.strikeWad} ${leg.isPut}`;
      const size = (held.get(key)?.size ?? 0n) + leg.size;
      if (size === 0n) held.delete(key);
      else held.set(key, { ...leg, size });
    }
  };
  const report = (seconds: number, flow: number): void => {
    const time = market.timestamp + Math.round(seconds);
    if (surface.expiries.some((expiry) => expiry < time + DAY)) return;
    market = marketAt(surface, market.round + 1, time, time);
    const most = Number(pool.nav > 0n ? pool.nav : 0n);
    pool.mark(market, BigInt(Math.round(flow < 0 ? (flow * most) / 2 : flow * most * 3)));
  };
  const legOf = ([, board, strike, size, kind]: Step): QuoteOption => {
    const at = Math.min(surface.expiries.length - 1, Math.floor(board! * surface.expiries.length));
    const deviation = surface.volatilities[at]! * Math.sqrt((surface.expiries[at]! - market.timestamp) / YEAR);
    const wanted = surface.spot * Math.exp(deviation * 5 * (strike! - 0.5));
    const contracts = ((nav / surface.spot) * 10 ** (4 * Math.abs(size! - 0.5) - 2)) / 2;
    return {
      board: at,
      strikeWad: wad(Math.max(STRIKE_STEP, Math.round(wanted / STRIKE_STEP) * STRIKE_STEP)),
      isPut: kind! < 0.5,
      size: BigInt(Math.max(1, Math.round(contracts * 1e6))) * (size! < 0.5 ? -1n : 1n),
    };
  };
  for (const step of steps) {
    const [what, , amount, , , other] = step as [number, number, number, number, number, number];
    if (what < 0.5) trade([legOf(step)], true);
    else if (what < 0.65) trade([legOf(step)], false);
    else if (what < 0.75 && held.size > 0) {
      const leg = [...held.values()][Math.floor(amount * held.size)]!;
      const size = (leg.size * BigInt(Math.round(other * 100))) / 100n;
      if (size !== 0n) trade([{ ...leg, size: -size }], true);
    } else report(amount ** 4 * 5 * DAY, other < 0.5 ? 0 : 4 * (other - 0.75));
  }
  // Back, one option at a time.
  for (const leg of held.values()) trade([{ ...leg, size: -leg.size }], true);
  return gained;
}

/** The best sequence that random starts and then small changes, of which the better are kept, find for a player; quote units. */
export function searchRoundTrip(random: Random, book: Book, tries: number): bigint {
  let steps = Array.from({ length: 2 + below(random, 10) }, () => drawStep(random));
  let best = play(book, steps);
  for (let i = 0; i < tries; i++) {
    const next = steps.map((step) => (random.uniform() < 0.4 ? mutate(random, step) : step));
    if (random.uniform() < 0.15) next.splice(below(random, next.length + 1), 0, drawStep(random));
    if (next.length > 2 && random.uniform() < 0.15) next.splice(below(random, next.length), 1);
    const gain = play(book, next);
    if (gain >= best) [best, steps] = [gain, next];
  }
  return best;
}

function mutate(random: Random, step: Step): Step {
  const clamp = (x: number) => Math.min(0.999_999, Math.max(0, x));
  return step.map((x) => (random.uniform() < 0.3 ? random.uniform() : clamp(x + 0.08 * random.normal())));
}
