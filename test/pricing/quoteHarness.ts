/** A pool's pricing on a local chain with every input in the test's hand, and how such inputs are drawn. */

import type { Hex } from "viem";
import type { PoolQuote, QuoteBoard, QuoteFacts, QuoteState } from "../../pricing/fixed/index.ts";
import type { PoolParameters } from "../../src/chain/parameters.ts";
import { startCodeChain } from "./codeChain.ts";
import type { Random } from "./random.ts";

const WAD = 10n ** 18n;
const DAY = 86_400;
export type FullBoard = QuoteBoard & { readonly fresh: boolean; readonly settled: boolean };

export type FullState = QuoteState & {
  readonly round: number;
  readonly surfaceAcceptedAt: number;
  readonly spotAcceptedAt: number;
  readonly unconfirmed: boolean;
};

export interface Priced {
  readonly failure: Hex;
  readonly quote: PoolQuote;
  readonly totals: Readonly<Record<string, bigint | readonly bigint[]>>;
}

/** One moment in the life of the pool that `MarkHarness` plays. */
export interface Scene {
  readonly parameters: PoolParameters;
  readonly quoteDecimals: number;
  readonly state: FullState;
  readonly boards: readonly FullBoard[];
  readonly words: readonly bigint[];
  readonly baseAmount: bigint;
  readonly cash: bigint;
  /** What LPs bring (or, negative, take) at the mark. */
  readonly flow: bigint;
  readonly legs: readonly { readonly option: bigint; readonly size: bigint }[];
}

/** What the pool made of a scene. */
export interface Seen {
  readonly mark: {
    readonly round: number;
    readonly nav: bigint;
    readonly reserve: bigint;
    readonly freshReserve: bigint;
    readonly unwind: bigint;
  };
  readonly netShort: readonly bigint[];
  readonly reserveWad: bigint;
  readonly quote: PoolQuote;
}

export interface QuoteHarness {
  /** `PoolQuote.price` of many packages. */
  prices(parameters: readonly PoolParameters[], facts: readonly QuoteFacts[]): Promise<readonly Priced[]>;
  /** One pool through one scene after another, at block time `timestamp`. */
  play(scenes: readonly Scene[], timestamp: number): Promise<readonly Seen[]>;
  stop(): void;
}

/** Builds both harnesses, starts anvil and puts their code there. */
export async function startQuoteHarness(): Promise<QuoteHarness> {
  const chain = await startCodeChain("test/contracts/pricing/QuoteHarness.sol", "pool-contracts/OptionPool.sol");
  const quotes = await chain.place("0x00000000000000000000000000000000000ba51d", "QuoteHarness");
  const marks = await chain.place("0x00000000000000000000000000000000000ba51e", "MarkHarness", "QuoteHarness");
  const poolCode = await chain.creationCode("OptionPool");
  return {
    prices: async (parameters, facts) => (await quotes.call("prices", [parameters, facts])) as readonly Priced[],
    play: async (scenes, timestamp) => (await marks.call("play", [poolCode, scenes], timestamp)) as readonly Seen[],
    stop: () => chain.stop(),
  };
}

/** Any parameters that `OptionPool` accepts. */
export function drawParameters(random: Random): PoolParameters {
  const upTo = (bound: bigint) => (random.below(8) === 0 ? random.pick([0n, bound]) : random.word(90) % (bound + 1n));
  const kappa = upTo(WAD);
  const frontTenor = random.below(30 * DAY);
  return {
    vegaPotential: [kappa, (kappa * 8n) / 10n, kappa / 2n, kappa, (kappa * 8n) / 10n, kappa],
    deltaPotential: upTo(10n * WAD),
    netVegaSpread: upTo(WAD / 2n),
    grossVegaSpread: upTo(WAD / 2n),
    notionalSpread: upTo(WAD / 20n),
    deltaSpread: upTo(WAD / 20n),
    ageMultiplier: upTo(20n * WAD),
    volOfVol: upTo(20n * WAD),
    feeRate: upTo(WAD / 100n),
    feeCap: upTo(WAD / 4n),
    maxDelta: WAD,
    minDelta: 0n,
    vegaLimit: 100n * WAD,
    deltaLimit: 10n * WAD,
    expiryVegaLimit: 100n * WAD,
    expiryGammaLimit: 10_000n * WAD,
    vegaFlowLimit: 100n * WAD,
    deltaFlowLimit: 10n * WAD,
    utilisationLimit: WAD,
    redemptionShare: WAD,
    takeSpread: 0n,
    takeLimit: 0n,
    markBountyRate: 0n,
    navFloor: 1n + random.word(95),
    minTenor: 3600,
    maxTenor: 1000 * DAY,
    maxSpotAge: 3600,
    maxSurfaceAge: DAY,
    worseOfSeconds: random.below(3601),
    flowSeconds: 60,
    reduceOnly: false,
    frontTenor,
    middleTenor: frontTenor + 1 + random.below(90 * DAY),
  };
}

/** A board as the oracle may serve it: a slice's fields at their own resolution. `extreme` takes their whole range. */
export function drawBoard(random: Random, extreme: boolean, expiry: number, now: number, spotWad: bigint): FullBoard {
  const unit = (bits: number) => random.word(bits);
  const forwardWad = (spotWad * (10_000_000n + BigInt(random.below(400_000) - 200_000))) / 10_000_000n;
  const seconds = BigInt(Math.max(0, expiry - now - 1200));
  const common = { expiry, forwardWad, residualWad: unit(12) * 10n ** 14n, fresh: true, settled: false };
  if (extreme) {
    const thetaWad = random.below(10) === 0 ? 0n : unit(40) * 10n ** 7n;
    const effectiveSeconds = random.below(6) === 0 ? unit(8) : seconds;
    return { ...common, effectiveSeconds, thetaWad, psiWad: unit(36) * 10n ** 8n, rhoWad: drawRho(random) };
  }
  const thetaWad = (random.logWad(0.01, 4) * seconds) / 31_536_000n; // σ from 10 % to 200 %
  const psiWad = (thetaWad * random.logWad(0.05, 1.5)) / WAD;
  return { ...common, effectiveSeconds: seconds, thetaWad, psiWad, rhoWad: drawRho(random) };
}

function drawRho(random: Random): bigint {
  return (BigInt(random.below(65_536) - 32_768) * WAD) / 32_768n;
}

/** Signed. `extreme` goes up to 2^62, as an inventory does. */
export function drawSize(random: Random, extreme: boolean): bigint {
  const magnitude = extreme ? 1n + random.word(62) : BigInt(10_000 + random.below(200_000_000));
  return random.below(2) === 0 ? magnitude : -magnitude;
}

/** A strike on the ledger's scale of 1e-6, near the money unless `extreme`. */
export function drawStrike(random: Random, extreme: boolean, forwardWad: bigint): bigint {
  if (extreme && random.below(2) === 0) return (1n + random.word(47)) * 10n ** 12n;
  const strikeE6 = (forwardWad * random.logWad(0.5, 2)) / WAD / 10n ** 12n;
  return (strikeE6 === 0n ? 1n : strikeE6 % (1n << 48n)) * 10n ** 12n;
}
