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
import { type ReportSlice, reportDigest, type SurfaceReport, signReport } from "../../../src/chain/report.ts";
import { readCandles } from "../../../src/market-data/candleFiles.ts";
import { coinChains } from "../../../src/market-data/coinQuotes.ts";
import { readBook, readInstruments } from "../../../src/market-data/deribit.ts";
import type { MarketSnapshot, SpotCandle } from "../../../src/market-data/marketData.ts";
import { composeReport, type Observation } from "../../../src/volatility-oracle/consensus.ts";
import { forecastVolatility, HISTORY_SECONDS } from "../../../src/volatility-oracle/forecast.ts";
import { observeSurface } from "../../../src/volatility-oracle/lattice.ts";
import { median } from "../../../src/volatility-oracle/median.ts";
import { openObservation, signObservation } from "../../../src/volatility-oracle/messages.ts";
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
  const milliseconds = await computeMilliseconds(snapshots, candles);
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
      { name: "node.compute.ms", value: milliseconds, unit: `ms of processor, ${INSTRUMENTS} instruments (bound 50)` },
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
  const surface = observeSurface([market], { time: market.time, forecast: forecastVolatility(hours) });
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
 * The median processor time of one node's work for one report: parse the venue's text, observe, sign, open the others' observations,
 * compose, sign. The chain with the most instruments, filled up or cut to 800.
 */
async function computeMilliseconds(snapshots: readonly Snapshot[], candles: readonly SpotCandle[]): Promise<number> {
  const largest = snapshots.reduce((best, next) => (next.rows.length > best.rows.length ? next : best));
  const rows = largest.rows.slice(0, INSTRUMENTS);
  if (rows.length < INSTRUMENTS) throw new Error(`the largest chain has only ${rows.length} instruments`);
  const names = rows.map((row) => optionName("ETH", row));
  const bookText = JSON.stringify(
    rows.map((row, i) => ({
      instrument_name: names[i],
      bid_price: row.bid ?? null,
      ask_price: row.ask ?? null,
      underlying_price: row.forward,
      creation_timestamp: largest.timestamp * 1000,
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
  const accounts = Array.from({ length: NODES }, (_, i) => privateKeyToAccount(`0x${String(i + 1).padStart(64, "0")}`));
  const [own, ...others] = accounts;
  if (!own) throw new Error("there is no node");
  const nodes = accounts.map(({ address }) => ({ address }));
  const spot = median(rows.map(({ index }) => index));
  const market = { time: largest.timestamp, spot, chains: readBook(JSON.parse(bookText) as unknown[], listed) };
  const said = await Promise.all(others.map((account) => signObservation(account, domain, observe(market, candles))));
  const times: number[] = [];
  for (let run = 0; run < 25; run++) {
    const start = process.cpuUsage();
    const chains = readBook(JSON.parse(bookText) as unknown[], listed);
    const seen = observe({ time: largest.timestamp, spot, chains }, candles);
    await signObservation(own, domain, seen);
    const opened = await Promise.all(said.map((item) => openObservation(item, domain, nodes)));
    const report = composeReport([seen, ...opened.flatMap((item) => (item ? [item.observation] : []))], frame);
    reportDigest(report, domain);
    await signReport(own, report, domain);
    // Processor time, so that a busy machine does not count against the node.
    const { user, system } = process.cpuUsage(start);
    times.push((user + system) / 1e3);
  }
  return quantile(times.slice(5), 0.5);
}
