/** The node that leads a turn: turns go round the signer set. Of a surface the turn is its round. */
export function leaderOf(turn: number, nodes: number): number {
  return turn % nodes;
}

/** The first round after `last` that node `index` leads. */
export function nextRoundOf(index: number, last: number, nodes: number): number {
  const first = last + 1;
  return first + ((index - (first % nodes) + nodes) % nodes);
}

/** How many signatures make a report: with f < n/3 faulty nodes, two quorums share an honest one. */
export function quorumOf(nodes: number): number {
  return Math.floor((2 * nodes) / 3) + 1;
}

/** So many say it that one of them is honest. */
export function witnessesOf(nodes: number): number {
  return Math.floor((nodes - 1) / 3) + 1;
}

export interface ProposalFacts {
  readonly round: number;
  /** Whose signature stands on the proposal. */
  readonly proposer: number;
  readonly nodes: number;
  /** The last round this node knows to be on the chain. */
  readonly chainRound: number;
  /** The last round this node signed. */
  readonly signedRound: number;
  /** Model time between the chain's last report and the proposed one. */
  readonly secondsSinceReport: number;
}

/** Turns that may fail at one moment, and with every second that passes without a report one more. */
const TURNS_AT_ONCE = 16;

/**
 * Why a node may not sign a report of this round; undefined where it may. Each round has one leader. A failed round is lost
 * for those who signed it, so rounds are skipped, but only so many as turns can have failed: a faulty leader cannot burn all.
 */
export function refusalOf(facts: ProposalFacts): string | undefined {
  const { round, proposer, nodes, chainRound, signedRound, secondsSinceReport } = facts;
  if (leaderOf(round, nodes) !== proposer) return "another node leads this round";
  if (round <= chainRound) return "the chain is past this round";
  if (round < signedRound) return "a later round was signed";
  if (secondsSinceReport <= 0) return "the chain has a report of that moment";
  const furthest = chainRound + nodes * (TURNS_AT_ONCE + secondsSinceReport);
  if (round > Math.max(furthest, signedRound + nodes)) return "the round is too far ahead";
  return undefined;
}

/** How far things have moved since the chain's report, and for how long. */
export interface Movement {
  /** Model time since the last report of the kind, seconds. */
  readonly seconds: number;
  /** |ln| of spot against the reported one. */
  readonly spot: number;
  /** The largest change of volatility at the money, absolute; 0 where only spot is meant. */
  readonly volatility: number;
}

/** What makes a report due: every limit by itself. */
export interface DueRules {
  readonly heartbeat: number | undefined;
  readonly minGap: number;
  readonly spot: number;
  readonly volatility: number;
}

export type Due = "heartbeat" | "deviation";

/** Why a report is due; undefined where it is not. `slack` shrinks the limits, for those who check what others saw. */
export function dueFor(moved: Movement, rules: DueRules, slack = 1): Due | undefined {
  if (rules.heartbeat !== undefined && moved.seconds >= rules.heartbeat * slack) return "heartbeat";
  if (moved.seconds < rules.minGap) return undefined;
  return moved.spot >= rules.spot * slack || moved.volatility >= rules.volatility * slack ? "deviation" : undefined;
}
