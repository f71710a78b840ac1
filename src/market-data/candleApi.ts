import { z } from "zod";
import { MeniscusError } from "../runtime/errors.ts";
import { type HttpLimits, HttpSource } from "./httpSource.ts";
import {
  type CandleSeconds,
  closedCandles,
  type SpotCandle,
  type SpotHistory,
  type SpotPrice,
  type SpotVenue,
} from "./marketData.ts";

const decimal = z
  .string()
  .regex(/^\d+(\.\d+)?$/, "not a decimal")
  .transform(Number);
const refused = z.object({ code: z.number(), msg: z.string() });
const serverTime = z.object({ serverTime: z.number().positive() });
const bookTicker = z.object({ symbol: z.string(), bidPrice: decimal, askPrice: decimal });
/** Open time, open, high, low, close, and six fields that are not needed. */
const kline = z.tuple([z.number().positive(), decimal, decimal, decimal, decimal]).rest(z.unknown());

/** The most candles one answer has. */
const PAGE = 1_000;

/** A spot exchange with Binance's public REST API, version 3: candles, best bid and ask. Parsed at the door. */
export class CandleApi implements SpotVenue, SpotHistory {
  readonly name: string;
  private readonly symbol: string;
  private readonly http: HttpSource;

  /** @param url Without a trailing slash, for example `https://api.binance.com`. @param symbol For example `ETHUSDC`. */
  constructor(url: string, symbol: string, limits: Partial<HttpLimits> = {}) {
    this.name = `candles ${url}`;
    this.symbol = symbol;
    this.http = new HttpSource(`${url}/api/v3`, limits);
  }

  /** The middle of best bid and ask. @throws MeniscusError `data` where they cross: nobody trades there. */
  async spot(): Promise<SpotPrice> {
    const [clock, { symbol, bidPrice, askPrice }] = await Promise.all([
      this.ask("/time", {}, serverTime),
      this.ask("/ticker/bookTicker", { symbol: this.symbol }, bookTicker),
    ]);
    if (symbol !== this.symbol || !(bidPrice > 0 && bidPrice < askPrice)) {
      throw new MeniscusError("data", `${this.name}: ${symbol} is quoted ${bidPrice} to ${askPrice}.`, {
        retryable: true,
      });
    }
    return { time: clock.serverTime / 1000, price: (bidPrice + askPrice) / 2 };
  }

  async candles(from: number, to: number, seconds: CandleSeconds): Promise<readonly SpotCandle[]> {
    const candles: SpotCandle[] = [];
    // The last candle of an answer may still be open; only the exchange's clock tells.
    const { serverTime: now } = await this.ask("/time", {}, serverTime);
    const end = Math.min(to, now / 1000);
    let next = from;
    while (next + seconds <= end) {
      const page = await this.ask(
        "/klines",
        {
          symbol: this.symbol,
          interval: seconds === 60 ? "1m" : "1h",
          startTime: String(next * 1000),
          endTime: String(Math.floor(end * 1000) - 1),
          limit: String(PAGE),
        },
        z.array(kline),
      );
      for (const [time, open, high, low, close] of page) candles.push({ time: time / 1000, open, high, low, close });
      const last = Math.max(...page.map(([time]) => time / 1000));
      // A page that is not full is the last; one that goes nowhere would be asked for for ever.
      if (page.length < PAGE || last < next) break;
      next = last + seconds;
    }
    return closedCandles(candles, from, end, seconds);
  }

  private async ask<T>(path: string, parameters: Record<string, string>, schema: z.ZodType<T>): Promise<T> {
    const answer = await this.http.get<{ readonly value: T } | z.infer<typeof refused>>(
      path,
      parameters,
      z.union([schema.transform((value) => ({ value })), refused]),
    );
    if ("value" in answer) return answer.value;
    throw new MeniscusError("data", `${this.name}: ${answer.msg} (${answer.code}).`);
  }
}
