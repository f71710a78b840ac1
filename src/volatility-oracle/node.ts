import Fastify, { type FastifyInstance } from "fastify";
import { type Hex, isAddressEqual } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import {
  packReport,
  type ReportDomain,
  type ReportSignature,
  recoverReportSigner,
  reportDigest,
  type SurfaceReport,
  signReport,
} from "../chain/report.ts";
import { DeribitMarketData } from "../market-data/deribit.ts";
import type { MarketData } from "../market-data/marketData.ts";
import { describeError, MeniscusError } from "../runtime/errors.ts";
import type { Logger } from "../runtime/logger.ts";
import { expiriesToAverage, type ObservedAverage, recentExpiries, runningAverage, windowOf } from "./averages.ts";
import { ChainOracle } from "./chainOracle.ts";
import type { NodeConfig } from "./config.ts";
import { composeReport, type Observation } from "./consensus.ts";
import { observeSurface } from "./lattice.ts";
import {
  endorsement,
  openObservation,
  type Proposal,
  proposal,
  refusal,
  type SignedObservation,
  signedObservation,
  signObservation,
} from "./messages.ts";
import { type KnownObservation, ObservationBook } from "./observationBook.ts";
import { ask, broadcast, type Peer } from "./peers.ts";
import { leaderOf, nextRoundOf, quorumOf, refusalOf } from "./rounds.ts";
import { SignedState } from "./signedState.ts";

/** How long a leader waits for the last observations once it has a quorum. */
const STRAGGLER_MILLISECONDS = 60;
/** How often the chain and the book of observations are looked at while waiting. */
const POLL_MILLISECONDS = 5;
const CHAIN_POLL_MILLISECONDS = 25;
const BODY_LIMIT_BYTES = 2_000_000;
/** After this many full turns without a report a node waits for the venue's next word. */
const MAX_TURNS = 3;

/** What came of asking the others to sign. */
interface Signatures {
  readonly signatures: readonly ReportSignature[];
  /** The last round that any of those who refused had signed. */
  readonly signedRound: number;
}

/**
 * One node of the volatility oracle. At a change of its venue's index, at least a heartbeat after the last report, it
 * observes, signs what it saw and tells the others. The leader composes the report from a quorum of observations; the others
 * compose it too, and sign only if they saw that moment themselves, find the same digest, and have signed nothing else for
 * that round. A leader that stays silent loses its turn to the next.
 */
export class OracleNode {
  private readonly config: NodeConfig;
  private readonly log: Logger;
  private readonly account: ReturnType<typeof privateKeyToAccount>;
  private readonly data: MarketData;
  private readonly server: FastifyInstance;
  private readonly chain: ChainOracle;
  private readonly state: SignedState;
  private readonly book = new ObservationBook();
  /** Expiries seen at the venue or on the chain: a settlement is owed to each. */
  private readonly expiries = new Set<number>();
  /** When each leader was last given a signature, and for which moment. */
  private readonly endorsed = new Map<number, { readonly modelTime: number; readonly at: number }>();
  private readonly peers: readonly Peer[];
  private readonly index: number;
  private readonly quorum: number;
  private readonly domain: ReportDomain;
  private unsubscribe = () => {};
  private stopped = false;
  private working = false;
  private pendingTime: number | undefined;
  private signerSet = 0;
  private chainRound = 0;
  private surfaceTime = 0;

  constructor(config: NodeConfig, key: Hex, log: Logger) {
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
    this.data = new DeribitMarketData(config.venueUrl, config.currency);
    this.server = Fastify({ bodyLimit: BODY_LIMIT_BYTES, forceCloseConnections: true });
    this.chain = new ChainOracle(config, this.account);
    this.state = new SignedState(config.stateFile);
  }

  /** Checks chain and contract, opens the server and follows the venue. */
  async start(): Promise<void> {
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
    const state = await this.readState();
    if (state.round > 0) for (const expiry of recentExpiries(state.surfaceTime)) this.expiries.add(expiry);
    await this.serve();
    this.unsubscribe = this.data.subscribe((time) => this.onIndex(time));
    this.log.info({ index: this.index, quorum: this.quorum }, "node is up");
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.unsubscribe();
    await this.server.close();
  }

  // ───────────────────────────── Other nodes ─────────────────────────────

  private async serve(): Promise<void> {
    this.server.get("/status", () => ({
      name: this.config.name,
      index: this.index,
      signerSet: this.signerSet,
      chainRound: this.chainRound,
      signedRound: this.state.round,
    }));
    this.server.post("/observations", async (request, reply) => {
      const parsed = signedObservation.safeParse(request.body);
      const kept = parsed.success && (await this.keep(parsed.data));
      return await reply.code(kept ? 200 : 400).send({});
    });
    this.server.post("/proposals", async (request, reply) => {
      const parsed = proposal.safeParse(request.body);
      const answer = parsed.success ? await this.endorse(parsed.data) : "malformed";
      if (typeof answer === "object") return await reply.send(answer);
      this.log.warn({ reason: answer }, "a proposal was refused");
      return await reply.code(409).send({ error: answer, signedRound: this.state.round });
    });
    try {
      await this.server.listen({ host: "127.0.0.1", port: this.config.port });
    } catch (cause) {
      throw new MeniscusError("network", `Port ${this.config.port} cannot be opened: ${describeError(cause)}.`, {
        hint: "Is another node running with this configuration?",
        cause,
      });
    }
  }

  private async keep(signed: SignedObservation): Promise<boolean> {
    const opened = await openObservation(signed, this.domain, this.config.nodes);
    if (!opened || opened.observation.marketId !== this.config.marketId) return false;
    this.book.keep({ ...opened, signed });
    return true;
  }

  /** Signs the report of a proposal if this node finds the same one and may sign it; else says why not. */
  private async endorse(given: Proposal): Promise<{ readonly signature: Hex } | string> {
    const items = await Promise.all(
      given.observations.map((signed) => openObservation(signed, this.domain, this.config.nodes)),
    );
    const opened = items.filter((item) => item !== undefined).sort((a, b) => a.index - b.index);
    const modelTime = opened[0]?.observation.modelTime;
    if (modelTime === undefined || opened.length !== items.length) return "an observation is not genuine";
    if (opened.length < this.quorum) return "too few observations";
    if (opened.some(({ index }, i) => index === opened[i - 1]?.index)) return "a node speaks twice";
    const { marketId } = this.config;
    if (opened.some(({ observation }) => observation.marketId !== marketId || observation.modelTime !== modelTime)) {
      return "the observations are not of one moment";
    }
    // A node vouches for a moment only if it observed that moment itself.
    if (!this.book.of(this.index, modelTime)) return "this node did not see that moment";

    const leader = leaderOf(given.round, this.config.nodes.length);
    const refused = await this.refusalOfRound(given.round, leader, modelTime);
    if (refused) return refused;
    const report = this.compose(opened, given.round);
    if (reportDigest(report, this.domain) !== given.digest) return "the report does not follow from the observations";
    if ((await this.signerOf(report, given.signature)) !== leader) return "the leader did not sign its proposal";
    if (!this.mayEndorse(leader, modelTime, given.round)) return "this leader had its turn";
    const signature = await this.sign(report, given.digest);
    if (!signature) return "another report of this round was signed before";
    this.endorsed.set(leader, { modelTime, at: performance.now() });
    return { signature };
  }

  private async refusalOfRound(round: number, proposer: number, modelTime: number): Promise<string | undefined> {
    const judge = () =>
      refusalOf({
        round,
        proposer,
        nodes: this.config.nodes.length,
        chainRound: this.chainRound,
        signedRound: this.state.round,
        secondsSinceReport: modelTime - this.surfaceTime,
      });
    if (judge() === undefined) return undefined;
    // This node may be behind: the chain decides.
    await this.readState();
    return judge();
  }

  /** One moment, one signature; a leader that failed may try once more after everybody's turn. */
  private mayEndorse(leader: number, modelTime: number, round: number): boolean {
    const last = this.endorsed.get(leader);
    if (!last || last.modelTime < modelTime || round === this.state.round) return true;
    return performance.now() - last.at > this.config.leaderTimeoutMilliseconds;
  }

  private async signerOf(report: SurfaceReport, signature: Hex): Promise<number> {
    const signer = await recoverReportSigner(report, this.domain, signature).catch(() => undefined);
    return signer ? this.config.nodes.findIndex(({ address }) => isAddressEqual(address, signer)) : -1;
  }

  private async sign(report: SurfaceReport, digest: Hex): Promise<Hex | undefined> {
    return this.state.claim(report.round, digest) ? await signReport(this.account, report, this.domain) : undefined;
  }

  private compose(items: readonly { readonly observation: Observation }[], round: number): SurfaceReport {
    return composeReport(
      items.map(({ observation }) => observation),
      { round, signerSet: this.signerSet, quorum: this.quorum },
    );
  }

  // ───────────────────────────── A moment ─────────────────────────────

  private onIndex(time: number): void {
    if (this.working) {
      this.pendingTime = time;
      return;
    }
    this.working = true;
    void this.work(time)
      .catch((error: unknown) => this.log.error({ time }, describeError(error)))
      .finally(() => {
        this.working = false;
        const next = this.pendingTime;
        this.pendingTime = undefined;
        if (next !== undefined && next > time && !this.stopped) this.onIndex(next);
      });
  }

  private async readState(): Promise<{ readonly round: number; readonly surfaceTime: number }> {
    const state = await this.chain.state();
    this.chainRound = state.round;
    this.surfaceTime = state.surfaceTime;
    return state;
  }

  private async work(time: number): Promise<void> {
    const state = await this.readState();
    if (time < state.surfaceTime + this.config.heartbeatSeconds) return;
    const observation = await this.observe();
    const { modelTime } = observation;
    const signed = await signObservation(this.account, this.domain, observation);
    this.book.keep({ index: this.index, observation, signed });
    broadcast(this.peers, "/observations", signed);
    const nodes = this.config.nodes.length;
    for (let turn = 0; turn < MAX_TURNS * nodes && !this.superseded(modelTime); turn++) {
      const leads = leaderOf(state.round + 1 + turn, nodes) === this.index;
      if (leads && (await this.tryToLead(modelTime))) return;
      if (await this.accepted(modelTime, leads ? 0 : this.config.leaderTimeoutMilliseconds)) return;
    }
  }

  private superseded(modelTime: number): boolean {
    return this.stopped || (this.pendingTime ?? 0) > modelTime + this.config.heartbeatSeconds;
  }

  private async observe(): Promise<Observation> {
    const snapshot = await this.data.snapshot();
    const listed = snapshot.chains.map(({ expiry }) => expiry);
    for (const expiry of [...listed, ...(await this.chain.expiries())]) this.expiries.add(expiry);
    return {
      marketId: this.config.marketId,
      modelTime: snapshot.time,
      spot: snapshot.spot,
      averages: await this.averages(snapshot.time),
      surface: observeSurface(snapshot),
    };
  }

  /** Running averages of expiries inside their window, and complete ones that the chain does not know yet. */
  private async averages(time: number): Promise<readonly ObservedAverage[]> {
    const wanted = expiriesToAverage(time, this.expiries);
    const averages = await Promise.all(
      wanted.map(async (expiry) => {
        if (await this.chain.isSettled(expiry)) return [];
        const { from, until } = windowOf(expiry, time);
        return runningAverage(expiry, time, await this.data.minutePrices(from, until)) ?? [];
      }),
    );
    return averages.flat();
  }

  /** Waits until the chain has a report of `modelTime` or later; looks once, and then until `patience` is over. */
  private async accepted(modelTime: number, patience: number): Promise<boolean> {
    const deadline = performance.now() + patience;
    for (;;) {
      if ((await this.readState()).surfaceTime >= modelTime) return true;
      if (performance.now() >= deadline || this.superseded(modelTime)) return false;
      await sleep(CHAIN_POLL_MILLISECONDS);
    }
  }

  // ───────────────────────────── Leading ─────────────────────────────

  /** A turn that fails is no end: another leader's report may be on the chain already, or the next one will be. */
  private async tryToLead(modelTime: number): Promise<boolean> {
    try {
      return await this.lead(modelTime);
    } catch (error) {
      this.log.warn({ modelTime, reason: describeError(error) }, "the turn failed");
      return false;
    }
  }

  /** Gathers observations, has the report signed and submits it. */
  private async lead(modelTime: number): Promise<boolean> {
    const known = await this.gather(modelTime);
    if (!known) return false;
    let after = Math.max(this.chainRound, this.state.round);
    // Twice, because those who refuse tell which rounds are burnt.
    for (let attempt = 0; attempt < 2; attempt++) {
      const round = nextRoundOf(this.index, after, this.config.nodes.length);
      const report = this.compose(known, round);
      const { signatures, signedRound } = await this.collect(report, known);
      if (signatures.length >= this.quorum) return await this.submit(report, signatures);
      this.log.warn({ round, signatures: signatures.length }, "too few signatures");
      if (signedRound < round) return false;
      after = Math.min(signedRound, round + this.config.nodes.length);
    }
    return false;
  }

  /** All observations of the moment, or what a quorum has said when the stragglers have had their time. */
  private async gather(modelTime: number): Promise<readonly KnownObservation[] | undefined> {
    const deadline = performance.now() + this.config.leaderTimeoutMilliseconds;
    let quorumSince: number | undefined;
    while (performance.now() < deadline && !this.stopped) {
      const known = this.book.at(modelTime);
      if (known.length >= this.quorum) quorumSince ??= performance.now();
      const waited = quorumSince !== undefined && performance.now() - quorumSince > STRAGGLER_MILLISECONDS;
      if (known.length === this.config.nodes.length || waited) return known;
      await sleep(POLL_MILLISECONDS);
    }
    this.log.warn({ modelTime }, "too few observations");
    return undefined;
  }

  private async collect(report: SurfaceReport, known: readonly KnownObservation[]): Promise<Signatures> {
    const digest = reportDigest(report, this.domain);
    const own = await this.sign(report, digest);
    if (!own) return { signatures: [], signedRound: this.state.round };
    const signatures: ReportSignature[] = [{ index: this.index, signature: own }];
    let signedRound = 0;
    const request: Proposal = {
      round: report.round,
      observations: known.map(({ signed }) => signed),
      digest,
      signature: own,
    };
    await ask(
      this.peers,
      "/proposals",
      request,
      async ({ index, body }) => {
        const given = endorsement.safeParse(body);
        if (given.success && (await this.signerOf(report, given.data.signature)) === index) {
          signatures.push({ index, signature: given.data.signature });
        }
        const refused = refusal.safeParse(body);
        if (refused.success) signedRound = Math.max(signedRound, refused.data.signedRound);
      },
      () => signatures.length >= this.quorum,
    );
    return { signatures, signedRound };
  }

  private async submit(report: SurfaceReport, signatures: readonly ReportSignature[]): Promise<boolean> {
    const gasUsed = await this.chain.submit(packReport(report, signatures.slice(0, this.quorum)));
    const { round, modelTime, slices } = report;
    this.log.info({ round, modelTime, slices: slices.length, gas: Number(gasUsed) }, "report submitted");
    return true;
  }
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
