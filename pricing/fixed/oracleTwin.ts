/** Twin of what pool-contracts/MarketOracle.sol serves of one market's confirmed reports, bit for bit. */

import { FixedPointError } from "./errors.ts";
import type { QuoteBoard, QuoteState } from "./poolQuote.ts";
import { AVERAGING_WINDOW, averagingForward, effectiveSeconds, rollDown } from "./rollDown.ts";
import type { MarginBoard } from "./scenarioMargin.ts";

const WAD = 10n ** 18n;
const WINDOW_SECONDS = Number(AVERAGING_WINDOW);
// Units of a slice's fields, `types/Slice.sol`.
const THETA_UNIT_WAD = 10n ** 7n;
const PSI_UNIT_WAD = 10n ** 8n;
const RHO_UNIT_WAD = WAD / 32_768n;
const BASIS_UNIT_WAD = 10n ** 11n;
const RESIDUAL_UNIT_WAD = 10n ** 14n;
const DISAGREEMENT_UNIT_WAD = 10n ** 14n;

/** One eSSVI slice as it is signed and stored; units as in `types/Slice.sol`. */
export interface ReportSlice {
  readonly expiry: number;
  /** θ in 1e-11, at most 40 bits. */
  readonly theta: bigint;
  /** ψ in 1e-10, at most 36 bits. */
  readonly psi: bigint;
  /** ρ in 2⁻¹⁵. */
  readonly rho: number;
  /** F/S − 1 in 1e-7. */
  readonly basis: number;
  /** Fit residual in 1e-4 of volatility, at most 12 bits. */
  readonly residual: number;
}

/** The mean of spot over the part of an averaging window that has passed. */
export interface RunningAverage {
  readonly expiry: number;
  /** WAD. */
  readonly average: bigint;
  /** Seconds of the window's 1800 that have passed. */
  readonly elapsed: number;
}

/** A report as the market takes it; without a round and slices it is one of spot. */
export interface TwinReport {
  readonly modelTime: number;
  /** WAD. */
  readonly spot: bigint;
  readonly averages: readonly RunningAverage[];
  readonly surface?: {
    readonly round: number;
    /** In 1e-4 of volatility. */
    readonly disagreement: number;
    readonly slices: readonly ReportSlice[];
  };
}

/** A board as pools and margin see it. */
export type TwinBoard = QuoteBoard & Pick<MarginBoard, "settled">;

/** `MarketState` of Board.sol, of a market in which nothing waits for confirmation. */
export interface TwinState extends QuoteState {
  readonly round: number;
  readonly surfaceAcceptedAt: number;
  readonly spotAcceptedAt: number;
}

/** From which report, at which time and spot a board is drawn; `Moment` of Board.sol. */
export type TwinMoment = "report" | "now" | "previous" | "held";

interface Drawn {
  readonly time: number;
  readonly slices: ReadonlyMap<number, ReportSlice>;
}

interface Average {
  average: bigint;
  elapsed: number;
  reportAverage: bigint;
  reportElapsed: number;
}

/** The board of an expiry whose settlement price is known. */
export function settledBoard(expiry: number, priceWad: bigint): TwinBoard {
  const nothing = { effectiveSeconds: 0n, thetaWad: 0n, psiWad: 0n, rhoWad: 0n, residualWad: 0n };
  return { expiry, forwardWad: priceWad, settled: true, ...nothing };
}

/** The board of a slice that was reported at `reportTime`, rolled down to `time`, at a forward. */
export function boardAt(slice: ReportSlice, reportTime: number, time: number, forwardWad: bigint): TwinBoard {
  const left = BigInt(slice.expiry - time);
  const leftAtReport = BigInt(slice.expiry - reportTime);
  return {
    expiry: slice.expiry,
    effectiveSeconds: effectiveSeconds(left),
    forwardWad,
    thetaWad: rollDown(slice.theta * THETA_UNIT_WAD, left, leftAtReport),
    psiWad: rollDown(slice.psi * PSI_UNIT_WAD, left, leftAtReport),
    rhoWad: BigInt(slice.rho) * RHO_UNIT_WAD,
    residualWad: BigInt(slice.residual) * RESIDUAL_UNIT_WAD,
    settled: false,
  };
}

/**
 * One market of the oracle. Its reports are taken as confirmed and their slices as accepted, which is what a chain makes of reports
 * that all nodes sign and of slices free of arbitrage.
 */
export class OracleTwin {
  private surface: (Drawn & { readonly round: number; readonly acceptedAt: number }) | undefined;
  private previousSurface: Drawn | undefined;
  private surfaceSpotWad = 0n;
  private disagreementWad = 0n;
  private spotWad = 0n;
  private previousSpotWad = 0n;
  private spotTime = 0;
  private spotAcceptedAt = 0;
  private readonly averages = new Map<number, Average>();
  /** Boards that were drawn since the last report, by expiry and moment. */
  private readonly drawn = new Map<string, { readonly time: number; readonly board: TwinBoard }>();

  /** Takes a report at `now`. A surface's round has to be later than the one before, a spot's time too. */
  report({ modelTime, spot, averages, surface }: TwinReport, now: number): void {
    if (spot === 0n) throw new FixedPointError("MarketOracle_InvalidPrice", [0n]);
    this.drawn.clear();
    if (modelTime > this.spotTime) {
      this.previousSpotWad = this.spotWad;
      this.spotWad = spot;
      this.spotTime = modelTime;
      this.spotAcceptedAt = now;
    }
    if (surface) {
      const { round, disagreement, slices } = surface;
      this.previousSurface = this.surface;
      const byExpiry = new Map(slices.map((slice) => [slice.expiry, slice]));
      this.surface = { round, time: modelTime, acceptedAt: now, slices: byExpiry };
      this.surfaceSpotWad = spot;
      this.disagreementWad = BigInt(disagreement) * DISAGREEMENT_UNIT_WAD;
    }
    for (const { expiry, average, elapsed } of averages) {
      const word = this.averages.get(expiry) ?? { average: 0n, elapsed: 0, reportAverage: 0n, reportElapsed: 0 };
      if (elapsed > word.elapsed) [word.average, word.elapsed] = [average, elapsed];
      if (surface) [word.reportAverage, word.reportElapsed] = [average, elapsed];
      this.averages.set(expiry, word);
    }
  }

  get state(): TwinState {
    return {
      round: this.surface?.round ?? 0,
      surfaceTime: this.surface?.time ?? 0,
      surfaceAcceptedAt: this.surface?.acceptedAt ?? 0,
      spotTime: this.spotTime,
      spotAcceptedAt: this.spotAcceptedAt,
      spotWad: this.spotWad,
      surfaceSpotWad: this.surfaceSpotWad,
      disagreementWad: this.disagreementWad,
    };
  }

  /** The expiries of the last surface. */
  get expiries(): readonly number[] {
    return [...(this.surface?.slices.keys() ?? [])];
  }

  /** 0 before it is known. WAD. */
  settlementPrice(expiry: number): bigint {
    const word = this.averages.get(expiry);
    return word?.elapsed === WINDOW_SECONDS ? word.average : 0n;
  }

  /** The boards of expiries at a moment, in their order; throws where the chain reverts. */
  boards(expiries: readonly number[], moment: TwinMoment, now: number): readonly TwinBoard[] {
    return expiries.map((expiry) => this.board(expiry, moment, now));
  }

  /** One of `boards`. */
  board(expiry: number, moment: TwinMoment, now: number): TwinBoard {
    const time = moment === "report" ? (this.surface?.time ?? 0) : now;
    const key = `${moment} ${expiry}`;
    const known = this.drawn.get(key);
    if (known?.time === time) return known.board;
    const board = this.draw(expiry, moment, time);
    this.drawn.set(key, { time, board });
    return board;
  }

  private draw(expiry: number, moment: TwinMoment, time: number): TwinBoard {
    const { surface } = this;
    if (time >= expiry) {
      const price = this.settlementPrice(expiry);
      if (price === 0n) throw new FixedPointError("MarketOracle_UnknownExpiry", [BigInt(expiry)]);
      return settledBoard(expiry, price);
    }
    if (!surface) throw new FixedPointError("MarketOracle_NoSurface", []);
    // Expiries that the surface before did not know are drawn from the present one.
    const before = moment === "previous" ? this.previousSurface : undefined;
    const drawn = before?.slices.has(expiry) ? before : surface;
    const slice = drawn.slices.get(expiry);
    if (!slice) throw new FixedPointError("MarketOracle_UnknownExpiry", [BigInt(expiry)]);
    const forwardWad = (this.spotAt(moment) * (WAD + BigInt(slice.basis) * BASIS_UNIT_WAD)) / WAD;
    return boardAt(slice, drawn.time, time, this.withAverage(expiry, moment, time, forwardWad));
  }

  /** A board for margin, with what of its forward no longer moves. */
  marginBoard(expiry: number, now: number): MarginBoard {
    const board = this.board(expiry, "held", now);
    const inWindow = !board.settled && now + WINDOW_SECONDS > expiry;
    const word = inWindow ? this.averages.get(expiry) : undefined;
    return { ...board, fixedWad: word ? (word.average * BigInt(word.elapsed)) / AVERAGING_WINDOW : 0n };
  }

  private spotAt(moment: TwinMoment): bigint {
    if (moment === "report") return this.surfaceSpotWad;
    return moment === "previous" && this.previousSpotWad !== 0n ? this.previousSpotWad : this.spotWad;
  }

  private withAverage(expiry: number, moment: TwinMoment, time: number, forwardWad: bigint): bigint {
    const left = expiry - time;
    if (left >= WINDOW_SECONDS) return forwardWad;
    const word = this.averages.get(expiry);
    const ofReport = moment === "report";
    const [average, elapsed] = ofReport
      ? [word?.reportAverage ?? 0n, word?.reportElapsed ?? 0]
      : [word?.average ?? 0n, word?.elapsed ?? 0];
    if (elapsed === 0 && moment === "held") return forwardWad;
    if (elapsed === 0 || (ofReport && elapsed !== WINDOW_SECONDS - left)) {
      throw new FixedPointError("MarketOracle_NoRunningAverage", [BigInt(expiry)]);
    }
    return averagingForward(average, BigInt(elapsed), forwardWad);
  }
}
