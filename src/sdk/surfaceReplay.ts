import { boardAt, settledBoard } from "../../pricing/fixed/index.ts";
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
// Of a slice's basis, `types/Slice.sol`.
const BASIS_UNIT_WAD = 10n ** 11n;

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
