import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Address, zeroAddress } from "viem";
import { z } from "zod";
import { describeError, MeniscusError } from "../runtime/errors.ts";

const address = z
  .string()
  .regex(/^0x[0-9a-fA-F]{40}$/, "not an address")
  .transform((text) => text as Address);

const deploymentSchema = z.object({
  chainId: z.number().int().positive(),
  quoteToken: address,
  quoteSymbol: z.string(),
  quoteDecimals: z.number().int().min(6).max(18),
  markets: z
    .array(
      z.object({
        marketId: z.number().int().positive(),
        symbol: z.string(),
        baseToken: address,
        baseDecimals: z.number().int(),
        uniswapV3Pool: address,
        /** Zero where there is no Uniswap v3 pool. */
        atomicExecutor: address.default(zeroAddress),
      }),
    )
    .min(1),
  authority: address,
  marketOracle: address,
  riskEngine: address,
  settlementPrice: address,
  clearinghouse: address,
  insuranceFund: address,
  liquidationAuction: address,
  signedOrders: address,
  permit2: address,
  poolLens: address,
  pools: z.array(
    z.object({
      name: z.string(),
      optionPool: address,
      poolShares: address,
      marketId: z.number().int(),
      /** Zero where the pool has none. */
      spotHedger: address.default(zeroAddress),
    }),
  ),
  uniswapV3: z.object({ factory: address, positionManager: address, swapRouter: address, quoter: address }),
  deployedAtBlock: z.number().int().nonnegative(),
});

/** Where the protocol stands on one chain: what the deployer writes and everybody else reads. */
export type Deployment = z.infer<typeof deploymentSchema>;

/** The folder that deployments are written to and looked for in: `deployments` under the working directory. */
export const deploymentsFolder = "deployments";

/** The file of a chain's deployment. */
export function deploymentFile(chainId: number, folder = deploymentsFolder): string {
  return join(folder, `${chainId}.json`);
}

/** Writes a deployment; readers never see half a file. */
export function writeDeployment(deployment: Deployment, file = deploymentFile(deployment.chainId)): string {
  mkdirSync(dirname(file), { recursive: true });
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, `${JSON.stringify(deployment, null, 2)}\n`);
  renameSync(draft, file);
  return file;
}

/**
 * Reads and checks a deployment.
 *
 * @param file The JSON file the deployer wrote.
 * @throws MeniscusError `data` where the file is missing or malformed, saying which field.
 */
export function readDeployment(file: string): Deployment {
  if (!existsSync(file)) {
    const folder = dirname(file);
    const others = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".json")) : [];
    throw new MeniscusError("data", `No deployment at ${file}.`, {
      hint:
        others.length > 0
          ? `There is ${others.join(", ")} in ${folder}; is this the right network? Else pass --deployment FILE.`
          : "Start a local market with `npm start`, or pass --deployment FILE.",
    });
  }
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, "utf8"));
  } catch (cause) {
    throw new MeniscusError("data", `${file} is not JSON: ${(cause as Error).message}.`, { cause });
  }
  const parsed = deploymentSchema.safeParse(content);
  if (parsed.success) return parsed.data;
  throw new MeniscusError("data", `${file}: ${describeError(parsed.error)}.`, {
    hint: "Deploy again, or pass --deployment FILE.",
  });
}
