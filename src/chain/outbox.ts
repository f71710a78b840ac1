import { existsSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import {
  type Chain,
  createPublicClient,
  type Hex,
  type HttpTransport,
  http,
  keccak256,
  type PublicClient,
  type TransactionReceipt,
  type Transport,
} from "viem";
import type { LocalAccount } from "viem/accounts";
import { z } from "zod";
import { writeDurably } from "../runtime/durableFile.ts";
import { describeError, MeniscusError } from "../runtime/errors.ts";

/** How transactions are priced and for how long they are waited for. Fees in wei a gas. */
export interface OutboxTerms {
  /** The most that is ever bid, calling a transaction off included. */
  readonly maxFee: bigint;
  /** What the block's maker is offered at first. */
  readonly priorityFee: bigint;
  /** A transaction that is not mined after this is bid for again, higher. */
  readonly replaceAfterMilliseconds: number;
  /** And is called off after so many bids. */
  readonly bids: number;
}

export const defaultOutboxTerms: OutboxTerms = {
  maxFee: 100n * 10n ** 9n,
  priorityFee: 10n ** 8n,
  replaceAfterMilliseconds: 6_000,
  bids: 4,
};

/** Nodes take a transaction for another's place if it bids a tenth more; an eighth is safe from rounding. */
const [BUMP_NUMERATOR, BUMP_DENOMINATOR] = [9n, 8n];
const POLL_MILLISECONDS = 50;
const CANCEL_GAS = 21_000n;

const hex = z
  .string()
  .regex(/^0x[0-9a-f]*$/i)
  .transform((text) => text as Hex);
const journalSchema = z.object({
  /** The one intent that may still be mined; null where there is none. */
  open: z
    .object({
      nonce: z.number().int().nonnegative(),
      to: hex,
      data: hex,
      gas: z.string(),
      /** What was last bid. */
      maxFee: z.string(),
      priorityFee: z.string(),
      /** Hashes of every transaction that was sent for it, in the order of their bids. */
      hashes: z.array(hex),
      /** Hashes of those that call it off. */
      cancelled: z.array(hex),
    })
    .nullable(),
});
type OpenIntent = NonNullable<z.infer<typeof journalSchema>["open"]>;

/** A call that is to be mined once, or never. */
export interface Intent {
  readonly to: Hex;
  readonly data: Hex;
  readonly gas: bigint;
}

/** What became of an intent: its receipt, or nothing because it was called off. */
export type IntentOutcome = TransactionReceipt | "cancelled";

/**
 * Sends one account's transactions, one intent after another. All that is ever sent for an intent has one nonce: of the bids for it and of
 * what calls it off, one alone can be mined. What is sent is written down before, so that a process that was killed finds out what became
 * of its last intent before it has another.
 */
export class Outbox {
  private readonly client: PublicClient<Transport, Chain>;
  private readonly account: LocalAccount;
  private readonly terms: OutboxTerms;
  private readonly file: string | undefined;
  private readonly notice: (text: string) => void;
  private readonly sending: PublicClient<HttpTransport, Chain> | PublicClient<Transport, Chain>;
  private open: OpenIntent | undefined;

  /**
   * @param options.file Where the open intent is written down; without it a killed process forgets.
   * @param options.sendUrl RPC that transactions are handed to, where that is another than what the chain is read from: a private one.
   * @param options.notice Told of bids, of intents called off, and of a node that does not take a transaction.
   * @throws MeniscusError `data` where the file is not one of an outbox.
   */
  constructor(
    client: PublicClient<Transport, Chain>,
    account: LocalAccount,
    options: {
      readonly terms?: OutboxTerms;
      readonly file?: string | undefined;
      readonly sendUrl?: string | undefined;
      readonly notice?: (text: string) => void;
    } = {},
  ) {
    this.client = client;
    this.account = account;
    this.terms = options.terms ?? defaultOutboxTerms;
    this.file = options.file;
    this.notice = options.notice ?? (() => {});
    this.sending =
      options.sendUrl === undefined
        ? client
        : createPublicClient({ chain: client.chain, transport: http(options.sendUrl) });
    this.open = options.file === undefined ? undefined : readJournal(options.file);
  }

  /** Whether an earlier intent may still be mined. */
  get hasOpen(): boolean {
    return this.open !== undefined;
  }

  /**
   * Finds out what became of the intent that was open when the process ended: it is mined, or called off. Anything else is sent only after
   * that. undefined where none was open.
   */
  async settleOpen(): Promise<IntentOutcome | undefined> {
    if (!this.open) return undefined;
    const mined = await this.minedReceipt(this.open);
    if (mined) return this.close(mined);
    if (this.open.hashes.length === 0) return this.forget();
    this.notice(`an intent of an earlier run is open (nonce ${this.open.nonce}): it is called off`);
    return await this.conclude(this.open, 0);
  }

  /**
   * Sends an intent and waits until it is mined, bidding higher where it is not; one that stays unmined is called off.
   *
   * @throws MeniscusError `network` where no node answers in the end.
   */
  async send(intent: Intent): Promise<IntentOutcome> {
    await this.settleOpen();
    const [nonce, fees] = await Promise.all([this.nextNonce(), this.firstFees()]);
    this.write({ ...intent, nonce, gas: intent.gas.toString(), ...toText(fees), hashes: [], cancelled: [] });
    return await this.conclude(await this.bid(this.current, false), this.terms.bids - 1);
  }

  /** Waits, bids higher so many times more, and then calls off. */
  private async conclude(intent: OpenIntent, bidsLeft: number): Promise<IntentOutcome> {
    let current = intent;
    for (let left = bidsLeft; ; left--) {
      if (current.hashes.length > 0 || current.cancelled.length > 0) {
        const receipt = await this.waitFor(current);
        if (receipt) return this.close(receipt);
      }
      const mined = await this.minedReceipt(current);
      if (mined) return this.close(mined);
      current = this.raised(current, left <= 0);
      if (left > 0) this.notice(`bidding again for nonce ${current.nonce}: ${current.maxFee} wei a gas`);
      else this.notice(`calling off nonce ${current.nonce}`);
      current = await this.bid(current, left <= 0);
    }
  }

  /** The nonce that the chain wants next: whatever waits with it in a pool of transactions was sent for an intent that is closed. */
  private async nextNonce(): Promise<number> {
    return await this.client.getTransactionCount({ address: this.account.address, blockTag: "latest" });
  }

  private async firstFees() {
    const { maxFee, priorityFee } = this.terms;
    const { baseFeePerGas } = await this.client.getBlock({ blockTag: "latest" });
    const wanted = 2n * (baseFeePerGas ?? 0n) + priorityFee;
    // The cap is for the last bid, which calls off: intents bid less.
    const most = below(maxFee);
    const fee = wanted < most ? wanted : most;
    return { maxFee: fee, priorityFee: priorityFee < fee ? priorityFee : fee };
  }

  /** An eighth more than the last bid, at most the cap, which is for calling off. */
  private raised(intent: OpenIntent, callsOff: boolean): OpenIntent {
    const most = callsOff ? this.terms.maxFee : below(this.terms.maxFee);
    const up = (text: string) => {
      const next = (BigInt(text) * BUMP_NUMERATOR) / BUMP_DENOMINATOR + 1n;
      return next < most ? next : most;
    };
    const raised = { ...intent, ...toText({ maxFee: up(intent.maxFee), priorityFee: up(intent.priorityFee) }) };
    this.write(raised);
    return raised;
  }

  /** Signs for the intent's nonce, writes down what will be sent, and sends it. A node that refuses is no end: the next bid may be taken. */
  private async bid(intent: OpenIntent, callsOff: boolean): Promise<OpenIntent> {
    const raw = await this.account.signTransaction({
      type: "eip1559",
      chainId: this.client.chain.id,
      nonce: intent.nonce,
      maxFeePerGas: BigInt(intent.maxFee),
      maxPriorityFeePerGas: BigInt(intent.priorityFee),
      ...(callsOff
        ? { to: this.account.address, gas: CANCEL_GAS }
        : { to: intent.to, data: intent.data, gas: BigInt(intent.gas) }),
    });
    const hash = keccak256(raw);
    // At the cap a bid is the one before.
    const written = callsOff
      ? { ...intent, cancelled: [...new Set([...intent.cancelled, hash])] }
      : { ...intent, hashes: [...new Set([...intent.hashes, hash])] };
    this.write(written);
    try {
      await this.sending.sendRawTransaction({ serializedTransaction: raw });
    } catch (error) {
      this.notice(`nonce ${intent.nonce} was not taken: ${describeError(error)}`);
    }
    return written;
  }

  /** Until one of the intent's transactions is mined, or it is time to bid again. Errors of the node are waited out. */
  private async waitFor(intent: OpenIntent): Promise<TransactionReceipt | undefined> {
    const until = performance.now() + this.terms.replaceAfterMilliseconds;
    while (performance.now() < until) {
      try {
        const receipt = await this.minedReceipt(intent);
        if (receipt) return receipt;
      } catch {
        // The node may be away for a while: what was sent may be mined meanwhile, and is found later.
      }
      await sleep(POLL_MILLISECONDS);
    }
    return undefined;
  }

  /** The receipt of whichever of the intent's transactions was mined. */
  private async minedReceipt({ hashes, cancelled, nonce }: OpenIntent): Promise<TransactionReceipt | undefined> {
    for (const hash of [...hashes, ...cancelled].toReversed()) {
      const receipt = await this.receiptOf(hash);
      if (receipt) return receipt;
    }
    if ((await this.nextNonce()) <= nonce) return undefined;
    // A block may have come between the two questions.
    for (const hash of [...hashes, ...cancelled]) {
      const receipt = await this.receiptOf(hash);
      if (receipt) return receipt;
    }
    throw new MeniscusError("network", `Nonce ${nonce} of ${this.account.address} was used by somebody else.`, {
      hint: "Give the bot a key of its own.",
    });
  }

  private async receiptOf(hash: Hex): Promise<TransactionReceipt | undefined> {
    try {
      return await this.client.getTransactionReceipt({ hash });
    } catch (error) {
      if (error instanceof Error && error.name === "TransactionReceiptNotFoundError") return undefined;
      throw error;
    }
  }

  private close(receipt: TransactionReceipt): IntentOutcome {
    const isCancelled = this.current.cancelled.includes(receipt.transactionHash);
    this.forget();
    return isCancelled ? "cancelled" : receipt;
  }

  private forget(): "cancelled" {
    this.open = undefined;
    this.save();
    return "cancelled";
  }

  private get current(): OpenIntent {
    if (!this.open) throw new RangeError("no intent is open");
    return this.open;
  }

  private write(open: OpenIntent): void {
    this.open = open;
    this.save();
  }

  private save(): void {
    if (this.file !== undefined) writeDurably(this.file, JSON.stringify({ open: this.open ?? null }));
  }
}

/** So much that an eighth more is not above the cap. */
function below(maxFee: bigint): bigint {
  return ((maxFee - 1n) * BUMP_DENOMINATOR) / BUMP_NUMERATOR;
}

function toText({ maxFee, priorityFee }: Pick<OutboxTerms, "maxFee" | "priorityFee">) {
  return { maxFee: maxFee.toString(), priorityFee: priorityFee.toString() };
}

function readJournal(file: string): OpenIntent | undefined {
  if (!existsSync(file)) return undefined;
  try {
    return journalSchema.parse(JSON.parse(readFileSync(file, "utf8"))).open ?? undefined;
  } catch (cause) {
    throw new MeniscusError("data", `${file} is not the outbox of a bot: ${describeError(cause)}.`, {
      hint: "See by its account's nonce whether its last transaction was mined, then remove the file.",
      cause,
    });
  }
}
