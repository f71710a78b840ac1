import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import type { Hex } from "viem";
import { z } from "zod";
import { MeniscusError } from "../runtime/errors.ts";

const schema = z.object({ round: z.number().int().nonnegative(), digest: z.string() });

/** Remembers on disk the last report this node signed, so that it never signs a second one for the same round. */
export class SignedState {
  private readonly file: string;
  private last: { readonly round: number; readonly digest: string };

  constructor(file: string) {
    this.file = file;
    this.last = { round: 0, digest: "" };
    if (!existsSync(file)) return;
    const parsed = schema.safeParse(parse(readFileSync(file, "utf8")));
    if (!parsed.success) {
      throw new MeniscusError("data", `${file} is damaged: this node can't tell what it has signed.`, {
        hint: "Replace the node's key in the signer set, then remove the file.",
      });
    }
    this.last = parsed.data;
  }

  /** The last round that was signed; 0 before the first. */
  get round(): number {
    return this.last.round;
  }

  /** Claims the right to sign `digest` for `round`; on disk before it returns true. */
  claim(round: number, digest: Hex): boolean {
    if (round < this.last.round) return false;
    if (round === this.last.round) return digest === this.last.digest;
    const next = { round, digest };
    const draft = `${this.file}.draft`;
    const descriptor = openSync(draft, "w");
    writeSync(descriptor, JSON.stringify(next));
    fsyncSync(descriptor);
    closeSync(descriptor);
    renameSync(draft, this.file);
    this.last = next;
    return true;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
