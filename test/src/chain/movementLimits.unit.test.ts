import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { expiriesOf, readSnapshots } from "../../../scripts/bench/optionChains.ts";

const FILE = "eth_deribit_chain_202602.csv.gz";
const directory = resolve(process.env.MENISCUS_DATA ?? join(import.meta.dirname, "../../../../shared/data"));
const haveChains = existsSync(join(directory, "options", FILE));
if (!haveChains) console.log(`movement limits skipped: no ${join(directory, "options", FILE)} (set MENISCUS_DATA)`);

// As MarketOracle.addMarket sets them, percent per √hour.
const SPOT_MOVE = 0.15;
const VOLATILITY_MOVE = 0.5;
/** ln of the largest move that needs no confirmation, as BoundedMove.sol has it. */
const bound = (move: number, seconds: number) => move * Math.sqrt((seconds + 60) / 3_600);

/** Total variance at the money of every expiry at least half a day away, and a forward. */
function atTheMoney(snapshot: ReturnType<typeof readSnapshots>[number]) {
  const expiries = expiriesOf(snapshot, 43_200);
  const variances = new Map<number, number>();
  for (const { expiry, quotes } of expiries) {
    const right = quotes.findIndex(({ k }) => k > 0);
    const [low, high] = [quotes[right - 1], quotes[right]];
    if (!low || !high) continue;
    const share = low.k / (low.k - high.k);
    variances.set(expiry, low.totalVariance + share * (high.totalVariance - low.totalVariance));
  }
  return { time: snapshot.timestamp, forward: expiries[0]?.forward ?? Number.NaN, variances };
}

test.skipIf(!haveChains)("no move between two chains of February 2026, crash included, would have waited", () => {
  const moments = readSnapshots(directory, FILE).map(atTheMoney);
  let compared = 0;
  for (const [i, { time, forward, variances }] of moments.entries()) {
    const before = moments[i - 1];
    if (!before) continue;
    const seconds = time - before.time;
    expect(Math.abs(Math.log(forward / before.forward))).toBeLessThan(bound(SPOT_MOVE, seconds));
    for (const [expiry, variance] of variances) {
      const old = before.variances.get(expiry);
      if (old === undefined) continue;
      const rolled = (old * (expiry - time - 1_200)) / (expiry - before.time - 1_200);
      expect(Math.abs(Math.log(variance / rolled)) / 2, `${time} ${expiry}`).toBeLessThan(
        bound(VOLATILITY_MOVE, seconds),
      );
      compared += 1;
    }
  }
  expect(compared).toBeGreaterThan(500);
});
