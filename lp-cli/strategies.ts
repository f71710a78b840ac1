/** Named packages of options: what a trader calls them, and the legs they are. */
import type { OptionKind } from "../src/chain/optionId.ts";
import { MeniscusError } from "../src/runtime/errors.ts";
import type { Pool } from "../src/sdk/client.ts";
import type { LegOrder } from "../src/sdk/trader.ts";
import { type Order, parseAmount, parseExpiry } from "./parse.ts";

const SIZE_DECIMALS = 6;

/** A leg of one package: contracts, which of the named expiries and strikes, which kind. */
type Leg = readonly [contracts: number, expiry: number, strike: number, kind: OptionKind | "named"];

export interface Strategy {
  readonly name: string;
  /** What stands behind the name on the command line. */
  readonly usage: string;
  readonly summary: string;
  readonly expiries: 1 | 2;
  readonly strikes: number;
  /** Whether C or P is named at the end. */
  readonly kind: boolean;
  /** As it is bought. */
  readonly legs: readonly Leg[];
  readonly example: string;
}

export const strategies: readonly Strategy[] = [
  {
    name: "spread",
    usage: "<expiry> <long> <short> <C|P>",
    summary: "vertical: buys one strike, sells another",
    expiries: 1,
    strikes: 2,
    kind: true,
    legs: [
      [1, 0, 0, "named"],
      [-1, 0, 1, "named"],
    ],
    example: "13FEB26 2000 2200 C",
  },
  {
    name: "straddle",
    usage: "<expiry> <strike>",
    summary: "buys call and put of one strike",
    expiries: 1,
    strikes: 1,
    kind: false,
    legs: [
      [1, 0, 0, "call"],
      [1, 0, 0, "put"],
    ],
    example: "13FEB26 2000",
  },
  {
    name: "strangle",
    usage: "<expiry> <put> <call>",
    summary: "buys a put and a call further up",
    expiries: 1,
    strikes: 2,
    kind: false,
    legs: [
      [1, 0, 0, "put"],
      [1, 0, 1, "call"],
    ],
    example: "13FEB26 1800 2200",
  },
  {
    name: "condor",
    usage: "<expiry> <put wing> <put> <call> <call wing>",
    summary: "iron condor: sells the inner put and call, buys the wings",
    expiries: 1,
    strikes: 4,
    kind: false,
    legs: [
      [1, 0, 0, "put"],
      [-1, 0, 1, "put"],
      [-1, 0, 2, "call"],
      [1, 0, 3, "call"],
    ],
    example: "13FEB26 1700 1800 2200 2300",
  },
  {
    name: "butterfly",
    usage: "<expiry> <low> <middle> <high> <C|P>",
    summary: "buys the outer strikes, sells the middle one twice",
    expiries: 1,
    strikes: 3,
    kind: true,
    legs: [
      [1, 0, 0, "named"],
      [-2, 0, 1, "named"],
      [1, 0, 2, "named"],
    ],
    example: "13FEB26 1900 2000 2100 C",
  },
  {
    name: "calendar",
    usage: "<near> <far> <strike> <C|P>",
    summary: "sells the near expiry, buys the far one",
    expiries: 2,
    strikes: 1,
    kind: true,
    legs: [
      [-1, 0, 0, "named"],
      [1, 1, 0, "named"],
    ],
    example: "13FEB26 13MAR26 2000 C",
  },
  {
    name: "collar",
    usage: "<expiry> <put> <call>",
    summary: "buys a put and sells a call: floor and ceiling for what you hold",
    expiries: 1,
    strikes: 2,
    kind: false,
    legs: [
      [1, 0, 0, "put"],
      [-1, 0, 1, "call"],
    ],
    example: "13FEB26 1800 2200",
  },
];

/**
 * The order that a named package is.
 *
 * @param words What stands behind its name.
 * @param size How many packages.
 * @param side 1 as the name says, −1 with every leg turned round.
 * @throws MeniscusError `usage` where words are missing, too many or none of their kind; where strikes do not rise.
 */
export function parseStrategy(
  strategy: Strategy,
  words: readonly string[],
  pool: Pool,
  { size, side }: { readonly size: string; readonly side: 1n | -1n },
): Order {
  const wrong = (message: string) =>
    new MeniscusError("usage", message, {
      hint: `Write \`meniscus ${strategy.name} ${strategy.usage}\`, for example \`meniscus ${strategy.name} ${strategy.example}\`.`,
    });
  const wanted = strategy.expiries + strategy.strikes + (strategy.kind ? 1 : 0);
  if (words.length !== wanted) {
    throw wrong(`A ${strategy.name} takes ${wanted} words, not ${words.length}.`);
  }
  const expiries = words.slice(0, strategy.expiries).map(parseExpiry);
  const strikes = words.slice(strategy.expiries, strategy.expiries + strategy.strikes).map((word) => {
    if (!/^\d+(\.\d+)?$/.test(word) || Number(word) === 0) throw wrong(`"${word}" is not a strike.`);
    return Number(word);
  });
  const letter = words.at(-1)?.toUpperCase();
  if (strategy.kind && letter !== "C" && letter !== "P") throw wrong(`"${words.at(-1)}" is neither C nor P.`);
  const named: OptionKind = letter === "P" ? "put" : "call";
  if (new Set(strikes).size !== strikes.length) throw wrong("The strikes have to differ.");
  // A vertical is named long strike first, whichever is higher.
  const rises = strategy.name === "spread" || strikes.every((strike, i) => i === 0 || strike > strikes[i - 1]!);
  if (!rises) throw wrong("The strikes have to rise.");
  if (strategy.expiries === 2 && expiries[0]! >= expiries[1]!) throw wrong("The near expiry comes first.");
  const count = parseAmount(size, SIZE_DECIMALS, "contracts");
  const legs = strategy.legs.map(([contracts, expiry, strike, kind]): LegOrder => {
    const terms = {
      marketId: pool.marketId,
      expiry: expiries[expiry]!,
      strike: strikes[strike]!,
      kind: kind === "named" ? named : kind,
    };
    return { terms, size: BigInt(contracts) * count * side };
  });
  return { legs, count };
}
