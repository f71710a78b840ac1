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
  /** How many of the account's nonces are known to have been used. */
  used: z.number().int().nonnegative().default(0),
});
type Journal = z.infer<typeof journalSchema>;
type OpenIntent = NonNullable<Journal["open"]>;

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
 *
 * What its owner decides holds for the nonce that `settleOpen` found: where another hand, or a block that came back, has moved it since,
 * nothing is sent. Where a reorganisation frees nonces that were used, what was mined with them may be mined again as soon as it can: all
 * of them are used up before anything is decided.
 */
export class Outbox {
  private readonly client: PublicClient<Transport, Chain>;
  private readonly account: LocalAccount;
  private readonly terms: OutboxTerms;
  private readonly file: string | undefined;
  private readonly notice: (text: string) => void;
  private readonly sending: PublicClient<HttpTransport, Chain> | PublicClient<Transport, Chain>;
  private open: OpenIntent | undefined;
  /** The nonce that what is sent next was decided at; undefined where that is not known. */
  private expected: number | undefined;
  private used: number;

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
    const journal = options.file === undefined ? undefined : readJournal(options.file);
    this.open = journal?.open ?? undefined;
    this.used = journal?.used ?? 0;
  }

  /** Whether an earlier intent may still be mined. */
  get hasOpen(): boolean {
    return this.open !== undefined;
  }

  /**
   * Finds out what became of the intent that was open when the process ended: it is mined, or called off. Anything else is sent only after
   * that. To be called before the chain is looked at: what is decided then is sent only while the account's nonce is still the same.
   *
   * @returns undefined where none was open.
   * @throws MeniscusError `network` where nonces that a reorganisation freed are not used up yet.
   */
  async settleOpen(): Promise<IntentOutcome | undefined> {
    const outcome = this.open && (await this.settle(this.open));
    this.expected = await this.useUp();
    return outcome;
  }

  /** Uses all nonces that were used before; returns the next. */
  private async useUp(): Promise<number> {
    let nonce = await this.nextNonce();
    if (nonce >= this.used) return nonce;
    let fees = toText(await this.firstFees());
    for (let bid = 0; bid < this.terms.bids; bid++) {
      await this.fillGap(this.used, fees);
      const until = performance.now() + this.terms.replaceAfterMilliseconds;
      while (performance.now() < until) {
        nonce = await this.nextNonce();
        if (nonce >= this.used) return nonce;
        await sleep(POLL_MILLISECONDS);
      }
      fees = this.raisedFees(fees, true);
    }
    throw new MeniscusError("network", `A reorganisation freed nonces of ${this.account.address}: ${nonce} is next.`, {
      hint: "Nothing is sent before they are used up.",
      retryable: true,
    });
  }

  private async settle(open: OpenIntent): Promise<IntentOutcome> {
    const found = await this.lookUp(open);
    if (typeof found === "object") return this.close(found);
    if (open.hashes.length === 0) return this.forget();
    this.notice(`an earlier intent is open (nonce ${open.nonce}): it is called off`);
    return await this.conclude(open, 0);
  }

  /**
   * Sends an intent and waits until it is mined, bidding higher where it is not; one that stays unmined is called off.
   *
   * @throws MeniscusError `network` where no node answers in the end, and where the account has sent something else since `settleOpen`.
   */
  async send(intent: Intent): Promise<IntentOutcome> {
    const earlier = this.open && (await this.settleOpen());
    if (typeof earlier === "object") throw this.movedOn(`an earlier intent was mined (${earlier.transactionHash})`);
    const [nonce, fees] = await Promise.all([this.nextNonce(), this.firstFees()]);
    const { expected = nonce } = this;
    this.expected = nonce;
    if (nonce !== expected || nonce < this.used)
      throw this.movedOn(`its nonce was ${Math.max(expected, this.used)} and is ${nonce}`);
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
      const found = await this.lookUp(current);
      if (typeof found === "object") return this.close(found);
      if (found === "overtaken") {
        this.notice(
          `nonce ${current.nonce} was used by something else: this intent never happens. A bot needs its own key`,
        );
        return this.forget(current.nonce);
      }
      await this.fillGap(current.nonce, current);
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
    const raised = { ...intent, ...this.raisedFees(intent, callsOff) };
    this.write(raised);
    return raised;
  }

  private raisedFees({ maxFee, priorityFee }: FeeText, callsOff: boolean): FeeText {
    const most = callsOff ? this.terms.maxFee : below(this.terms.maxFee);
    const up = (text: string) => {
      const next = (BigInt(text) * BUMP_NUMERATOR) / BUMP_DENOMINATOR + 1n;
      return next < most ? next : most;
    };
    return toText({ maxFee: up(maxFee), priorityFee: up(priorityFee) });
  }

  /** Sends a transaction that does nothing for each nonce that a reorganisation took back, from the chain's next one on. */
  private async fillGap(below: number, fees: FeeText): Promise<void> {
    for (let nonce = await this.nextNonce(); nonce < below; nonce++) {
      this.notice(`nonce ${nonce} is free again: it is filled`);
      await this.hand(await this.sign(nonce, fees), nonce);
    }
  }

  /** A transaction that does nothing where there is no call. */
  private async sign(nonce: number, { maxFee, priorityFee }: FeeText, call?: OpenIntent): Promise<Hex> {
    return await this.account.signTransaction({
      type: "eip1559",
      chainId: this.client.chain.id,
      nonce,
      maxFeePerGas: BigInt(maxFee),
      maxPriorityFeePerGas: BigInt(priorityFee),
      ...(call
        ? { to: call.to, data: call.data, gas: BigInt(call.gas) }
        : { to: this.account.address, gas: CANCEL_GAS }),
    });
  }

  /** A node that refuses is no end: the next bid may be taken. */
  private async hand(raw: Hex, nonce: number): Promise<void> {
    try {
      await this.sending.sendRawTransaction({ serializedTransaction: raw });
    } catch (error) {
      this.notice(`nonce ${nonce} was not taken: ${describeError(error)}`);
    }
  }

  /** Signs for the intent's nonce, writes down what will be sent, and sends it. */
  private async bid(intent: OpenIntent, callsOff: boolean): Promise<OpenIntent> {
    const raw = await this.sign(intent.nonce, intent, callsOff ? undefined : intent);
    const hash = keccak256(raw);
    // At the cap a bid is the one before.
    const written = callsOff
      ? { ...intent, cancelled: [...new Set([...intent.cancelled, hash])] }
      : { ...intent, hashes: [...new Set([...intent.hashes, hash])] };
    this.write(written);
    await this.hand(raw, intent.nonce);
    return written;
  }

  /** Until one of the intent's transactions is mined, or it is time to bid again. Errors of the node are waited out. */
  private async waitFor(intent: OpenIntent): Promise<TransactionReceipt | undefined> {
    const until = performance.now() + this.terms.replaceAfterMilliseconds;
    while (performance.now() < until) {
      try {
        const found = await this.lookUp(intent);
        // One that is overtaken is waited for too: a node may know the nonce and not yet the receipt.
        if (typeof found === "object") return found;
      } catch {
        // The node may be away for a while: what was sent may be mined meanwhile, and is found later.
      }
      await sleep(POLL_MILLISECONDS);
    }
    return undefined;
  }

  /** The receipt of whichever of the intent's transactions was mined; "overtaken" where something else has used its nonce. */
  private async lookUp({
    hashes,
    cancelled,
    nonce,
  }: OpenIntent): Promise<TransactionReceipt | "overtaken" | undefined> {
    const sent = [...hashes, ...cancelled];
    const receipt = await this.receiptAmong(sent.toReversed());
    if (receipt) return receipt;
    if ((await this.nextNonce()) <= nonce) return undefined;
    // A block may have come between the two questions.
    return (await this.receiptAmong(sent)) ?? "overtaken";
  }

  private async receiptAmong(hashes: readonly Hex[]): Promise<TransactionReceipt | undefined> {
    for (const hash of hashes) {
      const receipt = await this.receiptOf(hash);
      if (receipt) return receipt;
    }
    return undefined;
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
    const { cancelled, nonce } = this.current;
    const isCancelled = cancelled.includes(receipt.transactionHash);
    this.forget(nonce);
    this.expected = nonce + 1;
    return isCancelled ? "cancelled" : receipt;
  }

  /** @param spent Its nonce, where that is used. */
  private forget(spent?: number): "cancelled" {
    this.open = undefined;
    if (spent !== undefined) this.used = Math.max(this.used, spent + 1);
    this.expected = undefined;
    this.save();
    return "cancelled";
  }

  private movedOn(fact: string): MeniscusError {
    return new MeniscusError("network", `${this.account.address} has sent something else meanwhile: ${fact}.`, {
      hint: "What was decided before may be done already; look at the chain again.",
      retryable: true,
    });
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
    if (this.file !== undefined) writeDurably(this.file, JSON.stringify({ open: this.open ?? null, used: this.used }));
  }
}

/** So much that an eighth more is not above the cap. */
function below(maxFee: bigint): bigint {
  return ((maxFee - 1n) * BUMP_DENOMINATOR) / BUMP_NUMERATOR;
}

/** Wei a gas, as the journal has it. */
type FeeText = Pick<OpenIntent, "maxFee" | "priorityFee">;

function toText({ maxFee, priorityFee }: Pick<OutboxTerms, "maxFee" | "priorityFee">): FeeText {
  return { maxFee: maxFee.toString(), priorityFee: priorityFee.toString() };
}

function readJournal(file: string): Journal | undefined {
  if (!existsSync(file)) return undefined;
  try {
    return journalSchema.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch (cause) {
    throw new MeniscusError("data", `${file} is not the outbox of a bot: ${describeError(cause)}.`, {
      hint: "See by its account's nonce whether its last transaction was mined, then remove the file.",
      cause,
    });
  }
}
