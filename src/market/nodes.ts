import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { MeniscusError } from "../runtime/errors.ts";

/** One oracle node to start: its configuration is written to a file, its key is handed over in the environment. */
export interface NodePlan {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly environment: Readonly<Record<string, string>>;
}

/** Oracle nodes as processes of their own. */
export class NodeProcesses {
  private readonly children: ChildProcess[] = [];
  private stopping = false;

  /**
   * Starts the nodes.
   *
   * @param folder Where their configurations, states and logs go.
   * @param onExit Called when a node ends that was not told to, with the tail of its log.
   */
  start(plans: readonly NodePlan[], folder: string, onExit: (error: MeniscusError) => void): void {
    mkdirSync(folder, { recursive: true });
    for (const { name, config, environment } of plans) {
      const file = join(folder, `${name}.json`);
      writeFileSync(file, JSON.stringify(config, null, 2));
      const logFile = join(folder, `${name}.log`);
      const log = openSync(logFile, "w");
      const child = spawn(
        process.execPath,
        ["--import", "tsx", join(import.meta.dirname, "..", "volatility-oracle", "main.ts"), file],
        { stdio: ["pipe", "ignore", log], env: { ...process.env, ...environment } },
      );
      closeSync(log);
      child.on("exit", (code, signal) => {
        if (this.stopping) return;
        const last = readFileSync(logFile, "utf8").trim().split("\n").at(-1) ?? "";
        onExit(new MeniscusError("internal", `Oracle ${name} ended (${signal ?? `exit code ${code}`}). ${last}`));
      });
      this.children.push(child);
    }
  }

  /** Ends all nodes and waits until they are gone. */
  async stop(): Promise<void> {
    this.stopping = true;
    await Promise.all(
      this.children.map(
        (child) =>
          new Promise<void>((resolve) => {
            if (child.exitCode !== null || child.signalCode !== null) return resolve();
            const force = setTimeout(() => child.kill("SIGKILL"), 3_000);
            child.once("exit", () => {
              clearTimeout(force);
              resolve();
            });
            child.kill("SIGTERM");
          }),
      ),
    );
  }
}
