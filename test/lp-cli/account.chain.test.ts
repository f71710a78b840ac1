// `account show` against a real chain: what it works out itself has to be what the chain says, to the unit.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { AccountResult } from "../../lp-cli/commands/account.ts";
import { liquidationAuctionAbi } from "../../src/chain/abis.ts";
import { writeDeployment } from "../../src/chain/deployments.ts";
import { toAccountId } from "../../src/chain/optionId.ts";
import type { GridView, MarginView } from "../../src/sdk/margin.ts";
import { type TestLeg, TestMarket } from "../src/sdk/testMarket.ts";
import { commandLine } from "./commandLine.ts";

const DAY = 86_400;
const start = Date.UTC(2026, 1, 1, 8) / 1000;
const [near, far] = [start + 3 * DAY, start + 30 * DAY] as const;
const [LP, WRITER, SPREADER, WALLET] = [16, 17, 18, 9] as const;
const folder = mkdtempSync(join(tmpdir(), "meniscus-account-"));
const deploymentFile = join(folder, "deployment.json");

let market: TestMarket;
let now = start;

async function tick(spot: number, seconds = 60, averages: readonly { expiry: number; average: number }[] = []) {
  const block = await market.client.getBlock();
  now = Math.max(now + seconds, Number(block.timestamp) + 2);
  await market.report({ time: now, spot, volatility: 0.6, averages });
}

/** A move that is too far for one report is confirmed by the next. */
async function moveTo(spot: number): Promise<void> {
  await tick(spot, 3_600);
  if (await market.isUnconfirmed()) await tick(spot, 5);
  expect(await market.isUnconfirmed()).toBe(false);
}

async function mustSwap(index: number, legs: readonly TestLeg[]): Promise<void> {
  const refusal = await market.refusalOf(index, 1, legs);
  if (refusal) throw new Error(refusal);
}

async function meniscus(index: number, ...words: readonly string[]): Promise<string> {
  const { code, out, err } = await commandLine(market, deploymentFile, index, words);
  expect(code, err).toBe(0);
  return out;
}

async function show(index: number): Promise<AccountResult> {
  // The shape is the command's own.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return JSON.parse(await meniscus(index, "--json", "account", "show")) as AccountResult;
}

async function marginOf(index: number): Promise<MarginView> {
  const { margin } = await show(index);
  if (!margin) throw new Error("a margin account has margin");
  return margin;
}

function expectTwin({ initial, maintenance }: MarginView): void {
  for (const { worstUnits, equity, worst, required } of [initial, maintenance]) {
    expect(worstUnits.twin).toBe(worstUnits.chain);
    expect(worst).toBeCloseTo(Number(worstUnits.chain) / 1e6, 6);
    expect(equity - required).toBeCloseTo(worst, 6);
  }
}

const worstRow = ({ scenarios }: GridView) => scenarios.filter(({ worst }) => worst);

beforeAll(async () => {
  market = await TestMarket.start(start, [near, far], { marketTerms: { stressAllowance: 10n ** 12n } });
  writeDeployment(market.deployment, deploymentFile);
  for (const index of [LP, WRITER, SPREADER, WALLET]) await market.fund(index, 1_000_000);
  await tick(2_500);
  await market.deposit(LP, 500_000);
  await tick(2_500);
  await market.mark();
  await market.claim(LP);
  await market.openMargin(WRITER, 2_000);
  await market.openBase(WRITER, 2);
  await market.openMargin(SPREADER, 3_000);
  const put = { expiry: far, strike: 2_400, kind: "put" } as const;
  await mustSwap(WRITER, [{ ...put, size: -10 }]);
  const [sold, bought] = [
    { ...put, strike: 2_500, size: -10 },
    { ...put, strike: 2_300, size: 10 },
  ];
  await mustSwap(SPREADER, [sold, bought]);
});

afterAll(async () => {
  await market?.anvil.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe("an account that is short", () => {
  test("has the chain's margin to the unit, with base collateral beside the options", async () => {
    const margin = await marginOf(WRITER);
    expectTwin(margin);
    expect(margin.initial.used).toBeGreaterThan(margin.maintenance.used ?? 1);
    expect(margin.initial.used).toBeLessThan(1);
    expect(margin.auction).toBeNull();
  });

  test("has a table of the grid: the present first, one worst, what counts adding up to the worst", async () => {
    const { initial } = await marginOf(WRITER);
    expect(initial.scenarios).toHaveLength(17);
    expect(initial.scenarios[0]).toMatchObject({ spotShock: 0, volatilityShock: 0, change: 0, counted: 0 });
    const [worst, ...more] = worstRow(initial);
    expect(more).toEqual([]);
    expect(worst?.spotShock).toBeLessThan(0);
    expect(initial.equity + (worst?.counted ?? 0) - initial.contingency).toBeCloseTo(initial.worst, 4);
  });

  test("is told where it would be liquidated, and there it is", async () => {
    const { liquidation, spot } = await marginOf(WRITER);
    expect(liquidation.above).toBeNull();
    expect(liquidation.below).toBeLessThan(spot);
    const below = liquidation.below ?? 0;
    await moveTo(below * 1.002);
    expect((await marginOf(WRITER)).maintenance.worst).toBeGreaterThan(0);
    await moveTo(below * 0.995);
    const { maintenance, liquidation: after } = await marginOf(WRITER);
    expect(maintenance.worst).toBeLessThan(0);
    expect(after.below).toBe(after.above);
    await moveTo(2_500);
  });

  test("sees what each option takes: a hedge gives margin back", async () => {
    const { strikes, maintenance } = await marginOf(SPREADER);
    expect(strikes.map(({ options }) => options.map(({ contracts }) => contracts))).toEqual([[-10], [10]]);
    const [sold, bought] = strikes;
    expect(sold?.margin).toBeGreaterThan(0);
    expect(bought?.margin).toBeLessThan(0);
    const worst = strikes.reduce((sum, { inWorst }) => sum + inWorst, 0);
    const { cash } = await show(SPREADER);
    expect(worst + cash - maintenance.contingency).toBeCloseTo(maintenance.worst, 3);
  });
});

test("the text shows a bar, the levels and, asked for, every scenario with its worst", async () => {
  const short = await meniscus(WRITER, "account", "show");
  expect(short).toMatch(/initial margin +█+░+ {2}\d+\.\d % of equity/);
  expect(short).toMatch(/liquidated at +spot below \d,\d{3}\.\d\d \(-\d+\.\d %\), above –/);
  expect(short).not.toContain("Initial grid");
  const long = await meniscus(WRITER, "account", "show", "--scenarios");
  expect(long.match(/◄ worst/g)).toHaveLength(2);
  expect(long.split("\n").filter((line) => /inverted/.test(line)).length).toBeGreaterThanOrEqual(4);
});

test("a wallet has no margin, an empty account nothing to show", async () => {
  expect(JSON.parse(await meniscus(WALLET, "--json", "account", "show", "--account", "0"))).toMatchObject({
    margin: null,
  });
  const empty = await marginOf(WALLET);
  expectTwin(empty);
  expect(empty).toMatchObject({ strikes: [], liquidation: { below: null, above: null } });
});

test("inside an averaging window, while a move waits for confirmation, and in an auction the twin still agrees", async () => {
  const option = { expiry: near, strike: 2_500, kind: "call", size: -2 } as const;
  await tick(2_500, 30);
  await market.mark();
  expect(await market.refusalOf(SPREADER, 1, [option])).toBeUndefined();
  await tick(2_480, near - 900 - now, [{ expiry: near, average: 2_490 }]);
  const { auction, ...inWindow } = await marginOf(SPREADER);
  expect(auction).toBeNull();
  expectTwin({ auction, ...inWindow });
  // A third in a minute: more than one report may move the market.
  await tick(1_800, 60, [{ expiry: near, average: 2_460 }]);
  expect(await market.isUnconfirmed()).toBe(true);
  const waiting = await marginOf(WRITER);
  expectTwin(waiting);
  expect(waiting.maintenance.worst).toBeLessThan(0);
  expect(waiting.liquidation).toEqual({ below: waiting.spot, above: waiting.spot });
  expectTwin(await marginOf(SPREADER));

  const account = toAccountId(market.address(WRITER), 1);
  const { liquidationAuction } = market.deployment;
  await market.transactor(WALLET).write(liquidationAuction, liquidationAuctionAbi, "start", [account, "0x"]);
  const sale = await marginOf(WRITER);
  expectTwin(sale);
  const [price, gross] = [sale.auction?.price ?? 0, sale.auction?.gross ?? 0];
  expect(gross).toBeGreaterThan(0);
  expect(price, "a discount, and never more than the equity").toBeLessThan(gross);
  expect(price).toBeGreaterThan(gross - sale.maintenance.equity);
  expect(sale.auction?.maxShare).toBeGreaterThan(0);
  expect(sale.auction?.maxShare).toBeLessThan(1);
  expect(sale.auction?.startedAt).toBeGreaterThanOrEqual(now);
  expect(await meniscus(WRITER, "account", "show")).toContain("For sale since");
});
