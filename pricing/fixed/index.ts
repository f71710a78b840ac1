/**
 * The on-chain mathematics in bigint: every function returns, bit for bit, what its Solidity twin in
 * pool-contracts (pricing libraries, cash rounding, a pool's mark, scenario margin) returns, and throws `FixedPointError` where the twin reverts.
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
export {
  type BookValue,
  bookValue,
  cappedReserve,
  type MarkFacts,
  navE6,
  type PoolMark,
  poolMark,
  type ReserveFacts,
  reserveAfter,
  type StrikePosition,
  strikeMark,
} from "./bookValue.ts";
export { cashDivisor, toCashDown, toCashUp } from "./cashMath.ts";
export { FixedPointError } from "./errors.ts";
export { type EssviInput, essviStdDev, essviTotalVariance } from "./essvi.ts";
export { expWad } from "./exponential.ts";
export type { HedgePlan, HedgeRules } from "./hedgePlan.ts";
export {
  type InventoryVector,
  inventoryPotential,
  isPositiveSemidefinite,
  type PotentialInput,
  type VegaPotential,
} from "./inventoryPotential.ts";
export { lnWad } from "./logarithm.ts";
export {
  type HedgeFill,
  type HedgeMade,
  type KeptMark,
  MarketTwin,
  type MarketTwinTerms,
  type TwinLeg,
} from "./marketTwin.ts";
export { cdf, millsRatioWad, pdf } from "./normalDistribution.ts";
export {
  boardAt,
  OracleTwin,
  type ReportSlice,
  type RunningAverage,
  settledBoard,
  type TwinBoard,
  type TwinReport,
  type TwinState,
} from "./oracleTwin.ts";
export {
  type ExpiryRisk,
  expiryRiskAfter,
  type Flow,
  flowOf,
  type PoolRules,
  reduces,
  requireFresh,
  requireWithinLimits,
} from "./poolLimits.ts";
export {
  bucketOf,
  type PoolQuote,
  poolQuote,
  type QuoteBoard,
  type QuoteFacts,
  type QuoteOption,
  type QuoteParameters,
  type QuoteState,
  type QuoteTotals,
  smileValue,
  toSmile,
} from "./poolQuote.ts";
export { PoolTwin, type TwinMarket, type TwinTerms } from "./poolTwin.ts";
export { front, type MarginScenario, type PortfolioShape, unpackGrid } from "./scenarioGrid.ts";
export {
  type Contingencies,
  type MarginBoard,
  type MarginFacts,
  type MarginMarket,
  type MarginPosition,
  type MarginValues,
  noContingencies,
  scenarioMargin,
  scenarioValues,
  scenarioValuesRaw,
  staleness,
  type WorstPlace,
} from "./scenarioMargin.ts";
export { cutOffOf, type SharesMark, SharesTwin } from "./sharesTwin.ts";
export { sqrt, sqrtWad } from "./squareRoot.ts";
