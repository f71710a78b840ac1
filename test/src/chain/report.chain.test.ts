import { type Address, BaseError, ContractFunctionRevertedError, type Hex, recoverAddress } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { averagingForward, effectiveSeconds, rollDown } from "../../../pricing/fixed/rollDown.ts";
import { authorityAbi, authorityBytecode, marketOracleAbi, marketOracleBytecode } from "../../../src/chain/abis.ts";
import { type Anvil, startAnvil } from "../../../src/chain/anvil.ts";
import {
  describeReport,
  packReport,
  packSlice,
  type Report,
  type ReportSlice,
  reportDigest,
  type SurfaceReport,
  signReport,
  unpackReport,
  unpackSlice,
  unpackStoredSurface,
} from "../../../src/chain/report.ts";
import { Transactor } from "../../../src/chain/transactor.ts";
import { createRandom } from "../../../src/market/random.ts";

const MARKET_ID = 65_535;
const START = 1_770_000_000;
const EXPIRY = START + 7_200;
const LATER = EXPIRY + 30 * 86_400;
const SPOT = 3_000_123_456_789_012_345_678n;

const slices: readonly ReportSlice[] = [
  { expiry: EXPIRY, theta: 82_191_780n, psi: 9_000_000n, rho: -12_345, basis: -54_321, residual: 4_095 },
  { expiry: LATER, theta: 29_589_041_095n, psi: 2_000_000_000n, rho: -9_876, basis: 12_345, residual: 7 },
];
const surface: SurfaceReport = {
  kind: "surface",
  marketId: MARKET_ID,
  round: 1,
  modelTime: START,
  spot: SPOT,
  signerSet: 1,
  disagreement: 321,
  slices,
  averages: [],
};

let anvil: Anvil;
let sender: Transactor;
let oracle: Address;
const signers = [3, 1, 2, 4].map((n) => privateKeyToAccount(`0x${String(n).padStart(64, "0")}`));

beforeAll(async () => {
  anvil = await startAnvil({ port: 0, timestamp: START - 100 });
  sender = new Transactor(anvil.publicClient, anvil.wallet(0));
  const authority = await sender.deploy(authorityAbi, authorityBytecode, [sender.address]);
  oracle = await sender.deploy(marketOracleAbi, marketOracleBytecode, [
    signers.map(({ address }) => address),
    authority,
  ]);
  await sender.write(oracle, marketOracleAbi, "addMarket", [MARKET_ID]);
});
afterAll(() => anvil?.stop());

async function sign(report: Report, indices: readonly number[]) {
  const domain = { chainId: anvil.chain.id, oracle };
  return await Promise.all(
    indices.map(async (index) => {
      const signer = signers[index];
      if (!signer) throw new RangeError(`there is no signer ${index}`);
      return { index, signature: await signReport(signer, report, domain) };
    }),
  );
}

async function submit(report: Report, indices: readonly number[] = [3, 0, 2, 1]): Promise<void> {
  await anvil.mineAt(report.modelTime);
  await sender.write(oracle, marketOracleAbi, "submitReport", [packReport(report, await sign(report, indices))]);
}

async function boardsAt(moment: number, expiries: readonly number[]) {
  const { timestamp } = await anvil.publicClient.getBlock();
  const args = [MARKET_ID, expiries, moment] as const;
  const [, boards] = await anvil.publicClient.readContract({
    address: oracle,
    abi: marketOracleAbi,
    functionName: "boards",
    args,
  });
  return { now: Number(timestamp), boards };
}

describe("what is signed here is what the contract hashes", () => {
  test("a surface with averages, and a report of spot", async () => {
    await submit(surface);
    const averages = [{ expiry: EXPIRY, average: SPOT - 1n, elapsed: 1_300 }];
    await submit({ ...surface, round: 4_000_000_000, modelTime: EXPIRY - 500, averages });
    const later = EXPIRY - 400;
    const newer = [{ expiry: EXPIRY, average: SPOT + 1n, elapsed: 1_400 }];
    await submit({ kind: "spot", marketId: MARKET_ID, modelTime: later, spot: SPOT, signerSet: 1, averages: newer });
    const state = await anvil.publicClient.readContract({
      address: oracle,
      abi: marketOracleAbi,
      functionName: "marketState",
      args: [MARKET_ID],
    });
    expect(state).toMatchObject({ round: 4_000_000_000, surfaceTime: EXPIRY - 500, spotTime: later, spotWad: SPOT });
  });

  test("what the event says is what was signed", async () => {
    const logs = await anvil.publicClient.getContractEvents({
      address: oracle,
      abi: marketOracleAbi,
      eventName: "SurfaceAccepted",
      fromBlock: 0n,
    });
    const [first] = logs.map(({ args: { header = 0n, pages = [] } }) => unpackStoredSurface(header, pages));
    const { round, modelTime, disagreement } = surface;
    expect(first).toEqual({ round, modelTime, disagreement, spotWad: SPOT, freshMask: 3n, slices });
  });

  test("the signer of a report is found from its signature", async () => {
    const domain = { chainId: anvil.chain.id, oracle };
    const [signed] = await sign(surface, [2]);
    const signature = signed?.signature ?? "0x";
    expect(await recoverAddress({ hash: reportDigest(surface, domain), signature })).toBe(signers[2]?.address);
    expect(await recoverAddress({ hash: reportDigest({ ...surface, round: 2 }, domain), signature })).not.toBe(
      signers[2]?.address,
    );
  });

  test("a report that says something else is refused by name", async () => {
    const signatures = await sign({ ...surface, round: 4_000_000_001, modelTime: EXPIRY - 399 }, [0, 1, 2]);
    const other = { ...surface, round: 4_000_000_002, modelTime: EXPIRY - 399 };
    await anvil.mineAt(EXPIRY - 399);
    const call = sender.write(oracle, marketOracleAbi, "submitReport", [packReport(other, signatures)]);
    const error: unknown = await call.catch((reason: unknown) => reason);
    const reverted =
      error instanceof BaseError && error.walk((cause) => cause instanceof ContractFunctionRevertedError);
    expect((reverted as ContractFunctionRevertedError).data?.errorName).toBe("MarketOracle_InvalidSignature");
  });
});

describe("the twin of RollDown gives the contract's boards to the bit", () => {
  test("from the report until inside the averaging window", async () => {
    const time = EXPIRY - 398;
    const averages = [{ expiry: EXPIRY, average: SPOT + 12_345n, elapsed: 1_402 }];
    const last = slices.map((slice) => ({ ...slice, theta: slice.theta / 20n, psi: slice.psi / 30n }));
    await submit({ ...surface, round: 4_000_000_003, modelTime: time, averages, slices: last });
    for (const later of [time, time + 1, time + 77, EXPIRY - 30, EXPIRY - 1]) {
      if (later > time + 1) await anvil.mineAt(later);
      const { now, boards } = await boardsAt(1, [EXPIRY, LATER]);
      expect(boards.length).toBe(2);
      boards.forEach((board, i) => {
        const slice = last[i] as ReportSlice;
        const [left, before] = [BigInt(slice.expiry - now), BigInt(slice.expiry - time)];
        const forward = (SPOT * (10n ** 18n + BigInt(slice.basis) * 10n ** 11n)) / 10n ** 18n;
        expect(board.thetaWad).toBe(rollDown(slice.theta * 10n ** 7n, left, before));
        expect(board.psiWad).toBe(rollDown(slice.psi * 10n ** 8n, left, before));
        expect(board.effectiveSeconds).toBe(effectiveSeconds(left));
        expect(board.forwardWad).toBe(i === 0 ? averagingForward(SPOT + 12_345n, 1_402n, forward) : forward);
      });
    }
  });

  test("τ_eff is continuous where the window begins, and positive to the last second", () => {
    expect([1_801n, 1_800n, 1_799n].map(effectiveSeconds)).toEqual([601n, 600n, 600n]);
    expect(effectiveSeconds(1n)).toBe(1n);
    expect(effectiveSeconds(0n)).toBe(0n);
    const wad = 10n ** 18n;
    expect(rollDown(wad, 1_800n, 1_800n)).toBe(wad);
    expect(rollDown(wad, 900n, 1_800n)).toBe(wad / 8n);
    expect(rollDown(wad, 1_800n, 4_200n)).toBe(wad / 5n);
  });
});

describe("packing", () => {
  test("loses nothing, whatever the fields hold", () => {
    const random = createRandom("reports");
    const int = (limit: number) => Math.floor(random.uniform() * limit);
    const signed = (bits: number) => int(2 ** bits) - 2 ** (bits - 1);
    for (let run = 0; run < 200; run++) {
      const common = {
        marketId: int(2 ** 16),
        modelTime: int(2 ** 40),
        spot: BigInt(int(2 ** 48)) * BigInt(int(2 ** 48)),
        signerSet: int(2 ** 32),
        averages: Array.from({ length: int(4) }, () => ({
          expiry: int(2 ** 32),
          average: BigInt(int(2 ** 48)) << 48n,
          elapsed: int(2 ** 16),
        })),
      };
      const report: Report =
        run % 3 === 0
          ? { kind: "spot", ...common }
          : {
              kind: "surface",
              ...common,
              round: int(2 ** 32),
              disagreement: int(2 ** 16),
              slices: Array.from({ length: int(17) }, () => ({
                expiry: int(2 ** 32),
                theta: BigInt(int(2 ** 40)),
                psi: BigInt(int(2 ** 36)),
                rho: signed(16),
                basis: signed(24),
                residual: int(2 ** 12),
              })),
            };
      const signatures = Array.from({ length: int(5) }, (_, index) => ({
        index,
        signature: `0x${"0123456789abcdef".repeat(9).slice(index, index + 130)}` as Hex,
      }));
      expect(unpackReport(packReport(report, signatures))).toEqual({ report, signatures });
    }
  });

  test("slices keep their limits", () => {
    const extremes = [
      { expiry: 1, theta: 2n ** 40n - 1n, psi: 2n ** 36n - 1n, rho: 32_767, basis: 2 ** 23 - 1, residual: 4_095 },
      { expiry: 1, theta: 0n, psi: 0n, rho: -32_768, basis: -(2 ** 23), residual: 0 },
    ];
    for (const slice of extremes) expect(unpackSlice(1, packSlice(slice))).toEqual(slice);
    expect(packSlice(extremes[0] as ReportSlice)).toBeLessThan(2n ** 128n);
  });

  test("bytes that are no report are refused with the reason", async () => {
    const packed = packReport(surface, await sign(surface, [0, 1, 2]));
    expect(() => unpackReport("0x01")).toThrow(/1 bytes are too few/);
    expect(() => unpackReport(`0x07${packed.slice(4)}`)).toThrow(/kind 7 is unknown/);
    expect(() => unpackReport(`${packed}00`)).toThrow(/272 bytes where 271 are announced/);
  });
});

test("a report is described in human units", () => {
  const averages = [{ expiry: START - 86_400, average: SPOT, elapsed: 1_800 }];
  expect(describeReport({ ...surface, averages }, "ETH")).toEqual([
    "Surface of ETH at 2026-02-02T02:40:00.000Z, round 1, signer set 1: spot 3000.12, nodes differ by 3.21 vol points",
    "2FEB26: at the money 189.74 %, skew ρ -0.377, slope ψ 0.0009, forward -0.54 % over spot, fits to 40.95 vol points",
    "4MAR26: at the money 189.47 %, skew ρ -0.301, slope ψ 0.2000, forward 0.12 % over spot, fits to 0.07 vol points",
    "1FEB26: average 3000.12 over 1800 of 1800 s, final",
  ]);
  expect(describeReport({ ...surface, kind: "spot" }, "ETH")[0]).toBe(
    "Spot of ETH at 2026-02-02T02:40:00.000Z, signer set 1: 3000.12",
  );
});
