/** Inputs, extremes included, on which the bigint twin must equal the EVM bit for bit: for the tests and the bench. */

import { toFunctionSelector } from "viem";
import * as fixed from "../../pricing/fixed/index.ts";
import type { PricingHarness } from "./pricingHarness.ts";
import { Random } from "./random.ts";

const WAD = 10n ** 18n;
const errorSelectors = new Map(
  [
    "Black76_PriceTooLarge(uint256,uint256)",
    "Black76_TimeTooLong(uint256)",
    "Black76_PriceBelowIntrinsic(uint256,uint256)",
    "Black76_PriceNotBelowMaximum(uint256,uint256)",
    "BlackScholes_OutOfDomain(uint256,uint256,int256)",
    "Exponential_Overflow(int256)",
    "Logarithm_OfZero()",
    "Essvi_OutOfDomain(int256,uint256,int256,uint256)",
  ].map((signature) => [signature.split("(")[0]!, toFunctionSelector(signature)]),
);

/** Numbers at which something changes: zero, units, and both sides of every bound in the code. */
const landmarks = [64n, 67n, 85n, 107n, 112n, 126n, 127n, 128n, 129n, 196n, 255n]
  .flatMap((bits) => [(1n << bits) - 1n, 1n << bits])
  .concat([0n, 1n, 2n, WAD - 1n, WAD, WAD + 1n, 10n ** 27n - 1n, 10n ** 27n, (1n << 256n) - 1n]);

const extreme = (random: Random) => (random.below(3) === 0 ? random.pick(landmarks) : random.word(256));
const signedExtreme = (random: Random) => BigInt.asIntN(256, random.below(2) ? extreme(random) : -extreme(random));

/** Forward and strike of the same magnitude: ordinary, deep, a few wei apart, or anything. */
function forwardAndStrike(random: Random): [bigint, bigint] {
  switch (random.below(5)) {
    case 0:
      return [extreme(random), extreme(random)];
    case 1: {
      const forward = random.logWad(1e-6, 1e6);
      return [forward, forward + BigInt(random.below(21) - 10)];
    }
    case 2:
      return [random.logWad(1e-6, 1e6), random.logWad(1e-6, 1e6)];
    default: {
      const forward = random.logWad(1, 1e5);
      return [forward, (forward * random.logWad(0.2, 5)) / WAD];
    }
  }
}

const stdDev = (random: Random) => (random.below(6) === 0 ? extreme(random) : random.logWad(1e-4, 20));
const lnNear = (random: Random, forward: bigint, strike: bigint): bigint =>
  forward > 0n && strike > 0n && random.below(8) !== 0 && forward < 1n << 120n && strike < 1n << 120n
    ? fixed.lnWad((strike * WAD) / forward + 1n)
    : signedExtreme(random);

export interface TwinCase {
  readonly signature: string;
  readonly outWords: number;
  readonly count: number;
  readonly draw: (random: Random) => bigint[];
  readonly twin: (...input: bigint[]) => bigint[];
}

export const twinCases: readonly TwinCase[] = [
  {
    signature: "black76Price(uint256,uint256,uint256)",
    outWords: 2,
    count: 20_000,
    draw: (random) => [...forwardAndStrike(random), stdDev(random)],
    twin: (forwardWad, strikeWad, stdDevWad) => {
      const { callWad, putWad } = fixed.black76Price({ forwardWad, strikeWad, stdDevWad });
      return [callWad, putWad];
    },
  },
  {
    signature: "black76PriceKnownLn(uint256,uint256,int256,uint256)",
    outWords: 2,
    count: 12_000,
    draw: (random) => {
      const [forward, strike] = forwardAndStrike(random);
      return [forward, strike, lnNear(random, forward, strike), stdDev(random)];
    },
    twin: (forwardWad, strikeWad, lnStrikeOverForwardWad, stdDevWad) => {
      const input = { forwardWad, strikeWad, lnStrikeOverForwardWad, stdDevWad };
      const { callWad, putWad } = fixed.black76PriceKnownLn(input);
      return [callWad, putWad];
    },
  },
  {
    signature: "black76PriceDeltaVegaKnownLn(uint256,uint256,int256,uint256)",
    outWords: 4,
    count: 12_000,
    draw: (random) => {
      const [forward, strike] = forwardAndStrike(random);
      return [forward, strike, lnNear(random, forward, strike), stdDev(random)];
    },
    twin: (forwardWad, strikeWad, lnStrikeOverForwardWad, stdDevWad) => {
      const input = { forwardWad, strikeWad, lnStrikeOverForwardWad, stdDevWad };
      const { callWad, putWad, callDeltaWad, vegaWad } = fixed.black76PriceDeltaVegaKnownLn(input);
      return [callWad, putWad, callDeltaWad, vegaWad];
    },
  },
  {
    signature: "black76PriceAndGreeks(uint256,uint256,uint256,uint256)",
    outWords: 8,
    count: 12_000,
    draw: (random) => [...forwardAndStrike(random), stdDev(random), random.word(random.below(8) ? 127 : 256)],
    twin: (forwardWad, strikeWad, stdDevWad, secondsToExpiry) => {
      const greeks = fixed.black76PriceAndGreeks({ forwardWad, strikeWad, stdDevWad, secondsToExpiry });
      const { callWad, putWad, callDeltaWad, gammaWad, vegaWad, thetaPerSecondWad, callRhoWad, putRhoWad } = greeks;
      return [callWad, putWad, callDeltaWad, gammaWad, vegaWad, thetaPerSecondWad, callRhoWad, putRhoWad];
    },
  },
  {
    signature: "black76ImpliedStdDev(uint256,uint256,uint256,bool)",
    outWords: 1,
    count: 12_000,
    draw: (random) => {
      const [forwardWad, strikeWad] = forwardAndStrike(random);
      const isCall = random.below(2);
      if (random.below(4) === 0 || (forwardWad | strikeWad) >> 127n) {
        return [extreme(random), forwardWad, strikeWad, BigInt(isCall)];
      }
      const { callWad, putWad } = fixed.black76Price({ forwardWad, strikeWad, stdDevWad: random.logWad(1e-4, 20) });
      return [isCall ? callWad : putWad, forwardWad, strikeWad, BigInt(isCall)];
    },
    twin: (priceWad, forwardWad, strikeWad, isCall) => [
      fixed.black76ImpliedStdDev({
        priceWad,
        forwardWad,
        strikeWad,
        isCall: isCall === 1n,
      }),
    ],
  },
  {
    signature: "blackScholesPrice(uint256,uint256,uint256,uint256,int256)",
    outWords: 2,
    count: 10_000,
    draw: (random) => {
      const terms =
        random.below(5) === 0
          ? [extreme(random), extreme(random), signedExtreme(random)]
          : [random.word(30), random.logWad(0.01, 10), random.wad(-0.5, 0.5)];
      return [...forwardAndStrike(random), ...terms];
    },
    twin: (spotWad, strikeWad, secondsToExpiry, volatilityWad, rateWad) => {
      const input = { spotWad, strikeWad, secondsToExpiry, volatilityWad, rateWad };
      const { callWad, putWad } = fixed.blackScholesPrice(input);
      return [callWad, putWad];
    },
  },
  {
    signature: "essviStdDev(int256,uint256,int256,uint256)",
    outWords: 1,
    count: 8_000,
    draw: drawEssvi,
    twin: (kWad, thetaWad, rhoWad, psiWad) => [fixed.essviStdDev({ kWad, thetaWad, rhoWad, psiWad })],
  },
  {
    signature: "essviTotalVariance(int256,uint256,int256,uint256)",
    outWords: 1,
    count: 6_000,
    draw: drawEssvi,
    twin: (kWad, thetaWad, rhoWad, psiWad) => [fixed.essviTotalVariance({ kWad, thetaWad, rhoWad, psiWad })],
  },
  single("lnWad(uint256)", extreme, fixed.lnWad),
  single("expWad(int256)", (random) => (random.below(4) ? random.wad(-45, 136) : signedExtreme(random)), fixed.expWad),
  single("sqrtWad(uint256)", extreme, fixed.sqrtWad),
  single("sqrt(uint256)", extreme, fixed.sqrt),
  single("cdf(int256)", (random) => (random.below(4) ? random.wad(-12, 12) : signedExtreme(random)), fixed.cdf),
  single("pdf(int256)", (random) => (random.below(4) ? random.wad(-12, 12) : signedExtreme(random)), fixed.pdf),
  single(
    "millsRatioWad(uint256)",
    (random) => (random.below(4) ? random.wad(0, 40) : extreme(random)),
    fixed.millsRatioWad,
  ),
];

function drawEssvi(random: Random): bigint[] {
  if (random.below(6) === 0) return [signedExtreme(random), extreme(random), signedExtreme(random), extreme(random)];
  return [random.wad(-5, 5), random.logWad(1e-9, 10), random.wad(-1, 1), random.logWad(1e-6, 4)];
}

function single(signature: string, draw: (random: Random) => bigint, twin: (x: bigint) => bigint): TwinCase {
  return { signature, outWords: 1, count: 4_000, draw: (random) => [draw(random)], twin: (x) => [twin(x)] };
}

/** The twin's answer in the harness's form. */
function answer(twin: () => bigint[]): string {
  try {
    return twin()
      .map((x) => BigInt.asUintN(256, x).toString())
      .join(" ");
  } catch (error) {
    if (!(error instanceof fixed.FixedPointError)) throw error;
    return errorSelectors.get(error.fact) ?? error.fact;
  }
}

/** Draws the case's inputs and answers each on chain and off. */
export async function compareWithTwin(
  harness: PricingHarness,
  subject: TwinCase,
): Promise<{ readonly mismatches: readonly string[]; readonly answers: number; readonly reverted: number }> {
  const random = new Random(76);
  const inputs = Array.from({ length: subject.count }, () => subject.draw(random));
  const answers = await harness.call(subject.signature, subject.outWords, inputs);
  const mismatches: string[] = [];
  let reverted = 0;
  answers.forEach((evm, i) => {
    if ("errorSelector" in evm) reverted++;
    const onChain = "errorSelector" in evm ? evm.errorSelector : evm.words.join(" ");
    const twin = answer(() => subject.twin(...inputs[i]!));
    if (onChain !== twin) mismatches.push(`${subject.signature} (${inputs[i]!.join(", ")}): ${onChain} but ${twin}`);
  });
  return { mismatches, answers: answers.length, reverted };
}
