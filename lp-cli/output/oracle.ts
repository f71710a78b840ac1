import type { Chart } from "../../src/drawing/svgChart.ts";
import type {
  NodeStatus,
  ReportResult,
  RunOutcome,
  SmileResult,
  StatusResult,
  TermResult,
} from "../commands/oracle.ts";
import { bold, dim, green, red } from "./colour.ts";
import { amount, duration, orDash, percent, shortHex, signed, time } from "./format.ts";
import { smileChart, termChart } from "./oracleCharts.ts";
import { facts, heading, table } from "./table.ts";
import { terminalChart } from "./terminalChart.ts";

const points = (volatility: number, decimals = 2): string => `${amount(100 * volatility, decimals)} vol points`;

function renderSlices(slices: StatusResult["slices"]): string {
  return table(
    [
      { title: "expiry", align: "left" },
      { title: "days" },
      { title: "forward" },
      { title: "over spot" },
      { title: "at the money" },
      { title: "skew ρ" },
      { title: "slope ψ" },
      { title: "fits to" },
    ],
    slices.map((slice) => [
      slice.fresh ? slice.name : `${slice.name} (old)`,
      amount(slice.days, 1),
      amount(slice.forward),
      `${signed(100 * slice.basis)} %`,
      percent(slice.volatility, 2),
      amount(slice.rho, 3),
      amount(slice.psi, 4),
      points(slice.residual),
    ]),
  );
}

/** `oracle run`. */
export function renderRun({ name, signedRound }: RunOutcome): string {
  return `Node ${name} has ended; the last round it signed is ${signedRound}.`;
}

/** `oracle status`. */
export function renderStatus(status: StatusResult): string {
  const { symbol, round, now, surfaceAge, spotAge, signers, quorum, signerSet, slices, nodes } = status;
  if (surfaceAge === null) return `The oracle of ${symbol} at ${status.oracle} has accepted no surface yet.`;
  return [
    heading(`Oracle of ${symbol} at ${status.oracle}`),
    facts([
      ["round", String(round)],
      ["surface", duration(surfaceAge), `old at ${time(now)}`],
      ["spot", amount(status.spot), `${status.quoteSymbol}, ${orDash(spotAge, duration)} old`],
      ["nodes differ by", points(status.disagreement)],
      ["signers", `${quorum} of ${signers.length}`, `set ${signerSet}: ${signers.map(shortHex).join(" ")}`],
    ]),
    "",
    renderSlices(slices),
    ...(slices.every(({ fresh }) => fresh)
      ? []
      : [dim("(old): the last report's slice was refused; an older one, rolled down, stands in and only closes.")]),
    ...(nodes.length === 0 ? [] : ["", renderNodes(nodes)]),
  ].join("\n");
}

function renderNodes(nodes: readonly NodeStatus[]): string {
  return table(
    [
      { title: "node", align: "left" },
      { title: "health", align: "left" },
      { title: "signed round" },
      { title: "lag" },
      { title: "clock off" },
      { title: "", align: "left" },
    ],
    nodes.map((node) =>
      node.answers
        ? [
            `${node.name} ${node.url}`,
            node.healthy ? green("well") : red("unwell"),
            String(node.signedRound),
            orDash(node.lag, duration),
            `${signed(node.clockOffset, 1)} s`,
            node.problems.join("; "),
          ]
        : [node.url, red("silent"), "–", "–", "–", node.error],
    ),
  );
}

/** `oracle report` and `oracle verify`. */
export function renderReport(report: ReportResult): string {
  const { symbol, kind, round, modelTime, spot, disagreement, signatures, quorum, transaction, problems } = report;
  const head = kind === "surface" ? `Surface of ${symbol}, round ${round ?? "–"}` : `Spot of ${symbol}`;
  const rows: (readonly [string, string, string?])[] = [
    ["model time", time(modelTime)],
    ["spot", amount(spot)],
    ...(disagreement === null ? [] : [["nodes differ by", points(disagreement)] as const]),
    ["size", `${report.bytes} bytes`],
  ];
  if (transaction) {
    rows.push(
      ["accepted", `block ${transaction.blockNumber}`, `${duration(transaction.delay)} after the model time`],
      ["transaction", shortHex(transaction.hash), `sent by ${transaction.submitter}`],
    );
  }
  return [
    heading(head),
    facts(rows),
    ...(report.slices.length === 0 ? [] : ["", renderSlices(report.slices)]),
    ...report.averages.map(
      ({ name, average, elapsed }) =>
        `average for the settlement of ${name}: ${amount(average)} over ${elapsed} of 1800 s${elapsed === 1_800 ? ", final" : ""}`,
    ),
    "",
    bold(`Signatures, signer set ${report.signerSet}`),
    table(
      [{ title: "signer" }, { title: "address", align: "left" }, { title: "", align: "left" }],
      signatures.map(({ index, signer, valid }) => [
        String(index),
        signer ?? "garbled",
        valid === null ? dim("not compared with a signer list") : valid ? green("valid") : red("not valid"),
      ]),
    ),
    quorum === null
      ? dim("Pass --signers to check them against a list.")
      : `${quorum.valid} valid signatures, ${quorum.needed} are needed.`,
    ...(kind === "surface" && problems.length === 0 ? ["No butterfly and no calendar arbitrage in its words."] : []),
    ...problems.map((problem) => red(`✗ ${problem}`)),
  ].join("\n");
}

/** `oracle smile`. */
export function renderSmile(data: SmileResult): string {
  return drawn(smileChart(data), data.file, data.smiles);
}

/** `oracle term`. */
export function renderTerm(data: TermResult): string {
  return drawn(termChart(data), data.file, data.slices);
}

/** Many lines in a terminal are a knot: at most the nearest, one in the middle and the farthest are drawn. */
function drawn(chart: Chart, file: string | null, slices: StatusResult["slices"]): string {
  const last = chart.series.length - 1;
  const picked = [...new Set([0, Math.floor(last / 2), last])].flatMap((i) => chart.series[i] ?? []);
  const few = { ...chart, series: picked };
  const names = picked.map(({ name }) => name).join("  |  ");
  return [
    terminalChart(few),
    ...(chart.series.length > 1 ? [dim(`drawn, from near to far: ${names}`)] : []),
    "",
    renderSlices(slices),
    ...(file === null ? [] : [`Written to ${file}.`]),
  ].join("\n");
}
