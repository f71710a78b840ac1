/** The shares of a pool in float64; fixed/sharesTwin.ts says the rules. Shares are plain numbers, assets whole quote units. */

import { cutOffOf, GRACE, isLapsed, MAX_EPOCHS_PER_MARK } from "../fixed/sharesTwin.ts";

const MIN_SHARES = 1e-3;
export const VIRTUAL_SHARES = 1e-6;
const MIN_SHARES_PER_TOKEN = 1e-12;

/** A mark's numbers as the pool keeps them, quote units. */
export interface FloatMark {
  round: number;
  surfaceTime: number;
  nav: number;
  reserve: number;
  freshReserve: number;
  unwind: number;
}

export interface FloatSharesPool {
  receive(assets: number): void;
  payable(): number;
  pay(assets: number): void;
}

interface Batch {
  requested: number;
  done: number;
  paid: number;
}

interface Epoch {
  readonly cutOff: number;
  readonly deposits: Batch;
  readonly redemptions: Batch;
}

interface Request {
  readonly epoch: number;
  amount: number;
  takenPaid: number;
}

type Direction = "deposits" | "redemptions";

export class FloatShares {
  supply = 0;
  private readonly quoteUnit: number;
  private readonly virtualAssets: number;
  private readonly balances = new Map<string, number>();
  private readonly epochs = new Map<number, Epoch>();
  private readonly requests = { deposits: new Map<string, Request>(), redemptions: new Map<string, Request>() };
  private lastEpoch = 0;
  private lastCutOff = 0;
  private firstUnpriced = 1;
  private firstUnpaid = 1;

  constructor(quoteDecimals: number) {
    this.quoteUnit = 10 ** quoteDecimals;
    this.virtualAssets = this.quoteUnit / 1e6;
  }

  balanceOf(owner: string): number {
    return this.balances.get(owner) ?? 0;
  }

  /** Returns why it is refused. */
  requestDeposit(owner: string, assets: number, now: number): string | undefined {
    if (assets < this.quoteUnit) return "PoolShares_BelowMinimum";
    return this.join("deposits", owner, assets, now);
  }

  /** Returns why it is refused. */
  requestRedeem(owner: string, shares: number, now: number): string | undefined {
    const held = this.balanceOf(owner);
    const isAll = shares === held && shares !== 0;
    if (shares < MIN_SHARES && !isAll) return "PoolShares_BelowMinimum";
    const refused = this.join("redemptions", owner, shares, now);
    if (refused === undefined) this.balances.set(owner, held - shares);
    return refused;
  }

  private join(direction: Direction, owner: string, amount: number, now: number): string | undefined {
    const request = this.requests[direction].get(owner);
    const epoch = now >= this.lastCutOff ? this.lastEpoch + 1 : this.lastEpoch;
    if (request !== undefined && request.epoch !== epoch) return "PoolShares_RequestOpen";
    if (epoch !== this.lastEpoch) {
      this.lastEpoch = epoch;
      this.lastCutOff = cutOffOf(now);
      const batch = () => ({ requested: 0, done: 0, paid: 0 });
      this.epochs.set(epoch, { cutOff: this.lastCutOff, deposits: batch(), redemptions: batch() });
    }
    this.epochs.get(epoch)![direction].requested += amount;
    if (request) request.amount += amount;
    else this.requests[direction].set(owner, { epoch, amount, takenPaid: 0 });
    return undefined;
  }

  /** Prices every epoch whose cut-off the mark's report has passed, and pays who waits to leave as far as the pool may pay. */
  onMark(mark: FloatMark, pool: FloatSharesPool): void {
    const supply = this.supply + VIRTUAL_SHARES;
    this.priceEpochs(mark, supply, pool);
    this.payRedemptions(mark, supply, pool);
  }

  private priceEpochs(mark: FloatMark, supply: number, pool: FloatSharesPool): void {
    let [assetsIn, minted] = [0, 0];
    const first = this.firstUnpriced;
    for (let n = first; n <= this.lastEpoch && n < first + MAX_EPOCHS_PER_MARK; n++) {
      const { cutOff, deposits } = this.epochs.get(n)!;
      if (mark.surfaceTime < cutOff) break;
      this.firstUnpriced = n + 1;
      if (deposits.requested === 0 || mark.surfaceTime > cutOff + GRACE) continue;
      deposits.done = this.sharesFor(deposits.requested, mark, supply);
      if (deposits.done === 0) continue;
      assetsIn += deposits.requested;
      minted += deposits.done;
    }
    if (minted === 0) return;
    this.supply += minted;
    pool.receive(assetsIn);
  }

  private sharesFor(assets: number, mark: FloatMark, supply: number): number {
    const value = mark.nav - mark.freshReserve;
    if (value < 0) return 0;
    if (supply !== VIRTUAL_SHARES && this.isWipedOut(exitValue(mark), supply)) return 0;
    const divisor = value + this.virtualAssets;
    if ((this.quoteUnit * supply) / divisor < MIN_SHARES_PER_TOKEN) return 0;
    return (assets * supply) / divisor;
  }

  private isWipedOut(value: number, supply: number): boolean {
    return value < supply * this.virtualAssets;
  }

  private payRedemptions(mark: FloatMark, supply: number, pool: FloatSharesPool): void {
    const first = this.firstUnpaid;
    if (first === this.firstUnpriced) return;
    const value = exitValue(mark);
    if (this.isWipedOut(value, supply)) return;
    const end = Math.min(this.firstUnpriced, first + MAX_EPOCHS_PER_MARK);
    let liquid: number | undefined;
    let paid = 0;
    let n = first;
    for (; n < end; n++) {
      const batch = this.epochs.get(n)!.redemptions;
      const waiting = batch.requested - batch.done;
      if (waiting === 0) continue;
      liquid ??= pool.payable();
      if (liquid === paid) break;
      const worth = Math.floor((waiting * value) / supply);
      const assets = Math.min(worth, liquid - paid);
      if (assets === 0 && worth !== 0) break;
      const isWhole = assets === worth;
      const shares = isWhole ? waiting : (waiting * assets) / worth;
      batch.done = isWhole ? batch.requested : batch.done + shares;
      batch.paid += assets;
      this.supply -= shares;
      paid += assets;
      if (!isWhole) break;
    }
    this.firstUnpaid = n;
    this.forget();
    if (paid !== 0) pool.pay(paid);
  }

  /** Epochs that nobody's request needs. */
  private forget(): void {
    if (this.epochs.size < 256) return;
    const needed = new Set(
      [...this.requests.deposits.values(), ...this.requests.redemptions.values()].map(({ epoch }) => epoch),
    );
    for (const epoch of this.epochs.keys()) {
      if (epoch < this.firstUnpaid && epoch < this.lastEpoch && !needed.has(epoch)) this.epochs.delete(epoch);
    }
  }

  /** Gives an owner whatever of his requests is done or goes back; `reportTime` is that of the last surface. */
  claim(owner: string, now: number, reportTime: number): { readonly shares: number; readonly assets: number } {
    const deposit = this.claimDeposit(owner, now, reportTime);
    const assets = this.claimRedemption(owner);
    this.balances.set(owner, this.balanceOf(owner) + deposit.shares);
    return { shares: deposit.shares, assets: assets + deposit.assets };
  }

  private claimDeposit(owner: string, now: number, reportTime: number) {
    const request = this.requests.deposits.get(owner);
    if (!request) return { shares: 0, assets: 0 };
    const { deposits, cutOff } = this.epochs.get(request.epoch)!;
    if (deposits.done !== 0) {
      this.requests.deposits.delete(owner);
      return { shares: (request.amount * deposits.done) / deposits.requested, assets: 0 };
    }
    if (request.epoch >= this.firstUnpriced && !isLapsed(cutOff, now, reportTime)) return { shares: 0, assets: 0 };
    this.requests.deposits.delete(owner);
    return { shares: 0, assets: request.amount };
  }

  private claimRedemption(owner: string): number {
    const request = this.requests.redemptions.get(owner);
    if (!request) return 0;
    const { requested, done, paid } = this.epochs.get(request.epoch)!.redemptions;
    const assets = Math.max(0, Math.floor((request.amount * paid) / requested) - request.takenPaid);
    if (done === requested) this.requests.redemptions.delete(owner);
    else request.takenPaid += assets;
    return assets;
  }
}

/** What all shares together would be paid, quote units. */
function exitValue({ nav, reserve, unwind }: FloatMark): number {
  return Math.max(0, nav - reserve - unwind);
}
