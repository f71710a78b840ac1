import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Hex } from "viem";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sliceWordsAreArbitrageFree } from "../../pricing/index.ts";
import { askedOfContract, unpackReport, unpackSlice } from "../../src/chain/report.ts";
import { Transactor } from "../../src/chain/transactor.ts";
import { MeniscusError } from "../../src/runtime/errors.ts";
import { createLogger } from "../../src/runtime/logger.ts";
import { readNodeConfig, readNodeKey } from "../../src/volatility-oracle/config.ts";
import { OracleNode } from "../../src/volatility-oracle/node.ts";
import { askOnChain, bringReport, checkReport, fetchReport } from "../../src/volatility-oracle/reports.ts";
import type { NodeHealth } from "../../src/volatility-oracle/server.ts";
import { OracleNetwork, runNode } from "../src/volatility-oracle/oracleNetwork.ts";

let network: OracleNetwork;
let time: number;

beforeAll(async () => {
  network = await OracleNetwork.start(4);
  time = network.world.firstTime;
});
afterAll(() => network?.stop());

/** Moves an hour on. */
async function nextHour(): Promise<number> {
  time += 3_600;
  await network.moveTo(time);
  return time;
}

/** Lets hours pass until there is a report, three at most: on a busy machine nodes that have just started may miss one. */
async function reportsAgain(): Promise<void> {
  for (let hour = 0; hour < 3; hour++) if (await network.reported(await nextHour(), 15_000)) return;
  throw new Error("there is no report");
}

/** What a node with these changes says instead of starting. */
async function refusal(changes: Record<string, unknown>, key = network.anvil.privateKey(1)): Promise<MeniscusError> {
  const file = join(network.folder, "refused.json");
  writeFileSync(file, JSON.stringify({ ...network.config(0), ...changes }));
  process.env.MENISCUS_NODE_KEY = key;
  const config = () => readNodeConfig(file);
  try {
    await new OracleNode(config(), readNodeKey(config()), createLogger("refused", "silent")).start();
  } catch (error) {
    if (error instanceof MeniscusError) return error;
    throw error;
  } finally {
    process.env.MENISCUS_NODE_KEY = "";
  }
  throw new Error("the node started");
}

/** The last surface round that a node's file remembers. */
function signedRound(index: number): number {
  const text = readFileSync(join(network.folder, `node-${index}.state.json`), "utf8");
  return (JSON.parse(text) as { surface: { number: number } }).surface.number;
}

describe("given a node that cannot work, it says why", () => {
  test("in one line, and its process ends", async () => {
    const { code, errors } = await runNode([]).ended;
    expect(code).toBe(2);
    expect(errors.trim()).toMatch(/^Which configuration\?.*$/);
  });

  test.for([
    ["a field is wrong", { chainId: -1 }, 7, /refused\.json: chainId: /],
    ["the key's place is not named", { keyVariable: undefined }, 3, /must name either keyVariable or keyFile/],
    ["the key's file is missing", { keyVariable: undefined, keyFile: "/nowhere" }, 3, /\/nowhere cannot be read/],
    ["there is no chain", { rpcUrl: "http://127.0.0.1:9" }, 4, /^No answer from http:\/\/127\.0\.0\.1:9\.$/],
    ["it is another chain", { chainId: 5 }, 4, /is chain 31337, not 5\.$/],
    ["there is no contract", { marketOracle: `0x${"11".repeat(20)}` }, 4, /^There is no contract at 0x1111/],
  ] as const)("%s", async ([, changes, exitCode, message]) => {
    const error = await refusal(changes);
    expect(error.message).toMatch(message);
    expect(error.exitCode).toBe(exitCode);
  });

  test("the key is missing, a stranger's, or another signer's", async () => {
    expect((await refusal({}, "0x" as Hex)).message).toMatch(/^MENISCUS_NODE_KEY holds no private key/);
    expect((await refusal({}, network.anvil.privateKey(9))).message).toMatch(/belongs to none of the configured nodes/);
    const nodes = (network.config(0).nodes as unknown[]).toReversed();
    expect((await refusal({ nodes })).message).toMatch(/^node-0 is not signer 3 of 0x/);
  });

  test("its port is taken", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as AddressInfo;
    const error = await refusal({ port });
    server.close();
    expect(error.message).toMatch(new RegExp(`^Port ${port} cannot be opened`));
    expect(error.exitCode).toBe(4);
  });

  test("its memory of what it signed is damaged", async () => {
    const stateFile = join(network.folder, "damaged.json");
    writeFileSync(stateFile, '{"round":');
    expect((await refusal({ stateFile })).message).toMatch(/damaged\.json is damaged/);
  });
});

describe("given four nodes of which three make a quorum", () => {
  beforeAll(async () => {
    await Promise.all([0, 1, 2, 3].map((index) => network.startNode(index)));
  });

  test("when the index moves, a report of that moment is accepted", async () => {
    for (let hour = 0; hour < 3; hour++) {
      const at = await nextHour();
      expect(await network.reported(at, 10_000)).toBe(true);
    }
    const reports = await network.reports();
    expect(reports.map(({ modelTime }) => modelTime)).toEqual([time - 7_200, time - 3_600, time]);
    const last = reports.at(-1);
    const spot = network.world.spot(time);
    expect(Math.abs(Number(last?.spotWad) / 1e18 / spot - 1)).toBeLessThan(1e-3);
    expect(last?.slices.length).toBeGreaterThan(5);
    expect(last?.freshMask).toBe(2n ** BigInt(last?.slices.length ?? 0) - 1n);
    const words = last?.slices.map((word, i) => unpackSlice(last.expiries[i] ?? 0, word)) ?? [];
    const exact = words.map(({ theta, psi, rho, basis, residual }) => ({
      theta,
      psi,
      rho: BigInt(rho),
      basis: BigInt(basis),
      residual: BigInt(residual),
    }));
    expect(sliceWordsAreArbitrageFree(exact)).toBe(true);
  });

  test("it says truthfully how it is, over HTTP", async () => {
    const { nodes } = network.config(0) as { nodes: { url: string }[] };
    const url = nodes[0]?.url ?? "";
    await expect
      .poll(async () => (await fetch(`${url}/health`)).json(), { timeout: 10_000 })
      .toMatchObject({ healthy: true, problems: [], index: 0, surfaceTime: time, lag: 0, lastError: null });
    const health = (await (await fetch(`${url}/health`)).json()) as NodeHealth;
    expect(health.venues.length).toBe(3);
    for (const venue of health.venues) expect(venue.error, venue.name).toBeNull();
    expect(health.peers.filter(({ heard }) => heard === time)).toHaveLength(3);
    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics).toMatch(/^meniscus_oracle_healthy 1$/m);
    expect(metrics).toMatch(/^meniscus_oracle_chain_round \d+$/m);
    // A busy machine may cost a leader its turn and the others a signature more: its own log says how many there were.
    const lines = network.nodes[0]?.errors().split("\n") ?? [];
    const signed = lines.filter((line) => line.includes('"msg":"signed"') && line.includes('"kind":"surface"'));
    expect(signed.length).toBeGreaterThanOrEqual(3);
    const counted = new RegExp(`^meniscus_oracle_signatures_total\\{kind="surface"\\} ${signed.length}$`, "m");
    expect(metrics).toMatch(counted);
  });

  test("what is too large, malformed or signed by nobody is turned away", async () => {
    const { nodes } = network.config(0) as { nodes: { url: string }[] };
    const post = async (path: string, body: string) => {
      const headers = { "content-type": "application/json" };
      return (await fetch(`${nodes[0]?.url}${path}`, { method: "POST", headers, body })).status;
    };
    expect(await post("/observations", JSON.stringify({ body: "x".repeat(100_000), signature: "0x" }))).toBe(413);
    expect(await post("/observations", "{")).toBe(400);
    expect(await post("/observations", JSON.stringify({ body: "{}", signature: "0x12" }))).toBe(400);
    expect(await post("/proposals", "{}")).toBe(409);
    expect(await post("/reports", JSON.stringify({ report: "0x01" }))).toBe(400);
  });

  test("when no node can pay for gas, anybody brings the report that they signed", async () => {
    const rich = 10n ** 24n;
    const signers = [1, 2, 3, 4].map((account) => network.anvil.address(account));
    for (const address of signers) await network.anvil.testClient.setBalance({ address, value: 0n });
    const at = await nextHour();
    const { nodes } = network.config(0) as { nodes: { url: string }[] };
    const bystander = new Transactor(network.anvil.publicClient, network.anvil.wallet(9));
    await expect
      .poll(
        async () => {
          await bringReport(nodes[2]?.url ?? "", "surface", bystander, network.oracle);
          return (await network.state()).surfaceTime;
        },
        { timeout: 15_000, interval: 200 },
      )
      .toBe(at);
    for (const address of signers) await network.anvil.testClient.setBalance({ address, value: rich });
  });

  test("when one is killed, reports go on, whoever leads", async () => {
    network.nodes[1]?.process.kill("SIGKILL");
    await network.nodes[1]?.ended;
    for (let hour = 0; hour < 4; hour++) {
      const at = await nextHour();
      expect(await network.reported(at, 10_000)).toBe(true);
    }
  });

  test("when two are killed, there is no report", async () => {
    network.nodes[2]?.process.kill("SIGKILL");
    await network.nodes[2]?.ended;
    const before = (await network.state()).round;
    const at = await nextHour();
    expect(await network.reported(at, 2_500)).toBe(false);
    expect((await network.state()).round).toBe(before);
  });

  test("when they come back, so do reports, and no round was signed twice", async () => {
    const signed = signedRound(1);
    await Promise.all([1, 2].map((index) => network.startNode(index)));
    // Three of four suffice: on a busy machine the last one up misses a round or two.
    for (let hour = 0; hour < 2 || (signedRound(1) <= signed && hour < 8); hour++) {
      const at = await nextHour();
      expect(await network.reported(at, 15_000)).toBe(true);
    }
    expect(signedRound(1)).toBeGreaterThan(signed);
    const rounds = (await network.reports()).map(({ round }) => round);
    expect(rounds).toEqual([...new Set(rounds)].toSorted((a, b) => a - b));
  });

  test("when one is run by `meniscus oracle run`, it serves, signs, and ends with a word", async () => {
    network.nodes[3]?.process.kill("SIGTERM");
    expect((await network.nodes[3]?.ended)?.code).toBe(0);
    const signed = signedRound(3);
    const { process: child, ended } = await network.startFromCommandLine(3);
    // The other three are a quorum without it, so that a report may come before it is asked.
    for (let hour = 0; hour < 4 && signedRound(3) === signed; hour++) await reportsAgain();
    expect(signedRound(3)).toBeGreaterThan(signed);
    const asItIs = { name: "node-3", problems: [], surfaceTime: time };
    await expect.poll(() => network.health(3), { timeout: 10_000 }).toMatchObject(asItIs);
    child.kill("SIGINT");
    const { code, output, errors } = await ended;
    expect(code).toBe(0);
    expect(errors).toMatch(new RegExp(`^Node node-3 listens on http://127\\.0\\.0\\.1:${network.ports[3]} `, "m"));
    expect(output).toContain(String(signedRound(3)));
    await network.startNode(3);
  });

  test("when an expiry comes, its average settles it", async () => {
    const expiries = (await network.reports()).at(-1)?.expiries ?? [];
    const expiry = expiries[0] ?? 0;
    time = expiry;
    await network.moveTo(expiry);
    expect(await network.reported(expiry, 10_000)).toBe(true);
    const price = await network.settlementPrice(expiry);
    let sum = 0;
    for (let minute = 0; minute < 30; minute++) sum += network.world.spot(expiry - 1_800 + minute * 60 + 30);
    expect(Math.abs(price / (sum / 30) - 1)).toBeLessThan(1e-3);
  });

  test("when it is told to end, a node ends", async () => {
    network.nodes[0]?.process.kill("SIGTERM");
    expect((await network.nodes[0]?.ended)?.code).toBe(0);
  });
});

describe("given that the contract's signers change", () => {
  const addresses = () => [1, 2, 3, 4].map((account) => network.anvil.address(account));

  test("to the same nodes as before, they follow without a hand", async () => {
    await network.startNode(0);
    await network.rotate(addresses(), 4);
    await reportsAgain();
    await expect.poll(() => network.health(2), { timeout: 10_000 }).toMatchObject({ signerSet: 2, problems: [] });
  });

  test("to others than the configured, they sign nothing and say what to do", async () => {
    await network.rotate(addresses().toReversed(), 3);
    const at = await nextHour();
    expect(await network.reported(at, 2_500)).toBe(false);
    const { problems } = await network.health(1);
    expect(problems).toContain("signer set 3 of the contract is not the configured nodes: update `nodes` and restart");
  });

  test("to a contract in a node's place, its key signs for it once the configuration says so", async () => {
    const contract = await network.deployKeySigner(3);
    await network.rotate([...addresses().slice(0, 3), contract], 3);
    const nodes = network.config(0).nodes as Record<string, unknown>[];
    const changes = { nodes: nodes.map((node, i) => (i === 3 ? { ...node, signer: contract } : node)) };
    for (const node of network.nodes) node.process.kill("SIGKILL");
    await Promise.all(network.nodes.map(({ ended }) => ended));
    // Three of four: the contract's signature is needed.
    await Promise.all([1, 2, 3].map((index) => network.startNode(index, changes)));
    await reportsAgain();
    await expect.poll(() => network.health(3), { timeout: 10_000 }).toMatchObject({ signerSet: 4, problems: [] });
    // Who asks the contract finds the report good; who cannot, says so.
    const packed = await fetchReport(String(nodes[1]?.url), "surface");
    const domain = { chainId: network.anvil.chain.id, oracle: network.oracle };
    const list = { signers: [...addresses().slice(0, 3), contract], quorum: 3 };
    const ask = askOnChain(network.anvil.publicClient);
    expect(await checkReport(packed, domain, { ...list, ask })).toMatchObject({ quorum: { valid: 3 }, problems: [] });
    expect((await checkReport(packed, domain, list)).problems).toEqual([
      "signer 3 is a contract, which only the chain can ask",
    ]);
    // Every node keeps the report, which carries the contract's signature in the form of its own.
    for (const index of [1, 2, 3]) {
      const { signatures } = unpackReport(await fetchReport(String(nodes[index]?.url), "surface"));
      expect(signatures.map((item) => [item.index, askedOfContract(item.signature) !== undefined])).toEqual([
        [1, false],
        [2, false],
        [3, true],
      ]);
    }
  });
});
