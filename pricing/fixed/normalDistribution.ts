/** Twin of pool-contracts/libraries/pricing/NormalDistribution.sol, bit for bit; the formulas stand there. */

import { bell } from "./exponential.ts";
import { absolute, divide, shiftRight } from "./word.ts";

const WAD = 10n ** 18n;
const A0 = 102_396_387_088_928_846_097n;
const A1 = 134_694_910_984_985_476_683_397n;
const A2 = 15_688_131_124_355_595_907_272_100n;
const A3 = 7_863_320_624_121_979_327_708_855n;
const A4 = 17_918_897_430_828_041_075_410_086n;
const A5 = 28_963_847_947_337_783_091_977_066n;
const A6 = 18_411_931_642_342_016_162_297_002n;
const A7 = 1_188_501_349_849_252_137_265_102n;
const A8 = 7_587_008_343_120_422_843_435_801n;
const B0 = 1_011_439_399_304_076_804_061_982_847_701_184_351_794_304_856_746n;
const B1 = 4_388_521_775_184_776_303_942_581_038_905_184_667_356_465_221_704n;
const B2 = 15_098_634_350_243_647_465_027_216_964_933_110_365_803_828_947_714n;
const B3 = 236_383_493_829_531_770_985_040_177_241_446_477_468_993_396_072_776n;
const B4 = 233_151_791_585_258_227_724_465_145_910_983_251_962_267_189_389_558n;
const B5 = 19_468_696_111_915_206_996_333_617_918_254_280_185_253_717_516_222n;
const B6 = 679_539_457_857_738_572_803_242_253_814_576_424_141_283_843_165_389n;
const B7 = 5_211_458_383_172_936_613_669_371_556_326_274_259_643_916_502_434n;
const B8 = 114_144_552_331_450_355_936_132_582_006_821_857_731_526_455_386_440n;
const SQRT_2PI_Q80 = 3_030_327_641_377_486_072_904_008n;
const WAD_OVER_SQRT_2PI_Q80 = 482_291_623_313_231_213_510_444_942_385_594_877_804_871n;

/** M(z) / √(2π) in Q80 for a standard score z ≥ 0 of 2^21 · 1e18 to one. */
export function millsRatio(z: bigint): bigint {
  let t = z + A8;
  t = z + A7 + divide(B8, t);
  t = z - A6 - divide(B7, t);
  t = z + A5 + divide(B6, t);
  t = z + A4 + divide(B5, t);
  t = z + A3 + divide(B4, t);
  t = z + A2 - divide(B3, t);
  t = z - A1 + divide(B2, t);
  t = z + A0 + divide(B1, t);
  return divide(B0, t);
}

/** Φ(x) in WAD. */
export function cdf(xWad: bigint): bigint {
  const z = score(xWad);
  const { mantissa, shift } = bell(z);
  const tail = shiftRight(WAD * mantissa * millsRatio(z), shift + 125n);
  return xWad < 0n ? tail : WAD - tail;
}

/** φ(x) in WAD. */
export function pdf(xWad: bigint): bigint {
  const { mantissa, shift } = bell(score(xWad));
  return shiftRight(WAD_OVER_SQRT_2PI_Q80 * mantissa, shift + 125n);
}

/** M(x) = (1 − Φ(x)) / φ(x) in WAD for x ≥ 0. */
export function millsRatioWad(xWad: bigint): bigint {
  return (millsRatio(score(xWad)) * SQRT_2PI_Q80 * WAD) >> 160n;
}

function score(xWad: bigint): bigint {
  const z = absolute(xWad);
  return (z >> 85n === 0n ? z : 1n << 85n) << 21n;
}
