import type { ArbitrageFacts, Plan } from "./plan.ts";
import { completed } from "./reference.ts";
import { type ArbitrageRules, gasCostOf } from "./rules.ts";

/**
 * Uniswap v3 against spot: trades until the next unit would cost (or bring) spot, Uniswap's fee included, which is what gains most; no
 * further than `most` units of the underlying. undefined where that gains less than gas and `minGain`.
 */
export function spotPlan(
  facts: ArbitrageFacts,
  rules: Pick<ArbitrageRules, "minGain">,
  most: number,
): Plan | undefined {
  const best = facts.uniswap.tradeTo(facts.spot).base;
  const unit = 10 ** facts.baseDecimals;
  const bound = BigInt(Math.floor(most * 1e6)) * 10n ** BigInt(facts.baseDecimals - 6);
  const base = best > bound ? bound : best < -bound ? -bound : best;
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
  const base = BigInt(Math.round(-delta * 1e6)) * 10n ** BigInt(facts.baseDecimals - 6);
  const trade = facts.uniswap.trade(base);
  if (!trade) return undefined;
  const amount = Number(base) / 10 ** facts.baseDecimals;
  const cost = -Number(trade.quote) / 10 ** facts.quoteDecimals - amount * facts.spot;
  if (cost > maxCost * Math.abs(amount) * facts.spot) return undefined;
  return completed(facts, "hedge", [], base, -cost - gasCostOf(facts.gas, 0, true));
}
