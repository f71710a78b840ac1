import { existsSync, readFileSync } from "node:fs";
import { type Hex, isHex, size } from "viem";
import type { z } from "zod";
import { describeError, MeniscusError } from "./errors.ts";

/** Reads a JSON file of the schema's form. @throws MeniscusError `data` naming the field that is wrong. */
export function readConfigFile<T>(file: string, schema: z.ZodType<T>): T {
  if (!existsSync(file)) throw new MeniscusError("data", `There is no configuration at ${file}.`);
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, "utf8"));
  } catch (cause) {
    throw new MeniscusError("data", `${file} is not JSON: ${describeError(cause)}.`, { cause });
  }
  const parsed = schema.safeParse(content);
  if (parsed.success) return parsed.data;
  throw new MeniscusError("data", `${file}: ${describeError(parsed.error)}.`);
}

/**
 * The private key that was found.
 *
 * @param place Where it was looked for: a variable's name, or a file's.
 * @throws MeniscusError `key` where it is none.
 */
export function requirePrivateKey(found: string | undefined, place: string): Hex {
  if (isHex(found) && size(found) === 32) return found;
  throw new MeniscusError("key", `${place} holds no private key.`, {
    hint: "It has to be 0x and 64 hexadecimal digits.",
  });
}
