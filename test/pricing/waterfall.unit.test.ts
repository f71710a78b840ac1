import { describe, expect, test } from "vitest";
import {
  type MarginBoard,
  type MarginMarket,
  type MarginPosition,
  noContingencies,
  scenarioMargin,
  scenarioValues,
  unpackGrid,
} from "../../pricing/fixed/index.ts";
import { type WaterfallAccount, type WaterfallFacts, waterfall } from "../../pricing/waterfall.ts";
import { defaultGrids } from "../../src/chain/parameters.ts";
import { Random } from "./random.ts";

const WAD = 10n ** 18n;
const usd = (x: number) => BigInt(Math.round(x * 1e6));
const size = usd;
const shock = (percent: number, weightPercent = 100n) => ({
  spotShockWad: (BigInt(percent) * WAD) / 100n,
  volatilityShockWad: 0n,
  isInverted: false,
  weightPercent,
});

/** A surface so quiet that an option away from the money is worth what it would pay: numbers can be worked out by hand. */
const quiet: MarginBoard = {
  effectiveSeconds: 86_400n,
  forwardWad: 1_000n * WAD,
  thetaWad: 10n ** 8n,
  psiWad: 10n ** 8n,
  rhoWad: 0n,
  settled: false,
  fixedWad: 0n,
};
const settledAt1200: MarginBoard = { ...quiet, forwardWad: 1_200n * WAD, settled: true };
const market: MarginMarket = { spotWad: 1_000n * WAD, boards: [quiet, quiet, settledAt1200] };

const call = (strike: number, contracts: number, board = 0): MarginPosition => ({
  strikeWad: BigInt(strike) * WAD,
  calls: size(contracts),
  puts: 0n,
  board,
});
const put = (strike: number, contracts: number): MarginPosition => ({
  ...call(strike, 0),
  puts: size(contracts),
});
const account = (held: Partial<WaterfallAccount>): WaterfallAccount => ({
  positions: [],
  baseSize: 0n,
  cash: 0n,
  debt: 0n,
  credit: 0n,
  isMaker: false,
  backstop: 0n,
  ...held,
});
const book = (fund: number, ...accounts: readonly WaterfallAccount[]): WaterfallFacts => ({
  scenarios: [shock(0), shock(-20), shock(20), shock(50, 30n)],
  market,
  disagreementWad: 0n,
  quoteDecimals: 6,
  accounts,
  fund: usd(fund),
});
const rows = (...args: Parameters<typeof book>) => waterfall(book(...args));

/** Ten calls at 1,100: nothing now, 1,000 owed at +20 %, 4,000 at +50 %. */
const writer = account({ positions: [call(1_100, -10)], cash: usd(1_500) });

describe("an account that a scenario brings below zero", () => {
  test("pays with its collateral, then the fund as far as it reaches, then the holders", () => {
    const [present, down, up, tail] = rows(2_000, writer);
    for (const row of [present!, down!, up!]) {
      expect(row).toMatchObject({ failing: 0, collateralLost: 0n, shortfall: 0n, fundPays: 0n, unpaid: 0n });
      expect(row).toMatchObject({ payoutRatioWad: WAD, isWorst: false });
    }
    expect(up!.accounts[0]).toMatchObject({ equity: usd(500), owed: usd(1_000) });
    // The tail weighs 30 % in margin, where the account would still have 1,500 − 1,200: here it counts whole.
    expect(tail).toMatchObject({
      failing: 1,
      collateralLost: usd(1_500),
      shortfall: usd(2_500),
      fundPays: usd(2_000),
      unpaid: usd(500),
      claims: usd(4_000),
      payoutRatioWad: (WAD * 875n) / 1_000n,
      isWorst: true,
    });
    expect(tail!.accounts[0]).toEqual({
      collateral: usd(1_500),
      equity: usd(-2_500),
      shortfall: usd(2_500),
      owed: usd(4_000),
    });
  });

  test("is the holders' loss alone where the fund is empty, or has less than is set aside", () => {
    for (const fund of [0, -700]) {
      const tail = rows(fund, writer)[3]!;
      expect(tail).toMatchObject({ shortfall: usd(2_500), fundPays: 0n, unpaid: usd(2_500) });
      expect(tail.payoutRatioWad).toBe((WAD * 375n) / 1_000n);
    }
  });

  test("costs holders nothing where the fund is large enough", () => {
    expect(rows(2_500, writer)[3]).toMatchObject({ fundPays: usd(2_500), unpaid: 0n, payoutRatioWad: WAD });
  });

  test("was insolvent before: the present has its shortfall too", () => {
    const [present] = rows(50, account({ positions: [call(900, -1)], cash: usd(20) }));
    expect(present).toMatchObject({ failing: 1, shortfall: usd(80), fundPays: usd(50), unpaid: usd(30) });
    expect(present!.payoutRatioWad).toBe((WAD * 70n) / 100n);
  });
});

describe("two accounts", () => {
  test("of opposite sides do not net: one owes, the other's gain pays nothing of it", () => {
    const holder = account({ positions: [call(1_100, 10)], cash: usd(100) });
    const all = rows(0, writer, holder);
    for (const { accounts } of all) {
      expect(accounts[0]!.equity + accounts[1]!.equity, "a call's two sides cancel").toBe(usd(1_600));
    }
    expect(all[3]).toMatchObject({ failing: 1, shortfall: usd(2_500), claims: usd(4_000) });
    expect(all[3]!.accounts[1]).toMatchObject({ equity: usd(4_100), shortfall: 0n, owed: 0n });
  });

  test("fail on different sides, and the worst row is the larger shortfall", () => {
    // Five puts at 900 cost 500 at −20 %; ten calls fail at +50 % alone.
    const below = account({ positions: [put(900, -5)], cash: usd(100) });
    const [, down, , tail] = rows(3_000, writer, below);
    expect(down).toMatchObject({ failing: 1, shortfall: usd(400), fundPays: usd(400), isWorst: false });
    expect(tail).toMatchObject({ failing: 1, shortfall: usd(2_500), fundPays: usd(2_500), isWorst: true });
    expect(rows(3_000, writer, below).filter(({ isWorst }) => isWorst)).toHaveLength(1);
  });
});

describe("one account's positions", () => {
  test("net inside an expiry, as settlement nets them", () => {
    const spread = account({ positions: [call(1_100, -10), call(1_200, 10)], cash: usd(1_000) });
    expect(rows(0, spread)[3]!.accounts[0]).toMatchObject({ equity: 0n, shortfall: 0n, owed: usd(1_000) });
  });

  test("do not net in what others are due over two expiries, though the account stays whole", () => {
    const calendar = account({ positions: [call(1_100, -10, 0), call(1_100, 10, 1)] });
    expect(rows(0, calendar)[3]).toMatchObject({ failing: 0, shortfall: 0n, claims: usd(4_000), payoutRatioWad: WAD });
  });

  test("stand beside base collateral, which moves with spot", () => {
    const covered = account({ positions: [call(1_100, -3)], baseSize: size(2) });
    const [present, down, , tail] = rows(0, covered);
    expect(present!.accounts[0]).toMatchObject({ collateral: usd(2_000), equity: usd(2_000) });
    expect(down!.accounts[0]).toMatchObject({ collateral: usd(1_600), equity: usd(1_600) });
    expect(tail!.accounts[0]).toMatchObject({ collateral: usd(3_000), equity: usd(1_800), owed: usd(1_200) });
  });
});

test("a settled short, a debt and a credit count alike in every scenario", () => {
  const debtor = account({
    positions: [call(1_000, -1, 2)],
    cash: usd(40),
    debt: usd(30),
    credit: usd(150),
  });
  for (const row of rows(10, debtor)) {
    expect(row.accounts[0]).toEqual({
      collateral: usd(190),
      equity: usd(-40),
      shortfall: usd(40),
      owed: usd(230),
    });
    expect(row).toMatchObject({ fundPays: usd(10), unpaid: usd(30), payoutRatioWad: (WAD * 200n) / 230n });
  }
});

describe("a pool", () => {
  const pool = (cash: number) => account({ positions: [call(1_100, -10)], cash: usd(cash), isMaker: true });

  test("takes its loss out of what its LPs have", () => {
    const [present, , up, tail] = rows(0, pool(5_000));
    expect([present!.makersLoss, up!.makersLoss, tail!.makersLoss]).toEqual([0n, usd(1_000), usd(4_000)]);
    expect(tail).toMatchObject({ failing: 0, makersShortfall: 0n, isWorst: true });
  });

  test("loses no more than it has: the rest is a shortfall as anybody's", () => {
    const tail = rows(200, pool(3_000), writer)[3]!;
    expect(tail).toMatchObject({ failing: 2, makersLoss: usd(3_000), makersShortfall: usd(1_000) });
    expect(tail).toMatchObject({ shortfall: usd(3_500), fundPays: usd(200), unpaid: usd(3_300) });
  });

  test("behind the fund pays after it and before the holders, up to what it can", () => {
    const behind = account({ cash: usd(9_000), isMaker: true, backstop: usd(1_000) });
    const tail = (fund: number) => rows(fund, behind, writer)[3]!;
    expect(tail(2_000)).toMatchObject({
      shortfall: usd(2_500),
      fundPays: usd(2_000),
      backstopsPay: usd(500),
      unpaid: 0n,
    });
    expect(tail(0)).toMatchObject({ fundPays: 0n, backstopsPay: usd(1_000), unpaid: usd(1_500) });
    expect(tail(0).payoutRatioWad).toBe((WAD * 2_500n) / 4_000n);
    expect(tail(0).makersLoss).toBe(0n); // by its own book
    expect(tail(3_000)).toMatchObject({ fundPays: usd(2_500), backstopsPay: 0n });
  });

  test("that gains has a negative loss", () => {
    const [, , , tail] = rows(0, account({ positions: [call(1_100, 1)], isMaker: true }));
    expect(tail!.makersLoss).toBe(usd(-400));
  });
});

test("without accounts nothing is due and everything is paid", () => {
  for (const row of rows(0)) expect(row).toMatchObject({ claims: 0n, shortfall: 0n, payoutRatioWad: WAD });
});

test("on the default grid sums agree, the ratio is a share, and every value is the margin twin's", () => {
  const random = new Random(7);
  const pick = (low: number, high: number) => low + random.below(high - low + 1);
  const month: MarginBoard = {
    ...quiet,
    effectiveSeconds: 30n * 86_400n,
    thetaWad: 29_589_041_095_890_411n,
    psiWad: 59_178_082_191_780_822n,
    rhoWad: -300_000_000_000_000_000n,
  };
  const boards = [month, { ...month, effectiveSeconds: 90n * 86_400n }, settledAt1200];
  const accounts = Array.from({ length: 25 }, (_, i) =>
    account({
      positions: Array.from({ length: pick(0, 4) }, () => ({
        strikeWad: BigInt(pick(6, 15)) * 100n * WAD,
        calls: BigInt(pick(-5_000_000, 5_000_000)),
        puts: BigInt(pick(-5_000_000, 5_000_000)),
        board: pick(0, 2),
      })),
      baseSize: BigInt(pick(0, 3_000_000)),
      cash: usd(pick(0, 1_500)),
      debt: usd(pick(0, 3) === 0 ? pick(0, 500) : 0),
      credit: usd(pick(0, 3) === 0 ? pick(0, 500) : 0),
      isMaker: i === 0,
      backstop: i === 0 ? usd(300) : 0n,
    }),
  );
  const scenarios = unpackGrid(defaultGrids.initial);
  const facts = { ...book(2_000, ...accounts), scenarios, market: { ...market, boards }, disagreementWad: WAD / 100n };
  const all = waterfall(facts);
  expect(all.some(({ unpaid }) => unpaid > 0n)).toBe(true);
  for (const row of all) {
    expect(row.fundPays + row.backstopsPay + row.unpaid).toBe(row.shortfall);
    expect(row.accounts.reduce((sum, { shortfall }) => sum + shortfall, 0n)).toBe(row.shortfall);
    expect(row.unpaid).toBeLessThanOrEqual(row.claims);
    expect(row.payoutRatioWad).toBeGreaterThanOrEqual(0n);
    expect(row.payoutRatioWad).toBeLessThanOrEqual(WAD);
  }
  for (const [i, { positions, baseSize, cash, debt, credit }] of accounts.entries()) {
    const alone = {
      scenarios,
      contingencies: noContingencies,
      positions,
      baseSize,
      confirmed: facts.market,
      disagreementWad: facts.disagreementWad,
      staleSpotWad: 0n,
      quoteDecimals: 6,
    };
    const margin = scenarioMargin(alone);
    const own = cash + credit - debt;
    const equities = all.map((row) => row.accounts[i]!.equity);
    expect(equities).toEqual(scenarioValues(alone, facts.market).map(({ value }) => value + own));
    expect(equities.reduce((least, x) => (x < least ? x : least))).toBe(margin.stressed + own);
  }
});
