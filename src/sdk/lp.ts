import { type Address, formatUnits, maxUint256, parseEventLogs } from "viem";
import { clearinghouseAbi, marketOracleAbi, optionPoolAbi, poolSharesAbi } from "../chain/abis.ts";
import { fromSize, fromStrikeWord } from "../chain/optionId.ts";
import { MeniscusError } from "../runtime/errors.ts";
import { type Connection, inWords, type Pool, readEvents, type Sender, toTokens } from "./client.ts";

const SHARE_UNIT = 10n ** 18n;

/** What one share is worth, quote tokens: leaving pays the bid, entering costs the ask. */
export interface SharePrice {
  readonly bid: number;
  readonly mid: number;
  readonly ask: number;
}

/** A pool at its last mark; amounts in quote tokens. */
export interface PoolView {
  readonly name: string;
  readonly symbol: string;
  readonly quoteSymbol: string;
  readonly spot: number;
  readonly nav: number;
  readonly reserve: number;
  readonly unwind: number;
  /** Known losses of others that the pool may have to pay behind the insurance fund; `nav` is before it. */
  readonly provision: number;
  /** The most it pays so. */
  readonly backstopCap: number;
  readonly shares: number;
  readonly sharePrice: SharePrice;
  /** What an exit at the last mark loses: of a deposit made there against its price, of a redemption against mid. Shares. */
  readonly charges: { readonly deposit: number; readonly redemption: number };
  /** Cash that the book's worst scenario wants. */
  readonly requirement: number;
  /** Requirement over NAV, and the limit above which nobody is paid out. */
  readonly utilisation: number;
  readonly utilisationLimit: number;
  readonly openContracts: number;
  readonly series: number;
  /** Net short vega (quote tokens per volatility point) and net short delta (units of the underlying). */
  readonly netShortVega: number;
  readonly netShortDelta: number;
  readonly oracle: {
    readonly round: number;
    readonly surfaceTime: number;
    readonly surfaceAge: number;
    readonly spotAge: number;
  };
  /** Report under which the book was marked last. */
  readonly markedRound: number;
  readonly optionPool: Address;
  readonly poolShares: Address;
}

/** Prices of one share in quote units, as rationals: value of all shares over the supply, virtual shares included. */
interface ShareValues {
  readonly bid: bigint;
  readonly mid: bigint;
  readonly ask: bigint;
  readonly supply: bigint;
}

const positive = (value: bigint): bigint => (value > 0n ? value : 0n);

async function readShareValues({ client, deployment }: Connection, pool: Pool): Promise<ShareValues> {
  const [mark, supply] = await Promise.all([
    client.readContract({ address: pool.optionPool, abi: optionPoolAbi, functionName: "lastMark" }),
    client.readContract({ address: pool.poolShares, abi: poolSharesAbi, functionName: "totalSupply" }),
  ]);
  const virtualShares = SHARE_UNIT / 1_000_000n;
  const virtualAssets = 10n ** BigInt(deployment.quoteDecimals - 6);
  return {
    bid: positive(mark.nav - mark.reserve - mark.unwind - mark.provision),
    mid: positive(mark.nav + virtualAssets),
    ask: positive(mark.nav - mark.freshReserve + virtualAssets),
    supply: supply + virtualShares,
  };
}

function sharesWorth(connection: Connection, shares: bigint, { bid, mid, ask, supply }: ShareValues): SharePrice {
  const worth = (all: bigint) => toTokens(connection, (shares * all) / supply);
  return { bid: worth(bid), mid: worth(mid), ask: worth(ask) };
}

/** One share, with more digits than the quote token has. */
function priceOfShare({ deployment }: Connection, { bid, mid, ask, supply }: ShareValues): SharePrice {
  const price = (all: bigint) => Number((all * SHARE_UNIT * 10n ** 6n) / supply) / 10 ** (deployment.quoteDecimals + 6);
  return { bid: price(bid), mid: price(mid), ask: price(ask) };
}

/** What an exit loses of all shares' price, a share, as the contract counts it: nothing of nothing. */
function chargeOf(price: bigint, exitValue: bigint): number {
  if (price < 0n) return 1;
  return price > exitValue ? 1 - Number(exitValue) / Number(price) : 0;
}

/** Reads a pool: its value, its book in outline, and how fresh the oracle is. */
export async function readPool(connection: Connection, pool: Pool): Promise<PoolView> {
  const { client, deployment } = connection;
  const optionPool = { address: pool.optionPool, abi: optionPoolAbi } as const;
  const ledger = { address: deployment.clearinghouse, abi: clearinghouseAbi } as const;
  return await inWords(connection, async () => {
    const [mark, [inventory], parameters, values, requirement, backstopCap, words, state, block] = await Promise.all([
      client.readContract({ ...optionPool, functionName: "lastMark" }),
      client.readContract({ ...optionPool, functionName: "inventory" }),
      client.readContract({ ...optionPool, functionName: "parameters" }),
      readShareValues(connection, pool),
      client.readContract({ ...ledger, functionName: "requirement", args: [pool.account] }),
      client.readContract({ ...ledger, functionName: "backstopCap", args: [pool.account, pool.marketId] }),
      client.readContract({ ...ledger, functionName: "strikes", args: [pool.account] }),
      client.readContract({
        address: deployment.marketOracle,
        abi: marketOracleAbi,
        functionName: "marketState",
        args: [pool.marketId],
      }),
      client.getBlock({ blockTag: "pending" }),
    ]);
    const book = words
      .map(fromStrikeWord)
      .flatMap(({ calls, puts }) => [calls, puts])
      .filter((size) => size !== 0n);
    const now = Number(block.timestamp);
    const nav = toTokens(connection, mark.nav);
    const needed = Math.max(0, toTokens(connection, requirement));
    const one = priceOfShare(connection, values);
    return {
      name: pool.name,
      symbol: pool.market.symbol,
      quoteSymbol: deployment.quoteSymbol,
      spot: Number(state.spotWad) / 1e18,
      nav,
      reserve: toTokens(connection, mark.reserve),
      unwind: toTokens(connection, mark.unwind),
      provision: toTokens(connection, mark.provision),
      backstopCap: toTokens(connection, backstopCap),
      shares: Number(values.supply) / 1e18,
      sharePrice: one,
      charges: {
        deposit: chargeOf(mark.nav - mark.freshReserve, values.bid),
        redemption: chargeOf(mark.nav, values.bid),
      },
      requirement: needed,
      utilisation: nav > 0 ? needed / nav : 0,
      utilisationLimit: Number(parameters.utilisationLimit) / 1e18,
      openContracts: book.reduce((sum, size) => sum + Math.abs(fromSize(size)), 0),
      series: book.length,
      netShortVega: inventory.slice(0, 3).reduce((sum, vega) => sum + Number(vega) / 1e6, 0) / 100,
      netShortDelta: Number(inventory[3]) / 1e6,
      oracle: {
        round: state.round,
        surfaceTime: state.surfaceTime,
        surfaceAge: state.round === 0 ? 0 : now - state.surfaceTime,
        spotAge: state.round === 0 ? 0 : now - state.spotTime,
      },
      markedRound: mark.round,
      optionPool: pool.optionPool,
      poolShares: pool.poolShares,
    };
  });
}

// ───────────────────────────── Requests ─────────────────────────────

/** A request on its way, one a direction. Deposits count in quote tokens, redemptions in shares. */
export interface RequestView {
  readonly id: bigint;
  readonly epoch: number;
  readonly direction: "deposit" | "redemption";
  readonly unit: string;
  readonly asked: number;
  readonly pending: number;
  /** Of what was asked, what was done and can be claimed. */
  readonly claimable: number;
  /** What it brings: shares of a deposit, quote tokens of a redemption, advances included. */
  readonly brings: number;
  /** Of what was asked, what was not done and can be taken back: canceled, charged too much, not to be priced. */
  readonly back: number;
  /** Largest charge that is accepted, a share; null for any. */
  readonly maxCharge: number | null;
  /** From when on a report prices it, Unix seconds. */
  readonly cutOff: number;
  readonly canceling: boolean;
}

/** The requests of `controller` that are not fully claimed. */
export async function readRequests(
  connection: Connection,
  pool: Pool,
  controller: Address,
): Promise<readonly RequestView[]> {
  const { client, deployment } = connection;
  const both = await inWords(connection, () =>
    client.readContract({
      address: pool.poolShares,
      abi: poolSharesAbi,
      functionName: "requestsOf",
      args: [controller],
    }),
  );
  const toShares = (amount: bigint) => Number(formatUnits(amount, 18));
  const toAssets = (amount: bigint) => toTokens(connection, amount);
  return both.flatMap((status, index): readonly RequestView[] => {
    if (status.requestId === 0n) return [];
    const isDeposit = index === 0;
    const asked = isDeposit ? toAssets : toShares;
    return [
      {
        id: status.requestId,
        epoch: Number(status.requestId >> 1n),
        direction: isDeposit ? "deposit" : "redemption",
        unit: isDeposit ? deployment.quoteSymbol : "shares",
        asked: asked(status.amount),
        pending: asked(status.pending),
        claimable: asked(isDeposit ? status.claimableAssets : status.claimableShares),
        brings: isDeposit ? toShares(status.claimableShares) : toAssets(status.claimableAssets),
        back: asked(status.back),
        maxCharge: status.maxCharge > SHARE_UNIT ? null : Number(status.maxCharge) / 1e18,
        cutOff: Number(status.cutOff),
        canceling: status.canceling,
      },
    ];
  });
}

/** Whether `claim` would bring something. */
export function isClaimable({ claimable, brings, back }: RequestView): boolean {
  return claimable > 0 || brings > 0 || back > 0;
}

/** A request that was sent. */
export interface RequestReceipt {
  readonly id: bigint;
  readonly epoch: number;
  readonly hash: string;
}

/** A share as an integer in WAD; everything above 100 % is no bound. */
const toMaxCharge = (maxCharge: number | undefined) =>
  maxCharge === undefined ? maxUint256 : BigInt(Math.round(maxCharge * 1e9)) * 10n ** 9n;

/**
 * Asks for a deposit of `assets` quote units; priced at the first mark under a report of the next full minute or later.
 *
 * @param maxCharge The largest charge that is accepted, a share; the pool rounds it down to 0.1, 0.2, 0.5, 1, 2, 5 or 10 %.
 */
export async function requestDeposit(
  sender: Sender,
  pool: Pool,
  assets: bigint,
  maxCharge?: number,
): Promise<RequestReceipt> {
  await sender.requireBalance(assets);
  const receipt = await sender.sendPaying(
    {
      address: pool.poolShares,
      abi: poolSharesAbi,
      functionName: "requestDeposit",
      args: [assets, sender.address, sender.address, toMaxCharge(maxCharge)],
    },
    { spender: pool.poolShares, amount: assets },
  );
  return receiptOf("DepositRequest", receipt);
}

/** Asks for the redemption of `shares`; paid at the next marks under later reports, as far as the pool is liquid. */
export async function requestRedemption(
  sender: Sender,
  pool: Pool,
  shares: bigint,
  maxCharge?: number,
): Promise<RequestReceipt> {
  const held = await readShareBalance(sender.connection, pool, sender.address);
  if (shares > held) {
    throw new MeniscusError("funds", `${sender.address} holds ${Number(held) / 1e18} shares of pool ${pool.name}.`, {
      hint: "Name fewer, or `all`; shares of a priced deposit come with `meniscus claim`.",
    });
  }
  const receipt = await sender.send({
    address: pool.poolShares,
    abi: poolSharesAbi,
    functionName: "requestRedeem",
    args: [shares, sender.address, sender.address, toMaxCharge(maxCharge)],
  });
  return receiptOf("RedeemRequest", receipt);
}

function receiptOf(
  eventName: "DepositRequest" | "RedeemRequest",
  receipt: Awaited<ReturnType<Sender["send"]>>,
): RequestReceipt {
  const event = parseEventLogs({ abi: poolSharesAbi, eventName, logs: [...receipt.logs] })[0];
  if (!event) throw new MeniscusError("internal", `The request left no trace (transaction ${receipt.hash}).`);
  const id = event.args.requestId;
  return { id, epoch: Number(id >> 1n), hash: receipt.hash };
}

/**
 * Cancels a request that waits: at once before its cut-off, else at a mark under a report of the next full minute or later.
 *
 * @returns The hash, and the request as it stands then.
 */
export async function cancelRequest(
  sender: Sender,
  pool: Pool,
  { id, direction }: RequestView,
): Promise<{ readonly hash: string; readonly request: RequestView }> {
  const { hash } = await sender.send({
    address: pool.poolShares,
    abi: poolSharesAbi,
    functionName: direction === "deposit" ? "cancelDepositRequest" : "cancelRedeemRequest",
    args: [id, sender.address],
  });
  const request = (await readRequests(sender.connection, pool, sender.address)).find((other) => other.id === id);
  if (!request)
    throw new MeniscusError("internal", `Request ${id} is gone after it was canceled (transaction ${hash}).`);
  return { hash, request };
}

/** Advances money to waiting redemptions while the oracle is silent. Anyone may. */
export async function advancePool(
  sender: Sender,
  pool: Pool,
): Promise<{ readonly hash: string; readonly assets: number }> {
  const { connection } = sender;
  const { hash, logs } = await sender.send({
    address: pool.poolShares,
    abi: poolSharesAbi,
    functionName: "advance",
    args: [],
  });
  const advanced = parseEventLogs({ abi: poolSharesAbi, eventName: "RedemptionAdvanced", logs: [...logs] });
  return { hash, assets: toTokens(connection, total(advanced.map(({ args }) => args.assets))) };
}

/** What the pool could pay to those who leave at a mark now, quote tokens. */
export async function readPayable(connection: Connection, pool: Pool): Promise<number> {
  const { result } = await inWords(connection, () =>
    connection.client.simulateContract({
      address: pool.optionPool,
      abi: optionPoolAbi,
      functionName: "payableToRedeemers",
    }),
  );
  return toTokens(connection, result);
}

/** Shares in the wallet, 18 decimals. */
export async function readShareBalance({ client, words }: Connection, pool: Pool, owner: Address): Promise<bigint> {
  return await inWords({ words }, () =>
    client.readContract({ address: pool.poolShares, abi: poolSharesAbi, functionName: "balanceOf", args: [owner] }),
  );
}

/** How far a request is. */
export interface RequestProgress {
  readonly pending: number;
  readonly unit: string;
  /** What it waits for, in words. */
  readonly waitsFor: string;
  readonly reportTime: number;
  readonly chainTime: number;
}

/**
 * Waits until nothing of the request is pending any more.
 *
 * @param options.onProgress Called at each look, with what is waited for.
 * @returns Whether it is done; false where `timeoutSeconds` passed first.
 */
export async function waitForRequest(
  connection: Connection,
  pool: Pool,
  controller: Address,
  id: bigint,
  options: {
    readonly timeoutSeconds: number;
    readonly pollMilliseconds?: number;
    readonly signal?: AbortSignal;
    readonly onProgress?: (progress: RequestProgress) => void;
  },
): Promise<boolean> {
  const until = performance.now() + options.timeoutSeconds * 1000;
  for (;;) {
    const open = (await readRequests(connection, pool, controller)).find((request) => request.id === id);
    if (!open || open.pending === 0) return true;
    if (options.signal?.aborted) return false;
    options.onProgress?.(await describeProgress(connection, pool, open));
    if (performance.now() >= until) return false;
    await new Promise((resolve) => setTimeout(resolve, options.pollMilliseconds ?? 400));
  }
}

async function describeProgress(
  connection: Connection,
  pool: Pool,
  { pending, unit, direction, cutOff, canceling }: RequestView,
): Promise<RequestProgress> {
  const view = await readPool(connection, pool);
  const reportTime = view.oracle.surfaceTime;
  const marked = view.markedRound >= view.oracle.round;
  const waitsFor = canceling
    ? "the mark that lets it go"
    : reportTime < cutOff
      ? `a report of ${clock(cutOff)} or later`
      : !marked
        ? `the mark of the pool's book under report ${view.oracle.round}`
        : direction === "redemption" && view.utilisation > 0
          ? `free liquidity: the pool uses ${(100 * view.utilisation).toFixed(0)} % of its value as margin and pays out up to ${(100 * view.utilisationLimit).toFixed(0)} %`
          : "the next report and mark";
  return { pending, unit, waitsFor, reportTime, chainTime: reportTime + view.oracle.surfaceAge };
}

/** Hours, minutes and seconds, UTC. */
const clock = (time: number) => `${new Date(time * 1000).toISOString().slice(11, 19)} UTC`;

const total = (amounts: readonly bigint[]): bigint => amounts.reduce((sum, amount) => sum + amount, 0n);

/** What a claim brought, what came back included. */
export interface ClaimResult {
  readonly shares: number;
  /** Quote tokens. */
  readonly assets: number;
  readonly hash: string | null;
}

/** Takes everything claimable of the sender; does nothing where there is nothing. */
export async function claim(sender: Sender, pool: Pool): Promise<ClaimResult> {
  const { connection } = sender;
  const open = await readRequests(connection, pool, sender.address);
  if (!open.some(isClaimable)) return { shares: 0, assets: 0, hash: null };
  const receipt = await sender.send({
    address: pool.poolShares,
    abi: poolSharesAbi,
    functionName: "claimFor",
    args: [sender.address],
  });
  const logs = [...receipt.logs].filter(({ address }) => address.toLowerCase() === pool.poolShares.toLowerCase());
  const deposits = parseEventLogs({ abi: poolSharesAbi, eventName: "Deposit", logs });
  const withdrawals = parseEventLogs({ abi: poolSharesAbi, eventName: "Withdraw", logs });
  const assetsBack = parseEventLogs({ abi: poolSharesAbi, eventName: "CancelDepositClaim", logs });
  const sharesBack = parseEventLogs({ abi: poolSharesAbi, eventName: "CancelRedeemClaim", logs });
  return {
    shares: Number(total([...deposits, ...sharesBack].map(({ args }) => args.shares))) / 1e18,
    assets: toTokens(connection, total([...withdrawals, ...assetsBack].map(({ args }) => args.assets))),
    hash: receipt.hash,
  };
}

/** Values the pool's book under the last report; waiting requests are priced inside. Anyone may. */
export async function markPool(sender: Sender, pool: Pool): Promise<{ readonly hash: string; readonly round: number }> {
  const { connection } = sender;
  const { hash } = await sender.send({ address: pool.optionPool, abi: optionPoolAbi, functionName: "mark", args: [] });
  const { round } = await inWords(connection, () =>
    connection.client.readContract({ address: pool.optionPool, abi: optionPoolAbi, functionName: "lastMark" }),
  );
  return { hash, round };
}

// ───────────────────────────── Position ─────────────────────────────

/** An LP's whole stake in a pool and what became of it; amounts in quote tokens. */
export interface LpPosition {
  readonly owner: Address;
  readonly pool: string;
  readonly quoteSymbol: string;
  /** Shares in the wallet, and those on their way in or out. */
  readonly shares: number;
  readonly claimableShares: number;
  readonly leavingShares: number;
  readonly sharePrice: SharePrice;
  /** Worth of all these shares. */
  readonly value: SharePrice;
  /** Deposits that are not priced yet or go back, and money that waits to be claimed. */
  readonly pendingDeposits: number;
  readonly claimableAssets: number;
  readonly deposited: number;
  readonly withdrawn: number;
  /** Value and money on its way and withdrawn, less deposited. */
  readonly profit: SharePrice;
}

/** Reads an LP's stake, and from the pool's events what went in and came out. */
export async function readLpPosition(connection: Connection, pool: Pool, owner: Address): Promise<LpPosition> {
  const { client, deployment } = connection;
  const contract = { address: pool.poolShares, abi: poolSharesAbi } as const;
  return await inWords(connection, async () => {
    const [held, claimable, claimableAssets, requests, values, flows] = await Promise.all([
      client.readContract({ ...contract, functionName: "balanceOf", args: [owner] }),
      client.readContract({ ...contract, functionName: "maxMint", args: [owner] }),
      client.readContract({ ...contract, functionName: "maxWithdraw", args: [owner] }),
      readRequests(connection, pool, owner),
      readShareValues(connection, pool),
      readFlows(connection, pool, owner),
    ]);
    const onTheWay = (direction: RequestView["direction"]) =>
      requests
        .filter((request) => request.direction === direction)
        .reduce((sum, { pending, back }) => sum + pending + back, 0);
    const leaving = onTheWay("redemption");
    const all = held + claimable + BigInt(Math.round(leaving * 1e18));
    const value = sharesWorth(connection, all, values);
    const onItsWay = onTheWay("deposit") + toTokens(connection, claimableAssets);
    const gain = (worth: number) => worth + onItsWay + flows.withdrawn - flows.deposited;
    return {
      owner,
      pool: pool.name,
      quoteSymbol: deployment.quoteSymbol,
      shares: Number(held) / 1e18,
      claimableShares: Number(claimable) / 1e18,
      leavingShares: leaving,
      sharePrice: priceOfShare(connection, values),
      value,
      pendingDeposits: onTheWay("deposit"),
      claimableAssets: toTokens(connection, claimableAssets),
      deposited: flows.deposited,
      withdrawn: flows.withdrawn,
      profit: { bid: gain(value.bid), mid: gain(value.mid), ask: gain(value.ask) },
    };
  });
}

/** Money the LP asked to deposit, and money that came back to it, in quote tokens. */
async function readFlows(connection: Connection, pool: Pool, owner: Address) {
  const { client } = connection;
  const contract = { address: pool.poolShares, abi: poolSharesAbi, strict: true } as const;
  const [deposits, withdrawals, refunds] = await Promise.all([
    readEvents(connection, (range) =>
      client.getContractEvents({ ...contract, eventName: "DepositRequest", args: { controller: owner }, ...range }),
    ),
    readEvents(connection, (range) =>
      client.getContractEvents({ ...contract, eventName: "Withdraw", args: { owner }, ...range }),
    ),
    readEvents(connection, (range) =>
      client.getContractEvents({ ...contract, eventName: "CancelDepositClaim", args: { controller: owner }, ...range }),
    ),
  ]);
  return {
    deposited: toTokens(connection, total(deposits.map(({ args }) => args.assets))),
    withdrawn: toTokens(connection, total([...withdrawals, ...refunds].map(({ args }) => args.assets))),
  };
}
