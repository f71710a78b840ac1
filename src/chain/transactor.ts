import {
  type Abi,
  type Account,
  type Address,
  type Chain,
  type ContractFunctionArgs,
  type ContractFunctionName,
  encodeFunctionData,
  type Hex,
  type Log,
  type PublicClient,
  type Transport,
  type WalletClient,
} from "viem";
import { MeniscusError } from "../runtime/errors.ts";
import type { Outbox } from "./outbox.ts";

export type Signer = WalletClient<Transport, Chain, Account>;

/** What became of a transaction. */
export interface Receipt {
  readonly hash: Hex;
  readonly blockNumber: bigint;
  readonly gasUsed: bigint;
  readonly logs: readonly Log[];
}

/** EIP-7825. */
const MAX_TRANSACTION_GAS = 16_777_216n;
/** What a gas of a transaction with a gas limit of its own may cost: more than any development chain asks. */
const DEVELOPMENT_FEE = 10n ** 9n;

/** Sends transactions of one account, one after another, and waits for each. */
export class Transactor {
  readonly client: PublicClient<Transport, Chain>;
  readonly signer: Signer;
  private readonly sync: boolean;
  private readonly unasked: boolean;
  private readonly outbox: Outbox | undefined;

  /**
   * @param options.sync Ask the node to answer a transaction with its receipt (EIP-7966), as development chains do.
   * @param options.unasked Send without an estimate, with as much gas as a transaction may have: for development chains, and calls that
   * were simulated or cannot revert. One that does is refused without its error's name.
   * @param options.outbox Of the same account: writes go through it, so that they are replaced where they are stuck, and never sent twice.
   */
  constructor(
    client: PublicClient<Transport, Chain>,
    signer: Signer,
    options: { readonly sync?: boolean; readonly unasked?: boolean; readonly outbox?: Outbox | undefined } = {},
  ) {
    this.client = client;
    this.signer = signer;
    this.sync = options.sync ?? false;
    this.unasked = options.unasked ?? false;
    this.outbox = options.outbox;
  }

  get address(): Address {
    return this.signer.account.address;
  }

  /** Deploys a contract and returns its address. */
  async deploy(abi: Abi | readonly unknown[], bytecode: Hex, args: readonly unknown[]): Promise<Address> {
    const hash = await this.signer.deployContract({ abi: abi as Abi, bytecode, args: [...args] });
    const receipt = await this.client.waitForTransactionReceipt({ hash });
    if (receipt.status !== "success" || !receipt.contractAddress) {
      throw new MeniscusError("market", `A deployment reverted (transaction ${hash}).`);
    }
    return receipt.contractAddress;
  }

  /**
   * Calls a contract. The node's gas estimate runs the call first, so one that would revert is not sent.
   * @throws viem's ContractFunctionExecutionError with the decoded custom error.
   */
  async write<const TAbi extends Abi, TName extends ContractFunctionName<TAbi, "nonpayable" | "payable">>(
    address: Address,
    abi: TAbi,
    functionName: TName,
    args: ContractFunctionArgs<TAbi, "nonpayable" | "payable", TName>,
  ): Promise<Receipt> {
    const call = { address, abi, functionName, args, account: this.signer.account };
    const terms = this.unasked ? await this.knownTerms() : { gas: await this.estimate(call) };
    const receipt = await this.submit(call, terms);
    const hash = receipt.transactionHash;
    if (receipt.status !== "success") {
      throw new MeniscusError("market", `${functionName} reverted when it was mined (transaction ${hash}).`, {
        hint: "The chain moved between the check and the block; try again.",
        retryable: true,
      });
    }
    return { hash, blockNumber: receipt.blockNumber, gasUsed: receipt.gasUsed, logs: receipt.logs };
  }

  private async submit(
    call: { readonly address: Address; readonly functionName: string },
    terms: { readonly gas: bigint },
  ) {
    if (this.outbox) {
      const data = encodeFunctionData(call as never);
      const outcome = await this.outbox.send({ to: call.address, data, gas: terms.gas });
      if (outcome !== "cancelled") return outcome;
      throw new MeniscusError("network", `${call.functionName} was not mined and is called off.`, { retryable: true });
    }
    if (this.sync)
      return await this.signer.writeContractSync({ ...call, ...terms, throwOnReceiptRevert: false } as never);
    const hash = await this.signer.writeContract({ ...call, ...terms } as never);
    return await this.client.waitForTransactionReceipt({ hash });
  }

  /** Half as much again: what a block later costs may differ (a first write to a slot, an epoch that turned). */
  private async estimate(call: unknown): Promise<bigint> {
    const estimate = await this.client.estimateContractGas(call as never);
    return min(estimate + estimate / 2n, MAX_TRANSACTION_GAS);
  }

  /** Everything that the node would otherwise be asked for. */
  private async knownTerms() {
    const nonce = await this.client.getTransactionCount({ address: this.address, blockTag: "pending" });
    const fees = { maxFeePerGas: DEVELOPMENT_FEE, maxPriorityFeePerGas: 0n };
    return { type: "eip1559", gas: MAX_TRANSACTION_GAS, nonce, ...fees } as const;
  }
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
