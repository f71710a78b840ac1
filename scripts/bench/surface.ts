import {
  type CalibratedSlice,
  calibrateEssvi,
  dequantiseSlice,
  durrleman,
  essviTotalVariance,
  logMoneyness,
  quantiseSurface,
  sliceWordsAreArbitrageFree,
} from "../../pricing/index.ts";
import { type BenchOptions, type BenchReport, quantile } from "./figure.ts";
import { type ChainExpiry, expiriesOf, readSnapshots } from "./optionChains.ts";

/** Chains with a mark volatility; the specification's bound is on February, with the crash in it. */
const FILES = [
  "eth_deribit_chain_202512_202601.csv.gz",
  "eth_deribit_chain_202602.csv.gz",
  "eth_deribit_chain_202603_202604.csv.gz",
] as const;
const BOUNDED_FILE = "eth_deribit_chain_202602.csv.gz";
const DAYS_PER_YEAR = 365;
/** The bound of the specification: vol points at the money, every expiry of at least a week. */
const SHORTEST_BOUND_DAYS = 7;

/** One fitted slice. */
interface Measured {
  readonly file: string;
  readonly timestamp: number;
  readonly expiry: number;
  readonly days: number;
  /** Vol points. */
  readonly atTheMoney: number;
  readonly residual: number;
  readonly width: number;
}

/** Mark volatility at k = 0, on the chord between the strikes on both sides. */
function marketAtTheMoney({ quotes }: ChainExpiry): number | undefined {
  const right = quotes.findIndex(({ k }) => k >= 0);
  const above = quotes[right];
  const below = quotes[right - 1];
  if (above === undefined || below === undefined) return undefined;
  const share = (0 - below.k) / (above.k - below.k);
  return below.volatility + share * (above.volatility - below.volatility);
}

/** Vega-weighted mean of ask minus bid volatility, in vol points. */
function widthOf({ quotes }: ChainExpiry): number {
  const quoted = quotes.flatMap(({ width, weight }) => (width === undefined ? [] : [{ width, weight }]));
  const weights = quoted.reduce((sum, { weight }) => sum + weight, 0);
  return weights === 0
    ? Number.NaN
    : (100 * quoted.reduce((sum, { width, weight }) => sum + weight * width, 0)) / weights;
}

/** Points of |k| ≤ 3 where g < 0 or w falls with expiry, on the slices a contract would hold. */
function violationsOf(slices: readonly Omit<CalibratedSlice, "years" | "forward">[]): number {
  let violations = 0;
  for (let step = -300; step <= 300; step += 1) {
    const k = logMoneyness(step / 100);
    for (const [i, slice] of slices.entries()) {
      if (durrleman(slice, k) < 0) violations += 1;
      const before = slices[i - 1];
      if (before !== undefined && essviTotalVariance(slice, k) < essviTotalVariance(before, k)) violations += 1;
    }
  }
  return violations;
}

interface FittedChains {
  readonly file: string;
  readonly snapshots: number;
  readonly slices: readonly Measured[];
  /** Of each fit. */
  readonly milliseconds: readonly number[];
  readonly violations: number;
  readonly refusedWords: number;
}

function fitChains(dataDirectory: string, file: string): FittedChains {
  const snapshots = readSnapshots(dataDirectory, file);
  const slices: Measured[] = [];
  const milliseconds: number[] = [];
  let violations = 0;
  let refusedWords = 0;
  for (const snapshot of snapshots) {
    const expiries = expiriesOf(snapshot);
    const start = process.hrtime.bigint();
    const fitted = calibrateEssvi(expiries);
    milliseconds.push(Number(process.hrtime.bigint() - start) / 1e6);
    const words = quantiseSurface(fitted);
    if (!sliceWordsAreArbitrageFree(words)) refusedWords += 1;
    const stored = words.map(dequantiseSlice);
    violations += violationsOf(stored);
    for (const [i, expiry] of expiries.entries()) {
      const market = marketAtTheMoney(expiry);
      if (market === undefined) continue;
      slices.push({
        file,
        timestamp: snapshot.timestamp,
        expiry: expiry.expiry,
        days: expiry.years * DAYS_PER_YEAR,
        atTheMoney: 100 * Math.abs(Math.sqrt(stored[i]!.theta / expiry.years) - market),
        residual: 100 * fitted[i]!.residual,
        width: widthOf(expiry),
      });
    }
  }
  if (slices.length === 0) throw new Error(`${file} holds no expiry quoted on both sides of the money`);
  return { file, snapshots: snapshots.length, slices, milliseconds, violations, refusedWords };
}

const HEAD = "              slices   ATM error max   median   fit error median    max   bid–ask median";

function lineOf(name: string, rows: readonly Measured[]): string {
  const column = (of: (row: Measured) => number, share: number): string =>
    quantile(rows.map(of).filter(Number.isFinite), share).toFixed(2);
  return [
    name.padEnd(14),
    String(rows.length).padStart(6),
    column((row) => row.atTheMoney, 1).padStart(15),
    column((row) => row.atTheMoney, 0.5).padStart(8),
    column((row) => row.residual, 0.5).padStart(18),
    column((row) => row.residual, 1).padStart(6),
    column((row) => row.width, 0.5).padStart(16),
  ].join(" ");
}

/** "27 Feb 2026" */
const dateOf = (expiry: number): string =>
  new Date(expiry * 1000).toLocaleDateString("en-GB", {
    day: "numeric",
    month: "short",
    year: "numeric",
    timeZone: "UTC",
  });

/** A row for each expiry, over all snapshots in which it was quoted. */
function linesByExpiry({ file, snapshots, slices }: FittedChains): string[] {
  const expiries = [...new Set(slices.map(({ expiry }) => expiry))].toSorted((left, right) => left - right);
  return [
    `${file}: ${snapshots} snapshots, ${slices.length} slices of ${expiries.length} expiries. Vol points, fit error vega-weighted:`,
    HEAD,
    ...expiries.map((expiry) =>
      lineOf(
        dateOf(expiry),
        slices.filter((slice) => slice.expiry === expiry),
      ),
    ),
    "",
  ];
}

function linesByTenor(slices: readonly Measured[]): string[] {
  const bands = [0, 1, 2, 4, 7, 14, 30, 60, 120, 400];
  return [
    "All chains, by days to expiry:",
    HEAD,
    ...bands.slice(0, -1).flatMap((from, i) => {
      const to = bands[i + 1]!;
      const band = slices.filter(({ days }) => days >= from && days < to);
      return band.length === 0 ? [] : [lineOf(`${from}–${to} d`, band)];
    }),
  ];
}

export async function benchSurface({ dataDirectory }: BenchOptions): Promise<BenchReport> {
  const fits = FILES.map((file) => fitChains(dataDirectory, file));
  const slices = fits.flatMap((fit) => fit.slices);
  const long = slices.filter(({ days }) => days >= SHORTEST_BOUND_DAYS);
  const bounded = long.filter(({ file }) => file === BOUNDED_FILE);
  const worstOf = (rows: readonly Measured[]): Measured =>
    rows.reduce((left, right) => (right.atTheMoney > left.atTheMoney ? right : left));
  const worst = worstOf(long);
  const sum = (of: (fit: FittedChains) => number): number => fits.reduce((total, fit) => total + of(fit), 0);
  const median = (of: (row: Measured) => number): number => quantile(long.map(of).filter(Number.isFinite), 0.5);
  return {
    lines: [
      ...fits.flatMap(linesByExpiry),
      ...linesByTenor(slices),
      `worst at the money from ${SHORTEST_BOUND_DAYS} days: ${worst.atTheMoney.toFixed(3)} at ${worst.days.toFixed(1)} days, ${new Date(worst.timestamp * 1000).toISOString()}`,
    ],
    figures: [
      { name: "surface.snapshots", value: sum((fit) => fit.snapshots), unit: "chains" },
      {
        name: "surface.atm.error.max",
        value: worstOf(bounded).atTheMoney,
        unit: "vol points, February 2026, ≥ 7 days (bound 0.5)",
      },
      { name: "surface.atm.error.max.all", value: worst.atTheMoney, unit: "vol points, every chain, ≥ 7 days" },
      { name: "surface.atm.error.median", value: median((row) => row.atTheMoney), unit: "vol points, ≥ 7 days" },
      {
        name: "surface.fit.error.median",
        value: median((row) => row.residual),
        unit: "vol points, vega-weighted, ≥ 7 days",
      },
      { name: "surface.bidAsk.median", value: median((row) => row.width), unit: "vol points, ≥ 7 days" },
      { name: "surface.arbitrage.violations", value: sum((fit) => fit.violations), unit: "points of |k| ≤ 3" },
      { name: "surface.words.refused", value: sum((fit) => fit.refusedWords), unit: "surfaces" },
      {
        name: "surface.fit.ms",
        value: quantile(
          fits.flatMap((fit) => fit.milliseconds),
          0.5,
        ),
        unit: "ms, all expiries",
      },
    ],
  };
}
