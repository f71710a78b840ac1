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

const FILE = "eth_deribit_chain_202602.csv.gz";
const DAYS_PER_YEAR = 365;
/** The bound of the specification: vol points at the money, every expiry of at least a week. */
const SHORTEST_BOUND_DAYS = 7;

interface Measured {
  readonly timestamp: number;
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

export async function benchSurface({ dataDirectory }: BenchOptions): Promise<BenchReport> {
  const snapshots = readSnapshots(dataDirectory, FILE);
  const measured: Measured[] = [];
  const milliseconds: number[] = [];
  let violations = 0;
  let refusedWords = 0;
  const mostExpiries = { value: 0 };
  for (const snapshot of snapshots) {
    const expiries = expiriesOf(snapshot);
    mostExpiries.value = Math.max(mostExpiries.value, expiries.length);
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
      measured.push({
        timestamp: snapshot.timestamp,
        days: expiry.years * DAYS_PER_YEAR,
        atTheMoney: 100 * Math.abs(Math.sqrt(stored[i]!.theta / expiry.years) - market),
        residual: 100 * fitted[i]!.residual,
        width: widthOf(expiry),
      });
    }
  }
  if (measured.length === 0) throw new Error(`${FILE} holds no expiry quoted on both sides of the money`);

  const bands = [0, 1, 2, 4, 7, 14, 30, 60, 120, 400];
  const lines = [
    `${snapshots.length} snapshots of February 2026, up to ${mostExpiries.value} expiries, ${measured.length} slices. Vol points:`,
    "days to expiry   slices   ATM error max   median   fit error median    max   bid–ask median",
  ];
  for (const [i, from] of bands.slice(0, -1).entries()) {
    const to = bands[i + 1]!;
    const band = measured.filter(({ days }) => days >= from && days < to);
    if (band.length === 0) continue;
    const column = (of: (row: Measured) => number, share: number): string => quantile(band.map(of), share).toFixed(2);
    lines.push(
      `${`${from}–${to}`.padEnd(14)} ${String(band.length).padStart(8)} ${column((row) => row.atTheMoney, 1).padStart(15)} ${column((row) => row.atTheMoney, 0.5).padStart(8)} ${column((row) => row.residual, 0.5).padStart(18)} ${column((row) => row.residual, 1).padStart(6)} ${column((row) => row.width, 0.5).padStart(16)}`,
    );
  }
  const long = measured.filter(({ days }) => days >= SHORTEST_BOUND_DAYS);
  const worst = long.reduce((left, right) => (right.atTheMoney > left.atTheMoney ? right : left));
  lines.push(
    `worst at the money from ${SHORTEST_BOUND_DAYS} days: ${worst.atTheMoney.toFixed(3)} at ${worst.days.toFixed(1)} days, ${new Date(worst.timestamp * 1000).toISOString()}`,
  );
  return {
    lines,
    figures: [
      { name: "surface.snapshots", value: snapshots.length, unit: "chains" },
      { name: "surface.atm.error.max", value: worst.atTheMoney, unit: "vol points, expiries ≥ 7 days (bound 0.5)" },
      {
        name: "surface.atm.error.median",
        value: quantile(
          long.map((row) => row.atTheMoney),
          0.5,
        ),
        unit: "vol points, expiries ≥ 7 days",
      },
      {
        name: "surface.fit.error.median",
        value: quantile(
          long.map((row) => row.residual),
          0.5,
        ),
        unit: "vol points, vega-weighted, ≥ 7 days",
      },
      {
        name: "surface.bidAsk.median",
        value: quantile(long.map((row) => row.width).filter(Number.isFinite), 0.5),
        unit: "vol points, ≥ 7 days",
      },
      { name: "surface.arbitrage.violations", value: violations, unit: "points of |k| ≤ 3" },
      { name: "surface.words.refused", value: refusedWords, unit: "surfaces" },
      { name: "surface.fit.ms", value: quantile(milliseconds, 0.5), unit: "ms, all expiries" },
    ],
  };
}
