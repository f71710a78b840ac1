/** Three real crashes, each run to its end on a chain of its own: who paid, and whether anything is left unexplained. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { BenchOptions, BenchReport, Figure } from "../figure.ts";
import { DRILLS } from "./drill/description.ts";
import { printDrill } from "./drill/printDrill.ts";
import { type DrillResult, runDrill } from "./drill/runDrill.ts";

export async function benchDrills({ dataDirectory }: BenchOptions): Promise<BenchReport> {
  const figures: Figure[] = [];
  const lines: string[] = [];
  for (const drill of DRILLS) {
    const path = join(dataDirectory, drill.candles);
    if (!existsSync(path)) throw new Error(`no candles at ${path}: pass --data DIR`);
    const result = await runDrill(drill, dataDirectory);
    lines.push(...(lines.length > 0 ? [""] : []), ...printDrill(result));
    figures.push(...figuresOf(result));
  }
  return { figures, lines };
}

function figuresOf({ drill, waterfall, refusals, conservation }: DrillResult): readonly Figure[] {
  const name = (figure: string) => `drill.${drill.name}.${figure}`;
  return [
    {
      name: name("unpaid"),
      value: Number(waterfall.unpaid) / 1e6,
      unit: "USDC that the order of losses leaves unexplained (0)",
    },
    { name: name("payoutRatio"), value: waterfall.lowestRatio, unit: "of what was due, the lowest of all expiries" },
    { name: name("insuranceUsed"), value: Number(waterfall.insuranceUsed) / 1e6, unit: "USDC" },
    {
      name: name("late"),
      value: Number(waterfall.late) / 1e6,
      unit: "USDC paid after finality: to creditors, then to the fund",
    },
    { name: name("refused"), value: refusals.length, unit: "exits, closes and settlements refused (0)" },
    { name: name("violations"), value: conservation.violations, unit: `of ${conservation.checkedBlocks} blocks (0)` },
  ];
}
