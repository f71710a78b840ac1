import {
  expiryRiskAfter,
  FixedPointError,
  flowOf,
  type InventoryVector,
  poolQuote,
  type QuoteBoard,
  type QuoteFacts,
  type QuoteOption,
  type QuoteState,
  type QuoteTotals,
  reduces,
  requireFresh,
  requireWithinLimits,
  smileValue,
  toSmile,
} from "../../../pricing/fixed/index.ts";
import { type OptionTerms, toOptionId, toStrikeE6 } from "../../chain/optionId.ts";
import type { PoolParameters } from "../../chain/parameters.ts";

const WAD = 10n ** 18n;
/** `FLOW_FULL` of Flow.sol. */
const FLOW_FULL = 32_767n;

/** An option and how much of it the taker buys (negative: sells), in millionths of a contract. */
export interface Leg {
  readonly terms: OptionTerms;
  readonly size: bigint;
}

/** Whoever makes prices: what strategies compare. */
export interface Maker {
  readonly name: string;
  /** Whom the ledger asks. */
  readonly address: `0x${string}`;
  /**
   * What a package costs the taker now, quote tokens, negative where it brings; undefined where the maker would refuse. Convex in a
   * common factor of the sizes, and refused beyond a size where it is refused at it.
   */
  quote(legs: readonly Leg[]): number | undefined;
  /** Value of one contract in the maker's own eyes, quote tokens: no package costs less than the sum of its mids. */
  mid(terms: OptionTerms): number | undefined;
}

/** Boards of one expiry: at the report, now, and of the report before (or of one that waits for confirmation), where there is one. */
export interface ExpiryBoards {
  readonly atReport: QuoteBoard;
  readonly current: QuoteBoard & { readonly fresh: boolean };
  readonly previous: QuoteBoard | undefined;
}

/** A market as the oracle has it at one time. */
export interface OracleFacts {
  /** Unix seconds of the block that a transaction would be in. */
  readonly timestamp: number;
  readonly round: number;
  readonly state: QuoteState & {
    readonly unconfirmed: boolean;
    readonly surfaceAcceptedAt: number;
    readonly spotAcceptedAt: number;
  };
  readonly boards: ReadonlyMap<number, ExpiryBoards>;
}

/** A pool as its contract stores it. */
export interface PoolFacts {
  readonly name: string;
  readonly address: `0x${string}`;
  readonly parameters: PoolParameters;
  readonly inventory: InventoryVector;
  readonly reserveWad: bigint;
  readonly markedRound: number;
  readonly nav: bigint;
  readonly navE6: bigint;
  readonly quoteDecimals: number;
  /** Net short vega and delta taken lately, WAD of what is taken at once. */
  readonly flow: readonly [vegaWad: bigint, deltaWad: bigint];
  /** Net short vega and net short Γ·F² by expiry. */
  readonly expiryRisks: ReadonlyMap<number, readonly [vega: bigint, gamma: bigint]>;
  /** Signed, by option id, millionths. */
  readonly positions: ReadonlyMap<bigint, bigint>;
}

/** An option pool off the chain: its price to the unit, by the contract's twin, and its limits. The ledger's margin is not looked at. */
export class PoolMaker implements Maker {
  readonly name: string;
  readonly address: `0x${string}`;
  private readonly oracle: OracleFacts;
  private readonly pool: PoolFacts;
  private readonly mids = new Map<bigint, number | undefined>();

  constructor(oracle: OracleFacts, pool: PoolFacts) {
    this.name = pool.name;
    this.address = pool.address;
    this.oracle = oracle;
    this.pool = pool;
  }

  mid(terms: OptionTerms): number | undefined {
    const id = toOptionId(terms);
    if (!this.mids.has(id)) this.mids.set(id, this.valueOf(terms));
    return this.mids.get(id);
  }

  private valueOf(terms: OptionTerms): number | undefined {
    const boards = this.oracle.boards.get(terms.expiry);
    if (!boards || boards.current.effectiveSeconds === 0n) return undefined;
    const { callWad, putWad } = smileValue(toSmile(boards.current, this.oracle.timestamp), strikeWadOf(terms));
    return Number(terms.kind === "call" ? callWad : putWad) / 1e18;
  }

  quote(legs: readonly Leg[]): number | undefined {
    const cash = this.quoteUnits(legs);
    return cash === undefined ? undefined : Number(cash) / 10 ** this.pool.quoteDecimals;
  }

  /** The same in quote units, as the pool would charge. */
  quoteUnits(legs: readonly Leg[]): bigint | undefined {
    const priced = this.price(legs);
    return priced && this.wouldTrade(legs, priced.facts, priced.totals) ? priced.quote.cash : undefined;
  }

  /** What the pool holds of an option, signed, millionths. */
  position(terms: OptionTerms): bigint {
    return this.pool.positions.get(toOptionId(terms)) ?? 0n;
  }

  private price(legs: readonly Leg[]) {
    const facts = this.factsOf(legs);
    if (!facts) return undefined;
    const { quote, totals } = poolQuote(this.pool.parameters, facts);
    return { facts, quote, totals };
  }

  private factsOf(legs: readonly Leg[]): QuoteFacts | undefined {
    const { oracle, pool } = this;
    const expiries = [...new Set(legs.map(({ terms }) => terms.expiry))];
    const boards = expiries.map((expiry) => oracle.boards.get(expiry));
    if (!boards.every((board) => board !== undefined && board.current.effectiveSeconds > 0n)) return undefined;
    const known = boards.filter((board) => board !== undefined);
    const { unconfirmed, surfaceAcceptedAt, spotAcceptedAt } = oracle.state;
    const worseUntil = Math.max(surfaceAcceptedAt, spotAcceptedAt) + pool.parameters.worseOfSeconds;
    const isWorse = unconfirmed || oracle.timestamp <= worseUntil;
    const previous = known.map((board) => (isWorse ? board.previous : undefined));
    const options = legs.map(({ terms, size }): QuoteOption => {
      const [isPut, strikeWad] = [terms.kind === "put", strikeWadOf(terms)];
      return { size, isPut, strikeWad, board: expiries.indexOf(terms.expiry) };
    });
    return {
      options,
      state: oracle.state,
      atReport: known.map(({ atReport }) => atReport),
      current: known.map(({ current }) => current),
      previous: previous.every((board) => board !== undefined) ? previous : [],
      inventory: pool.inventory,
      reserveWad: pool.reserveWad,
      navE6: pool.navE6,
      paysBack: pool.markedRound === oracle.round,
      timestamp: oracle.timestamp,
      quoteDecimals: pool.quoteDecimals,
    };
  }

  /** Limits of `OptionPool`: what brings each position nearer to zero meets none. */
  private wouldTrade(legs: readonly Leg[], facts: QuoteFacts, totals: QuoteTotals): boolean {
    if (legs.every(({ terms, size }) => reduces(this.position(terms), size))) return true;
    if (this.oracle.state.unconfirmed || this.pool.nav <= 0n) return false;
    if (!facts.current.every(({ expiry }) => this.oracle.boards.get(expiry)?.current.fresh === true)) return false;
    try {
      this.requireAllowed(facts, totals);
      return true;
    } catch (error) {
      if (error instanceof FixedPointError) return false;
      throw error;
    }
  }

  private requireAllowed({ current, atReport, navE6, inventory, timestamp }: QuoteFacts, totals: QuoteTotals): void {
    const { oracle, pool } = this;
    const { parameters, markedRound } = pool;
    const state = { ...oracle.state, round: oracle.round };
    const place = { navE6, spotWad: state.spotWad };
    requireFresh(parameters, { state, current, markedRound, timestamp });
    requireWithinLimits(parameters, { ...place, inventory }, totals);
    atReport.forEach(({ expiry }, i) => {
      const [vega, gamma] = pool.expiryRisks.get(expiry) ?? [0n, 0n];
      const change = { vega: totals.expiryVega[i]!, gamma: totals.expiryGamma[i]! };
      expiryRiskAfter(parameters, navE6, expiry, { vega, gamma }, change, false);
    });
    const [vega, delta] = pool.flow.map((wad) => (wad * FLOW_FULL) / WAD) as [bigint, bigint];
    flowOf(parameters, { vega, delta }, 0, place, totals.change, false); // what has drained is gone already
  }
}

function strikeWadOf({ strike }: OptionTerms): bigint {
  return toStrikeE6(strike) * 10n ** 12n;
}
