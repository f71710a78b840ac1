import {
  type Address,
  type ContractFunctionReturnType,
  encodeEventTopics,
  formatLog,
  numberToHex,
  parseEventLogs,
} from "viem";
import { clearinghouseAbi, optionPoolAbi, riskEngineAbi } from "../chain/abis.ts";
import {
  expiryName,
  fromOptionId,
  fromSize,
  fromStrikeWord,
  holdingsOf,
  type OptionTerms,
  optionName,
  toAccountId,
  toOptionId,
  toStrikeE6,
  toStrikeWord,
} from "../chain/optionId.ts";
import type { Receipt } from "../chain/transactor.ts";
import { MeniscusError } from "../runtime/errors.ts";
import {
  type Connection,
  chainTime,
  inWords,
  type Pool,
  readEvents,
  type Sender,
  tokenBalance,
  toTokens,
} from "./client.ts";
import { findBoard, type OptionValue, readSurface, type Surface, valueOption } from "./optionChain.ts";
import { type Payoff, payoffOf } from "./payoff.ts";

/** One leg as the taker states it: positive sizes are bought, in millionths of a contract. */
export interface LegOrder {
  readonly terms: OptionTerms;
  readonly size: bigint;
}

/** A leg with what the surface says of it, per contract. */
export interface QuotedLeg extends OptionValue {
  readonly name: string;
  readonly contracts: number;
}

/** Worst value over the initial margin grid, and present equity, quote tokens. */
export interface Health {
  readonly worst: number;
  readonly equity: number;
}

/**
 * What a swap would cost now, in parts that add up, quote tokens. Positive cash is paid by the taker.
 */
export interface SwapQuote {
  readonly pool: string;
  readonly account: number;
  readonly legs: readonly QuotedLeg[];
  /** Value of the legs at mid. */
  readonly premium: number;
  readonly impact: number;
  readonly spread: number;
  readonly fee: number;
  readonly cash: number;
  readonly quoteSymbol: string;
  /** Net, in units of the underlying and in quote tokens per volatility point. */
  readonly delta: number;
  readonly vega: number;
  /** Whether every leg brings the pool nearer to flat: no limit of the pool applies then. */
  readonly reduces: boolean;
  readonly spot: number;
  readonly spotAge: number;
  /** Margin accounts only: health before and after. */
  readonly margin: { readonly before: Health; readonly after: Health } | null;
  readonly payoff: Payoff;
  /** Cash in quote units, as the ledger counts it. */
  readonly cashUnits: bigint;
}

type QuoteWords = ContractFunctionReturnType<typeof optionPoolAbi, "view", "quote">;

const MAX_LEGS = 8;
const GRID_INITIAL = 0;
const ledgerOf = ({ deployment }: Connection) =>
  ({ address: deployment.clearinghouse, abi: clearinghouseAbi, blockTag: "pending" }) as const;

/** The legs as the contracts read them; refuses what no market would take before anything is asked of the chain. */
export function legWords(legs: readonly LegOrder[]): readonly { readonly option: bigint; readonly size: bigint }[] {
  if (legs.length === 0 || legs.length > MAX_LEGS) {
    throw new MeniscusError("usage", `A swap has 1 to ${MAX_LEGS} legs, not ${legs.length}.`, {
      hint: "Split it into several swaps.",
    });
  }
  const words = legs.map(({ terms, size }) => ({ option: toOptionId(terms), size }));
  const twice = legs.find(
    ({ terms }, index) => words.findIndex(({ option }) => option === toOptionId(terms)) !== index,
  );
  if (twice) {
    throw new MeniscusError("usage", `${optionName("", twice.terms).slice(1)} stands twice in the swap.`, {
      hint: "Name each option once, with its whole size.",
    });
  }
  return words;
}

/**
 * Quotes a package: the pool's price in parts, the legs on the surface, and the effect on margin.
 *
 * @param sub 0 is the owner's wallet, 1 to 255 are margin accounts.
 * @throws MeniscusError with the pool's refusal in words.
 */
export async function quoteSwap(
  connection: Connection,
  pool: Pool,
  legs: readonly LegOrder[],
  taker: { readonly owner: Address | undefined; readonly sub: number },
): Promise<SwapQuote> {
  const words = legWords(legs);
  const surface = await readSurface(connection, pool.marketId);
  for (const { terms } of legs) findBoard(surface, terms.expiry);
  await requireListedStrikes(connection, legs);
  return await inWords(connection, async () => {
    const reduces = await reducesPool(connection, pool, words);
    const quote = await connection.client.readContract({
      address: pool.optionPool,
      abi: optionPoolAbi,
      functionName: "quote",
      args: [words, reduces],
      blockTag: "pending",
    });
    const margin =
      taker.owner === undefined || taker.sub === 0
        ? null
        : await marginEffect(connection, pool.marketId, toAccountId(taker.owner, taker.sub), legs, quote.cash);
    return describeQuote(connection, pool, surface, legs, quote, { sub: taker.sub, reduces, margin });
  });
}

function describeQuote(
  connection: Connection,
  pool: Pool,
  surface: Surface,
  legs: readonly LegOrder[],
  quote: QuoteWords,
  facts: { readonly sub: number; readonly reduces: boolean; readonly margin: SwapQuote["margin"] },
): SwapQuote {
  const quoted = legs.map(({ terms, size }) => ({
    name: optionName(pool.market.symbol, terms),
    contracts: fromSize(size),
    ...valueOption(findBoard(surface, terms.expiry), terms.strike, terms.kind),
  }));
  const cash = toTokens(connection, quote.cash);
  const priced = legs.map(({ terms }, i) => ({ ...terms, ...quoted[i]! }));
  return {
    pool: pool.name,
    account: facts.sub,
    legs: quoted,
    premium: Number(quote.midWad) / 1e18,
    impact: Number(quote.impactWad) / 1e18,
    spread: Number(quote.spreadWad) / 1e18,
    fee: Number(quote.feeWad) / 1e18,
    cash,
    quoteSymbol: connection.deployment.quoteSymbol,
    delta: quoted.reduce((sum, leg) => sum + leg.contracts * leg.delta, 0),
    vega: quoted.reduce((sum, leg) => sum + leg.contracts * leg.vega, 0),
    reduces: facts.reduces,
    spot: surface.spot,
    spotAge: surface.now - surface.spotTime,
    margin: facts.margin,
    payoff: payoffOf(priced, cash, surface),
    cashUnits: quote.cash,
  };
}

/** Listing rules are the ledger's, not the pool's: a quote alone would not meet them. */
async function requireListedStrikes(connection: Connection, legs: readonly LegOrder[]): Promise<void> {
  for (const marketId of new Set(legs.map(({ terms }) => terms.marketId))) {
    const market = await inWords(connection, () =>
      connection.client.readContract({ ...ledgerOf(connection), functionName: "market", args: [marketId] }),
    );
    const step = BigInt(market.strikeStepE6);
    for (const { terms } of legs) {
      if (toStrikeE6(terms.strike) % step === 0n) continue;
      const gap = Number(step) / 1e6;
      const below = Math.floor(terms.strike / gap) * gap;
      throw new MeniscusError("market", `Strike ${terms.strike} is not listed: strikes are multiples of ${gap}.`, {
        hint: `The nearest are ${below > 0 ? `${below} and ` : ""}${below + gap}.`,
      });
    }
  }
}

/** Whether every leg brings the pool's own position nearer to zero, as the ledger would find. */
async function reducesPool(
  connection: Connection,
  pool: Pool,
  legs: readonly { readonly option: bigint; readonly size: bigint }[],
): Promise<boolean> {
  const held = await Promise.all(
    legs.map(({ option }) =>
      connection.client.readContract({
        ...ledgerOf(connection),
        functionName: "position",
        args: [pool.account, option],
      }),
    ),
  );
  return legs.every(({ size }, index) => {
    const position = held[index] ?? 0n;
    return size > 0n ? position >= size : position <= size;
  });
}

/** Health before and after: the legs are added to the account's words, the cash taken from its cash. */
async function marginEffect(
  connection: Connection,
  marketId: number,
  account: bigint,
  legs: readonly LegOrder[],
  cash: bigint,
): Promise<NonNullable<SwapQuote["margin"]>> {
  const { client, deployment } = connection;
  const ledger = ledgerOf(connection);
  const market = deployment.markets.find((candidate) => candidate.marketId === marketId);
  const [before, words, held, base, debt] = await Promise.all([
    client.readContract({ ...ledger, functionName: "health", args: [account, GRID_INITIAL] }),
    client.readContract({ ...ledger, functionName: "strikes", args: [account] }),
    client.readContract({ ...ledger, functionName: "cash", args: [account] }),
    client.readContract({ ...ledger, functionName: "base", args: [account, marketId] }),
    client.readContract({ ...ledger, functionName: "debt", args: [account] }),
  ]);
  const added = legs.map(({ terms, size }) => toStrikeWord(toOptionId(terms), size));
  const [worst, value] = await client.readContract({
    address: deployment.riskEngine,
    abi: riskEngineAbi,
    functionName: "values",
    args: [
      marketId,
      [...words, ...added],
      (base * 1_000_000n) / 10n ** BigInt(market?.baseDecimals ?? 18),
      GRID_INITIAL,
    ],
    blockTag: "pending",
  });
  const cashAfter = held - cash - debt;
  return {
    before: { worst: toTokens(connection, before[0]), equity: toTokens(connection, before[1]) },
    after: { worst: toTokens(connection, worst + cashAfter), equity: toTokens(connection, value + cashAfter) },
  };
}

/**
 * The most the taker pays (negative: the least he receives, negated) so that a price may move by `slippage` of the legs'
 * gross premium before the swap is refused.
 */
export function limitWithSlippage(quote: SwapQuote, slippage: number, quoteDecimals: number): bigint {
  const gross = quote.legs.reduce((sum, leg) => sum + Math.abs(leg.contracts) * leg.mid, 0);
  const basis = Math.max(gross, Math.abs(quote.cash));
  return quote.cashUnits + BigInt(Math.ceil(basis * slippage * 10 ** quoteDecimals));
}

/** A swap that was done. */
export interface SwapResult {
  readonly hash: string;
  readonly blockNumber: number;
  readonly gasUsed: number;
  /** Quote tokens; positive paid, negative received. */
  readonly cash: number;
  readonly fee: number;
}

/** Swaps against the pool: approves what a wallet may have to pay, simulates, sends, and reads what it cost. */
export async function swap(
  sender: Sender,
  pool: Pool,
  order: {
    readonly legs: readonly LegOrder[];
    readonly sub: number;
    readonly limitCash: bigint;
    /** Seconds from now. */
    readonly deadlineSeconds: number;
  },
): Promise<SwapResult> {
  const { connection } = sender;
  const legs = legWords(order.legs);
  const now = await inWords(connection, () => chainTime(connection));
  const request = {
    account: toAccountId(sender.address, order.sub),
    maker: pool.optionPool,
    legs,
    limitCash: order.limitCash,
    deadline: now + order.deadlineSeconds,
    report: "0x",
    makerData: "0x",
  } as const;
  const call = {
    address: connection.deployment.clearinghouse,
    abi: clearinghouseAbi,
    functionName: "trade",
    args: [request],
  } as const;
  const receipt =
    order.sub === 0 && order.limitCash > 0n
      ? await sender.sendPaying(call, { spender: connection.deployment.clearinghouse, amount: order.limitCash })
      : await sender.send(call);
  return swapResultOf(connection, receipt);
}

/** What the ledger did in a transaction that swapped once. */
export function swapResultOf(connection: Connection, receipt: Receipt): SwapResult {
  const traded = parseEventLogs({ abi: clearinghouseAbi, eventName: "Traded", logs: [...receipt.logs] })[0];
  if (!traded) throw new MeniscusError("internal", `The swap left no trace (transaction ${receipt.hash}).`);
  return {
    ...transactionOf(receipt),
    cash: toTokens(connection, traded.args.cash),
    fee: toTokens(connection, traded.args.fee),
  };
}

function transactionOf({ hash, blockNumber, gasUsed }: Receipt) {
  return { hash, blockNumber: Number(blockNumber), gasUsed: Number(gasUsed) };
}

// ───────────────────────────── Positions ─────────────────────────────

/** One option of an account and what it is worth now, quote tokens. */
export interface PositionView {
  readonly name: string;
  readonly terms: OptionTerms;
  readonly size: bigint;
  readonly contracts: number;
  /** Mid per contract; the payoff where the expiry is settled; null where neither is known. */
  readonly price: number | null;
  readonly value: number | null;
  readonly volatility: number | null;
  readonly delta: number | null;
  readonly vega: number | null;
  readonly state: ExpiryStateName;
}

/** Live, past its expiry without a price, being settled, or paid out. */
export type ExpiryStateName = "live" | "expired" | "settling" | "final";

/** Every option an account holds: a margin account's own list, a wallet's from the tokens it ever received. */
export async function readHoldings(
  connection: Connection,
  owner: Address,
  sub: number,
): Promise<readonly { readonly option: bigint; readonly size: bigint }[]> {
  const account = toAccountId(owner, sub);
  const { client } = connection;
  const ledger = ledgerOf(connection);
  if (sub !== 0) {
    const words = await client.readContract({ ...ledger, functionName: "strikes", args: [account] });
    return words.flatMap(holdingsOf);
  }
  const received = await readEvents(connection, (range) =>
    client.getContractEvents({
      address: ledger.address,
      abi: clearinghouseAbi,
      eventName: "Transfer",
      args: { receiver: owner },
      strict: true,
      ...range,
    }),
  );
  const options = [...new Set(received.map(({ args }) => args.id))];
  const held = await Promise.all(
    options.map(async (option) => ({
      option,
      size: await client.readContract({ ...ledger, functionName: "position", args: [account, option] }),
    })),
  );
  return held.filter(({ size }) => size !== 0n);
}

/** The options of an account, valued on the surface, by expiry and strike. */
export async function readPositions(
  connection: Connection,
  owner: Address,
  sub: number,
): Promise<readonly PositionView[]> {
  const holdings = await inWords(connection, () => readHoldings(connection, owner, sub));
  const markets = [...new Set(holdings.map(({ option }) => fromOptionId(option).marketId))];
  const surfaces = new Map<number, Surface>();
  for (const marketId of markets) surfaces.set(marketId, await readSurface(connection, marketId));
  const views = await inWords(connection, () =>
    Promise.all(
      holdings.map(({ option, size }) =>
        viewPosition(connection, surfaces.get(fromOptionId(option).marketId), option, size),
      ),
    ),
  );
  return views.toSorted(
    (a, b) =>
      a.terms.expiry - b.terms.expiry || a.terms.strike - b.terms.strike || a.terms.kind.localeCompare(b.terms.kind),
  );
}

async function viewPosition(
  connection: Connection,
  surface: Surface | undefined,
  option: bigint,
  size: bigint,
): Promise<PositionView> {
  const terms = fromOptionId(option);
  const contracts = fromSize(size);
  const common = { name: optionName(connection.words.symbolOf(terms.marketId), terms), terms, size, contracts };
  const board = surface?.expiries.find(({ expiry }) => expiry === terms.expiry);
  if (board) {
    const { mid, volatility, delta, vega } = valueOption(board, terms.strike, terms.kind);
    return {
      ...common,
      price: mid,
      value: mid * contracts,
      volatility,
      delta: delta * contracts,
      vega: vega * contracts,
      state: "live",
    };
  }
  const { state, settlementPrice } = await readExpiry(connection, terms.marketId, terms.expiry);
  const distance = terms.kind === "call" ? settlementPrice - terms.strike : terms.strike - settlementPrice;
  const payoff = state === "settling" || state === "final" ? Math.max(0, distance) : null;
  return {
    ...common,
    price: payoff,
    value: payoff === null ? null : payoff * contracts,
    volatility: null,
    delta: null,
    vega: null,
    state,
  };
}

/** How far the settlement of an expiry is, and at which price (0 until it is fixed). */
export async function readExpiry(
  connection: Connection,
  marketId: number,
  expiry: number,
): Promise<{ readonly state: ExpiryStateName; readonly settlementPrice: number }> {
  const ledger = ledgerOf(connection);
  const [word, priceWad, now] = await Promise.all([
    connection.client.readContract({ ...ledger, functionName: "expiryWord", args: [marketId, expiry] }),
    connection.client.readContract({ ...ledger, functionName: "settlementPrice", args: [marketId, expiry] }),
    chainTime(connection),
  ]);
  const states = [expiry > now ? "live" : "expired", "settling", "final"] as const;
  return { state: states[Number(word & 0xffn)] ?? "expired", settlementPrice: Number(priceWad) / 1e18 };
}

// ───────────────────────────── Margin accounts ─────────────────────────────

/** A margin account (or the wallet, sub 0), quote tokens. */
export interface AccountView {
  readonly owner: Address;
  readonly account: number;
  /** Tokens outside the ledger. */
  readonly walletBalance: number;
  /** Cash inside the ledger. */
  readonly cash: number;
  readonly base: readonly { readonly symbol: string; readonly amount: number }[];
  readonly debt: number;
  readonly equity: number;
  /** Worst value over the initial grid: what may be withdrawn or lost before margin is missing. */
  readonly worst: number;
  readonly maintenance: number;
  readonly positions: number;
  readonly quoteSymbol: string;
}

const GRID_MAINTENANCE = 1;

export async function readAccount(connection: Connection, owner: Address, sub: number): Promise<AccountView> {
  const { client, deployment } = connection;
  const ledger = ledgerOf(connection);
  const account = toAccountId(owner, sub);
  return await inWords(connection, async () => {
    const [balance, cash, debt, initial, maintenance, holdings, base] = await Promise.all([
      tokenBalance(connection, owner),
      client.readContract({ ...ledger, functionName: "cash", args: [account] }),
      client.readContract({ ...ledger, functionName: "debt", args: [account] }),
      client.readContract({ ...ledger, functionName: "health", args: [account, GRID_INITIAL] }),
      client.readContract({ ...ledger, functionName: "health", args: [account, GRID_MAINTENANCE] }),
      readHoldings(connection, owner, sub),
      Promise.all(
        deployment.markets.map(async ({ marketId, symbol, baseDecimals }) => ({
          symbol,
          amount:
            Number(await client.readContract({ ...ledger, functionName: "base", args: [account, marketId] })) /
            10 ** baseDecimals,
        })),
      ),
    ]);
    return {
      owner,
      account: sub,
      walletBalance: toTokens(connection, balance),
      cash: toTokens(connection, cash),
      base: base.filter(({ amount }) => amount > 0),
      debt: toTokens(connection, debt),
      equity: toTokens(connection, initial[1]),
      worst: toTokens(connection, initial[0]),
      maintenance: toTokens(connection, maintenance[0]),
      positions: holdings.length,
      quoteSymbol: deployment.quoteSymbol,
    };
  });
}

/** What a transaction moved, quote tokens. */
export interface CashMovement {
  readonly account: number;
  readonly amount: number;
  readonly hash: string;
}

/** Pays cash into one of the sender's accounts. */
export async function depositCash(sender: Sender, sub: number, amount: bigint): Promise<CashMovement> {
  const { connection } = sender;
  const { clearinghouse } = connection.deployment;
  await sender.requireBalance(amount);
  const { hash } = await sender.sendPaying(
    {
      address: clearinghouse,
      abi: clearinghouseAbi,
      functionName: "depositCash",
      args: [toAccountId(sender.address, sub), amount],
    },
    { spender: clearinghouse, amount },
  );
  return { account: sub, amount: toTokens(connection, amount), hash };
}

/** Takes cash out of one of the sender's accounts; `all` takes what the account's margin leaves free. */
export async function withdrawCash(sender: Sender, sub: number, wanted: bigint | "all"): Promise<CashMovement> {
  const { connection } = sender;
  const amount = wanted === "all" ? await withdrawableCash(connection, toAccountId(sender.address, sub)) : wanted;
  if (amount === 0n) {
    throw new MeniscusError("funds", "There is no cash to withdraw.", {
      hint: "`meniscus account show` says what the account holds and what its margin needs.",
    });
  }
  const { hash } = await sender.send({
    address: connection.deployment.clearinghouse,
    abi: clearinghouseAbi,
    functionName: "withdrawCash",
    args: [toAccountId(sender.address, sub), amount, sender.address],
  });
  return { account: sub, amount: toTokens(connection, amount), hash };
}

async function withdrawableCash(connection: Connection, account: bigint): Promise<bigint> {
  const ledger = ledgerOf(connection);
  return await inWords(connection, async () => {
    const [cash, words, [worst]] = await Promise.all([
      connection.client.readContract({ ...ledger, functionName: "cash", args: [account] }),
      connection.client.readContract({ ...ledger, functionName: "strikes", args: [account] }),
      connection.client.readContract({ ...ledger, functionName: "health", args: [account, GRID_INITIAL] }),
    ]);
    const hasShorts = words.map(fromStrikeWord).some(({ calls, puts }) => calls < 0n || puts < 0n);
    if (!hasShorts) return cash;
    if (worst <= 0n) return 0n;
    return worst < cash ? worst : cash;
  });
}

// ───────────────────────────── Settled options ─────────────────────────────

/** What `redeem` paid, and what still waits for its settlement. */
export interface Redemption {
  /** Quote tokens that arrived: in the wallet, or as cash of the margin account. */
  readonly paid: number;
  readonly redeemed: readonly { readonly name: string; readonly contracts: number; readonly payoff: number | null }[];
  readonly waiting: readonly { readonly name: string; readonly contracts: number; readonly state: ExpiryStateName }[];
  readonly hashes: readonly string[];
}

/** Burns a wallet's options of final expiries and brings their payout home, with what late debtors have paid for earlier ones. */
export async function redeemWallet(sender: Sender): Promise<Redemption> {
  const { connection } = sender;
  const { clearinghouse } = connection.deployment;
  const expired = (await readPositions(connection, sender.address, 0)).filter(({ state }) => state !== "live");
  const final = expired.filter(({ state }) => state === "final");
  const hashes: string[] = [];
  if (final.length > 0) {
    const options = final.map(({ terms }) => toOptionId(terms));
    const call = { address: clearinghouse, abi: clearinghouseAbi, functionName: "redeemOptions" } as const;
    hashes.push((await sender.send({ ...call, args: [sender.address, options] })).hash);
  }
  const late = await claimCredits(sender, 0);
  const account = toAccountId(sender.address, 0);
  const cash = await inWords(connection, () =>
    connection.client.readContract({ ...ledgerOf(connection), functionName: "cash", args: [account] }),
  );
  hashes.push(...late.hashes);
  if (cash > 0n) hashes.push((await withdrawCash(sender, 0, cash)).hash);
  return {
    paid: toTokens(connection, cash),
    redeemed: [...final.map(({ name, contracts, value }) => ({ name, contracts, payoff: value })), ...late.redeemed],
    waiting: expired
      .filter(({ state }) => state !== "final")
      .map(({ name, contracts, state }) => ({ name, contracts, state })),
    hashes,
  };
}

/**
 * Pays the credits of an account's settled expiries into its cash. A wallet has one where it redeemed options at a payout ratio below
 * one; every account has one again where debtors have paid since.
 */
export async function claimCredits(sender: Sender, sub: number): Promise<Redemption> {
  const { connection } = sender;
  const { client, deployment } = connection;
  const account = toAccountId(sender.address, sub);
  const series = await inWords(connection, () => creditedSeries(connection, account));
  const redeemed: { name: string; contracts: number; payoff: number | null }[] = [];
  const waiting: { name: string; contracts: number; state: ExpiryStateName }[] = [];
  const hashes: string[] = [];
  for (const { marketId, expiry } of series) {
    const credit = await client.readContract({
      ...ledgerOf(connection),
      functionName: "credit",
      args: [account, marketId, expiry],
    });
    if (credit === 0n) continue;
    const { state } = await readExpiry(connection, marketId, expiry);
    if (state !== "final") {
      waiting.push({ name: expirySeries(connection, marketId, expiry), contracts: 0, state });
      continue;
    }
    const receipt = await sender.send({
      address: deployment.clearinghouse,
      abi: clearinghouseAbi,
      functionName: "claimCredit",
      args: [account, marketId, expiry],
    });
    const paid = parseEventLogs({ abi: clearinghouseAbi, eventName: "CreditPaid", logs: [...receipt.logs] })[0];
    redeemed.push({
      name: expirySeries(connection, marketId, expiry),
      contracts: 0,
      payoff: toTokens(connection, paid?.args.amount ?? credit),
    });
    hashes.push(receipt.hash);
  }
  return { paid: redeemed.reduce((sum, { payoff }) => sum + (payoff ?? 0), 0), redeemed, waiting, hashes };
}

/** Expiries that were settled for an account or have paid it, each once: one scan for both events. */
async function creditedSeries(
  connection: Connection,
  account: bigint,
): Promise<readonly { readonly marketId: number; readonly expiry: number }[]> {
  const { client, deployment } = connection;
  const topicsOf = (eventName: "AccountSettled" | "CreditPaid") =>
    encodeEventTopics({ abi: clearinghouseAbi, eventName, args: { account } });
  const [[settled, ofAccount], [paid]] = [topicsOf("AccountSettled"), topicsOf("CreditPaid")];
  const logs = await readEvents(connection, async ({ fromBlock, toBlock }) => {
    const found = await client.request({
      method: "eth_getLogs",
      params: [
        {
          address: deployment.clearinghouse,
          topics: [[settled, paid ?? settled], ofAccount ?? null],
          fromBlock: numberToHex(fromBlock),
          toBlock: numberToHex(toBlock),
        },
      ],
    });
    return found.map((log) => formatLog(log));
  });
  const events = parseEventLogs({
    abi: clearinghouseAbi,
    eventName: ["AccountSettled", "CreditPaid"],
    logs: [...logs],
  });
  const series = events.map(({ args: { marketId, expiry } }) => ({ marketId, expiry }));
  return [...new Map(series.map((one) => [`${one.marketId}-${one.expiry}`, one])).values()];
}

/** An account's options of one expiry are netted before they are paid: the credit belongs to the expiry. */
function expirySeries({ words }: Connection, marketId: number, expiry: number): string {
  return `${words.symbolOf(marketId)}-${expiryName(expiry)}`;
}
