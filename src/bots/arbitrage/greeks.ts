import { smileValue, toSmile } from "../../../pricing/fixed/index.ts";
import { SECONDS_PER_YEAR } from "../../../pricing/units.ts";
import { type OptionTerms, toOptionId, toStrikeE6 } from "../../chain/optionId.ts";
import type { OracleFacts } from "./makers.ts";

/** Of a portfolio: delta in units of the underlying, gamma in units per quote token, vega per 1.00 of volatility, theta a day. */
export interface Greeks {
  readonly delta: number;
  readonly gamma: number;
  readonly vega: number;
  readonly theta: number;
}

/** Of one contract, with its value and its time to expiry in seconds. */
export interface OptionGreeks extends Greeks {
  readonly value: number;
  readonly tenor: number;
}

export const noGreeks: Greeks = { delta: 0, gamma: 0, vega: 0, theta: 0 };

export function scaled({ delta, gamma, vega, theta }: Greeks, factor: number): Greeks {
  return { delta: factor * delta, gamma: factor * gamma, vega: factor * vega, theta: factor * theta };
}

export function sumOf(all: readonly Greeks[]): Greeks {
  return all.reduce(
    (sum, each) => ({
      delta: sum.delta + each.delta,
      gamma: sum.gamma + each.gamma,
      vega: sum.vega + each.vega,
      theta: sum.theta + each.theta,
    }),
    noGreeks,
  );
}

/** As `greeksOn`, each option once: strategies ask for the same ones again and again. */
export function rememberedGreeks(oracle: OracleFacts): (terms: OptionTerms) => OptionGreeks | undefined {
  const known = new Map<bigint, OptionGreeks | undefined>();
  return (terms) => {
    const id = toOptionId(terms);
    if (!known.has(id)) known.set(id, greeksOn(oracle, terms));
    return known.get(id);
  };
}

/** Value and Greeks of one contract on the oracle's surface now; undefined where it does not have the expiry or that has come. */
export function greeksOn(oracle: OracleFacts, { expiry, strike, kind }: OptionTerms): OptionGreeks | undefined {
  const board = oracle.boards.get(expiry)?.current;
  if (!board || board.effectiveSeconds <= 0n || board.thetaWad === 0n) return undefined;
  const smile = toSmile(board, oracle.timestamp);
  const value = smileValue(smile, toStrikeE6(strike) * 10n ** 12n);
  const [vega, stdDev, forward] = [value.vegaWad, value.stdDevWad, board.forwardWad].map((x) => Number(x) / 1e18);
  const years = Number(board.effectiveSeconds) / SECONDS_PER_YEAR;
  const delta = Number(kind === "call" ? value.callDeltaWad : value.callDeltaWad - smile.deltaShareWad) / 1e18;
  return {
    value: Number(kind === "call" ? value.callWad : value.putWad) / 1e18,
    tenor: expiry - oracle.timestamp,
    delta,
    gamma: stdDev! > 0 ? vega! / stdDev! / forward! ** 2 : 0,
    vega: vega! * Math.sqrt(years),
    // ∂V/∂v·dv/dt with v = σ√τ.
    theta: years > 0 ? (-vega! * stdDev!) / (2 * years) / 365 : 0,
  };
}
