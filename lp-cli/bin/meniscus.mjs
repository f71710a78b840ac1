#!/usr/bin/env node
// Runs the TypeScript of the command through tsx, in this process' own Node, and passes its exit code on.
import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = dirname(fileURLToPath(import.meta.url));
// tsx is found from here, wherever the command is called from.
const tsx = import.meta.resolve("tsx");
const child = spawn(process.execPath, ["--import", tsx, join(folder, "..", "main.ts"), ...process.argv.slice(2)], {
  stdio: "inherit",
});
// The terminal sends its signals to both; the command answers them, and this process waits for its code.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.on("error", (error) => {
  process.stderr.write(`meniscus: ${error.message}\n`);
  process.exitCode = 70;
});
child.on("exit", (code, signal) => {
  process.exitCode = code ?? (signal === "SIGINT" ? 130 : 143);
});
