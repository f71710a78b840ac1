import { createWriteStream, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type BoundProcess, startBound } from "../runtime/boundProcess.ts";
import { MeniscusError } from "../runtime/errors.ts";

/** One process to start: its configuration is written to a file, its key is handed over in the environment. */
export interface ProcessPlan {
  readonly name: string;
  /** Path of the TypeScript file that runs. */
  readonly program: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly environment: Readonly<Record<string, string>>;
}

const source = join(import.meta.dirname, "..");
export const nodeProgram = join(source, "volatility-oracle", "main.ts");
export const botProgram = join(source, "bots", "main.ts");

/** Oracle nodes and bots as processes of their own. */
export class MarketProcesses {
  private readonly running = new Map<string, BoundProcess>();

  /**
   * Starts the processes.
   *
   * @param folder Where their configurations, states and logs go.
   * @param onExit Called when one ends that was not told to, with the last line of its log.
   */
  start(plans: readonly ProcessPlan[], folder: string, onExit: (error: MeniscusError) => void): void {
    mkdirSync(folder, { recursive: true });
    for (const { name, program, config, environment } of plans) {
      const file = join(folder, `${name}.json`);
      writeFileSync(file, JSON.stringify(config, null, 2));
      const child = startBound(process.execPath, ["--import", "tsx", program, file], {
        environment: { ...process.env, ...environment },
      });
      const logFile = join(folder, `${name}.log`);
      const log = createWriteStream(logFile);
      child.stderr.pipe(log);
      child.stdout.resume();
      void child.ended.then((code) => {
        if (!this.running.has(name)) return;
        const last = readFileSync(logFile, "utf8").trim().split("\n").at(-1) ?? "";
        onExit(new MeniscusError("internal", `${name} ended with code ${code}. ${last}`));
      });
      this.running.set(name, child);
    }
  }

  /** Ends one process, or all, and waits until they are gone. */
  async stop(name?: string): Promise<void> {
    const names = name === undefined ? [...this.running.keys()] : [name];
    await Promise.all(
      names.map(async (each) => {
        const child = this.running.get(each);
        this.running.delete(each);
        await child?.stop();
      }),
    );
  }
}
