/** A MarketOracle of its own for a measurement, with nodes whose keys are no secret. */
import type { Address, Hex } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { authorityAbi, authorityBytecode, marketOracleAbi, marketOracleBytecode } from "../../src/chain/abis.ts";
import type { Anvil } from "../../src/chain/anvil.ts";
import { packReport, type Report, signReport } from "../../src/chain/report.ts";
import { Transactor } from "../../src/chain/transactor.ts";

const NODES = 4;
export const QUORUM = 3;

export interface BenchOracle {
  readonly sender: Transactor;
  readonly authority: Address;
  readonly oracle: Address;
  /** The report with a quorum's signatures, as it is submitted. */
  readonly pack: (report: Report) => Promise<Hex>;
}

export async function deployBenchOracle(anvil: Anvil, marketId: number): Promise<BenchOracle> {
  const sender = new Transactor(anvil.publicClient, anvil.wallet(0));
  const nodes = Array.from({ length: NODES }, (_, i) => privateKeyToAccount(`0x${String(i + 1).padStart(64, "0")}`));
  const authority = await sender.deploy(authorityAbi, authorityBytecode, [sender.address]);
  const oracle = await sender.deploy(marketOracleAbi, marketOracleBytecode, [
    nodes.map(({ address }) => address),
    authority,
  ]);
  await sender.write(oracle, marketOracleAbi, "addMarket", [marketId]);
  const pack = async (report: Report): Promise<Hex> => {
    const signatures = await Promise.all(
      nodes.slice(0, QUORUM).map(async (node, index) => ({
        index,
        signature: await signReport(node, report, { chainId: anvil.chain.id, oracle }),
      })),
    );
    return packReport(report, signatures);
  };
  return { sender, authority, oracle, pack };
}
