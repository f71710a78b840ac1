/** The middle of the values, or the mean of the two in the middle: inside the honest range while fewer than half lie. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  if (low === undefined || high === undefined) throw new RangeError("the median of nothing");
  return low === high ? low : (low + high) / 2;
}
