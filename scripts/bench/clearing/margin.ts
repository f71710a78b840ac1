/** What a margin check costs on the real oracle, and whether the twin tells the chain's margin of many portfolios. */
import { type Address, encodeFunctionData, type Hex, hexToBytes } from "viem";
import { marketOracleAbi, riskEngineAbi, riskEngineBytecode } from "../../../src/chain/abis.ts";
import { type Anvil, startAnvil } from "../../../src/chain/anvil.ts";
import { toStrikeKey } from "../../../src/chain/optionId.ts";
import { defaultGrids, packGrid } from "../../../src/chain/parameters.ts";
import type { Report } from "../../../src/chain/report.ts";
import { Random } from "../../../test/pricing/random.ts";
import { compareMargins, startRiskHarness } from "../../../test/pricing/riskHarness.ts";
import { deployBenchOracle } from "../benchOracle.ts";
import type { BenchOptions, BenchReport } from "../figure.ts";

const MARKET_ID = 7;
const START = 1_770_000_000;
const SPOT = 3_000n * 10n ** 18n;
const DAY = 86_400;
const STRIKES = 16;
const PORTFOLIOS = 20_000;
const ONE = 1_000_000n;

/** Gas of checks of 16 strikes, cold slots and code inside; portfolios of which chain and twin disagree. */
export async function benchMargin(_options: BenchOptions): Promise<BenchReport> {
  const gas = await measureChecks();
  const harness = await startRiskHarness();
  try {
    const { mismatches, valued, refused } = await compareMargins(harness, new Random(2026), PORTFOLIOS);
    return {
      figures: [
        { name: "margin.check16.gas", value: gas.oneExpiry, unit: "gas, 1 expiry, 15 scenarios" },
        { name: "margin.check16.fourExpiries.gas", value: gas.fourExpiries, unit: "gas, 15 scenarios" },
        { name: "twin.mismatches", value: mismatches.length, unit: "portfolios" },
        { name: "twin.portfolios", value: valued + refused, unit: "portfolios" },
      ],
      lines: [
        `A check of ${STRIKES} strikes, calls and puts, long and short, under 15 scenarios: ${gas.oneExpiry} gas on one expiry, ` +
          `${gas.fourExpiries} on four; cold slots and code included, the 21,000 and calldata not.`,
        `${valued + refused} random portfolios: ${valued} valued, ${refused} refused by chain and twin; ${mismatches.length} differ.`,
      ],
    };
  } finally {
    harness.stop();
  }
}

async function measureChecks(): Promise<{ readonly oneExpiry: number; readonly fourExpiries: number }> {
  const anvil = await startAnvil({ timestamp: START - 100 });
  try {
    const risk = await deploy(anvil);
    const check = async (expiries: number): Promise<number> => {
      const data = encodeFunctionData({
        abi: riskEngineAbi,
        functionName: "values",
        args: [MARKET_ID, strikeWords(expiries), ONE, 0],
      });
      const hash = await anvil.wallet(0).sendTransaction({ to: risk, data });
      const receipt = await anvil.publicClient.waitForTransactionReceipt({ hash });
      if (receipt.status !== "success") throw new Error("the margin check failed");
      return Number(receipt.gasUsed) - intrinsicGas(data);
    };
    return { oneExpiry: await check(1), fourExpiries: await check(4) };
  } finally {
    await anvil.stop();
  }
}

/** What a transaction costs before it runs: 21,000, and 4 for each zero byte of its data, 16 for each other. */
function intrinsicGas(data: Hex): number {
  const bytes = hexToBytes(data);
  return 21_000 + bytes.reduce((sum, byte) => sum + (byte === 0 ? 4 : 16), 0);
}

/** A margin engine on an oracle with one surface of seven expiries: σ = 60 %, a little skew. */
async function deploy(anvil: Anvil): Promise<Address> {
  const { sender, authority, oracle, pack } = await deployBenchOracle(anvil, MARKET_ID);
  const risk = await sender.deploy(riskEngineAbi, riskEngineBytecode, [oracle, 6, authority]);
  const volatilities = [0, -0.3, 0.45];
  const grid = (width: number) =>
    packGrid(
      [0, -0.2, 0.2, -0.4, 0.4].flatMap((spot) =>
        volatilities.map((volatility) => ({
          spot: spot * width,
          volatility: volatility * width,
          weight: Math.abs(spot) > 0.2 ? 0.35 : 1,
        })),
      ),
    );
  await sender.write(risk, riskEngineAbi, "setGrids", [
    MARKET_ID,
    { initial: grid(1), maintenance: grid(2 / 3), contingencies: defaultGrids.contingencies },
  ]);
  const report: Report = {
    kind: "surface",
    marketId: MARKET_ID,
    round: 1,
    modelTime: START,
    spot: SPOT,
    disagreement: 25,
    signerSet: 1,
    averages: [],
    slices: Array.from({ length: 7 }, (_, i) => {
      const theta = BigInt(Math.round((0.36e11 * (expiryOf(i) - START)) / (365 * DAY)));
      return { expiry: expiryOf(i), theta, psi: theta / 10n + 200_000_000n, rho: -8_000, basis: 12_345, residual: 37 };
    }),
  };
  await anvil.mineAt(START);
  await sender.write(oracle, marketOracleAbi, "submitReport", [await pack(report)]);
  return risk;
}

function expiryOf(i: number): number {
  return START + (2 + 7 * i) * DAY;
}

/** Strikes from 2,400 to 3,600; at each as many calls as half as many puts the other way, long and short in turn. */
function strikeWords(expiries: number): bigint[] {
  return Array.from({ length: STRIKES }, (_, i) => {
    const step = Math.floor(i / expiries);
    const strikeE6 = 2_400_000_000n + (BigInt(step * expiries) * 1_200_000_000n) / BigInt(STRIKES);
    const calls = step % 2 === 0 ? ONE : -ONE;
    const key = toStrikeKey(MARKET_ID, expiryOf(1 + (i % expiries)), strikeE6);
    return (key << 160n) | (BigInt.asUintN(80, calls) << 80n) | BigInt.asUintN(80, -calls / 2n);
  });
}
