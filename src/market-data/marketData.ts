/** One option's two-sided quote, in quote tokens per contract of one unit of the underlying. */
export interface OptionQuote {
  readonly expiry: number;
  readonly strike: number;
  readonly kind: "call" | "put";
  readonly bid: number;
  readonly ask: number;
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

/** A minute's mean spot; `time` is when the minute began. */
export interface MinutePrice {
  readonly time: number;
  readonly price: number;
}

/** Where a node's data come from. */
export interface MarketData {
  /** Calls back at every change of the venue's index, with its time. Reconnects by itself; returns what ends it. */
  subscribe(onIndex: (time: number) => void): () => void;
  snapshot(): Promise<MarketSnapshot>;
  /** Mean spot of each minute in [from, to). */
  minutePrices(from: number, to: number): Promise<readonly MinutePrice[]>;
}
