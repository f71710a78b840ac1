/** Where a service takes the time from; passed in, so that a test or a faster market can turn it. */
export interface Clock {
  /** Unix seconds, with a fraction. */
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() / 1000 };
