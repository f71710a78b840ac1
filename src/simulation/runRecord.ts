/** What a run leaves: what LPs earned and why, seen every hour. */
import { SECONDS_PER_DAY, SECONDS_PER_HOUR, SECONDS_PER_YEAR } from "../market/world.ts";
import type { Action, Outcome, SimulatedLeg } from "./actions.ts";
import type { TakerKind } from "./takers.ts";
import type { ListedOption, Tape } from "./tape.ts";

const UNIT = 1e6;
/** Seconds after a trade at which it is looked at again. */
export const MARKOUT_SECONDS = [30, 300, 3_600] as const;

/** Gas of one act, as `snapshots/` has it for a book of ten strikes, one leg from a wallet; a settlement is that of a pool and its start. */
export const GAS_OF_ACT: Readonly<Record<Action["kind"], number>> = {
  report: 98_000,
  mark: 280_000,
  stress: 365_000,
  swap: 245_000,
  hedge: 300_000,
  deposit: 92_000,
  redeem: 68_000,
  claim: 65_000,
  settle: 190_000,
};

/** The trades of one kind of taker; amounts in quote tokens. */
export interface FlowRecord {
  trades: number;
  refused: number;
  /** Of the underlying behind the options. */
  notional: number;
  /** What the pool had gained of them so much later, before the fee's parts that go elsewhere: cash less what was given. */
  readonly markouts: [number, number, number];
  /** What the taker gained by what he knew. */
  gained: number;
}

/** The pool at one hour. */
export interface HourRecord {
  readonly time: number;
  readonly sharePrice: number;
  readonly nav: number;
  readonly utilisation: number;
  readonly netDelta: number;
  /** Mean of the pool's mid less the reference, volatility; NaN where nothing was compared. */
  readonly volatilityError: number;
}

export interface RunRecord {
  readonly from: number;
  readonly to: number;
  readonly days: readonly HourRecord[];
  readonly flow: Readonly<Partial<Record<TakerKind, FlowRecord>>>;
  readonly refusals: Readonly<Record<string, number>>;
  readonly acts: Readonly<Partial<Record<Action["kind"], number>>>;
  readonly gas: number;
  /** Fees paid by takers; what mids of old data gave away; what hedging cost against spot. Quote tokens. */
  readonly fees: number;
  readonly staleLoss: number;
  readonly hedgeCost: number;
  readonly shortfall: number;
  readonly insured: number;
  readonly liquidations: number;
  /** Share of hours in which the pool's mid lay within a volatility point of the reference. */
  readonly within1: number;
  readonly implied: number;
  readonly realised: number;
  readonly meanNav: number;
  readonly meanUtilisation: number;
  readonly maxUtilisation: number;
  readonly finalSharePrice: number;
}

export class Recorder {
  lastHour = 0;
  nav = 0;
  private readonly tape: Tape;
  private readonly hours: HourRecord[] = [];
  private readonly flow = new Map<TakerKind, FlowRecord>();
  private readonly refusals = new Map<string, number>();
  private readonly acts = new Map<Action["kind"], number>();
  private readonly errors: number[] = [];
  private sums = { fees: 0, staleLoss: 0, hedgeCost: 0, shortfall: 0, insured: 0, liquidations: 0 };

  constructor(tape: Tape) {
    this.tape = tape;
  }

  acted(kind: Action["kind"], { done }: Outcome): void {
    if (done) this.acts.set(kind, (this.acts.get(kind) ?? 0) + 1);
  }

  refused(kind: TakerKind, why: string, notional: number): void {
    this.flowOf(kind).refused += notional;
    this.refusals.set(why, (this.refusals.get(why) ?? 0) + 1);
  }

  swapped(
    kind: TakerKind,
    time: number,
    legs: readonly SimulatedLeg[],
    outcome: Outcome & { readonly done: true },
    notional: number,
    value?: (option: ListedOption) => number,
  ): void {
    const flow = this.flowOf(kind);
    const [cash, mid] = [outcome.cash / UNIT, (outcome.mid ?? 0) / UNIT];
    const worth = (worthOf: (leg: SimulatedLeg) => number) =>
      legs.reduce((sum, leg) => sum + leg.size * worthOf(leg), 0);
    flow.trades += 1;
    flow.notional += notional;
    MARKOUT_SECONDS.forEach((seconds, i) => {
      const later = Math.min(time + seconds, this.tape.data.to);
      flow.markouts[i]! += cash - worth((leg) => this.tape.value(leg, later));
    });
    if (value) flow.gained += worth((leg) => value({ ...leg, weight: 0, bidGap: undefined, askGap: undefined })) - cash;
    this.sums.fees += (outcome.fee ?? 0) / UNIT;
    this.sums.staleLoss += worth((leg) => this.tape.value(leg, time)) - mid;
  }

  hedged({ hedge }: Outcome & { readonly done: true }, spot: number): void {
    if (!hedge) return;
    const worth = (Number(hedge.baseAmount) / 1e18) * spot;
    this.sums.hedgeCost += Math.abs(Number(hedge.quoteAmount) / UNIT - worth) + Number(hedge.bounty) / UNIT;
  }

  liquidated(): void {
    this.sums.liquidations += 1;
  }

  fellShort(shortfall: number, insured: number): void {
    this.sums.shortfall += shortfall;
    this.sums.insured += insured;
  }

  observe(
    time: number,
    seen: {
      readonly sharePrice: number;
      readonly nav: number;
      readonly requirement: number;
      readonly base: number;
      readonly netShortDelta: number;
      readonly volatilityErrors: readonly number[];
    },
  ): void {
    this.lastHour = time - (time % SECONDS_PER_HOUR);
    this.nav = seen.nav;
    const { volatilityErrors } = seen;
    const mean = volatilityErrors.reduce((sum, x) => sum + x, 0) / volatilityErrors.length;
    if (volatilityErrors.length > 0) this.errors.push(Math.max(...volatilityErrors.map(Math.abs)));
    this.hours.push({
      time: this.lastHour,
      sharePrice: seen.sharePrice,
      nav: seen.nav,
      utilisation: seen.nav > 0 ? Math.max(0, seen.requirement) / seen.nav : 0,
      netDelta: -seen.netShortDelta,
      volatilityError: mean,
    });
  }

  close(finalSharePrice: number): RunRecord {
    const { hours, tape, errors, acts } = this;
    const { from, to } = tape.data;
    const mean = (value: (hour: HourRecord) => number) =>
      hours.reduce((sum, hour) => sum + value(hour), 0) / hours.length;
    return {
      from,
      to,
      days: hours.filter((hour, i) => i === 0 || i === hours.length - 1 || hour.time % SECONDS_PER_DAY === 0),
      flow: Object.fromEntries(this.flow),
      refusals: Object.fromEntries(this.refusals),
      acts: Object.fromEntries(acts),
      gas: [...acts].reduce((sum, [kind, count]) => sum + count * GAS_OF_ACT[kind], 0),
      ...this.sums,
      within1: errors.filter((error) => error <= 0.01).length / errors.length,
      implied: impliedOver(tape),
      realised: realisedOver(tape),
      meanNav: mean(({ nav }) => nav),
      meanUtilisation: mean(({ utilisation }) => utilisation),
      maxUtilisation: Math.max(...hours.map(({ utilisation }) => utilisation)),
      finalSharePrice,
    };
  }

  private flowOf(kind: TakerKind): FlowRecord {
    const known = this.flow.get(kind);
    if (known) return known;
    const made: FlowRecord = { trades: 0, refused: 0, notional: 0, markouts: [0, 0, 0], gained: 0 };
    this.flow.set(kind, made);
    return made;
  }
}

/** Mean of thirty-day volatility at the money, day by day. */
function impliedOver(tape: Tape): number {
  const { from, to } = tape.data;
  let [sum, count] = [0, 0];
  for (let time = from; time < to; time += SECONDS_PER_DAY, count++) sum += tape.volatility(time, 30 * SECONDS_PER_DAY);
  return sum / count;
}

/** Of hourly returns, per √year. */
function realisedOver(tape: Tape): number {
  const { from, to } = tape.data;
  let sum = 0;
  for (let time = from; time + SECONDS_PER_HOUR <= to; time += SECONDS_PER_HOUR) {
    sum += Math.log(tape.spot(time + SECONDS_PER_HOUR) / tape.spot(time)) ** 2;
  }
  return Math.sqrt((sum * SECONDS_PER_YEAR) / (to - from));
}
