import { boardAt, cashDivisor, settledBoard, toCashDown } from "../../pricing/fixed/index.ts";
import type { Deployment } from "../chain/deployments.ts";
import { toAccountId } from "../chain/optionId.ts";
import {
  addParts,
  bookRounding,
  carryParts,
  driftRounding,
  noParts,
  type PartSums,
  type PoolParts,
  payoffRaw,
  type ReportBoard,
  type StrikeHolding,
  swapParts,
  valueRaw,
} from "./attribution.ts";
import type { LedgerEvent, OracleEvent, PoolEvent, ProtocolEvent } from "./history.ts";
import { type ReportedSurface, SurfaceReplay } from "./surfaceReplay.ts";

/** What a pool's trading moved, for information; raw (1e24 to one quote token) unless named otherwise. */
export interface PoolFlows {
  /** Σ of positive mids: premium that takers paid. */
  readonly premiumCollected: bigint;
  /** Σ of negative mids, as a positive number: premium that takers received. */
  readonly premiumPaid: bigint;
  /** What settlements paid the pool, net. */
  readonly payoffs: bigint;
  /** Contracts swapped, 6 decimals. */
  readonly volume: bigint;
  readonly swaps: number;
}

/** A mark, as the chain states it and as the replay finds it, with the profit since the mark before. Quote units. */
export interface MarkInterval {
  readonly blockNumber: bigint;
  readonly round: number;
  /** Model time of the report, Unix seconds. */
  readonly surfaceTime: number;
  readonly nav: bigint;
  readonly reserve: bigint;
  /** Part of the reserve since the mark before; to one unit. */
  readonly freshReserve: bigint;
  readonly unwind: bigint;
  /** What known losses of others may cost the pool behind the insurance fund. */
  readonly provision: bigint;
  readonly cash: bigint;
  readonly bookValue: bigint;
  /** The same three from swaps, settlements and reports alone. */
  readonly replayed: { readonly nav: bigint; readonly cash: bigint; readonly bookValue: bigint };
  /** Profit since the mark before by its causes, raw. */
  readonly parts: PoolParts;
  readonly flows: PoolFlows;
}

interface Series extends StrikeHolding {
  readonly expiry: number;
}

/** A swap or a hedge that waits for the first mark under a report later than its own. */
interface Pending {
  readonly round: number;
  readonly parts: Partial<PoolParts>;
  readonly driftUnits: bigint;
  readonly driftRoundingRaw: bigint;
}

interface FlowSums {
  premiumCollected: bigint;
  premiumPaid: bigint;
  payoffs: bigint;
  volume: bigint;
  swaps: number;
}

const BASIS_POINTS = 10_000n;
const BASE_SIZE_UNIT = 1_000_000n;
const noFlows = (): FlowSums => ({ premiumCollected: 0n, premiumPaid: 0n, payoffs: 0n, volume: 0n, swaps: 0 });

/**
 * One pool, replayed from what the chain said: positions, cash, surfaces and reserve, and at every mark the profit since the
 * one before, by its causes. Feed it every event of the protocol in order.
 *
 * A swap under report r counts from the first mark after r's own: marks leave out what swaps since their report gained.
 */
export class PoolReplay {
  private readonly marketId: number;
  private readonly account: bigint;
  private readonly escrow: bigint;
  private readonly payout: bigint;
  private readonly optionPool: string;
  private readonly divisor: bigint;
  private readonly baseUnit: bigint;

  private insuranceFeeShareBps = 0n;
  private protocolFeeShareBps = 0n;
  private readonly surfaces: SurfaceReplay;
  private readonly ratios = new Map<number, { readonly owed: bigint; readonly covered: bigint }>();
  private readonly credits = new Map<number, bigint>();
  /** Credits not yet paid less debts, as the last mark and what happened since count them. */
  private settlements = 0n;

  private readonly book = new Map<bigint, Series>();
  /** The board under which each expiry's strikes were last valued, with the surface it came from. */
  private readonly boards = new Map<number, { readonly board: ReportBoard; readonly surface: ReportedSurface }>();
  private cash = 0n;
  private base = 0n;
  private baseSpotWad = 0n;
  /** Inside a hedge: its event tells all that it moves, the bounty too. */
  private exchanging = false;

  private pending: Pending[] = [];
  private parts: PartSums = noParts();
  private flows = noFlows();
  /** Rounding inside the last mark's NAV, raw. */
  private markRounding = 0n;
  private reserveAtMark = 0n;

  constructor(deployment: Deployment, pool: Deployment["pools"][number]) {
    const market = deployment.markets.find(({ marketId }) => marketId === pool.marketId);
    if (!market) throw new RangeError(`the deployment has no market ${pool.marketId}`);
    this.marketId = pool.marketId;
    this.surfaces = new SurfaceReplay(pool.marketId);
    this.account = toAccountId(pool.optionPool, 1);
    this.escrow = toAccountId(pool.poolShares, 1);
    this.payout = toAccountId(pool.poolShares, 2);
    this.optionPool = pool.optionPool.toLowerCase();
    this.divisor = cashDivisor(deployment.quoteDecimals);
    this.baseUnit = 10n ** BigInt(market.baseDecimals);
  }

  /** Takes the next event; returns the mark it was, if it was one of this pool. */
  apply(event: ProtocolEvent): MarkInterval | undefined {
    switch (event.source) {
      case "oracle":
        this.onOracle(event);
        return undefined;
      case "ledger":
        this.onLedger(event);
        return undefined;
      case "pool":
        return event.address.toLowerCase() === this.optionPool ? this.onPool(event) : undefined;
      default:
        return undefined;
    }
  }

  /** The pool's open strikes. */
  get positions(): readonly (StrikeHolding & { readonly expiry: number })[] {
    return [...this.book.values()];
  }

  // ───────────────────────────── Oracle ─────────────────────────────

  private onOracle(event: OracleEvent): void {
    if (this.surfaces.onOracle(event)) this.carry();
  }

  /** Brings the whole book to the boards that hold now and adds what that gained, part by part. */
  private carry(): void {
    const held = new Set([...this.book.values()].map(({ expiry }) => expiry));
    for (const expiry of this.boards.keys()) if (!held.has(expiry)) this.boards.delete(expiry);
    for (const expiry of held) {
      const board = this.surfaces.boardOf(expiry);
      if (board) this.carryExpiry(expiry, board);
    }
    const spotWad = this.surfaces.current?.spotWad ?? 0n;
    addParts(this.parts, { hedging: this.baseSize() * (spotWad - this.baseSpotWad) });
    this.baseSpotWad = spotWad;
  }

  private carryExpiry(expiry: number, to: ReportBoard): void {
    const before = this.boards.get(expiry);
    const surface = this.surfaces.current;
    if (!before || !surface) return;
    if (before.surface === surface && before.board.settled === to.settled) return; // the same board
    const slice = before.surface.slices.get(expiry);
    if (!before.board.settled && slice) {
      const time = Math.min(surface.time, expiry);
      const rolled = boardAt(slice, before.surface.time, time, before.board.forwardWad);
      for (const series of this.book.values()) {
        if (series.expiry === expiry) addParts(this.parts, carryParts(series, before.board, rolled, to));
      }
    }
    this.boards.set(expiry, { board: to, surface });
  }

  // ───────────────────────────── Ledger ─────────────────────────────

  private onLedger(event: LedgerEvent): void {
    switch (event.name) {
      case "MarketCreated":
        if (event.args.marketId !== this.marketId) return;
        this.insuranceFeeShareBps = BigInt(event.args.market.insuranceFeeShareBps);
        this.protocolFeeShareBps = BigInt(event.args.market.protocolFeeShareBps);
        break;
      case "CashDeposited":
        if (event.args.account === this.account && !this.isPool(event.args.from)) this.receiveGift(event.args.amount);
        break;
      case "CashMoved":
        this.onCashMoved(event.args.from, event.args.to, event.args.amount);
        break;
      case "BaseDeposited":
        if (event.args.account !== this.account || event.args.marketId !== this.marketId) return;
        if (this.isPool(event.args.from)) this.exchanging = true;
        else this.changeBase(event.args.amount);
        break;
      case "BaseWithdrawn":
        if (event.args.account === this.account) this.exchanging = true;
        break;
      case "SettlementStarted":
        if (event.args.marketId === this.marketId) this.surfaces.fix(event.args.expiry, event.args.priceWad);
        break;
      case "AccountSettled":
        if (event.args.account !== this.account || event.args.marketId !== this.marketId) return;
        this.onSettled(event.args.expiry, event.args.net, event.args.unpaid);
        break;
      case "SettlementFinal":
        if (event.args.marketId !== this.marketId) return;
        this.ratios.set(event.args.expiry, {
          owed: event.args.owed,
          covered: event.args.covered + event.args.backed,
        });
        break;
      case "CreditPaid":
        if (event.args.account !== this.account || event.args.marketId !== this.marketId) return;
        this.onCreditPaid(event.args.expiry, event.args.amount);
        break;
      case "DebtCollected":
        if (event.args.account !== this.account || event.args.marketId !== this.marketId) return;
        this.onDebtCollected(event.args.paid);
        break;
      case "BackstopPaid":
        if (event.args.account === this.account) this.onBackstop(-event.args.amount);
        break;
      case "BackstopRepaid":
        if (event.args.account === this.account) this.onBackstop(event.args.amount);
        break;
      default:
    }
  }

  /** What the pool itself brings to its account or moves to a keeper is part of a hedge, and counted with it. */
  private isPool(address: string): boolean {
    return address.toLowerCase() === this.optionPool;
  }

  /** LPs come through the escrow and leave through the payout account; what comes otherwise is given, what goes is a mark's bounty. */
  private onCashMoved(from: bigint, to: bigint, amount: bigint): void {
    if (to === this.account) {
      if (from === this.escrow) this.cash += amount;
      else this.receiveGift(amount);
    }
    if (from !== this.account || this.exchanging) return;
    this.cash -= amount;
    if (to !== this.payout) addParts(this.parts, { keepers: -amount * this.divisor });
  }

  private receiveGift(amount: bigint): void {
    this.cash += amount;
    addParts(this.parts, { gifts: amount * this.divisor });
  }

  private changeBase(amount: bigint): void {
    const before = this.baseSize();
    this.base += amount;
    addParts(this.parts, { gifts: (this.baseSize() - before) * this.baseSpotWad });
  }

  /** Base tokens as a size of 6 decimals, rounded down as the mark does. */
  private baseSize(): bigint {
    return (this.base * BASE_SIZE_UNIT) / this.baseUnit;
  }

  /** The pool's strikes of the expiry became cash, or a credit that waits for its payout ratio. */
  private onSettled(expiry: number, net: bigint, unpaid: bigint): void {
    const priceWad = this.surfaces.fixedPrice(expiry) ?? 0n;
    this.carryExpiry(expiry, settledBoard(expiry, priceWad));
    let payoff = 0n;
    for (const [key, series] of this.book) {
      if (series.expiry !== expiry) continue;
      payoff += payoffRaw(series, priceWad);
      this.book.delete(key);
    }
    this.boards.delete(expiry);
    this.flows.payoffs += net * this.divisor;
    addParts(this.parts, { rounding: toCashDown(payoff, this.divisor) * this.divisor - payoff });
    if (net >= 0n) {
      this.credits.set(expiry, net);
      this.settlements += net;
    } else {
      this.cash += net + unpaid;
      this.settlements -= unpaid;
    }
  }

  private onDebtCollected(paid: bigint): void {
    this.cash -= paid;
    this.settlements += paid;
  }

  /** The pool stands behind the insurance fund: it paid, or was repaid. */
  private onBackstop(amount: bigint): void {
    this.cash += amount;
    addParts(this.parts, { backstop: amount * this.divisor });
  }

  private onCreditPaid(expiry: number, amount: bigint): void {
    const credit = this.credits.get(expiry) ?? 0n;
    const { owed, covered } = this.ratios.get(expiry) ?? { owed: 0n, covered: 0n };
    this.credits.delete(expiry);
    this.cash += amount;
    this.settlements -= amount;
    // What the fund and the pools behind it paid was counted as paid by the debtors until now.
    const insurance = owed === 0n ? 0n : (credit * covered) / owed;
    addParts(this.parts, { insurance: insurance * this.divisor, shortfall: -insurance * this.divisor });
  }

  // ───────────────────────────── Pool ─────────────────────────────

  private onPool(event: PoolEvent): MarkInterval | undefined {
    if (event.name === "Swapped") this.onSwapped(event.args);
    if (event.name === "Hedged") this.onHedged(event.args);
    return event.name === "Marked" ? this.onMarked(event.blockNumber, event.args) : undefined;
  }

  private onSwapped({ round, legs, quote }: Extract<PoolEvent, { name: "Swapped" }>["args"]): void {
    let givenRaw = 0n;
    for (const { option, size } of legs) {
      const key = option >> 8n;
      const isPut = (option & 1n) === 1n;
      const expiry = Number((key >> 48n) & 0xffff_ffffn);
      const strikeWad = (key & 0xffff_ffff_ffffn) * 10n ** 12n;
      const leg = { strikeWad, calls: isPut ? 0n : size, puts: isPut ? size : 0n };
      const board = this.surfaces.boardOf(expiry);
      if (board && this.surfaces.current) {
        givenRaw += valueRaw(leg, board);
        // A held expiry stands at this board already: every report carries the whole book.
        this.boards.set(expiry, { board, surface: this.surfaces.current });
      }
      const held = this.book.get(key) ?? { expiry, strikeWad, calls: 0n, puts: 0n };
      const next = { ...held, calls: held.calls - leg.calls, puts: held.puts - leg.puts };
      if (next.calls === 0n && next.puts === 0n) this.book.delete(key);
      else this.book.set(key, next);
      this.flows.volume += size < 0n ? -size : size;
    }
    const feesAway =
      (quote.fee * this.insuranceFeeShareBps) / BASIS_POINTS + (quote.fee * this.protocolFeeShareBps) / BASIS_POINTS;
    const facts = { ...quote, feesAway, givenRaw };
    const kept = quote.cash - feesAway;
    const rounding = driftRounding(facts, this.divisor);
    this.cash += kept;
    this.pending.push({
      round,
      parts: swapParts(facts, this.divisor),
      driftUnits: kept - (givenRaw + rounding) / this.divisor,
      driftRoundingRaw: rounding,
    });
    const mid = quote.midWad * 1_000_000n;
    if (mid > 0n) this.flows.premiumCollected += mid;
    else this.flows.premiumPaid -= mid;
    this.flows.swaps += 1;
  }

  /** Cash against base, as far as it gained or lost against the report's spot; it counts from the mark that swaps count from. */
  private onHedged({ round, cash, baseAmount }: Extract<PoolEvent, { name: "Hedged" }>["args"]): void {
    const before = this.baseSize();
    this.exchanging = false;
    this.cash += cash;
    this.base += baseAmount;
    const worthRaw = (this.baseSize() - before) * this.baseSpotWad;
    const worth = toCashDown(worthRaw, this.divisor);
    this.pending.push({
      round,
      parts: { hedging: cash * this.divisor + worthRaw },
      driftUnits: cash + worth,
      driftRoundingRaw: worthRaw - worth * this.divisor,
    });
  }

  private onMarked(blockNumber: bigint, mark: Extract<PoolEvent, { name: "Marked" }>["args"]): MarkInterval {
    const earlier = this.pending.filter(({ round }) => round !== mark.round);
    const drifting = this.pending.filter(({ round }) => round === mark.round);
    for (const { parts } of earlier) addParts(this.parts, parts);
    this.pending = drifting;

    let bookRaw = this.baseSize() * (this.surfaces.current?.spotWad ?? 0n);
    for (const series of this.book.values()) {
      const board = this.boards.get(series.expiry)?.board;
      if (board) bookRaw += valueRaw(series, board);
    }
    const bookValue = toCashDown(bookRaw, this.divisor);
    addParts(this.parts, { shortfall: (mark.settlements - this.settlements) * this.divisor });
    this.settlements = mark.settlements;
    const drift = drifting.reduce((sum, { driftUnits }) => sum + driftUnits, 0n);

    // The mark's NAV is its exact value plus these; what changes since the mark before is rounding of this interval.
    const driftRoundings = drifting.reduce((sum, { driftRoundingRaw }) => sum + driftRoundingRaw, 0n);
    const markRounding = bookRounding(bookRaw, this.divisor) + driftRoundings;
    addParts(this.parts, { rounding: markRounding - this.markRounding });
    this.markRounding = markRounding;

    const interval: MarkInterval = {
      blockNumber,
      round: mark.round,
      surfaceTime: mark.surfaceTime,
      nav: mark.nav,
      reserve: mark.reserve,
      freshReserve: mark.reserve > this.reserveAtMark ? mark.reserve - this.reserveAtMark : 0n,
      unwind: mark.unwind,
      provision: mark.provision,
      cash: mark.cash,
      bookValue: mark.bookValue,
      replayed: { nav: this.cash + this.settlements + bookValue - drift, cash: this.cash, bookValue },
      parts: this.parts,
      flows: this.flows,
    };
    this.reserveAtMark = mark.reserve;
    this.parts = noParts();
    this.flows = noFlows();
    return interval;
  }
}
