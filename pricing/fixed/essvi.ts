/** Twin of pool-contracts/libraries/pricing/Essvi.sol, bit for bit; the formulas stand there. */

import { FixedPointError } from "./errors.ts";
import { sqrtNear } from "./squareRoot.ts";
import { absolute } from "./word.ts";

const WAD = 10n ** 18n;
const WAD_PER_TERM = WAD >> 8n;

export interface EssviInput {
  readonly kWad: bigint;
  readonly thetaWad: bigint;
  readonly rhoWad: bigint;
  readonly psiWad: bigint;
}

/** w(k) in WAD, rounded down. */
export function essviTotalVariance(input: EssviInput): bigint {
  return twiceTotalVariance(input) / (2n * WAD_PER_TERM);
}

/** √w(k) in WAD. */
export function essviStdDev(input: EssviInput): bigint {
  return sqrtNear(twiceTotalVariance(input) << 7n);
}

function twiceTotalVariance({ kWad, thetaWad, rhoWad, psiWad }: EssviInput): bigint {
  const magnitude = kWad < 0n ? -kWad - 1n : kWad; // as xor(k, sign) has it
  if ((thetaWad | psiWad | magnitude) >> 67n !== 0n || absolute(rhoWad) > WAD) {
    throw new FixedPointError("Essvi_OutOfDomain", [kWad, thetaWad, rhoWad, psiWad]);
  }
  const theta = thetaWad * WAD_PER_TERM;
  const psiK = (psiWad * kWad) >> 8n;
  const rhoTheta = (rhoWad * thetaWad) >> 8n;
  const a = psiK + rhoTheta;
  const square = a * a + theta * theta - rhoTheta * rhoTheta;
  const twice = theta + (rhoWad * psiK) / WAD + sqrtNear(square);
  return twice > 0n ? twice : 0n;
}
