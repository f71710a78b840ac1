import { impliedStdDev } from "../../../pricing/impliedVolatility.ts";
import { price, SECONDS_PER_YEAR } from "../../../pricing/units.ts";
import { type OptionTerms, SIZE_UNIT } from "../../chain/optionId.ts";
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
    return quoted === undefined ? [] : [{ terms, points: 100 * (quoted - volatility) }];
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

/** Alignment over a time: of equally long intervals, how many options were looked at and how many were aligned. */
export class AlignmentTally {
  private observations = 0;
  private aligned = 0;
  private sumOfSquares = 0;

  add(found: readonly Misalignment[]): void {
    for (const { points } of found) {
      this.observations += 1;
      if (Math.abs(points) <= ALIGNED_POINTS) this.aligned += 1;
      this.sumOfSquares += points ** 2;
    }
  }

  get count(): number {
    return this.observations;
  }

  /** Share of options and times within a volatility point; 0 before the first. */
  get within1(): number {
    return this.observations === 0 ? 0 : this.aligned / this.observations;
  }

  /** Root of the mean square, volatility points. */
  get deviation(): number {
    return this.observations === 0 ? 0 : Math.sqrt(this.sumOfSquares / this.observations);
  }
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
