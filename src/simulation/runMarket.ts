/** One run: a population lives through a tape on an engine, act by act. */
import { createRandom, mixSeed, type Random } from "../market/random.ts";
import { SECONDS_PER_DAY, SECONDS_PER_HOUR } from "../market/world.ts";
import type { Action, Outcome, QuotingEngine, SimulatedLeg } from "./actions.ts";
import { OracleSchedule } from "./oracleSchedule.ts";
import type { Population } from "./population.ts";
import { Recorder, type RunRecord } from "./runRecord.ts";
import { edgeWish, hedgerWish, noiseWish, type TakerKind, type Wish } from "./takers.ts";
import type { ListedOption, Tape } from "./tape.ts";

/** Hedges in a row at one report, as Uniswap's depth and the caps ask for. */
const HEDGES_PER_REPORT = 3;
/** Orders come while data are fresh, seconds after a report. */
const [FIRST_ORDER, LAST_ORDER] = [14, 290];
/** A contract's worth of options by which a spread is seen. */
const UNIT = 1e6;
/** Of a margin account, how much of its collateral a short may be worth before it is liquidated. */
const LIQUIDATION_SHARE = 0.8;

export interface RunSetup {
  readonly tape: Tape;
  readonly population: Population;
  readonly seed: number;
  readonly engine: QuotingEngine;
  /** Whether anybody hedges the pool. */
  readonly isHedged: boolean;
  /** Called with every act, for who plays it again elsewhere. */
  readonly onAct?: (action: Action, outcome: Outcome) => void;
}

/** A short with the collateral that stands behind it, quote tokens. */
interface Lot {
  readonly who: string;
  readonly leg: SimulatedLeg;
  readonly collateral: number;
}

interface Planned {
  readonly time: number;
  readonly run: (time: number) => void;
}

/** Runs from the tape's beginning to its end. The same setup gives the same record. */
export function runMarket(setup: RunSetup): RunRecord {
  return new MarketRun(setup).run();
}

class MarketRun {
  private readonly setup: RunSetup;
  private readonly tape: Tape;
  private readonly population: Population;
  private readonly engine: QuotingEngine;
  private readonly oracle: OracleSchedule;
  private readonly record: Recorder;
  /** What takers hold, by name; options that they bought or wrote and that are not over. */
  private readonly held = new Map<string, SimulatedLeg[]>();
  private readonly open = new Set<number>();
  private lots: Lot[] = [];
  private readonly waiting = new Set<string>();
  private readonly guests: string[] = [];
  private insurance = 0;
  private spotTime = 0;
  private clock = 0;
  private height = 0;
  private isRunning = false;

  constructor(setup: RunSetup) {
    this.setup = setup;
    [this.tape, this.population, this.engine] = [setup.tape, setup.population, setup.engine];
    this.oracle = new OracleSchedule(setup.tape, setup.population.oracle, setup.seed);
    this.record = new Recorder(setup.tape);
  }

  run(): RunRecord {
    const { from, to } = this.tape.data;
    const { surfaceSeconds } = this.population.oracle;
    const assets = Math.round(this.population.deposit * 1e6);
    this.act({ kind: "deposit", time: from - 120, who: "first", assets });
    this.waiting.add("first");
    for (let time = from; time < to; time += surfaceSeconds) this.interval(time, surfaceSeconds);
    return this.record.close(this.engine.sharePrice);
  }

  private act(action: Action): Outcome {
    const time = Math.max(this.clock, action.time);
    this.clock = time;
    const outcome = this.engine.act({ ...action, time });
    this.record.acted(action.kind, outcome);
    this.setup.onAct?.({ ...action, time }, outcome);
    return outcome;
  }

  // ───────────────────────────── One report and what follows ─────────────────────────────

  private interval(time: number, seconds: number): void {
    const { oracle, keepers } = this.population;
    const random = createRandom(mixSeed(this.setup.seed, "keepers", time));
    const planned: Planned[] = [];
    const accepted = time + oracle.delaySeconds;
    this.act({ kind: "report", time: accepted, report: this.oracle.surface(time, this.open) });
    this.spotTime = time;
    this.settleDue(accepted + 1);
    if (random.uniform() >= keepers.missedMarks) {
      planned.push({ time: accepted + keepers.markDelaySeconds, run: (at) => this.mark(at) });
    }
    if (this.setup.isHedged && random.uniform() >= keepers.missedHedges) {
      planned.push({ time: accepted + keepers.markDelaySeconds + 2, run: (at) => this.hedge(at) });
    }
    this.planTakers(time, seconds, planned);
    if (time % SECONDS_PER_HOUR === 0) {
      this.liquidate(accepted + keepers.markDelaySeconds + 3);
      this.planProviders(time, planned);
    }
    for (const { time: at, run } of planned.toSorted((a, b) => a.time - b.time)) run(at);
  }

  private mark(time: number): void {
    this.act({ kind: "mark", time });
    this.act({ kind: "stress", time });
    for (const who of this.waiting) this.claim(who, time);
    const { sharePrice } = this.engine;
    this.height = Math.max(this.height, sharePrice);
    if (time - (time % SECONDS_PER_HOUR) > this.record.lastHour) this.observe(time);
  }

  private claim(who: string, time: number): void {
    const outcome = this.act({ kind: "claim", time, who });
    if (outcome.done && (outcome.cash !== 0 || (outcome.shares ?? 0n) !== 0n)) this.waiting.delete(who);
  }

  private hedge(time: number): void {
    const { feeRate, depth } = this.population.venue;
    this.freshSpot(time);
    const spot = this.tape.spot(time);
    for (let i = 0; i < HEDGES_PER_REPORT; i++) {
      // What the whole cap would move is not known before: a price for a twentieth of the pool.
      const impact = this.engine.sharePrice === 0 ? 0 : this.record.nav / 20 / depth;
      const isShort = this.engine.view().inventory[3] > 0n;
      const price = spot * (1 + (isShort ? 1 : -1) * (feeRate + impact));
      const outcome = this.act({ kind: "hedge", time: time + i, fill: { price } });
      if (!outcome.done) return;
      this.record.hedged(outcome, spot);
    }
  }

  /** The two newest spots that are due, so that the worse of the two counts as it would. */
  private freshSpot(time: number): void {
    const { spotSeconds, delaySeconds } = this.population.oracle;
    const newest = Math.floor((time - delaySeconds) / spotSeconds) * spotSeconds;
    for (const due of [newest - spotSeconds, newest]) {
      if (due <= this.spotTime) continue;
      this.spotTime = due;
      this.act({ kind: "report", time: due + delaySeconds, report: this.oracle.spot(due, this.open) });
    }
  }

  // ───────────────────────────── Takers ─────────────────────────────

  private planTakers(time: number, seconds: number, planned: Planned[]): void {
    const { noise, hedgers, informed, arbitrageurs } = this.population;
    const until = Math.min(seconds, LAST_ORDER);
    const orders = (
      kind: TakerKind,
      count: number,
      perDay: number,
      run: (who: string, at: number, random: Random) => void,
    ) => {
      for (let i = 0; i < count; i++) {
        const who = `${kind} ${i + 1}`;
        const random = createRandom(mixSeed(this.setup.seed, who, time));
        for (let n = random.poisson((perDay * seconds) / SECONDS_PER_DAY); n > 0; n--) {
          const at = time + FIRST_ORDER + Math.floor(random.uniform() * (until - FIRST_ORDER));
          const own = createRandom(mixSeed(this.setup.seed, who, time, n));
          planned.push({ time: at, run: () => run(who, at, own) });
        }
      }
    };
    orders("noise", noise.count, noise.ordersPerDay, (who, at, random) => {
      this.take("noise", who, at, noiseWish(this.tape, at, this.held.get(who) ?? [], this.population, random));
    });
    orders("hedger", hedgers.count, hedgers.ordersPerDay, (who, at, random) => {
      this.take("hedger", who, at, hedgerWish(this.tape, at, this.population, random));
    });
    const looks = (kind: TakerKind, count: number, every: number, run: (who: string, at: number) => void) => {
      for (let i = 0; i < count; i++) {
        const who = `${kind} ${i + 1}`;
        const random = createRandom(mixSeed(this.setup.seed, who, time));
        for (let at = time + FIRST_ORDER + Math.floor(random.uniform() * every); at < time + until; at += every) {
          const moment = at;
          planned.push({ time: moment, run: () => run(who, moment) });
        }
      }
    };
    looks("informed", informed.count, informed.everySeconds, (who, at) => this.lookAhead(who, at));
    looks("arbitrageur", arbitrageurs.count, arbitrageurs.everySeconds, (who, at) => this.compare(who, at));
  }

  /** The informed: spot and surface as the oracle will have them. */
  private lookAhead(who: string, time: number): void {
    const { tape, population } = this;
    const { leadSeconds, reportsAhead, leastGain, largest } = population.informed;
    const surfaceTime = time + reportsAhead * population.oracle.surfaceSeconds;
    const spotTime = time + leadSeconds;
    const value = (option: ListedOption) => tape.value(option, surfaceTime, spotTime);
    const moved = Math.abs(Math.log(tape.spot(spotTime) / tape.spot(this.spotTime)));
    const shifted = Math.abs(Math.log(tape.level(surfaceTime) / tape.level(time)));
    const hasNews = moved > 3e-4 || shifted > 2e-3;
    if (!hasNews) return;
    this.freshSpot(time);
    const edge = { value, cost: () => 0, leastGain, largest };
    this.take("informed", who, time, edgeWish(tape.fit(time), this.quoteAt(time), edge), value);
  }

  /** Arbitrageurs: the venue's price of now. */
  private compare(who: string, time: number): void {
    const { tape, population } = this;
    const { leastGain, largest } = population.arbitrageurs;
    const { optionFee, optionFeeCap } = population.venue;
    const spot = tape.spot(time);
    const value = (option: ListedOption) => tape.value(option, time);
    const cost = (option: ListedOption) => {
      const gap = Math.max(option.bidGap ?? 0.002, option.askGap ?? 0.002) * spot;
      return gap + Math.min(optionFee * spot, optionFeeCap * value(option));
    };
    this.freshSpot(time);
    this.take(
      "arbitrageur",
      who,
      time,
      edgeWish(tape.fit(time), this.quoteAt(time), { value, cost, leastGain, largest }),
    );
  }

  private quoteAt(time: number) {
    return (legs: readonly SimulatedLeg[]) => {
      const cash = this.engine.quote(legs, time);
      return cash === undefined ? undefined : cash / UNIT;
    };
  }

  private take(
    kind: TakerKind,
    who: string,
    time: number,
    wish: Wish | undefined,
    value?: (option: ListedOption) => number,
  ): void {
    if (!wish) return;
    this.freshSpot(time);
    const limit = Math.floor(wish.most * UNIT);
    const outcome = this.act({ kind: "swap", time, who, legs: wish.legs, limit });
    const notional = wish.legs.reduce((sum, { size }) => sum + Math.abs(size), 0) * this.tape.spot(time);
    if (!outcome.done) {
      this.record.refused(kind, outcome.refused, notional);
      return;
    }
    this.record.swapped(kind, time, wish.legs, outcome, notional, value);
    this.insurance += (0.2 * (outcome.fee ?? 0)) / UNIT;
    for (const leg of wish.legs) this.hold(kind, who, leg, time, outcome.cash / UNIT);
  }

  private hold(kind: TakerKind, who: string, leg: SimulatedLeg, time: number, cash: number): void {
    this.open.add(leg.expiry);
    const held = this.held.get(who) ?? [];
    this.held.set(who, held);
    const same = (item: SimulatedLeg) =>
      item.expiry === leg.expiry && item.strike === leg.strike && item.kind === leg.kind;
    const index = held.findIndex(same);
    const size = Math.round(((held[index]?.size ?? 0) + leg.size) * 1e6) / 1e6;
    if (index >= 0) held.splice(index, 1);
    if (size !== 0) held.push({ ...leg, size });
    // Those who are in it for a living are never short of money.
    if (kind === "informed" || kind === "arbitrageur") return;
    this.lots = this.lots.filter((lot) => !(lot.who === who && same(lot.leg)));
    if (size >= 0) return;
    const short = { ...leg, size };
    const margin = Math.max(0, this.engine.marginOf([short], time) / UNIT);
    this.lots.push({ who, leg: short, collateral: 1.1 * margin + Math.max(0, -cash) });
  }

  // ───────────────────────────── Liquidation and settlement ─────────────────────────────

  /** Writers whose options have come near their collateral: liquidators buy them back where they are there. */
  private liquidate(time: number): void {
    const delay = this.population.keepers.liquidatorDelayHours;
    if (delay === null) return;
    const seen = time - delay * SECONDS_PER_HOUR;
    for (const lot of this.lots) {
      const { leg, collateral, who } = lot;
      if (leg.expiry <= time) continue;
      const worth = -leg.size * this.tape.value(leg, Math.max(this.tape.data.from, seen));
      if (worth < LIQUIDATION_SHARE * collateral) continue;
      this.freshSpot(time);
      const outcome = this.act({ kind: "swap", time, who, legs: [{ ...leg, size: -leg.size }] });
      if (!outcome.done) continue;
      this.record.liquidated();
      this.cover(Math.max(0, outcome.cash / UNIT - collateral));
      this.lots = this.lots.filter((other) => other !== lot);
      this.held.set(
        who,
        (this.held.get(who) ?? []).filter(
          (item) => item.expiry !== leg.expiry || item.strike !== leg.strike || item.kind !== leg.kind,
        ),
      );
    }
  }

  /** The insurance fund pays what collateral cannot; returns what of it was paid. */
  private cover(shortfall: number): number {
    const paid = Math.min(shortfall, this.insurance);
    this.insurance -= paid;
    this.record.fellShort(shortfall, paid);
    return paid;
  }

  private settleDue(time: number): void {
    for (const expiry of [...this.open].toSorted((a, b) => a - b)) {
      if (expiry > time) continue;
      const price = this.tape.average(expiry, expiry)!.average;
      let [owed, collected] = [0, 0];
      for (const { leg, collateral } of this.lots.filter((lot) => lot.leg.expiry === expiry)) {
        const due = -leg.size * Math.max(0, (leg.kind === "call" ? 1 : -1) * (price - leg.strike));
        const own = Math.min(due, collateral);
        owed += due;
        collected += own;
      }
      if (owed > collected) collected += this.cover(owed - collected);
      const others = { owed: Math.round(owed * UNIT), collected: Math.round(Math.min(owed, collected) * UNIT) };
      const outcome = this.act({ kind: "settle", time, expiry, others });
      if (!outcome.done) continue;
      this.open.delete(expiry);
      this.lots = this.lots.filter((lot) => lot.leg.expiry !== expiry);
      for (const [who, legs] of this.held)
        this.held.set(
          who,
          legs.filter((leg) => leg.expiry !== expiry),
        );
    }
  }

  // ───────────────────────────── LPs ─────────────────────────────

  private planProviders(time: number, planned: Planned[]): void {
    const { entriesPerMonth, runAt } = this.population.providers;
    const random = createRandom(mixSeed(this.setup.seed, "providers", time));
    const at = time + FIRST_ORDER + Math.floor(random.uniform() * 200);
    if (random.uniform() < (entriesPerMonth * SECONDS_PER_HOUR) / (30 * SECONDS_PER_DAY)) {
      const who = `guest ${this.guests.length + 1}`;
      this.guests.push(who);
      planned.push({ time: at, run: () => this.enter(who, at) });
    }
    const fall = this.height === 0 ? 0 : 1 - this.engine.sharePrice / this.height;
    if (fall >= runAt && !this.isRunning) planned.push({ time: at, run: () => this.leaveAll(at) });
    this.isRunning = fall >= runAt;
  }

  private enter(who: string, time: number): void {
    this.act({ kind: "deposit", time, who, assets: Math.round((this.population.deposit * UNIT) / 20) });
    this.waiting.add(who);
  }

  private leaveAll(time: number): void {
    for (const who of this.guests) {
      const outcome = this.act({ kind: "redeem", time, who, shareE6: 1_000_000 });
      if (outcome.done) this.waiting.add(who);
    }
  }

  // ───────────────────────────── What is seen ─────────────────────────────

  private observe(time: number): void {
    const { engine, tape } = this;
    const view = engine.view();
    const errors: number[] = [];
    for (const option of tape.fit(time).listed) {
      if (errors.length === 4) break;
      const tenor = option.expiry - time;
      if (
        tenor < 7 * SECONDS_PER_DAY ||
        tenor > 45 * SECONDS_PER_DAY ||
        Math.abs(Math.log(option.strike / tape.spot(time))) > 0.08
      )
        continue;
      const [ask, bid] = [0.1, -0.1].map((size) => engine.quote([{ ...option, size }], time));
      if (ask === undefined || bid === undefined) continue;
      const mid = (ask - bid) / (0.2 * UNIT);
      errors.push((mid - tape.value(option, time)) / tape.vega(option, time));
    }
    this.record.observe(time, {
      sharePrice: engine.sharePrice,
      nav: Number(view.nav) / UNIT,
      requirement: Number(view.requirement) / UNIT,
      base: Number(view.base) / 1e18,
      netShortDelta: Number(view.inventory[3]) / UNIT,
      volatilityErrors: errors,
    });
  }
}
