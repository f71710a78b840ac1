import { BotMetrics } from "../metrics.ts";
import type { Greeks } from "./greeks.ts";

/** What an arbitrage bot shows of itself: quote tokens and units of `Greeks`. */
export interface ArbitrageStanding extends Greeks {
  /** What it earned since its memory begins. */
  readonly result: number;
  readonly cash: number;
  readonly stopped: boolean;
}

/** What an arbitrage bot counts and measures, for Prometheus. */
export class ArbitrageMetrics extends BotMetrics {
  readonly found = this.counter("plans_found_total", "Plans that would gain, by kind", ["kind"]);
  readonly carriedOut = this.counter("plans_done_total", "Plans carried out, by kind", ["kind"]);
  readonly refused = this.counter("plans_refused_total", "Plans refused, by kind and reason", ["kind", "reason"]);
  readonly gained = this.counter("gain_total", "What plans were to gain after all costs, quote tokens, by kind", [
    "kind",
  ]);
  readonly gas = this.counter("gas_total", "Paid for gas, quote tokens");

  /** @param standing Read when somebody asks. */
  constructor(standing: () => ArbitrageStanding) {
    const gauge = (help: string, read: (now: ArbitrageStanding) => number) => ({ help, read: () => read(standing()) });
    super({
      result: gauge("Earned since the bot's memory begins, quote tokens", ({ result }) => result),
      cash: gauge("Cash of the margin account, quote tokens", ({ cash }) => cash),
      stopped: gauge("1 where the loss limit is reached", ({ stopped }) => Number(stopped)),
      delta: gauge("Delta of options and base, units of the underlying", ({ delta }) => delta),
      gamma: gauge("Gamma, units of the underlying per quote token", ({ gamma }) => gamma),
      vega: gauge("Vega, quote tokens per 1.00 of volatility", ({ vega }) => vega),
      theta: gauge("Theta, quote tokens a day", ({ theta }) => theta),
    });
  }
}
