import { fromSize, type OptionTerms } from "../../chain/optionId.ts";
import { type Greeks, noGreeks, scaled } from "./greeks.ts";
import { lotsWithin, type RiskLimits } from "./limits.ts";
import type { Maker } from "./makers.ts";
import { type ArbitrageFacts, baseCash, greeksOfLegs, type Plan, toBaseUnits } from "./plan.ts";
import { type ArbitrageRules, capitalCost, gasCostOf } from "./rules.ts";
import { bestSize } from "./sizing.ts";

/** What another market pays and asks for one contract, quote tokens. */
export interface ReferenceQuote {
  readonly terms: OptionTerms;
  readonly bid: number;
  readonly ask: number;
}

/**
 * Options that a maker sells below what the reference says they are worth, or buys above, by more than all costs: maker's spread and impact,
 * the hedge of their delta on Uniswap v3, capital, gas, and what the reference may be wrong by. Each at the size at which the maker's
 * marginal price has met the reference, inside the limits. Best first.
 *
 * @param held Risks of what the account holds.
 */
export function referencePlans(
  facts: ArbitrageFacts,
  reference: readonly ReferenceQuote[],
  held: Greeks,
  rules: ArbitrageRules,
  limits: RiskLimits,
): readonly Plan[] {
  const plans = reference.flatMap((quote) =>
    facts.makers.flatMap((maker) =>
      [1n, -1n].flatMap((side) => planOf(facts, maker, quote, side, held, rules, limits) ?? []),
    ),
  );
  return plans.toSorted((a, b) => b.gain - a.gain);
}

function planOf(
  facts: ArbitrageFacts,
  maker: Maker,
  { terms, bid, ask }: ReferenceQuote,
  side: bigint,
  held: Greeks,
  rules: ArbitrageRules,
  limits: RiskLimits,
): Plan | undefined {
  const greeks = facts.greeksOf(terms);
  const mid = maker.mid(terms);
  const value = (bid + ask) / 2 - Number(side) * rules.spreadShare * ((ask - bid) / 2);
  if (!greeks || mid === undefined || !(bid > 0) || ask < bid || greeks.tenor <= 0) return undefined;
  if ((ask - bid) / 2 > (rules.maxSpreadPoints / 100) * greeks.vega) return undefined;
  // Nobody sells below his own mid.
  if (Number(side) * (value - mid) <= 0) return undefined;
  const lotSize = side * facts.lot;
  const contracts = fromSize(lotSize);
  const perLot = { ...scaled(greeks, contracts), delta: 0 }; // hedged with the trade
  const margin = value + (side < 0n ? rules.shortMargin * facts.spot : 0);
  const perLotCost =
    Math.abs(contracts) *
    (capitalCost(rules, margin, Math.min(rules.holdingSeconds, greeks.tenor)) + (rules.edgePoints / 100) * greeks.vega);
  const hedgeOf = (lots: bigint) => toBaseUnits(facts, -greeks.delta * contracts * Number(lots));
  const gainOf = (lots: bigint): number | undefined => {
    const cash = maker.quote([{ terms, size: lotSize * lots }]);
    const [base, amount] = [hedgeOf(lots), Number(lots)];
    const paid = baseCash(facts, base);
    if (cash === undefined || paid === undefined) return undefined;
    return amount * contracts * value - cash + toUnderlying(facts, base) * facts.spot - paid - amount * perLotCost;
  };
  const mostLots = BigInt(Math.floor(rules.maxContracts / Math.abs(contracts)));
  const sized = bestSize(gainOf, lotsWithin({ ...held, delta: 0 }, perLot, limits, mostLots));
  if (!sized) return undefined;
  const base = hedgeOf(sized.lots);
  const gain = sized.gain - gasCostOf(facts.gas, 1, base !== 0n);
  if (gain < rules.minGain) return undefined;
  return completed(facts, "reference", [{ maker, legs: [{ terms, size: lotSize * sized.lots }] }], base, gain);
}

/** A plan of swaps whose prices are asked for once more, with what they change. */
export function completed(
  facts: ArbitrageFacts,
  kind: Plan["kind"],
  swaps: readonly Omit<Plan["swaps"][number], "cash">[],
  base: bigint,
  gain: number,
): Plan | undefined {
  const priced = swaps.flatMap(({ maker, legs }) => {
    const cash = maker.quote(legs);
    return cash === undefined ? [] : [{ maker, legs, cash }];
  });
  const paid = baseCash(facts, base);
  const legs = swaps.flatMap((swap) => swap.legs);
  const ofLegs = legs.length === 0 ? noGreeks : greeksOfLegs(facts, legs);
  if (priced.length !== swaps.length || paid === undefined || !ofLegs) return undefined;
  const cash = priced.reduce((sum, swap) => sum + swap.cash, 0);
  const amount = toUnderlying(facts, base);
  return {
    kind,
    swaps: priced,
    base,
    baseCash: paid,
    spot: facts.spot,
    gain,
    wealth: -cash - paid + amount * facts.spot,
    greeks: { ...ofLegs, delta: ofLegs.delta + amount },
  };
}

/** Whether two are one option of a market. */
export function isSameOption(a: OptionTerms, b: OptionTerms): boolean {
  return a.expiry === b.expiry && a.strike === b.strike && a.kind === b.kind;
}

/** Base token units as units of the underlying. */
export function toUnderlying({ baseDecimals }: Pick<ArbitrageFacts, "baseDecimals">, base: bigint): number {
  return Number(base) / 10 ** baseDecimals;
}
