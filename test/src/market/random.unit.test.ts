import { describe, expect, it } from "vitest";
import { createRandom, mixSeed } from "../../../src/market/random.ts";

function draw(seed: number | string): readonly number[] {
  const random = createRandom(seed);
  return Array.from({ length: 5 }, () => random.uniform());
}

describe("random numbers", () => {
  it("are the same for the same seed and others for another", () => {
    expect(draw(7)).toEqual(draw(7));
    expect(draw("7")).toEqual(draw("7"));
    expect(draw(7)).not.toEqual(draw(8));
    expect(draw("a")).not.toEqual(draw("b"));
  });

  it("do not depend on the order in which streams are asked for, but on every key and its place", () => {
    expect(mixSeed(1, 2, "c")).toBe(mixSeed(1, 2, "c"));
    expect(new Set([mixSeed(1, 2), mixSeed(2, 1), mixSeed(1, 3), mixSeed(1, 2, 0), mixSeed(1, 2 + 2 ** 32)]).size).toBe(
      5,
    );
  });

  it("have the moments of their laws", () => {
    const random = createRandom(3);
    const n = 200_000;
    let sum = 0;
    let square = 0;
    let fourth = 0;
    let arrivals = 0;
    let low = 0;
    for (let i = 0; i < n; i++) {
      const z = random.normal();
      sum += z;
      square += z * z;
      fourth += z ** 4;
      arrivals += random.poisson(0.3);
      if (random.uniform() < 0.1) low++;
    }
    // Six standard errors of each estimate.
    expect(Math.abs(sum / n)).toBeLessThan(6 / Math.sqrt(n));
    expect(Math.abs(square / n - 1)).toBeLessThan(6 * Math.sqrt(2 / n));
    expect(Math.abs(fourth / n - 3)).toBeLessThan(6 * Math.sqrt(96 / n));
    expect(Math.abs(arrivals / n - 0.3)).toBeLessThan(6 * Math.sqrt(0.3 / n));
    expect(Math.abs(low / n - 0.1)).toBeLessThan(6 * Math.sqrt(0.09 / n));
  });
});
