import { z } from "zod";
import { type OptionTerms, parseOptionName } from "../chain/optionId.ts";
import { MeniscusError } from "../runtime/errors.ts";
import { type CoinQuote, coinChains } from "./coinQuotes.ts";
import { type HttpLimits, HttpSource, parseJson } from "./httpSource.ts";
import { keepConnected } from "./liveSocket.ts";
import {
  type CandleSeconds,
  closedCandles,
  type ExpiryChain,
  type MarketSnapshot,
  type OptionVenue,
  type SpotCandle,
  type SpotHistory,
  type SpotPrice,
  type SpotVenue,
} from "./marketData.ts";

const milliseconds = z.number().positive().lt(1e14);
const positive = z.number().positive().lt(1e12);
const nullablePrice = z.number().nonnegative().nullable();

const bookRow = z.object({
  instrument_name: z.string(),
  bid_price: nullablePrice,
  ask_price: nullablePrice,
  underlying_price: positive,
  creation_timestamp: milliseconds.optional(),
});
const instrumentRow = z.object({
  instrument_name: z.string(),
  strike: positive,
  option_type: z.enum(["call", "put"]),
  expiration_timestamp: milliseconds,
  is_active: z.boolean(),
});
/** Rows are judged one by one: a garbled one is no reason to lose the rest. */
const rows = z.array(z.unknown());
const ticker = z.object({ timestamp: milliseconds, state: z.string(), index_price: positive });
const chartData = z.object({
  ticks: z.array(milliseconds),
  open: z.array(positive),
  high: z.array(positive),
  low: z.array(positive),
  close: z.array(positive),
});
const refused = z.object({ error: z.object({ message: z.string() }) });
const notification = z.object({
  method: z.literal("subscription"),
  params: z.object({ channel: z.string(), data: z.object({ price: positive, timestamp: milliseconds }) }),
});

/** Candles asked for at once; Deribit cuts longer answers. */
const PAGE = 4_000;
/** What is listed changes once a day. */
const INSTRUMENTS_LIFE_SECONDS = 600;

export type ListedOption = Pick<OptionTerms, "expiry" | "strike" | "kind">;

/**
 * Deribit's public API (JSON-RPC over HTTP, index notifications over WebSocket), parsed at the door. Options there are quoted
 * and paid in coin; prices are converted with the forward of their expiry.
 */
export class DeribitVenue implements OptionVenue, SpotVenue, SpotHistory {
  readonly name: string;
  private readonly url: string;
  private readonly currency: string;
  private readonly http: HttpSource;
  private listed: { readonly at: number; readonly byName: ReadonlyMap<string, ListedOption> } | undefined;

  /** @param url Without a trailing slash, for example `https://www.deribit.com`. */
  constructor(url: string, currency: string, limits: Partial<HttpLimits> = {}) {
    this.name = `deribit ${url}`;
    this.url = url;
    this.currency = currency;
    this.http = new HttpSource(`${url}/api/v2/public`, limits);
  }

  private get perpetual(): string {
    return `${this.currency}-PERPETUAL`;
  }

  subscribe(onIndex: (index: SpotPrice) => void): () => void {
    const channel = `deribit_price_index.${this.currency.toLowerCase()}_usd`;
    let last = 0;
    return keepConnected({
      url: `${this.url.replace(/^http/, "ws")}/ws/api/v2`,
      greetings: [{ jsonrpc: "2.0", id: 1, method: "public/subscribe", params: { channels: [channel] } }],
      onText: (text) => {
        const parsed = notification.safeParse(parseJson(text));
        if (!parsed.success || parsed.data.params.channel !== channel) return;
        const { price, timestamp } = parsed.data.params.data;
        // Late, repeated and out of order: what is not newer says nothing.
        if (timestamp <= last) return;
        last = timestamp;
        onIndex({ time: timestamp / 1000, price });
      },
    });
  }

  /** The venue's time and index from one answer. */
  async spot(): Promise<SpotPrice> {
    const { timestamp, state, index_price } = await this.call("ticker", { instrument_name: this.perpetual }, ticker);
    if (state !== "open") {
      throw new MeniscusError("data", `${this.name}: the market is ${state}.`, { retryable: true });
    }
    return { time: timestamp / 1000, price: index_price };
  }

  async snapshot(): Promise<MarketSnapshot> {
    const [{ time, price }, book] = await Promise.all([
      this.spot(),
      this.call("get_book_summary_by_currency", { currency: this.currency, kind: "option" }, rows),
    ]);
    return { time, spot: price, chains: readBook(book, await this.instruments(time)) };
  }

  async candles(from: number, to: number, seconds: CandleSeconds): Promise<readonly SpotCandle[]> {
    // The last candle of an answer may still be open; only the venue's clock tells.
    const end = Math.min(to, (await this.spot()).time);
    const candles: SpotCandle[] = [];
    for (let next = from; next < end; next += PAGE * seconds) {
      const { ticks, open, high, low, close } = await this.call(
        "get_tradingview_chart_data",
        {
          instrument_name: this.perpetual,
          start_timestamp: String(next * 1000),
          end_timestamp: String(Math.min(end, next + PAGE * seconds - 1) * 1000),
          resolution: String(seconds / 60),
        },
        chartData,
      );
      for (const [i, tick] of ticks.entries()) {
        candles.push({
          time: tick / 1000,
          open: open[i] ?? Number.NaN,
          high: high[i] ?? Number.NaN,
          low: low[i] ?? Number.NaN,
          close: close[i] ?? Number.NaN,
        });
      }
    }
    return closedCandles(candles, from, end, seconds);
  }

  /** Active options whose name and terms agree, by name. */
  private async instruments(now: number): Promise<ReadonlyMap<string, ListedOption>> {
    if (this.listed && now >= this.listed.at && now < this.listed.at + INSTRUMENTS_LIFE_SECONDS) {
      return this.listed.byName;
    }
    const answer = await this.call("get_instruments", { currency: this.currency, kind: "option" }, rows);
    const byName = readInstruments(answer);
    this.listed = { at: now, byName };
    return byName;
  }

  private async call<T>(method: string, parameters: Record<string, string>, result: z.ZodType<T>): Promise<T> {
    const answer = await this.http.get(`/${method}`, parameters, z.union([z.object({ result }), refused]));
    if ("result" in answer) return answer.result;
    throw new MeniscusError("data", `${this.name}: ${method}: ${answer.error.message}.`);
  }
}

/** Chains from the rows of a book summary; what is malformed, not listed or said twice is left out. */
export function readBook(book: readonly unknown[], listed: ReadonlyMap<string, ListedOption>): readonly ExpiryChain[] {
  const seen = new Set<string>();
  const quotes: CoinQuote[] = [];
  for (const row of wellFormed(book, bookRow)) {
    const terms = listed.get(row.instrument_name);
    if (!terms || seen.has(row.instrument_name)) continue;
    seen.add(row.instrument_name);
    const quote = { ...terms, bid: row.bid_price, ask: row.ask_price, forward: row.underlying_price };
    quotes.push(row.creation_timestamp === undefined ? quote : { ...quote, time: row.creation_timestamp / 1000 });
  }
  return coinChains(quotes);
}

/** Active options by name, from the rows of an instrument list; only those whose name says what their terms say. */
export function readInstruments(answer: readonly unknown[]): ReadonlyMap<string, ListedOption> {
  const byName = new Map<string, ListedOption>();
  for (const row of wellFormed(answer, instrumentRow)) {
    const { instrument_name, strike, option_type: kind, is_active } = row;
    const expiry = row.expiration_timestamp / 1000;
    const named = nameOf(instrument_name);
    if (!is_active || named?.expiry !== expiry || named.strike !== strike || named.kind !== kind) continue;
    byName.set(instrument_name, { expiry, strike, kind });
  }
  return byName;
}

function wellFormed<T>(items: readonly unknown[], schema: z.ZodType<T>): readonly T[] {
  return items.flatMap((item) => {
    const parsed = schema.safeParse(item);
    return parsed.success ? [parsed.data] : [];
  });
}

function nameOf(name: string): ReturnType<typeof parseOptionName> | undefined {
  try {
    return parseOptionName(name);
  } catch {
    return undefined;
  }
}
