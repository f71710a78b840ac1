/** The market in memory, to the unit. */
import {
  FixedPointError,
  type HedgeFill,
  MarketTwin,
  type MarketTwinTerms,
  type TwinLeg,
  type TwinReport,
} from "../../../pricing/fixed/index.ts";
import { toStrikeE6 } from "../../chain/optionId.ts";
import { wad } from "../../chain/parameters.ts";
import {
  type Action,
  type Outcome,
  type PoolView,
  type QuotingEngine,
  type SimulatedLeg,
  type SimulatedReport,
  sharePriceWad,
  type VenueFill,
} from "../actions.ts";

/** Millionths of what an LP holds, as shares; rounded down. */
export function sharesOf(balance: bigint, shareE6: number): bigint {
  return (balance * BigInt(shareE6)) / 1_000_000n;
}

export class TwinEngine implements QuotingEngine {
  private readonly market: MarketTwin;

  constructor(terms: MarketTwinTerms) {
    this.market = new MarketTwin(terms);
  }

  act(action: Action): Outcome {
    try {
      return this.done(action);
    } catch (error) {
      if (error instanceof FixedPointError) return { done: false, refused: error.fact };
      throw error;
    }
  }

  view(): PoolView {
    const { pool, requirement, base, shares } = this.market;
    const { cash, nav, reserveWad, inventory } = pool;
    return { cash, requirement, base, nav, reserveWad, inventory, supply: shares.supply };
  }

  /** What a package costs the taker at `time`, quote units, whatever the limits; undefined where it has no price. */
  quote(legs: readonly SimulatedLeg[], time: number): number | undefined {
    try {
      return Number(this.market.quote(legs.map(twinLeg), time).cash);
    } catch (error) {
      if (error instanceof FixedPointError) return undefined;
      throw error;
    }
  }

  /** What a margin account needs beside such a package, quote units. */
  marginOf(legs: readonly SimulatedLeg[], time: number): number {
    return Number(this.market.marginOf(legs.map(twinLeg), time));
  }

  /** Quote tokens of a share. */
  get sharePrice(): number {
    return Number(sharePriceWad(this.view())) / 1e24;
  }

  private done(action: Action): Outcome {
    const { market } = this;
    const { time } = action;
    switch (action.kind) {
      case "report":
        market.report(twinReport(action.report), time);
        return { done: true, cash: 0 };
      case "mark":
        market.mark(time);
        return { done: true, cash: 0 };
      case "stress":
        market.stress(time);
        return { done: true, cash: 0 };
      case "swap": {
        const limit = action.limit === undefined ? undefined : BigInt(Math.floor(action.limit));
        const { cash, fee, midWad } = market.swap(action.legs.map(twinLeg), time, limit);
        return { done: true, cash: Number(cash), fee: Number(fee), mid: Number(midWad) / 1e12 };
      }
      case "hedge": {
        const { baseAmount, quoteAmount, bounty } = market.hedge(twinFill(action.fill), time);
        return { done: true, cash: 0, hedge: { baseAmount, quoteAmount, bounty } };
      }
      case "deposit":
        market.requestDeposit(action.who, BigInt(action.assets), time);
        return { done: true, cash: 0 };
      case "redeem":
        market.requestRedeem(action.who, sharesOf(market.shares.balanceOf(action.who), action.shareE6), time);
        return { done: true, cash: 0 };
      case "claim": {
        const { assets, shares } = market.claim(action.who, time);
        return { done: true, cash: Number(assets), shares };
      }
      default: {
        const { others } = action;
        const known = others && { owed: BigInt(others.owed), collected: BigInt(others.collected) };
        return { done: true, cash: Number(market.settle(action.expiry, time, known)) };
      }
    }
  }
}

function twinLeg({ expiry, strike, kind, size }: SimulatedLeg): TwinLeg {
  const strikeWad = toStrikeE6(strike) * 10n ** 12n;
  return { expiry, strikeWad, isPut: kind === "put", size: BigInt(Math.round(size * 1e6)) };
}

/** A report as the twin takes it. */
export function twinReport(report: SimulatedReport): TwinReport {
  const { modelTime, spot, averages } = report;
  if (report.kind === "spot") return { modelTime, spot, averages };
  const { round, disagreement, slices } = report;
  return { modelTime, spot, averages, surface: { round, disagreement, slices } };
}

function twinFill(fill: VenueFill): HedgeFill {
  return "price" in fill ? { priceWad: wad(fill.price) } : fill;
}
