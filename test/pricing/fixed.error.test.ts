/** The errors that the Solidity libraries state, measured on their bit-exact twin against 70 digits. */

import type { Decimal } from "decimal.js";
import { describe, expect, test } from "vitest";
import * as fixed from "../../pricing/fixed/index.ts";
import { millsRatio, normalDensity, normalDistribution, Real } from "../../pricing/reference/normal.ts";
import { Random } from "./random.ts";

const WAD = 10n ** 18n;
const real = (wad: bigint): Decimal => new Real(wad.toString()).div("1e18");
/** computed − true, in wei. */
const errorInWei = (computed: bigint, truth: Decimal): Decimal =>
  new Real(computed.toString()).minus(truth.times("1e18"));

interface Truth {
  readonly call: Decimal;
  readonly delta: Decimal;
  readonly vega: Decimal;
  readonly gamma: Decimal;
}

/** Black-76 as the textbooks have it, with enough digits for its cancellation not to matter. */
function truthOf(forward: Decimal, strike: Decimal, stdDev: Decimal): Truth {
  const d1 = Real.ln(forward.div(strike)).div(stdDev).plus(stdDev.div(2));
  const delta = normalDistribution(d1);
  const density = normalDensity(d1);
  return {
    call: forward.times(delta).minus(strike.times(normalDistribution(d1.minus(stdDev)))),
    delta,
    vega: forward.times(density),
    gamma: density.div(forward.times(stdDev)),
  };
}

type Draw = (random: Random) => readonly [moneyness: bigint, stdDev: bigint];

const zones: readonly { readonly name: string; readonly draw: Draw }[] = [
  {
    name: "moneyness 0.2…5, deviation 1e-4…20",
    draw: (random) => [random.logWad(0.2, 5), random.logWad(1e-4, 20)],
  },
  {
    name: "moneyness 1e-6…1e6, deviation 1e-4…20",
    draw: (random) => [random.logWad(1e-6, 1e6), random.logWad(1e-4, 20)],
  },
  {
    name: "a few deviations from the money",
    draw: (random) => {
      const stdDev = random.logWad(1e-4, 2);
      return [fixed.expWad((random.wad(-4, 4) * stdDev) / WAD), stdDev];
    },
  },
];

describe.each(zones)("Black76, $name", ({ draw }) => {
  const random = new Random(7);
  const cases = Array.from({ length: 250 }, () => {
    const forwardWad = random.logWad(1, 1e5);
    const [moneyness, stdDevWad] = draw(random);
    return { forwardWad, strikeWad: (forwardWad * moneyness) / WAD, stdDevWad };
  });

  test("the price is within 1e-21·max(F, K) + 1 wei, delta and gamma within a wei, vega within 1e-20·max(F, K) + 1 wei", () => {
    const failures: string[] = [];
    for (const input of cases) {
      const truth = truthOf(real(input.forwardWad), real(input.strikeWad), real(input.stdDevWad));
      const greeks = fixed.black76PriceAndGreeks({ ...input, secondsToExpiry: 86_400n });
      const scale = Real.max(input.forwardWad.toString(), input.strikeWad.toString()).times("1e-21").toNumber();
      const check = (name: string, computed: bigint, exact: Decimal, tolerance: number) => {
        const error = errorInWei(computed, exact).abs().toNumber();
        if (error <= tolerance) return;
        const { forwardWad, strikeWad, stdDevWad } = input;
        failures.push(
          `${name} at ${forwardWad} ${strikeWad} ${stdDevWad}: ${computed} is ${error} > ${tolerance} wei off`,
        );
      };
      check("call", greeks.callWad, truth.call, scale + 1);
      check("delta", greeks.callDeltaWad, truth.delta, 1.01);
      check("vega", greeks.vegaWad, truth.vega, 10 * scale + 1);
      check("gamma", greeks.gammaWad, truth.gamma, 1.01);
    }
    expect(failures).toEqual([]);
  });

  test("the implied deviation is within 1e-12, beside what the rounding of the price brings", () => {
    let informative = 0;
    const failures: string[] = [];
    for (const input of cases) {
      const { forwardWad, strikeWad, stdDevWad } = input;
      const { callWad, putWad, vegaWad } = fixed.black76PriceAndGreeks({ ...input, secondsToExpiry: 0n });
      const isCall = forwardWad < strikeWad;
      // A price that is a rounded zero or maximum tells nothing, and neither does one that a wei moves by much.
      if (vegaWad < 10n ** 9n) continue;
      informative++;
      const priceWad = isCall ? callWad : putWad;
      const implied = fixed.black76ImpliedStdDev({ priceWad, forwardWad, strikeWad, isCall });
      const larger = forwardWad > strikeWad ? forwardWad : strikeWad;
      const tolerance = 1e-12 * Math.max(1e18, Number(stdDevWad)) + (2e18 + Number(larger) * 4e-3) / Number(vegaWad);
      if (Math.abs(Number(implied - stdDevWad)) < tolerance) continue;
      failures.push(`${forwardWad} ${strikeWad} ${priceWad}: ${implied}, not ${stdDevWad} ± ${tolerance}`);
    }
    expect(failures).toEqual([]);
    expect(informative).toBeGreaterThan(cases.length / 6);
  });
});

test("theta and rho are the derivatives of the definitions in Greeks", () => {
  const input = {
    forwardWad: 2_000n * WAD,
    strikeWad: 2_100n * WAD,
    stdDevWad: (3n * WAD) / 10n,
    secondsToExpiry: 2_592_000n,
  };
  const now = fixed.black76PriceAndGreeks(input);
  // v = σ√τ: in a second of 2,592,000 the variance falls by that part
  const stdDevLater = BigInt(Math.round(0.3 * Math.sqrt(1 - 1000 / 2_592_000) * 1e18));
  const later = fixed.black76Price({ ...input, stdDevWad: stdDevLater });
  expect(Number(later.callWad - now.callWad) / 1000 / Number(now.thetaPerSecondWad)).toBeCloseTo(1, 3);
  expect(now.callRhoWad).toBe(-((now.callWad * 2_592_000n) / 31_536_000n));
  expect(now.putRhoWad).toBe(-((now.putWad * 2_592_000n) / 31_536_000n));
});

test("BlackScholes: the price is within 1e-20·max(S, K) + 2 wei", () => {
  const random = new Random(8);
  for (let i = 0; i < 250; i++) {
    const spotWad = random.logWad(100, 1e5);
    const strikeWad = (spotWad * random.logWad(0.2, 5)) / WAD;
    const secondsToExpiry = BigInt(60 + random.below(63_000_000));
    const volatilityWad = random.logWad(0.05, 3);
    const rateWad = random.wad(-0.1, 0.2);
    const years = new Real(secondsToExpiry.toString()).div(31_536_000);
    const discounted = real(strikeWad).times(Real.exp(real(rateWad).times(years).neg()));
    const truth = truthOf(real(spotWad), discounted, real(volatilityWad).times(years.sqrt()));
    const { callWad } = fixed.blackScholesPrice({ spotWad, strikeWad, secondsToExpiry, volatilityWad, rateWad });
    const scale = Real.max(spotWad.toString(), strikeWad.toString()).times("1e-20");
    expect(errorInWei(callWad, truth.call).abs().toNumber()).toBeLessThanOrEqual(scale.plus(2).toNumber());
  }
});

test("Essvi: variance and deviation are within 1 wei", () => {
  const random = new Random(9);
  for (let i = 0; i < 1000; i++) {
    const input = {
      kWad: random.wad(-5, 5),
      thetaWad: random.logWad(1e-6, 10),
      rhoWad: random.wad(-1, 1),
      psiWad: random.logWad(1e-3, 4),
    };
    const [k, theta, rho, psi] = [real(input.kWad), real(input.thetaWad), real(input.rhoWad), real(input.psiWad)];
    const root = psi
      .times(k)
      .plus(rho.times(theta))
      .pow(2)
      .plus(theta.pow(2).times(rho.pow(2).neg().plus(1)))
      .sqrt();
    const variance = theta.plus(rho.times(psi).times(k)).plus(root).div(2);
    expect(errorInWei(fixed.essviTotalVariance(input), variance).abs().toNumber()).toBeLessThanOrEqual(1.01);
    expect(errorInWei(fixed.essviStdDev(input), variance.sqrt()).abs().toNumber()).toBeLessThanOrEqual(1.01);
  }
});

test("the normal law is within 1 wei, its Mills ratio within 1 wei and 1e-6 in the far tail", () => {
  const random = new Random(10);
  for (let i = 0; i < 1000; i++) {
    const x = random.wad(-12, 12);
    expect(
      errorInWei(fixed.cdf(x), normalDistribution(real(x)))
        .abs()
        .toNumber(),
    ).toBeLessThanOrEqual(1);
    expect(
      errorInWei(fixed.pdf(x), normalDensity(real(x)))
        .abs()
        .toNumber(),
    ).toBeLessThanOrEqual(1);
    const z = random.wad(0, 3);
    expect(
      errorInWei(fixed.millsRatioWad(z), millsRatio(real(z)))
        .abs()
        .toNumber(),
    ).toBeLessThanOrEqual(1.01);
    const far = random.wad(10, 1000);
    const ratio = real(fixed.millsRatioWad(far)).div(millsRatio(real(far)));
    expect(ratio.minus(1).abs().toNumber()).toBeLessThan(1e-6);
  }
});

test("exponential, logarithm and square root are within a wei", () => {
  const random = new Random(11);
  for (let i = 0; i < 1000; i++) {
    const x = random.wad(-45, 135);
    const exp = Real.exp(real(x));
    expect(errorInWei(fixed.expWad(x), exp).abs().toNumber()).toBeLessThanOrEqual(
      exp.times("1e18").times("1e-22").plus(1).toNumber(),
    );
    const y = random.word(256) + 1n;
    expect(
      errorInWei(fixed.lnWad(y), Real.ln(real(y)))
        .abs()
        .toNumber(),
    ).toBeLessThanOrEqual(1);
    const root = fixed.sqrt(y);
    expect(root * root <= y && (root + 1n) * (root + 1n) > y).toBe(true);
  }
});

test("where the sixth denominator of the Mills ratio changes its sign, the division by zero does no harm", () => {
  // z + A6 + B7/(z + A7 + B8/(z + A8)) = 0 near z = 8.9; in steps of a wei around it
  for (let i = -200n; i <= 200n; i++) {
    const z = 8_900_000_000_000_000_000n + i * 10n ** 15n;
    const ratio = real(fixed.millsRatioWad(z)).div(millsRatio(real(z)));
    expect(ratio.minus(1).abs().toNumber()).toBeLessThan(1e-10);
  }
});
