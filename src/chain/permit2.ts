import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { type Address, encodeAbiParameters, type Hex, isHex, keccak256, size, stringToHex } from "viem";
import { MeniscusError } from "../runtime/errors.ts";
import type { LocalTestClient } from "./anvil.ts";

/** Where Uniswap's Permit2 stands on every chain. */
export const PERMIT2: Address = "0x000000000022D473030F116dDEE9F6B43aC78BA3";

/** A swap as its taker signs it: all of `IClearinghouse.Swap` but the oracle's report, which whoever brings it may choose. */
export interface PermittedTrade {
  /** The taker's account, `owner << 8 | sub`. */
  readonly account: bigint;
  readonly maker: Address;
  readonly legs: readonly { readonly option: bigint; readonly size: bigint }[];
  /** The most the taker pays, quote units; negative: the least he receives, negated. */
  readonly limitCash: bigint;
  /** Unix seconds, of swap and permit. */
  readonly deadline: number;
  readonly makerData: Hex;
}

/** The Permit2 transfer whose witness the trade is. */
export interface TradePermit {
  /** The most a wallet pays; exactly what is paid into a margin account. Quote units. */
  readonly permitted: bigint;
  /** One of 2²⁵⁶ that the owner has not used with Permit2. */
  readonly nonce: bigint;
}

/** The chain, the token that pays, and the ledger, which alone can use the permit. */
export interface PermitDomain {
  readonly chainId: number;
  readonly quoteToken: Address;
  readonly clearinghouse: Address;
  readonly permit2: Address;
}

const permitTypes = {
  PermitWitnessTransferFrom: [
    { name: "permitted", type: "TokenPermissions" },
    { name: "spender", type: "address" },
    { name: "nonce", type: "uint256" },
    { name: "deadline", type: "uint256" },
    { name: "witness", type: "Trade" },
  ],
  TokenPermissions: [
    { name: "token", type: "address" },
    { name: "amount", type: "uint256" },
  ],
  Trade: [
    { name: "account", type: "uint256" },
    { name: "maker", type: "address" },
    { name: "legs", type: "Leg[]" },
    { name: "limitCash", type: "int256" },
    { name: "deadline", type: "uint40" },
    { name: "makerData", type: "bytes" },
  ],
  Leg: [
    { name: "option", type: "uint256" },
    { name: "size", type: "int128" },
  ],
} as const;

/** The EIP-712 typed data that the owner of the account signs; `libraries/ledger/PermittedTrades.sol` rebuilds its hash. */
export function tradePermitTypedData(trade: PermittedTrade, { permitted, nonce }: TradePermit, domain: PermitDomain) {
  return {
    domain: { name: "Permit2", chainId: domain.chainId, verifyingContract: domain.permit2 },
    types: permitTypes,
    primaryType: "PermitWitnessTransferFrom",
    message: {
      permitted: { token: domain.quoteToken, amount: permitted },
      spender: domain.clearinghouse,
      nonce,
      deadline: BigInt(trade.deadline),
      witness: trade,
    },
  } as const;
}

/** The package has it as a literal of the contract that its authors test with: runtime code. */
const CODE_FILE = "@uniswap/v4-periphery/lib/permit2/test/utils/DeployPermit2.sol";
const CODE_SIZE = 9_152;
/** Where the code keeps the id of the chain that it was built on, and that chain's domain separator. */
const CHAIN_ID_AT = 6_945;
const DOMAIN_SEPARATOR_AT = 6_983;

/**
 * Permit2's code as it stands on Ethereum. What its authors hand out was built by a test, for a development chain and another
 * address: there it would take signatures that no wallet makes.
 */
export function permit2Code(): Hex {
  const source = readFileSync(createRequire(import.meta.url).resolve(CODE_FILE), "utf8");
  const code: unknown = `0x${/hex"([0-9a-f]+)"/.exec(source)?.[1] ?? ""}`;
  if (!isHex(code) || size(code) !== CODE_SIZE) {
    throw new MeniscusError("internal", `There is no Permit2 in ${CODE_FILE}.`);
  }
  const separator = keccak256(
    encodeAbiParameters(
      [{ type: "bytes32" }, { type: "bytes32" }, { type: "uint256" }, { type: "address" }],
      [hashOf("EIP712Domain(string name,uint256 chainId,address verifyingContract)"), hashOf("Permit2"), 1n, PERMIT2],
    ),
  );
  const chainId: Hex = `0x${"1".padStart(64, "0")}`;
  return exchanged(exchanged(code, CHAIN_ID_AT, chainId), DOMAIN_SEPARATOR_AT, separator);
}

const hashOf = (text: string): Hex => keccak256(stringToHex(text));

/** `code` with a word of 32 bytes at an offset. */
function exchanged(code: Hex, offset: number, word: Hex): Hex {
  const at = 2 + 2 * offset;
  return `0x${code.slice(2, at)}${word.slice(2)}${code.slice(at + 64)}`;
}

/** Puts Permit2 on a development chain, at the address that it has everywhere. */
export async function placePermit2(testClient: LocalTestClient): Promise<Address> {
  await testClient.setCode({ address: PERMIT2, bytecode: permit2Code() });
  return PERMIT2;
}
