/** Twin of pool-contracts/libraries/pricing/Essvi.sol, bit for bit; the formulas stand there. */

import { FixedPointError } from "./errors.ts";
import { sqrtNear } from "./squareRoot.ts";
import { absolute } from "./word.ts";

const WAD = 10n ** 18n;

export interface EssviInput {
  readonly kWad: bigint;
  readonly thetaWad: bigint;
  readonly rhoWad: bigint;
  readonly psiWad: bigint;
}

/** w(k) in WAD, rounded down. */
export function essviTotalVariance(input: EssviInput): bigint {
  return twiceTotalVariance(input) / (2n * WAD);
}

/** √w(k) in WAD. */
export function essviStdDev(input: EssviInput): bigint {
  return sqrtNear(twiceTotalVariance(input) >> 1n);
}

/** Throws where a slice is outside of the domain, as `Essvi.terms` does before any k is looked at. */
export function requireEssviSlice({ thetaWad, rhoWad, psiWad }: Omit<EssviInput, "kWad">): void {
  requireInside({ kWad: 0n, thetaWad, rhoWad, psiWad });
}

function requireInside({ kWad, thetaWad, rhoWad, psiWad }: EssviInput): void {
  const magnitude = kWad < 0n ? -kWad - 1n : kWad; // as xor(k, sign) has it
  if (psiWad >> 62n !== 0n || (thetaWad | magnitude) >> 64n !== 0n || absolute(rhoWad) > WAD) {
    throw new FixedPointError("Essvi_OutOfDomain", [kWad, thetaWad, rhoWad, psiWad]);
  }
}

function twiceTotalVariance(input: EssviInput): bigint {
  requireInside(input);
  const { kWad, thetaWad, rhoWad, psiWad } = input;
  const theta = thetaWad * WAD;
  const psiK = psiWad * kWad;
  const rhoTheta = rhoWad * thetaWad;
  const a = psiK + rhoTheta;
  const square = a * a + theta * theta - rhoTheta * rhoTheta;
  return theta + (rhoWad * psiK) / WAD + sqrtNear(square);
}
