/** Pricing and margin in float64 against decimals and against the arithmetic to the unit. */
import { expect, test } from "vitest";
import { type MarginFacts, scenarioMargin, unpackGrid } from "../../pricing/fixed/index.ts";
import { FloatBoard, FloatMargin, StrikeValue, valueStrike } from "../../pricing/float/index.ts";
import { black76Reference } from "../../pricing/reference/black76.ts";
import { exactly } from "../../pricing/reference/decimal.ts";
import { normalDensity, normalDistribution } from "../../pricing/reference/normal.ts";
import { defaultGrids } from "../../src/chain/parameters.ts";
import { createRandom, type Random } from "../../src/market/random.ts";

const YEAR = 365 * 86_400;
const NOW = 1_800_000_000;

function drawBoard(random: Random, spot: number, days: number) {
  const expiry = NOW + Math.round(days * 86_400);
  const effective = expiry - NOW - 1_200;
  const theta = (0.3 + random.uniform()) ** 2 * (effective / YEAR);
  const slice = {
    theta,
    psi: 0.9 * Math.sqrt(theta),
    rho: 1.2 * random.uniform() - 0.8,
    basis: 0.001,
    residual: 0.002,
  };
  const board = new FloatBoard();
  board.draw({ expiry, ...slice }, NOW, NOW, spot * (1 + slice.basis));
  return board;
}

test("call, put, delta and vega are those of sixty digits, to 1e-13 of the forward", () => {
  const random = createRandom("float");
  const seen = new StrikeValue();
  for (let i = 0; i < 400; i++) {
    const board = drawBoard(random, 1_000 + 3_000 * random.uniform(), 0.2 + 300 * random.uniform() ** 2);
    const strike = Math.round(board.forward * Math.exp(random.normal() * 1.5 * Math.sqrt(board.theta)));
    valueStrike(board, strike, seen);
    const v = exactly(seen.stdDev);
    const d1 = exactly(board.forward).div(strike).ln().div(v).plus(v.div(2));
    const truth = {
      call: black76Reference(board.forward, strike, seen.stdDev, "call"),
      put: black76Reference(board.forward, strike, seen.stdDev, "put"),
      callDelta: normalDistribution(d1).times(board.forward),
      vega: normalDensity(d1).times(board.forward),
    };
    const { call, put, vega } = seen;
    const got = { call, put, vega, callDelta: seen.callDelta * board.forward };
    for (const name of ["call", "put", "callDelta", "vega"] as const) {
      const error = Math.abs(truth[name].minus(got[name]).toNumber()) / board.forward;
      expect({ i, name, error }).toMatchObject({ error: expect.toSatisfy((x) => x < 1e-13) });
    }
  }
});

test("scenario margin of random portfolios is that to the unit, to a billionth of the notional", () => {
  const random = createRandom("margin");
  const { shortWad, skewWad, basisWad } = defaultGrids.contingencies;
  const scenarios = unpackGrid(defaultGrids.initial);
  const margin = new FloatMargin(scenarios, { short: 0.01, skew: 0.1, basis: 0.003 });
  const wad = (x: number) => BigInt(Math.round(x * 1e15)) * 1_000n;
  for (let i = 0; i < 250; i++) {
    const spot = 2_000 + 1_000 * random.uniform();
    const boards = [1.1, 8, 40].map((days) => drawBoard(random, spot, days));
    const size = () => (random.uniform() < 0.4 ? 0 : Math.round(2e7 * (random.uniform() - (i % 4) / 3)));
    const positions = Array.from({ length: 1 + (i % 12) }, () => {
      const strike = 25 * Math.round((spot * (0.6 + 0.9 * random.uniform())) / 25);
      return { strike, calls: size(), puts: size(), board: Math.floor(3 * random.uniform()) };
    });
    const baseSize = i % 3 === 0 ? Math.round(1e7 * random.uniform()) : 0;
    const facts: MarginFacts = {
      scenarios,
      contingencies: { shortWad, skewWad, basisWad },
      positions: positions.map(({ strike, calls, puts, board }) => {
        return { strikeWad: wad(strike), calls: BigInt(calls), puts: BigInt(puts), board };
      }),
      baseSize: BigInt(baseSize),
      confirmed: {
        spotWad: wad(spot),
        boards: boards.map(({ forward, theta, psi, rho, effectiveSeconds }) => ({
          effectiveSeconds: BigInt(effectiveSeconds),
          forwardWad: wad(forward),
          thetaWad: wad(theta),
          psiWad: wad(psi),
          rhoWad: wad(rho),
          settled: false,
          fixedWad: 0n,
        })),
      },
      disagreementWad: wad(0.002),
      staleSpotWad: i % 2 === 0 ? 0n : wad(0.01),
      quoteDecimals: 6,
    };
    const exact = scenarioMargin(facts);
    const market = { boards, spot, disagreement: 0.002, staleSpot: i % 2 === 0 ? 0 : 0.01 };
    const worst = margin.worst(positions, baseSize, market);
    const notional =
      spot * (baseSize + positions.reduce((sum, { calls, puts }) => sum + Math.abs(calls) + Math.abs(puts), 0));
    const bound = 1e-9 * notional + 1;
    const errors = [
      worst - Number(exact.worst),
      margin.mid - Number(exact.mid),
      margin.stressed - Number(exact.stressed),
    ];
    expect({ i, errors, bound }).toMatchObject({
      errors: errors.map(() => expect.toSatisfy((x) => Math.abs(x) <= bound)),
    });
  }
});
