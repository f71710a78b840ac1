import { maxUint128 } from "viem";
import type { HedgeRules, PoolRules } from "../../pricing/fixed/index.ts";

const DAY = 86_400;

/** A decimal number as WAD; exact to 1e-12. */
export function wad(value: number): bigint {
  return BigInt(Math.round(value * 1e12)) * 10n ** 6n;
}

/**
 * One scenario of a margin grid: shocks as shares (0.2 is +20 %), weight as a share of the loss that counts. With f = min(√(30 d/τ), 3)
 * volatilities move by f·volatility, `inverted` by (f − 1)·volatility.
 */
export interface Scenario {
  readonly spot: number;
  readonly volatility: number;
  readonly inverted?: boolean;
  readonly weight: number;
}

/** Packs scenarios as `ScenarioGrid.sol` reads them: spot and volatility in ‰ (12 bits each), inverted, weight in % (7 bits). */
export function packGrid(scenarios: readonly Scenario[]): readonly [bigint, bigint, bigint] {
  const words: [bigint, bigint, bigint] = [0n, 0n, 0n];
  if (scenarios.length > 24) throw new RangeError(`a grid holds at most 24 scenarios, not ${scenarios.length}`);
  scenarios.forEach(({ spot, volatility, inverted, weight }, index) => {
    const lane =
      (BigInt.asUintN(12, BigInt(Math.round(spot * 1000))) << 20n) |
      (BigInt.asUintN(12, BigInt(Math.round(volatility * 1000))) << 8n) |
      (inverted ? 1n << 7n : 0n) |
      BigInt(Math.round(weight * 100));
    const word = Math.floor(index / 8);
    words[word as 0 | 1 | 2] |= lane << BigInt((index % 8) * 32);
  });
  return words;
}

/**
 * Spot × volatility, both inversions of the term structure, damped tails; `width` scales the shocks. The present comes first, spots
 * stand together. At ±10 % of spot the present volatility is left out: the shocked ones stand on both sides of it.
 */
function grid(width: number): readonly Scenario[] {
  const scaled = (spot: number, volatility: number, weight = 1) => ({
    spot: spot * width,
    volatility: volatility * width,
    weight,
  });
  const volatilities = [0, -0.3, 0.45];
  return [
    ...volatilities.map((volatility) => scaled(0, volatility)),
    ...[0.45, -0.3].map((volatility) => ({ ...scaled(0, volatility), inverted: true })),
    ...volatilities.map((volatility) => scaled(-0.2, volatility)),
    ...[-0.1, 0.1].flatMap((spot) => [-0.3, 0.45].map((volatility) => scaled(spot, volatility))),
    ...volatilities.map((volatility) => scaled(0.2, volatility)),
    ...[-0.5, 0.6].map((spot) => scaled(spot, 0.45, 0.35)),
  ];
}

/**
 * Margin grids of a market: 17 scenarios, wide to open, two thirds as wide to be liquidated. Beside them 1 % of spot a short contract,
 * 10 volatility points per k/√τ of 1 √year for the smile's slope (4 at 25 delta), 0.3 % of spot for each expiry's basis.
 */
export const defaultGrids = {
  initial: packGrid(grid(1)),
  maintenance: packGrid(grid(2 / 3)),
  contingencies: { shortWad: wad(0.01), skewWad: wad(0.1), basisWad: wad(0.003) },
} as const;

/** `PoolParameters` of `IOptionPool.sol`: rates and ratios in WAD, times in seconds. */
export interface PoolParameters extends PoolRules {
  readonly takeSpread: bigint;
  readonly takeLimit: bigint;
}

/** κ_V with κ on its diagonal: buckets next to each other correlate by 0.8, the outer by 0.5. */
export function vegaPotentialOf(kappa: number): PoolParameters["vegaPotential"] {
  return [wad(kappa), wad(0.8 * kappa), wad(0.5 * kappa), wad(kappa), wad(0.8 * kappa), wad(kappa)];
}

/** Parameters of a pool, from the simulation that design §11 quotes: a place to start. */
export function defaultPoolParameters(quoteDecimals: number): PoolParameters {
  return {
    vegaPotential: vegaPotentialOf(0.15), // V = NAV/2 moves volatility by 7.5 points
    deltaPotential: wad(0.035), // 35 bp of spot per 10 % of NAV
    netVegaSpread: wad(0.005), // half a volatility point
    grossVegaSpread: wad(0.001),
    notionalSpread: wad(0.0004), // 4 bp of spot
    deltaSpread: wad(0.0011), // what a hedge costs at worst: `maxCost` and `bountyRate` of the hedger
    ageMultiplier: wad(2.5),
    volOfVol: wad(0.5),
    feeRate: wad(0.0003), // 3 bp of spot …
    feeCap: wad(0.125), // … but at most an eighth of the premium
    maxDelta: wad(0.8),
    minDelta: wad(0.03),
    vegaLimit: wad(1),
    deltaLimit: wad(1),
    expiryVegaLimit: wad(0.7),
    expiryGammaLimit: wad(20), // 1 % of spot moves the delta of an expiry by a fifth of NAV
    vegaFlowLimit: wad(0.3), // within a minute, see `flowSeconds`
    deltaFlowLimit: wad(0.5),
    utilisationLimit: wad(0.8),
    redemptionShare: wad(0.5),
    takeSpread: wad(0.002), // 20 bp of spot for accounts under liquidation …
    takeLimit: wad(0.05), // … of at most a twentieth of NAV a block
    markBountyRate: 10n ** BigInt(quoteDecimals) / 2n, // half a quote token for each hour
    navFloor: 10_000n * 10n ** BigInt(quoteDecimals),
    minTenor: 2 * DAY,
    maxTenor: 400 * DAY,
    maxSpotAge: 15,
    maxSurfaceAge: 300,
    worseOfSeconds: 12,
    frontTenor: 14 * DAY,
    middleTenor: 60 * DAY,
    flowSeconds: 60,
    reduceOnly: false,
  };
}

/** `HedgerParameters` of `ISpotHedger.sol`: rates and shares in WAD, amounts in quote units, times in seconds. */
export interface HedgerParameters extends HedgeRules {
  readonly maxMeanDistance: bigint;
  readonly meanSeconds: number;
}

/**
 * How a pool is hedged on Uniswap's 0.05 % pool: a place to start. Short a fifth of NAV in thirty-day options at the money, the band is
 * about what a day's move makes of their delta. A pool's `deltaSpread` has to cover `maxCost` and `bountyRate` together.
 */
export function defaultHedgerParameters(quoteDecimals: number): HedgerParameters {
  const one = 10n ** BigInt(quoteDecimals);
  return {
    aversion: wad(30),
    volatility: wad(0.6),
    minBand: wad(0.005),
    maxBand: wad(0.05),
    maxCost: wad(0.001), // 5 bp of Uniswap's fee and 5 bp of price
    maxMeanDistance: wad(0.01),
    blockShare: wad(0.2),
    hourShare: wad(1),
    bountyShare: wad(0.1),
    bountyRate: wad(0.0001), // at most 1 bp of what is traded
    maxBounty: 10n * one,
    fixedCost: one / 2n,
    minNotional: 500n * one,
    horizon: 3_600,
    meanSeconds: 60,
    maxSpotAge: 30,
    maxSurfaceAge: 300,
  };
}

/** What of `Market` in `IClearinghouse.sol` is a number: sizes in 1e-6, shares in basis points, amounts in the tokens' units. */
export interface MarketTerms {
  readonly minSize: bigint;
  readonly strikeStepE6: number;
  readonly insuranceFeeShareBps: number;
  readonly protocolFeeShareBps: number;
  readonly baseCap: bigint;
  readonly settlementBounty: bigint;
  readonly stressAllowance: bigint;
}

/** A market's entry in the ledger. */
export function defaultMarket(quoteDecimals: number): MarketTerms {
  return {
    minSize: 10_000n, // 0.01 contracts
    strikeStepE6: 25_000_000, // strikes are multiples of 25 quote tokens
    insuranceFeeShareBps: 2_000,
    protocolFeeShareBps: 1_000,
    baseCap: maxUint128,
    settlementBounty: 10n ** BigInt(quoteDecimals) / 4n, // for each expiry an account is short of
    stressAllowance: 0n, // nobody gambles with more than the insurance fund holds
  };
}

/**
 * Terms of liquidation auctions: a quarter of an hour to give the equity away, half an hour for the fund's offer to rise. Accounts of less
 * than 50 tokens of margin may go to a pool at once, at a fifth of that margin at most.
 */
export function defaultAuctionTerms(quoteDecimals: number) {
  return {
    solventSeconds: 900,
    insolventSeconds: 1_800,
    minimumRest: 50n * 10n ** BigInt(quoteDecimals),
    startDiscountWad: wad(0.02),
    bufferWad: wad(0.1),
    penaltyWad: wad(0.02),
    takeCostWad: wad(0.2),
  } as const;
}

/** Delay of every change of parameters once the deployer has handed over. */
export const governanceDelaySeconds = 7 * DAY;

/** Insurance stakes leave after this, inside the window that follows. */
export const insuranceCooldownSeconds = 10 * DAY;
export const insuranceWindowSeconds = 3 * DAY;
