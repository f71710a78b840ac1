/** The market in float64, for sweeps. */
import type { MarketTwinTerms } from "../../../pricing/fixed/index.ts";
import { type FloatLeg, FloatMarket, floatReport } from "../../../pricing/float/index.ts";
import type { Action, Outcome, PoolView, QuotingEngine, SimulatedLeg } from "../actions.ts";
import { twinReport } from "./twinEngine.ts";

/** Millionths of a base token in its own units. */
function baseUnits(size: number): bigint {
  return BigInt(Math.round(size * 1e12));
}

export class FloatEngine implements QuotingEngine {
  readonly market: FloatMarket;

  constructor(terms: MarketTwinTerms) {
    this.market = new FloatMarket(terms);
  }

  act(action: Action): Outcome {
    const { market } = this;
    const { time } = action;
    switch (action.kind) {
      case "report":
        market.report(floatReport(twinReport(action.report)), time);
        return { done: true, cash: 0 };
      case "mark":
        return outcomeOf(market.mark(time) ?? 0);
      case "stress":
        return outcomeOf(market.stress(time) ?? 0);
      case "swap": {
        const quote = market.swap(action.legs.map(floatLeg), time, action.limit ?? Number.POSITIVE_INFINITY);
        if (typeof quote === "string") return { done: false, refused: quote };
        return { done: true, cash: quote.cash, fee: quote.fee, mid: quote.mid * 1e6 };
      }
      case "hedge": {
        if (!("price" in action.fill)) throw new RangeError("a hedge in float64 is filled at a price");
        const made = market.hedge(action.fill.price, time);
        if (typeof made === "string") return { done: false, refused: made };
        const { baseAmount, quoteAmount, bounty } = made;
        const hedge = {
          baseAmount: baseUnits(baseAmount),
          quoteAmount: BigInt(quoteAmount),
          bounty: BigInt(bounty),
        };
        return { done: true, cash: 0, hedge };
      }
      case "deposit":
        return outcomeOf(market.shares.requestDeposit(action.who, action.assets, time) ?? 0);
      case "redeem": {
        const held = market.shares.balanceOf(action.who);
        const shares = action.shareE6 === 1_000_000 ? held : (held * action.shareE6) / 1e6;
        return outcomeOf(market.shares.requestRedeem(action.who, shares, time) ?? 0);
      }
      case "claim": {
        const { assets, shares } = market.shares.claim(action.who, time, market.oracle.surfaceTime);
        return { done: true, cash: assets, shares: BigInt(Math.round(shares * 1e18)) };
      }
      default:
        return outcomeOf(market.settle(action.expiry, time, action.others));
    }
  }

  view(): PoolView {
    const { cash, requirement, base, nav, reserve, inventory, shares } = this.market;
    const [v0 = 0, v1 = 0, v2 = 0, delta = 0] = inventory;
    return {
      cash: BigInt(cash),
      requirement: BigInt(requirement),
      base: baseUnits(base),
      nav: BigInt(nav),
      reserveWad: BigInt(Math.round(reserve * 1e18)),
      inventory: [BigInt(v0), BigInt(v1), BigInt(v2), BigInt(delta)],
      supply: BigInt(Math.round(shares.supply * 1e18)),
    };
  }

  /** Quote tokens of a share, as `PoolShares.convertToAssets` has it. */
  get sharePrice(): number {
    const { nav, shares } = this.market;
    return (Math.max(0, nav) / 1e6 + 1e-6) / (shares.supply + 1e-6);
  }

  /** What a margin account needs beside such a package, quote units. */
  marginOf(legs: readonly SimulatedLeg[], time: number): number {
    const expiries = [...new Set(legs.map(({ expiry }) => expiry))];
    const positions = legs.map(floatLeg).map(({ expiry, strike, isPut, size }) => {
      return { strike, calls: isPut ? 0 : size, puts: isPut ? size : 0, board: expiries.indexOf(expiry) };
    });
    return -this.market.worst(positions, expiries, 0, time);
  }

  /** What a package costs the taker at `time`, quote units, whatever the limits; undefined where it has no price. */
  quote(legs: readonly SimulatedLeg[], time: number): number | undefined {
    const quote = this.market.quote(legs.map(floatLeg), time);
    return typeof quote === "string" ? undefined : quote.cash;
  }
}

/** A leg in whole units. */
export function floatLeg({ expiry, strike, kind, size }: SimulatedLeg): FloatLeg {
  return { expiry, strike, isPut: kind === "put", size: Math.round(size * 1e6) };
}

function outcomeOf(result: number | string): Outcome {
  return typeof result === "string" ? { done: false, refused: result } : { done: true, cash: result };
}
