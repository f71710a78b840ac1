import type { Hex, PrivateKeyAccount } from "viem";
import { type Report, type ReportDomain, reportDigest } from "../chain/report.ts";
import { composeReport, composeSpotReport, type Observation, type ReportKind } from "./consensus.ts";
import type { KnownKeys } from "./knownKeys.ts";
import { openObservation, type Proposal, type SignedObservation } from "./messages.ts";
import type { KnownObservation, Moment, ObservationBook } from "./observationBook.ts";
import { disbelief } from "./plausible.ts";
import { leaderOf, refusalOf } from "./rounds.ts";
import type { SignedState } from "./signedState.ts";

/** What a signatory knows of its market when it judges a proposal. */
export interface SigningFacts {
  readonly chainRound: number;
  readonly surfaceTime: number;
  readonly spotTime: number;
  readonly signerSet: number;
  /** Signatures that make a report. */
  readonly quorum: number;
  /** Why nothing may be signed now; undefined where it may. */
  readonly trouble: string | undefined;
}

export interface SignatorySetup {
  readonly account: PrivateKeyAccount;
  readonly index: number;
  readonly nodes: number;
  readonly keys: KnownKeys;
  readonly marketId: number;
  readonly domain: ReportDomain;
  readonly state: SignedState;
  readonly book: ObservationBook;
  readonly leaderTimeoutMilliseconds: number;
  /** Brings the facts up to date; called before a proposal is refused for them. */
  readonly refresh: () => Promise<SigningFacts>;
  readonly facts: () => SigningFacts;
  /** Whether this report is due against what the chain has. */
  readonly isDue: (report: Report) => Promise<boolean>;
  readonly onSigned: (report: Report, digest: Hex, observations: readonly Observation[]) => void;
}

export type Endorsement = { readonly signature: Hex } | { readonly refused: string };

const refuse = (refused: string): Endorsement => ({ refused });

/**
 * The hand that signs. It signs the report of a proposal if it finds the same one from the observations, saw that moment
 * itself, and has signed nothing else for that round; and its own proposals under the same rule.
 */
export class Signatory {
  private readonly setup: SignatorySetup;
  /** When each leader was last given a signature, and for which moment. */
  private readonly endorsed = new Map<number, { readonly modelTime: number; readonly at: number }>();

  constructor(setup: SignatorySetup) {
    this.setup = setup;
  }

  /** The observations' report of a kind, under a round where it has one. */
  compose(kind: ReportKind, items: readonly { readonly observation: Observation }[], round: number): Report {
    const observations = items.map(({ observation }) => observation);
    const { signerSet, quorum } = this.setup.facts();
    const frame = { round, signerSet, quorum };
    return kind === "surface" ? composeReport(observations, frame) : composeSpotReport(observations, frame);
  }

  /**
   * Claims the round and signs; undefined where another report of it was signed, or nothing may be signed at all.
   *
   * @param digest The report's own.
   */
  async sign(
    report: Report,
    digest: Hex,
    items: readonly { readonly observation: Observation }[],
  ): Promise<Hex | undefined> {
    const { account, state, onSigned, facts, book, index } = this.setup;
    const own = book.of(index, report);
    // A node vouches for a moment only if it observed that moment itself, and saw nothing entirely different.
    if (facts().trouble !== undefined || !own || disbelief(report, own.observation) !== undefined) return undefined;
    const number = report.kind === "surface" ? report.round : report.modelTime;
    if (!state.claim(report.kind, number, digest)) return undefined;
    onSigned(
      report,
      digest,
      items.map(({ observation }) => observation),
    );
    return await account.sign({ hash: digest });
  }

  /** Signs what a leader proposes, or says why not. Cheap questions come first. */
  async endorse(given: Proposal): Promise<Endorsement> {
    const { setup } = this;
    const { trouble, quorum } = setup.facts();
    if (trouble !== undefined) return refuse(trouble);
    if (given.observations.length < quorum) return refuse("too few observations");
    const { leader } = given;
    if (leader === setup.index || !setup.keys.isSignedBy(leader, given.digest, given.signature)) {
      return refuse("no other node signed this proposal");
    }
    const opened = this.open(given.observations);
    const [first] = opened ?? [];
    if (!opened || !first) return refuse("an observation is not genuine");
    if (opened.some(({ index }, i) => index === opened[i - 1]?.index)) return refuse("a node speaks twice");
    const moment: Moment = { kind: given.kind, modelTime: first.observation.modelTime };
    if (opened.some(({ observation }) => !isOf(observation, moment, setup.marketId))) {
      return refuse("the observations are not of one moment");
    }
    const own = setup.book.of(setup.index, moment);
    if (!own) return refuse("this node did not see that moment");
    const refused = await this.refusalOfTurn(given, leader, moment);
    if (refused !== undefined) return refuse(refused);
    const report = this.compose(given.kind, opened, given.round);
    if (reportDigest(report, setup.domain) !== given.digest) {
      return refuse("the report does not follow from the observations");
    }
    const doubt = disbelief(report, own.observation);
    if (doubt !== undefined) return refuse(doubt);
    if (!(await setup.isDue(report))) return refuse("no report is due");
    if (!this.mayEndorse(leader, moment, given.round)) return refuse("this leader had its turn");
    const signature = await this.sign(report, given.digest, opened);
    if (!signature) return refuse("another report of this round was signed before");
    this.endorsed.set(leader, { modelTime: moment.modelTime, at: performance.now() });
    return { signature };
  }

  /** The observations with their nodes, in the order of the signer set; undefined where one is not genuine. */
  private open(items: readonly SignedObservation[]): readonly KnownObservation[] | undefined {
    const opened = items.map((signed): KnownObservation | undefined => {
      const known = this.setup.book.find(signed);
      if (known) return known;
      const observation = openObservation(signed, this.setup.domain, this.setup.keys);
      return observation && { index: signed.index, observation, signed };
    });
    const genuine = opened.filter((item) => item !== undefined);
    return genuine.length === items.length ? genuine.toSorted((a, b) => a.index - b.index) : undefined;
  }

  private async refusalOfTurn(given: Proposal, leader: number, { modelTime }: Moment): Promise<string | undefined> {
    const { nodes, state, facts, refresh } = this.setup;
    const judge = (known: SigningFacts) =>
      given.kind === "surface"
        ? refusalOf({
            round: given.round,
            proposer: leader,
            nodes: nodes,
            chainRound: known.chainRound,
            signedRound: state.round,
            secondsSinceReport: modelTime - known.surfaceTime,
          })
        : refusalOfSpot(given.round, leader, nodes, modelTime, known.spotTime, state.spotTime);
    if (judge(facts()) === undefined) return undefined;
    // This node may be behind: the chain decides.
    return judge(await refresh());
  }

  /** One moment, one signature; a leader that failed may try once more after everybody's turn. */
  private mayEndorse(leader: number, { kind, modelTime }: Moment, round: number): boolean {
    if (kind === "spot") return true;
    const last = this.endorsed.get(leader);
    if (!last || last.modelTime < modelTime || round === this.setup.state.round) return true;
    return performance.now() - last.at > this.setup.leaderTimeoutMilliseconds;
  }
}

function isOf(observation: Observation, { kind, modelTime }: Moment, marketId: number): boolean {
  return observation.kind === kind && observation.modelTime === modelTime && observation.marketId === marketId;
}

/** The same for a spot: it has no round, its turns count from its moment. */
export function refusalOfSpot(
  turn: number,
  leader: number,
  nodes: number,
  modelTime: number,
  chainTime: number,
  signedTime: number,
): string | undefined {
  if (turn >= nodes || leaderOf(modelTime + turn, nodes) !== leader) return "another node leads this turn";
  if (modelTime <= chainTime) return "the chain has a fresher spot";
  if (modelTime < signedTime) return "a fresher spot was signed";
  return undefined;
}
