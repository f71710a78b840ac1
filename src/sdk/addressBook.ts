import {
  type Abi,
  type Address,
  BaseError,
  type Chain,
  ContractFunctionRevertedError,
  ContractFunctionZeroDataError,
  isAddressEqual,
  type PublicClient,
  type Transport,
  zeroAddress,
} from "viem";
import {
  atomicExecutorAbi,
  clearinghouseAbi,
  optionPoolAbi,
  poolLensAbi,
  signedOrdersAbi,
  spotHedgerAbi,
} from "../chain/abis.ts";
import type { Deployment } from "../chain/deployments.ts";

/** What a contract says of another, and what the deployment says. */
interface Naming {
  readonly contract: string;
  readonly address: Address;
  readonly abi: Abi;
  readonly functionName: string;
  readonly expected: Address;
}

/**
 * Compares a deployment with what its contracts say of each other: a file of two runs, or one that was edited, names contracts that do not
 * belong together.
 *
 * @returns What does not fit, in words; undefined where all does.
 * @throws viem's errors where the node cannot be read.
 */
export async function findMisfit(
  client: PublicClient<Transport, Chain>,
  deployment: Deployment,
): Promise<string | undefined> {
  const found = await Promise.all(
    namingsOf(deployment).map(async (naming) => {
      const { contract, functionName, expected } = naming;
      const said = await ask(client, naming);
      if (said === undefined) return `the address of ${contract} is not one`;
      return isAddressEqual(said, expected)
        ? undefined
        : `${contract} has ${said} as its ${functionName}, not ${expected}`;
    }),
  );
  return found.find((misfit) => misfit !== undefined);
}

function namingsOf(deployment: Deployment): readonly Naming[] {
  const { clearinghouse, quoteToken, authority, riskEngine, insuranceFund, liquidationAuction, permit2 } = deployment;
  const names = { quoteToken, authority, riskEngine, insuranceFund, liquidationAuction, permit2 };
  const ledger = { ...names, oracle: deployment.marketOracle, settlementPrices: deployment.settlementPrice };
  const naming = (contract: string, address: Address, abi: Abi, expected: Readonly<Record<string, Address>>) =>
    address === zeroAddress
      ? []
      : Object.entries(expected).map(([functionName, each]) => ({
          contract,
          address,
          abi,
          functionName,
          expected: each,
        }));
  return [
    ...naming("the clearinghouse", clearinghouse, clearinghouseAbi, ledger),
    ...naming("the order book", deployment.signedOrders, signedOrdersAbi, { clearinghouse }),
    ...naming("the lens", deployment.poolLens, poolLensAbi, { riskEngine }),
    ...deployment.markets.flatMap(({ symbol, atomicExecutor }) =>
      naming(`the executor of ${symbol}`, atomicExecutor, atomicExecutorAbi, { clearinghouse }),
    ),
    ...deployment.pools.flatMap(({ name, optionPool, poolShares, spotHedger }) => [
      ...naming(`pool ${name}`, optionPool, optionPoolAbi, { clearinghouse, shares: poolShares }),
      ...naming(`the hedger of ${name}`, spotHedger, spotHedgerAbi, { clearinghouse, optionPool }),
    ]),
  ];
}

/** undefined where there is no contract, or one that does not know the question. */
async function ask(
  client: PublicClient<Transport, Chain>,
  { address, abi, functionName }: Naming,
): Promise<Address | undefined> {
  try {
    return (await client.readContract({ address, abi, functionName })) as Address;
  } catch (error) {
    const isAnswer = (cause: unknown) =>
      cause instanceof ContractFunctionZeroDataError || cause instanceof ContractFunctionRevertedError;
    if (error instanceof BaseError && error.walk(isAnswer) !== null) return undefined;
    throw error;
  }
}
