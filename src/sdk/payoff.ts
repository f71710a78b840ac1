import { black76 } from "../../pricing/black76.ts";
import { price, SECONDS_PER_YEAR, stdDev } from "../../pricing/units.ts";
import type { OptionKind } from "../chain/optionId.ts";

/** An option of a package; expiry in Unix seconds, contracts positive where bought, volatility per √year. */
export interface PayoffLeg {
  readonly expiry: number;
  readonly strike: number;
  readonly kind: OptionKind;
  readonly contracts: number;
  readonly volatility: number;
}

/** What a package gains or loses by the spot at its first expiry, quote tokens, its price included. */
export interface Payoff {
  /** Unix seconds. */
  readonly at: number;
  readonly points: readonly { readonly spot: number; readonly profit: number }[];
  /** Spots between which the profit changes its sign, ascending. */
  readonly breakEvens: readonly number[];
  /** Most and least inside the range drawn; null where it goes on growing or falling with spot. */
  readonly most: number | null;
  readonly least: number | null;
}

const STEPS = 200;
/** How far the drawing reaches: standard deviations of spot until then, at least and at most so far from it. */
const REACH = { deviations: 4, least: 0.08, most: 0.6 };

/**
 * Later expiries are valued at the first one with today's volatility and the spot as forward: an estimate, exact where all legs share
 * one expiry.
 *
 * @param cash What the package costs; negative where it brings.
 * @param now Unix seconds.
 */
export function payoffOf(
  legs: readonly PayoffLeg[],
  cash: number,
  { spot, now }: { spot: number; now: number },
): Payoff {
  const at = Math.min(...legs.map(({ expiry }) => expiry));
  const strikes = legs.map(({ strike }) => strike);
  const volatility = Math.max(...legs.map((leg) => leg.volatility));
  const deviations = REACH.deviations * volatility * Math.sqrt(Math.max(0, at - now) / SECONDS_PER_YEAR);
  const reach = Math.min(REACH.most, Math.max(REACH.least, deviations));
  const low = Math.min((1 - reach) * spot, (1 - reach / 4) * Math.min(...strikes));
  const high = Math.max((1 + reach) * spot, (1 + reach / 4) * Math.max(...strikes));
  const profitAt = (forward: number) =>
    legs.reduce((sum, leg) => sum + leg.contracts * valueAt(leg, forward, at), -cash);
  // Payoffs bend at strikes: they are looked at themselves.
  const spots = [...Array.from({ length: STEPS + 1 }, (_, i) => low + ((high - low) * i) / STEPS), ...strikes];
  const points = [...new Set(spots)].toSorted((a, b) => a - b).map((x) => ({ spot: x, profit: profitAt(x) }));
  const breakEvens = points.flatMap(({ spot: x, profit }, i) => {
    const before = points[i - 1];
    if (!before || before.profit === 0 || Math.sign(before.profit) === Math.sign(profit)) return [];
    return [before.spot + ((x - before.spot) * before.profit) / (before.profit - profit)];
  });
  const calls = legs.reduce((sum, { kind, contracts }) => sum + (kind === "call" ? contracts : 0), 0);
  const profits = [profitAt(0), ...points.map(({ profit }) => profit)];
  return {
    at,
    points,
    breakEvens,
    most: calls > 1e-9 ? null : Math.max(...profits),
    least: calls < -1e-9 ? null : Math.min(...profits),
  };
}

function valueAt({ expiry, strike, kind, volatility }: PayoffLeg, forward: number, at: number): number {
  if (expiry === at) return Math.max(0, kind === "call" ? forward - strike : strike - forward);
  const deviation = stdDev(volatility * Math.sqrt((expiry - at) / SECONDS_PER_YEAR));
  return black76({ forward: price(forward), strike: price(strike), stdDev: deviation, kind });
}
