import { type Address, decodeFunctionData, getAddress, type Hex, isAddressEqual } from "viem";
import { SECONDS_PER_YEAR } from "../../pricing/index.ts";
import { clearinghouseAbi, marketOracleAbi } from "../chain/abis.ts";
import { expiryName } from "../chain/optionId.ts";
import { type ReportSlice, unpackSlice, unpackStoredSurface } from "../chain/report.ts";
import { MeniscusError } from "../runtime/errors.ts";
import { type Connection, inWords } from "./client.ts";

/** One expiry of a surface in human units. */
export interface SliceView {
  readonly name: string;
  /** Unix seconds. */
  readonly expiry: number;
  /** From the surface's model time. */
  readonly days: number;
  readonly forward: number;
  /** F/S − 1. */
  readonly basis: number;
  /** At the money, per √year. */
  readonly volatility: number;
  /** eSSVI: total variance at the money, slope, skew. */
  readonly theta: number;
  readonly psi: number;
  readonly rho: number;
  /** How well the slice fits what the nodes saw, as a volatility. */
  readonly residual: number;
  /** False where the last report's slice was refused and an older one, rolled down, stands in. */
  readonly fresh: boolean;
}

/** A slice's word in human units. */
export function viewSlice(slice: ReportSlice, modelTime: number, spot: number, fresh = true): SliceView {
  const { expiry } = slice;
  const theta = Number(slice.theta) * 1e-11;
  const basis = slice.basis * 1e-7;
  return {
    name: expiryName(expiry),
    expiry,
    days: (expiry - modelTime) / 86_400,
    forward: spot * (1 + basis),
    basis,
    volatility: Math.sqrt(theta / ((expiry - modelTime) / SECONDS_PER_YEAR)),
    theta,
    psi: Number(slice.psi) * 1e-10,
    rho: slice.rho / 2 ** 15,
    residual: slice.residual * 1e-4,
    fresh,
  };
}

/** What the chain says of a market's oracle. */
export interface OracleView {
  readonly symbol: string;
  readonly marketId: number;
  readonly oracle: Address;
  /** Time of the last block, Unix seconds. */
  readonly now: number;
  readonly round: number;
  readonly surfaceTime: number;
  readonly spotTime: number;
  readonly spot: number;
  /** Spot in the last surface report. */
  readonly surfaceSpot: number;
  /** How far the nodes' volatilities differ, half of it, per √year. */
  readonly disagreement: number;
  readonly signerSet: number;
  readonly quorum: number;
  readonly signers: readonly Address[];
  /** Live expiries at the surface's own time. */
  readonly slices: readonly SliceView[];
}

export async function readOracle(
  connection: Connection,
  market: { readonly marketId: number; readonly symbol: string },
): Promise<OracleView> {
  const { client, deployment } = connection;
  const { marketId, symbol } = market;
  const contract = { address: deployment.marketOracle, abi: marketOracleAbi } as const;
  return await inWords(connection, async () => {
    const block = await client.getBlock();
    const blockNumber = block.number;
    const [state, expiries, [words, freshMask], [signerSet, signers, quorum]] = await Promise.all([
      client.readContract({ ...contract, functionName: "marketState", args: [marketId], blockNumber }),
      client.readContract({ ...contract, functionName: "expiries", args: [marketId], blockNumber }),
      client.readContract({ ...contract, functionName: "slices", args: [marketId], blockNumber }),
      client.readContract({ ...contract, functionName: "signers", blockNumber }),
    ]);
    const now = Number(block.timestamp);
    const surfaceSpot = Number(state.surfaceSpotWad) / 1e18;
    return {
      symbol,
      marketId,
      oracle: deployment.marketOracle,
      now,
      round: state.round,
      surfaceTime: state.surfaceTime,
      spotTime: state.spotTime,
      spot: Number(state.spotWad) / 1e18,
      surfaceSpot,
      disagreement: Number(state.disagreementWad) / 1e18,
      signerSet,
      quorum: Number(quorum),
      signers,
      slices: expiries.flatMap((expiry, i) => {
        const word = words[i];
        if (word === undefined || expiry <= now) return [];
        const fresh = ((freshMask >> BigInt(i)) & 1n) === 1n;
        return [viewSlice(unpackSlice(expiry, word), state.surfaceTime, surfaceSpot, fresh)];
      }),
    };
  });
}

/** A report as it went to the chain. */
export interface FoundReport {
  readonly packed: Hex;
  readonly hash: Hex;
  readonly blockNumber: bigint;
  /** When the chain took it, Unix seconds. */
  readonly acceptedAt: number;
  readonly submitter: Address;
}

/** Which report: by the transaction that brought it, by its round, or the last surface. */
export type ReportReference = { readonly hash: Hex } | { readonly round: number } | "last";

/**
 * The packed bytes of a report that the chain has accepted.
 *
 * @throws MeniscusError `market` where there is no such report, `data` where the transaction carries none.
 */
export async function findReport(
  connection: Connection,
  marketId: number,
  reference: ReportReference,
): Promise<FoundReport> {
  const { client, deployment } = connection;
  return await inWords(connection, async () => {
    const hash = typeof reference === "object" && "hash" in reference ? reference.hash : undefined;
    const found =
      hash ?? (await hashOfRound(connection, marketId, reference === "last" ? undefined : roundOf(reference)));
    const transaction = await client.getTransaction({ hash: found }).catch(() => undefined);
    if (!transaction?.to || transaction.blockNumber === null) {
      throw new MeniscusError("market", `There is no mined transaction ${found}.`, {
        hint: "Is --rpc the chain that the report went to?",
      });
    }
    const packed = isAddressEqual(transaction.to, deployment.marketOracle)
      ? submittedReport(transaction.input)
      : isAddressEqual(transaction.to, deployment.clearinghouse)
        ? carriedReport(transaction.input)
        : undefined;
    if (packed === undefined || packed === "0x") {
      throw new MeniscusError("data", `Transaction ${found} carries no report.`, {
        hint: "Reports come with `submit` of the oracle or with a trade.",
      });
    }
    const block = await client.getBlock({ blockNumber: transaction.blockNumber });
    return {
      packed,
      hash: found,
      blockNumber: transaction.blockNumber,
      acceptedAt: Number(block.timestamp),
      submitter: getAddress(transaction.from),
    };
  });
}

const roundOf = (reference: ReportReference): number | undefined =>
  typeof reference === "object" && "round" in reference ? reference.round : undefined;

async function hashOfRound(
  { client, deployment }: Connection,
  marketId: number,
  round: number | undefined,
): Promise<Hex> {
  const events = await client.getContractEvents({
    address: deployment.marketOracle,
    abi: marketOracleAbi,
    eventName: "SurfaceAccepted",
    args: { marketId },
    fromBlock: BigInt(deployment.deployedAtBlock),
  });
  const found =
    round === undefined
      ? events.at(-1)
      : events.find(({ args: { header = 0n } }) => unpackStoredSurface(header, []).round === round);
  const hash = found?.transactionHash;
  if (hash) return hash;
  throw new MeniscusError(
    "market",
    round === undefined ? "The oracle has accepted no surface yet." : `There is no surface of round ${round}.`,
    { hint: "`meniscus oracle status` shows the last round; rounds of failed turns are skipped." },
  );
}

function submittedReport(input: Hex): Hex | undefined {
  const { functionName, args } = decodeFunctionData({ abi: marketOracleAbi, data: input });
  return functionName === "submitReport" || functionName === "submitIfNewer" ? args[0] : undefined;
}

function carriedReport(input: Hex): Hex | undefined {
  const { functionName, args } = decodeFunctionData({ abi: clearinghouseAbi, data: input });
  return functionName === "trade" ? args[0].report : undefined;
}
