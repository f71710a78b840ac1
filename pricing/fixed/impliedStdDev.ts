/** Twin of pool-contracts/libraries/pricing/ImpliedStdDev.sol, bit for bit; the formulas stand there. */

import { lnRatio } from "./logarithm.ts";
import { millsRatio } from "./normalDistribution.ts";
import { sqrtNear } from "./squareRoot.ts";
import { absolute } from "./word.ts";

const ONE = (10n ** 18n) << 21n;
const HALF_Q80 = 1n << 79n;
const LN_UNIT_PER_Q118 = 6_617_444_900_424n;
const LN_UNIT_PER_Q126 = 25_849_394_142n;
const SQRT_2PI = 5_256_780_499_398_951_965_642_227n;
const ONE_Q79_OVER_SQRT_2PI = 505_719_421_207_294_732_937_928_315_906_917_534_589_120_044_861n;
const P0_THOUSANDTHS = 1_977n;
const P1 = -33_051_115_520_000_000_000_000_000n;
const P2 = 487_171_612_034_990_080_000_000_000_000_000_000_000_000_000_000_000n;
const P3 = 14_401_142_784_000_000_000_000_000n;

/** v in WAD from an out-of-the-money price; 0 < otmWad < smaller ≤ larger < 2^127. */
export function solveImpliedStdDev(otmWad: bigint, smaller: bigint, larger: bigint): bigint {
  const ln = lnRatio(larger, smaller);
  const turn = sqrtNear(ln << 2n);
  const millsTurn = millsRatio(turn);
  const isUpper = relative(otmWad, smaller) > (HALF_Q80 - millsTurn) << 46n;
  const target = relative(isUpper ? smaller - otmWad : otmWad, smaller);
  let v = isUpper ? guessAbove(target, turn, HALF_Q80 + millsTurn) : guessBelow(target, ln);
  if (!isUpper && v > turn) v = turn;
  for (let round = 0; round < 8; round++) {
    if (v < 1n << 20n) v = 1n << 20n;
    const before = v;
    v += step(v, ln, target, isUpper);
    if (v < before >> 2n) v = before >> 2n;
    if (isUpper ? v < turn : v > turn) v = turn;
    if (absolute(v - before) <= before >> 11n) break;
  }
  return (v + (1n << 20n)) >> 21n;
}

function step(v: bigint, ln: bigint, target: bigint, isUpper: boolean): bigint {
  const moneyness = (ln << 1n) / v;
  const b = moneyness + (v >> 1n);
  const exact = moneyness - (v >> 1n);
  const a = (isUpper ? exact > 0n : exact < 0n) ? 0n : exact;
  const millsA = millsRatio(absolute(a));
  const difference = (isUpper ? -millsA : millsA) - millsRatio(b);
  const lnModel = lnQuotient(absolute(difference) << 46n, target);
  const fInLogUnits = lnModel - (a * a) / 4n;
  const nu = (-fInLogUnits * difference) / ONE_Q79_OVER_SQRT_2PI;
  const f = fInLogUnits / (ONE / 2n);
  const ratio = (nu * ONE) / v;
  const s = (((a * b) / ONE) * ratio) / ONE;
  const score = (moneyness * ratio) / ONE;
  const r = -(3n * score * score + (nu * nu) / 4n) / ONE;
  const gamma = s + f;
  const denominator = ONE + gamma + ((s * s + 3n * f * s + 2n * f * f) / ONE + r) / 6n;
  return denominator <= 0n ? nu : (nu * (ONE + gamma / 2n)) / denominator;
}

function guessAbove(target: bigint, turn: bigint, millsSum: bigint): bigint {
  const y = lnQuotient(millsSum << 46n, target) / (ONE / 2n);
  const s = (millsSum * SQRT_2PI) >> 80n;
  return turn + (s * y) / sqrtNear(ONE * ONE + (((s * s) / ONE) * y) / 8n);
}

function guessBelow(target: bigint, ln: bigint): bigint {
  const k = ln / LN_UNIT_PER_Q126;
  if (target << 1n > k) return (((target + (k >> 1n)) >> 46n) * SQRT_2PI) >> 80n;
  const t = (lnQuotient(ln / LN_UNIT_PER_Q118, (target >> 8n) | 1n) + (ln >> 1n)) / (ONE / 2n);
  const square = (P0_THOUSANDTHS * t) / 1000n + P1 + P2 / (t + P3);
  return (ln << 1n) / sqrtNear(square * ONE);
}

function lnQuotient(x: bigint, y: bigint): bigint {
  return x >= y ? lnRatio(x, y) : -lnRatio(y, x);
}

function relative(x: bigint, y: bigint): bigint {
  return ((x << 126n) / y) | 1n;
}
