/** A deterministic stream: the same seed gives the same numbers on every machine. */
export interface Random {
  /** In [0, 1), 32 bits. */
  uniform(): number;
  /** Standard normal. */
  normal(): number;
  /** Number of arrivals where `mean` are expected; for small means. */
  poisson(mean: number): number;
}

/** xoshiro128** (Blackman & Vigna), its state filled by splitmix32. */
export function createRandom(seed: number | string): Random {
  let fill = seedOf(seed);
  const next32 = () => {
    fill = (fill + 0x9e3779b9) | 0;
    return scramble(fill);
  };
  let a = next32();
  let b = next32();
  let c = next32();
  let d = next32();
  let spare: number | undefined;

  const uniform = () => {
    const result = Math.imul(rotateLeft(Math.imul(b, 5), 7), 9) >>> 0;
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = rotateLeft(d, 11);
    return result / 2 ** 32;
  };
  // Marsaglia's polar method gives two normals at a time.
  const normal = () => {
    if (spare !== undefined) {
      const value = spare;
      spare = undefined;
      return value;
    }
    for (;;) {
      const x = 2 * uniform() - 1;
      const y = 2 * uniform() - 1;
      const r = x * x + y * y;
      if (r >= 1 || r === 0) continue;
      const scale = Math.sqrt((-2 * Math.log(r)) / r);
      spare = y * scale;
      return x * scale;
    }
  };
  // Knuth: multiply uniforms until the product falls below e^−mean.
  const poisson = (mean: number) => {
    const limit = Math.exp(-mean);
    let count = 0;
    for (let product = uniform(); product > limit; product *= uniform()) count++;
    return count;
  };
  return { uniform, normal, poisson };
}

/** One seed out of several: a stream for every (seed, key, …) that does not depend on the order in which they are asked for. */
export function mixSeed(...keys: readonly (number | string)[]): number {
  let state = 0x243f6a88;
  for (const key of keys) state = scramble(Math.imul(state, 0x01000193) ^ seedOf(key));
  return state >>> 0;
}

function seedOf(seed: number | string): number {
  if (typeof seed === "number") return scramble((seed | 0) ^ scramble(Math.floor(seed / 2 ** 32) | 0));
  let hash = 0x811c9dc5; // FNV-1a
  for (let i = 0; i < seed.length; i++) hash = Math.imul(hash ^ seed.charCodeAt(i), 0x01000193);
  return scramble(hash);
}

function scramble(x: number): number {
  let z = x | 0;
  z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
  z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
  return z ^ (z >>> 15);
}

function rotateLeft(x: number, bits: number): number {
  return (x << bits) | (x >>> (32 - bits));
}
