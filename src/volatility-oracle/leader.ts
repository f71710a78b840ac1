import { setTimeout as sleep } from "node:timers/promises";
import type { Hex } from "viem";
import {
  contractForm,
  packReport,
  type Report,
  type ReportDomain,
  type ReportSignature,
  reportDigest,
} from "../chain/report.ts";
import { describeError } from "../runtime/errors.ts";
import type { Logger } from "../runtime/logger.ts";

import type { ChainOracle } from "./chainOracle.ts";
import type { ChainView } from "./chainView.ts";
import type { NodeConfig } from "./config.ts";
import type { HeldReports } from "./heldReports.ts";
import type { KnownKeys } from "./knownKeys.ts";
import { endorsement, type Proposal, refusal } from "./messages.ts";
import type { NodeMetrics } from "./metrics.ts";
import type { KnownObservation, Moment, ObservationBook } from "./observationBook.ts";
import { ask, broadcast, type Peer, type PeerTransport } from "./peers.ts";
import { nextRoundOf } from "./rounds.ts";
import type { Signatory } from "./signatory.ts";
import type { SignedState } from "./signedState.ts";

/** How long a leader waits for the last observations once it has a quorum. */
const STRAGGLER_MILLISECONDS = 60;
/** How often the book of observations is looked at while waiting. */
const POLL_MILLISECONDS = 5;

/** What came of asking the others to sign. */
interface Signatures {
  readonly signatures: readonly ReportSignature[];
  /** The last round that any of those who refused had signed. */
  readonly signedRound: number;
}

export interface LeaderSetup {
  readonly config: NodeConfig;
  readonly index: number;
  readonly domain: ReportDomain;
  readonly keys: KnownKeys;
  readonly chain: ChainOracle;
  readonly view: ChainView;
  readonly signatory: Signatory;
  readonly state: SignedState;
  readonly book: ObservationBook;
  readonly held: HeldReports;
  readonly transport: PeerTransport;
  readonly peers: readonly Peer[];
  readonly counts: NodeMetrics;
  readonly log: Logger;
}

/** What a node does in its turn: gathers observations, has the report that they make signed, and submits it. */
export class Leader {
  private readonly setup: LeaderSetup;
  private stopped = false;

  constructor(setup: LeaderSetup) {
    this.setup = setup;
  }

  stop(): void {
    this.stopped = true;
  }

  /** Leads a turn. One that fails is no end: another leader's report may be on the chain already, or the next one will be. */
  async takeTurn(moment: Moment, turn: number): Promise<void> {
    const { held, view, counts, log } = this.setup;
    try {
      // What a leader before us had signed and did not bring to the chain needs no second vote.
      const ready = held.get(moment.kind);
      const isOfMoment = ready?.report.modelTime === moment.modelTime;
      if (isOfMoment && ready.report.signerSet === view.signers.signerSet) {
        await this.submit(ready.report, ready.packed);
      } else {
        await this.lead(moment, turn);
      }
    } catch (error) {
      counts.turns.inc();
      log.warn({ ...moment, reason: describeError(error) }, "the turn failed");
    }
  }

  private async lead(moment: Moment, turn: number): Promise<void> {
    const { index, config, view, state } = this.setup;
    const known = await this.gather(moment);
    if (!known) return;
    if (moment.kind === "spot") {
      await this.propose(moment, known, turn);
      return;
    }
    let after = Math.max(view.lastRound, state.round);
    // Twice, because those who refuse tell which rounds are burnt.
    for (let attempt = 0; attempt < 2; attempt++) {
      const round = nextRoundOf(index, after, config.nodes.length);
      const { done, signedRound } = await this.propose(moment, known, round);
      if (done || signedRound < round) return;
      after = Math.min(signedRound, round + config.nodes.length);
    }
  }

  private async propose(moment: Moment, known: readonly KnownObservation[], round: number) {
    const { signatory, view, held, transport, peers, counts, log } = this.setup;
    const end = counts.composeSeconds.startTimer();
    const report = signatory.compose(moment.kind, known, round);
    end();
    const { quorum } = view.signers;
    const { signatures, signedRound } = await this.collect(report, known, round, quorum);
    if (signatures.length >= quorum) {
      const packed = packReport(
        report,
        signatures.slice(0, quorum).map((item) => this.asSigner(item)),
      );
      held.keep({ report, packed });
      broadcast(transport, peers, "/reports", { report: packed });
      await this.submit(report, packed);
      return { done: true, signedRound };
    }
    log.warn({ kind: report.kind, round, signatures: signatures.length }, "too few signatures");
    return { done: false, signedRound };
  }

  /** All observations of the moment, or what a quorum has said when the stragglers have had their time. */
  private async gather(moment: Moment): Promise<readonly KnownObservation[] | undefined> {
    const { config, view, book, log } = this.setup;
    const deadline = performance.now() + config.leaderTimeoutMilliseconds;
    let quorumSince: number | undefined;
    while (performance.now() < deadline && !this.stopped) {
      const known = book.at(moment);
      if (known.length >= view.signers.quorum) quorumSince ??= performance.now();
      const waited = quorumSince !== undefined && performance.now() - quorumSince > STRAGGLER_MILLISECONDS;
      if (known.length === config.nodes.length || waited) return known;
      await sleep(POLL_MILLISECONDS);
    }
    log.warn({ ...moment }, "too few observations");
    return undefined;
  }

  private async collect(
    report: Report,
    known: readonly KnownObservation[],
    round: number,
    quorum: number,
  ): Promise<Signatures> {
    const { index, domain, keys, signatory, state, transport, peers } = this.setup;
    const digest = reportDigest(report, domain);
    const own = await signatory.sign(report, digest, known);
    if (!own) return { signatures: [], signedRound: state.round };
    const signatures: ReportSignature[] = [{ index, signature: own }];
    let signedRound = 0;
    const request: Proposal = {
      kind: report.kind,
      leader: index,
      round,
      observations: known.map(({ signed }) => signed),
      digest,
      signature: own,
    };
    await ask(
      transport,
      peers,
      "/proposals",
      request,
      ({ index: peer, body }) => {
        const given = endorsement.safeParse(body);
        if (given.success && keys.isSignedBy(peer, digest, given.data.signature)) {
          signatures.push({ index: peer, signature: given.data.signature });
        }
        const refused = refusal.safeParse(body);
        if (refused.success) signedRound = Math.max(signedRound, refused.data.signedRound);
      },
      () => signatures.length >= quorum,
    );
    return { signatures, signedRound };
  }

  /** A key's signature as the contract takes it: its own, or that which the contract in its place is asked about. */
  private asSigner({ index, signature }: ReportSignature): ReportSignature {
    const isContract = this.setup.config.nodes[index]?.signer !== undefined;
    return { index, signature: isContract ? contractForm(signature) : signature };
  }

  private async submit(report: Report, packed: Hex): Promise<void> {
    const { chain, counts, log } = this.setup;
    const { kind, modelTime } = report;
    try {
      const gas = Number(await chain.submit(packed));
      const round = report.kind === "surface" ? report.round : null;
      counts.submissions.inc({ kind, result: "accepted" });
      log.info({ kind, round, modelTime, gas }, "report submitted");
    } catch (error) {
      counts.submissions.inc({ kind, result: "failed" });
      throw error;
    }
  }
}
