export type OptionKind = "call" | "put";

/** One option of a chain as a venue shows it. Prices are in ETH, the coin that pays the option. */
export interface ChainQuote {
  readonly instrument: string;
  readonly kind: OptionKind;
  /** USD. */
  readonly strike: number;
  /** Unix seconds, 08:00 UTC. */
  readonly expiry: number;
  /** ETH; undefined when nobody quotes that side. */
  readonly bid: number | undefined;
  readonly ask: number | undefined;
  readonly mark: number;
  /** Per √year: 0.6 is 60 %. */
  readonly markIv: number;
  /** Contracts of one ETH. */
  readonly openInterest: number;
}

export interface Chain {
  /** Model time of every quote in it, Unix seconds. */
  readonly time: number;
  /** USD. */
  readonly spot: number;
  readonly forwardByExpiry: ReadonlyMap<number, number>;
  /** Ordered by expiry, strike, call before put. */
  readonly quotes: readonly ChainQuote[];
}

export interface Candle {
  /** Opening time, Unix seconds. */
  readonly time: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  /** ETH. */
  readonly volume: number;
}

/**
 * What the world outside of the protocol looks like at a model time: spot and listed options. Every answer depends on the
 * time alone, never on what was asked before.
 */
export interface World {
  /** One line for the live view: where the numbers come from. */
  readonly description: string;
  /** The first model time with an option chain. */
  readonly firstTime: number;
  /** The last one; Infinity for a generated world. */
  readonly lastTime: number;
  /** The first model time with spot: history for forecasts. */
  readonly historyFrom: number;
  /** USD per ETH, linear inside each minute. */
  spot(atSeconds: number): number;
  chain(atSeconds: number): Chain;
  /** Listed expiries later than the time, ascending. */
  expiries(atSeconds: number): readonly number[];
  /** Candles that opened at a whole minute in [from, to) and have closed at `to`. */
  minuteCandles(fromSeconds: number, toSeconds: number): readonly Candle[];
}

export const SECONDS_PER_MINUTE = 60;
export const SECONDS_PER_HOUR = 3_600;
export const SECONDS_PER_DAY = 86_400;
export const SECONDS_PER_YEAR = 365 * SECONDS_PER_DAY;
/** Options expire at 08:00 UTC. */
export const EXPIRY_SECOND_OF_DAY = 8 * SECONDS_PER_HOUR;

const months = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"] as const;

/** `ETH-27MAR26-3000-C`. */
export function instrumentName(expirySeconds: number, strike: number, kind: OptionKind): string {
  return `ETH-${expiryName(expirySeconds)}-${strike}-${kind === "call" ? "C" : "P"}`;
}

/** `27MAR26`, without a leading zero, as Deribit writes it. */
export function expiryName(expirySeconds: number): string {
  const date = new Date(expirySeconds * 1000);
  return `${date.getUTCDate()}${months[date.getUTCMonth()]}${String(date.getUTCFullYear() % 100).padStart(2, "0")}`;
}

/** Deribit's price step for ETH options: 0.0001 ETH below 0.005 ETH, 0.0005 ETH from there on. */
export function tickOf(priceEth: number): number {
  return priceEth < 0.005 ? 0.0001 : 0.0005;
}

/** The highest price on the venue's grid that is not above; undefined when that is zero. */
export function bidOnGrid(priceEth: number): number | undefined {
  const tick = tickOf(priceEth);
  const steps = Math.floor(priceEth / tick + 1e-9);
  return steps <= 0 ? undefined : onGrid(steps, tick);
}

/** The lowest price on the venue's grid that is not below, at least one step. */
export function askOnGrid(priceEth: number): number {
  const tick = tickOf(priceEth);
  return onGrid(Math.max(1, Math.ceil(priceEth / tick - 1e-9)), tick);
}

/** The price on the venue's grid that is next to it; 0 below half a step. */
export function nearestOnGrid(priceEth: number): number {
  const tick = tickOf(priceEth);
  return onGrid(Math.max(0, Math.round(priceEth / tick)), tick);
}

// Decimal fractions as a person writes them: 7 · 0.0001 is 0.0007000000000000001 in binary.
function onGrid(steps: number, tick: number): number {
  return Math.round(steps * tick * 1e4) / 1e4;
}

/** Minute candles of a path that is linear inside each minute: high and low are at the ends. */
export function candlesOfPath(
  spot: (atSeconds: number) => number,
  fromSeconds: number,
  toSeconds: number,
  volumeAt: (atSeconds: number) => number,
): readonly Candle[] {
  const candles: Candle[] = [];
  const first = Math.ceil(fromSeconds / SECONDS_PER_MINUTE) * SECONDS_PER_MINUTE;
  let open = spot(first);
  for (let time = first; time + SECONDS_PER_MINUTE <= toSeconds; time += SECONDS_PER_MINUTE) {
    const close = spot(time + SECONDS_PER_MINUTE);
    candles.push({
      time,
      open,
      high: Math.max(open, close),
      low: Math.min(open, close),
      close,
      volume: volumeAt(time),
    });
    open = close;
  }
  return candles;
}

/** Minutes put together to candles of `seconds`; those of which a minute is missing are left out. */
export function longerCandles(minutes: readonly Candle[], seconds: number): readonly Candle[] {
  const groups = new Map<number, Candle[]>();
  for (const minute of minutes) {
    const start = Math.floor(minute.time / seconds) * seconds;
    const group = groups.get(start);
    if (group) group.push(minute);
    else groups.set(start, [minute]);
  }
  return [...groups].flatMap(([time, group]) => {
    const [first, last] = [group[0], group.at(-1)];
    if (!first || !last || group.length * SECONDS_PER_MINUTE !== seconds) return [];
    return [
      {
        time,
        open: first.open,
        high: Math.max(...group.map(({ high }) => high)),
        low: Math.min(...group.map(({ low }) => low)),
        close: last.close,
        volume: group.reduce((sum, { volume }) => sum + volume, 0),
      },
    ];
  });
}
