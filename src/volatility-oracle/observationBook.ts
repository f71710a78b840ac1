import type { Observation, ReportKind } from "./consensus.ts";
import type { SignedObservation } from "./messages.ts";

export interface KnownObservation {
  readonly index: number;
  readonly signed: SignedObservation;
  readonly observation: Observation;
}

/** What a report is of: a surface or spot alone, at a model time. */
export interface Moment {
  readonly kind: ReportKind;
  readonly modelTime: number;
}

/** What came of a word that was kept. */
export type Kept = "new" | "known" | "equivocation";

/** Moments that are remembered of one node; a node that sends more pushes out its own. */
const MOMENTS_PER_NODE = 8;

/** What the nodes have said, by moment: of each node the first word about a moment counts. */
export class ObservationBook {
  private readonly byNode = new Map<number, Map<string, KnownObservation>>();

  keep(known: KnownObservation): Kept {
    const moments = this.byNode.get(known.index) ?? new Map<string, KnownObservation>();
    this.byNode.set(known.index, moments);
    const key = keyOf(known.observation);
    const before = moments.get(key);
    if (before) return before.signed.body === known.signed.body ? "known" : "equivocation";
    moments.set(key, known);
    const [oldest] = moments.keys();
    if (moments.size > MOMENTS_PER_NODE && oldest !== undefined) moments.delete(oldest);
    return "new";
  }

  of(index: number, moment: Moment): KnownObservation | undefined {
    return this.byNode.get(index)?.get(keyOf(moment));
  }

  /** A word that is known already, to the letter: its signature was checked when it came. */
  find({ index, body, signature }: SignedObservation): KnownObservation | undefined {
    const ofNode = [...(this.byNode.get(index)?.values() ?? [])];
    return ofNode.find(({ signed }) => signed.signature === signature && signed.body === body);
  }

  /** Everything known about a moment, in the order of the signer set. */
  at(moment: Moment): readonly KnownObservation[] {
    return [...this.byNode.values()]
      .flatMap((moments) => moments.get(keyOf(moment)) ?? [])
      .toSorted((a, b) => a.index - b.index);
  }
}

function keyOf({ kind, modelTime }: Moment): string {
  return `${kind} ${modelTime}`;
}
