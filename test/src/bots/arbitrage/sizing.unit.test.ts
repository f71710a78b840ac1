import { expect, test } from "vitest";
import { bestSize } from "../../../../src/bots/arbitrage/sizing.ts";
import { createRandom } from "../../../../src/market/random.ts";

test("the best size is that of looking at every one", () => {
  const random = createRandom("sizing");
  for (let i = 0; i < 500; i++) {
    const [edge, impact, kink] = [2 * random.uniform() - 0.5, 0.1 * random.uniform(), 400 * random.uniform()];
    const refusedFrom = BigInt(Math.floor(600 * random.uniform()));
    const gainOf = (lots: bigint) => {
      const n = Number(lots);
      return lots > refusedFrom ? undefined : edge * n - (impact * n * n) / 2 - 0.3 * Math.max(0, n - kink);
    };
    const all = Array.from({ length: 501 }, (_, n) => (n === 0 ? 0 : (gainOf(BigInt(n)) ?? -Infinity)));
    const most = Math.max(...all);
    const found = bestSize(gainOf, 500n);
    expect(found?.gain ?? 0).toBeCloseTo(most, 9);
  }
});

test("nothing is taken where the first lot loses, is refused, or may not be had", () => {
  expect(bestSize((lots) => -Number(lots), 100n)).toBeUndefined();
  expect(bestSize(() => undefined, 100n)).toBeUndefined();
  expect(bestSize((lots) => Number(lots), 0n)).toBeUndefined();
});

test("a large market is searched in few questions", () => {
  let asked = 0;
  const found = bestSize((lots) => {
    asked += 1;
    return Number(lots) * 1_000 - Number(lots) ** 2 / 200;
  }, 10n ** 6n);
  expect(found?.lots).toBe(100_000n);
  expect(asked).toBeLessThan(90);
});
