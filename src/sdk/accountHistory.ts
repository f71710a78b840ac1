import { type Address, isAddressEqual, zeroAddress } from "viem";
import { cashDivisor } from "../../pricing/fixed/index.ts";
import type { Deployment } from "../chain/deployments.ts";
import { fromOptionId, fromStrikeKey, optionName, toAccountId, toOptionId } from "../chain/optionId.ts";
import { payoffRaw, type StrikeHolding, tokensOfRaw, valueRaw } from "./attribution.ts";
import type { LedgerEvent, ProtocolEvent } from "./history.ts";
import { SurfaceReplay } from "./surfaceReplay.ts";
import type { PositionView } from "./trader.ts";

/** One option of an account, as its swaps left it. Raw: 1e24 to one quote token. */
export interface Tally {
  /** Signed, 6 decimals. */
  readonly size: bigint;
  /** What the open part was bought for, fees included; negative where it brought money. */
  readonly cost: bigint;
  /** What closing, expiring or giving away brought over its cost. */
  readonly realised: bigint;
  /** Of `realised`, what expiry paid (negative: cost); undefined where none of it expired. */
  readonly payoff: bigint | undefined;
}

type OpenTally = { -readonly [TKey in keyof Tally]: Tally[TKey] };

interface Leg {
  readonly option: bigint;
  readonly size: bigint;
}

const WAD_PER_E6 = 10n ** 12n;
const BASIS_POINTS = 10_000n;
const isPut = (option: bigint): boolean => (option & 1n) === 1n;
const abs = (value: bigint): bigint => (value < 0n ? -value : value);

/**
 * What the options of one owner cost and brought, account by account, from what the ledger said. Feed it every event of the
 * protocol in order.
 *
 * A swap's cash is split over its legs by their value at the oracle's last report, what it differs from their sum by size of value. Lots
 * close at average cost. Options that come or go without a swap (gifts, liquidations) do so at their value at the last report: the
 * discount of a liquidation is no part of this.
 */
export class AccountReplay {
  private readonly owner: Address;
  private readonly divisor: bigint;
  private readonly surfaces: ReadonlyMap<number, SurfaceReplay>;
  private readonly fees = new Map<number, bigint>();
  private readonly accounts = new Map<bigint, Map<bigint, OpenTally>>();
  /** Net credits by account and expiry, quote units. */
  private readonly credits = new Map<bigint, Map<string, bigint>>();
  /** What is there of what an expiry owes. */
  private readonly finals = new Map<string, { readonly owed: bigint; collected: bigint }>();

  constructor(deployment: Deployment, owner: Address) {
    this.owner = owner;
    this.divisor = cashDivisor(deployment.quoteDecimals);
    this.surfaces = new Map(deployment.markets.map(({ marketId }) => [marketId, new SurfaceReplay(marketId)]));
  }

  /** Every option the account ever had. */
  tallies(sub: number): ReadonlyMap<bigint, Tally> {
    return this.accounts.get(toAccountId(this.owner, sub)) ?? new Map();
  }

  /** What final settlements lack of the account's credits, raw. */
  shortfall(sub: number): bigint {
    let missing = 0n;
    for (const [expiry, due] of this.credits.get(toAccountId(this.owner, sub)) ?? []) {
      const final = this.finals.get(expiry);
      if (final && final.collected < final.owed) missing += (due * (final.owed - final.collected)) / final.owed;
    }
    return missing * this.divisor;
  }

  apply(event: ProtocolEvent): void {
    if (event.source === "oracle") for (const surface of this.surfaces.values()) surface.onOracle(event);
    if (event.source === "ledger") this.onLedger(event);
  }

  private onLedger(event: LedgerEvent): void {
    switch (event.name) {
      case "MarketCreated": {
        const { marketId, market } = event.args;
        this.fees.set(marketId, BigInt(market.insuranceFeeShareBps) + BigInt(market.protocolFeeShareBps));
        break;
      }
      case "Traded":
        this.onTraded(event.args);
        break;
      case "OptionsMoved":
        this.move(event.args.from, event.args.to, event.args.option, event.args.size);
        break;
      case "OptionsDeposited": {
        const { account, option, amount } = event.args;
        this.move(walletOf(account), account, option, amount);
        break;
      }
      case "OptionsWithdrawn": {
        const { account, option, to, amount } = event.args;
        this.move(account, toAccountId(to, 0), option, amount);
        break;
      }
      case "Transfer":
        this.onTransfer(event.args);
        break;
      case "Liquidated":
        this.onLiquidated(event.args);
        break;
      case "SettlementStarted":
        this.surfaces.get(event.args.marketId)?.fix(event.args.expiry, event.args.priceWad);
        break;
      case "SettlementFinal": {
        const { marketId, expiry, owed, collected } = event.args;
        this.finals.set(`${marketId}-${expiry}`, { owed, collected });
        break;
      }
      case "PayoutRaised": {
        const final = this.finals.get(`${event.args.marketId}-${event.args.expiry}`);
        if (final) final.collected = event.args.collected;
        break;
      }
      case "AccountSettled": {
        const { account, marketId, expiry, net } = event.args;
        if (!this.isOwn(account)) return;
        if (net > 0n) this.credit(account, marketId, expiry, net);
        for (const [option, tally] of this.talliesOf(account)) {
          const terms = fromStrikeKey(option >> 8n);
          if (terms.marketId === marketId && terms.expiry === expiry) this.expire(account, option, -tally.size);
        }
        break;
      }
      default:
    }
  }

  private onTraded(args: Extract<LedgerEvent, { name: "Traded" }>["args"]): void {
    const { taker, maker, legs, cash, fee } = args;
    if (this.isOwn(taker)) this.swap(taker, legs, cash);
    if (!this.isOwn(maker)) return;
    const marketId = fromStrikeKey((legs[0]?.option ?? 0n) >> 8n).marketId;
    const away = (fee * (this.fees.get(marketId) ?? 0n)) / BASIS_POINTS;
    this.swap(
      maker,
      legs.map(({ option, size }) => ({ option, size: -size })),
      away - cash,
    );
  }

  /** `cash`, quote units, was paid for the legs together. */
  private swap(account: bigint, legs: readonly Leg[], cash: bigint): void {
    const paid = cash * this.divisor;
    const values = legs.map((leg) => this.valueOf(leg));
    const sum = values.reduce((total, value) => total + value, 0n);
    const sizes = legs.map(({ size }) => abs(size));
    const gross = values.reduce((total, value) => total + abs(value), 0n);
    const weights = gross === 0n ? sizes : values.map(abs);
    const whole = weights.reduce((total, weight) => total + weight, 0n);
    let left = paid - sum;
    for (const [i, { option, size }] of legs.entries()) {
      const isLast = i === legs.length - 1;
      const extra = isLast ? left : ((paid - sum) * (weights[i] ?? 0n)) / whole;
      left -= extra;
      this.add(account, option, size, (values[i] ?? 0n) + extra);
    }
  }

  /** An option from one account to another: at cost where both are the owner's, else at its value. */
  private move(from: bigint, to: bigint, option: bigint, size: bigint): void {
    const value = this.valueOf({ option, size });
    const [gives, takes] = [this.isOwn(from), this.isOwn(to)];
    const tally = gives ? this.talliesOf(from).get(option) : undefined;
    const cost = takes && tally && tally.size !== 0n ? (tally.cost * size) / tally.size : value;
    if (gives) this.add(from, option, -size, -cost);
    if (takes) this.add(to, option, size, cost);
  }

  /** Between wallets; what is minted and burnt has events of its own, except what is redeemed. */
  private onTransfer({ sender, receiver, id, amount }: Extract<LedgerEvent, { name: "Transfer" }>["args"]): void {
    if (isAddressEqual(sender, zeroAddress)) return;
    const account = toAccountId(sender, 0);
    if (!isAddressEqual(receiver, zeroAddress)) {
      this.move(account, toAccountId(receiver, 0), id, amount);
      return;
    }
    const { marketId, expiry } = fromStrikeKey(id >> 8n);
    // Nobody trades or deposits an expiry that is final.
    if (!this.isOwn(account) || !this.finals.has(`${marketId}-${expiry}`)) return;
    this.credit(account, marketId, expiry, this.valueOf({ option: id, size: amount }) / this.divisor);
    this.expire(account, id, -amount);
  }

  /** A share of all an account's options went to the bidder, rounded as `Transfers.take` does: towards minus infinity. */
  private onLiquidated({ account, bidder, shareWad }: Extract<LedgerEvent, { name: "Liquidated" }>["args"]): void {
    if (!this.isOwn(account)) return; // what a bidder gets is not in the event: its tallies differ from what it holds
    for (const [option, { size }] of this.talliesOf(account)) {
      const product = size * shareWad;
      const floor = product / 10n ** 18n - (product < 0n && product % 10n ** 18n !== 0n ? 1n : 0n);
      if (floor !== 0n) this.move(account, bidder, option, floor);
    }
  }

  private expire(account: bigint, option: bigint, size: bigint): void {
    const payoff = -this.valueOf({ option, size });
    const tally = this.add(account, option, size, -payoff);
    tally.payoff = (tally.payoff ?? 0n) + payoff;
  }

  private credit(account: bigint, marketId: number, expiry: number, due: bigint): void {
    const credits = this.credits.get(account) ?? new Map<string, bigint>();
    const key = `${marketId}-${expiry}`;
    credits.set(key, (credits.get(key) ?? 0n) + due);
    this.credits.set(account, credits);
  }

  /** `size` more of an option was bought for `cost`, raw; what brings the tally nearer to zero closes it at average cost. */
  private add(account: bigint, option: bigint, size: bigint, cost: bigint): OpenTally {
    const tallies = this.talliesOf(account);
    const tally = tallies.get(option) ?? { size: 0n, cost: 0n, realised: 0n, payoff: undefined };
    tallies.set(option, tally);
    const closes = tally.size > 0n !== size > 0n && tally.size !== 0n && size !== 0n;
    const closed = closes ? (abs(size) < abs(tally.size) ? size : -tally.size) : 0n;
    const costClosed = closed === 0n ? 0n : (tally.cost * -closed) / tally.size;
    const costClosing = closed === 0n ? 0n : (cost * closed) / size;
    tally.realised -= costClosed + costClosing;
    tally.size += size;
    tally.cost += cost - costClosed - costClosing;
    return tally;
  }

  /** At the last report, or its payoff; raw. 0 where neither is known. */
  private valueOf({ option, size }: Leg): bigint {
    const { marketId, expiry } = fromStrikeKey(option >> 8n);
    const holding: StrikeHolding = {
      strikeWad: ((option >> 8n) & 0xffff_ffff_ffffn) * WAD_PER_E6,
      calls: isPut(option) ? 0n : size,
      puts: isPut(option) ? size : 0n,
    };
    const surfaces = this.surfaces.get(marketId);
    const settled = surfaces?.fixedPrice(expiry);
    if (settled !== undefined) return payoffRaw(holding, settled);
    const board = surfaces?.boardOf(expiry);
    return board ? valueRaw(holding, board) : 0n;
  }

  private talliesOf(account: bigint): Map<bigint, OpenTally> {
    const tallies = this.accounts.get(account) ?? new Map<bigint, OpenTally>();
    this.accounts.set(account, tallies);
    return tallies;
  }

  private isOwn(account: bigint): boolean {
    return account >> 8n === BigInt(this.owner);
  }
}

function walletOf(account: bigint): bigint {
  return (account >> 8n) << 8n;
}

// ───────────────────────────── Numbers for people ─────────────────────────────

/** A position and what it brought, quote tokens. Null where it came in a way that the ledger's events do not price. */
export interface PositionProfit extends PositionView {
  /** What the contracts held were bought for, fees included; negative where they brought money. */
  readonly cost: number | null;
  /** Value less cost; null where the value is not known either. */
  readonly unrealised: number | null;
  /** What contracts of this option that are gone brought over their cost. */
  readonly realised: number | null;
}

/** An option that is held no more, quote tokens. */
export interface ClosedPosition {
  readonly name: string;
  readonly expiry: number;
  readonly realised: number;
  /** What expiry paid (negative: cost); null where it was closed before. */
  readonly payoff: number | null;
}

/** Profit of an account's options, quote tokens. `profit` = `unrealised` + `realised` − `shortfall`. */
export interface AccountProfit {
  readonly positions: readonly PositionProfit[];
  readonly closed: readonly ClosedPosition[];
  /** Sums of what is known. */
  readonly cost: number;
  readonly unrealised: number;
  readonly realised: number;
  /** What settlements that are final did not pay of what they owe the account. */
  readonly shortfall: number;
  readonly profit: number;
}

/** What an account's options cost, are worth and brought. `held` is what the chain says that it holds. */
export function accountProfit(
  replay: AccountReplay,
  sub: number,
  held: readonly PositionView[],
  symbolOf: (marketId: number) => string,
): AccountProfit {
  const tallies = replay.tallies(sub);
  const positions = held.map((view): PositionProfit => {
    const tally = tallies.get(toOptionId(view.terms));
    if (tally?.size !== view.size) return { ...view, cost: null, unrealised: null, realised: null };
    const cost = tokensOfRaw(tally.cost);
    const unrealised = view.value === null ? null : view.value - cost;
    return { ...view, cost, unrealised, realised: tokensOfRaw(tally.realised) };
  });
  const open = new Set(held.map(({ terms }) => toOptionId(terms)));
  const closed = [...tallies].flatMap(([option, { size, realised, payoff }]): ClosedPosition[] => {
    if (open.has(option) || size !== 0n) return [];
    const terms = fromOptionId(option);
    return [
      {
        name: optionName(symbolOf(terms.marketId), terms),
        expiry: terms.expiry,
        realised: tokensOfRaw(realised),
        payoff: payoff === undefined ? null : tokensOfRaw(payoff),
      },
    ];
  });
  const sum = (values: readonly (number | null)[]) => values.reduce<number>((total, value) => total + (value ?? 0), 0);
  const unrealised = sum(positions.map((position) => position.unrealised));
  const realised = sum([...positions, ...closed].map((position) => position.realised));
  const shortfall = tokensOfRaw(replay.shortfall(sub));
  return {
    positions,
    closed: closed.toSorted((a, b) => a.expiry - b.expiry || a.name.localeCompare(b.name)),
    cost: sum(positions.map(({ cost }) => cost)),
    unrealised,
    realised,
    shortfall,
    profit: unrealised + realised - shortfall,
  };
}
