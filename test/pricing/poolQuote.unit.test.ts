/** The quote's fixed-point parts against the same formulas in 60 digits, written from the specification alone. */

import { Decimal } from "decimal.js";
import { expect, test } from "vitest";
import {
  type PoolQuote,
  poolQuote,
  type QuoteBoard,
  type QuoteFacts,
  type QuoteParameters,
} from "../../pricing/fixed/index.ts";
import { normalDensity, normalDistribution } from "../../pricing/reference/normal.ts";
import { drawBoard, drawSize, drawStrike } from "./quoteHarness.ts";
import { Random } from "./random.ts";

const Exact = Decimal.clone({ precision: 60, toExpNeg: -200, toExpPos: 200 });
type Exact = Decimal;

const DAY = 86_400;
const YEAR = 365 * DAY;
const NOW = 1_800_000_000;

/** A WAD, a size of 6 decimals, or NAV: as the number it stands for. */
const fromWad = (x: bigint): Exact => new Exact(x.toString()).div("1e18");
const fromE6 = (x: bigint): Exact => new Exact(x.toString()).div("1e6");

function strikeTruth(board: QuoteBoard, strikeWad: bigint, isPut: boolean) {
  const [forward, strike] = [fromWad(board.forwardWad), fromWad(strikeWad)];
  const [theta, psi, rho] = [fromWad(board.thetaWad), fromWad(board.psiWad), fromWad(board.rhoWad)];
  const k = strike.div(forward).ln();
  const root = psi
    .times(k)
    .plus(rho.times(theta))
    .pow(2)
    .plus(rho.pow(2).neg().plus(1).times(theta.pow(2)))
    .sqrt();
  const variance = theta.plus(rho.times(psi).times(k)).plus(root).div(2);
  const v = variance.sqrt();
  const d1 = k.neg().div(v).plus(v.div(2));
  const cdf = (x: Exact) => new Exact(normalDistribution(x));
  const call = forward.times(cdf(d1)).minus(strike.times(cdf(d1.minus(v))));
  const density = new Exact(normalDensity(d1));
  const vega = forward.times(density);
  const years = new Exact(board.effectiveSeconds.toString()).div(YEAR);
  return {
    price: isPut ? call.minus(forward).plus(strike) : call,
    delta: isPut ? cdf(d1).minus(1) : cdf(d1),
    gamma: density.div(forward).div(v),
    vegaPerVolatility: vega.times(years.sqrt()),
    // V̂ = ∂price/∂σ · √(30 d/τ) = ∂price/∂v · √(30 d)
    vegaWeighted: vega.times(new Exact(30).div(365).sqrt()),
    volatility: v.div(years.sqrt()),
  };
}

/** cash = Σ qᵢ·BSᵢ + impact + spread + fee, each part as design §5 writes it. */
function truth(parameters: QuoteParameters, facts: QuoteFacts) {
  const { state } = facts;
  const spot = fromWad(state.spotWad);
  const legs = facts.options.map((option) => ({
    size: fromE6(option.size),
    now: strikeTruth(facts.current[option.board]!, option.strikeWad, option.isPut),
    atReport: strikeTruth(facts.atReport[option.board]!, option.strikeWad, option.isPut),
    residual: fromWad(facts.current[option.board]!.residualWad),
    tenor: facts.atReport[option.board]!.expiry - state.surfaceTime,
  }));
  type TruthLeg = (typeof legs)[number];
  const sum = (term: (leg: TruthLeg) => Exact) => legs.reduce((total, leg) => total.plus(term(leg)), new Exact(0));
  const bucket = (tenor: number) => (tenor <= parameters.frontTenor ? 0 : tenor <= parameters.middleTenor ? 1 : 2);

  const [k00, k01, k02, k11, k12, k22] = parameters.vegaPotential.map(fromWad) as [
    Exact,
    Exact,
    Exact,
    Exact,
    Exact,
    Exact,
  ];
  const kappa = [
    [k00, k01, k02],
    [k01, k11, k12],
    [k02, k12, k22],
  ];
  const nav = fromE6(facts.navE6);
  const before = facts.inventory.map(fromE6);
  const later = before.map((x, i) =>
    x.plus(i === 3 ? sum((leg) => leg.size.times(leg.atReport.delta)) : vegaChange(i)),
  );
  function vegaChange(i: number): Exact {
    return sum((leg) => (bucket(leg.tenor) === i ? leg.size.times(leg.atReport.vegaWeighted) : new Exact(0)));
  }
  const surfaceSpot = fromWad(state.surfaceSpotWad);
  const phi = (x: readonly Exact[]) => {
    let quadratic = x[3]!.times(surfaceSpot).pow(2).times(fromWad(parameters.deltaPotential));
    for (const a of [0, 1, 2]) {
      for (const b of [0, 1, 2]) quadratic = quadratic.plus(kappa[a]![b]!.times(x[a]!).times(x[b]!));
    }
    return quadratic.div(nav).div(2);
  };
  const [phiBefore, phiLater] = [phi(before), phi(later)];
  const returned = Exact.min(fromWad(facts.reserveWad), phiBefore).times(phiLater.div(phiBefore).minus(1));

  const rootAge = (time: number) => new Exact(facts.timestamp - time).div(YEAR).sqrt();
  const ageDigit = (time: number) =>
    new Exact(YEAR)
      .div(Math.max(1, facts.timestamp - time))
      .div(2)
      .times("1e-18");
  const c = fromWad(parameters.ageMultiplier);
  const m = (volatility: Exact) => c.times(volatility).times(spot).times(rootAge(state.spotTime));
  const n = c.times(fromWad(parameters.volOfVol)).times(rootAge(state.surfaceTime));
  const s1 = (leg: TruthLeg) => Exact.max(fromWad(parameters.grossVegaSpread), leg.residual);
  const byDelta = sum(({ size, now }) => size.times(now.delta).times(m(now.volatility))).abs();
  const byGamma = sum(({ size, now }) => size.times(now.gamma).times(m(now.volatility).pow(2)))
    .abs()
    .div(2);
  const byVega = sum(({ size, now }) => size.times(now.volatility).times(now.vegaWeighted))
    .abs()
    .times(n);
  // A millionth of each part of the inventory, at its dearest, twice.
  const rounding = k00
    .plus(k11)
    .plus(k22)
    .times(3)
    .times(fromWad(parameters.vegaLimit))
    .plus(fromWad(parameters.deltaPotential).times(fromWad(parameters.deltaLimit)).times(surfaceSpot))
    .times(2e-6);
  const spread = sum(({ size, now }) => size.times(now.vegaPerVolatility))
    .abs()
    .times(fromWad(parameters.netVegaSpread).plus(fromWad(state.disagreementWad)))
    .plus(sum((leg) => leg.size.abs().times(leg.now.vegaPerVolatility).times(s1(leg))))
    .plus(
      sum(({ size }) => size.abs())
        .times(spot)
        .times(fromWad(parameters.notionalSpread)),
    )
    .plus(
      sum(({ size, now }) => size.times(now.delta))
        .abs()
        .times(spot)
        .times(fromWad(parameters.deltaSpread)),
    )
    .plus(byDelta)
    .plus(byGamma)
    .plus(byVega)
    .plus(rounding);
  // Never better than mid: what is paid back is at most the spread.
  const impact = phiLater.gte(phiBefore) ? phiLater.minus(phiBefore) : Exact.max(returned, spread.neg());
  const feeCap = fromWad(parameters.feeCap);
  const fee = sum(({ size, now }) =>
    size.abs().times(Exact.min(spot.times(fromWad(parameters.feeRate)), now.price.times(feeCap))),
  );
  const mid = sum(({ size, now }) => size.times(now.price));
  const least = leastPayoff(facts);

  // ∂Φ: what one unit of vega or delta costs at most before or after the swap.
  const largest = (from: number, to: number) =>
    Exact.max(...before.concat(later).map((x, i) => (i % 4 >= from && i % 4 < to ? x.abs() : new Exact(0))));
  const slope = k00
    .times(3)
    .times(largest(0, 3))
    .plus(
      fromWad(parameters.deltaPotential)
        .times(surfaceSpot.pow(2).plus(surfaceSpot.times(2))) // the delta's worth, before and after, has 6 decimals too
        .times(largest(3, 4)),
    );
  const steepness = slope
    .div(nav)
    .times(impact.isNegative() ? Exact.min(1, fromWad(facts.reserveWad).div(phiBefore)) : 1);
  return {
    mid,
    impact,
    spread,
    fee,
    least,
    // Ages are years in WAD: of a second 11 digits, of its root as many.
    ageDigits: byDelta
      .plus(byGamma.times(2))
      .times(ageDigit(state.spotTime))
      .plus(byVega.times(ageDigit(state.surfaceTime))),
    steepness,
    notional: sum(({ size }) => size.abs()).times(spot),
  };
}

/** The least a package pays at expiry, found by trying every kink and the far right. */
function leastPayoff({ options }: QuoteFacts): Exact | undefined {
  if (new Set(options.map((option) => option.board)).size > 1) return undefined;
  const far = options.reduce((most, { strikeWad }) => Exact.max(most, fromWad(strikeWad)), new Exact(0)).times(2);
  const payoffs = [new Exact(0), ...options.map(({ strikeWad }) => fromWad(strikeWad)), far, far.times(2)].map(
    (price) =>
      options.reduce((sum, { isPut, size, strikeWad }) => {
        const intrinsic = isPut ? fromWad(strikeWad).minus(price) : price.minus(fromWad(strikeWad));
        return sum.plus(fromE6(size).times(Exact.max(0, intrinsic)));
      }, new Exact(0)),
  );
  return payoffs.at(-1)!.lt(payoffs.at(-2)!) ? undefined : Exact.min(...payoffs);
}

/** An ordinary package: fresh to five minutes old data, spot from 100 to 100,000, volatility from 10 % to 200 %. */
function drawOrdinary(random: Random): { parameters: QuoteParameters; facts: QuoteFacts } {
  const spotWad = random.logWad(100, 100_000);
  const surfaceTime = NOW - random.below(300);
  const surfaceSpotWad = (spotWad * random.logWad(0.98, 1.02)) / 10n ** 18n;
  const expiries = [NOW + 2 * DAY + random.below(20 * DAY), NOW + 30 * DAY + random.below(300 * DAY)];
  const current = expiries.map((expiry) => drawBoard(random, false, expiry, NOW, spotWad));
  const atReport = expiries.map((expiry) => drawBoard(random, false, expiry, surfaceTime, surfaceSpotWad));
  const sameExpiry = random.below(2) === 0;
  const vega = () => BigInt(random.below(2e12)) - 10n ** 12n;
  const kappa = random.logWad(0.01, 1);
  return {
    parameters: {
      vegaPotential: [kappa, (kappa * 8n) / 10n, kappa / 2n, kappa, (kappa * 8n) / 10n, kappa],
      deltaPotential: random.logWad(0.001, 1),
      netVegaSpread: random.logWad(0.001, 0.05),
      grossVegaSpread: random.logWad(0.0001, 0.01),
      notionalSpread: random.logWad(0.0001, 0.01),
      deltaSpread: random.logWad(0.0001, 0.01),
      ageMultiplier: random.logWad(0.1, 10),
      volOfVol: random.logWad(0.1, 5),
      feeRate: random.logWad(0.0001, 0.01),
      feeCap: random.logWad(0.01, 0.25),
      vegaLimit: random.logWad(0.1, 10),
      deltaLimit: random.logWad(0.1, 10),
      frontTenor: 14 * DAY,
      middleTenor: 60 * DAY,
    },
    facts: {
      options: Array.from({ length: 1 + random.below(4) }, (_, i) => {
        const board = sameExpiry ? 0 : i % 2;
        const strikeWad = drawStrike(random, false, current[board]!.forwardWad);
        return { size: drawSize(random, false), isPut: random.below(2) === 0, strikeWad, board };
      }),
      state: {
        surfaceTime,
        spotTime: NOW - random.below(15),
        spotWad,
        surfaceSpotWad,
        disagreementWad: random.logWad(0.0001, 0.05),
      },
      atReport,
      current,
      previous: [],
      inventory: [vega(), vega(), vega(), BigInt(random.below(2e9)) - 10n ** 9n],
      reserveWad: random.logWad(1, 1e6),
      navE6: BigInt(1e11 + random.below(1e13)),
      paysBack: true,
      timestamp: NOW,
      quoteDecimals: 18,
    },
  };
}

test("in 60 digits: mid and fee within 1e-18 of notional, spread within 1e-14 and the age's digits, impact within a millionth of each Greek", () => {
  const random = new Random(60);
  const seen = { paidBack: 0, bounded: 0 };
  for (let i = 0; i < 200; i++) {
    const { parameters, facts } = drawOrdinary(random);
    const exact = truth(parameters, facts);
    const { quote } = poolQuote(parameters, facts);
    if (quote.impactWad < 0n) seen.paidBack++;
    if (exact.least) {
      seen.bounded++;
      expect(fromWad(quote.cash).gte(exact.least)).toBe(true); // 18 decimals here
    }
    const ulp = new Exact("2e-18"); // each part is rounded once
    const price = exact.notional.times("1e-18").plus(ulp);
    const spread = exact.notional.times("1e-14").plus(exact.ageDigits).plus(ulp); // Γ is a WAD, and small
    const greek = exact.steepness.times(facts.options.length).times("1e-6").plus(ulp); // inventory has 6 decimals
    expectWithin(quote, exact, "mid", price);
    expectWithin(quote, exact, "fee", price);
    expectWithin(quote, exact, "spread", spread);
    expectWithin(quote, exact, "impact", greek);
  }
  expect(seen.paidBack).toBeGreaterThan(60);
  expect(seen.bounded).toBeGreaterThan(40);
});

type Part = "mid" | "impact" | "spread" | "fee";

function expectWithin(quote: PoolQuote, exact: Readonly<Record<Part, Exact>>, part: Part, tolerance: Exact): void {
  const value = fromWad(quote[`${part}Wad`]);
  const error = value.minus(exact[part]).abs();
  const numbers = [value, exact[part], error, tolerance].map(String);
  expect(error.lte(tolerance), `${part}, truth, error, tolerance: ${numbers.join(", ")}`).toBe(true);
}
