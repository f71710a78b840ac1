/** One option's two-sided quote, in quote tokens per contract of one unit of the underlying. */
export interface OptionQuote {
  readonly expiry: number;
  readonly strike: number;
  readonly kind: "call" | "put";
  readonly bid: number;
  readonly ask: number;
  /** When the venue made it, Unix seconds; that of the snapshot where it does not say. */
  readonly time?: number;
}

/** The options of one expiry and the venue's forward for it. */
export interface ExpiryChain {
  readonly expiry: number;
  readonly forward: number;
  readonly quotes: readonly OptionQuote[];
}

/** Everything a node needs to know of one venue at one moment. Times are Unix seconds. */
export interface MarketSnapshot {
  readonly time: number;
  readonly spot: number;
  readonly chains: readonly ExpiryChain[];
}

/** Spot, and when it was that. */
export interface SpotPrice {
  readonly time: number;
  readonly price: number;
}

/** A minute's mean spot; `time` is when the minute began. */
export interface MinutePrice {
  readonly time: number;
  readonly price: number;
}

/** How long a candle lasts: a minute or an hour. */
export type CandleSeconds = 60 | 3_600;

/** Spot over a minute or an hour; `time` is when it began. */
export interface SpotCandle {
  readonly time: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
}

/** Where options are quoted. */
export interface OptionVenue {
  readonly name: string;
  /**
   * Calls back at every change of the venue's index; times only increase, whatever the venue repeats or sends late.
   * Reconnects by itself; returns what ends it.
   */
  subscribe(onIndex: (index: SpotPrice) => void): () => void;
  snapshot(): Promise<MarketSnapshot>;
}

/** Where the underlying is traded. */
export interface SpotVenue {
  readonly name: string;
  spot(): Promise<SpotPrice>;
}

/** Where spot's past is kept. */
export interface SpotHistory {
  readonly name: string;
  /** Candles that began at `from` or later and had closed by `to`, increasing, each once; some may be missing. */
  candles(from: number, to: number, seconds: CandleSeconds): Promise<readonly SpotCandle[]>;
}

/** What a minute is worth in an average of spot: the middle of its ends. */
export function minutePrices(candles: readonly SpotCandle[]): readonly MinutePrice[] {
  return candles.map(({ time, open, close }) => ({ time, price: (open + close) / 2 }));
}

/**
 * Candles as a history has them: inside [from, to], at whole multiples of their length, increasing, each once (the first word
 * counts), with a low and a high that hold open and close.
 */
export function closedCandles(
  candles: readonly SpotCandle[],
  from: number,
  to: number,
  seconds: CandleSeconds,
): readonly SpotCandle[] {
  const byTime = new Map<number, SpotCandle>();
  for (const candle of candles) {
    const { time, open, high, low, close } = candle;
    if (!(time >= from && time + seconds <= to) || time % seconds !== 0 || byTime.has(time)) continue;
    if (!(low > 0 && low <= Math.min(open, close) && high >= Math.max(open, close))) continue;
    byTime.set(time, candle);
  }
  return [...byTime.values()].toSorted((a, b) => a.time - b.time);
}
