import { expiriesToAverage, type ObservedAverage, recentExpiries, runningAverage, windowOf } from "./averages.ts";
import type { ChainOracle } from "./chainOracle.ts";
import type { Observation } from "./consensus.ts";
import { forecastVolatility } from "./forecast.ts";
import type { GapBook } from "./gapBook.ts";
import { observeSurface } from "./lattice.ts";
import { levelByForecast, type SeenGap } from "./level.ts";
import type { NodeMetrics } from "./metrics.ts";
import type { Sources } from "./sources.ts";

export interface ObserverSetup {
  readonly marketId: number;
  readonly sources: Sources;
  readonly chain: ChainOracle;
  readonly gaps: GapBook;
  readonly counts: NodeMetrics;
}

/** Makes of what the venues say this node's own word about a moment. */
export class Observer {
  private readonly setup: ObserverSetup;
  /** Expiries seen at the venue or on the chain: a settlement is owed to each. */
  private readonly expiries = new Set<number>();

  constructor(setup: ObserverSetup) {
    this.setup = setup;
  }

  /** Remembers that expiries of before this node's start may still wait for their settlement. */
  recall(surfaceTime: number): void {
    for (const expiry of recentExpiries(surfaceTime)) this.expiries.add(expiry);
  }

  /**
   * The surface, from every venue asked now.
   *
   * @throws MeniscusError `data` where the venues say nothing of this moment, or do not agree on spot.
   */
  async surface(modelTime: number): Promise<Observation> {
    const { marketId, sources, chain, gaps, counts } = this.setup;
    const end = counts.observeSeconds.startTimer();
    const { spot, snapshots } = await sources.market(modelTime);
    const listed = snapshots.flatMap(({ chains }) => chains.map(({ expiry }) => expiry));
    for (const expiry of [...listed, ...(await chain.expiries())]) this.expiries.add(expiry);
    const hours = sources.hoursUntil(modelTime);
    const seen: SeenGap[] = [];
    const level = levelByForecast(
      forecastVolatility(hours),
      (tenor) => gaps.usual(tenor),
      (gap) => seen.push(gap),
    );
    const surface = observeSurface(snapshots, { time: modelTime, level });
    gaps.learn(modelTime, seen);
    end();
    return { kind: "surface", marketId, modelTime, spot, averages: await this.averages(modelTime), surface };
  }

  /** Spot alone, from what the venues have already said of the moment. */
  async spot(modelTime: number): Promise<Observation | undefined> {
    const { marketId, sources } = this.setup;
    const spot = sources.indexAt(modelTime);
    if (spot === undefined) return undefined;
    return { kind: "spot", marketId, modelTime, spot, averages: await this.averages(modelTime), surface: [] };
  }

  /** Running averages of expiries inside their window, and complete ones that the chain does not know yet. */
  private async averages(time: number): Promise<readonly ObservedAverage[]> {
    const { sources, chain } = this.setup;
    const averages = await Promise.all(
      expiriesToAverage(time, this.expiries).map(async (expiry) => {
        if (await chain.isSettled(expiry)) return [];
        const { from, until } = windowOf(expiry, time);
        return runningAverage(expiry, time, await sources.minutePrices(from, until)) ?? [];
      }),
    );
    return averages.flat();
  }
}
