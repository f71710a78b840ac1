import type {
  Abi,
  Account,
  Address,
  Chain,
  ContractFunctionArgs,
  ContractFunctionName,
  Hex,
  Log,
  PublicClient,
  Transport,
  WalletClient,
} from "viem";
import { MeniscusError } from "../runtime/errors.ts";

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

/** Sends transactions of one account, one after another, and waits for each. */
export class Transactor {
  readonly client: PublicClient<Transport, Chain>;
  readonly signer: Signer;
  private readonly sync: boolean;

  /** @param options.sync Ask the node to answer a transaction with its receipt (EIP-7966), as development chains do. */
  constructor(
    client: PublicClient<Transport, Chain>,
    signer: Signer,
    { sync = false }: { readonly sync?: boolean } = {},
  ) {
    this.client = client;
    this.signer = signer;
    this.sync = sync;
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
    const estimate = await this.client.estimateContractGas(call as never);
    // Half as much again: what a block later costs may differ (a first write to a slot, an epoch that turned).
    const gas = min(estimate + estimate / 2n, MAX_TRANSACTION_GAS);
    const receipt = this.sync
      ? await this.signer.writeContractSync({ ...call, gas, throwOnReceiptRevert: false } as never)
      : await this.client.waitForTransactionReceipt({
          hash: await this.signer.writeContract({ ...call, gas } as never),
        });
    const hash = receipt.transactionHash;
    if (receipt.status !== "success") {
      throw new MeniscusError("market", `${functionName} reverted when it was mined (transaction ${hash}).`, {
        hint: "The chain moved between the check and the block; try again.",
        retryable: true,
      });
    }
    return { hash, blockNumber: receipt.blockNumber, gasUsed: receipt.gasUsed, logs: receipt.logs };
  }
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
