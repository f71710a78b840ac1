import { type Hex, isHex } from "viem";
import { z } from "zod";
import { marketOracleAbi } from "../chain/abis.ts";
import { revertNameOf } from "../chain/decodeError.ts";
import { unpackReport } from "../chain/report.ts";
import { describeError } from "../runtime/errors.ts";
import type { Logger } from "../runtime/logger.ts";
import { type Connection, chainTime, type Sender } from "../sdk/client.ts";

const answer = z.object({ report: z.custom<Hex>((value) => isHex(value), "not a report") });
const REQUEST_MILLISECONDS = 2_000;
/** Where somebody else brought the same or a newer one. */
const OVERTAKEN = ["MarketOracle_ReportNotNewer"];

export interface ReporterRules {
  /** Where nodes serve their signed reports. */
  readonly nodes: readonly string[];
  readonly kinds: readonly ("surface" | "spot")[];
  /** Reports younger than this are left to the nodes themselves, seconds. */
  readonly patienceSeconds: number;
}

/**
 * Brings signed reports to the chain that the nodes do not bring themselves: anybody may. Nothing is paid for it, so this is a service, and
 * the nodes have the first say. Safe to run twice: a report that is not newer is not sent.
 */
export class Reporter {
  private readonly sender: Sender;
  private readonly rules: ReporterRules;
  private readonly log: Logger;

  constructor(sender: Sender, rules: ReporterRules, log: Logger) {
    this.sender = sender;
    this.rules = rules;
    this.log = log;
  }

  /** Looks once at every node. @returns Model times of the reports that were brought. */
  async look(): Promise<readonly number[]> {
    const brought: number[] = [];
    for (const kind of this.rules.kinds) {
      const held = await Promise.all(this.rules.nodes.map((node) => this.ask(`${node}/reports/${kind}`)));
      const newest = held
        .filter((report) => report !== undefined)
        .map((packed) => ({ packed, ...unpackReport(packed).report }))
        .toSorted((a, b) => b.modelTime - a.modelTime)[0];
      if (newest && (await this.bring(newest.packed, kind, newest.marketId, newest.modelTime))) {
        brought.push(newest.modelTime);
      }
    }
    return brought;
  }

  private get connection(): Connection {
    return this.sender.connection;
  }

  /** The latest report of a node; undefined where it has none or does not answer. */
  private async ask(url: string): Promise<Hex | undefined> {
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(REQUEST_MILLISECONDS) });
      return response.ok ? answer.parse(await response.json()).report : undefined;
    } catch (error) {
      this.log.debug({ url, reason: describeError(error) }, "no report");
      return undefined;
    }
  }

  private async bring(packed: Hex, kind: "surface" | "spot", marketId: number, modelTime: number): Promise<boolean> {
    const oracle = { address: this.connection.deployment.marketOracle, abi: marketOracleAbi } as const;
    const [state, waiting, now] = await Promise.all([
      this.connection.client.readContract({ ...oracle, functionName: "marketState", args: [marketId] }),
      this.connection.client.readContract({ ...oracle, functionName: "unconfirmed", args: [marketId] }),
      chainTime(this.connection),
    ]);
    const known =
      kind === "surface"
        ? Math.max(state.surfaceTime, waiting.surfaceTime)
        : Math.max(state.spotTime, waiting.spotTime);
    if (modelTime <= known || now - modelTime < this.rules.patienceSeconds) return false;
    try {
      await this.sender.send({ ...oracle, functionName: "submitReport", args: [packed] });
    } catch (error) {
      const name = revertNameOf(error);
      if (name === undefined) throw error;
      if (!OVERTAKEN.includes(name)) this.log.warn({ kind, modelTime, reason: name }, "not reported");
      return false;
    }
    this.log.info({ kind, modelTime }, "reported");
    return true;
  }
}
