import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Hex } from "viem";
import type { Random } from "../../src/market/random.ts";

/** What a node does instead of answering. `swallow`: it does what was asked, and the answer is lost. */
export type NodeFault = "reset" | "hang" | "too many" | "unavailable" | "garbage" | "empty" | "torn" | "swallow";

/** Every fault that is over at once. */
export const BRIEF_FAULTS: readonly NodeFault[] = [
  "reset",
  "too many",
  "unavailable",
  "garbage",
  "empty",
  "torn",
  "swallow",
];

interface Call {
  readonly id: number;
  readonly method: string;
  readonly params?: readonly unknown[];
}
interface Answer {
  readonly id: number;
  readonly result?: unknown;
}

/** A node's JSON-RPC over HTTP, with a fault for whom a test chooses. */
export class FaultyNode {
  /** Where questions go: another node may take its place. */
  target: string;
  /** Decides on each request, by the methods in it. */
  faultOf: (methods: readonly string[]) => NodeFault | undefined | Promise<NodeFault | undefined> = () => undefined;
  /** The node knows no block after this one; what it is sent it passes on. */
  frozenAt: bigint | undefined;
  /** Every transaction that was handed to it, raw, in order. */
  readonly sent: Hex[] = [];
  private readonly server: Server;

  private constructor(target: string) {
    this.target = target;
    this.server = createServer((request, response) => {
      this.serve(request, response).catch(() => response.destroy());
    });
  }

  static async before(target: string): Promise<FaultyNode> {
    const node = new FaultyNode(target);
    node.server.listen(0, "127.0.0.1");
    await once(node.server, "listening");
    return node;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** So large a share of requests has one of the faults. */
  fail(share: number, random: Random, faults: readonly NodeFault[] = BRIEF_FAULTS): void {
    this.faultOf = () => (random.uniform() < share ? faults[Math.floor(random.uniform() * faults.length)] : undefined);
  }

  /** From now on it is sound; who waits for an answer gets none. */
  heal(): void {
    this.faultOf = () => undefined;
    this.frozenAt = undefined;
    this.server.closeAllConnections();
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const asked = JSON.parse(Buffer.concat(chunks).toString()) as Call | Call[];
    const calls = Array.isArray(asked) ? asked : [asked];
    for (const { method, params } of calls) if (method === "eth_sendRawTransaction") this.sent.push(params?.[0] as Hex);
    const fault = await this.faultOf(calls.map(({ method }) => method));
    const json = { "content-type": "application/json" };
    if (fault === "reset") request.socket.destroy();
    else if (fault === "too many") response.writeHead(429).end();
    else if (fault === "unavailable") response.writeHead(503).end("away");
    else if (fault === "garbage") response.writeHead(200, json).end("<html>not what you asked for</html>");
    else if (fault === "empty") response.writeHead(200, json).end();
    else if (fault !== "hang") {
      const text = await this.ask(asked);
      if (fault === "swallow") request.socket.destroy();
      else response.writeHead(200, json).end(fault === "torn" ? text.slice(0, text.length / 2) : text);
    }
  }

  private async ask(asked: Call | Call[]): Promise<string> {
    const { frozenAt } = this;
    const question = frozenAt === undefined ? asked : each(asked, (call) => asOf(call, frozenAt));
    const answer = await fetch(this.target, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(question),
    });
    const text = await answer.text();
    if (frozenAt === undefined) return text;
    const methods = new Map([asked].flat().map(({ id, method }) => [id, method]));
    const answers = JSON.parse(text) as Answer | Answer[];
    return JSON.stringify(each(answers, (one) => withoutLater(one, methods.get(one.id), frozenAt)));
  }
}

function each<T, R>(one: T | T[], change: (item: T) => R): R | R[] {
  return Array.isArray(one) ? one.map(change) : change(one);
}

/** The same question of a node whose newest block is `head`. */
function asOf({ params = [], ...call }: Call, head: bigint): Call {
  return { ...call, params: params.map((value) => (value === "latest" || value === "pending" ? tagOf(head) : value)) };
}

function withoutLater(answer: Answer, method: string | undefined, head: bigint): Answer {
  const { result } = answer;
  if (method === "eth_blockNumber") return { ...answer, result: tagOf(head) };
  const isReceipt = typeof result === "object" && result !== null && "blockNumber" in result && "status" in result;
  return isReceipt && BigInt(String(result.blockNumber)) > head ? { ...answer, result: null } : answer;
}

const tagOf = (block: bigint) => `0x${block.toString(16)}`;
