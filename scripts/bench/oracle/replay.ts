import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { privateKeyToAccount } from "viem/accounts";
import {
  type CalibratedSlice,
  dequantiseSlice,
  essviTotalVariance,
  logMoneyness,
  normalCdf,
  SECONDS_PER_YEAR,
} from "../../../pricing/index.ts";
import { optionName } from "../../../src/chain/optionId.ts";
import { packReport, type ReportSlice, reportDigest, type SurfaceReport } from "../../../src/chain/report.ts";
import { readCandles } from "../../../src/market-data/candleFiles.ts";
import { coinChains } from "../../../src/market-data/coinQuotes.ts";
import { readBook, readInstruments } from "../../../src/market-data/deribit.ts";
import type { MarketSnapshot, SpotCandle } from "../../../src/market-data/marketData.ts";
import { composeReport, type Observation } from "../../../src/volatility-oracle/consensus.ts";
import { forecastVolatility, HISTORY_SECONDS } from "../../../src/volatility-oracle/forecast.ts";
import { GapBook } from "../../../src/volatility-oracle/gapBook.ts";
import { KnownKeys } from "../../../src/volatility-oracle/knownKeys.ts";
import { observeSurface } from "../../../src/volatility-oracle/lattice.ts";
import { levelByForecast, type SeenGap } from "../../../src/volatility-oracle/level.ts";
import { median } from "../../../src/volatility-oracle/median.ts";
import { openObservation, signObservation } from "../../../src/volatility-oracle/messages.ts";
import { quorumOf } from "../../../src/volatility-oracle/rounds.ts";
import { type BenchOptions, type BenchReport, quantile } from "../figure.ts";
import { type ChainRow, readSnapshots, type Snapshot, volatilityOfCoinPrice } from "../optionChains.ts";

const CHAINS = "eth_deribit_chain_202602.csv.gz";
const CANDLES = "spot/eth_usdt_1h_binance_20251115_202604.csv.gz";
const LEAST_DAYS = 2;
const [LEAST_DELTA, LARGEST_DELTA] = [0.1, 0.9];
/** As many nodes as a local market has, and what they need. */
const NODES = 4;
const frame = { round: 1, signerSet: 1, quorum: 3 };
const INSTRUMENTS = 800;
/** Runs that are measured, and those before them in which the engine compiles. */
const [WARM_UP, RUNS] = [60, 40];
const domain = { chainId: 1, oracle: `0x${"11".repeat(20)}` } as const;

/** One option's volatility in the oracle's surface against the venue's. */
interface Miss {
  readonly days: number;
  /** Vol points, signed: the surface minus the mark. */
  readonly error: number;
  /** Whether the surface's price lies between bid and ask; undefined where one is missing. */
  readonly inside: boolean | undefined;
}

/** Replays the recorded chains through what a node does with its venue's answers, and measures the surface and the work. */
export async function benchOracleReplay({ dataDirectory }: BenchOptions): Promise<BenchReport> {
  const snapshots = readSnapshots(dataDirectory, CHAINS);
  const candles = await readCandles(`${dataDirectory}/${CANDLES}`, -Infinity, Infinity);
  const misses: Miss[] = [];
  let failed = 0;
  for (const snapshot of snapshots) {
    const report = reportOf(snapshot, candles);
    if (report) misses.push(...missesOf(snapshot, report));
    else failed += 1;
  }
  if (misses.length === 0) throw new Error(`${CHAINS} holds no option that the surface could be compared with`);
  const [four, seven] = [
    await computeMilliseconds(snapshots, candles, 4),
    await computeMilliseconds(snapshots, candles, 7),
  ];
  const unit = `ms of processor, ${INSTRUMENTS} instruments (bound 50)`;
  const errors = misses.map(({ error }) => Math.abs(error));
  const quoted = misses.filter(({ inside }) => inside !== undefined);
  const share = (items: readonly Miss[]) => items.filter(({ inside }) => inside).length / items.length;
  const lines = [
    `${snapshots.length} snapshots of February 2026, ${misses.length} options of at least ${LEAST_DAYS} days, |delta| ${LEAST_DELTA}–${LARGEST_DELTA}; ${failed} without a surface. Vol points:`,
    "days to expiry   options   error median    95 %   mean (signed)   inside bid–ask",
    ...bands(misses, share),
  ];
  return {
    lines,
    figures: [
      { name: "replay.error.median", value: quantile(errors, 0.5), unit: "vol points (bound 0.6)" },
      { name: "replay.error.p95", value: quantile(errors, 0.95), unit: "vol points (bound 2.0)" },
      { name: "replay.insideBidAsk", value: share(quoted), unit: "of options quoted on both sides (bound 0.80)" },
      { name: "node.compute.ms", value: four, unit },
      { name: "node.compute.sevenNodes.ms", value: seven, unit },
    ],
  };
}

function bands(misses: readonly Miss[], share: (items: readonly Miss[]) => number): readonly string[] {
  const edges = [2, 4, 7, 14, 30, 60, 120, 400];
  return edges.slice(0, -1).flatMap((from, i) => {
    const to = edges[i + 1] ?? Infinity;
    const band = misses.filter(({ days }) => days >= from && days < to);
    if (band.length === 0) return [];
    const errors = band.map(({ error }) => Math.abs(error));
    const mean = band.reduce((sum, { error }) => sum + error, 0) / band.length;
    const inside = share(band.filter((miss) => miss.inside !== undefined));
    const cells = [quantile(errors, 0.5), quantile(errors, 0.95), mean].map((value) => value.toFixed(2));
    return `${`${from}–${to}`.padEnd(14)} ${String(band.length).padStart(9)} ${cells[0]?.padStart(14)} ${cells[1]?.padStart(7)} ${cells[2]?.padStart(15)} ${inside.toFixed(3).padStart(16)}`;
  });
}

/** What a venue's answer comes to. */
function marketOf({ timestamp, rows }: Snapshot): MarketSnapshot {
  const chains = coinChains(
    rows.map(({ expiry, strike, kind, bid, ask, forward }) => {
      return { expiry, strike, kind, bid: bid ?? null, ask: ask ?? null, forward };
    }),
  );
  return { time: timestamp, spot: median(rows.map(({ index }) => index)), chains };
}

/** What is learnt of the gap between quotes and forecast from one snapshot to the next, as a node does. */
const gaps = new GapBook(join(mkdtempSync(join(tmpdir(), "meniscus-bench-")), "gaps.json"), () => {});

/** Hourly candles as a node has them, one list for each hour: what is fitted to it is fitted once. */
const hoursByEnd = new Map<number, readonly SpotCandle[]>();
function hoursUntil(time: number, candles: readonly SpotCandle[]): readonly SpotCandle[] {
  const end = Math.floor(time / 3_600) * 3_600;
  const known = hoursByEnd.get(end);
  if (known) return known;
  const hours = candles.filter((candle) => candle.time + 3_600 <= end && candle.time >= end - HISTORY_SECONDS);
  hoursByEnd.set(end, hours);
  return hours;
}

function observe(market: MarketSnapshot, candles: readonly SpotCandle[]): Observation {
  const hours = hoursUntil(market.time, candles);
  const seen: SeenGap[] = [];
  const level = levelByForecast(
    forecastVolatility(hours),
    (tenor) => gaps.usual(tenor),
    (gap) => seen.push(gap),
  );
  const surface = observeSurface([market], { time: market.time, level });
  gaps.learn(market.time, seen);
  return { kind: "surface", marketId: 1, modelTime: market.time, spot: market.spot, averages: [], surface };
}

function reportOf(snapshot: Snapshot, candles: readonly SpotCandle[]): SurfaceReport | undefined {
  const observation = observe(marketOf(snapshot), candles);
  try {
    return composeReport(Array<Observation>(NODES).fill(observation), frame);
  } catch {
    return undefined; // counted
  }
}

function missesOf({ timestamp, rows }: Snapshot, report: SurfaceReport): readonly Miss[] {
  const slices = new Map(report.slices.map((slice) => [slice.expiry, storedSlice(slice)]));
  return rows.flatMap((row) => {
    const days = (row.expiry - timestamp) / 86_400;
    const slice = slices.get(row.expiry);
    if (!slice || days < LEAST_DAYS || !(row.markVolatility > 0)) return [];
    const time = (row.expiry - timestamp) / SECONDS_PER_YEAR;
    const root = Math.sqrt(time);
    const k = logMoneyness(Math.log(row.strike / row.forward));
    const delta = normalCdf((row.markVolatility * root) / 2 - k / (row.markVolatility * root));
    const size = row.kind === "call" ? delta : 1 - delta;
    if (size < LEAST_DELTA || size > LARGEST_DELTA) return [];
    const volatility = Math.sqrt(essviTotalVariance(slice, k)) / root;
    return [{ days, error: 100 * (volatility - row.markVolatility), inside: isInside(row, volatility, time) }];
  });
}

function storedSlice({ theta, psi, rho, basis, residual }: ReportSlice): Omit<CalibratedSlice, "years" | "forward"> {
  return dequantiseSlice({ theta, psi, rho: BigInt(rho), basis: BigInt(basis), residual: BigInt(residual) });
}

/** Volatility rises with the price, so the comparison is made in volatilities; a bid below intrinsic value is below any. */
function isInside(row: ChainRow, volatility: number, time: number): boolean | undefined {
  if (row.bid === undefined || row.ask === undefined || row.bid <= 0) return undefined;
  const of = (coin: number) => volatilityOfCoinPrice(row, coin, time) ?? 0;
  return volatility >= of(row.bid) && volatility <= of(row.ask);
}

/**
 * The median processor time of a leading node's work for one report, from the venue's text to the bytes that are submitted: parse, observe,
 * sign, open the others' observations, compose, sign, check a quorum's signatures, pack. The chain with the most instruments,
 * cut to 800. A node runs for months: the first runs, in which everything is compiled, do not count.
 */
async function computeMilliseconds(
  snapshots: readonly Snapshot[],
  candles: readonly SpotCandle[],
  count: number,
): Promise<number> {
  const largest = snapshots.reduce((best, next) => (next.rows.length > best.rows.length ? next : best));
  const rows = largest.rows.slice(0, INSTRUMENTS);
  if (rows.length < INSTRUMENTS) throw new Error(`the largest chain has only ${rows.length} instruments`);
  const { bookText, listed } = venueAnswer(rows, largest.timestamp);
  const spot = median(rows.map(({ index }) => index));
  const see = () => {
    const chains = readBook(JSON.parse(bookText) as unknown[], listed);
    return observe({ time: largest.timestamp, spot, chains }, candles);
  };
  const accounts = Array.from({ length: count }, (_, i) => privateKeyToAccount(`0x${String(i + 1).padStart(64, "0")}`));
  const keys = new KnownKeys(accounts.map(({ address }) => address));
  const quorum = quorumOf(count);
  const speakers = accounts.map((account, index) => ({ account, index, domain }));
  const [own, ...others] = speakers;
  if (!own) throw new Error("there is no node");
  const said = await Promise.all(others.map((speaker) => signObservation(speaker, see())));
  const seen = [see(), ...said.flatMap((item) => openObservation(item, domain, keys) ?? [])];
  const hash = reportDigest(composeReport(seen, { round: 1, signerSet: 1, quorum }), domain);
  const endorsed = await Promise.all(
    others.slice(0, quorum - 1).map(async ({ account, index }) => ({ index, signature: await account.sign({ hash }) })),
  );
  const times: number[] = [];
  for (let run = 0; run < WARM_UP + RUNS; run++) {
    const start = process.cpuUsage();
    const observation = see();
    await signObservation(own, observation);
    const opened = said.flatMap((item) => openObservation(item, domain, keys) ?? []);
    const report = composeReport([observation, ...opened], { round: 1, signerSet: 1, quorum });
    const digest = reportDigest(report, domain);
    const signature = await own.account.sign({ hash: digest });
    const valid = endorsed.filter((item) => keys.isSignedBy(item.index, digest, item.signature));
    packReport(report, [{ index: own.index, signature }, ...valid]);
    // Processor time, so that a busy machine does not count against the node.
    const { user, system } = process.cpuUsage(start);
    times.push((user + system) / 1e3);
    if (opened.length !== others.length || valid.length < quorum - 1) throw new Error("a signature is not valid");
  }
  return quantile(times.slice(WARM_UP), 0.5);
}

/** What a venue sends of its book, and what it lists. */
function venueAnswer(rows: readonly ChainRow[], timestamp: number) {
  const names = rows.map((row) => optionName("ETH", row));
  const bookText = JSON.stringify(
    rows.map((row, i) => ({
      instrument_name: names[i],
      bid_price: row.bid ?? null,
      ask_price: row.ask ?? null,
      underlying_price: row.forward,
      creation_timestamp: timestamp * 1000,
    })),
  );
  const listed = readInstruments(
    rows.map((row, i) => ({
      instrument_name: names[i],
      strike: row.strike,
      option_type: row.kind,
      expiration_timestamp: row.expiry * 1000,
      is_active: true,
    })),
  );
  return { bookText, listed };
}
