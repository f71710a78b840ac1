import {
  calibrateEssvi,
  type ExpiryQuotes,
  logMoneyness,
  price,
  quantiseSurface,
  SECONDS_PER_YEAR,
  sliceWordsAreArbitrageFree,
  totalVariance,
  years,
} from "../../pricing/index.ts";
import type { RunningAverage, SurfaceReport } from "../chain/report.ts";
import { type ExpiryObservation, LATTICE_X } from "./lattice.ts";

/** What one node signs in one round: its spot, its averages, its lattice. */
export interface Observation {
  readonly marketId: number;
  readonly round: number;
  /** Unix seconds. */
  readonly modelTime: number;
  readonly spot: number;
  readonly averages: readonly { readonly expiry: number; readonly average: number; readonly elapsed: number }[];
  readonly surface: readonly ExpiryObservation[];
}

/** The middle of the values; the lower one of two. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted[Math.floor((sorted.length - 1) / 2)];
  if (middle === undefined) throw new RangeError("the median of nothing");
  return middle;
}

/**
 * The report that a set of observations makes. Every node that has the same observations finds the same report, bit for bit:
 * component-wise medians of lattice values (never of parameters), one deterministic fit, one rounding to words, one check.
 *
 * @param observations At least a quorum, one per node, all of one round and model time.
 * @param quorum How many nodes must have seen an expiry or a point for it to count.
 */
export function composeReport(observations: readonly Observation[], quorum: number, signerSet: number): SurfaceReport {
  const first = observations[0];
  if (!first) throw new RangeError("a report needs observations");
  const spot = median(observations.map((observation) => observation.spot));
  const expiries = byExpiry(observations.map(({ surface }) => surface)).filter(({ seen }) => seen.length >= quorum);
  const chains = expiries.flatMap(({ expiry, seen }): (ExpiryQuotes & { basis: number; disagreement: number })[] => {
    const time = (expiry - first.modelTime) / SECONDS_PER_YEAR;
    const forward = spot * (1 + median(seen.map(({ basis }) => basis)));
    const quotes = LATTICE_X.flatMap((x, i) => {
      const variances = present(seen.map((item) => item.totalVariance[i]));
      if (variances.length < quorum) return [];
      const halfWidth = median(present(seen.map((item) => item.halfWidth[i])));
      // Vega at the point over the width of the quote: what the market is sure of counts.
      const variance = median(variances);
      const d = (x * Math.sqrt(time)) / Math.sqrt(variance);
      const weight = Math.exp(-0.5 * d * d) / (halfWidth + 0.005);
      return [{ k: logMoneyness(x * Math.sqrt(time)), totalVariance: totalVariance(variance), weight }];
    });
    if (quotes.length < 3) return [];
    const atTheMoney = present(seen.map((item) => item.totalVariance[LATTICE_X.indexOf(0)]));
    const volatilities = atTheMoney.map((variance) => Math.sqrt(variance / time));
    const disagreement = volatilities.length > 0 ? (Math.max(...volatilities) - Math.min(...volatilities)) / 2 : 0;
    return [{ expiry, years: years(time), forward: price(forward), quotes, basis: forward / spot - 1, disagreement }];
  });
  const slices = calibrateEssvi(chains);
  const basisOf = new Map(chains.map(({ expiry, basis }) => [expiry, basis]));
  const words = quantiseSurface(slices.map((slice) => ({ ...slice, basis: basisOf.get(slice.expiry) ?? 0 })));
  if (!sliceWordsAreArbitrageFree(words)) throw new Error("the fitted words are not free of arbitrage");
  return {
    kind: "surface",
    marketId: first.marketId,
    round: first.round,
    modelTime: first.modelTime,
    spot: toWad(spot),
    signerSet,
    disagreement: Math.min(0xffff, Math.round(Math.max(0, ...chains.map((chain) => chain.disagreement)) * 1e4)),
    slices: words.map((word, i) => ({
      expiry: slices[i]?.expiry ?? 0,
      theta: word.theta,
      psi: word.psi,
      rho: Number(word.rho),
      basis: Number(word.basis),
      residual: Number(word.residual),
    })),
    averages: medianAverages(observations, quorum),
  };
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
  return [...groups].map(([expiry, seen]) => ({ expiry, seen })).sort((a, b) => a.expiry - b.expiry);
}

function present(values: readonly (number | null | undefined)[]): number[] {
  return values.filter((value): value is number => value !== null && value !== undefined);
}

/** WAD of a price, exact to 1e-6. */
function toWad(value: number): bigint {
  return BigInt(Math.round(value * 1e6)) * 10n ** 12n;
}
