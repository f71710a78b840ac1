import { existsSync, readFileSync } from "node:fs";
import type { Address, Hex } from "viem";
import { z } from "zod";
import { MeniscusError } from "../runtime/errors.ts";

const address = z
  .string()
  .regex(/^0x[0-9a-fA-F]{40}$/)
  .transform((text) => text as Address);

const schema = z.object({
  name: z.string().min(1),
  /** Where the node's private key is: the name of an environment variable, or else a file that only its user can read. */
  keyVariable: z.string().min(1).optional(),
  keyFile: z.string().min(1).optional(),
  /** Loopback port of the node's own server. */
  port: z.number().int().min(0).max(65_535),
  /** All nodes in the order of the signer set, this one included. */
  nodes: z.array(z.object({ address, url: z.url() })).min(1),
  venueUrl: z.url(),
  currency: z.string().min(1),
  rpcUrl: z.url(),
  chainId: z.number().int().positive(),
  marketOracle: address,
  marketId: z.number().int().positive(),
  /** Least model time between two reports, seconds. */
  heartbeatSeconds: z.number().int().positive(),
  /** How long a leader may be silent before the next one takes over, milliseconds. */
  leaderTimeoutMilliseconds: z.number().int().positive(),
  /** File that remembers what was signed, so that a restart never signs two reports for one round. */
  stateFile: z.string().min(1),
});

export type NodeConfig = z.infer<typeof schema>;

/** Reads a node's configuration. @throws MeniscusError `data` naming the field that is wrong. */
export function readNodeConfig(file: string): NodeConfig {
  if (!existsSync(file)) throw new MeniscusError("data", `There is no configuration at ${file}.`);
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, "utf8"));
  } catch (cause) {
    throw new MeniscusError("data", `${file} is not JSON: ${(cause as Error).message}.`, { cause });
  }
  const parsed = schema.safeParse(content);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new MeniscusError("data", `${file}: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? "malformed"}.`);
}

/** The key from the environment variable or the file that the configuration names. */
export function readNodeKey({ name, keyVariable, keyFile }: NodeConfig): Hex {
  if ((keyVariable === undefined) === (keyFile === undefined)) {
    throw new MeniscusError("key", `The configuration of ${name} must name either keyVariable or keyFile.`);
  }
  const place = keyVariable ?? keyFile ?? "";
  const key = keyVariable === undefined ? readKeyFile(place) : process.env[place];
  if (!key || !/^0x[0-9a-fA-F]{64}$/.test(key)) {
    throw new MeniscusError("key", `${place} holds no private key.`, {
      hint: "It has to be 0x and 64 hexadecimal digits.",
    });
  }
  return key as Hex;
}

function readKeyFile(file: string): string {
  try {
    return readFileSync(file, "utf8").trim();
  } catch (cause) {
    throw new MeniscusError("key", `The key file ${file} cannot be read.`, { cause });
  }
}
