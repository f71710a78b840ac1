/** When an arbitrage is worth it, and what holding it costs. Amounts in quote tokens. */
export interface ArbitrageRules {
  /** Least gain of a plan after all costs. */
  readonly minGain: number;
  /** And at least so many volatility points of its vega, where it rests on a reference: what a reference may be wrong by. */
  readonly edgePoints: number;
  /** What capital costs, share a year. */
  readonly capitalRate: number;
  /** Margin of a short option, share of spot, beside its value. */
  readonly shortMargin: number;
  /** How long a trade against the reference is expected to be held, seconds; never beyond its expiry. */
  readonly holdingSeconds: number;
  /** Most contracts of a leg. */
  readonly maxContracts: number;
  /** What is bought is worth the reference's mid less this share of its half-spread, what is sold so much more: 1 is its bid and its ask. */
  readonly spreadShare: number;
  /** A reference whose half-spread is wider than so many volatility points is no price. */
  readonly maxSpreadPoints: number;
}

/** What a transaction costs. */
export interface GasFacts {
  /** Wei. */
  readonly gasPrice: bigint;
  /** What the chain's own coin is worth, quote tokens. */
  readonly nativePrice: number;
}

/** Gas of a plan: the check of margin and profit, each leg, a swap on Uniswap v3. Measured, rounded up. */
const [PLAN_GAS, LEG_GAS, SPOT_GAS] = [220_000, 160_000, 130_000];

/** What a plan's transaction costs, quote tokens. */
export function gasCostOf({ gasPrice, nativePrice }: GasFacts, legs: number, tradesSpot: boolean): number {
  const gas = PLAN_GAS + LEG_GAS * legs + (tradesSpot ? SPOT_GAS : 0);
  return (gas * Number(gasPrice) * nativePrice) / 1e18;
}

/** What binding capital for a time costs, quote tokens. */
export function capitalCost(
  { capitalRate }: Pick<ArbitrageRules, "capitalRate">,
  capital: number,
  seconds: number,
): number {
  return (Math.max(0, capital) * capitalRate * Math.max(0, seconds)) / (365 * 86_400);
}
