import { fromSize, toOptionId } from "../../chain/optionId.ts";
import { type Greeks, scaled } from "./greeks.ts";
import { lotsWithin, type RiskLimits } from "./limits.ts";
import type { Leg, Maker } from "./makers.ts";
import { type ListedExpiry, type Package, type PackageLeg, packagesOf } from "./packages.ts";
import { type ArbitrageFacts, baseCash, greeksOfLegs, type Plan, toBaseUnits } from "./plan.ts";
import { completed, toUnderlying } from "./reference.ts";
import { type ArbitrageRules, capitalCost, gasCostOf } from "./rules.ts";
import { bestSize } from "./sizing.ts";

/** Makers that are tried for each leg of one package: 3⁴ ways. */
const MOST_MAKERS = 3;
/** Of all ways to share the legs among makers, those whose first lot gains most are sized. */
const SIZED_WAYS = 3;

/**
 * Packages that cost less than the least they pay, across all makers' two-sided prices and Uniswap v3: each leg with the maker that makes
 * the whole cheapest, legs of one maker in one swap, at the size at which the next lot would gain nothing after fees, capital until
 * expiry and gas. Best first.
 *
 * @param held Risks of what the account holds.
 */
export function parityPlans(
  facts: ArbitrageFacts,
  listed: readonly ListedExpiry[],
  held: Greeks,
  rules: ArbitrageRules,
  limits: RiskLimits,
): readonly Plan[] {
  const mids = new Mids(facts.makers);
  const plans: Plan[] = [];
  for (const bundle of packagesOf(listed)) {
    // No maker sells below, or buys above, his own mid: what the best mids together cost is a bound, and mostly the end of it.
    const least = mids.leastCost(bundle.legs);
    if (least === undefined || bundle.floor - least - leastCostOfBase(facts, bundle, rules) <= 0) continue;
    const plan = planOf(facts, bundle, held, rules, limits);
    if (plan) plans.push(plan);
  }
  return plans.toSorted((a, b) => b.gain - a.gain);
}

/** What base costs at least: Uniswap's price before anybody moves it, its fee now and when the underlying is taken back, and capital. */
function leastCostOfBase(
  { uniswap, spot, now }: ArbitrageFacts,
  { base, legs }: Package,
  rules: ArbitrageRules,
): number {
  if (base === 0) return 0;
  const price = base > 0 ? uniswap.price / (1 - uniswap.fee) : uniswap.price * (1 - uniswap.fee);
  const worth = Math.abs(base) * spot;
  return base * price + worth * uniswap.fee + capitalCost(rules, worth, lastExpiry(legs) - now);
}

function lastExpiry(legs: readonly PackageLeg[]): number {
  return Math.max(...legs.map(({ terms }) => terms.expiry));
}

/** Best mids by option: each is asked for once. */
class Mids {
  private readonly makers: readonly Maker[];
  private readonly known = new Map<bigint, readonly [low: number, high: number] | undefined>();

  constructor(makers: readonly Maker[]) {
    this.makers = makers;
  }

  leastCost(legs: readonly PackageLeg[]): number | undefined {
    let sum = 0;
    for (const { terms, contracts } of legs) {
      const mids = this.of(terms);
      if (!mids) return undefined;
      sum += contracts * (contracts > 0 ? mids[0] : mids[1]);
    }
    return sum;
  }

  private of(terms: PackageLeg["terms"]) {
    const id = toOptionId(terms);
    if (!this.known.has(id)) {
      const mids = this.makers.flatMap((maker) => maker.mid(terms) ?? []);
      this.known.set(id, mids.length === 0 ? undefined : [Math.min(...mids), Math.max(...mids)]);
    }
    return this.known.get(id);
  }
}

function planOf(
  facts: ArbitrageFacts,
  bundle: Package,
  held: Greeks,
  rules: ArbitrageRules,
  limits: RiskLimits,
): Plan | undefined {
  const makers = facts.makers.slice(0, MOST_MAKERS);
  const ways = waysToShare(bundle.legs.length, makers.length)
    .flatMap((way) => {
      const gain = gainOf(facts, bundle, makers, way, 1n, rules);
      return gain !== undefined && gain > 0 ? [{ way, gain }] : [];
    })
    .toSorted((a, b) => b.gain - a.gain)
    .slice(0, SIZED_WAYS);
  const perLot = greeksOfLegs(facts, legsOf(facts, bundle, 1n));
  if (ways.length === 0 || !perLot) return undefined;
  const heaviest = Math.max(...bundle.legs.map(({ contracts }) => Math.abs(contracts))) * fromSize(facts.lot);
  const change = { ...perLot, delta: perLot.delta + bundle.base * fromSize(facts.lot) };
  const most = lotsWithin(held, change, limits, BigInt(Math.floor(rules.maxContracts / heaviest)));
  const [best] = ways
    .flatMap(({ way }) => {
      const sized = bestSize((lots) => gainOf(facts, bundle, makers, way, lots, rules), most);
      return sized ? [{ way, ...sized }] : [];
    })
    .toSorted((a, b) => b.gain - a.gain);
  if (!best) return undefined;
  const gain = best.gain - gasCostOf(facts.gas, bundle.legs.length, bundle.base !== 0);
  if (gain < rules.minGain) return undefined;
  const swaps = swapsOf(legsOf(facts, bundle, best.lots), makers, best.way);
  const plan = completed(facts, bundle.kind, swaps, baseOf(facts, bundle, best.lots), gain);
  return plan && { ...plan, greeks: { ...plan.greeks, ...scaled(change, Number(best.lots)) } };
}

/** What a number of lots gains: the floor, less what it costs now, what the underlying costs later, and capital until the last expiry. */
function gainOf(
  facts: ArbitrageFacts,
  bundle: Package,
  makers: readonly Maker[],
  way: readonly number[],
  lots: bigint,
  rules: ArbitrageRules,
): number | undefined {
  const base = baseOf(facts, bundle, lots);
  let cost = baseCash(facts, base);
  if (cost === undefined) return undefined;
  for (const { maker, legs } of swapsOf(legsOf(facts, bundle, lots), makers, way)) {
    const cash = maker.quote(legs);
    if (cash === undefined) return undefined;
    cost += cash;
  }
  const contracts = Number(lots) * fromSize(facts.lot);
  const worth = Math.abs(toUnderlying(facts, base)) * facts.spot;
  const outlay = Math.max(cost, -contracts * bundle.floor, worth);
  const seconds = lastExpiry(bundle.legs) - facts.now;
  return contracts * bundle.floor - cost - worth * facts.uniswap.fee - capitalCost(rules, outlay, seconds);
}

/** Bought legs are rounded up and sold ones down, so that the floor holds to the last millionth. */
function legsOf({ lot }: ArbitrageFacts, { legs }: Package, lots: bigint): readonly Leg[] {
  return legs.map(({ terms, contracts }) => ({
    terms,
    size: BigInt(Math.ceil(contracts * Number(lot * lots) - 1e-6)),
  }));
}

function baseOf(facts: ArbitrageFacts, { base }: Package, lots: bigint): bigint {
  return toBaseUnits(facts, base * fromSize(facts.lot * lots));
}

/** Legs of one maker stand in one swap: it is priced as a package. */
function swapsOf(legs: readonly Leg[], makers: readonly Maker[], way: readonly number[]) {
  return makers.flatMap((maker, m) => {
    const own = legs.filter((_, i) => way[i] === m);
    return own.length === 0 ? [] : [{ maker, legs: own }];
  });
}

/** Every assignment of legs to makers, as the maker's index by leg. */
function waysToShare(legs: number, makers: number): readonly (readonly number[])[] {
  return Array.from({ length: makers ** legs }, (_, way) =>
    Array.from({ length: legs }, (__, leg) => Math.floor(way / makers ** leg) % makers),
  );
}
