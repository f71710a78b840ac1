/** Thrown where the Solidity twin reverts: the same error name and the same arguments. */
export class FixedPointError extends Error {
  override readonly name = "FixedPointError";
  readonly fact: string;
  readonly values: readonly bigint[];

  constructor(fact: string, values: readonly bigint[]) {
    super(`${fact}(${values.join(", ")})`);
    this.fact = fact;
    this.values = values;
  }
}
