/** Twin of pool-contracts/libraries/pricing/Logarithm.sol, bit for bit; the formulas stand there. */

import { FixedPointError } from "./errors.ts";
import { countLeadingZeros, divide, shiftRight } from "./word.ts";

const WAD = 10n ** 18n;
const SQRT2_Q127 = 240_615_969_168_004_511_545_033_772_477_625_056_927n;
const W = 15_934_309_724_800_968_084_199_522_097_212_809n;
const F0 = 2_612_655_468_864_453_995_424_385_150n;
const F1 = 791_393_606_219_907_563_612_112_552_621_800_353_729_613_908_996_641_992n;
const F2 = 633_132_869_331_386_918_953_153_424n;
const F3 = 11_740_924_861_040_403_779_504_930_698_929_732_633_799_430_696_810_974n;
const F4 = 210_452_860_483_469_387_545_896_578n;
const F5 = 771_896_190_495_548_441_098_288_606_076_588_550_338_224_481_737_029n;
const F6 = 126_498_598_134_575_598_105_242_973n;
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
