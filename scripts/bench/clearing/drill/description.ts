/** What a crash drill is, and the three that are run: facts alone, no chain. Times in Unix seconds, amounts in quote tokens. */
import type { OptionKind } from "../../../../src/chain/optionId.ts";

const HOUR = 3_600;

/** One option of a writer's package. */
export interface DrillLeg {
  readonly kind: OptionKind;
  /** Which of the drill's expiries. */
  readonly expiry: number;
  /** Strike over spot at the opening. */
  readonly moneyness: number;
  /** Contracts times spot at the opening; negative where it is bought: the long side of a spread. */
  readonly notional: number;
}

/** An account that sells options and keeps no more than its initial margin and a cushion. */
export interface Writer {
  readonly name: string;
  readonly legs: readonly DrillLeg[];
  /** Base collateral as a share of the notional sold; what else margin needs is cash. */
  readonly baseShare?: number;
  /** Who buys: wallets, by orders that the writer signs, or the pool. */
  readonly sellsTo: "wallets" | "pool";
}

export interface TimeSpan {
  readonly from: number;
  readonly to: number;
}

export interface Drill {
  readonly name: string;
  readonly title: string;
  /** Candle file under the data directory. */
  readonly candles: string;
  /** Where the at-the-money volatilities come from: recorded option chains, or what the candles themselves realised. */
  readonly volatility: { readonly from: "realised" } | { readonly from: "chains"; readonly files: readonly string[] };
  readonly openAt: number;
  /** Settled in the drill. */
  readonly expiries: readonly number[];
  readonly strikeStep: number;
  /** When reports come every `crashStep` seconds, else every `calmStep`. */
  readonly crash: TimeSpan;
  readonly crashStep: number;
  readonly calmStep: number;
  /** Inside it the oracle is silent for the hour in which spot falls most. */
  readonly outageWithin: TimeSpan;
  /** When no liquidator is awake. */
  readonly liquidatorsAsleep: readonly TimeSpan[];
  readonly insuranceStake: number;
  /** How far stress losses may exceed the fund: what makes a fund that is too small possible. */
  readonly stressAllowance: number;
  /** What the pool stands behind the fund with. */
  readonly backstopCap: number;
  readonly poolDeposits: readonly [stays: number, leaves: number];
  readonly liquidatorCash: readonly number[];
  readonly writers: readonly Writer[];
}

/** Kinds of leverage, near the money, over several expiries; `scale` is the notional of one leg. */
function writersOf(scale: number): readonly Writer[] {
  const leg = (kind: OptionKind, expiry: number, moneyness: number, share = 1): DrillLeg => {
    return { kind, expiry, moneyness, notional: scale * share };
  };
  return [
    { name: "naked puts, cash", sellsTo: "wallets", legs: [leg("put", 0, 0.95), leg("put", 1, 0.9)] },
    { name: "naked puts, base", sellsTo: "wallets", baseShare: 0.5, legs: [leg("put", 0, 1)] },
    { name: "far puts, base", sellsTo: "wallets", baseShare: 0.5, legs: [leg("put", 1, 0.85), leg("put", 2, 0.8)] },
    { name: "naked calls, cash", sellsTo: "wallets", legs: [leg("call", 0, 1.05), leg("call", 1, 1.1)] },
    { name: "naked calls, base", sellsTo: "wallets", baseShare: 0.6, legs: [leg("call", 2, 1)] },
    {
      name: "strangles, cash",
      sellsTo: "wallets",
      legs: [leg("put", 0, 0.9), leg("call", 0, 1.1), leg("put", 2, 0.85), leg("call", 2, 1.15)],
    },
    { name: "puts to the pool", sellsTo: "pool", legs: [leg("put", 1, 0.95, 0.3)] },
    { name: "put spread, pool", sellsTo: "pool", legs: [leg("put", 1, 1, 0.3), leg("put", 1, 0.9, -0.3)] },
  ];
}

const at = (text: string) => Date.parse(`${text}:00Z`) / 1000;
const span = (from: string, to: string): TimeSpan => ({ from: at(from), to: at(to) });

/** The same people with the same money in every crash. */
const CAST_AND_CAPITAL = {
  stressAllowance: 10_000_000,
  backstopCap: 2_000,
  poolDeposits: [400_000, 100_000],
  liquidatorCash: [150_000, 60_000],
  writers: writersOf(60_000),
} as const;

export const DRILLS: readonly Drill[] = [
  {
    name: "march2020",
    title: "12 and 13 March 2020: 195 to 86 in 27 hours",
    candles: "spot/eth_usdt_5m_binance_202002_202003.csv.gz",
    volatility: { from: "realised" },
    openAt: at("2020-03-10T09:00"),
    expiries: [at("2020-03-13T08:00"), at("2020-03-20T08:00"), at("2020-03-27T08:00")],
    strikeStep: 5,
    crash: span("2020-03-12T06:00", "2020-03-13T16:00"),
    crashStep: 900,
    calmStep: 4 * HOUR,
    outageWithin: span("2020-03-12T06:00", "2020-03-13T04:00"),
    liquidatorsAsleep: [span("2020-03-12T00:00", "2020-03-13T12:00")],
    insuranceStake: 4_000,
    ...CAST_AND_CAPITAL,
  },
  {
    name: "may2021",
    title: "19 May 2021: 3,400 to 1,888 in 13 hours",
    candles: "spot/eth_usdt_5m_binance_202012_202107.csv.gz",
    volatility: { from: "realised" },
    openAt: at("2021-05-18T09:00"),
    expiries: [at("2021-05-21T08:00"), at("2021-05-28T08:00"), at("2021-06-04T08:00")],
    strikeStep: 50,
    crash: span("2021-05-19T00:00", "2021-05-20T06:00"),
    crashStep: 900,
    calmStep: 4 * HOUR,
    outageWithin: span("2021-05-19T06:00", "2021-05-19T18:00"),
    liquidatorsAsleep: [span("2021-05-19T00:00", "2021-05-20T02:00"), span("2021-05-23T12:00", "2021-05-23T23:00")],
    insuranceStake: 4_000,
    ...CAST_AND_CAPITAL,
  },
  {
    name: "february2026",
    title: "31 January to 6 February 2026: 2,700 to 1,748 in seven days",
    candles: "spot/eth_usdt_1h_binance_20251115_202604.csv.gz",
    volatility: {
      from: "chains",
      files: ["eth_deribit_chain_202512_202601.csv.gz", "eth_deribit_chain_202602.csv.gz"],
    },
    openAt: at("2026-01-30T09:00"),
    expiries: [at("2026-02-02T08:00"), at("2026-02-06T08:00"), at("2026-02-13T08:00")],
    strikeStep: 25,
    crash: span("2026-01-31T10:00", "2026-02-01T16:00"),
    crashStep: 1_800,
    calmStep: 2 * HOUR,
    outageWithin: span("2026-01-31T10:00", "2026-02-02T02:00"),
    liquidatorsAsleep: [span("2026-01-31T12:00", "2026-02-02T12:00"), span("2026-02-05T10:00", "2026-02-06T04:00")],
    insuranceStake: 1_000,
    ...CAST_AND_CAPITAL,
  },
];

/** The same crash with two expiries, fewer writers and fewer reports: a minute instead of several. */
export function shortened(drill: Drill): Drill {
  const expiries = drill.expiries.slice(0, 2);
  const writers = drill.writers
    .map((writer) => ({ ...writer, legs: writer.legs.filter(({ expiry }) => expiry < expiries.length) }))
    .filter(({ legs }) => legs.length > 0);
  return { ...drill, expiries, writers, crashStep: 2 * HOUR, calmStep: 24 * HOUR };
}
