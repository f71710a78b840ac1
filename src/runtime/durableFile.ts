import { closeSync, fsyncSync, openSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/** Replaces a file. A reader finds the old content or the new one, whole, also after a loss of power: the file, then its name, is flushed. */
export function writeDurably(file: string, text: string): void {
  const draft = `${file}.draft`;
  flush(draft, "w", text);
  renameSync(draft, file);
  flush(dirname(file), "r");
}

function flush(path: string, flags: "r" | "w", text = ""): void {
  const descriptor = openSync(path, flags);
  try {
    if (flags === "w") writeFileSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
