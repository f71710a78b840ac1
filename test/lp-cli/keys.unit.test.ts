import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type KeySources,
  listKeystores,
  parsePrivateKey,
  readKeyText,
  signingAccount,
  watchedAddress,
  writeKeystore,
} from "../../lp-cli/keys.ts";

// The key of Foundry's and geth's documentation examples is the number one; its address is well known.
const one = `0x${"1".padStart(64, "0")}` as const;
const addressOfOne = "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf";
const two = `0x${"2".padStart(64, "0")}` as const;
const addressOfTwo = "0x2B5AD5c4795c026514f8317c7a215E218DcCD6cF";

const folder = mkdtempSync(join(tmpdir(), "meniscus-keys-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeAll(async () => void (await writeKeystore(folder, "ada", one, "correct horse")));

const sources = (changes: Partial<KeySources> = {}, environment: KeySources["environment"] = {}): KeySources => ({
  as: undefined,
  keystore: undefined,
  passwordFile: undefined,
  ...changes,
  environment: { MENISCUS_KEYSTORES: folder, ...environment },
});

describe("keystores", () => {
  test("are Web3 Secret Storage that only the owner reads", () => {
    const file = join(folder, "ada.json");
    const text = readFileSync(file, "utf8");
    expect(JSON.parse(text)).toMatchObject({
      version: 3,
      address: addressOfOne.slice(2).toLowerCase(),
      crypto: { cipher: "aes-128-ctr", kdf: "scrypt", kdfparams: { n: 131_072, r: 8, p: 1 } },
    });
    expect(text).not.toContain(one.slice(2));
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test("are listed by name and address, and never overwritten", async () => {
    expect(listKeystores(folder)).toEqual([{ name: "ada", file: join(folder, "ada.json"), address: addressOfOne }]);
    await expect(writeKeystore(folder, "ada", two, "x")).rejects.toThrow(/already/);
    await expect(writeKeystore(folder, "../escape", two, "x")).rejects.toThrow(/cannot name/);
  });

  test("open with their password, by name, by address, and where there is only one", async () => {
    const environment = { MENISCUS_PASSWORD: "correct horse" };
    for (const as of [addressOfOne.toLowerCase(), undefined]) {
      expect((await signingAccount(sources({ as }, environment))).address).toBe(addressOfOne);
    }
  });

  test("do not open with another password", async () => {
    const passwordFile = join(folder, "password.txt");
    writeFileSync(passwordFile, "wrong\n");
    await expect(signingAccount(sources({ as: "ada", passwordFile }))).rejects.toMatchObject({
      kind: "key",
      message: "The password does not open ada, or the file is damaged.",
    });
  });

  test("are read by address without a password", () => {
    expect(watchedAddress(sources({ as: "ada" }))).toBe(addressOfOne);
    expect(watchedAddress(sources({ as: addressOfTwo }))).toBe(addressOfTwo);
  });

  test("that are malformed say what is wrong", async () => {
    const keystore = join(folder, "broken.txt");
    writeFileSync(keystore, '{"version": 1}');
    await expect(signingAccount(sources({ keystore }))).rejects.toThrow(/is not a keystore: crypto/);
    await expect(signingAccount(sources({ keystore: join(folder, "none") }))).rejects.toThrow(/No keystore at/);
  });
});

describe("a folder with damaged keystores", () => {
  const damaged = join(folder, "damaged");
  const ada = () => JSON.parse(readFileSync(join(folder, "ada.json"), "utf8"));
  const environment = { MENISCUS_KEYSTORES: damaged, MENISCUS_PASSWORD: "correct horse" };
  beforeAll(async () => {
    await writeKeystore(damaged, "good", two, "correct horse");
    writeFileSync(join(damaged, "text.json"), "no json");
    writeFileSync(join(damaged, "other.json"), JSON.stringify({ ...ada(), address: addressOfTwo }));
    const { crypto, ...rest } = ada();
    const ciphertext = crypto.ciphertext.replace(/^./, (digit: string) => (digit === "0" ? "1" : "0"));
    writeFileSync(join(damaged, "bits.json"), JSON.stringify({ ...rest, crypto: { ...crypto, ciphertext } }));
  });

  test("is listed, with what is wrong", () => {
    expect(listKeystores(damaged).map(({ name, problem }) => [name, problem?.replace(/\.json .*/, "")])).toEqual([
      ["bits", undefined],
      ["good", undefined],
      ["other", undefined],
      ["text", join(damaged, "text")],
    ]);
  });

  test("says so where one of them is to be opened", async () => {
    const open = async (as: string) => await signingAccount(sources({ as }, environment));
    await expect(open("text")).rejects.toThrow(/is not a keystore: no JSON/);
    await expect(open("bits")).rejects.toThrow("The password does not open bits, or the file is damaged.");
    await expect(open("other")).rejects.toThrow(
      `other says that it is the key of ${addressOfTwo}, and holds that of ${addressOfOne}.`,
    );
    expect((await open("good")).address).toBe(addressOfTwo);
    expect(() => watchedAddress(sources({ as: "text" }, environment))).toThrow(/no JSON/);
  });
});

describe("a key to import", () => {
  const password = async () => await Promise.resolve("correct horse");

  test("is a key, or a keystore that its password opens", async () => {
    expect(await readKeyText(`${two}\n`, "FILE", password)).toBe(two);
    const keystore = readFileSync(join(folder, "ada.json"), "utf8");
    expect(await readKeyText(keystore, "FILE", password)).toBe(one);
    await expect(readKeyText(keystore, "FILE", async () => await Promise.resolve("x"))).rejects.toThrow(
      /does not open FILE/,
    );
    await expect(readKeyText("{}", "FILE", password)).rejects.toThrow(/FILE is not a keystore/);
    await expect(readKeyText("hello", "FILE", password)).rejects.toThrow("FILE holds no private key.");
  });
});

describe("keys of the environment", () => {
  test("sign where no keystore is named", async () => {
    const account = await signingAccount(sources({}, { MENISCUS_PRIVATE_KEY: two.slice(2) }));
    expect(account.address).toBe(addressOfTwo);
  });

  test("do not sign for somebody else", async () => {
    const environment = { MENISCUS_PRIVATE_KEY: two, MENISCUS_PASSWORD: "correct horse" };
    expect((await signingAccount(sources({ as: "ada" }, environment))).address).toBe(addressOfOne);
    const stranger = "0x0000000000000000000000000000000000000001";
    await expect(signingAccount(sources({ as: stranger }, environment))).rejects.toThrow(/no key of/);
  });

  test.each(["", "0x12", `0x${"0".repeat(64)}`, `0x${"f".repeat(64)}`, "g".repeat(64)])(
    "%j is no key, and is not shown",
    (text) => {
      const refused = () => parsePrivateKey(text, "MENISCUS_PRIVATE_KEY");
      expect(refused).toThrow("MENISCUS_PRIVATE_KEY holds no private key.");
      expect(refused).not.toThrow(text.length > 8 ? text.slice(2, 20) : "0x12");
    },
  );
});
