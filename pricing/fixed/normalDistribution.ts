/** Twin of pool-contracts/libraries/pricing/NormalDistribution.sol, bit for bit; the formulas stand there. */

import { bell } from "./exponential.ts";
import { absolute, divide, shiftRight } from "./word.ts";

const WAD = 10n ** 18n;
const A0 = 102_362_075_167_201_743_706n;
const A1 = 134_653_725_894_781_567_826_618n;
const A2 = 15_685_578_628_449_111_774_162_805n;
const A3 = 7_867_486_887_006_958_418_028_193n;
const A4 = 17_916_680_253_281_270_625_184_351n;
const A5 = 28_973_506_110_209_161_014_420_646n;
const A6 = 18_421_851_625_415_367_972_815_737n;
const A7 = 1_190_497_956_256_876_179_700_913n;
const A8 = 7_585_031_888_275_046_256_470_124n;
const B0 = 1_011_439_399_107_471_280_123_010_805_988_214_738_331_883_886_907n;
const B1 = 4_388_524_814_664_262_834_026_168_241_025_618_464_012_956_214_630n;
const B2 = 15_096_777_887_875_567_848_440_492_940_789_032_092_851_421_477_135n;
const B3 = 236_386_064_924_032_365_110_013_428_490_039_870_135_580_995_907_774n;
const B4 = 233_114_395_029_271_048_692_780_531_088_853_721_098_171_946_175_737n;
const B5 = 19_464_460_189_987_268_701_253_043_563_930_761_434_008_681_876_729n;
const B6 = 680_005_618_699_548_587_309_084_781_407_288_260_653_397_270_934_984n;
const B7 = 5_210_053_814_706_350_967_087_983_959_860_901_302_228_252_301_750n;
const B8 = 114_132_358_890_171_968_771_823_696_909_479_544_089_492_761_073_989n;
const C0 = 10_717_023_171_259_584_131_998n;
const C1 = 3_805_336_589_542_795_861_390_611n;
const C2 = 18_139_069_928_392_015_485_219_711n;
const C3 = 4_195_826_177_496_400_898_401_155n;
const C4 = 29_591_043_840_728_887_751_209_882n;
const C5 = 36_544_368_209_205_393_058_139_086n;
const D0 = 1_011_333_030_949_133_242_810_854_795_160_843_085_519_816_037_559n;
const D1 = 4_947_501_293_151_314_354_870_410_856_985_574_053_997_330_843_149n;
const D2 = 75_291_842_556_950_295_858_915_934_864_597_651_206_231_803_849_065n;
const D3 = 139_016_815_919_198_214_832_247_766_519_339_270_380_698_738_164_497n;
const D4 = 5_341_610_632_644_549_442_698_955_926_304_308_503_529_153_796_588n;
const D5 = 1_171_255_203_905_761_922_997_508_098_116_749_932_854_364_703_274_206n;
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

/** `millsRatio` by the shorter fraction. */
export function millsRatioShort(z: bigint): bigint {
  let t = z + C5;
  t = z - C4 + divide(D5, t);
  t = z + C3 - divide(D4, t);
  t = z + C2 + divide(D3, t);
  t = z + C1 - divide(D2, t);
  t = z - C0 + divide(D1, t);
  return divide(D0, t);
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
