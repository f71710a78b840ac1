/** What can be wrong with an input of the pricing library. Trying again with the same input never helps. */
export type PricingErrorCode =
  | "NotANumber"
  | "OutOfDomain"
  | "PriceBelowIntrinsic"
  | "PriceAboveMaximum"
  | "TooFewQuotes"
  | "TooFewObservations"
  | "RankDeficient"
  | "NoConvergence"
  | "NotRepresentable";

/** Raised instead of returning NaN: names the fact and carries the numbers. */
export class PricingError extends Error {
  readonly code: PricingErrorCode;
  readonly values: Readonly<Record<string, number | string>>;

  constructor(code: PricingErrorCode, fact: string, values: Readonly<Record<string, number | string>> = {}) {
    const numbers = Object.entries(values).map(([name, value]) => `${name} ${value}`);
    super(numbers.length === 0 ? fact : `${fact} (${numbers.join(", ")})`);
    this.name = "PricingError";
    this.code = code;
    this.values = values;
  }
}
