/** The simulated market: how fast its engines are, how far they agree, what it says of the informed and of LPs on recorded data; and the bots. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type FloatLeg, VIRTUAL_SHARES } from "../../pricing/float/index.ts";
import { createRandom } from "../../src/market/random.ts";
import { SECONDS_PER_DAY, SECONDS_PER_HOUR } from "../../src/market/world.ts";
import type { Action, SimulatedLeg } from "../../src/simulation/actions.ts";
import { sharePriceWad } from "../../src/simulation/actions.ts";
import { FloatEngine, floatLeg } from "../../src/simulation/engines/floatEngine.ts";
import { TwinEngine } from "../../src/simulation/engines/twinEngine.ts";
import { chained } from "../../src/simulation/figures.ts";
import { type Knobs, termsOf } from "../../src/simulation/knobs.ts";
import { tapesOf } from "../../src/simulation/marketTapes.ts";
import { meanFigures, pathOf } from "../../src/simulation/page.ts";
import { population } from "../../src/simulation/population.ts";
import { runMarket } from "../../src/simulation/runMarket.ts";
import type { RunRecord } from "../../src/simulation/runRecord.ts";
import { Tape, tapeOfSpot } from "../../src/simulation/tape.ts";
import { marketTerms } from "../../src/simulation/terms.ts";
import { chainMismatches } from "../../test/src/simulation/chainMismatches.ts";
import { RandomActions } from "../../test/src/simulation/randomActions.ts";
import { benchArbitrage } from "./arbitrage.ts";
import { type BenchOptions, type BenchReport, type Figure, hasChains } from "./figure.ts";

const START = Date.UTC(2026, 0, 31, 9) / 1000;
const MONTH = 30 * SECONDS_PER_DAY;
const FAST_QUOTES = 1_000_000;
const FAST_TRADES = 200_000;
const TWIN_QUOTES = 40_000;
const CHAIN_ACTS = 2_000;
/** Months of 2026 with chains. */
const MONTHS = [0, 1, 2, 3].map((month) => ({
  from: Date.UTC(2026, month, 1) / 1000,
  to: Date.UTC(2026, month + 1, month === 3 ? 0 : 1) / 1000,
}));
/** What the sweep chose; see DECISIONS.md. */
const CHOSEN: Knobs = {};

export async function benchSimulation(options: BenchOptions): Promise<BenchReport> {
  const speed = speedFigures();
  const error = monthError();
  const year = yearSeconds();
  const mismatch = await chainMismatches(CHAIN_ACTS);
  const market = await marketFigures(options);
  const arbitrage = await benchArbitrage(options);
  const ratio = speed[0]!.value / speed[2]!.value;
  return {
    lines: [...(arbitrage.lines ?? []), `a quote in float64 takes ${(1 / ratio).toExponential(1)} of one to the unit`],
    figures: [
      ...speed,
      {
        name: "fast.twin.error",
        value: error,
        unit: "share of the share price, most in a month of random acts (bound 1e-9)",
      },
      year,
      {
        name: "twin.chain.mismatch",
        value: mismatch,
        unit: `acts of ${CHAIN_ACTS} after which anything differs by a unit (bound 0)`,
      },
      ...market,
      ...arbitrage.figures,
    ],
  };
}

/** A marked market with options of several expiries, and legs to quote. */
function opened(engine: { act(action: Action): unknown }) {
  const acts = new RandomActions(11, START, { takers: ["cleo"], providers: ["ada", "ben"] });
  const legs: (readonly SimulatedLeg[])[] = [];
  let time = START;
  for (let i = 0; i < 300; i++) {
    const action = acts.next();
    if (action.kind === "settle") break;
    engine.act(action);
    time = action.time;
    if (action.kind === "swap" && action.legs.length === 1) legs.push(action.legs);
  }
  return { time: time + 13, legs: legs.filter(([leg]) => leg!.expiry > time + 3 * SECONDS_PER_DAY) };
}

/** Calls a second of this process' own time: what other processes take of the core is not counted. */
function perSecond(count: number, call: (i: number) => void): number {
  for (let i = 0; i < count / 4; i++) call(i);
  const before = process.cpuUsage();
  for (let i = 0; i < count; i++) call(i);
  const { user, system } = process.cpuUsage(before);
  return (count * 1e6) / (user + system);
}

function speedFigures(): readonly Figure[] {
  const terms = marketTerms();
  const [float, twin] = [new FloatEngine(terms), new TwinEngine(terms)];
  const { time, legs } = opened(float);
  opened(twin);
  const floatLegs = legs.map((package_) => package_.map(floatLeg));
  const quotes = perSecond(FAST_QUOTES, (i) => float.market.quote(floatLegs[i % floatLegs.length]!, time));
  const exact = perSecond(TWIN_QUOTES, (i) => twin.quote(legs[i % legs.length]!, time));
  return [
    { name: "fast.quotes.perSecond", value: quotes, unit: "of one leg, a core (bound 1,000,000)" },
    {
      name: "fast.trades.perSecond",
      value: tradesPerSecond(),
      unit: "with limits, margin and book, a core (bound 50,000)",
    },
    { name: "twin.quotes.perSecond", value: exact, unit: "of one leg, a core (bound 20,000)" },
  ];
}

/** Somebody buys a contract and sells it again, of each option in turn, on fresh data. */
function tradesPerSecond(): number {
  const engine = new FloatEngine(marketTerms());
  const acts = new RandomActions(11, START, { takers: ["cleo"], providers: ["ada", "ben"] });
  let time = START;
  for (let action = acts.next(); action.kind !== "claim"; action = acts.next()) {
    engine.act(action);
    time = action.time;
  }
  const [expiry] = engine.market.oracle.expiries.filter((one) => one > time + 5 * SECONDS_PER_DAY);
  const strikes = [2_500, 2_600, 2_700, 2_800, 2_900];
  let refused: string | undefined;
  const trades = perSecond(FAST_TRADES, (i) => {
    // Round trips ratchet the requirement up until somebody makes it exact.
    if (i % 200 === 0) engine.market.stress(time + 1);
    const strike = strikes[(i >> 1) % strikes.length]!;
    const leg: FloatLeg = { expiry: expiry!, strike, isPut: false, size: i % 2 === 0 ? 100_000 : -100_000 };
    const made = engine.market.swap([leg], time + 1, Number.POSITIVE_INFINITY);
    if (typeof made === "string") refused = made;
  });
  if (refused !== undefined) throw new Error(`a trade was refused: ${refused}`);
  return trades;
}

/** Largest distance of the share prices of both engines within a month of random acts. */
function monthError(): number {
  const terms = marketTerms();
  const [twin, float] = [new TwinEngine(terms), new FloatEngine(terms)];
  const acts = new RandomActions(11, START, { takers: ["cleo"], providers: ["ada", "ben"] });
  let worst = 0;
  for (let action = acts.next(); action.time < START + MONTH; action = acts.next()) {
    twin.act(action);
    float.act(action);
    const price = Number(sharePriceWad(twin.view()));
    worst = Math.max(worst, Math.abs(Number(sharePriceWad(float.view())) / price - 1));
  }
  return worst;
}

/** A year of hourly data with twenty agents: spot is a seeded walk, surfaces are made from it. */
function yearSeconds(): Figure {
  const from = Date.UTC(2025, 0, 1) / 1000;
  const historyFrom = from - 60 * SECONDS_PER_DAY;
  const random = createRandom("year");
  const hours = Math.ceil((366 + 61) * 24);
  const prices = new Float64Array(hours + 1);
  prices[0] = 2_500;
  for (let i = 1; i <= hours; i++) prices[i] = prices[i - 1]! * Math.exp(0.0064 * random.normal());
  const spot = (time: number) => {
    const position = (time - historyFrom) / SECONDS_PER_HOUR;
    const i = Math.min(hours - 1, Math.floor(position));
    return prices[i]! + (prices[i + 1]! - prices[i]!) * (position - i);
  };
  const started = process.cpuUsage();
  const span = { from, to: from + 365 * SECONDS_PER_DAY, fitSeconds: 6 * SECONDS_PER_HOUR, historyFrom };
  const tape = new Tape(tapeOfSpot(spot, span, "a walk"));
  // 12 noise traders, 4 hedgers, 1 informed, 2 arbitrageurs and the LP.
  const people = population({ oracle: { surfaceSeconds: SECONDS_PER_HOUR } });
  const engine = new FloatEngine(marketTerms());
  const { acts } = runMarket({ tape, population: people, seed: 1, engine, isHedged: true });
  const { user, system } = process.cpuUsage(started);
  if (engine.market.shares.supply <= VIRTUAL_SHARES) throw new Error("nobody had a share");
  return {
    name: "year.seconds",
    value: (user + system) / 1e6,
    unit: `a core, ${acts.swap ?? 0} swaps, 20 agents (bound 60)`,
  };
}

function worstCalendarMonth(seeds: readonly (readonly RunRecord[])[]): number {
  const returns = seeds.flat().map((record) => {
    const path = pathOf(record);
    return path.at(-1)!.value / path[0]!.value - 1;
  });
  return Math.min(...returns);
}

/** On recorded chains: what widening leaves to the informed, and what LPs earn with what the sweep chose. */
async function marketFigures({ dataDirectory }: BenchOptions): Promise<readonly Figure[]> {
  if (!hasChains(dataDirectory)) return [];
  const folder = mkdtempSync(join(tmpdir(), "meniscus-simulation-"));
  try {
    const tapes = await tapesOf(dataDirectory, MONTHS, folder, {});
    const people = population({
      noise: { ordersPerDay: 6 },
      hedgers: { ordersPerDay: 1.5 },
      oracle: { surfaceSeconds: 1_800 },
      informed: { count: 2, everySeconds: 30 },
    });
    const run = (knobs: Knobs, seed: number) =>
      tapes.map((data) => {
        const engine = new FloatEngine(termsOf(knobs));
        return runMarket({ tape: new Tape(data), population: people, seed, engine, isHedged: true });
      });
    const gained = (records: ReturnType<typeof run>) =>
      records.reduce((sum, { flow }) => sum + (flow.informed?.gained ?? 0), 0);
    const seeds = [1, 2, 3];
    const chosen = seeds.map((seed) => run(CHOSEN, seed));
    const bare = seeds.map((seed) => run({ ...CHOSEN, ageMultiplier: 0, worseOfSeconds: 0 }, seed));
    const sum = (all: typeof chosen) => all.reduce((total, records) => total + gained(records), 0);
    const figures = meanFigures(chosen.map((records) => chained(records.map(pathOf))));
    return [
      { name: "informed.kept", value: sum(chosen) / sum(bare), unit: "of what he gains without widening (bound 0.05)" },
      {
        name: "lp.apr",
        value: figures.annualReturn,
        unit: "a year net of hedging, January to April 2026, mean of 3 seeds (aim 0.15)",
      },
      { name: "lp.maxDrawdown", value: figures.maxDrawdown, unit: "share (bound 0.05)" },
      { name: "lp.worstMonth", value: figures.worstMonth, unit: "share, any 30 days, mean of 3 seeds (bound −0.01)" },
      { name: "lp.worstCalendarMonth", value: worstCalendarMonth(chosen), unit: "share, of any seed" },
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
