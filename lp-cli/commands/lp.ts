import { MeniscusError } from "../../src/runtime/errors.ts";
import { type BookScenarios, readBookScenarios } from "../../src/sdk/bookScenario.ts";
import type { Pool, Sender } from "../../src/sdk/client.ts";
import {
  type ClaimResult,
  claim as claimAll,
  type LpPosition,
  type RequestReceipt,
  type RequestView,
  readLpPosition,
  readPool,
  readRequests,
  readShareBalance,
  requestDeposit,
  requestRedemption,
  waitForRequest,
} from "../../src/sdk/lp.ts";
import { contracts } from "../output/format.ts";
import { renderDepositPreview, renderWithdrawalPreview } from "../output/lp.ts";
import { Progress } from "../output/progress.ts";
import { parseAmount, parseInteger } from "../parse.ts";
import type { Session } from "../session.ts";

const DEFAULT_TIMEOUT_SECONDS = 600;

export interface WaitOptions {
  /** False with --no-wait. */
  readonly wait: boolean;
  readonly timeout?: string;
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
  /** `claimed`: it is through. `pending`: it waits; see `requests`. */
  readonly state: "claimed" | "pending";
  readonly received: ClaimResult | null;
  readonly quoteSymbol: string;
}

/** `deposit AMOUNT`: asks, waits for the price and claims the shares. */
export async function deposit(session: Session, amount: string, options: WaitOptions): Promise<RequestOutcome> {
  const { deployment } = await session.connection();
  const assets = parseAmount(amount, deployment.quoteDecimals, deployment.quoteSymbol);
  const pool = await session.pool();
  const sender = await session.sender();
  await sender.requireBalance(assets);
  const view = await readPool(sender.connection, pool);
  const asked = Number(assets) / 10 ** deployment.quoteDecimals;
  await session.confirm(renderDepositPreview(view, asked), `Deposit ${amount} ${deployment.quoteSymbol}?`);
  const request = await requestDeposit(sender, pool, assets);
  return await follow(session, sender, pool, request, options, {
    direction: "deposit",
    asked,
    unit: deployment.quoteSymbol,
  });
}

/** `withdraw [SHARES|all]`: asks, waits until it is paid and claims the money. */
export async function withdraw(session: Session, amount: string, options: WaitOptions): Promise<RequestOutcome> {
  const pool = await session.pool();
  const wanted = amount === "all" ? undefined : parseAmount(amount, 18, "shares");
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
  const view = await readPool(sender.connection, pool);
  const asked = Number(shares) / 1e18;
  await session.confirm(renderWithdrawalPreview(view, asked), `Withdraw ${asked} shares?`);
  const request = await requestRedemption(sender, pool, shares);
  return await follow(session, sender, pool, request, options, { direction: "redemption", asked, unit: "shares" });
}

/** Waits for a request, showing what it waits for, and claims what is there. */
async function follow(
  session: Session,
  sender: Sender,
  pool: Pool,
  request: RequestReceipt,
  options: WaitOptions,
  asked: Pick<RequestOutcome, "direction" | "asked" | "unit">,
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
  const progress = new Progress((text) => session.say(text));
  const interrupt = new AbortController();
  const onInterrupt = () => interrupt.abort();
  process.once("SIGINT", onInterrupt);
  try {
    const done = await waitForRequest(sender.connection, pool, sender.address, request, {
      timeoutSeconds: timeoutOf(options),
      signal: interrupt.signal,
      onProgress: ({ waitsFor, pending, unit }) =>
        progress.update(`Request ${request.epoch}: ${contracts(pending)} ${unit} wait for ${waitsFor}`),
    });
    const received = await claimAll(sender, pool);
    return { ...outcome, state: done ? "claimed" : "pending", received };
  } finally {
    process.removeListener("SIGINT", onInterrupt);
    progress.end();
  }
}

function timeoutOf({ timeout }: WaitOptions): number {
  return timeout === undefined ? DEFAULT_TIMEOUT_SECONDS : parseInteger(timeout, "time in seconds", 1, 604_800);
}

export interface ClaimOutcome extends ClaimResult {
  readonly pool: string;
  readonly quoteSymbol: string;
  readonly waiting: readonly RequestView[];
}

/** `claim`: takes every priced share and every paid amount. */
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
