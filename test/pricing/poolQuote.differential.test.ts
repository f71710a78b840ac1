import { decodeErrorResult, encodeErrorResult, type Hex, parseAbi } from "viem";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  cappedReserve,
  FixedPointError,
  type MarkFacts,
  navE6,
  poolMark,
  poolQuote,
  type QuoteFacts,
  reserveAfter,
  type StrikePosition,
} from "../../pricing/fixed/index.ts";
import { fromStrikeWord, toStrikeKey } from "../../src/chain/optionId.ts";
import type { PoolParameters } from "../../src/chain/parameters.ts";
import {
  drawBoard,
  drawParameters,
  drawSize,
  drawStrike,
  type FullBoard,
  type FullState,
  type QuoteHarness,
  type Scene,
  startQuoteHarness,
} from "./quoteHarness.ts";
import { Random } from "./random.ts";

const DAY = 86_400;
const NOW = 1_800_000_000;
const ARITHMETIC_PANIC = encodeErrorResult({ abi: parseAbi(["error Panic(uint256)"]), args: [0x11n] });
const errorsOfPricing = parseAbi([
  "error Panic(uint256 code)",
  "error Black76_PriceTooLarge(uint256,uint256)",
  "error Logarithm_OfZero()",
  "error Essvi_OutOfDomain(int256,uint256,int256,uint256)",
  "error Inventory_Overflow(int256)",
]);

let harness: QuoteHarness;
beforeAll(async () => {
  harness = await startQuoteHarness();
});
afterAll(() => harness?.stop());

interface Package {
  readonly extreme: boolean;
  readonly parameters: PoolParameters;
  readonly facts: QuoteFacts & { readonly state: FullState; readonly atReport: readonly FullBoard[] };
}

/** Packages of one to four legs on one or two expiries; a third of them at the limits of every field. */
function drawPackage(random: Random): Package {
  const extreme = random.below(3) === 0;
  const spotWad = extreme ? (1n << 30n) + random.word(95) : random.logWad(10, 100_000);
  const moved = (wad: bigint) => (wad * (1_000_000n + BigInt(random.below(60_001) - 30_000))) / 1_000_000n;
  const surfaceTime = NOW - random.below(extreme ? 40 * DAY : 600);
  const spotTime = random.below(4) === 0 ? NOW : surfaceTime + random.below(NOW - surfaceTime + 1);
  const surfaceSpotWad = moved(spotWad);
  const expiries = Array.from({ length: 1 + random.below(2) }, () => NOW + 7200 + random.below(400 * DAY));
  const boardsAt = (time: number, spot: bigint) =>
    expiries.map((expiry) => drawBoard(random, extreme, expiry, time, spot));
  const current = boardsAt(NOW, spotWad);
  const options = Array.from({ length: 1 + random.below(4) }, () => {
    const board = random.below(expiries.length);
    const strikeWad = drawStrike(random, extreme, current[board]!.forwardWad);
    return { size: drawSize(random, extreme), isPut: random.below(2) === 0, strikeWad, board };
  });
  const signed56 = () => (random.below(2) ? random.word(55) : -random.word(55));
  const acceptedAt = surfaceTime + 10;
  return {
    extreme,
    parameters: drawParameters(random),
    facts: {
      options,
      state: {
        round: 2,
        surfaceTime,
        surfaceAcceptedAt: acceptedAt,
        spotTime,
        spotAcceptedAt: acceptedAt,
        spotWad,
        surfaceSpotWad,
        disagreementWad: random.below(4) === 0 ? 0n : BigInt(random.below(65_536)) * 10n ** 14n,
        unconfirmed: random.below(2) === 0,
      },
      atReport: boardsAt(surfaceTime, surfaceSpotWad),
      current,
      previous: random.below(2) ? boardsAt(NOW, moved(spotWad)) : [],
      inventory: [signed56(), signed56(), signed56(), signed56()],
      reserveWad: random.word(96),
      navE6: 1n + random.word(100),
      paysBack: random.below(3) !== 0,
      timestamp: NOW,
      quoteDecimals: 6 + random.below(13),
    },
  };
}

/** An EVM failure as the twin names it: the error and its arguments. */
function failureOf(data: Hex): string {
  const { errorName, args } = decodeErrorResult({ abi: errorsOfPricing, data });
  return `${errorName}(${(args ?? []).join(", ")})`;
}

/** All numbers of a quote or of totals, by name. */
function numbersOf(fields: object): string {
  const entries = Object.entries(fields).map(([name, value]) => `${name} ${[value].flat().join(" ")}`);
  return entries.toSorted().join("; ");
}

test("attack H4, divisions: 10,000 random legs in packages: every field of the quote and of its totals is bit for bit what the EVM computes", async () => {
  const random = new Random(24);
  const perCall = 200;
  const outcomes = { priced: 0, refused: 0, overflowed: 0, paidBack: 0, legs: 0 };
  const mismatches: string[] = [];
  while (outcomes.legs < 10_000) {
    const packages = Array.from({ length: perCall }, () => drawPackage(random));
    const answers = await harness.prices(
      packages.map(({ parameters }) => parameters),
      packages.map(({ facts }) => facts),
    );
    for (const [i, { extreme, parameters, facts }] of packages.entries()) {
      const evm = answers[i]!;
      if (extreme && evm.failure === ARITHMETIC_PANIC) {
        outcomes.overflowed++; // a sum left the word
        continue;
      }
      outcomes.legs += facts.options.length;
      const onChain = evm.failure === "0x" ? numbersOf({ ...evm.quote, ...evm.totals }) : failureOf(evm.failure);
      let twin: string;
      try {
        const { quote, totals } = poolQuote(parameters, facts);
        twin = numbersOf({ ...quote, ...totals });
        outcomes.priced++;
        if (quote.impactWad < 0n) outcomes.paidBack++;
      } catch (error) {
        if (!(error instanceof FixedPointError)) throw error;
        outcomes.refused++;
        twin = error.message;
      }
      if (onChain !== twin) mismatches.push(`${onChain}\n but ${twin}\n for ${stringify({ parameters, facts })}`);
    }
  }
  expect(mismatches.slice(0, 2)).toEqual([]);
  expect(outcomes.priced).toBeGreaterThan(2500);
  expect(outcomes.paidBack).toBeGreaterThan(300);
  expect(outcomes.refused).toBeGreaterThan(20);
  expect(outcomes.overflowed).toBeLessThan(outcomes.priced / 10);
});

function stringify(value: object): string {
  return JSON.stringify(value, (_, x) => (typeof x === "bigint" ? x.toString() : x));
}

const MARKET = 1;
const key = (expiry: number, strikeWad: bigint) => toStrikeKey(MARKET, expiry, strikeWad / 10n ** 12n);

/** A pool's life in a few reports: at each the book, the cash and the surface are others, then somebody swaps. */
function drawScenes(random: Random): Scene[] {
  const quoteDecimals = 6 + 2 * random.below(4);
  const parameters = { ...drawParameters(random), navFloor: 10n ** BigInt(quoteDecimals) + random.word(60) };
  const expiries = Array.from({ length: 3 }, (_, i) => NOW + DAY + i * 100 * DAY + random.below(90 * DAY));
  const strikes = expiries.map((expiry) => ({ expiry, strikeWad: drawStrike(random, false, 3000n * WAD) }));
  return [1, 2, 3].map((round) => {
    const spotWad = random.logWad(2500, 3500);
    const surfaceTime = NOW - 300 + 50 * round;
    const boards = expiries.map((expiry, i) => ({
      ...drawBoard(random, false, expiry, surfaceTime, spotWad),
      settled: i === 0 && random.below(3) === 0,
    }));
    const size = () => (random.below(4) === 0 ? 0n : drawSize(random, false));
    const words = strikes.map(({ expiry, strikeWad }) => {
      const [calls, puts] = [BigInt.asUintN(80, size()), BigInt.asUintN(80, size())];
      return (key(expiry, strikeWad) << 160n) | (calls << 80n) | puts;
    });
    const live = strikes.filter((_, i) => !boards[i]!.settled);
    const legs = live.slice(0, random.below(3)).map(({ expiry, strikeWad }) => {
      return { option: (key(expiry, strikeWad) << 8n) | BigInt(random.below(2)), size: drawSize(random, false) };
    });
    const state = {
      round,
      surfaceTime,
      surfaceAcceptedAt: surfaceTime + 5,
      spotTime: surfaceTime + random.below(20),
      spotAcceptedAt: surfaceTime + 25,
      spotWad,
      surfaceSpotWad: spotWad + random.word(65),
      disagreementWad: BigInt(random.below(500)) * 10n ** 14n,
      unconfirmed: false,
    };
    const cash = random.word(40) * 10n ** BigInt(quoteDecimals - 6);
    const flow = random.below(3) === 0 ? 0n : random.below(2) ? cash * 20n : -cash / 2n;
    return { parameters, quoteDecimals, state, boards, words, baseAmount: random.word(70), cash, flow, legs };
  });
}

const WAD = 10n ** 18n;

test("a pool's marks and swaps over three reports: NAV, reserve, unwind, inventory and quotes equal the replay", async () => {
  const random = new Random(7540);
  const outcomes = { marks: 0, swaps: 0, reserveCut: 0, cutByFlow: 0 };
  for (let life = 0; life < 120; life++) {
    const scenes = drawScenes(random);
    const seen = await harness.play(scenes, NOW);
    let [reserveWad, reserveAtMarkWad] = [0n, 0n];
    scenes.forEach((scene, i) => {
      const { parameters, quoteDecimals, state, boards } = scene;
      const boardOf = (expiry: number) => boards.findIndex((board) => board.expiry === expiry);
      const positions: StrikePosition[] = scene.words.map(fromStrikeWord).map(({ key: strikeKey, calls, puts }) => {
        const board = boards[boardOf(Number((strikeKey >> 48n) & 0xffff_ffffn))]!;
        return { strikeWad: (strikeKey & 0xffff_ffff_ffffn) * 10n ** 12n, calls, puts, board };
      });
      const facts: MarkFacts = {
        positions,
        surfaceTime: state.surfaceTime,
        surfaceSpotWad: state.surfaceSpotWad,
        disagreementWad: state.disagreementWad,
        baseSize: (scene.baseAmount * 1_000_000n) / WAD,
        cash: scene.cash,
        drift: 0n, // each scene is another report
        reserveWad,
        reserveAtMarkWad,
        quoteDecimals,
      };
      const mark = poolMark(parameters, facts);
      const { nav, reserve, freshReserve, unwind } = mark;
      const onChain = seen[i]!;
      expect({ ...onChain.mark, netShort: onChain.netShort }).toMatchObject({
        round: state.round,
        nav: nav + scene.flow, // the mark is kept with what LPs brought and took
        reserve,
        freshReserve,
        unwind,
        netShort: mark.netShort,
      });
      outcomes.marks++;
      if (mark.reserveWad < reserveWad) outcomes.reserveCut++;
      const navAfter = nav + scene.flow;
      reserveWad = mark.reserveWad;
      if (navAfter > nav) {
        const { netShort } = mark;
        reserveWad = cappedReserve(parameters, { ...facts, reserveWad, netShort, nav: navAfter });
        if (reserveWad < mark.reserveWad) outcomes.cutByFlow++;
      }
      expect(onChain.reserveWad).toBe(reserveWad);
      reserveAtMarkWad = reserveWad;
      if (scene.legs.length === 0) return;
      const { quote } = poolQuote(parameters, {
        options: scene.legs.map(({ option, size }) => ({
          size,
          isPut: (option & 1n) === 1n,
          strikeWad: ((option >> 8n) & 0xffff_ffff_ffffn) * 10n ** 12n,
          board: boardOf(Number((option >> 56n) & 0xffff_ffffn)),
        })),
        state,
        atReport: boards,
        current: boards,
        previous: [],
        reserveWad,
        inventory: mark.netShort,
        navE6: navE6(parameters.navFloor, navAfter, quoteDecimals),
        paysBack: true,
        timestamp: NOW,
        quoteDecimals,
      });
      expect(numbersOf(onChain.quote)).toBe(numbersOf(quote));
      outcomes.swaps++;
      reserveWad = reserveAfter(reserveWad, quote.impactWad);
    });
  }
  expect(outcomes.marks).toBe(360);
  expect(outcomes.swaps).toBeGreaterThan(150);
  expect(outcomes.reserveCut).toBeGreaterThan(20);
  expect(outcomes.cutByFlow).toBeGreaterThan(5);
});
