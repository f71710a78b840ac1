import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Address, createPublicClient, type Hex, http, parseAbi, parseEventLogs } from "viem";
import { z } from "zod";
import { authorityAbi, authorityBytecode, marketOracleAbi, marketOracleBytecode } from "../../../src/chain/abis.ts";
import { type Anvil, startAnvil } from "../../../src/chain/anvil.ts";
import { packSlice, unpackStoredSurface } from "../../../src/chain/report.ts";
import { Transactor } from "../../../src/chain/transactor.ts";
import { generateWorld } from "../../../src/market/generator.ts";
import { SPOT_SYMBOL, startVenues, type VenueServer } from "../../../src/market/venue.ts";
import type { World } from "../../../src/market/world.ts";
import type { NodeHealth } from "../../../src/volatility-oracle/server.ts";

export const MARKET_ID = 1;
const root = join(import.meta.dirname, "..", "..", "..");
const keySignerArtifact = z.object({ bytecode: z.object({ object: z.string() }) });
const program = join(root, "src", "volatility-oracle", "main.ts");
const cli = join(root, "lp-cli", "main.ts");

export interface NodeRun {
  readonly process: ChildProcess;
  /** Resolves with exit code and everything written to standard output and error. */
  readonly ended: Promise<{ readonly code: number | null; readonly output: string; readonly errors: string }>;
  /** What it has written to standard error so far: its log, a JSON object a line. */
  readonly errors: () => string;
}

export type OracleDeployer = (anvil: Anvil, signers: readonly Address[]) => Promise<Address>;

async function deployOracle(anvil: Anvil, signers: readonly Address[]): Promise<Address> {
  const deployer = new Transactor(anvil.publicClient, anvil.wallet(0));
  const authority = await deployer.deploy(authorityAbi, authorityBytecode, [deployer.address]);
  const oracle = await deployer.deploy(marketOracleAbi, marketOracleBytecode, [signers, authority]);
  await deployer.write(oracle, marketOracleAbi, "addMarket", [MARKET_ID]);
  return oracle;
}

/** A chain with the oracle contract, a venue per node, and nodes as processes of their own. */
export class OracleNetwork {
  readonly anvil: Anvil;
  readonly world: World;
  readonly oracle: Address;
  readonly venues: VenueServer;
  readonly folder: string;
  readonly nodes: NodeRun[] = [];
  /** By what the world's spot is multiplied, for moves that it does not make by itself. */
  shift = 1;
  readonly ports: readonly number[];

  private constructor(
    anvil: Anvil,
    world: World,
    oracle: Address,
    venues: VenueServer,
    folder: string,
    ports: readonly number[],
  ) {
    this.anvil = anvil;
    this.world = world;
    this.oracle = oracle;
    this.venues = venues;
    this.folder = folder;
    this.ports = ports;
  }

  /** @param deploy Deploys the oracle, with whatever listens to it, and adds the market; by default the oracle alone. */
  static async start(count: number, deploy: OracleDeployer = deployOracle): Promise<OracleNetwork> {
    const generated = generateWorld({ seed: "oracle", historyDays: 3 });
    let network: OracleNetwork | undefined;
    const world: World = { ...generated, spot: (time) => generated.spot(time) * (network?.shift ?? 1) };
    const anvil = await startAnvil({ port: 0, timestamp: world.firstTime - 3_600 });
    const signers = Array.from({ length: count }, (_, i) => anvil.address(i + 1));
    const oracle = await deploy(anvil, signers);
    const venues = await startVenues({
      world,
      venues: signers.map((_, i) => ({ name: `venue-${i}`, seed: i })),
      time: world.firstTime,
    });
    const folder = mkdtempSync(join(tmpdir(), "meniscus-oracle-"));
    network = new OracleNetwork(anvil, world, oracle, venues, folder, await freePorts(count));
    return network;
  }

  /** The configuration of node `index`. */
  config(index: number): Record<string, unknown> {
    return {
      name: `node-${index}`,
      keyVariable: "MENISCUS_NODE_KEY",
      port: this.ports[index],
      nodes: this.ports.map((port, i) => ({ address: this.anvil.address(i + 1), url: `http://127.0.0.1:${port}` })),
      optionVenues: [index, (index + 1) % this.ports.length].map((venue) => ({
        url: this.venues.url(`venue-${venue}`),
        currency: "ETH",
      })),
      spotVenues: [{ kind: "candles", url: this.venues.url(`venue-${index}`), symbol: SPOT_SYMBOL }],
      clock: "venue",
      rpcUrl: this.anvil.url,
      chainId: this.anvil.chain.id,
      marketOracle: this.oracle,
      marketId: MARKET_ID,
      heartbeatSeconds: 60,
      leaderTimeoutMilliseconds: 600,
      stateFile: join(this.folder, `node-${index}.state.json`),
    };
  }

  /** Starts node `index`, waits until it is up unless it ends before. */
  async startNode(index: number, changes: Record<string, unknown> = {}): Promise<NodeRun> {
    return await this.start(index, changes, (file, environment) => runNode([file], environment));
  }

  /** The same as a person does it: `meniscus oracle run CONFIG`. */
  async startFromCommandLine(index: number): Promise<NodeRun> {
    return await this.start(index, {}, (file, environment) => runProgram(cli, ["oracle", "run", file], environment));
  }

  private async start(index: number, changes: Record<string, unknown>, begin: NodeStarter): Promise<NodeRun> {
    const file = join(this.folder, `node-${index}.json`);
    writeFileSync(file, JSON.stringify({ ...this.config(index), ...changes }));
    const run = begin(file, { MENISCUS_NODE_KEY: this.anvil.privateKey(index + 1) });
    this.nodes[index] = run;
    await Promise.race([run.ended, once(run.process, "up")]);
    return run;
  }

  /** Moves chain and venues to `time`. */
  async moveTo(time: number): Promise<void> {
    await this.anvil.mineAt(time);
    this.venues.setTime(time);
  }

  /** Replaces the contract's signers. */
  async rotate(signers: readonly Address[], quorum: number): Promise<void> {
    await this.deployer.write(this.oracle, marketOracleAbi, "setSigners", [signers, BigInt(quorum)]);
  }

  /** A contract (ERC-1271) that stands for the key of node `index`. */
  async deployKeySigner(index: number): Promise<Address> {
    execFileSync(join(root, "node_modules/.bin/forge"), ["build", "test/contracts/signers"], { cwd: root });
    const file = join(root, "out/KeySigner.sol/KeySigner.json");
    const { bytecode } = keySignerArtifact.parse(JSON.parse(readFileSync(file, "utf8")));
    const abi = parseAbi(["constructor(address owner)"]);
    return await this.deployer.deploy(abi, bytecode.object as Hex, [this.anvil.address(index + 1)]);
  }

  private get deployer(): Transactor {
    return new Transactor(this.anvil.publicClient, this.anvil.wallet(0));
  }

  /** How node `index` says it is. */
  async health(index: number): Promise<NodeHealth> {
    return (await (await fetch(`http://127.0.0.1:${this.ports[index]}/health`)).json()) as NodeHealth;
  }

  async state() {
    return await this.anvil.publicClient.readContract({
      address: this.oracle,
      abi: marketOracleAbi,
      functionName: "marketState",
      args: [MARKET_ID],
    });
  }

  /** Whether a report of `time` is on the chain within `milliseconds`. */
  async reported(time: number, milliseconds: number): Promise<boolean> {
    const deadline = performance.now() + milliseconds;
    while (performance.now() < deadline) {
      if ((await this.state()).surfaceTime === time) return true;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return false;
  }

  /** The price that settled an expiry; 0 where none did. */
  async settlementPrice(expiry: number): Promise<number> {
    const wad = await this.anvil.publicClient.readContract({
      address: this.oracle,
      abi: marketOracleAbi,
      functionName: "settlementPrice",
      args: [MARKET_ID, expiry],
    });
    return Number(wad) / 1e18;
  }

  /** Every surface report the chain accepted, with the slices it stored. */
  async reports() {
    const client = createPublicClient({ chain: this.anvil.chain, transport: http(this.anvil.url) });
    const logs = await client.getLogs({ address: this.oracle, fromBlock: 0n });
    return parseEventLogs({ abi: marketOracleAbi, logs, eventName: "SurfaceAccepted" }).map(({ args }) => {
      const { slices, ...head } = unpackStoredSurface(args.header, args.pages);
      return { ...head, expiries: slices.map(({ expiry }) => expiry), slices: slices.map((slice) => packSlice(slice)) };
    });
  }

  async stop(): Promise<void> {
    for (const node of this.nodes) node?.process.kill("SIGKILL");
    await Promise.all(this.nodes.map((node) => node?.ended));
    await this.venues.close();
    await this.anvil.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

type NodeStarter = (file: string, environment: Record<string, string>) => NodeRun;

/** Starts a node's program; emits "up" on the process when the node says so. */
export function runNode(parameters: readonly string[], environment: Record<string, string> = {}): NodeRun {
  return runProgram(program, parameters, environment);
}

function runProgram(file: string, parameters: readonly string[], environment: Record<string, string>): NodeRun {
  const child = spawn(process.execPath, ["--import", "tsx", file, ...parameters], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...environment },
  });
  let [output, errors] = ["", ""];
  child.stdout?.on("data", (chunk) => (output += chunk));
  child.stderr?.on("data", (chunk) => {
    errors += chunk;
    if (errors.includes("node is up")) child.emit("up");
  });
  const ended = new Promise<{ code: number | null; output: string; errors: string }>((resolve) => {
    child.once("close", (code) => resolve({ code, output, errors }));
  });
  return { process: child, ended, errors: () => errors };
}

/** Ports that were free a moment ago: nodes must know each other's before they start. */
async function freePorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, "127.0.0.1");
      await once(server, "listening");
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
