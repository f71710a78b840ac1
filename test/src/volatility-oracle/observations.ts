import { SECONDS_PER_YEAR } from "../../../pricing/index.ts";
import type { Observation } from "../../../src/volatility-oracle/consensus.ts";
import { LATTICE_X } from "../../../src/volatility-oracle/lattice.ts";

export const NOW = 1_770_000_000;
const DAY = 86_400;
export const EXPIRIES = [0.25, 1, 2, 9, 30, 90].map((days) => NOW + days * DAY);

/** What an honest node says of a market at `volatility` with a smile; `noise` moves its volatilities and spot a little. */
export function honest(noise: number, volatility = 0.6): Observation {
  return {
    kind: "surface",
    marketId: 1,
    modelTime: NOW,
    spot: 3_000 * (1 + noise / 10),
    averages: [{ expiry: NOW - DAY, average: 2_950 * (1 + noise / 10), elapsed: 1_800 }],
    surface: EXPIRIES.map((expiry) => {
      const years = (expiry - NOW) / SECONDS_PER_YEAR;
      return {
        expiry,
        basis: 0.03 * years,
        totalVariance: LATTICE_X.map((x) => (volatility + noise - 0.08 * x + 0.06 * x * x) ** 2 * years),
        halfWidth: LATTICE_X.map((x) => 0.005 + 0.01 * Math.abs(x)),
      };
    }),
  };
}
