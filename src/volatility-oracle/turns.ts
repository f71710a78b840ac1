import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "../runtime/logger.ts";

import type { ChainView } from "./chainView.ts";
import type { NodeConfig } from "./config.ts";
import type { Leader } from "./leader.ts";
import type { MomentQueue } from "./momentQueue.ts";
import type { KnownObservation, Moment } from "./observationBook.ts";
import { broadcast, type Peer, type PeerTransport } from "./peers.ts";
import { type Due, leaderOf } from "./rounds.ts";

/** How often the chain is looked at while another leads. */
const CHAIN_POLL_MILLISECONDS = 100;
/** After this many full turns without a report a node waits for the venue's next word. */
const MAX_TURNS = 3;
/** The chain takes nothing older than 30 s: a moment this old is given up for the present one, seconds. */
const STALE_SECONDS = 20;

export interface TurnsSetup {
  readonly config: NodeConfig;
  readonly index: number;
  readonly view: ChainView;
  readonly leader: Leader;
  readonly transport: PeerTransport;
  readonly peers: readonly Peer[];
  readonly log: Logger;
}

/** How nodes bring one moment to the chain: each says what it saw, then one after another leads until there is a report. */
export class Turns {
  private readonly setup: TurnsSetup;

  constructor(setup: TurnsSetup) {
    this.setup = setup;
  }

  /** Says what was seen and takes turns until the chain has a report of it, or the queue has a moment worth more. */
  async report({ observation, signed }: KnownObservation, due: Due, queue: MomentQueue): Promise<void> {
    const { config, index, view, leader, transport, peers, log } = this.setup;
    const { kind, modelTime } = observation;
    const moment = { kind, modelTime };
    log.debug({ kind, modelTime, due }, "observed");
    broadcast(transport, peers, "/observations", signed);
    const nodes = config.nodes.length;
    const first = kind === "surface" ? view.lastRound + 1 : modelTime;
    // A heartbeat is insisted on; a move that others do not see, or that is old news, is let go.
    const insists = due === "heartbeat" && kind === "surface";
    const turns = insists ? MAX_TURNS * nodes : nodes;
    const isOver = () => queue.isOver(modelTime + (insists ? STALE_SECONDS : 1));
    // Turns end by the clock, whoever led them, so that nodes which began together stay together; and they grow longer, so
    // that a network which is slower than expected finds its pace.
    let end = performance.now();
    for (let turn = 0; turn < turns && !isOver(); turn++) {
      end += config.leaderTimeoutMilliseconds * (1 + turn / nodes);
      if (leaderOf(first + turn, nodes) === index) await leader.takeTurn(moment, turn);
      if (await this.accepted(moment, end, isOver)) return;
    }
  }

  /** Waits until the chain has a report of the moment or a later one; looks once, and then until the deadline. */
  private async accepted({ kind, modelTime }: Moment, deadline: number, isOver: () => boolean): Promise<boolean> {
    const { view } = this.setup;
    for (;;) {
      await view.refresh();
      if (view.lastTime(kind) >= modelTime) return true;
      if (performance.now() >= deadline || isOver()) return false;
      await sleep(CHAIN_POLL_MILLISECONDS);
    }
  }
}
