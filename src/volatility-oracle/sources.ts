import type { Chain, HttpTransport, PublicClient } from "viem";
import { CandleApi } from "../market-data/candleApi.ts";
import { DeribitVenue } from "../market-data/deribit.ts";
import {
  type MarketSnapshot,
  type MinutePrice,
  minutePrices,
  type OptionVenue,
  type SpotCandle,
  type SpotHistory,
  type SpotPrice,
  type SpotVenue,
} from "../market-data/marketData.ts";
import { UniswapTwap } from "../market-data/uniswapTwap.ts";
import { describeError, MeniscusError } from "../runtime/errors.ts";
import type { NodeConfig } from "./config.ts";
import { HISTORY_SECONDS } from "./forecast.ts";
import { median } from "./median.ts";

/** Data of another time than the moment's by more than this say nothing about it, seconds. */
const MAX_AGE_SECONDS = 20;
/** Spots that differ by more are not of one market. */
const MAX_SPOT_DISAGREEMENT = 0.02;
const HOUR_SECONDS = 3_600;
/** Spots of past moments that are remembered of each venue. */
const MOMENTS = 64;

/** The places that a node looks at. */
export interface SourceVenues {
  readonly options: readonly OptionVenue[];
  readonly spots: readonly SpotVenue[];
  readonly histories: readonly SpotHistory[];
}

/** The places that a configuration names. */
export function venuesOf(config: NodeConfig, reader: PublicClient<HttpTransport, Chain>): SourceVenues {
  const deribits = config.optionVenues.map(({ url, currency }) => new DeribitVenue(url, currency));
  const candles: CandleApi[] = [];
  const twaps: UniswapTwap[] = [];
  for (const venue of config.spotVenues) {
    if (venue.kind === "candles") candles.push(new CandleApi(venue.url, venue.symbol));
    else twaps.push(new UniswapTwap(reader, { ...venue, address: venue.pool }, venue.seconds));
  }
  return { options: deribits, spots: [...candles, ...twaps], histories: [...candles, ...deribits] };
}

/** How a venue is doing. */
export interface VenueHealth {
  readonly name: string;
  /** Unix seconds of the latest data it gave; 0 before the first. */
  readonly time: number;
  /** Why the last attempt failed; null where it did not. */
  readonly error: string | null;
}

/** What the venues together say of one moment. */
export interface SeenMarket {
  readonly spot: number;
  readonly snapshots: readonly MarketSnapshot[];
}

/** A node's data: every venue asked at once, none of them indispensable, what is stale or far off left out. */
export class Sources {
  private readonly venues: SourceVenues;
  private readonly health = new Map<string, { time: number; error: string | null }>();
  /** Index by moment, of each option venue. */
  private readonly indices = new Map<string, Map<number, number>>();
  private hours: readonly SpotCandle[] = [];
  private hoursWanted = 0;

  constructor(venues: SourceVenues) {
    this.venues = venues;
    for (const { name } of [...venues.options, ...venues.spots, ...venues.histories]) {
      this.health.set(name, { time: 0, error: null });
    }
  }

  /**
   * Calls back at every word about the index, of any venue.
   *
   * @param momentOf The moment that a time belongs to, under which the price is remembered.
   */
  subscribe(momentOf: (time: number) => number, onIndex: (index: SpotPrice, venue: string) => void): () => void {
    const ends = this.venues.options.map((venue) => {
      const moments = new Map<number, number>();
      this.indices.set(venue.name, moments);
      return venue.subscribe((index) => {
        this.note(venue.name, index.time, null);
        const moment = momentOf(index.time);
        if (!moments.has(moment)) moments.set(moment, index.price);
        const [oldest] = moments.keys();
        if (moments.size > MOMENTS && oldest !== undefined) moments.delete(oldest);
        onIndex(index, venue.name);
      });
    });
    return () => {
      for (const end of ends) end();
    };
  }

  get report(): readonly VenueHealth[] {
    return [...this.health].map(([name, { time, error }]) => ({ name, time, error }));
  }

  /** The indices' spot at a moment; undefined where no venue had a word about it. */
  indexAt(moment: number): number | undefined {
    const prices = [...this.indices.values()].flatMap((moments) => moments.get(moment) ?? []);
    return prices.length === 0 ? undefined : agreedSpot(prices);
  }

  /**
   * Chains and spot of every venue that answers and whose data are of `time`.
   *
   * @throws MeniscusError `data` where no chain is left, or the venues do not agree on spot.
   */
  async market(time: number): Promise<SeenMarket> {
    const [snapshots, spots] = await Promise.all([
      this.fromEach(this.venues.options, (venue) => venue.snapshot()),
      this.fromEach(this.venues.spots, (venue) => venue.spot()),
    ]);
    const fresh = snapshots.filter((snapshot) => Math.abs(snapshot.time - time) <= MAX_AGE_SECONDS);
    if (fresh.length === 0)
      throw new MeniscusError("data", "No venue has an option chain of now.", { retryable: true });
    const freshSpots = spots.filter((spot) => Math.abs(spot.time - time) <= MAX_AGE_SECONDS);
    const spot = agreedSpot([...fresh.map((snapshot) => snapshot.spot), ...freshSpots.map(({ price }) => price)]);
    return { spot, snapshots: fresh.filter((snapshot) => agrees(snapshot.spot, spot)) };
  }

  /** Mean spot of the minutes in [from, until), of each minute the median of those who know it. */
  async minutePrices(from: number, until: number): Promise<readonly MinutePrice[]> {
    const lists = await this.fromEach(this.venues.histories, (venue) => venue.candles(from, until, 60));
    const byTime = new Map<number, number[]>();
    for (const { time, price } of lists.flatMap(minutePrices)) byTime.set(time, [...(byTime.get(time) ?? []), price]);
    return [...byTime].map(([time, prices]) => ({ time, price: median(prices) })).toSorted((a, b) => a.time - b.time);
  }

  /** Hourly candles up to `time`, as far as they are here; asks for what is missing, and does not wait for it. */
  hoursUntil(time: number): readonly SpotCandle[] {
    const last = Math.floor(time / HOUR_SECONDS) * HOUR_SECONDS;
    if (last > this.hoursWanted) {
      this.hoursWanted = last;
      void this.readHours(last);
    }
    return this.hours;
  }

  private async readHours(until: number): Promise<void> {
    const last = this.hours.at(-1);
    const from = Math.max(until - HISTORY_SECONDS, last ? last.time + HOUR_SECONDS : 0);
    // The first history that answers: candles of two exchanges are not mixed, their gaps would look like moves.
    for (const venue of this.venues.histories) {
      const [candles = []] = await this.fromEach([venue], (it) => it.candles(from, until, HOUR_SECONDS));
      if (candles.length === 0) continue;
      const known = this.hours.filter(({ time }) => time >= until - HISTORY_SECONDS && time < from);
      this.hours = [...known, ...candles];
      return;
    }
  }

  /** What each venue answers; failures are noted and left out. */
  private async fromEach<V extends { readonly name: string }, T>(
    venues: readonly V[],
    question: (venue: V) => Promise<T>,
  ): Promise<readonly T[]> {
    const answers = await Promise.all(
      venues.map(async (venue) => {
        try {
          const answer = await question(venue);
          const time = typeof answer === "object" && answer && "time" in answer ? Number(answer.time) : undefined;
          this.note(venue.name, time, null);
          return [answer];
        } catch (error) {
          this.note(venue.name, undefined, describeError(error));
          return [];
        }
      }),
    );
    return answers.flat();
  }

  private note(name: string, time: number | undefined, error: string | null): void {
    const before = this.health.get(name)?.time ?? 0;
    this.health.set(name, { time: Math.max(before, time ?? 0), error });
  }
}

function agrees(price: number, spot: number): boolean {
  return Math.abs(price / spot - 1) <= MAX_SPOT_DISAGREEMENT;
}

/**
 * The median of those prices that are within 2 % of the median of all.
 *
 * @throws MeniscusError `data` where those are not more than half: then nobody knows which of two markets is the right one.
 */
export function agreedSpot(prices: readonly number[]): number {
  const middle = median(prices);
  const near = prices.filter((price) => agrees(price, middle));
  if (near.length * 2 <= prices.length) {
    throw new MeniscusError("data", `The venues do not agree on spot: ${prices.join(", ")}.`, { retryable: true });
  }
  return median(near);
}
