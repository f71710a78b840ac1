import { type Address, getAddress, isAddress } from "viem";
import { expiryName, type OptionTerms, parseOptionName } from "../src/chain/optionId.ts";
import { parseDate, parseDuration } from "../src/market/clock.ts";
import { MeniscusError } from "../src/runtime/errors.ts";
import type { Pool } from "../src/sdk/client.ts";
import type { LegOrder } from "../src/sdk/trader.ts";

const SIZE_DECIMALS = 6;

/**
 * An exact decimal as an integer of `decimals` digits. Underscores may group digits.
 *
 * @example parseAmount("1_000.5", 6, "USDC") // 1000500000n
 * @throws MeniscusError `usage` where it is no positive number or has more digits than the token.
 */
export function parseAmount(text: string, decimals: number, unit: string): bigint {
  const match = /^(\d+(?:_\d+)*)?(?:\.(\d+))?$/.exec(text.trim());
  const whole = match?.[1]?.replaceAll("_", "") ?? "";
  const fraction = match?.[2] ?? "";
  if (!match || whole + fraction === "") {
    throw new MeniscusError("usage", `"${text}" is not an amount of ${unit}.`, {
      hint: "Write a positive number, for example 1000 or 0.5.",
    });
  }
  if (fraction.length > decimals) {
    throw new MeniscusError("usage", `"${text}" has more than the ${decimals} decimals of ${unit}.`);
  }
  const value = BigInt(whole + fraction.padEnd(decimals, "0"));
  if (value === 0n) throw new MeniscusError("usage", "The amount is zero.", { hint: "Name a positive amount." });
  return value;
}

const numberPattern = /^[+-]?(\d+\.?\d*|\.\d+)$/;

const isNumber = (text: string | undefined): text is string => text !== undefined && numberPattern.test(text);

/** Contracts as people write them, signed, in millionths. */
function parseSize(text: string): bigint {
  const sign = text.startsWith("-") ? -1n : 1n;
  return sign * parseAmount(text.replace(/^[+-]/, ""), SIZE_DECIMALS, "contracts");
}

/** An option's name as the terms of a pool's market. */
export function parseOption(text: string, pool: Pool): OptionTerms {
  const { symbol, ...terms } = parseOptionName(text);
  if (symbol !== pool.market.symbol.toUpperCase()) {
    throw new MeniscusError("usage", `Pool ${pool.name} trades ${pool.market.symbol}, not ${symbol}.`, {
      hint: "Choose another with --pool NAME; `meniscus pools` lists them.",
    });
  }
  return { marketId: pool.marketId, ...terms };
}

function orderError(message: string): MeniscusError {
  return new MeniscusError("usage", message, {
    hint: "Write SIZE OPTION, for example 2 ETH-13FEB26-2000-C, or a package: +1 ETH-13FEB26-2000-C -1 ETH-13FEB26-2200-C.",
  });
}

/** A package and how many of it: limits are stated for one. */
export interface Order {
  readonly legs: readonly LegOrder[];
  /** How many packages, in millionths: of one option, its contracts; of several legs, the multiplier. */
  readonly count: bigint;
}

/**
 * Reads an order: `2 OPTION`, `OPTION` (one), `+1 OPTION -1 OPTION`, or `3 +1 OPTION -1 OPTION` (three such packages).
 *
 * @param side 1 as written, −1 with every leg turned round.
 */
export function parseOrder(tokens: readonly string[], pool: Pool, side: 1n | -1n): Order {
  const [multiplierText] = tokens;
  const multiplied = isNumber(multiplierText) && isNumber(tokens[1]);
  const multiplier = multiplied ? parseSize(multiplierText) : 1_000_000n;
  if (multiplier < 0n) throw orderError("The number of packages is negative.");
  const legs: LegOrder[] = [];
  const words = tokens.slice(multiplied ? 1 : 0).values();
  for (const token of words) {
    const sized = isNumber(token);
    const name: string | undefined = sized ? words.next().value : token;
    if (name === undefined || isNumber(name)) throw orderError(`After ${token} comes an option.`);
    const size = (sized ? parseSize(token) : 1_000_000n) * multiplier * side;
    if (size % 1_000_000n !== 0n) throw orderError("A size has more than six decimals.");
    legs.push({ terms: parseOption(name, pool), size: size / 1_000_000n });
  }
  if (legs.length === 0) throw orderError("No option is named.");
  const [first] = legs;
  if (legs.length > 1 || !first || multiplied) return { legs, count: multiplier };
  return { legs, count: first.size < 0n ? -first.size : first.size };
}

/** `13FEB26` as Unix seconds. */
export function parseExpiry(text: string): number {
  try {
    return parseOptionName(`X-${text}-1-C`).expiry;
  } catch {
    throw new MeniscusError("usage", `"${text}" is not an expiry.`, {
      hint: `Write day, month, year: ${expiryName(Date.UTC(2026, 1, 13, 8) / 1000)}.`,
    });
  }
}

/** `1`, `1%` or `0.5 %` as a share. */
export function parsePercent(text: string, what: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*%?$/.exec(text.trim());
  const value = Number(match?.[1]) / 100;
  if (!match || value > 1) {
    throw new MeniscusError("usage", `"${text}" is not a ${what}.`, { hint: "Write per cent, for example 1 or 0.5." });
  }
  return value;
}

/** A signed price in quote tokens. */
export function parsePrice(text: string): number {
  if (!numberPattern.test(text)) {
    throw new MeniscusError("usage", `"${text}" is not a price.`, { hint: "Write quote tokens, for example 120.5." });
  }
  return Number(text);
}

/** A whole number between two bounds. */
export function parseInteger(text: string, what: string, least: number, most: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text.trim()) || value < least || value > most) {
    throw new MeniscusError("usage", `"${text}" is not a ${what}: a whole number from ${least} to ${most}.`);
  }
  return value;
}

/** An address in any spelling, or undefined where the text is no address. */
export function parseAddress(text: string): Address | undefined {
  return isAddress(text, { strict: false }) ? getAddress(text) : undefined;
}

/** When a period begins and ends, Unix seconds; undefined is the beginning, and now. */
export interface Period {
  readonly from: number | undefined;
  readonly to: number | undefined;
}

const DAY = 86_400;

/**
 * `--from 2026-02-01 --to 2026-02-28T12:00` or `--last 7d`, UTC. A day that ends a period is in it, whole.
 *
 * @param now Of the chain: what `--last` counts back from.
 */
export function parsePeriod(
  { from, to, last }: { readonly from?: string; readonly to?: string; readonly last?: string },
  now: number,
): Period {
  if (last !== undefined) {
    if (from !== undefined || to !== undefined) {
      throw new MeniscusError("usage", "--last is a period of its own.", { hint: "Leave --from and --to out." });
    }
    return { from: now - parseDuration(last), to: undefined };
  }
  const begins = from === undefined ? undefined : parseDate(from);
  const ends = to === undefined ? undefined : parseDate(to) + (to.includes("T") ? 0 : DAY);
  if (begins !== undefined && ends !== undefined && ends <= begins) {
    throw new MeniscusError("usage", `The period ends before it begins: ${from} to ${to}.`, {
      hint: "--from names its first day, --to its last.",
    });
  }
  return { from: begins, to: ends };
}
