/** Runs a drill to its end: the crash, every settlement, every auction, every claim, and everybody's way out. */
import { pino } from "pino";
import { erc20Abi } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { service } from "../../../../src/bots/bounty.ts";
import { Liquidator } from "../../../../src/bots/liquidator.ts";
import { Settler } from "../../../../src/bots/settler.ts";
import { clearinghouseAbi, insuranceFundAbi, liquidationAuctionAbi } from "../../../../src/chain/abis.ts";
import { toAccountId } from "../../../../src/chain/optionId.ts";
import { insuranceCooldownSeconds } from "../../../../src/chain/parameters.ts";
import { Sender } from "../../../../src/sdk/client.ts";
import type { ConservationResult } from "../../../../src/sdk/conservation.ts";
import { CAST, type Cast, type Member, openPositions } from "./cast.ts";
import type { Drill, TimeSpan } from "./description.ts";
import { readHoldings, readLossFacts } from "./lossFacts.ts";
import { type MarketPath, readMarketPath, scheduleOf, worstHour } from "./marketPath.ts";
import { type Refusal, Stage } from "./stage.ts";
import { type Holding, type Waterfall, waterfallOf } from "./waterfall.ts";

const MARKET_ID = 1;
const PROTOCOL_FEES = 15;
const LIQUIDATOR_RULES = { sub: 1, edge: 0.05, minProfit: 5_000_000n, unwindCost: 0.05 };
/** Marks after the end by which the last LP must be out. */
const LAST_MARKS = 12;

/** What became of an account that sold options. */
export interface WriterOutcome {
  readonly name: string;
  readonly account: bigint;
  /** Put in at the opening, and taken home at the end: quote units, base in 1e-18. */
  readonly cashIn: bigint;
  readonly baseIn: bigint;
  readonly cashOut: bigint;
  readonly baseOut: bigint;
  /** Still owed, and base that nobody can take. */
  readonly debt: bigint;
  readonly baseLeft: bigint;
}

export interface DrillResult {
  readonly drill: Drill;
  readonly outage: TimeSpan;
  readonly spots: { readonly opening: number; readonly lowest: number };
  readonly waterfall: Waterfall;
  readonly writers: readonly WriterOutcome[];
  readonly names: ReadonlyMap<bigint, string>;
  readonly auctions: { readonly started: number; readonly bids: number; readonly running: number };
  readonly liquidityProviders: readonly { readonly name: string; readonly paidIn: bigint; readonly paidOut: bigint }[];
  readonly staker: { readonly paidIn: bigint; readonly paidOut: bigint };
  /** Cash that is still in the ledger when everybody has gone, by whose it is. */
  readonly left: readonly { readonly name: string; readonly amount: bigint }[];
  readonly acts: number;
  readonly refusals: readonly Refusal[];
  readonly reports: number;
  readonly confirmations: number;
  readonly conservation: ConservationResult;
  readonly seconds: number;
}

export async function runDrill(drill: Drill, dataDirectory: string): Promise<DrillResult> {
  const began = Date.now();
  const path = await readMarketPath(drill, dataDirectory);
  const stage = await Stage.open(drill, path);
  try {
    const cast = await openPositions(stage, drill, path);
    const opened = await stage.market.client.getBlockNumber();
    return await new Run(drill, path, stage, cast, opened).toTheEnd(began);
  } finally {
    await stage.close();
  }
}

class Run {
  private readonly drill: Drill;
  private readonly path: MarketPath;
  private readonly stage: Stage;
  private readonly cast: Cast;
  private readonly outage: TimeSpan;
  private readonly settler: Settler;
  private readonly liquidators: readonly Liquidator[];
  private readonly holdings = new Map<number, readonly Holding[]>();
  private readonly redeemed = new Set<number>();
  private readonly auctions = { started: 0, bids: 0 };
  private readonly openedAtBlock: bigint;
  private hasLeft = false;
  private lowest = Infinity;
  private lastLook = 0;
  private providers: DrillResult["liquidityProviders"] = [];

  constructor(drill: Drill, path: MarketPath, stage: Stage, cast: Cast, openedAtBlock: bigint) {
    this.drill = drill;
    this.path = path;
    this.stage = stage;
    this.cast = cast;
    this.openedAtBlock = openedAtBlock;
    this.outage = worstHour(path, drill.outageWithin);
    const quiet = pino({ level: "silent" });
    // Whatever the settler could not do is an act that must never be refused.
    const strict = pino(
      { level: "warn" },
      { write: (line: string) => this.stage.refusals.push({ time: this.lastLook, what: "settler", reason: line }) },
    );
    this.settler = new Settler(this.senderOf(CAST.settler), service, strict);
    this.liquidators = cast.liquidators.map(
      ({ index }) => new Liquidator(this.senderOf(index), LIQUIDATOR_RULES, quiet),
    );
  }

  private senderOf(index: number): Sender {
    const key = this.stage.market.anvil.privateKey(index);
    return new Sender(this.stage.connection, privateKeyToAccount(key), () => {}, { sync: true });
  }

  async toTheEnd(began: number): Promise<DrillResult> {
    for (const time of scheduleOf(this.drill, this.outage)) await this.look(time);
    await this.everybodyLeaves();
    const { drill, stage, outage, auctions } = this;
    await stage.conservation.check();
    const facts = await readLossFacts(stage, this.cast, this.holdings, this.path.spot(this.lastLook));
    return {
      drill,
      outage,
      spots: { opening: this.path.spot(drill.openAt), lowest: this.lowest },
      waterfall: waterfallOf(facts),
      writers: await Promise.all(this.cast.writers.map((writer) => this.outcomeOf(writer))),
      names: this.names(),
      auctions: { ...auctions, running: await this.runningAuctions() },
      liquidityProviders: this.providers,
      staker: { paidIn: facts.fund.staked, paidOut: facts.fund.withdrawn },
      left: await this.leftInLedger(),
      acts: stage.acts,
      refusals: stage.refusals,
      reports: stage.reports,
      confirmations: stage.confirmations,
      conservation: stage.conservation.result(),
      seconds: (Date.now() - began) / 1000,
    };
  }

  // ───────────────────────────── One look ─────────────────────────────

  private async look(time: number): Promise<void> {
    const { stage, outage } = this;
    const isSilent = time >= outage.from && time < outage.to;
    if (isSilent) await stage.wait(time);
    else await stage.report(time);
    this.lastLook = time;
    this.lowest = Math.min(this.lowest, this.path.spot(time));
    await this.settle(time);
    if (!this.drill.liquidatorsAsleep.some(({ from, to }) => time >= from && time < to)) await this.liquidate();
    if (isSilent && !this.hasLeft && time > outage.from) await this.leaveInTheOutage();
    await stage.conservation.check();
  }

  private async settle(time: number): Promise<void> {
    const { stage, cast, drill } = this;
    for (const expiry of drill.expiries.filter((candidate) => candidate <= time && !this.holdings.has(candidate))) {
      this.holdings.set(expiry, await readHoldings(stage, cast, expiry));
    }
    await this.settler.look();
    for (const expiry of this.holdings.keys()) {
      if (this.redeemed.has(expiry) || !(await stage.isFinal(expiry))) continue;
      this.redeemed.add(expiry);
      for (const { index, name } of cast.wallets) await this.redeem(index, name, expiry);
    }
  }

  /** A wallet's options of a final expiry become cash, and the cash leaves. */
  private async redeem(index: number, name: string, expiry: number): Promise<void> {
    const { stage } = this;
    const mine = (this.holdings.get(expiry) ?? []).filter(({ account }) => account === stage.account(index, 0));
    if (mine.length === 0) return;
    const options = mine.map(({ option }) => option);
    await stage.must(`${name} redeems`, () =>
      stage.market.ledger(index, "redeemOptions", [stage.market.address(index), options]),
    );
    await this.withdraw(index, 0, name);
  }

  private async withdraw(index: number, sub: number, name: string): Promise<void> {
    const account = this.stage.account(index, sub);
    const cash = await this.stage.cash(account);
    if (cash === 0n) return;
    await this.stage.must(`${name} withdraws`, () =>
      this.stage.market.ledger(index, "withdrawCash", [account, cash, this.stage.market.address(index)]),
    );
  }

  private async liquidate(): Promise<void> {
    for (const liquidator of this.liquidators) {
      const { started, bids } = await liquidator.look();
      this.auctions.started += started.length;
      this.auctions.bids += bids.length;
    }
  }

  /** What the design says stays open without an oracle: closes, requests to leave, the cooldown of a stake. */
  private async leaveInTheOutage(): Promise<void> {
    this.hasLeft = true;
    const { stage, cast } = this;
    for (const { writer, wallet, legs } of cast.sold) {
      const part = legs.map(({ option, size }) => ({ option, size: (size / 100_000n) * 10_000n }));
      const price = -(await stage.valueOf(part));
      // Nobody is forced to pay what he has not.
      if (price > (await stage.cash(stage.account(writer)))) continue;
      await stage.must("a tenth is closed by order", () => stage.swapByOrder(writer, wallet, 0, part));
    }
    const back = cast.boughtFromPool.map(({ option, size }) => ({ option, size: -size / 2n }));
    await stage.must("half is closed with the pool", () => stage.swapWithPool(CAST.poolBuyer, 0, back));
    await stage.must("an LP asks to leave", async () =>
      stage.market.redeem(CAST.leaves, await stage.market.balanceOfShares(CAST.leaves)),
    );
    await stage.must("the staker starts its cooldown", () => this.startCooldown());
  }

  private async startCooldown(): Promise<void> {
    const { market } = this.stage;
    const call = { address: market.deployment.insuranceFund, abi: insuranceFundAbi } as const;
    const owner = market.address(CAST.staker);
    const shares = await market.client.readContract({ ...call, functionName: "balanceOf", args: [owner] });
    await market.transactor(CAST.staker).write(call.address, call.abi, "startCooldown", [shares]);
  }

  // ───────────────────────────── The way out ─────────────────────────────

  private async everybodyLeaves(): Promise<void> {
    const { stage, cast } = this;
    const { market } = stage;
    for (const { index, name } of [...cast.writers, ...cast.liquidators]) await this.leaveMargin(index, name);
    // What debtors paid late has reached wallets that had gone with less.
    for (const { index, name } of cast.wallets) await this.withdraw(index, 0, name);
    await this.withdraw(CAST.settler, 0, "settler");
    await this.withdraw(PROTOCOL_FEES, 1, "protocol");

    await stage.must("the last LP asks to leave", async () =>
      market.redeem(CAST.stays, await market.balanceOfShares(CAST.stays)),
    );
    for (let i = 0; i < LAST_MARKS; i++) {
      await stage.report((await stage.now()) + 60);
      for (const index of [CAST.stays, CAST.leaves]) await stage.must("claim of an LP", () => market.claim(index));
    }
    const [stays, leaves] = this.drill.poolDeposits;
    this.providers = [
      await this.providerOf("LP who stays", CAST.stays, stays),
      await this.providerOf("LP who leaves in the outage", CAST.leaves, leaves),
    ];

    await stage.must("the staker starts its cooldown again", () => this.startCooldown());
    await stage.wait((await stage.now()) + insuranceCooldownSeconds + 60);
    await stage.must("the staker leaves", () => this.redeemStake());
  }

  private async leaveMargin(index: number, name: string): Promise<void> {
    const { stage } = this;
    const account = stage.account(index);
    if ((await stage.debt(account)) > 0n) return; // what he has belongs to his creditors
    await this.withdraw(index, 1, name);
    const base = await stage.base(account);
    if (base === 0n) return;
    await stage.must(`${name} withdraws base`, () =>
      stage.market.ledger(index, "withdrawBase", [account, MARKET_ID, base, stage.market.address(index)]),
    );
  }

  private async redeemStake(): Promise<void> {
    const { market } = this.stage;
    const call = { address: market.deployment.insuranceFund, abi: insuranceFundAbi } as const;
    const owner = market.address(CAST.staker);
    const shares = await market.client.readContract({ ...call, functionName: "balanceOf", args: [owner] });
    const worth = await market.client.readContract({ ...call, functionName: "previewRedeem", args: [shares] });
    if (worth === 0n) return; // the fund is empty: nothing to leave with
    await market.transactor(CAST.staker).write(call.address, call.abi, "redeem", [shares, owner, owner]);
  }

  private async providerOf(name: string, index: number, tokens: number) {
    const { client, deployment } = this.stage.market;
    const events = await client.getContractEvents({
      address: deployment.quoteToken,
      abi: erc20Abi,
      eventName: "Transfer",
      args: { from: deployment.clearinghouse, to: this.stage.market.address(index) },
      strict: true,
      fromBlock: 0n,
    });
    const paidOut = events.reduce((sum, { args }) => sum + args.value, 0n);
    return { name, paidIn: BigInt(tokens) * 1_000_000n, paidOut };
  }

  // ───────────────────────────── What is left ─────────────────────────────

  private async outcomeOf({ index, name, cashIn, baseIn }: Member): Promise<WriterOutcome> {
    const { stage } = this;
    const account = stage.account(index);
    const home = async (eventName: "CashWithdrawn" | "BaseWithdrawn") => {
      const events = await stage.market.client.getContractEvents({
        address: stage.market.deployment.clearinghouse,
        abi: clearinghouseAbi,
        eventName,
        args: { account },
        strict: true,
        fromBlock: this.openedAtBlock + 1n,
      });
      return events.reduce((sum, { args }) => sum + args.amount, 0n);
    };
    return {
      name,
      account,
      cashIn,
      baseIn,
      cashOut: await home("CashWithdrawn"),
      baseOut: await home("BaseWithdrawn"),
      debt: await stage.debt(account),
      baseLeft: await stage.base(account),
    };
  }

  private names(): ReadonlyMap<bigint, string> {
    const { stage, cast } = this;
    const members = [...cast.writers, ...cast.liquidators, ...cast.wallets];
    const names = new Map(members.map(({ index, sub, name }) => [stage.account(index, sub), name]));
    const { pool, deployment } = stage.market;
    return names
      .set(toAccountId(pool.optionPool, 1), "pool")
      .set(toAccountId(pool.poolShares, 1), "deposits that wait")
      .set(toAccountId(pool.poolShares, 2), "redemptions to claim")
      .set(toAccountId(deployment.insuranceFund, 1), "insurance fund")
      .set(stage.account(PROTOCOL_FEES), "protocol");
  }

  private async leftInLedger(): Promise<DrillResult["left"]> {
    const { stage } = this;
    const cash = await Promise.all(
      [...this.names()].map(async ([account, name]) => ({ name, amount: await stage.cash(account) })),
    );
    const pots = await Promise.all(this.drill.expiries.map((expiry) => stage.pot(expiry)));
    const pot = { name: "pots of the expiries", amount: pots.reduce((sum, amount) => sum + amount, 0n) };
    return [...cash, pot].filter(({ amount }) => amount > 0n);
  }

  private async runningAuctions(): Promise<number> {
    const { client, deployment } = this.stage.market;
    const call = {
      address: deployment.liquidationAuction,
      abi: liquidationAuctionAbi,
      functionName: "auction",
    } as const;
    const all = [...this.cast.writers, ...this.cast.liquidators].map(({ index }) => this.stage.account(index));
    const states = await Promise.all(all.map((account) => client.readContract({ ...call, args: [account] })));
    return states.filter(({ startedAt }) => startedAt !== 0).length;
  }
}
