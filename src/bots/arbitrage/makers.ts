import {
  type InventoryVector,
  poolQuote,
  type QuoteBoard,
  type QuoteFacts,
  type QuoteOption,
  type QuoteState,
  type QuoteTotals,
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
    const isReducing = legs.every(({ terms, size }) => {
      const held = this.position(terms);
      return size > 0n ? held >= size : held <= size;
    });
    if (isReducing) return true;
    return this.isFresh(facts) && this.isWithinLimits(facts, totals) && this.isWithinFlow(facts, totals);
  }

  private isFresh({ current, paysBack, timestamp, state }: QuoteFacts): boolean {
    const { parameters } = this.pool;
    if (parameters.reduceOnly || this.oracle.state.unconfirmed || !paysBack || this.pool.nav <= 0n) return false;
    if (
      timestamp - state.surfaceTime > parameters.maxSurfaceAge ||
      timestamp - state.spotTime > parameters.maxSpotAge
    ) {
      return false;
    }
    return current.every(({ expiry }) => {
      const tenor = expiry - timestamp;
      const isFresh = this.oracle.boards.get(expiry)?.current.fresh === true;
      return isFresh && tenor >= parameters.minTenor && tenor <= parameters.maxTenor;
    });
  }

  private isWithinLimits(facts: QuoteFacts, totals: QuoteTotals): boolean {
    const { parameters, expiryRisks } = this.pool;
    const { navE6, inventory, state, atReport } = facts;
    if (totals.maxAbsDeltaWad > parameters.maxDelta || totals.minAbsDeltaWad < parameters.minDelta) return false;
    const vegaLimit = (navE6 * parameters.vegaLimit) / WAD;
    for (const bucket of [0, 1, 2] as const) {
      if (isAdded(inventory[bucket], inventory[bucket] + totals.change[bucket], vegaLimit)) return false;
    }
    const deltaLimit = (navE6 * parameters.deltaLimit) / state.spotWad;
    if (isAdded(inventory[3], inventory[3] + totals.change[3], deltaLimit)) return false;
    return atReport.every(({ expiry }, i) => {
      const [vega, gamma] = expiryRisks.get(expiry) ?? [0n, 0n];
      const vegaMost = (navE6 * parameters.expiryVegaLimit) / WAD;
      const gammaMost = (navE6 * parameters.expiryGammaLimit) / WAD;
      return (
        !isAdded(vega, vega + totals.expiryVega[i]!, vegaMost) &&
        !isAdded(gamma, gamma + totals.expiryGamma[i]!, gammaMost)
      );
    });
  }

  private isWithinFlow({ navE6, state }: QuoteFacts, { change }: QuoteTotals): boolean {
    const { parameters, flow } = this.pool;
    const vegaLimit = (navE6 * parameters.vegaFlowLimit) / WAD;
    const deltaLimit = (navE6 * parameters.deltaFlowLimit) / state.spotWad;
    return fitsFlow(flow[0], change[0] + change[1] + change[2], vegaLimit) && fitsFlow(flow[1], change[3], deltaLimit);
  }
}

/** `_isAdded` of OptionPool.sol. */
function isAdded(before: bigint, later: bigint, limit: bigint): boolean {
  const magnitude = absolute(later);
  return magnitude > limit && magnitude > absolute(before);
}

/** `flowAfter` of Flow.sol, on the present flow, WAD. */
function fitsFlow(flowWad: bigint, change: bigint, limit: bigint): boolean {
  if (change === 0n) return true;
  if (limit === 0n) return false;
  const part = (absolute(change) * FLOW_FULL + limit - 1n) / limit;
  const now = (flowWad * FLOW_FULL) / WAD;
  return absolute(change < 0n ? now - part : now + part) <= FLOW_FULL;
}

function strikeWadOf({ strike }: OptionTerms): bigint {
  return toStrikeE6(strike) * 10n ** 12n;
}

function absolute(value: bigint): bigint {
  return value < 0n ? -value : value;
}
