import { black76 } from "../../pricing/black76.ts";
import { essviTotalVariance } from "../../pricing/essvi.ts";
import { effectiveSeconds } from "../../pricing/surface.ts";
import { logMoneyness, price, stdDev } from "../../pricing/units.ts";
import { clearinghouseAbi } from "../chain/abis.ts";
import { fromOptionId, fromSize, fromStrikeWord } from "../chain/optionId.ts";
import { type Connection, inWords, type Pool } from "./client.ts";
import { type ExpiryBoard, findBoard, readSurface, type Surface } from "./optionChain.ts";

/** One expiry as it stands now: eSSVI in plain numbers, seconds to expiry. */
export interface BookExpiry {
  readonly tenor: number;
  readonly forward: number;
  readonly theta: number;
  readonly psi: number;
  readonly rho: number;
}

/** Contracts of one strike, long positive. */
export interface BookPosition {
  readonly expiry: BookExpiry;
  readonly strike: number;
  readonly calls: number;
  readonly puts: number;
}

/** Positions, and units of the underlying held. */
export interface Book {
  readonly spot: number;
  readonly base: number;
  readonly positions: readonly BookPosition[];
}

/** What happens: shares of spot and of every volatility, and days that pass before. */
export interface BookShock {
  readonly spot: number;
  readonly volatility: number;
  readonly days: number;
}

const DAY = 86_400;

/**
 * What a book gains or loses, quote tokens: every option revalued with its forward moved as spot, the smile moving along, its volatility
 * scaled, its time shortened; what expires meanwhile is worth its payoff at the moved forward. Nobody trades or hedges meanwhile.
 */
export function bookProfit({ spot, base, positions }: Book, shock: BookShock): number {
  const options = positions.reduce((sum, position) => sum + worth(position, shock) - worth(position, none), 0);
  return options + base * spot * shock.spot;
}

const none: BookShock = { spot: 0, volatility: 0, days: 0 };

function worth({ expiry, strike, calls, puts }: BookPosition, shock: BookShock): number {
  const forward = price(expiry.forward * (1 + shock.spot));
  const left = expiry.tenor - shock.days * DAY;
  const lnRatio = Math.log(strike / forward);
  const share = left <= 0 ? 0 : effectiveSeconds(left) / effectiveSeconds(expiry.tenor);
  const variance = essviTotalVariance(expiry, logMoneyness(lnRatio)) * share;
  const deviation = stdDev(Math.sqrt(variance) * Math.max(0, 1 + shock.volatility));
  const value = (kind: "call" | "put") => black76({ forward, strike: price(strike), stdDev: deviation, kind });
  return (calls === 0 ? 0 : calls * value("call")) + (puts === 0 ? 0 : puts * value("put"));
}

/** A grid of shocks and what the book of a pool does in each. */
export interface BookScenarios {
  readonly pool: string;
  readonly quoteSymbol: string;
  readonly symbol: string;
  readonly spot: number;
  /** NAV at the last mark. */
  readonly nav: number;
  readonly days: number;
  readonly rows: readonly {
    readonly spotShock: number;
    /** By volatility shock, in the order of `volatilityShocks`. */
    readonly profits: readonly number[];
  }[];
  readonly volatilityShocks: readonly number[];
}

export const SPOT_SHOCKS = [-0.3, -0.2, -0.1, -0.05, 0, 0.05, 0.1, 0.2, 0.3] as const;
export const VOLATILITY_SHOCKS = [-0.3, 0, 0.45] as const;

/** The open book of a pool, live expiries alone, and the surface it stands on. */
export interface PoolBook extends Book {
  readonly surface: Surface;
  readonly positions: readonly (BookPosition & { readonly board: ExpiryBoard })[];
  /** Contracts of expiries that wait for their settlement. */
  readonly expired: number;
}

export async function readBook(connection: Connection, pool: Pool): Promise<PoolBook> {
  const { client, deployment } = connection;
  const ledger = { address: deployment.clearinghouse, abi: clearinghouseAbi, blockTag: "pending" } as const;
  return await inWords(connection, async () => {
    const [surface, words, base] = await Promise.all([
      readSurface(connection, pool.marketId),
      client.readContract({ ...ledger, functionName: "strikes", args: [pool.account] }),
      client.readContract({ ...ledger, functionName: "base", args: [pool.account, pool.marketId] }),
    ]);
    const held = words.map(fromStrikeWord).map(({ key, calls, puts }) => {
      return { ...fromOptionId(key << 8n), calls: fromSize(calls), puts: fromSize(puts) };
    });
    const expired = held.filter(({ expiry }) => expiry <= surface.now);
    return {
      surface,
      spot: surface.spot,
      base: Number(base) / 10 ** pool.market.baseDecimals,
      expired: expired.reduce((sum, { calls, puts }) => sum + Math.abs(calls) + Math.abs(puts), 0),
      positions: held
        .filter(({ expiry }) => expiry > surface.now)
        .map(({ expiry, strike, calls, puts }) => {
          const board = findBoard(surface, expiry);
          const { thetaWad, psiWad, rhoWad } = board.words;
          const slice = { theta: Number(thetaWad) / 1e18, psi: Number(psiWad) / 1e18, rho: Number(rhoWad) / 1e18 };
          return { board, expiry: { tenor: board.tenor, forward: board.forward, ...slice }, strike, calls, puts };
        }),
    };
  });
}

/** Reads the open book of a pool and works out the grid. */
export async function readBookScenarios(
  connection: Connection,
  pool: Pool,
  nav: number,
  days: number,
): Promise<BookScenarios> {
  const book = await readBook(connection, pool);
  return {
    pool: pool.name,
    quoteSymbol: connection.deployment.quoteSymbol,
    symbol: pool.market.symbol,
    spot: book.spot,
    nav,
    days,
    volatilityShocks: VOLATILITY_SHOCKS,
    rows: SPOT_SHOCKS.map((spotShock) => ({
      spotShock,
      profits: VOLATILITY_SHOCKS.map((volatility) => bookProfit(book, { spot: spotShock, volatility, days })),
    })),
  };
}
