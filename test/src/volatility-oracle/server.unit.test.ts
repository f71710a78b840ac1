import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import { expect, test } from "vitest";
import { type NodeApi, type NodeHealth, serve } from "../../../src/volatility-oracle/server.ts";

const health: NodeHealth = {
  healthy: true,
  problems: [],
  name: "n",
  index: 0,
  signerSet: 1,
  now: 0,
  clockOffset: 0,
  chainRound: 0,
  signedRound: 0,
  surfaceTime: 0,
  spotTime: 0,
  lag: null,
  lastError: null,
  venues: [],
  peers: [],
};

/** A server that counts what reaches the node behind it. */
async function open(): Promise<{
  readonly url: string;
  readonly port: number;
  reached: number;
  close(): Promise<void>;
}> {
  const opened = { url: "", port: 0, reached: 0, close: async () => {} };
  const api: NodeApi = {
    health: () => health,
    metrics: async () => "",
    held: () => undefined,
    takeObservation: () => {
      opened.reached += 1;
      return true;
    },
    takeProposal: async () => ({ refused: "no" }),
    takeReport: () => false,
    signedRound: 0,
  };
  const server = await serve(api, { host: "127.0.0.1", port: 0, nodes: 1 });
  const { port } = server.server.address() as AddressInfo;
  return Object.assign(opened, { port, url: `http://127.0.0.1:${port}`, close: async () => await server.close() });
}

const post = async (url: string, body: string) =>
  await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body });

test("K24 flood: an address that asks too often is told to wait, and its questions do not reach the node", async () => {
  const server = await open();
  const ask = async () => (await post(`${server.url}/observations`, "{}")).status;
  const answers = await Promise.all(Array.from({ length: 200 }, ask));
  await server.close();
  const allowed = answers.filter((status) => status === 200).length;
  expect(allowed).toBe(server.reached);
  expect(allowed).toBeGreaterThanOrEqual(50);
  expect(answers.filter((status) => status === 429)).toHaveLength(200 - allowed);
  expect(allowed).toBeLessThan(200);
});

test.each([
  ["a megabyte", "a".repeat(1_000_000), 413],
  ["no JSON", "{", 400],
  ["nothing", "", 400],
  ["a key that is a trap", '{"__proto__":{"a":1}}', 400],
  ["depth without end", "[".repeat(10_000), 400],
])("K24 malformed: %s is refused before it reaches the node", async (_name, body, status) => {
  const server = await open();
  for (const path of ["observations", "proposals", "reports"]) {
    expect((await post(`${server.url}/${path}`, body)).status, path).toBe(status);
  }
  expect(server.reached).toBe(0);
  await server.close();
});

test("K24 slow: who sends a byte now and then is cut off, and others are served meanwhile", async () => {
  const server = await open();
  const slow = connect(server.port, "127.0.0.1");
  let answer = "";
  slow.on("data", (chunk: Buffer) => (answer += chunk.toString()));
  slow.on("error", () => {});
  const closed = once(slow, "close");
  slow.write(
    "POST /observations HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n",
  );
  const trickle = setInterval(() => slow.write(" "), 500);
  expect((await fetch(`${server.url}/health`)).status).toBe(200);
  await closed;
  clearInterval(trickle);
  expect(answer).toMatch(/^HTTP\/1.1 408 /);
  expect(server.reached).toBe(0);
  await server.close();
}, 15_000);
