import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { describeError, MeniscusError } from "./errors.ts";

/**
 * Takes a lock: a file that names the process which holds it. One whose process is gone is taken over; so is one that names this
 * process, as an earlier one with its id may have left it.
 *
 * @returns The process that holds it; undefined where it is ours now.
 * @throws MeniscusError `data` where the file cannot be written.
 */
export function takeLock(lock: string): number | undefined {
  const draft = `${lock}.${process.pid}`;
  for (;;) {
    try {
      // A link appears with its content, or not at all: nobody reads a lock that names no process yet.
      writeFileSync(draft, String(process.pid));
      linkSync(draft, lock);
      return undefined;
    } catch (cause) {
      if (!hasCode(cause, "EEXIST")) {
        throw new MeniscusError("data", `${lock} cannot be written: ${describeError(cause)}.`, { cause });
      }
    } finally {
      rmSync(draft, { force: true });
    }
    const holder = holderOf(lock);
    if (holder !== undefined && isHeld(holder)) return holder;
    takeAway(lock);
  }
}

/** Lets another process have the lock. */
export function releaseLock(lock: string): void {
  rmSync(lock, { force: true });
}

/** Removes a stale lock, by a name of our own first: where somebody else was faster, what we took is his and goes back. */
function takeAway(lock: string): void {
  const aside = `${lock}.${process.pid}.stale`;
  try {
    renameSync(lock, aside);
    const holder = holderOf(aside);
    if (holder !== undefined && isHeld(holder)) linkSync(aside, lock);
  } catch (cause) {
    if (!hasCode(cause, "ENOENT") && !hasCode(cause, "EEXIST")) throw cause;
  } finally {
    rmSync(aside, { force: true });
  }
}

function holderOf(file: string): number | undefined {
  try {
    return Number(readFileSync(file, "utf8"));
  } catch (cause) {
    if (hasCode(cause, "ENOENT")) return undefined;
    throw cause;
  }
}

function isHeld(pid: number): boolean {
  if (pid === process.pid || !(pid > 0)) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return hasCode(error, "EPERM");
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
