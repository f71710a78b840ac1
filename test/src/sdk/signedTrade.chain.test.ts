// Signed trades on a real chain with the real Permit2: Dora signs and never sends, a relayer brings what she signed.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { domainSeparator, erc20Abi, parseAbi } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { clearinghouseAbi, iPermit2Abi } from "../../../src/chain/abis.ts";
import { revertNameOf } from "../../../src/chain/decodeError.ts";
import { writeDeployment } from "../../../src/chain/deployments.ts";
import { type OptionTerms, toAccountId, toOptionId } from "../../../src/chain/optionId.ts";
import { PERMIT2 } from "../../../src/chain/permit2.ts";
import { type Connection, connect, findPool, Sender, tokenBalance } from "../../../src/sdk/client.ts";
import {
  approvePermit2,
  fromSignedTradeFile,
  type SignedTrade,
  signTrade,
  submitSignedTrade,
  type TradeOrder,
  toSignedTradeFile,
} from "../../../src/sdk/signedTrade.ts";
import { TestMarket } from "./testMarket.ts";

const DAY = 86_400;
const start = Date.UTC(2026, 1, 1, 8) / 1000;
const expiry = start + 12 * DAY;
const [lp, dora, relayer] = [1, 2, 3] as const;
const option: OptionTerms = { marketId: 1, expiry, strike: 2_500, kind: "call" };
const usdc = (tokens: number) => BigInt(tokens) * 1_000_000n;
const folder = mkdtempSync(join(tmpdir(), "meniscus-permit-"));

let market: TestMarket;
let connection: Connection;
let bringer: Sender;

beforeAll(async () => {
  market = await TestMarket.start(start - 3_600, [expiry]);
  const file = writeDeployment(market.deployment, join(folder, "deployment.json"));
  connection = await connect({ rpcUrl: market.anvil.url, deploymentFile: file });
  bringer = senderOf(relayer);
  for (const index of [lp, dora]) await market.fund(index, 2_000_000);
  // She has let Permit2 take her tokens, and nobody else.
  const { quoteToken, clearinghouse } = market.deployment;
  await market.transactor(dora).write(quoteToken, erc20Abi, "approve", [clearinghouse, 0n]);
  await approvePermit2(senderOf(dora));
  await market.deposit(lp, 1_000_000);
  for (const time of [start, start + 60]) {
    await market.report({ time, spot: 2_500, volatility: 0.6 });
    await market.mark();
  }
}, 120_000);

afterAll(async () => {
  await market.anvil.stop();
  rmSync(folder, { recursive: true });
});

function senderOf(index: number): Sender {
  return new Sender(connection, privateKeyToAccount(market.anvil.privateKey(index)), () => {}, { sync: true });
}

async function sign(order: Pick<TradeOrder, "sub" | "limitCash"> & Partial<TradeOrder> & { readonly size: bigint }) {
  const signer = privateKeyToAccount(market.anvil.privateKey(dora));
  const { size, ...rest } = order;
  return await signTrade(connection, signer, findPool(connection), {
    legs: [{ terms: option, size }],
    deadlineSeconds: 300,
    ...rest,
  });
}

const doras = () => tokenBalance(connection, market.address(dora));
const sent = () => market.client.getTransactionCount({ address: market.address(dora) });

async function held(sub: number): Promise<bigint> {
  return await market.client.readContract({
    address: market.deployment.clearinghouse,
    abi: clearinghouseAbi,
    functionName: "position",
    args: [toAccountId(market.address(dora), sub), toOptionId(option)],
  });
}

test("Permit2 stands at its address and signs for this chain", async () => {
  expect(market.deployment.permit2).toBe(PERMIT2);
  const separator = await market.client.readContract({
    address: PERMIT2,
    abi: parseAbi(["function DOMAIN_SEPARATOR() view returns (bytes32)"]),
    functionName: "DOMAIN_SEPARATOR",
  });
  const domain = { name: "Permit2", chainId: market.deployment.chainId, verifyingContract: PERMIT2 };
  expect(separator).toBe(domainSeparator({ domain }));
});

test("a wallet's trade goes through a file to a relayer, costs what the swap costs, and counts once", async () => {
  const [before, transactions] = [await doras(), await sent()];
  const written = JSON.stringify(toSignedTradeFile(await sign({ sub: 0, size: 2_000_000n, limitCash: usdc(500) })));
  const read = fromSignedTradeFile(JSON.parse(written));
  const result = await submitSignedTrade(bringer, read);
  expect(result.cash).toBeGreaterThan(0);
  expect(before - (await doras())).toBe(BigInt(Math.round(result.cash * 1e6)));
  expect(await held(0)).toBe(2_000_000n);
  expect(await sent()).toBe(transactions);
  await expect(submitSignedTrade(bringer, read)).rejects.toMatchObject({
    kind: "market",
    message: expect.stringContaining("brought before") as string,
  });
});

test("a wallet that sells permits nothing and is paid", async () => {
  const before = await doras();
  const signed = await sign({ sub: 0, size: -1_000_000n, limitCash: usdc(-10) });
  expect(signed.permitted).toBe(0n);
  const { cash } = await submitSignedTrade(bringer, signed);
  expect((await doras()) - before).toBe(BigInt(Math.round(-cash * 1e6)));
});

test("a margin account is paid in and writes, in one message", async () => {
  const before = await doras();
  const signed = await sign({ sub: 1, size: -1_000_000n, limitCash: 0n, payIn: usdc(10_000) });
  await submitSignedTrade(bringer, signed);
  expect(before - (await doras())).toBe(usdc(10_000));
  expect(await held(1)).toBe(-1_000_000n);
});

test.each<readonly [string, (signed: SignedTrade) => SignedTrade]>([
  ["limit", (signed) => ({ ...signed, limitCash: signed.limitCash + 1n })],
  ["size", (signed) => ({ ...signed, legs: signed.legs.map((leg) => ({ ...leg, size: leg.size + 1n })) })],
  ["account", (signed) => ({ ...signed, account: signed.account + 2n })],
  ["deadline", (signed) => ({ ...signed, deadline: signed.deadline + 1 })],
  ["amount", (signed) => ({ ...signed, permitted: signed.permitted + 1n })],
  ["nonce", (signed) => ({ ...signed, nonce: signed.nonce ^ 1n })],
])("whoever changes the %s is refused", async (_, change) => {
  const before = await doras();
  const signed = await sign({ sub: 0, size: 1_000_000n, limitCash: usdc(500) });
  const refused = submitSignedTrade(bringer, change(signed));
  await expect(refused).rejects.toMatchObject({ kind: "key" });
  expect(await doras()).toBe(before);
});

test("nobody but the ledger can bring it to Permit2", async () => {
  const { permitted, nonce, deadline, signature } = await sign({ sub: 0, size: 1_000_000n, limitCash: usdc(500) });
  const { quoteToken } = market.deployment;
  const typeString =
    "Trade witness)Leg(uint256 option,int128 size)TokenPermissions(address token,uint256 amount)Trade(uint256 account,address maker,Leg[] legs,int256 limitCash,uint40 deadline,bytes makerData)";
  const attempt = market
    .transactor(relayer)
    .write(PERMIT2, iPermit2Abi, "permitWitnessTransferFrom", [
      { permitted: { token: quoteToken, amount: permitted }, nonce, deadline: BigInt(deadline) },
      { to: market.address(relayer), requestedAmount: permitted },
      market.address(dora),
      `0x${"00".repeat(32)}`,
      typeString,
      signature,
    ]);
  await expect(attempt.catch((error: unknown) => revertNameOf(error))).resolves.toBe("InvalidSigner");
});

test("a trade of another chain is not sent", async () => {
  const signed = await sign({ sub: 0, size: 1_000_000n, limitCash: usdc(500) });
  await expect(submitSignedTrade(bringer, { ...signed, chainId: 1 })).rejects.toMatchObject({ kind: "usage" });
});

test("a wallet pays in nothing; what is no signed trade is named", async () => {
  await expect(sign({ sub: 0, size: 1n, limitCash: 0n, payIn: 1n })).rejects.toMatchObject({ kind: "usage" });
  const file = toSignedTradeFile(await sign({ sub: 0, size: 1_000_000n, limitCash: usdc(500) }));
  expect(() => fromSignedTradeFile({ ...file, nonce: "0x7" })).toThrow("nonce");
});
