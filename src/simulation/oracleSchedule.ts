/** What the oracle reports of the true market, when: its nodes see it with noise, some of them lie, and the median is signed. */
import { AVERAGING_SECONDS } from "../../pricing/surface.ts";
import { createRandom, mixSeed } from "../market/random.ts";
import { SECONDS_PER_DAY } from "../market/world.ts";
import type { SimulatedReport } from "./actions.ts";
import type { Population } from "./population.ts";
import type { Tape } from "./tape.ts";

export class OracleSchedule {
  private readonly tape: Tape;
  private readonly rules: Population["oracle"];
  private readonly seed: number;
  private round = 0;

  constructor(tape: Tape, rules: Population["oracle"], seed: number) {
    this.tape = tape;
    this.rules = rules;
    this.seed = seed;
  }

  /** The next surface, whose data hold at `time`. `held` are expiries of which averages are wanted beside those that are listed. */
  surface(time: number, held: Iterable<number>): SimulatedReport {
    const { tape } = this;
    const fit = tape.fit(time);
    this.round += 1;
    const shift = this.medianError(time, "volatility") * this.rules.volatilityNoise;
    const slices = tape.slices(time, shift);
    const { disagreement } = fit;
    const expiries = new Set([...held, ...fit.slices.map(({ expiry }) => expiry)]);
    return { kind: "surface", round: this.round, disagreement, slices, ...this.common(time, expiries) };
  }

  /** Spot alone at `time`. */
  spot(time: number, held: Iterable<number>): SimulatedReport {
    return { kind: "spot", ...this.common(time, new Set(held)) };
  }

  private common(time: number, expiries: ReadonlySet<number>) {
    const { tape } = this;
    const spot = tape.spot(time) * (1 + this.medianError(time, "spot") * this.rules.spotNoise);
    const averages = [...expiries]
      .filter((expiry) => time > expiry - AVERAGING_SECONDS && time < expiry + SECONDS_PER_DAY)
      .toSorted((a, b) => a - b)
      .map((expiry) => {
        const { average, elapsed } = tape.average(expiry, time)!;
        return { expiry, average: toWad(average), elapsed };
      });
    return { modelTime: time, spot: toWad(spot), averages };
  }

  /** Error of the nodes' median in deviations of one node; liars stand together beyond one end or the other. */
  private medianError(time: number, what: string): number {
    const { nodes, liars } = this.rules;
    const random = createRandom(mixSeed(this.seed, what, time));
    const side = random.uniform() < 0.5 ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
    const seen = new Float64Array(nodes);
    for (let i = 0; i < nodes; i++) seen[i] = i < liars ? side : random.normal();
    seen.sort();
    const [low, high] = [seen[(nodes - 1) >> 1]!, seen[nodes >> 1]!];
    if (!Number.isFinite(low + high)) throw new RangeError("more liars than a median withstands");
    return (low + high) / 2;
  }
}

function toWad(value: number): bigint {
  return BigInt(Math.round(value * 1e6)) * 10n ** 12n;
}
