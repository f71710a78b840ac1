import type { Address } from "viem";
import { MeniscusError } from "../runtime/errors.ts";

export type OptionKind = "call" | "put";

/** One option, as people name it. Strike in quote tokens, expiry in Unix seconds. */
export interface OptionTerms {
  readonly marketId: number;
  readonly expiry: number;
  readonly strike: number;
  readonly kind: OptionKind;
}

/** Option sizes have six decimals: one contract on one unit of the underlying is 1_000_000. */
export const SIZE_UNIT = 1_000_000n;

/** The twin of `types/OptionId.sol`: marketId 16 | expiry 32 | strike 48 (1e-6) | kind 8. */
export function toOptionId({ marketId, expiry, strike, kind }: OptionTerms): bigint {
  return (toStrikeKey(marketId, expiry, toStrikeE6(strike)) << 8n) | (kind === "put" ? 1n : 0n);
}

export function toStrikeKey(marketId: number, expiry: number, strikeE6: bigint): bigint {
  return (BigInt(marketId) << 80n) | (BigInt(expiry) << 48n) | strikeE6;
}

export function fromOptionId(id: bigint): OptionTerms {
  const key = id >> 8n;
  return { ...fromStrikeKey(key), kind: (id & 1n) === 1n ? "put" : "call" };
}

export function fromStrikeKey(key: bigint): Omit<OptionTerms, "kind"> {
  return {
    marketId: Number((key >> 80n) & 0xffffn),
    expiry: Number((key >> 48n) & 0xffff_ffffn),
    strike: Number(key & 0xffff_ffff_ffffn) / 1e6,
  };
}

/** A strike's calls and puts from the packed word of `types/StrikeWord.sol`, signed, in millionths of a contract. */
export function fromStrikeWord(word: bigint): { readonly key: bigint; readonly calls: bigint; readonly puts: bigint } {
  return { key: word >> 160n, calls: BigInt.asIntN(80, word >> 80n), puts: BigInt.asIntN(80, word) };
}

/** The packed word of one option held alone. */
export function toStrikeWord(option: bigint, size: bigint): bigint {
  const sized = BigInt.asUintN(80, size);
  const isPut = (option & 1n) === 1n;
  return ((option >> 8n) << 160n) | (isPut ? sized : sized << 80n);
}

/** The options in a packed word that are held, with their signed sizes. */
export function holdingsOf(word: bigint): readonly { readonly option: bigint; readonly size: bigint }[] {
  const { key, calls, puts } = fromStrikeWord(word);
  return [
    { option: key << 8n, size: calls },
    { option: (key << 8n) | 1n, size: puts },
  ].filter(({ size }) => size !== 0n);
}

export function toStrikeE6(strike: number): bigint {
  const scaled = Math.round(strike * 1e6);
  if (!(strike > 0) || scaled >= 2 ** 48 || Math.abs(scaled / 1e6 - strike) > 1e-9 * strike) {
    throw new MeniscusError("usage", `${strike} is not a strike: positive, at most six decimals.`);
  }
  return BigInt(scaled);
}

/** Contracts as the ledger counts them. */
export function toSize(contracts: number): bigint {
  return BigInt(Math.round(contracts * 1e6));
}

export function fromSize(size: bigint): number {
  return Number(size) / 1e6;
}

/** The twin of `types/AccountId.sol`: sub 0 is the owner's wallet, 1 to 255 are margin accounts. */
export function toAccountId(owner: Address, sub: number): bigint {
  return (BigInt(owner) << 8n) | BigInt(sub);
}

export function fromAccountId(account: bigint): { readonly owner: Address; readonly sub: number } {
  const hex = (account >> 8n).toString(16).padStart(40, "0");
  return { owner: `0x${hex}`, sub: Number(account & 0xffn) };
}

const months = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];

/** `ETH-13FEB26-2000-C`. */
export function optionName(symbol: string, { expiry, strike, kind }: Omit<OptionTerms, "marketId">): string {
  return `${symbol}-${expiryName(expiry)}-${strike}-${kind === "call" ? "C" : "P"}`;
}

/** `13FEB26`: the day on which the expiry falls, UTC. */
export function expiryName(expiry: number): string {
  const date = new Date(expiry * 1000);
  const year = String(date.getUTCFullYear() % 100).padStart(2, "0");
  return `${date.getUTCDate()}${months[date.getUTCMonth()]}${year}`;
}

/**
 * Reads `ETH-13FEB26-2000-C`; the expiry is 08:00 UTC of that day.
 *
 * @throws MeniscusError `usage` where the text is no option name.
 */
export function parseOptionName(text: string): { readonly symbol: string } & Omit<OptionTerms, "marketId"> {
  const match = /^([A-Z0-9]+)-(\d{1,2})([A-Z]{3})(\d{2})-(\d+(?:\.\d+)?)-([CP])$/.exec(text.trim().toUpperCase());
  const [, symbol, day, month, year, strike, kind] = match ?? [];
  const monthIndex = months.indexOf(month ?? "");
  const time = Date.UTC(2000 + Number(year), monthIndex, Number(day), 8);
  if (!match || !symbol || monthIndex < 0 || new Date(time).getUTCDate() !== Number(day)) {
    throw new MeniscusError("usage", `"${text}" is not an option.`, {
      hint: "Write symbol, expiry, strike and C or P, for example ETH-13FEB26-2000-C.",
    });
  }
  return { symbol, expiry: time / 1000, strike: Number(strike), kind: kind === "C" ? "call" : "put" };
}
