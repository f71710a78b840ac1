/** One LP's result as `--report` writes it; amounts in quote tokens. */
export interface LpReport {
  readonly name: string;
  readonly pool: string;
  readonly deposited: number;
  readonly withdrawn: number;
  /** Change of wealth: withdrawn (and what is still in) less deposited. */
  readonly change: number;
  readonly parts: Readonly<Record<string, number>>;
  /** change less the sum of the parts. */
  readonly residual: number;
}

/** What `npm start -- --report FILE` writes. */
export interface MarketReport {
  readonly lps: readonly LpReport[];
  /** Claims and tokens held at the last block, by token, in tokens; and how many blocks were checked. */
  readonly conservation: {
    readonly claims: Readonly<Record<string, string>>;
    readonly held: Readonly<Record<string, string>>;
    readonly checkedBlocks: number;
    readonly violations: number;
  };
  readonly expiriesSettled: number;
  readonly trades: number;
  readonly hedges: number;
  /** How near the first pool's mid volatility was to the venue's own, tick by tick. */
  readonly alignment: {
    /** Share of time within a volatility point; see `AlignmentTally`. */
    readonly within1: number;
    readonly optionsWithin1: number;
    /** Volatility points. */
    readonly distance: number;
    readonly ticks: number;
  };
  /** What the arbitrage bot did; null where there was none. */
  readonly arbitrage: {
    readonly plans: number;
    /** What plans were to gain after all costs, and what the bot had earned in the end, quote tokens. */
    readonly promised: number;
    readonly result: number;
  } | null;
  readonly refused: Readonly<Record<string, number>>;
  readonly model: { readonly source: string; readonly from: string; readonly to: string; readonly ticks: number };
}
