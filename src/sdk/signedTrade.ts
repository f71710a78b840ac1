import { type Address, erc20Abi, type Hex, maxUint256 } from "viem";
import type { LocalAccount } from "viem/accounts";
import { z } from "zod";
import { clearinghouseAbi } from "../chain/abis.ts";
import { toAccountId } from "../chain/optionId.ts";
import { type PermittedTrade, type TradePermit, tradePermitTypedData } from "../chain/permit2.ts";
import { describeError, MeniscusError } from "../runtime/errors.ts";
import { type Connection, chainTime, inWords, type Pool, type Sender } from "./client.ts";
import { type LegOrder, legWords, type SwapResult, swapResultOf } from "./trader.ts";

/** A trade that its taker has signed: whoever has it can bring it to the ledger, once, until its deadline. */
export interface SignedTrade extends PermittedTrade, TradePermit {
  readonly chainId: number;
  readonly clearinghouse: Address;
  /** 64 or 65 bytes of a key, or whatever the contract that owns the account takes (ERC-1271). */
  readonly signature: Hex;
}

/** What the taker wants. */
export interface TradeOrder {
  readonly legs: readonly LegOrder[];
  /** 0 is the signer's wallet, 1 to 255 are margin accounts. */
  readonly sub: number;
  readonly limitCash: bigint;
  /** Seconds from now. */
  readonly deadlineSeconds: number;
  /** Margin accounts only: paid in before the swap, quote units. A wallet permits what it may have to pay, its limit. */
  readonly payIn?: bigint | undefined;
  /** By default a random one. */
  readonly nonce?: bigint;
}

/**
 * Signs a swap with a pool and its payment as one Permit2 message. Sends nothing; what it says it will pay is taken when somebody
 * brings it (`submitSignedTrade`), from a signer who has once let Permit2 take the quote token (`approvePermit2`).
 *
 * @throws MeniscusError `usage` for legs that no market would take, or money for a margin account named with a wallet.
 */
export async function signTrade(
  connection: Connection,
  signer: Pick<LocalAccount, "address" | "signTypedData">,
  pool: Pool,
  order: TradeOrder,
): Promise<SignedTrade> {
  const { chainId, clearinghouse, quoteToken, permit2 } = connection.deployment;
  if (order.sub === 0 && order.payIn !== undefined) {
    throw new MeniscusError("usage", "A wallet pays what the swap costs: nothing is paid in.", {
      hint: "Name a margin account, or leave the amount out.",
    });
  }
  const now = await inWords(connection, () => chainTime(connection));
  const trade = {
    account: toAccountId(signer.address, order.sub),
    maker: pool.optionPool,
    legs: legWords(order.legs),
    limitCash: order.limitCash,
    deadline: now + order.deadlineSeconds,
    makerData: "0x",
  } as const;
  const mostPaid = order.limitCash > 0n ? order.limitCash : 0n;
  const permit = {
    permitted: order.sub === 0 ? mostPaid : (order.payIn ?? 0n),
    nonce: order.nonce ?? randomNonce(),
  };
  const domain = { chainId, quoteToken, clearinghouse, permit2 };
  const signature = await signer.signTypedData(tradePermitTypedData(trade, permit, domain));
  return { ...trade, ...permit, chainId, clearinghouse, signature };
}

/** One of 2²⁵⁶: no two that are drawn are the same. */
function randomNonce(): bigint {
  return crypto.getRandomValues(new BigUint64Array(4)).reduce<bigint>((nonce, word) => (nonce << 64n) | word, 0n);
}

/**
 * Brings a signed trade to the ledger. Whoever does so pays the gas and nothing else.
 *
 * @param report A signed report of the oracle to submit first, where the sender has a fresher one; it is not part of what was signed.
 * @throws MeniscusError `usage` where the trade is for another chain or ledger; the refusal of ledger, pool or Permit2 in words.
 */
export async function submitSignedTrade(sender: Sender, signed: SignedTrade, report: Hex = "0x"): Promise<SwapResult> {
  const { connection } = sender;
  const { chainId, clearinghouse } = connection.deployment;
  if (signed.chainId !== chainId || signed.clearinghouse.toLowerCase() !== clearinghouse.toLowerCase()) {
    throw new MeniscusError(
      "usage",
      `The trade was signed for ${signed.clearinghouse} on chain ${signed.chainId}, not for ${clearinghouse} on ${chainId}.`,
    );
  }
  const { account, maker, legs, limitCash, deadline, makerData, permitted, nonce, signature } = signed;
  const receipt = await sender.send({
    address: clearinghouse,
    abi: clearinghouseAbi,
    functionName: "tradeWithPermit",
    args: [
      { account, maker, legs, limitCash, deadline, report, makerData },
      { amount: permitted, nonce, signature },
    ],
  });
  return swapResultOf(connection, receipt);
}

/** Lets Permit2 take the sender's quote tokens, for ever, where it may not yet. Each transfer still needs a signature. */
export async function approvePermit2(sender: Sender): Promise<void> {
  const { client, deployment } = sender.connection;
  const token = { address: deployment.quoteToken, abi: erc20Abi } as const;
  const allowance = await inWords(sender.connection, () =>
    client.readContract({ ...token, functionName: "allowance", args: [sender.address, deployment.permit2] }),
  );
  if (allowance >= maxUint256 / 2n) return;
  await sender.approve(deployment.permit2, maxUint256);
}

// ───────────────────────────── As a file ─────────────────────────────

const integer = z
  .string()
  .regex(/^-?\d+$/, "not an integer")
  .transform((text) => BigInt(text));
const address = z.templateLiteral(["0x", z.string().regex(/^[0-9a-fA-F]{40}$/)]);
const bytes = z.templateLiteral(["0x", z.string().regex(/^([0-9a-fA-F]{2})*$/)]);
const schema = z.strictObject({
  chainId: z.number().int().positive(),
  clearinghouse: address,
  account: integer,
  maker: address,
  legs: z.array(z.strictObject({ option: integer, size: integer })),
  limitCash: integer,
  deadline: z.number().int().positive(),
  makerData: bytes,
  permitted: integer,
  nonce: integer,
  signature: bytes,
});

/** A signed trade as JSON: integers that do not fit a double are decimal strings. */
export type SignedTradeFile = z.input<typeof schema>;

export function toSignedTradeFile({ legs, ...signed }: SignedTrade): SignedTradeFile {
  return {
    ...signed,
    account: String(signed.account),
    legs: legs.map(({ option, size }) => ({ option: String(option), size: String(size) })),
    limitCash: String(signed.limitCash),
    permitted: String(signed.permitted),
    nonce: String(signed.nonce),
  };
}

/** @throws MeniscusError `data` naming the field that is wrong. */
export function fromSignedTradeFile(content: unknown): SignedTrade {
  const parsed = schema.safeParse(content);
  if (parsed.success) return parsed.data;
  throw new MeniscusError("data", `Not a signed trade: ${describeError(parsed.error)}.`);
}
