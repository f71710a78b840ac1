import { existsSync, readFileSync } from "node:fs";
import { type Address, type Hex, isHex, size } from "viem";
import { z } from "zod";
import { essviTotalVariance, logMoneyness, SECONDS_PER_YEAR } from "../../pricing/index.ts";
import { deploymentFile, readDeployment } from "../../src/chain/deployments.ts";
import { expiryName } from "../../src/chain/optionId.ts";
import type { RunningAverage } from "../../src/chain/report.ts";
import { describeError, MeniscusError } from "../../src/runtime/errors.ts";
import { createLogger } from "../../src/runtime/logger.ts";
import { findReport, type OracleView, readOracle, type SliceView, viewSlice } from "../../src/sdk/oracle.ts";
import { readNodeConfig, readNodeKey } from "../../src/volatility-oracle/config.ts";
import { OracleNode } from "../../src/volatility-oracle/node.ts";
import { askOnChain, checkReport, fetchReport, type ReportCheck } from "../../src/volatility-oracle/reports.ts";
import { quorumOf } from "../../src/volatility-oracle/rounds.ts";
import { smileChart, termChart } from "../output/oracleCharts.ts";
import { writePicture } from "../output/picture.ts";
import { parseAddress, parseExpiry, parseInteger } from "../parse.ts";
import type { Session } from "../session.ts";

// ───────────────────────────── run ─────────────────────────────

export interface RunOutcome {
  readonly name: string;
  readonly signedRound: number;
}

/** `oracle run CONFIG`: one node, until it is told to end. */
export async function run(session: Session, file: string): Promise<RunOutcome> {
  const config = readNodeConfig(file);
  const node = new OracleNode(config, readNodeKey(config), createLogger(config.name));
  await node.start();
  session.say(
    `Node ${config.name} listens on http://${config.host}:${config.port} (/health, /metrics). Ctrl-C ends it.`,
  );
  await new Promise<void>((resolve) => {
    process.once("SIGINT", () => resolve());
    process.once("SIGTERM", () => resolve());
  });
  await node.stop();
  return { name: config.name, signedRound: node.signedRound };
}

// ───────────────────────────── status ─────────────────────────────

const healthSchema = z.looseObject({
  healthy: z.boolean(),
  problems: z.array(z.string()),
  name: z.string(),
  signedRound: z.number(),
  lag: z.number().nullable(),
  clockOffset: z.number(),
});

/** How one node is, as it says itself; or why it says nothing. */
export type NodeStatus =
  | (z.infer<typeof healthSchema> & { readonly url: string; readonly answers: true })
  | { readonly url: string; readonly answers: false; readonly error: string };

export interface StatusResult extends OracleView {
  readonly quoteSymbol: string;
  readonly surfaceAge: number | null;
  readonly spotAge: number | null;
  readonly nodes: readonly NodeStatus[];
}

const HEALTH_MILLISECONDS = 3_000;

/** `oracle status [--node URL…]`. */
export async function status(session: Session, options: { readonly node?: readonly string[] }): Promise<StatusResult> {
  const connection = await session.connection();
  const view = await readOracle(connection, (await session.pool()).market);
  return {
    ...view,
    quoteSymbol: connection.deployment.quoteSymbol,
    surfaceAge: view.surfaceTime === 0 ? null : view.now - view.surfaceTime,
    spotAge: view.spotTime === 0 ? null : view.now - view.spotTime,
    nodes: await Promise.all((options.node ?? []).map((url) => nodeStatus(url))),
  };
}

async function nodeStatus(url: string): Promise<NodeStatus> {
  if (!URL.canParse(url)) {
    throw new MeniscusError("usage", `"${url}" is not a node's URL.`, { hint: "Write --node http://127.0.0.1:7001." });
  }
  try {
    const response = await fetch(`${url.replace(/\/$/, "")}/health`, {
      signal: AbortSignal.timeout(HEALTH_MILLISECONDS),
    });
    const parsed = healthSchema.safeParse(await response.json());
    if (!parsed.success) return { url, answers: false, error: "it is no oracle node" };
    return { url, answers: true, ...parsed.data };
  } catch (error) {
    return { url, answers: false, error: describeError(error) };
  }
}

// ───────────────────────────── report, verify ─────────────────────────────

export interface SignatureView {
  readonly index: number;
  readonly signer: Address | null;
  readonly valid: boolean | null;
}

export interface ReportResult {
  readonly symbol: string;
  readonly kind: "surface" | "spot";
  readonly marketId: number;
  readonly round: number | null;
  readonly modelTime: number;
  readonly spot: number;
  readonly disagreement: number | null;
  readonly signerSet: number;
  readonly slices: readonly SliceView[];
  readonly averages: readonly {
    readonly name: string;
    readonly expiry: number;
    readonly average: number;
    readonly elapsed: number;
  }[];
  readonly signatures: readonly SignatureView[];
  readonly quorum: { readonly valid: number; readonly needed: number } | null;
  readonly problems: readonly string[];
  /** How it came to the chain; null where that is not known. */
  readonly transaction: {
    readonly hash: Hex;
    readonly blockNumber: number;
    readonly submitter: Address;
    /** Seconds from the model time to the block that took it. */
    readonly delay: number;
  } | null;
  readonly bytes: number;
}

function viewReport({ report, ...check }: ReportCheck, packed: Hex, symbol: string): Omit<ReportResult, "transaction"> {
  const spot = Number(report.spot) / 1e18;
  const surface = report.kind === "surface" ? report : undefined;
  return {
    symbol,
    kind: report.kind,
    marketId: report.marketId,
    round: surface?.round ?? null,
    modelTime: report.modelTime,
    spot,
    disagreement: surface ? surface.disagreement * 1e-4 : null,
    signerSet: report.signerSet,
    slices: surface?.slices.map((slice) => viewSlice(slice, report.modelTime, spot)) ?? [],
    averages: report.averages.map((item) => viewAverage(item)),
    ...check,
    bytes: size(packed),
  };
}

function viewAverage({ expiry, average, elapsed }: RunningAverage) {
  return { name: expiryName(expiry), expiry, average: Number(average) / 1e18, elapsed };
}

/** `oracle report [TX|ROUND]`: the last surface report, that of a round, or whatever a transaction carried. */
export async function inspect(session: Session, reference: string | undefined): Promise<ReportResult> {
  const connection = await session.connection();
  const { market } = await session.pool();
  const found = await findReport(connection, market.marketId, parseReference(reference));
  const { deployment } = connection;
  const domain = { chainId: deployment.chainId, oracle: deployment.marketOracle };
  const { signers, quorum, signerSet } = await readOracle(connection, market);
  const unchecked = await checkReport(found.packed, domain, undefined);
  // Of an older set of signers only the recovered addresses can be shown.
  const isCurrent = unchecked.report.signerSet === signerSet;
  const check = isCurrent
    ? await checkReport(found.packed, domain, { signers, quorum, ask: askOnChain(connection.client) })
    : unchecked;
  return {
    ...viewReport(check, found.packed, market.symbol),
    transaction: {
      hash: found.hash,
      blockNumber: Number(found.blockNumber),
      submitter: found.submitter,
      delay: found.acceptedAt - check.report.modelTime,
    },
  };
}

function parseReference(text: string | undefined) {
  if (text === undefined) return "last" as const;
  if (isHex(text) && size(text) === 32) return { hash: text };
  if (/^\d+$/.test(text)) return { round: parseInteger(text, "round", 1, 2 ** 32 - 1) };
  throw new MeniscusError("usage", `"${text}" is neither a transaction nor a round.`, {
    hint: "Write 0x and 64 digits, a number, or nothing for the last report.",
  });
}

export interface VerifyOptions {
  readonly oracle?: string;
  readonly chainId?: string;
  readonly signers?: string;
  readonly quorum?: string;
}

/** `oracle verify FILE|HEX|URL`: everything that can be checked without a chain. */
export async function verify(session: Session, source: string, options: VerifyOptions): Promise<ReportResult> {
  const packed = await readPacked(source);
  const check = await checkReport(packed, domainOf(session, options), signerListOf(options));
  if (check.problems.length > 0) {
    throw new MeniscusError("data", `This report is not valid: ${check.problems.join("; ")}.`, {
      hint: "Do the chain, the oracle's address and the signers belong to it?",
    });
  }
  return { ...viewReport(check, packed, `market ${check.report.marketId}`), transaction: null };
}

async function readPacked(source: string): Promise<Hex> {
  if (isHex(source)) return source;
  if (/^https?:\/\//.test(source)) return await fetchReport(source, "surface");
  if (!existsSync(source)) {
    throw new MeniscusError("usage", `"${source}" is neither a file nor hexadecimal.`, {
      hint: "Name a file, a node's URL, or write the report's bytes as 0x….",
    });
  }
  const text = readFileSync(source, "utf8").trim();
  let packed: unknown = text;
  try {
    packed = text.startsWith("{") ? (JSON.parse(text) as { report?: unknown }).report : text;
  } catch {
    packed = undefined;
  }
  if (isHex(packed)) return packed;
  throw new MeniscusError("data", `${source} holds no report.`, {
    hint: 'It has to be hexadecimal, or JSON as a node serves it: {"report":"0x…"}.',
  });
}

function domainOf(session: Session, options: VerifyOptions) {
  if (options.oracle !== undefined) {
    const oracle = parseAddress(options.oracle);
    if (!oracle) throw new MeniscusError("usage", `"${options.oracle}" is not an address.`);
    if (options.chainId === undefined) {
      throw new MeniscusError("usage", "Of which chain is that oracle?", { hint: "Add --chain-id N." });
    }
    return { chainId: parseInteger(options.chainId, "chain id", 1, 2 ** 48), oracle };
  }
  const chainId =
    options.chainId === undefined ? LOCAL_CHAIN_ID : parseInteger(options.chainId, "chain id", 1, 2 ** 48);
  const deployment = readDeployment(session.options.deployment ?? deploymentFile(chainId));
  return { chainId: deployment.chainId, oracle: deployment.marketOracle };
}

/** Of whose deployment `verify` reads the oracle's address where nothing is said. */
const LOCAL_CHAIN_ID = 31_337;

function signerListOf({ signers: list, quorum }: VerifyOptions) {
  if (list === undefined) {
    if (quorum !== undefined)
      throw new MeniscusError("usage", "A quorum of which signers?", { hint: "Add --signers." });
    return undefined;
  }
  const signers = list.split(",").map((text) => {
    const address = parseAddress(text.trim());
    if (!address) throw new MeniscusError("usage", `"${text}" in --signers is not an address.`);
    return address;
  });
  const needed = quorum === undefined ? quorumOf(signers.length) : parseInteger(quorum, "quorum", 1, signers.length);
  return { signers, quorum: needed };
}

// ───────────────────────────── smile, term ─────────────────────────────

export interface SmilePoint {
  readonly strike: number;
  /** ln(K/F). */
  readonly k: number;
  /** k/(σ√τ): distance from the forward in standard deviations. */
  readonly deviations: number;
  readonly volatility: number;
}

export interface Smile extends SliceView {
  readonly points: readonly SmilePoint[];
}

export interface DrawOptions {
  readonly out?: string;
}

export interface SmileResult {
  readonly symbol: string;
  readonly quoteSymbol: string;
  readonly round: number;
  readonly modelTime: number;
  readonly spot: number;
  readonly smiles: readonly Smile[];
  /** The file that was written; null without --out. */
  readonly file: string | null;
}

/** How far from the forward smiles are drawn, standard deviations, and in how many steps. */
const REACH = 2.5;
const STEPS = 60;

/** `oracle smile [EXPIRY]`. */
export async function smile(session: Session, expiry: string | undefined, options: DrawOptions): Promise<SmileResult> {
  const wanted = expiry === undefined ? undefined : parseExpiry(expiry);
  const { view, quoteSymbol } = await readSurface(session);
  const slices = view.slices.filter((slice) => wanted === undefined || slice.expiry === wanted);
  if (slices.length === 0) {
    throw new MeniscusError("market", `The surface has no expiry ${expiry ?? ""}.`, {
      hint: `It has ${view.slices.map(({ name }) => name).join(", ")}.`,
    });
  }
  const data: SmileResult = {
    symbol: view.symbol,
    quoteSymbol,
    round: view.round,
    modelTime: view.surfaceTime,
    spot: view.surfaceSpot,
    smiles: slices.map((slice) => ({ ...slice, points: smilePoints(slice) })),
    file: options.out ?? null,
  };
  if (options.out !== undefined) writePicture(options.out, smileChart(data));
  return data;
}

function smilePoints(slice: SliceView): readonly SmilePoint[] {
  const root = Math.sqrt((slice.days * 86_400) / SECONDS_PER_YEAR);
  return Array.from({ length: STEPS + 1 }, (_, i) => {
    const deviations = REACH * ((2 * i) / STEPS - 1);
    const k = logMoneyness(deviations * slice.volatility * root);
    return {
      strike: slice.forward * Math.exp(k),
      k,
      deviations,
      volatility: Math.sqrt(essviTotalVariance(slice, k)) / root,
    };
  });
}

export interface TermResult {
  readonly symbol: string;
  readonly round: number;
  readonly modelTime: number;
  readonly spot: number;
  readonly disagreement: number;
  readonly slices: readonly SliceView[];
  readonly file: string | null;
}

/** `oracle term`: volatility at the money over time to expiry. */
export async function term(session: Session, options: DrawOptions): Promise<TermResult> {
  const { view } = await readSurface(session);
  const data: TermResult = {
    symbol: view.symbol,
    round: view.round,
    modelTime: view.surfaceTime,
    spot: view.surfaceSpot,
    disagreement: view.disagreement,
    slices: view.slices,
    file: options.out ?? null,
  };
  if (options.out !== undefined) writePicture(options.out, termChart(data));
  return data;
}

async function readSurface(session: Session) {
  const connection = await session.connection();
  const view = await readOracle(connection, (await session.pool()).market);
  if (view.slices.length > 0) return { view, quoteSymbol: connection.deployment.quoteSymbol };
  throw new MeniscusError("market", "The oracle has no surface.", {
    hint: "`meniscus oracle status` says when its last report was.",
  });
}
