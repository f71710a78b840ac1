// Deribit's and Binance's protocols from a server that speaks them, with everything that goes wrong on the way.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { generateWorld } from "../../../src/market/generator.ts";
import { SPOT_SYMBOL, startVenues, type VenueServer } from "../../../src/market/venue.ts";
import { CandleApi } from "../../../src/market-data/candleApi.ts";
import { coinChains } from "../../../src/market-data/coinQuotes.ts";
import { DeribitVenue } from "../../../src/market-data/deribit.ts";
import { minutePrices, type SpotPrice } from "../../../src/market-data/marketData.ts";
import { ReplayVenue } from "../../../src/market-data/replayVenue.ts";
import { MeniscusError } from "../../../src/runtime/errors.ts";
import { FaultyVenue, type Mangled } from "./faultyVenue.ts";

const world = generateWorld({ seed: 3, historyDays: 5 });
const start = world.firstTime;
const quick = { retries: 2, firstWaitMilliseconds: 1, timeoutMilliseconds: 400 };
let venues: VenueServer;
let faulty: FaultyVenue;
let time = start;

beforeAll(async () => {
  venues = await startVenues({ world, venues: [{ name: "north", seed: 1, spotNoise: 0, volatilityNoise: 0 }] });
  faulty = await FaultyVenue.start(venues.url("north"));
});
afterEach(() => {
  faulty.mangle = () => undefined;
  faulty.mangleWord = (text) => [text];
});
afterAll(async () => {
  faulty.close();
  await venues.close();
});

const deribit = () => new DeribitVenue(faulty.url, "ETH", quick);
const candleApi = () => new CandleApi(faulty.url, SPOT_SYMBOL, quick);

/** Changes the rows of the book summary. */
function mangleBook(change: (rows: Record<string, unknown>[]) => unknown[]): void {
  faulty.mangle = (path, text) => {
    if (!path.includes("get_book_summary")) return undefined;
    const answer = JSON.parse(text) as { result: Record<string, unknown>[] };
    return { text: JSON.stringify({ ...answer, result: change(answer.result) }) };
  };
}

/** The error of something that must fail. */
async function failure(action: Promise<unknown>): Promise<MeniscusError> {
  try {
    await action;
  } catch (error) {
    if (error instanceof MeniscusError) return error;
    throw error;
  }
  throw new Error("it did not fail");
}

describe("Deribit over HTTP", () => {
  test("gives time, spot, and coin prices times the expiry's forward", async () => {
    const snapshot = await deribit().snapshot();
    expect([snapshot.time, snapshot.spot]).toEqual([start, expect.closeTo(world.spot(start), 1)]);
    const chain = world.chain(start);
    const quoted = chain.quotes.find(({ bid, ask }) => bid !== undefined && ask !== undefined && bid > 0.01);
    const forward = chain.forwardByExpiry.get(quoted?.expiry ?? 0) ?? 0;
    const found = snapshot.chains
      .find(({ expiry }) => expiry === quoted?.expiry)
      ?.quotes.find(({ strike, kind }) => strike === quoted?.strike && kind === quoted.kind);
    expect(found?.bid).toBeCloseTo((quoted?.bid ?? 0) * forward, 3);
    expect(found?.ask).toBeCloseTo((quoted?.ask ?? 0) * forward, 3);
    const expiries = snapshot.chains.map(({ expiry }) => expiry);
    expect(expiries).toEqual(expiries.toSorted((a, b) => a - b));
  });

  test("has the same chains as a replay of the same world", async () => {
    const [over, direct] = await Promise.all([deribit().snapshot(), new ReplayVenue(world, start).snapshot()]);
    const count = (chains: typeof over.chains) => chains.map(({ expiry, quotes }) => [expiry, quotes.length]);
    expect(count(over.chains)).toEqual(count(direct.chains));
  });

  test.for<readonly [string, (row: Record<string, unknown>) => Record<string, unknown>]>([
    ["a price that is text", (row) => ({ ...row, bid_price: "0.1" })],
    ["a negative price", (row) => ({ ...row, ask_price: -1 })],
    ["an absurd forward", (row) => ({ ...row, underlying_price: 1e15 })],
    ["no name", ({ instrument_name: _, ...row }) => row],
    ["a name that is not listed", (row) => ({ ...row, instrument_name: "ETH-1JAN30-1000-C" })],
    ["a name that is none", (row) => ({ ...row, instrument_name: "__proto__" })],
  ])("a row with %s is left out, the others stay", async ([, spoil]) => {
    const whole = (await deribit().snapshot()).chains.flatMap(({ quotes }) => quotes).length;
    mangleBook((rows) => {
      const first = rows.findIndex((row) => Number(row.bid_price) > 0 && Number(row.ask_price) > 0);
      return rows.map((row, i) => (i === first ? spoil(row) : row));
    });
    expect((await deribit().snapshot()).chains.flatMap(({ quotes }) => quotes)).toHaveLength(whole - 1);
  });

  test("what is said twice counts once, the first time; the order of rows does not matter", async () => {
    const plain = (await deribit().snapshot()).chains;
    mangleBook((rows) => [...rows, ...rows.map((row) => ({ ...row, bid_price: 0.9, ask_price: 0.95 }))]);
    expect((await deribit().snapshot()).chains).toEqual(plain);
    mangleBook((rows) => rows.toReversed());
    const turned = (await deribit().snapshot()).chains;
    expect(turned.map(({ expiry, quotes }) => [expiry, quotes.length])).toEqual(
      plain.map(({ expiry, quotes }) => [expiry, quotes.length]),
    );
  });

  test("options whose listing contradicts their name, or that are not active, are left out", async () => {
    faulty.mangle = (path, text) => {
      if (!path.includes("get_instruments")) return undefined;
      const answer = JSON.parse(text) as { result: Record<string, unknown>[] };
      const result = answer.result.map((row, i) =>
        i % 3 === 0 ? { ...row, is_active: false } : i % 3 === 1 ? { ...row, strike: 1 } : row,
      );
      return { text: JSON.stringify({ ...answer, result }) };
    };
    const listed = world.chain(start).quotes.filter((_, i) => i % 3 === 2);
    const found = (await deribit().snapshot()).chains.flatMap(({ quotes }) => quotes);
    const names = new Set(listed.map(({ expiry, strike, kind }) => `${expiry} ${strike} ${kind}`));
    expect(found.length).toBeGreaterThan(50);
    expect(found.every(({ expiry, strike, kind }) => names.has(`${expiry} ${strike} ${kind}`))).toBe(true);
  });

  test.for<readonly [string, Mangled, RegExp]>([
    ["no JSON", { text: "<html>" }, /Invalid input/],
    ["another form", { text: '{"result":{"rows":[]}}' }, /get_time|ticker|get_book/],
    ["an answer that never ends", { afterMilliseconds: 2_000 }, /^No answer from/],
    ["a closed connection", { cut: true }, /^No answer from/],
    ["a fault of its own", { status: 503 }, /answers 503/],
    ["too many requests", { status: 429 }, /answers 429/],
    ["a refusal", { status: 400, text: '{"error":{"code":-32602,"message":"Invalid params"}}' }, /Invalid params/],
  ])("%s is an error that names the place", async ([, mangled, says]) => {
    faulty.mangle = () => mangled;
    const error = await failure(deribit().snapshot());
    expect(error.message).toMatch(says);
    expect(error.message.split("\n")).toHaveLength(1);
  });

  test("K20 is asked again after a failure that may pass, and not after a refusal", async () => {
    let failures = 2;
    faulty.mangle = (path) => (path.includes("ticker") && failures-- > 0 ? { status: 502 } : undefined);
    expect((await deribit().spot()).time).toBe(start);
    faulty.asked.length = 0;
    faulty.mangle = () => ({ status: 400, text: '{"error":{"message":"no"}}' });
    await failure(deribit().spot());
    expect(faulty.asked).toHaveLength(1);
  });

  test("an answer of any length is not read to its end", async () => {
    faulty.mangle = () => ({ text: `[${"0,".repeat(2_000_000)}0]` });
    const error = await failure(new DeribitVenue(faulty.url, "ETH", { ...quick, maxBytes: 100_000 }).spot());
    expect(error.message).toMatch(/more than 100000 bytes/);
  });

  test("a market that is closed has no spot", async () => {
    faulty.mangle = (_path, text) => ({ text: text.replace('"open"', '"closed"') });
    expect((await failure(deribit().spot())).message).toMatch(/the market is closed/);
  });

  test("is asked at most so often", async () => {
    const venue = new DeribitVenue(faulty.url, "ETH", { ...quick, requestsPerSecond: 3 });
    faulty.asked.length = 0;
    const asked = Array.from({ length: 5 }, () => venue.spot());
    await Promise.all(asked.slice(0, 3));
    expect(faulty.asked).toHaveLength(3);
    await Promise.all(asked);
    expect(faulty.asked).toHaveLength(5);
  });
});

describe("candles", () => {
  test("of both exchanges are the same minutes, closed ones only", async () => {
    const [from, to] = [start - 1_800, start + 600];
    const [one, other] = [await deribit().candles(from, to, 60), await candleApi().candles(from, to, 60)];
    expect(one).toHaveLength(30);
    expect(other).toEqual(one);
    expect(one.at(-1)?.time).toBe(start - 60);
    expect(minutePrices(one)[0]?.price).toBeCloseTo(world.spot(from + 30), 1);
  });

  test("come in pages where they are many", async () => {
    faulty.asked.length = 0;
    const candles = await candleApi().candles(start - 2_500 * 60, start, 60);
    expect(candles).toHaveLength(2_500);
    expect(faulty.asked.filter((path) => path.includes("klines"))).toHaveLength(3);
    expect(await candleApi().candles(start - 48 * 3_600, start, 3_600)).toHaveLength(48);
  });

  test("late, repeated, out of order or impossible: each minute once, in order, the impossible left out", async () => {
    const plain = await candleApi().candles(start - 1_800, start, 60);
    faulty.mangle = (path, text) => {
      if (!path.includes("klines")) return undefined;
      const rows = JSON.parse(text) as [number, string, string, string, string][];
      const [first, second] = [rows[0], rows[1]];
      if (!first || !second) return undefined;
      const upsideDown = [second[0], second[1], second[3], second[2], second[4]];
      const repeated = [first[0], "1", "1", "1", "1"];
      const between = [first[0] + 30_000, ...first.slice(1)];
      return { text: JSON.stringify([...rows.slice(2).toReversed(), first, upsideDown, repeated, between]) };
    };
    const mangled = await candleApi().candles(start - 1_800, start, 60);
    expect(mangled).toEqual(plain.filter((_, i) => i !== 1));
  });

  test("prices that are no decimals are refused", async () => {
    faulty.mangle = (path, text) =>
      path.includes("klines") ? { text: text.replace(/"\d+\.\d+"/, '"NaN"') } : undefined;
    expect((await failure(candleApi().candles(start - 600, start, 60))).kind).toBe("data");
  });

  test("a page that goes nowhere is not asked for again", async () => {
    const page = JSON.stringify(Array.from({ length: 1_000 }, () => [(start - 200_000) * 1000, "1", "1", "1", "1"]));
    faulty.mangle = (path) => (path.includes("klines") ? { text: page } : undefined);
    faulty.asked.length = 0;
    await candleApi().candles(start - 2_000 * 60, start, 60);
    expect(faulty.asked.filter((path) => path.includes("klines"))).toHaveLength(1);
  });
});

describe("spot", () => {
  test("is the middle of best bid and ask", async () => {
    const { time: at, price } = await candleApi().spot();
    expect(at).toBe(start);
    expect(Math.abs(price - world.spot(start))).toBeLessThan(0.02);
  });

  test.for([
    ["crossed", (text: string) => text.replace(/"askPrice":"[^"]+"/, '"askPrice":"1"')],
    ["of nobody", (text: string) => text.replace(/"bidPrice":"[^"]+"/, '"bidPrice":"0"')],
    ["of another pair", (text: string) => text.replace(SPOT_SYMBOL, "BTCUSDC")],
  ] as const)("%s is no spot", async ([, spoil]) => {
    faulty.mangle = (path, text) => (path.includes("bookTicker") ? { text: spoil(text) } : undefined);
    expect((await failure(candleApi().spot())).message).toMatch(/is quoted/);
  });
});

describe("Deribit over WebSocket", () => {
  /** Collects what is heard until `enough` of it is there. */
  function listen() {
    const heard: SpotPrice[] = [];
    const end = deribit().subscribe((index) => heard.push(index));
    const until = async (enough: number) => {
      await expect.poll(() => heard.length, { timeout: 10_000 }).toBeGreaterThanOrEqual(enough);
    };
    return { heard, end, until };
  }

  const tick = () => {
    time += 60;
    venues.setTime(time);
  };

  test("K22 tells of later times only, whatever is repeated, late or garbled", async () => {
    const words: string[] = [];
    faulty.mangleWord = (text) => {
      if (!text.includes("subscription")) return [text];
      words.push(text);
      const old = words.at(-2) ?? text;
      return [
        "{",
        text.replace("subscription", "other"),
        text.replace(/"price":[\d.]+/, '"price":-1'),
        text,
        text,
        old,
      ];
    };
    const { heard, end, until } = listen();
    await until(1);
    tick();
    await until(2);
    tick();
    await until(3);
    end();
    expect(heard.map((index) => index.time)).toEqual([time - 120, time - 60, time]);
  });

  test("K22 comes back after the venue is gone, and again", async () => {
    const { heard, end, until } = listen();
    await until(1);
    for (let drop = 0; drop < 2; drop++) {
      const [before, opened] = [heard.length, faulty.opened];
      faulty.dropSockets();
      await expect.poll(() => faulty.opened, { timeout: 10_000 }).toBeGreaterThan(opened);
      tick();
      await until(before + 1);
    }
    end();
    await expect.poll(() => faulty.listeners, { timeout: 10_000 }).toBe(0);
  });
});

describe("coin quotes", () => {
  test("one side alone is no price; chains are by expiry", () => {
    const quote = { strike: 2_000, kind: "call", forward: 2_100 } as const;
    const chains = coinChains([
      { ...quote, expiry: 2, bid: 0.1, ask: 0.2 },
      { ...quote, expiry: 1, bid: null, ask: 0.2 },
      { ...quote, expiry: 1, bid: 0.1, ask: null },
      { ...quote, expiry: 1, bid: 0, ask: 0.1 },
    ]);
    expect(chains).toEqual([
      { expiry: 1, forward: 2_100, quotes: [] },
      { expiry: 2, forward: 2_100, quotes: [{ expiry: 2, strike: 2_000, kind: "call", bid: 210, ask: 420 }] },
    ]);
  });
});
