/** What LPs could have done instead, on the same flow and the same days. */
import { SECONDS_PER_DAY, SECONDS_PER_YEAR } from "../market/world.ts";
import type { Valued } from "./figures.ts";
import type { Knobs } from "./knobs.ts";
import type { Tape } from "./tape.ts";

/** A kind of pool: the one that is looked at, or another in its place. */
export type PoolKind = "meniscus" | "flat" | "noInventory";

/**
 * What another pool does differently. `flat` stands for pools with a flat price impact and no hedge of their own, as Lyra's first: one
 * volatility point and ten basis points of spot off mid, whatever it holds, whatever the age of data. `noInventory` is the pool
 * that is looked at without prices for what it holds.
 */
export function poolOf(kind: PoolKind, knobs: Knobs): { readonly knobs: Knobs; readonly isHedged: boolean } {
  switch (kind) {
    case "meniscus":
      return { knobs, isHedged: true };
    case "noInventory":
      return { knobs: { ...knobs, kappa: 0, deltaPotential: 0 }, isHedged: true };
    default:
      return {
        knobs: {
          kappa: 0,
          deltaPotential: 0,
          deltaSpread: 0,
          netVegaSpread: 0.01,
          notionalSpread: 0.001,
          ageMultiplier: 0,
          worseOfSeconds: 0,
        },
        isHedged: false,
      };
  }
}

const WEEK = 7 * SECONDS_PER_DAY;
const CALL_DISTANCE = 0.674; // Φ⁻¹(0.75): a call of about 25 delta

/**
 * A covered-call vault, day by day in quote tokens: one ether, and each Friday a call of 25 delta on it that expires a week later, sold at
 * the surface's price less half a volatility point.
 */
export function coveredCalls(tape: Tape): readonly Valued[] {
  const { from, to } = tape.data;
  const series: Valued[] = [];
  let cash = 0;
  let call: ReturnType<typeof nextCall>;
  for (let time = from; time <= to - SECONDS_PER_DAY; time += SECONDS_PER_DAY) {
    if (call && time >= call.expiry) {
      cash -= tape.value(call, time);
      call = undefined;
    }
    if (!call) {
      call = nextCall(tape, time);
      if (call) cash += tape.value(call, time) - 0.005 * tape.vega(call, time);
    }
    series.push({ time, value: tape.spot(time) + cash - (call ? tape.value(call, time) : 0) });
  }
  return series;
}

/** The call that is sold at a time: of the expiry that is nearest to a week away; undefined where none is listed. */
function nextCall(tape: Tape, time: number) {
  const expiries = tape.fit(time).slices.flatMap(({ expiry }) => (expiry > time + 3 * SECONDS_PER_DAY ? [expiry] : []));
  const [first] = expiries;
  if (first === undefined) return undefined;
  const away = (expiry: number) => Math.abs(expiry - time - WEEK);
  const expiry = expiries.reduce((best, next) => (away(next) < away(best) ? next : best), first);
  const stdDev = tape.volatility(time, expiry - time) * Math.sqrt((expiry - time) / SECONDS_PER_YEAR);
  return { expiry, strike: tape.spot(time) * Math.exp(CALL_DISTANCE * stdDev), kind: "call" } as const;
}
