/** A number that skips its constructor, to see what the function behind it makes of it. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller names the quantity it pretends to have
export function unchecked<Quantity extends number>(value: number): Quantity {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- bad input is the point
  return value as Quantity;
}
