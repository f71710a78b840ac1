import {
  type Abi,
  type Address,
  type Chain,
  type ContractFunctionArgs,
  type ContractFunctionName,
  createPublicClient,
  createWalletClient,
  defineChain,
  erc20Abi,
  fallback,
  http,
  maxUint256,
  type PublicClient,
  type Transport,
} from "viem";
import type { PrivateKeyAccount } from "viem/accounts";
import { decodeChainError, type RevertWords, revertNameOf } from "../chain/decodeError.ts";
import { type Deployment, deploymentFile, readDeployment } from "../chain/deployments.ts";
import { toAccountId } from "../chain/optionId.ts";
import type { Outbox } from "../chain/outbox.ts";
import { type Receipt, Transactor } from "../chain/transactor.ts";
import { MeniscusError } from "../runtime/errors.ts";
import { findMisfit } from "./addressBook.ts";

/** The protocol on one chain, read over one RPC. */
export interface Connection {
  readonly rpcUrl: string;
  readonly client: PublicClient<Transport, Chain>;
  readonly deployment: Deployment;
  readonly words: RevertWords;
}

export type Pool = Deployment["pools"][number] & {
  readonly market: Deployment["markets"][number];
  /** The pool's account in the ledger. */
  readonly account: bigint;
};

const REQUEST_TIMEOUT_MILLISECONDS = 10_000;

/**
 * Connects to an RPC and reads the deployment that belongs to its chain.
 *
 * @param options.otherRpcUrls Asked in this order, each where the ones before it do not answer.
 * @param options.onSilent Told of each question that an RPC did not answer, where there are others.
 * @param options.deploymentFile Default: `deployments/<chainId>.json` under the working directory.
 * @throws MeniscusError `network` where nothing answers, the chain is the wrong one, or the contracts are not there;
 * `data` where the deployment is missing or malformed, or names contracts that do not belong together.
 */
export async function connect(options: {
  readonly rpcUrl: string;
  readonly otherRpcUrls?: readonly string[];
  readonly onSilent?: (rpcUrl: string) => void;
  readonly deploymentFile?: string | undefined;
}): Promise<Connection> {
  const { rpcUrl, otherRpcUrls = [], onSilent } = options;
  for (const url of [rpcUrl, ...otherRpcUrls]) {
    if (/^https?:\/\/\S+$/.test(url) && URL.canParse(url)) continue;
    throw new MeniscusError("usage", `"${url}" is not the URL of an RPC.`, {
      hint: "Write --rpc http://127.0.0.1:8545.",
    });
  }
  const transport = transportOf([rpcUrl, ...otherRpcUrls], onSilent);
  const chainId = await readChainId(rpcUrl, transport);
  const deployment = readDeployment(options.deploymentFile ?? deploymentFile(chainId));
  if (deployment.chainId !== chainId) {
    throw new MeniscusError(
      "network",
      `Wrong network: the deployment is on chain ${deployment.chainId}, ${rpcUrl} is chain ${chainId}.`,
      { hint: "Pass the --rpc of that chain, or the --deployment of this one." },
    );
  }
  const chain = defineChain({
    id: chainId,
    name: `chain ${chainId}`,
    nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
    rpcUrls: { default: { http: [rpcUrl] } },
  });
  const client = createPublicClient({ chain, transport, pollingInterval: 100, cacheTime: 0 });
  const words = wordsOf(deployment, rpcUrl);
  const code = await inWords({ words }, () => client.getCode({ address: deployment.clearinghouse }));
  if (code === undefined) {
    throw new MeniscusError("network", `There is no contract at ${deployment.clearinghouse} on ${rpcUrl}.`, {
      hint: "The deployment file is of another chain or an earlier run; pass --deployment FILE, or start the market again.",
    });
  }
  const misfit = await inWords({ words }, () => findMisfit(client, deployment));
  if (misfit !== undefined) {
    throw new MeniscusError("data", `The deployment's contracts do not belong together: ${misfit}.`, {
      hint: "Use the file as the deployer wrote it; pass --deployment FILE.",
    });
  }
  return { rpcUrl, client, deployment, words };
}

function transportOf(urls: readonly string[], onSilent: (rpcUrl: string) => void = () => {}): Transport {
  // Where there are others, the next is asked at once.
  const retryCount = urls.length > 1 ? 0 : 1;
  const common = { retryCount, timeout: REQUEST_TIMEOUT_MILLISECONDS, batch: { batchSize: 100 } };
  const [first, ...others] = urls.map((url) => http(url, common));
  if (!first || others.length === 0) return http(urls[0], common);
  const inOrder = fallback([first, ...others], { retryCount: 0 });
  return (parameters) => {
    const transport = inOrder(parameters);
    transport.value?.onResponse(({ status, transport: asked }) => {
      if (status === "error") onSilent(asked.value?.url ?? "");
    });
    return transport;
  };
}

async function readChainId(rpcUrl: string, transport: Transport): Promise<number> {
  try {
    return await createPublicClient({ transport }).getChainId();
  } catch (cause) {
    throw new MeniscusError("network", `No answer from ${rpcUrl}.`, {
      hint: "Start a local market with `npm start`, or pass --rpc URL.",
      retryable: true,
      cause,
    });
  }
}

function wordsOf(deployment: Deployment, rpcUrl: string): RevertWords {
  return {
    quoteSymbol: deployment.quoteSymbol,
    quoteDecimals: deployment.quoteDecimals,
    rpcUrl,
    symbolOf: (marketId) =>
      deployment.markets.find((market) => market.marketId === marketId)?.symbol ?? `market ${marketId}`,
    poolOf: (account) => deployment.pools.find((pool) => toAccountId(pool.optionPool, 1) === account)?.name,
  };
}

/** Runs something on the chain; what it throws becomes a sentence. */
export async function inWords<T>(connection: Pick<Connection, "words">, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw decodeChainError(error, connection.words);
  }
}

/** The pool of that name; the first where none is named. */
export function findPool({ deployment }: Connection, name?: string): Pool {
  const pool =
    name === undefined
      ? deployment.pools[0]
      : deployment.pools.find((candidate) => candidate.name.toLowerCase() === name.toLowerCase());
  const market = deployment.markets.find(({ marketId }) => marketId === pool?.marketId);
  if (!pool || !market) {
    throw new MeniscusError(
      "usage",
      name === undefined ? "The deployment has no pool." : `There is no pool "${name}".`,
      {
        hint: `There is ${deployment.pools.map((candidate) => candidate.name).join(", ") || "none"}.`,
      },
    );
  }
  return { ...pool, market, account: toAccountId(pool.optionPool, 1) };
}

/** Time of the block that a transaction sent now would be in, Unix seconds. */
export async function chainTime({ client }: Connection): Promise<number> {
  return Number((await client.getBlock({ blockTag: "pending" })).timestamp);
}

/** Quote units as a number of quote tokens. */
export function toTokens({ deployment }: Connection, units: bigint): number {
  return Number(units) / 10 ** deployment.quoteDecimals;
}

/** What an address holds of the quote token, in its units. */
export async function tokenBalance({ client, deployment }: Connection, owner: Address): Promise<bigint> {
  return await client.readContract({
    address: deployment.quoteToken,
    abi: erc20Abi,
    functionName: "balanceOf",
    args: [owner],
  });
}

const LOG_RANGE = 5_000n;

/**
 * Reads events from the deployment to the latest block: at once where the node allows it, else range by range.
 */
export async function readEvents<T>(
  { client, deployment }: Connection,
  read: (range: { readonly fromBlock: bigint; readonly toBlock: bigint }) => Promise<readonly T[]>,
): Promise<readonly T[]> {
  const fromBlock = BigInt(deployment.deployedAtBlock);
  const toBlock = await client.getBlockNumber();
  if (toBlock < fromBlock) return [];
  try {
    return await read({ fromBlock, toBlock });
  } catch (error) {
    if (toBlock - fromBlock < LOG_RANGE) throw error;
  }
  const events: T[] = [];
  for (let from = fromBlock; from <= toBlock; from += LOG_RANGE) {
    const to = from + LOG_RANGE - 1n;
    events.push(...(await read({ fromBlock: from, toBlock: to < toBlock ? to : toBlock })));
  }
  return events;
}

/** A contract and a call that is simulated before it is sent. */
export interface Call<TAbi extends Abi, TName extends ContractFunctionName<TAbi, "nonpayable" | "payable">> {
  readonly address: Address;
  readonly abi: TAbi;
  readonly functionName: TName;
  readonly args: ContractFunctionArgs<TAbi, "nonpayable" | "payable", TName>;
}

/** One account that sends transactions over a connection. */
export class Sender {
  readonly connection: Connection;
  /** Signs what is not a transaction. */
  readonly account: PrivateKeyAccount;
  private readonly transactor: Transactor;
  private readonly notice: (text: string) => void;

  /**
   * @param notice Told of every transaction that the user did not ask for by name: approvals.
   * @param options.sync Ask the node to answer a transaction with its receipt, as development chains do.
   * @param options.outbox Of the same account, through which everything is sent.
   */
  constructor(
    connection: Connection,
    account: PrivateKeyAccount,
    notice: (text: string) => void = () => {},
    options: { readonly sync?: boolean; readonly outbox?: Outbox } = {},
  ) {
    const { client, rpcUrl } = connection;
    const signer = createWalletClient({ chain: client.chain, transport: http(rpcUrl), account });
    this.connection = connection;
    this.account = account;
    this.transactor = new Transactor(client, signer, options);
    this.notice = notice;
  }

  get address(): Address {
    return this.transactor.address;
  }

  /** Simulates the call, sends it and waits until it is mined. */
  async send<const TAbi extends Abi, TName extends ContractFunctionName<TAbi, "nonpayable" | "payable">>(
    call: Call<TAbi, TName>,
  ): Promise<Receipt> {
    return await inWords(this.connection, () =>
      this.transactor.write(call.address, call.abi, call.functionName, call.args),
    );
  }

  /**
   * Sends a call that lets `spender` take up to `amount` quote tokens, approving exactly that first where it is missing.
   * The call is simulated before the approval, so that one that would fail for another reason leaves nothing behind.
   */
  async sendPaying<const TAbi extends Abi, TName extends ContractFunctionName<TAbi, "nonpayable" | "payable">>(
    call: Call<TAbi, TName>,
    { spender, amount }: { readonly spender: Address; readonly amount: bigint },
  ): Promise<Receipt> {
    const { connection } = this;
    const { client, deployment } = connection;
    const token = { address: deployment.quoteToken, abi: erc20Abi } as const;
    const [balance, allowance] = await inWords(connection, () =>
      Promise.all([
        tokenBalance(connection, this.address),
        client.readContract({ ...token, functionName: "allowance", args: [this.address, spender] }),
      ]),
    );
    if (allowance < amount) {
      await this.requireOnlyAllowanceMissing(call, balance);
      await this.approve(spender, amount);
    }
    return await this.send(call);
  }

  /** Lets `spender` take quote tokens of the account, and says so; `maxUint256` is for ever. */
  async approve(spender: Address, amount: bigint): Promise<void> {
    const { quoteToken, quoteSymbol } = this.connection.deployment;
    const much = amount === maxUint256 ? "all" : toTokens(this.connection, amount);
    this.notice(`Approving ${much} ${quoteSymbol} for ${spender} …`);
    await this.send({ address: quoteToken, abi: erc20Abi, functionName: "approve", args: [spender, amount] });
  }

  /** Throws what the call would fail with, unless that is the missing allowance. */
  private async requireOnlyAllowanceMissing<
    TAbi extends Abi,
    TName extends ContractFunctionName<TAbi, "nonpayable" | "payable">,
  >(call: Call<TAbi, TName>, balance: bigint): Promise<void> {
    try {
      // The types of call and client agree, but not in a way that the compiler can follow through three generics.
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion
      await this.connection.client.simulateContract({
        ...call,
        account: this.transactor.signer.account,
        blockTag: "pending",
      } as never);
    } catch (error) {
      const name = revertNameOf(error);
      if (name === undefined || name === "Error" || name === "ERC20InsufficientAllowance") return;
      if (name === "ERC20InsufficientBalance") throw this.insufficientBalance(balance);
      throw decodeChainError(error, this.connection.words);
    }
  }

  /** Throws unless the account holds `amount` quote tokens. */
  async requireBalance(amount: bigint): Promise<void> {
    const balance = await inWords(this.connection, () => tokenBalance(this.connection, this.address));
    if (balance < amount) throw this.insufficientBalance(balance, amount);
  }

  private insufficientBalance(balance: bigint, amount?: bigint): MeniscusError {
    const { quoteSymbol } = this.connection.deployment;
    const needed = amount === undefined ? "more is needed" : `${toTokens(this.connection, amount)} are needed`;
    return new MeniscusError(
      "funds",
      `${this.address} holds ${toTokens(this.connection, balance)} ${quoteSymbol}, ${needed}.`,
      { hint: "Fund it, name a smaller amount, or use another account: --as NAME." },
    );
  }
}
