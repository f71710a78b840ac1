import Fastify, { type FastifyInstance } from "fastify";
import {
  type Chain,
  createPublicClient,
  createWalletClient,
  defineChain,
  type Hex,
  http,
  type PublicClient,
  type Transport,
} from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { marketOracleAbi } from "../chain/abis.ts";
import {
  packReport,
  type ReportDomain,
  type ReportSignature,
  recoverReportSigner,
  reportDigest,
  type SurfaceReport,
  signReport,
} from "../chain/report.ts";
import { DeribitMarketData } from "../market-data/deribit.ts";
import type { MarketData } from "../market-data/marketData.ts";
import { describeError, MeniscusError } from "../runtime/errors.ts";
import type { Logger } from "../runtime/logger.ts";
import type { NodeConfig } from "./config.ts";
import { composeReport, type Observation } from "./consensus.ts";
import { observeSurface } from "./lattice.ts";
import {
  openObservation,
  type Proposal,
  proposal,
  type SignedObservation,
  signedObservation,
  signObservation,
} from "./messages.ts";
import { SignedState } from "./signedState.ts";

const WINDOW_SECONDS = 1_800;
const LATE_SETTLEMENT_SECONDS = 2 * 86_400;
/** How long a leader waits for the last observations once it has a quorum. */
const STRAGGLER_MILLISECONDS = 60;
const BODY_LIMIT_BYTES = 1_000_000;

interface Round {
  readonly round: number;
  readonly modelTime: number;
  readonly observations: Map<number, { readonly signed: SignedObservation; readonly observation: Observation }>;
}

/**
 * One node of the volatility oracle. At each index change, at least a heartbeat after the last report, it observes its venue,
 * signs what it saw and tells the others. The leader of the round composes the report from a quorum of observations; the
 * others compose it too, and sign only if they find the same digest and have signed nothing else for that round. When the
 * leader stays silent the next node leads.
 */
export class OracleNode {
  private readonly config: NodeConfig;
  private readonly log: Logger;
  private readonly account: ReturnType<typeof privateKeyToAccount>;
  private readonly data: MarketData;
  private readonly server: FastifyInstance;
  private readonly client: PublicClient<Transport, Chain>;
  private readonly chain: Chain;
  private readonly state: SignedState;
  private readonly rounds = new Map<number, Round>();
  private readonly index: number;
  private readonly quorum: number;
  private readonly domain: ReportDomain;
  private unsubscribe = () => {};
  private working = false;
  private pendingTime: number | undefined;
  private signerSet = 0;

  constructor(config: NodeConfig, key: Hex, log: Logger) {
    this.config = config;
    this.log = log;
    this.account = privateKeyToAccount(key);
    this.data = new DeribitMarketData(config.venueUrl, config.currency);
    this.server = Fastify({ bodyLimit: BODY_LIMIT_BYTES });
    this.chain = defineChain({
      id: config.chainId,
      name: `chain ${config.chainId}`,
      nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
      rpcUrls: { default: { http: [config.rpcUrl] } },
    });
    this.client = createPublicClient({ chain: this.chain, transport: http(config.rpcUrl), pollingInterval: 20 });
    this.state = new SignedState(config.stateFile);
    this.index = config.nodes.findIndex(({ address }) => address.toLowerCase() === this.account.address.toLowerCase());
    if (this.index < 0) {
      throw new MeniscusError("key", `The key of ${config.name} belongs to none of the configured nodes.`);
    }
    this.quorum = Math.floor((2 * config.nodes.length) / 3) + 1;
    this.domain = { chainId: config.chainId, oracle: config.marketOracle };
  }

  /** Checks chain and contract, opens the server and follows the venue. */
  async start(): Promise<void> {
    const { config } = this;
    let chainId: number;
    try {
      chainId = await this.client.getChainId();
    } catch (cause) {
      throw new MeniscusError("network", `No answer from ${config.rpcUrl}.`, { cause, retryable: true });
    }
    if (chainId !== config.chainId) {
      throw new MeniscusError("network", `${config.rpcUrl} is chain ${chainId}, not ${config.chainId}.`);
    }
    const [signerSet, signers] = await this.client.readContract({ ...this.oracle, functionName: "signers" });
    if (signers[this.index]?.toLowerCase() !== this.account.address.toLowerCase()) {
      throw new MeniscusError("key", `The contract's signer ${this.index} is ${signers[this.index]}, not this node.`);
    }
    this.signerSet = signerSet;
    this.serve();
    await this.server.listen({ host: "127.0.0.1", port: config.port });
    this.unsubscribe = this.data.subscribe((time) => this.onIndex(time));
    this.log.info({ index: this.index, quorum: this.quorum }, "node is up");
  }

  async stop(): Promise<void> {
    this.unsubscribe();
    await this.server.close();
  }

  private get oracle() {
    return { address: this.config.marketOracle, abi: marketOracleAbi } as const;
  }

  // ───────────────────────────── Other nodes ─────────────────────────────

  private serve(): void {
    this.server.get("/status", () => ({ name: this.config.name, index: this.index, rounds: [...this.rounds.keys()] }));
    this.server.post("/observations", async (request, reply) => {
      const parsed = signedObservation.safeParse(request.body);
      if (!parsed.success || !(await this.keep(parsed.data))) return reply.code(400).send({ error: "not accepted" });
      return reply.send({});
    });
    this.server.post("/proposals", async (request, reply) => {
      const parsed = proposal.safeParse(request.body);
      const signature = parsed.success ? await this.endorse(parsed.data) : undefined;
      if (!signature) return reply.code(409).send({ error: "not endorsed" });
      return reply.send({ signature });
    });
  }

  /** Remembers a node's first observation of a round; a second one that differs is ignored. */
  private async keep(signed: SignedObservation): Promise<boolean> {
    const opened = await openObservation(signed, this.config.nodes);
    if (!opened || opened.observation.marketId !== this.config.marketId) return false;
    const { round, modelTime } = opened.observation;
    const known = this.rounds.get(round) ?? { round, modelTime, observations: new Map() };
    if (known.modelTime !== modelTime && known.observations.size > 0) return false;
    this.rounds.set(round, known);
    if (!known.observations.has(opened.index)) {
      known.observations.set(opened.index, { signed, observation: opened.observation });
    }
    for (const old of this.rounds.keys()) if (old < round - 3) this.rounds.delete(old);
    return true;
  }

  /** Signs the report of a proposal if this node finds the same one and may sign it. */
  private async endorse({ observations, digest }: Proposal): Promise<Hex | undefined> {
    const opened = await Promise.all(observations.map((signed) => openObservation(signed, this.config.nodes)));
    const known = opened.filter((item) => item !== undefined);
    const first = known[0];
    const distinct = new Set(known.map(({ index }) => index)).size === observations.length;
    if (!first || !distinct || known.length < this.quorum) return undefined;
    const same = known.every(
      ({ observation: { marketId, round, modelTime } }) =>
        marketId === this.config.marketId &&
        round === first.observation.round &&
        modelTime === first.observation.modelTime,
    );
    if (!same) return undefined;
    // A node vouches for a moment only if it observed that moment itself.
    const own = this.rounds.get(first.observation.round)?.observations.get(this.index)?.observation;
    if (own?.modelTime !== first.observation.modelTime) return undefined;
    const report = this.compose(known.map((item) => item));
    if (reportDigest(report, this.domain) !== digest) {
      this.log.warn({ round: report.round }, "a proposal does not follow from its observations");
      return undefined;
    }
    return await this.sign(report, digest);
  }

  private async sign(report: SurfaceReport, digest: Hex): Promise<Hex | undefined> {
    if (!this.state.claim(report.round, digest)) {
      this.log.warn({ round: report.round }, "another report of this round was signed before");
      return undefined;
    }
    return await signReport(this.account, report, this.domain);
  }

  private compose(items: readonly { readonly index: number; readonly observation: Observation }[]): SurfaceReport {
    const ordered = [...items].sort((a, b) => a.index - b.index).map(({ observation }) => observation);
    return composeReport(ordered, this.quorum, this.signerSet);
  }

  // ───────────────────────────── A round ─────────────────────────────

  private onIndex(time: number): void {
    if (this.working) {
      this.pendingTime = time;
      return;
    }
    this.working = true;
    void this.work(time)
      .catch((error: unknown) => this.log.error({ time }, describeError(error)))
      .finally(() => {
        this.working = false;
        const next = this.pendingTime;
        this.pendingTime = undefined;
        if (next !== undefined && next > time) this.onIndex(next);
      });
  }

  private async work(time: number): Promise<void> {
    const state = await this.client.readContract({
      ...this.oracle,
      functionName: "marketState",
      args: [this.config.marketId],
    });
    if (time < state.surfaceTime + this.config.heartbeatSeconds) return;
    const round = state.round + 1;
    const snapshot = await this.data.snapshot();
    const observation: Observation = {
      marketId: this.config.marketId,
      round,
      modelTime: snapshot.time,
      spot: snapshot.spot,
      averages: await this.averages(
        snapshot.time,
        snapshot.chains.map(({ expiry }) => expiry),
      ),
      surface: observeSurface(snapshot),
    };
    const signed = await signObservation(this.account, observation);
    await this.keep(signed);
    await Promise.all(this.others().map(({ url }) => post(`${url}/observations`, signed)));
    for (let attempt = 0; attempt < this.config.nodes.length; attempt++) {
      const leader = (round + attempt) % this.config.nodes.length;
      if (leader === this.index && (await this.lead(round, snapshot.time))) return;
      if (await this.accepted(snapshot.time)) return;
    }
  }

  /** Waits until the chain has a report of `modelTime` or later, or the leader has had its time. */
  private async accepted(modelTime: number): Promise<boolean> {
    const deadline = performance.now() + this.config.leaderTimeoutMilliseconds;
    while (performance.now() < deadline) {
      await sleep(25);
      const state = await this.client.readContract({
        ...this.oracle,
        functionName: "marketState",
        args: [this.config.marketId],
      });
      if (state.surfaceTime >= modelTime) return true;
    }
    return false;
  }

  /** Gathers observations, has the report signed and submits it. */
  private async lead(round: number, modelTime: number): Promise<boolean> {
    const known = await this.gather(round, modelTime);
    if (!known) return false;
    const report = this.compose(known);
    const digest = reportDigest(report, this.domain);
    const own = await this.sign(report, digest);
    if (!own) return false;
    const request: Proposal = { observations: known.map(({ signed }) => signed), digest };
    const answers = await Promise.all(
      this.others().map(async ({ url, index }) => ({ index, answer: await post(`${url}/proposals`, request) })),
    );
    const signatures: ReportSignature[] = [{ index: this.index, signature: own }];
    for (const { index, answer } of answers) {
      const signature = (answer as { signature?: Hex } | undefined)?.signature;
      if (!signature) continue;
      const signer = await recoverReportSigner(report, this.domain, signature).catch(() => undefined);
      if (signer?.toLowerCase() === this.config.nodes[index]?.address.toLowerCase())
        signatures.push({ index, signature });
    }
    if (signatures.length < this.quorum) {
      this.log.warn({ round, signatures: signatures.length }, "too few signatures");
      return false;
    }
    const wallet = createWalletClient({
      account: this.account,
      chain: this.chain,
      transport: http(this.config.rpcUrl),
    });
    const hash = await wallet.writeContract({
      ...this.oracle,
      functionName: "submit",
      args: [packReport(report, signatures.slice(0, this.quorum))],
    });
    const receipt = await this.client.waitForTransactionReceipt({ hash });
    this.log.info({ round, modelTime, slices: report.slices.length, gas: Number(receipt.gasUsed) }, "report submitted");
    return receipt.status === "success";
  }

  private async gather(round: number, modelTime: number) {
    const deadline = performance.now() + this.config.leaderTimeoutMilliseconds;
    let quorumSince: number | undefined;
    while (performance.now() < deadline) {
      const observations = this.rounds.get(round)?.observations ?? new Map();
      const known = [...observations].filter(([, { observation }]) => observation.modelTime === modelTime);
      if (known.length >= this.quorum) quorumSince ??= performance.now();
      const waited = quorumSince !== undefined && performance.now() - quorumSince > STRAGGLER_MILLISECONDS;
      if (known.length === this.config.nodes.length || waited)
        return known.map(([index, item]) => ({ index, ...item }));
      await sleep(5);
    }
    this.log.warn({ round }, "too few observations");
    return undefined;
  }

  /** Running averages of expiries inside their window, and complete ones that the chain does not know yet. */
  private async averages(time: number, listed: readonly number[]): Promise<Observation["averages"]> {
    const onChain = await this.client.readContract({
      ...this.oracle,
      functionName: "expiries",
      args: [this.config.marketId],
    });
    const candidates = [...new Set([...listed, ...onChain])]
      .filter((expiry) => time > expiry - WINDOW_SECONDS && time <= expiry + LATE_SETTLEMENT_SECONDS)
      .sort((a, b) => a - b);
    const averages = await Promise.all(
      candidates.map(async (expiry) => {
        const settled = await this.client.readContract({
          ...this.oracle,
          functionName: "settlementPrice",
          args: [this.config.marketId, expiry],
        });
        if (settled !== 0n) return [];
        const until = Math.min(time, expiry);
        const from = expiry - WINDOW_SECONDS;
        const minutes = await this.data.minutePrices(from, until);
        const inside = minutes.filter((minute) => minute.time >= from && minute.time < until);
        if (inside.length === 0) return [];
        const average = inside.reduce((sum, minute) => sum + minute.price, 0) / inside.length;
        return [{ expiry, average, elapsed: until - from }];
      }),
    );
    return averages.flat();
  }

  private others(): readonly { readonly url: string; readonly index: number }[] {
    return this.config.nodes.map(({ url }, index) => ({ url, index })).filter(({ index }) => index !== this.index);
  }
}

/** Posts JSON; what came back, or undefined where there was no good answer: a silent node is no error here. */
async function post(url: string, body: unknown): Promise<unknown> {
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(1_000),
    });
    return response.ok ? await response.json() : undefined;
  } catch {
    return undefined;
  }
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
