import { Metrics, type ReadGauge } from "../runtime/metrics.ts";

/** What every bot counts, for Prometheus. */
export class BotMetrics extends Metrics {
  readonly looks = this.counter("looks_total", "Looks at the chain, by what came of them", ["result"]);
  readonly silent = this.counter(
    "rpc_silent_total",
    "Questions that an RPC did not answer, so that the next was asked",
    ["url"],
  );
  readonly resent = this.counter(
    "outbox_notices_total",
    "Transactions bid for again, called off, or not taken by a node",
  );
  readonly withdrawn = this.counter("bounties_withdrawn_total", "Bounties taken home, quote tokens");

  constructor(gauges: Readonly<Record<string, ReadGauge>> = {}) {
    super("meniscus_bot_", gauges);
  }
}
