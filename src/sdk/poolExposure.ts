import { essviTotalVariance } from "../../pricing/essvi.ts";
import { black76Greeks } from "../../pricing/greeks.ts";
import { effectiveSeconds } from "../../pricing/surface.ts";
import { logMoneyness, price, SECONDS_PER_YEAR, stdDev, yearsFromSeconds } from "../../pricing/units.ts";
import { clearinghouseAbi, optionPoolAbi } from "../chain/abis.ts";
import { expiryName } from "../chain/optionId.ts";
import { type BookPosition, bookProfit, type PoolBook, readBook } from "./bookScenario.ts";
import { type Connection, inWords, type Pool, toTokens } from "./client.ts";
import { type PoolView, readPool } from "./lp.ts";

/** What a part of the pool's book is worth and how it moves, as the pool has it: long positive; quote tokens. */
export interface Exposure {
  readonly value: number;
  /** Units of the underlying. */
  readonly delta: number;
  /** By how much delta changes where spot moves by 1 %. */
  readonly gamma: number;
  /** A day. */
  readonly theta: number;
  /** A volatility point. */
  readonly vega: number;
}

export interface StrikeExposure extends Exposure {
  readonly strike: number;
  readonly calls: number;
  readonly puts: number;
  readonly volatility: number;
}

export interface ExpiryExposure extends Exposure {
  readonly name: string;
  /** Unix seconds. */
  readonly expiry: number;
  readonly days: number;
  readonly forward: number;
  /** At the money. */
  readonly volatility: number;
  readonly contracts: number;
  readonly strikes: readonly StrikeExposure[];
}

/** How much of a limit is used; beyond it the pool adds no risk of that kind. */
export interface LimitUse {
  readonly name: string;
  readonly used: number;
  readonly limit: number;
  readonly unit: string;
}

/** A pool's book in full. */
export interface PoolExposure {
  readonly pool: PoolView;
  /** Of the pool's account, quote tokens. */
  readonly cash: number;
  /** Base tokens that hedge. */
  readonly base: number;
  /** What redemptions may take in all, and at the next mark; quote tokens. */
  readonly freeLiquidity: number;
  readonly payableAtMark: number;
  /** No risk is added at all. */
  readonly reduceOnly: boolean;
  /** Contracts of expiries that wait for their settlement. */
  readonly expired: number;
  readonly expiries: readonly ExpiryExposure[];
  /** Options and base. */
  readonly total: Exposure;
  readonly limits: readonly LimitUse[];
  /** Profit by the move of spot, a share, at once and after a week without trades and hedges; quote tokens. */
  readonly profits: readonly { readonly spotShock: number; readonly now: number; readonly inAWeek: number }[];
}

const DAY = 86_400;
const MONTH = 30 * DAY;
const SHOCKS = Array.from({ length: 25 }, (_, i) => (i - 12) * 0.025);
const BUCKETS = ["front", "middle", "back"] as const;

/** Reads the book of a pool by expiry and strike, its Greeks, what it may pay out, and how much of its limits is used. */
export async function readPoolExposure(connection: Connection, pool: Pool): Promise<PoolExposure> {
  const { client, deployment } = connection;
  const ledger = { address: deployment.clearinghouse, abi: clearinghouseAbi } as const;
  const optionPool = { address: pool.optionPool, abi: optionPoolAbi } as const;
  const [view, book, [cashUnits, requirementUnits, parameters, [inventory], flow]] = await Promise.all([
    readPool(connection, pool),
    readBook(connection, pool),
    inWords(connection, () =>
      Promise.all([
        client.readContract({ ...ledger, functionName: "cash", args: [pool.account] }),
        client.readContract({ ...ledger, functionName: "requirement", args: [pool.account] }),
        client.readContract({ ...optionPool, functionName: "parameters" }),
        client.readContract({ ...optionPool, functionName: "inventory" }),
        client.readContract({ ...optionPool, functionName: "flow", blockTag: "pending" }),
      ]),
    ),
  ]);
  const cash = toTokens(connection, cashUnits);
  const requirement = Math.max(0, toTokens(connection, requirementUnits));
  const share = (word: bigint) => Number(word) / 1e18;
  const utilisationLimit = share(parameters.utilisationLimit);
  const isFlat = book.positions.length === 0 && book.expired === 0;
  const freeLiquidity = isFlat
    ? cash
    : Math.max(0, Math.min(cash - requirement, view.nav - requirement / utilisationLimit));
  const expiries = byExpiry(book);
  const nav = Math.max(view.nav, toTokens(connection, parameters.navFloor));
  const perPoint = `${view.quoteSymbol} a vol point`;
  const vegaLimit = (nav * share(parameters.vegaLimit)) / 100;
  const fullest = (pick: (expiry: ExpiryExposure) => number) => {
    const best = expiries.toSorted((a, b) => Math.abs(pick(b)) - Math.abs(pick(a)))[0];
    return best && { name: best.name, used: pick(best) };
  };
  const vegaOf = ({ vega, days }: ExpiryExposure) => vega * Math.sqrt(MONTH / (days * DAY));
  const ofExpiry = (what: string, found: ReturnType<typeof fullest>, limit: number, unit: string): LimitUse[] =>
    found ? [{ name: `${what} of ${found.name}`, used: found.used, limit, unit }] : [];
  return {
    pool: view,
    cash,
    base: book.base,
    freeLiquidity,
    payableAtMark: isFlat ? cash : freeLiquidity * share(parameters.redemptionShare),
    reduceOnly: parameters.reduceOnly,
    expired: book.expired,
    expiries,
    total: added([...expiries, { value: book.base * book.spot, delta: book.base, gamma: 0, theta: 0, vega: 0 }]),
    limits: [
      ...BUCKETS.map((bucket, i) => ({
        name: `${bucket} vega`,
        used: -Number(inventory[i]) / 1e8,
        limit: vegaLimit,
        unit: perPoint,
      })),
      ...ofExpiry("vega", fullest(vegaOf), (nav * share(parameters.expiryVegaLimit)) / 100, perPoint),
      {
        name: "delta",
        used: -Number(inventory[3]) / 1e6,
        limit: (nav * share(parameters.deltaLimit)) / view.spot,
        unit: view.symbol,
      },
      ...ofExpiry(
        "gamma",
        fullest(({ gamma }) => gamma),
        (nav * share(parameters.expiryGammaLimit)) / 100 / view.spot,
        `${view.symbol} a per cent`,
      ),
      { name: "vega taken lately", used: -100 * share(flow[0]), limit: 100, unit: "%" },
      { name: "delta taken lately", used: -100 * share(flow[1]), limit: 100, unit: "%" },
      { name: "margin over value", used: 100 * view.utilisation, limit: 100 * utilisationLimit, unit: "%" },
      { name: "age of spot", used: view.oracle.spotAge, limit: parameters.maxSpotAge, unit: "s" },
      { name: "age of the surface", used: view.oracle.surfaceAge, limit: parameters.maxSurfaceAge, unit: "s" },
    ],
    profits: SHOCKS.map((spotShock) => ({
      spotShock,
      now: bookProfit(book, { spot: spotShock, volatility: 0, days: 0 }),
      inAWeek: bookProfit(book, { spot: spotShock, volatility: 0, days: 7 }),
    })),
  };
}

function byExpiry({ positions }: PoolBook): readonly ExpiryExposure[] {
  const times = [...new Set(positions.map(({ board }) => board.expiry))].toSorted((a, b) => a - b);
  return times.map((time) => {
    const held = positions.filter(({ board }) => board.expiry === time).toSorted((a, b) => a.strike - b.strike);
    const { board } = held[0]!;
    const strikes = held.map(strikeExposure);
    return {
      name: expiryName(time),
      expiry: time,
      days: board.tenor / DAY,
      forward: board.forward,
      volatility: board.volatility,
      contracts: strikes.reduce((sum, { calls, puts }) => sum + Math.abs(calls) + Math.abs(puts), 0),
      ...added(strikes),
      strikes,
    };
  });
}

/** Calls and puts of one strike, by Black-76 in floating point. */
export function strikeExposure({ expiry, strike, calls, puts }: BookPosition): StrikeExposure {
  const { forward, tenor } = expiry;
  const effective = yearsFromSeconds(effectiveSeconds(tenor));
  const deviation = Math.sqrt(essviTotalVariance(expiry, logMoneyness(Math.log(strike / forward))));
  const greeks = (kind: "call" | "put") =>
    black76Greeks({
      forward: price(forward),
      strike: price(strike),
      stdDev: stdDev(deviation),
      years: effective,
      kind,
    });
  const [call, put] = [greeks("call"), greeks("put")];
  const contracts = calls + puts;
  return {
    strike,
    calls,
    puts,
    volatility: effective === 0 ? 0 : deviation / Math.sqrt(effective),
    value: calls * call.price + puts * put.price,
    delta: calls * call.delta + puts * put.delta,
    gamma: (contracts * call.gamma * forward) / 100,
    theta: (contracts * call.theta * DAY) / SECONDS_PER_YEAR,
    vega: (contracts * call.vega) / 100,
  };
}

function added(exposures: readonly Exposure[]): Exposure {
  const sum = (pick: (exposure: Exposure) => number) =>
    exposures.reduce((total, exposure) => total + pick(exposure), 0);
  return {
    value: sum(({ value }) => value),
    delta: sum(({ delta }) => delta),
    gamma: sum(({ gamma }) => gamma),
    theta: sum(({ theta }) => theta),
    vega: sum(({ vega }) => vega),
  };
}
