import { WebSocket } from "ws";
import { z } from "zod";
import { parseOptionName } from "../chain/optionId.ts";
import { MeniscusError } from "../runtime/errors.ts";
import type { ExpiryChain, MarketData, MarketSnapshot, MinutePrice, OptionQuote } from "./marketData.ts";

const nullablePrice = z.number().nonnegative().nullable();
const bookSummary = z.array(
  z.object({
    instrument_name: z.string(),
    bid_price: nullablePrice,
    ask_price: nullablePrice,
    underlying_price: z.number().positive(),
  }),
);
const indexPrice = z.object({ index_price: z.number().positive() });
const chartData = z.object({
  ticks: z.array(z.number()),
  open: z.array(z.number().positive()),
  close: z.array(z.number().positive()),
});
const answer = z.object({ result: z.unknown().optional(), error: z.object({ message: z.string() }).optional() });
const notification = z.object({
  method: z.literal("subscription"),
  params: z.object({ data: z.object({ price: z.number().positive(), timestamp: z.number().positive() }) }),
});

const RECONNECT_MILLISECONDS = [50, 200, 1_000, 5_000] as const;
const REQUEST_MILLISECONDS = 5_000;

/**
 * Deribit's public API (JSON-RPC over HTTP, index notifications over WebSocket), parsed at the door. Options there are quoted
 * and paid in coin; prices are converted with the forward of their expiry: a call worth c coins is worth c·F.
 */
export class DeribitMarketData implements MarketData {
  private readonly url: string;
  private readonly currency: string;

  /** @param url Without a trailing slash, for example `https://www.deribit.com`. */
  constructor(url: string, currency: string) {
    this.url = url;
    this.currency = currency;
  }

  private get indexName(): string {
    return `${this.currency.toLowerCase()}_usd`;
  }

  subscribe(onIndex: (time: number) => void): () => void {
    let socket: WebSocket | undefined;
    let timer: NodeJS.Timeout | undefined;
    let attempts = 0;
    let stopped = false;
    const connect = () => {
      socket = new WebSocket(`${this.url.replace(/^http/, "ws")}/ws/api/v2`);
      socket.on("open", () => {
        attempts = 0;
        const params = { channels: [`deribit_price_index.${this.indexName}`] };
        socket?.send(JSON.stringify({ jsonrpc: "2.0", id: 1, method: "public/subscribe", params }));
      });
      socket.on("message", (data) => {
        const parsed = notification.safeParse(parseJson(String(data)));
        if (parsed.success) onIndex(Math.floor(parsed.data.params.data.timestamp / 1000));
      });
      socket.on("error", () => {}); // "close" follows and reconnects
      socket.on("close", () => {
        if (stopped) return;
        const wait = RECONNECT_MILLISECONDS[Math.min(attempts, RECONNECT_MILLISECONDS.length - 1)];
        attempts += 1;
        timer = setTimeout(connect, wait);
      });
    };
    connect();
    return () => {
      stopped = true;
      clearTimeout(timer);
      socket?.terminate();
    };
  }

  async snapshot(): Promise<MarketSnapshot> {
    const [time, index, book] = await Promise.all([
      this.call("get_time", {}, z.number().positive()),
      this.call("get_index_price", { index_name: this.indexName }, indexPrice),
      this.call("get_book_summary_by_currency", { currency: this.currency, kind: "option" }, bookSummary),
    ]);
    const chains = new Map<number, { forward: number; quotes: OptionQuote[] }>();
    for (const { instrument_name, bid_price, ask_price, underlying_price } of book) {
      const { expiry, strike, kind } = parseOptionName(instrument_name);
      const chain = chains.get(expiry) ?? { forward: underlying_price, quotes: [] };
      chains.set(expiry, chain);
      if (bid_price === null || ask_price === null || bid_price <= 0) continue; // one side alone is no price
      const [bid, ask] = [bid_price * underlying_price, ask_price * underlying_price];
      chain.quotes.push({ expiry, strike, kind, bid, ask });
    }
    const sorted = [...chains].map(([expiry, chain]): ExpiryChain => ({ expiry, ...chain }));
    sorted.sort((a, b) => a.expiry - b.expiry);
    return { time: Math.floor(time / 1000), spot: index.index_price, chains: sorted };
  }

  async minutePrices(from: number, to: number): Promise<readonly MinutePrice[]> {
    const { ticks, open, close } = await this.call(
      "get_tradingview_chart_data",
      {
        instrument_name: `${this.currency}-PERPETUAL`,
        start_timestamp: String(from * 1000),
        end_timestamp: String(to * 1000),
        resolution: "1",
      },
      chartData,
    );
    return ticks.map((tick, i) => ({ time: tick / 1000, price: ((open[i] ?? 0) + (close[i] ?? 0)) / 2 }));
  }

  private async call<T>(method: string, params: Record<string, string>, schema: z.ZodType<T>): Promise<T> {
    const query = new URLSearchParams(params).toString();
    const where = `${this.url}/api/v2/public/${method}`;
    let body: unknown;
    try {
      const response = await fetch(`${where}?${query}`, { signal: AbortSignal.timeout(REQUEST_MILLISECONDS) });
      body = await response.json();
    } catch (cause) {
      throw new MeniscusError("network", `No answer from ${where}.`, { retryable: true, cause });
    }
    const envelope = answer.safeParse(body);
    if (!envelope.success || envelope.data.error) {
      throw new MeniscusError("data", `${where}: ${envelope.data?.error?.message ?? "not a JSON-RPC answer"}.`, {
        retryable: true,
      });
    }
    const parsed = schema.safeParse(envelope.data.result);
    if (parsed.success) return parsed.data;
    const issue = parsed.error.issues[0];
    throw new MeniscusError("data", `${where}: ${issue?.path.join(".") ?? ""} ${issue?.message ?? "malformed"}.`);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // not a notification
  }
}
