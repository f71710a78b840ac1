import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

/** Recorded data lives outside the project: MENISCUS_DATA, or ../shared/data beside it. */
const directory = resolve(process.env.MENISCUS_DATA ?? join(import.meta.dirname, "../../../../shared/data"));

/** Whether the published vectors are here; says so in one line when they are not. */
export const haveVectors = existsSync(join(directory, "vectors"));
if (!haveVectors) console.log(`published vectors skipped: no ${join(directory, "vectors")} (set MENISCUS_DATA)`);

export interface VectorRow {
  readonly text: (column: string) => string;
  readonly number: (column: string) => number;
}

export function readCsv(file: string): VectorRow[] {
  const [header, ...lines] = readFileSync(join(directory, "vectors", file), "utf8")
    .trimEnd()
    .split(/\r?\n/);
  const names = header!.split(",");
  if (lines.length === 0) throw new Error(`${file} has no rows`);
  return lines.map((line) => {
    const cells = line.split(",");
    const text = (column: string): string => {
      const index = names.indexOf(column);
      if (index < 0) throw new Error(`${file} has no column ${column}`);
      return cells[index] ?? "";
    };
    return { text, number: (column) => Number(text(column)) };
  });
}

/** A published JSON file; the caller knows its shape. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- it is what the caller knows
export function readJson<Shape>(file: string): Shape {
  return JSON.parse(readFileSync(join(directory, "vectors", file), "utf8"));
}
