/** JSON for programs: integers beyond a double's as decimal strings, what is missing as null. */
export function toJson(data: unknown): string {
  return JSON.stringify(data, (_key, value: unknown) => (typeof value === "bigint" ? value.toString() : value), 2);
}
