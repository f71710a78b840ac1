import { type ChildProcess, spawn } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Observation } from "../../../src/volatility-oracle/consensus.ts";
import type { SignedObservation } from "../../../src/volatility-oracle/messages.ts";
import { bundleProgram } from "./bundle.ts";
import type { DrillOrder, DrillWord, NodeFault } from "./drillOrders.ts";
import { Link } from "./links.ts";
import { type OracleDeployer, OracleNetwork } from "./oracleNetwork.ts";

const program = join(import.meta.dirname, "drillNode.ts");

/** What can go wrong with a node, by itself or with its machine. */
export type Fault = NodeFault | "crash" | "hung" | "partition";
export const FAULTS: readonly Fault[] = [
  "wild",
  "equivocation",
  "replay",
  "future",
  "malformed",
  "crash",
  "hung",
  "clock",
  "partition",
  "frozen",
];

/** A signature that an honest hand gave, from the log. */
export interface SignatureRecord {
  readonly index: number;
  readonly kind: string;
  /** Round of a surface, model time of a spot. */
  readonly number: number;
  readonly digest: string;
}

interface LatticeRecord {
  readonly digest: string;
  readonly lattice: readonly { readonly expiry: number; readonly totalVariance: readonly (number | null)[] }[];
}

interface DrillProcess {
  readonly child: ChildProcess;
  readonly up: Promise<void>;
  readonly ended: Promise<void>;
}

/** Seven nodes (or as many as wanted) as processes, a wire between each two, and a switch for every fault. */
export class DrillNetwork {
  readonly base: OracleNetwork;
  time: number;
  /** What the nodes said while they had no fault, by moment. */
  readonly honest = new Map<number, Map<number, Observation>>();
  readonly signatures: SignatureRecord[] = [];
  readonly lattices = new Map<string, LatticeRecord["lattice"]>();
  readonly faults = new Map<number, Fault>();
  private readonly links: readonly (readonly (Link | undefined)[])[];
  private readonly nodes: (DrillProcess | undefined)[] = [];
  private readonly waiting = new Map<number, () => void>();
  private orders = 0;

  private constructor(base: OracleNetwork, links: readonly (readonly (Link | undefined)[])[]) {
    this.base = base;
    this.links = links;
    this.time = base.world.firstTime;
  }

  static async start(count: number, deploy?: OracleDeployer): Promise<DrillNetwork> {
    const base = await OracleNetwork.start(count, deploy);
    const links = await Promise.all(
      base.ports.map((_, from) =>
        Promise.all(base.ports.map(async (port, to) => (from === to ? undefined : await Link.open(port)))),
      ),
    );
    const network = new DrillNetwork(base, links);
    await bundleProgram(program, network.program);
    await base.moveTo(network.time);
    await Promise.all(base.ports.map((_, index) => network.startNode(index)));
    return network;
  }

  private get program(): string {
    return join(this.base.folder, "drillNode.mjs");
  }

  /** Starts a node and waits until it is up. */
  async startNode(index: number): Promise<void> {
    const { base } = this;
    const file = join(base.folder, `drill-${index}.json`);
    const nodes = base.ports.map((port, i) => ({
      address: base.anvil.address(i + 1),
      url: `http://127.0.0.1:${this.links[index]?.[i]?.port ?? port}`,
    }));
    const config = base.config(index);
    // One venue each saves half of the work; what two are good for is tested elsewhere.
    const optionVenues = [{ url: base.venues.url(`venue-${index}`), currency: "ETH" }];
    writeFileSync(
      file,
      JSON.stringify({ ...config, nodes, optionVenues, clock: "system", leaderTimeoutMilliseconds: 1_000 }),
    );
    const child = spawn(process.execPath, [this.program, file], {
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      env: { ...process.env, MENISCUS_NODE_KEY: base.anvil.privateKey(index + 1), MENISCUS_LOG: "debug" },
    });
    let isUp = () => {};
    const up = new Promise<void>((resolve) => {
      isUp = resolve;
    });
    let rest = "";
    let last = "";
    child.stderr?.on("data", (chunk) => {
      last = `${last}${chunk}`.slice(-2_000);
      const lines = `${rest}${chunk}`.split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (this.readLog(index, line)) isUp();
    });
    child.on("message", (word: DrillWord) => this.hear(index, word));
    const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    this.nodes[index] = { child, up, ended };
    await this.order(index, { time: this.time });
    await Promise.race([up, ended]);
    if (child.exitCode !== null) throw new Error(`node ${index} ended: ${last}`);
  }

  /** Brings a fault upon a node. */
  async break(index: number, fault: Fault): Promise<void> {
    this.faults.set(index, fault);
    const node = this.nodes[index];
    if (fault === "crash") await this.kill(index);
    else if (fault === "hung") node?.child.kill("SIGSTOP");
    else if (fault === "partition") this.cut(index, true);
    else await this.order(index, { fault });
  }

  /** Ends what `break` began. */
  async mend(index: number): Promise<void> {
    const fault = this.faults.get(index);
    this.faults.delete(index);
    if (fault === "crash") await this.startNode(index);
    else if (fault === "hung") {
      this.nodes[index]?.child.kill("SIGCONT");
      await this.order(index, { time: this.time });
    } else if (fault === "partition") this.cut(index, false);
    else if (fault !== undefined) await this.order(index, { fault: null });
  }

  async kill(index: number): Promise<void> {
    this.nodes[index]?.child.kill("SIGKILL");
    await this.nodes[index]?.ended;
  }

  /** Moves everybody's clock, the chain and the venues on. */
  async moveOn(seconds: number): Promise<number> {
    this.time += seconds;
    const running = this.base.ports
      .map((_, index) => index)
      .filter((index) => !["crash", "hung"].includes(this.faults.get(index) ?? ""));
    await Promise.all(running.map((index) => this.order(index, { time: this.time })));
    await this.base.moveTo(this.time);
    return this.time;
  }

  async stop(): Promise<void> {
    for (const node of this.nodes) node?.child.kill("SIGKILL");
    await Promise.all(this.nodes.map(async (node) => await node?.ended));
    for (const link of this.links.flat()) link?.close();
    await this.base.stop();
    rmSync(this.base.folder, { recursive: true, force: true });
  }

  private cut(index: number, isCut: boolean): void {
    for (const [from, row] of this.links.entries()) {
      for (const [to, link] of row.entries()) if (link && (from === index || to === index)) link.isCut = isCut;
    }
  }

  /** Gives an order and waits until it is carried out, or the process has ended. */
  private async order(index: number, order: Omit<DrillOrder, "number">): Promise<void> {
    const node = this.nodes[index];
    if (!node || node.child.exitCode !== null || !node.child.connected) return;
    const number = ++this.orders;
    const done = new Promise<void>((resolve) => this.waiting.set(number, resolve));
    node.child.send({ number, ...order }, () => {});
    await Promise.race([done, node.ended]);
    this.waiting.delete(number);
  }

  private hear(index: number, word: DrillWord): void {
    if ("done" in word) {
      this.waiting.get(word.done)?.();
      return;
    }
    const observation = JSON.parse((JSON.parse(word.observation) as SignedObservation).body) as Observation;
    if (observation.kind !== "surface") return;
    const moment = this.honest.get(observation.modelTime) ?? new Map<number, Observation>();
    this.honest.set(observation.modelTime, moment.set(index, observation));
  }

  /** @returns Whether the line says that the node is up. */
  private readLog(index: number, line: string): boolean {
    let entry: Record<string, unknown>;
    try {
      entry = JSON.parse(line) as Record<string, unknown>;
    } catch {
      return false; // not ours
    }
    if (entry.msg === "signed") {
      const number = Number(entry.kind === "surface" ? entry.round : entry.modelTime);
      this.signatures.push({ index, kind: String(entry.kind), number, digest: String(entry.digest) });
    } else if (Number(entry.level) >= 40 && process.env.DRILL_LOG) {
      process.stderr.write(`${index} ${line}\n`);
    } else if (entry.msg === "lattice") {
      this.lattices.set(String(entry.digest), entry.lattice as LatticeRecord["lattice"]);
    }
    return entry.msg === "node is up";
  }
}
