/** What the hedger plans and pays, in float64; fixed/hedgePlan.ts says the rules. Base and NAV are in units of 1e-6. */

import { SECONDS_PER_YEAR } from "../units.ts";
import type { FloatHedgeRules } from "./rules.ts";

const DAY = 86_400;
const EXPIRY_TIME_OF_DAY = 28_800;

export interface FloatHedgeFacts {
  readonly oracle: {
    readonly round: number;
    readonly surfaceTime: number;
    readonly spotTime: number;
    readonly spot: number;
  };
  readonly markedRound: number;
  /** Floored. */
  readonly nav: number;
  readonly inventory: Float64Array;
  readonly netShortGamma: number;
  readonly base: number;
  readonly now: number;
}

export interface FloatHedgePlan {
  readonly buysBase: boolean;
  readonly amount: number;
  readonly band: number;
  /** No unit is traded beyond. */
  readonly limit: number;
}

export interface FloatHedgeMade {
  readonly buysBase: boolean;
  readonly baseAmount: number;
  /** Quote units. */
  readonly quoteAmount: number;
  readonly bounty: number;
}

export class FloatHedge {
  private readonly rules: FloatHedgeRules;
  private inHour = 0;
  private time = 0;

  constructor(rules: FloatHedgeRules) {
    this.rules = rules;
  }

  /** What would be traded now, or what the hedger refuses with. */
  plan(facts: FloatHedgeFacts): FloatHedgePlan | string {
    const { rules } = this;
    const { oracle, markedRound, inventory, netShortGamma, nav, base, now } = facts;
    const { spot } = oracle;
    if (now - oracle.spotTime > rules.maxSpotAge) return "SpotHedger_StaleSpot";
    if (now - oracle.surfaceTime > rules.maxSurfaceAge) return "SpotHedger_StaleSurface";
    if (markedRound !== oracle.round) return "SpotHedger_NotMarked";
    const lastExpiry = Math.floor((now - EXPIRY_TIME_OF_DAY) / DAY) * DAY + EXPIRY_TIME_OF_DAY;
    if (oracle.surfaceTime < lastExpiry) return "SpotHedger_ExpiryPassed";

    const [v0, v1, v2, netShortDelta] = inventory as unknown as readonly [number, number, number, number];
    const buysBase = netShortDelta > 0;
    const isFlat = netShortGamma === 0 && v0 === 0 && v1 === 0 && v2 === 0;
    const band = isFlat ? 0 : this.band(spot, nav, netShortGamma);
    const delta = Math.abs(netShortDelta);
    if (delta <= band) return "SpotHedger_WithinBand";
    const wayToZero = Math.floor(band * spot) * rules.maxCost;
    const size = wayToZero <= rules.fixedCost ? delta : delta - band;
    let amount = size;
    let isLast = false;
    if (!buysBase) {
      if (base < 1) return "SpotHedger_NoBase";
      isLast = isFlat && size >= Math.floor(base);
      if (isLast || amount > base) amount = base;
    }
    const notional = Math.floor(amount * spot);
    if (notional < rules.minNotional && !isLast) return "SpotHedger_WithinBand";
    const left = this.left(nav, now);
    if (left < notional) {
      if (left < rules.minNotional) return "SpotHedger_CapReached";
      amount = (amount * left) / notional;
    }
    return { buysBase, amount, band, limit: spot * (buysBase ? 1 + rules.maxCost : 1 - rules.maxCost) };
  }

  /** Quote units. */
  bounty({ oracle, inventory, nav }: FloatHedgeFacts, band: number, amount: number): number {
    const { aversion, volatility, horizon, bountyShare, bountyRate, maxBounty } = this.rules;
    const delta = Math.abs(inventory[3]!);
    const after = Math.floor(Math.max(delta - Math.floor(amount), band) * oracle.spot);
    const before = Math.floor(delta * oracle.spot);
    const risk = (aversion * volatility * volatility * horizon) / (2 * SECONDS_PER_YEAR);
    const saved = after >= before ? 0 : Math.floor(((before - after) * (before + after) * risk) / nav);
    return Math.floor(Math.min(saved * bountyShare, Math.floor(amount * oracle.spot) * bountyRate, maxBounty));
  }

  /** Counts what was traded against the hour's cap. */
  use({ oracle, nav, now }: FloatHedgeFacts, amount: number): void {
    this.inHour = this.usedOf(nav * this.rules.hourShare, now) + Math.floor(amount * oracle.spot);
    this.time = now;
  }

  private band(spot: number, nav: number, netShortGamma: number): number {
    const { maxCost, aversion, minBand, maxBand } = this.rules;
    const half = Math.cbrt((1.5 * maxCost * spot * netShortGamma * netShortGamma * (nav / 1e6)) / aversion) * 1e6;
    const [low, high] = [(nav * minBand) / spot, (nav * maxBand) / spot];
    return Math.floor(Math.min(high, Math.max(low, half)));
  }

  private left(nav: number, now: number): number {
    const hourCap = nav * this.rules.hourShare;
    return Math.floor(Math.min(nav * this.rules.blockShare, Math.max(0, hourCap - this.usedOf(hourCap, now))));
  }

  private usedOf(hourCap: number, now: number): number {
    return Math.max(0, this.inHour - (hourCap * (now - this.time)) / 3_600);
  }
}
