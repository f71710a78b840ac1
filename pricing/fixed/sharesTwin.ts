/**
 * Twin of pool-contracts/PoolShares.sol for requests without a bound on their charge that nobody cancels, while reports come: how
 * requests are priced together, paid in their order and claimed, to the unit.
 */

import { FixedPointError } from "./errors.ts";

const EPOCH_SECONDS = 60;
/** For so long after its cut-off a report may price a deposit, seconds. */
export const GRACE = 21_600;
const MAX_REPORT_AGE = 30;
export const MAX_EPOCHS_PER_MARK = 8;
const MIN_SHARES = 10n ** 15n;
const VIRTUAL_SHARES = 10n ** 12n;
const MIN_SHARES_PER_TOKEN = 1_000_000n;
const SHARE_UNIT = 10n ** 18n;

/** What of a mark decides at which price requests are done; quote units. */
export interface SharesMark {
  readonly surfaceTime: number;
  readonly nav: bigint;
  readonly reserve: bigint;
  readonly freshReserve: bigint;
  readonly unwind: bigint;
}

/** How the pool's account takes part in a mark. */
export interface SharesPool {
  /** Deposits that were priced come into the pool, quote units. */
  receive(assets: bigint): void;
  /** The most that redeemers may be paid now, quote units. */
  payable(): bigint;
  pay(assets: bigint): void;
}

interface Batch {
  requested: bigint;
  /** Of deposits the shares minted, of redemptions the shares paid. */
  done: bigint;
  /** Of redemptions, the money for them. */
  paid: bigint;
}

interface Epoch {
  readonly cutOff: number;
  readonly deposits: Batch;
  readonly redemptions: Batch;
}

interface Request {
  readonly epoch: number;
  amount: bigint;
  takenPaid: bigint;
}

type Direction = "deposits" | "redemptions";

/** The end of the minute in which a request is made: a report of then or later prices it. Unix seconds. */
export function cutOffOf(time: number): number {
  return (Math.floor(time / EPOCH_SECONDS) + 1) * EPOCH_SECONDS;
}

/** Whether a deposit that no mark has priced goes back: no report of its grace time can come any more, and none waits for its mark. */
export function isLapsed(cutOff: number, now: number, reportTime: number): boolean {
  return now > cutOff + GRACE + MAX_REPORT_AGE && (reportTime < cutOff || reportTime > cutOff + GRACE);
}

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const divideUp = (a: bigint, b: bigint): bigint => (a + b - 1n) / b;

export class SharesTwin {
  /** Shares that somebody owns or that wait for their owner. */
  supply = 0n;
  private readonly quoteUnit: bigint;
  private readonly virtualAssets: bigint;
  private readonly balances = new Map<string, bigint>();
  private readonly epochs = new Map<number, Epoch>();
  private readonly requests = { deposits: new Map<string, Request>(), redemptions: new Map<string, Request>() };
  private lastEpoch = 0;
  private lastCutOff = 0;
  private firstUnpriced = 1;
  private firstUnpaid = 1;

  constructor(quoteDecimals: number) {
    this.quoteUnit = 10n ** BigInt(quoteDecimals);
    this.virtualAssets = this.quoteUnit / 1_000_000n;
  }

  balanceOf(owner: string): bigint {
    return this.balances.get(owner) ?? 0n;
  }

  /** Value of a mark for one share, as deposits see it but for the fresh reserve: (nav + virtual assets)/(supply + virtual shares). */
  sharePrice(nav: bigint): { readonly assets: bigint; readonly shares: bigint } {
    return { assets: (nav > 0n ? nav : 0n) + this.virtualAssets, shares: this.supply + VIRTUAL_SHARES };
  }

  requestDeposit(owner: string, assets: bigint, now: number): void {
    if (assets < this.quoteUnit) throw new FixedPointError("PoolShares_BelowMinimum", [assets, this.quoteUnit]);
    this.join("deposits", owner, assets, now);
  }

  requestRedeem(owner: string, shares: bigint, now: number): void {
    const held = this.balanceOf(owner);
    const isAll = shares === held && shares !== 0n;
    if (shares < MIN_SHARES && !isAll) throw new FixedPointError("PoolShares_BelowMinimum", [shares, MIN_SHARES]);
    this.requireOpenFor("redemptions", owner, now);
    if (shares > held) throw new FixedPointError("ERC20InsufficientBalance", [held, shares]);
    this.join("redemptions", owner, shares, now);
    this.balances.set(owner, held - shares);
  }

  private requireOpenFor(direction: Direction, owner: string, now: number): void {
    const open = this.requests[direction].get(owner);
    const epoch = now >= this.lastCutOff ? this.lastEpoch + 1 : this.lastEpoch;
    if (open !== undefined && open.epoch !== epoch) {
      throw new FixedPointError("PoolShares_RequestOpen", [BigInt(open.epoch)]);
    }
  }

  private join(direction: Direction, owner: string, amount: bigint, now: number): void {
    this.requireOpenFor(direction, owner, now);
    if (now >= this.lastCutOff) {
      this.lastEpoch += 1;
      this.lastCutOff = cutOffOf(now);
      const batch = () => ({ requested: 0n, done: 0n, paid: 0n });
      this.epochs.set(this.lastEpoch, { cutOff: this.lastCutOff, deposits: batch(), redemptions: batch() });
    }
    this.epochs.get(this.lastEpoch)![direction].requested += amount;
    const request = this.requests[direction].get(owner);
    if (request) request.amount += amount;
    else this.requests[direction].set(owner, { epoch: this.lastEpoch, amount, takenPaid: 0n });
  }

  /** Prices every epoch whose cut-off the mark's report has passed, and pays who waits to leave as far as the pool may pay. */
  onMark(mark: SharesMark, pool: SharesPool): void {
    const supply = this.supply + VIRTUAL_SHARES;
    this.priceEpochs(mark, supply, pool);
    this.payRedemptions(mark, supply, pool);
  }

  private priceEpochs(mark: SharesMark, supply: bigint, pool: SharesPool): void {
    let [assetsIn, minted] = [0n, 0n];
    const first = this.firstUnpriced;
    for (let n = first; n <= this.lastEpoch && n < first + MAX_EPOCHS_PER_MARK; n++) {
      const { cutOff, deposits } = this.epochs.get(n)!;
      if (mark.surfaceTime < cutOff) break;
      this.firstUnpriced = n + 1;
      if (deposits.requested === 0n || mark.surfaceTime > cutOff + GRACE) continue;
      deposits.done = this.sharesFor(deposits.requested, mark, supply);
      if (deposits.done === 0n) continue;
      assetsIn += deposits.requested;
      minted += deposits.done;
    }
    if (minted === 0n) return;
    this.supply += minted;
    pool.receive(assetsIn);
  }

  /** Rounded down; 0 where deposits go back. */
  private sharesFor(assets: bigint, mark: SharesMark, supply: bigint): bigint {
    const value = mark.nav - mark.freshReserve;
    if (value < 0n) return 0n;
    if (supply !== VIRTUAL_SHARES && this.isWipedOut(exitValue(mark), supply)) return 0n;
    const divisor = value + this.virtualAssets;
    if ((this.quoteUnit * supply) / divisor < MIN_SHARES_PER_TOKEN) return 0n;
    return (assets * supply) / divisor;
  }

  private isWipedOut(value: bigint, supply: bigint): boolean {
    return value * SHARE_UNIT < supply * this.virtualAssets;
  }

  private payRedemptions(mark: SharesMark, supply: bigint, pool: SharesPool): void {
    const first = this.firstUnpaid;
    if (first === this.firstUnpriced) return;
    const value = exitValue(mark);
    if (this.isWipedOut(value, supply)) return;
    const end = Math.min(this.firstUnpriced, first + MAX_EPOCHS_PER_MARK);
    let liquid: bigint | undefined;
    let paid = 0n;
    let n = first;
    for (; n < end; n++) {
      const batch = this.epochs.get(n)!.redemptions;
      const waiting = batch.requested - batch.done;
      if (waiting === 0n) continue;
      liquid ??= pool.payable();
      if (liquid === paid) break;
      const worth = (waiting * value) / supply;
      const assets = least(worth, liquid - paid);
      if (assets === 0n && worth !== 0n) break;
      const shares = assets === worth ? waiting : divideUp(waiting * assets, worth);
      batch.done += shares;
      batch.paid += assets;
      this.supply -= shares;
      paid += assets;
      if (shares !== waiting) break;
    }
    this.firstUnpaid = n;
    if (paid !== 0n) pool.pay(paid);
  }

  /** Gives an owner whatever of his requests is done or goes back; `reportTime` is that of the last surface. */
  claim(owner: string, now: number, reportTime: number): { readonly shares: bigint; readonly assets: bigint } {
    const deposit = this.claimDeposit(owner, now, reportTime);
    const assets = this.claimRedemption(owner);
    this.balances.set(owner, this.balanceOf(owner) + deposit.shares);
    return { shares: deposit.shares, assets: assets + deposit.assets };
  }

  private claimDeposit(owner: string, now: number, reportTime: number) {
    const request = this.requests.deposits.get(owner);
    if (!request) return { shares: 0n, assets: 0n };
    const { deposits, cutOff } = this.epochs.get(request.epoch)!;
    if (deposits.done !== 0n) {
      this.requests.deposits.delete(owner);
      return { shares: (request.amount * deposits.done) / deposits.requested, assets: 0n };
    }
    if (request.epoch >= this.firstUnpriced && !isLapsed(cutOff, now, reportTime)) return { shares: 0n, assets: 0n };
    this.requests.deposits.delete(owner);
    return { shares: 0n, assets: request.amount };
  }

  private claimRedemption(owner: string): bigint {
    const request = this.requests.redemptions.get(owner);
    if (!request) return 0n;
    const { requested, done, paid } = this.epochs.get(request.epoch)!.redemptions;
    const [dueDone, duePaid] = [(request.amount * done) / requested, (request.amount * paid) / requested];
    const assets = duePaid > request.takenPaid ? duePaid - request.takenPaid : 0n;
    if (dueDone === request.amount) this.requests.redemptions.delete(owner);
    else request.takenPaid += assets;
    return assets;
  }
}

/** What all shares together would be paid, quote units. */
function exitValue({ nav, reserve, unwind }: SharesMark): bigint {
  const value = nav - reserve - unwind;
  return value > 0n ? value : 0n;
}
