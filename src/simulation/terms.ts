/** The terms under which a market is simulated: those that a deployment has by default, with what a run changes. */
import { type MarketTwinTerms, unpackGrid } from "../../pricing/fixed/index.ts";
import {
  defaultGrids,
  defaultHedgerParameters,
  defaultMarket,
  defaultPoolParameters,
  type HedgerParameters,
  type PoolParameters,
} from "../chain/parameters.ts";

export const QUOTE_DECIMALS = 6;
export const BASE_DECIMALS = 18;

/** What differs from `defaultPoolParameters` and `defaultHedgerParameters`. */
export interface TermsChange {
  readonly pool?: Partial<PoolParameters>;
  readonly hedger?: Partial<HedgerParameters>;
}

/** Terms of a market with one pool that quotes in a token of 6 decimals. */
export function marketTerms({ pool = {}, hedger = {} }: TermsChange = {}): MarketTwinTerms {
  const { insuranceFeeShareBps, protocolFeeShareBps } = defaultMarket(QUOTE_DECIMALS);
  return {
    rules: { ...defaultPoolParameters(QUOTE_DECIMALS), ...pool },
    hedging: { ...defaultHedgerParameters(QUOTE_DECIMALS), ...hedger },
    scenarios: unpackGrid(defaultGrids.initial),
    contingencies: defaultGrids.contingencies,
    quoteDecimals: QUOTE_DECIMALS,
    baseDecimals: BASE_DECIMALS,
    insuranceFeeShareBps: BigInt(insuranceFeeShareBps),
    protocolFeeShareBps: BigInt(protocolFeeShareBps),
  };
}
