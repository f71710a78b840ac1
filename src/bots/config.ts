import type { Hex } from "viem";
import { z } from "zod";
import { readConfigFile, requirePrivateKey } from "../runtime/configFile.ts";

const share = z.number().min(0).max(1);

const common = {
  name: z.string().min(1),
  rpcUrl: z.url(),
  /** RPCs that are asked, in this order, where the ones before do not answer. */
  otherRpcUrls: z.array(z.url()).default([]),
  /** Default: `deployments/<chainId>.json` under the working directory. */
  deploymentFile: z.string().min(1).optional(),
  /** The environment variable that holds the bot's private key. */
  keyVariable: z.string().min(1),
  /** How often the chain is looked at. */
  pollMilliseconds: z.number().int().positive().default(1_000),
  /** RPC that transactions are handed to, where that is another than `rpcUrl`: a private one. */
  sendUrl: z.url().optional(),
  /** Where the bot's memory is, and beside it (`.outbox`) the transaction that may still be mined. Without it a restart forgets both. */
  stateFile: z.string().min(1).optional(),
  /** The most that is bid for gas, and what the block's maker is offered at first, gwei. */
  maxFeeGwei: z.number().positive().default(100),
  priorityFeeGwei: z.number().nonnegative().default(0.1),
  /** A transaction that is not mined after this is bid for again, an eighth higher, and called off after `bids` bids. */
  replaceAfterMilliseconds: z.number().int().positive().default(6_000),
  bids: z.number().int().positive().default(4),
  /** Where `/metrics` is served, on 127.0.0.1; nowhere by default. */
  metricsPort: z.number().int().min(0).max(65_535).optional(),
  /** Bounties are taken home from the ledger once they are worth so many quote tokens; by default they stay. */
  withdrawAbove: z.number().nonnegative().optional(),
};

/** When an act that pays a bounty is worth it. */
const bounty = {
  /** Least gain of an act after its gas, quote tokens. */
  minGain: z.number().default(0),
  /** Act whether it pays or not: for those whose money is in the pools. */
  asService: z.boolean().default(false),
  /** What the chain's own coin is worth, quote tokens; by default the spot of the pool's market. */
  nativePrice: z.number().positive().optional(),
};

const schema = z.discriminatedUnion("kind", [
  /** Starts auctions and bids in them with the capital of one of its margin accounts. */
  z.object({
    kind: z.literal("liquidator"),
    ...common,
    /** The margin account that bids. */
    account: z.number().int().min(1).max(255).default(1),
    /** Gain wanted as a share of the maintenance margin taken over. */
    edge: share.default(0.1),
    /** Least gain of a bid, quote tokens. */
    minProfit: z.number().nonnegative().default(5),
    /** What leaves the taken positions at the pool may cost, as a share of their gross value. */
    unwindCost: share.default(0.05),
  }),
  /** Hedges the pools' delta on Uniswap v3; as a service it marks the pool first where that is needed. */
  z.object({ kind: z.literal("hedger"), ...common, ...bounty }),
  /** Marks pools, which prices and pays the requests of their LPs; as a service also where that pays nothing. */
  z.object({ kind: z.literal("marker"), ...common, ...bounty }),
  /** Settles expiries, collects debts, pays credits. */
  z.object({ kind: z.literal("settler"), ...common, ...bounty, asService: z.boolean().default(true) }),
  /** Brings signed reports that the nodes do not bring themselves: a service. */
  z.object({
    kind: z.literal("reporter"),
    ...common,
    /** Where nodes serve their signed reports. */
    nodes: z.array(z.url()).min(1),
    kinds: z
      .array(z.enum(["surface", "spot"]))
      .min(1)
      .default(["surface", "spot"]),
    /** Younger reports are left to the nodes, seconds. */
    patienceSeconds: z.number().nonnegative().default(5),
  }),
  /** Takes differences of price between pools, Uniswap v3 and another market. */
  z.object({
    kind: z.literal("arbitrageur"),
    ...common,
    marketId: z.number().int().positive().default(1),
    /** The margin account that trades; the wallet holds the tokens that are traded on Uniswap v3. */
    account: z.number().int().min(1).max(255).default(1),
    /** Another market's quotes, with Deribit's API; without it, pools are compared with each other and with Uniswap v3 alone. */
    reference: z.object({ url: z.url(), currency: z.string().min(1) }).optional(),
    /** Older quotes, or an older spot of the oracle, say nothing, seconds. */
    maxReferenceAge: z.number().positive().default(20),
    /** Least gain of a trade after all costs, quote tokens, and what a reference may be wrong by, volatility points. */
    minGain: z.number().default(2),
    edgePoints: z.number().nonnegative().default(0.1),
    /** What an option is worth: the reference's mid less this share of its half-spread; wider ones than so many points are no price. */
    spreadShare: share.default(0.5),
    maxSpreadPoints: z.number().positive().default(2),
    /** What capital costs a year, margin of a short as a share of spot, and how long a trade is expected to be held. */
    capitalRate: z.number().nonnegative().default(0.05),
    shortMargin: share.default(0.25),
    holdingSeconds: z.number().nonnegative().default(86_400),
    /** Most contracts of a leg. */
    maxContracts: z.number().positive().default(200),
    /** Most of each risk: delta in the underlying, gamma per quote token, vega per 1.00, theta a day; most that may be lost. */
    limits: z
      .object({
        delta: z.number().positive(),
        gamma: z.number().positive(),
        vega: z.number().positive(),
        theta: z.number().positive(),
        loss: z.number().positive(),
      })
      .default({ delta: 60, gamma: 0.15, vega: 100_000, theta: 4_000, loss: 50_000 }),
    /** Delta that is left alone, in the underlying, and what a hedge may cost, share of what is traded. */
    hedge: z
      .object({ band: z.number().nonnegative(), maxCost: z.number().positive() })
      .default({ band: 10, maxCost: 0.002 }),
    nativePrice: z.number().positive().optional(),
    /** Says what it would do and does nothing. */
    dryRun: z.boolean().default(false),
  }),
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
