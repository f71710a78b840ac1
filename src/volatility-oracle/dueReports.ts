import type { Report } from "../chain/report.ts";
import type { ChainView } from "./chainView.ts";
import type { NodeConfig } from "./config.ts";
import type { Observation, ReportKind } from "./consensus.ts";
import { type AtTheMoney, movementOf } from "./movement.ts";
import { type Due, type DueRules, dueFor } from "./rounds.ts";

/** Followers sign a push on deviation if they see most of the move that the leader saw. */
const FOLLOWER_SLACK = 0.8;

type DueConfig = Pick<
  NodeConfig,
  "heartbeatSeconds" | "minGapSeconds" | "deviation" | "spotDeviation" | "spotHeartbeatSeconds"
>;

/** Which reports are due against what the chain has. */
export class DueReports {
  private readonly config: DueConfig;
  private readonly view: ChainView;

  constructor(config: DueConfig, view: ChainView) {
    this.config = config;
    this.view = view;
  }

  /** Whether a surface of this moment is due whatever is seen: by its heartbeat, or since one waits to be confirmed. */
  isSurfaceDue(modelTime: number): boolean {
    const { heartbeat = Infinity } = this.rules("surface");
    return modelTime - this.view.lastTime("surface") >= heartbeat;
  }

  /** Whether a surface of this moment may be due if something has moved. */
  mayHaveMoved(modelTime: number): boolean {
    const { minGapSeconds, deviation } = this.config;
    return modelTime - this.view.lastTime("surface") >= minGapSeconds && modelTime % deviation.checkSeconds === 0;
  }

  /** Why a report of what was seen is due; undefined where it is not. */
  async whyDue({ kind, modelTime, spot, surface }: Observation): Promise<Due | undefined> {
    return kind === "surface" ? await this.whySurface(modelTime, spot, surface) : this.whySpot(modelTime, spot);
  }

  /** Why a report that another node proposes is due. */
  async whyProposed(report: Report): Promise<Due | undefined> {
    const { kind, modelTime } = report;
    const spot = Number(report.spot) / 1e18;
    if (kind === "spot") return this.whySpot(modelTime, spot, FOLLOWER_SLACK);
    if (this.isSurfaceDue(modelTime)) return "heartbeat";
    const surface = report.slices.map(({ expiry, theta }) => ({ expiry, variance: Number(theta) * 1e-11 }));
    return await this.whySurface(modelTime, spot, surface, FOLLOWER_SLACK);
  }

  private async whySurface(modelTime: number, spot: number, surface: readonly AtTheMoney[], slack = 1) {
    const seconds = modelTime - this.view.lastTime("surface");
    const moved = movementOf(modelTime, spot, surface, await this.view.readStored());
    return dueFor({ ...moved, seconds }, this.rules("surface"), slack);
  }

  private whySpot(modelTime: number, spot: number, slack = 1) {
    const before = this.view.state.spot;
    const seconds = modelTime - this.view.lastTime("spot");
    const move = before > 0 ? Math.abs(Math.log(spot / before)) : 0;
    return dueFor({ seconds, spot: move, volatility: 0 }, this.rules("spot"), slack);
  }

  private rules(kind: ReportKind): DueRules {
    const { heartbeatSeconds, minGapSeconds: minGap, deviation, spotDeviation, spotHeartbeatSeconds } = this.config;
    if (kind === "spot") return { heartbeat: spotHeartbeatSeconds, minGap, spot: spotDeviation, volatility: 1 };
    // What waits for confirmation keeps everybody from adding risk: the next surface comes as soon as the chain takes it.
    const heartbeat = this.view.state.waiting.round > 0 ? minGap : heartbeatSeconds;
    return { heartbeat, minGap, spot: deviation.spot, volatility: deviation.volatility };
  }
}
