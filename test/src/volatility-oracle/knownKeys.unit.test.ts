import { secp256k1 } from "@noble/curves/secp256k1.js";
import { type Hex, hexToBigInt, keccak256, numberToHex, slice, toHex } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { describe, expect, test } from "vitest";
import { KnownKeys } from "../../../src/volatility-oracle/knownKeys.ts";

const accounts = [1, 2, 3].map((n) => privateKeyToAccount(`0x${String(n).padStart(64, "0")}`));
const addresses = accounts.map(({ address }) => address);
const hashes = Array.from({ length: 20 }, (_, i) => keccak256(toHex(`word ${i}`)));
const sign = (index: number, hash: Hex): Promise<Hex> => accounts[index]?.sign({ hash }) ?? Promise.reject(new Error());
const ORDER = secp256k1.Point.Fn.ORDER;

describe("a key's signature", () => {
  test("is its own, on the first word and on every later one, and nobody else's", async () => {
    const keys = new KnownKeys(addresses);
    for (const hash of hashes) {
      for (const index of [0, 1, 2]) {
        const signature = await sign(index, hash);
        const found = [0, 1, 2, 3].filter((i) => keys.isSignedBy(i, hash, signature));
        expect(found, `${hash} by ${index}`).toEqual([index]);
      }
    }
  });

  test.for(["a key not yet known", "a known key"])("is refused changed, by %s", async (state) => {
    const [hash, other] = hashes as [Hex, Hex];
    const keys = new KnownKeys(addresses);
    if (state === "a known key") expect(keys.isSignedBy(0, other, await sign(0, other))).toBe(true);
    const signature = await sign(0, hash);
    const [r, s, v] = [slice(signature, 0, 32), slice(signature, 32, 64), slice(signature, 64)];
    const joined = (...parts: readonly string[]): Hex => `0x${parts.map((part) => part.slice(2)).join("")}`;
    const flipped = v === "0x1b" ? "0x1c" : "0x1b";
    const word = (value: bigint) => numberToHex(value, { size: 32 });
    const refused = {
      "another hash": [other, signature],
      "another parity": [hash, joined(r, s, flipped)],
      "v of a contract's form": [hash, joined(r, s, v === "0x1b" ? "0x00" : "0x01")],
      "the upper s, which recovers to the same key": [hash, joined(r, word(ORDER - hexToBigInt(s)), flipped)],
      "r of zero": [hash, joined(word(0n), s, v)],
      "s of zero": [hash, joined(r, word(0n), v)],
      "r beyond the order": [hash, joined(word(ORDER), s, v)],
      "r of no point": [hash, joined(word(5n), s, v)],
      "too short": [hash, slice(signature, 0, 64)],
      nothing: [hash, "0x"],
    } as const;
    for (const [what, [over, given]] of Object.entries(refused)) {
      expect(keys.isSignedBy(0, over, given), what).toBe(false);
    }
    expect(keys.isSignedBy(0, hash, signature)).toBe(true);
  });
});
