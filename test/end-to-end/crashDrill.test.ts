// A crash of the real market, short: every loss is explained to the unit, and nobody is kept in.
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { DRILLS, shortened } from "../../scripts/bench/clearing/drill/description.ts";
import { printDrill } from "../../scripts/bench/clearing/drill/printDrill.ts";
import { type DrillResult, runDrill } from "../../scripts/bench/clearing/drill/runDrill.ts";

const dataDirectory = resolve(process.env.MENISCUS_DATA ?? join(import.meta.dirname, "../../../shared/data"));
const drill = DRILLS.find(({ name }) => name === "march2020")!;
const haveData = existsSync(join(dataDirectory, drill.candles));
if (!haveData) console.log(`the crash drill skipped: no ${join(dataDirectory, drill.candles)} (set MENISCUS_DATA)`);

describe.skipIf(!haveData)(
  "12 and 13 March 2020, liquidators asleep, an hour without an oracle, a fund that is too small",
  () => {
    let result: DrillResult;
    let story = "";

    beforeAll(async () => {
      result = await runDrill(shortened(drill), dataDirectory);
      story = printDrill(result).join("\n");
    });

    test("the losses are larger than the fund, and the order of losses explains them to the unit", () => {
      const { waterfall } = result;
      expect(waterfall.lowestRatio, story).toBeLessThan(1);
      expect(waterfall.insuranceUsed, story).toBeGreaterThan(0n);
      expect(waterfall.unexplained, story).toEqual([]);
      expect(waterfall.unpaid).toBe(0n);
      expect(waterfall.owed).toBe(waterfall.ownCash + waterfall.covered + waterfall.backed + waterfall.shortfall);
    });

    test("every claim was paid its ratio", () => {
      for (const { due, paid, ratio, claims } of result.waterfall.expiries) {
        expect(claims.length).toBeGreaterThan(0);
        expect(Number(paid) / Number(due)).toBeCloseTo(ratio, 6);
      }
    });

    test("no exit, close or settlement was refused", () => {
      expect(result.acts).toBeGreaterThan(50);
      expect(result.refusals, story).toEqual([]);
    });

    test("claims were what the ledger held at every block, and dust is left at the end", () => {
      expect(result.conservation.checkedBlocks).toBeGreaterThan(200);
      expect(result.conservation, story).toMatchObject({ violations: 0 });
      for (const { name, amount } of result.left) expect(amount, name).toBeLessThan(100n);
    });

    test("LPs had no part in it: both left with more than nine tenths of what they brought", () => {
      for (const { paidIn, paidOut } of result.liquidityProviders) expect(paidOut * 10n).toBeGreaterThan(paidIn * 9n);
    });
  },
);
