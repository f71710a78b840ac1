/** Twin of pool-contracts/libraries/pricing/RollDown.sol, bit for bit; the formulas stand there. */

/** A: options settle on the average of spot over the last 30 minutes, seconds. */
export const AVERAGING_WINDOW = 1_800n;

const THREE_A_SQUARED = 3n * AVERAGING_WINDOW ** 2n;
const TWO_THIRDS_A = (2n * AVERAGING_WINDOW) / 3n;

/** 3A²·τ_eff, exact, of the seconds left until the expiry. */
export function scaledEffectiveTime(secondsLeft: bigint): bigint {
  return secondsLeft < AVERAGING_WINDOW ? secondsLeft ** 3n : (secondsLeft - TWO_THIRDS_A) * THREE_A_SQUARED;
}

/** τ_eff in seconds, rounded up. */
export function effectiveSeconds(secondsLeft: bigint): bigint {
  return (scaledEffectiveTime(secondsLeft) + THREE_A_SQUARED - 1n) / THREE_A_SQUARED;
}

/** `value`·τ′_eff/τ_eff, rounded down: θ or ψ of a slice, `secondsLeft` before the expiry. */
export function rollDown(value: bigint, secondsLeft: bigint, secondsLeftAtReport: bigint): bigint {
  return (value * scaledEffectiveTime(secondsLeft)) / scaledEffectiveTime(secondsLeftAtReport);
}

/** The forward of the settlement average when `elapsed` seconds of the window are fixed at `averageWad`, rounded down. */
export function averagingForward(averageWad: bigint, elapsed: bigint, forwardWad: bigint): bigint {
  return (averageWad * elapsed + forwardWad * (AVERAGING_WINDOW - elapsed)) / AVERAGING_WINDOW;
}
