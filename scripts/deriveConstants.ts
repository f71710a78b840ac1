/**
 * Derives every constant of the pricing libraries from nothing but the functions they stand for, and prints the error
 * of each approximation.
 *
 *   node --import tsx scripts/deriveConstants.ts            print constants and errors, compare with the files
 *   node --import tsx scripts/deriveConstants.ts --write    put them into the Solidity libraries and their twins
 */

import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { Decimal } from "decimal.js";
import { millsRatio, normalDensity, normalDistribution, Real } from "../pricing/reference/normal.ts";
import { fitRational, type JacobiFraction, type Rational, toJacobiFraction } from "./rationalFit.ts";

export interface Library {
  /** Relative to the root, without the ending: the Solidity library, and its twin. */
  readonly solidity: string;
  readonly twin: string;
  readonly constants: Readonly<Record<string, bigint>>;
}

export interface Derivation {
  readonly libraries: readonly Library[];
  /** Largest error of each approximation, in the measure its library states. */
  readonly errors: Readonly<Record<"exp" | "ln" | "mills" | "millsShort" | "guess", Decimal>>;
}

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "..");
const two = new Real(2);
const ln2 = Real.ln(2);
const pi = Real.acos(-1);
const wad = new Real("1e18");
/** A standard score of one. */
const score = wad.times(two.pow(21));
/** ln(K/F) of one: score² / 2, so that dividing by v/2 as a score gives |k|/v as a score. */
const lnUnit = score.times(score).div(2);
const secondsPerYear = 365 * 24 * 60 * 60;

const rounded = (x: Decimal): bigint => BigInt(x.toFixed(0));

/** Points between `low` and `high`, denser towards the ends, where the ripples of an approximation are narrow. */
function chebyshevGrid(low: Decimal, high: Decimal, count: number): Decimal[] {
  return Array.from({ length: count }, (_, i) => {
    const t = (1 - Math.cos((Math.PI * (i + 0.5)) / count)) / 2;
    return high.minus(low).times(t).plus(low);
  });
}

/** g(u) = x·coth(x/2), u = x², for |x| ≤ ln2/2: the measure is the relative error of e^x = (g + x)/(g − x). */
function fitExponential(): Rational {
  const points = chebyshevGrid(new Real(0), ln2.div(2), 400);
  const f = points.map((x) => x.times(Real.exp(x).plus(1)).div(Real.exp(x).minus(1)));
  const weight = points.map((x, i) => x.times(2).div(f[i]!.pow(2).minus(x.pow(2))));
  return fitRational({ grid: points.map((x) => x.pow(2)), f, weight }, 3, 2);
}

/** f(u²) = 2u/ln((1 + u)/(1 − u)) for |u| ≤ (√2 − 1)/(√2 + 1): the measure is the absolute error of ln = 2u/f. */
function fitLogarithm(): Rational {
  const end = two.sqrt().minus(1).div(two.sqrt().plus(1));
  const points = chebyshevGrid(new Real(0), end, 400);
  const f = points.map((u) => u.times(2).div(Real.ln(u.plus(1).div(new Real(1).minus(u)))));
  const weight = points.map((u, i) => u.times(2).div(f[i]!.pow(2)));
  return fitRational({ grid: points.map((u) => u.pow(2)), f, weight }, 4, 3);
}

/** M(z) for z ≥ 0, where the error is weighted by φ(z), and by 1e-18 where φ is smaller, so that the tail keeps its form. */
function fitMillsRatio(levels: number): Rational {
  const grid = Array.from({ length: 500 }, (_, i) => new Real(i / 499).pow("1.3").times(12));
  const f = grid.map((z) => millsRatio(z));
  const weight = grid.map((z) => Real.max(normalDensity(z), "1e-18"));
  return fitRational({ grid, f, weight }, levels - 1, levels);
}

/**
 * d² as a function of T = −ln(φ(d)/d − Φ(−d)), for prices c from half of k down to 2^−127: the measure is the relative error
 * of v = k/d, with which the search for an implied deviation begins.
 */
function fitGuess(): Rational {
  const d = chebyshevGrid(new Real("0.436"), new Real(13), 400);
  const grid = d.map((x) => Real.ln(normalDensity(x).div(x).minus(normalDistribution(x.neg()))).neg());
  return fitRational({ grid, f: d.map((x) => x.pow(2)), weight: d.map((x) => x.pow(-2).div(2)) }, 2, 1);
}

function exponentialConstants({ slope, offset, levels }: JacobiFraction): Library {
  const unit = two.pow(80).div(ln2); // x is counted in ln2/2^80
  const scale = slope.times(unit); // of u: where it has the slope one
  const [first, second] = levels;
  if (!first || !second) throw new Error("the fit of exp has lost a level");
  return {
    solidity: "Exponential",
    twin: "exponential",
    constants: {
      U: rounded(unit.div(slope)),
      G0: rounded(offset.times(unit)),
      G1: rounded(first.b.neg().times(unit).times(scale)),
      G2: rounded(first.a.times(scale)),
      G3: rounded(second.b.neg().times(scale.pow(2))),
      G4: rounded(second.a.times(scale)),
      Z_PER_BIT: rounded(ln2.times(2).times(score.pow(2)).div(two.pow(80))),
      BITS_PER_WAD_Q96: rounded(two.pow(176).div(ln2.times(wad))),
    },
  };
}

function logarithmConstants({ slope, offset, levels }: JacobiFraction): Library {
  const unit = two.pow(90); // of f
  const scale = slope.neg().times(unit); // of w
  const [first, second, third] = levels;
  if (!first || !second || !third) throw new Error("the fit of ln has lost a level");
  return {
    solidity: "Logarithm",
    twin: "logarithm",
    constants: {
      SQRT2_Q127: BigInt(two.sqrt().times(two.pow(127)).floor().toFixed(0)),
      W: rounded(two.pow(200).div(scale)),
      F0: rounded(offset.times(unit)),
      F1: rounded(first.b.times(unit).times(scale)),
      F2: rounded(first.a.neg().times(scale)),
      F3: rounded(second.b.neg().times(scale.pow(2))),
      F4: rounded(second.a.neg().times(scale)),
      F5: rounded(third.b.neg().times(scale.pow(2))),
      F6: rounded(third.a.neg().times(scale)),
      TWICE: rounded(lnUnit.times(2).times(unit).div(two.pow(100))),
      LN2: rounded(ln2.times(lnUnit)),
    },
  };
}

function normalConstants(long: JacobiFraction, short: JacobiFraction): Library {
  const q80 = two.pow(80);
  const sqrtTwoPi = pi.times(2).sqrt();
  const constants: Record<string, bigint> = {};
  const add = ({ levels }: JacobiFraction, nameOfA: string, nameOfB: string) =>
    levels.forEach(({ a, b }, level) => {
      constants[`${nameOfA}${level}`] = rounded(a.times(score).abs());
      constants[`${nameOfB}${level}`] = rounded(
        level === 0 ? b.times(score).times(q80).div(sqrtTwoPi) : b.times(score.pow(2)).abs(),
      );
    });
  add(long, "A", "B");
  add(short, "C", "D");
  constants.SQRT_2PI_Q80 = rounded(sqrtTwoPi.times(q80));
  constants.WAD_OVER_SQRT_2PI_Q80 = rounded(wad.times(q80).div(sqrtTwoPi));
  return { solidity: "NormalDistribution", twin: "normalDistribution", constants };
}

function impliedStdDevConstants({ slope, offset, levels: [level] }: JacobiFraction): Library {
  if (!level) throw new Error("the fit of the guess has lost its level");
  const sqrtTwoPi = pi.times(2).sqrt();
  return {
    solidity: "ImpliedStdDev",
    twin: "impliedStdDev",
    constants: {
      LN_UNIT_PER_Q118: rounded(lnUnit.div(two.pow(118))),
      LN_UNIT_PER_Q126: rounded(lnUnit.div(two.pow(126))),
      SQRT_2PI: rounded(score.times(sqrtTwoPi)),
      ONE_Q79_OVER_SQRT_2PI: rounded(score.times(two.pow(79)).div(sqrtTwoPi)),
      ONE_SQUARED_Q64: rounded(score.pow(2).div(two.pow(64))),
      LN_UNIT_PER_Q80: rounded(lnUnit.div(two.pow(80))),
      P0_THOUSANDTHS: rounded(slope.times(1000)),
      P1: rounded(offset.neg().times(score)),
      P2: rounded(level.b.times(score.pow(2))),
      P3: rounded(level.a.times(score)),
    },
  };
}

/** Fits every approximation: about two seconds. */
export function deriveConstants(): Derivation {
  const exp = fitExponential();
  const ln = fitLogarithm();
  const mills = fitMillsRatio(9);
  const millsShort = fitMillsRatio(6);
  const guess = fitGuess();
  return {
    libraries: [
      exponentialConstants(toJacobiFraction(exp)),
      logarithmConstants(toJacobiFraction(ln)),
      normalConstants(toJacobiFraction(mills), toJacobiFraction(millsShort)),
      impliedStdDevConstants(toJacobiFraction(guess)),
      {
        solidity: "SquareRoot",
        twin: "squareRoot",
        constants: { SQRT_HALF_Q128: BigInt(two.pow("127.5").floor().toFixed(0)) },
      },
      {
        solidity: "Black76",
        twin: "black76",
        constants: { INVERSE_SQRT_2PI_Q80: rounded(two.pow(80).div(pi.times(2).sqrt())) },
      },
      {
        solidity: "BlackScholes",
        twin: "blackScholes",
        constants: {
          BITS_PER_WAD_SECOND_Q96: rounded(two.pow(176).div(ln2.times(wad).times(secondsPerYear))),
          YEARS_PER_SECOND_Q200: rounded(two.pow(200).div(secondsPerYear)),
        },
      },
    ],
    errors: { exp: exp.error, ln: ln.error, mills: mills.error, millsShort: millsShort.error, guess: guess.error },
  };
}

const files = (library: Library) => [
  path.join(root, `pool-contracts/libraries/pricing/${library.solidity}.sol`),
  path.join(root, `pricing/fixed/${library.twin}.ts`),
];

const declaration = (name: string) => new RegExp(`(\\b${name} =\\s+)([\\d_]+)(n?;)`);

/** What the Solidity library and its twin hold for each constant, as "File: NAME is x, derived is y". */
export function differences({ libraries }: Derivation): string[] {
  return libraries.flatMap((library) =>
    files(library).flatMap((file) => {
      const text = readFileSync(file, "utf8");
      return Object.entries(library.constants).flatMap(([name, derived]) => {
        const held = declaration(name).exec(text)?.[2]?.replaceAll("_", "");
        return held === derived.toString() ? [] : [`${path.basename(file)}: ${name} is ${held}, derived is ${derived}`];
      });
    }),
  );
}

function write({ libraries }: Derivation): void {
  for (const library of libraries) {
    for (const file of files(library)) {
      let text = readFileSync(file, "utf8");
      for (const [name, derived] of Object.entries(library.constants)) {
        const digits = file.endsWith(".ts") ? derived.toString().replace(/\B(?=(\d{3})+$)/g, "_") : derived.toString();
        text = text.replace(declaration(name), (_, before, __, after) => `${before}${digits}${after}`);
      }
      writeFileSync(file, text);
    }
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const derivation = deriveConstants();
  for (const library of derivation.libraries) {
    console.log(library.solidity);
    for (const [name, value] of Object.entries(library.constants)) console.log(`  ${name.padEnd(24)} ${value}`);
  }
  console.log("largest errors");
  console.log(`  exp    ${derivation.errors.exp.toExponential(2)}  relative, |x| ≤ ln2/2`);
  console.log(`  ln     ${derivation.errors.ln.toExponential(2)}  absolute, 1/√2 ≤ m ≤ √2`);
  console.log(`  mills  ${derivation.errors.mills.toExponential(2)}  weighted by φ(z), z ≥ 0`);
  console.log(`  short  ${derivation.errors.millsShort.toExponential(2)}  of the shorter fraction, likewise`);
  console.log(`  guess  ${derivation.errors.guess.toExponential(2)}  relative, of an implied deviation as k → 0`);
  if (process.argv.includes("--write")) write(derivation);
  const found = differences(derivation);
  for (const difference of found) console.error(difference);
  process.exitCode = found.length ? 1 : 0;
}
