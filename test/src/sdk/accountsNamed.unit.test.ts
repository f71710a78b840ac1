import { zeroAddress } from "viem";
import { expect, test } from "vitest";
import { clearinghouseAbi } from "../../../src/chain/abis.ts";
import { accountsNamed, optionsTraded } from "../../../src/sdk/accountsNamed.ts";

test("accounts are found under every name that an event gives them, addresses are not", () => {
  expect(accountsNamed({ account: 1n, from: zeroAddress, amount: 9n })).toEqual([1n]);
  expect(accountsNamed({ from: 1n, to: 2n, option: 9n, size: -1n })).toEqual([1n, 2n]);
  expect(accountsNamed({ taker: 1n, maker: 2n, cash: 9n })).toEqual([1n, 2n]);
});

test("no event of the ledger names an account otherwise", () => {
  const events = clearinghouseAbi.filter((item) => item.type === "event");
  const accounts = events.flatMap(({ inputs }) => inputs.filter(({ internalType }) => internalType === "AccountId"));
  expect(accounts.length).toBeGreaterThan(20);
  for (const { name } of accounts) expect(accountsNamed({ [name]: 7n }), name).toEqual([7n]);
});

test("options are found in the legs of a trade, and nowhere else", () => {
  const legs = [
    { option: 7n, size: 1n },
    { option: 8n, size: -1n },
  ];
  expect(optionsTraded({ taker: 1n, maker: 2n, legs, cash: 9n })).toEqual([7n, 8n]);
  expect(optionsTraded({ from: 1n, to: 2n, option: 9n, size: -1n })).toEqual([]);
});
