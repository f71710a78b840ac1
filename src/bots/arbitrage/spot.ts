import { type ArbitrageFacts, type Plan, toBaseUnits } from "./plan.ts";
import { completed } from "./reference.ts";
import { type ArbitrageRules, gasCostOf } from "./rules.ts";

/**
 * Uniswap v3 against spot: trades until the next unit would cost (or bring) spot, Uniswap's fee included, which is what gains most, and no
 * further than the delta may go: what is beyond its band would only be hedged back at the same place. undefined where that gains less than
 * gas and `minGain`.
 *
 * @param delta Of options and base now, units of the underlying; `band` is how far it may be from zero.
 */
export function spotPlan(
  facts: ArbitrageFacts,
  rules: Pick<ArbitrageRules, "minGain">,
  delta: number,
  band: number,
): Plan | undefined {
  const best = facts.uniswap.tradeTo(facts.spot).base;
  const unit = 10 ** facts.baseDecimals;
  const room = toBaseUnits(facts, Math.max(0, best > 0n ? band - delta : band + delta));
  const base = best > room ? room : best < -room ? -room : best;
  const trade = base === 0n ? undefined : facts.uniswap.trade(base);
  if (!trade) return undefined;
  const worth = (Number(base) / unit) * facts.spot + Number(trade.quote) / 10 ** facts.quoteDecimals;
  const gain = worth - gasCostOf(facts.gas, 0, true);
  return gain < rules.minGain ? undefined : completed(facts, "spot", [], base, gain);
}

/**
 * Brings the delta of options and base back to zero where it is outside of the band, units of the underlying: at Uniswap's price, if that
 * costs no more than `maxCost`, a share of what is traded. undefined inside.
 */
export function hedgePlan(
  facts: ArbitrageFacts,
  delta: number,
  { band, maxCost }: { readonly band: number; readonly maxCost: number },
): Plan | undefined {
  if (Math.abs(delta) <= band) return undefined;
  const base = toBaseUnits(facts, -delta);
  const trade = facts.uniswap.trade(base);
  if (!trade) return undefined;
  const amount = Number(base) / 10 ** facts.baseDecimals;
  const cost = -Number(trade.quote) / 10 ** facts.quoteDecimals - amount * facts.spot;
  if (cost > maxCost * Math.abs(amount) * facts.spot) return undefined;
  return completed(facts, "hedge", [], base, -cost - gasCostOf(facts.gas, 0, true));
}
