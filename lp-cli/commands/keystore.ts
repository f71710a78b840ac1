import { readFileSync } from "node:fs";
import { MeniscusError } from "../../src/runtime/errors.ts";
import {
  type KeystoreFile,
  keystoreFolder,
  listKeystores,
  newPrivateKey,
  parsePrivateKey,
  readNewPassword,
  requireFreeName,
  writeKeystore,
} from "../keys.ts";
import { askSecret } from "../prompt.ts";
import type { Session } from "../session.ts";

/** `keystore create NAME`: a new key, encrypted. */
export async function create(session: Session, name: string): Promise<KeystoreFile> {
  const folder = keystoreFolder(session.keys.environment);
  requireFreeName(folder, name);
  return await writeKeystore(folder, name, newPrivateKey(), await readNewPassword(session.keys));
}

/** `keystore import NAME`: a key that exists, from --key-file, MENISCUS_PRIVATE_KEY, or asked for. */
export async function importKey(
  session: Session,
  name: string,
  options: { readonly keyFile?: string },
): Promise<KeystoreFile> {
  const folder = keystoreFolder(session.keys.environment);
  requireFreeName(folder, name);
  const key = await readKey(session, options.keyFile);
  return await writeKeystore(folder, name, key, await readNewPassword(session.keys));
}

async function readKey(session: Session, keyFile: string | undefined) {
  if (keyFile !== undefined) {
    try {
      return parsePrivateKey(readFileSync(keyFile, "utf8"), keyFile);
    } catch (cause) {
      if (cause instanceof MeniscusError) throw cause;
      throw new MeniscusError("key", `The key file ${keyFile} cannot be read.`, { cause });
    }
  }
  const { MENISCUS_PRIVATE_KEY } = session.keys.environment;
  if (MENISCUS_PRIVATE_KEY) return parsePrivateKey(MENISCUS_PRIVATE_KEY, "MENISCUS_PRIVATE_KEY");
  const text = await askSecret("Private key (not shown)", "Set MENISCUS_PRIVATE_KEY or pass --key-file FILE.");
  return parsePrivateKey(text, "The answer");
}

export interface KeystoreList {
  readonly folder: string;
  readonly keystores: readonly KeystoreFile[];
}

/** `keystore list`. */
export async function list(session: Session): Promise<KeystoreList> {
  const folder = keystoreFolder(session.keys.environment);
  return await Promise.resolve({ folder, keystores: listKeystores(folder) });
}
