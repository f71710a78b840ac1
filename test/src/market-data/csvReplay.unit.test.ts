import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { blackPrice } from "../../../src/market/venuePricing.ts";
import { SECONDS_PER_DAY, SECONDS_PER_YEAR } from "../../../src/market/world.ts";
import { openReplay, periodInName } from "../../../src/market-data/csvReplay.ts";
import { minutePath } from "../../../src/market-data/minutePath.ts";
import { describeError } from "../../../src/runtime/errors.ts";

const at = (text: string) => Date.parse(`${text}:00Z`) / 1000;
const from = at("2026-03-02T00:00");
const candleHeader = "ts,open,high,low,close,volume";
const chainHeader = "ts,instrument,cp,strike,expiry,fwd,fwd_name,index,bid,ask,mark,mark_iv,oi";
const expiries = [at("2026-03-04T08:00"), at("2026-03-27T08:00")];
const strikes = [1_600, 1_800, 1_900, 2_000, 2_100, 2_200, 2_500];
const smileAt = (strike: number) => 0.6 + 0.8 * Math.log(strike / 2_000) ** 2;

const candleRows = (hours: number, price = 2_000) =>
  Array.from({ length: hours }, (_, i) => {
    const open = price + 10 * Math.sin(i);
    const close = price + 10 * Math.sin(i + 1);
    const high = Math.max(open, close) + 8;
    const low = Math.min(open, close) - 5;
    return `${from - SECONDS_PER_DAY + i * 3_600},${open},${high},${low},${close},1200`;
  });

const chainRows = (time: number, spot = 2_000) =>
  expiries.flatMap((expiry) => {
    const years = (expiry - time) / SECONDS_PER_YEAR;
    const forward = spot * Math.exp(0.04 * years);
    return strikes.flatMap((strike) =>
      (["C", "P"] as const).map((cp) => {
        const v = smileAt(strike) * Math.sqrt(years);
        const mark = blackPrice(forward, strike, v, cp === "C" ? "call" : "put") / forward;
        const bid = strike === 2_500 ? "" : (mark - 0.0004).toFixed(6);
        const row = [bid, (mark + 0.0006).toFixed(6), mark.toFixed(9), smileAt(strike).toFixed(6), 12];
        // The index column was taken later, when spot had moved by half a per cent.
        return [time, `ETH-X-${strike}-${cp}`, cp, strike, expiry, forward, "SYN", spot * 1.005, ...row].join(",");
      }),
    );
  });

let directory: string;
const write = (name: string, lines: readonly string[]) =>
  writeFileSync(
    join(directory, name),
    name.endsWith(".gz") ? gzipSync(`${lines.join("\n")}\n`) : `${lines.join("\n")}\n`,
  );
const failure = async (options: { from?: number; days?: number } = {}) => {
  try {
    await openReplay({ directory, ...options });
  } catch (error) {
    return describeError(error);
  }
  throw new Error("It did not fail");
};

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "replay-"));
  mkdirSync(join(directory, "spot"));
  mkdirSync(join(directory, "options"));
  write("spot/eth_1h_20260301_202603.csv.gz", [candleHeader, ...candleRows(96)]);
  write("options/chain_202603.csv.gz", [
    chainHeader,
    ...chainRows(from - 7_200),
    ...chainRows(from + 3 * 3_600),
    ...chainRows(from + 20 * 3_600),
  ]);
  write("options/other.csv", ["ts,min,max", "1,2,3"]);
});
afterEach(() => rmSync(directory, { recursive: true }));

describe("a replay", () => {
  it("begins by default at the first midnight with candles and a chain, and ends where the data end", async () => {
    const world = await openReplay({ directory });
    expect(world.firstTime).toBe(from);
    expect(world.historyFrom).toBe(from - SECONDS_PER_DAY);
    expect(world.lastTime).toBe(from + 44 * 3_600); // the last chain serves a day
  });

  it("keeps the smile as a function of ln(K/F) and reprices it on the spot and the time of the moment", async () => {
    const world = await openReplay({ directory, days: 1 });
    for (const hour of [0, 2, 5, 11]) {
      const chain = world.chain(from + hour * 3_600);
      expect(chain.quotes).toHaveLength(2 * 2 * strikes.length);
      for (const quote of chain.quotes) {
        const years = (quote.expiry - chain.time) / SECONDS_PER_YEAR;
        // The carry is read off the forwards, so the late index does not disturb it.
        const forward = chain.spot * Math.exp(0.04 * years);
        expect(chain.forwardByExpiry.get(quote.expiry)).toBeCloseTo(forward, 6);
        const k = Math.min(Math.max(Math.log(quote.strike / forward), Math.log(0.8)), Math.log(1.25));
        // The cubic through seven strikes is within half a vol point of the parabola that they were taken from.
        expect(Math.abs(quote.markIv - (0.6 + 0.8 * k * k)), `${quote.instrument} at ${hour} h`).toBeLessThan(0.005);
        const mark = blackPrice(forward, quote.strike, quote.markIv * Math.sqrt(years), quote.kind) / forward;
        expect(Math.abs(quote.mark - mark)).toBeLessThan(2e-5);
        // A quote keeps its distance to the mark, rounded outwards on the grid.
        if (quote.bid !== undefined) {
          expect(quote.mark - quote.bid).toBeGreaterThan(0.0003);
          expect(quote.mark - quote.bid).toBeLessThan(0.001);
        }
        expect((quote.ask ?? 0) - quote.mark).toBeGreaterThan(0.0005);
        expect((quote.ask ?? 0) - quote.mark).toBeLessThan(0.0012);
      }
      expect(chain.quotes.filter(({ strike, bid }) => strike === 2_500 && bid !== undefined)).toEqual([]);
    }
  });

  it("takes up the next snapshot at its second, not before", async () => {
    write("options/chain_202603.csv.gz", [
      chainHeader,
      ...chainRows(from - 7_200),
      ...chainRows(from + 3_600).slice(14),
    ]);
    const world = await openReplay({ directory, days: 1 });
    expect(world.expiries(from + 3_599)).toEqual(expiries);
    expect(world.expiries(from + 3_600)).toEqual([expiries[1]]);
  });

  it("drops an expiry at its second", async () => {
    write("options/chain_202603.csv.gz", [
      chainHeader,
      ...[-2, 20, 42, 60].flatMap((hour) => chainRows(from + hour * 3_600).slice(hour >= 56 ? 14 : 0)),
    ]);
    const world = await openReplay({ directory, days: 2.5 });
    const expiry = expiries[0] ?? 0;
    expect(world.expiries(expiry - 1)).toEqual(expiries);
    expect(world.expiries(expiry)).toEqual([expiries[1]]);
    expect(world.chain(expiry).quotes).toHaveLength(2 * strikes.length);
  });

  it("inverts the mark where there is no mark_iv", async () => {
    const without = (row: string) => row.split(",").toSpliced(11, 1).join(",");
    write(
      "options/chain_202603.csv.gz",
      [chainHeader, ...chainRows(from - 7_200), ...chainRows(from + 36_000)].map(without),
    );
    const world = await openReplay({ directory, days: 0.5 });
    const atm = world.chain(from).quotes.find(({ strike }) => strike === 2_000);
    expect(Math.abs((atm?.markIv ?? 0) - 0.6)).toBeLessThan(0.002);
  });

  it("gives minute candles whose hours are the file's", async () => {
    const world = await openReplay({ directory, days: 1 });
    const minutes = world.minuteCandles(from, from + 2 * 3_600);
    expect(minutes).toHaveLength(120);
    const [, open, high, low] = (candleRows(26)[24] ?? "").split(",").map(Number);
    const hour = minutes.slice(0, 60);
    expect(hour[0]?.open).toBeCloseTo(open ?? 0, 9);
    expect(Math.max(...hour.map((candle) => candle.high))).toBeCloseTo(high ?? 0, 9);
    expect(Math.min(...hour.map((candle) => candle.low))).toBeCloseTo(low ?? 0, 9);
    expect(world.spot(from + 30)).toBeCloseTo(((minutes[0]?.open ?? 0) + (minutes[0]?.close ?? 0)) / 2, 9);
  });
});

describe("a replay of bad data", () => {
  it.each([
    { line: 2, field: 5, value: "x", says: 'spot/eth_1h_20260301_202603.csv.gz:2: volume "x" is not a number.' },
    { line: 30, field: 2, value: "1", says: "lies outside of" },
    { line: 4, field: 0, value: "soon", says: "csv.gz:4: " },
    { line: 7, field: 4, value: "1,2", says: "csv.gz:7: 7 fields where the header has 6." },
  ])("names file and line of a candle: $says", async ({ line, field, value, says }) => {
    const rows = [candleHeader, ...candleRows(96)];
    const fields = (rows[line - 1] ?? "").split(",");
    fields[field] = value;
    write("spot/eth_1h_20260301_202603.csv.gz", rows.with(line - 1, fields.join(",")));
    expect(await failure()).toContain(says);
  });

  it.each([
    { field: 2, value: "X", says: 'options/chain_202603.csv.gz:9: cp "X" is neither C nor P.' },
    { field: 9, value: "0.00001", says: "is above ask 0.00001" },
    { field: 10, value: "", says: "options/chain_202603.csv.gz:9: mark is empty." },
    { field: 5, value: "-3", says: "strike, fwd and index must be positive" },
  ])("names file and line of an option: $says", async ({ field, value, says }) => {
    const rows = [chainHeader, ...chainRows(from - 7_200), ...chainRows(from + 3_600)];
    const fields = (rows[8] ?? "").split(",");
    fields[field] = value;
    write("options/chain_202603.csv.gz", rows.with(8, fields.join(",")));
    expect(await failure()).toContain(says);
  });

  it("says where a compressed file is cut off", async () => {
    const whole = gzipSync([candleHeader, ...candleRows(96)].join("\n"));
    writeFileSync(join(directory, "spot/eth_1h_20260301_202603.csv.gz"), whole.subarray(0, 400));
    expect(await failure()).toMatch(/^spot\/eth_1h_20260301_202603\.csv\.gz:\d+: the file cannot be read on \(.*\)\.$/);
  });

  it("says what there is when a day is not", async () => {
    expect(await failure({ from: at("2025-01-01T00:00") })).toBe(
      `${directory} has no candles with option chains on 2025-01-01. Chains: 2026-03-01 … 2026-03-02. Candles: 2026-03-01 … 2026-04-01.`,
    );
    expect(await failure({ from, days: 14 })).toContain("has 1.8 days of market from 2026-03-02T00:00 UTC, not 14.");
  });

  it("says which folder is missing", async () => {
    rmSync(join(directory, "options"), { recursive: true });
    expect(await failure()).toContain(
      `There is no folder ${join(directory, "options")}. --data needs a folder with spot/`,
    );
  });

  it("does not take another table for a chain", async () => {
    rmSync(join(directory, "options/chain_202603.csv.gz"));
    expect(await failure()).toContain("is an option chain. A chain has the columns ts, instrument, cp");
  });
});

describe("the path within a candle", () => {
  it("starts, ends, and touches high and low, whatever the shape", () => {
    const bars = [
      { open: 100, high: 103, low: 98, end: 101 },
      { open: 100, high: 100, low: 95, end: 96 },
      { open: 95, high: 101, low: 95, end: 101 },
      { open: 100, high: 112, low: 99.9, end: 100 },
      { open: 100, high: 100, low: 100, end: 100 },
      { open: 100, high: 100, low: 90, end: 100 },
    ];
    for (const bar of bars) {
      for (const minutes of [1, 5, 60]) {
        for (let seed = 0; seed < 50; seed++) {
          const path = minutePath(bar, minutes, seed);
          expect(path).toHaveLength(minutes + 1);
          expect([path[0], path[minutes]]).toEqual([bar.open, bar.end]);
          const touched =
            minutes === 1 ? [Math.max(bar.open, bar.end), Math.min(bar.open, bar.end)] : [bar.high, bar.low];
          expect([Math.max(...path), Math.min(...path)]).toEqual(touched);
        }
      }
    }
  });

  it("is as rough as its range says, over many candles", () => {
    let squares = 0;
    const count = 400;
    for (let seed = 0; seed < count; seed++) {
      const path = minutePath({ open: 100, high: 100.8, low: 99.2, end: 100 }, 60, seed);
      for (let i = 1; i <= 60; i++) squares += ((path[i] ?? 0) - (path[i - 1] ?? 0)) ** 2;
    }
    const parkinson = 1.6 ** 2 / (4 * Math.LN2);
    expect(squares / count / parkinson).toBeGreaterThan(0.85);
    expect(squares / count / parkinson).toBeLessThan(1.2);
  });
});

it.each([
  { name: "a_202602.csv.gz", first: "2026-02-01T00:00", last: "2026-03-01T00:00" },
  { name: "a_20251115_202604.csv", first: "2025-11-15T00:00", last: "2026-05-01T00:00" },
  { name: "a_20240108.csv.gz", first: "2024-01-08T00:00", last: "2024-01-09T00:00" },
])("$name is dated by its name", ({ name, first, last }) => {
  expect(periodInName(name)).toEqual({ first: at(first), last: at(last) });
});
it("a name without a date says nothing", () => expect(periodInName("perp_2022H2.csv.gz")).toBeUndefined());

const realData = process.env.MENISCUS_DATA ?? "../shared/data";
const hasRealData = existsSync(join(realData, "options"));
if (!hasRealData) console.warn(`Skipped: the replay of real data, because ${realData} is missing (set MENISCUS_DATA).`);

describe.skipIf(!hasRealData)("a replay of real data", () => {
  it("covers February 2026's crash with quotes that fit spot at every hour", async () => {
    const world = await openReplay({ directory: realData, from: at("2026-01-31T00:00"), days: 14 });
    expect(world.firstTime).toBe(at("2026-01-31T00:00"));
    expect(world.spot(world.firstTime)).toBeGreaterThan(2_600);
    let lowest = Infinity;
    for (let hour = 0; hour <= 14 * 24; hour += 6) {
      const chain = world.chain(world.firstTime + hour * 3_600);
      expect(chain.quotes.length).toBeGreaterThan(500);
      expect(chain.forwardByExpiry.size).toBeGreaterThanOrEqual(9);
      for (const [expiry, forward] of chain.forwardByExpiry) {
        const years = (expiry - chain.time) / SECONDS_PER_YEAR;
        expect(Math.abs(Math.log(forward / chain.spot) / years), new Date(expiry * 1000).toISOString()).toBeLessThan(
          0.25,
        );
      }
      for (const quote of chain.quotes) {
        if (quote.bid !== undefined && quote.ask !== undefined) expect(quote.bid).toBeLessThan(quote.ask);
        expect(quote.markIv).toBeGreaterThan(0.05);
      }
      lowest = Math.min(lowest, chain.spot);
    }
    expect(lowest).toBeLessThan(1_900);
  });

  it("shows a snapshot's own volatilities at its own second", async () => {
    const rows = gunzipSync(readFileSync(join(realData, "options/eth_deribit_chain_202602.csv.gz")))
      .toString()
      .split("\n");
    const columns = (rows[0] ?? "").split(",");
    const field = (row: string, name: string) => row.split(",")[columns.indexOf(name)] ?? "";
    const time = Number(field(rows.find((row) => Number(row.split(",")[0]) > at("2026-02-06T00:00")) ?? "", "ts"));
    const snapshot = rows.filter((row) => row.startsWith(`${time},`));
    expect(snapshot.length).toBeGreaterThan(500);
    const world = await openReplay({ directory: realData, from: at("2026-02-05T00:00"), days: 2 });
    const seen = new Map(world.chain(time).quotes.map((quote) => [quote.instrument, quote]));
    const differences = snapshot
      .filter((row) => Number(field(row, "expiry")) - time > 7 * SECONDS_PER_DAY)
      .filter((row) => Math.abs(Math.abs(Number(field(row, "delta"))) - 0.5) < 0.2)
      .map((row) => Math.abs((seen.get(field(row, "instrument"))?.markIv ?? 9) - Number(field(row, "mark_iv"))));
    expect(differences.length).toBeGreaterThan(30);
    // Binance's candle and Deribit's index differ by some basis points, which moves k, and so σ(k), a little.
    expect(Math.max(...differences)).toBeLessThan(0.01);
  });
});
