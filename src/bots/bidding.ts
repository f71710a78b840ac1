/** What a bidder knows of an account that is for sale, quote units. */
export interface AuctionLot {
  /** Present value of positions, base collateral and cash. */
  readonly gross: bigint;
  /** Of the whole account; negative: the fund pays. */
  readonly price: bigint;
  /** 1e18 for everything. */
  readonly maxShareWad: bigint;
  /** Maintenance margin of the whole account: present value less the worst of the grid. */
  readonly margin: bigint;
}

/** When a bid is worth it. */
export interface BidRules {
  /** Gain wanted for the risk taken over, as a share of the maintenance margin taken over. */
  readonly edge: number;
  /** Least gain of a bid, quote units: gas and work. */
  readonly minProfit: bigint;
}

export interface Bid {
  readonly shareWad: bigint;
  /** The most paid for the whole account. */
  readonly limitPrice: bigint;
  /** What the share is worth beyond its price, quote units. */
  readonly gain: bigint;
}

const WAD = 10n ** 18n;
/** The contract takes no smaller share, but for the rest of a slice. */
const MIN_SHARE_WAD = WAD / 10n;

/** The bid for a share of a lot; undefined where it is not worth it yet. The price falls with time: waiting may help. */
export function decideBid(lot: AuctionLot, rules: BidRules, wantedWad = WAD): Bid | undefined {
  const shareWad = wantedWad < lot.maxShareWad ? wantedWad : lot.maxShareWad;
  const least = lot.maxShareWad < MIN_SHARE_WAD ? lot.maxShareWad : MIN_SHARE_WAD;
  if (lot.maxShareWad === 0n || shareWad < least) return undefined;
  const discount = lot.gross - lot.price;
  const gain = (discount * shareWad) / WAD;
  const edge = (lot.margin * BigInt(Math.round(rules.edge * 1e6))) / 1_000_000n;
  if (discount < edge || gain < rules.minProfit) return undefined;
  return { shareWad, limitPrice: lot.price, gain };
}
