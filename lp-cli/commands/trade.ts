import { readFileSync } from "node:fs";
import { getAddress } from "viem";
import { revertNameOf } from "../../src/chain/decodeError.ts";
import {
  fromAccountId,
  fromOptionId,
  fromSize,
  type OptionTerms,
  optionName,
  toOptionId,
} from "../../src/chain/optionId.ts";
import { MeniscusError } from "../../src/runtime/errors.ts";
import { type AccountProfit, AccountReplay, accountProfit, type PositionProfit } from "../../src/sdk/accountHistory.ts";
import { askPools } from "../../src/sdk/bestPool.ts";
import type { Pool, Sender } from "../../src/sdk/client.ts";
import { type ExpiryChain, readOptionChain } from "../../src/sdk/optionChain.ts";
import {
  approvePermit2,
  fromSignedTradeFile,
  type SignedTradeFile,
  signTrade,
  submitSignedTrade,
  toSignedTradeFile,
} from "../../src/sdk/signedTrade.ts";
import {
  claimCredits,
  limitWithSlippage,
  type PositionView,
  quoteSwap,
  type Redemption,
  readPositions,
  redeemWallet,
  type SwapQuote,
  type SwapResult,
  swap,
} from "../../src/sdk/trader.ts";
import { renderPreview } from "../output/trade.ts";
import {
  type Order,
  parseAmount,
  parseExpiry,
  parseInteger,
  parseOption,
  parseOrder,
  parsePercent,
  parsePrice,
} from "../parse.ts";
import type { Session } from "../session.ts";
import { parseStrategy, type Strategy } from "../strategies.ts";

const DEFAULT_SLIPPAGE = "1";
const DEFAULT_DEADLINE_SECONDS = 300;
/** How long a quote waits for a report that is due, and for the pool's keepers to mark it. */
const PATIENCE_MILLISECONDS = 8_000;
/** Refusals that end with the next report and its mark. */
const PASSING = new Set(["OptionPool_NotMarked", "OptionPool_StaleSpot", "OptionPool_StaleSurface"]);

export interface AccountOption {
  /** 0 the wallet, 1 to 255 margin accounts. */
  readonly account?: string;
}

export interface TradeOptions extends AccountOption {
  readonly limit?: string;
  readonly slippage?: string;
  readonly deadline?: string;
}

export function subOf({ account }: AccountOption): number {
  return account === undefined ? 0 : parseInteger(account, "account number", 0, 255);
}

/** `chain [--expiry]`: the option chain of a pool. */
export interface ChainResult {
  readonly pool: string;
  readonly symbol: string;
  readonly quoteSymbol: string;
  readonly expiries: readonly ExpiryChain[];
}

export async function chain(
  session: Session,
  options: { readonly expiry?: string; readonly strikes?: string },
): Promise<ChainResult> {
  const expiry = options.expiry === undefined ? undefined : parseExpiry(options.expiry);
  const strikes =
    options.strikes === undefined
      ? expiry === undefined
        ? 7
        : 21
      : parseInteger(options.strikes, "number of strikes", 1, 200);
  const connection = await session.connection();
  const pool = await session.pool();
  return {
    pool: pool.name,
    symbol: pool.market.symbol,
    quoteSymbol: connection.deployment.quoteSymbol,
    expiries: await readOptionChain(connection, pool, { expiry, strikes }),
  };
}

/** `quote [buy|sell] ORDER`: what it would cost now; sends nothing and needs no key. */
export async function quote(session: Session, words: readonly string[], options: AccountOption): Promise<SwapQuote> {
  const isNamed = words[0] === "buy" || words[0] === "sell";
  const { legs } = parseOrder(isNamed ? words.slice(1) : words, await session.pool(), words[0] === "sell" ? -1n : 1n);
  return await quotePatiently(session, await bestPool(session, legs), legs, subOf(options));
}

/** The pool that was named; else, of those that make a price for these options, the one whose price is best now. */
async function bestPool(session: Session, legs: Order["legs"]): Promise<Pool> {
  const connection = await session.connection();
  if (session.options.pool !== undefined || connection.deployment.pools.length === 1) return await session.pool();
  const [best, ...others] = await askPools(connection, legs);
  if (!best) return await session.pool();
  const { quoteDecimals, quoteSymbol } = connection.deployment;
  const told = others.map(({ pool, cash, refusal }) =>
    cash === undefined
      ? `${pool.name}: ${refusal?.message}`
      : `${pool.name} ${Number(cash) / 10 ** quoteDecimals} ${quoteSymbol}`,
  );
  if (told.length > 0) session.say(`Pool ${best.pool.name} is the best of ${others.length + 1}; ${told.join("; ")}`);
  return best.pool;
}

/** Quotes; where a report or its mark is due, waits a moment for it. */
async function quotePatiently(session: Session, pool: Pool, legs: Order["legs"], sub: number): Promise<SwapQuote> {
  const connection = await session.connection();
  const taker = { owner: sub === 0 ? undefined : session.ownerIfKnown(), sub };
  const until = performance.now() + PATIENCE_MILLISECONDS;
  for (let asked = 1; ; asked++) {
    try {
      return await quoteSwap(connection, pool, legs, taker);
    } catch (error) {
      if (!PASSING.has(revertNameOf(error) ?? "") || performance.now() > until) throw error;
      if (asked === 5) session.say("Waiting for the oracle's next report and its mark …");
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

/** A swap that was done, with the quote it was agreed on. */
export interface TradeOutcome extends SwapResult {
  readonly pool: string;
  readonly account: number;
  readonly quoteSymbol: string;
  readonly legs: readonly { readonly name: string; readonly contracts: number }[];
  readonly quoted: number;
  readonly limit: number;
}

/** `buy ORDER`. */
export async function buy(session: Session, tokens: readonly string[], options: TradeOptions): Promise<TradeOutcome> {
  const pool = await session.pool();
  return await trade(session, parseOrder(tokens, pool, 1n), 1n, options);
}

/** `sell ORDER`: the legs turned round. */
export async function sell(session: Session, tokens: readonly string[], options: TradeOptions): Promise<TradeOutcome> {
  const pool = await session.pool();
  return await trade(session, parseOrder(tokens, pool, -1n), -1n, options);
}

/** `close OPTION…|all` or `close SIZE OPTION`: brings positions back to zero, or nearer to it. */
export async function close(session: Session, tokens: readonly string[], options: TradeOptions): Promise<TradeOutcome> {
  const pool = await session.pool();
  const connection = await session.connection();
  const held = (await readPositions(connection, session.owner(), subOf(options))).filter(
    ({ state, terms }) => state === "live" && terms.marketId === pool.marketId,
  );
  const legs = tokens.length === 1 && tokens[0] === "all" ? closeAll(held) : closeNamed(held, tokens, pool);
  const [only] = legs;
  const count = legs.length === 1 && only ? (only.size < 0n ? -only.size : only.size) : 1_000_000n;
  return await trade(session, { legs, count }, 1n, options);
}

export interface StrategyOptions extends TradeOptions {
  /** How many packages (1). */
  readonly size?: string;
  /** Every leg turned round. */
  readonly sell?: boolean;
}

/** `spread`, `straddle`, …: a named package as one atomic swap. */
export async function strategy(
  session: Session,
  named: Strategy,
  words: readonly string[],
  options: StrategyOptions,
): Promise<TradeOutcome> {
  const pool = await session.pool();
  const side = options.sell === true ? -1n : 1n;
  const order = parseStrategy(named, words, pool, { size: options.size ?? "1", side });
  return await trade(session, order, side, options);
}

/** `roll OPTION EXPIRY [STRIKE]`: closes a position and opens as much of another expiry, in one swap. */
export async function roll(
  session: Session,
  name: string,
  to: string,
  strike: string | undefined,
  options: TradeOptions,
): Promise<TradeOutcome> {
  const pool = await session.pool();
  const terms = parseOption(name, pool);
  const next = { ...terms, expiry: parseExpiry(to), strike: strike === undefined ? terms.strike : parsePrice(strike) };
  if (toOptionId(next) === toOptionId(terms)) {
    throw new MeniscusError("usage", "This is where the position stands already.", {
      hint: "Name another expiry, or a strike: `meniscus roll OPTION EXPIRY STRIKE`.",
    });
  }
  const held = await readPositions(await session.connection(), session.owner(), subOf(options));
  const position = heldOf(held, terms, name);
  const legs = [
    { terms, size: -position.size },
    { terms: next, size: position.size },
  ];
  return await trade(session, { legs, count: abs(position.size) }, 1n, options);
}

function closeAll(held: readonly PositionView[]): Order["legs"] {
  if (held.length === 0) throw nothingHeld("There is nothing to close.");
  if (held.length > 8) {
    throw new MeniscusError("usage", `You hold ${held.length} options; one swap closes at most 8.`, {
      hint: "Name some of them: `meniscus close OPTION OPTION …`.",
    });
  }
  return held.map(({ terms, size }) => ({ terms, size: -size }));
}

const isSize = (token: string): boolean => /^[+-]?[\d.]+$/.test(token);

function closeNamed(held: readonly PositionView[], tokens: readonly string[], pool: Pool): Order["legs"] {
  // Options without a size are closed whole; `parseOrder` reads the others.
  return tokens.flatMap((token, index) => {
    if (isSize(token)) return [];
    const terms = parseOption(token, pool);
    const position = heldOf(held, terms, token);
    const before = tokens[index - 1];
    if (before === undefined || !isSize(before)) return [{ terms, size: -position.size }];
    const [wanted] = parseOrder([before.replace(/^[+-]/, ""), token], pool, position.size > 0n ? -1n : 1n).legs;
    const size = wanted?.size ?? 0n;
    if (abs(size) > abs(position.size)) {
      throw new MeniscusError("funds", `You hold ${position.contracts} of ${position.name}, not ${before}.`, {
        hint: "Name at most what you hold, or leave the size out to close it whole.",
      });
    }
    return [{ terms, size }];
  });
}

const abs = (value: bigint): bigint => (value < 0n ? -value : value);

function heldOf(held: readonly PositionView[], terms: OptionTerms, name: string): PositionView {
  const position = held.find((candidate) => toOptionId(candidate.terms) === toOptionId(terms));
  if (!position) throw nothingHeld(`You hold no ${name.toUpperCase()}.`);
  return position;
}

function nothingHeld(message: string): MeniscusError {
  return new MeniscusError("funds", message, {
    hint: "`meniscus positions` shows what is held; margin accounts need --account N.",
  });
}

/** `sign buy|sell ORDER`: a trade for somebody else to bring; the one transaction it may send lets Permit2 take tokens. */
export async function sign(
  session: Session,
  side: string,
  tokens: readonly string[],
  options: SignOptions,
): Promise<SignedTradeFile> {
  if (side !== "buy" && side !== "sell") {
    throw new MeniscusError("usage", `"${side}" is not a side.`, { hint: "Write `meniscus sign buy 1 OPTION`." });
  }
  const pool = await session.pool();
  const direction = side === "buy" ? 1n : -1n;
  const order = parseOrder(tokens, pool, direction);
  const { sender, sub, limitCash, deadlineSeconds } = await agree(session, pool, order, direction, options);
  const { connection, account } = sender;
  const { quoteDecimals, quoteSymbol } = connection.deployment;
  const payIn = options.payIn === undefined ? undefined : parseAmount(options.payIn, quoteDecimals, quoteSymbol);
  await approvePermit2(sender);
  const wanted = { legs: order.legs, sub, limitCash, deadlineSeconds, payIn };
  return toSignedTradeFile(await signTrade(connection, account, pool, wanted));
}

export interface SignOptions extends TradeOptions {
  readonly payIn?: string;
}

/** A trade that somebody else had signed. */
export interface SubmitOutcome extends SwapResult {
  readonly owner: string;
  readonly account: number;
  readonly quoteSymbol: string;
  readonly legs: readonly { readonly name: string; readonly contracts: number }[];
}

/** `submit FILE`: brings what `sign` printed. */
export async function submit(session: Session, file: string): Promise<SubmitOutcome> {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, "utf8"));
  } catch (cause) {
    throw new MeniscusError("data", `${file} is no JSON that can be read.`, { cause });
  }
  const signed = fromSignedTradeFile(content);
  const sender = await session.sender();
  const { deployment, words } = sender.connection;
  const { owner, sub } = fromAccountId(signed.account);
  const legs = signed.legs.map(({ option, size }) => {
    const terms = fromOptionId(option);
    return { name: optionName(words.symbolOf(terms.marketId), terms), contracts: fromSize(size) };
  });
  const result = await submitSignedTrade(sender, signed);
  return { owner: getAddress(owner), account: sub, quoteSymbol: deployment.quoteSymbol, legs, ...result };
}

/** Quotes, shows the preview, asks, and swaps with a limit. */
async function trade(session: Session, order: Order, side: 1n | -1n, options: TradeOptions): Promise<TradeOutcome> {
  const pool = await bestPool(session, order.legs);
  const { sender, sub, quoted, limitCash, limit, deadlineSeconds } = await agree(session, pool, order, side, options);
  const result = await swap(sender, pool, { legs: order.legs, sub, limitCash, deadlineSeconds });
  return {
    pool: pool.name,
    account: sub,
    quoteSymbol: quoted.quoteSymbol,
    legs: quoted.legs.map(({ name, contracts }) => ({ name, contracts })),
    quoted: quoted.cash,
    limit,
    ...result,
  };
}

/** Quotes, shows the preview and asks: what the person at the terminal agrees to. */
async function agree(session: Session, pool: Pool, order: Order, side: 1n | -1n, options: TradeOptions) {
  if (options.limit !== undefined && options.slippage !== undefined) {
    throw new MeniscusError("usage", "--limit and --slippage contradict each other.", { hint: "Pass one of them." });
  }
  const sub = subOf(options);
  const slippage = parsePercent(options.slippage ?? DEFAULT_SLIPPAGE, "slippage");
  const price = options.limit === undefined ? undefined : parsePrice(options.limit);
  const deadlineSeconds =
    options.deadline === undefined
      ? DEFAULT_DEADLINE_SECONDS
      : parseInteger(options.deadline, "deadline in seconds", 0, 86_400);
  const sender = await session.sender();
  const quoted = await quotePatiently(session, pool, order.legs, sub);
  const { quoteDecimals } = sender.connection.deployment;
  const limitCash =
    price === undefined
      ? limitWithSlippage(quoted, slippage, quoteDecimals)
      : limitOfPrice(price, order.count, side, quoteDecimals);
  requireWithinLimit(quoted, limitCash, quoteDecimals);
  await requireFunds(sender, sub, quoted);
  const limit = Number(limitCash) / 10 ** quoteDecimals;
  await session.confirm(renderPreview(quoted, limit), question(quoted));
  return { sender, sub, quoted, limitCash, limit, deadlineSeconds };
}

function question({ cash, quoteSymbol }: SwapQuote): string {
  return cash >= 0 ? `Pay about ${cash} ${quoteSymbol}?` : `Receive about ${-cash} ${quoteSymbol}?`;
}

/** A limit for one package as the cash limit of the whole, on the taker's side of rounding. */
function limitOfPrice(price: number, count: bigint, side: 1n | -1n, quoteDecimals: number): bigint {
  const each = BigInt(Math.round(price * 10 ** quoteDecimals)) * side;
  const whole = each * count;
  // Rounded down: never more than was allowed.
  const floor = whole / 1_000_000n;
  return whole < 0n && whole % 1_000_000n !== 0n ? floor - 1n : floor;
}

function requireWithinLimit(
  { cash, cashUnits, quoteSymbol }: SwapQuote,
  limitCash: bigint,
  quoteDecimals: number,
): void {
  if (cashUnits <= limitCash) return;
  const limit = Number(limitCash) / 10 ** quoteDecimals;
  const now = cash >= 0 ? `costs ${cash}` : `brings ${-cash}`;
  const wanted = limit >= 0 ? `you pay at most ${limit}` : `you want at least ${-limit}`;
  throw new MeniscusError("market", `The price is past your limit: the swap ${now} ${quoteSymbol}, ${wanted}.`, {
    hint: "Nothing was done. Change --limit, or wait for the price.",
    retryable: true,
  });
}

/** A wallet pays from its tokens; a margin account is checked by the ledger, with its margin. */
async function requireFunds(sender: Sender, sub: number, { cashUnits }: SwapQuote): Promise<void> {
  if (sub === 0 && cashUnits > 0n) await sender.requireBalance(cashUnits);
}

type Row<T extends PositionView> = Omit<T, "terms" | "size"> & { readonly expiry: number };

/** `positions`: the options of an account, what they are worth, cost and brought. */
export interface PositionList extends Omit<AccountProfit, "positions"> {
  readonly owner: string;
  readonly account: number;
  readonly quoteSymbol: string;
  readonly positions: readonly Row<PositionProfit>[];
  readonly value: number;
  readonly delta: number;
  readonly vega: number;
}

export async function positions(session: Session, options: AccountOption): Promise<PositionList> {
  const connection = await session.connection();
  const owner = session.owner();
  const sub = subOf(options);
  const replay = new AccountReplay(connection.deployment, owner);
  for (const event of (await session.history()).events) replay.apply(event);
  const held = await readPositions(connection, owner, sub);
  const profit = accountProfit(replay, sub, held, (marketId) => connection.words.symbolOf(marketId));
  const total = (pick: (view: PositionView) => number | null) => held.reduce((sum, view) => sum + (pick(view) ?? 0), 0);
  return {
    owner,
    account: sub,
    quoteSymbol: connection.deployment.quoteSymbol,
    ...profit,
    positions: profit.positions.map(({ terms, size: _, ...row }) => ({ ...row, expiry: terms.expiry })),
    value: total(({ value }) => value),
    delta: total(({ delta }) => delta),
    vega: total(({ vega }) => vega),
  };
}

/** `redeem`: the payout of settled options. */
export interface RedemptionOutcome extends Redemption {
  readonly account: number;
  readonly quoteSymbol: string;
}

export async function redeem(session: Session, options: AccountOption): Promise<RedemptionOutcome> {
  const sub = subOf(options);
  const sender = await session.sender();
  const result = sub === 0 ? await redeemWallet(sender) : await claimCredits(sender, sub);
  return { account: sub, quoteSymbol: sender.connection.deployment.quoteSymbol, ...result };
}
