import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, join } from "node:path";
import {
  type Address,
  type Chain,
  createPublicClient,
  createTestClient,
  createWalletClient,
  type Hex,
  http,
  type PublicClient,
  type TestClient,
  type Transport,
  toHex,
} from "viem";
import { type HDAccount, mnemonicToAccount } from "viem/accounts";
import { foundry } from "viem/chains";
import { MeniscusError } from "../runtime/errors.ts";
import type { Signer } from "./transactor.ts";

/** The mnemonic of every development chain: its keys are public, its money is worth nothing. */
const developmentMnemonic = "test test test test test test test test test test test junk";

export interface AnvilOptions {
  /** 0 takes a free port. */
  readonly port: number;
  /** Time of the genesis block, Unix seconds. */
  readonly timestamp: number;
}

/** A development chain of one's own, with the clients that talk to it. */
export interface Anvil {
  readonly url: string;
  readonly client: PublicClient<Transport, Chain>;
  readonly test: TestClient<"anvil", Transport, Chain>;
  /** The address of the n-th development account. */
  address(index: number): Address;
  account(index: number): HDAccount;
  privateKey(index: number): Hex;
  signer(index: number): Signer;
  /** Mines an empty block at `timestamp`; the chain's clock runs on from there with the wall clock. */
  mineAt(timestamp: number): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts anvil (Osaka, EIP-7825's gas cap enforced) and waits until it listens.
 *
 * @throws MeniscusError `network` where the port is taken or anvil is not installed.
 */
export async function startAnvil({ port, timestamp }: AnvilOptions): Promise<Anvil> {
  const args = ["--port", String(port), "--timestamp", String(timestamp), "--accounts", "20", "--balance", "1000000"];
  args.push("--hardfork", "osaka", "--enable-tx-gas-limit", "--gas-limit", "60000000");
  const child = spawn(anvilBinary(), args, { stdio: ["ignore", "pipe", "pipe"] });
  const kill = () => void child.kill("SIGKILL");
  process.once("exit", kill);
  const url = await new Promise<string>((resolve, reject) => {
    let output = "";
    const read = (chunk: Buffer) => {
      output += chunk.toString();
      const listening = /Listening on ([^\s]+)/.exec(output);
      if (listening) resolve(`http://${listening[1]}`);
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    child.on("error", (cause) => reject(new MeniscusError("network", "anvil could not be started.", { cause })));
    child.on("exit", (code) => {
      const taken = /address already in use|AddrInUse/i.test(output);
      reject(
        taken
          ? new MeniscusError("network", `Port ${port} is in use.`, { hint: "End what uses it, or pass --port N." })
          : new MeniscusError("network", `anvil ended with code ${code}: ${output.trim().split("\n").at(-1) ?? ""}`),
      );
    });
  });
  // Nobody reads the log from here on; an unread pipe would stop anvil when it is full.
  child.stdout.removeAllListeners("data").resume();
  child.stderr.removeAllListeners("data").resume();

  const transport = http(url, { retryCount: 0 });
  const chain = foundry;
  const client = createPublicClient({ chain, transport, pollingInterval: 10, cacheTime: 0 });
  const test = createTestClient({ chain, transport, mode: "anvil" });
  const account = (index: number) => mnemonicToAccount(developmentMnemonic, { addressIndex: index });
  return {
    url,
    client,
    test,
    address: (index) => account(index).address,
    account,
    privateKey: (index) => toHex(account(index).getHdKey().privateKey ?? new Uint8Array()),
    signer: (index) => createWalletClient({ chain, transport, account: account(index) }),
    async mineAt(time) {
      await test.setNextBlockTimestamp({ timestamp: BigInt(time) });
      await test.mine({ blocks: 1 });
    },
    stop: () =>
      new Promise((resolve) => {
        process.removeListener("exit", kill);
        if (child.exitCode !== null || child.signalCode !== null) return resolve();
        child.removeAllListeners("exit").once("exit", () => resolve());
        child.kill("SIGKILL");
      }),
  };
}

/** The native binary: the npm package's where it is installed, else the first on PATH. */
function anvilBinary(): string {
  const require = createRequire(import.meta.url);
  try {
    return require.resolve(
      `@foundry-rs/anvil-${process.platform}-${process.arch === "x64" ? "amd64" : process.arch}/bin/anvil`,
    );
  } catch {
    const found = (process.env.PATH ?? "")
      .split(delimiter)
      .map((folder) => join(folder, "anvil"))
      .find((file) => existsSync(file));
    if (found) return found;
    throw new MeniscusError("network", "anvil is not installed.", {
      hint: "Install Foundry (https://getfoundry.sh) and put it on PATH.",
    });
  }
}
