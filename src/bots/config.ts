import type { Hex } from "viem";
import { z } from "zod";
import { readConfigFile, requirePrivateKey } from "../runtime/configFile.ts";

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
  /** Settles expiries, collects debts, pays credits. */
  z.object({ kind: z.literal("settler"), ...common }),
]);

export type BotConfig = z.infer<typeof schema>;

/** Reads a bot's configuration. @throws MeniscusError `data` naming the field that is wrong. */
export function readBotConfig(file: string): BotConfig {
  return readConfigFile(file, schema);
}

/** The key from the environment variable that the configuration names. */
export function readBotKey({ keyVariable }: BotConfig): Hex {
  return requirePrivateKey(process.env[keyVariable], keyVariable);
}
