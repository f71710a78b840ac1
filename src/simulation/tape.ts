/** A market's past as a run needs it: spot by the minute, surfaces fitted to option chains, and what customers look at. */
import { essviTotalVariance } from "../../pricing/essvi.ts";
import { quantiseSurface, type SliceWord } from "../../pricing/sliceWord.ts";
import { AVERAGING_SECONDS, effectiveSeconds } from "../../pricing/surface.ts";
import type { LogMoneyness } from "../../pricing/units.ts";
import { type ReportSlice, toReportSlice } from "../chain/report.ts";
import { listedExpiries } from "../market/listing.ts";
import { createRandom, mixSeed } from "../market/random.ts";
import { blackPrice } from "../market/venuePricing.ts";
import {
  type OptionKind,
  SECONDS_PER_DAY,
  SECONDS_PER_HOUR,
  SECONDS_PER_MINUTE,
  SECONDS_PER_YEAR,
  type World,
} from "../market/world.ts";
import { ReplayVenue } from "../market-data/replayVenue.ts";
import { composeReport } from "../volatility-oracle/consensus.ts";
import { observeSurface } from "../volatility-oracle/lattice.ts";

const STRIKE_STEP = 25;
/** What pools sell, a little inside of what they refuse: tenors in seconds. */
const [MIN_TENOR, MAX_TENOR] = [2.1 * SECONDS_PER_DAY, 65 * SECONDS_PER_DAY];
const MAX_SLICES = 16;

/** One option as customers see it on the venue. Gaps are in coin, from the mark to the side; undefined where nobody quotes it. */
export interface ListedOption {
  readonly expiry: number;
  readonly strike: number;
  readonly kind: OptionKind;
  readonly weight: number;
  readonly bidGap: number | undefined;
  readonly askGap: number | undefined;
}

/** A surface at a time, in the units in which it is signed, and what was listed then. */
export interface Fit {
  readonly time: number;
  readonly disagreement: number;
  readonly slices: readonly ReportSlice[];
  readonly listed: readonly ListedOption[];
}

export interface TapeData {
  readonly description: string;
  readonly from: number;
  readonly to: number;
  /** Spot at whole minutes from `spotFrom` on. */
  readonly spotFrom: number;
  readonly spots: Float64Array;
  readonly fits: readonly Fit[];
}

/** One expiry of a fit as numbers: variance and slope by effective second, so that what lies between two fits is their mean. */
interface Smile {
  readonly expiry: number;
  /** θ and ψ per second of effective time. */
  readonly thetaRate: number;
  readonly psiRate: number;
  readonly rho: number;
  readonly basis: number;
}

/** An expiry at a moment. */
interface Moment {
  readonly theta: number;
  readonly psi: number;
  readonly rho: number;
  readonly basis: number;
}

/** How far ln σ of thirty days strays in √year, and how that grows towards the front: design §11. */
const VOLATILITY_OF_VOLATILITY = 0.5;
const REFERENCE_TENOR = 30 * SECONDS_PER_DAY;
const FRONT_POWER = 0.57;
const MAX_FRONT = 3;
/** Seconds between two points of the bridge. */
const BRIDGE_STEP = 300;

/**
 * The true market of a run: every answer depends on the time alone. Chains are hours apart while volatility moves all the time, so
 * between two fits it is their mean plus a Brownian bridge as rough as volatility is: zero at both fits. Held until the next fit instead,
 * hours of its movement would come at one moment, and who knew a report ahead would know hours ahead.
 */
export class Tape {
  readonly data: TapeData;
  private readonly sums: Float64Array;
  private readonly smiles: readonly ReadonlyMap<number, Smile>[];
  private readonly levels: number[] = [];
  private readonly bridges = new Map<number, Float64Array>();
  private at = 0;

  constructor(data: TapeData) {
    this.data = data;
    const { spots, fits } = data;
    // Spot is linear inside each minute: its integral until each of them.
    this.sums = new Float64Array(spots.length);
    for (let i = 1; i < spots.length; i++) this.sums[i] = this.sums[i - 1]! + (spots[i - 1]! + spots[i]!) / 2;
    this.smiles = fits.map(({ slices, time }) => new Map(slices.map((slice) => [slice.expiry, smileOf(slice, time)])));
  }

  /** Quote tokens per unit of the underlying. */
  spot(time: number): number {
    const { spotFrom, spots } = this.data;
    const position = (time - spotFrom) / SECONDS_PER_MINUTE;
    const i = Math.min(spots.length - 2, Math.max(0, Math.floor(position)));
    return spots[i]! + (spots[i + 1]! - spots[i]!) * Math.min(1, position - i);
  }

  /** Mean spot of an expiry's window until `until`, and how much of it has passed; undefined before it begins. */
  average(expiry: number, until: number): { readonly average: number; readonly elapsed: number } | undefined {
    const from = expiry - AVERAGING_SECONDS;
    const end = Math.min(until, expiry);
    if (end <= from) return undefined;
    return { average: (this.integral(end) - this.integral(from)) / (end - from), elapsed: end - from };
  }

  private integral(time: number): number {
    const { spotFrom, spots } = this.data;
    const position = (time - spotFrom) / SECONDS_PER_MINUTE;
    const i = Math.min(spots.length - 2, Math.max(0, Math.floor(position)));
    const part = position - i;
    return (this.sums[i]! + part * (spots[i]! + (part * (spots[i + 1]! - spots[i]!)) / 2)) * SECONDS_PER_MINUTE;
  }

  /** The surface in force: the last one fitted. */
  fit(time: number): Fit {
    return this.data.fits[this.indexAt(time)]!;
  }

  private indexAt(time: number): number {
    const { fits } = this.data;
    if (this.at >= fits.length || fits[this.at]!.time > time) this.at = 0;
    while (this.at + 1 < fits.length && fits[this.at + 1]!.time <= time) this.at += 1;
    return this.at;
  }

  /** By how much ln σ of thirty days lies off the mean of the fits around. */
  private bridge(time: number): number {
    const index = this.indexAt(time);
    const [fit, next] = [this.data.fits[index]!, this.data.fits[index + 1]];
    if (!next) return 0;
    let path = this.bridges.get(index);
    if (!path) {
      const steps = Math.max(1, Math.round((next.time - fit.time) / BRIDGE_STEP));
      path = bridgeOf(steps, mixSeed(fit.time, "volatility"));
      this.bridges.set(index, path);
    }
    const position = ((time - fit.time) / (next.time - fit.time)) * (path.length - 1);
    const i = Math.min(path.length - 2, Math.floor(position));
    const stray = path[i]! + (path[i + 1]! - path[i]!) * (position - i);
    return stray * VOLATILITY_OF_VOLATILITY * Math.sqrt(BRIDGE_STEP / SECONDS_PER_YEAR);
  }

  /** An expiry between the fits around `time`; undefined where it is over or nobody quoted it. */
  private moment(expiry: number, time: number): Moment | undefined {
    const index = this.indexAt(time);
    const before = this.smiles[index]!.get(expiry);
    if (expiry <= time) return undefined;
    const after = this.smiles[index + 1]?.get(expiry);
    const one = before ?? after;
    if (!one) return undefined;
    const other = after ?? one;
    const [from, to] = [this.data.fits[index]!.time, this.data.fits[index + 1]?.time ?? Number.POSITIVE_INFINITY];
    const share = before && after ? (time - from) / (to - from) : 0;
    const seconds = effectiveSeconds(expiry - time);
    const tenor = expiry - time;
    const front = Math.min(MAX_FRONT, (REFERENCE_TENOR / tenor) ** FRONT_POWER);
    const factor = Math.exp(this.bridge(time) * front);
    const psiRate = mix(one.psiRate, other.psiRate, share);
    return {
      theta: mix(one.thetaRate, other.thetaRate, share) * seconds * factor * factor,
      psi: psiRate * seconds * factor,
      rho: psiRate === 0 ? 0 : mix(one.rho * one.psiRate, other.rho * other.psiRate, share) / psiRate,
      basis: mix(one.basis, other.basis, share),
    };
  }

  /** The surface as it is signed at `time`, its words free of arbitrage, with every volatility off by `shift` (a share). */
  slices(time: number, shift = 0): readonly ReportSlice[] {
    const { slices: listed } = this.fit(time);
    const live = listed.filter(({ expiry }) => expiry > time);
    const words = quantiseSurface(
      live.map(({ expiry, residual }) => {
        const { theta, psi, rho, basis } = this.moment(expiry, time)!;
        const factor = 1 + shift;
        return { theta: theta * factor * factor, psi: psi * factor, rho, basis, residual: residual / 1e4 };
      }),
    );
    return words.map((word, i) => toReportSlice(word, live[i]!.expiry));
  }

  /** Volatility at the money of the expiry that is nearest to a tenor, per √year. */
  volatility(time: number, tenor: number): number {
    const expiries = this.fit(time).slices.flatMap(({ expiry }) => (expiry > time + SECONDS_PER_DAY ? [expiry] : []));
    const near = expiries.reduce((best, next) =>
      Math.abs(next - time - tenor) < Math.abs(best - time - tenor) ? next : best,
    );
    return Math.sqrt((this.moment(near, time)!.theta * SECONDS_PER_YEAR) / effectiveSeconds(near - time));
  }

  /** Volatility at the money of the expiry that was nearest to thirty days at the last fit. */
  level(time: number): number {
    const index = this.indexAt(time);
    let expiry = this.levels[index];
    if (expiry === undefined) {
      const { slices, time: fitted } = this.data.fits[index]!;
      const aim = fitted + REFERENCE_TENOR;
      const all = slices.map((slice) => slice.expiry);
      expiry = all.reduce((best, next) => (Math.abs(next - aim) < Math.abs(best - aim) ? next : best));
      this.levels[index] = expiry;
    }
    return Math.sqrt((this.moment(expiry, time)!.theta * SECONDS_PER_YEAR) / effectiveSeconds(expiry - time));
  }

  /** Forward and standard deviation of a strike, at a spot; undefined for an expiry that nobody quotes. */
  private shape(expiry: number, strike: number, time: number, spot: number) {
    const moment = this.moment(expiry, time);
    if (!moment) return undefined;
    const forward = spot * (1 + moment.basis);
    return { forward, stdDev: Math.sqrt(essviTotalVariance(moment, Math.log(strike / forward) as LogMoneyness)) };
  }

  /** What an option is worth, by the surface in force at `surfaceTime` and spot at `spotTime`; its payoff once it has expired. */
  value(option: Pick<ListedOption, "expiry" | "strike" | "kind">, surfaceTime: number, spotTime = surfaceTime): number {
    const { expiry, strike, kind } = option;
    const side = kind === "call" ? 1 : -1;
    if (surfaceTime >= expiry) {
      const { average } = this.average(expiry, expiry)!;
      return Math.max(0, side * (average - strike));
    }
    const spot = this.spot(spotTime);
    const shape = this.shape(expiry, strike, surfaceTime, spot);
    if (!shape) return Math.max(0, side * (spot - strike));
    return blackPrice(shape.forward, strike, shape.stdDev, kind);
  }

  /** ∂value/∂σ of an option, quote tokens for 1.00 of volatility; 0 where nobody quotes it. */
  vega({ expiry, strike, kind }: Pick<ListedOption, "expiry" | "strike" | "kind">, time: number): number {
    const shape = this.shape(expiry, strike, time, this.spot(time));
    if (!shape) return 0;
    const bump = 1e-4;
    const up = blackPrice(shape.forward, strike, shape.stdDev + bump, kind);
    const slope = (up - blackPrice(shape.forward, strike, shape.stdDev, kind)) / bump;
    return slope * Math.sqrt(effectiveSeconds(expiry - time) / SECONDS_PER_YEAR);
  }
}

function mix(a: number, b: number, share: number): number {
  return a + (b - a) * share;
}

function smileOf({ expiry, theta, psi, rho, basis }: ReportSlice, time: number): Smile {
  const seconds = effectiveSeconds(expiry - time);
  return {
    expiry,
    thetaRate: Number(theta) / 1e11 / seconds,
    psiRate: Number(psi) / 1e10 / seconds,
    rho: rho / 32_768,
    basis: basis / 1e7,
  };
}

/** A standard Brownian bridge over `steps` steps of length one: zero at both ends. */
function bridgeOf(steps: number, seed: number): Float64Array {
  const random = createRandom(seed);
  const walk = new Float64Array(steps + 1);
  for (let i = 1; i <= steps; i++) walk[i] = walk[i - 1]! + random.normal();
  const last = walk[steps]!;
  return walk.map((value, i) => value - (last * i) / steps);
}

/** Spot at whole minutes from a day before `from` to a day after `to`, as far as the path reaches. */
export function minuteSpots(
  spot: (time: number) => number,
  from: number,
  to: number,
): Pick<TapeData, "spotFrom" | "spots"> {
  const first = Math.floor(from / SECONDS_PER_MINUTE) * SECONDS_PER_MINUTE;
  const count = Math.floor((to - first) / SECONDS_PER_MINUTE) + 1;
  const spots = new Float64Array(new SharedArrayBuffer(8 * count));
  for (let i = 0; i < count; i++) spots[i] = spot(first + i * SECONDS_PER_MINUTE);
  return { spotFrom: first, spots };
}

/**
 * The tape of a world with option chains, fitted every `fitSeconds` as the oracle's nodes fit, without their forecast. An expiry that
 * a chain no longer shows keeps its last slice until it is over.
 */
export async function tapeOfWorld(
  world: World,
  span: { readonly from: number; readonly to: number; readonly fitSeconds: number },
  onFit: (done: number, all: number) => void = () => {},
): Promise<TapeData> {
  const { from, to, fitSeconds } = span;
  const venue = new ReplayVenue(world, from);
  const fits: Fit[] = [];
  for (let time = from; time < to; time += fitSeconds) {
    venue.moveTo(time);
    const snapshot = await venue.snapshot();
    const surface = observeSurface([snapshot], { time });
    const observation = {
      kind: "surface",
      marketId: 1,
      modelTime: time,
      spot: snapshot.spot,
      averages: [],
      surface,
    } as const;
    const { slices, disagreement } = composeReport([observation], { round: 1, signerSet: 1, quorum: 1 });
    fits.push({ time, disagreement, slices: withCarried(slices, fits.at(-1), time), listed: listedOn(world, time) });
    onFit(time - from, to - from);
  }
  return {
    description: world.description,
    from,
    to,
    ...minuteSpots((time) => world.spot(time), from, to + SECONDS_PER_HOUR),
    fits,
  };
}

function withCarried(slices: readonly ReportSlice[], before: Fit | undefined, time: number): readonly ReportSlice[] {
  const known = new Set(slices.map(({ expiry }) => expiry));
  const carried = (before?.slices ?? [])
    .filter(({ expiry }) => expiry > time && !known.has(expiry))
    .map((slice) => {
      const share = effectiveSeconds(slice.expiry - time) / effectiveSeconds(slice.expiry - (before?.time ?? time));
      const scaled = (value: bigint) => BigInt(Math.max(1, Math.round(Number(value) * share)));
      return { ...slice, theta: scaled(slice.theta), psi: scaled(slice.psi) };
    });
  return [...carried, ...slices].toSorted((a, b) => a.expiry - b.expiry).slice(0, MAX_SLICES);
}

/** What pools trade of the venue's options, by their open interest. */
function listedOn(world: World, time: number): readonly ListedOption[] {
  const { quotes, spot, forwardByExpiry } = world.chain(time);
  return quotes.flatMap(({ expiry, strike, kind, bid, ask, mark, markIv, openInterest }): ListedOption[] => {
    const forward = forwardByExpiry.get(expiry) ?? spot;
    if (strike % STRIKE_STEP !== 0 || !(openInterest > 0) || !(markIv > 0)) return [];
    if (!isListed(forward, strike, kind, markIv, expiry - time)) return [];
    const bidGap = bid === undefined ? undefined : Math.max(0, mark - bid);
    const askGap = ask === undefined ? undefined : Math.max(0, ask - mark);
    return [{ expiry, strike, kind, weight: openInterest, bidGap, askGap }];
  });
}

function isListed(forward: number, strike: number, kind: OptionKind, volatility: number, tenor: number): boolean {
  if (tenor < MIN_TENOR || tenor > MAX_TENOR) return false;
  const stdDev = volatility * Math.sqrt(tenor / SECONDS_PER_YEAR);
  const k = Math.log(strike / forward);
  // |Δ| between the bounds, by the distance in deviations.
  const d1 = (kind === "call" ? -1 : 1) * (k / stdDev - stdDev / 2);
  return d1 >= DEVIATION_OF_DELTA.low && d1 <= DEVIATION_OF_DELTA.high;
}

/** Φ⁻¹ of the least and the largest delta that is listed: 0.05 and 0.7. */
const DEVIATION_OF_DELTA = { low: -1.6449, high: 0.5244 };

/** How a smile looks where no chain says it: ρ, and ψ as a multiple of √θ. */
const USUAL_SMILE = { rho: -0.15, curvature: 0.8 };
/** Implied lies above what was realised lately, and tends to a long-run level within a month. */
const PREMIUM = 1.08;
const REVERSION_DAYS = 30;
const DECAY_PER_HOUR = 0.94 ** (1 / 24);

/**
 * A tape where only spot is known: the surface is made from the volatility realised so far (exponentially weighted, as RiskMetrics has it),
 * drawn to its long mean by tenor. What implied volatility was is invented; for regimes that no chain covers.
 *
 * @param span `historyFrom` is the first time of which spot is known.
 */
export function tapeOfSpot(
  spot: (time: number) => number,
  span: { readonly from: number; readonly to: number; readonly fitSeconds: number; readonly historyFrom: number },
  description: string,
): TapeData {
  const { from, to, fitSeconds, historyFrom } = span;
  let [fast, slow, seen] = [0, 0, 0];
  let hour = Math.ceil(historyFrom / SECONDS_PER_HOUR) * SECONDS_PER_HOUR;
  const fits: Fit[] = [];
  for (let time = from; time < to; time += fitSeconds) {
    for (; hour + SECONDS_PER_HOUR <= time; hour += SECONDS_PER_HOUR) {
      const squared = Math.log(spot(hour + SECONDS_PER_HOUR) / spot(hour)) ** 2 * 24 * 365;
      seen += 1;
      fast += (squared - fast) * Math.max(1 - DECAY_PER_HOUR, 1 / seen);
      slow += (squared - slow) / Math.min(seen, 24 * 365);
    }
    fits.push(invented(time, spot(time), PREMIUM ** 2 * fast, PREMIUM ** 2 * slow));
  }
  return { description, from, to, ...minuteSpots(spot, from, to + SECONDS_PER_HOUR), fits };
}

function invented(time: number, spot: number, fast: number, slow: number): Fit {
  const expiries = listedExpiries(time)
    .map(({ expiry }) => expiry)
    .filter((expiry) => expiry - time < 100 * SECONDS_PER_DAY)
    .slice(0, MAX_SLICES);
  let least = 0;
  const words: SliceWord[] = quantiseSurface(
    expiries.map((expiry) => {
      const days = effectiveSeconds(expiry - time) / SECONDS_PER_DAY;
      // Mean of a variance that decays to its long level.
      const weight = (REVERSION_DAYS / days) * (1 - Math.exp(-days / REVERSION_DAYS));
      const theta = Math.max(least * 1.0001, ((slow + (fast - slow) * weight) * days) / 365);
      least = theta;
      return { theta, psi: USUAL_SMILE.curvature * Math.sqrt(theta), rho: USUAL_SMILE.rho, basis: 0, residual: 0.003 };
    }),
  );
  const slices = words.map((word, i) => toReportSlice(word, expiries[i]!));
  return { time, disagreement: 20, slices, listed: slices.flatMap((slice) => inventedListing(slice, spot, time)) };
}

/** Strikes a step apart, out of the money more than in, a tick and a half of the venue wide. */
function inventedListing({ expiry, theta }: ReportSlice, spot: number, time: number): readonly ListedOption[] {
  const stdDev = Math.sqrt(Number(theta) / 1e11);
  const volatility = stdDev / Math.sqrt((expiry - time) / SECONDS_PER_YEAR);
  const step = Math.max(STRIKE_STEP, Math.round((spot * stdDev * 0.4) / STRIKE_STEP) * STRIKE_STEP);
  const options: ListedOption[] = [];
  for (let strike = Math.ceil((spot * 0.4) / step) * step; strike < spot * 2.2; strike += step) {
    for (const kind of ["call", "put"] as const) {
      if (!isListed(spot, strike, kind, volatility, expiry - time)) continue;
      const gap = 0.00075;
      options.push({
        expiry,
        strike,
        kind,
        weight: Math.exp(-0.5 * (Math.log(strike / spot) / stdDev) ** 2),
        bidGap: gap,
        askGap: gap,
      });
    }
  }
  return options;
}
