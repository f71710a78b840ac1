import type { AddressInfo } from "node:net";
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

test("an address that asks too often is told to wait, and its questions do not reach the node", async () => {
  let reached = 0;
  const api: NodeApi = {
    health: () => health,
    metrics: async () => "",
    held: () => undefined,
    takeObservation: () => {
      reached += 1;
      return true;
    },
    takeProposal: async () => ({ refused: "no" }),
    takeReport: () => false,
    signedRound: 0,
  };
  const server = await serve(api, { host: "127.0.0.1", port: 0, nodes: 1 });
  const { port } = server.server.address() as AddressInfo;
  const ask = async () =>
    (
      await fetch(`http://127.0.0.1:${port}/observations`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: "{}",
      })
    ).status;
  const answers = await Promise.all(Array.from({ length: 200 }, ask));
  await server.close();
  const allowed = answers.filter((status) => status === 200).length;
  expect(allowed).toBe(reached);
  expect(allowed).toBeGreaterThanOrEqual(50);
  expect(answers.filter((status) => status === 429)).toHaveLength(200 - allowed);
  expect(allowed).toBeLessThan(200);
});
