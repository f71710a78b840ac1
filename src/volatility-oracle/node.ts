import type { FastifyInstance } from "fastify";
import { type Hex, isAddressEqual } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import type { Report, ReportDomain } from "../chain/report.ts";
import type { SpotPrice } from "../market-data/marketData.ts";
import { type Clock, systemClock } from "../runtime/clock.ts";
import { describeError, MeniscusError } from "../runtime/errors.ts";
import type { Logger } from "../runtime/logger.ts";
import { ChainOracle } from "./chainOracle.ts";
import { ChainView } from "./chainView.ts";
import type { NodeConfig } from "./config.ts";
import { medianLattice, type Observation, type ReportKind } from "./consensus.ts";
import { DueReports } from "./dueReports.ts";
import { GapBook } from "./gapBook.ts";
import { HeldReports } from "./heldReports.ts";
import { Inbox } from "./inbox.ts";
import { KnownKeys } from "./knownKeys.ts";
import { Leader } from "./leader.ts";
import { signObservation } from "./messages.ts";
import { NodeMetrics } from "./metrics.ts";
import { Moments } from "./moments.ts";
import { ObservationBook } from "./observationBook.ts";
import { Observer } from "./observer.ts";
import { httpTransport, type Peer, type PeerTransport } from "./peers.ts";
import { type NodeApi, type NodeHealth, serve } from "./server.ts";
import { type Endorsement, Signatory, type SigningFacts } from "./signatory.ts";
import { SignedState } from "./signedState.ts";
import { Sources, type SourceVenues, venuesOf } from "./sources.ts";
import { Timekeeper } from "./timekeeper.ts";
import { Turns } from "./turns.ts";

/** A report this many heartbeats late is a fault. */
const HEALTHY_HEARTBEATS = 2;
/** A node whose venues have said nothing for so long by this machine's timer knows nothing, seconds. */
const LONGEST_VENUE_SILENCE = 60;

/** What a node reaches the world through; each can be given, else it is made from the configuration. */
export interface NodePorts {
  readonly clock?: Clock;
  readonly venues?: SourceVenues;
  readonly transport?: PeerTransport;
}

/**
 * One node of the volatility oracle. When a surface is due (a heartbeat has passed, or volatility or spot has moved) it
 * observes, signs what it saw and tells the others. The leader composes the report from a quorum of observations; the others
 * compose it too, and sign only if they saw that moment themselves, find the same digest, and have signed nothing else for
 * that round. A leader that stays silent loses its turn to the next. Between surfaces a move of spot makes a report of spot
 * alone in the same way. Whoever holds a signed report may submit it.
 *
 * This class puts the parts together and says how they are. `Moments` decides what is done when, `Observer` sees, `Turns` and
 * `Leader` bring reports to the chain, `Signatory` signs, `Inbox` hears the others.
 */
export class OracleNode implements NodeApi {
  private readonly config: NodeConfig;
  private readonly log: Logger;
  private readonly index: number;
  private readonly peers: readonly Peer[];
  private readonly time: Timekeeper;
  private readonly sources: Sources;
  private readonly chain: ChainOracle;
  private readonly view: ChainView;
  private readonly state: SignedState;
  private readonly reports = new HeldReports();
  private readonly counts: NodeMetrics;
  private readonly observer: Observer;
  private readonly leader: Leader;
  private readonly moments: Moments;
  private readonly inbox: Inbox;
  private server: FastifyInstance | undefined;
  private unsubscribe = () => {};
  private lastWord = performance.now();
  private lastError: { readonly time: number; readonly message: string } | null = null;

  constructor(config: NodeConfig, key: Hex, log: Logger, ports: NodePorts = {}) {
    const account = privateKeyToAccount(key);
    const index = config.nodes.findIndex(({ address }) => isAddressEqual(address, account.address));
    if (index < 0) {
      throw new MeniscusError("key", `The key of ${config.name} belongs to none of the configured nodes.`);
    }
    const domain: ReportDomain = { chainId: config.chainId, oracle: config.marketOracle };
    const transport = ports.transport ?? httpTransport;
    const clock = ports.clock ?? (config.clock === "system" ? systemClock : undefined);
    const peers = config.nodes.map(({ url }, i) => ({ url, index: i })).filter((peer) => peer.index !== index);
    const keys = new KnownKeys(config.nodes.map(({ address }) => address));
    const book = new ObservationBook();
    this.config = config;
    this.log = log;
    this.index = index;
    this.peers = peers;
    this.time = new Timekeeper(clock, config.maxClockOffsetSeconds);
    this.chain = new ChainOracle(config, account);
    this.view = new ChainView(this.chain, config);
    this.sources = new Sources(ports.venues ?? venuesOf(config, this.chain.client));
    this.counts = this.createMetrics();
    this.state = new SignedState(config.stateFile);
    const { time, chain, view, sources, counts, state, reports: held } = this;
    const due = new DueReports(config, view);
    const signatory = new Signatory({
      account,
      index,
      nodes: config.nodes.length,
      keys,
      marketId: config.marketId,
      domain,
      state,
      book,
      leaderTimeoutMilliseconds: config.leaderTimeoutMilliseconds,
      facts: () => this.facts(),
      refresh: async () => {
        await view.refresh();
        return this.facts();
      },
      isDue: async (report) => (await due.whyProposed(report)) !== undefined,
      onSigned: (report, digest, observations) => this.noteSigned(report, digest, observations),
    });
    const gaps = new GapBook(`${config.stateFile}.gaps`, (why) => log.warn(why));
    this.observer = new Observer({ marketId: config.marketId, sources, chain, gaps, counts });
    const network = {
      config,
      index,
      domain,
      keys,
      chain,
      view,
      signatory,
      state,
      book,
      held,
      transport,
      peers,
      counts,
      log,
    };
    this.leader = new Leader(network);
    this.moments = new Moments({
      ...network,
      time,
      due,
      observer: this.observer,
      turns: new Turns({ ...network, leader: this.leader }),
      sign: async (observation) => {
        return { index, observation, signed: await signObservation({ account, index, domain }, observation) };
      },
      trouble: () => this.trouble,
      onError: (error, modelTime) => this.noteError(error, modelTime),
    });
    this.inbox = new Inbox({ ...network, time, onObserved: (moment) => this.moments.join(moment) });
  }

  /** Checks chain and contract, opens the server and follows the venues. */
  async start(): Promise<void> {
    const { config, index, view } = this;
    try {
      await this.chain.connect();
      const { trouble, quorum } = await view.refreshSigners();
      if (trouble !== undefined) {
        throw new MeniscusError("key", `${config.name} is not signer ${index} of ${config.marketOracle}.`, {
          hint: "The configuration must list the contract's signers in their order.",
        });
      }
      const { round, surfaceTime } = await view.refresh();
      if (round > 0) this.observer.recall(surfaceTime);
      this.server = await serve(this, { host: config.host, port: config.port, nodes: config.nodes.length });
      this.unsubscribe = this.sources.subscribe(
        (time) => this.moments.of(time),
        (spot, venue) => this.hearVenue(spot, venue),
      );
      this.log.info({ index, quorum }, "node is up");
    } catch (error) {
      this.state.release();
      throw error;
    }
  }

  async stop(): Promise<void> {
    this.moments.stop();
    this.leader.stop();
    this.unsubscribe();
    await this.server?.close();
    this.state.release();
  }

  private hearVenue(spot: SpotPrice, venue: string): void {
    this.time.hearVenue(venue, spot.time);
    this.lastWord = performance.now();
    this.moments.hear(spot);
  }

  // ───────────────────────────── What others ask ─────────────────────────────

  takeObservation(body: unknown): boolean {
    return this.inbox.takeObservation(body);
  }

  takeProposal(body: unknown): Promise<Endorsement> {
    return this.inbox.takeProposal(body);
  }

  takeReport(body: unknown): boolean {
    return this.inbox.takeReport(body);
  }

  held(kind: ReportKind): Hex | undefined {
    return this.reports.get(kind)?.packed;
  }

  get signedRound(): number {
    return this.state.round;
  }

  health(): NodeHealth {
    const { view, lag } = this;
    const problems = this.problems();
    return {
      healthy: problems.length === 0,
      problems,
      name: this.config.name,
      index: this.index,
      signerSet: view.signers.signerSet,
      now: this.time.now(),
      clockOffset: this.time.offset,
      chainRound: view.state.round,
      signedRound: this.state.round,
      surfaceTime: view.state.surfaceTime,
      spotTime: view.state.spotTime,
      lag,
      lastError: this.lastError,
      venues: this.sources.report,
      peers: this.peers.map(({ index }) => ({ index, heard: this.inbox.heard(index) })),
    };
  }

  async metrics(): Promise<string> {
    return await this.counts.registry.metrics();
  }

  // ───────────────────────────── How it is ─────────────────────────────

  private get lag(): number | null {
    const { surfaceTime } = this.view.state;
    return surfaceTime === 0 ? null : this.time.now() - surfaceTime;
  }

  /** Why nothing may be signed; undefined where it may. */
  private get trouble(): string | undefined {
    return this.time.trouble ?? this.view.signers.trouble;
  }

  private problems(): readonly string[] {
    const { lag } = this;
    const limit = HEALTHY_HEARTBEATS * this.config.heartbeatSeconds;
    const silence = (performance.now() - this.lastWord) / 1000;
    return [
      this.time.trouble,
      this.view.signers.trouble,
      lag === null ? "there is no surface on the chain yet" : undefined,
      lag !== null && lag > limit
        ? `the chain's surface is ${Math.round(lag)} s old, ${limit} s are allowed`
        : undefined,
      silence > LONGEST_VENUE_SILENCE ? `no venue has said anything for ${Math.round(silence)} s` : undefined,
    ].filter((problem) => problem !== undefined);
  }

  private createMetrics(): NodeMetrics {
    return new NodeMetrics({
      chain_round: { help: "Round of the chain's surface", read: () => this.view.state.round },
      signed_round: { help: "Last round this node signed", read: () => this.state.round },
      lag_seconds: { help: "Age of the chain's surface", read: () => this.lag ?? -1 },
      spot_age_seconds: { help: "Age of the chain's spot", read: () => this.time.now() - this.view.state.spotTime },
      clock_offset_seconds: { help: "Venues' time minus this clock's", read: () => this.time.offset },
      healthy: { help: "1 where /health says so", read: () => (this.health().healthy ? 1 : 0) },
    });
  }

  private facts(): SigningFacts {
    const { view, trouble } = this;
    return {
      ...view.signers,
      trouble,
      chainRound: view.lastRound,
      surfaceTime: view.lastTime("surface"),
      spotTime: view.lastTime("spot"),
    };
  }

  private noteError(error: unknown, modelTime: number): void {
    this.counts.errors.inc();
    this.lastError = { time: this.time.now(), message: describeError(error) };
    this.log.error({ modelTime }, describeError(error));
  }

  private noteSigned(report: Report, digest: Hex, observations: readonly Observation[]): void {
    const { kind, modelTime } = report;
    this.counts.signatures.inc({ kind });
    this.log.info({ kind, modelTime, round: report.kind === "surface" ? report.round : null, digest }, "signed");
    if (this.log.isLevelEnabled("debug") && kind === "surface") {
      this.log.debug({ digest, lattice: medianLattice(observations, this.view.signers.quorum) }, "lattice");
    }
  }
}
