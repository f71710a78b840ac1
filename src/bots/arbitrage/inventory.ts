import { fromOptionId, fromSize } from "../../chain/optionId.ts";
import type { Maker } from "./makers.ts";
import { type ArbitrageFacts, baseCash, type Plan, toBaseUnits } from "./plan.ts";
import { completed, isSameOption, type ReferenceQuote, toUnderlying } from "./reference.ts";
import { type ArbitrageRules, capitalCost, gasCostOf } from "./rules.ts";
import { bestSize } from "./sizing.ts";

/**
 * What the account holds and a maker pays to be rid of the other side of: closed where its price, with what holding on would cost in
 * capital, is better than the reference (or, without one, than the oracle's surface). The hedge goes with it. Best first.
 */
export function inventoryPlans(
  facts: ArbitrageFacts,
  reference: readonly ReferenceQuote[],
  rules: ArbitrageRules,
): readonly Plan[] {
  const plans = [...facts.holdings.positions].flatMap(([option, held]) => {
    const terms = fromOptionId(option);
    const quote = reference.find(({ terms: other }) => isSameOption(other, terms));
    return facts.makers.flatMap((maker) => planOf(facts, maker, terms, held, quote, rules) ?? []);
  });
  return plans.toSorted((a, b) => b.gain - a.gain);
}

function planOf(
  facts: ArbitrageFacts,
  maker: Maker,
  terms: ReferenceQuote["terms"],
  held: bigint,
  quote: ReferenceQuote | undefined,
  rules: ArbitrageRules,
): Plan | undefined {
  const greeks = facts.greeksOf(terms);
  if (!greeks || held === 0n || greeks.tenor <= 0) return undefined;
  const value = quote ? (quote.bid + quote.ask) / 2 : greeks.value;
  const lots = absolute(held) / facts.lot;
  // Whole lots; the last of them takes the rest with it.
  const sizeOf = (count: bigint) => (count === lots ? -held : (held > 0n ? -facts.lot : facts.lot) * count);
  const capital = value + (held < 0n ? rules.shortMargin * facts.spot : 0);
  // As long as opening it counted on: more, and what was opened would be closed at once.
  const saved = capitalCost(rules, capital, Math.min(rules.holdingSeconds, greeks.tenor));
  const hedgeOf = (count: bigint) => toBaseUnits(facts, -greeks.delta * fromSize(sizeOf(count)));
  const gainOf = (count: bigint): number | undefined => {
    const size = sizeOf(count);
    const legs = [{ terms, size }];
    const cash = maker.quote(legs);
    const base = hedgeOf(count);
    const paid = baseCash(facts, base);
    if (cash === undefined || paid === undefined) return undefined;
    const contracts = fromSize(size);
    return contracts * value - cash + toUnderlying(facts, base) * facts.spot - paid + Math.abs(contracts) * saved;
  };
  const sized = bestSize(gainOf, lots);
  if (!sized) return undefined;
  const base = hedgeOf(sized.lots);
  const gain = sized.gain - gasCostOf(facts.gas, 1, base !== 0n);
  if (gain < rules.minGain) return undefined;
  return completed(facts, "inventory", [{ maker, legs: [{ terms, size: sizeOf(sized.lots) }] }], base, gain);
}

function absolute(value: bigint): bigint {
  return value < 0n ? -value : value;
}
