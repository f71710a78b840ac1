import type { ContractFunctionReturnType } from "viem";
import { black76PriceDeltaVegaKnownLn, essviStdDev, lnWad } from "../../pricing/fixed/index.ts";
import { impliedStdDev } from "../../pricing/impliedVolatility.ts";
import { price, SECONDS_PER_YEAR } from "../../pricing/units.ts";
import { clearinghouseAbi, marketOracleAbi, optionPoolAbi } from "../chain/abis.ts";
import { decodeChainError, revertNameOf } from "../chain/decodeError.ts";
import { expiryName, type OptionKind, optionName, SIZE_UNIT, toOptionId, toStrikeE6 } from "../chain/optionId.ts";
import { MeniscusError } from "../runtime/errors.ts";
import { type Connection, inWords, type Pool } from "./client.ts";

const MOMENT_NOW = 1;
const WAD = 10n ** 18n;

type BoardWords = ContractFunctionReturnType<typeof marketOracleAbi, "view", "boards">[1][number];

/** One expiry of the surface as it stands now. */
export interface ExpiryBoard {
  readonly expiry: number;
  /** Seconds to expiry. */
  readonly tenor: number;
  readonly forward: number;
  /** At the money, per √year: 0.6 is 60 %. */
  readonly volatility: number;
  readonly skew: number;
  /** False where the last report's slice was refused. */
  readonly fresh: boolean;
  /** The slice as the contracts read it. */
  readonly words: BoardWords;
}

/** Oracle clocks and every live expiry. */
export interface Surface {
  readonly marketId: number;
  readonly round: number;
  readonly spot: number;
  /** Model time of the surface and of the freshest spot, Unix seconds. */
  readonly surfaceTime: number;
  readonly spotTime: number;
  /** Time on chain now. */
  readonly now: number;
  readonly expiries: readonly ExpiryBoard[];
}

/** An option's value on the surface, as the pool computes it before spread and impact. */
export interface OptionValue {
  readonly mid: number;
  readonly volatility: number;
  readonly delta: number;
  /** Price change per volatility point. */
  readonly vega: number;
}

/** Reads the surface of a market at the pending block. */
export async function readSurface(connection: Connection, marketId: number): Promise<Surface> {
  const { client, deployment } = connection;
  const oracle = { address: deployment.marketOracle, abi: marketOracleAbi, blockTag: "pending" } as const;
  return await inWords(connection, async () => {
    const [listed, block] = await Promise.all([
      client.readContract({ ...oracle, functionName: "expiries", args: [marketId] }),
      client.getBlock({ blockTag: "pending" }),
    ]);
    const now = Number(block.timestamp);
    const live = listed.filter((expiry) => expiry > now);
    const [state, boards] = await client.readContract({
      ...oracle,
      functionName: "boards",
      args: [marketId, live, MOMENT_NOW],
    });
    if (state.round === 0) {
      throw new MeniscusError("market", "The oracle has not reported yet.", {
        hint: "Try again in a moment.",
        retryable: true,
      });
    }
    return {
      marketId,
      round: state.round,
      spot: Number(state.spotWad) / 1e18,
      surfaceTime: state.surfaceTime,
      spotTime: state.spotTime,
      now,
      expiries: boards.map((words) => ({
        expiry: words.expiry,
        tenor: words.expiry - now,
        forward: Number(words.forwardWad) / 1e18,
        volatility: perYear(Math.sqrt(Number(words.thetaWad) / 1e18), words),
        skew: Number(words.rhoWad) / 1e18,
        fresh: words.fresh,
        words,
      })),
    };
  });
}

/** σ from v = σ√τ. */
function perYear(stdDev: number, { effectiveSeconds }: BoardWords): number {
  return effectiveSeconds === 0n ? 0 : stdDev / Math.sqrt(Number(effectiveSeconds) / SECONDS_PER_YEAR);
}

/** Mid, volatility, delta and vega of one option: the contract's own arithmetic, by its bit-exact twin. */
export function valueOption(board: ExpiryBoard, strike: number, kind: OptionKind): OptionValue {
  const { forwardWad, thetaWad, psiWad, rhoWad, effectiveSeconds } = board.words;
  const strikeWad = toStrikeE6(strike) * 10n ** 12n;
  const kWad = lnWad((strikeWad * WAD) / forwardWad);
  const stdDevWad = essviStdDev({ kWad, thetaWad, rhoWad, psiWad });
  const value = black76PriceDeltaVegaKnownLn({ forwardWad, strikeWad, stdDevWad, lnStrikeOverForwardWad: kWad });
  const rootYears = Math.sqrt(Number(effectiveSeconds) / SECONDS_PER_YEAR);
  return {
    mid: Number(kind === "call" ? value.callWad : value.putWad) / 1e18,
    volatility: perYear(Number(stdDevWad) / 1e18, board.words),
    delta: Number(kind === "call" ? value.callDeltaWad : value.callDeltaWad - WAD) / 1e18,
    vega: ((Number(value.vegaWad) / 1e18) * rootYears) / 100,
  };
}

/** Volatility at which Black-76 gives `premium`; null where there is none. */
export function volatilityOfPremium(
  board: ExpiryBoard,
  strike: number,
  kind: OptionKind,
  premium: number,
): number | null {
  try {
    const input = { price: price(premium), forward: price(board.forward), strike: price(strike), kind };
    return perYear(impliedStdDev(input), board.words);
  } catch {
    return null; // below intrinsic or above the forward: no volatility gives this price
  }
}

/**
 * Finds one expiry of the surface.
 *
 * @throws MeniscusError `market` with what is listed, where it is not.
 */
export function findBoard(surface: Surface, expiry: number): ExpiryBoard {
  const board = surface.expiries.find((candidate) => candidate.expiry === expiry);
  if (board) return board;
  const listed = surface.expiries.map((candidate) => expiryName(candidate.expiry)).join(", ");
  if (expiry <= surface.now) {
    throw new MeniscusError("market", `${expiryName(expiry)} has expired.`, {
      hint: `Listed are ${listed}. \`meniscus redeem\` pays settled options.`,
    });
  }
  throw new MeniscusError("market", `Expiry ${expiryName(expiry)} is not listed.`, {
    hint: `Listed are ${listed}.`,
  });
}

/** What the pool asks and bids for one contract of one option; null where it does not quote, with the reason. */
export interface OptionQuote extends OptionValue {
  readonly name: string;
  readonly strike: number;
  readonly kind: OptionKind;
  readonly bid: number | null;
  readonly ask: number | null;
  readonly bidVolatility: number | null;
  readonly askVolatility: number | null;
  /** Why there is no ask. */
  readonly refused: string | null;
}

export interface ChainRow {
  readonly strike: number;
  readonly call: OptionQuote;
  readonly put: OptionQuote;
}

/** One expiry of the option chain. */
export interface ExpiryChain {
  readonly expiry: string;
  readonly expiresAt: number;
  readonly days: number;
  readonly forward: number;
  readonly volatility: number;
  readonly fresh: boolean;
  readonly rows: readonly ChainRow[];
}

/** Strikes on the grid within `deviations` standard deviations of the forward, thinned to at most `count`. */
export function strikesAround(board: ExpiryBoard, step: number, count: number, deviations = 1.75): readonly number[] {
  const stdDev = Math.sqrt(Number(board.words.thetaWad) / 1e18);
  const lowest = Math.max(1, Math.ceil((board.forward * Math.exp(-deviations * stdDev)) / step));
  const highest = Math.max(lowest, Math.floor((board.forward * Math.exp(deviations * stdDev)) / step));
  const nearest = Math.round(board.forward / step);
  // Every n-th strike, n a number that keeps strikes round, as near to the wanted count as can be.
  const total = highest - lowest + 1;
  const strides = [1, 2, 4, 8, 10, 20, 40, 80, 100, 200, 400];
  const distance = (stride: number) => Math.abs(Math.log(total / stride / count));
  const stride = strides.reduce((best, candidate) => (distance(candidate) < distance(best) ? candidate : best));
  const centre = Math.round(nearest / stride) * stride;
  const half = Math.ceil(total / stride);
  const strikes = Array.from({ length: 2 * half + 1 }, (_, i) => centre + (i - half) * stride);
  const inside = strikes.filter((multiple) => multiple >= lowest && multiple <= highest);
  return (inside.length > 0 ? inside : [Math.max(1, nearest)]).map((multiple) => multiple * step);
}

/** Distance between listed strikes, in quote tokens. */
export async function readStrikeStep(connection: Connection, marketId: number): Promise<number> {
  const { client, deployment } = connection;
  const market = await inWords(connection, () =>
    client.readContract({
      address: deployment.clearinghouse,
      abi: clearinghouseAbi,
      functionName: "market",
      args: [marketId],
    }),
  );
  return market.strikeStepE6 / 1e6;
}

/**
 * The option chain of a pool: bid and ask for one contract, volatility and delta, at the pending block.
 *
 * @param options.expiry One expiry only, Unix seconds.
 * @param options.strikes About how many strikes an expiry.
 */
export async function readOptionChain(
  connection: Connection,
  pool: Pool,
  options: { readonly expiry?: number | undefined; readonly strikes: number },
): Promise<readonly ExpiryChain[]> {
  const [surface, step] = await Promise.all([
    readSurface(connection, pool.marketId),
    readStrikeStep(connection, pool.marketId),
  ]);
  const boards = options.expiry === undefined ? surface.expiries : [findBoard(surface, options.expiry)];
  return await Promise.all(
    boards.map(async (board) => ({
      expiry: expiryName(board.expiry),
      expiresAt: board.expiry,
      days: board.tenor / 86_400,
      forward: board.forward,
      volatility: board.volatility,
      fresh: board.fresh,
      rows: await Promise.all(
        strikesAround(board, step, options.strikes).map(async (strike) => ({
          strike,
          call: await quoteOption(connection, pool, board, strike, "call"),
          put: await quoteOption(connection, pool, board, strike, "put"),
        })),
      ),
    })),
  );
}

async function quoteOption(
  connection: Connection,
  pool: Pool,
  board: ExpiryBoard,
  strike: number,
  kind: OptionKind,
): Promise<OptionQuote> {
  const option = toOptionId({ marketId: pool.marketId, expiry: board.expiry, strike, kind });
  const [buying, selling] = await Promise.all([
    quoteOne(connection, pool, option, SIZE_UNIT),
    quoteOne(connection, pool, option, -SIZE_UNIT),
  ]);
  const ask = "cash" in buying ? buying.cash : null;
  const bid = "cash" in selling ? -selling.cash : null;
  return {
    name: optionName(pool.market.symbol, { expiry: board.expiry, strike, kind }),
    strike,
    kind,
    ...valueOption(board, strike, kind),
    bid,
    ask,
    bidVolatility: bid === null ? null : volatilityOfPremium(board, strike, kind, bid),
    askVolatility: ask === null ? null : volatilityOfPremium(board, strike, kind, ask),
    refused: "refused" in buying ? buying.refused : null,
  };
}

/** Cash in quote tokens for one contract, or why the pool refuses. Anything but a refusal is thrown. */
async function quoteOne(
  { client, deployment, words }: Connection,
  pool: Pool,
  option: bigint,
  size: bigint,
): Promise<{ readonly cash: number } | { readonly refused: string }> {
  try {
    const { cash } = await client.readContract({
      address: pool.optionPool,
      abi: optionPoolAbi,
      functionName: "quote",
      args: [[{ option, size }], false],
      blockTag: "pending",
    });
    return { cash: Number(cash) / 10 ** deployment.quoteDecimals };
  } catch (error) {
    const readable = decodeChainError(error, words);
    if (revertNameOf(error) === undefined) throw readable;
    return { refused: readable.message };
  }
}
