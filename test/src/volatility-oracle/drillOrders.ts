/** What a node of the drills can be told to do wrong by itself. */
export type NodeFault = "wild" | "equivocation" | "replay" | "future" | "malformed" | "clock" | "frozen";

/** From the test to a node. */
export interface DrillOrder {
  readonly number: number;
  /** Unix seconds that its clock shows from now on. */
  readonly time?: number;
  /** `null` ends a fault. */
  readonly fault?: NodeFault | null;
}

/** From a node to the test: that an order was carried out, or an observation that it sends while it has no fault. */
export type DrillWord = { readonly done: number } | { readonly observation: string; readonly id: string };
