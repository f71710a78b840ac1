/** Random acts on a market whose spot and volatility walk: swaps, reports, marks, hedges, requests, claims, settlements. */
import { quantiseSurface } from "../../../pricing/sliceWord.ts";
import { AVERAGING_SECONDS, effectiveSeconds } from "../../../pricing/surface.ts";
import { toReportSlice } from "../../../src/chain/report.ts";
import { createRandom, type Random } from "../../../src/market/random.ts";
import { EXPIRY_SECOND_OF_DAY, SECONDS_PER_DAY, SECONDS_PER_YEAR } from "../../../src/market/world.ts";
import type { Action, SimulatedLeg, SimulatedReport } from "../../../src/simulation/actions.ts";

const STRIKE_STEP = 150;
const MOST_EXPIRIES = 8;
const TENORS = [2, 9, 30, 58];

export interface RandomPeople {
  readonly takers: readonly string[];
  readonly providers: readonly string[];
}

/** A stream of acts; each depends on the seed alone. */
export class RandomActions {
  private readonly random: Random;
  private readonly people: RandomPeople;
  private time: number;
  private round = 0;
  private spot = 2_700;
  private level = 0.6;
  private readonly toSettle = new Set<number>();
  private readonly windows = new Map<number, { sum: number; seconds: number; last: number }>();
  private readonly queue: Action[] = [];
  private readonly traded: SimulatedLeg[] = [];

  constructor(seed: number, start: number, people: RandomPeople) {
    this.random = createRandom(seed);
    this.people = people;
    this.time = start;
    for (const who of people.providers)
      this.push(20, (time) => ({ kind: "deposit", time, who, assets: 400_000_000_000 }));
    this.surface(120);
    this.push(10, (time) => ({ kind: "mark", time }));
    for (const who of people.providers) this.push(10, (time) => ({ kind: "claim", time, who }));
  }

  next(): Action {
    while (this.queue.length === 0) this.draw();
    return this.queue.shift()!;
  }

  private push(seconds: number, act: (time: number) => Action): void {
    this.time += seconds;
    this.queue.push(act(this.time));
  }

  private draw(): void {
    const { random, people } = this;
    const draw = random.uniform();
    const seconds = 2 + Math.floor(random.uniform() * 3);
    const pick = (names: readonly string[]) => names[Math.floor(random.uniform() * names.length)]!;
    if (draw < 0.72) {
      // Fresh spot first, for most of them.
      if (random.uniform() < 0.85) this.spotReport(6 + Math.floor(random.uniform() * 20));
      for (let i = random.uniform() * 3; i > 0; i--) {
        this.push(seconds, (time) => ({ kind: "swap", time, who: pick(people.takers), legs: this.legs() }));
      }
    } else if (draw < 0.86) {
      this.surface(random.uniform() < 0.35 ? 2_000 + Math.floor(random.uniform() * 40_000) : 60 + seconds * 30);
      if (random.uniform() < 0.93) this.push(2, (time) => ({ kind: "mark", time }));
      if (random.uniform() < 0.5) this.push(2, (time) => ({ kind: "stress", time }));
      if (random.uniform() < 0.7) this.push(2, (time) => ({ kind: "hedge", time, fill: { price: this.spot } }));
    } else if (draw < 0.9) {
      const assets = Math.round(10 ** (3 + 8 * random.uniform()));
      this.push(seconds, (time) => ({ kind: "deposit", time, who: pick(people.providers), assets }));
    } else if (draw < 0.95) {
      const shareE6 = random.uniform() < 0.2 ? 1_000_000 : Math.floor(random.uniform() * 600_000);
      this.push(seconds, (time) => ({ kind: "redeem", time, who: pick(people.providers), shareE6 }));
    } else this.push(seconds, (time) => ({ kind: "claim", time, who: pick(people.providers) }));
  }

  /** Expiries whose options may be held or traded: listed by tenor, each day anew. */
  private expiries(): readonly number[] {
    const day = Math.floor((this.time - EXPIRY_SECOND_OF_DAY) / SECONDS_PER_DAY) + 1;
    const all = new Set([...this.toSettle].filter((expiry) => expiry > this.time));
    for (const tenor of TENORS) {
      if (all.size < MOST_EXPIRIES) all.add((day + tenor) * SECONDS_PER_DAY + EXPIRY_SECOND_OF_DAY);
    }
    return [...all].toSorted((a, b) => a - b);
  }

  private legs(): readonly SimulatedLeg[] {
    const { random } = this;
    const open = this.traded.filter(({ expiry }) => expiry > this.time);
    if (open.length > 0 && random.uniform() < 0.25) {
      const leg = open[Math.floor(random.uniform() * open.length)]!;
      return [{ ...leg, size: random.uniform() < 0.5 ? -leg.size : leg.size }];
    }
    const expiries = [...this.toSettle].filter((expiry) => expiry > this.time);
    const legs = new Map<string, SimulatedLeg>();
    for (let i = random.uniform() < 0.7 ? 1 : 2 + Math.floor(random.uniform() * 3); i > 0; i--) {
      const expiry = expiries[Math.floor(random.uniform() * expiries.length)]!;
      const deviation = this.level * Math.sqrt((expiry - this.time) / SECONDS_PER_YEAR);
      const strike = Math.round((this.spot * Math.exp(1.4 * deviation * (2 * random.uniform() - 1))) / STRIKE_STEP);
      const kind = random.uniform() < 0.5 ? "call" : "put";
      const size = Math.round(10 ** (4.5 + 3 * random.uniform())) / 1e6;
      const leg = { expiry, strike: strike * STRIKE_STEP, kind, size: random.uniform() < 0.6 ? size : -size } as const;
      legs.set(`${expiry} ${strike} ${kind}`, leg);
    }
    this.traded.push(...legs.values());
    return [...legs.values()];
  }

  private walk(seconds: number): void {
    const root = Math.sqrt(seconds / SECONDS_PER_YEAR);
    this.spot = Math.round(this.spot * Math.exp(0.5 * root * this.random.normal()) * 100) / 100;
    this.level = Math.min(1.1, Math.max(0.35, this.level * Math.exp(1.2 * root * this.random.normal())));
  }

  private spotReport(seconds: number): void {
    this.walk(seconds);
    this.push(seconds, (time) => ({ kind: "report", time, report: { kind: "spot", ...this.common(time) } }));
    this.settleDue();
  }

  private surface(seconds: number): void {
    this.walk(seconds);
    this.round += 1;
    this.push(seconds, (time) => {
      const expiries = this.expiries();
      for (const expiry of expiries) this.toSettle.add(expiry);
      const words = quantiseSurface(
        expiries.map((expiry, i) => {
          const tenor = expiry - time;
          const theta = this.level ** 2 * (1 - 0.02 * i * 0.1) * (effectiveSeconds(tenor) / SECONDS_PER_YEAR);
          return {
            theta,
            psi: 0.9 * Math.sqrt(theta),
            rho: -0.25,
            basis: 0.002 * (tenor / SECONDS_PER_YEAR),
            residual: 0.002,
          };
        }),
      );
      const slices = words.map((word, i) => toReportSlice(word, expiries[i]!));
      const report: SimulatedReport = {
        kind: "surface",
        ...this.common(time),
        round: this.round,
        disagreement: 12,
        slices,
      };
      return { kind: "report", time, report };
    });
    this.settleDue();
  }

  /** Data hold a second or two before the block. */
  private common(time: number) {
    const modelTime = time - 1 - Math.floor(this.random.uniform() * 3);
    const averages = [...this.toSettle]
      .filter((expiry) => modelTime > expiry - AVERAGING_SECONDS)
      .toSorted((a, b) => a - b)
      .map((expiry) => {
        const window = this.windows.get(expiry) ?? { sum: 0, seconds: 0, last: expiry - AVERAGING_SECONDS };
        const until = Math.min(modelTime, expiry);
        const seconds = until - window.last;
        const next = { sum: window.sum + this.spot * seconds, seconds: window.seconds + seconds, last: until };
        this.windows.set(expiry, next);
        const average = BigInt(Math.round((next.sum / next.seconds) * 1e6)) * 10n ** 12n;
        return { expiry, average, elapsed: next.seconds };
      });
    return { modelTime, spot: BigInt(Math.round(this.spot * 1e6)) * 10n ** 12n, averages };
  }

  private settleDue(): void {
    for (const expiry of [...this.toSettle].toSorted((a, b) => a - b)) {
      if ((this.windows.get(expiry)?.seconds ?? 0) < AVERAGING_SECONDS) continue;
      this.toSettle.delete(expiry);
      this.push(10, (time) => ({ kind: "settle", time, expiry }));
    }
  }
}
