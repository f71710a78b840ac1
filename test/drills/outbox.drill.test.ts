// Faults under what sends a bot's transactions, on a real chain. Its owner decides as bots do: he looks at the chain, and sends what is
// missing there. After each drill everybody has got his token once: none was lost, none was given twice.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Address, createPublicClient, type Hex, http, keccak256, parseGwei, parseTransaction, toHex } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { NodeWatch } from "../../src/bots/nodeWatch.ts";
import { localTokenAbi, localTokenBytecode } from "../../src/chain/abis.ts";
import { type Anvil, startAnvil } from "../../src/chain/anvil.ts";
import { Outbox, type OutboxTerms } from "../../src/chain/outbox.ts";
import { Transactor } from "../../src/chain/transactor.ts";
import { createRandom } from "../../src/market/random.ts";
import { bundleProgram } from "../src/volatility-oracle/bundle.ts";
import { BRIEF_FAULTS, FaultyNode } from "./faultyNode.ts";
import { giving, type ProviderOrder, provideOnce, toText } from "./provider.ts";
import { reorganise } from "./reorganise.ts";
import { drillSeeds } from "./seeds.ts";

const terms: OutboxTerms = {
  maxFee: parseGwei("20"),
  priorityFee: parseGwei("1"),
  replaceAfterMilliseconds: 250,
  bids: 3,
};
const OWNER = 0;
const PATIENCE_MILLISECONDS = 30_000;
let anvil: Anvil;
let node: FaultyNode;
let token: Hex;
let folder: string;
let said: string[] = [];
let drills = 0;

/** A chain for each seed: anvil forgets old states in time. */
function onOneChain(): void {
  beforeAll(async () => {
    anvil = await startAnvil();
    token = await new Transactor(anvil.publicClient, anvil.wallet(OWNER), { sync: true }).deploy(
      localTokenAbi,
      localTokenBytecode,
      ["USD Coin", "USDC", 6],
    );
    // Deeper than any reorganisation here.
    await anvil.testClient.mine({ blocks: 20 });
    return () => anvil.stop();
  });
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "meniscus-drill-"));
  node = await FaultyNode.before(anvil.url);
  said = [];
  await anvil.testClient.setAutomine(true);
  return () => {
    node.close();
    rmSync(folder, { recursive: true, force: true });
  };
});

const account = () => privateKeyToAccount(anvil.privateKey(OWNER));
const clientOf = (url: string) =>
  createPublicClient({
    chain: anvil.chain,
    cacheTime: 0,
    transport: http(url, { retryCount: 1, timeout: 300, batch: true }),
  });
const outbox = (options: { file?: string; terms?: OutboxTerms } = {}) =>
  new Outbox(clientOf(node.url), account(), {
    terms,
    file: join(folder, "outbox.json"),
    notice: (text) => said.push(text),
    ...options,
  });
/** Some who have nothing yet. */
const someone = (count: number): readonly Address[] => {
  drills += 1;
  return Array.from({ length: count }, (_, i) => `0x${keccak256(toHex(`${drills} ${i}`)).slice(26)}` as const);
};
const balance = async (owner: Address, client: Pick<Anvil["publicClient"], "readContract"> = anvil.publicClient) =>
  await client.readContract({ address: token, abi: localTokenAbi, functionName: "balanceOf", args: [owner] });
const nonce = async () => await anvil.publicClient.getTransactionCount({ address: account().address });
const head = async () => Number(await anvil.publicClient.getBlockNumber({ cacheTime: 0 }));
const mine = async () => await anvil.testClient.mine({ blocks: 1 });

async function provide(box: Outbox, owners: readonly Address[], watch?: NodeWatch): Promise<void> {
  const terms = { client: clientOf(node.url), token, owners, patienceMilliseconds: PATIENCE_MILLISECONDS };
  const isDone = await provideOnce(box, terms, (text) => said.push(text), watch);
  if (!isDone) throw new Error(`It does not come to an end:\n${said.slice(-20).join("\n")}`);
}

/** What waits in pools of transactions is mined, and what was ever sent is tried once more: it must change nothing. */
async function expectOneEach(owners: readonly Address[]): Promise<void> {
  await anvil.testClient.setAutomine(true);
  for (const serializedTransaction of node.sent) {
    await anvil.publicClient.sendRawTransaction({ serializedTransaction }).catch(() => {});
  }
  await mine();
  expect(await Promise.all(owners.map(async (owner) => await balance(owner)))).toEqual(owners.map(() => 1n));
}

/** A transaction of the same key that the outbox knows nothing of. */
async function foreignHand(options: { readonly nonce: number; readonly fee?: string }): Promise<void> {
  const fee = parseGwei(options.fee ?? "5");
  const serializedTransaction = await account().signTransaction({
    type: "eip1559",
    chainId: anvil.chain.id,
    nonce: options.nonce,
    to: anvil.address(8),
    gas: 21_000n,
    maxFeePerGas: fee,
    maxPriorityFeePerGas: fee,
  });
  await anvil.publicClient.sendRawTransaction({ serializedTransaction });
}

/** How many blocks after this one hold something. */
async function blocksUsed(after: number): Promise<number> {
  let used = 0;
  for (let number = after + 1; number <= (await head()); number++) {
    const { transactions } = await anvil.publicClient.getBlock({ blockNumber: BigInt(number) });
    if (transactions.length > 0) used += 1;
  }
  return used;
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + PATIENCE_MILLISECONDS;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`${what} did not happen:\n${said.slice(-20).join("\n")}`);
    await sleep(10);
  }
}
const saidThat = (text: string) => () => said.some((each) => each.includes(text));
const hashesSent = () => {
  const { open } = JSON.parse(readFileSync(join(folder, "outbox.json"), "utf8")) as { open: { hashes: Hex[] } | null };
  return open?.hashes.length ?? 0;
};

describe.each(drillSeeds)("seed %i", (seed) => {
  onOneChain();
  const random = createRandom(`outbox ${seed}`);
  const upTo = (most: number) => 1 + Math.floor(most * random.uniform());

  test("K1 rpc-faults: a node that fails in every way, then wholly; within two blocks after it is sound all is well", async () => {
    const owners = someone(4);
    node.fail([0.05, 0.2, 0.5, 0.8][seed % 4]!, random);
    const done = provide(outbox(), owners);
    await sleep(700);
    node.fail(1, random, [...BRIEF_FAULTS.filter((fault) => fault !== "swallow"), "hang"]);
    await sleep(400);
    const atEnd = await head();
    const missing = (await Promise.all(owners.map(async (owner) => await balance(owner)))).filter((has) => has === 0n);
    node.heal();
    await done;
    // Each takes a block of its own here, and what was open may have been called off in one.
    expect((await head()) - atEnd).toBeLessThanOrEqual(missing.length + 2);
    await expectOneEach(owners);
  });

  test("K2 swallow: whatever is sent is taken, and no answer comes back", async () => {
    const owners = someone(3);
    const before = await nonce();
    node.faultOf = (methods) => (methods.includes("eth_sendRawTransaction") ? "swallow" : undefined);
    await provide(outbox(), owners);
    await expectOneEach(owners);
    expect(await nonce(), "found by the hash that was known before it was sent").toBe(before + owners.length);
  });

  test("K3 stale-node: it goes back some blocks, freezes, and answers for another chain", async () => {
    const owners = someone(3);
    const box = outbox();
    const watch = new NodeWatch(clientOf(node.url), anvil.chain.id);
    await provide(box, owners.slice(0, 2), watch);
    node.frozenAt = BigInt(await head()) - 1n;
    await expect(watch.check()).rejects.toThrow(/out of sync/);
    const done = provide(box, owners, watch);
    await sleep(200);
    expect(node.sent, "nothing is done on its word").toHaveLength(2);
    node.heal();
    await done;

    // Where it freezes at the block that was its newest, nothing tells it from a quiet chain: what is sent is mined unseen.
    const more = someone(2);
    node.frozenAt = BigInt(await head());
    const unseen = provide(outbox(), more, watch);
    await sleep(300 * upTo(4));
    node.heal();
    await unseen;
    await expectOneEach([...owners, ...more]);

    const other = await startAnvil({ chainId: 1 });
    node.target = other.url;
    await expect(watch.check()).rejects.toThrow(/of chain 1, not of 31337/);
    await other.stop();
  });

  test("K5 reorganisation: up to ten blocks deep, what they held is dropped and done again, once", async () => {
    const owners = someone(5);
    const box = outbox();
    for (let round = 0; round < 2; round++) {
      const done = provide(box, owners);
      await sleep(100 * random.uniform());
      await reorganise(anvil, upTo(10));
      await done;
      await reorganise(anvil, upTo(10));
      await provide(box, owners);
      await expectOneEach(owners);
    }
  });

  test("K6 re-inclusion: what a reorganisation dropped comes back in another order while it is done again", async () => {
    const owners = someone(4);
    const box = outbox();
    await provide(box, owners);
    const dropped = node.sent.slice(-4);
    await reorganise(anvil, 4);
    const done = provide(box, owners);
    for (const raw of dropped.toSorted(() => random.uniform() - 0.5)) {
      await sleep(30 * random.uniform());
      await anvil.publicClient.sendRawTransaction({ serializedTransaction: raw }).catch(() => {});
    }
    await done;
    await expectOneEach(owners);

    // In other blocks, at once.
    const again = someone(2);
    await provide(box, again);
    await reorganise(
      anvil,
      3,
      node.sent.slice(-2).map((raw, i) => [raw, i + 1]),
    );
    await provide(box, again);
    await expectOneEach([...owners, ...again]);
  });

  test("K7 rollback: the chain is set back further than anything is confirmed; it is waited for, then done again", async () => {
    const owners = someone(2);
    const box = outbox();
    const watch = new NodeWatch(clientOf(node.url), anvil.chain.id);
    await anvil.testClient.mine({ blocks: 64 });
    await provide(box, owners, watch);
    await anvil.publicClient.request({ method: "anvil_rollback", params: [64] } as never);
    const done = provide(box, owners, watch);
    await until("the alarm", saidThat("out of sync"));
    expect(await balance(owners[0]!)).toBe(0n);
    await anvil.testClient.mine({ blocks: 64 });
    await done;
    await expectOneEach(owners);
  });

  test("K8 foreign-hand: takes the nonce of what is open, of what is decided, and one ahead", async () => {
    const owners = someone(4);
    const box = outbox();
    await anvil.testClient.setAutomine(false);
    const done = provide(box, owners.slice(0, 1));
    await until("a bid", () => hashesSentOr(0) > 0);
    await foreignHand({ nonce: await nonce(), fee: "18" });
    await mine();
    await until("that it is noticed", saidThat("was used by something else"));
    await anvil.testClient.setAutomine(true);
    await mine();
    await done;

    // Between look and send: what was decided may be done already.
    await box.settleOpen();
    await foreignHand({ nonce: await nonce() });
    await expect(box.send(giving(token, owners[1]!))).rejects.toThrow(/has sent something else meanwhile/);
    expect(await balance(owners[1]!)).toBe(0n);

    // One ahead: it waits for ours, and goes with it.
    await foreignHand({ nonce: (await nonce()) + 1 });
    const atEnd = await head();
    await provide(box, owners);
    expect((await head()) - atEnd).toBeLessThanOrEqual(5);
    await expectOneEach(owners);
  });

  test("K8 nonce-gap: a reorganisation frees nonces below what is open; they are filled, and it is mined or called off", async () => {
    const owners = someone(4);
    const box = outbox();
    await provide(box, owners.slice(0, 3));
    await anvil.testClient.setAutomine(false);
    const done = provide(box, owners);
    await until("a bid", () => hashesSentOr(0) > 0);
    await reorganise(anvil, 3);
    await until("that the gap is seen", saidThat("is free again: it is filled"));
    const atEnd = await head();
    let isDone = false;
    void done.finally(() => (isDone = true)).catch(() => {});
    // Everybody's act is decided anew and waits for a block.
    for (; !isDone; await sleep(60)) await mine();
    await done;
    // Fillings come in one block, the open one in the next, then each of the four in one.
    expect(await blocksUsed(atEnd)).toBeLessThanOrEqual(7);
    await expectOneEach(owners);
  });

  test("K9 pending-forever: bids rise by a tenth at least, no higher than the ceiling, and every hash is kept", async () => {
    const owners = someone(1);
    await anvil.testClient.setAutomine(false);
    const done = provide(outbox(), owners);
    await until("it is called off", saidThat("calling off"));
    const bids = node.sent.map((raw) => parseTransaction(raw).maxFeePerGas ?? 0n);
    for (const [i, bid] of bids.slice(1).entries()) {
      expect(bid).toBeLessThanOrEqual(terms.maxFee);
      expect(10n * bid).toBeGreaterThanOrEqual(11n * bids[i]!);
    }
    expect(hashesSent()).toBe(terms.bids);
    await anvil.testClient.setAutomine(true);
    await mine();
    await done;
    await expectOneEach(owners);
  });

  test("K10 vanished: what pools forget is sent again", async () => {
    const owners = someone(1);
    await anvil.testClient.setAutomine(false);
    const done = provide(outbox(), owners);
    await until("a bid", () => node.sent.length > 0);
    for (let round = 0; round < 2; round++) {
      const [last] = node.sent.slice(-1);
      await anvil.testClient.dropTransaction({ hash: keccak256(last!) });
      await until("another", () => node.sent.at(-1) !== last);
    }
    await anvil.testClient.setAutomine(true);
    await mine();
    await done;
    await expectOneEach(owners);
  });

  test("K11 gas-spike: a hundred times the fee, then no money for gas; it says so and goes on by itself", async () => {
    const owners = someone(3);
    const box = outbox();
    await provide(box, owners.slice(0, 1));
    await anvil.testClient.setNextBlockBaseFeePerGas({ baseFeePerGas: parseGwei("100") });
    await mine();
    const spiked = provide(box, owners.slice(0, 2));
    await until("the alarm", saidThat("was not taken"));
    expect(await balance(owners[1]!)).toBe(0n);
    await anvil.testClient.setNextBlockBaseFeePerGas({ baseFeePerGas: 1_000n });
    await mine();
    const cheap = await head();
    await spiked;
    expect((await head()) - cheap, "called off in one, done in another").toBeLessThanOrEqual(5);

    const { address } = account();
    const wealth = await anvil.publicClient.getBalance({ address });
    await anvil.testClient.setBalance({ address, value: 1_000n });
    said = [];
    const poor = provide(box, owners);
    await until("the alarm", saidThat("was not taken"));
    await anvil.testClient.setBalance({ address, value: wealth });
    const rich = await head();
    await poor;
    expect((await head()) - rich).toBeLessThanOrEqual(5);
    await expectOneEach(owners);
  });

  test("K13 two-instances: of one key, each with its own memory, deciding on the same chain", async () => {
    const owners = someone(6);
    const boxes = [1, 2].map((i) => outbox({ file: join(folder, `${i}.json`) }));
    await Promise.all(
      boxes.map(async (box, i) => {
        await sleep(50 * i * random.uniform());
        await provide(box, owners);
      }),
    );
    await expectOneEach(owners);
  });

  test("K15 disk-full: nothing is sent that could not be written down, and it goes on when there is room", async () => {
    const owners = someone(2);
    const box = outbox();
    await provide(box, owners.slice(0, 1));
    const before = node.sent.length;
    symlinkSync("/dev/full", join(folder, "outbox.json.draft"));
    const done = provide(box, owners);
    await until("the alarm", saidThat("ENOSPC"));
    await sleep(100 * random.uniform());
    expect(node.sent).toHaveLength(before);
    rmSync(join(folder, "outbox.json.draft"));
    await done;
    await expectOneEach(owners);
  });

  test("K15 torn-file: a memory that is cut off at any byte is noticed before anything is sent", async () => {
    await anvil.testClient.setAutomine(false);
    const file = join(folder, "outbox.json");
    const owners = someone(1);
    const done = provide(outbox(), owners);
    await until("a bid", () => hashesSentOr(0) > 0);
    const whole = readFileSync(file, "utf8");
    const torn = join(folder, "torn.json");
    writeFileSync(torn, whole.slice(0, Math.floor(whole.length * random.uniform())));
    expect(() => outbox({ file: torn })).toThrow(/is not the outbox of a bot/);
    await anvil.testClient.setAutomine(true);
    await mine();
    await done;
    await expectOneEach(owners);
  });
});

describe("K14 crash: a process that is killed at each of its questions to the node, before or after the node has heard it", () => {
  let program: string;
  let programs: string;
  onOneChain();

  beforeAll(async () => {
    programs = mkdtempSync(join(tmpdir(), "meniscus-drill-"));
    program = join(programs, "provider.mjs");
    await bundleProgram(join(import.meta.dirname, "provider.ts"), program);
    return () => rmSync(programs, { recursive: true, force: true });
  });

  test.each(drillSeeds)("seed %i", async (seed) => {
    const random = createRandom(`crash ${seed}`);
    const owners = someone(3);
    const before = await nonce();
    const file = join(folder, "outbox.json");
    const order: ProviderOrder = { url: node.url, chainId: anvil.chain.id, token, owners, file, terms };
    const start = () =>
      spawn(process.execPath, [program, JSON.stringify(toText(order))], {
        stdio: ["ignore", "ignore", "pipe"],
        env: { ...process.env, MENISCUS_DRILL_KEY: anvil.privateKey(OWNER) },
      });
    for (let kill = 0; kill < 4; kill++) {
      const child = start();
      const ended = once(child, "exit");
      let left = Math.floor(16 * random.uniform());
      let diedSending = false;
      node.faultOf = (methods) => {
        if (left-- > 0) return undefined;
        child.kill("SIGKILL");
        diedSending ||= methods.includes("eth_sendRawTransaction");
        return random.uniform() < 0.5 ? "reset" : "swallow";
      };
      await ended; // it may have come to its end before
      if (diedSending) expect(readFileSync(file, "utf8"), "written down").toContain(keccak256(node.sent.at(-1)!));
    }
    node.faultOf = () => undefined;
    const last = start();
    let log = "";
    last.stderr.on("data", (chunk: Buffer) => (log += chunk.toString()));
    const [code] = (await once(last, "exit")) as [number | null];
    expect(code, log).toBe(0);
    expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({ open: null });
    await expectOneEach(owners);
    // Each was mined once; what a kill left open was called off, at most one a kill.
    expect((await nonce()) - before).toBeLessThanOrEqual(owners.length + 4);
  });
});

const hashesSentOr = (otherwise: number) => {
  try {
    return hashesSent();
  } catch {
    return otherwise; // nothing is written yet
  }
};
