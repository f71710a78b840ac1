import {
  type Address,
  type Chain,
  createPublicClient,
  createWalletClient,
  defineChain,
  type Hex,
  type HttpTransport,
  http,
  type LocalAccount,
  type PublicClient,
} from "viem";
import { SECONDS_PER_YEAR } from "../../pricing/index.ts";
import { marketOracleAbi } from "../chain/abis.ts";
import { MeniscusError } from "../runtime/errors.ts";
import type { NodeConfig } from "./config.ts";

const RPC_MILLISECONDS = 3_000;
const NOTHING_WAITING = { round: 0, surfaceTime: 0, spotTime: 0 };

/** Before the first report. */
export const NOTHING_REPORTED: ChainState = {
  round: 0,
  surfaceTime: 0,
  surfaceSpot: 0,
  spotTime: 0,
  spot: 0,
  waiting: NOTHING_WAITING,
};

/** What the chain says of the market: clocks, spot; zeros before the first report. */
export interface ChainState {
  readonly round: number;
  readonly surfaceTime: number;
  /** Spot in the last surface report. */
  readonly surfaceSpot: number;
  /** Model time of the freshest spot. */
  readonly spotTime: number;
  readonly spot: number;
  /** Reports that moved too far and wait for the next ones to agree; zeros where none does. */
  readonly waiting: { readonly round: number; readonly surfaceTime: number; readonly spotTime: number };
}

/** The contract's signer set: its number, who is in it, how many of them make a report. */
export interface ChainSigners {
  readonly signerSet: number;
  readonly signers: readonly Address[];
  readonly quorum: number;
}

/** Volatility at the money of one stored slice at its own model time. */
export interface StoredVolatility {
  readonly expiry: number;
  readonly volatility: number;
}

/** The contract, as a node sees it. */
export class ChainOracle {
  readonly client: PublicClient<HttpTransport, Chain>;
  private readonly config: NodeConfig;
  private readonly account: LocalAccount;
  private readonly chain: Chain;

  constructor(config: NodeConfig, account: LocalAccount) {
    this.config = config;
    this.account = account;
    this.chain = defineChain({
      id: config.chainId,
      name: `chain ${config.chainId}`,
      nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
      rpcUrls: { default: { http: [config.rpcUrl] } },
    });
    this.client = createPublicClient({
      chain: this.chain,
      transport: http(config.rpcUrl, { timeout: RPC_MILLISECONDS }),
      pollingInterval: 20,
      cacheTime: 0,
    });
  }

  private get contract() {
    return { address: this.config.marketOracle, abi: marketOracleAbi } as const;
  }

  /**
   * Checks that the right chain answers and has the contract.
   *
   * @throws MeniscusError `network` where it does not.
   */
  async connect(): Promise<void> {
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
  }

  async signers(): Promise<ChainSigners> {
    const [signerSet, signers, quorum] = await this.client.readContract({ ...this.contract, functionName: "signers" });
    return { signerSet, signers, quorum: Number(quorum) };
  }

  async state(): Promise<ChainState> {
    const state = await this.client.readContract({
      ...this.contract,
      functionName: "marketState",
      args: [this.config.marketId],
    });
    return {
      round: state.round,
      surfaceTime: state.surfaceTime,
      surfaceSpot: Number(state.surfaceSpotWad) / 1e18,
      spotTime: state.spotTime,
      spot: Number(state.spotWad) / 1e18,
      waiting: state.unconfirmed ? await this.waiting() : NOTHING_WAITING,
    };
  }

  private async waiting(): Promise<ChainState["waiting"]> {
    return await this.client.readContract({
      ...this.contract,
      functionName: "unconfirmed",
      args: [this.config.marketId],
    });
  }

  /** Time of the last block. */
  async headTime(): Promise<number> {
    return Number((await this.client.getBlock()).timestamp);
  }

  async expiries(): Promise<readonly number[]> {
    return await this.client.readContract({
      ...this.contract,
      functionName: "expiries",
      args: [this.config.marketId],
    });
  }

  /** The stored surface at the money, as it was reported at `surfaceTime`. */
  async volatilities(surfaceTime: number): Promise<readonly StoredVolatility[]> {
    const expiries = (await this.expiries()).filter((expiry) => expiry > surfaceTime);
    if (expiries.length === 0) return [];
    const [, boards] = await this.client.readContract({
      ...this.contract,
      functionName: "boards",
      args: [this.config.marketId, expiries, MOMENT_OF_REPORT],
    });
    return boards.map(({ expiry, thetaWad }) => ({
      expiry,
      volatility: Math.sqrt(Number(thetaWad) / 1e18 / ((expiry - surfaceTime) / SECONDS_PER_YEAR)),
    }));
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
      transport: http(this.config.rpcUrl, { timeout: RPC_MILLISECONDS }),
    });
    const hash = await wallet.writeContract({ ...this.contract, functionName: "submitReport", args: [report] });
    const receipt = await this.client.waitForTransactionReceipt({ hash });
    if (receipt.status !== "success") {
      throw new MeniscusError("market", `The report was refused (transaction ${hash}).`, { retryable: true });
    }
    return receipt.gasUsed;
  }
}

/** `Moment.Report`. */
const MOMENT_OF_REPORT = 0;
