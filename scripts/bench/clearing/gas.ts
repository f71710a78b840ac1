/** Gas of opening shorts, settling and starting auctions, as the snapshots of test/contracts/Clearing.gas.t.sol hold it. */
import type { BenchOptions, BenchReport } from "../figure.ts";
import { gasFigures } from "../gasSnapshots.ts";

export function benchClearingGas(_options: BenchOptions): BenchReport {
  return {
    figures: gasFigures("Clearing", [
      { of: "a short opened beside 1 strike", name: "margin.open.gas.1", bound: 175_000 },
      { of: "a short opened beside 4 strikes", name: "margin.open.gas.4", bound: 230_000 },
      { of: "a short opened beside 8 strikes", name: "margin.open.gas.8", bound: 300_000 },
      { of: "a short opened beside 16 strikes", name: "margin.open.gas.16", bound: 450_000 },
      { of: "settlement of an account with 1 strike", name: "settle.gas", bound: 55_000 },
      { of: "settlement of an account with 8 strikes", name: "settle.strikes8.gas", bound: 90_000 },
      { of: "settlement of 20 accounts with 1 strike each", name: "settle.batch20.gas", bound: 18_000, over: 20 },
      { of: "start of an auction of 8 strikes", name: "auction.start8.gas", bound: 260_000 },
    ]),
  };
}
