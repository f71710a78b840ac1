import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { createPublicClient, http } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Anvil, findAnvil, LOCAL_CHAIN_ID, startAnvil } from "../../../src/chain/anvil.ts";
import { startBound } from "../../../src/runtime/boundProcess.ts";

const start = Date.UTC(2026, 0, 31) / 1000;
const module = pathToFileURL(join(import.meta.dirname, "../../../src/chain/anvil.ts")).href;

/** Waits, for at most five seconds, until nothing answers at the address. */
async function becomesSilent(url: string): Promise<boolean> {
  const client = createPublicClient({ transport: http(url, { retryCount: 0 }) });
  for (let attempt = 0; attempt < 100; attempt++) {
    try {
      await client.getChainId();
    } catch {
      return true;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return false;
}

describe("anvil", () => {
  let anvil: Anvil;
  beforeAll(async () => {
    anvil = await startAnvil({ timestamp: start });
  });
  afterAll(() => anvil.stop());

  it("is the local chain, at the time that it was given", async () => {
    expect(await anvil.publicClient.getChainId()).toBe(LOCAL_CHAIN_ID);
    const block = await anvil.publicClient.getBlock({ blockNumber: 0n });
    expect(block.timestamp).toBe(BigInt(start));
  });

  it("mines a block at a later time and runs on from there", async () => {
    await anvil.mineAt(start + 3_600);
    const block = await anvil.publicClient.getBlock();
    expect(block.timestamp).toBe(BigInt(start + 3_600));
    const receipt = await anvil.wallet(0).sendTransactionSync({ to: anvil.wallet(1).account.address, value: 1n });
    const next = await anvil.publicClient.getBlock({ blockNumber: receipt.blockNumber });
    expect(Number(next.timestamp) - (start + 3_600)).toBeLessThan(60);
  });

  it("knows the key of each wallet and hands out one client for it", () => {
    expect(privateKeyToAccount(anvil.privateKey(3)).address).toBe(anvil.wallet(3).account.address);
    expect(anvil.wallet(3)).toBe(anvil.wallet(3));
  });

  it("has Osaka's instructions and its cap on a transaction's gas", async () => {
    // PUSH1 1, CLZ, PUSH0, MSTORE, PUSH1 32, PUSH0, RETURN: 255 leading zeros.
    const call = { account: anvil.wallet(0).account, data: "0x60011e5f5260205ff3" } as const;
    expect((await anvil.publicClient.call(call)).data).toBe(`0x${"ff".padStart(64, "0")}`);
    const tooMuch = anvil.wallet(0).sendTransaction({ to: anvil.wallet(1).account.address, gas: 16_777_217n });
    await expect(tooMuch).rejects.toThrow();
  });

  it("says when its port is in use", async () => {
    await expect(startAnvil({ port: anvil.port })).rejects.toThrow(`Port ${anvil.port} is in use.`);
  });

  it("stops", async () => {
    const other = await startAnvil();
    await other.stop();
    expect(await becomesSilent(other.url)).toBe(true);
  });

  it("says how to install what is missing", () => {
    const nowhere = mkdtempSync(join(tmpdir(), "empty-"));
    expect(() => findAnvil(nowhere, nowhere)).toThrow("anvil, the local chain, is not installed.");
    rmSync(nowhere, { recursive: true });
  });
});

describe("a bound process", () => {
  it.each(["SIGKILL", "SIGTERM", "SIGINT"] as const)("ends with its parent's %s", async (signal) => {
    const script = `const { startAnvil } = await import(${JSON.stringify(module)}); console.log((await startAnvil()).url); setInterval(() => {}, 1000);`;
    const parent = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const url = await new Promise<string>((resolve) =>
      parent.stdout.once("data", (data) => resolve(String(data).trim())),
    );
    expect(await createPublicClient({ transport: http(url) }).getChainId()).toBe(LOCAL_CHAIN_ID);
    parent.kill(signal);
    expect(await becomesSilent(url)).toBe(true);
  });

  it("reports the exit code of what it ran, and that there was nothing to run", async () => {
    expect(await startBound("/bin/sh", ["-c", "exit 7"]).ended).toBe(7);
    expect(await startBound("/no/such/command", []).ended).toBe(127);
  });

  it("is stopped by force when it does not want to", async () => {
    const stubborn = startBound("/bin/sh", ["-c", "trap '' TERM; echo up; while :; do sleep 0.05; done"]);
    await new Promise((resolve) => stubborn.stdout.once("data", resolve));
    await stubborn.stop(100);
    expect(await stubborn.ended).toBe(128);
  });
});
