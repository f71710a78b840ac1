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
  /** Hedges the pools' delta on Uniswap v3. */
  z.object({
    kind: z.literal("hedger"),
    ...common,
    /** Least gain of a hedge after its gas, quote tokens. */
    minGain: z.number().default(0),
    /** Hedge, and mark first where that is needed, whether it pays or not: for those whose money is in the pools. */
    asService: z.boolean().default(false),
    /** What the chain's own coin is worth, quote tokens; by default the spot of the pool's market. */
    nativePrice: z.number().positive().optional(),
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
