import { type Address, type Chain, getAddress, type PublicClient, type Transport, zeroAddress } from "viem";
import { cashDivisor, cutOffOf } from "../../pricing/fixed/index.ts";
import type { Deployment } from "../chain/deployments.ts";
import { MeniscusError } from "../runtime/errors.ts";
import {
  addParts,
  noParts,
  type PartSums,
  type PoolPart,
  type PoolParts,
  poolParts,
  sumParts,
  tokensOfRaw,
} from "./attribution.ts";
import { type ProtocolEvent, ProtocolHistory, type SharesEvent } from "./history.ts";
import { type MarkInterval, PoolReplay } from "./poolHistory.ts";
import { lotOfBound } from "./requestRules.ts";

/** Why an LP's wealth changed: the pool's parts, and what entering and leaving at NAV less reserve and spread did. */
export type StatementPart = PoolPart | "entryAndExit";

/** In the order in which people read them. */
export const statementParts: readonly StatementPart[] = [...poolParts, "entryAndExit"];

/** What an LP has in the pool at the end of the period; amounts in quote tokens, shares in shares. */
export interface StatementHoldings {
  /** Shares held, those claimable and those waiting to be redeemed together. */
  readonly shares: number;
  /** Of them, waiting to be redeemed. */
  readonly sharesLeaving: number;
  /** Of them, minted and not yet claimed. */
  readonly sharesClaimable: number;
  /** Deposits that wait for their price. */
  readonly depositsWaiting: number;
  /** Redemptions that were paid and not yet claimed. */
  readonly cashClaimable: number;
}

/**
 * One LP over one period; amounts in quote tokens. `change` = `withdrawn` + value at the end − `deposited` − `opening`. `deposited` counts
 * requests, and shares received from others at mid; `withdrawn` claimed redemptions and refunds, and shares given to others at mid.
 */
export interface LpStatement extends PeriodFlows {
  readonly name?: string;
  readonly address: Address;
  /** Value at the start of the period: 0 from the beginning. */
  readonly opening: number;
  /** Money in the protocol that is not in shares: deposits that wait, and claimable redemptions. */
  readonly pending: number;
  /** The open shares at the last mark: what leaving would pay, their part of NAV, and what entering would cost. */
  readonly value: { readonly bid: number; readonly mid: number; readonly ask: number };
  readonly holdings: StatementHoldings;
  /** The LP's share of what the pool's trading moved, for information. */
  readonly flows: {
    readonly premiumCollected: number;
    readonly premiumPaid: number;
    readonly payoffs: number;
    /** Contracts. */
    readonly volume: number;
    /** Swaps of the pool while the LP held shares. */
    readonly swaps: number;
  };
}

/** Profit of a period and its causes, quote tokens. */
export interface Attribution {
  readonly change: number;
  readonly parts: Readonly<Record<StatementPart, number>>;
  /** `change` less the sum of the parts. */
  readonly residual: number;
}

/** What came in, what went out, and what was gained; quote tokens. */
export interface PeriodFlows extends Attribution {
  readonly deposited: number;
  readonly withdrawn: number;
}

/** One mark with what followed until the next; rows add up to the period. */
export interface StatementRow {
  /** Model time of the mark's report, Unix seconds. */
  readonly time: number;
  readonly round: number;
  /** Block of the mark. */
  readonly block: number;
  readonly nav: number;
  readonly shares: number;
  /** Of one share: mid, and what leaving pays. */
  readonly sharePrice: number;
  readonly bid: number;
  readonly pool: PeriodFlows;
  /** The LP that was asked for: worth of shares at mid with money on its way, and the same of its own. */
  readonly lp: (PeriodFlows & { readonly value: number; readonly valueLeaving: number }) | null;
}

export interface PoolStatement {
  readonly pool: PeriodFlows & {
    readonly name: string;
    readonly optionPool: Address;
    readonly quoteSymbol: string;
    /** Quote tokens at the start of the period. */
    readonly opening: number;
    /** Quote tokens at the last mark, after what LPs brought and took there. */
    readonly nav: number;
    readonly sharePrice: number;
    readonly marks: number;
    /** Unix seconds of the last mark's report. */
    readonly markedAt: number | undefined;
    /** Marks whose NAV, cash or book value the replay did not find to the unit. */
    readonly mismatches: number;
  };
  readonly period: { readonly fromBlock: number; readonly toBlock: number };
  readonly lps: readonly LpStatement[];
  /** Where rows were asked for. */
  readonly rows: readonly StatementRow[];
  /** The deposit that was imagined, once it had a price. */
  readonly imagined: Entry | null;
}

/** A deposit that nobody made: too small to change what the pool did. */
export interface ImaginedDeposit {
  /** Whose it is: an address that holds nothing else. */
  readonly owner: Address;
  /** Quote units. */
  readonly assets: bigint;
  /** Unix seconds: the first mark under a report of its cut-off or later prices it, once the pool has shares. */
  readonly requestedAt: number;
}

/** A deposit at the mark that priced it. */
export interface Entry {
  /** Model time of the mark's report, Unix seconds. */
  readonly time: number;
  readonly round: number;
  readonly block: number;
  readonly shares: number;
  /** What a share cost, quote tokens. */
  readonly price: number;
}

export interface StatementOptions {
  readonly fromBlock?: bigint;
  readonly toBlock?: bigint;
  /** Unix seconds: the period begins with the first block not before `from`, and ends with the last one before `to`. */
  readonly from?: number;
  readonly to?: number;
  /** Rows from mark to mark, with this LP's part where one is named. */
  readonly rows?: { readonly of?: Address };
  readonly imagine?: ImaginedDeposit;
  /** Names by address, in any spelling. */
  readonly names?: Readonly<Record<string, string>>;
  /** The pool's name; the deployment's first otherwise. */
  readonly pool?: string;
}

/**
 * Reads the chain's events and states what every LP of a pool gained and why.
 *
 * @example
 * const { lps } = await readStatement(client, deployment);
 * lps[0]?.parts.spread; // quote tokens
 */
export async function readStatement(
  client: PublicClient<Transport, Chain>,
  deployment: Deployment,
  options: StatementOptions = {},
): Promise<PoolStatement> {
  const history = new ProtocolHistory(client, deployment);
  await history.update();
  return stateFrom(history.events, deployment, { toBlock: history.readUntil - 1n, ...options });
}

/** As `readStatement`, from events already read. */
export function stateFrom(
  events: readonly ProtocolEvent[],
  deployment: Deployment,
  options: StatementOptions = {},
): PoolStatement {
  const pool = deployment.pools.find(({ name }) => options.pool === undefined || name === options.pool);
  if (!pool) {
    const known = deployment.pools.map(({ name }) => name).join(", ");
    throw new MeniscusError("usage", `There is no pool "${options.pool ?? ""}".`, { hint: `There is: ${known}.` });
  }
  const { fromBlock = 0n, toBlock = events.at(-1)?.blockNumber ?? 0n, from = 0, to = Infinity, imagine } = options;
  const replay = new PoolReplay(deployment, pool);
  const register = new ShareRegister(pool.poolShares, cashDivisor(deployment.quoteDecimals), events);
  let opening: Moment | undefined;
  let openBlock = fromBlock;
  let last: MarkInterval | undefined;
  let entry: Entry | null = null;
  let markedAt: number | undefined;
  let marks = 0;
  let mismatches = 0;
  const cuts: { readonly mark: MarkInterval; readonly moment: Moment }[] = [];
  for (const event of events) {
    if (event.blockNumber > toBlock || event.time >= to) break;
    if (opening === undefined && event.blockNumber >= fromBlock && event.time >= from) {
      opening = register.moment();
      if (from > 0) openBlock = event.blockNumber;
    }
    // A row ends where the next mark begins: what was brought and taken between two marks belongs to the first.
    if (options.rows && last && event.name === "Marked" && isOf(event, pool)) {
      cuts.push({ mark: last, moment: register.moment() });
    }
    const interval = replay.apply(event);
    if (interval) {
      marks += 1;
      markedAt = interval.surfaceTime;
      if (opening) last = interval;
      if (!isReproduced(interval)) mismatches += 1;
      register.distribute(interval);
      if (imagine && !entry && interval.surfaceTime >= cutOffOf(imagine.requestedAt) && register.supply > 0n) {
        entry = entryAt(interval, register.imagine(imagine.owner, imagine.assets), tokensOfRaw(register.askOf(SHARE)));
      }
    }
    if (event.source === "shares") register.apply(event);
  }
  const closing = register.moment();
  const start = opening ?? closing; // nothing happened in the period
  if (options.rows && last) cuts.push({ mark: last, moment: closing });
  const names = new Map(Object.entries(options.names ?? {}).map(([key, name]) => [key.toLowerCase(), name]));
  const lps = [...closing.wealth].map(([address, wealth]) =>
    toLpStatement(address, names.get(address.toLowerCase()), start.wealth.get(address) ?? nothing(), wealth, register),
  );
  return {
    pool: {
      name: pool.name,
      optionPool: pool.optionPool,
      quoteSymbol: deployment.quoteSymbol,
      opening: tokensOfRaw(start.pool.worth),
      nav: tokensOfRaw(closing.pool.worth),
      sharePrice: register.supply === 0n ? 1 : tokensOfRaw(register.valueOf(SHARE)),
      marks,
      markedAt,
      mismatches,
      ...flowsBetween(start.pool, closing.pool),
    },
    period: { fromBlock: Number(openBlock), toBlock: Number(toBlock) },
    lps,
    rows: cuts.map(({ mark, moment }, i) => toRow(mark, cuts[i - 1]?.moment ?? start, moment, options.rows?.of)),
    imagined: entry,
  };
}

const isOf = (event: ProtocolEvent, { optionPool }: Deployment["pools"][number]): boolean =>
  event.address.toLowerCase() === optionPool.toLowerCase();

function isReproduced({ nav, cash, bookValue, replayed }: MarkInterval): boolean {
  return nav === replayed.nav && cash === replayed.cash && bookValue === replayed.bookValue;
}

// ───────────────────────────── Who owns what ─────────────────────────────

interface Flows {
  premiumCollected: bigint;
  premiumPaid: bigint;
  payoffs: bigint;
  volume: bigint;
  swaps: number;
}

interface Holder {
  /** In the wallet, minted and claimable, waiting to be redeemed. */
  wallet: bigint;
  claimable: bigint;
  leaving: bigint;
  /** Quote units. */
  depositsWaiting: bigint;
  cashClaimable: bigint;
  /** Raw. */
  deposited: bigint;
  withdrawn: bigint;
  parts: PartSums;
  entryAndExit: bigint;
  flows: Flows;
}

/** A holder with the worth of what is open; raw unless named otherwise. */
interface Wealth extends Readonly<Holder> {
  /** Shares at mid, with money that waits or can be claimed. */
  readonly worth: bigint;
  /** The same with the shares at what leaving pays. */
  readonly worthLeaving: bigint;
}

/** What a period is the difference of; raw. */
type Sums = Pick<Wealth, "worth" | "deposited" | "withdrawn" | "parts" | "entryAndExit">;

/** The pool and everybody in it at one moment. */
interface Moment {
  readonly wealth: ReadonlyMap<Address, Wealth>;
  /** Worth is NAV; what LPs brought and took as it was priced. */
  readonly pool: Sums;
  readonly supply: bigint;
  /** One share, raw. */
  readonly mid: bigint;
  readonly bid: bigint;
}

interface Redemption {
  readonly amount: bigint;
  paidShares: bigint;
  paidAssets: bigint;
}

interface RedemptionEpoch {
  readonly requests: Map<Address, Redemption>;
  shares: bigint;
  paidShares: bigint;
  paidAssets: bigint;
}

const noFlows = (): Flows => ({ premiumCollected: 0n, premiumPaid: 0n, payoffs: 0n, volume: 0n, swaps: 0 });

const newHolder = (): Holder => ({
  wallet: 0n,
  claimable: 0n,
  leaving: 0n,
  depositsWaiting: 0n,
  cashClaimable: 0n,
  deposited: 0n,
  withdrawn: 0n,
  parts: noParts(),
  entryAndExit: 0n,
  flows: noFlows(),
});

const nothing = (): Wealth => ({ ...newHolder(), worth: 0n, worthLeaving: 0n });

const SHARE = 10n ** 18n;
const DAY = 86_400;

/**
 * Who owns which shares, from the events of `PoolShares`, and each owner's part of the pool's profit. Shares belong to their
 * holder, those in the queue to the controller who will claim them or their money.
 */
class ShareRegister {
  /** Real shares; the contract prices with a few virtual ones besides. */
  supply = 0n;
  /** Quote units at the last mark, after what LPs brought and took. */
  nav = 0n;
  private reserve = 0n;
  private freshReserve = 0n;
  private unwind = 0n;
  private provision = 0n;
  private readonly poolShares: Address;
  private readonly divisor: bigint;
  private readonly queued: ReadonlySet<string>;
  private readonly holders = new Map<Address, Holder>();
  /** Of the pool since its beginning, raw. */
  private readonly whole = { deposited: 0n, withdrawn: 0n, parts: noParts() };
  private readonly deposits = new Map<bigint, Map<Address, bigint>>();
  private readonly redemptions = new Map<bigint, RedemptionEpoch>();
  /** The lot a request is in, where its charge is bounded or it is being canceled. */
  private readonly lots = new Map<string, number>();
  private lastCanceled = "";

  constructor(poolShares: Address, divisor: bigint, events: readonly ProtocolEvent[]) {
    this.poolShares = getAddress(poolShares);
    this.divisor = divisor;
    // A redemption request is a transfer to the contract, then its event; other transfers there are gifts to nobody.
    this.queued = new Set(
      events
        .filter(({ name, address }) => name === "RedeemRequest" && getAddress(address) === this.poolShares)
        .map(({ blockNumber, logIndex }) => `${blockNumber}-${logIndex - 1}`),
    );
  }

  /** Shares at mid, raw. */
  valueOf(shares: bigint): bigint {
    return this.supply === 0n ? 0n : (this.nav * this.divisor * shares) / this.supply;
  }

  /** What the shares would be paid if they left now, raw: mid less reserve, unwinding and provision. */
  bidOf(shares: bigint): bigint {
    const value = this.nav - this.reserve - this.unwind - this.provision;
    return this.supply === 0n || value <= 0n ? 0n : (value * this.divisor * shares) / this.supply;
  }

  /** What as many shares would cost who enters now, raw: mid less the fresh reserve. */
  askOf(shares: bigint): bigint {
    return this.supply === 0n ? 0n : ((this.nav - this.freshReserve) * this.divisor * shares) / this.supply;
  }

  toUnits(amount: bigint): bigint {
    return amount * this.divisor;
  }

  wealth(): ReadonlyMap<Address, Wealth> {
    return new Map(
      [...this.holders].map(([address, holder]) => {
        const cash = (holder.depositsWaiting + holder.cashClaimable) * this.divisor;
        const shares = sharesOf(holder);
        const [worth, worthLeaving] = [this.valueOf(shares) + cash, this.bidOf(shares) + cash];
        return [address, { ...holder, parts: { ...holder.parts }, flows: { ...holder.flows }, worth, worthLeaving }];
      }),
    );
  }

  moment(): Moment {
    const { deposited, withdrawn, parts } = this.whole;
    return {
      wealth: this.wealth(),
      pool: { worth: this.toUnits(this.nav), deposited, withdrawn, parts: { ...parts }, entryAndExit: 0n },
      supply: this.supply,
      mid: this.valueOf(SHARE),
      bid: this.bidOf(SHARE),
    };
  }

  /** Somebody holds as many shares as `assets` quote units buy now, and nobody else's part changes. Returns the shares. */
  imagine(owner: Address, assets: bigint): bigint {
    const cost = this.nav - this.freshReserve;
    const shares = cost <= 0n ? 0n : (assets * this.supply) / cost;
    const holder = this.holder(owner);
    const paid = this.toUnits(assets);
    holder.wallet += shares;
    holder.deposited += paid;
    holder.entryAndExit += this.valueOf(shares) - paid;
    return shares;
  }

  /** A mark's profit, to each by shares held over supply. */
  distribute(interval: MarkInterval): void {
    const { supply } = this;
    addParts(this.whole.parts, interval.parts);
    for (const holder of this.holders.values()) {
      const shares = sharesOf(holder);
      if (shares === 0n || supply === 0n) continue;
      const part = (amount: bigint) => (amount * shares) / supply;
      for (const name of poolParts) holder.parts[name] += part(interval.parts[name]);
      holder.flows.premiumCollected += part(interval.flows.premiumCollected);
      holder.flows.premiumPaid += part(interval.flows.premiumPaid);
      holder.flows.payoffs += part(interval.flows.payoffs);
      holder.flows.volume += part(interval.flows.volume);
      holder.flows.swaps += interval.flows.swaps;
    }
    this.nav = interval.nav;
    this.reserve = interval.reserve;
    this.freshReserve = interval.freshReserve;
    this.unwind = interval.unwind;
    this.provision = interval.provision;
  }

  apply(event: SharesEvent): void {
    if (getAddress(event.address) !== this.poolShares) return;
    switch (event.name) {
      case "Transfer":
        this.onTransfer(event);
        break;
      case "DepositRequest": {
        const { controller, requestId, assets } = event.args;
        const epoch = this.deposits.get(requestId >> 1n) ?? new Map<Address, bigint>();
        epoch.set(controller, (epoch.get(controller) ?? 0n) + assets);
        this.deposits.set(requestId >> 1n, epoch);
        const holder = this.holder(controller);
        holder.depositsWaiting += assets;
        holder.deposited += assets * this.divisor;
        break;
      }
      case "RedeemRequest": {
        const { controller, owner, requestId, shares } = event.args;
        this.onRedeemRequest(controller, requestId >> 1n, shares);
        this.holder(owner).wallet -= shares;
        this.holder(controller).leaving += shares;
        this.giveInKind(owner, controller, shares);
        break;
      }
      case "EpochPriced": {
        const { epoch, assetsIn, sharesMinted, refunded } = event.args;
        if (assetsIn > 0n && !refunded) this.onMinted(epoch, assetsIn, sharesMinted);
        break;
      }
      case "RedemptionPaid":
        this.onRedemptionPaid(event.args.epoch, event.args.shares, event.args.assets);
        break;
      case "Deposit": {
        const { sender, owner, shares } = event.args;
        this.holder(sender).claimable -= shares;
        this.holder(owner).wallet += shares;
        this.giveInKind(sender, owner, shares);
        break;
      }
      case "Withdraw": {
        const { owner, assets } = event.args;
        const holder = this.holder(owner);
        holder.cashClaimable -= assets;
        holder.withdrawn += assets * this.divisor;
        break;
      }
      case "ChargeBounded":
        this.lots.set(memberKey(event.args.requestId, event.args.controller), lotOfBound(event.args.bound));
        break;
      case "CancelDepositRequest":
      case "CancelRedeemRequest": {
        const key = memberKey(event.args.requestId, event.args.controller);
        this.lastCanceled = key;
        this.lots.set(key, CANCELED + (this.lots.get(key) ?? 0));
        break;
      }
      case "SentBack":
        this.onSentBack(event.args.requestId, Number(event.args.lot));
        break;
      case "RedemptionAdvanced":
        this.onRedemptionPaid(event.args.epoch, 0n, event.args.assets);
        break;
      case "AdvanceSettled":
        this.onRedemptionPaid(event.args.epoch, event.args.shares, 0n);
        break;
      case "CancelDepositClaim": {
        const { controller, assets } = event.args;
        const holder = this.holder(controller);
        holder.depositsWaiting -= assets;
        holder.withdrawn += assets * this.divisor;
        break;
      }
      case "CancelRedeemClaim": {
        const { controller, receiver, shares } = event.args;
        this.holder(controller).leaving -= shares;
        this.holder(receiver).wallet += shares;
        this.giveInKind(controller, receiver, shares);
        break;
      }
      default:
    }
  }

  private holder(address: Address): Holder {
    const found = this.holders.get(address);
    if (found) return found;
    const created = newHolder();
    this.holders.set(address, created);
    return created;
  }

  /** Between wallets only: minting, burning, claims and requests have events of their own. */
  private onTransfer({ args, blockNumber, logIndex }: Extract<SharesEvent, { name: "Transfer" }>): void {
    const { from, to, value } = args;
    if (from === zeroAddress || to === zeroAddress || from === this.poolShares) return;
    if (to === this.poolShares && this.queued.has(`${blockNumber}-${logIndex}`)) return;
    this.holder(from).wallet -= value;
    this.holder(to).wallet += value;
    this.giveInKind(from, to, value);
  }

  private giveInKind(from: Address, to: Address, shares: bigint): void {
    if (from === to) return;
    const value = this.valueOf(shares);
    this.holder(from).withdrawn += value;
    this.holder(to).deposited += value;
  }

  private onRedeemRequest(controller: Address, epoch: bigint, shares: bigint): void {
    const queue = this.redemptions.get(epoch) ?? { requests: new Map(), shares: 0n, paidShares: 0n, paidAssets: 0n };
    const before = queue.requests.get(controller)?.amount ?? 0n;
    queue.requests.set(controller, { amount: before + shares, paidShares: 0n, paidAssets: 0n });
    queue.shares += shares;
    this.redemptions.set(epoch, queue);
  }

  /** Deposits of one epoch become shares, each its part, rounded down as claims are. */
  private onMinted(epoch: bigint, assetsIn: bigint, minted: bigint): void {
    this.enterOrLeave(() => {
      this.supply += minted;
      this.nav += assetsIn;
      this.whole.deposited += this.toUnits(assetsIn);
      for (const [controller, assets] of this.deposits.get(epoch) ?? []) {
        const holder = this.holder(controller);
        holder.depositsWaiting -= assets;
        holder.claimable += (assets * minted) / assetsIn;
      }
    });
  }

  /** A part of an epoch's redemptions becomes money, pro rata, rounded down as claims are. */
  private onRedemptionPaid(epoch: bigint, shares: bigint, assets: bigint): void {
    this.enterOrLeave(() => {
      this.supply -= shares;
      this.nav -= assets;
      this.whole.withdrawn += this.toUnits(assets);
      const queue = this.redemptions.get(epoch);
      if (!queue) return;
      queue.paidShares += shares;
      queue.paidAssets += assets;
      for (const [controller, request] of queue.requests) {
        const holder = this.holder(controller);
        const paidShares = (request.amount * queue.paidShares) / queue.shares;
        const part = (request.amount * queue.paidAssets) / queue.shares;
        const paidAssets = part > request.paidAssets ? part : request.paidAssets; // a unit may have left with others
        holder.leaving -= paidShares - request.paidShares;
        holder.cashClaimable += paidAssets - request.paidAssets;
        Object.assign(request, { paidShares, paidAssets });
      }
    });
  }

  /** A lot leaves its epoch with what was paid to it, as `Batches.sendBack` has it; until it is taken back it stays where it waits. */
  private onSentBack(requestId: bigint, lot: number): void {
    const epoch = requestId >> 1n;
    const isRedemption = (requestId & 1n) === 1n;
    const queue = this.redemptions.get(epoch);
    const controllers = [...((isRedemption ? queue?.requests : this.deposits.get(epoch))?.keys() ?? [])];
    const left = controllers.filter((controller) => {
      const key = memberKey(requestId, controller);
      return lot === 0 ? key === this.lastCanceled : this.lots.get(key) === lot;
    });
    for (const controller of left) this.lots.delete(memberKey(requestId, controller));
    if (!isRedemption) {
      for (const controller of left) this.deposits.get(epoch)?.delete(controller);
      return;
    }
    if (!queue || left.length === 0) return;
    const gone = left.reduce((sum, controller) => sum + (queue.requests.get(controller)?.amount ?? 0n), 0n);
    const stay = queue.shares - gone;
    for (const controller of left) queue.requests.delete(controller);
    queue.paidShares = (queue.paidShares * stay + queue.shares - 1n) / queue.shares;
    queue.paidAssets = (queue.paidAssets * stay) / queue.shares;
    queue.shares = stay;
  }

  /** Whatever a change of shares and NAV does to anybody's worth is the effect of entering and leaving. */
  private enterOrLeave(change: () => void): void {
    const before = this.wealth();
    change();
    for (const [address, { worth }] of this.wealth()) {
      this.holder(address).entryAndExit += worth - (before.get(address)?.worth ?? 0n);
    }
  }
}

const memberKey = (requestId: bigint, controller: Address) => `${requestId}-${controller}`;

/** Lots from here on are canceled requests. */
const CANCELED = 8;

function sharesOf({ wallet, claimable, leaving }: Readonly<Holder>): bigint {
  return wallet + claimable + leaving;
}

// ───────────────────────────── Numbers for people ─────────────────────────────

function toNumbers(parts: PoolParts): Record<PoolPart, number> {
  const { premium, spread, impact, fees, delta, gamma, theta, vega, higherOrder } = parts;
  const { hedging, keepers, insurance, shortfall, backstop, gifts, rounding } = parts;
  return {
    premium: tokensOfRaw(premium),
    spread: tokensOfRaw(spread),
    impact: tokensOfRaw(impact),
    fees: tokensOfRaw(fees),
    delta: tokensOfRaw(delta),
    gamma: tokensOfRaw(gamma),
    theta: tokensOfRaw(theta),
    vega: tokensOfRaw(vega),
    higherOrder: tokensOfRaw(higherOrder),
    hedging: tokensOfRaw(hedging),
    keepers: tokensOfRaw(keepers),
    insurance: tokensOfRaw(insurance),
    shortfall: tokensOfRaw(shortfall),
    backstop: tokensOfRaw(backstop),
    gifts: tokensOfRaw(gifts),
    rounding: tokensOfRaw(rounding),
  };
}

function toShares(amount: bigint): number {
  return Number(amount) / 1e18;
}

function flowsBetween(opening: Sums, closing: Sums): PeriodFlows {
  const parts = noParts();
  for (const part of poolParts) parts[part] = closing.parts[part] - opening.parts[part];
  const entryAndExit = closing.entryAndExit - opening.entryAndExit;
  const deposited = closing.deposited - opening.deposited;
  const withdrawn = closing.withdrawn - opening.withdrawn;
  const change = withdrawn + closing.worth - deposited - opening.worth;
  return {
    deposited: tokensOfRaw(deposited),
    withdrawn: tokensOfRaw(withdrawn),
    change: tokensOfRaw(change),
    parts: { ...toNumbers(parts), entryAndExit: tokensOfRaw(entryAndExit) },
    residual: tokensOfRaw(change - sumParts(parts) - entryAndExit),
  };
}

function toRow(mark: MarkInterval, opening: Moment, closing: Moment, of: Address | undefined): StatementRow {
  const ends = of && closing.wealth.get(of);
  const begins = (of && opening.wealth.get(of)) ?? nothing();
  return {
    time: mark.surfaceTime,
    round: mark.round,
    block: Number(mark.blockNumber),
    nav: tokensOfRaw(closing.pool.worth),
    shares: toShares(closing.supply),
    sharePrice: closing.supply === 0n ? 1 : tokensOfRaw(closing.mid),
    bid: tokensOfRaw(closing.bid),
    pool: flowsBetween(opening.pool, closing.pool),
    lp: ends
      ? {
          value: tokensOfRaw(ends.worth),
          valueLeaving: tokensOfRaw(ends.worthLeaving),
          ...flowsBetween(begins, ends),
        }
      : null,
  };
}

function entryAt({ surfaceTime, round, blockNumber }: MarkInterval, shares: bigint, price: number): Entry {
  return { time: surfaceTime, round, block: Number(blockNumber), shares: toShares(shares), price };
}

/** Rows of one day, 00:00 to 24:00 UTC, as one: what was gained is added, prices are the last. */
export function daily(rows: readonly StatementRow[]): readonly StatementRow[] {
  const days = new Map<number, StatementRow>();
  for (const row of rows) {
    const day = Math.floor(row.time / DAY) * DAY;
    const before = days.get(day);
    const merged = before ? { ...row, pool: added(before.pool, row.pool), lp: addedLp(before.lp, row.lp) } : row;
    days.set(day, { ...merged, time: day });
  }
  return [...days.values()];
}

function addedLp(before: StatementRow["lp"], next: StatementRow["lp"]): StatementRow["lp"] {
  return before && next ? { ...next, ...added(before, next) } : next;
}

function added(one: PeriodFlows, other: PeriodFlows): PeriodFlows {
  const parts = { ...one.parts };
  for (const part of statementParts) parts[part] += other.parts[part];
  return {
    deposited: one.deposited + other.deposited,
    withdrawn: one.withdrawn + other.withdrawn,
    change: one.change + other.change,
    parts,
    residual: one.residual + other.residual,
  };
}

function toLpStatement(
  address: Address,
  name: string | undefined,
  opening: Wealth,
  closing: Wealth,
  register: ShareRegister,
): LpStatement {
  const shares = sharesOf(closing);
  const { flows } = closing;
  return {
    ...(name === undefined ? {} : { name }),
    address,
    opening: tokensOfRaw(opening.worth),
    ...flowsBetween(opening, closing),
    pending: tokensOfRaw(register.toUnits(closing.depositsWaiting + closing.cashClaimable)),
    value: {
      bid: tokensOfRaw(register.bidOf(shares)),
      mid: tokensOfRaw(register.valueOf(shares)),
      ask: tokensOfRaw(register.askOf(shares)),
    },
    holdings: {
      shares: toShares(shares),
      sharesLeaving: toShares(closing.leaving),
      sharesClaimable: toShares(closing.claimable),
      depositsWaiting: tokensOfRaw(register.toUnits(closing.depositsWaiting)),
      cashClaimable: tokensOfRaw(register.toUnits(closing.cashClaimable)),
    },
    flows: {
      premiumCollected: tokensOfRaw(flows.premiumCollected - opening.flows.premiumCollected),
      premiumPaid: tokensOfRaw(flows.premiumPaid - opening.flows.premiumPaid),
      payoffs: tokensOfRaw(flows.payoffs - opening.flows.payoffs),
      volume: Number(flows.volume - opening.flows.volume) / 1e6,
      swaps: flows.swaps - opening.flows.swaps,
    },
  };
}
