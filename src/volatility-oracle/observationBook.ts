import type { Observation } from "./consensus.ts";
import type { SignedObservation } from "./messages.ts";

export interface KnownObservation {
  readonly index: number;
  readonly signed: SignedObservation;
  readonly observation: Observation;
}

/** Moments that are remembered of one node; a node that sends more pushes out its own. */
const MOMENTS_PER_NODE = 4;

/** What the nodes have said, by model time: of each node the first word about a moment counts. */
export class ObservationBook {
  private readonly byNode = new Map<number, Map<number, KnownObservation>>();

  keep(known: KnownObservation): void {
    const moments = this.byNode.get(known.index) ?? new Map<number, KnownObservation>();
    this.byNode.set(known.index, moments);
    const { modelTime } = known.observation;
    if (moments.has(modelTime)) return;
    moments.set(modelTime, known);
    const [oldest] = moments.keys();
    if (moments.size > MOMENTS_PER_NODE && oldest !== undefined) moments.delete(oldest);
  }

  of(index: number, modelTime: number): Observation | undefined {
    return this.byNode.get(index)?.get(modelTime)?.observation;
  }

  /** Everything known about a moment, in the order of the signer set. */
  at(modelTime: number): readonly KnownObservation[] {
    return [...this.byNode.values()]
      .flatMap((moments) => moments.get(modelTime) ?? [])
      .sort((a, b) => a.index - b.index);
  }
}
