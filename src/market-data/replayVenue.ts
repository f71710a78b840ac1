import { longerCandles, type World } from "../market/world.ts";
import { coinChains } from "./coinQuotes.ts";
import type {
  CandleSeconds,
  MarketSnapshot,
  OptionVenue,
  SpotCandle,
  SpotHistory,
  SpotPrice,
  SpotVenue,
} from "./marketData.ts";

/** Recorded or generated data as a venue, without a network: its clock stands where it is put. */
export class ReplayVenue implements OptionVenue, SpotVenue, SpotHistory {
  readonly name = "replay";
  private readonly world: World;
  private readonly listeners = new Set<(index: SpotPrice) => void>();
  private time: number;

  constructor(world: World, time = world.firstTime) {
    this.world = world;
    this.time = time;
  }

  /** Moves on; going back is ignored, as subscribers are told of later times only. */
  moveTo(time: number): void {
    if (time <= this.time) return;
    this.time = time;
    for (const listener of this.listeners) listener({ time, price: this.world.spot(time) });
  }

  subscribe(onIndex: (index: SpotPrice) => void): () => void {
    this.listeners.add(onIndex);
    return () => this.listeners.delete(onIndex);
  }

  async spot(): Promise<SpotPrice> {
    return { time: this.time, price: this.world.spot(this.time) };
  }

  async snapshot(): Promise<MarketSnapshot> {
    const { time, spot, forwardByExpiry, quotes } = this.world.chain(this.time);
    const chains = coinChains(
      quotes.map(({ expiry, strike, kind, bid, ask }) => ({
        expiry,
        strike,
        kind,
        bid: bid ?? null,
        ask: ask ?? null,
        forward: forwardByExpiry.get(expiry) ?? spot,
      })),
    );
    return { time, spot, chains };
  }

  async candles(from: number, to: number, seconds: CandleSeconds): Promise<readonly SpotCandle[]> {
    return longerCandles(this.world.minuteCandles(from, Math.min(to, this.time)), seconds);
  }
}
