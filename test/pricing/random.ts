/** Reproducible random numbers for fuzzing (sfc32), with the distributions that numerical code is fuzzed over. */
export class Random {
  private a = 0x9e3779b9;
  private b = 0x243f6a88;
  private c: number;
  private counter = 1;

  constructor(seed: number) {
    this.c = seed | 0;
    for (let i = 0; i < 16; i++) this.bits32();
  }

  bits32(): number {
    const sum = (((this.a + this.b) | 0) + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (((this.c << 21) | (this.c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** In [0, 1). */
  unit(): number {
    return (this.bits32() * 0x200000 + (this.bits32() >>> 11)) / 2 ** 53;
  }

  /** Standard normal (Box & Muller). */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.unit())) * Math.cos(2 * Math.PI * this.unit());
  }

  below(n: number): number {
    return Math.floor(this.unit() * n);
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!;
  }

  /** A word of a random number of bits up to `maxBits`, so that every magnitude is as likely as any other. */
  word(maxBits: number): bigint {
    let x = 0n;
    for (let i = 0; i < 8; i++) x = (x << 32n) | BigInt(this.bits32());
    return x >> BigInt(256 - this.below(maxBits + 1));
  }

  /** A WAD between `low` and `high`, uniform in the logarithm. */
  logWad(low: number, high: number): bigint {
    const value = low * (high / low) ** this.unit();
    // All 18 decimals count: a float has 53 bits, the rest is drawn.
    return (BigInt(Math.floor(value * 2 ** 40)) * 10n ** 18n + this.word(58)) >> 40n;
  }

  /** A WAD between `low` and `high`, uniform. */
  wad(low: number, high: number): bigint {
    return BigInt(Math.floor((low + (high - low) * this.unit()) * 1e12)) * 1_000_000n + BigInt(this.below(1_000_000));
  }
}
