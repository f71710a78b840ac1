import { existsSync, readFileSync } from "node:fs";
import { z } from "zod";
import { writeDurably } from "../../runtime/durableFile.ts";
import { describeError, MeniscusError } from "../../runtime/errors.ts";

const schema = z.object({
  /** Base tokens that the bot began with, units of the underlying: what its delta is counted from. */
  baseAtStart: z.number().nonnegative(),
  /** What it was worth then, quote tokens, base at the spot of each moment left aside. */
  wealthAtStart: z.number(),
  /** Best result so far, quote tokens. */
  best: z.number(),
  /** Plans carried out, and what they were to gain, quote tokens. */
  plans: z.number().int().nonnegative(),
  gain: z.number(),
  /** Paid for gas, quote tokens. */
  gas: z.number(),
});

/** What an arbitrage bot remembers. */
export type ArbitrageState = z.infer<typeof schema>;

/** The bot's memory: on disk where a file is named, so that a result and a loss limit outlive a restart. */
export class ArbitrageMemory {
  private readonly file: string | undefined;
  private state: ArbitrageState | undefined;

  /** @throws MeniscusError `data` where the file is not one of an arbitrage bot. */
  constructor(file: string | undefined) {
    this.file = file;
    this.state = file === undefined || !existsSync(file) ? undefined : read(file);
  }

  /** What is remembered; undefined before the first `write`. */
  get known(): ArbitrageState | undefined {
    return this.state;
  }

  write(state: ArbitrageState): void {
    this.state = state;
    if (this.file !== undefined) writeDurably(this.file, JSON.stringify(state));
  }
}

function read(file: string): ArbitrageState {
  try {
    return schema.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch (cause) {
    throw new MeniscusError("data", `${file} is not the memory of an arbitrage bot: ${describeError(cause)}.`, {
      hint: "Remove it to let the bot begin anew from what it holds.",
      cause,
    });
  }
}
