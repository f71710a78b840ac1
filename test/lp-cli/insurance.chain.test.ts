// `insurance waterfall` against a real chain, and what it says of a scenario against what is there once it has come true.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { AccountResult } from "../../lp-cli/commands/account.ts";
import { clearinghouseAbi } from "../../src/chain/abis.ts";
import { writeDeployment } from "../../src/chain/deployments.ts";
import { toAccountId } from "../../src/chain/optionId.ts";
import type { InsuranceView } from "../../src/sdk/insurance.ts";
import type { MarginView } from "../../src/sdk/margin.ts";
import type { WaterfallScenario, WaterfallView } from "../../src/sdk/waterfall.ts";
import { TestMarket } from "../src/sdk/testMarket.ts";
import { type Answer, commandLine } from "./commandLine.ts";

const HOUR = 3_600;
const DAY = 24 * HOUR;
const start = Date.UTC(2026, 1, 1, 8) / 1000;
const [near, far] = [start + 3 * DAY, start + 33 * DAY] as const;
const [LP, WRITER, DEBTOR, STAKER] = [16, 17, 18, 9] as const;
const STAKE = 500;
const volatility = 0.6;
const folder = mkdtempSync(join(tmpdir(), "meniscus-insurance-"));
const deploymentFile = join(folder, "deployment.json");

let market: TestMarket;
let now = start;

interface TickOptions {
  readonly volatility?: number;
  readonly average?: number;
}

async function tick(spot: number, seconds = 60, options: TickOptions = {}): Promise<void> {
  const block = await market.client.getBlock();
  now = Math.max(now + seconds, Number(block.timestamp) + 2);
  const averages = options.average === undefined ? [] : [{ expiry: near, average: options.average }];
  await market.report({ time: now, spot, volatility: options.volatility ?? volatility, averages });
}

async function run(index: number, ...words: readonly string[]): Promise<Answer> {
  return await commandLine(market, deploymentFile, index, ["--yes", ...words]);
}

async function meniscus<T>(index: number, ...words: readonly string[]): Promise<T> {
  const { code, out, err } = await run(index, "--json", ...words);
  expect(code, err).toBe(0);
  // The shape is the command's own.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return JSON.parse(out) as T;
}

const readWaterfall = () => meniscus<WaterfallView>(STAKER, "insurance", "waterfall");

async function marginOf(index: number): Promise<MarginView> {
  const { margin } = await meniscus<AccountResult>(index, "account", "show");
  if (!margin) throw new Error("a margin account has margin");
  return margin;
}

function worstOf({ scenarios }: WaterfallView): WaterfallScenario {
  const [worst, ...more] = scenarios.filter((scenario) => scenario.worst);
  expect(more).toEqual([]);
  return worst!;
}

function expectSums({ scenarios, fund }: WaterfallView): void {
  for (const { shortfall, fundPays, unpaid, claims, payoutRatio, failing, debtors, collateralLost } of scenarios) {
    expect(fundPays + unpaid).toBeCloseTo(shortfall, 5);
    expect(fundPays).toBe(Math.min(shortfall, fund.held - fund.setAside));
    expect(payoutRatio).toBeCloseTo(claims === 0 ? 1 : 1 - unpaid / claims, 9);
    expect(debtors).toHaveLength(failing);
    const sum = (of: (debtor: (typeof debtors)[number]) => number) => debtors.reduce((all, one) => all + of(one), 0);
    expect(sum((debtor) => debtor.shortfall)).toBeCloseTo(shortfall, 5);
    expect(sum((debtor) => debtor.collateralLost)).toBeCloseTo(collateralLost, 5);
  }
}

beforeAll(async () => {
  market = await TestMarket.start(start, [near, far], { marketTerms: { stressAllowance: 10n ** 12n } });
  writeDeployment(market.deployment, deploymentFile);
  for (const index of [LP, WRITER, DEBTOR, STAKER]) await market.fund(index, 1_000_000);
  await tick(2_500);
  await market.deposit(LP, 500_000);
  await tick(2_500);
  await market.mark();
  await market.claim(LP);
});

afterAll(async () => {
  await market?.anvil.stop();
  rmSync(folder, { recursive: true, force: true });
});

test("where nobody holds anything nobody can fail, whatever happens", async () => {
  const view = await readWaterfall();
  expect(view).toMatchObject({ marketId: 1, symbol: "ETH", spot: 2_500, accounts: 0, pools: 0, unconfirmed: false });
  expect(view.fund).toMatchObject({ held: 0, target: 0, stressLoss: 0, setAside: 0 });
  expect(view.scenarios).toHaveLength(17);
  for (const scenario of view.scenarios) expect(scenario).toMatchObject({ shortfall: 0, payoutRatio: 1, debtors: [] });
  const { out } = await run(STAKER, "insurance", "waterfall");
  expect(out).toContain("No account fails in any scenario.");
  expect(out).toContain("nothing is at stake now");
});

describe("with a writer who is worth less than he may owe", () => {
  beforeAll(async () => {
    await meniscus(STAKER, "insurance", "stake", String(STAKE));
    await market.openMargin(WRITER, 2_000);
    await market.openBase(WRITER, 2);
    await market.openMargin(DEBTOR, 10);
    await market.openBase(DEBTOR, 2);
    for (const [index, leg] of [
      [WRITER, { expiry: far, strike: 2_400, kind: "put", size: -10 }],
      [DEBTOR, { expiry: near, strike: 2_500, kind: "call", size: -2 }],
    ] as const) {
      const refusal = await market.refusalOf(index, 1, [leg]);
      if (refusal) throw new Error(refusal);
    }
  });

  test("the worst is a crash that the fund cannot pay, and he is the debtor", async () => {
    const view = await readWaterfall();
    expectSums(view);
    expect(view).toMatchObject({ accounts: 2, pools: 1 });
    const [present] = view.scenarios;
    expect(present).toMatchObject({ spotShock: 0, failing: 0, shortfall: 0, poolsLoss: 0 });
    const worst = worstOf(view);
    expect(worst).toMatchObject({ spotShock: -0.5, failing: 1 });
    expect(worst.fundPays).toBe(view.fund.held);
    expect(worst.unpaid).toBeGreaterThan(0);
    expect(worst.payoutRatio).toBeLessThan(1);
    expect(worst.poolsLoss, "the pool bought his puts").toBeLessThan(0);
    expect(worst.debtors).toMatchObject([{ owner: market.address(WRITER).toLowerCase(), sub: 1 }]);
    // Ten puts on a forward a thousandth above spot, a cash of 2,000 and the premium, two of base at half the price.
    expect(worst.collateralLost).toBeGreaterThan(2_000 + 2 * 1_250);
    expect(worst.shortfall + worst.collateralLost).toBeGreaterThan(10 * (2_400 - 1_252));
  });

  test("every account has in each scenario what `account show` says, and the stress losses are the chain's", async () => {
    const view = await readWaterfall();
    let stressed = 0;
    for (const index of [WRITER, DEBTOR]) {
      const { initial } = await marginOf(index);
      const shortfalls = initial.scenarios.map(({ change }) => Math.max(0, -(initial.equity + change)));
      stressed += Math.max(...shortfalls);
      const own = view.scenarios.map(
        ({ debtors }) => debtors.find(({ owner }) => owner === market.address(index).toLowerCase())?.shortfall ?? 0,
      );
      for (const [i, shortfall] of shortfalls.entries()) expect(own[i]).toBeCloseTo(shortfall, 0);
    }
    expect(stressed).toBeGreaterThan(0);
    expect(view.fund.stressLoss).toBeCloseTo(stressed, 0);
    expect(view.fund.target).toBeCloseTo(2 * view.fund.stressLoss, 5);
    const fund = await meniscus<InsuranceView>(STAKER, "insurance", "show");
    expect(view.fund).toMatchObject({ held: fund.held, unpaidDebts: fund.unpaidDebts, provisions: fund.provisions });
  });

  test("the text has a row a scenario, marks the worst and names the debtor and the fund's size", async () => {
    const { code, out } = await run(STAKER, "insurance", "waterfall", "--market", "1");
    expect(code).toBe(0);
    expect(out).toContain("ETH: who would pay if this happened now");
    expect(out).toMatch(/Amounts in USDC\. Block \d+, 2026-02-01 .* UTC, spot 2,500\.00; 2 accounts and 1 pool\./);
    expect(out).toMatch(
      /spot +volatility +fail +collateral lost +shortfall +fund pays +pools pay +unpaid +payout ratio +LPs lose/,
    );
    expect(out.match(/◄ worst/g)).toHaveLength(1);
    expect(out).toMatch(/-50\.0 % .* \d\d\.\d\d % .*◄ worst/);
    expect(out.split("\n").filter((line) => / inverted +\d/.test(line)).length).toBeGreaterThanOrEqual(2);
    expect(out).toMatch(/Largest debtors at the worst: spot -50\.0 %, volatility/);
    expect(out).toContain(`margin account 1 of ${market.address(WRITER)}`);
    expect(out).toMatch(/held +5\d\d\.\d\d +USDC/);
    expect(out).toMatch(/target +[\d,]+\.\d\d +USDC; \d+ % of its target is held/);
    expect(out).toMatch(/stress losses on chain +[\d,]+\.\d\d +USDC/);
  });

  test("a market that is none is refused with those there are", async () => {
    expect(await run(STAKER, "insurance", "waterfall", "--market", "7")).toMatchObject({
      code: 2,
      err: "✗ There is no market 7. There is 1 (ETH): --market N.",
    });
    const { code, err } = await run(STAKER, "insurance", "waterfall", "--market", "ETH");
    expect(code).toBe(2);
    expect(err).toContain('"ETH" is not a market\'s number');
  });
});

describe("an account that owes to a settlement and holds no option any more", () => {
  const debtOf = async () =>
    await market.client.readContract({
      address: market.deployment.clearinghouse,
      abi: clearinghouseAbi,
      functionName: "debt",
      args: [toAccountId(market.address(DEBTOR), 1)],
    });
  const presentOf = ({ scenarios }: WaterfallView) => scenarios[0]!;

  test("has its base counted, here as on chain", async () => {
    await tick(2_900, near - now, { average: 2_900 });
    const accounts = [DEBTOR, WRITER].map((index) => toAccountId(market.address(index), 1));
    await market.ledger(0, "startSettlement", [1, near]);
    await market.ledger(0, "settleAccounts", [1, near, [...accounts, toAccountId(market.pool.optionPool, 1)]]);
    const debt = Number(await debtOf()) / 1e6;
    expect(debt).toBeGreaterThan(STAKE);
    const { initial, maintenance, strikes } = await marginOf(DEBTOR);
    expect(strikes).toEqual([]);
    expect(maintenance.equity).toBeCloseTo(2 * 2_900 - debt, 5);
    for (const { worstUnits } of [initial, maintenance]) expect(worstUnits.twin).toBe(worstUnits.chain);
  });

  test("is in the waterfall with its debt until the payout ratio is fixed, and then no more", async () => {
    const pending = await readWaterfall();
    expectSums(pending);
    const debt = Number(await debtOf()) / 1e6;
    expect(pending.accounts).toBe(2);
    expect(pending.fund).toMatchObject({ unpaidDebts: debt, setAside: 0 });
    const [before, crash] = [presentOf(pending), worstOf(pending)];
    expect(before, "two of base are worth more than the debt").toMatchObject({ failing: 0, shortfall: 0 });

    await tick(2_900, 3 * HOUR);
    await market.ledger(0, "finalizeSettlement", [1, near]);
    const final = await readWaterfall();
    expectSums(final);
    expect(await debtOf(), "it owes on").toBe(BigInt(Math.round(debt * 1e6)));
    expect(final.fund).toMatchObject({ unpaidDebts: 0, setAside: 0 });
    expect(final.fund.held, "the fund has paid").toBeLessThan(1);
    expect(presentOf(final).claims).toBeCloseTo(before.claims - debt, -1);
    expect(worstOf(final).shortfall).toBeCloseTo(crash.shortfall, -2);
    const { maintenance } = await marginOf(DEBTOR);
    expect(maintenance.worstUnits.twin).toBe(maintenance.worstUnits.chain);
  });
});

test("what a scenario said is what is there once it has come true", async () => {
  await tick(2_900);
  const said = worstOf(await readWaterfall());
  expect(said.spotShock).toBe(-0.5);
  // The far expiry is 30 days away, where a volatility shock is the grid's own; it scales the whole smile, while the wings of
  // the reports here grow by less: a hundredth of the shortfall apart.
  const after = { volatility: volatility * (1 + said.volatilityShock) };
  await tick(2_900 * 0.5, 10, after);
  expect((await readWaterfall()).unconfirmed, "the scenarios start from what waits").toBe(true);
  await tick(2_900 * 0.5, 5, after);
  const view = await readWaterfall();
  expectSums(view);
  expect(view).toMatchObject({ unconfirmed: false, spot: 1_450 });
  const [present] = view.scenarios;
  expect(present!.failing).toBe(1);
  for (const field of ["shortfall", "unpaid", "claims", "collateralLost"] as const) {
    expect(Math.abs(present![field] - said[field]), field).toBeLessThan(0.02 * said[field]);
  }
  expect(present!.payoutRatio).toBeCloseTo(said.payoutRatio, 1);
});
