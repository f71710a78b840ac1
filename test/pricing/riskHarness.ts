/** The margin engine on a local chain with every input in the test's hand, and how such inputs are drawn. */

import type { Hex } from "viem";
import {
  type Contingencies,
  FixedPointError,
  type MarginBoard,
  type MarginFacts,
  scenarioMargin,
  staleness,
  unpackGrid,
} from "../../pricing/fixed/index.ts";
import { startCodeChain } from "./codeChain.ts";
import { drawBoard, drawSize, drawStrike, type FullBoard } from "./quoteHarness.ts";
import type { Random } from "./random.ts";

const WAD = 10n ** 18n;
const DAY = 86_400;
const WINDOW = 1800;
const ADDRESS = "0x00000000000000000000000000000000000ba520";
export const NOW = 1_800_000_000;

export interface Grids {
  readonly initial: readonly [bigint, bigint, bigint];
  readonly maintenance: readonly [bigint, bigint, bigint];
  readonly contingencies: Contingencies;
}

/** One portfolio and the market it stands in. */
export interface RiskScene {
  readonly spotWad: bigint;
  readonly disagreementWad: bigint;
  /** Seconds since the last report of each. */
  readonly ages: { readonly surface: number; readonly spot: number };
  readonly boards: readonly FullBoard[];
  /** Where a larger move waits: its boards and its spot, 0 where spot does not wait. */
  readonly waiting?: { readonly boards: readonly FullBoard[]; readonly spotWad: bigint };
  readonly averages: readonly { readonly averageWad: bigint; readonly elapsed: bigint }[];
  readonly strikes: readonly {
    readonly board: number;
    readonly strikeWad: bigint;
    readonly calls: bigint;
    readonly puts: bigint;
  }[];
  readonly baseSize: bigint;
}

/** What the chain made of a scene, quote units. */
export interface RiskSeen {
  readonly failure: Hex;
  readonly worst: bigint;
  readonly mid: bigint;
  readonly stressed: bigint;
  readonly worstMaintenance: bigint;
}

export interface RiskHarness {
  play(quoteDecimals: number, grids: Grids, scenes: readonly RiskScene[]): Promise<readonly RiskSeen[]>;
  stop(): void;
}

/** Builds the harness, starts anvil and puts its code there. */
export async function startRiskHarness(): Promise<RiskHarness> {
  const chain = await startCodeChain("test/contracts/pricing/RiskHarness.sol", "pool-contracts/RiskEngine.sol");
  const harness = await chain.place(ADDRESS, "RiskHarness");
  const engineCode = await chain.creationCode("RiskEngine");
  return {
    play: async (quoteDecimals, grids, scenes) => {
      const args = [engineCode, quoteDecimals, grids, scenes.map(toChain)];
      return (await harness.call("play", args, NOW)) as readonly RiskSeen[];
    },
    stop: () => chain.stop(),
  };
}

function toChain(scene: RiskScene): object {
  const { spotWad, disagreementWad, ages, boards, waiting, averages, strikes, baseSize } = scene;
  const state = {
    round: 2,
    surfaceTime: NOW - ages.surface,
    surfaceAcceptedAt: NOW - ages.surface,
    spotTime: NOW - ages.spot,
    spotAcceptedAt: NOW - ages.spot,
    spotWad,
    surfaceSpotWad: spotWad,
    disagreementWad,
    unconfirmed: waiting !== undefined,
  };
  const words = strikes.map(({ board, strikeWad, calls, puts }) => {
    const key = (1n << 80n) | (BigInt(boards[board]!.expiry) << 48n) | (strikeWad / 10n ** 12n);
    return (key << 160n) | (BigInt.asUintN(80, calls) << 80n) | BigInt.asUintN(80, puts);
  });
  return {
    state,
    boards,
    waiting: waiting?.boards ?? [],
    waitingSpotWad: waiting?.spotWad ?? 0n,
    averages: averages.map(({ averageWad }) => averageWad),
    elapsed: averages.map(({ elapsed }) => elapsed),
    words,
    baseSize,
  };
}

/** A scene as the twin takes it, under one of a market's grids. */
export function factsOf(
  scene: RiskScene,
  gridWords: readonly bigint[],
  contingencies: Contingencies,
  quoteDecimals: number,
): MarginFacts {
  const marginBoards = (boards: readonly FullBoard[]): MarginBoard[] =>
    boards.map((board, i) => {
      const { averageWad, elapsed } = scene.averages[i]!;
      const isInside = !board.settled && board.expiry < NOW + WINDOW;
      return { ...board, fixedWad: isInside ? (averageWad * elapsed) / BigInt(WINDOW) : 0n };
    });
  const { waiting, spotWad } = scene;
  const stale = staleness(scene.ages);
  return {
    scenarios: unpackGrid(gridWords),
    contingencies,
    positions: scene.strikes,
    baseSize: scene.baseSize,
    confirmed: { boards: marginBoards(scene.boards), spotWad },
    ...(waiting && {
      unconfirmed: {
        boards: marginBoards(waiting.boards),
        spotWad: waiting.spotWad === 0n ? spotWad : waiting.spotWad,
      },
    }),
    disagreementWad: scene.disagreementWad + stale.volatilityWad,
    staleSpotWad: stale.spotWad,
    quoteDecimals,
  };
}

/** The twin's answer to a scene, or the error it fails with. */
export function twinOf(scene: RiskScene, grids: Grids, quoteDecimals: number): Omit<RiskSeen, "failure"> | string {
  const used = { ...scene, ...onlyUsed(scene) };
  const initial = factsOf(used, grids.initial, grids.contingencies, quoteDecimals);
  try {
    const { worst, mid, stressed } = scenarioMargin(initial);
    const maintenance = factsOf(used, grids.maintenance, grids.contingencies, quoteDecimals);
    return { worst, mid, stressed, worstMaintenance: scenarioMargin(maintenance).worst };
  } catch (error) {
    if (!(error instanceof FixedPointError)) throw error;
    return error.message;
  }
}

/** The chain looks only at expiries that are held, in the order they are met. */
function onlyUsed({ boards, waiting, averages, strikes }: RiskScene): Partial<RiskScene> {
  const used = [...new Set(strikes.map(({ board }) => board))];
  return {
    boards: used.map((i) => boards[i]!),
    averages: used.map((i) => averages[i]!),
    strikes: strikes.map((strike) => ({ ...strike, board: used.indexOf(strike.board) })),
    ...(waiting && { waiting: { ...waiting, boards: used.map((i) => waiting.boards[i]!) } }),
  };
}

/** Any grids that `setGrids` accepts: spots of whole 3 ‰, so that two thirds of them are whole; up to 18 scenarios. */
export function drawGrids(random: Random): Grids {
  const share = (bound: bigint) => (random.below(5) === 0 ? 0n : random.word(60) % (bound + 1n));
  const spots = [...new Set(Array.from({ length: 1 + random.below(6) }, () => 3 * (random.below(633) - 300)))];
  const volatility = () => 3 * (random.below(1183) - 500);
  const lane = (spot: number, shock: number, inverted: number, weight: number) =>
    (BigInt.asUintN(12, BigInt(spot)) << 20n) |
    (BigInt.asUintN(12, BigInt(shock)) << 8n) |
    BigInt((inverted << 7) | weight);
  const [furthestDown, furthestUp] = [Math.min(0, ...spots), Math.max(0, ...spots)];
  const isTail = (spot: number) => 2 * spot < furthestDown || 2 * spot > furthestUp;
  const shocks = [0, ...spots.filter((spot) => spot !== 0)]
    .flatMap((spot) =>
      Array.from({ length: 1 + random.below(3) }, () => ({
        spot,
        volatility: volatility(),
        inverted: random.below(4) === 0 ? 1 : 0,
        weight: isTail(spot) || random.below(3) === 0 ? 1 + random.below(99) : 100,
      })),
    )
    .slice(0, 17);
  const pack = (lanes: readonly bigint[]): [bigint, bigint, bigint] => {
    const words: [bigint, bigint, bigint] = [0n, 0n, 0n];
    for (const [i, bits] of lanes.entries()) words[(i >> 3) as 0 | 1 | 2] |= bits << BigInt((i & 7) * 32);
    return words;
  };
  const present = lane(0, 0, 0, 100);
  return {
    initial: pack([present, ...shocks.map((s) => lane(s.spot, s.volatility, s.inverted, s.weight))]),
    maintenance: pack([
      present,
      ...shocks.map((s) => lane((s.spot * 2) / 3, (s.volatility * 2) / 3, s.inverted, s.weight)),
    ]),
    contingencies: { shortWad: share(WAD / 10n), skewWad: share(WAD), basisWad: share(WAD / 20n) },
  };
}

const SHAPES = ["any", "any", "any", "short", "shortCalls", "shortPuts"] as const;

function shapedBy(shape: (typeof SHAPES)[number], calls: bigint, puts: bigint): { calls: bigint; puts: bigint } {
  const short = (size: bigint) => (size > 0n ? -size : size);
  if (shape === "shortCalls") return { calls: short(calls), puts: 0n };
  if (shape === "shortPuts") return { calls: 0n, puts: short(puts) };
  return shape === "short" && calls + puts > 0n ? { calls: -calls, puts: -puts } : { calls, puts };
}

/** A portfolio of up to 16 strikes on up to four expiries; unless told otherwise one in six with every field at its limits. */
export function drawScene(random: Random, extreme = random.below(6) === 0): RiskScene {
  const spotWad = extreme ? (1n << 30n) + random.word(95) : random.logWad(10, 100_000);
  const moved = () => (spotWad * (1_000_000n + BigInt(random.below(400_001) - 200_000))) / 1_000_000n;
  const expiries = Array.from({ length: 1 + random.below(4) }, (_, i) => {
    const nearest = NOW + 1 + i;
    if (random.below(5) === 0) return nearest + random.below(WINDOW); // inside the averaging window
    return nearest + random.below(random.below(2) === 0 ? 10 * DAY : 400 * DAY);
  });
  const distinct = [...new Set(expiries)];
  const settled = distinct.map(() => random.below(10) === 0);
  const averages = distinct.map((expiry) => {
    const elapsed = BigInt(Math.max(0, NOW + WINDOW - expiry));
    return { averageWad: elapsed === 0n ? 0n : moved(), elapsed };
  });
  const boardsAt = (spot: bigint) =>
    distinct.map((expiry, i): FullBoard => {
      const board = drawBoard(random, extreme, expiry, NOW, spot);
      if (settled[i]) return { ...board, settled: true, thetaWad: 0n, psiWad: 0n };
      const { averageWad, elapsed } = averages[i]!;
      const open = BigInt(WINDOW) - elapsed;
      return { ...board, forwardWad: (averageWad * elapsed + board.forwardWad * open) / BigInt(WINDOW) };
    });
  const boards = boardsAt(spotWad);
  const waitingSpot = random.below(2) === 0 ? 0n : moved();
  const size = () => (random.below(4) === 0 ? 0n : drawSize(random, extreme));
  const shape = random.pick(SHAPES);
  const strikes = Array.from({ length: random.below(17) }, () => {
    const board = random.below(boards.length);
    const strikeWad = drawStrike(random, extreme, boards[board]!.forwardWad);
    const calls = size();
    return { board, strikeWad, ...shapedBy(shape, calls, random.below(5) === 0 ? -calls : size()) };
  });
  const age = () => (random.below(2) === 0 ? random.below(121) : random.below(3 * DAY));
  return {
    spotWad,
    disagreementWad: random.below(3) === 0 ? 0n : BigInt(random.below(extreme ? 65_536 : 500)) * 10n ** 14n,
    ages: { surface: age(), spot: age() },
    boards,
    ...(random.below(4) === 0 && {
      waiting: { boards: boardsAt(waitingSpot === 0n ? spotWad : waitingSpot), spotWad: waitingSpot },
    }),
    averages,
    strikes,
    baseSize: random.below(2) === 0 ? 0n : random.word(extreme ? 60 : 40),
  };
}

/** Draws portfolios and compares the twin with the chain; `mismatches` describe each that differs. */
export async function compareMargins(
  harness: RiskHarness,
  random: Random,
  count: number,
): Promise<{ readonly mismatches: readonly string[]; readonly valued: number; readonly refused: number }> {
  const perCall = 50;
  const mismatches: string[] = [];
  let [valued, refused] = [0, 0];
  for (let done = 0; done < count; done += perCall) {
    const quoteDecimals = 6 + random.below(13);
    const grids = drawGrids(random);
    const scenes = Array.from({ length: Math.min(perCall, count - done) }, () => drawScene(random));
    const seen = await harness.play(quoteDecimals, grids, scenes);
    scenes.forEach((scene, i) => {
      const { failure, ...values } = seen[i]!;
      const twin = twinOf(scene, grids, quoteDecimals);
      if (typeof twin === "string" || failure !== "0x") {
        refused++;
        if (typeof twin === "string" && failure !== "0x") return;
      } else {
        valued++;
        const names = ["worst", "mid", "stressed", "worstMaintenance"] as const;
        if (names.every((name) => values[name] === twin[name])) return;
      }
      mismatches.push(stringify({ onChain: failure === "0x" ? values : failure, twin, quoteDecimals, grids, scene }));
    });
  }
  return { mismatches, valued, refused };
}

function stringify(value: object): string {
  return JSON.stringify(value, (_, x) => (typeof x === "bigint" ? x.toString() : x));
}
