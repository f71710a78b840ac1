import { type Address, parseEventLogs } from "viem";
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

/** A request on its way. Deposits count in quote tokens, redemptions in shares. */
export interface RequestView {
  readonly id: bigint;
  readonly epoch: number;
  readonly direction: "deposit" | "redemption";
  readonly unit: string;
  readonly pending: number;
  readonly claimable: number;
  /** Priced while the pool had nothing left for its holders: the deposit goes back. */
  readonly refunded: boolean;
}

/** The requests of `controller` that are not fully claimed, oldest first. */
export async function readRequests(
  connection: Connection,
  pool: Pool,
  controller: Address,
): Promise<readonly RequestView[]> {
  const { client, deployment } = connection;
  const shares = { address: pool.poolShares, abi: poolSharesAbi } as const;
  return await inWords(connection, async () => {
    const [deposits, redemptions] = await client.readContract({
      ...shares,
      functionName: "openRequests",
      args: [controller],
    });
    const views = await Promise.all([
      ...deposits.map(async (id) => {
        const [pending, claimable] = await Promise.all([
          client.readContract({ ...shares, functionName: "pendingDepositRequest", args: [id, controller] }),
          client.readContract({ ...shares, functionName: "claimableDepositRequest", args: [id, controller] }),
        ]);
        return {
          id,
          epoch: Number(id >> 1n),
          direction: "deposit" as const,
          unit: deployment.quoteSymbol,
          pending: toTokens(connection, pending),
          claimable: toTokens(connection, claimable),
          refunded: pending === 0n && claimable === 0n,
        };
      }),
      ...redemptions.map(async (id) => {
        const [pending, claimable] = await Promise.all([
          client.readContract({ ...shares, functionName: "pendingRedeemRequest", args: [id, controller] }),
          client.readContract({ ...shares, functionName: "claimableRedeemRequest", args: [id, controller] }),
        ]);
        return {
          id,
          epoch: Number(id >> 1n),
          direction: "redemption" as const,
          unit: "shares",
          pending: Number(pending) / 1e18,
          claimable: Number(claimable) / 1e18,
          refunded: false,
        };
      }),
    ]);
    return views;
  });
}

/** A request that was sent. */
export interface RequestReceipt {
  readonly id: bigint;
  readonly epoch: number;
  readonly hash: string;
  /** Time of its block: only reports later than this price it. */
  readonly requestedAt: number;
}

/** Asks for a deposit of `assets` quote units; priced at the next mark under a later report. */
export async function requestDeposit(sender: Sender, pool: Pool, assets: bigint): Promise<RequestReceipt> {
  await sender.requireBalance(assets);
  const receipt = await sender.sendPaying(
    {
      address: pool.poolShares,
      abi: poolSharesAbi,
      functionName: "requestDeposit",
      args: [assets, sender.address, sender.address],
    },
    { spender: pool.poolShares, amount: assets },
  );
  return await receiptOf(sender.connection, "DepositRequest", receipt);
}

/** Asks for the redemption of `shares`; paid at the next marks under later reports, as far as the pool is liquid. */
export async function requestRedemption(sender: Sender, pool: Pool, shares: bigint): Promise<RequestReceipt> {
  const { connection } = sender;
  const held = await readShareBalance(connection, pool, sender.address);
  if (shares > held) {
    throw new MeniscusError("funds", `${sender.address} holds ${Number(held) / 1e18} shares of pool ${pool.name}.`, {
      hint: "Name fewer, or `all`; shares of a priced deposit come with `meniscus claim`.",
    });
  }
  const receipt = await sender.send({
    address: pool.poolShares,
    abi: poolSharesAbi,
    functionName: "requestRedeem",
    args: [shares, sender.address, sender.address],
  });
  return await receiptOf(connection, "RedeemRequest", receipt);
}

async function receiptOf(
  connection: Connection,
  eventName: "DepositRequest" | "RedeemRequest",
  receipt: Awaited<ReturnType<Sender["send"]>>,
): Promise<RequestReceipt> {
  const event = parseEventLogs({ abi: poolSharesAbi, eventName, logs: [...receipt.logs] })[0];
  if (!event) throw new MeniscusError("internal", `The request left no trace (transaction ${receipt.hash}).`);
  const block = await inWords(connection, () => connection.client.getBlock({ blockNumber: receipt.blockNumber }));
  const id = event.args.requestId;
  return { id, epoch: Number(id >> 1n), hash: receipt.hash, requestedAt: Number(block.timestamp) };
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
  request: RequestReceipt,
  options: {
    readonly timeoutSeconds: number;
    readonly pollMilliseconds?: number;
    readonly signal?: AbortSignal;
    readonly onProgress?: (progress: RequestProgress) => void;
  },
): Promise<boolean> {
  const until = performance.now() + options.timeoutSeconds * 1000;
  for (;;) {
    const open = (await readRequests(connection, pool, controller)).find(({ id }) => id === request.id);
    if (!open || open.pending === 0) return true;
    if (options.signal?.aborted) return false;
    options.onProgress?.(await describeProgress(connection, pool, request, open));
    if (performance.now() >= until) return false;
    await new Promise((resolve) => setTimeout(resolve, options.pollMilliseconds ?? 400));
  }
}

async function describeProgress(
  connection: Connection,
  pool: Pool,
  request: RequestReceipt,
  { pending, unit, direction }: RequestView,
): Promise<RequestProgress> {
  const view = await readPool(connection, pool);
  const reportTime = view.oracle.surfaceTime;
  const marked = view.markedRound >= view.oracle.round;
  const waitsFor =
    reportTime <= request.requestedAt
      ? "a report of the oracle later than the request"
      : !marked
        ? `the mark of the pool's book under report ${view.oracle.round}`
        : direction === "redemption" && view.utilisation > 0
          ? `free liquidity: the pool uses ${(100 * view.utilisation).toFixed(0)} % of its value as margin and pays out up to ${(100 * view.utilisationLimit).toFixed(0)} %`
          : "the next report and mark";
  return { pending, unit, waitsFor, reportTime, chainTime: reportTime + view.oracle.surfaceAge };
}

const total = (amounts: readonly bigint[]): bigint => amounts.reduce((sum, amount) => sum + amount, 0n);

/** What a claim brought. */
export interface ClaimResult {
  readonly shares: number;
  /** Quote tokens, refunds included. */
  readonly assets: number;
  readonly hash: string | null;
}

/** Takes everything claimable of the sender; does nothing where there is nothing. */
export async function claim(sender: Sender, pool: Pool): Promise<ClaimResult> {
  const { connection } = sender;
  const open = await readRequests(connection, pool, sender.address);
  if (!open.some(({ claimable, refunded }) => claimable > 0 || refunded)) return { shares: 0, assets: 0, hash: null };
  const receipt = await sender.send({
    address: pool.poolShares,
    abi: poolSharesAbi,
    functionName: "claimFor",
    args: [sender.address],
  });
  const logs = [...receipt.logs].filter(({ address }) => address.toLowerCase() === pool.poolShares.toLowerCase());
  const deposits = parseEventLogs({ abi: poolSharesAbi, eventName: "Deposit", logs });
  const withdrawals = parseEventLogs({ abi: poolSharesAbi, eventName: "Withdraw", logs });
  const refunds = parseEventLogs({ abi: poolSharesAbi, eventName: "Refunded", logs });
  return {
    shares: Number(total(deposits.map(({ args }) => args.shares))) / 1e18,
    assets: toTokens(connection, total([...withdrawals, ...refunds].map(({ args }) => args.assets))),
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
  /** Deposits that are not priced yet, and money that waits to be claimed. */
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
    const pendingOf = (direction: RequestView["direction"]) =>
      requests.filter((request) => request.direction === direction).reduce((sum, { pending }) => sum + pending, 0);
    const leaving = pendingOf("redemption");
    const all = held + claimable + BigInt(Math.round(leaving * 1e18));
    const value = sharesWorth(connection, all, values);
    const onItsWay = pendingOf("deposit") + toTokens(connection, claimableAssets);
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
      pendingDeposits: pendingOf("deposit"),
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
      client.getContractEvents({ ...contract, eventName: "Refunded", args: { controller: owner }, ...range }),
    ),
  ]);
  return {
    deposited: toTokens(connection, total(deposits.map(({ args }) => args.assets))),
    withdrawn: toTokens(connection, total([...withdrawals, ...refunds].map(({ args }) => args.assets))),
  };
}
