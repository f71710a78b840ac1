import { existsSync, readFileSync } from "node:fs";
import { type Hex, isHex, size } from "viem";
import { z } from "zod";
import { describeError, MeniscusError } from "../runtime/errors.ts";

const common = {
  name: z.string().min(1),
  rpcUrl: z.url(),
  /** Default: `deployments/<chainId>.json` under the working directory. */
  deploymentFile: z.string().min(1).optional(),
  /** The environment variable that holds the bot's private key. */
  keyVariable: z.string().min(1),
  /** How often the chain is looked at. */
  pollMilliseconds: z.number().int().positive().default(1_000),
};

const schema = z.discriminatedUnion("kind", [
  /** Starts auctions and bids in them with the capital of one of its margin accounts. */
  z.object({
    kind: z.literal("liquidator"),
    ...common,
    /** The margin account that bids. */
    account: z.number().int().min(1).max(255).default(1),
    /** Gain wanted as a share of the maintenance margin taken over. */
    edge: z.number().min(0).max(1).default(0.1),
    /** Least gain of a bid, quote tokens. */
    minProfit: z.number().nonnegative().default(5),
    /** What leaves the taken positions at the pool may cost, as a share of their gross value. */
    unwindCost: z.number().min(0).max(1).default(0.05),
  }),
  /** Settles expiries, pays credits, marks pools. */
  z.object({ kind: z.literal("settler"), ...common }),
]);

export type BotConfig = z.infer<typeof schema>;
export type LiquidatorConfig = Extract<BotConfig, { kind: "liquidator" }>;
export type SettlerConfig = Extract<BotConfig, { kind: "settler" }>;

/** Reads a bot's configuration. @throws MeniscusError `data` naming the field that is wrong. */
export function readBotConfig(file: string): BotConfig {
  if (!existsSync(file)) throw new MeniscusError("data", `There is no configuration at ${file}.`);
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, "utf8"));
  } catch (cause) {
    throw new MeniscusError("data", `${file} is not JSON: ${describeError(cause)}.`, { cause });
  }
  const parsed = schema.safeParse(content);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new MeniscusError("data", `${file}: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? "malformed"}.`);
}

/** The key from the environment variable that the configuration names. */
export function readBotKey({ keyVariable }: BotConfig): Hex {
  const key = process.env[keyVariable];
  if (isHex(key) && size(key) === 32) return key;
  throw new MeniscusError("key", `${keyVariable} holds no private key.`, {
    hint: "It has to be 0x and 64 hexadecimal digits.",
  });
}
