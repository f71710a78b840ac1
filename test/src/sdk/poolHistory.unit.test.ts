import { zeroHash } from "viem";
import { describe, expect, test } from "vitest";
import { toAccountId, toOptionId } from "../../../src/chain/optionId.ts";
import { packSlice } from "../../../src/chain/report.ts";
import { sumParts } from "../../../src/sdk/attribution.ts";
import type { EventPlace, LedgerEvent, OracleEvent, PoolEvent } from "../../../src/sdk/history.ts";
import { type MarkInterval, PoolReplay } from "../../../src/sdk/poolHistory.ts";
import { address, someDeployment, somePool } from "./someDeployment.ts";

// A pool that buys one call from a taker whose debt at expiry is paid in part only, told event by event.
const expiry = Date.UTC(2026, 1, 4, 8) / 1000;
const deployment = someDeployment;
const { optionPool } = somePool;
const account = toAccountId(optionPool, 1);
const place: EventPlace = { address: optionPool, blockNumber: 1n, time: 0, transactionHash: zeroHash, logIndex: 0 };
const usdc = (amount: number) => BigInt(Math.round(amount * 1e6));
const wad = (amount: number) => BigInt(Math.round(amount * 1e6)) * 10n ** 12n;

function surface(round: number, modelTime: number, spot: number): OracleEvent {
  const theta = (0.36 * (expiry - modelTime - 1200)) / (365 * 86_400);
  const slice = { expiry, theta: BigInt(Math.round(theta * 1e11)), psi: 1n, rho: 0, basis: 0, residual: 0 };
  const open = modelTime < expiry;
  const header = (BigInt(round) << 224n) | (BigInt(modelTime) << 192n) | (wad(spot) << 91n) | (1n << 59n);
  const pages = open ? [BigInt(expiry) << 224n, packSlice(slice) << 128n] : [];
  const args = { marketId: 1, header, pages };
  return { ...place, source: "oracle", name: "SurfaceAccepted", args, averages: [] };
}

function mark(round: number, cash: bigint, settlements = 0n): PoolEvent {
  const inventory = [0n, 0n, 0n, 0n] as const;
  const nav = cash + settlements;
  const args = {
    round,
    surfaceTime: 0,
    nav,
    reserve: 0n,
    unwind: 0n,
    provision: 0n,
    cash,
    settlements,
    bookValue: 0n,
    inventory,
  };
  return { ...place, source: "pool", name: "Marked", args };
}

const ledger = <T extends LedgerEvent["name"]>(name: T, args: Extract<LedgerEvent, { name: T }>["args"]) =>
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- name and args belong to one event by the signature
  ({ ...place, source: "ledger", name, args }) as unknown as LedgerEvent;

/** Buys one 2,000 call for 600 from a taker (5 of it spread, 3 of it fee) at a spot of 2,500. */
const swap: PoolEvent = {
  ...place,
  source: "pool",
  name: "Swapped",
  args: {
    taker: 99n << 8n,
    round: 1,
    legs: [{ option: toOptionId({ marketId: 1, expiry, strike: 2000, kind: "call" }), size: -1_000_000n }],
    quote: {
      midWad: -wad(508),
      impactWad: 0n,
      spreadWad: wad(5),
      feeWad: wad(3),
      reportValueWad: -wad(500),
      vegaChange: [0n, 0n, 0n],
      deltaChange: 0n,
      cash: -usdc(500),
      fee: usdc(3),
    },
    reserveWad: 0n,
  },
};

function replay(paid: { readonly owed: bigint; readonly covered: bigint; readonly amount: bigint }): MarkInterval[] {
  const market = { ...deployment.markets[0], minSize: 1n, strikeStepE6: 1, baseCap: 1n };
  const fees = {
    insuranceFeeShareBps: 2000,
    protocolFeeShareBps: 1000,
    settlementBounty: 0n,
    stressAllowance: 0n,
  };
  const events = [
    ledger("MarketCreated", { marketId: 1, market: { ...market, baseToken: address("4"), ...fees } }),
    ledger("CashDeposited", { account, from: address("c"), amount: usdc(10_000) }),
    surface(1, expiry - 86_400, 2500),
    mark(1, usdc(10_000)),
    swap,
    surface(2, expiry, 2600),
    ledger("SettlementStarted", { marketId: 1, expiry, priceWad: wad(2600) }),
    ledger("AccountSettled", { account, marketId: 1, expiry, net: usdc(600), unpaid: 0n }),
    mark(2, usdc(9_499.1), usdc(540)),
    ledger("SettlementFinal", {
      marketId: 1,
      expiry,
      owed: paid.owed,
      collected: paid.owed,
      covered: paid.covered,
      backed: 0n,
    }),
    ledger("CreditPaid", { account, marketId: 1, expiry, amount: paid.amount }),
    surface(3, expiry + 3600, 2600),
    mark(3, usdc(9_499.1) + paid.amount),
  ];
  const pools = new PoolReplay(deployment, somePool);
  return events.flatMap((event) => pools.apply(event) ?? []);
}

describe("a settlement that debtors cannot pay in full", () => {
  // The pool is due 600 of 1,000; debtors pay 700, the fund 200: the ratio is 0.9.
  const marks = replay({ owed: usdc(1000), covered: usdc(200), amount: usdc(540) });

  test("cash follows swaps, fees, settlement and credit to the unit", () => {
    // 10,000 − 500 − 0.9 of the fee that is the fund's and the protocol's
    expect(marks.map(({ replayed }) => replayed.cash)).toEqual([usdc(10_000), usdc(9_499.1), usdc(10_039.1)]);
    expect(marks.map(({ replayed, nav }) => replayed.nav - nav)).toEqual([0n, 0n, 0n]);
  });

  test("what will not be paid is missing at the first mark; the fund's part shows when it is paid", () => {
    const [, settled, paid] = marks;
    expect(settled?.parts.shortfall).toBe(-usdc(60) * 10n ** 18n);
    expect(paid?.parts.insurance).toBe(usdc(120) * 10n ** 18n); // 600 · 200/1,000
    expect(paid?.parts.shortfall).toBe(-usdc(120) * 10n ** 18n);
    expect((settled?.parts.shortfall ?? 0n) + (paid?.parts.shortfall ?? 0n)).toBe(-usdc(180) * 10n ** 18n);
  });

  test("a call deep in the money gains by delta, and the fee less what others got of it is the pool's", () => {
    const parts = marks[1]?.parts;
    expect(Number(parts?.delta ?? 0n) / 1e24).toBeCloseTo(100, 6);
    expect(parts?.spread).toBe(5n * 10n ** 24n);
    expect(parts?.fees).toBe(21n * 10n ** 23n);
    expect(marks[1]?.flows).toMatchObject({ premiumPaid: 508n * 10n ** 24n, payoffs: 600n * 10n ** 24n, swaps: 1 });
  });

  test("parts explain the whole profit", () => {
    for (const [i, { nav, parts }] of marks.entries()) {
      const profit = (nav - (marks[i - 1]?.nav ?? 0n)) * 10n ** 18n;
      expect(Math.abs(Number(profit - sumParts(parts)) / 1e24)).toBeLessThan(1e-9);
    }
    expect(marks[0]?.parts.gifts).toBe(10_000n * 10n ** 24n);
  });
});

test("what the pool pays behind the insurance fund, and gets back, is a part of its own", () => {
  const pools = new PoolReplay(deployment, somePool);
  const of = { account, marketId: 1, expiry } as const;
  const marks = [
    ledger("CashDeposited", { account, from: address("c"), amount: usdc(10_000) }),
    ledger("BackstopPaid", { ...of, amount: usdc(700) }),
    ledger("BackstopPaid", { ...of, account: account + 256n, amount: usdc(300) }),
    mark(1, usdc(9_300)),
    ledger("BackstopRepaid", { ...of, amount: usdc(200) }),
    mark(2, usdc(9_500)),
  ].flatMap((event) => pools.apply(event) ?? []);
  expect(marks.map(({ parts }) => parts.backstop / 10n ** 18n)).toEqual([-usdc(700), usdc(200)]);
  expect(marks.map(({ replayed, nav }) => replayed.nav - nav)).toEqual([0n, 0n]);
});

describe("a hedge", () => {
  /** Two base tokens for 5,010, a bounty of 1 inside, at a report's spot of 2,500. */
  const hedge = (round: number): PoolEvent => ({
    ...place,
    source: "pool",
    name: "Hedged",
    args: {
      round,
      cash: -usdc(5_010),
      baseAmount: 2n * 10n ** 18n,
      netShortDelta: 0n,
      reserveWad: 0n,
    },
  });
  const deposit = ledger("BaseDeposited", { account, marketId: 1, from: optionPool, amount: 2n * 10n ** 18n });
  const bounty = ledger("CashMoved", { from: account, to: 77n << 8n, amount: usdc(1) });
  const opening = [
    ledger("CashDeposited", { account, from: address("c"), amount: usdc(10_000) }),
    surface(1, expiry - 86_400, 2500),
    mark(1, usdc(10_000)),
  ];
  const play = (events: readonly (LedgerEvent | OracleEvent | PoolEvent)[]) => {
    const pools = new PoolReplay(deployment, somePool);
    return [...opening, ...events].flatMap((event) => pools.apply(event) ?? []);
  };
  const raw = (amount: number) => BigInt(amount) * 10n ** 24n;

  test("is cash against base, and what it cost at the report's spot; nothing of it is a gift", () => {
    const marks = play([deposit, bounty, hedge(1), surface(2, expiry - 80_000, 2600), mark(2, usdc(4_990))]);
    expect(marks[1]?.replayed).toEqual({ cash: usdc(4_990), bookValue: usdc(5_200), nav: usdc(10_190) });
    expect(marks[1]?.parts.hedging).toBe(raw(190));
    expect(marks[1]?.parts.gifts).toBe(0n);
  });

  test("between a report and its mark it counts from the next mark on", () => {
    const later = [surface(3, expiry - 79_000, 2500), mark(3, usdc(4_990))];
    const marks = play([surface(2, expiry - 80_000, 2500), deposit, bounty, hedge(2), mark(2, usdc(4_990)), ...later]);
    expect(marks.map(({ replayed }) => replayed.nav)).toEqual([usdc(10_000), usdc(10_000), usdc(9_990)]);
    expect(marks.map(({ parts }) => parts.hedging)).toEqual([0n, 0n, raw(-10)]);
  });
});
