/**
 * The on-chain mathematics in bigint: every function returns, bit for bit, what its Solidity twin in
 * pool-contracts/libraries/pricing returns, and throws `FixedPointError` where the twin reverts.
 */

export {
  type Black76Input,
  type Black76KnownLnInput,
  black76ImpliedStdDev,
  black76Price,
  black76PriceAndGreeks,
  black76PriceDeltaVegaKnownLn,
  black76PriceKnownLn,
  type Greeks,
  type PriceDeltaVega,
  type Prices,
} from "./black76.ts";
export { type BlackScholesInput, blackScholesPrice } from "./blackScholes.ts";
export { FixedPointError } from "./errors.ts";
export { type EssviInput, essviStdDev, essviTotalVariance } from "./essvi.ts";
export { expWad } from "./exponential.ts";
export { lnWad } from "./logarithm.ts";
export { cdf, millsRatioWad, pdf } from "./normalDistribution.ts";
export { sqrt, sqrtWad } from "./squareRoot.ts";
