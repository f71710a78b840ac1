import { runProgram } from "./program.ts";
import { INTERRUPTED } from "./prompt.ts";

// A reader that has seen enough, as `head` has, is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

// Commands that wait listen themselves and finish what they are at; a second Ctrl-C ends everything.
let interrupts = 0;
process.on("SIGINT", () => {
  interrupts += 1;
  if (interrupts > 1 || process.listenerCount("SIGINT") === 1) process.exit(INTERRUPTED);
});

process.exitCode = await runProgram(process.argv.slice(2), {
  environment: process.env,
  out: (text) => process.stdout.write(`${text}\n`),
  err: (text) => process.stderr.write(`${text}\n`),
});
