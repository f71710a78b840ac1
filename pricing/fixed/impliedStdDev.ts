/** Twin of pool-contracts/libraries/pricing/ImpliedStdDev.sol, bit for bit; the formulas stand there. */

import { lnRatio } from "./logarithm.ts";
import { millsRatio } from "./normalDistribution.ts";
import { sqrtNear } from "./squareRoot.ts";

const ONE = (10n ** 18n) << 21n;
const HALF_A_WEI = 1n << 20n;
const HALF_Q80 = 1n << 79n;
const ONE_Q80 = 1n << 80n;
const ONE_SQUARED_Q64 = 238_418_579_101_562_500_000_000_000_000n;
const LN_UNIT_PER_Q80 = 1_818_989_403_545_856_475_830_078n;
const LN_UNIT_PER_Q118 = 6_617_444_900_424n;
const LN_UNIT_PER_Q126 = 25_849_394_142n;
const SQRT_2PI = 5_256_780_499_398_951_965_642_227n;
const ONE_Q79_OVER_SQRT_2PI = 505_719_421_207_294_732_937_928_315_906_917_534_589_120_044_861n;
const P0_THOUSANDTHS = 2_050n;
const P1 = 40_629_245_505_182_907_034_286_831n;
const P2 = 769_693_833_149_090_442_423_439_946_397_489_993_339_907_804_863_688n;
const P3 = 18_770_294_028_269_728_271_430_683n;

/** v in WAD from an out-of-the-money price; 0 < otmWad < smaller ≤ larger < 2^127. */
export function solveImpliedStdDev(otmWad: bigint, smaller: bigint, larger: bigint): bigint {
  const ln = lnRatio(larger, smaller);
  const turn = sqrtNear(ln << 2n);
  const millsTurn = millsRatio(turn);
  const isUpper = fraction(otmWad, smaller) > (HALF_Q80 - millsTurn) << 46n;
  const target = fraction(isUpper ? smaller - otmWad : otmWad, smaller);
  let v = isUpper ? guessAbove(target, turn, HALF_Q80 + millsTurn) : guessBelow(target, ln);
  const side = isUpper ? -1n : 1n;
  const onItsSide = (x: bigint) => (side * x < side * turn ? x : turn);
  for (let round = 0; round < 8; round++) {
    v = onItsSide(v) | HALF_A_WEI;
    const change = step(v, ln, target, side);
    v += change;
    const eleventh = change + (v >> 11n);
    if (eleventh >= 0n && eleventh < v >> 10n) break;
    const quarter = (v - change) >> 2n;
    if (v < quarter) v = quarter;
  }
  return (onItsSide(v) + HALF_A_WEI) >> 21n;
}

/** Householder's step; `side` is 1 below v* and −1 above. */
function step(v: bigint, ln: bigint, target: bigint, side: bigint): bigint {
  const q = (ln << 1n) / v;
  const h = v >> 1n;
  const distance = side * (q - h);
  const z = distance > 0n ? distance : 0n;
  const b = q + h;
  const curvature = (3n * q * q + h * h) / ONE_SQUARED_Q64;
  const mills = millsRatio(z) - side * millsRatio(b);
  const fInLogUnits = lnQuotient(mills << 46n, target) - ((z * z) >> 2n);
  const mu = (-fInLogUnits * mills) / ONE_Q79_OVER_SQRT_2PI;
  const f = fInLogUnits / LN_UNIT_PER_Q80;
  const relative = (mu << 80n) / v;
  const s = (((z * b) / ONE_SQUARED_Q64) * relative) >> 64n;
  const r = (((relative * relative) >> 80n) * curvature) >> 64n;
  const gamma = s + f;
  const numerator = ONE_Q80 + (gamma >> 1n);
  const exact = ONE_Q80 + gamma + (((gamma * (gamma + f)) >> 80n) - r) / 6n;
  return side * ((mu * numerator) / (exact < 1n ? numerator : exact));
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
  const square = (P0_THOUSANDTHS * t) / 1000n - P1 + P2 / (t + P3);
  return (ln << 1n) / sqrtNear(square * ONE);
}

function lnQuotient(x: bigint, y: bigint): bigint {
  return x >= y ? lnRatio(x, y) : -lnRatio(y, x);
}

function fraction(x: bigint, y: bigint): bigint {
  return ((x << 126n) / y) | 1n;
}
