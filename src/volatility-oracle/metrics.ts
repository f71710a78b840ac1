import { Metrics, type ReadGauge } from "../runtime/metrics.ts";

/** What a node counts and measures, for Prometheus. Gauges are read off when somebody asks. */
export class NodeMetrics extends Metrics {
  readonly observationsReceived = this.counter(
    "observations_received_total",
    "Words of other nodes, by what came of them",
    ["node", "result"],
  );
  readonly equivocations = this.counter("equivocations_total", "Second, different words of a node about one moment", [
    "node",
  ]);
  readonly proposals = this.counter("proposals_total", "Proposals of other nodes, by what came of them", ["result"]);
  readonly refusals = this.counter("refusals_total", "Proposals that were not signed, by reason", ["reason"]);
  readonly signatures = this.counter("signatures_total", "Reports signed, by kind", ["kind"]);
  readonly submissions = this.counter("submissions_total", "Reports sent to the chain, by kind and outcome", [
    "kind",
    "result",
  ]);
  readonly turns = this.counter("failed_turns_total", "Turns as a leader that made no report");
  readonly errors = this.counter("errors_total", "Moments that ended in an error");
  readonly observeSeconds = this.histogram(
    "observe_seconds",
    "From the venues' answers being asked for to an observation",
  );
  readonly composeSeconds = this.histogram("compose_seconds", "Medians, fit, words and checks of one report");

  constructor(gauges: Readonly<Record<string, ReadGauge>>) {
    super("meniscus_oracle_", gauges);
  }
}
