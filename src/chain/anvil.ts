import { closeSync, existsSync, openSync, readSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
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
import { type BoundProcess, startBound } from "../runtime/boundProcess.ts";
import { MeniscusError } from "../runtime/errors.ts";
import type { Signer } from "./transactor.ts";

/** The mnemonic of every development chain: its keys are public, its money is worth nothing. */
const START_TIMEOUT = 10_000;

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
 * Starts anvil (Osaka, EIP-7825's gas cap enforced) and waits until it listens. It ends with `stop()` and whenever this
 * process ends, even by SIGKILL.
 *
 * @throws MeniscusError `network` where the port is taken or anvil is not installed.
 */
export async function startAnvil({ port, timestamp }: AnvilOptions): Promise<Anvil> {
  const args = ["--port", String(port), "--timestamp", String(timestamp), "--accounts", "20", "--balance", "1000000"];
  args.push("--hardfork", "osaka", "--enable-tx-gas-limit", "--gas-limit", "60000000");
  const child = startBound(findAnvil(), args);
  let url: string;
  try {
    url = `http://127.0.0.1:${await listening(child, port)}`;
  } catch (error) {
    await child.stop();
    throw error;
  }

  const transport = http(url, { retryCount: 0 });
  const chain = foundry;
  const client = createPublicClient({ chain, transport, pollingInterval: 10, cacheTime: 0 });
  const test = createTestClient({ chain, transport, mode: "anvil" });
  const account = (index: number) => mnemonicToAccount(developmentMnemonic, { addressIndex: index });
  // It prints a line for every call unless told not to; `--silent` would also hide the port.
  await test.setLoggingEnabled(false);
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
    stop: () => child.stop(),
  };
}

const ownPackages = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "node_modules", "@foundry-rs");

/**
 * The native binary, from our packages or else from PATH. Never npm's wrapper script: it hides exit codes and leaves anvil
 * running when it is killed.
 */
export function findAnvil(path: string = process.env.PATH ?? "", packages: string = ownPackages): string {
  const architecture = process.arch === "x64" ? "amd64" : process.arch;
  const own = join(packages, `anvil-${process.platform}-${architecture}`, "bin", "anvil");
  const candidates = [own, ...path.split(delimiter).map((directory) => join(directory, "anvil"))];
  const found = candidates.find((candidate) => existsSync(candidate) && !isScript(candidate));
  if (found) return found;
  throw new MeniscusError("network", "anvil, the local chain, is not installed.", {
    hint: "Run `npm install` on Linux x64, or install Foundry as https://getfoundry.sh says and put it on PATH.",
  });
}

function isScript(path: string): boolean {
  const file = openSync(path, "r");
  try {
    const head = Buffer.alloc(2);
    readSync(file, head, 0, 2, 0);
    return head.toString() === "#!";
  } finally {
    closeSync(file);
  }
}

async function listening(child: BoundProcess, wantedPort: number): Promise<number> {
  let output = "";
  const port = new Promise<number>((resolve) => {
    const read = (chunk: Buffer) => {
      if (output.length < 100_000) output += chunk.toString();
      const match = /Listening on [^\s]*:(\d+)/.exec(output);
      if (match) resolve(Number(match[1]));
    };
    // Keeps reading for as long as anvil runs, so that the pipe never fills.
    child.stdout.on("data", read);
    child.stderr.on("data", read);
  });
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<"late">((resolve) => {
    timer = setTimeout(() => resolve("late"), START_TIMEOUT);
  });
  const first = await Promise.race([port, late, child.ended.then((code) => ({ code }))]);
  clearTimeout(timer);
  if (typeof first === "number") return first;
  if (/address already in use/i.test(output)) {
    throw new MeniscusError("network", `Port ${wantedPort} is in use.`, {
      hint: "Stop what listens there, or choose another with --port; --port 0 takes a free one.",
    });
  }
  const said = /Error: .*/.exec(output)?.[0] ?? "it said nothing";
  throw new MeniscusError(
    "network",
    first === "late"
      ? `anvil did not start within ${START_TIMEOUT / 1000} seconds.`
      : `anvil ended at once (code ${first.code}): ${said}.`,
  );
}
