/** Twin of pool-contracts/libraries/pricing/Logarithm.sol, bit for bit; the formulas stand there. */

import { FixedPointError } from "./errors.ts";
import { countLeadingZeros, divide, shiftRight } from "./word.ts";

const WAD = 10n ** 18n;
const SQRT2_Q127 = 240_615_969_168_004_511_545_033_772_477_625_056_927n;
const W = 15_934_310_935_225_269_499_344_113_304_136_253n;
const F0 = 2_612_655_615_435_011_534_653_208_443n;
const F1 = 791_393_724_436_844_593_182_582_235_640_190_929_434_411_695_962_405_032n;
const F2 = 633_132_902_441_693_033_970_141_660n;
const F3 = 11_740_926_569_219_560_513_195_366_985_614_504_328_309_500_334_651_627n;
const F4 = 210_452_861_169_583_692_690_330_342n;
const F5 = 771_896_303_346_010_298_445_884_022_097_216_115_588_171_349_809_163n;
const F6 = 126_498_592_403_968_575_920_647_079n;
const TWICE = 4_294_967_296_000_000_000_000_000_000_000_000_000_000_000_000n;
const LN2 = 1_524_246_769_571_620_900_605_753_743_617_826_914_139_028_856_792n;
const LN_UNIT_PER_WAD = WAD << 41n;

/** ln(larger / smaller) ≥ 0, 2^41 · 1e36 to one. */
export function lnRatio(larger: bigint, smaller: bigint): bigint {
  const ratio = divide(larger * SQRT2_Q127, smaller);
  const e = 128n - countLeadingZeros(ratio);
  const m = shiftRight(ratio, e);
  const u = ((m - SQRT2_Q127) << 100n) / (m + SQRT2_Q127);
  const w = (u * u) / W;
  const f = F0 - w - F1 / (F2 - w - F3 / (F4 - w - F5 / (F6 - w)));
  return (u * TWICE) / f + e * LN2;
}

/** ln(x) in WAD, rounded toward zero; throws where the Solidity reverts with `Logarithm_OfZero`. */
export function lnWad(xWad: bigint): bigint {
  if (xWad === 0n) throw new FixedPointError("Logarithm_OfZero", []);
  const clearance = countLeadingZeros(xWad);
  const excess = clearance < 129n ? 129n - clearance : 0n;
  const x = xWad >> excess;
  const ln = (x < WAD ? lnRatio(WAD, x) : lnRatio(x, WAD)) + excess * LN2;
  return xWad < WAD ? -(ln / LN_UNIT_PER_WAD) : ln / LN_UNIT_PER_WAD;
}
