import type { Hex } from "viem";
import type { Anvil } from "../../src/chain/anvil.ts";

/**
 * Takes back the last blocks and what was in them, and mines as many others.
 *
 * @param kept Transactions that the new blocks hold, raw, each with the place of its block, from 0.
 */
export async function reorganise(
  anvil: Anvil,
  depth: number,
  kept: readonly (readonly [raw: Hex, block: number])[] = [],
): Promise<void> {
  await anvil.publicClient.request({ method: "anvil_reorg", params: [depth, kept] } as never);
}
