/** A pool's and a hedger's parameters as numbers: rates and ratios as shares, amounts in quote units, times in seconds. */

import type { HedgeRules, PoolRules } from "../fixed/index.ts";

type Numbers<T> = { readonly [K in keyof T]: T[K] extends bigint ? number : T[K] };

export type FloatRules = Omit<Numbers<PoolRules>, "vegaPotential"> & {
  readonly vegaPotential: readonly [number, number, number, number, number, number];
};
export type FloatHedgeRules = Numbers<HedgeRules>;

const AMOUNTS = new Set(["navFloor", "markBountyRate", "maxBounty", "fixedCost", "minNotional"]);

function numbersOf(rules: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(rules).map(([name, value]) => {
      if (typeof value !== "bigint") return [name, value];
      return [name, AMOUNTS.has(name) ? Number(value) : Number(value) / 1e18];
    }),
  );
}

export function floatRules(rules: PoolRules): FloatRules {
  const vegaPotential = rules.vegaPotential.map((kappa) => Number(kappa) / 1e18);
  return { ...numbersOf(rules), vegaPotential } as unknown as FloatRules; // every bigint of the rules became a number
}

export function floatHedgeRules(rules: HedgeRules): FloatHedgeRules {
  return numbersOf(rules) as unknown as FloatHedgeRules; // as above
}
