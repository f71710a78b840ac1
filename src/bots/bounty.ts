import { type Abi, type ContractFunctionName, encodeFunctionData, hexToBigInt } from "viem";
import { clearinghouseAbi } from "../chain/abis.ts";
import { toAccountId } from "../chain/optionId.ts";
import type { Call, Connection, Sender } from "../sdk/client.ts";

/** What an act of a keeper pays and what it costs, quote units. */
export interface BountyFacts {
  readonly bounty: bigint;
  /** Gas at the present price. */
  readonly gasCost: bigint;
}

/** When an act is worth it. */
export interface BountyRules {
  /** Least gain after gas, quote units; may be negative: what the keeper adds of his own. */
  readonly minGain: bigint;
  /** Act whether it pays or not: for those whose money is in the pools. */
  readonly asService: boolean;
  /** What the chain's own coin is worth, quote tokens; undefined: spot. */
  readonly nativePrice: number | undefined;
}

/** Of whoever acts at any price. */
export const service: BountyRules = { minGain: 0n, asService: true, nativePrice: undefined };

const WAD = 10n ** 18n;

/** Whether to act now. */
export function isWorthwhile(
  { bounty, gasCost }: BountyFacts,
  { minGain, asService }: Pick<BountyRules, "minGain" | "asService">,
): boolean {
  return asService || bounty - gasCost >= minGain;
}

/** What so much gas costs now, quote units. */
export async function gasCostOf(
  { client, deployment }: Connection,
  gas: bigint,
  nativePriceWad: bigint,
): Promise<bigint> {
  const gasPrice = await client.getGasPrice();
  return (gas * gasPrice * nativePriceWad * 10n ** BigInt(deployment.quoteDecimals)) / (WAD * WAD);
}

/** A price in quote tokens as WAD; the fallback where there is none. */
export function toPriceWad(price: number | undefined, fallbackWad: bigint): bigint {
  return price === undefined ? fallbackWad : BigInt(Math.round(price * 1e6)) * 10n ** 12n;
}

/** Where bounties are paid to: a mark's to the caller's first margin account, all others to his wallet's account in the ledger. */
const SUBS = [0, 1];

/** What waits in the ledger for whoever sends where bounties are paid to, quote units. */
export async function readBounties(sender: Sender): Promise<bigint> {
  const cash = await Promise.all(SUBS.map((sub) => readCash(sender, sub)));
  return cash.reduce((sum, each) => sum + each, 0n);
}

function readCash({ connection, address }: Sender, sub: number): Promise<bigint> {
  return connection.client.readContract({
    address: connection.deployment.clearinghouse,
    abi: clearinghouseAbi,
    functionName: "cash",
    args: [toAccountId(address, sub)],
  });
}

/**
 * What a call would pay the sender and how much gas it would take, were it in the next block.
 *
 * @throws viem's errors where it would revert, or the node does not simulate (`eth_simulateV1`).
 */
export async function bountyOf<
  const TAbi extends Abi,
  TName extends ContractFunctionName<TAbi, "nonpayable" | "payable">,
>(sender: Sender, call: Call<TAbi, TName>): Promise<{ readonly bounty: bigint; readonly gas: bigint }> {
  const { client, deployment } = sender.connection;
  const cashOf = (sub: number) => {
    const args = [toAccountId(sender.address, sub)] as const;
    const data = encodeFunctionData({ abi: clearinghouseAbi, functionName: "cash", args });
    return { to: deployment.clearinghouse, data };
  };
  const [before, gas, simulated] = await Promise.all([
    readBounties(sender),
    // The types of call and client agree, but not in a way that the compiler can follow through three generics.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    client.estimateContractGas({ ...call, account: sender.address } as never),
    client.simulateCalls({
      account: sender.address,
      calls: [
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion
        { to: call.address, data: encodeFunctionData(call as never) },
        ...SUBS.map(cashOf),
      ],
    }),
  ]);
  const after = simulated.results.slice(1).map(({ data }) => hexToBigInt(data));
  return { bounty: after.reduce((sum, each) => sum + each, 0n) - before, gas };
}

/**
 * Takes earned bounties home once they are worth `atLeast` quote units.
 *
 * @param subs Accounts of the ledger: not those that are margin for something else.
 * @returns What was taken, quote units.
 */
export async function withdrawBounties(
  sender: Sender,
  atLeast: bigint,
  subs: readonly number[] = SUBS,
): Promise<bigint> {
  let taken = 0n;
  for (const sub of subs) {
    const earned = await readCash(sender, sub);
    if (earned === 0n || earned < atLeast) continue;
    await sender.send({
      address: sender.connection.deployment.clearinghouse,
      abi: clearinghouseAbi,
      functionName: "withdrawCash",
      args: [toAccountId(sender.address, sub), earned, sender.address],
    });
    taken += earned;
  }
  return taken;
}
