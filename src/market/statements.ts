import { type Chain, formatUnits, type PublicClient, parseEventLogs, type Transport } from "viem";
import { poolSharesAbi } from "../chain/abis.ts";
import type { Deployment } from "../chain/deployments.ts";
import type { LiquidityProvider } from "./participants.ts";
import type { LpReport, MarketReport } from "./report.ts";

export async function lpReports(
  client: PublicClient<Transport, Chain>,
  deployment: Deployment,
  lps: readonly LiquidityProvider[],
): Promise<readonly LpReport[]> {
  const pool = deployment.pools[0];
  if (!pool) throw new Error("the deployment has no pool");
  const raw = await client.getLogs({ address: pool.poolShares, fromBlock: BigInt(deployment.deployedAtBlock) });
  const logs = parseEventLogs({ abi: poolSharesAbi, logs: raw });
  return lps.map(({ name, address }) => {
    let deposited = 0n;
    let withdrawn = 0n;
    for (const { eventName, args } of logs) {
      if (eventName === "DepositRequest" && args.controller === address) deposited += args.assets;
      if (eventName === "Withdraw" && args.owner === address) withdrawn += args.assets;
      if (eventName === "Refunded" && args.controller === address) withdrawn += args.assets;
    }
    const toNumber = (amount: bigint) => Number(formatUnits(amount, deployment.quoteDecimals));
    const change = toNumber(withdrawn - deposited);
    return {
      name,
      deposited: toNumber(deposited),
      withdrawn: toNumber(withdrawn),
      change,
      parts: {},
      residual: change,
    };
  });
}

export function renderStatements(report: MarketReport, symbol: string): string {
  return JSON.stringify(report, null, 2) + symbol;
}
