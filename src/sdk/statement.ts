import { type Address, type Chain, getAddress, type PublicClient, type Transport, zeroAddress } from "viem";
import { cashDivisor } from "../../pricing/fixed/index.ts";
import type { Deployment } from "../chain/deployments.ts";
import { MeniscusError } from "../runtime/errors.ts";
import { addParts, noParts, type PartSums, type PoolPart, type PoolParts, poolParts, sumParts } from "./attribution.ts";
import { type ProtocolEvent, ProtocolHistory, type SharesEvent } from "./history.ts";
import { type MarkInterval, PoolReplay } from "./poolHistory.ts";

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

/** One LP over one period; amounts in quote tokens. `change` = `withdrawn` + value at the end − `deposited` − `opening`. */
export interface LpStatement {
  readonly name?: string;
  readonly address: Address;
  /** Value at the start of the period: 0 from the beginning. */
  readonly opening: number;
  /** Brought in: requested deposits, and shares received from others at mid. */
  readonly deposited: number;
  /** Taken out: claimed redemptions and refunds, and shares given to others at mid. */
  readonly withdrawn: number;
  /** Money in the protocol that is not in shares: deposits that wait, and claimable redemptions. */
  readonly pending: number;
  /** The open shares at the last mark: what leaving would pay, their part of NAV, and what entering would cost. */
  readonly value: { readonly bid: number; readonly mid: number; readonly ask: number };
  readonly holdings: StatementHoldings;
  readonly change: number;
  readonly parts: Readonly<Record<StatementPart, number>>;
  /** `change` less the sum of the parts. */
  readonly residual: number;
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

export interface PoolStatement {
  readonly pool: {
    readonly name: string;
    readonly optionPool: Address;
    readonly quoteSymbol: string;
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
}

export interface StatementOptions {
  readonly fromBlock?: bigint;
  readonly toBlock?: bigint;
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
  const { fromBlock = 0n, toBlock = events.at(-1)?.blockNumber ?? 0n } = options;
  const replay = new PoolReplay(deployment, pool);
  const register = new ShareRegister(pool.poolShares, cashDivisor(deployment.quoteDecimals), events);
  let opening: ReadonlyMap<Address, Wealth> | undefined;
  let marks = 0;
  let mismatches = 0;
  let markedAt: number | undefined;
  for (const event of events) {
    if (event.blockNumber > toBlock) break;
    if (event.blockNumber >= fromBlock) opening ??= register.wealth();
    const interval = replay.apply(event);
    if (interval) {
      marks += 1;
      markedAt = interval.surfaceTime;
      if (!isReproduced(interval)) mismatches += 1;
      register.distribute(interval);
    }
    if (event.source === "shares") register.apply(event);
  }
  const openings = opening ?? register.wealth(); // nothing happened in the period
  const names = new Map(Object.entries(options.names ?? {}).map(([key, name]) => [key.toLowerCase(), name]));
  const unit = 10n ** BigInt(deployment.quoteDecimals);
  const lps = [...register.wealth()].map(([address, closing]) =>
    toLpStatement(address, names.get(address.toLowerCase()), openings.get(address) ?? nothing(), closing, register),
  );
  return {
    pool: {
      name: pool.name,
      optionPool: pool.optionPool,
      quoteSymbol: deployment.quoteSymbol,
      nav: Number(register.nav) / Number(unit),
      sharePrice: register.supply === 0n ? 1 : toTokens(register.valueOf(10n ** 18n)),
      marks,
      markedAt,
      mismatches,
    },
    period: { fromBlock: Number(fromBlock), toBlock: Number(toBlock) },
    lps,
  };
}

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

const nothing = (): Wealth => ({ ...newHolder(), worth: 0n });

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
        const worth = this.valueOf(sharesOf(holder)) + cash;
        return [address, { ...holder, parts: { ...holder.parts }, flows: { ...holder.flows }, worth }];
      }),
    );
  }

  /** A mark's profit, to each by shares held over supply. */
  distribute(interval: MarkInterval): void {
    const { supply } = this;
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
const BOUNDS_IN_BASIS_POINTS = [10, 20, 50, 100, 200, 500, 1000];

/** The lot of a bound, WAD: 1 for the tightest. */
function lotOfBound(bound: bigint): number {
  return BOUNDS_IN_BASIS_POINTS.indexOf(Number(bound / 10n ** 14n)) + 1;
}

function sharesOf({ wallet, claimable, leaving }: Readonly<Holder>): bigint {
  return wallet + claimable + leaving;
}

// ───────────────────────────── Numbers for people ─────────────────────────────

/** Quote tokens from raw, 1e24 to one; rounded to 1e-9 before it becomes a float. */
function toTokens(raw: bigint): number {
  return Number(raw / 10n ** 15n) / 1e9;
}

function toNumbers(parts: PoolParts): Record<PoolPart, number> {
  const { premium, spread, impact, fees, delta, gamma, theta, vega, higherOrder } = parts;
  const { hedging, insurance, shortfall, backstop, gifts, rounding } = parts;
  return {
    premium: toTokens(premium),
    spread: toTokens(spread),
    impact: toTokens(impact),
    fees: toTokens(fees),
    delta: toTokens(delta),
    gamma: toTokens(gamma),
    theta: toTokens(theta),
    vega: toTokens(vega),
    higherOrder: toTokens(higherOrder),
    hedging: toTokens(hedging),
    insurance: toTokens(insurance),
    shortfall: toTokens(shortfall),
    backstop: toTokens(backstop),
    gifts: toTokens(gifts),
    rounding: toTokens(rounding),
  };
}

function toShares(amount: bigint): number {
  return Number(amount) / 1e18;
}

function toLpStatement(
  address: Address,
  name: string | undefined,
  opening: Wealth,
  closing: Wealth,
  register: ShareRegister,
): LpStatement {
  const parts = noParts();
  addParts(parts, closing.parts);
  for (const part of poolParts) parts[part] -= opening.parts[part];
  const entryAndExit = closing.entryAndExit - opening.entryAndExit;
  const deposited = closing.deposited - opening.deposited;
  const withdrawn = closing.withdrawn - opening.withdrawn;
  const change = withdrawn + closing.worth - deposited - opening.worth;
  const shares = sharesOf(closing);
  const { flows } = closing;
  return {
    ...(name === undefined ? {} : { name }),
    address,
    opening: toTokens(opening.worth),
    deposited: toTokens(deposited),
    withdrawn: toTokens(withdrawn),
    pending: toTokens(register.toUnits(closing.depositsWaiting + closing.cashClaimable)),
    value: {
      bid: toTokens(register.bidOf(shares)),
      mid: toTokens(register.valueOf(shares)),
      ask: toTokens(register.askOf(shares)),
    },
    holdings: {
      shares: toShares(shares),
      sharesLeaving: toShares(closing.leaving),
      sharesClaimable: toShares(closing.claimable),
      depositsWaiting: toTokens(register.toUnits(closing.depositsWaiting)),
      cashClaimable: toTokens(register.toUnits(closing.cashClaimable)),
    },
    change: toTokens(change),
    parts: { ...toNumbers(parts), entryAndExit: toTokens(entryAndExit) },
    residual: toTokens(change - sumParts(parts) - entryAndExit),
    flows: {
      premiumCollected: toTokens(flows.premiumCollected - opening.flows.premiumCollected),
      premiumPaid: toTokens(flows.premiumPaid - opening.flows.premiumPaid),
      payoffs: toTokens(flows.payoffs - opening.flows.payoffs),
      volume: Number(flows.volume - opening.flows.volume) / 1e6,
      swaps: flows.swaps - opening.flows.swaps,
    },
  };
}
