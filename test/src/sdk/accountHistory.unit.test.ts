import { type Address, zeroAddress, zeroHash } from "viem";
import { describe, expect, test } from "vitest";
import { toAccountId, toOptionId } from "../../../src/chain/optionId.ts";
import { AccountReplay, accountProfit } from "../../../src/sdk/accountHistory.ts";
import { tokensOfRaw } from "../../../src/sdk/attribution.ts";
import type { EventPlace, LedgerEvent } from "../../../src/sdk/history.ts";
import { address, someDeployment } from "./someDeployment.ts";

const owner: Address = address("e");
const other: Address = address("f");
const [wallet, margin] = [toAccountId(owner, 0), toAccountId(owner, 1)];
const pool = toAccountId(address("1"), 1);
const expiry = Date.UTC(2026, 1, 4, 8) / 1000;
const call = toOptionId({ marketId: 1, expiry, strike: 2_500, kind: "call" });
const put = toOptionId({ marketId: 1, expiry, strike: 2_400, kind: "put" });
const place: EventPlace = { address: address("9"), blockNumber: 1n, time: 0, transactionHash: zeroHash, logIndex: 0 };
const one = 1_000_000n;
const tokens = (amount: number) => BigInt(Math.round(amount * 1e6));

function ledger<TName extends LedgerEvent["name"]>(
  name: TName,
  args: Extract<LedgerEvent, { name: TName }>["args"],
): LedgerEvent {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- name and arguments agree by the signature
  return { ...place, source: "ledger", name, args } as LedgerEvent;
}

const traded = (taker: bigint, cash: number, ...legs: readonly { option: bigint; size: bigint }[]) =>
  ledger("Traded", { taker, maker: pool, legs, cash: tokens(cash), fee: 0n, insuranceFee: 0n });
const settled = (priceWad: bigint) => ledger("SettlementStarted", { marketId: 1, expiry, priceWad });
const final = (owed: number, collected: number) =>
  ledger("SettlementFinal", {
    marketId: 1,
    expiry,
    owed: tokens(owed),
    collected: tokens(collected),
    covered: 0n,
    backed: 0n,
  });
const transfer = (sender: Address, receiver: Address, id: bigint, amount: bigint) =>
  ledger("Transfer", { caller: sender, sender, receiver, id, amount });

function replayed(...events: readonly LedgerEvent[]): AccountReplay {
  const replay = new AccountReplay(someDeployment, owner);
  for (const event of events) replay.apply(event);
  return replay;
}

/** Size, cost, realised and payoff of an option, in contracts and tokens. */
function tallyOf(replay: AccountReplay, sub: number, option: bigint) {
  const tally = replay.tallies(sub).get(option);
  const of = (raw: bigint | undefined) => (raw === undefined ? null : tokensOfRaw(raw));
  return tally && [Number(tally.size) / 1e6, of(tally.cost), of(tally.realised), of(tally.payoff)];
}

describe("tallies of an account", () => {
  test("close at average cost, a turn opens the other side", () => {
    const replay = replayed(
      traded(margin, 100, { option: call, size: one }),
      traded(margin, 200, { option: call, size: one }),
    );
    expect(tallyOf(replay, 1, call)).toEqual([2, 300, 0, null]);
    replay.apply(traded(margin, -170, { option: call, size: -one }));
    expect(tallyOf(replay, 1, call)).toEqual([1, 150, 20, null]);
    replay.apply(traded(margin, -360, { option: call, size: -3n * one }));
    expect(tallyOf(replay, 1, call), "one closed at 120, two sold").toEqual([-2, -240, -10, null]);
    replay.apply(traded(margin, 300, { option: call, size: 2n * one }));
    expect(tallyOf(replay, 1, call)).toEqual([0, 0, -70, null]);
    expect(tallyOf(replay, 0, call)).toBeUndefined();
  });

  test("a package's cash is split without rest", () => {
    const replay = replayed(traded(margin, 100.000001, { option: call, size: one }, { option: put, size: -2n * one }));
    const [first, second] = [call, put].map((option) => replay.tallies(1).get(option)?.cost ?? 0n);
    expect(Number((first ?? 0n) + (second ?? 0n)) / 1e24).toBeCloseTo(100.000001, 9);
    expect((first ?? 0n) + (second ?? 0n)).toBe(tokens(100.000001) * 10n ** 18n);
  });

  test("a maker of a signed order gets the other side, less the fee's parts that go elsewhere", () => {
    const market = { insuranceFeeShareBps: 2_000, protocolFeeShareBps: 1_000 };
    const order = { taker: pool, maker: margin, legs: [{ option: call, size: one }], cash: tokens(100) };
    const replay = replayed(
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the rest of a market does not matter here
      ledger("MarketCreated", { marketId: 1, market } as never),
      ledger("Traded", { ...order, fee: tokens(10), insuranceFee: 0n }),
    );
    expect(tallyOf(replay, 1, call)).toEqual([-1, -97, 0, null]);
  });

  test("move at cost between own accounts, at their value to others", () => {
    const bought = traded(wallet, 100, { option: call, size: 2n * one });
    const replay = replayed(bought, ledger("OptionsDeposited", { account: margin, option: call, amount: one }));
    expect([tallyOf(replay, 0, call), tallyOf(replay, 1, call)]).toEqual([
      [1, 50, 0, null],
      [1, 50, 0, null],
    ]);
    replay.apply(settled(2_580n * 10n ** 18n));
    replay.apply(transfer(owner, other, call, one));
    expect(tallyOf(replay, 0, call), "given away when it was worth 80").toEqual([0, 0, 30, null]);
    replay.apply(transfer(other, owner, put, one));
    expect(tallyOf(replay, 0, put), "worthless when it came").toEqual([1, 0, 0, null]);
  });

  test("expire at their payoff: margin accounts when they are settled, wallets when they redeem", () => {
    const replay = replayed(
      traded(wallet, 100, { option: call, size: one }),
      traded(margin, -100, { option: call, size: -one }),
      settled(2_620n * 10n ** 18n),
      ledger("AccountSettled", { account: margin, marketId: 1, expiry, net: tokens(-120), unpaid: 0n }),
    );
    expect(tallyOf(replay, 1, call)).toEqual([0, 0, -20, -120]);
    replay.apply(transfer(owner, zeroAddress, call, one));
    expect(tallyOf(replay, 0, call), "a burn before finality is a deposit's or a trade's").toEqual([1, 100, 0, null]);
    replay.apply(final(120, 90));
    replay.apply(transfer(owner, zeroAddress, call, one));
    expect(tallyOf(replay, 0, call)).toEqual([0, 0, 20, 120]);
    expect(Number(replay.shortfall(0)) / 1e24, "a quarter is missing").toBe(30);
    replay.apply(ledger("PayoutRaised", { marketId: 1, expiry, amount: tokens(15), collected: tokens(105) }));
    expect(Number(replay.shortfall(0)) / 1e24).toBe(15);
    expect(accountProfit(replay, 0, [], () => "ETH")).toMatchObject({
      closed: [{ name: "ETH-4FEB26-2500-C", realised: 20, payoff: 120 }],
      profit: 5,
    });
  });

  test("what the events do not explain has no cost", () => {
    const replay = replayed(traded(margin, 100, { option: call, size: one }));
    const terms = { marketId: 1, expiry, strike: 2_500, kind: "call" } as const;
    const view = { name: "x", terms, size: 2n * one, contracts: 2, price: 80, value: 160, state: "live" } as const;
    const held = [{ ...view, volatility: 0.6, delta: 1, vega: 1 }];
    expect(accountProfit(replay, 1, held, () => "ETH").positions).toMatchObject([
      { cost: null, unrealised: null, realised: null, value: 160 },
    ]);
  });
});
