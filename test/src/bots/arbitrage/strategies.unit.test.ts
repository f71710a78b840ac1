import { describe, expect, test } from "vitest";
import { noGreeks } from "../../../../src/bots/arbitrage/greeks.ts";
import { inventoryPlans } from "../../../../src/bots/arbitrage/inventory.ts";
import { PoolMaker } from "../../../../src/bots/arbitrage/makers.ts";
import { type ListedExpiry, packagesOf } from "../../../../src/bots/arbitrage/packages.ts";
import { parityPlans } from "../../../../src/bots/arbitrage/parity.ts";
import { type ArbitrageFacts, baseCash, type Plan, type PlanKind } from "../../../../src/bots/arbitrage/plan.ts";
import { type ReferenceQuote, referencePlans } from "../../../../src/bots/arbitrage/reference.ts";
import { capitalCost, gasCostOf } from "../../../../src/bots/arbitrage/rules.ts";
import { hedgePlan, spotPlan } from "../../../../src/bots/arbitrage/spot.ts";
import { fromSize, type OptionTerms, toOptionId, toSize } from "../../../../src/chain/optionId.ts";
import { sqrtPriceOf } from "../../../../src/chain/uniswapV3.ts";
import {
  curveAt,
  factsWith,
  limits,
  MONTH,
  option,
  oracleFacts,
  poolFacts,
  rules,
  ShiftedMaker,
  SPOT,
  WEEK,
} from "./paperMarket.ts";

const CALL = option(MONTH, 2_700, "call");
const listed: readonly ListedExpiry[] = [WEEK, MONTH].map((expiry) => ({
  marketId: 1,
  expiry,
  forward: SPOT,
  strikes: [2_500, 2_600, 2_700, 2_800, 2_900],
}));

/** What the reference says: the surface at another volatility, with a spread of half a per cent of it. */
function referenceAt(volatility: number, terms = CALL): ReferenceQuote {
  const value = new PoolMaker(oracleFacts(volatility), poolFacts()).mid(terms) ?? 0;
  return { terms, bid: 0.9975 * value, ask: 1.0025 * value };
}

const plansFor = (facts: ArbitrageFacts, quote: ReferenceQuote, changed = rules, bounds = limits) =>
  referencePlans(facts, [quote], noGreeks, changed, bounds);

/** The gain of every size by one lot after another, recomputed here from what the plan says it does. */
function bruteForce(
  facts: ArbitrageFacts,
  plan: Plan,
  value: number,
): { readonly contracts: number; readonly gain: number } {
  const [swap] = plan.swaps;
  const [leg] = swap!.legs;
  const side = leg!.size > 0n ? 1n : -1n;
  const greeks = facts.greeksOf(leg!.terms)!;
  let best = { contracts: 0, gain: 0 };
  for (let lots = 1n; lots <= 40_000n; lots++) {
    const size = side * facts.lot * lots;
    const cash = swap!.maker.quote([{ terms: leg!.terms, size }]);
    if (cash === undefined) break;
    const contracts = fromSize(size);
    const base = BigInt(Math.round(-greeks.delta * contracts * 1e6)) * 10n ** 12n;
    const hedge = (Number(base) / 1e18) * facts.spot - baseCash(facts, base)!;
    const margin = value + (side < 0n ? rules.shortMargin * facts.spot : 0);
    const gain = contracts * value - cash + hedge - Math.abs(contracts) * capitalCost(rules, margin, 86_400);
    if (gain > best.gain) best = { contracts: Math.abs(contracts), gain };
    else if (gain < best.gain - 50) break;
  }
  return best;
}

describe("a pool against a reference", () => {
  test.each([
    { what: "dearer: it is bought", volatility: 0.66, side: 1 },
    { what: "cheaper: it is sold", volatility: 0.54, side: -1 },
  ])("an option that is $what at the size of brute force, its delta hedged", ({ volatility, side }) => {
    const facts = factsWith();
    const quote = referenceAt(volatility);
    const [plan] = plansFor(facts, quote);
    const [leg] = plan!.swaps[0]!.legs;
    expect(plan!.kind).toBe("reference");
    expect(Math.sign(Number(leg!.size))).toBe(side);
    const value = (quote.bid + quote.ask) / 2;
    const best = bruteForce(facts, plan!, value);
    expect(Math.abs(Math.abs(fromSize(leg!.size)) / best.contracts - 1)).toBeLessThan(0.01);
    expect(plan!.gain).toBeCloseTo(best.gain - gasCostOf(facts.gas, 1, true), 3);
    expect(Math.abs(plan!.greeks.delta)).toBeLessThan(1e-4);
    // What the chain is to see: gain is that and what the options are worth, less capital and gas.
    const contracts = fromSize(leg!.size);
    expect(plan!.wealth + contracts * value).toBeGreaterThan(plan!.gain);
  });

  test("is let alone while costs exceed the difference: each cost alone is enough", () => {
    const small = referenceAt(0.612);
    expect(plansFor(factsWith(), small), "spread and fee").toEqual([]);
    const quote = referenceAt(0.64);
    expect(plansFor(factsWith(), quote)).toHaveLength(1);
    expect(plansFor(factsWith({ gas: { gasPrice: 10n ** 15n, nativePrice: SPOT } }), quote), "gas").toEqual([]);
    expect(plansFor(factsWith({ uniswap: curveAt(SPOT, 1_000) }), quote), "a hedge that moves Uniswap").toEqual([]);
    expect(plansFor(factsWith(), quote, { ...rules, edgePoints: 5 }), "an uncertain reference").toEqual([]);
    expect(plansFor(factsWith(), quote, { ...rules, capitalRate: 50 }), "capital").toEqual([]);
    expect(plansFor(factsWith(), quote, { ...rules, minGain: 1e6 }), "ambition").toEqual([]);
  });

  test("against a reference's own bid and ask its spread is a cost as well", () => {
    const quote = { ...referenceAt(0.63), bid: referenceAt(0.6).bid };
    expect(plansFor(factsWith(), quote, { ...rules, spreadShare: 1 })).toEqual([]);
    expect(plansFor(factsWith(), referenceAt(0.66), { ...rules, spreadShare: 1 })).toHaveLength(1);
  });

  test("a reference that nobody can trade at is none: its spread is too wide, or crossed", () => {
    const quote = referenceAt(0.66);
    const mid = (quote.bid + quote.ask) / 2;
    expect(plansFor(factsWith(), { ...quote, bid: 0.8 * mid, ask: 1.2 * mid })).toEqual([]);
    expect(plansFor(factsWith(), { ...quote, bid: quote.ask, ask: quote.bid })).toEqual([]);
    expect(plansFor(factsWith(), { ...quote, bid: 0 })).toEqual([]);
  });

  test("no further than limits of Greeks, of size and of the pool", () => {
    const [free] = plansFor(factsWith(), referenceAt(0.7));
    const vegaOf = (plan: Plan | undefined) => Math.abs(plan?.greeks.vega ?? 0);
    const half = vegaOf(free) / 2;
    const [bounded] = plansFor(factsWith(), referenceAt(0.7), rules, { ...limits, vega: half });
    expect(vegaOf(bounded)).toBeLessThanOrEqual(half);
    expect(vegaOf(bounded)).toBeGreaterThan(0.98 * half);
    const [few] = plansFor(factsWith(), referenceAt(0.7), { ...rules, maxContracts: 3 });
    expect(few?.swaps[0]?.legs[0]?.size).toBe(toSize(3));
    const tight = poolFacts({ parameters: { ...poolFacts().parameters, vegaFlowLimit: 10n ** 15n } });
    const [little] = plansFor(factsWith({ makers: [new PoolMaker(oracleFacts(), tight)] }), referenceAt(0.7));
    expect(vegaOf(little)).toBeLessThan(vegaOf(free) / 10);
    const old = poolFacts({ markedRound: 6 });
    expect(plansFor(factsWith({ makers: [new PoolMaker(oracleFacts(), old)] }), referenceAt(0.7)), "unmarked").toEqual(
      [],
    );
  });
});

describe("packages across makers", () => {
  const clean = new PoolMaker(oracleFacts(), poolFacts());
  const free = { ...rules, capitalRate: 0 };
  const plan = (facts: ArbitrageFacts) => parityPlans(facts, listed, noGreeks, free, limits);
  const bestOf = (facts: ArbitrageFacts, kind: PlanKind) => plan(facts).find((each) => each.kind === kind);

  test("clean makers, however loaded, offer nothing", () => {
    const loaded = new PoolMaker(
      oracleFacts(),
      poolFacts({ inventory: [0n, 400_000_000_000n, 0n, 0n], reserveWad: 10n ** 22n }),
    );
    expect(plan(factsWith({ makers: [clean, loaded] }))).toEqual([]);
  });

  test.each([
    { kind: "crossing", terms: option(WEEK, 2_700, "call"), shift: 30 },
    { kind: "parity", terms: option(WEEK, 2_700, "call"), shift: 30 },
    { kind: "vertical", terms: option(WEEK, 2_700, "call"), shift: 120 },
    { kind: "butterfly", terms: option(WEEK, 2_700, "call"), shift: 60 },
    { kind: "calendar", terms: option(WEEK, 2_700, "call"), shift: 200 },
    { kind: "box", terms: option(WEEK, 2_700, "call"), shift: 40 },
  ] as const)("a planted $kind is found, at the size of brute force", ({ kind, terms, shift }) => {
    const facts = factsWith({ makers: [clean, new ShiftedMaker(clean, [[terms, shift]])] });
    const found = bestOf(facts, kind);
    expect(found, kind).toBeDefined();
    const legs = found!.swaps.flatMap((swap) => swap.legs);
    expect(legs.some((leg) => toOptionId(leg.terms) === toOptionId(terms) && leg.size < 0n)).toBe(true);
    const best = bestByOneLotAfterAnother(facts, found!);
    expect(Math.abs(largestOf(found!) / best.largest - 1)).toBeLessThan(0.01);
    const gas = gasCostOf(facts.gas, legs.length, found!.base !== 0n);
    expect((found!.gain + gas) / best.gain).toBeCloseTo(1, 3);
  });

  test("a difference that does not pay its costs is let alone", () => {
    const dear = factsWith({ makers: [clean, new ShiftedMaker(clean, [[CALL, 2]])] });
    expect(plan(dear)).toEqual([]);
    const shifted = [clean, new ShiftedMaker(clean, [[CALL, 30]])];
    expect(plan(factsWith({ makers: shifted })).length).toBeGreaterThan(0);
    expect(plan(factsWith({ makers: shifted, gas: { gasPrice: 10n ** 16n, nativePrice: SPOT } }))).toEqual([]);
  });

  test("parity is found where Uniswap's price is what is wrong", () => {
    const cheap = bestOf(factsWith({ uniswap: curveAt(SPOT * 0.97) }), "parity");
    expect(cheap?.base).toBeGreaterThan(0n);
    expect(bestOf(factsWith({ uniswap: curveAt(SPOT * 0.999) }), "parity")).toBeUndefined();
  });
});

const signedIds = (legs: readonly { readonly terms: OptionTerms; readonly side: number }[]) =>
  legs
    .map(({ terms, side }) => `${toOptionId(terms)} ${Math.sign(side)}`)
    .toSorted()
    .join();

/** The package behind a plan, and the best number of its lots by looking at each: what is paid for certain less what all of it costs. */
function bestByOneLotAfterAnother(facts: ArbitrageFacts, plan: Plan) {
  const planned = plan.swaps.flatMap(({ legs }) => legs.map(({ terms, size }) => ({ terms, side: Number(size) })));
  const bundle = [...packagesOf(listed)].find(({ kind, legs }) => {
    return kind === plan.kind && signedIds(legs.map((leg) => ({ ...leg, side: leg.contracts }))) === signedIds(planned);
  });
  if (!bundle) throw new Error("the plan is of no package");
  const contractsOf = (terms: OptionTerms, side: number) =>
    bundle.legs.find((leg) => toOptionId(leg.terms) === toOptionId(terms) && Math.sign(leg.contracts) === side)!
      .contracts;
  const heaviest = Math.max(...bundle.legs.map(({ contracts }) => Math.abs(contracts)));
  let best = { largest: 0, gain: 0 };
  for (let lots = 1; lots <= rules.maxContracts / heaviest / 0.01; lots += 25) {
    const amount = lots / 100;
    const base = toSize(bundle.base * amount) * 10n ** 12n;
    let gain = amount * bundle.floor - baseCash(facts, base)! - Math.abs(bundle.base) * amount * SPOT * 0.0005;
    for (const { maker, legs } of plan.swaps) {
      const scaled = legs.map(({ terms, size }) => {
        const contracts = contractsOf(terms, Math.sign(Number(size)));
        return { terms, size: BigInt(Math.ceil(contracts * amount * 1e6 - 1e-6)) };
      });
      gain -= maker.quote(scaled) ?? Infinity;
    }
    if (gain > best.gain) best = { largest: heaviest * amount, gain };
    else if (gain < best.gain - 20) break;
  }
  return best;
}

function largestOf({ swaps }: Plan): number {
  return Math.max(...swaps.flatMap(({ legs }) => legs.map(({ size }) => Math.abs(fromSize(size)))));
}

describe("spot on Uniswap v3", () => {
  test.each([0.99, 0.997, 1.004, 1.02])("at %d of spot it is traded to where the next unit gains nothing", (share) => {
    const facts = factsWith({ uniswap: curveAt(SPOT * share) });
    const plan = spotPlan(facts, rules, 0, 1e9)!;
    expect(Math.sign(Number(plan.base))).toBe(share < 1 ? 1 : -1);
    const gainOf = (base: bigint) => (Number(base) / 1e18) * SPOT - baseCash(facts, base)!;
    const best = gainOf(plan.base);
    expect(plan.gain).toBeCloseTo(best - gasCostOf(facts.gas, 0, true), 6);
    for (const part of [900n, 990n, 1_010n, 1_100n]) {
      expect(gainOf((plan.base * part) / 1_000n), `${part} ‰`).toBeLessThan(best);
    }
  });

  test("inside its fee, below what gas costs, and beyond a bound it is let alone", () => {
    expect(spotPlan(factsWith({ uniswap: curveAt(SPOT * 1.0004) }), rules, 0, 1e9)).toBeUndefined();
    const poor = factsWith({ uniswap: curveAt(SPOT * 1.001), gas: { gasPrice: 10n ** 14n, nativePrice: SPOT } });
    expect(spotPlan(poor, rules, 0, 1e9)).toBeUndefined();
    const cheap = factsWith({ uniswap: curveAt(SPOT * 0.99) });
    expect(spotPlan(cheap, rules, 0, 2)?.base).toBe(2n * 10n ** 18n);
    expect(spotPlan(cheap, rules, -3, 2)?.base, "through zero to the band's edge").toBe(5n * 10n ** 18n);
    expect(spotPlan(cheap, rules, 2, 2)).toBeUndefined();
  });

  test("delta outside of its band is traded away, but not at any price", () => {
    const terms = { band: 1, maxCost: 0.002 };
    expect(hedgePlan(factsWith(), 0.9, terms)).toBeUndefined();
    expect(hedgePlan(factsWith(), -3, terms)?.base).toBe(3n * 10n ** 18n);
    expect(hedgePlan(factsWith(), 3, terms)?.greeks.delta).toBe(-3);
    expect(hedgePlan(factsWith({ uniswap: curveAt(SPOT * 1.01) }), -3, terms)).toBeUndefined();
  });

  test("a swap that runs out of known liquidity is none", () => {
    const curve = curveAt(SPOT, 1_000);
    expect(curve.trade(10n ** 24n)).toBeUndefined();
    expect(curve.tradeTo(SPOT).base).toBe(0n);
    expect(curve.tradeTo(SPOT * 1.1).sqrtPriceX96).toBe(sqrtPriceOf(SPOT * 1.1 * (1 - 0.0005), curve.state));
  });
});

describe("what the account holds", () => {
  const held = (contracts: number) => ({
    positions: new Map([[toOptionId(CALL), toSize(contracts)]]),
    base: 0,
  });
  /** The pool is long what we would buy back and has collected impact for it. */
  const loaded = new PoolMaker(
    oracleFacts(),
    poolFacts({
      inventory: [0n, -60_000_000_000n, 0n, 0n],
      reserveWad: 300n * 10n ** 18n,
      positions: new Map([[toOptionId(CALL), toSize(200)]]),
    }),
  );

  test("is closed where the pool's price is better than the reference's and waiting", () => {
    const facts = factsWith({ makers: [loaded], holdings: held(-20) });
    const [plan] = inventoryPlans(facts, [referenceAt(0.64)], rules);
    expect(plan?.kind).toBe("inventory");
    expect(plan?.swaps[0]?.legs[0]?.size).toBe(toSize(20));
    expect(plan?.greeks.vega).toBeGreaterThan(0);
  });

  test("is kept where it is not, and where there is nothing", () => {
    expect(inventoryPlans(factsWith({ makers: [loaded], holdings: held(-20) }), [referenceAt(0.58)], rules)).toEqual(
      [],
    );
    expect(inventoryPlans(factsWith({ makers: [loaded] }), [referenceAt(0.63)], rules)).toEqual([]);
  });
});
