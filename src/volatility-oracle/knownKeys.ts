import { secp256k1 } from "@noble/curves/secp256k1.js";
import { type Address, type Hex, hexToBytes, isAddressEqual, size } from "viem";
import { publicKeyToAddress } from "viem/accounts";

const { Point } = secp256k1;
const { Fn: Scalar } = Point;
type Key = InstanceType<typeof Point>;

/** Multiples of a key are kept in tables over so many bits: 5 costs 30 ms once and saves half of every later check. */
const WINDOW_BITS = 5;
const HALF_ORDER = Scalar.ORDER >> 1n;

/**
 * The keys of a few addresses, against which signatures are checked. Recovering an address anew for each signature takes
 * several times as long; so a key is recovered from its first valid signature and kept.
 */
export class KnownKeys {
  private readonly addresses: readonly Address[];
  private readonly keys = new Map<number, Key>();

  constructor(addresses: readonly Address[]) {
    this.addresses = addresses;
  }

  /**
   * Whether `signature` (r, s, v) over `hash` is by the key of the `index`-th address: exactly where the contract would find so,
   * so s is in the lower half of the order and v is 27 or 28.
   */
  isSignedBy(index: number, hash: Hex, signature: Hex): boolean {
    const address = this.addresses[index];
    if (address === undefined || size(signature) !== 65) return false;
    const r = BigInt(signature.slice(0, 66));
    const s = BigInt(`0x${signature.slice(66, 130)}`);
    const parity = Number(`0x${signature.slice(130)}`) - 27;
    if (!Scalar.isValidNot0(r) || !Scalar.isValidNot0(s) || s > HALF_ORDER || (parity !== 0 && parity !== 1)) {
      return false;
    }
    const key = this.keys.get(index);
    return key === undefined
      ? this.recover(index, address, hash, { r, s, parity })
      : isValid(key, hash, { r, s, parity });
  }

  private recover(index: number, address: Address, hash: Hex, { r, s, parity }: Signature): boolean {
    let key: Key;
    try {
      key = new secp256k1.Signature(r, s, parity).recoverPublicKey(hexToBytes(hash));
    } catch {
      return false; // no point has this r
    }
    if (!isAddressEqual(publicKeyToAddress(`0x${key.toHex(false)}`), address)) return false;
    this.keys.set(index, key.precompute(WINDOW_BITS));
    return true;
  }
}

interface Signature {
  readonly r: bigint;
  readonly s: bigint;
  /** Of the y of the point whose x is r. */
  readonly parity: number;
}

/** (hash/s)·G + (r/s)·key is the point (r, y) with y of the given parity (SEC 1, 4.1.4). */
function isValid(key: Key, hash: Hex, { r, s, parity }: Signature): boolean {
  const inverse = Scalar.inv(s);
  const ofBase = Scalar.mul(Scalar.create(BigInt(hash)), inverse);
  const point = Point.BASE.multiplyUnsafe(ofBase).add(key.multiplyUnsafe(Scalar.mul(r, inverse)));
  if (point.is0()) return false;
  const { x, y } = point.toAffine();
  return x === r && Number(y & 1n) === parity;
}
