import { cutOffOf } from "../../pricing/fixed/index.ts";
import { MeniscusError } from "../../src/runtime/errors.ts";
import { type BookScenarios, readBookScenarios } from "../../src/sdk/bookScenario.ts";
import type { Pool, Sender } from "../../src/sdk/client.ts";
import {
  advancePool,
  type ClaimResult,
  cancelRequest,
  claim as claimAll,
  type LpPosition,
  type PoolView,
  type RequestReceipt,
  type RequestView,
  readLpPosition,
  readPayable,
  readPool,
  readRequests,
  readShareBalance,
  requestDeposit,
  requestRedemption,
  waitForRequest,
} from "../../src/sdk/lp.ts";
import { chargeBoundOf, tightestChargeBound } from "../../src/sdk/requestRules.ts";
import { contracts } from "../output/format.ts";
import { renderDepositPreview, renderWithdrawalPreview } from "../output/lp.ts";
import { Progress } from "../output/progress.ts";
import { parseAmount, parseInteger, parsePercent } from "../parse.ts";
import type { Session } from "../session.ts";

const DEFAULT_TIMEOUT_SECONDS = 600;

export interface WaitOptions {
  /** False with --no-wait. */
  readonly wait: boolean;
  readonly timeout?: string;
}

export interface RequestOptions extends WaitOptions {
  readonly maxCharge?: string;
}

/** What a request would bring at the last mark; it is priced at a later one. */
export interface RequestPreview {
  /** Quote tokens a share. */
  readonly price: number;
  /** What an exit and mid say of what is asked: shares of a deposit, quote tokens of a redemption. */
  readonly low: number;
  readonly high: number;
  /** What an exit at that mark would lose: of a deposit against its price, of a redemption against mid. A share. */
  readonly charge: number;
  /** The bound that holds; null for none. */
  readonly maxCharge: number | null;
  /** From when on a report prices it, Unix seconds, if it is sent in this minute. */
  readonly cutOff: number;
  readonly reportAge: number;
  /** Of a redemption, what the pool could pay now, quote tokens. */
  readonly payable: number | null;
}

/** A request and what came of it so far. */
export interface RequestOutcome {
  readonly pool: string;
  readonly direction: "deposit" | "redemption";
  readonly asked: number;
  readonly unit: string;
  readonly requestId: string;
  readonly epoch: number;
  readonly hash: string;
  /** `claimed`: nothing of it waits any more. `pending`: it waits; see `requests`. */
  readonly state: "claimed" | "pending";
  readonly received: ClaimResult | null;
  readonly quoteSymbol: string;
  readonly preview: RequestPreview;
}

/** `deposit AMOUNT`: asks, waits for the price and claims the shares. */
export async function deposit(session: Session, amount: string, options: RequestOptions): Promise<RequestOutcome> {
  const { deployment } = await session.connection();
  const assets = parseAmount(amount, deployment.quoteDecimals, deployment.quoteSymbol);
  const maxCharge = parseMaxCharge(options);
  const pool = await session.pool();
  const sender = await session.sender();
  await sender.requireBalance(assets);
  const view = await readPool(sender.connection, pool);
  const asked = Number(assets) / 10 ** deployment.quoteDecimals;
  const { mid, ask } = view.sharePrice;
  const preview = {
    price: ask,
    low: asked / mid,
    high: asked / ask,
    charge: view.charges.deposit,
    ...whenPriced(view, maxCharge),
    payable: null,
  };
  await session.confirm(renderDepositPreview(view, asked, preview), `Deposit ${amount} ${deployment.quoteSymbol}?`);
  await clearTheWay(session, sender, pool, "deposit");
  const request = await requestDeposit(sender, pool, assets, maxCharge);
  return await follow(session, sender, pool, request, options, {
    direction: "deposit",
    asked,
    unit: deployment.quoteSymbol,
    preview,
  });
}

/** `withdraw [SHARES|all]`: asks, waits until it is paid and claims the money. */
export async function withdraw(session: Session, amount: string, options: RequestOptions): Promise<RequestOutcome> {
  const pool = await session.pool();
  const wanted = amount === "all" ? undefined : parseAmount(amount, 18, "shares");
  const maxCharge = parseMaxCharge(options);
  const sender = await session.sender();
  const held = await readShareBalance(sender.connection, pool, sender.address);
  const shares = wanted ?? held;
  if (held === 0n || shares > held) {
    throw new MeniscusError("funds", `${sender.address} holds ${Number(held) / 1e18} shares of pool ${pool.name}.`, {
      hint:
        held === 0n
          ? "Shares of a priced deposit come with `meniscus claim`; `meniscus requests` shows what waits."
          : "Name fewer, or `all`.",
    });
  }
  const [view, payable] = await Promise.all([readPool(sender.connection, pool), readPayable(sender.connection, pool)]);
  const asked = Number(shares) / 1e18;
  const { bid, mid } = view.sharePrice;
  const preview = {
    price: bid,
    low: asked * bid,
    high: asked * mid,
    charge: view.charges.redemption,
    ...whenPriced(view, maxCharge),
    payable,
  };
  await session.confirm(renderWithdrawalPreview(view, asked, preview), `Withdraw ${asked} shares?`);
  await clearTheWay(session, sender, pool, "redemption");
  const request = await requestRedemption(sender, pool, shares, maxCharge);
  return await follow(session, sender, pool, request, options, {
    direction: "redemption",
    asked,
    unit: "shares",
    preview,
  });
}

function parseMaxCharge({ maxCharge }: RequestOptions): number | undefined {
  if (maxCharge === undefined) return undefined;
  const bound = parsePercent(maxCharge, "charge");
  if (bound === 1) return undefined;
  if (chargeBoundOf(bound) === undefined) {
    throw new MeniscusError("usage", `No charge is bounded below ${100 * tightestChargeBound} %.`, {
      hint: "The bounds are 0.1, 0.2, 0.5, 1, 2, 5 and 10 %; the largest that is not above yours holds.",
    });
  }
  return bound;
}

function whenPriced({ oracle }: PoolView, maxCharge: number | undefined) {
  const now = oracle.surfaceTime + oracle.surfaceAge;
  return {
    maxCharge: maxCharge === undefined ? null : (chargeBoundOf(maxCharge) ?? null),
    cutOff: cutOffOf(now),
    reportAge: oracle.surfaceAge,
  };
}

/** One request a direction: what an earlier one has brought is claimed first; one that waits is in the way. */
async function clearTheWay(
  session: Session,
  sender: Sender,
  pool: Pool,
  direction: RequestView["direction"],
): Promise<void> {
  const open = await readRequests(sender.connection, pool, sender.address);
  const earlier = open.find((request) => request.direction === direction);
  if (!earlier) return;
  if (earlier.pending > 0) {
    const now = Number((await sender.connection.client.getBlock({ blockTag: "pending" })).timestamp);
    if (now < earlier.cutOff && !earlier.canceling) return; // joins it, where the bound is the same
    throw new MeniscusError("market", `Request ${earlier.id} waits already: one ${direction} at a time.`, {
      hint: `Wait for it (\`meniscus requests\`), or end it with \`meniscus cancel ${earlier.id}\` and ask for all of it again.`,
    });
  }
  session.say(`Claiming what request ${earlier.id} has brought first.`);
  await claimAll(sender, pool);
}

/** Waits for a request, showing what it waits for, and claims what is there. */
async function follow(
  session: Session,
  sender: Sender,
  pool: Pool,
  request: RequestReceipt,
  options: WaitOptions,
  asked: Pick<RequestOutcome, "direction" | "asked" | "unit" | "preview">,
): Promise<RequestOutcome> {
  const outcome = {
    pool: pool.name,
    ...asked,
    requestId: request.id.toString(),
    epoch: request.epoch,
    hash: request.hash,
    quoteSymbol: sender.connection.deployment.quoteSymbol,
  };
  if (!options.wait) return { ...outcome, state: "pending", received: null };
  const done = await waitAndShow(session, sender, pool, request.id, options);
  return { ...outcome, state: done ? "claimed" : "pending", received: await claimAll(sender, pool) };
}

/** Until nothing of the request waits, the time is over or Ctrl-C comes. */
async function waitAndShow(
  session: Session,
  sender: Sender,
  pool: Pool,
  id: bigint,
  options: WaitOptions,
): Promise<boolean> {
  const progress = new Progress((text) => session.say(text));
  const interrupt = new AbortController();
  const onInterrupt = () => interrupt.abort();
  process.once("SIGINT", onInterrupt);
  try {
    return await waitForRequest(sender.connection, pool, sender.address, id, {
      timeoutSeconds: timeoutOf(options),
      signal: interrupt.signal,
      onProgress: ({ waitsFor, pending, unit }) =>
        progress.update(`Request ${id}: ${contracts(pending)} ${unit} wait for ${waitsFor}`),
    });
  } finally {
    process.removeListener("SIGINT", onInterrupt);
    progress.end();
  }
}

function timeoutOf({ timeout }: WaitOptions): number {
  return timeout === undefined ? DEFAULT_TIMEOUT_SECONDS : parseInteger(timeout, "time in seconds", 1, 604_800);
}

/** A cancelation and what came of it so far. */
export interface CancelOutcome {
  readonly pool: string;
  readonly requestId: string;
  readonly direction: RequestView["direction"];
  readonly unit: string;
  readonly hash: string;
  /** `canceled`: what was left is back. `done`: a mark came first, the request is through. `pending`: its mark has not come. */
  readonly state: "canceled" | "done" | "pending";
  /** What came back, in `unit`. */
  readonly back: number;
  readonly received: ClaimResult | null;
  readonly quoteSymbol: string;
}

/** `cancel [ID]`: ends a request that waits and takes back what is left of it. */
export async function cancel(session: Session, id: string | undefined, options: WaitOptions): Promise<CancelOutcome> {
  const pool = await session.pool();
  const sender = await session.sender();
  const { connection } = sender;
  const request = chooseWaiting(await readRequests(connection, pool, sender.address), pool, id);
  const what = request.direction === "deposit" ? "deposit" : "withdrawal";
  await session.confirm(
    `Request ${request.id}: ${contracts(request.pending)} of ${contracts(request.asked)} ${request.unit} wait.`,
    `Cancel this ${what}?`,
  );
  const canceled = await cancelRequest(sender, pool, request);
  const waits = canceled.request.pending > 0;
  const done = !waits || (options.wait && (await waitAndShow(session, sender, pool, request.id, options)));
  const after = (await readRequests(connection, pool, sender.address)).find((other) => other.id === request.id);
  const back = after?.back ?? 0;
  return {
    pool: pool.name,
    requestId: request.id.toString(),
    direction: request.direction,
    unit: request.unit,
    hash: canceled.hash,
    state: done ? (back > 0 ? "canceled" : "done") : "pending",
    back,
    received: done ? await claimAll(sender, pool) : null,
    quoteSymbol: connection.deployment.quoteSymbol,
  };
}

/** The request of this id, or the only one that waits. */
function chooseWaiting(all: readonly RequestView[], pool: Pool, id: string | undefined): RequestView {
  const waiting = all.filter(({ pending, canceling }) => pending > 0 && !canceling);
  const ids = waiting.map((request) => `${request.id} (${request.direction})`).join(", ");
  if (id !== undefined) {
    const wanted = BigInt(parseInteger(id, "request id", 2, Number.MAX_SAFE_INTEGER));
    const found = all.find((request) => request.id === wanted);
    if (!found) {
      throw new MeniscusError("usage", `You have no request ${id} in pool ${pool.name}.`, {
        hint: ids === "" ? "Nothing of yours waits." : `What waits: ${ids}.`,
      });
    }
    if (found.canceling) {
      throw new MeniscusError("market", `Request ${id} is being canceled already.`, {
        hint: "Its mark lets it go; then `meniscus claim` takes it back.",
      });
    }
    if (found.pending === 0) {
      throw new MeniscusError("market", `Nothing of request ${id} waits: it is through.`, {
        hint: "`meniscus claim` takes what it brought.",
      });
    }
    return found;
  }
  const [only] = waiting;
  if (!only) {
    throw new MeniscusError("market", `There is nothing to cancel in pool ${pool.name}.`, {
      hint: "`meniscus requests` shows what is on its way; priced shares leave with `meniscus withdraw`.",
    });
  }
  if (waiting.length > 1) {
    throw new MeniscusError("usage", "Several requests wait.", { hint: `Name one: ${ids}.` });
  }
  return only;
}

export interface AdvanceOutcome {
  readonly pool: string;
  readonly quoteSymbol: string;
  readonly assets: number;
  readonly hash: string;
}

/** `advance`: money for redemptions that wait while the oracle is silent. */
export async function advance(session: Session): Promise<AdvanceOutcome> {
  const pool = await session.pool();
  const sender = await session.sender();
  const result = await advancePool(sender, pool);
  return { pool: pool.name, quoteSymbol: sender.connection.deployment.quoteSymbol, ...result };
}

export interface ClaimOutcome extends ClaimResult {
  readonly pool: string;
  readonly quoteSymbol: string;
  readonly waiting: readonly RequestView[];
}

/** `claim`: takes every priced share, every paid amount and what goes back. */
export async function claim(session: Session): Promise<ClaimOutcome> {
  const pool = await session.pool();
  const sender = await session.sender();
  const result = await claimAll(sender, pool);
  const waiting = await readRequests(sender.connection, pool, sender.address);
  return { pool: pool.name, quoteSymbol: sender.connection.deployment.quoteSymbol, ...result, waiting };
}

export interface RequestList {
  readonly pool: string;
  readonly requests: readonly RequestView[];
}

/** `requests`: what is on its way, in and out. */
export async function requests(session: Session): Promise<RequestList> {
  const connection = await session.connection();
  const pool = await session.pool();
  return { pool: pool.name, requests: await readRequests(connection, pool, session.owner()) };
}

/** `position`: shares, their value at bid, mid and ask, and the profit so far. */
export async function position(session: Session): Promise<LpPosition> {
  return await readLpPosition(await session.connection(), await session.pool(), session.owner());
}

/** `scenario [--days N]`: what the pool's book would gain or lose by spot and volatility. */
export async function scenario(session: Session, options: { readonly days?: string }): Promise<BookScenarios> {
  const days = parseInteger(options.days ?? "0", "number of days", 0, 400);
  const connection = await session.connection();
  const pool = await session.pool();
  const { nav } = await readPool(connection, pool);
  return await readBookScenarios(connection, pool, nav, days);
}
