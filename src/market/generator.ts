import { MeniscusError } from "../runtime/errors.ts";
import { type BatesParameters, type BatesState, batesPuts, ethLikeParameters, stepBates } from "./bates.ts";
import { type ListedExpiry, listedExpiries, listedStrikes, nextExpiryTime } from "./listing.ts";
import { createRandom, mixSeed } from "./random.ts";
import { impliedStdDevOutOfTheMoney, normalCdf } from "./venuePricing.ts";
import {
  askOnGrid,
  bidOnGrid,
  type Candle,
  type Chain,
  type ChainQuote,
  candlesOfPath,
  instrumentName,
  SECONDS_PER_DAY,
  SECONDS_PER_MINUTE,
  SECONDS_PER_YEAR,
  type World,
} from "./world.ts";

export interface GeneratorOptions {
  readonly seed: number | string;
  /** The first tick's day, Unix seconds; spot is `initialSpot` there. */
  readonly from?: number;
  /** USD. */
  readonly initialSpot?: number;
  readonly parameters?: BatesParameters;
  /** Forward over spot, per year: F = S·e^{carry·τ}, as dollars lent on a venue. */
  readonly carry?: number;
  /** Spot exists this long before `from`, so that forecasts have a past. */
  readonly historyDays?: number;
}

/** Thursday 1 January 2026. */
export const GENERATED_FROM = Date.UTC(2026, 0, 1) / 1000;

const MINUTES_PER_DAY = 1_440;
const YEARS_PER_MINUTE = SECONDS_PER_MINUTE / SECONDS_PER_YEAR;
/** ETH a minute: a usual day of a large venue. */
const VOLUME_PER_MINUTE = 250;

/**
 * A world that needs no data: spot follows Bates's process at steps of a minute, and option chains are priced from the
 * variance at that time by the same process, listed and rounded as Deribit does. The same seed gives the same world.
 */
export function generateWorld(options: GeneratorOptions): World {
  const parameters = options.parameters ?? ethLikeParameters;
  const carry = options.carry ?? 0.035;
  const referenceSpot = options.initialSpot ?? 3_000;
  const firstTime = options.from ?? GENERATED_FROM;
  const historyDays = options.historyDays ?? 90;
  const historyFrom = Math.floor(firstTime / SECONDS_PER_DAY - historyDays) * SECONDS_PER_DAY;
  const path = simulatePath(parameters, createRandom(mixSeed(options.seed, "path")));
  // Spot is relative until here: the past is scaled so that the market opens at the reference.
  const relativeAt = (atSeconds: number) => {
    if (!(atSeconds >= historyFrom)) throw beforeHistory(atSeconds, historyFrom);
    const minutes = (atSeconds - historyFrom) / SECONDS_PER_MINUTE;
    const whole = Math.floor(minutes);
    const here = path.relativeSpot(whole);
    return here + (path.relativeSpot(whole + 1) - here) * (minutes - whole);
  };
  const scale = referenceSpot / relativeAt(firstTime);
  const spot = (atSeconds: number) => relativeAt(atSeconds) * scale;
  const variance = (atSeconds: number) => path.variance(Math.floor((atSeconds - historyFrom) / SECONDS_PER_MINUTE));

  /** Lowest and highest spot at the listing and at every 08:00 since. */
  const spotRange = ({ listedAt }: ListedExpiry, atSeconds: number) => {
    let lowest = Infinity;
    let highest = 0;
    const lastListing = nextExpiryTime(atSeconds) - SECONDS_PER_DAY;
    const firstListing = nextExpiryTime(Math.max(listedAt, historyFrom) - 1);
    for (let time = Math.min(firstListing, lastListing); time <= lastListing; time += SECONDS_PER_DAY) {
      const value = spot(Math.max(time, historyFrom));
      lowest = Math.min(lowest, value);
      highest = Math.max(highest, value);
    }
    return { lowest, highest };
  };

  const chainAt = (atSeconds: number): Chain => {
    if (!(atSeconds >= firstTime)) throw beforeHistory(atSeconds, firstTime);
    const spotNow = spot(atSeconds);
    const varianceNow = variance(atSeconds);
    const forwardByExpiry = new Map<number, number>();
    const quotes: ChainQuote[] = [];
    for (const listed of listedExpiries(atSeconds)) {
      const years = (listed.expiry - atSeconds) / SECONDS_PER_YEAR;
      const forward = spotNow * Math.exp(carry * years);
      const { lowest, highest } = spotRange(listed, atSeconds);
      const strikes = listedStrikes(listed.class, lowest, highest, referenceSpot);
      const puts = batesPuts(parameters, varianceNow, forward, strikes, years);
      forwardByExpiry.set(listed.expiry, forward);
      for (const { strike, put, call, iv } of smile(forward, strikes, puts, years)) {
        for (const kind of ["call", "put"] as const) {
          const mark = (kind === "call" ? call : put) / forward;
          const series = mixSeed(options.seed, listed.expiry, strike, kind);
          quotes.push({
            ...quoteAround(mark, kind, forward, strike, iv, years, series),
            instrument: instrumentName(listed.expiry, strike, kind),
            kind,
            strike,
            expiry: listed.expiry,
          });
        }
      }
    }
    return { time: atSeconds, spot: spotNow, forwardByExpiry, quotes };
  };

  let latest: Chain | undefined;
  return {
    description: `generated, Heston with jumps, seed ${options.seed}`,
    firstTime,
    lastTime: Infinity,
    historyFrom,
    spot,
    chain: (atSeconds) => {
      if (latest?.time !== atSeconds) latest = chainAt(atSeconds);
      return latest;
    },
    expiries: (atSeconds) => listedExpiries(atSeconds).map(({ expiry }) => expiry),
    minuteCandles: (fromSeconds, toSeconds): readonly Candle[] =>
      candlesOfPath(spot, Math.max(fromSeconds, historyFrom), toSeconds, () => VOLUME_PER_MINUTE),
  };
}

interface Path {
  /** S/S₀ at a minute. */
  relativeSpot(minute: number): number;
  variance(minute: number): number;
}

/** The process at whole minutes, simulated a day at a time when a later minute is asked for. */
function simulatePath(parameters: BatesParameters, random: ReturnType<typeof createRandom>): Path {
  const spots: Float64Array[] = [];
  const variances: Float64Array[] = [];
  let state: BatesState = { logSpot: 0, variance: parameters.longVariance };
  const extendTo = (day: number) => {
    while (spots.length <= day) {
      const spot = new Float64Array(MINUTES_PER_DAY);
      const variance = new Float64Array(MINUTES_PER_DAY);
      for (let minute = 0; minute < MINUTES_PER_DAY; minute++) {
        spot[minute] = Math.exp(state.logSpot);
        variance[minute] = Math.max(0, state.variance);
        state = stepBates(parameters, state, YEARS_PER_MINUTE, random);
      }
      spots.push(spot);
      variances.push(variance);
    }
  };
  const at = (days: Float64Array[], minute: number) => {
    const day = Math.floor(minute / MINUTES_PER_DAY);
    extendTo(day);
    return days[day]?.[minute % MINUTES_PER_DAY] ?? Number.NaN;
  };
  return { relativeSpot: (minute) => at(spots, minute), variance: (minute) => at(variances, minute) };
}

interface SmilePoint {
  readonly strike: number;
  readonly put: number;
  readonly call: number;
  readonly iv: number;
}

/** Puts to calls by parity, and implied volatilities; a wing too cheap to invert keeps its nearest neighbour's. */
function smile(
  forward: number,
  strikes: readonly number[],
  puts: readonly number[],
  years: number,
): readonly SmilePoint[] {
  const ivs = strikes.map((strike, i) => {
    const put = puts[i] ?? 0;
    const otm = strike >= forward ? put + forward - strike : put;
    // Below 1e-8·F the transform's own error would show.
    const v = otm > 1e-8 * forward ? impliedStdDevOutOfTheMoney(forward, strike, otm) : undefined;
    return v === undefined ? undefined : v / Math.sqrt(years);
  });
  const first = ivs.findIndex((iv) => iv !== undefined);
  const last = ivs.findLastIndex((iv) => iv !== undefined);
  return strikes.map((strike, i) => {
    const put = puts[i] ?? 0;
    const iv = ivs[Math.min(Math.max(i, first), last)] ?? ivs[first] ?? 0;
    return { strike, put, call: Math.max(0, put + forward - strike), iv };
  });
}

/**
 * A market maker's quote around the mark. Half a spread is about 5 bp of spot from 15 delta to the money up to 45 days, less
 * for cheaper options, more in the money and for longer terms, and every series has its own habit.
 */
function quoteAround(
  mark: number,
  kind: "call" | "put",
  forward: number,
  strike: number,
  iv: number,
  years: number,
  series: number,
): Pick<ChainQuote, "bid" | "ask" | "mark" | "markIv" | "openInterest"> {
  const random = createRandom(series);
  const habit = 0.7 + 0.9 * random.uniform();
  const stdDev = iv * Math.sqrt(years);
  const d1 = stdDev > 0 ? Math.log(forward / strike) / stdDev + stdDev / 2 : forward > strike ? 40 : -40;
  const delta = kind === "call" ? normalCdf(d1) : normalCdf(-d1);
  const longTerm = Math.max(1, (years * 365) / 45) ** 0.7;
  const deep = 1 + 3 * Math.max(0, delta - 0.5);
  const half = habit * Math.min(0.0005 * longTerm * deep, Math.max(0.0001, 0.2 * mark));
  const interest = 2_000 * Math.exp(random.normal()) * Math.min(1, 4 * Math.min(delta, 1 - delta));
  return {
    bid: bidOnGrid(mark - half),
    ask: askOnGrid(mark + half),
    mark: Math.round(mark * 1e6) / 1e6,
    markIv: Math.round(iv * 1e4) / 1e4,
    openInterest: Math.round(interest),
  };
}

function beforeHistory(atSeconds: number, from: number): MeniscusError {
  const begin = new Date(from * 1000).toISOString();
  const asked = Number.isFinite(atSeconds) ? new Date(atSeconds * 1000).toISOString() : String(atSeconds);
  return new MeniscusError("data", `The generated world begins at ${begin}; ${asked} was asked for.`);
}
