import {
  type Address,
  concat,
  encodePacked,
  type Hex,
  hashTypedData,
  hexToBigInt,
  hexToNumber,
  numberToHex,
  size,
  slice,
} from "viem";
import type { LocalAccount } from "viem/accounts";
import type { ReportSlice, RunningAverage } from "../../pricing/fixed/index.ts";
import type { SliceWord } from "../../pricing/sliceWord.ts";
import { MeniscusError } from "../runtime/errors.ts";
import { expiryName } from "./optionId.ts";

export type { ReportSlice, RunningAverage };

/** The words of an expiry's slice as they stand in a report. */
export function toReportSlice({ theta, psi, rho, basis, residual }: SliceWord, expiry: number): ReportSlice {
  return { expiry, theta, psi, rho: Number(rho), basis: Number(basis), residual: Number(residual) };
}

interface ReportCommon {
  readonly marketId: number;
  /** Unix seconds at which the data hold. */
  readonly modelTime: number;
  /** WAD. */
  readonly spot: bigint;
  readonly signerSet: number;
  readonly averages: readonly RunningAverage[];
}

export interface SurfaceReport extends ReportCommon {
  readonly kind: "surface";
  readonly round: number;
  /** In 1e-4 of volatility. */
  readonly disagreement: number;
  readonly slices: readonly ReportSlice[];
}

export interface SpotReport extends ReportCommon {
  readonly kind: "spot";
}

export type Report = SurfaceReport | SpotReport;

/** A node's signature and where the node stands in the signer set. */
export interface ReportSignature {
  readonly index: number;
  readonly signature: Hex;
}

/** The chain and the contract that a report is for. */
export interface ReportDomain {
  readonly chainId: number;
  readonly oracle: Address;
}

const sliceType = [
  { name: "expiry", type: "uint32" },
  { name: "theta", type: "uint40" },
  { name: "psi", type: "uint40" },
  { name: "rho", type: "int16" },
  { name: "basis", type: "int24" },
  { name: "residual", type: "uint16" },
] as const;
const averageType = [
  { name: "expiry", type: "uint32" },
  { name: "average", type: "uint96" },
  { name: "elapsed", type: "uint16" },
] as const;
const surfaceType = [
  { name: "marketId", type: "uint16" },
  { name: "round", type: "uint32" },
  { name: "modelTime", type: "uint40" },
  { name: "spot", type: "uint96" },
  { name: "disagreement", type: "uint16" },
  { name: "signerSet", type: "uint32" },
  { name: "slices", type: "Slice[]" },
  { name: "averages", type: "RunningAverage[]" },
] as const;
const spotType = [
  { name: "marketId", type: "uint16" },
  { name: "modelTime", type: "uint40" },
  { name: "spot", type: "uint96" },
  { name: "signerSet", type: "uint32" },
  { name: "averages", type: "RunningAverage[]" },
] as const;

/** The EIP-712 typed data that nodes sign; `IMarketOracle` documents it. */
export function reportTypedData(report: Report, { chainId, oracle }: ReportDomain) {
  const domain = { name: "Meniscus MarketOracle", version: "1", chainId, verifyingContract: oracle } as const;
  const { kind: _, ...message } = report;
  return report.kind === "surface"
    ? ({
        domain,
        types: { SurfaceReport: surfaceType, Slice: sliceType, RunningAverage: averageType },
        primaryType: "SurfaceReport",
        message: message as Omit<SurfaceReport, "kind">,
      } as const)
    : ({
        domain,
        types: { SpotReport: spotType, RunningAverage: averageType },
        primaryType: "SpotReport",
        message: message as Omit<SpotReport, "kind">,
      } as const);
}

/** The digest that every signature of the report is over. */
export function reportDigest(report: Report, domain: ReportDomain): Hex {
  return hashTypedData(reportTypedData(report, domain) as Parameters<typeof hashTypedData>[0]);
}

export async function signReport(account: LocalAccount, report: Report, domain: ReportDomain): Promise<Hex> {
  return await account.signTypedData(reportTypedData(report, domain) as Parameters<LocalAccount["signTypedData"]>[0]);
}

/**
 * A key's signature (v is 27 or 28) as a report carries it where a contract stands for the key in the signer set: v is 0 or 1, and
 * the contract is asked (ERC-1271) about the signature with 27 added again.
 */
export function contractForm(signature: Hex): Hex {
  return withV(signature, (v) => v - 27);
}

/** The signature that the contract is asked about; undefined where the report carries a key's own. */
export function askedOfContract(signature: Hex): Hex | undefined {
  return hexToNumber(slice(signature, 64)) < 2 ? withV(signature, (v) => v + 27) : undefined;
}

function withV(signature: Hex, change: (v: number) => number): Hex {
  return concat([slice(signature, 0, 64), numberToHex(change(hexToNumber(slice(signature, 64))), { size: 1 })]);
}

const KIND_SURFACE = 1;
const KIND_SPOT = 2;
const HEADER_LENGTH = 33;
const SLICE_LENGTH = 20;
const AVERAGE_LENGTH = 18;
const SIGNATURE_LENGTH = 66;

/** θ 40 | ψ 36 | ρ 16 | basis 24 | residual 12, as `types/Slice.sol`. */
export function packSlice({ theta, psi, rho, basis, residual }: ReportSlice): bigint {
  return (
    (theta << 88n) |
    (psi << 52n) |
    (BigInt.asUintN(16, BigInt(rho)) << 36n) |
    (BigInt.asUintN(24, BigInt(basis)) << 12n) |
    BigInt(residual)
  );
}

export function unpackSlice(expiry: number, word: bigint): ReportSlice {
  return {
    expiry,
    theta: word >> 88n,
    psi: (word >> 52n) & 0xf_ffff_ffffn,
    rho: Number(BigInt.asIntN(16, word >> 36n)),
    basis: Number(BigInt.asIntN(24, word >> 12n)),
    residual: Number(word & 0xfffn),
  };
}

/** What the contract stores of a surface report and says in its event. */
export interface StoredSurface {
  readonly round: number;
  /** Unix seconds. */
  readonly modelTime: number;
  /** WAD. */
  readonly spotWad: bigint;
  /** In 1e-4 of volatility. */
  readonly disagreement: number;
  /** Bit i is 1 where slice i came with the report. */
  readonly freshMask: bigint;
  readonly slices: readonly ReportSlice[];
}

const WORDS_A_PAGE = 5;
const SLICES_A_PAGE = 8;

/**
 * The header and the pages of `SurfaceAccepted` and `SurfaceUnconfirmed`, as `types/SurfaceHeader.sol` and `types/Surface.sol`
 * draw them: pages of a word with eight expiries of 32 bits and four words of two slices, the first in the highest bits.
 */
export function unpackStoredSurface(header: bigint, pages: readonly bigint[]): StoredSurface {
  const field = (from: number, bits: number) => (header >> BigInt(from)) & (2n ** BigInt(bits) - 1n);
  const slices: ReportSlice[] = [];
  for (let page = 0; page < pages.length; page += WORDS_A_PAGE) {
    for (let i = 0; i < SLICES_A_PAGE; i++) {
      const expiry = Number(BigInt.asUintN(32, (pages[page] ?? 0n) >> BigInt(224 - 32 * i)));
      if (expiry === 0) break;
      const word = pages[page + 1 + (i >> 1)] ?? 0n;
      slices.push(unpackSlice(expiry, BigInt.asUintN(128, word >> BigInt(128 - 128 * (i & 1)))));
    }
  }
  return {
    round: Number(field(224, 32)),
    modelTime: Number(field(192, 32)),
    spotWad: field(91, 96),
    disagreement: Number(field(75, 16)),
    freshMask: field(59, 16),
    slices,
  };
}

/** The calldata bytes of a signed report; signatures are put in the order of their index. */
export function packReport(report: Report, signatures: readonly ReportSignature[]): Hex {
  const slices = report.kind === "surface" ? report.slices : [];
  const header = encodePacked(
    ["uint8", "uint16", "uint32", "uint40", "uint96", "uint16", "uint32", "uint8", "uint8", "uint8"],
    [
      report.kind === "surface" ? KIND_SURFACE : KIND_SPOT,
      report.marketId,
      report.kind === "surface" ? report.round : 0,
      report.modelTime,
      report.spot,
      report.kind === "surface" ? report.disagreement : 0,
      report.signerSet,
      slices.length,
      report.averages.length,
      signatures.length,
    ],
  );
  const body = [
    ...slices.map((item) => encodePacked(["uint32", "uint128"], [item.expiry, packSlice(item)])),
    ...report.averages.map(({ expiry, average, elapsed }) =>
      encodePacked(["uint32", "uint96", "uint16"], [expiry, average, elapsed]),
    ),
    ...signatures
      .toSorted((a, b) => a.index - b.index)
      .map(({ index, signature }) => encodePacked(["uint8", "bytes"], [index, signature])),
  ];
  return `${header}${body.map((part) => part.slice(2)).join("")}` as Hex;
}

function wrong(why: string): MeniscusError {
  return new MeniscusError("data", `These bytes are no report: ${why}.`);
}

/**
 * Reads a packed report back.
 *
 * @throws MeniscusError `data` where the bytes are no report.
 */
export function unpackReport(data: Hex): { readonly report: Report; readonly signatures: readonly ReportSignature[] } {
  const number = (from: number, length: number) => Number(hexToBigInt(slice(data, from, from + length)));
  if (size(data) < HEADER_LENGTH) throw wrong(`${size(data)} bytes are too few`);
  const kind = number(0, 1);
  if (kind !== KIND_SURFACE && kind !== KIND_SPOT) throw wrong(`kind ${kind} is unknown`);
  const [sliceCount, averageCount, signatureCount] = [number(30, 1), number(31, 1), number(32, 1)];
  const averagesAt = HEADER_LENGTH + sliceCount * SLICE_LENGTH;
  const signaturesAt = averagesAt + averageCount * AVERAGE_LENGTH;
  const length = signaturesAt + signatureCount * SIGNATURE_LENGTH;
  if (size(data) !== length) throw wrong(`${size(data)} bytes where ${length} are announced`);
  const common = {
    marketId: number(1, 2),
    modelTime: number(7, 5),
    spot: hexToBigInt(slice(data, 12, 24)),
    signerSet: number(26, 4),
    averages: Array.from({ length: averageCount }, (_, i) => {
      const at = averagesAt + i * AVERAGE_LENGTH;
      return { expiry: number(at, 4), average: hexToBigInt(slice(data, at + 4, at + 16)), elapsed: number(at + 16, 2) };
    }),
  };
  const signatures = Array.from({ length: signatureCount }, (_, i) => {
    const at = signaturesAt + i * SIGNATURE_LENGTH;
    return { index: number(at, 1), signature: slice(data, at + 1, at + SIGNATURE_LENGTH) };
  });
  if (kind === KIND_SPOT) return { report: { kind: "spot", ...common }, signatures };
  const slices = Array.from({ length: sliceCount }, (_, i) => {
    const at = HEADER_LENGTH + i * SLICE_LENGTH;
    return unpackSlice(number(at, 4), hexToBigInt(slice(data, at + 4, at + SLICE_LENGTH)));
  });
  return {
    report: { kind: "surface", ...common, round: number(3, 4), disagreement: number(24, 2), slices },
    signatures,
  };
}

/** A report in words and human units, a line for each thing it says. `symbol` names the underlying. */
export function describeReport(report: Report, symbol: string): readonly string[] {
  const time = new Date(report.modelTime * 1000).toISOString();
  const head =
    report.kind === "surface"
      ? `Surface of ${symbol} at ${time}, round ${report.round}, signer set ${report.signerSet}: spot ${price(report.spot)}, ` +
        `nodes differ by ${(report.disagreement / 100).toFixed(2)} vol points`
      : `Spot of ${symbol} at ${time}, signer set ${report.signerSet}: ${price(report.spot)}`;
  const slices = report.kind === "surface" ? report.slices : [];
  return [
    head,
    ...slices.map(({ expiry, theta, psi, rho, basis, residual }) => {
      const volatility = Math.sqrt((Number(theta) * 1e-11 * YEAR_SECONDS) / (expiry - report.modelTime));
      return (
        `${expiryName(expiry)}: at the money ${percent(volatility)}, skew ρ ${(rho / 2 ** 15).toFixed(3)}, ` +
        `slope ψ ${(Number(psi) * 1e-10).toFixed(4)}, forward ${percent(basis * 1e-7)} over spot, ` +
        `fits to ${(residual / 100).toFixed(2)} vol points`
      );
    }),
    ...report.averages.map(
      ({ expiry, average, elapsed }) =>
        `${expiryName(expiry)}: average ${price(average)} over ${elapsed} of ${WINDOW_SECONDS} s` +
        (elapsed === WINDOW_SECONDS ? ", final" : ""),
    ),
  ];
}

const price = (wad: bigint) => (Number(wad) / 1e18).toFixed(2);
const percent = (value: number) => `${(value * 100).toFixed(2)} %`;
const YEAR_SECONDS = 365 * 86_400;
const WINDOW_SECONDS = 1_800;
