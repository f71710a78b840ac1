/** What a sweep turns: a few of a pool's and a hedger's parameters, as numbers a person writes. */
import { z } from "zod";
import type { MarketTwinTerms } from "../../pricing/fixed/index.ts";
import { vegaPotentialOf, wad } from "../chain/parameters.ts";
import { marketTerms } from "./terms.ts";

const rate = z.number().min(0);

export const knobsSchema = z.strictObject({
  /** κ of `vegaPotentialOf`. */
  kappa: rate.optional(),
  deltaPotential: rate.optional(),
  netVegaSpread: rate.optional(),
  grossVegaSpread: rate.optional(),
  notionalSpread: rate.optional(),
  deltaSpread: rate.optional(),
  ageMultiplier: rate.optional(),
  volOfVol: rate.optional(),
  feeRate: rate.optional(),
  /** Of the hedger. */
  aversion: rate.optional(),
  worseOfSeconds: z.number().int().min(0).optional(),
});

export type Knobs = z.infer<typeof knobsSchema>;

/** The terms of a deployment with some knobs turned. */
export function termsOf(knobs: Knobs): MarketTwinTerms {
  const { kappa, aversion, worseOfSeconds, ...rates } = knobs;
  const pool = Object.fromEntries(
    Object.entries(rates).flatMap(([name, value]) => (value === undefined ? [] : [[name, wad(value)]])),
  );
  return marketTerms({
    pool: {
      ...pool,
      ...(worseOfSeconds !== undefined && { worseOfSeconds }),
      ...(kappa !== undefined && { vegaPotential: vegaPotentialOf(kappa) }),
    },
    hedger: aversion === undefined ? {} : { aversion: wad(aversion) },
  });
}

/** Every combination of the values that a sweep names for each knob; one without any where it names none. */
export function combinations(grid: Readonly<Partial<Record<keyof Knobs, readonly number[]>>>): readonly Knobs[] {
  return Object.entries(grid).reduce<readonly Knobs[]>(
    (all, [name, values]) => all.flatMap((knobs) => values.map((value) => ({ ...knobs, [name]: value }))),
    [{}],
  );
}

/** `kappa 0.15, netVegaSpread 0.005`. */
export function knobsName(knobs: Knobs): string {
  const parts = Object.entries(knobs).map(([name, value]) => `${name} ${value}`);
  return parts.length === 0 ? "as deployed" : parts.join(", ");
}
