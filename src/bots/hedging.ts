/** A hedge that a pool's hedger would make now, and what calling it costs. Amounts in quote units. */
export interface HedgeFacts {
  /** What the pool pays for the hedge if Uniswap fills all of it; less, in proportion or below, for a part. */
  readonly bounty: bigint;
  /** Gas of the call at the present price. */
  readonly gasCost: bigint;
}

/** When a hedge is worth the call. */
export interface HedgeRules {
  /** Least gain after gas, quote units; may be negative: what the caller adds of his own. */
  readonly minGain: bigint;
  /** Call whether it pays or not: for those whose money is in the pool. */
  readonly asService: boolean;
}

/** Whether to call the hedger now. */
export function decideHedge({ bounty, gasCost }: HedgeFacts, { minGain, asService }: HedgeRules): boolean {
  return asService || bounty - gasCost >= minGain;
}
