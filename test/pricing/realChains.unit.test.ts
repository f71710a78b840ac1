import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import {
  calibrateEssvi,
  dequantiseSlice,
  findArbitrage,
  fitSvi,
  quantiseSurface,
  sliceWordsAreArbitrageFree,
} from "../../pricing/index.ts";
import { expiriesOf, readSnapshots } from "../../scripts/bench/optionChains.ts";

const FILE = "eth_deribit_chain_202602.csv.gz";
const directory = resolve(process.env.MENISCUS_DATA ?? join(import.meta.dirname, "../../../shared/data"));
const haveChains = existsSync(join(directory, "options", FILE));
if (!haveChains) console.log(`real chains skipped: no ${join(directory, "options", FILE)} (set MENISCUS_DATA)`);

describe.skipIf(!haveChains)("fits to ETH option chains of February 2026", () => {
  const snapshots = haveChains ? readSnapshots(directory, FILE).filter((_, i) => i % 10 === 0) : [];

  it("are free of arbitrage as words and within half a vol point at the money from seven days on", () => {
    expect(snapshots.length).toBeGreaterThan(5);
    for (const snapshot of snapshots) {
      const expiries = expiriesOf(snapshot);
      expect(expiries.length).toBeGreaterThan(9);
      const words = quantiseSurface(calibrateEssvi(expiries));
      expect(sliceWordsAreArbitrageFree(words)).toBe(true);
      const stored = words.map(dequantiseSlice);
      expect(findArbitrage(stored)).toEqual([]);
      for (const [i, { quotes, years }] of expiries.entries()) {
        const right = quotes.findIndex(({ k }) => k >= 0);
        const [below, above] = [quotes[right - 1], quotes[right]];
        if (below === undefined || above === undefined || years < 7 / 365) continue;
        const market = (below.volatility * above.k - above.volatility * below.k) / (above.k - below.k);
        const fitted = Math.sqrt(stored[i]!.theta / years);
        expect(Math.abs(fitted - market), `${snapshot.timestamp} ${years * 365} days`).toBeLessThan(0.005);
      }
    }
  });

  it("of raw SVI follow each slice within three vol points, free of arbitrage", () => {
    for (const expiry of expiriesOf(snapshots[0]!).filter(({ quotes }) => quotes.length >= 5)) {
      const fit = fitSvi(expiry);
      expect(findArbitrage([fit])).toEqual([]);
      expect(fit.residual, `${expiry.years * 365} days`).toBeLessThan(0.03);
    }
  });
});
