import type { Report } from "../chain/report.ts";
import type { Observation } from "./consensus.ts";
import { LATTICE_X } from "./lattice.ts";

/** How far a report may be from what a node itself saw, relatively: spot, and volatility at the money by tenor. */
const SPOT = 0.02;
const VOLATILITY = 0.2;
/** Hours before an expiry few quotes are left, as coarse as the tick. */
const SHORT_TENOR_SECONDS = 86_400;
const SHORT_VOLATILITY = 0.6;

/**
 * Why a node does not believe a report; undefined where it does. Medians of a quorum are inside the honest range while at most
 * f nodes lie; this is for when more do: then a grossly wrong report finds too few hands, and there is none.
 */
export function disbelief(report: Report, own: Observation): string | undefined {
  if (Math.abs(Number(report.spot) / 1e18 / own.spot - 1) > SPOT) return "spot is far from what this node sees";
  if (report.kind === "spot") return undefined;
  const middle = LATTICE_X.indexOf(0);
  for (const { expiry, theta } of report.slices) {
    const seen = own.surface.find((item) => item.expiry === expiry)?.totalVariance[middle];
    if (!seen) continue;
    const limit = expiry - report.modelTime < SHORT_TENOR_SECONDS ? SHORT_VOLATILITY : VOLATILITY;
    // σ ∝ √θ at one tenor.
    if (Math.abs(Math.sqrt((Number(theta) * 1e-11) / seen) - 1) > limit) {
      return "volatility is far from what this node sees";
    }
  }
  return undefined;
}
