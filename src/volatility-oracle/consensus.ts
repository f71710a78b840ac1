import {
  type CalibratedSlice,
  calibrateEssvi,
  type ExpiryQuotes,
  essviTotalVariance,
  logMoneyness,
  price,
  quantiseSurface,
  SECONDS_PER_YEAR,
  sliceWordsAreArbitrageFree,
  totalVariance,
  years,
} from "../../pricing/index.ts";
import {
  type Report,
  type RunningAverage,
  type SpotReport,
  type SurfaceReport,
  toReportSlice,
} from "../chain/report.ts";
import type { ObservedAverage } from "./averages.ts";
import { type ExpiryObservation, LATTICE_X } from "./lattice.ts";
import { median } from "./median.ts";

/** Half a day: below it a slice takes its shape from the next one. */
const SHORT_YEARS = 0.5 / 365;
/** Room left inside the inequalities, so that rounding to words moves nothing else. */
const MARGIN = 2 ** -12;
/** Half-width that even the tightest quote is given, as a volatility. */
const QUOTE_NOISE = 0.005;

/** Which report the observations are to make. */
export interface ReportFrame {
  readonly round: number;
  readonly signerSet: number;
  /** How many nodes must have seen an expiry or a point for it to count. */
  readonly quorum: number;
}

/** Most expiries that a surface on the chain has. */
export const MAX_EXPIRIES = 16;

/** A surface with spot, or spot alone. */
export type ReportKind = Report["kind"];

/** What one node says of one moment: its spot, its averages, and its lattice, which is empty where only spot is meant. */
export interface Observation {
  readonly kind: ReportKind;
  readonly marketId: number;
  /** Unix seconds. */
  readonly modelTime: number;
  readonly spot: number;
  readonly averages: readonly ObservedAverage[];
  readonly surface: readonly ExpiryObservation[];
}

/** Largest minus smallest once the f largest and f smallest are left out, f < n/3: some honest node is beyond each end. */
function honestSpread(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const faulty = Math.floor((sorted.length - 1) / 3);
  const kept = sorted.slice(faulty, sorted.length - faulty);
  return (kept.at(-1) ?? 0) - (kept[0] ?? 0);
}

/**
 * The report that a set of observations makes. Every node that has the same observations finds the same report, bit for bit:
 * component-wise medians of lattice values (never of parameters), one deterministic fit, one rounding to words, one check.
 *
 * @param observations At least a quorum, one per node in the order of the signer set, all of one moment.
 */
export function composeReport(
  observations: readonly Observation[],
  { round, signerSet, quorum }: ReportFrame,
): SurfaceReport {
  const first = observations[0];
  if (!first) throw new RangeError("a report needs observations");
  const spot = median(observations.map((observation) => observation.spot));
  const chains = byExpiry(observations.map(({ surface }) => surface))
    .filter(({ seen }) => seen.length >= quorum)
    .flatMap(({ expiry, seen }) => medianChain(expiry, seen, spot, first.modelTime, quorum) ?? []);
  const basisOf = new Map(chains.map(({ expiry, basis }) => [expiry, basis]));
  const fitted = calibrateEssvi(chains.filter((chain) => chain.years >= SHORT_YEARS));
  const short = chains.filter((chain) => chain.years < SHORT_YEARS).map((chain) => shapeLike(fitted[0], chain));
  const slices = [...increasingTheta(short, fitted[0]), ...fitted];
  const words = quantiseSurface(slices.map((slice) => ({ ...slice, basis: basisOf.get(slice.expiry ?? 0) ?? 0 })));
  if (words.length === 0 || !sliceWordsAreArbitrageFree(words))
    throw new Error("no surface follows from what was seen");
  const disagreement = Math.max(0, ...chains.map((chain) => chain.disagreement));
  return {
    kind: "surface",
    marketId: first.marketId,
    round,
    modelTime: first.modelTime,
    spot: toWad(spot),
    signerSet,
    disagreement: Math.min(0xffff, Math.round(disagreement * 1e4)),
    slices: words.map((word, i) => toReportSlice(word, slices[i]?.expiry ?? 0)),
    averages: medianAverages(observations, quorum),
  };
}

/** The spot-only report that a set of observations makes: medians of spot and of averages. */
export function composeSpotReport(
  observations: readonly Observation[],
  { signerSet, quorum }: Pick<ReportFrame, "signerSet" | "quorum">,
): SpotReport {
  const first = observations[0];
  if (!first) throw new RangeError("a report needs observations");
  return {
    kind: "spot",
    marketId: first.marketId,
    modelTime: first.modelTime,
    spot: toWad(median(observations.map(({ spot }) => spot))),
    signerSet,
    averages: medianAverages(observations, quorum),
  };
}

interface MedianChain extends ExpiryQuotes {
  readonly expiry: number;
  readonly basis: number;
  /** How far the nodes' volatilities at the money differ from one another, a half of it. */
  readonly disagreement: number;
}

/** The lattice that a set of observations makes, expiry by expiry: what the fit is given. */
export function medianLattice(
  observations: readonly Observation[],
  quorum: number,
): readonly { readonly expiry: number; readonly totalVariance: readonly (number | null)[] }[] {
  return byExpiry(observations.map(({ surface }) => surface))
    .filter(({ seen }) => seen.length >= quorum)
    .map(({ expiry, seen }) => ({
      expiry,
      totalVariance: LATTICE_X.map((_, i) => {
        const variances = present(seen.map((item) => item.totalVariance[i]));
        return variances.length < quorum ? null : median(variances);
      }),
    }));
}

/** What the nodes together say of one expiry; undefined where too few of them see too few points. */
function medianChain(
  expiry: number,
  seen: readonly ExpiryObservation[],
  spot: number,
  modelTime: number,
  quorum: number,
): MedianChain | undefined {
  const time = (expiry - modelTime) / SECONDS_PER_YEAR;
  if (!(time > 0)) return undefined;
  const basis = median(seen.map((item) => item.basis));
  const quotes = LATTICE_X.flatMap((x, i) => {
    const variances = present(seen.map((item) => item.totalVariance[i]));
    if (variances.length < quorum) return [];
    const variance = median(variances);
    const halfWidth = median(present(seen.map((item) => item.halfWidth[i])));
    return [
      {
        k: logMoneyness(x * Math.sqrt(time)),
        totalVariance: totalVariance(variance),
        weight: weightOf(x, time, variance, halfWidth),
      },
    ];
  });
  if (quotes.length < 3) return undefined;
  const atTheMoney = present(seen.map((item) => item.totalVariance[LATTICE_X.indexOf(0)]));
  const disagreement = time < SHORT_YEARS ? 0 : honestSpread(atTheMoney.map((w) => Math.sqrt(w / time))) / 2;
  return { expiry, years: years(time), forward: price(spot * (1 + basis)), quotes, basis, disagreement };
}

/** Vega at the point over the width of its quotes: what the market is sure of counts. (1 + d²/8)⁻⁴ is e^{−d²/2} without a
 * transcendental function, whose last bit could differ between two nodes' machines. */
function weightOf(x: number, time: number, variance: number, halfWidth: number): number {
  const d2 = (x * x * time) / variance;
  const root = 1 / (1 + d2 / 8);
  return (root * root * root * root) / (halfWidth + QUOTE_NOISE);
}

/**
 * A slice hours before its expiry: quotes are few and as coarse as the tick, and a free fit of them would bind every later
 * slice (ψ/θ must not grow). So θ is what is seen at the money, and the shape is that of the first slice after, scaled with
 * θ: ρ₁ = ρ₂ and ψ₁/θ₁ = ψ₂/θ₂ keep every inequality.
 */
function shapeLike(next: CalibratedSlice | undefined, chain: MedianChain): CalibratedSlice {
  const center = chain.quotes.reduce((a, b) => (Math.abs(b.k) < Math.abs(a.k) ? b : a));
  const theta = next ? Math.min(center.totalVariance, next.theta * (1 - MARGIN)) : center.totalVariance;
  const slice = { theta, rho: next?.rho ?? 0, psi: next ? (next.psi * theta * (1 + MARGIN)) / next.theta : 0 };
  const [weights, squares] = chain.quotes.reduce(
    ([sum, square], { k, totalVariance: seen, weight = 0 }) => {
      const miss = Math.sqrt(essviTotalVariance(slice, k) / chain.years) - Math.sqrt(seen / chain.years);
      return [sum + weight, square + weight * miss * miss] as const;
    },
    [0, 0] as readonly [number, number],
  );
  const { expiry, forward } = chain;
  return { ...slice, years: chain.years, forward, residual: Math.sqrt(squares / weights), expiry };
}

/** Those that do not have more variance than a later one. */
function increasingTheta(
  slices: readonly CalibratedSlice[],
  next: CalibratedSlice | undefined,
): readonly CalibratedSlice[] {
  let least = next?.theta ?? Number.POSITIVE_INFINITY;
  return slices
    .toReversed()
    .filter(({ theta }) => {
      const fits = theta < least;
      if (fits) least = theta;
      return fits;
    })
    .toReversed();
}

function medianAverages(observations: readonly Observation[], quorum: number): RunningAverage[] {
  return byExpiry(observations.map(({ averages }) => averages))
    .filter(({ seen }) => seen.length >= quorum)
    .map(({ expiry, seen }) => ({
      expiry,
      average: toWad(median(seen.map(({ average }) => average))),
      elapsed: median(seen.map(({ elapsed }) => elapsed)),
    }));
}

/** Groups what the nodes say by expiry, increasing. */
function byExpiry<T extends { readonly expiry: number }>(
  lists: readonly (readonly T[])[],
): readonly { readonly expiry: number; readonly seen: readonly T[] }[] {
  const groups = new Map<number, T[]>();
  for (const item of lists.flat()) groups.set(item.expiry, [...(groups.get(item.expiry) ?? []), item]);
  return [...groups].map(([expiry, seen]) => ({ expiry, seen })).toSorted((a, b) => a.expiry - b.expiry);
}

function present(values: readonly (number | null | undefined)[]): number[] {
  return values.filter((value): value is number => value !== null && value !== undefined);
}

/** WAD of a price, exact to 1e-6. */
function toWad(value: number): bigint {
  return BigInt(Math.round(value * 1e6)) * 10n ** 12n;
}
