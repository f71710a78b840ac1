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

/** `Shape` of ScenarioGrid.sol: what is known of a portfolio before it is valued. */
export type PortfolioShape = "any" | "short" | "shortCalls" | "shortPuts" | "long";

/** Which scenarios, by their index, may be the worst for a portfolio of a shape; the first, the present, always among them. */
export function front(scenarios: readonly MarginScenario[], shape: PortfolioShape): readonly number[] {
  const all = scenarios.map((_, i) => i);
  if (shape === "any") return all;
  const dominates = (j: number, i: number) => isNowhereBetter(scenarios[j]!, scenarios[i]!, shape);
  return all.filter((i) => i === 0 || !all.some((j) => j !== i && dominates(j, i) && (j < i || !dominates(i, j))));
}

function isNowhereBetter(a: MarginScenario, b: MarginScenario, shape: PortfolioShape): boolean {
  const further = a.spotShockWad - b.spotShockWad;
  if (shape === "long") {
    const isAlike = further === 0n && a.weightPercent === b.weightPercent;
    return isAlike && shift(a, 0n) <= shift(b, 0n) && shift(a, 3n) <= shift(b, 3n);
  }
  if (shape === "short" ? further !== 0n : shape === "shortCalls" ? further < 0n : further > 0n) return false;
  return a.weightPercent >= b.weightPercent && shift(a, 0n) >= shift(b, 0n) && shift(a, 3n) >= shift(b, 3n);
}

function shift({ volatilityShockWad, isInverted }: MarginScenario, factor: bigint): bigint {
  return volatilityShockWad * (isInverted ? factor - 1n : factor);
}
