import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { localTokenAbi } from "../../../src/chain/abis.ts";
import { toAccountId } from "../../../src/chain/optionId.ts";
import { ConservationChecker } from "../../../src/sdk/conservation.ts";
import { ProtocolHistory } from "../../../src/sdk/history.ts";
import { type MarkInterval, PoolReplay } from "../../../src/sdk/poolHistory.ts";
import {
  daily,
  type PoolStatement,
  readStatement,
  type StatementRow,
  stateFrom,
  statementParts,
} from "../../../src/sdk/statement.ts";
import { Random } from "../../pricing/random.ts";
import { TestMarket } from "./testMarket.ts";

// One market, seven days of it: two LPs and one who gets shares from the first, a wallet and a writer who swap at random, two
// expiries that settle (one marked inside its averaging window), a late claim, a gift, partial redemptions, everybody out.
const HOUR = 3600;
const start = Date.UTC(2026, 1, 1) / 1000;
const near = Date.UTC(2026, 1, 4, 8) / 1000;
const far = Date.UTC(2026, 1, 8, 8) / 1000;
const quarter = Date.UTC(2026, 2, 27, 8) / 1000;
const [ada, ben, cleo, wallet, writer] = [1, 2, 3, 4, 5];

let market: TestMarket;
let history: ProtocolHistory;
let conservation: ConservationChecker;
let middleBlock: bigint;
let swaps = 0;

const random = new Random(20260201);
const uniform = () => random.unit();

beforeAll(async () => {
  market = await TestMarket.start(start - HOUR, [near, far, quarter]);
  history = new ProtocolHistory(market.client, market.deployment);
  conservation = new ConservationChecker(market.client, market.deployment);
  await live();
  await history.update();
  await conservation.check();
}, 120_000);
afterAll(() => market.anvil.stop());

async function live(): Promise<void> {
  for (const index of [ada, ben, wallet, writer, cleo]) await market.fund(index, 2_000_000);
  await market.openMargin(writer, 1_000_000);
  await market.deposit(ada, 600_000);
  await market.deposit(ben, 400_000);
  let spot = 2500;
  let volatility = 0.7;
  const step = (time: number) => {
    spot *= Math.exp(0.02 * (uniform() - 0.5) * 2);
    volatility *= Math.exp(0.04 * (uniform() - 0.5) * 2);
    return { time, spot, volatility, rho: -0.3 + 0.1 * uniform(), basis: 0.001 * uniform() };
  };
  const trade = async (times: number) => {
    for (let i = 0; i < times; i++) {
      const strike = Math.round((spot * (0.9 + 0.2 * uniform())) / 25) * 25;
      const kind = uniform() < 0.5 ? "call" : "put";
      const expiry = uniform() < 0.5 ? near : far;
      const size = 1 + Math.round(uniform() * 300) / 100;
      const sells = uniform() < 0.5;
      const [index, sub] = sells ? [writer, 1] : [wallet, 0];
      const legs = [{ expiry, strike, kind, size: sells ? -size : size } as const];
      const spread = { expiry, strike: strike + 50, kind, size: sells ? size : -size } as const;
      if (await market.swap(index, sub, sells && uniform() < 0.4 ? [...legs, spread] : legs)) swaps += 1;
    }
  };

  await market.report(step(start));
  await market.mark();
  await market.claim(ada);
  for (let time = start + 8 * HOUR; time < near - 8 * HOUR; time += 8 * HOUR) {
    await market.report(step(time));
    await market.mark();
    await trade(4);
    if (time === start + 16 * HOUR) {
      const shares = await market.balanceOfShares(ada);
      await market.shares(ada, "transfer", [market.address(cleo), shares / 4n]);
      await market.claim(ben);
      // Together more than one mark may pay out while the book is open.
      await market.redeem(ben, ((await market.balanceOfShares(ben)) * 9n) / 10n);
      await market.redeem(ada, (await market.balanceOfShares(ada)) / 2n);
      await market.deposit(cleo, 50_000);
      // A deposit that no report prices within six hours goes back.
      await market.report(step(time + 2 * HOUR));
      await market.mark();
    }
    if (time === start + 32 * HOUR) {
      await market.ledger(cleo, "depositCash", [toAccountId(market.pool.optionPool, 1), 100_000_000n]);
      // A report nobody marks, and a swap between its acceptance and the next mark.
      await market.report(step(time + HOUR));
    }
  }
  // Inside the averaging window: a later average of spot alone leaves what marks see as it is.
  const window = step(near - 900);
  await market.report({ ...window, averages: [{ expiry: near, average: spot * 0.995 }] });
  const late = near - 600;
  await market.reportSpot({ time: late, spot: spot * 1.003, averages: [{ expiry: near, average: spot * 0.997 }] });
  await market.mark();
  middleBlock = await market.client.getBlockNumber();

  await market.report({ ...step(near), averages: [{ expiry: near, average: spot }] });
  await market.settle(near, [
    [wallet, 0],
    [writer, 1],
  ]);
  await market.mark();
  await market.claimPoolCredit(near);
  await trade(4);
  for (let time = near + 16 * HOUR; time < far; time += 16 * HOUR) {
    await market.report(step(time));
    // Before the mark the pool only takes what reduces its book: it counts from the next mark on.
    const reducing = await reducingLeg();
    if (reducing && (await market.swap(reducing.index, reducing.sub, [reducing.leg]))) swaps += 1;
    await market.mark();
    await trade(2);
  }
  await market.report({ ...step(far), averages: [{ expiry: far, average: spot }] });
  await market.settle(far, [
    [wallet, 0],
    [writer, 1],
  ]);
  await market.claimPoolCredit(far);
  for (const index of [ada, ben, cleo]) {
    await market.claim(index);
    const shares = await market.balanceOfShares(index);
    if (shares > 0n) await market.redeem(index, shares);
  }
  await market.mark();
  for (const hour of [1, 2, 3]) {
    await market.report(step(far + hour * HOUR));
    await market.mark();
  }
  for (const index of [ada, ben, cleo]) await market.claim(index);
}

/** What an account's wallet has more than it was given, quote tokens. */
async function changeOf(index: number): Promise<number> {
  const balance = await market.client.readContract({
    address: market.deployment.quoteToken,
    abi: localTokenAbi,
    functionName: "balanceOf",
    args: [market.address(index)],
  });
  return Number(balance) / 1e6 - 2_000_000;
}

/** An order of the writer that gives back what he sold the pool, if there is one. */
async function reducingLeg() {
  await history.update();
  const replay = new PoolReplay(market.deployment, market.pool);
  for (const event of history.events) replay.apply(event);
  const held = replay.positions.find(({ calls, expiry }) => calls > 100_000n && expiry === far);
  if (!held) return undefined;
  const size = Number(held.calls) / 1e6;
  const leg = { expiry: held.expiry, strike: Number(held.strikeWad) / 1e18, kind: "call", size } as const;
  return { index: writer, sub: 1, leg };
}

function replayMarks(): readonly MarkInterval[] {
  const replay = new PoolReplay(market.deployment, market.pool);
  return history.events.flatMap((event) => replay.apply(event) ?? []);
}

describe("the replay of a pool", () => {
  test("saw swaps, settlements, partial redemptions and marks", () => {
    const count = (name: string) => history.events.filter((event) => event.name === name).length;
    expect(swaps).toBeGreaterThan(20);
    expect(count("Swapped")).toBe(swaps);
    expect(count("Marked")).toBeGreaterThan(12);
    expect(count("SettlementFinal")).toBe(2);
    const paid = history.events.flatMap((event) => (event.name === "RedemptionPaid" ? [event.args] : []));
    expect(paid.length).toBeGreaterThan(2);
    expect(paid.some(({ unpaid }) => unpaid > 0n)).toBe(true);
  });

  test("finds cash, book value and NAV of every mark to the unit", () => {
    for (const { cash, bookValue, nav, replayed } of replayMarks()) {
      expect(replayed).toEqual({ cash, bookValue, nav });
    }
  });

  test("rounds by less than a cent", () => {
    const rounding = replayMarks().reduce((sum, { parts }) => sum + parts.rounding, 0n);
    expect(rounding).not.toBe(0n);
    expect(Math.abs(Number(rounding) / 1e24)).toBeLessThan(0.01);
  });

  test("earns the spread that swaps state, each part of the book's profit being there", () => {
    const marks = replayMarks();
    const total = (part: keyof MarkInterval["parts"]) => marks.reduce((sum, { parts }) => sum + parts[part], 0n);
    const stated = history.events.reduce(
      (sum, event) => (event.name === "Swapped" ? sum + event.args.quote.spreadWad * 1_000_000n : sum),
      0n,
    );
    expect(total("spread")).toBe(stated);
    expect(total("gifts")).toBe(100n * 10n ** 24n);
    expect(total("shortfall")).toBe(0n);
    expect(total("keepers") < 0n, "marks are paid for").toBe(true);
    for (const part of ["premium", "impact", "fees", "delta", "gamma", "theta", "vega", "higherOrder"] as const) {
      expect({ part, profit: total(part) }).not.toEqual({ part, profit: 0n });
    }
  });
});

describe("the statement", () => {
  let statement: PoolStatement;
  beforeAll(async () => {
    const names = { [market.address(ada)]: "Ada", [market.address(ben).toLowerCase()]: "Ben" };
    statement = await readStatement(market.client, market.deployment, { names });
  });

  test("names every LP and reproduces every mark", () => {
    expect(statement.lps.map(({ name }) => name)).toEqual(["Ada", "Ben", undefined]);
    expect(statement.pool.marks).toBe(replayMarks().length);
    expect(statement.pool.mismatches).toBe(0);
  });

  test("adds up to each LP's change of wealth, to a millionth", () => {
    for (const lp of statement.lps) {
      const sum = statementParts.reduce((total, part) => total + lp.parts[part], 0);
      expect(Math.abs(lp.change - sum)).toBeLessThan(1e-6);
      expect(Math.abs(lp.residual)).toBeLessThan(1e-6);
    }
  });

  test("knows what the LPs' wallets know", async () => {
    const [first, second, third] = statement.lps.map(({ change }) => change);
    expect(statement.lps.map(({ value, pending }) => value.mid + pending)).toEqual([0, 0, 0]);
    expect(await changeOf(ben)).toBeCloseTo(second ?? Number.NaN, 5);
    // Ada gave shares to Cleo, who gave the pool 100 tokens: together they have what they have.
    const together = (await changeOf(ada)) + (await changeOf(cleo)) + 100;
    expect(together).toBeCloseTo((first ?? Number.NaN) + (third ?? Number.NaN), 5);
  });

  test("gives LPs the whole profit of the pool", () => {
    const marks = replayMarks();
    for (const part of ["spread", "theta", "vega", "delta"] as const) {
      const ofPool = Number(marks.reduce((sum, { parts }) => sum + parts[part], 0n)) / 1e24;
      const ofLps = statement.lps.reduce((sum, { parts }) => sum + parts[part], 0);
      expect(Math.abs(ofLps - ofPool)).toBeLessThan(1e-4);
    }
  });

  test("splits a period in two that add up", () => {
    const whole = stateFrom(history.events, market.deployment);
    const first = stateFrom(history.events, market.deployment, { toBlock: middleBlock });
    const second = stateFrom(history.events, market.deployment, { fromBlock: middleBlock + 1n });
    for (const [i, lp] of whole.lps.entries()) {
      const [one, two] = [first.lps[i], second.lps[i]];
      if (!one || !two) throw new Error("an LP is missing in a part of the period");
      expect(one.value.mid).toBeGreaterThan(0);
      expect(one.value.bid).toBeLessThan(one.value.mid);
      expect(two.opening).toBeCloseTo(one.value.mid + one.pending, 6);
      expect(one.change + two.change).toBeCloseTo(lp.change, 6);
      expect(Math.abs(one.residual) + Math.abs(two.residual)).toBeLessThan(1e-6);
      for (const part of statementParts) expect(one.parts[part] + two.parts[part]).toBeCloseTo(lp.parts[part], 6);
    }
  });

  test("takes a period by time as by block", async () => {
    const { timestamp } = await market.client.getBlock({ blockNumber: middleBlock + 1n });
    const at = Number(timestamp);
    const first = stateFrom(history.events, market.deployment, { to: at });
    const second = stateFrom(history.events, market.deployment, { from: at });
    expect(second.lps).toEqual(stateFrom(history.events, market.deployment, { fromBlock: middleBlock + 1n }).lps);
    expect(first.lps).toEqual(stateFrom(history.events, market.deployment, { toBlock: middleBlock }).lps);
    expect(second.pool.opening).toBeCloseTo(first.pool.nav, 6);
    const nothing = stateFrom(history.events, market.deployment, { from: far + 30 * 86_400, rows: {} });
    expect([nothing.pool.change, nothing.lps[0]?.change, nothing.rows]).toEqual([0, 0, []]);
  });

  test("states the pool: what LPs brought and took, and what it gained, in parts that add up", () => {
    const { pool } = stateFrom(history.events, market.deployment);
    const sum = statementParts.reduce((total, part) => total + pool.parts[part], 0);
    expect(Math.abs(pool.residual)).toBeLessThan(1e-6);
    expect(sum).toBeCloseTo(pool.change, 6);
    expect(pool.deposited).toBe(1_050_000);
    expect(pool.opening + pool.deposited - pool.withdrawn + pool.change).toBeCloseTo(pool.nav, 6);
    expect(pool.parts.gifts).toBe(100);
  });

  test("has rows that add up to the period, by mark and by day", () => {
    const of = market.address(ada);
    const { rows, lps, pool } = stateFrom(history.events, market.deployment, {
      rows: { of },
      fromBlock: middleBlock + 1n,
    });
    const own = lps.find(({ address }) => address === of);
    const days = daily(rows);
    expect(rows.length).toBeGreaterThan(days.length);
    expect(days.map(({ time }) => time % 86_400)).toEqual(days.map(() => 0));
    for (const steps of [rows, days]) {
      const sum = (pick: (row: StatementRow) => number) => steps.reduce((total, row) => total + pick(row), 0);
      for (const part of statementParts) {
        expect(sum((row) => row.lp?.parts[part] ?? 0)).toBeCloseTo(own?.parts[part] ?? Number.NaN, 6);
        expect(sum((row) => row.pool.parts[part])).toBeCloseTo(pool.parts[part], 6);
      }
      expect(sum((row) => row.lp?.withdrawn ?? 0)).toBeCloseTo(own?.withdrawn ?? Number.NaN, 6);
      expect(sum((row) => row.pool.change)).toBeCloseTo(pool.change, 6);
      for (const { pool: flows, lp } of steps) {
        expect(Math.abs(flows.residual)).toBeLessThan(1e-6);
        expect(Math.abs(lp?.residual ?? Number.NaN)).toBeLessThan(1e-6);
      }
    }
  });

  test("an imagined deposit buys what a real one bought, and gains what its shares gained", () => {
    const requestedAt = start + 16 * HOUR;
    const owner = market.address(9);
    const imagine = { owner, assets: 50_000_000_000n, requestedAt };
    const { imagined, lps } = stateFrom(history.events, market.deployment, { imagine, toBlock: middleBlock });
    // Cleo asked for as much at that time.
    const priced = history.events.flatMap((event) => (event.name === "EpochPriced" ? [event.args] : []));
    const real = priced.find(({ assetsIn }) => assetsIn === 50_000_000_000n);
    expect(imagined?.round).toBe(real?.round);
    expect(imagined?.shares).toBeCloseTo(Number(real?.sharesMinted) / 1e18, 3);
    const own = lps.find(({ address }) => address === owner);
    expect(own?.deposited).toBe(50_000);
    expect(own?.value.mid).toBeCloseTo(50_000 + (own?.change ?? Number.NaN), 6);
    expect(Math.abs(own?.residual ?? Number.NaN)).toBeLessThan(1e-6);
    // Nobody else notices.
    const without = stateFrom(history.events, market.deployment, { toBlock: middleBlock });
    expect(lps.filter(({ address }) => address !== owner)).toEqual(without.lps);
  });

  test("counts swaps and premium for information", () => {
    const swapped = history.events.filter(({ name }) => name === "Swapped").length;
    expect(statement.lps[0]?.flows.swaps).toBe(swapped);
    expect(statement.lps[0]?.flows.premiumCollected).toBeGreaterThan(0);
    expect(statement.lps[0]?.flows.premiumPaid).toBeGreaterThan(0);
  });
});

describe("the conservation check", () => {
  test("finds claims equal to tokens held at every block", async () => {
    const { claims, held, checkedBlocks, violations } = conservation.result();
    const head = await market.client.getBlockNumber();
    expect(checkedBlocks).toBe(Number(head) - market.deployment.deployedAtBlock + 1);
    expect(violations).toBe(0);
    expect(Number(held.USDC)).toBeGreaterThan(0);
    expect(claims).toEqual(held);
  });

  test("finds a token that nobody claims", async () => {
    const { deployment } = market;
    const send = market.transactor(cleo);
    await send.write(deployment.quoteToken, localTokenAbi, "transfer", [deployment.clearinghouse, 1n]);
    await conservation.check();
    const { violations, examples } = conservation.result();
    expect(violations).toBe(1);
    expect((examples[0]?.held ?? 0n) - (examples[0]?.claims ?? 0n)).toBe(1n);
  });
});
