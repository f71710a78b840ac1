import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { basename, join } from "node:path";
import { Keystore } from "ox";
import { type Address, getAddress, type Hex } from "viem";
import { generatePrivateKey, type PrivateKeyAccount, privateKeyToAccount } from "viem/accounts";
import { z } from "zod";
import { describeError, MeniscusError } from "../src/runtime/errors.ts";
import { parseAddress } from "./parse.ts";
import { askSecret } from "./prompt.ts";

/** scrypt as Foundry and geth expect it: about a third of a second for every guess. */
const SCRYPT = { n: 131_072, r: 8, p: 1 } as const;

const keystoreSchema = z.object({
  address: z.string().optional(),
  crypto: z
    .object({
      cipher: z.literal("aes-128-ctr"),
      ciphertext: z.string(),
      cipherparams: z.object({ iv: z.string() }),
      mac: z.string(),
    })
    .and(
      z.discriminatedUnion("kdf", [
        z.object({
          kdf: z.literal("scrypt"),
          kdfparams: z.object({ dklen: z.number(), n: z.number(), p: z.number(), r: z.number(), salt: z.string() }),
        }),
        z.object({
          kdf: z.literal("pbkdf2"),
          kdfparams: z.object({ c: z.number(), dklen: z.number(), prf: z.literal("hmac-sha256"), salt: z.string() }),
        }),
      ]),
    ),
  id: z.string().default(""),
  version: z.literal(3),
});

/** An encrypted key on disk: Web3 Secret Storage, version 3. */
export interface KeystoreFile {
  readonly name: string;
  readonly file: string;
  /** Undefined where the file does not say it, as `cast` writes them. */
  readonly address: Address | undefined;
  /** Why it cannot be read, where that is so. */
  readonly problem?: string;
}

/** Where keys come from; everything the command line and the environment say about them. */
export interface KeySources {
  readonly as: string | undefined;
  readonly keystore: string | undefined;
  readonly passwordFile: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** The folder of keystores: `MENISCUS_KEYSTORES`, or `~/.meniscus/keystores`. */
export function keystoreFolder(environment: KeySources["environment"]): string {
  return environment.MENISCUS_KEYSTORES ?? join(homedir(), ".meniscus", "keystores");
}

function readKeystore(file: string): z.infer<typeof keystoreSchema> {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    const missing = cause instanceof Error && "code" in cause && cause.code === "ENOENT";
    throw new MeniscusError("key", missing ? `No keystore at ${file}.` : `${file} cannot be read.`, {
      hint: "`meniscus keystore list` shows what is there.",
      cause,
    });
  }
  return parseKeystore(text, file);
}

function parseKeystore(text: string, file: string): z.infer<typeof keystoreSchema> {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (cause) {
    throw new MeniscusError("key", `${file} is not a keystore: no JSON.`, {
      hint: "`meniscus keystore list` shows what is there.",
      cause,
    });
  }
  const parsed = keystoreSchema.safeParse(content);
  if (parsed.success) return parsed.data;
  throw new MeniscusError("key", `${file} is not a keystore: ${describeError(parsed.error)}.`, {
    hint: "It must be Web3 Secret Storage, version 3, as `meniscus keystore create` writes it.",
  });
}

/** The keystores of a folder, by name; those that are damaged with what is wrong. */
export function listKeystores(folder: string): readonly KeystoreFile[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => file.endsWith(".json"))
    .toSorted()
    .map((file) => {
      const found = { name: basename(file, ".json"), file: join(folder, file) };
      try {
        return { ...found, address: addressOf(readKeystore(found.file).address) };
      } catch (error) {
        return { ...found, address: undefined, problem: describeError(error) };
      }
    });
}

function addressOf(text: string | undefined): Address | undefined {
  return text === undefined ? undefined : parseAddress(text.startsWith("0x") ? text : `0x${text}`);
}

/**
 * Encrypts a key into a new file that only its owner can read.
 *
 * @throws MeniscusError `usage` where the name is taken or no file name.
 */
export async function writeKeystore(
  folder: string,
  name: string,
  privateKey: Hex,
  password: string,
): Promise<KeystoreFile> {
  requireFreeName(folder, name);
  const [key, options] = await Keystore.scryptAsync({ password, ...SCRYPT });
  const { address } = privateKeyToAccount(privateKey);
  const keystore = { address: address.slice(2).toLowerCase(), ...Keystore.encrypt(privateKey, key, options) };
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, `${name}.json`);
  // "wx": a file that appeared in the meantime is not overwritten.
  writeFileSync(file, `${JSON.stringify(keystore, null, 2)}\n`, { mode: 0o600, flag: "wx" });
  return { name, file, address };
}

/** Throws unless a keystore of this name can be written. */
export function requireFreeName(folder: string, name: string): void {
  if (!/^[A-Za-z0-9][\w.-]{0,63}$/.test(name) || parseAddress(name)) {
    throw new MeniscusError("usage", `"${name}" cannot name a keystore.`, {
      hint: "Use letters, digits, dots, dashes and underscores.",
    });
  }
  if (existsSync(join(folder, `${name}.json`))) {
    throw new MeniscusError("usage", `There is a keystore "${name}" already.`, {
      hint: "Choose another name; nothing was overwritten.",
    });
  }
}

export const newPrivateKey = generatePrivateKey;

/**
 * A private key in the spelling people have it in: 64 hexadecimal digits, 0x or not.
 *
 * @param source Where it came from; the key itself is never shown.
 */
export function parsePrivateKey(text: string, source: string): Hex {
  const match = /^(?:0x)?([0-9a-fA-F]{64})$/.exec(text.trim());
  try {
    if (!match) throw new Error("not 64 hexadecimal digits");
    const key = `0x${match[1]}` as const;
    privateKeyToAccount(key); // refuses zero and what is not below the curve's order
    return key;
  } catch {
    throw new MeniscusError("key", `${source} holds no private key.`, {
      hint: "A private key has 64 hexadecimal digits, with or without 0x.",
    });
  }
}

/** The password of a keystore: from a file, from MENISCUS_PASSWORD, or asked for without showing it. */
export async function readPassword(sources: KeySources, question: string): Promise<string> {
  if (sources.passwordFile !== undefined) {
    try {
      return readFileSync(sources.passwordFile, "utf8").replace(/\r?\n$/, "");
    } catch (cause) {
      throw new MeniscusError("key", `The password file ${sources.passwordFile} cannot be read.`, { cause });
    }
  }
  const { MENISCUS_PASSWORD } = sources.environment;
  if (MENISCUS_PASSWORD !== undefined) return MENISCUS_PASSWORD;
  return await askSecret(question, "Set MENISCUS_PASSWORD or pass --password-file FILE.");
}

/** A password for a new keystore, asked for twice. */
export async function readNewPassword(sources: KeySources): Promise<string> {
  const asked = sources.passwordFile === undefined && sources.environment.MENISCUS_PASSWORD === undefined;
  const password = await readPassword(sources, "Password for the new keystore");
  if (password === "") throw new MeniscusError("key", "The password is empty.", { hint: "Choose another." });
  if (asked && (await askSecret("The same once more", "")) !== password) {
    throw new MeniscusError("key", "The passwords differ: nothing was written.");
  }
  return password;
}

/** Decrypts a keystore. */
async function unlock({ name, file }: KeystoreFile, sources: KeySources): Promise<PrivateKeyAccount> {
  const keystore = readKeystore(file);
  return privateKeyToAccount(await decrypt(keystore, name, await readPassword(sources, `Password of ${name}`)));
}

/** @param name Of the keystore, for people. */
async function decrypt(keystore: z.infer<typeof keystoreSchema>, name: string, password: string): Promise<Hex> {
  let key: Hex;
  try {
    key = Keystore.decrypt(keystore, await Keystore.toKeyAsync(keystore, { password }));
  } catch (cause) {
    throw new MeniscusError("key", `The password does not open ${name}, or the file is damaged.`, {
      hint: "Try again, or choose another keystore with --as NAME.",
      cause,
    });
  }
  const [said, held] = [addressOf(keystore.address), privateKeyToAccount(key).address];
  if (said === undefined || said === held) return key;
  throw new MeniscusError("key", `${name} says that it is the key of ${said}, and holds that of ${held}.`, {
    hint: "Somebody changed the file: use a copy of it.",
  });
}

/**
 * The private key in a text: the key itself, or a keystore that the password opens.
 *
 * @param source Where the text came from.
 * @param password Asked for only where the text is a keystore.
 */
export async function readKeyText(text: string, source: string, password: () => Promise<string>): Promise<Hex> {
  if (!text.trimStart().startsWith("{")) return parsePrivateKey(text, source);
  const keystore = parseKeystore(text, source);
  return await decrypt(keystore, source, await password());
}

function environmentAccount({ environment }: KeySources): PrivateKeyAccount | undefined {
  const { MENISCUS_PRIVATE_KEY } = environment;
  if (MENISCUS_PRIVATE_KEY === undefined || MENISCUS_PRIVATE_KEY === "") return undefined;
  return privateKeyToAccount(parsePrivateKey(MENISCUS_PRIVATE_KEY, "MENISCUS_PRIVATE_KEY"));
}

function named(folder: string, as: string): KeystoreFile {
  const known = listKeystores(folder);
  const address = parseAddress(as);
  const found = known.find((keystore) => (address ? keystore.address === address : keystore.name === as));
  if (found) return found;
  const names = known.map(({ name }) => name).join(", ");
  throw new MeniscusError("key", address ? `There is no key of ${address}.` : `There is no keystore "${as}".`, {
    hint: names
      ? `There is ${names} in ${folder}.`
      : "Create one with `meniscus keystore create NAME`, or set MENISCUS_PRIVATE_KEY.",
  });
}

/** The keystore that --keystore, --as or being the only one chooses. */
function chosen(sources: KeySources): KeystoreFile {
  if (sources.keystore !== undefined) {
    const { address } = readKeystore(sources.keystore);
    return { name: basename(sources.keystore), file: sources.keystore, address: addressOf(address) };
  }
  const folder = keystoreFolder(sources.environment);
  if (sources.as !== undefined) return named(folder, sources.as);
  const known = listKeystores(folder).filter(({ problem }) => problem === undefined);
  if (known.length === 1 && known[0]) return known[0];
  throw new MeniscusError("key", known.length === 0 ? "There is no key to sign with." : "Which key signs?", {
    hint:
      known.length === 0
        ? "Create one with `meniscus keystore create NAME`, or set MENISCUS_PRIVATE_KEY."
        : `Pass --as with one of ${known.map(({ name }) => name).join(", ")}.`,
  });
}

/**
 * The account that signs: `--keystore`, `--as`, MENISCUS_PRIVATE_KEY, or the only keystore there is, in this order. An
 * address given with `--as` may also be the one of MENISCUS_PRIVATE_KEY.
 */
export async function signingAccount(sources: KeySources): Promise<PrivateKeyAccount> {
  const fromEnvironment = environmentAccount(sources);
  const address = sources.as === undefined ? undefined : parseAddress(sources.as);
  if (sources.keystore === undefined && fromEnvironment) {
    if (sources.as === undefined || address === fromEnvironment.address) return fromEnvironment;
  }
  const account = await unlock(chosen(sources), sources);
  if (address && account.address !== address) {
    throw new MeniscusError("key", `That is the key of ${account.address}, not of ${address}.`, {
      hint: "Choose the right keystore, or leave --as out.",
    });
  }
  return account;
}

/** Whose position is looked at; no key is opened for it. Undefined where nothing says it. */
export function watchedAddress(sources: KeySources): Address | undefined {
  const address = sources.as === undefined ? undefined : parseAddress(sources.as);
  if (address) return address;
  if (sources.as === undefined && sources.keystore === undefined) {
    const fromEnvironment = environmentAccount(sources);
    if (fromEnvironment) return fromEnvironment.address;
    const known = listKeystores(keystoreFolder(sources.environment));
    if (known.filter(({ problem }) => problem === undefined).length !== 1) return undefined;
  }
  const keystore = chosen(sources);
  if (keystore.problem !== undefined) throw new MeniscusError("key", keystore.problem);
  if (keystore.address) return getAddress(keystore.address);
  throw new MeniscusError("key", `${keystore.file} does not say its address.`, {
    hint: "Name it: --as 0x….",
  });
}
