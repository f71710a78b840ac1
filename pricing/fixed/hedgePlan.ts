/** Twin of what pool-contracts/SpotHedger.sol plans and pays, bit for bit, but for where the Uniswap pool stands. */

import { FixedPointError } from "./errors.ts";
import type { InventoryVector } from "./inventoryPotential.ts";
import { absolute } from "./word.ts";

const WAD = 10n ** 18n;
const SIZE_UNIT = 1_000_000n;
const DAY = 86_400;
const EXPIRY_TIME_OF_DAY = 28_800;
const MAX_GAMMA_WAD = 1n << 112n;
const SECONDS_PER_YEAR = 31_536_000n;

/** `HedgerParameters` of ISpotHedger.sol that a plan depends on. */
export interface HedgeRules {
  readonly aversion: bigint;
  readonly volatility: bigint;
  readonly minBand: bigint;
  readonly maxBand: bigint;
  readonly maxCost: bigint;
  readonly blockShare: bigint;
  readonly hourShare: bigint;
  readonly bountyShare: bigint;
  readonly bountyRate: bigint;
  readonly maxBounty: bigint;
  readonly fixedCost: bigint;
  readonly minNotional: bigint;
  readonly horizon: number;
  readonly maxSpotAge: number;
  readonly maxSurfaceAge: number;
}

/** What hedges have traded lately, quote units as of `time`. */
export interface HedgeUsage {
  readonly inHour: bigint;
  readonly time: number;
}

export interface HedgeFacts {
  readonly state: {
    readonly round: number;
    readonly surfaceTime: number;
    readonly spotTime: number;
    readonly spotWad: bigint;
  };
  readonly markedRound: number;
  readonly navE6: bigint;
  readonly inventory: InventoryVector;
  readonly netShortGammaWad: bigint;
  /** Base of the pool's account, in the base token's units. */
  readonly base: bigint;
  readonly usage: HedgeUsage;
  readonly timestamp: number;
  readonly baseUnit: bigint;
  readonly quoteUnit: bigint;
}

/** What the hedger would trade now: base in its token's units, the band's half-width with 6 decimals. */
export interface HedgePlan {
  readonly buysBase: boolean;
  readonly amount: bigint;
  readonly band: bigint;
  /** No unit is traded beyond. */
  readonly limitWad: bigint;
}

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const most = (a: bigint, b: bigint): bigint => (a > b ? a : b);
const overZero = (a: bigint): bigint => most(a, 0n);

/** Throws what the hedger refuses with where there is nothing to do. One hedge a block. */
export function hedgePlan(rules: HedgeRules, facts: HedgeFacts): HedgePlan {
  requireFresh(rules, facts);
  const { state, inventory, navE6, netShortGammaWad, base, baseUnit, quoteUnit } = facts;
  const [v0, v1, v2, netShortDelta] = inventory;
  const { spotWad } = state;
  const buysBase = netShortDelta > 0n;
  const isFlat = netShortGammaWad === 0n && v0 === 0n && v1 === 0n && v2 === 0n;
  const band = isFlat ? 0n : bandOf(rules, spotWad, navE6, netShortGammaWad);

  const delta = absolute(netShortDelta);
  if (delta <= band) throw new FixedPointError("SpotHedger_WithinBand", [netShortDelta, band]);
  const wayToZero = (((worthE6(band, spotWad) * rules.maxCost) / WAD) * quoteUnit) / SIZE_UNIT;
  const size = wayToZero <= rules.fixedCost ? delta : delta - band;
  let amount = (size * baseUnit) / SIZE_UNIT;
  let isLast = false;
  if (!buysBase) {
    if (base * SIZE_UNIT < baseUnit) throw new FixedPointError("SpotHedger_NoBase", [netShortDelta]);
    isLast = isFlat && size >= (base * SIZE_UNIT) / baseUnit;
    if (isLast || amount > base) amount = base;
  }
  const notional = notionalOf(amount, facts);
  if (notional < rules.minNotional && !isLast) {
    throw new FixedPointError("SpotHedger_WithinBand", [netShortDelta, band]);
  }
  const left = leftOf(rules, facts);
  if (left < notional) {
    if (left < rules.minNotional) throw new FixedPointError("SpotHedger_CapReached", [notional, left]);
    amount = (amount * left) / notional;
  }
  const limitWad = (spotWad * (buysBase ? WAD + rules.maxCost : WAD - rules.maxCost)) / WAD;
  return { buysBase, amount, band, limitWad };
}

/** The bounty for a hedge that exchanged `baseAmount`, quote units. */
export function hedgeBounty(rules: HedgeRules, facts: HedgeFacts, band: bigint, baseAmount: bigint): bigint {
  const { state, inventory, navE6, baseUnit, quoteUnit } = facts;
  const delta = absolute(inventory[3]);
  const afterwards = most(overZero(delta - (baseAmount * SIZE_UNIT) / baseUnit), band);
  const [before, after] = [worthE6(delta, state.spotWad), worthE6(afterwards, state.spotWad)];
  const { aversion, volatility, horizon, bountyShare, bountyRate, maxBounty } = rules;
  const riskWad = (((((aversion * volatility) / WAD) * volatility) / WAD) * BigInt(horizon)) / (2n * SECONDS_PER_YEAR);
  const savedE6 = after >= before ? 0n : ((before - after) * (before + after) * riskWad) / (navE6 * WAD);
  const bySaving = (((savedE6 * quoteUnit) / SIZE_UNIT) * bountyShare) / WAD;
  return least(least(bySaving, (notionalOf(baseAmount, facts) * bountyRate) / WAD), maxBounty);
}

/** What the hour's use is after a hedge. */
export function usageAfter(rules: HedgeRules, facts: HedgeFacts, baseAmount: bigint): HedgeUsage {
  return { inHour: inHour(rules, facts) + notionalOf(baseAmount, facts), time: facts.timestamp };
}

function requireFresh(rules: HedgeRules, { state, markedRound, timestamp }: HedgeFacts): void {
  const requireAge = (fact: string, age: number, limit: number) => {
    if (age > limit) throw new FixedPointError(fact, [BigInt(age), BigInt(limit)]);
  };
  requireAge("SpotHedger_StaleSpot", timestamp - state.spotTime, rules.maxSpotAge);
  requireAge("SpotHedger_StaleSurface", timestamp - state.surfaceTime, rules.maxSurfaceAge);
  if (markedRound !== state.round) {
    throw new FixedPointError("SpotHedger_NotMarked", [BigInt(markedRound), BigInt(state.round)]);
  }
  const lastExpiry = Math.floor((timestamp - EXPIRY_TIME_OF_DAY) / DAY) * DAY + EXPIRY_TIME_OF_DAY;
  if (state.surfaceTime < lastExpiry) throw new FixedPointError("SpotHedger_ExpiryPassed", [BigInt(lastExpiry)]);
}

function bandOf(rules: HedgeRules, spotWad: bigint, navE6: bigint, netShortGammaWad: bigint): bigint {
  const half = halfWidth(rules.maxCost, spotWad, absolute(netShortGammaWad), navE6, rules.aversion);
  const [low, high] = [(navE6 * rules.minBand) / spotWad, (navE6 * rules.maxBand) / spotWad];
  return half < low ? low : half > high ? high : half;
}

/** `HedgeBand.halfWidth`, 6 decimals, rounded down. */
function halfWidth(costWad: bigint, spotWad: bigint, gamma: bigint, navE6: bigint, aversionWad: bigint): bigint {
  const gammaWad = least(gamma, MAX_GAMMA_WAD);
  const costPerUnitWad = (3n * costWad * spotWad) / (2n * WAD);
  const curvature = (gammaWad * gammaWad * costPerUnitWad) / 10n ** 30n;
  return cubeRoot(((curvature * navE6) / aversionWad) * 1_000_000n);
}

/** ⌊∛x⌋ */
function cubeRoot(x: bigint): bigint {
  if (x === 0n) return 0n;
  let root = 1n << BigInt(Math.ceil(x.toString(2).length / 3));
  for (;;) {
    const next = (2n * root + x / (root * root)) / 3n;
    if (next >= root) return root;
    root = next;
  }
}

/** What the hour leaves and one block takes at most, quote units. */
function leftOf(rules: HedgeRules, facts: HedgeFacts): bigint {
  const nav = (facts.navE6 * facts.quoteUnit) / SIZE_UNIT;
  const hourCap = (nav * rules.hourShare) / WAD;
  return least((nav * rules.blockShare) / WAD, overZero(hourCap - inHour(rules, facts)));
}

function inHour(rules: HedgeRules, { navE6, quoteUnit, usage, timestamp }: HedgeFacts): bigint {
  const hourCap = (((navE6 * quoteUnit) / SIZE_UNIT) * rules.hourShare) / WAD;
  return overZero(usage.inHour - (hourCap * BigInt(timestamp - usage.time)) / 3_600n);
}

/** Base token units at spot, quote units, rounded down. */
function notionalOf(baseAmount: bigint, { state, baseUnit, quoteUnit }: HedgeFacts): bigint {
  return (baseAmount * (state.spotWad * quoteUnit)) / (baseUnit * WAD);
}

function worthE6(size: bigint, spotWad: bigint): bigint {
  return (size * spotWad) / WAD;
}
