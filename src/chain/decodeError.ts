import {
  type Abi,
  type AbiParameter,
  BaseError,
  ContractFunctionRevertedError,
  decodeErrorResult,
  getAddress,
  type Hex,
  HttpRequestError,
  InsufficientFundsError,
  isHex,
  RpcRequestError,
  TimeoutError,
  toFunctionSelector,
  WebSocketRequestError,
} from "viem";
import { type ErrorKind, MeniscusError } from "../runtime/errors.ts";
import {
  atomicExecutorAbi,
  authorityAbi,
  clearinghouseAbi,
  insuranceFundAbi,
  iPermit2Abi,
  liquidationAuctionAbi,
  marketOracleAbi,
  optionPoolAbi,
  poolSharesAbi,
  riskEngineAbi,
  settlementPriceAbi,
  signedOrdersAbi,
  spotHedgerAbi,
} from "./abis.ts";
import { expiryName, fromAccountId, fromOptionId, fromSize, optionName } from "./optionId.ts";

/** What turns numbers of a revert into words: the quote token and the names of markets and accounts. */
export interface RevertWords {
  readonly quoteSymbol: string;
  readonly quoteDecimals: number;
  readonly rpcUrl: string;
  /** Symbol of a market, `ETH`. */
  symbolOf(marketId: number): string;
  /** Name of a pool whose account this is; undefined for anybody else. */
  poolOf(account: bigint): string | undefined;
}

interface Explanation {
  readonly kind: ErrorKind;
  readonly message: string;
  readonly hint?: string;
  readonly retryable?: boolean;
}

/** The arguments of a custom error by the name they have in Solidity. */
type Arguments = Readonly<Record<string, unknown>>;
type Explain = (args: Arguments, words: RevertWords) => Explanation;

const allAbis: readonly Abi[] = [
  clearinghouseAbi,
  optionPoolAbi,
  poolSharesAbi,
  marketOracleAbi,
  riskEngineAbi,
  insuranceFundAbi,
  liquidationAuctionAbi,
  signedOrdersAbi,
  settlementPriceAbi,
  spotHedgerAbi,
  atomicExecutorAbi,
  authorityAbi,
  iPermit2Abi,
];

/** Every custom error of the protocol's contracts, each once. */
export const protocolErrors = [
  ...new Map(
    allAbis
      .flat()
      .filter((item) => item.type === "error")
      .map((item) => [toFunctionSelector({ ...item, type: "function", outputs: [], stateMutability: "pure" }), item]),
  ).values(),
];

function big(args: Arguments, name: string): bigint {
  const value = args[name];
  if (typeof value !== "bigint" && typeof value !== "number") throw new TypeError(`the error has no number ${name}`);
  return BigInt(value);
}

const amount = (value: bigint, decimals: number): string =>
  (Number(value) / 10 ** decimals).toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const money = (value: bigint, words: RevertWords): string =>
  `${amount(value, words.quoteDecimals)} ${words.quoteSymbol}`;
const contracts = (size: bigint): string => String(fromSize(size));
const deltaOf = (args: Arguments, name: string): string => {
  const short = big(args, name);
  return short >= 0n ? `short ${contracts(short)} of delta` : `long ${contracts(-short)} of delta`;
};
const price = (args: Arguments, name: string): string => amount(big(args, name), 18);
const dayOf = (args: Arguments): string => expiryName(Number(args.expiry));
const percent = (wad: bigint): string => `${(Number(wad) / 1e16).toFixed(1)} %`;
const timeOf = (seconds: bigint): string =>
  `${new Date(Number(seconds) * 1000).toISOString().slice(0, 19).replace("T", " ")} UTC`;

function option(args: Arguments, words: RevertWords): string {
  const terms = fromOptionId(big(args, "option"));
  return optionName(words.symbolOf(terms.marketId), terms);
}

function account(args: Arguments, words: RevertWords): string {
  return accountInWords(big(args, "account"), words);
}

/** `pool core`, `margin account 1 of 0x…`. */
export function accountInWords(id: bigint, words: RevertWords): string {
  const pool = words.poolOf(id);
  if (pool !== undefined) return `pool ${pool}`;
  const { owner, sub } = fromAccountId(id);
  return sub === 0 ? `the wallet of ${getAddress(owner)}` : `margin account ${sub} of ${getAddress(owner)}`;
}

/** How a cash amount reads to the taker: positive he pays, negative he receives. */
function priceOf(cash: bigint, words: RevertWords): string {
  return cash >= 0n ? `costs ${money(cash, words)}` : `brings ${money(-cash, words)}`;
}

function limitOf(limit: bigint, words: RevertWords): string {
  return limit >= 0n ? `you pay at most ${money(limit, words)}` : `you want at least ${money(-limit, words)}`;
}

const chainHint = "`meniscus chain` shows what is listed.";
const oracleHint = "The oracle's nodes have not reported lately; try again in a moment, or see `meniscus pools`.";
const settleHint = "Wait for the keepers; `meniscus redeem` shows how far each expiry is.";
const defect =
  (message: string): Explain =>
  () => ({ kind: "internal", message });

const notSigned: Explain = () => ({
  kind: "key",
  message: "The signature is not that of the account's owner for this trade.",
  hint: "Everything but the oracle's report is signed: nothing may be changed.",
});

const explanations: Readonly<Record<string, Explain>> = {
  // The ledger: who, how much
  Clearinghouse_NotAuthorized: (args, words) => ({
    kind: "key",
    message: `${String(args.caller)} may not act for ${account(args, words)}.`,
    hint: "Use the key of its owner: --as NAME, or MENISCUS_PRIVATE_KEY.",
  }),
  Clearinghouse_InvalidAccount: (args, words) => ({
    kind: "usage",
    message: `This cannot be done with ${account(args, words)}.`,
    hint: "Margin accounts are 1 to 255: pass --account N.",
  }),
  Clearinghouse_InvalidMarket: (args) => ({
    kind: "market",
    message: `There is no market ${String(args.marketId)}.`,
    hint: "`meniscus pools` lists the markets.",
  }),
  Clearinghouse_UnsupportedToken: (args) => ({
    kind: "market",
    message: `Token ${String(args.token)} did not transfer what was asked: tokens with fees or rebasing are refused.`,
  }),
  Clearinghouse_ZeroAmount: () => ({ kind: "usage", message: "The amount is zero.", hint: "Name a positive amount." }),
  Clearinghouse_InsufficientCash: (args, words) => {
    const pool = words.poolOf(big(args, "account"));
    return {
      kind: pool === undefined ? "funds" : "market",
      message: `Not enough cash: ${account(args, words)} holds ${money(big(args, "available"), words)}, ${money(big(args, "needed"), words)} are needed.`,
      hint: pool === undefined ? "Pay in with `meniscus account deposit AMOUNT`." : "Trade less.",
    };
  },
  Clearinghouse_InsufficientBase: (args, words) => ({
    kind: "funds",
    message: `Not enough collateral: ${account(args, words)} holds less of the underlying than asked.`,
    hint: "`meniscus account show` says what is there.",
  }),
  Clearinghouse_BaseCapExceeded: () => ({
    kind: "market",
    message: "The ledger takes no more of the underlying as collateral.",
    hint: "Pay in cash instead: `meniscus account deposit AMOUNT`.",
  }),
  Clearinghouse_InsufficientOptions: (args, words) => ({
    kind: "funds",
    message: `You hold ${contracts(big(args, "available"))} of ${option(args, words)}, ${contracts(big(args, "needed"))} are needed.`,
    hint: "A wallet sells only what it holds; write options from a margin account: `meniscus account deposit AMOUNT`, then --account 1.",
  }),
  Clearinghouse_DeadlinePassed: (args) => ({
    kind: "market",
    message: `The deadline, ${timeOf(big(args, "deadline"))}, had passed ${big(args, "blockTime") - big(args, "deadline")} s before the block.`,
    hint: "Nothing was done. Ask again, or allow more time with --deadline SECONDS.",
    retryable: true,
  }),
  Clearinghouse_LimitExceeded: (args, words) => ({
    kind: "market",
    message: `The price moved past your limit: the swap now ${priceOf(big(args, "cash"), words)}, ${limitOf(big(args, "limitCash"), words)}.`,
    hint: "Nothing was done. Quote again, or give more room with --limit or --slippage.",
    retryable: true,
  }),
  Clearinghouse_InvalidFee: defect("The maker named an impossible fee."),
  Clearinghouse_InvalidMaker: (args) => ({
    kind: "market",
    message: `${String(args.maker)} makes no prices here.`,
    hint: "`meniscus pools` lists the pools.",
  }),
  Clearinghouse_InvalidLegs: (args) => ({
    kind: "usage",
    message: `A swap has 1 to 8 legs, not ${String(args.count)}.`,
    hint: "Split it into several swaps.",
  }),
  Clearinghouse_InvalidOption: (args, words) => ({
    kind: "usage",
    message: `${option(args, words)} does not belong to this market.`,
    hint: chainHint,
  }),
  Clearinghouse_DuplicateLeg: (args, words) => ({
    kind: "usage",
    message: `${option(args, words)} stands twice in the swap.`,
    hint: "Name each option once, with its whole size.",
  }),
  Clearinghouse_StrikeNotOnGrid: (args) => ({
    kind: "market",
    message: `Strike ${Number(args.strikeE6) / 1e6} is not listed: strikes are multiples of ${Number(args.stepE6) / 1e6}.`,
    hint: chainHint,
  }),
  Clearinghouse_ExpiryNotListed: (args) => ({
    kind: "market",
    message: `Expiry ${dayOf(args)} is not listed: options expire at 08:00 UTC.`,
    hint: chainHint,
  }),
  Clearinghouse_SeriesExpired: (args) => ({
    kind: "market",
    message: `${dayOf(args)} has expired.`,
    hint: "`meniscus redeem` pays settled options.",
  }),
  Clearinghouse_BelowMinimum: (args) => ({
    kind: "usage",
    message: `${contracts(big(args, "size"))} contracts are too few: the smallest size is ${contracts(big(args, "minSize"))}.`,
  }),
  Clearinghouse_TooManyStrikes: (args, words) => ({
    kind: words.poolOf(big(args, "account")) === undefined ? "funds" : "market",
    message: `${account(args, words)} may hold ${String(args.max)} strikes, not ${String(args.count)}.`,
    hint: "Close some positions, or trade a strike that is already there.",
  }),
  Clearinghouse_MarketMismatch: (args, words) => ({
    kind: "usage",
    message: `A margin account holds options of one market: ${account(args, words)} holds ${words.symbolOf(Number(args.accountMarketId))}.`,
    hint: "Use another margin account: --account N.",
  }),
  Clearinghouse_Unhealthy: (args, words) => {
    const pool = words.poolOf(big(args, "account"));
    const missing = money(big(args, "shortfall"), words);
    return pool === undefined
      ? {
          kind: "funds",
          message: `Margin is missing: in the worst scenario ${account(args, words)} would be ${missing} short.`,
          hint: "Pay in with `meniscus account deposit AMOUNT --account N`, trade less, or close positions.",
        }
      : {
          kind: "market",
          message: `Pool ${pool} has no capital for this swap: it would be ${missing} short of its margin.`,
          hint: "Trade less, or wait until others close.",
        };
  },
  Clearinghouse_NotExpired: (args) => ({ kind: "market", message: `${dayOf(args)} has not expired yet.` }),
  Clearinghouse_NoSettlementPrice: (args) => ({
    kind: "market",
    message: `The settlement price of ${dayOf(args)} is not fixed yet.`,
    hint: "It follows from the oracle's average of the last 30 minutes; try again in a moment.",
    retryable: true,
  }),
  SettlementPrice_Disputed: (args) => ({
    kind: "market",
    message: `The oracle's average for ${dayOf(args)} and Uniswap's mean price differ by more than 3 %.`,
    hint: "The oracle's average counts from four hours after the expiry on; try again then.",
    retryable: true,
  }),
  Clearinghouse_NotSettling: (args) => ({
    kind: "market",
    message: `${dayOf(args)} is not being settled at the moment.`,
    hint: settleHint,
  }),
  Clearinghouse_NotFinal: (args) => ({
    kind: "market",
    message: `The settlement of ${dayOf(args)} is not final yet.`,
    hint: settleHint,
    retryable: true,
  }),
  Clearinghouse_AlreadyFinal: (args) => ({ kind: "market", message: `${dayOf(args)} is settled already.` }),
  Clearinghouse_ShortAccountsRemain: (args) => ({
    kind: "market",
    message: `${String(args.count)} accounts of ${dayOf(args)} still have to be settled.`,
    hint: settleHint,
    retryable: true,
  }),
  Clearinghouse_DebtsPending: (args) => ({
    kind: "market",
    message: `Debts of ${dayOf(args)} are open until ${timeOf(big(args, "until"))}.`,
    hint: settleHint,
    retryable: true,
  }),
  Clearinghouse_NothingToSettle: (args) => ({ kind: "market", message: `Nothing is due from ${dayOf(args)}.` }),
  Clearinghouse_Reentered: defect("The ledger was called from inside itself."),

  // The pool: what it quotes
  OptionPool_WrongMarket: (args, words) => ({
    kind: "usage",
    message: `This pool trades ${words.symbolOf(Number(args.poolMarketId))}, not ${words.symbolOf(Number(args.marketId))}.`,
    hint: "Choose another with --pool NAME; `meniscus pools` lists them.",
  }),
  OptionPool_NoSurface: () => ({
    kind: "market",
    message: "The oracle has not reported yet.",
    hint: oracleHint,
    retryable: true,
  }),
  OptionPool_StaleSurface: (args) => ({
    kind: "market",
    message: `The volatility surface is ${String(args.age)} s old; the pool adds risk up to ${String(args.maxAge)} s.`,
    hint: oracleHint,
    retryable: true,
  }),
  OptionPool_StaleSpot: (args) => ({
    kind: "market",
    message: `The spot price is ${String(args.age)} s old; the pool adds risk up to ${String(args.maxAge)} s.`,
    hint: oracleHint,
    retryable: true,
  }),
  OptionPool_NotMarked: (args) => ({
    kind: "market",
    message: `The pool has not marked its book under report ${String(args.round)} yet.`,
    hint: "Try again in a moment, or mark it yourself: `meniscus mark`.",
    retryable: true,
  }),
  OptionPool_Unconfirmed: () => ({
    kind: "market",
    message:
      "The market moved further than one oracle report may say: until the next report confirms it, the pool only closes.",
    hint: "Try again in a minute.",
    retryable: true,
  }),
  OptionPool_SliceRefused: (args) => ({
    kind: "market",
    message: `The last report's slice of ${dayOf(args)} was refused: the pool only closes there.`,
    hint: "Wait for the next report, or choose another expiry.",
    retryable: true,
  }),
  OptionPool_TenorOutOfRange: (args) => ({
    kind: "market",
    message: `${dayOf(args)} is ${(Number(args.tenor) / 86_400).toFixed(1)} days away: the pool adds no risk at that tenor.`,
    hint: "Choose another expiry; `meniscus chain` shows where the pool quotes.",
  }),
  OptionPool_DeltaOutOfRange: (args) => ({
    kind: "market",
    message: `A delta of ${percent(big(args, "absDelta"))} is outside what the pool trades, ${percent(big(args, "minDelta"))} to ${percent(big(args, "maxDelta"))}.`,
    hint: "Choose a strike nearer to the money.",
  }),
  OptionPool_VegaLimit: (args) => ({
    kind: "market",
    message: `The pool is at its vega limit for ${["short", "middle", "long"][Number(args.bucket)] ?? "these"} tenors.`,
    hint: "Trade less, take the other side, or choose another tenor.",
  }),
  OptionPool_DeltaLimit: () => ({
    kind: "market",
    message: "The pool is at its delta limit.",
    hint: "Trade less, or take the other side.",
  }),
  OptionPool_ExpiryVegaLimit: (args) => ({
    kind: "market",
    message: `The pool is at its vega limit for ${expiryName(Number(args.expiry))}.`,
    hint: "Trade less, take the other side, or choose another expiry.",
  }),
  OptionPool_ExpiryGammaLimit: (args) => ({
    kind: "market",
    message: `The pool is at its gamma limit for ${expiryName(Number(args.expiry))}.`,
    hint: "Trade less, take the other side, or choose a later expiry.",
  }),
  OptionPool_VegaFlowLimit: () => ({
    kind: "market",
    message: "The pool has taken as much vega as it takes within a short time.",
    hint: "Trade less, or wait a minute.",
    retryable: true,
  }),
  OptionPool_DeltaFlowLimit: () => ({
    kind: "market",
    message: "The pool has taken as much delta as it takes within a short time.",
    hint: "Trade less, or wait a minute.",
    retryable: true,
  }),
  OptionPool_ReduceOnly: () => ({
    kind: "market",
    message: "The pool winds down: it takes no new risk.",
    hint: "It still closes positions; or choose another pool with --pool NAME.",
  }),
  OptionPool_Insolvent: (args, words) => ({
    kind: "market",
    message: `The pool's net asset value is ${money(big(args, "nav"), words)}: it takes no new risk.`,
    hint: "It still closes positions; or choose another pool with --pool NAME.",
  }),
  OptionPool_LedgerLocked: defect("The pool was called from inside the ledger."),
  OptionPool_NotLedger: defect("The pool was called by somebody who is not the ledger."),
  OptionPool_NotAuction: defect("The pool was asked to close out an account by somebody who is not the auction."),
  OptionPool_TakeLimit: () => ({
    kind: "market",
    message: "The pool closes out no more accounts in this block.",
    hint: "Try again in the next block.",
    retryable: true,
  }),
  OptionPool_NotShares: defect("The pool was asked to pay by somebody who is not its shares."),
  OptionPool_NotHedger: defect("The pool's property was asked for by somebody who is not its hedger."),
  OptionPool_HedgeTooDear: defect("The hedger's exchange costs more than a twentieth of what it is worth."),
  OptionPool_InvalidParameters: () => ({ kind: "usage", message: "These pool parameters contradict each other." }),

  // The shares: requests and claims
  PoolShares_BelowMinimum: () => ({
    kind: "usage",
    message: "The amount is below the pool's minimum: 1 quote token in, 0.001 shares out.",
    hint: "Ask for more, or for all.",
  }),
  PoolShares_TooLarge: () => ({
    kind: "usage",
    message: "The pool cannot count that much.",
    hint: "Ask for less.",
  }),
  PoolShares_ChargeTooTight: () => ({
    kind: "usage",
    message: "No charge is bounded below 0.1 %.",
    hint: "Name 0.1 % or more; `meniscus pools` shows what leaving costs now.",
  }),
  PoolShares_RequestOpen: (args) => ({
    kind: "market",
    message: `Request ${String(args.requestId)} of yours is not finished; one a direction is possible, and only the same minute and bound add to it.`,
    hint: "`meniscus claim` takes what is there, `meniscus cancel` ends what waits; then ask again.",
  }),
  PoolShares_NoRequest: (args) => ({
    kind: "usage",
    message: `${String(args.controller)} has no request ${String(args.requestId)}.`,
    hint: "`meniscus requests` lists them.",
  }),
  PoolShares_NothingToCancel: (args) => ({
    kind: "market",
    message: `Nothing of request ${String(args.requestId)} waits: it is through, or canceled already.`,
    hint: "`meniscus claim` takes what it brought.",
  }),
  PoolShares_CancelationsWait: () => ({
    kind: "market",
    message: "Earlier cancelations of this epoch wait for their mark.",
    hint: "Cancel again after the next mark; `meniscus mark` makes one where a new report is there.",
    retryable: true,
  }),
  PoolShares_WindingDown: () => ({
    kind: "market",
    message: "This pool ends: it takes no more deposits.",
    hint: "Choose another with --pool NAME; `meniscus withdraw` leaves this one.",
  }),
  PoolShares_NotSilent: (args) => ({
    kind: "market",
    message: `The oracle has reported; money is advanced from ${new Date(Number(args.from) * 1000).toISOString()} on if it stays silent.`,
    hint: "Wait for the next mark; `meniscus requests` shows what waits.",
  }),
  PoolShares_NothingToAdvance: () => ({
    kind: "market",
    message:
      "Nothing can be advanced: nobody has waited long enough, or the pool has nothing left for it in its worst scenario.",
    hint: "`meniscus requests` shows what waits.",
  }),
  PoolShares_ExceedsClaimable: () => ({
    kind: "funds",
    message: "That is more than can be claimed now.",
    hint: "`meniscus requests` shows what is claimable.",
  }),
  PoolShares_ZeroClaim: () => ({
    kind: "usage",
    message: "There is nothing to claim.",
    hint: "`meniscus requests` shows what waits.",
  }),
  PoolShares_NotAuthorized: (args) => ({
    kind: "key",
    message: `${String(args.caller)} may not act for ${String(args.account)}.`,
    hint: "Use the key of the owner: --as NAME, or MENISCUS_PRIVATE_KEY.",
  }),
  PoolShares_NotPool: defect("The shares were called by somebody who is not their pool."),
  PoolShares_NotLedger: defect("The shares were called by somebody who is not the ledger."),
  PoolShares_NoPreview: defect("A request has no preview: its price is known when it is priced."),
  PoolShares_LedgerLocked: defect("The shares were read from inside the ledger."),
  PoolShares_WrongPool: defect("These shares belong to another pool."),

  // Trades at once
  AtomicExecutor_NotOwner: () => ({
    kind: "usage",
    message: "Trades at once are for the owner of the margin account alone.",
  }),
  AtomicExecutor_WrongAccount: () => ({
    kind: "usage",
    message: "Every swap has to be of the account that trades.",
  }),
  AtomicExecutor_Expired: () => ({
    kind: "market",
    message: "The deadline of the trades has passed.",
    retryable: true,
  }),
  AtomicExecutor_TooLittle: (args, words) => ({
    kind: "market",
    message: `The trades gain ${money(big(args, "gain"), words)}, at least ${money(big(args, "leastGain"), words)} is wanted.`,
    retryable: true,
  }),
  AtomicExecutor_NotFilled: () => ({
    kind: "market",
    message: "Uniswap's price reaches its limit before the whole amount is traded.",
    retryable: true,
  }),
  AtomicExecutor_NotUniswap: () => ({
    kind: "usage",
    message: "Only the Uniswap pool calls back.",
  }),

  // Hedges
  SpotHedger_WithinBand: (args) => ({
    kind: "market",
    message: `The pool is ${deltaOf(args, "netShortDelta")}, inside its band of ${contracts(big(args, "band"))} or too near to it: there is nothing to hedge.`,
  }),
  SpotHedger_NoBase: (args) => ({
    kind: "market",
    message: `The pool is ${deltaOf(args, "netShortDelta")} and has no base left to sell; it borrows none.`,
  }),
  SpotHedger_NotMarked: (args) => ({
    kind: "market",
    message: `The pool's book is marked under report ${String(args.markedRound)}, the oracle is at ${String(args.round)}.`,
    hint: "Mark it first; anybody may.",
    retryable: true,
  }),
  SpotHedger_StaleSpot: (args) => ({
    kind: "market",
    message: `The spot price is ${String(args.age)} s old; the hedger takes up to ${String(args.maxAge)} s.`,
    hint: oracleHint,
    retryable: true,
  }),
  SpotHedger_StaleSurface: (args) => ({
    kind: "market",
    message: `The volatility surface is ${String(args.age)} s old; the hedger takes up to ${String(args.maxAge)} s.`,
    hint: oracleHint,
    retryable: true,
  }),
  SpotHedger_Unconfirmed: () => ({
    kind: "market",
    message: "The market has moved further than one report may: the hedger waits for the next.",
    hint: oracleHint,
    retryable: true,
  }),
  SpotHedger_ExpiryPassed: (args) => ({
    kind: "market",
    message: `Options expired at ${timeOf(big(args, "expiry"))}, after the last report: what is left of the delta is not known yet.`,
    hint: oracleHint,
    retryable: true,
  }),
  SpotHedger_CapReached: (args, words) => ({
    kind: "market",
    message: `Hedges may trade ${money(big(args, "left"), words)} more now, and ${money(big(args, "wanted"), words)} would be needed.`,
    hint: "The allowance comes back within the hour.",
    retryable: true,
  }),
  SpotHedger_Reversed: () => ({
    kind: "market",
    message: "A hedge of this block went the other way.",
    retryable: true,
  }),
  SpotHedger_MeanTooFar: (args) => ({
    kind: "market",
    message: `Uniswap's mean price ${price(args, "meanWad")} is more than ${percent(big(args, "maxDistance"))} from the oracle's spot ${price(args, "spotWad")}.`,
    retryable: true,
  }),
  SpotHedger_NoMean: (args) => ({
    kind: "market",
    message: `The Uniswap pool does not remember the last ${String(args.meanSeconds)} s.`,
    hint: "Make room for its memory: `increaseObservationCardinalityNext` of the pool.",
  }),
  SpotHedger_PriceTooFar: (args) => ({
    kind: "market",
    message: `Uniswap's price ${price(args, "priceWad")} leaves nothing to trade up to ${price(args, "limitWad")}.`,
    retryable: true,
  }),
  SpotHedger_TooLittleFilled: (args, words) => ({
    kind: "market",
    message: `Uniswap has liquidity for ${money(big(args, "filled"), words)} within the price bound, and ${money(big(args, "least"), words)} are the least.`,
    retryable: true,
  }),
  SpotHedger_LedgerLocked: defect("The hedger was called from inside the ledger."),
  SpotHedger_NotUniswapPool: defect("The hedger was called back by somebody who is not its Uniswap pool."),
  SpotHedger_PriceExceeded: defect("The Uniswap pool asked for more than its price limit allows."),
  SpotHedger_Overshot: defect("The pool's delta changed while it was hedged."),
  SpotHedger_WrongPool: () => ({ kind: "usage", message: "This Uniswap pool trades other tokens." }),
  SpotHedger_CostAboveSpread: (args) => ({
    kind: "usage",
    message: `Hedges would cost up to ${percent(big(args, "cost"))}, and the pool charges ${percent(big(args, "deltaSpread"))} for a net delta.`,
  }),
  SpotHedger_InvalidParameters: () => ({ kind: "usage", message: "These parameters of hedging are out of bounds." }),

  // The oracle, as traders meet it
  MarketOracle_NoSurface: () => ({
    kind: "market",
    message: "The oracle has not reported yet.",
    hint: oracleHint,
    retryable: true,
  }),
  MarketOracle_UnknownExpiry: (args) => ({
    kind: "market",
    message: `Expiry ${dayOf(args)} is not listed.`,
    hint: chainHint,
  }),
  MarketOracle_NoRunningAverage: (args) => ({
    kind: "market",
    message: `${dayOf(args)} is inside its averaging window and the oracle has not reported the average.`,
    hint: oracleHint,
    retryable: true,
  }),

  // Margin
  Clearinghouse_StressLimit: (args, words) => ({
    kind: "funds",
    message: `In a crash twice as deep as the margin grid ${account(args, words)} would fail to pay ${money(big(args, "loss"), words)}, and all accounts together ${money(big(args, "total"), words)}; the insurance fund answers for ${money(big(args, "limit"), words)}.`,
    hint: "Pay in the missing collateral with `meniscus account deposit AMOUNT --account N`, or trade less.",
  }),

  Clearinghouse_TooManyBackstops: (args) => ({
    kind: "market",
    message: `At most ${String(args.max)} pools stand behind the insurance fund of a market.`,
  }),
  Clearinghouse_BackstopLiable: (args, words) => ({
    kind: "market",
    message: `Losses that are known may cost ${account(args, words)} ${money(big(args, "provision"), words)}: its backstop cap stays above that until they are settled.`,
    hint: settleHint,
    retryable: true,
  }),

  // Signed orders
  SignedOrders_WrongTaker: () => ({ kind: "market", message: "This order is signed for another taker." }),
  SignedOrders_Expired: (args) => ({
    kind: "market",
    message: `The order was good until ${timeOf(big(args, "deadline"))}.`,
    hint: "Ask its signer for a new one.",
  }),
  SignedOrders_NonceUsed: () => ({ kind: "market", message: "The order was filled or cancelled before." }),
  SignedOrders_WrongLegs: () => ({
    kind: "usage",
    message: "The legs are not those that were signed: an order is filled whole.",
  }),
  SignedOrders_InvalidSignature: (args) => ({
    kind: "key",
    message: `The order does not carry the signature of ${String(args.owner)}.`,
  }),
  SignedOrders_NotLedger: defect("The order book was called by somebody who is not the ledger."),

  // Signed trades: Permit2
  SignatureExpired: (args) => ({
    kind: "market",
    message: `The trade was signed until ${timeOf(big(args, "signatureDeadline"))}.`,
    hint: "Ask its signer for a new one.",
  }),
  InvalidNonce: () => ({ kind: "market", message: "The signed trade was brought before, or its signer cancelled it." }),
  InvalidAmount: (args, words) => ({
    kind: "market",
    message: `The swap costs more than the ${money(big(args, "maxAmount"), words)} that were permitted.`,
    hint: "Nothing was done. Wait for the price, or ask its signer for a new one.",
    retryable: true,
  }),
  InvalidSigner: notSigned,
  InvalidSignature: notSigned,
  InvalidSignatureLength: notSigned,
  InvalidContractSignature: notSigned,

  // Liquidations
  LiquidationAuction_LedgerLocked: defect("The auction was called from inside the ledger."),
  Clearinghouse_InvalidShare: defect("The auction named an impossible share."),
  LiquidationAuction_Healthy: (args, words) => ({
    kind: "market",
    message: `${account(args, words)} is healthy: nothing of it is for sale.`,
    hint: "`meniscus account show` says how far it is from liquidation.",
  }),
  LiquidationAuction_Unhealthy: (args, words) => ({
    kind: "market",
    message: `${account(args, words)} still lacks ${money(-big(args, "worst"), words)} of initial margin, or owes a settlement.`,
    hint: "Pay in with `meniscus account deposit AMOUNT --account N`.",
  }),
  LiquidationAuction_AlreadyStarted: (args, words) => ({
    kind: "market",
    message: `${account(args, words)} is up for auction since ${timeOf(big(args, "startedAt"))}.`,
  }),
  LiquidationAuction_NotStarted: (args, words) => ({
    kind: "market",
    message: `${account(args, words)} is not up for auction.`,
    hint: "Start it first.",
  }),
  LiquidationAuction_ShareTooSmall: (args) => ({
    kind: "usage",
    message: `A bid takes at least ${percent(big(args, "minShareWad"))} of the account.`,
  }),
  LiquidationAuction_StateChanged: () => ({
    kind: "market",
    message: "The account's positions have changed since you looked.",
    hint: "Nothing was done. Look again and bid for what is there.",
    retryable: true,
  }),
  LiquidationAuction_PriceLimitExceeded: (args, words) => ({
    kind: "market",
    message: `The whole account now ${priceOf(big(args, "price"), words)}, ${limitOf(big(args, "limitPrice"), words)}.`,
    hint: "Nothing was done. The price falls with time: wait, or give more room.",
    retryable: true,
  }),
  LiquidationAuction_TooLarge: (args, words) => ({
    kind: "market",
    message: `${account(args, words)} needs ${money(big(args, "requirement"), words)} of initial margin: pools take accounts of up to ${money(big(args, "max"), words)} at once, larger ones are for bidders.`,
  }),
  LiquidationAuction_TakeTooDear: (args, words) => ({
    kind: "market",
    message: `The pool asks for ${money(big(args, "cost"), words)} of the equity of ${account(args, words)}, which may lose ${money(big(args, "max"), words)}.`,
    hint: "Start the auction: what the account may lose grows as its price falls.",
  }),
  LiquidationAuction_NotAuthorized: (args, words) => ({
    kind: "key",
    message: `${String(args.caller)} may not bid for ${account(args, words)}: bidders use an account of their own, and nobody bids for himself.`,
  }),
  LiquidationAuction_InvalidTerms: () => ({ kind: "usage", message: "These terms of auctions are out of bounds." }),

  // The insurance fund
  InsuranceFund_ZeroAssets: () => ({ kind: "usage", message: "The amount is worth nothing." }),
  InsuranceFund_ZeroShares: () => ({ kind: "usage", message: "The amount buys no share." }),
  InsuranceFund_InsufficientStake: (args) => ({
    kind: "funds",
    message: `${amount(big(args, "available"), 18)} shares may leave, not ${amount(big(args, "asked"), 18)}.`,
    hint: "`meniscus insurance show` says what is cooling down.",
  }),
  InsuranceFund_CoolingDown: (args) => ({
    kind: "market",
    message: `The shares cool down until ${timeOf(big(args, "readyAt"))}.`,
  }),
  InsuranceFund_WindowLapsed: (args) => ({
    kind: "market",
    message: `The window to leave lapsed at ${timeOf(big(args, "lapsedAt"))}.`,
    hint: "Start the cooldown again: `meniscus insurance unstake`.",
  }),
  InsuranceFund_NoCooldown: () => ({
    kind: "market",
    message: "Shares of the insurance fund leave after a cooldown, and none has been started.",
    hint: "Start it: `meniscus insurance unstake`.",
  }),
  InsuranceFund_SharesLocked: (args) => ({
    kind: "market",
    message: `${amount(big(args, "locked"), 18)} shares are cooling down and cannot be transferred.`,
  }),
  InsuranceFund_NotLedger: defect("The fund was called by somebody who is not the ledger."),
  ERC4626ExceededMaxDeposit: () => ({
    kind: "market",
    message: "The insurance fund has lost nearly all it held and takes no stakes.",
  }),

  // Tokens
  ERC20InsufficientBalance: (args) => ({
    kind: "funds",
    message: `${String(args.sender)} does not hold enough of the token.`,
    hint: "Fund it, or name a smaller amount.",
  }),
  ERC20InsufficientAllowance: (args) => ({
    kind: "funds",
    message: `${String(args.spender)} is not allowed to take enough of the token.`,
    hint: "Approve it and try again.",
    retryable: true,
  }),
  ERC6909InsufficientBalance: (args) => ({
    kind: "funds",
    message: `${String(args.sender)} holds fewer of the options than needed.`,
    hint: "`meniscus positions` shows what is held.",
  }),
  AccessManagedUnauthorized: (args) => ({
    kind: "key",
    message: `${String(args.caller)} may not change this: it needs a role and its delay.`,
  }),
};

/** The names that have a sentence of their own. */
export const explainedErrors: ReadonlySet<string> = new Set(Object.keys(explanations));

/** `MarketOracle_TooFewSigners` and its numbers as a sentence, for errors without one of their own. */
function plainSentence(name: string, args: Arguments): string {
  const [component, fact] = name.includes("_") ? name.split("_", 2) : ["The contract", name];
  const words = (fact ?? name).replace(/([a-z0-9])([A-Z])/g, "$1 $2").toLowerCase();
  const numbers = Object.entries(args)
    .map(([key, value]) => `${key} ${String(value)}`)
    .join(", ");
  return `${component} refused: ${words}${numbers ? ` (${numbers})` : ""}.`;
}

/** `0x` and the four bytes that every custom error begins with. */
const SELECTOR_LENGTH = 10;

function property(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}

/** The revert data that a node handed over, wherever viem keeps it. */
function revertDataOf(error: BaseError): Hex | undefined {
  let found: Hex | undefined;
  error.walk((cause) => {
    const data = property(cause, "data");
    found = [property(cause, "raw"), data, property(data, "data")]
      .filter((value) => isHex(value))
      .find(({ length }) => length >= SELECTOR_LENGTH);
    return found !== undefined;
  });
  return found;
}

/** A revert's name and its arguments by name; undefined where no ABI knows it. */
export function decodeRevert(data: Hex): { readonly name: string; readonly args: Arguments } | undefined {
  try {
    const { errorName, args, abiItem } = decodeErrorResult({ abi: protocolErrors, data });
    const inputs: readonly AbiParameter[] = "inputs" in abiItem ? abiItem.inputs : [];
    const values: readonly unknown[] = Array.isArray(args) ? args : [];
    const named = inputs.map((input, index) => [input.name ?? String(index), values[index]]);
    return { name: errorName, args: Object.fromEntries(named) };
  } catch {
    return undefined;
  }
}

/**
 * A decoded revert as an error that a person reads.
 *
 * @example explainRevert("OptionPool_StaleSpot", { age: 40n, maxAge: 15n }, words).message
 * // "The spot price is 40 s old; the pool adds risk up to 15 s."
 */
export function explainRevert(name: string, args: Arguments, words: RevertWords, cause?: unknown): MeniscusError {
  const explain = explanations[name];
  if (explain) {
    const { kind, message, ...options } = explain(args, words);
    return new MeniscusError(kind, message, { ...options, cause });
  }
  const reason =
    name === "Error" ? `The contract refused: ${String(args[0] ?? args.message)}.` : plainSentence(name, args);
  return new MeniscusError("market", reason, { cause });
}

/** Whether the node refused the call with a custom error of the protocol, and which. */
export function revertNameOf(error: unknown): string | undefined {
  if (error instanceof MeniscusError) return error.cause === undefined ? undefined : revertNameOf(error.cause);
  if (!(error instanceof BaseError)) return undefined;
  const data = revertDataOf(error);
  return data === undefined ? undefined : decodeRevert(data)?.name;
}

/** Whatever a call to the chain threw, as an error that a person reads. */
export function decodeChainError(error: unknown, words: RevertWords): MeniscusError {
  if (error instanceof MeniscusError) return error;
  if (!(error instanceof BaseError)) {
    const message = error instanceof Error ? (error.message.split("\n")[0] ?? error.name) : String(error);
    return new MeniscusError("internal", message, { cause: error });
  }
  const data = revertDataOf(error);
  const decoded = data === undefined ? undefined : decodeRevert(data);
  if (decoded) return explainRevert(decoded.name, decoded.args, words, error);
  return explainTransport(error, words);
}

function explainTransport(error: BaseError, words: RevertWords): MeniscusError {
  const is = (kind: abstract new (...args: never[]) => Error) => error.walk((cause) => cause instanceof kind) !== null;
  if (is(InsufficientFundsError)) {
    return new MeniscusError("funds", "The account has no ether to pay for gas.", {
      hint: "Send it some, or use another account: --as NAME.",
      cause: error,
    });
  }
  const detail = (error.details || error.shortMessage).split("\n")[0] ?? error.name;
  if (is(ContractFunctionRevertedError) || /revert/i.test(detail)) {
    return new MeniscusError("market", `The contract refused: ${detail}.`, { cause: error });
  }
  if (is(RpcRequestError)) {
    return new MeniscusError("network", `${words.rpcUrl} refused the request: ${detail}`, { cause: error });
  }
  if (is(TimeoutError) || is(HttpRequestError) || is(WebSocketRequestError)) {
    return new MeniscusError("network", `No answer from ${words.rpcUrl}.`, {
      hint: "Start a local market with `npm start`, or pass --rpc URL.",
      retryable: true,
      cause: error,
    });
  }
  return new MeniscusError("market", error.shortMessage.split("\n")[0] ?? error.name, { cause: error });
}
