import { createWriteStream, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type BoundProcess, startBound } from "../runtime/boundProcess.ts";
import { MeniscusError } from "../runtime/errors.ts";

/** One oracle node to start: its configuration is written to a file, its key is handed over in the environment. */
export interface NodePlan {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly environment: Readonly<Record<string, string>>;
}

const program = join(import.meta.dirname, "..", "volatility-oracle", "main.ts");

/** Oracle nodes as processes of their own. */
export class NodeProcesses {
  private readonly processes: BoundProcess[] = [];
  private stopping = false;

  /**
   * Starts the nodes.
   *
   * @param folder Where their configurations, states and logs go.
   * @param onExit Called when a node ends that was not told to, with the last line of its log.
   */
  start(plans: readonly NodePlan[], folder: string, onExit: (error: MeniscusError) => void): void {
    mkdirSync(folder, { recursive: true });
    for (const { name, config, environment } of plans) {
      const file = join(folder, `${name}.json`);
      writeFileSync(file, JSON.stringify(config, null, 2));
      const node = startBound(process.execPath, ["--import", "tsx", program, file], {
        environment: { ...process.env, ...environment },
      });
      const logFile = join(folder, `${name}.log`);
      const log = createWriteStream(logFile);
      node.stderr.pipe(log);
      node.stdout.resume();
      void node.ended.then((code) => {
        if (this.stopping) return;
        const last = readFileSync(logFile, "utf8").trim().split("\n").at(-1) ?? "";
        onExit(new MeniscusError("internal", `Oracle ${name} ended with code ${code}. ${last}`));
      });
      this.processes.push(node);
    }
  }

  /** Ends all nodes and waits until they are gone. */
  async stop(): Promise<void> {
    this.stopping = true;
    await Promise.all(this.processes.map((node) => node.stop()));
  }
}
