/** Twin of pool-contracts/libraries/risk/ScenarioGrid.sol, bit for bit; the words are drawn there. */

const UNIT_WAD = 10n ** 15n; // ‰
const MAX_SCENARIOS = 24;
const MIN_SPOT_SHOCK = -999n * UNIT_WAD;
const MAX_SPOT_SHOCK = 1000n * UNIT_WAD;
const MAX_VOLATILITY_SHOCK = 2047n * UNIT_WAD;

/** One scenario of a margin grid. */
export interface MarginScenario {
  readonly spotShockWad: bigint;
  /** Relative, for a tenor of 30 days. */
  readonly volatilityShockWad: bigint;
  /** Front and back of the term structure move opposite ways. */
  readonly isInverted: boolean;
  /** How much of a loss counts, %. */
  readonly weightPercent: bigint;
}

/** The scenarios of a grid's three words, in order, up to the first without weight. */
export function unpackGrid(words: readonly bigint[]): readonly MarginScenario[] {
  const scenarios: MarginScenario[] = [];
  while (scenarios.length < MAX_SCENARIOS) {
    const lane = (words[scenarios.length >> 3] ?? 0n) >> BigInt((scenarios.length & 7) * 32);
    const weightPercent = lane & 0x7fn;
    if (weightPercent === 0n) break;
    scenarios.push({
      spotShockWad: BigInt.asIntN(12, lane >> 20n) * UNIT_WAD,
      volatilityShockWad: BigInt.asIntN(12, lane >> 8n) * UNIT_WAD,
      isInverted: ((lane >> 7n) & 1n) === 1n,
      weightPercent,
    });
  }
  return scenarios;
}

/** Twice a grid at the corners of what counts whole: what `stressed` values. */
export function doubledCorners(scenarios: readonly MarginScenario[]): readonly MarginScenario[] {
  const rangeOf = (shocks: readonly bigint[]) => [0n, ...shocks].toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  // Damped tails reach twice the grid as it is.
  const whole = scenarios.filter(({ weightPercent }) => weightPercent === 100n);
  const spots = rangeOf(whole.map(({ spotShockWad }) => 2n * spotShockWad));
  const parallel = whole.filter(({ isInverted }) => !isInverted);
  const volatilities = rangeOf(parallel.map(({ volatilityShockWad }) => 2n * volatilityShockWad));
  const ends = (range: readonly bigint[]) => [range[0] ?? 0n, range.at(-1) ?? 0n];
  const corners = ends(spots).flatMap((spot) =>
    ends(volatilities).map((volatility) => ({
      spotShockWad: clamp(spot, MIN_SPOT_SHOCK, MAX_SPOT_SHOCK),
      volatilityShockWad: clamp(volatility, -MAX_VOLATILITY_SHOCK, MAX_VOLATILITY_SHOCK),
      isInverted: false,
      weightPercent: 100n,
    })),
  );
  return [...scenarios.slice(0, 1), ...corners];
}

function clamp(x: bigint, low: bigint, high: bigint): bigint {
  if (x < low) return low;
  return x > high ? high : x;
}
