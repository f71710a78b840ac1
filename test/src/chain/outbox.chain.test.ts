import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeFunctionData, type Hex, parseGwei } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { localTokenAbi, localTokenBytecode } from "../../../src/chain/abis.ts";
import { type Anvil, startAnvil } from "../../../src/chain/anvil.ts";
import { Outbox, type OutboxTerms } from "../../../src/chain/outbox.ts";
import { Transactor } from "../../../src/chain/transactor.ts";
import { MeniscusError } from "../../../src/runtime/errors.ts";

const terms: OutboxTerms = {
  maxFee: parseGwei("20"),
  priorityFee: parseGwei("1"),
  replaceAfterMilliseconds: 250,
  bids: 3,
};
let anvil: Anvil;
let token: Hex;
let folder: string;
let file: string;
let said: string[] = [];

beforeAll(async () => {
  anvil = await startAnvil();
  token = await new Transactor(anvil.publicClient, anvil.wallet(0), { sync: true }).deploy(
    localTokenAbi,
    localTokenBytecode,
    ["USD Coin", "USDC", 6],
  );
});
afterAll(() => anvil.stop());
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "meniscus-outbox-"));
  file = join(folder, "outbox.json");
  said = [];
  await anvil.testClient.setAutomine(true);
  return () => rmSync(folder, { recursive: true, force: true });
});

const account = () => privateKeyToAccount(anvil.privateKey(0));
const outbox = (options: { sendUrl?: string; terms?: OutboxTerms } = {}) =>
  new Outbox(anvil.publicClient, account(), { terms, file, notice: (text) => said.push(text), ...options });
/** An intent that shows how often it was mined: so many tokens to the fifth account. */
const minting = (amount: bigint) => ({
  to: token,
  data: encodeFunctionData({ abi: localTokenAbi, functionName: "mint", args: [anvil.address(5), amount] }),
  gas: 100_000n,
});
const minted = () =>
  anvil.publicClient.readContract({
    address: token,
    abi: localTokenAbi,
    functionName: "balanceOf",
    args: [anvil.address(5)],
  });
const openIn = (path: string) =>
  (JSON.parse(readFileSync(path, "utf8")) as { open: { nonce: number; hashes: Hex[] } | null }).open;
const baseFee = (gwei: string) => anvil.testClient.setNextBlockBaseFeePerGas({ baseFeePerGas: parseGwei(gwei) });

describe("an outbox", () => {
  test("sends one intent after another, and has none open afterwards", async () => {
    const before = await minted();
    const box = outbox();
    for (const amount of [1n, 2n, 3n]) expect(await box.send(minting(amount))).toMatchObject({ status: "success" });
    expect(await minted()).toBe(before + 6n);
    expect(openIn(file)).toBeNull();
  });

  test("K9 stuck: bids higher for what is stuck, at the same nonce, and it is mined once", async () => {
    const before = await minted();
    await anvil.testClient.setAutomine(false);
    const sent = outbox().send(minting(10n));
    while ((openNow()?.hashes.length ?? 0) < 2) await pause(20);
    await anvil.testClient.mine({ blocks: 1 });
    expect(await sent).toMatchObject({ status: "success" });
    await anvil.testClient.mine({ blocks: 1 });
    expect(await minted()).toBe(before + 10n);
    expect(said.some((text) => text.startsWith("bidding again"))).toBe(true);
  });

  test("K9 called-off: calls off what nobody mines; the nonce is used and the intent never happens", async () => {
    const before = await minted();
    await anvil.testClient.setAutomine(false);
    const box = outbox();
    const sent = box.send(minting(100n));
    while (!said.some((text) => text.startsWith("calling off"))) await pause(20);
    await pause(100);
    await anvil.testClient.mine({ blocks: 1 });
    expect(await sent).toBe("cancelled");
    await anvil.testClient.mine({ blocks: 2 });
    expect(await minted()).toBe(before);
    await anvil.testClient.setAutomine(true);
    expect(await box.send(minting(1n))).toMatchObject({ status: "success" });
    expect(await minted()).toBe(before + 1n);
  });

  test("K9 ceiling: never bids more than its cap, whatever gas costs", async () => {
    await anvil.testClient.setAutomine(false);
    await baseFee("50");
    const sent = outbox().send(minting(7n));
    await pause(1_600);
    const pool = await anvil.publicClient.getBlock({ blockTag: "pending", includeTransactions: true });
    expect(pool.transactions.filter(({ from }) => from === account().address)).toEqual([]);
    const bids = JSON.parse(readFileSync(file, "utf8")) as { open: { maxFee: string } };
    expect(BigInt(bids.open.maxFee)).toBeLessThanOrEqual(terms.maxFee);
    await baseFee("1");
    let isOver = false;
    void sent.finally(() => (isOver = true));
    while (!isOver) {
      await anvil.testClient.mine({ blocks: 1 });
      await pause(50);
    }
    await sent;
  });

  test("K14 found: after a kill it finds what was mined meanwhile, and does not repeat it", async () => {
    const before = await minted();
    await anvil.testClient.setAutomine(false);
    const killed = outbox().send(minting(1_000n)); // its process is "killed": nobody listens any more
    while ((openNow()?.hashes.length ?? 0) < 1) await pause(10);
    const copy = join(folder, "copy.json");

    copyFileSync(file, copy);
    await anvil.testClient.mine({ blocks: 1 });
    await anvil.testClient.setAutomine(true);
    const revived = new Outbox(anvil.publicClient, account(), { terms, file: copy });
    expect(revived.hasOpen).toBe(true);
    expect(await revived.settleOpen()).toMatchObject({ status: "success" });
    expect(revived.hasOpen).toBe(false);
    expect(await minted()).toBe(before + 1_000n);
    await killed; // it writes to the folder, which is gone after the test
  });

  test("K14 unsent: after a kill before anything was mined it calls off before it sends anew", async () => {
    const before = await minted();
    // Written down and never sent: what a crash between the two leaves.
    const nonce = await anvil.publicClient.getTransactionCount({ address: account().address });

    const fees = { maxFee: parseGwei("3").toString(), priorityFee: parseGwei("1").toString() };
    const hashes = [`0x${"12".repeat(32)}`];
    const open = { ...minting(500n), gas: "100000", nonce, ...fees, hashes, cancelled: [] };
    writeFileSync(file, JSON.stringify({ open }));
    const revived = outbox();
    expect(await revived.send(minting(3n))).toMatchObject({ status: "success" });
    expect(await minted()).toBe(before + 3n);
    expect(await anvil.publicClient.getTransactionCount({ address: account().address })).toBe(nonce + 2);
  });

  test("K4 send-rpc: hands transactions to an RPC of its own, and waits out that it fails", async () => {
    const before = await minted();
    let asked = 0;
    const relay: Server = createServer((request, response) => {
      let body = "";
      request.on("data", (chunk: Buffer) => (body += chunk.toString()));
      request.on("end", () => {
        asked += 1;
        const done = (status: number, text: string) =>
          response.writeHead(status, { "content-type": "application/json" }).end(text);
        if (asked <= 4) done(503, "away");
        else
          void fetch(anvil.url, { method: "POST", headers: { "content-type": "application/json" }, body })
            .then((answer) => answer.text())
            .then((text) => done(200, text));
      });
    });
    await new Promise<void>((resolve) => relay.listen(0, "127.0.0.1", resolve));
    try {
      const { port } = relay.address() as AddressInfo;
      const patient = { ...terms, replaceAfterMilliseconds: 2_500, bids: 5 };
      const sent = await outbox({ sendUrl: `http://127.0.0.1:${port}`, terms: patient }).send(minting(4n));
      expect(sent).toMatchObject({ status: "success" });
      expect(await minted()).toBe(before + 4n);
      expect(asked).toBeGreaterThan(4);
      expect(said.some((text) => text.includes("was not taken"))).toBe(true);
    } finally {
      relay.close();
    }
  }, 30_000);

  test("K15 no-journal: says that a journal which cannot be read is none; K8: an intent whose nonce went elsewhere is none any more", async () => {
    writeFileSync(file, "{");
    expect(() => outbox()).toThrow(MeniscusError);
    const hashes = [`0x${"34".repeat(32)}`];
    const open = { ...minting(1n), gas: "100000", nonce: 0, maxFee: "1", priorityFee: "1", hashes, cancelled: [] };
    writeFileSync(file, JSON.stringify({ open }));
    const before = await minted();
    expect(await outbox().send(minting(1n))).toMatchObject({ status: "success" });
    expect(await minted()).toBe(before + 1n);
    expect(said.some((text) => text.startsWith("nonce 0 was used by something else"))).toBe(true);
  });
});

test("a transactor with an outbox sends through it, and a refusal leaves nothing open", async () => {
  const transactor = new Transactor(anvil.publicClient, anvil.wallet(0), { outbox: outbox() });
  const before = await minted();
  await transactor.write(token, localTokenAbi, "mint", [anvil.address(5), 9n]);
  expect(await minted()).toBe(before + 9n);
  const stranger = new Outbox(anvil.publicClient, privateKeyToAccount(anvil.privateKey(1)), { terms });
  const other = new Transactor(anvil.publicClient, anvil.wallet(1), { outbox: stranger });
  await expect(other.write(token, localTokenAbi, "mint", [anvil.address(5), 9n])).rejects.toThrow();
  expect(stranger.hasOpen).toBe(false);
});

const openNow = () => (existsSync(file) ? openIn(file) : null);
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
