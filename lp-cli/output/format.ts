/** Numbers for people: a fixed number of decimals, thousands separated, a real minus sign left to terminals that have it. */
export function amount(value: number, decimals = 2): string {
  const rounded = Number(value.toFixed(decimals));
  // −0.00 is 0.00.
  return (rounded === 0 ? 0 : rounded).toLocaleString("en-US", {
    minimumFractionDigits: decimals,
    maximumFractionDigits: decimals,
  });
}

/** With its sign, also where it is positive: changes and flows. */
export function signed(value: number, decimals = 2): string {
  return Number(value.toFixed(decimals)) > 0 ? `+${amount(value, decimals)}` : amount(value, decimals);
}

/** A share as per cent. */
export function percent(share: number, decimals = 1): string {
  return `${amount(100 * share, decimals)} %`;
}

/** How far something moves, a share as per cent: `+20.0 %`, `as now`. */
export function shock(share: number): string {
  return share === 0 ? "as now" : `${signed(100 * share, 1)} %`;
}

/** Contracts: as many decimals as they have, at most six. */
export function contracts(size: number): string {
  return size.toLocaleString("en-US", { maximumFractionDigits: 6 });
}

/** `–` where there is nothing. */
export function orDash<T>(value: T | null, format: (value: T) => string): string {
  return value === null ? "–" : format(value);
}

/** `42 s`, `3 min`, `5 h`, `12 d`. */
export function duration(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3_600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

/** `2026-02-03 08:00:00 UTC`. */
export function time(seconds: number): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** `0x1234…cdef`. */
export function shortHex(text: string): string {
  return text.length <= 14 ? text : `${text.slice(0, 6)}…${text.slice(-4)}`;
}

/**
 * Amounts rounded so that they add up to `total`, each off by about one unit of the last decimal at most.
 *
 * @param total Rounded already, and near their sum, which it is where it is left out.
 */
export function addingUp(values: readonly number[], total?: number, decimals = 2): readonly number[] {
  const unit = 10 ** decimals;
  const sum = (numbers: readonly number[]) => numbers.reduce((all, value) => all + value, 0);
  const target = Math.round((total ?? sum(values)) * unit);
  const rounded = values.map((value) => Math.round(value * unit));
  // By how much each was raised: those raised most come down first, those lowered most go up first.
  const raised = (i: number) => (rounded[i] ?? 0) - (values[i] ?? 0) * unit;
  const excess = sum(rounded) - target;
  const order = rounded.map((_, i) => i).toSorted((a, b) => Math.sign(excess) * (raised(b) - raised(a)));
  const moved = new Set(order.slice(0, Math.abs(excess)));
  return rounded.map((value, i) => (value - (moved.has(i) ? Math.sign(excess) : 0)) / unit);
}

/** `2026-02-03`. */
export function day(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 10);
}
