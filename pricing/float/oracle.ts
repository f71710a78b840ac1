/** What the oracle serves of one market's confirmed reports, in float64; fixed/oracleTwin.ts says the rules. */

import type { TwinReport } from "../fixed/index.ts";
import { AVERAGING_SECONDS } from "../surface.ts";
import { FloatBoard, type FloatSlice } from "./board.ts";

const WINDOW = AVERAGING_SECONDS;

/** A report in plain numbers. */
export interface FloatReport {
  readonly modelTime: number;
  readonly spot: number;
  readonly averages: readonly { readonly expiry: number; readonly average: number; readonly elapsed: number }[];
  readonly surface?: {
    readonly round: number;
    /** Volatility. */
    readonly disagreement: number;
    readonly slices: readonly FloatSlice[];
  };
}

/** A report as it is signed, in plain numbers. */
export function floatReport({ modelTime, spot, averages, surface }: TwinReport): FloatReport {
  return {
    modelTime,
    spot: Number(spot) / 1e18,
    averages: averages.map((item) => ({ ...item, average: Number(item.average) / 1e18 })),
    ...(surface && {
      surface: {
        round: surface.round,
        disagreement: surface.disagreement / 1e4,
        slices: surface.slices.map(({ expiry, theta, psi, rho, basis, residual }) => ({
          expiry,
          theta: Number(theta) / 1e11,
          psi: Number(psi) / 1e10,
          rho: rho / 32_768,
          basis: basis / 1e7,
          residual: residual / 1e4,
        })),
      },
    }),
  };
}

interface Average {
  average: number;
  elapsed: number;
  reportAverage: number;
  reportElapsed: number;
}

type Slices = Map<number, FloatSlice>;

/** What of a board's forward depends on the moment. */
export type FloatMoment = "report" | "now" | "previous" | "held";

export class FloatOracle {
  round = 0;
  surfaceTime = 0;
  surfaceSpot = 0;
  disagreement = 0;
  spot = 0;
  spotTime = 0;
  /** When the newest of surface and spot was accepted. */
  acceptedAt = 0;
  private previousSpot = 0;
  private previousTime = 0;
  private slices: Slices = new Map();
  private previousSlices: Slices = new Map();
  private readonly averages = new Map<number, Average>();
  private reportBoards = new Map<number, FloatBoard>();

  report({ modelTime, spot, averages, surface }: FloatReport, now: number): void {
    if (modelTime > this.spotTime) {
      this.previousSpot = this.spot;
      this.spot = spot;
      this.spotTime = modelTime;
      this.acceptedAt = now;
    }
    if (surface) {
      this.previousSlices = this.slices;
      this.previousTime = this.surfaceTime;
      this.slices = new Map(surface.slices.map((slice) => [slice.expiry, slice]));
      this.round = surface.round;
      this.surfaceTime = modelTime;
      this.surfaceSpot = spot;
      this.disagreement = surface.disagreement;
      this.acceptedAt = now;
      this.reportBoards.clear();
    }
    for (const { expiry, average, elapsed } of averages) {
      const word = this.averages.get(expiry) ?? { average: 0, elapsed: 0, reportAverage: 0, reportElapsed: 0 };
      if (elapsed > word.elapsed) [word.average, word.elapsed] = [average, elapsed];
      if (surface) [word.reportAverage, word.reportElapsed] = [average, elapsed];
      this.averages.set(expiry, word);
    }
    if (this.averages.size > 64) this.forgetAverages(now);
  }

  /** Expiries of the last surface. */
  get expiries(): readonly number[] {
    return [...this.slices.keys()];
  }

  /** Undefined before it is known. */
  settlementPrice(expiry: number): number | undefined {
    const word = this.averages.get(expiry);
    return word?.elapsed === WINDOW ? word.average : undefined;
  }

  /** The board of an expiry at the report's own time and spot, or what the chain refuses with. */
  atReport(expiry: number): FloatBoard | string {
    const known = this.reportBoards.get(expiry);
    if (known) return known;
    const board = new FloatBoard();
    const refused = this.draw(board, expiry, "report", this.surfaceTime);
    if (refused !== undefined) return refused;
    this.reportBoards.set(expiry, board);
    return board;
  }

  /** Draws a board at `now`; returns what the chain refuses with. */
  draw(board: FloatBoard, expiry: number, moment: FloatMoment, now: number): string | undefined {
    if (now >= expiry) {
      const price = this.settlementPrice(expiry);
      if (price === undefined) return "MarketOracle_UnknownExpiry";
      board.settle(expiry, price);
      return undefined;
    }
    if (this.round === 0) return "MarketOracle_NoSurface";
    const before = moment === "previous" ? this.previousSlices.get(expiry) : undefined;
    const slice = before ?? this.slices.get(expiry);
    if (!slice) return "MarketOracle_UnknownExpiry";
    const forward = this.spotAt(moment) * (1 + slice.basis);
    board.draw(slice, before ? this.previousTime : this.surfaceTime, now, forward);
    return expiry - now < WINDOW ? this.withAverage(board, moment, now) : undefined;
  }

  private spotAt(moment: FloatMoment): number {
    if (moment === "report") return this.surfaceSpot;
    return moment === "previous" && this.previousSpot !== 0 ? this.previousSpot : this.spot;
  }

  private withAverage(board: FloatBoard, moment: FloatMoment, now: number): string | undefined {
    const { expiry } = board;
    const word = this.averages.get(expiry);
    const ofReport = moment === "report";
    const average = (ofReport ? word?.reportAverage : word?.average) ?? 0;
    const elapsed = (ofReport ? word?.reportElapsed : word?.elapsed) ?? 0;
    if (elapsed === 0 && moment === "held") return undefined;
    if (elapsed === 0 || (ofReport && elapsed !== WINDOW - (expiry - now))) return "MarketOracle_NoRunningAverage";
    board.forward = (average * elapsed + board.forward * (WINDOW - elapsed)) / WINDOW;
    if (moment === "held") board.fixed = (average * elapsed) / WINDOW;
    return undefined;
  }

  /** Those of expiries that are long settled. */
  private forgetAverages(now: number): void {
    for (const expiry of this.averages.keys()) if (expiry < now - 7 * 86_400) this.averages.delete(expiry);
  }
}
