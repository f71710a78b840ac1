import { type ReportDomain, reportDigest, unpackReport } from "../chain/report.ts";
import type { Logger } from "../runtime/logger.ts";
import type { ChainView } from "./chainView.ts";
import type { NodeConfig } from "./config.ts";
import type { HeldReports } from "./heldReports.ts";
import type { KnownKeys } from "./knownKeys.ts";
import { openObservation, proposal, signedObservation, signedReport } from "./messages.ts";
import type { NodeMetrics } from "./metrics.ts";
import type { Moment, ObservationBook } from "./observationBook.ts";
import { isSignedByQuorum, surfaceProblems } from "./reports.ts";
import type { Endorsement, Signatory } from "./signatory.ts";
import type { Timekeeper } from "./timekeeper.ts";

export interface InboxSetup {
  readonly config: NodeConfig;
  readonly index: number;
  readonly domain: ReportDomain;
  readonly keys: KnownKeys;
  readonly time: Timekeeper;
  readonly view: ChainView;
  readonly signatory: Signatory;
  readonly book: ObservationBook;
  readonly held: HeldReports;
  readonly counts: NodeMetrics;
  readonly log: Logger;
  /** Called with the moment of every observation that was kept. */
  readonly onObserved: (moment: Moment) => void;
}

/** What other nodes say to this one. Nothing is believed before its form, its signature and its time are right. */
export class Inbox {
  private readonly setup: InboxSetup;
  private readonly heardAt = new Map<number, number>();

  constructor(setup: InboxSetup) {
    this.setup = setup;
  }

  /** When a node was last heard, by our clock; null where never. */
  heard(index: number): number | null {
    return this.heardAt.get(index) ?? null;
  }

  /** Keeps another node's word, if it is genuine and about a moment that may still be reported. */
  takeObservation(body: unknown): boolean {
    const { config, domain, keys, time, book, counts, log, onObserved } = this.setup;
    const parsed = signedObservation.safeParse(body);
    if (!parsed.success) return false;
    if (book.find(parsed.data)) return true;
    const observation = openObservation(parsed.data, domain, keys);
    if (observation?.marketId !== config.marketId) return false;
    const { index } = parsed.data;
    const node = String(index);
    if (index === this.setup.index || !this.isTimely(observation)) {
      counts.observationsReceived.inc({ node, result: "untimely" });
      return false;
    }
    this.heardAt.set(index, time.now());
    const kept = book.keep({ index, observation, signed: parsed.data });
    counts.observationsReceived.inc({ node, result: kept });
    if (kept === "equivocation") {
      counts.equivocations.inc({ node });
      log.warn({ node: index, modelTime: observation.modelTime }, "a node said two things about one moment");
    } else {
      onObserved(observation);
    }
    return true;
  }

  /** Old words are replays; words about a later time than ours are wrong where we have a clock to say so. */
  private isTimely({ kind, modelTime }: Moment): boolean {
    const { config, time, view } = this.setup;
    if (modelTime <= view.lastTime(kind)) return false;
    return time.followsVenues || modelTime <= time.now() + config.maxClockOffsetSeconds;
  }

  async takeProposal(body: unknown): Promise<Endorsement> {
    const { signatory, counts, log } = this.setup;
    const parsed = proposal.safeParse(body);
    const answer = parsed.success ? await signatory.endorse(parsed.data) : { refused: "malformed" };
    counts.proposals.inc({ result: "signature" in answer ? "signed" : "refused" });
    if ("refused" in answer) {
      counts.refusals.inc({ reason: answer.refused.replace(/[-\d.]+/g, "N") });
      log.warn({ reason: answer.refused }, "a proposal was refused");
    }
    return answer;
  }

  /** Keeps a report that a quorum has signed, if it is newer than the one at hand. */
  takeReport(body: unknown): boolean {
    const { config, domain, keys, view, held } = this.setup;
    const parsed = signedReport.safeParse(body);
    if (!parsed.success) return false;
    const packed = parsed.data.report;
    const { signerSet, quorum } = view.signers;
    try {
      const { report, signatures } = unpackReport(packed);
      if (report.marketId !== config.marketId || report.signerSet !== signerSet) return false;
      if (!isSignedByQuorum(reportDigest(report, domain), signatures, quorum, keys, config.nodes)) return false;
      if (report.kind === "surface" && surfaceProblems(report).length > 0) return false;
      held.keep({ report, packed });
      return true;
    } catch {
      return false; // no report at all
    }
  }
}
