import { SECONDS_PER_YEAR } from "../../pricing/index.ts";
import type { StoredVolatility } from "./chainOracle.ts";
import { type ExpiryObservation, LATTICE_X } from "./lattice.ts";
import type { Movement } from "./rounds.ts";

/** What the chain's surface said, and when. */
export interface StoredMarket {
  readonly time: number;
  readonly spot: number;
  readonly volatilities: readonly StoredVolatility[];
}

/** A surface at the money: a node's lattice, or the slices of a report. */
export type AtTheMoney = ExpiryObservation | { readonly expiry: number; readonly variance: number };

/** Shorter tenors move by more than this every hour, and nobody may add risk there, seconds. */
const SHORTEST_TENOR = 86_400;

const atTheMoney = LATTICE_X.indexOf(0);

function varianceOf(item: AtTheMoney): number | null | undefined {
  return "variance" in item ? item.variance : item.totalVariance[atTheMoney];
}

/** How far spot and volatility at the money have moved between the chain's report and what is seen now. */
export function movementOf(time: number, spot: number, surface: readonly AtTheMoney[], stored: StoredMarket): Movement {
  const before = new Map(stored.volatilities.map(({ expiry, volatility }) => [expiry, volatility]));
  const moves = surface.map((item) => {
    const [variance, volatility] = [varianceOf(item), before.get(item.expiry)];
    if (!variance || volatility === undefined || item.expiry - time < SHORTEST_TENOR) return 0;
    return Math.abs(Math.sqrt(variance / ((item.expiry - time) / SECONDS_PER_YEAR)) - volatility);
  });
  return {
    seconds: time - stored.time,
    spot: stored.spot > 0 ? Math.abs(Math.log(spot / stored.spot)) : 0,
    volatility: Math.max(0, ...moves),
  };
}
