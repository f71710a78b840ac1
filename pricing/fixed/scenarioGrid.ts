/** Twin of pool-contracts/libraries/risk/ScenarioGrid.sol, bit for bit; the words are drawn there. */

const UNIT_WAD = 10n ** 15n; // ‰
const MAX_SCENARIOS = 24;

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
