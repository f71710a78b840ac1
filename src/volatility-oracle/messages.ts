import { createHash } from "node:crypto";
import { type Hex, hashMessage, isHex } from "viem";
import type { LocalAccount } from "viem/accounts";
import { z } from "zod";
import type { ReportDomain } from "../chain/report.ts";
import { MAX_EXPIRIES, type Observation } from "./consensus.ts";
import type { KnownKeys } from "./knownKeys.ts";
import { LATTICE_X } from "./lattice.ts";

/** Sixteen expiries with thirty numbers each take about ten thousand. */
export const MAX_OBSERVATION_CHARACTERS = 40_000;

const seconds = z.number().int().positive();
const price = z.number().positive().lt(1e9);
const reading = z.number().positive().lt(100).nullable();
const lattice = z.array(reading).length(LATTICE_X.length);

/** Each expiry once: a node has one voice on it. */
function increasing(items: readonly { readonly expiry: number }[]): boolean {
  return items.every((item, i) => item.expiry > (items[i - 1]?.expiry ?? 0));
}

const kind = z.enum(["surface", "spot"]);
const round = z
  .number()
  .int()
  .nonnegative()
  .lt(2 ** 32);

const observation = z.object({
  kind,
  marketId: z.number().int(),
  modelTime: seconds,
  spot: price,
  averages: z
    .array(z.object({ expiry: seconds, average: price, elapsed: seconds }))
    .max(MAX_EXPIRIES)
    .refine(increasing, "expiries must increase"),
  surface: z
    .array(
      z.object({ expiry: seconds, basis: z.number().gt(-0.8).lt(0.8), totalVariance: lattice, halfWidth: lattice }),
    )
    .max(MAX_EXPIRIES)
    .refine(increasing, "expiries must increase"),
});

const hex = z.custom<Hex>((value) => isHex(value), "not hexadecimal");
const word = z.custom<Hex>((value) => isHex(value) && value.length === 66, "not 32 bytes");

/** A node's place in the signer set, which has at most 64. */
const index = z.number().int().nonnegative().lt(64);

/** An observation, whose it is, and that node's signature over exactly these characters. */
export const signedObservation = z.object({
  index,
  body: z.string().max(MAX_OBSERVATION_CHARACTERS),
  signature: hex,
});
export type SignedObservation = z.infer<typeof signedObservation>;

/** What a leader asks the others to sign: the observations it used, the digest it found, its own signature of it. */
export const proposal = z.object({
  kind,
  leader: index,
  /** Of a surface its round; of a spot the turn of its moment. */
  round,
  observations: z.array(signedObservation).max(255),
  digest: word,
  signature: hex,
});
export type Proposal = z.infer<typeof proposal>;

/** The answer to a proposal: a signature, or why there is none and which round was signed last. */
export const endorsement = z.object({ signature: hex });
export const refusal = z.object({ error: z.string(), signedRound: z.number().int().nonnegative() });

/** A node that speaks: its key, its place in the signer set, and the oracle that it speaks for. */
export interface Speaker {
  readonly account: LocalAccount;
  readonly index: number;
  readonly domain: ReportDomain;
}

export async function signObservation(
  { account, index: own, domain }: Speaker,
  value: Observation,
): Promise<SignedObservation> {
  const body = JSON.stringify(value);
  return { index: own, body, signature: await account.signMessage({ message: messageOf(body, domain) }) };
}

/** What was observed; undefined where it is malformed or not signed by the node whose it is said to be. */
export function openObservation(
  signed: SignedObservation,
  domain: ReportDomain,
  keys: KnownKeys,
): Observation | undefined {
  const { index: speaker, body, signature } = signed;
  if (!keys.isSignedBy(speaker, hashMessage(messageOf(body, domain)), signature)) return undefined;
  try {
    return observation.safeParse(JSON.parse(body)).data;
  } catch {
    return undefined; // no JSON
  }
}

/** Names chain and contract: what was said to one oracle is not said to another. */
function messageOf(body: string, { chainId, oracle }: ReportDomain): string {
  const hash = createHash("sha256").update(body).digest("hex");
  return `Meniscus observation for ${oracle.toLowerCase()} on chain ${chainId}: ${hash}`;
}

/** A packed report with its signatures, as nodes hand it on and serve it. */
export const signedReport = z.object({ report: hex });
