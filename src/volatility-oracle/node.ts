import type { FastifyInstance } from "fastify";
import { type Hex, isAddressEqual } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { packReport, type Report, type ReportDomain, type ReportSignature, reportDigest } from "../chain/report.ts";
import type { SpotPrice } from "../market-data/marketData.ts";
import { type Clock, systemClock } from "../runtime/clock.ts";
import { describeError, MeniscusError } from "../runtime/errors.ts";
import type { Logger } from "../runtime/logger.ts";
import { expiriesToAverage, type ObservedAverage, recentExpiries, runningAverage, windowOf } from "./averages.ts";
import { ChainOracle, type ChainState } from "./chainOracle.ts";
import type { NodeConfig } from "./config.ts";
import { medianLattice, type Observation } from "./consensus.ts";
import { forecastVolatility } from "./forecast.ts";
import { observeSurface } from "./lattice.ts";
import {
  endorsement,
  openObservation,
  type Proposal,
  proposal,
  refusal,
  signedObservation,
  signedReport,
  signObservation,
} from "./messages.ts";
import { NodeMetrics } from "./metrics.ts";
import { movementOf, type StoredMarket } from "./movement.ts";
import { type KnownObservation, type Moment, ObservationBook } from "./observationBook.ts";
import { ask, broadcast, httpTransport, type Peer, type PeerTransport } from "./peers.ts";
import { checkReport } from "./reports.ts";
import { dueFor, leaderOf, nextRoundOf, quorumOf, witnessesOf } from "./rounds.ts";
import { type NodeApi, type NodeHealth, serve } from "./server.ts";
import { type Endorsement, Signatory } from "./signatory.ts";
import { SignedState } from "./signedState.ts";
import { Sources, type SourceVenues, venuesOf } from "./sources.ts";
import { Timekeeper } from "./timekeeper.ts";

/** How long a leader waits for the last observations once it has a quorum. */
const STRAGGLER_MILLISECONDS = 60;
/** How often the chain and the book of observations are looked at while waiting. */
const POLL_MILLISECONDS = 5;
const CHAIN_POLL_MILLISECONDS = 100;
/** After this many full turns without a report a node waits for the venue's next word. */
const MAX_TURNS = 3;
/** Followers sign a push on deviation if they see most of the move that the leader saw. */
const FOLLOWER_SLACK = 0.8;
/** The chain takes nothing older than 30 s: a moment this old is given up for the present one, seconds. */
const STALE_SECONDS = 20;
/** A report this many heartbeats late is a fault. */
const HEALTHY_HEARTBEATS = 2;
/** A node whose venues have said nothing for so long by this machine's timer knows nothing, seconds. */
const LONGEST_VENUE_SILENCE = 60;

/** What came of asking the others to sign. */
interface Signatures {
  readonly signatures: readonly ReportSignature[];
  /** The last round that any of those who refused had signed. */
  readonly signedRound: number;
}

/** What a node reaches the world through; each can be given, else it is made from the configuration. */
export interface NodePorts {
  readonly clock?: Clock;
  readonly venues?: SourceVenues;
  readonly transport?: PeerTransport;
}

const NOTHING_REPORTED: ChainState = { round: 0, surfaceTime: 0, surfaceSpot: 0, spotTime: 0, spot: 0 };

/**
 * One node of the volatility oracle. When a surface is due (a heartbeat has passed, or volatility or spot has moved) it
 * observes, signs what it saw and tells the others. The leader composes the report from a quorum of observations; the others
 * compose it too, and sign only if they saw that moment themselves, find the same digest, and have signed nothing else for
 * that round. A leader that stays silent loses its turn to the next. Between surfaces a move of spot makes a report of spot
 * alone in the same way. Whoever holds a signed report may submit it.
 */
export class OracleNode implements NodeApi {
  private readonly config: NodeConfig;
  private readonly log: Logger;
  private readonly account: ReturnType<typeof privateKeyToAccount>;
  private readonly sources: Sources;
  private readonly transport: PeerTransport;
  private readonly time: Timekeeper;
  private readonly chain: ChainOracle;
  private readonly state: SignedState;
  private readonly signatory: Signatory;
  private readonly book = new ObservationBook();
  private readonly counts: NodeMetrics;
  /** Expiries seen at the venue or on the chain: a settlement is owed to each. */
  private readonly expiries = new Set<number>();
  private readonly peers: readonly Peer[];
  private readonly heard = new Map<number, number>();
  private readonly index: number;
  private readonly quorum: number;
  private readonly domain: ReportDomain;
  private server: FastifyInstance | undefined;
  private unsubscribe = () => {};
  private stopped = false;
  private working = false;
  private pending: number | undefined;
  private lastMoment = 0;
  /** The moment from which on what is being reported is given up. */
  private patienceUntil = 0;
  private lastWord = performance.now();
  private signerSet = 0;
  private chainState = NOTHING_REPORTED;
  private stored: (StoredMarket & { readonly round: number }) | undefined;
  private readonly reports = new Map<Report["kind"], { readonly report: Report; readonly packed: Hex }>();
  private lastError: { readonly time: number; readonly message: string } | null = null;

  constructor(config: NodeConfig, key: Hex, log: Logger, ports: NodePorts = {}) {
    this.config = config;
    this.log = log;
    this.account = privateKeyToAccount(key);
    this.index = config.nodes.findIndex(({ address }) => isAddressEqual(address, this.account.address));
    if (this.index < 0) {
      throw new MeniscusError("key", `The key of ${config.name} belongs to none of the configured nodes.`);
    }
    this.peers = config.nodes.map(({ url }, index) => ({ url, index })).filter(({ index }) => index !== this.index);
    this.quorum = quorumOf(config.nodes.length);
    this.domain = { chainId: config.chainId, oracle: config.marketOracle };
    this.chain = new ChainOracle(config, this.account);
    this.sources = new Sources(ports.venues ?? venuesOf(config, this.chain.client));
    this.transport = ports.transport ?? httpTransport;
    const clock = ports.clock ?? (config.clock === "system" ? systemClock : undefined);
    this.time = new Timekeeper(clock, config.maxClockOffsetSeconds);
    this.counts = new NodeMetrics({
      chain_round: { help: "Round of the chain's surface", read: () => this.chainState.round },
      signed_round: { help: "Last round this node signed", read: () => this.state.round },
      lag_seconds: { help: "Age of the chain's surface", read: () => this.lag ?? -1 },
      spot_age_seconds: { help: "Age of the chain's spot", read: () => this.time.now() - this.chainState.spotTime },
      clock_offset_seconds: { help: "Venues' time minus this clock's", read: () => this.time.offset },
      healthy: { help: "1 where /health says so", read: () => (this.health().healthy ? 1 : 0) },
    });
    this.state = new SignedState(config.stateFile);
    this.signatory = new Signatory({
      account: this.account,
      index: this.index,
      nodes: config.nodes,
      quorum: this.quorum,
      marketId: config.marketId,
      domain: this.domain,
      state: this.state,
      book: this.book,
      leaderTimeoutMilliseconds: config.leaderTimeoutMilliseconds,
      facts: () => this.facts(),
      refresh: async () => {
        await this.readState();
        return this.facts();
      },
      isDue: async (report) => (await this.whyDue(report, FOLLOWER_SLACK)) !== undefined,
      onSigned: (report, digest, observations) => this.noteSigned(report, digest, observations),
    });
  }

  /** Checks chain and contract, opens the server and follows the venues. */
  async start(): Promise<void> {
    const { config } = this;
    try {
      await this.readSigners();
      const state = await this.readState();
      if (state.round > 0) for (const expiry of recentExpiries(state.surfaceTime)) this.expiries.add(expiry);
      this.server = await serve(this, { host: config.host, port: config.port, nodes: config.nodes.length });
    } catch (error) {
      this.state.release();
      throw error;
    }
    this.unsubscribe = this.sources.subscribe(
      (time) => this.momentOf(time),
      (index, venue) => this.onIndex(index, venue),
    );
    this.log.info({ index: this.index, quorum: this.quorum }, "node is up");
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.unsubscribe();
    await this.server?.close();
    this.state.release();
  }

  private async readSigners(): Promise<void> {
    const { config } = this;
    const { signerSet, signers, quorum } = await this.chain.connect();
    const own = signers[this.index];
    if (signers.length !== config.nodes.length || !own || !isAddressEqual(own, this.account.address)) {
      throw new MeniscusError("key", `${config.name} is not signer ${this.index} of ${config.marketOracle}.`, {
        hint: "The configuration must list the contract's signers in their order.",
      });
    }
    if (quorum > config.nodes.length) throw new MeniscusError("data", "The contract's quorum is out of reach.");
    this.signerSet = signerSet;
  }

  // ───────────────────────────── What others ask ─────────────────────────────

  get signedRound(): number {
    return this.state.round;
  }

  private get lag(): number | null {
    return this.chainState.surfaceTime === 0 ? null : this.time.now() - this.chainState.surfaceTime;
  }

  health(): NodeHealth {
    const { trouble } = this.time;
    const { lag } = this;
    const limit = HEALTHY_HEARTBEATS * this.config.heartbeatSeconds;
    const silence = (performance.now() - this.lastWord) / 1000;
    const problems = [
      ...(trouble === undefined ? [] : [trouble]),
      ...(lag === null ? ["there is no surface on the chain yet"] : []),
      ...(lag !== null && lag > limit
        ? [`the chain's surface is ${Math.round(lag)} s old, ${limit} s are allowed`]
        : []),
      ...(silence > LONGEST_VENUE_SILENCE ? [`no venue has said anything for ${Math.round(silence)} s`] : []),
    ];
    return {
      healthy: problems.length === 0,
      problems,
      name: this.config.name,
      index: this.index,
      signerSet: this.signerSet,
      now: this.time.now(),
      clockOffset: this.time.offset,
      chainRound: this.chainState.round,
      signedRound: this.state.round,
      surfaceTime: this.chainState.surfaceTime,
      spotTime: this.chainState.spotTime,
      lag,
      lastError: this.lastError,
      venues: this.sources.report,
      peers: this.peers.map(({ index }) => ({ index, heard: this.heard.get(index) ?? null })),
    };
  }

  async metrics(): Promise<string> {
    return await this.counts.registry.metrics();
  }

  held(kind: Report["kind"]): Hex | undefined {
    return this.reports.get(kind)?.packed;
  }

  /** Keeps another node's word, if it is genuine and about a moment that may still be reported. */
  async takeObservation(body: unknown): Promise<boolean> {
    const parsed = signedObservation.safeParse(body);
    if (!parsed.success) return false;
    if (this.book.find(parsed.data)) return true;
    const opened = await openObservation(parsed.data, this.domain, this.config.nodes);
    if (!opened || opened.observation.marketId !== this.config.marketId) return false;
    const { index, observation } = opened;
    const node = String(index);
    if (index === this.index || !this.isTimely(observation)) {
      this.counts.observationsReceived.inc({ node, result: "untimely" });
      return false;
    }
    this.heard.set(index, this.time.now());
    const kept = this.book.keep({ ...opened, signed: parsed.data });
    this.counts.observationsReceived.inc({ node, result: kept });
    if (kept === "equivocation") {
      this.counts.equivocations.inc({ node });
      this.log.warn({ node: index, modelTime: observation.modelTime }, "a node said two things about one moment");
    } else {
      this.join(observation);
    }
    return true;
  }

  /** Old words are replays; words about a later time than ours are wrong where we have a clock to say so. */
  private isTimely({ kind, modelTime }: Moment): boolean {
    const { surfaceTime, spotTime } = this.chainState;
    if (modelTime <= (kind === "surface" ? surfaceTime : spotTime)) return false;
    return this.time.followsVenues || modelTime <= this.time.now() + this.config.maxClockOffsetSeconds;
  }

  async takeProposal(body: unknown): Promise<Endorsement> {
    const parsed = proposal.safeParse(body);
    const answer = parsed.success ? await this.signatory.endorse(parsed.data) : { refused: "malformed" };
    this.counts.proposals.inc({ result: "signature" in answer ? "signed" : "refused" });
    if ("refused" in answer) {
      this.counts.refusals.inc({ reason: answer.refused.replace(/[-\d.]+/g, "N") });
      this.log.warn({ reason: answer.refused }, "a proposal was refused");
    }
    return answer;
  }

  /** Keeps a report that a quorum has signed, if it is newer than the one at hand. */
  async takeReport(body: unknown): Promise<boolean> {
    const parsed = signedReport.safeParse(body);
    if (!parsed.success) return false;
    const packed = parsed.data.report;
    const list = { signers: this.config.nodes.map(({ address }) => address), quorum: this.quorum };
    try {
      const { report, problems } = await checkReport(packed, this.domain, list);
      if (problems.length > 0 || report.marketId !== this.config.marketId || report.signerSet !== this.signerSet) {
        return false;
      }
      if (report.modelTime > (this.reports.get(report.kind)?.report.modelTime ?? 0)) {
        this.reports.set(report.kind, { report, packed });
      }
      return true;
    } catch {
      return false; // no report at all
    }
  }

  // ───────────────────────────── A moment ─────────────────────────────

  private momentOf(time: number): number {
    return Math.floor(time / this.config.momentSeconds) * this.config.momentSeconds;
  }

  private onIndex({ time }: SpotPrice, venue: string): void {
    this.time.hearVenue(venue, time);
    this.lastWord = performance.now();
    const moment = this.momentOf(time);
    // A venue whose clock is off alone must not carry us away.
    if (moment <= this.lastMoment || !this.time.isPlausible(time)) return;
    this.lastMoment = moment;
    this.consider(moment);
  }

  private consider(moment: number): void {
    if (this.working) {
      this.pending = moment;
      return;
    }
    this.working = true;
    void this.work(moment)
      .catch((error: unknown) => this.noteError(error, moment))
      .finally(() => {
        this.working = false;
        const next = this.pending;
        this.pending = undefined;
        if (next !== undefined && next > moment && !this.stopped) this.consider(next);
      });
  }

  private noteError(error: unknown, modelTime: number): void {
    this.counts.errors.inc();
    this.lastError = { time: this.time.now(), message: describeError(error) };
    this.log.error({ modelTime }, describeError(error));
  }

  private async readState(): Promise<ChainState> {
    this.chainState = await this.chain.state();
    return this.chainState;
  }

  private facts() {
    const { round: chainRound, surfaceTime, spotTime } = this.chainState;
    return { chainRound, surfaceTime, spotTime, signerSet: this.signerSet, trouble: this.time.trouble };
  }

  private async work(modelTime: number): Promise<void> {
    const [state, head] = await Promise.all([this.readState(), this.chain.headTime()]);
    this.time.hearChain(head);
    const { trouble } = this.time;
    if (trouble !== undefined) throw new MeniscusError("data", `Nothing is signed: ${trouble}.`);
    const { config } = this;
    const since = modelTime - state.surfaceTime;
    const looks = config.deviation.checkSeconds;
    if (since >= config.heartbeatSeconds) {
      await this.report(await this.observe(modelTime), "heartbeat");
      return;
    }
    if (since >= config.minGapSeconds && modelTime % looks === 0) {
      const observation = await this.observe(modelTime);
      const due = await this.whyDueSurface(observation);
      if (due) {
        await this.report(observation, due);
        return;
      }
      // Kept, not said: if others saw a move, this is our word too.
      await this.keepOwn(observation);
    }
    const spot = await this.observeSpot(modelTime);
    if (!spot) return;
    const due = dueFor(
      { seconds: modelTime - state.spotTime, spot: moveOf(spot.spot, state.spot), volatility: 0 },
      this.spotRules,
    );
    if (due && state.spotTime > 0) await this.report(spot, due);
    else await this.keepOwn(spot);
  }

  private get spotRules() {
    const { spotHeartbeatSeconds: heartbeat, minGapSeconds: minGap, spotDeviation: spot } = this.config;
    return { heartbeat, minGap, spot, volatility: 1 };
  }

  private get surfaceRules() {
    const { heartbeatSeconds: heartbeat, minGapSeconds: minGap, deviation } = this.config;
    return { heartbeat, minGap, spot: deviation.spot, volatility: deviation.volatility };
  }

  private async whyDueSurface(observation: Observation) {
    const stored = await this.readStored();
    return dueFor(movementOf(observation.modelTime, observation.spot, observation.surface, stored), this.surfaceRules);
  }

  /** Why a proposed report is due against what the chain has. */
  private async whyDue(report: Report, slack: number) {
    const { spotTime, spot, surfaceTime } = this.chainState;
    const reported = Number(report.spot) / 1e18;
    if (report.kind === "spot") {
      const moved = { seconds: report.modelTime - spotTime, spot: moveOf(reported, spot), volatility: 0 };
      return dueFor(moved, this.spotRules, slack);
    }
    const seconds = report.modelTime - surfaceTime;
    if (seconds >= this.config.heartbeatSeconds) return "heartbeat";
    const surface = report.slices.map(({ expiry, theta }) => ({ expiry, variance: Number(theta) * 1e-11 }));
    return dueFor(movementOf(report.modelTime, reported, surface, await this.readStored()), this.surfaceRules, slack);
  }

  /** What the chain has stored, read once for each of its rounds. */
  private async readStored(): Promise<StoredMarket> {
    const { round, surfaceTime, surfaceSpot } = this.chainState;
    if (this.stored?.round !== round) {
      const volatilities = round === 0 ? [] : await this.chain.volatilities(surfaceTime);
      this.stored = { round, time: surfaceTime, spot: surfaceSpot, volatilities };
    }
    return this.stored;
  }

  private async observe(modelTime: number): Promise<Observation> {
    const end = this.counts.observeSeconds.startTimer();
    const { spot, snapshots } = await this.sources.market(modelTime);
    const listed = snapshots.flatMap(({ chains }) => chains.map(({ expiry }) => expiry));
    for (const expiry of [...listed, ...(await this.chain.expiries())]) this.expiries.add(expiry);
    const hours = this.sources.hoursUntil(modelTime);
    const surface = observeSurface(snapshots, { time: modelTime, forecast: forecastVolatility(hours) });
    end();
    const { marketId } = this.config;
    return { kind: "surface", marketId, modelTime, spot, averages: await this.averages(modelTime), surface };
  }

  /** Spot alone, from what the venues have already said of the moment. */
  private async observeSpot(modelTime: number): Promise<Observation | undefined> {
    const spot = this.sources.indexAt(modelTime);
    if (spot === undefined) return undefined;
    const averages = await this.averages(modelTime);
    return { kind: "spot", marketId: this.config.marketId, modelTime, spot, averages, surface: [] };
  }

  /** Running averages of expiries inside their window, and complete ones that the chain does not know yet. */
  private async averages(time: number): Promise<readonly ObservedAverage[]> {
    const wanted = expiriesToAverage(time, this.expiries);
    const averages = await Promise.all(
      wanted.map(async (expiry) => {
        if (await this.chain.isSettled(expiry)) return [];
        const { from, until } = windowOf(expiry, time);
        return runningAverage(expiry, time, await this.sources.minutePrices(from, until)) ?? [];
      }),
    );
    return averages.flat();
  }

  private async keepOwn(observation: Observation): Promise<KnownObservation> {
    const signed = await signObservation(this.account, this.domain, observation);
    const known = { index: this.index, observation, signed };
    this.book.keep(known);
    return this.book.of(this.index, observation) ?? known;
  }

  /** Others, at least one of them honest, report a moment that did not seem due here: our word is theirs to use. */
  private join(moment: Moment): void {
    const own = this.book.of(this.index, moment);
    const witnesses = this.book.at(moment).filter(({ index }) => index !== this.index).length;
    if (!own || this.working || this.time.trouble !== undefined) return;
    if (witnesses < witnessesOf(this.config.nodes.length)) return;
    this.working = true;
    void this.report(own.observation, "deviation")
      .catch((error: unknown) => this.noteError(error, moment.modelTime))
      .finally(() => {
        this.working = false;
        const next = this.pending;
        this.pending = undefined;
        if (next !== undefined && !this.stopped) this.consider(next);
      });
  }

  /** Says what was seen and takes turns until the chain has a report of it. */
  private async report(observation: Observation, due: "heartbeat" | "deviation"): Promise<void> {
    const { kind, modelTime } = observation;
    const moment = { kind, modelTime };
    const { signed } = await this.keepOwn(observation);
    this.log.debug({ kind, modelTime, due }, "observed");
    broadcast(this.transport, this.peers, "/observations", signed);
    const nodes = this.config.nodes.length;
    const first = kind === "surface" ? this.chainState.round + 1 : modelTime;
    // A heartbeat is insisted on; a move that others do not see, or that is old news, is let go.
    const turns = due === "heartbeat" && kind === "surface" ? MAX_TURNS * nodes : nodes;
    this.patienceUntil = modelTime + (due === "heartbeat" && kind === "surface" ? STALE_SECONDS : 1);
    // Turns end by the clock, whoever led them, so that nodes which began together stay together; and they grow longer, so
    // that a network which is slower than expected finds its pace.
    let end = performance.now();
    for (let turn = 0; turn < turns && !this.superseded; turn++) {
      end += this.config.leaderTimeoutMilliseconds * (1 + turn / nodes);
      if (leaderOf(first + turn, nodes) === this.index && (await this.tryToLead(moment, turn))) return;
      if (await this.accepted(moment, end)) return;
    }
  }

  /** Whether a later moment is worth more than the one at hand. */
  private get superseded(): boolean {
    return this.stopped || (this.pending ?? 0) >= this.patienceUntil;
  }

  /** Waits until the chain has a report of the moment or a later one; looks once, and then until the deadline. */
  private async accepted(moment: Moment, deadline: number): Promise<boolean> {
    for (;;) {
      const { surfaceTime, spotTime } = await this.readState();
      if ((moment.kind === "surface" ? surfaceTime : spotTime) >= moment.modelTime) return true;
      if (performance.now() >= deadline || this.superseded) return false;
      await sleep(CHAIN_POLL_MILLISECONDS);
    }
  }

  // ───────────────────────────── Leading ─────────────────────────────

  /** A turn that fails is no end: another leader's report may be on the chain already, or the next one will be. */
  private async tryToLead(moment: Moment, turn: number): Promise<boolean> {
    try {
      // What a leader before us had signed and did not bring to the chain needs no second vote.
      const held = this.reports.get(moment.kind);
      if (held?.report.modelTime === moment.modelTime) return await this.submit(held.report, held.packed);
      return await this.lead(moment, turn);
    } catch (error) {
      this.counts.turns.inc();
      this.log.warn({ ...moment, reason: describeError(error) }, "the turn failed");
      return false;
    }
  }

  /** Gathers observations, has the report signed and submits it. */
  private async lead(moment: Moment, turn: number): Promise<boolean> {
    const known = await this.gather(moment);
    if (!known) return false;
    if (moment.kind === "spot") return (await this.propose(moment, known, turn)).done;
    let after = Math.max(this.chainState.round, this.state.round);
    // Twice, because those who refuse tell which rounds are burnt.
    for (let attempt = 0; attempt < 2; attempt++) {
      const round = nextRoundOf(this.index, after, this.config.nodes.length);
      const { done, signedRound } = await this.propose(moment, known, round);
      if (done || signedRound < round) return done;
      after = Math.min(signedRound, round + this.config.nodes.length);
    }
    return false;
  }

  private async propose(moment: Moment, known: readonly KnownObservation[], round: number) {
    const end = this.counts.composeSeconds.startTimer();
    const report = this.signatory.compose(moment.kind, known, round);
    end();
    const { signatures, signedRound } = await this.collect(report, known, round);
    if (signatures.length >= this.quorum) {
      const packed = packReport(report, signatures.slice(0, this.quorum));
      this.reports.set(report.kind, { report, packed });
      broadcast(this.transport, this.peers, "/reports", { report: packed });
      return { done: await this.submit(report, packed), signedRound };
    }
    this.log.warn({ kind: report.kind, round, signatures: signatures.length }, "too few signatures");
    return { done: false, signedRound };
  }

  /** All observations of the moment, or what a quorum has said when the stragglers have had their time. */
  private async gather(moment: Moment): Promise<readonly KnownObservation[] | undefined> {
    const deadline = performance.now() + this.config.leaderTimeoutMilliseconds;
    let quorumSince: number | undefined;
    while (performance.now() < deadline && !this.stopped) {
      const known = this.book.at(moment);
      if (known.length >= this.quorum) quorumSince ??= performance.now();
      const waited = quorumSince !== undefined && performance.now() - quorumSince > STRAGGLER_MILLISECONDS;
      if (known.length === this.config.nodes.length || waited) return known;
      await sleep(POLL_MILLISECONDS);
    }
    this.log.warn({ ...moment }, "too few observations");
    return undefined;
  }

  private async collect(report: Report, known: readonly KnownObservation[], round: number): Promise<Signatures> {
    const digest = reportDigest(report, this.domain);
    const own = await this.signatory.sign(report, digest, known);
    if (!own) return { signatures: [], signedRound: this.state.round };
    const signatures: ReportSignature[] = [{ index: this.index, signature: own }];
    let signedRound = 0;
    const request: Proposal = {
      kind: report.kind,
      round,
      observations: known.map(({ signed }) => signed),
      digest,
      signature: own,
    };
    await ask(
      this.transport,
      this.peers,
      "/proposals",
      request,
      async ({ index, body }) => {
        const given = endorsement.safeParse(body);
        if (given.success && (await this.signatory.signerOf(report, given.data.signature)) === index) {
          signatures.push({ index, signature: given.data.signature });
        }
        const refused = refusal.safeParse(body);
        if (refused.success) signedRound = Math.max(signedRound, refused.data.signedRound);
      },
      () => signatures.length >= this.quorum,
    );
    return { signatures, signedRound };
  }

  private async submit(report: Report, packed: Hex): Promise<boolean> {
    const { kind, modelTime } = report;
    try {
      const gas = Number(await this.chain.submit(packed));
      const round = report.kind === "surface" ? report.round : null;
      this.counts.submissions.inc({ kind, result: "accepted" });
      this.log.info({ kind, round, modelTime, gas }, "report submitted");
      return true;
    } catch (error) {
      this.counts.submissions.inc({ kind, result: "failed" });
      throw error;
    }
  }

  private noteSigned(report: Report, digest: Hex, observations: readonly Observation[]): void {
    const { kind, modelTime } = report;
    this.counts.signatures.inc({ kind });
    this.log.info({ kind, modelTime, round: report.kind === "surface" ? report.round : null, digest }, "signed");
    if (this.log.isLevelEnabled("debug") && kind === "surface") {
      this.log.debug({ digest, lattice: medianLattice(observations, this.quorum) }, "lattice");
    }
  }
}

/** |ln(a/b)|; 0 where there is nothing to compare with. */
function moveOf(spot: number, before: number): number {
  return before > 0 ? Math.abs(Math.log(spot / before)) : 0;
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
