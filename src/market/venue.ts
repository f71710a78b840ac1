import type { AddressInfo } from "node:net";
import Fastify from "fastify";
import { type WebSocket, WebSocketServer } from "ws";
import { createRandom, mixSeed } from "./random.ts";
import { askOnGrid, bidOnGrid, type Chain, type World } from "./world.ts";

/** Venues that speak Deribit's public API over one world, each with a noise of its own. */
export interface Venues {
  /** One base URL per venue. */
  readonly urls: readonly string[];
  /** Moves the venues' clock and tells every subscriber of the index. */
  setTime(seconds: number): Promise<void>;
  close(): Promise<void>;
}

export interface VenueOptions {
  readonly count: number;
  readonly seed: number;
  /** Standard deviation of a venue's spot against the world's, as a share. */
  readonly spotNoise?: number;
  /** Standard deviation of a venue's option prices, as a share of the price. */
  readonly priceNoise?: number;
}

interface Venue {
  readonly prefix: string;
  readonly subscribers: Set<WebSocket>;
  /** Answers of the current time, as JSON text, made once per tick. */
  readonly answers: Map<string, string>;
}

/** Starts the venues on one free loopback port. */
export async function startVenues(world: World, options: VenueOptions): Promise<Venues> {
  const { count, seed, spotNoise = 0.0001, priceNoise = 0.002 } = options;
  const venues = Array.from(
    { length: count },
    (_, index): Venue => ({
      prefix: `/venue-${index}`,
      subscribers: new Set(),
      answers: new Map(),
    }),
  );
  let time = world.firstTime;
  let chain: Chain = world.chain(time);

  const noise = (venue: Venue) => createRandom(mixSeed(seed, venue.prefix, time));
  const spotOf = (venue: Venue) => world.spot(time) * (1 + spotNoise * noise(venue).normal());
  const indexNotification = (venue: Venue) => {
    const data = { index_name: "eth_usd", price: spotOf(venue), timestamp: time * 1000 };
    const params = { channel: "deribit_price_index.eth_usd", data };
    return JSON.stringify({ jsonrpc: "2.0", method: "subscription", params });
  };
  const results: Record<string, (venue: Venue) => unknown> = {
    get_time: () => time * 1000,
    get_index_price: (venue) => ({ index_price: spotOf(venue), estimated_delivery_price: spotOf(venue) }),
    get_instruments: () =>
      chain.quotes.map(({ instrument, kind, strike, expiry }) => ({
        instrument_name: instrument,
        kind: "option",
        option_type: kind,
        strike,
        expiration_timestamp: expiry * 1000,
        base_currency: "ETH",
        quote_currency: "ETH",
        is_active: true,
      })),
    get_book_summary_by_currency: (venue) => {
      const random = noise(venue);
      return chain.quotes.map((quote) => {
        const factor = 1 + priceNoise * random.normal();
        return {
          instrument_name: quote.instrument,
          bid_price: quote.bid === undefined ? null : (bidOnGrid(quote.bid * factor) ?? null),
          ask_price: quote.ask === undefined ? null : askOnGrid(quote.ask * factor),
          mark_price: quote.mark,
          mark_iv: 100 * quote.markIv,
          underlying_price: chain.forwardByExpiry.get(quote.expiry),
          open_interest: quote.openInterest,
          creation_timestamp: time * 1000,
        };
      });
    },
  };

  const server = Fastify();
  server.all<{ Params: { venue: string; method: string }; Querystring: Record<string, string> }>(
    "/:venue/api/v2/public/:method",
    (request, reply) => {
      const venue = venues.find(({ prefix }) => prefix === `/${request.params.venue}`);
      const { method } = request.params;
      reply.header("content-type", "application/json");
      if (!venue) return reply.code(404).send(`{"jsonrpc":"2.0","error":{"code":404,"message":"no such venue"}}`);
      if (method === "get_tradingview_chart_data") {
        return reply.send(envelope(chartData(world, request.query, time)));
      }
      const known = venue.answers.get(method);
      const make = results[method];
      if (!known && !make) {
        return reply.code(400).send(`{"jsonrpc":"2.0","error":{"code":-32601,"message":"Method not found"}}`);
      }
      const text = known ?? envelope(make?.(venue));
      venue.answers.set(method, text);
      return reply.send(text);
    },
  );
  await server.listen({ host: "127.0.0.1", port: 0 });
  const { port } = server.server.address() as AddressInfo;

  const sockets = new WebSocketServer({ noServer: true });
  server.server.on("upgrade", (request, socket, head) => {
    const venue = venues.find(({ prefix }) => request.url === `${prefix}/ws/api/v2`);
    if (!venue) {
      socket.destroy();
      return;
    }
    sockets.handleUpgrade(request, socket, head, (client) => {
      client.on("message", (data) => {
        const message = JSON.parse(String(data)) as { id?: number; method?: string; params?: { channels?: string[] } };
        client.send(JSON.stringify({ jsonrpc: "2.0", id: message.id, result: message.params?.channels ?? [] }));
        if (message.method !== "public/subscribe") return;
        venue.subscribers.add(client);
        client.send(indexNotification(venue)); // a subscriber learns the present index at once
      });
      client.on("close", () => venue.subscribers.delete(client));
      client.on("error", () => client.terminate());
    });
  });

  return {
    urls: venues.map(({ prefix }) => `http://127.0.0.1:${port}${prefix}`),
    async setTime(seconds) {
      time = seconds;
      chain = world.chain(seconds);
      for (const venue of venues) {
        venue.answers.clear();
        for (const client of venue.subscribers) client.send(indexNotification(venue));
      }
    },
    async close() {
      for (const client of sockets.clients) client.terminate();
      await server.close();
    },
  };
}

function envelope(result: unknown): string {
  return JSON.stringify({ jsonrpc: "2.0", result });
}

/** Minute candles in Deribit's columns; nothing later than the venue's clock. */
function chartData(world: World, query: Record<string, string>, time: number) {
  const from = Number(query.start_timestamp) / 1000;
  const to = Math.min(Number(query.end_timestamp) / 1000, time);
  const candles = from < to ? world.minuteCandles(from, to) : [];
  return {
    ticks: candles.map((candle) => candle.time * 1000),
    open: candles.map(({ open }) => open),
    high: candles.map(({ high }) => high),
    low: candles.map(({ low }) => low),
    close: candles.map(({ close }) => close),
    volume: candles.map(({ volume }) => volume),
    status: candles.length > 0 ? "ok" : "no_data",
  };
}
