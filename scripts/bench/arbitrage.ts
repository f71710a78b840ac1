/** Arbitrage bots: what they find on paper markets, and what they make of a real one, with and without them. */
import { greeksOn, noGreeks } from "../../src/bots/arbitrage/greeks.ts";
import type { Leg, Maker } from "../../src/bots/arbitrage/makers.ts";
import type { ListedExpiry } from "../../src/bots/arbitrage/packages.ts";
import { parityPlans } from "../../src/bots/arbitrage/parity.ts";
import type { ArbitrageFacts, Plan, PlanKind } from "../../src/bots/arbitrage/plan.ts";
import { type ReferenceQuote, referencePlans } from "../../src/bots/arbitrage/reference.ts";
import { spotPlan } from "../../src/bots/arbitrage/spot.ts";
import { fromSize, type OptionTerms, toOptionId } from "../../src/chain/optionId.ts";
import { wad } from "../../src/chain/parameters.ts";
import { UniswapCurve } from "../../src/chain/uniswapCurve.ts";
import { sqrtPriceOf } from "../../src/chain/uniswapV3.ts";
import { arbitrageRules } from "../../src/market/arbitrage.ts";
import { createRandom, type Random } from "../../src/market/random.ts";
import { openReplay } from "../../src/market-data/csvReplay.ts";
import { type BenchOptions, type BenchReport, type Figure, hasChains } from "./figure.ts";
import { type Book, drawBook } from "./pool/pricingGames.ts";
import { type ReplayResult, runReplay } from "./pool/replay/runReplay.ts";

/** Markets without an arbitrage, and markets with one planted in them. */
const CLEAN_BOOKS = 10_000;
const PLANTED_BOOKS = 50;
const FEBRUARY = { from: Date.UTC(2026, 1, 1) / 1000, days: 28 };
const SEED = 1;
const STRIKE_STEP = 25;
const shape = { baseIsToken0: true, quoteDecimals: 6 };

export async function benchArbitrage({ dataDirectory }: BenchOptions): Promise<BenchReport> {
  const paper = paperFigures();
  if (!hasChains(dataDirectory)) {
    return { figures: paper };
  }
  const world = await openReplay({ directory: dataDirectory, ...FEBRUARY });
  const on = await runReplay({ world, ...FEBRUARY, seed: SEED, arbitrage: true });
  const off = await runReplay({ world, ...FEBRUARY, seed: SEED });
  return { lines: [describe("on", on), describe("off", off)], figures: [...paper, ...alignmentFigures(on, off)] };
}

function alignmentFigures(on: ReplayResult, off: ReplayResult): readonly Figure[] {
  const figure = (name: string, value: number, unit: string): Figure => ({ name, value, unit });
  const days = on.arbitrage.days.toSorted((a, b) => a.distance - b.distance);
  const half = days.length / 2;
  const promisedBy = (part: typeof days) => part.reduce((sum, { promised }) => sum + promised, 0);
  return [
    figure("alignment.on.within1", on.alignment.within1, "share of February's hours, distance by vega (0.95)"),
    figure("alignment.off.within1", off.alignment.within1, "the same without a bot"),
    figure("alignment.on.options", on.alignment.optionsWithin1, "share of options and hours, each option by itself"),
    figure("alignment.off.options", off.alignment.optionsWithin1, "the same without a bot"),
    figure("bot.result", on.arbitrage.result, "quote tokens, positions at the venue's mids"),
    figure("bot.promised", on.arbitrage.promised, "quote tokens after all costs, when it traded"),
    figure("bot.promised.aligned", promisedBy(days.slice(0, half)), "of it on the better aligned half of the days"),
    figure("bot.promised.misaligned", promisedBy(days.slice(half)), "and on the other half"),
  ];
}

function describe(name: string, { alignment, arbitrage, trades }: ReplayResult): string {
  const near = `${(100 * alignment.within1).toFixed(1)} % of the hours within a point, ${alignment.distance.toFixed(2)} points on average`;
  return `bots ${name}: ${near}; ${trades} swaps of customers, ${arbitrage.plans} plans`;
}

/** Counts on books that are free of arbitrage, and on the same with one option shifted at one of two makers. */
export function paperFigures(clean = CLEAN_BOOKS, planted = PLANTED_BOOKS): readonly Figure[] {
  const random = createRandom("arbitrage");
  let falsePositives = 0;
  for (let i = 0; i < clean; i++) if (plansOn(drawBook(random), random, 0).length > 0) falsePositives += 1;
  const kinds: readonly PlanKind[] = [
    "crossing",
    "parity",
    "vertical",
    "butterfly",
    "calendar",
    "box",
    "reference",
    "spot",
  ];
  const found = new Map(kinds.map((kind) => [kind, 0]));
  for (let i = 0; i < planted; i++) {
    const plans = plansOn(drawBook(random), random, 0.2);
    for (const kind of kinds) {
      const plan = plans.find((each) => each.kind === kind);
      if (plan) found.set(kind, (found.get(kind) ?? 0) + 1);
    }
  }
  const least = Math.min(...found.values()) / planted;
  return [
    { name: "falsePositives", value: falsePositives, unit: `of ${clean} clean books (0)` },
    { name: "planted.found", value: least, unit: `share of ${planted} books, the least of ${kinds.length} kinds` },
  ];
}

/** Every plan on two makers of one surface, of whom the second values one option `shift` of spot higher; and on Uniswap, as far off. */
function plansOn(book: Book, random: Random, shift: number): readonly Plan[] {
  const { surface, market } = book;
  const first = new BookMaker(book, "first");
  // Evenly spaced around one strike, so that every expiry has a butterfly, and two of them a calendar.
  const strikesOf = (volatility: number, expiry: number) => {
    const deviation = volatility * Math.sqrt((expiry - market.timestamp) / (365 * 86_400));
    const inSteps = (price: number) => Math.max(1, Math.round(price / STRIKE_STEP)) * STRIKE_STEP;
    const [middle, gap] = [inSteps(surface.spot), inSteps(0.4 * deviation * surface.spot)];
    return [-2, -1, 0, 1, 2].map((k) => middle + k * gap).filter((strike) => strike > 0);
  };
  const listed: readonly ListedExpiry[] = surface.expiries.map((expiry, i) => ({
    marketId: 1,
    expiry,
    forward: surface.spot,
    strikes: strikesOf(surface.volatilities[i] ?? 0.5, expiry),
  }));
  const near = listed[0]!;
  const middle = near.strikes[Math.floor(near.strikes.length / 2)]!;
  const terms: OptionTerms = { marketId: 1, expiry: near.expiry, strike: middle, kind: "call" };
  const second = new BookMaker(book, "second", terms, shift * surface.spot);
  const oracle = {
    timestamp: market.timestamp,
    round: market.round,
    state: { ...market.state, unconfirmed: false, surfaceAcceptedAt: 0, spotAcceptedAt: 0 },
    boards: new Map(
      market.current.map((current, i) => [
        current.expiry,
        { atReport: market.atReport[i]!, current: { ...current, fresh: true }, previous: undefined },
      ]),
    ),
  };
  const price = surface.spot * (1 + shift);
  const facts: ArbitrageFacts = {
    now: market.timestamp,
    spot: surface.spot,
    makers: [first, second],
    greeksOf: (option) => greeksOn(oracle, option),
    forwards: new Map(surface.expiries.map((expiry) => [expiry, surface.spot])),
    uniswap: new UniswapCurve({
      ...shape,
      sqrtPriceX96: sqrtPriceOf(price, shape),
      liquidity: 10n ** 18n,
      feePips: 500,
      ticks: [],
      lowest: -350_000,
      highest: -50_000,
    }),
    baseDecimals: 18,
    quoteDecimals: 6,
    gas: { gasPrice: 10n ** 7n, nativePrice: surface.spot },
    lot: 10_000n,
    holdings: { positions: new Map(), base: 0 },
  };
  const rules = { ...arbitrageRules, maxContracts: (0.05 * book.nav) / surface.spot + 0.01 };
  const limits = { delta: 1e6, gamma: 1e6, vega: 1e9, theta: 1e9, loss: 1e9 };
  // The other market says what the oracle says, a per cent wide; or the planted difference.
  const quotes = listed.flatMap(({ expiry, strikes }): readonly ReferenceQuote[] =>
    strikes.map((strike) => {
      const option = { marketId: 1, expiry, strike, kind: "call" } as const;
      const value = (facts.greeksOf(option)?.value ?? 0) * (1 + 2 * shift) * (1 + 0.002 * (random.uniform() - 0.5));
      return { terms: option, bid: 0.995 * value, ask: 1.005 * value };
    }),
  );
  const spot = spotPlan(facts, rules, 0, 100);
  return [
    ...parityPlans(facts, listed, noGreeks, rules, limits),
    ...referencePlans(facts, quotes, noGreeks, rules, limits),
    ...(spot ? [spot] : []),
  ];
}

/** A pool of a book as a maker; one option may be worth more to it. */
class BookMaker implements Maker {
  readonly name: string;
  readonly address = "0x0000000000000000000000000000000000000001";
  private readonly book: Book;
  private readonly dearer: bigint | undefined;
  private readonly shift: number;

  constructor(book: Book, name: string, dearer?: OptionTerms, shift = 0) {
    this.book = book;
    this.name = name;
    this.dearer = dearer && toOptionId(dearer);
    this.shift = shift;
  }

  quote(legs: readonly Leg[]): number | undefined {
    const { pool, market } = this.book;
    const options = legs.map(({ terms, size }) => ({
      board: market.current.findIndex(({ expiry }) => expiry === terms.expiry),
      strikeWad: wad(terms.strike),
      isPut: terms.kind === "put",
      size,
    }));
    if (new Set(legs.map(({ terms }) => toOptionId(terms))).size < legs.length) return undefined; // as the ledger
    return legs.reduce(
      (sum, { terms, size }) => sum + fromSize(size) * this.shiftOf(terms),
      Number(pool.quote(market, options).cash) / 1e6,
    );
  }

  mid(terms: OptionTerms): number | undefined {
    const quote = this.book.pool.quote(this.book.market, [
      {
        board: this.book.market.current.findIndex(({ expiry }) => expiry === terms.expiry),
        strikeWad: wad(terms.strike),
        isPut: terms.kind === "put",
        size: 1_000_000n,
      },
    ]);
    return Number(quote.midWad) / 1e18 + this.shiftOf(terms);
  }

  private shiftOf(terms: OptionTerms): number {
    return toOptionId(terms) === this.dearer ? this.shift : 0;
  }
}
