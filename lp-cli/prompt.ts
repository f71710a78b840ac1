import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { MeniscusError } from "../src/runtime/errors.ts";

/** Exit code of a shell command that Ctrl-C ended. */
export const INTERRUPTED = 130;

const isInteractive = (): boolean => process.stdin.isTTY && process.stderr.isTTY;

/** Asks on the terminal; questions go to standard error, so that standard output stays data. */
async function ask(question: string, hidden: boolean): Promise<string> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  if (hidden) process.stderr.write(question);
  const terminal = createInterface({ input: process.stdin, output: hidden ? silent : process.stderr, terminal: true });
  const interrupted = new Promise<never>((_, reject) => {
    terminal.once("SIGINT", () => reject(new MeniscusError("usage", "Stopped: nothing was done.")));
  });
  try {
    return await Promise.race([terminal.question(hidden ? "" : question), interrupted]);
  } finally {
    terminal.close();
    if (hidden) process.stderr.write("\n");
  }
}

/**
 * Asks for a secret without showing it.
 *
 * @throws MeniscusError `key` with `hint` where there is no terminal to ask on.
 */
export async function askSecret(question: string, hint: string): Promise<string> {
  if (!isInteractive()) throw new MeniscusError("key", "There is no terminal to ask for it.", { hint });
  return await ask(`${question}: `, true);
}

/**
 * Asks before something is sent.
 *
 * @throws MeniscusError `usage` where the answer is not yes, or nobody can be asked.
 */
export async function confirm(question: string, yes: boolean): Promise<void> {
  if (yes) return;
  if (!isInteractive()) {
    throw new MeniscusError("usage", "Nothing was done: there is no terminal to confirm on.", {
      hint: "Pass --yes to go ahead without asking.",
    });
  }
  const answer = await ask(`${question} [y/N] `, false);
  if (!/^y(es)?$/i.test(answer.trim())) throw new MeniscusError("usage", "Not confirmed: nothing was done.");
}
