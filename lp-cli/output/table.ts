import Table from "cli-table3";
import { bold, dim } from "./colour.ts";

export interface Column {
  readonly title: string;
  readonly align?: "left" | "right";
}

const noLines = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: "  ",
} as const;

/** Rows under titles, numbers to the right; no lines, so that it can be copied and read at any width. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const drawn = new Table({
    chars: noLines,
    colAligns: columns.map(({ align }) => align ?? "right"),
    style: { "padding-left": 0, "padding-right": 0, head: [], border: [] },
  });
  drawn.push(
    columns.map(({ title }) => dim(title)),
    ...rows.map((row) => [...row]),
  );
  return trimLines(drawn.toString());
}

/** Names on the left, values aligned to the right where they are numbers with a unit. */
export function facts(rows: readonly (readonly [name: string, value: string, note?: string])[]): string {
  const drawn = new Table({
    chars: noLines,
    colAligns: ["left", "right", "left"],
    style: { "padding-left": 0, "padding-right": 0, head: [], border: [] },
  });
  drawn.push(...rows.map(([name, value, note]) => [dim(name), value, note === undefined ? "" : dim(note)]));
  return trimLines(drawn.toString());
}

export function heading(text: string): string {
  return bold(text);
}

function trimLines(text: string): string {
  return text
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}
