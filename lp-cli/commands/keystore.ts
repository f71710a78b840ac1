import { readFileSync } from "node:fs";
import { MeniscusError } from "../../src/runtime/errors.ts";
import {
  type KeystoreFile,
  keystoreFolder,
  listKeystores,
  newPrivateKey,
  readKeyText,
  readNewPassword,
  readPassword,
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

/**
 * `keystore import NAME`: a key that exists, or a keystore of another program, from --key-file, MENISCUS_PRIVATE_KEY, or asked for. A
 * keystore keeps its password.
 */
export async function importKey(
  session: Session,
  name: string,
  options: { readonly keyFile?: string },
): Promise<KeystoreFile> {
  const folder = keystoreFolder(session.keys.environment);
  requireFreeName(folder, name);
  const { text, source } = await readKeySource(session, options.keyFile);
  let password: string | undefined;
  const key = await readKeyText(text, source, async () => {
    password = await readPassword(session.keys, `Password of ${source}`);
    return password;
  });
  return await writeKeystore(folder, name, key, password ?? (await readNewPassword(session.keys)));
}

const STANDARD_INPUT = "-";

async function readKeySource(session: Session, keyFile: string | undefined) {
  if (keyFile !== undefined) {
    const [path, source] = keyFile === STANDARD_INPUT ? [0, "Standard input"] : [keyFile, keyFile];
    try {
      return { text: readFileSync(path, "utf8"), source };
    } catch (cause) {
      throw new MeniscusError("key", `The key file ${source} cannot be read.`, {
        hint: "Name a file that holds a private key or a keystore, or - for standard input.",
        cause,
      });
    }
  }
  const { MENISCUS_PRIVATE_KEY } = session.keys.environment;
  if (MENISCUS_PRIVATE_KEY) return { text: MENISCUS_PRIVATE_KEY, source: "MENISCUS_PRIVATE_KEY" };
  const text = await askSecret("Private key (not shown)", "Set MENISCUS_PRIVATE_KEY or pass --key-file FILE.");
  return { text, source: "The answer" };
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
