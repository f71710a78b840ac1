import Fastify, { type FastifyReply, type FastifyRequest } from "fastify";
import { type RawData, type WebSocket, WebSocketServer } from "ws";
import { z } from "zod";
import { MeniscusError } from "../runtime/errors.ts";
import { createRandom, mixSeed } from "./random.ts";
import { blackPrice } from "./venuePricing.ts";
import {
  askOnGrid,
  type Candle,
  type Chain,
  type ChainQuote,
  expiryName,
  longerCandles,
  nearestOnGrid,
  SECONDS_PER_DAY,
  SECONDS_PER_HOUR,
  SECONDS_PER_MINUTE,
  SECONDS_PER_YEAR,
  type World,
} from "./world.ts";

export interface VenueOptions {
  /** Path prefix: the venue answers at `http://127.0.0.1:PORT/NAME/api/v2/public/…`. */
  readonly name: string;
  readonly seed: number | string;
  /** Standard deviation of its spot around the world's, relative. By default a basis point. */
  readonly spotNoise?: number;
  /** Standard deviation of its implied volatilities around the world's, per √year. By default 0.001: a tenth of a vol point. */
  readonly volatilityNoise?: number;
}

export interface VenueServerOptions {
  readonly world: World;
  readonly venues: readonly VenueOptions[];
  /** 0, the default, takes a free one. */
  readonly port?: number;
  /** Model time at the start; by default the world's first. */
  readonly time?: number;
}

/** Venues on 127.0.0.1 that speak Deribit's public API, version 2, and Binance's spot API, version 3. */
export interface VenueServer {
  readonly port: number;
  /** `http://127.0.0.1:PORT/NAME`, to which `/api/v2/public/METHOD` is appended. */
  url(name: string): string;
  /** `ws://127.0.0.1:PORT/NAME/ws/api/v2`. */
  webSocketUrl(name: string): string;
  /** Moves the clock of all venues and tells their subscribers. */
  setTime(seconds: number): void;
  close(): Promise<void>;
}

export async function startVenues(options: VenueServerOptions): Promise<VenueServer> {
  const venues = new Map(options.venues.map((venue) => [venue.name, new Venue(options.world, venue)]));
  for (const venue of venues.values()) venue.setTime(options.time ?? options.world.firstTime);
  const server = Fastify({ logger: false, forceCloseConnections: true, bodyLimit: 100_000 });
  const handler = async (
    request: FastifyRequest<{ Params: { venue: string; "*"?: string }; Querystring: Record<string, string> }>,
    reply: FastifyReply,
  ) => {
    const venue = venues.get(request.params.venue);
    const asked = request.method === "POST" ? rpcRequest.safeParse(request.body) : undefined;
    const answer = !venue
      ? failure(undefined, errors.unknownVenue)
      : asked && !asked.success
        ? failure(undefined, errors.badRequest)
        : venue.answer({
            id: asked?.data.id,
            // A POST names its method in the body, and in the path as well if the client likes.
            method: asked?.data.method ?? request.params["*"] ?? "",
            params: asked?.data.params ?? request.query,
          });
    return reply
      .code(answer.ok ? 200 : 400)
      .type("application/json")
      .send(answer.json);
  };
  for (const url of ["/:venue/api/v2", "/:venue/api/v2/*"]) server.route({ method: ["GET", "POST"], url, handler });
  server.get<{ Params: { venue: string; "*": string }; Querystring: Record<string, string> }>(
    "/:venue/api/v3/*",
    async ({ params, query }, reply) => {
      const answer = venues.get(params.venue)?.spotAnswer(params["*"], query) ?? noSuchPath;
      return await reply
        .code(answer.ok ? 200 : 400)
        .type("application/json")
        .send(answer.json);
    },
  );

  const sockets = new WebSocketServer({ noServer: true, maxPayload: 100_000 });
  server.server.on("upgrade", (request, socket, head) => {
    const name = /^\/([^/]+)\/ws\/api\/v2\/?$/.exec(request.url ?? "")?.[1];
    const venue = name === undefined ? undefined : venues.get(name);
    if (!venue) {
      socket.end("HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n");
      return;
    }
    sockets.handleUpgrade(request, socket, head, (client) => venue.attach(client));
  });

  const wantedPort = options.port ?? 0;
  try {
    await server.listen({ host: "127.0.0.1", port: wantedPort });
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "EADDRINUSE") {
      throw new MeniscusError("network", `Port ${wantedPort} is in use.`, {
        hint: "Stop what listens there, or let the venues take a free one.",
        cause,
      });
    }
    throw cause;
  }
  const address = server.server.address();
  if (address === null || typeof address === "string") throw new MeniscusError("internal", "The venues have no port.");
  const { port } = address;
  return {
    port,
    url: (name) => `http://127.0.0.1:${port}/${name}`,
    webSocketUrl: (name) => `ws://127.0.0.1:${port}/${name}/ws/api/v2`,
    setTime: (seconds) => {
      for (const venue of venues.values()) venue.setTime(seconds);
    },
    close: async () => {
      for (const client of sockets.clients) client.terminate();
      sockets.close();
      await server.close();
    },
  };
}

const rpcRequest = z.object({
  jsonrpc: z.literal("2.0").optional(),
  id: z.union([z.number(), z.string()]).optional(),
  method: z.string(),
  params: z.record(z.string(), z.unknown()).optional(),
});

interface RpcCall {
  readonly id: number | string | undefined;
  readonly method: string;
  readonly params: Readonly<Record<string, unknown>>;
}

/** An answer as it goes over the wire. */
interface Answer {
  readonly ok: boolean;
  readonly json: string;
}

/** Deribit's codes. */
const errors = {
  methodNotFound: { code: -32_601, message: "Method not found" },
  invalidParams: { code: -32_602, message: "Invalid params" },
  badRequest: { code: 11_050, message: "bad_request" },
  unknownVenue: { code: 11_050, message: "unknown_venue" },
} as const;

interface RpcError {
  readonly code: number;
  readonly message: string;
  readonly data?: { readonly param: string; readonly reason: string };
}

function failure(id: RpcCall["id"], error: RpcError): Answer {
  return { ok: false, json: JSON.stringify({ jsonrpc: "2.0", id, error, testnet: false }) };
}

class InvalidParameter extends Error {
  readonly parameter: string;
  constructor(parameter: string, reason: string) {
    super(reason);
    this.parameter = parameter;
  }
}

/** As Binance says it. */
const noSuchPath: Answer = { ok: false, json: '{"code":-1000,"msg":"unknown path"}' };
const invalidSymbol: Answer = { ok: false, json: '{"code":-1121,"msg":"Invalid symbol."}' };
/** The pair that the spot exchange trades. */
export const SPOT_SYMBOL = "ETHUSDC";
/** The most candles in one answer, and how many where none is asked for. */
const KLINES_LIMIT = 1_000;
const KLINES_STANDARD = 500;
const candleSeconds = new Map([
  ["1m", SECONDS_PER_MINUTE],
  ["60m", SECONDS_PER_HOUR],
  ["1h", SECONDS_PER_HOUR],
]);

const PERPETUAL = "ETH-PERPETUAL";
const INDEX_CHANNEL = "deribit_price_index.eth_usd";

/** One venue: its own slightly different view of the world, at the time that its clock shows. */
class Venue {
  readonly #world: World;
  readonly #options: VenueOptions;
  readonly #subscribers = new Set<WebSocket>();
  readonly #methods: ReadonlyMap<string, (params: RpcCall["params"]) => string>;
  #time = 0;
  // JSON texts of the present time, made when first asked for: a tick costs nothing that nobody reads.
  readonly #texts = new Map<string, string>();

  constructor(world: World, options: VenueOptions) {
    this.#world = world;
    this.#options = options;
    this.#methods = new Map<string, (params: RpcCall["params"]) => string>([
      ["public/get_time", () => String(this.#milliseconds())],
      ["public/test", () => JSON.stringify({ version: "1.2.26" })],
      ["public/hello", () => JSON.stringify({ version: "1.2.26" })],
      ["public/get_instruments", (params) => this.#whenEthOptions(params, "instruments", () => this.#instruments())],
      [
        "public/get_book_summary_by_currency",
        (params) => this.#whenEthOptions(params, "summary", () => this.#bookSummary()),
      ],
      ["public/get_index_price", (params) => this.#indexPrice(params)],
      ["public/ticker", (params) => this.#ticker(params)],
      ["public/get_tradingview_chart_data", (params) => this.#chart(params)],
    ]);
  }

  setTime(seconds: number): void {
    this.#time = seconds;
    this.#texts.clear();
    if (this.#subscribers.size === 0) return;
    const text = this.#indexNotification();
    for (const client of this.#subscribers) client.send(text);
  }

  answer(call: RpcCall): Answer {
    const method = this.#methods.get(call.method);
    if (!method) return failure(call.id, errors.methodNotFound);
    try {
      return this.#success(call.id, method(call.params));
    } catch (error) {
      if (!(error instanceof InvalidParameter)) throw error;
      return failure(call.id, {
        ...errors.invalidParams,
        data: { param: error.parameter, reason: error.message },
      });
    }
  }

  /** The spot exchange next door: `time`, `ticker/bookTicker` and `klines` below `/api/v3/`. */
  spotAnswer(path: string, query: Readonly<Record<string, string>>): Answer {
    if (path === "time") return { ok: true, json: JSON.stringify({ serverTime: this.#milliseconds() }) };
    if (query.symbol !== SPOT_SYMBOL) return invalidSymbol;
    if (path === "ticker/bookTicker") {
      const price = this.#spot();
      const quote = { bidPrice: price - 0.01, bidQty: 12, askPrice: price + 0.01, askQty: 12 };
      const texts = Object.entries(quote).map(([name, value]) => [name, value.toFixed(8)]);
      return { ok: true, json: JSON.stringify({ symbol: SPOT_SYMBOL, ...Object.fromEntries(texts) }) };
    }
    return path === "klines" ? this.#klines(query) : noSuchPath;
  }

  /** Candles of spot as Binance lists them, the one that is still open last. */
  #klines(query: Readonly<Record<string, string>>): Answer {
    const seconds = candleSeconds.get(query.interval ?? "");
    const limit = Math.min(Number(query.limit ?? KLINES_STANDARD), KLINES_LIMIT);
    const to = Math.min(Number(query.endTime ?? this.#milliseconds()) / 1000, this.#time);
    const asked = Number(query.startTime ?? (to - limit * (seconds ?? 0)) * 1000) / 1000;
    const from = Math.max(asked, this.#world.historyFrom); // an answer begins with the first candle there is
    if (seconds === undefined || !(limit > 0) || !Number.isFinite(from + to)) {
      return { ok: false, json: '{"code":-1100,"msg":"Illegal characters found in a parameter."}' };
    }
    const time = Math.floor(this.#time / seconds) * seconds;
    const [open, close] = [this.#world.spot(time), this.#world.spot(this.#time)];
    const current = { time, open, high: Math.max(open, close), low: Math.min(open, close), close, volume: 0 };
    const minutes = this.#world.minuteCandles(from, Math.min(to + seconds, this.#time, from + (limit + 1) * seconds));
    const candles = [...longerCandles(minutes, seconds), current]
      .filter((candle) => candle.time >= from && candle.time <= to)
      .slice(0, limit)
      .map((candle) => {
        const seen = this.#noisyCandle(candle);
        const prices = [seen.open, seen.high, seen.low, seen.close, seen.volume].map((value) => value.toFixed(8));
        return [seen.time * 1000, ...prices, (seen.time + seconds) * 1000 - 1, "0", 0, "0", "0", "0"];
      });
    return { ok: true, json: JSON.stringify(candles) };
  }

  attach(client: WebSocket): void {
    client.on("close", () => this.#subscribers.delete(client));
    client.on("error", () => client.terminate());
    client.on("message", (data) => {
      const call = parseCall(messageText(data));
      if (!call) {
        client.send(failure(undefined, errors.badRequest).json);
        return;
      }
      if (call.method !== "public/subscribe" && call.method !== "public/unsubscribe") {
        client.send(this.answer(call).json);
        return;
      }
      const channels = z.array(z.string()).safeParse(call.params.channels);
      if (!channels.success) {
        client.send(failure(call.id, errors.invalidParams).json);
        return;
      }
      // As Deribit does: the answer lists the channels that exist.
      const known = channels.data.filter((channel) => channel === INDEX_CHANNEL);
      client.send(this.#success(call.id, JSON.stringify(known)).json);
      if (known.length === 0) return;
      if (call.method === "public/unsubscribe") {
        this.#subscribers.delete(client);
      } else {
        this.#subscribers.add(client);
        client.send(this.#indexNotification());
      }
    });
  }

  #success(id: RpcCall["id"], result: string): Answer {
    const now = Date.now() * 1000;
    const head = id === undefined ? "" : `"id":${JSON.stringify(id)},`;
    return {
      ok: true,
      json: `{"jsonrpc":"2.0",${head}"result":${result},"usIn":${now},"usOut":${now},"usDiff":0,"testnet":false}`,
    };
  }

  #milliseconds(): number {
    return Math.round(this.#time * 1000);
  }

  #spotFactor(): number {
    return this.#spotFactorAt(this.#time);
  }

  #spotFactorAt(seconds: number): number {
    const noise = this.#options.spotNoise ?? 1e-4;
    return Math.exp(noise * createRandom(mixSeed(this.#options.seed, "spot", seconds)).normal());
  }

  #spot(): number {
    return cents(this.#world.spot(this.#time) * this.#spotFactor());
  }

  #cached(key: string, build: () => string): string {
    const known = this.#texts.get(key);
    if (known !== undefined) return known;
    const text = build();
    this.#texts.set(key, text);
    return text;
  }

  #whenEthOptions(params: RpcCall["params"], key: string, build: () => string): string {
    if (params.currency !== "ETH") throw new InvalidParameter("currency", "value must be ETH");
    // Of Deribit's kinds only options are listed here; a question about another kind has an empty answer.
    if (params.kind !== undefined && params.kind !== "option") return "[]";
    return this.#cached(key, build);
  }

  #indexPrice(params: RpcCall["params"]): string {
    if (params.index_name !== "eth_usd") throw new InvalidParameter("index_name", "value must be eth_usd");
    const price = this.#spot();
    return JSON.stringify({ index_price: price, estimated_delivery_price: price });
  }

  /** Of the perpetual, which stands at the index here. */
  #ticker(params: RpcCall["params"]): string {
    if (params.instrument_name !== PERPETUAL) {
      throw new InvalidParameter("instrument_name", `value must be ${PERPETUAL}`);
    }
    const price = this.#spot();
    return JSON.stringify({
      instrument_name: PERPETUAL,
      timestamp: this.#milliseconds(),
      state: "open",
      index_price: price,
      mark_price: price,
      last_price: price,
      best_bid_price: cents(price - 0.05),
      best_bid_amount: 1_000,
      best_ask_price: cents(price + 0.05),
      best_ask_amount: 1_000,
      estimated_delivery_price: price,
    });
  }

  #indexNotification(): string {
    const data = { index_name: "eth_usd", price: this.#spot(), timestamp: this.#milliseconds() };
    return JSON.stringify({ jsonrpc: "2.0", method: "subscription", params: { channel: INDEX_CHANNEL, data } });
  }

  /** Candles of spot that have closed by now. The venue's noise is in each price, so that its history is its own. */
  #chart(params: RpcCall["params"]): string {
    if (params.instrument_name !== PERPETUAL) {
      throw new InvalidParameter("instrument_name", `value must be ${PERPETUAL}`);
    }
    const seconds = candleSeconds.get(`${String(params.resolution)}m`);
    if (seconds === undefined) throw new InvalidParameter("resolution", "value must be 1 or 60");
    const from = timestamp(params, "start_timestamp");
    const to = Math.min(timestamp(params, "end_timestamp") + seconds, this.#time);
    const candles = longerCandles(this.#world.minuteCandles(from, to), seconds);
    const noisy = candles.map((candle) => this.#noisyCandle(candle));
    return JSON.stringify({
      ticks: candles.map(({ time }) => time * 1000),
      open: noisy.map(({ open }) => open),
      high: noisy.map(({ high }) => high),
      low: noisy.map(({ low }) => low),
      close: noisy.map(({ close }) => close),
      volume: noisy.map(({ volume }) => volume),
      cost: noisy.map(({ volume, close }) => cents(volume * close)),
      status: candles.length === 0 ? "no_data" : "ok",
    });
  }

  // A shift of its own for every minute would be a large part of a minute's move, and realised volatility would measure the
  // noise: a day's candles share one.
  #noisyCandle(candle: Candle): Candle {
    const factor = this.#spotFactorAt(Math.floor(candle.time / SECONDS_PER_DAY) * SECONDS_PER_DAY);
    return {
      time: candle.time,
      open: cents(candle.open * factor),
      high: cents(candle.high * factor),
      low: cents(candle.low * factor),
      close: cents(candle.close * factor),
      volume: candle.volume,
    };
  }

  #instruments(): string {
    const chain = this.#world.chain(this.#time);
    return JSON.stringify(chain.quotes.map((quote) => instrument(quote, this.#time)));
  }

  #bookSummary(): string {
    const chain = this.#world.chain(this.#time);
    const spotFactor = this.#spotFactor();
    const now = this.#milliseconds();
    const index = cents(chain.spot * spotFactor);
    const volatilityShifts = this.#volatilityShifts(chain);
    return JSON.stringify(
      chain.quotes.map((quote) => {
        const forward = (chain.forwardByExpiry.get(quote.expiry) ?? chain.spot) * spotFactor;
        const shift = volatilityShifts(quote);
        const seen = shiftedQuote(quote, forward / spotFactor, forward, shift, this.#time);
        return {
          instrument_name: quote.instrument,
          base_currency: "ETH",
          quote_currency: "ETH",
          bid_price: seen.bid ?? null,
          ask_price: seen.ask ?? null,
          mid_price: seen.bid !== undefined && seen.ask !== undefined ? round((seen.bid + seen.ask) / 2, 1e6) : null,
          mark_price: round(seen.mark, 1e6),
          mark_iv: round(seen.markIv * 100, 100),
          underlying_price: round(forward, 1e4),
          underlying_index: `SYN.ETH-${expiryName(quote.expiry)}`,
          estimated_delivery_price: index,
          interest_rate: 0,
          open_interest: quote.openInterest,
          volume: 0,
          volume_usd: 0,
          last: null,
          high: null,
          low: null,
          price_change: null,
          creation_timestamp: now,
        };
      }),
    );
  }

  /** What this venue sees differently at this time: a shift of each expiry's level and a smaller one of each strike. */
  #volatilityShifts(chain: Chain): (quote: ChainQuote) => number {
    const noise = this.#options.volatilityNoise ?? 1e-3;
    const random = createRandom(mixSeed(this.#options.seed, "volatility", this.#time));
    const levels = new Map([...chain.forwardByExpiry.keys()].map((expiry) => [expiry, noise * random.normal()]));
    const strikes = new Map<string, number>();
    for (const quote of chain.quotes) {
      const key = strikeKey(quote);
      if (!strikes.has(key)) strikes.set(key, (noise / 2) * random.normal());
    }
    return (quote) => (levels.get(quote.expiry) ?? 0) + (strikes.get(strikeKey(quote)) ?? 0);
  }
}

/** Bid and ask move with the mark; the mark moves by what the shift of volatility is worth in ETH. */
function shiftedQuote(
  quote: ChainQuote,
  forward: number,
  seenForward: number,
  volatilityShift: number,
  time: number,
): Pick<ChainQuote, "bid" | "ask" | "mark" | "markIv"> {
  const rootYears = Math.sqrt(Math.max(0, quote.expiry - time) / SECONDS_PER_YEAR);
  const markIv = Math.max(0.01, quote.markIv + volatilityShift);
  const before = blackPrice(forward, quote.strike, quote.markIv * rootYears, quote.kind) / forward;
  const after = blackPrice(seenForward, quote.strike, markIv * rootYears, quote.kind) / seenForward;
  const move = after - before;
  // To the nearest step: rounding prices that lie on the grid outwards would widen every quote by one.
  const bid = quote.bid === undefined ? undefined : nearestOnGrid(quote.bid + move) || undefined;
  return {
    bid,
    ask: quote.ask === undefined ? undefined : Math.max(nearestOnGrid(quote.ask + move), askOnGrid((bid ?? 0) + 1e-5)),
    mark: Math.max(0, quote.mark + move),
    markIv,
  };
}

function instrument(quote: ChainQuote, time: number): Readonly<Record<string, unknown>> {
  return {
    instrument_name: quote.instrument,
    instrument_id: mixSeed(quote.expiry, quote.strike, quote.kind),
    kind: "option",
    option_type: quote.kind,
    strike: quote.strike,
    expiration_timestamp: quote.expiry * 1000,
    creation_timestamp: Math.round(time * 1000),
    settlement_period: quote.expiry - time <= 7 * SECONDS_PER_DAY ? "week" : "month",
    base_currency: "ETH",
    quote_currency: "ETH",
    counter_currency: "USD",
    settlement_currency: "ETH",
    price_index: "eth_usd",
    instrument_type: "reversed",
    contract_size: 1,
    min_trade_amount: 1,
    tick_size: 0.0001,
    tick_size_steps: [{ above_price: 0.005, tick_size: 0.0005 }],
    maker_commission: 0.0003,
    taker_commission: 0.0003,
    is_active: true,
    rfq: false,
  };
}

function strikeKey(quote: ChainQuote): string {
  return `${quote.expiry}:${quote.strike}`;
}

/** A frame as text, in whichever form the library delivers it. */
function messageText(data: RawData): string {
  if (Array.isArray(data)) return Buffer.concat(data).toString();
  return Buffer.isBuffer(data) ? data.toString() : Buffer.from(data).toString();
}

function parseCall(text: string): RpcCall | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const parsed = rpcRequest.safeParse(value);
  return parsed.success
    ? { id: parsed.data.id, method: parsed.data.method, params: parsed.data.params ?? {} }
    : undefined;
}

/** Milliseconds in a parameter, as seconds. */
function timestamp(params: RpcCall["params"], name: string): number {
  const value = Number(params[name] ?? Number.NaN);
  if (!Number.isFinite(value)) throw new InvalidParameter(name, "value must be a time in milliseconds");
  return value / 1000;
}

function cents(value: number): number {
  return round(value, 100);
}

function round(value: number, perUnit: number): number {
  return Math.round(value * perUnit) / perUnit;
}
