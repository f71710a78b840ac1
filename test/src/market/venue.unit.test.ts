import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { z } from "zod";
import { generateWorld } from "../../../src/market/generator.ts";
import { startVenues, type VenueServer } from "../../../src/market/venue.ts";
import { blackPrice } from "../../../src/market/venuePricing.ts";
import { SECONDS_PER_YEAR } from "../../../src/market/world.ts";
import { CandleApi } from "../../../src/market-data/candleApi.ts";
import { DeribitVenue } from "../../../src/market-data/deribit.ts";

const world = generateWorld({ seed: 11, historyDays: 5 });
const start = world.firstTime;
let server: VenueServer;

beforeAll(async () => {
  server = await startVenues({
    world,
    venues: [
      { name: "north", seed: 1 },
      { name: "south", seed: 2 },
    ],
  });
});
afterAll(() => server.close());

const answerSchema = z.looseObject({ result: z.unknown().optional(), error: z.unknown().optional() });
const indexSchema = z.object({ index_price: z.number() });
const notificationSchema = z.looseObject({ params: z.looseObject({ data: z.looseObject({ price: z.number() }) }) });
const get = async (venue: string, path: string) => {
  const response = await fetch(`${server.url(venue)}/api/v2/public/${path}`);
  return { status: response.status, ...answerSchema.parse(await response.json()) };
};
const post = async (venue: string, body: unknown) => {
  const response = await fetch(`${server.url(venue)}/api/v2`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return {
    status: response.status,
    ...answerSchema.parse(await response.json()),
  };
};

const summarySchema = z.array(
  z.object({
    instrument_name: z.string().regex(/^ETH-\d{1,2}[A-Z]{3}\d{2}-\d+(\.\d+)?-[CP]$/),
    bid_price: z.number().nullable(),
    ask_price: z.number().nullable(),
    mark_price: z.number(),
    mark_iv: z.number(),
    underlying_price: z.number(),
    estimated_delivery_price: z.number(),
    open_interest: z.number(),
    creation_timestamp: z.number(),
  }),
);
const instrumentsSchema = z.array(
  z.object({
    instrument_name: z.string(),
    strike: z.number(),
    option_type: z.enum(["call", "put"]),
    expiration_timestamp: z.number(),
    is_active: z.literal(true),
  }),
);
const chartSchema = z.object({
  status: z.string(),
  ticks: z.array(z.number()),
  open: z.array(z.number()),
  high: z.array(z.number()),
  low: z.array(z.number()),
  close: z.array(z.number()),
  volume: z.array(z.number()),
});
const bookPath = "get_book_summary_by_currency?currency=ETH&kind=option";

describe("a venue over HTTP", () => {
  it("tells the model time", async () => {
    expect((await get("north", "get_time")).result).toBe(start * 1000);
  });

  it("lists the same instruments in both answers, with marks that are Black's at their mark_iv", async () => {
    const summary = summarySchema.parse((await get("north", bookPath)).result);
    const instruments = instrumentsSchema.parse(
      (await get("north", "get_instruments?currency=ETH&kind=option")).result,
    );
    const byName = new Map(instruments.map((instrument) => [instrument.instrument_name, instrument]));
    expect(summary.length).toBeGreaterThan(400);
    expect(byName.size).toBe(summary.length);
    for (const row of summary) {
      const listed = byName.get(row.instrument_name);
      expect(listed, row.instrument_name).toBeDefined();
      const { strike, option_type, expiration_timestamp } = listed ?? {
        strike: 0,
        option_type: "call" as const,
        expiration_timestamp: 0,
      };
      const stdDev = (row.mark_iv / 100) * Math.sqrt((expiration_timestamp / 1000 - start) / SECONDS_PER_YEAR);
      const mark = blackPrice(row.underlying_price, strike, stdDev, option_type) / row.underlying_price;
      expect(Math.abs(mark - row.mark_price), row.instrument_name).toBeLessThan(1e-4);
      if (row.bid_price !== null && row.ask_price !== null) expect(row.bid_price).toBeLessThan(row.ask_price);
    }
  });

  it("sees the world a little differently from its neighbour, always in the same way", async () => {
    const [north, again, south] = await Promise.all([
      get("north", bookPath),
      get("north", bookPath),
      get("south", bookPath),
    ]);
    expect(north.result).toEqual(again.result);
    const [a, b] = [summarySchema.parse(north.result), summarySchema.parse(south.result)];
    const shifts = a.map((row, i) => row.mark_iv - (b[i]?.mark_iv ?? 0));
    expect(shifts.filter((shift) => shift !== 0).length).toBeGreaterThan(a.length / 2);
    // Six deviations of a difference of two shifts of 0.1 and 0.05 vol points each.
    expect(Math.max(...shifts.map(Math.abs))).toBeLessThan(6 * 0.158);
    const price = async (name: string) =>
      indexSchema.parse((await get(name, "get_index_price?index_name=eth_usd")).result).index_price;
    const [p, q] = [await price("north"), await price("south")];
    expect(p).not.toBe(q);
    expect(Math.abs(Math.log(p / world.spot(start)))).toBeLessThan(6e-4);
  });

  it("charts minutes that have closed, no later ones", async () => {
    const path = `get_tradingview_chart_data?instrument_name=ETH-PERPETUAL&start_timestamp=${(start - 3_600) * 1000}&end_timestamp=${(start + 3_600) * 1000}&resolution=1`;
    const chart = chartSchema.parse((await get("north", path)).result);
    expect(chart.status).toBe("ok");
    expect(chart.ticks).toHaveLength(60);
    expect(chart.ticks.at(-1)).toBe((start - 60) * 1000);
    const last = chart.close.at(-1) ?? 0;
    expect(Math.abs(Math.log(last / world.spot(start)))).toBeLessThan(6e-4);
    // One factor for the whole day: its returns are the world's.
    const moved = Math.log((chart.close[58] ?? 0) / (chart.open[0] ?? 0));
    expect(Math.abs(moved - Math.log(world.spot(start - 60) / world.spot(start - 3_600)))).toBeLessThan(1e-5);
  });

  it("answers who asks for two years with the hours there are, from the first, as both exchanges do", async () => {
    const from = start - 730 * 86_400;
    const exchange = new CandleApi(server.url("north"), "ETHUSDC");
    const venue = new DeribitVenue(server.url("north"), "ETH");
    for (const history of [exchange, venue]) {
      const hours = await history.candles(from, start, 3_600);
      expect(hours.length).toBeGreaterThanOrEqual(5 * 24 - 1);
      expect(hours[0]?.time).toBeLessThan(start - 4.9 * 86_400);
      expect(hours.at(-1)?.time).toBe(start - (start % 3_600) - 3_600);
    }
  });

  it("speaks JSON-RPC by POST and keeps the id", async () => {
    const answer = await post("south", { jsonrpc: "2.0", id: 42, method: "public/get_time", params: {} });
    expect(answer).toMatchObject({ status: 200, id: 42, result: start * 1000, testnet: false });
  });

  it.each([
    { what: "a method that is not", path: "get_nothing", code: -32_601 },
    { what: "another currency", path: "get_instruments?currency=BTC&kind=option", code: -32_602 },
    { what: "another index", path: "get_index_price?index_name=btc_usd", code: -32_602 },
    {
      what: "a chart without a start",
      path: "get_tradingview_chart_data?instrument_name=ETH-PERPETUAL&resolution=1",
      code: -32_602,
    },
  ])("refuses $what as Deribit does", async ({ path, code }) => {
    expect(await get("north", path)).toMatchObject({ status: 400, error: { code } });
  });

  it("knows no venue of another name, and refuses what is no call", async () => {
    expect((await get("west", "get_time")).status).toBe(400);
    expect(await post("north", { hello: 1 })).toMatchObject({ status: 400, error: { code: 11_050 } });
  });
});

describe("a venue over WebSocket", () => {
  const connect = async (name: string) => {
    const socket = new WebSocket(server.webSocketUrl(name));
    const waiting: ((message: unknown) => void)[] = [];
    const arrived: unknown[] = [];
    socket.on("message", (data) => {
      const message: unknown = JSON.parse(data.toString("utf8"));
      const next = waiting.shift();
      if (next) next(message);
      else arrived.push(message);
    });
    await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
    const receive = () =>
      arrived.length > 0 ? Promise.resolve(arrived.shift()) : new Promise((resolve) => waiting.push(resolve));
    return { socket, receive, call: (body: unknown) => socket.send(JSON.stringify(body)) };
  };
  const channel = "deribit_price_index.eth_usd";

  it("tells a subscriber the price at once and at every move of the clock, until it unsubscribes", async () => {
    const { socket, receive, call } = await connect("north");
    call({ jsonrpc: "2.0", id: 1, method: "public/subscribe", params: { channels: [channel, "trades.nothing"] } });
    expect(await receive()).toMatchObject({ id: 1, result: [channel] });
    expect(await receive()).toMatchObject({
      method: "subscription",
      params: { channel, data: { timestamp: start * 1000 } },
    });
    server.setTime(start + 3_600);
    const message = notificationSchema.parse(await receive());
    expect(message).toMatchObject({
      jsonrpc: "2.0",
      method: "subscription",
      params: { channel, data: { index_name: "eth_usd", timestamp: (start + 3_600) * 1000 } },
    });
    const index = (await get("north", "get_index_price?index_name=eth_usd")).result;
    expect(index).toMatchObject({ index_price: message.params.data.price });
    const summary = summarySchema.parse((await get("north", bookPath)).result);
    expect(summary[0]?.creation_timestamp).toBe((start + 3_600) * 1000);

    call({ jsonrpc: "2.0", id: 2, method: "public/unsubscribe", params: { channels: [channel] } });
    expect(await receive()).toMatchObject({ id: 2 });
    server.setTime(start + 7_200);
    call({ jsonrpc: "2.0", id: 3, method: "public/get_time", params: {} });
    expect(await receive()).toMatchObject({ id: 3, result: (start + 7_200) * 1000 });
    socket.close();
  });

  it("answers what is no call with an error and stays open", async () => {
    const { socket, receive } = await connect("south");
    socket.send("nonsense");
    expect(await receive()).toMatchObject({ error: { code: 11_050 } });
    socket.close();
  });

  it("is not there under another name", async () => {
    await expect(connect("west")).rejects.toThrow("404");
  });
});

describe("the venues' server", () => {
  it("says when its port is in use", async () => {
    await expect(startVenues({ world, venues: [], port: server.port })).rejects.toThrow(
      `Port ${server.port} is in use.`,
    );
  });

  it("closes although a subscriber is still connected", async () => {
    const other = await startVenues({ world, venues: [{ name: "north", seed: 1 }] });
    const socket = new WebSocket(other.webSocketUrl("north"));
    await new Promise((resolve) => socket.once("open", resolve));
    const closed = new Promise((resolve) => socket.once("close", resolve));
    await other.close();
    await closed;
    await expect(fetch(`${other.url("north")}/api/v2/public/get_time`)).rejects.toThrow();
  });
});
