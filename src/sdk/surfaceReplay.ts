import { type ReportSlice, type RunningAverage, unpackStoredSurface } from "../chain/report.ts";
import type { ReportBoard } from "./attribution.ts";
import type { OracleEvent } from "./history.ts";

/** A report of the oracle. */
export interface ReportedSurface {
  readonly time: number;
  readonly spotWad: bigint;
  readonly slices: ReadonlyMap<number, ReportSlice>;
  /** Settlement averages that the report carried. */
  readonly averages: readonly RunningAverage[];
}

const WAD = 10n ** 18n;
const AVERAGING_WINDOW = 1800n;
const THREE_A_SQUARED = 3n * AVERAGING_WINDOW ** 2n;
// Units of a slice's fields, `types/Slice.sol`.
const THETA_UNIT_WAD = 10n ** 7n;
const PSI_UNIT_WAD = 10n ** 8n;
const RHO_UNIT_WAD = WAD / 32_768n;
const BASIS_UNIT_WAD = 10n ** 11n;
const RESIDUAL_UNIT_WAD = 10n ** 14n;
/** The surfaces and settlement prices of one market, from the oracle's events in their order. */
export class SurfaceReplay {
  private readonly marketId: number;
  private readonly fixed = new Map<number, bigint>();
  private surface: ReportedSurface | undefined;

  constructor(marketId: number) {
    this.marketId = marketId;
  }

  /** The last surface that was accepted. */
  get current(): ReportedSurface | undefined {
    return this.surface;
  }

  /** Takes the next event of the oracle; returns whether it changed what this market's boards say. */
  onOracle(event: OracleEvent): boolean {
    if (!("marketId" in event.args) || event.args.marketId !== this.marketId) return false;
    switch (event.name) {
      case "SurfaceAccepted": {
        const { slices, modelTime, spotWad } = unpackStoredSurface(event.args.header, event.args.pages);
        const byExpiry = new Map(slices.map((slice) => [slice.expiry, slice]));
        this.surface = { time: modelTime, spotWad, slices: byExpiry, averages: event.averages };
        return true;
      }
      case "SettlementPriceFixed":
        this.fix(event.args.expiry, event.args.priceWad);
        return true;
      default:
        return false;
    }
  }

  /** The settlement price of an expiry is known. */
  fix(expiry: number, priceWad: bigint): void {
    this.fixed.set(expiry, priceWad);
  }

  fixedPrice(expiry: number): bigint | undefined {
    return this.fixed.get(expiry);
  }

  /** A board of `MarketOracle.boards` at the report's own time and spot; undefined where it would revert. */
  boardOf(expiry: number): ReportBoard | undefined {
    const surface = this.current;
    if (!surface) return undefined;
    const settlement = this.fixedPrice(expiry);
    if (surface.time >= expiry) return settlement === undefined ? undefined : settledBoard(expiry, settlement);
    const slice = surface.slices.get(expiry);
    if (!slice) return undefined;
    const open = (surface.spotWad * (WAD + BigInt(slice.basis) * BASIS_UNIT_WAD)) / WAD;
    if (BigInt(expiry - surface.time) >= AVERAGING_WINDOW) return boardAt(slice, surface.time, surface.time, open);
    const average = surface.averages.find((item) => item.expiry === expiry);
    if (!average) return undefined;
    const elapsed = BigInt(average.elapsed);
    const forwardWad = (average.average * elapsed + open * (AVERAGING_WINDOW - elapsed)) / AVERAGING_WINDOW;
    return boardAt(slice, surface.time, surface.time, forwardWad);
  }
}

/** The board of an expiry whose settlement price is known. */
export function settledBoard(expiry: number, priceWad: bigint): ReportBoard {
  const nothing = { effectiveSeconds: 0n, thetaWad: 0n, psiWad: 0n, rhoWad: 0n, residualWad: 0n };
  return { expiry, forwardWad: priceWad, settled: true, ...nothing };
}

/** The board of a slice that was reported at `reportTime`, rolled down to `time`, at a forward. */
export function boardAt(slice: ReportSlice, reportTime: number, time: number, forwardWad: bigint): ReportBoard {
  const left = scaledEffectiveTime(BigInt(slice.expiry - time));
  const leftAtReport = scaledEffectiveTime(BigInt(slice.expiry - reportTime));
  return {
    expiry: slice.expiry,
    effectiveSeconds: (left + THREE_A_SQUARED - 1n) / THREE_A_SQUARED,
    forwardWad,
    thetaWad: (slice.theta * THETA_UNIT_WAD * left) / leftAtReport,
    psiWad: (slice.psi * PSI_UNIT_WAD * left) / leftAtReport,
    rhoWad: BigInt(slice.rho) * RHO_UNIT_WAD,
    residualWad: BigInt(slice.residual) * RESIDUAL_UNIT_WAD,
    settled: false,
  };
}

/** `RollDown.scaledEffectiveTime`: 3A²·τ_eff, where τ_eff = τ − 2A/3 and, inside the averaging window, τ³/(3A²). */
function scaledEffectiveTime(left: bigint): bigint {
  return left < AVERAGING_WINDOW ? left ** 3n : (left - (2n * AVERAGING_WINDOW) / 3n) * THREE_A_SQUARED;
}
