import type { SpotPrice } from "../market-data/marketData.ts";
import { MeniscusError } from "../runtime/errors.ts";
import type { ChainOracle } from "./chainOracle.ts";
import type { ChainView } from "./chainView.ts";
import type { NodeConfig } from "./config.ts";
import type { Observation, ReportKind } from "./consensus.ts";
import type { DueReports } from "./dueReports.ts";
import { MomentQueue } from "./momentQueue.ts";
import type { KnownObservation, Moment, ObservationBook } from "./observationBook.ts";
import type { Observer } from "./observer.ts";
import { witnessesOf } from "./rounds.ts";
import type { Timekeeper } from "./timekeeper.ts";
import type { Turns } from "./turns.ts";

export interface MomentsSetup {
  readonly config: Pick<NodeConfig, "momentSeconds" | "nodes">;
  readonly index: number;
  readonly time: Pick<Timekeeper, "isPlausible" | "hearChain">;
  readonly chain: Pick<ChainOracle, "headTime">;
  readonly view: Pick<ChainView, "state" | "lastTime" | "refresh" | "refreshSigners">;
  readonly due: Pick<DueReports, "isSurfaceDue" | "mayHaveMoved" | "whyDue">;
  readonly observer: Pick<Observer, "surface" | "spot">;
  readonly book: ObservationBook;
  readonly turns: Pick<Turns, "report">;
  readonly sign: (observation: Observation) => Promise<KnownObservation>;
  /** Why nothing may be signed now; undefined where it may. */
  readonly trouble: () => string | undefined;
  readonly onError: (error: unknown, modelTime: number) => void;
}

/**
 * What a node does as time passes: at every moment it looks whether a report is due, and if so has it made. Surfaces and spots
 * are worked on side by side, so that a surface which waits for a silent leader holds up no spot.
 */
export class Moments {
  private readonly setup: MomentsSetup;
  private readonly queues: Readonly<Record<ReportKind, MomentQueue>>;
  private last = 0;
  private looked: { readonly modelTime: number; readonly done: Promise<void> } | undefined;
  /** The moment at which the surface that the chain now lacks was first tried. */
  private firstTried = 0;

  constructor(setup: MomentsSetup) {
    this.setup = setup;
    this.queues = {
      surface: new MomentQueue((modelTime) => this.workOnSurface(modelTime), setup.onError),
      spot: new MomentQueue((modelTime) => this.workOnSpot(modelTime), setup.onError),
    };
  }

  /** The moment that a time belongs to. */
  of(time: number): number {
    const { momentSeconds } = this.setup.config;
    return Math.floor(time / momentSeconds) * momentSeconds;
  }

  /** A venue has spoken: a new moment may have begun. */
  hear({ time }: SpotPrice): void {
    const modelTime = this.of(time);
    // A venue whose clock is off alone must not carry us away.
    if (modelTime <= this.last || !this.setup.time.isPlausible(time)) return;
    this.last = modelTime;
    this.queues.surface.offer(modelTime);
    this.queues.spot.offer(modelTime);
  }

  /** Others, at least one of them honest, report a moment that did not seem due here: our word is theirs to use. */
  join(moment: Moment): void {
    const { index, config, book, turns, trouble } = this.setup;
    const own = book.of(index, moment);
    const witnesses = book.at(moment).filter((known) => known.index !== index).length;
    if (!own || trouble() !== undefined || witnesses < witnessesOf(config.nodes.length)) return;
    const queue = this.queues[moment.kind];
    queue.interject(moment.modelTime, () => turns.report(own, "deviation", queue));
  }

  stop(): void {
    this.queues.surface.stop();
    this.queues.spot.stop();
  }

  private async workOnSurface(modelTime: number): Promise<void> {
    await this.look(modelTime);
    const { view, due, observer, turns } = this.setup;
    const queue = this.queues.surface;
    if (due.isSurfaceDue(modelTime)) {
      if (this.firstTried <= view.lastTime("surface")) this.firstTried = modelTime;
      const known = await this.keep(await observer.surface(modelTime));
      await turns.report(known, "heartbeat", queue);
    } else if (due.mayHaveMoved(modelTime)) {
      // Kept, not said, where it is not due: if others saw a move, this is our word too.
      const known = await this.keep(await observer.surface(modelTime));
      const why = await due.whyDue(known.observation);
      if (why) await turns.report(known, why, queue);
    }
  }

  private async workOnSpot(modelTime: number): Promise<void> {
    await this.look(modelTime);
    const { view, due, observer, turns } = this.setup;
    if (this.isCarriedBySurface(modelTime)) return;
    const observation = await observer.spot(modelTime);
    if (!observation) return;
    const known = await this.keep(observation);
    const why = await due.whyDue(observation);
    if (why && view.state.spotTime > 0) await turns.report(known, why, this.queues.spot);
  }

  /** Whether a surface of this moment brings its spot with it; one that has failed before is not waited for. */
  private isCarriedBySurface(modelTime: number): boolean {
    const { view, due } = this.setup;
    const isFirst = this.firstTried <= view.lastTime("surface") || this.firstTried === modelTime;
    return due.isSurfaceDue(modelTime) && isFirst;
  }

  /** Brings the chain's state and the clocks up to date, once for each moment. */
  private async look(modelTime: number): Promise<void> {
    if (this.looked?.modelTime !== modelTime) this.looked = { modelTime, done: this.lookNow() };
    await this.looked.done;
    const trouble = this.setup.trouble();
    if (trouble !== undefined) throw new MeniscusError("data", `Nothing is signed: ${trouble}.`);
  }

  private async lookNow(): Promise<void> {
    const { chain, view, time } = this.setup;
    const [head] = await Promise.all([chain.headTime(), view.refresh(), view.refreshSigners()]);
    time.hearChain(head);
  }

  /** Signs what this node saw, and remembers it as its word about the moment unless it had one. */
  private async keep(observation: Observation): Promise<KnownObservation> {
    const { index, book, sign } = this.setup;
    const known = await sign(observation);
    book.keep(known);
    return book.of(index, observation) ?? known;
  }
}
