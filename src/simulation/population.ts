/** Who is in a simulated market and how its oracle and keepers work: what `--agents FILE` holds. */
import { z } from "zod";
import { readConfigFile } from "../runtime/configFile.ts";
import { describeError, MeniscusError } from "../runtime/errors.ts";

const share = z.number().min(0).max(1);
const positive = z.number().positive();
const count = z.number().int().min(0);

/** Every field has a default, so a file names only what differs. */
export const populationSchema = z.strictObject({
  /** Quote tokens that the first LPs bring. */
  deposit: positive.default(1_000_000),
  /** Buy and sell what is listed, drawn by open interest, where the pool is not dearer than the venue, its fee and what not going there is worth. */
  noise: z
    .strictObject({
      count: count.default(12),
      /** Of each. */
      ordersPerDay: z.number().min(0).default(4),
      /** Contracts: log-normal. */
      medianSize: positive.default(4),
      sizeDeviation: z.number().min(0).default(0.9),
      buyers: share.default(0.7),
      /** Share of orders that give back what is held. */
      closers: share.default(0.33),
      /** Mean of an exponential, share of spot. */
      preference: z.number().min(0).default(0.001),
    })
    .prefault({}),
  /** Buy puts below spot for a month, or sell calls above it, and keep them to expiry; three in five buy. */
  hedgers: z
    .strictObject({
      count: count.default(4),
      ordersPerDay: z.number().min(0).default(1),
      medianSize: positive.default(10),
      sizeDeviation: z.number().min(0).default(0.7),
      preference: z.number().min(0).default(0.002),
    })
    .prefault({}),
  /** Know spot some seconds and the surface some reports before the oracle. */
  informed: z
    .strictObject({
      count: count.default(1),
      leadSeconds: z.number().min(0).default(10),
      reportsAhead: count.default(1),
      everySeconds: positive.default(60),
      /** Quote tokens that a trade has to bring. */
      leastGain: z.number().min(0).default(2),
      /** Contracts at most in one trade. */
      largest: positive.default(100),
    })
    .prefault({}),
  /** Close the gap between the pool's prices and the venue's, as far as that pays for the venue's spread and fee. */
  arbitrageurs: z
    .strictObject({
      count: count.default(2),
      everySeconds: positive.default(300),
      leastGain: z.number().min(0).default(2),
      largest: positive.default(50),
    })
    .prefault({}),
  providers: z
    .strictObject({
      /** Others than the first, who come with a twentieth of the first deposit each. */
      entriesPerMonth: z.number().min(0).default(2),
      /** A fall of the share price from its height at which others leave, all at once. */
      runAt: share.default(0.05),
    })
    .prefault({}),
  oracle: z
    .strictObject({
      surfaceSeconds: z.number().int().min(60).default(300),
      spotSeconds: z.number().int().min(1).default(12),
      /** From the model time to the block. */
      delaySeconds: z.number().int().min(0).max(30).default(2),
      nodes: z.number().int().min(1).default(4),
      /** Of the nodes, who sign what helps the informed: at most a third less one matter. */
      liars: count.default(0),
      /** How far honest nodes' volatilities differ, as a share, and their spots. */
      volatilityNoise: z.number().min(0).default(0.004),
      spotNoise: z.number().min(0).default(0.00005),
    })
    .prefault({}),
  keepers: z
    .strictObject({
      /** From a report to its mark. */
      markDelaySeconds: z.number().int().min(0).default(4),
      missedMarks: share.default(0),
      missedHedges: share.default(0),
      /** Liquidators come so late; never where it is null. */
      liquidatorDelayHours: z.number().min(0).nullable().default(0),
    })
    .prefault({}),
  venue: z
    .strictObject({
      /** Where the underlying is traded: fee, and quote tokens that move its price by all of it. */
      feeRate: share.default(0.0005),
      depth: positive.default(160_000_000),
      /** Of options: fee as a share of spot, at most this share of the premium. */
      optionFee: share.default(0.0003),
      optionFeeCap: share.default(0.125),
    })
    .prefault({}),
});

export type Population = z.infer<typeof populationSchema>;

/** A population with everything that is not said by default. */
export function population(input: z.input<typeof populationSchema> = {}): Population {
  return populationSchema.parse(input);
}

/** Reads a population from a JSON file. */
export function readPopulation(file: string): Population {
  try {
    return readConfigFile(file, populationSchema);
  } catch (cause) {
    throw new MeniscusError("usage", `This is no population: ${describeError(cause)}`, {
      hint: "src/simulation/population.ts says what the file may hold; {} takes the defaults.",
      cause,
    });
  }
}
