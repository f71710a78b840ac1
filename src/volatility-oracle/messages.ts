import { type Address, type Hex, isAddressEqual, keccak256, recoverMessageAddress, toHex } from "viem";
import type { LocalAccount } from "viem/accounts";
import { z } from "zod";
import type { Observation } from "./consensus.ts";

const nullableNumber = z.number().positive().nullable();
const observation = z.object({
  marketId: z.number().int(),
  round: z.number().int(),
  modelTime: z.number().int(),
  spot: z.number().positive(),
  averages: z.array(
    z.object({ expiry: z.number().int(), average: z.number().positive(), elapsed: z.number().int().positive() }),
  ),
  surface: z.array(
    z.object({
      expiry: z.number().int(),
      basis: z.number().gt(-0.8).lt(0.8),
      totalVariance: z.array(nullableNumber),
      halfWidth: z.array(nullableNumber),
    }),
  ),
});

/** An observation and its node's signature over exactly these characters. */
export const signedObservation = z.object({ body: z.string(), signature: z.string().transform((text) => text as Hex) });
export type SignedObservation = z.infer<typeof signedObservation>;

/** What the leader asks the others to sign: the observations it used and the digest it found. */
export const proposal = z.object({
  observations: z.array(signedObservation),
  digest: z.string().transform((text) => text as Hex),
});
export type Proposal = z.infer<typeof proposal>;

const PREFIX = "Meniscus observation ";

export async function signObservation(account: LocalAccount, value: Observation): Promise<SignedObservation> {
  const body = JSON.stringify(value);
  return { body, signature: await account.signMessage({ message: messageOf(body) }) };
}

/** The observation and the index of the node that signed it; undefined where it is malformed or from nobody known. */
export async function openObservation(
  signed: SignedObservation,
  nodes: readonly { readonly address: Address }[],
): Promise<{ readonly index: number; readonly observation: Observation } | undefined> {
  try {
    const signer = await recoverMessageAddress({ message: messageOf(signed.body), signature: signed.signature });
    const index = nodes.findIndex(({ address }) => isAddressEqual(address, signer));
    const parsed = observation.safeParse(JSON.parse(signed.body));
    return index >= 0 && parsed.success ? { index, observation: parsed.data } : undefined;
  } catch {
    return undefined;
  }
}

function messageOf(body: string): string {
  return `${PREFIX}${keccak256(toHex(body))}`;
}
