import { impliedStdDev } from "../../../pricing/impliedVolatility.ts";
import { price, SECONDS_PER_YEAR } from "../../../pricing/units.ts";
import { type OptionTerms, SIZE_UNIT } from "../../chain/optionId.ts";
import { greeksOn } from "./greeks.ts";
import type { Maker, OracleFacts, PoolFacts } from "./makers.ts";

/** What a reference market says of one option; prices in quote tokens, volatility per √year. */
export interface ReferenceVolatility {
  readonly terms: OptionTerms;
  readonly volatility: number;
}

/** How far a maker's mid volatility lies from the reference, of one option. */
export interface Misalignment {
  readonly terms: OptionTerms;
  /** Volatility points, positive where the maker is dearer. */
  readonly points: number;
  /** Of one contract, quote tokens per 1.00 of volatility. */
  readonly vega: number;
}

/** A mid within this many volatility points of the reference is aligned. */
export const ALIGNED_POINTS = 1;

/**
 * The mid of a maker's bid and ask for one contract, as a volatility, less the reference's. Options that the maker does not quote on both
 * sides, or whose mid has no volatility, are left out: nobody can trade at them.
 */
export function misalignments(
  maker: Maker,
  oracle: OracleFacts,
  reference: readonly ReferenceVolatility[],
): readonly Misalignment[] {
  return reference.flatMap(({ terms, volatility }) => {
    const board = oracle.boards.get(terms.expiry)?.current;
    const ask = maker.quote([{ terms, size: SIZE_UNIT }]);
    const paid = maker.quote([{ terms, size: -SIZE_UNIT }]);
    if (!board || ask === undefined || paid === undefined) return [];
    const years = Number(board.effectiveSeconds) / SECONDS_PER_YEAR;
    const quoted = volatilityOf((ask - paid) / 2, Number(board.forwardWad) / 1e18, terms, years);
    const vega = greeksOn(oracle, terms)?.vega;
    return quoted === undefined || !vega ? [] : [{ terms, points: 100 * (quoted - volatility), vega }];
  });
}

function volatilityOf(premium: number, forward: number, { strike, kind }: OptionTerms, years: number) {
  try {
    const input = { price: price(premium), forward: price(forward), strike: price(strike), kind };
    return impliedStdDev(input) / Math.sqrt(years);
  } catch {
    return undefined; // below intrinsic or above the forward: no volatility gives this price
  }
}

/**
 * How far a maker's mid volatility lies from the reference's at one time: the mean distance of its options, weighted by vega, volatility
 * points. Distances do not cancel, and options count by what a point of theirs is worth. undefined where there is none.
 */
export function distanceOf(found: readonly Misalignment[]): number | undefined {
  const vega = found.reduce((sum, each) => sum + each.vega, 0);
  if (vega === 0) return undefined;
  return found.reduce((sum, each) => sum + each.vega * Math.abs(each.points), 0) / vega;
}

/** Alignment over equally long intervals. */
export class AlignmentTally {
  private readonly distances: number[] = [];
  private observations = 0;
  private aligned = 0;

  add(found: readonly Misalignment[]): void {
    const distance = distanceOf(found);
    if (distance === undefined) return;
    this.distances.push(distance);
    this.observations += found.length;
    this.aligned += found.filter(({ points }) => Math.abs(points) <= ALIGNED_POINTS).length;
  }

  /** How many intervals were looked at. */
  get count(): number {
    return this.distances.length;
  }

  /** Share of time in which the maker's distance from the reference is within a volatility point; 0 before the first look. */
  get within1(): number {
    return shareOf(this.distances.filter((distance) => distance <= ALIGNED_POINTS).length, this.count);
  }

  /** Share of options and times, each option by itself and all alike. */
  get optionsWithin1(): number {
    return shareOf(this.aligned, this.observations);
  }

  /** Mean distance, volatility points. */
  get distance(): number {
    return shareOf(
      this.distances.reduce((sum, each) => sum + each, 0),
      this.count,
    );
  }

  /** The last interval's, volatility points; undefined before the first. */
  get last(): number | undefined {
    return this.distances.at(-1);
  }
}

function shareOf(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

/** The oracle's facts as they were when its spot was fresh: what a mid is does not depend on how old data have become meanwhile. */
export function whenFresh(oracle: OracleFacts): OracleFacts {
  const boards = new Map([...oracle.boards].map(([expiry, board]) => [expiry, { ...board, previous: undefined }]));
  return { ...oracle, timestamp: oracle.state.spotTime, boards };
}

/** A pool's facts as if nobody had traded within the last minute: limits of the moment say nothing about its mid. */
export function whenQuiet(pool: PoolFacts): PoolFacts {
  return { ...pool, flow: [0n, 0n] };
}
