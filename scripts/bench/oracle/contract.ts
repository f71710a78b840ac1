/**
 * The contract's half of `npm run bench -- oracle`: what reports cost whoever submits them, and how many arbitrageable surfaces
 * the contract takes among many that lie near the boundary.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Abi, type Address, decodeFunctionResult, encodeFunctionData, type Hex } from "viem";
import { z } from "zod";
import { durrleman } from "../../../pricing/arbitrage.ts";
import {
  dequantiseSlice,
  essviTotalVariance,
  logMoneyness,
  sliceWordsAreArbitrageFree,
} from "../../../pricing/index.ts";
import { marketOracleAbi } from "../../../src/chain/abis.ts";
import { type Anvil, startAnvil } from "../../../src/chain/anvil.ts";
import { packReport, type Report, type ReportSlice, unpackStoredSurface } from "../../../src/chain/report.ts";
import { createRandom, type Random } from "../../../src/market/random.ts";
import { deployBenchOracle, QUORUM } from "../benchOracle.ts";
import type { BenchOptions, BenchReport } from "../figure.ts";

const MARKET_ID = 7;
const START = 1_770_000_000;
const SPOT = 3_000n * 10n ** 18n;
const DAY = 86_400;
const EXPIRIES = 7;
const SURFACES = 100_000;
const SURFACES_A_CALL = 500;
const HARNESS: Address = "0x00000000000000000000000000000000000ba51c";
/** Of g and of w, in float64: what rounding may leave below zero. */
const NOISE = 1e-9;

const root = join(import.meta.dirname, "../../..");

/** Gas of both kinds of report as whole transactions, and the arbitrageable surfaces that were accepted. */
export async function benchOracleContract(_options: BenchOptions): Promise<BenchReport> {
  const anvil = await startAnvil({ timestamp: START - 100 });
  try {
    const gas = await measureGas(anvil);
    const surfaces = await countArbitrageable(anvil, SURFACES);
    return {
      figures: [
        { name: "oracle.report.gas", value: gas.surface, unit: "gas" },
        { name: "oracle.spot.gas", value: gas.spot, unit: "gas" },
        { name: "oracle.arbitrageable.accepted", value: surfaces.arbitrageableAccepted, unit: "surfaces" },
      ],
      lines: [
        `A report of spot, ${EXPIRIES} expiries and ${QUORUM} signatures: ${gas.surface} gas, of spot alone: ${gas.spot}; ` +
          "calldata and the 21,000 included.",
        `${surfaces.drawn} surfaces near the boundary of what is free of arbitrage: ${surfaces.whole} accepted whole, ` +
          `${surfaces.inPart} in part. Of the accepted, ${surfaces.arbitrageableAccepted} allow arbitrage on |k| ≤ 3; ` +
          `of the refused, ${surfaces.arbitrageableRefused} do. The contract and the integers of pricing/sliceWord ` +
          `disagree on ${surfaces.disagreements}.`,
      ],
    };
  } finally {
    await anvil.stop();
  }
}

// ───────────────────────────── Gas ─────────────────────────────

async function measureGas(anvil: Anvil): Promise<{ readonly surface: number; readonly spot: number }> {
  const { oracle, pack } = await deployBenchOracle(anvil, MARKET_ID);

  const submit = async (report: Report): Promise<number> => {
    await anvil.mineAt(report.modelTime);
    const data = encodeFunctionData({
      abi: marketOracleAbi,
      functionName: "submitReport",
      args: [await pack(report)],
    });
    const wallet = anvil.wallet(0);
    const hash = await wallet.sendTransaction({ to: oracle, data });
    const receipt = await anvil.publicClient.waitForTransactionReceipt({ hash });
    if (receipt.status !== "success") throw new Error(`the oracle refused a ${report.kind} report`);
    return Number(receipt.gasUsed);
  };
  // From the third report on no word is written for the first time.
  await submit(ordinarySurface(1, START));
  await submit(ordinarySurface(2, START + 60));
  const surface = await submit(ordinarySurface(3, START + 120));
  const spot = await submit({
    kind: "spot",
    marketId: MARKET_ID,
    modelTime: START + 180,
    spot: SPOT + 10n ** 18n,
    signerSet: 1,
    averages: [],
  });
  return { surface, spot };
}

/** σ = 60 %, a little skew, wings that widen more slowly than θ grows. */
function ordinarySurface(round: number, modelTime: number): Report {
  const slices = Array.from({ length: EXPIRIES }, (_, i) => {
    const expiry = START + 2 * DAY + i * 7 * DAY;
    const theta = BigInt(Math.round((0.36e11 * (expiry - modelTime)) / (365 * DAY)));
    return { expiry, theta, psi: theta / 10n + 200_000_000n, rho: -8_000, basis: 12_345, residual: 37 };
  });
  return { ...surfaceOf(slices), round, modelTime };
}

function surfaceOf(slices: readonly ReportSlice[]) {
  const head = { kind: "surface", marketId: MARKET_ID, round: 1, modelTime: START, spot: SPOT } as const;
  return { ...head, disagreement: 25, signerSet: 1, averages: [], slices };
}

// ───────────────────────────── Arbitrage ─────────────────────────────

interface Tally {
  drawn: number;
  whole: number;
  inPart: number;
  arbitrageableAccepted: number;
  arbitrageableRefused: number;
  disagreements: number;
}

const artifact = z.object({ abi: z.array(z.unknown()), deployedBytecode: z.object({ object: z.string() }) });

/** Draws surfaces, lets the contract's code make of them what it would store, and looks for arbitrage in that. */
async function countArbitrageable(anvil: Anvil, count: number): Promise<Tally> {
  execFileSync(join(root, "node_modules/.bin/forge"), ["build", "test/contracts/oracle"], {
    cwd: root,
    stdio: "ignore",
  });
  const file = join(root, "out/SurfaceHarness.sol/SurfaceHarness.json");
  const { abi, deployedBytecode } = artifact.parse(JSON.parse(readFileSync(file, "utf8")));
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the compiler wrote it
  const harness = { abi: abi as Abi, functionName: "drafts" } as const;
  await anvil.testClient.setCode({ address: HARNESS, bytecode: deployedBytecode.object as Hex });

  const random = createRandom(20_260_201);
  const tally: Tally = {
    drawn: 0,
    whole: 0,
    inPart: 0,
    arbitrageableAccepted: 0,
    arbitrageableRefused: 0,
    disagreements: 0,
  };
  while (tally.drawn < count) {
    const drawn = Array.from({ length: Math.min(SURFACES_A_CALL, count - tally.drawn) }, () => drawSlices(random));
    const reports = drawn.map((slices) => packReport(surfaceOf(slices), []));
    const { data } = await anvil.publicClient.call({
      to: HARNESS,
      data: encodeFunctionData({ ...harness, args: [reports] }),
      gas: 100_000_000n,
    });
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- `uint256[][]` by the ABI
    const pages = decodeFunctionResult({ ...harness, data: data ?? "0x" }) as readonly (readonly bigint[])[];
    for (const [i, slices] of drawn.entries()) {
      addSurface(tally, slices, unpackStoredSurface(0n, pages[i] ?? []).slices);
    }
  }
  return tally;
}

function addSurface(tally: Tally, drawn: readonly ReportSlice[], stored: readonly ReportSlice[]): void {
  const isWhole = stored.length === drawn.length;
  tally.drawn += 1;
  if (isWhole) tally.whole += 1;
  else if (stored.length > 0) tally.inPart += 1;
  if (isWhole !== sliceWordsAreArbitrageFree(drawn.map(toWord))) tally.disagreements += 1;
  if (allowsArbitrage(stored)) tally.arbitrageableAccepted += 1;
  if (!isWhole && allowsArbitrage(drawn)) tally.arbitrageableRefused += 1;
}

const toWord = ({ theta, psi, rho, basis, residual }: ReportSlice) => ({
  theta,
  psi,
  rho: BigInt(rho),
  basis: BigInt(basis),
  residual: BigInt(residual),
});

/** k from −3 to 3, denser at the money. */
const GRID = Array.from({ length: 41 }, (_, i) => logMoneyness(3 * ((i - 20) / 20) ** 3));

/** Whether g or total variance is negative, or total variance falls with the expiry, somewhere on |k| ≤ 3. */
function allowsArbitrage(slices: readonly ReportSlice[]): boolean {
  const surface = slices.map((slice) => dequantiseSlice(toWord(slice)));
  return surface.some((slice, i) => {
    const before = surface[i - 1];
    return GRID.some((k) => {
      const w = essviTotalVariance(slice, k);
      if (!(w > 0) || durrleman(slice, k) < -NOISE) return true;
      return before !== undefined && essviTotalVariance(before, k) > w * (1 + NOISE);
    });
  });
}

/** Two to five slices at, just inside and just outside of each inequality; sometimes anything. */
function drawSlices(random: Random): readonly ReportSlice[] {
  const slices: ReportSlice[] = [];
  const below = (limit: number) => BigInt(Math.floor(random.uniform() * limit));
  const count = 2 + Number(below(4));
  const sharedRho = Number(below(65_536)) - 32_768;
  for (let i = 0; i < count; i++) {
    const previous = slices[i - 1];
    const choice = Number(below(4));
    const rho = choice === 3 ? Number(below(65_536)) - 32_768 : sharedRho;
    const theta = previous ? previous.theta + (choice === 2 ? 0n : below(2 ** 30)) : 10n + below(2 ** 35);
    const onePlus = 32_768n + BigInt(Math.abs(rho));
    const steepest = squareRoot((4_000_000_000n * 32_768n * theta) / onePlus);
    const proportional = previous ? (previous.psi * theta) / previous.theta : steepest;
    const free = previous ? previous.psi + below(2 ** 24) : below(2 ** 36);
    const target = choice === 0 ? steepest : choice === 1 ? proportional : free;
    const psi = clamp(target + below(7) - 3n, 0n, 2n ** 36n - 1n);
    const expiry = START + (i + 1) * 30 * DAY;
    slices.push({ expiry, theta: clamp(theta, 0n, 2n ** 40n - 1n), psi, rho, basis: 0, residual: 0 });
  }
  return slices;
}

const clamp = (x: bigint, low: bigint, high: bigint): bigint => (x < low ? low : x > high ? high : x);

function squareRoot(x: bigint): bigint {
  if (x < 2n) return x;
  let y = BigInt(Math.floor(Math.sqrt(Number(x))));
  while (y * y > x) y -= 1n;
  while ((y + 1n) * (y + 1n) <= x) y += 1n;
  return y;
}
