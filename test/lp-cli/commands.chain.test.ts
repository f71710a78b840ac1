// Every command against a real chain: deposit, buy, sell, close, settle, withdraw, statement, and what goes wrong.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ShowResult } from "../../lp-cli/commands/pools.ts";
import type { Simulation, StatementResult } from "../../lp-cli/commands/statement.ts";
import type { PositionList } from "../../lp-cli/commands/trade.ts";
import { localTokenAbi } from "../../src/chain/abis.ts";
import { writeDeployment } from "../../src/chain/deployments.ts";
import { expiryName } from "../../src/chain/optionId.ts";
import type { OptionQuote } from "../../src/sdk/optionChain.ts";
import type { LpStatement } from "../../src/sdk/statement.ts";
import type { AccountView, Health } from "../../src/sdk/trader.ts";
import { TestMarket } from "../src/sdk/testMarket.ts";
import { type Answer, commandLine } from "./commandLine.ts";

const DAY = 86_400;
const start = Date.UTC(2026, 1, 1, 8) / 1000;
const [near, middle, far] = [start + 3 * DAY, start + 12 * DAY, start + 40 * DAY] as const;
const LP = 16;
const TRADER = 17;
const folder = mkdtempSync(join(tmpdir(), "meniscus-cli-"));
const deploymentFile = join(folder, "deployment.json");
const option = (strike: number, kind: "C" | "P", expiry: number = middle) =>
  `ETH-${expiryName(expiry)}-${strike}-${kind}`;

let market: TestMarket;
let now = start;
const spot = 2_500;

async function tick(seconds = 60): Promise<void> {
  const block = await market.client.getBlock();
  now = Math.max(now + seconds, Number(block.timestamp) + 2);
  await market.report({ time: now, spot, volatility: 0.6 });
  await market.mark();
}

/** Reports and marks while something waits for them. */
async function whileTicking<T>(action: Promise<T>): Promise<T> {
  const stop = new AbortController();
  const ticking = (async () => {
    while (!stop.signal.aborted) {
      await new Promise((resolve) => setTimeout(resolve, 250));
      if (!stop.signal.aborted) await tick();
    }
  })();
  try {
    return await action;
  } finally {
    stop.abort();
    await ticking;
  }
}

/** Runs one command line as the n-th development account. */
async function meniscus(index: number | undefined, ...words: readonly string[]): Promise<Answer> {
  return await commandLine(market, deploymentFile, index, words);
}

/** The same with --json, which must succeed without a message; T is the shape that the test is about. */
async function done<T = Record<string, unknown>>(index: number, ...words: readonly string[]): Promise<T> {
  const answer = await meniscus(index, "--json", "--yes", ...words);
  expect(answer.err.replace(/^(Approving|Request) .*$/gm, "").trim(), words.join(" ")).toBe("");
  expect(answer.code).toBe(0);
  const data: T = JSON.parse(answer.out);
  return data;
}

beforeAll(async () => {
  market = await TestMarket.start(start, [near, middle, far]);
  writeDeployment(market.deployment, deploymentFile);
  for (const index of [LP, TRADER]) {
    const { quoteToken } = market.deployment;
    await market.transactor(0).write(quoteToken, localTokenAbi, "mint", [market.address(index), 1_000_000_000_000n]);
  }
  await tick();
});

afterAll(async () => {
  await market?.anvil.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe("a session", () => {
  test("an LP deposits and waits for the price", async () => {
    const outcome = await whileTicking(done(LP, "deposit", "500000"));
    expect(outcome).toMatchObject({
      state: "claimed",
      asked: 500_000,
      unit: "USDC",
      received: { shares: 500_000, assets: 0 },
    });
    const [pool] = await done<readonly object[]>(LP, "pools");
    expect(pool).toMatchObject({ name: "core", symbol: "ETH", nav: 500_000, openContracts: 0 });
  });

  test("a trader sees the chain: bids below mids below asks, around the money", async () => {
    const { expiries } = await done<{
      expiries: readonly { rows: readonly { strike: number; call: OptionQuote }[] }[];
    }>(TRADER, "chain", "--expiry", expiryName(middle), "--strikes", "7");
    const [expiry] = expiries;
    const quoted = expiry?.rows.filter(({ call }) => call.bid !== null) ?? [];
    expect(quoted.length).toBeGreaterThanOrEqual(3);
    for (const { call } of quoted) {
      expect(call.bid).toBeLessThan(call.mid);
      expect(call.ask).toBeGreaterThan(call.mid);
      expect(call.askVolatility).toBeGreaterThan(call.volatility);
    }
    expect(quoted.some(({ strike }) => strike === 2_500)).toBe(true);
  });

  test("a pool is watched as often as asked", async () => {
    await tick();
    const frames = await done<readonly { at: number; pool: { name: string } }[]>(
      TRADER,
      "watch",
      "--every",
      "1",
      "--times",
      "2",
    );
    expect(frames.map(({ pool }) => pool.name)).toEqual(["core", "core"]);
    const shown = await meniscus(TRADER, "watch", "--every", "1", "--times", "2");
    expect(shown.err).toContain("Share price, mid");
    expect(shown.out).toContain("Watched pool core 2 times");
  });

  test("the pool's book under shocks: nothing where nothing moves, and as CSV", async () => {
    await tick();
    const { rows, volatilityShocks } = await done<{
      rows: readonly { spotShock: number; profits: readonly number[] }[];
      volatilityShocks: readonly number[];
    }>(TRADER, "scenario");
    expect(rows.find(({ spotShock }) => spotShock === 0)?.profits[volatilityShocks.indexOf(0)]).toBe(0);
    const csv = await meniscus(TRADER, "--csv", "scenario", "--days", "7");
    expect(csv.out.split("\n")[0]).toBe("spotShock,volatilityShock,profit");
    expect((await meniscus(TRADER, "scenario")).out).toContain("Profit by the move of spot");
  });

  test("a quote's parts add up to its cash, and buying costs what was quoted", async () => {
    await tick();
    const quote = await done<Record<string, number>>(TRADER, "quote", "2", option(2500, "C"));
    const { premium = 0, impact = 0, spread = 0, fee = 0, cash = 0, delta = 0 } = quote;
    expect(premium + impact + spread + fee).toBeCloseTo(cash, 5);
    expect(delta).toBeGreaterThan(0.9);
    const sale = await done<Record<string, number>>(TRADER, "quote", "sell", "2", option(2500, "C"));
    expect(sale.delta).toBeLessThan(-0.9);
    expect(sale.cash).toBeLessThan(0);
    const bought = await done<{ cash: number }>(TRADER, "buy", "2", option(2500, "C"));
    // Prices widen with every second of the data's age, and a busy machine takes some: the limit is a per cent.
    expect(Math.abs(bought.cash - cash)).toBeLessThan(0.01 * cash);
    expect(bought).toMatchObject({ account: 0, legs: [{ name: option(2500, "C"), contracts: 2 }] });
    const held = await done(TRADER, "positions");
    expect(held.positions).toMatchObject([{ name: option(2500, "C"), contracts: 2, state: "live" }]);
  });

  test("what one has signed another brings, once", async () => {
    await tick();
    const file = join(folder, "trade.json");
    for (const [side, contracts] of [
      ["buy", 1],
      ["sell", -1],
    ] as const) {
      writeFileSync(file, JSON.stringify(await done(TRADER, "sign", side, "1", option(2500, "C"))));
      const brought = await done<{ cash: number }>(LP, "submit", file);
      const legs = [{ name: option(2500, "C"), contracts }];
      expect(brought).toMatchObject({ owner: market.address(TRADER), account: 0, legs });
      expect(Math.sign(brought.cash)).toBe(contracts);
    }
    const again = await meniscus(LP, "submit", file);
    expect([again.code, again.err]).toEqual([6, expect.stringContaining("brought before")]);
    expect((await meniscus(LP, "submit", join(folder, "nothing.json"))).code).toBe(7);
    expect((await meniscus(TRADER, "sign", "hold", "1", option(2500, "C"))).code).toBe(2);
  });

  test("a wallet sells back, a margin account writes a spread and closes it", async () => {
    await tick();
    expect((await done(TRADER, "sell", "1", option(2500, "C"))).cash).toBeLessThan(-50);
    await done(TRADER, "account", "deposit", "20000");
    const spread = ["+1", option(2500, "P"), "-1", option(2300, "P")];
    const { margin } = await done<{ margin: { before: Health; after: Health } }>(
      TRADER,
      "quote",
      "--account",
      "1",
      ...spread,
    );
    expect(margin.before.worst).toBe(20_000);
    expect(margin.after.worst).toBeLessThan(20_000);
    await done(TRADER, "buy", "--account", "1", "--slippage", "5", ...spread);
    const account = await done<Health>(TRADER, "account", "show");
    expect(account).toMatchObject({ account: 1, positions: 2 });
    expect(account.equity).toBeCloseTo(margin.after.equity, -1);
    await done(TRADER, "close", "all", "--account", "1", "--slippage", "5");
    expect((await done(TRADER, "positions", "--account", "1")).positions).toEqual([]);

    const day = option(2500, "C").split("-")[1]!;
    const condor = [
      "condor",
      day,
      "2300",
      "2400",
      "2600",
      "2700",
      "--size",
      "0.5",
      "--account",
      "1",
      "--slippage",
      "5",
    ];
    const opened = await done<{ cash: number; legs: readonly { contracts: number }[] }>(TRADER, ...condor);
    expect(opened.cash, "it brings a premium").toBeLessThan(0);
    expect(opened.legs.map(({ contracts }) => contracts)).toEqual([0.5, -0.5, -0.5, 0.5]);
    await done(TRADER, "close", "all", "--account", "1", "--slippage", "5");
    const out = await done<{ amount: number }>(TRADER, "account", "withdraw", "all");
    expect(out.amount).toBeGreaterThan(19_900);
  });

  test("a pool's book is shown by expiry and strike, with its Greeks and limits, and drawn", async () => {
    await tick();
    const file = join(folder, "pool.svg");
    const shown = await done<ShowResult>(TRADER, "pool", "show", "--out", file);
    const [expiry] = shown.expiries;
    // The trader holds calls: the pool has sold them.
    expect(shown.expiries.map(({ name }) => name)).toEqual([expiryName(middle)]);
    const sold = expiry?.strikes.find(({ strike }) => strike === 2_500);
    expect(sold?.calls).toBeLessThan(0);
    expect(shown.total.vega).toBeLessThan(0);
    expect(shown.total.theta).toBeGreaterThan(0);
    expect(shown.total.value).toBeCloseTo(expiry?.value ?? Number.NaN, 6);
    expect(shown.freeLiquidity).toBeLessThan(shown.cash);
    expect(shown.payableAtMark).toBeLessThan(shown.freeLiquidity);
    expect(shown.limits.map(({ name }) => name)).toContain(`gamma of ${expiryName(middle)}`);
    for (const { used, limit } of shown.limits) expect(Math.abs(used)).toBeLessThan(limit);
    expect(shown.profits.find(({ spotShock }) => spotShock === 0)?.now).toBe(0);
    expect(readFileSync(file, "utf8")).toMatch(/profit by the spot.*Vega by expiry.*<rect.*Delta by expiry/s);
    const text = (await meniscus(TRADER, "pool", "show")).out;
    expect(text).toMatch(/free liquidity.*Book, as the pool has it.*2,500.*total.*Limits, beyond which/s);
    const csv = await meniscus(TRADER, "--csv", "pool", "show");
    expect(csv.out.split("\n")[0]).toBe("expiry,strike,calls,puts,volatility,value,delta,gamma,theta,vega");
  });

  test("settled options are redeemed at the average", async () => {
    await tick();
    await done(TRADER, "buy", "1", option(2400, "C", near));
    now = near;
    await market.report({ time: near, spot, volatility: 0.6, averages: [{ expiry: near, average: 2_520 }] });
    await market.mark();
    expect((await meniscus(TRADER, "redeem")).out).toContain("expired, waits for its settlement price");
    await market.settle(near, []);
    const redeemed = await done(TRADER, "redeem");
    expect(redeemed).toMatchObject({
      paid: 120,
      redeemed: [{ name: option(2400, "C", near), payoff: 120 }],
      waiting: [],
    });
  });

  test("what positions cost and brought is what the wallet has more or less", async () => {
    await tick();
    const lists = await Promise.all(
      ["0", "1"].map(async (account) => await done<PositionList>(TRADER, "positions", "--account", account)),
    );
    const [wallet, margin] = lists;
    expect(wallet?.positions.map(({ name }) => name)).toEqual([option(2500, "C")]);
    expect(wallet?.closed).toMatchObject([{ name: option(2400, "C", near), payoff: 120 }]);
    expect(margin?.positions).toEqual([]);
    expect(margin?.closed.every(({ payoff }) => payoff === null)).toBe(true);
    const account = await done<AccountView>(TRADER, "account", "show");
    const profit = lists.reduce((sum, list) => sum + list.profit, 0);
    const value = wallet?.value ?? Number.NaN;
    expect(profit).toBeCloseTo(account.walletBalance + account.cash + value - 1_000_000, 2);
    const text = (await meniscus(TRADER, "positions")).out;
    expect(text).toMatch(/Closed and expired.*profit of what is held.*profit\s+[+-]/s);
    expect((await meniscus(TRADER, "--csv", "positions")).out).toMatch(/^name,.*,cost,unrealised,realised,/);
  });

  test("the LP sees the position, withdraws everything, and the statement adds up", async () => {
    await tick();
    await done(TRADER, "close", option(2500, "C"), "--slippage", "5");
    await tick();
    const before = await done<{ shares: number }>(LP, "position");
    expect(before.shares).toBeCloseTo(500_000, 3);
    const outcome = await whileTicking(done(LP, "withdraw", "--timeout", "20"));
    expect(outcome).toMatchObject({ state: "claimed", unit: "shares" });
    const { statement } = await done<{ statement: LpStatement }>(LP, "statement");
    const parts = Object.values(statement.parts).reduce((sum, part) => sum + part, 0);
    expect(parts).toBeCloseTo(statement.change, 2);
    expect(Math.abs(statement.residual)).toBeLessThan(0.01);
    expect(statement.withdrawn - 500_000).toBeCloseTo(statement.change, 2);
    expect((await meniscus(LP, "statement")).out).toMatch(/change of wealth\s+[+-]?\d/);
    expect((await meniscus(LP, "position")).out).toMatch(/withdrawn\s+\d/);
  });

  test("a statement of days, of the pool, and drawn", async () => {
    const file = join(folder, "statement.html");
    const { history, pool, statement } = await done<StatementResult>(
      LP,
      "statement",
      "--history",
      "day",
      "--out",
      file,
    );
    const sum = history?.reduce((total, row) => total + (row.lp?.change ?? 0), 0);
    expect(sum).toBeCloseTo(statement?.change ?? Number.NaN, 2);
    expect(pool.deposited).toBe(500_000);
    expect(readFileSync(file, "utf8")).toMatch(/<svg.*Share price of pool core.*Your profit by its causes/s);
    const whole = await done<StatementResult>(LP, "statement", "--whole", "--last", "1h");
    expect(whole.statement).toBeNull();
    const csv = await meniscus(LP, "--csv", "statement", "--history", "mark");
    expect(csv.out.split("\n")[0]).toMatch(/^time,round,block,nav,shares,sharePrice,bid,.*lp\.parts\.theta/);
    expect((await meniscus(LP, "statement", "--history", "day")).out).toContain("By day, yours");
  });

  test("what a deposit on an earlier day would have brought", async () => {
    const file = join(folder, "simulation.svg");
    const simulation = await done<Simulation>(LP, "simulate", "1000", "--from", "2026-02-01T08:30", "--out", file);
    const parts = Object.values(simulation.parts).reduce((total, part) => total + part, 0);
    expect(parts).toBeCloseTo(simulation.profit, 6);
    expect(simulation.valueLeaving - 1_000).toBeCloseTo(simulation.profit, 6);
    expect(simulation.drawdown.share).toBeGreaterThanOrEqual(0);
    expect(readFileSync(file, "utf8")).toContain("What 1,000.00 USDC would have become");
    expect((await meniscus(LP, "simulate", "--from", "2026-02-01")).out).toContain("profit if you left now");
  });
});

const nonce = (account: number) => market.client.getTransactionCount({ address: market.address(account) });

const run = async (...words: readonly string[]) => await meniscus(undefined, ...words, "pools");

const launch = (...words: readonly string[]) =>
  spawnSync(process.execPath, [join(import.meta.dirname, "..", "..", "lp-cli", "bin", "meniscus.mjs"), ...words], {
    encoding: "utf8",
    cwd: folder,
  });

describe("wrong input says what happened, with an exit code, and sends nothing", () => {
  const cases: readonly (readonly [
    name: string,
    index: number | undefined,
    words: readonly string[],
    code: number,
    says: RegExp,
  ])[] = [
    ["no key", undefined, ["-y", "deposit", "10"], 3, /no key to sign with.*keystore create/],
    ["no confirmation", TRADER, ["buy", option(2500, "C")], 2, /no terminal to confirm.*--yes/],
    ["too little money", TRADER, ["-y", "deposit", "2000000"], 5, /holds .* USDC, 2000000 are needed/],
    [
      "a price past the limit",
      TRADER,
      ["-y", "buy", "--limit", "10", option(2500, "C")],
      6,
      /past your limit.*at most 10/,
    ],
    ["an unlisted strike", TRADER, ["quote", option(2510, "C")], 6, /Strike 2510 is not listed.*2500 and 2525/],
    ["an unlisted expiry", TRADER, ["quote", option(2500, "C", middle + DAY)], 6, /not listed. Listed are/],
    ["an option twice", TRADER, ["quote", "+1", option(2500, "C"), "-1", option(2500, "C")], 2, /stands twice/],
    ["options not held", TRADER, ["-y", "sell", option(2500, "P")], 5, /You hold 0 of .* --account 1/],
    [
      "missing margin",
      TRADER,
      ["-y", "--pool", "core", "sell", "--account", "3", option(2500, "P")],
      5,
      /Margin is missing/,
    ],
    ["a package with words missing", TRADER, ["-y", "straddle", "13FEB26"], 2, /takes 2 words.*meniscus straddle/s],
    ["a roll of what is not held", TRADER, ["-y", "roll", option(2500, "P"), "13MAR26"], 5, /You hold no/],
    [
      "a roll to where it stands",
      TRADER,
      ["-y", "roll", option(2500, "P"), option(2500, "P").split("-")[1]!],
      2,
      /stands already/,
    ],
    ["watching every nothing", TRADER, ["watch", "--every", "0"], 2, /not a number of seconds/],
    ["a statement of somebody who has none", TRADER, ["statement"], 5, /had no part in pool core.*--whole/],
    ["a history by the hour", LP, ["statement", "--history", "hour"], 2, /"hour" is no step/],
    ["a picture in words", LP, ["statement", "--out", "x.txt"], 2, /neither .svg nor .html/],
    ["a simulation of no day", LP, ["simulate"], 2, /From which day/],
    ["a simulation of a day to come", LP, ["simulate", "--from", "2027-01-01"], 6, /not marked with shares after/],
    ["nothing to close", TRADER, ["-y", "close", "all"], 5, /nothing to close/],
    ["a pool that is not there", TRADER, ["--pool", "x", "pools"], 2, /no pool "x". There is core/],
    ["an unknown command", TRADER, ["byu"], 2, /Unknown command/],
    ["a missing argument", TRADER, ["deposit"], 2, /Missing required argument/],
  ];

  beforeAll(async () => {
    // The pool needs capital again: the LP has left.
    await whileTicking(done(LP, "deposit", "300000"));
  });

  test.each(cases)("%s", async (_name, index, words, code, says) => {
    await tick();
    const before = await nonce(TRADER);
    const answer = await meniscus(index, ...words);
    expect(answer.err.split("\n").at(-1)).toMatch(says);
    expect(answer.code).toBe(code);
    expect(answer.out).toBe("");
    expect(await nonce(TRADER)).toBe(before);
  });

  test("a stale surface, and a book that nobody has marked", async () => {
    now += 3_600;
    await market.anvil.mineAt(now);
    const stale = await meniscus(TRADER, "-y", "buy", option(2500, "C"));
    expect([stale.code, stale.err]).toEqual([
      6,
      expect.stringMatching(/surface is \d+ s old; the pool adds risk up to 300 s/),
    ]);
    await market.report({ time: now + 60, spot, volatility: 0.6 });
    const marked = await done(TRADER, "mark");
    expect(marked.round).toBeGreaterThan(1);
  });

  test("another chain, no chain, no contracts", async () => {
    const wrong = join(folder, "wrong.json");
    writeFileSync(wrong, JSON.stringify({ ...market.deployment, chainId: 1 }));
    const empty = join(folder, "empty.json");
    writeFileSync(empty, JSON.stringify({ ...market.deployment, clearinghouse: market.address(19) }));
    expect(await run("--deployment", wrong)).toMatchObject({
      code: 4,
      err: expect.stringMatching(/Wrong network: .* chain 1, /),
    });
    expect(await run("--deployment", empty)).toMatchObject({ code: 4, err: expect.stringMatching(/no contract at/) });
    expect(await run("--rpc", "http://127.0.0.1:1")).toMatchObject({
      code: 4,
      err: expect.stringMatching(/No answer/),
    });
    expect(await run("--deployment", join(folder, "nowhere.json"))).toMatchObject({ code: 7 });
  });

  test("the launcher passes output and exit code on", () => {
    const good = launch("--rpc", market.anvil.url, "--deployment", deploymentFile, "--json", "pools");
    expect([good.status, good.stderr]).toEqual([0, ""]);
    expect(JSON.parse(good.stdout)).toMatchObject([{ name: "core" }]);
    const bad = launch("pools", "--rpc", "nowhere");
    expect([bad.status, bad.stdout]).toEqual([2, ""]);
  });
});
