import { type Address, type Hex, isAddressEqual, isHex, type PublicClient, parseAbi, recoverAddress } from "viem";
import { sliceWordIsButterflyFree, sliceWordsAreArbitrageFree } from "../../pricing/index.ts";
import { marketOracleAbi } from "../chain/abis.ts";
import {
  askedOfContract,
  type Report,
  type ReportDomain,
  type ReportSignature,
  reportDigest,
  type SurfaceReport,
  unpackReport,
} from "../chain/report.ts";
import type { Transactor } from "../chain/transactor.ts";
import { MeniscusError } from "../runtime/errors.ts";
import type { KnownKeys } from "./knownKeys.ts";

/** One signature of a report, and whether it is what it says. */
export interface SignatureCheck {
  readonly index: number;
  /** Who signed; null where the signature is garbled, or a contract's whose address is not known. */
  readonly signer: Address | null;
  /** Whether that is the signer at the index; null where no signer list is at hand, or a contract decides. */
  readonly valid: boolean | null;
}

/** What an offline look at a packed report finds. */
export interface ReportCheck {
  readonly report: Report;
  readonly signatures: readonly SignatureCheck[];
  /** Valid signatures by different signers, and how many are needed; null without a signer list. */
  readonly quorum: { readonly valid: number; readonly needed: number } | null;
  /** What is wrong, in words; empty where nothing is. */
  readonly problems: readonly string[];
}

/** Who may sign and how many must. */
export interface SignerList {
  readonly signers: readonly Address[];
  readonly quorum: number;
  /** Asks a signer that is a contract whether it accepts a signature; without a chain it cannot be asked. */
  readonly ask?: ContractQuestion;
}

export type ContractQuestion = (signer: Address, hash: Hex, signature: Hex) => Promise<boolean>;

const erc1271Abi = parseAbi(["function isValidSignature(bytes32 hash, bytes signature) view returns (bytes4)"]);
const ERC1271_MAGIC = "0x1626ba7e";

/** Asks on a chain, as the oracle's contract does (ERC-1271). What answers nothing accepts nothing. */
export function askOnChain(client: PublicClient): ContractQuestion {
  return async (address, hash, signature) => {
    const question = { address, abi: erc1271Abi, functionName: "isValidSignature", args: [hash, signature] } as const;
    return (await client.readContract(question).catch(() => undefined)) === ERC1271_MAGIC;
  };
}

/**
 * Everything about a packed report that can be checked without the chain: its form, its signatures against a signer list (those
 * of contracts where they can be asked), the inequalities on its words.
 *
 * @throws MeniscusError `data` where the bytes are no report.
 */
export async function checkReport(
  packed: Hex,
  domain: ReportDomain,
  list: SignerList | undefined,
): Promise<ReportCheck> {
  const { report, signatures } = unpackReport(packed);
  const hash = reportDigest(report, domain);
  const checks = await Promise.all(
    signatures.map(async ({ index, signature }): Promise<SignatureCheck> => {
      const expected = list?.signers[index];
      const asked = askedOfContract(signature);
      if (asked !== undefined) {
        const valid = expected && list?.ask ? await list.ask(expected, hash, asked) : null;
        return { index, signer: expected ?? null, valid };
      }
      const signer = await recoverAddress({ hash, signature }).catch(() => null);
      const valid = list ? signer !== null && expected !== undefined && isAddressEqual(signer, expected) : null;
      return { index, signer, valid };
    }),
  );
  const sorted = checks.every(({ index }, i) => index > (checks[i - 1]?.index ?? -1));
  const valid = checks.filter((check) => check.valid).length;
  const unjudged = list ? checks.flatMap((check) => (check.valid === null ? [check.index] : [])) : [];
  return {
    report,
    signatures: checks,
    quorum: list ? { valid, needed: list.quorum } : null,
    problems: [
      ...(sorted ? [] : ["signatures are not in the order of their signers"]),
      ...checks.flatMap(({ index, valid: good }) =>
        good === false ? [`signature of signer ${index} is not valid`] : [],
      ),
      ...(list ? unjudged.map((index) => `signer ${index} is a contract, which only the chain can ask`) : []),
      ...(list && valid + unjudged.length < list.quorum
        ? [`${valid} valid signatures where ${list.quorum} are needed`]
        : []),
      ...(report.kind === "surface" ? surfaceProblems(report) : []),
    ],
  };
}

/** Whether a quorum of nodes signed, each by its key in the form that the contract takes, in the order of the signer set. */
export function isSignedByQuorum(
  digest: Hex,
  signatures: readonly ReportSignature[],
  quorum: number,
  keys: KnownKeys,
  nodes: readonly { readonly signer?: Address | undefined }[],
): boolean {
  return (
    signatures.length >= quorum &&
    signatures.every(({ index, signature }, i) => {
      const isContract = nodes[index]?.signer !== undefined;
      const ofKey = isContract ? askedOfContract(signature) : signature;
      const isNext = index > (signatures[i - 1]?.index ?? -1);
      return isNext && ofKey !== undefined && keys.isSignedBy(index, digest, ofKey);
    })
  );
}

/** Arbitrage in the words of a surface as the contract looks for it, and expiries that are out of order or past. */
export function surfaceProblems({ slices, modelTime }: SurfaceReport): readonly string[] {
  const words = slices.map(({ theta, psi, rho, basis, residual }) => {
    return { theta, psi, rho: BigInt(rho), basis: BigInt(basis), residual: BigInt(residual) };
  });
  return slices.flatMap(({ expiry }, i) => {
    const [previous, word] = [words[i - 1], words[i]];
    if (!word) return [];
    const name = `slice ${i} (expiry ${expiry})`;
    if (expiry <= (slices[i - 1]?.expiry ?? modelTime)) return [`${name} is out of order or past`];
    if (!sliceWordIsButterflyFree(word)) return [`${name} allows a butterfly arbitrage`];
    if (previous && !sliceWordsAreArbitrageFree([previous, word])) return [`${name} allows a calendar arbitrage`];
    return [];
  });
}

const FETCH_MILLISECONDS = 3_000;
const MAX_REPORT_CHARACTERS = 20_000;

/**
 * The latest signed report that a node holds.
 *
 * @throws MeniscusError `network` where the node does not answer, `data` where it has none or talks nonsense.
 */
export async function fetchReport(nodeUrl: string, kind: Report["kind"]): Promise<Hex> {
  const where = `${nodeUrl.replace(/\/$/, "")}/reports/${kind}`;
  let status: number;
  let text: string;
  try {
    const response = await fetch(where, { signal: AbortSignal.timeout(FETCH_MILLISECONDS) });
    status = response.status;
    text = (await response.text()).slice(0, MAX_REPORT_CHARACTERS);
  } catch (cause) {
    throw new MeniscusError("network", `No answer from ${where}.`, {
      hint: "Is the node running, and is this its URL?",
      retryable: true,
      cause,
    });
  }
  if (status === 404) throw new MeniscusError("data", `${nodeUrl} holds no ${kind} report yet.`, { retryable: true });
  let packed: unknown;
  try {
    packed = JSON.parse(text)?.report;
  } catch {
    packed = undefined;
  }
  if (!isHex(packed)) throw new MeniscusError("data", `${where} answers something that is no report.`);
  return packed;
}

/**
 * Brings a node's latest signed report to the chain, as anybody may: signatures make it count, not who sends it. Does nothing
 * where the chain has it or a newer one.
 *
 * @returns The transaction that brought it.
 */
export async function bringReport(
  nodeUrl: string,
  kind: Report["kind"],
  sender: Transactor,
  oracle: Address,
): Promise<Hex> {
  const packed = await fetchReport(nodeUrl, kind);
  return (await sender.write(oracle, marketOracleAbi, "submitIfNewer", [packed])).hash;
}
