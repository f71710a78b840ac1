import { stringify } from "csv-stringify/sync";

/**
 * CSV for spreadsheets (RFC 4180, a header line): one line a row, nested values as columns `parts.premium`, integers beyond a double's
 * in full, what is missing empty; lists inside a row are left out.
 */
export function toCsv(rows: readonly object[]): string {
  const flat = rows.map((row) => flatten(row));
  const columns = [...new Set(flat.flatMap((row) => [...row.keys()]))];
  const records = flat.map((row) => columns.map((column) => row.get(column) ?? ""));
  return stringify([columns, ...records]).trimEnd();
}

function flatten(value: object, prefix = ""): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(value).flatMap(([key, inner]: [string, unknown]): (readonly [string, string])[] => {
      if (inner === null || inner === undefined || Array.isArray(inner)) return [];
      if (typeof inner === "object") return [...flatten(inner, `${prefix}${key}.`)];
      return [[`${prefix}${key}`, String(inner)]];
    }),
  );
}
