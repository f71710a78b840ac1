import { expect, test } from "vitest";
import { type MarginFacts, type MarginPosition, scenarioMargin, unpackGrid } from "../../pricing/fixed/index.ts";
import { contributions, liquidationSpots, marginWith, scenarioTable } from "../../pricing/scenarioMargin.ts";
import { defaultGrids } from "../../src/chain/parameters.ts";

const WAD = 10n ** 18n;
const ONE = 1_000_000n;
const usd = (x: number) => BigInt(Math.round(x * 1e6));
const month = 30n * 86_400n;

/** Spot 3,000, one expiry in 30 days at 60 %, a skew. */
const empty: MarginFacts = {
  scenarios: unpackGrid(defaultGrids.maintenance),
  contingencies: defaultGrids.contingencies,
  positions: [],
  baseSize: 0n,
  confirmed: {
    spotWad: 3000n * WAD,
    boards: [
      {
        effectiveSeconds: month,
        forwardWad: 3000n * WAD,
        thetaWad: 29_589_041_095_890_411n,
        psiWad: 59_178_082_191_780_822n,
        rhoWad: -300_000_000_000_000_000n,
        settled: false,
        fixedWad: 0n,
      },
    ],
  },
  disagreementWad: 0n,
  staleSpotWad: 0n,
  quoteDecimals: 6,
};
const at = (strike: number, calls: bigint, puts: bigint): MarginPosition => ({
  strikeWad: BigInt(strike) * WAD,
  calls,
  puts,
  board: 0,
});
const holding = (...positions: MarginPosition[]): MarginFacts => ({ ...empty, positions });

test("a hypothetical trade counts as if it were held, and a close frees its short", () => {
  const short = holding(at(3000, -ONE, 0n));
  expect(marginWith(empty, short.positions)).toEqual(scenarioMargin(short));
  expect(marginWith(short, [at(3000, ONE, 0n)]).worst).toBe(0n);
  expect(marginWith(short, [at(3300, ONE, 0n)]).worst).toBeGreaterThan(scenarioMargin(short).worst);
});

test("the table shows every scenario, the present first, and marks the worst", () => {
  const facts = holding(at(3000, 0n, -ONE));
  const table = scenarioTable(facts);
  expect(table).toHaveLength(17);
  expect(table[0]).toMatchObject({ value: scenarioMargin(facts).mid, weighted: scenarioMargin(facts).mid });
  const worst = table.filter(({ isWorst }) => isWorst);
  expect(worst).toHaveLength(1);
  expect(worst[0]!.spotShockWad).toBeLessThan(0n);
  expect(worst[0]!.weighted).toBe(table.reduce((least, { weighted }) => (weighted < least ? weighted : least), 0n));
});

test("a leg that hedges has a negative part, and the legs add up where the account is worth least", () => {
  const facts = holding(at(3000, -ONE, 0n), at(3300, ONE, 0n));
  const [short, long] = contributions(facts);
  expect(short!.marginal).toBeGreaterThan(0n);
  expect(long!.marginal).toBeLessThan(0n);
  const worst = scenarioTable(facts).find(({ isWorst }) => isWorst)!;
  expect(Number(short!.inWorst + long!.inWorst - worst.value)).toBeCloseTo(0, -1);
});

test("a short put is liquidated below, a short call above, a strangle on both sides, a long never", () => {
  const cash = usd(900);
  const put = liquidationSpots(holding(at(2700, 0n, -ONE)), cash);
  expect(put.above).toBeUndefined();
  expect(put.below).toBeLessThan(3000n * WAD);
  const call = liquidationSpots(holding(at(3300, -ONE, 0n)), cash);
  expect(call.below).toBeUndefined();
  expect(call.above).toBeGreaterThan(3000n * WAD);
  const strangle = liquidationSpots(holding(at(2700, 0n, -ONE), at(3300, -ONE, 0n)), cash);
  expect(strangle.below).toBeLessThan(3000n * WAD);
  expect(strangle.above).toBeGreaterThan(3000n * WAD);
  expect(liquidationSpots(holding(at(3000, ONE, ONE)), usd(100))).toEqual({});
});

test("at the level it names an account is unhealthy, and a millionth of spot nearer it is not", () => {
  const facts = holding(at(2700, 0n, -ONE), at(3300, -ONE, 0n));
  const cash = usd(900);
  const { below, above } = liquidationSpots(facts, cash);
  const healthAt = (spotWad: bigint) => {
    const boards = facts.confirmed.boards.map((board) => ({ ...board, forwardWad: spotWad }));
    return scenarioMargin({ ...facts, confirmed: { boards, spotWad } }).worst + cash;
  };
  const step = (3000n * WAD) / 1_000_000n;
  expect(healthAt(below!)).toBeLessThan(0n);
  expect(healthAt(below! + step)).toBeGreaterThanOrEqual(0n);
  expect(healthAt(above!)).toBeLessThan(0n);
  expect(healthAt(above! - step)).toBeGreaterThanOrEqual(0n);
});

test("an account that is not healthy now is liquidated where spot stands", () => {
  const facts = holding(at(3000, 0n, -ONE));
  expect(liquidationSpots(facts, 0n)).toEqual({ below: 3000n * WAD, above: 3000n * WAD });
});
