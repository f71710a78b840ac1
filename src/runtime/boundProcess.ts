import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";

/** A child process that cannot outlive us. */
export interface BoundProcess {
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Its exit code, or that of the signal as a shell counts it; resolves when it has ended, for whatever reason. */
  readonly ended: Promise<number>;
  /** Asks it to end, insists after the grace, and resolves when it has ended. */
  stop(graceMilliseconds?: number): Promise<void>;
}

// The shell starts the command and reads from a pipe whose other end we hold. However we end, SIGKILL included, the kernel
// closes that end, the read returns, and the command is killed.
const guardian = `
exec 3<&0
"$@" 3<&- </dev/null &
command=$!
{ cat <&3 >/dev/null 2>&1; kill -KILL "$command" 2>/dev/null; } >/dev/null 2>&1 &
guard=$!
exec 3<&-
trap 'kill -TERM "$command" 2>/dev/null' TERM
wait "$command"
code=$?
while kill -0 "$command" 2>/dev/null; do wait "$command"; code=$?; done
kill "$guard" 2>/dev/null
exit "$code"
`;

/**
 * Starts a command that ends with us: on exit, on an uncaught error, on SIGINT, SIGTERM and SIGKILL. It runs in a process group
 * of its own, so that Ctrl-C in a terminal reaches only us and we end it in order. Needs a POSIX shell.
 */
export function startBound(
  command: string,
  parameters: readonly string[],
  options: { readonly environment?: NodeJS.ProcessEnv } = {},
): BoundProcess {
  const child: ChildProcessByStdio<Writable, Readable, Readable> = spawn(
    "/bin/sh",
    ["-c", guardian, "meniscus", command, ...parameters],
    { stdio: ["pipe", "pipe", "pipe"], detached: true, env: options.environment ?? process.env },
  );
  const ended = new Promise<number>((resolve) => {
    child.once("error", () => resolve(127));
    child.once("exit", (code) => {
      child.stdin.destroy();
      resolve(code ?? 128);
    });
  });
  // The pipe may be broken when the child ends first; that is what `ended` says.
  child.stdin.on("error", () => {});

  const signalGroup = (signal: NodeJS.Signals) => {
    try {
      if (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
        process.kill(-child.pid, signal);
    } catch {
      // It ended between the question and the signal.
    }
  };
  return {
    stdout: child.stdout,
    stderr: child.stderr,
    ended,
    async stop(graceMilliseconds = 3_000) {
      // Only to the shell, which passes it on and stays to report the end.
      child.kill("SIGTERM");
      const insist = setTimeout(() => signalGroup("SIGKILL"), graceMilliseconds);
      await ended;
      clearTimeout(insist);
    },
  };
}
