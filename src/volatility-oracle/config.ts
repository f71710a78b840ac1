import { readFileSync } from "node:fs";
import { type Address, type Hex, isAddress } from "viem";
import { z } from "zod";
import { readConfigFile, requirePrivateKey } from "../runtime/configFile.ts";
import { MeniscusError } from "../runtime/errors.ts";

const address = z.custom<Address>(
  (value) => typeof value === "string" && isAddress(value, { strict: false }),
  "not an address",
);
const share = z.number().positive().lt(1);

const spotVenue = z.discriminatedUnion("kind", [
  /** An exchange with Binance's public REST API. */
  z.object({ kind: z.literal("candles"), url: z.url(), symbol: z.string().min(1) }),
  /** The time-weighted mean of a Uniswap v3 pool on the node's own chain. */
  z.object({
    kind: z.literal("uniswapV3"),
    pool: address,
    baseToken: address,
    quoteToken: address,
    quoteDecimals: z.number().int().min(0).max(36),
    feePips: z.number().int().positive(),
    /** Over how long the mean runs. */
    seconds: z.number().int().positive(),
  }),
]);

const schema = z.object({
  name: z.string().min(1),
  /** Where the node's private key is: the name of an environment variable, or else a file that only its user can read. */
  keyVariable: z.string().min(1).optional(),
  keyFile: z.string().min(1).optional(),
  /** Where the node's own server listens. */
  host: z.string().min(1).default("127.0.0.1"),
  port: z.number().int().min(0).max(65_535),
  /**
   * All nodes in the order of the signer set, this one included: the address of each one's key, and of the contract (ERC-1271)
   * that stands for it in the set, where one does.
   */
  nodes: z.array(z.object({ address, signer: address.optional(), url: z.url() })).min(1),
  /** Where options are quoted, with Deribit's API. Two or more, so that one that fails or lies is no harm. */
  optionVenues: z.array(z.object({ url: z.url(), currency: z.string().min(1) })).min(1),
  /** Where else spot is looked up. */
  spotVenues: z.array(spotVenue).default([]),
  rpcUrl: z.url(),
  chainId: z.number().int().positive(),
  marketOracle: address,
  marketId: z.number().int().positive(),
  /** Model time after which a surface is reported although nothing has moved, seconds. */
  heartbeatSeconds: z.number().int().positive(),
  /** Least model time between two reports of one kind, seconds. */
  minGapSeconds: z.number().int().positive().default(5),
  /** Moments that reports are of are multiples of this, so that nodes which see time pass differently mean the same one. */
  momentSeconds: z.number().int().positive().default(5),
  /** What makes a surface due before the heartbeat: by how much volatility (absolute) or spot (relative) has moved. */
  deviation: z
    .object({ volatility: share, spot: share, checkSeconds: z.number().int().positive() })
    .default({ volatility: 0.02, spot: 0.02, checkSeconds: 15 }),
  /** What makes a spot report due between surfaces: a relative move, and an age if one is given. */
  spotDeviation: share.default(0.003),
  spotHeartbeatSeconds: z.number().int().positive().optional(),
  /** `system`: this machine's, checked against venues and chain; `venue`: their own, where time runs faster than real. */
  clock: z.enum(["system", "venue"]).default("system"),
  /** A node whose clock is off by more does not sign, seconds. */
  maxClockOffsetSeconds: z.number().positive().default(20),
  /** How long a leader may be silent before the next one takes over, milliseconds. */
  leaderTimeoutMilliseconds: z.number().int().positive(),
  /** File that remembers what was signed, so that a restart never signs two reports for one round. */
  stateFile: z.string().min(1),
});

export type NodeConfig = z.infer<typeof schema>;

/** Reads a node's configuration. @throws MeniscusError `data` naming the field that is wrong. */
export function readNodeConfig(file: string): NodeConfig {
  return readConfigFile(file, schema);
}

/** The key from the environment variable or the file that the configuration names. */
export function readNodeKey({ name, keyVariable, keyFile }: NodeConfig): Hex {
  if ((keyVariable === undefined) === (keyFile === undefined)) {
    throw new MeniscusError("key", `The configuration of ${name} must name either keyVariable or keyFile.`);
  }
  const place = keyVariable ?? keyFile ?? "";
  const key = keyVariable === undefined ? readKeyFile(place) : process.env[place];
  return requirePrivateKey(key, place);
}

function readKeyFile(file: string): string {
  try {
    return readFileSync(file, "utf8").trim();
  } catch (cause) {
    throw new MeniscusError("key", `The key file ${file} cannot be read.`, { cause });
  }
}
