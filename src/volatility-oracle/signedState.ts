import { existsSync, readFileSync } from "node:fs";
import type { Hex } from "viem";
import { z } from "zod";
import { writeDurably } from "../runtime/durableFile.ts";
import { MeniscusError } from "../runtime/errors.ts";
import { releaseLock, takeLock } from "../runtime/lockFile.ts";

const claim = z.object({ number: z.number().int().nonnegative(), digest: z.string() });
const schema = z.object({ surface: claim, spot: claim });

/** What may be signed once: a surface by its round, a spot by its model time. */
export type ClaimKind = keyof z.infer<typeof schema>;

/**
 * Remembers on disk the last report of each kind that this node signed, so that it never signs a second one for the same
 * round, however it ended. One process at a time has the file.
 */
export class SignedState {
  private readonly file: string;
  private readonly lock: string;
  private last: z.infer<typeof schema>;

  /**
   * @throws MeniscusError `data` where the file does not say what was signed, or another process has it.
   */
  constructor(file: string) {
    this.file = file;
    this.lock = `${file}.lock`;
    this.last = { surface: { number: 0, digest: "" }, spot: { number: 0, digest: "" } };
    const holder = takeLock(this.lock);
    if (holder !== undefined) {
      throw new MeniscusError("data", `Process ${holder} signs with ${file} already.`, {
        hint: `Two nodes with one key could sign two reports for one round: end it, or remove ${this.lock} where it is no node.`,
      });
    }
    try {
      this.last = existsSync(file) ? readState(file) : this.last;
    } catch (error) {
      this.release();
      throw error;
    }
  }

  /** The last surface round that was signed; 0 before the first. */
  get round(): number {
    return this.last.surface.number;
  }

  /** Model time of the last spot that was signed; 0 before the first. */
  get spotTime(): number {
    return this.last.spot.number;
  }

  /** Claims the right to sign `digest` for a round or a model time; it is on disk before this returns true. */
  claim(kind: ClaimKind, number: number, digest: Hex): boolean {
    const last = this.last[kind];
    if (number < last.number) return false;
    if (number === last.number) return digest === last.digest;
    const next = { ...this.last, [kind]: { number, digest } };
    writeDurably(this.file, JSON.stringify(next));
    this.last = next;
    return true;
  }

  /** Lets another process have the file. */
  release(): void {
    releaseLock(this.lock);
  }
}

function readState(file: string): z.infer<typeof schema> {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, "utf8"));
  } catch {
    content = undefined;
  }
  const parsed = schema.safeParse(content);
  if (parsed.success) return parsed.data;
  throw new MeniscusError("data", `${file} is damaged: this node can't tell what it has signed.`, {
    hint: "Replace the node's key in the signer set, then remove the file.",
  });
}
