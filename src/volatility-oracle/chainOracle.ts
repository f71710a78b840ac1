import {
  type Address,
  type Chain,
  createPublicClient,
  createWalletClient,
  defineChain,
  type Hex,
  http,
  type LocalAccount,
  type PublicClient,
  type Transport,
} from "viem";
import { marketOracleAbi } from "../chain/abis.ts";
import { MeniscusError } from "../runtime/errors.ts";
import type { NodeConfig } from "./config.ts";

/** The contract, as a node sees it. */
export class ChainOracle {
  private readonly config: NodeConfig;
  private readonly account: LocalAccount;
  private readonly chain: Chain;
  private readonly client: PublicClient<Transport, Chain>;

  constructor(config: NodeConfig, account: LocalAccount) {
    this.config = config;
    this.account = account;
    this.chain = defineChain({
      id: config.chainId,
      name: `chain ${config.chainId}`,
      nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
      rpcUrls: { default: { http: [config.rpcUrl] } },
    });
    this.client = createPublicClient({ chain: this.chain, transport: http(config.rpcUrl), pollingInterval: 20 });
  }

  private get contract() {
    return { address: this.config.marketOracle, abi: marketOracleAbi } as const;
  }

  /**
   * Checks that the right chain answers and has the contract.
   *
   * @throws MeniscusError `network` where it does not.
   */
  async connect(): Promise<{
    readonly signerSet: number;
    readonly signers: readonly Address[];
    readonly quorum: number;
  }> {
    const { rpcUrl, chainId, marketOracle } = this.config;
    let answered: number;
    try {
      answered = await this.client.getChainId();
    } catch (cause) {
      throw new MeniscusError("network", `No answer from ${rpcUrl}.`, {
        hint: "Is the chain's node running?",
        retryable: true,
        cause,
      });
    }
    if (answered !== chainId) throw new MeniscusError("network", `${rpcUrl} is chain ${answered}, not ${chainId}.`);
    if (!(await this.client.getCode({ address: marketOracle }))) {
      throw new MeniscusError("network", `There is no contract at ${marketOracle} on chain ${chainId}.`);
    }
    const [signerSet, signers, quorum] = await this.client.readContract({ ...this.contract, functionName: "signers" });
    return { signerSet, signers, quorum: Number(quorum) };
  }

  /** Round and model time of the last surface; zero before the first. */
  async state(): Promise<{ readonly round: number; readonly surfaceTime: number }> {
    const { round, surfaceTime } = await this.client.readContract({
      ...this.contract,
      functionName: "marketState",
      args: [this.config.marketId],
    });
    return { round, surfaceTime };
  }

  async expiries(): Promise<readonly number[]> {
    return await this.client.readContract({
      ...this.contract,
      functionName: "expiries",
      args: [this.config.marketId],
    });
  }

  async isSettled(expiry: number): Promise<boolean> {
    const price = await this.client.readContract({
      ...this.contract,
      functionName: "settlementPrice",
      args: [this.config.marketId, expiry],
    });
    return price !== 0n;
  }

  /** Sends a packed report and waits for its block. @returns The gas it used. */
  async submit(report: Hex): Promise<bigint> {
    const wallet = createWalletClient({
      account: this.account,
      chain: this.chain,
      transport: http(this.config.rpcUrl),
    });
    const hash = await wallet.writeContract({ ...this.contract, functionName: "submitReport", args: [report] });
    const receipt = await this.client.waitForTransactionReceipt({ hash });
    if (receipt.status !== "success") {
      throw new MeniscusError("market", `The report was refused (transaction ${hash}).`, { retryable: true });
    }
    return receipt.gasUsed;
  }
}
