import rateLimit from "@fastify/rate-limit";
import Fastify, { type FastifyInstance } from "fastify";
import type { Hex } from "viem";
import { describeError, MeniscusError } from "../runtime/errors.ts";
import type { ReportKind } from "./consensus.ts";
import { MAX_OBSERVATION_CHARACTERS } from "./messages.ts";
import type { Endorsement } from "./signatory.ts";
import type { VenueHealth } from "./sources.ts";

/** How a node is, truthfully: what it says of itself is what it measured. */
export interface NodeHealth {
  readonly healthy: boolean;
  /** Why it is not; empty where it is. */
  readonly problems: readonly string[];
  readonly name: string;
  readonly index: number;
  readonly signerSet: number;
  /** Unix seconds by the node's clock. */
  readonly now: number;
  /** Venues' time minus ours, seconds. */
  readonly clockOffset: number;
  readonly chainRound: number;
  readonly signedRound: number;
  readonly surfaceTime: number;
  readonly spotTime: number;
  /** Seconds since the model time of the chain's surface; null before the first report. */
  readonly lag: number | null;
  readonly lastError: { readonly time: number; readonly message: string } | null;
  readonly venues: readonly VenueHealth[];
  /** When each other node was last heard, by our clock; null where never. */
  readonly peers: readonly { readonly index: number; readonly heard: number | null }[];
}

/** What others can ask a node for. */
export interface NodeApi {
  health(): NodeHealth;
  metrics(): Promise<string>;
  /** The latest signed report of a kind. */
  held(kind: ReportKind): Hex | undefined;
  takeObservation(body: unknown): boolean;
  takeProposal(body: unknown): Promise<Endorsement>;
  takeReport(body: unknown): boolean;
  readonly signedRound: number;
}

/** Requests a second that one address may make for each node that may stand behind it. */
const REQUESTS_PER_NODE = 50;
/** A request that is not there in full by then is not coming, milliseconds. */
const REQUEST_MILLISECONDS = 5_000;
/** How often that is looked at: by default only twice a minute. */
const CHECK_MILLISECONDS = 1_000;
/** A signed observation as JSON: its body escaped, its signature. */
const OBSERVATION_BYTES = 2 * MAX_OBSERVATION_CHARACTERS;
const REPORT_BYTES = 20_000;

/**
 * Opens a node's server. What comes in is limited in size, in rate and in time before anything is read into it.
 *
 * @throws MeniscusError `network` where the port cannot be opened.
 */
export async function serve(
  api: NodeApi,
  { host, port, nodes }: { readonly host: string; readonly port: number; readonly nodes: number },
): Promise<FastifyInstance> {
  const server = Fastify({
    bodyLimit: REPORT_BYTES,
    forceCloseConnections: true,
    requestTimeout: REQUEST_MILLISECONDS,
    connectionTimeout: 2 * REQUEST_MILLISECONDS,
    // Node gives a request the longer of the two times where its headers have the longer one.
    http: { headersTimeout: REQUEST_MILLISECONDS, connectionsCheckingInterval: CHECK_MILLISECONDS },
  });
  await server.register(rateLimit, { max: REQUESTS_PER_NODE * nodes, timeWindow: 1_000 });
  server.get("/health", async (_request, reply) => {
    const health = api.health();
    return await reply.code(health.healthy ? 200 : 503).send(health);
  });
  server.get("/metrics", async (_request, reply) => {
    return await reply.type("text/plain; version=0.0.4").send(await api.metrics());
  });
  server.get<{ Params: { kind: string } }>("/reports/:kind", async ({ params }, reply) => {
    const held = params.kind === "surface" || params.kind === "spot" ? api.held(params.kind) : undefined;
    return await (held ? reply.send({ report: held }) : reply.code(404).send({ error: "no such report" }));
  });
  server.post("/observations", { bodyLimit: OBSERVATION_BYTES }, async ({ body }, reply) => {
    return await reply.code(api.takeObservation(body) ? 200 : 400).send({});
  });
  server.post("/proposals", { bodyLimit: OBSERVATION_BYTES * nodes }, async ({ body }, reply) => {
    const answer = await api.takeProposal(body);
    if ("signature" in answer) return await reply.send(answer);
    return await reply.code(409).send({ error: answer.refused, signedRound: api.signedRound });
  });
  server.post("/reports", async ({ body }, reply) => {
    return await reply.code(api.takeReport(body) ? 200 : 400).send({});
  });
  try {
    await server.listen({ host, port });
  } catch (cause) {
    throw new MeniscusError("network", `Port ${port} cannot be opened: ${describeError(cause)}.`, {
      hint: "Is another node running with this configuration?",
      cause,
    });
  }
  return server;
}
