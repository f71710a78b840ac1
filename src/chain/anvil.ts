import { closeSync, existsSync, openSync, readSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  type Address,
  type Chain,
  createPublicClient,
  createTestClient,
  createWalletClient,
  defineChain,
  type HDAccount,
  type Hex,
  type HttpTransport,
  http,
  type PublicClient,
  type TestClient,
  toHex,
  type WalletClient,
} from "viem";
import { mnemonicToAccount } from "viem/accounts";
import { type BoundProcess, startBound } from "../runtime/boundProcess.ts";
import { MeniscusError } from "../runtime/errors.ts";

/** The development chain's id, known to every wallet. */
export const LOCAL_CHAIN_ID = 31_337;

/** The development mnemonic that everyone knows: its accounts are worth nothing. */
export const LOCAL_MNEMONIC = "test test test test test test test test test test test junk";

/** EIP-7825's cap binds transactions; a block holds several of them. */
const BLOCK_GAS_LIMIT = 120_000_000;
/** ETH of every account: gas costs nothing here, and traders turn some of it into WETH. */
const ACCOUNT_BALANCE_ETH = 1_000_000_000;
const START_TIMEOUT = 10_000;
/** States kept in memory where only recent ones are. */
const RECENT_STATES = 500;
/** Milliseconds between two looks for a receipt. */
const POLLING_INTERVAL = 20;

export interface AnvilOptions {
  /** 0, the default, takes a free one. */
  readonly port?: number;
  /** Unix seconds of the first block; by default now. */
  readonly timestamp?: number;
  readonly accounts?: number;
  readonly mnemonic?: string;
  readonly chainId?: number;
  /** EIP-7825: no transaction above 16,777,216 gas. By default on, as on every Osaka chain. */
  readonly transactionGasCap?: boolean;
  /**
   * Forget what accounts and storage were hundreds of blocks ago; blocks and logs stay. By default off: anvil then writes every state to
   * the home directory, gigabytes for a market of weeks, and leaves them there.
   */
  readonly recentStatesOnly?: boolean;
}

export type LocalPublicClient = PublicClient<HttpTransport, Chain>;
export type LocalWallet = WalletClient<HttpTransport, Chain, HDAccount>;
export type LocalTestClient = TestClient<"anvil", HttpTransport, Chain>;

/** A running anvil with clients for it. */
export interface Anvil {
  readonly url: string;
  readonly port: number;
  readonly chain: Chain;
  readonly publicClient: LocalPublicClient;
  readonly testClient: LocalTestClient;
  /** The account with this index of the mnemonic. The same client every time. */
  wallet(index: number): LocalWallet;
  address(index: number): Address;
  privateKey(index: number): Hex;
  /**
   * Mines a block with this timestamp; the chain's clock runs on from there with the wall clock. The time must be later than
   * the last block's.
   */
  mineAt(timestamp: number): Promise<void>;
  /** Resolves when anvil has ended, with its exit code. */
  readonly ended: Promise<number>;
  stop(): Promise<void>;
}

/** Starts anvil on 127.0.0.1 with Osaka's rules. It ends with `stop()` and whenever this process ends, even by SIGKILL. */
export async function startAnvil(options: AnvilOptions = {}): Promise<Anvil> {
  const mnemonic = options.mnemonic ?? LOCAL_MNEMONIC;
  const chainId = options.chainId ?? LOCAL_CHAIN_ID;
  const parameters = [
    ["--host", "127.0.0.1"],
    ["--port", options.port ?? 0],
    ["--chain-id", chainId],
    ["--hardfork", "osaka"],
    ["--gas-limit", BLOCK_GAS_LIMIT],
    // The least fee that stays: an eighth of it rounds to nothing. At zero, clients that add a tip contradict themselves.
    ["--block-base-fee-per-gas", 7],
    ["--accounts", options.accounts ?? 20],
    ["--balance", ACCOUNT_BALANCE_ETH],
    ["--mnemonic", mnemonic],
    options.timestamp === undefined ? [] : ["--timestamp", options.timestamp],
    options.recentStatesOnly === true ? ["--prune-history", RECENT_STATES] : [],
    (options.transactionGasCap ?? true) ? ["--enable-tx-gas-limit"] : [],
  ].flatMap((pair) => pair.map(String));
  const child = startBound(findAnvil(), parameters);
  let port: number;
  try {
    port = await listening(child, options.port ?? 0);
  } catch (error) {
    await child.stop();
    throw error;
  }

  const url = `http://127.0.0.1:${port}`;
  const chain = localChain(url, chainId);
  const transport = http(url);
  const common = { chain, transport, pollingInterval: POLLING_INTERVAL, cacheTime: 0 };
  const publicClient = createPublicClient(common);
  const testClient = createTestClient({ ...common, mode: "anvil" });
  const account = (index: number) => mnemonicToAccount(mnemonic, { addressIndex: index });
  const wallets = new Map<number, LocalWallet>();
  // It prints a line for every call unless told not to; `--silent` would also hide the port.
  await testClient.setLoggingEnabled(false);
  return {
    url,
    port,
    chain,
    publicClient,
    testClient,
    wallet: (index) => {
      const wallet = wallets.get(index) ?? createWalletClient({ ...common, account: account(index) });
      wallets.set(index, wallet);
      return wallet;
    },
    address: (index) => account(index).address,
    privateKey: (index) => {
      const key = account(index).getHdKey().privateKey;
      if (!key) throw new MeniscusError("internal", `The mnemonic gives no key for account ${index}.`);
      return toHex(key);
    },
    mineAt: async (timestamp) => {
      await testClient.setNextBlockTimestamp({ timestamp: BigInt(timestamp) });
      await testClient.mine({ blocks: 1 });
    },
    ended: child.ended,
    stop: () => child.stop(),
  };
}

/** The chain as viem describes it. */
export function localChain(url: string, chainId: number = LOCAL_CHAIN_ID): Chain {
  return defineChain({
    id: chainId,
    name: "Local market",
    nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
    rpcUrls: { default: { http: [url] } },
  });
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
