/**
 * What margin must be whatever is held, on 10,000 random portfolios under the default grids, a quarter for each property: up to
 * 16 strikes on up to four expiries, some while a larger move waits, some inside their averaging window, some settled.
 * MARGIN_PORTFOLIOS sets how many for each.
 *
 * Deviations, all of them rounding or basis:
 * - Sums and multiples differ by what rounding each valuation down to the quote unit takes: one unit a portfolio.
 * - A box is worth its width in every scenario, exactly: call and put differ by F′ − K to the wei.
 * - A parity hedge (base, short call, long put) loses where the forward is not spot: a shock s moves base by s·S and the
 *   forward by s·F (inside the averaging window by less: only its open part). That is s·|F − S| at worst, no contingency.
 * - A covered call is worth at least S′ − F′, which is not positive where the forward is above spot.
 */

import { expect, test } from "vitest";
import {
  front,
  type MarginFacts,
  type MarginPosition,
  scenarioMargin,
  scenarioValues,
  unpackGrid,
} from "../../pricing/fixed/index.ts";
import { defaultGrids } from "../../src/chain/parameters.ts";
import { Random } from "./random.ts";
import { drawScene, factsOf } from "./riskHarness.ts";

const portfolios = Number(process.env.MARGIN_PORTFOLIOS ?? 2500);
const QUOTE_DECIMALS = 6;
const RAW_PER_UNIT = 10n ** 18n;
const timeout = 1_800_000;

/** On slices that the oracle would take: ψ at most 4. */
function drawFacts(random: Random): MarginFacts {
  for (;;) {
    const scene = drawScene(random, false);
    if ([...scene.boards, ...(scene.waiting?.boards ?? [])].some(({ psiWad }) => psiWad > 4n * 10n ** 18n)) continue;
    return factsOf(scene, defaultGrids.initial, defaultGrids.contingencies, QUOTE_DECIMALS);
  }
}

const worstOf = (facts: MarginFacts) => scenarioMargin(facts).worst;
const scaled = (facts: MarginFacts, by: bigint): MarginFacts => ({
  ...facts,
  baseSize: facts.baseSize * by,
  positions: facts.positions.map((position) => ({ ...position, calls: position.calls * by, puts: position.puts * by })),
});
const absolute = (x: bigint) => (x < 0n ? -x : x);

test(`${portfolios} portfolios cut in two: apart they need no less than together`, { timeout }, () => {
  const random = new Random(1);
  let hedged = 0;
  for (let i = 0; i < portfolios; i++) {
    const whole = drawFacts(random);
    const cut = random.below(whole.positions.length + 1);
    const [a, b] = [whole.positions.slice(0, cut), whole.positions.slice(cut)];
    const apart = worstOf({ ...whole, positions: a, baseSize: 0n }) + worstOf({ ...whole, positions: b });
    const together = worstOf(whole);
    expect(together + 1n).toBeGreaterThanOrEqual(apart);
    if (together > apart + 1n) hedged++;
  }
  expect(hedged).toBeGreaterThan(portfolios / 4);
});

test(`${portfolios} portfolios: no scenario that is left out is worse than those that are looked at`, {
  timeout,
}, () => {
  const random = new Random(5);
  for (let i = 0; i < portfolios; i++) {
    const facts = drawFacts(random);
    const { market, worst, stressed, contingency } = scenarioMargin(facts);
    const scenarios = scenarioValues(facts, market);
    const least = (values: readonly bigint[]) => values.reduce((low, value) => (value < low ? value : low));
    // Each is rounded to the unit by itself.
    expect(worst).toBeLessThanOrEqual(least(scenarios.map(({ weighted }) => weighted)) - contingency + 2n);
    expect(stressed).toBeLessThanOrEqual(least(scenarios.map(({ value }) => value)) + 1n);
  }
  const grid = unpackGrid(defaultGrids.initial);
  const looked = (["any", "short", "shortCalls", "shortPuts", "long"] as const).map(
    (shape) => front(grid, shape).length,
  );
  expect(looked, "of the scenarios that markets begin with").toEqual([17, 9, 4, 4, 9]);
});

test(`${portfolios} portfolios grown: the worst value grows in proportion`, { timeout }, () => {
  const random = new Random(2);
  for (let i = 0; i < portfolios; i++) {
    const facts = drawFacts(random);
    const by = BigInt(2 + random.below(9));
    const [once, grown] = [worstOf(facts), worstOf(scaled(facts, by))];
    // Rounded down once, and `by` times; raw units are lost in the contingencies and between spots.
    expect(absolute(grown - once * by)).toBeLessThanOrEqual(by + 1n);
  }
});

test(`${portfolios} riskless books need no more than their contingencies`, { timeout }, () => {
  const random = new Random(3);
  const seen = { box: 0, parity: 0, covered: 0 };
  for (let i = 0; i < portfolios; i++) {
    const drawn = drawFacts(random);
    const { unconfirmed: _, ...facts } = drawn;
    const board = random.below(facts.confirmed.boards.length);
    const { forwardWad, fixedWad, settled } = facts.confirmed.boards[board]!;
    if (settled) continue;
    const { spotWad } = facts.confirmed;
    const strikeAt = () => (forwardWad * random.logWad(0.6, 1.6)) / 10n ** 18n;
    const size = 10_000n + BigInt(random.below(100_000_000));
    const at = (strikeWad: bigint, calls: bigint, puts: bigint): MarginPosition => ({ strikeWad, calls, puts, board });
    const need = (positions: readonly MarginPosition[], baseSize: bigint) => {
      const { worst, mid, contingency } = scenarioMargin({ ...facts, positions, baseSize });
      return { worst, mid, allowed: contingency + 2n };
    };

    const [low, high] = [strikeAt(), strikeAt()];
    const box = need([at(low, size, -size), at(high, -size, size)], 0n);
    expect(box.worst).toBeGreaterThanOrEqual(box.mid - box.allowed);
    seen.box++;

    // How far base and forward come apart under the furthest shock that counts whole or in part, 60 %.
    const gapWad = absolute(forwardWad - spotWad) + fixedWad;
    const apart = (size * gapWad * 6n) / 10n / RAW_PER_UNIT;
    const parity = need([at(low, -size, size)], size);
    expect(parity.worst).toBeGreaterThanOrEqual(parity.mid - parity.allowed - apart);
    seen.parity++;

    const covered = need([at(low, -size, 0n)], size);
    const above = fixedWad === 0n ? (forwardWad > spotWad ? forwardWad - spotWad : 0n) : gapWad;
    expect(covered.worst).toBeGreaterThanOrEqual(-covered.allowed - (size * above * 2n) / RAW_PER_UNIT);
    seen.covered++;
  }
  expect(Math.min(seen.box, seen.parity, seen.covered)).toBeGreaterThan(portfolios / 2);
});

/** Grids are compared scenario by scenario when they are set; of a book that is worth least inside of the wide grid this says nothing. */
test(`${portfolios} portfolios: initial margin is at least maintenance margin for nearly all`, { timeout }, () => {
  const random = new Random(4);
  let [exceptions, worstShare] = [0, 0];
  for (let i = 0; i < portfolios; i++) {
    const initial = drawFacts(random);
    const maintenance = { ...initial, scenarios: unpackGrid(defaultGrids.maintenance) };
    const [wide, narrow] = [scenarioMargin(initial), scenarioMargin(maintenance)];
    if (narrow.worst + 1n >= wide.worst) continue;
    exceptions++;
    const gross = initial.positions.reduce((sum, { calls, puts }) => sum + absolute(calls) + absolute(puts), 0n);
    const notional = (gross * initial.confirmed.spotWad) / RAW_PER_UNIT;
    worstShare = Math.max(worstShare, Number(wide.worst - narrow.worst) / Number(notional));
  }
  // Seen: 6 of 2,500, by 0.04 % of the notional at most.
  expect(exceptions).toBeLessThan(portfolios / 100);
  expect(worstShare).toBeLessThan(0.002);
});
