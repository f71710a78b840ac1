import type { Hex } from "viem";
import type { Report } from "../chain/report.ts";
import type { ReportKind } from "./consensus.ts";

/** A report with a quorum's signatures, as the chain takes it. */
export interface SignedReport {
  readonly report: Report;
  readonly packed: Hex;
}

/** The latest signed report of each kind, whoever led it. */
export class HeldReports {
  private readonly reports = new Map<ReportKind, SignedReport>();

  get(kind: ReportKind): SignedReport | undefined {
    return this.reports.get(kind);
  }

  /** Of two reports of one moment the later one stays: the earlier may name a signer set that is no more. */
  keep(signed: SignedReport): void {
    const { kind, modelTime } = signed.report;
    if (modelTime >= (this.reports.get(kind)?.report.modelTime ?? 0)) this.reports.set(kind, signed);
  }
}
