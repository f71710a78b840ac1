/** Twin of pool-contracts/libraries/pricing/BlackScholes.sol, bit for bit; the formulas stand there. */

import { black76Price, type Prices } from "./black76.ts";
import { expWad } from "./exponential.ts";
import { sqrtWad } from "./squareRoot.ts";

const WAD = 10n ** 18n;
const SECONDS_PER_YEAR = 31_536_000n;

export interface BlackScholesInput {
  readonly spotWad: bigint;
  readonly strikeWad: bigint;
  readonly secondsToExpiry: bigint;
  readonly volatilityWad: bigint;
  readonly rateWad: bigint;
}

/** Call and put on spot with a constant interest rate. */
export function blackScholesPrice(input: BlackScholesInput): Prices {
  const exponentWad = (-input.rateWad * input.secondsToExpiry) / SECONDS_PER_YEAR;
  return black76Price({
    forwardWad: input.spotWad,
    strikeWad: (input.strikeWad * expWad(exponentWad)) / WAD,
    stdDevWad: (input.volatilityWad * sqrtWad((input.secondsToExpiry * WAD) / SECONDS_PER_YEAR)) / WAD,
  });
}
