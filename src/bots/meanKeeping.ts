/** Seconds of spot before an expiry whose mean settles it. */
const WINDOW = 1_800;
/** An average that comes at all has come by then: nodes report every few seconds. */
const PATIENCE = 15 * 60;

/** What is known of an expiry that has no settlement price. Unix seconds. */
export interface MeanFacts {
  readonly now: number;
  readonly expiry: number;
  /** Whether the oracle has said its average. */
  readonly hasAverage: boolean;
  /** The oldest moment that the Uniswap pool remembers. */
  readonly remembersSince: number;
}

/**
 * Whether the pool's mean is to be recorded now: the oracle's average is missing, and either it is late or the pool, whose memory
 * is a ring, could forget the window's beginning within the same time.
 *
 * @example isMeanAtRisk({ now: 10_000, expiry: 9_990, hasAverage: false, remembersSince: 8_000 }) // true: it is 190 s short of it
 */
export function isMeanAtRisk({ now, expiry, hasAverage, remembersSince }: MeanFacts): boolean {
  if (hasAverage || now < expiry) return false;
  const spare = expiry - WINDOW - remembersSince;
  return now - expiry >= PATIENCE || spare < PATIENCE;
}
