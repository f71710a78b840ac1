import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { privateKeyToAccount } from "viem/accounts";
import { AlignmentTally, misalignments, whenFresh, whenQuiet } from "../bots/arbitrage/alignment.ts";
import { Arbitrageur } from "../bots/arbitrage/arbitrageur.ts";
import { readOracleFacts, readPoolFacts } from "../bots/arbitrage/collector.ts";
import { PoolMaker } from "../bots/arbitrage/makers.ts";
import { service } from "../bots/bounty.ts";
import { Hedger } from "../bots/hedger.ts";
import { clearinghouseAbi, insuranceFundAbi, marketOracleAbi, settlementPriceAbi } from "../chain/abis.ts";
import { type Anvil, startAnvil } from "../chain/anvil.ts";
import { revertNameOf } from "../chain/decodeError.ts";
import { deployProtocol, type PoolInput } from "../chain/deploy.ts";
import { type Deployment, deploymentFile, writeDeployment } from "../chain/deployments.ts";
import { expiryName, fromOptionId, fromSize, holdingsOf, toAccountId } from "../chain/optionId.ts";
import { wad } from "../chain/parameters.ts";
import { placePermit2 } from "../chain/permit2.ts";
import { Transactor } from "../chain/transactor.ts";
import { mintLocalToken, poolPrice, swapToPrice } from "../chain/uniswapV3.ts";
import { ReplayVenue } from "../market-data/replayVenue.ts";
import { MeniscusError } from "../runtime/errors.ts";
import { createLogger } from "../runtime/logger.ts";
import { AccountBook } from "../sdk/accountBook.ts";
import { connect, Sender } from "../sdk/client.ts";
import { ConservationChecker } from "../sdk/conservation.ts";
import { arbitrageRules, openArbitrage } from "./arbitrage.ts";
import { type TickSchedule, ticks } from "./clock.ts";
import { flattenPools } from "./closing.ts";
import { type EthMarket, openEthMarket } from "./ethMarket.ts";
import { nextOrder, type Position } from "./flow.ts";
import { type Observation, observe } from "./observe.ts";
import { approve, Keeper, LiquidityProvider, type Outcome, type TradeRecord, Trader } from "./participants.ts";
import { botProgram, MarketProcesses, nodeProgram, type ProcessPlan } from "./processes.ts";
import { createRandom, mixSeed, type Random } from "./random.ts";
import { referenceVolatilities } from "./reference.ts";
import type { MarketReport } from "./report.ts";
import { SPOT_SYMBOL, startVenues, type VenueServer } from "./venue.ts";
import type { MarketStatus } from "./view.ts";
import type { World } from "./world.ts";

/** Who uses which of the development chain's accounts. */
export const accounts = {
  deployer: 0,
  liquidityProviders: [1, 2],
  wallets: [3, 4, 5],
  writers: [6, 7, 8],
  keeper: 9,
  arbitrageur: 10,
  nodes: [11, 12, 13, 14],
  protocolFees: 15,
  /** Left to whoever sits at the other terminal. */
  visitors: [16, 17, 18, 19],
  liquidator: 20,
  settler: 21,
  staker: 22,
  hedger: 23,
  arbitrageBot: 24,
  /** Of the second pool. */
  cautiousLp: 25,
} as const;

export const accountCount = 26;

export interface LocalMarketOptions {
  readonly world: World;
  readonly schedule: TickSchedule;
  readonly seed: number;
  readonly port: number;
  readonly ordersPerTick: number;
  /** Whether an arbitrage bot compares the pools with each other, with the venue and with Uniswap. */
  readonly arbitrage: boolean;
  readonly signal: AbortSignal;
  readonly onStep: (step: string) => void;
  readonly onStatus: (status: MarketStatus) => void;
}

const MARKET_ID = 1;
const SYMBOL = "ETH";
const QUOTE_DECIMALS = 6;
/** How long nodes may take for a report, and the settler for an expiry. */
const PATIENCE_MILLISECONDS = 60_000;
/** Hedges of one tick at most: after each the arbitrageur brings Uniswap's price back. */
const HEDGES_PER_TICK = 8;
/** Ticks at the end in which nothing but closing happens. */
const CLOSING_TICKS = 5;
/** Distance between strikes that everybody trades. */
const STRIKE_STEP = 25;
/** The second pool asks more and takes less than the first: for LPs who would rather miss a trade. */
const CONSERVATIVE: Pick<PoolInput, "parameters"> = {
  parameters: {
    netVegaSpread: wad(0.008),
    notionalSpread: wad(0.0006),
    vegaLimit: wad(0.5),
    expiryVegaLimit: wad(0.35),
    vegaFlowLimit: wad(0.15),
    utilisationLimit: wad(0.5),
  },
};
/** What the pool stands behind the insurance fund with. */
const BACKSTOP_CAP = 20_000n * 10n ** BigInt(QUOTE_DECIMALS);
/** Of pools whose reports are an hour apart. */
export const hourly: Pick<PoolInput, "parameters" | "hedgerParameters"> = {
  // Only a swap in the report's own block pays the worse of two.
  parameters: { worseOfSeconds: 0 },
  // Uniswap's mean of the last minute is from before the hour that has just passed.
  hedgerParameters: { maxMeanDistance: wad(0.5) },
};
const usdc = (amount: number) => BigInt(amount) * 10n ** BigInt(QUOTE_DECIMALS);

/** State of an expiry whose payout ratio is fixed. */
const FINAL = 2n;
const TOP_UP = usdc(200_000);

/** The whole market on this machine: chain, Uniswap v3, protocol, oracle nodes, LPs, traders, keepers. */
export class LocalMarket {
  private readonly options: LocalMarketOptions;
  private readonly processes = new MarketProcesses();
  private readonly folder = mkdtempSync(join(tmpdir(), "meniscus-market-"));
  private readonly refusals = new Map<string, number>();
  private readonly lastTrades: TradeRecord[] = [];
  private readonly settled = new Set<number>();
  private random: Random;
  private anvil!: Anvil;
  private venues!: VenueServer;
  private market!: EthMarket;
  private deployment!: Deployment;
  private conservation!: ConservationChecker;
  private book!: AccountBook;
  private keeper!: Keeper;
  private hedger!: Hedger;
  private deltaBeforeHedge: number | undefined;
  private lps: LiquidityProvider[] = [];
  private traders: Trader[] = [];
  private trades = 0;
  private hedges = 0;
  private failed = false;
  private tickCount = 0;
  private nodePorts: readonly number[] = [];
  private liquidator!: Trader;
  private readonly alignment = new AlignmentTally();
  private arbitrageur: Arbitrageur | undefined;
  /** The bot's account, to give back in its name at the end. */
  private arbitrageTrader: Trader | undefined;
  private readonly arbitrageSums = { plans: 0, promised: 0 };
  private venue!: ReplayVenue;
  private processFailure: MeniscusError | undefined;

  constructor(options: LocalMarketOptions) {
    this.options = options;
    this.random = createRandom(mixSeed(options.seed, "flow"));
  }

  /** Starts everything and opens the books; the market stands at its first tick afterwards. */
  async start(): Promise<void> {
    const { world, schedule, onStep, seed } = this.options;
    onStep("chain (anvil)");
    this.anvil = await startAnvil({
      port: this.options.port,
      timestamp: schedule.firstTick - 3_600,
      accounts: accountCount,
      recentStatesOnly: true,
    });
    onStep("Uniswap v3");
    this.market = await openEthMarket(this.anvil, world.spot(schedule.firstTick), accounts);
    const { uniswap, ethPool } = this.market;
    this.deployment = await deployProtocol(this.transactor(accounts.deployer), {
      quote: { token: ethPool.quoteToken, symbol: "USDC", decimals: QUOTE_DECIMALS },
      market: {
        marketId: MARKET_ID,
        symbol: SYMBOL,
        baseToken: ethPool.baseToken,
        baseDecimals: 18,
        uniswapV3Pool: ethPool.address,
      },
      uniswapV3: uniswap,
      permit2: await placePermit2(this.anvil.testClient),
      oracleSigners: accounts.nodes.map((index) => this.anvil.address(index)),
      protocolFees: this.anvil.address(accounts.protocolFees),
      pools: [
        { name: "core", backstopCap: BACKSTOP_CAP, ...hourly },
        { name: "conservative", ...hourly, parameters: { ...hourly.parameters, ...CONSERVATIVE.parameters } },
      ],
      onStep,
    });
    writeDeployment(this.deployment, deploymentFile(this.deployment.chainId));
    this.conservation = new ConservationChecker(this.anvil.publicClient, this.deployment);
    this.book = new AccountBook({ client: this.anvil.publicClient, deployment: this.deployment });

    onStep("oracle nodes");
    this.venues = await startVenues({
      world,
      time: schedule.firstTick - 3_600,
      venues: accounts.nodes.map((_, i) => ({ name: `venue-${i + 1}`, seed: mixSeed(seed, i) })),
    });
    this.nodePorts = await freePorts(accounts.nodes.length);
    const onExit = (error: MeniscusError) => (this.processFailure = error);
    this.processes.start(this.nodePlans(), this.folder, onExit);

    onStep("participants");
    await this.openAccounts();
    await this.report(schedule.firstTick);
    await this.keeper.mark();
    onStep("liquidator and settler");
    this.processes.start(this.botPlans(), this.folder, onExit);
    onStep("running");
  }

  get rpcUrl(): string {
    return this.anvil.url;
  }

  /** Runs tick after tick until the schedule ends or the signal aborts. */
  async run(): Promise<void> {
    const { schedule, signal } = this.options;
    const last = schedule.lastTick;
    for await (const time of ticks(schedule, signal)) {
      if (time === schedule.firstTick) continue; // reported by `start`
      await this.tick(time, last !== undefined && time >= last - (CLOSING_TICKS - 1) * schedule.tickSeconds);
      this.tickCount += 1;
      if (this.processFailure) throw this.processFailure;
    }
  }

  /** One step of model time: report, settle, mark, trade; near the end nothing but closing. */
  private async tick(time: number, closing: boolean): Promise<void> {
    await this.report(time);
    await this.arbitrage(time);
    await this.settleExpired(time);
    await this.keeper.mark();
    await this.hedge(time);
    if (!closing) await this.arbitrageOptions(time);
    for (const lp of this.lps) if (lp.isWaiting) await lp.claim();
    const seen = await observe(this.anvil.publicClient, this.deployment, time);
    if (closing) await this.windDown();
    else {
      await this.trade(seen);
      await this.arbitrageOptions(time);
      await this.align(time);
    }
    await this.conservation.check();
    this.options.onStatus(await this.status(time, seen));
  }

  /** Uniswap's price follows the market's. */
  private async arbitrage(time: number): Promise<void> {
    const { publicClient } = this.anvil;
    const arbitrageur = this.anvil.wallet(accounts.arbitrageur);
    await swapToPrice(
      publicClient,
      arbitrageur,
      this.market.uniswap,
      this.market.ethPool,
      this.options.world.spot(time),
    );
  }

  /** Brings the pool's delta into its band, in as many steps as Uniswap's depth asks for, before anyone trades. */
  private async hedge(time: number): Promise<void> {
    this.deltaBeforeHedge = undefined;
    for (let i = 0; i < HEDGES_PER_TICK; i++) {
      const acts = await this.hedger.look();
      if (acts.length === 0) return;
      this.hedges += acts.length;
      this.deltaBeforeHedge ??= acts.find(({ pool }) => pool === this.deployment.pools[0]?.name)?.deltaBefore;
      await this.arbitrage(time);
    }
  }

  /** In this process, so that a tick goes on when it is done. */
  private async arbitrageOptions(time: number): Promise<void> {
    this.venue.moveTo(time);
    const acts = (await this.arbitrageur?.look()) ?? [];
    this.arbitrageSums.plans += acts.length;
    this.arbitrageSums.promised += acts.reduce((sum, { kind, gain }) => sum + (kind === "hedge" ? 0 : gain), 0);
  }

  /** The first pool as it stays until the next tick, beside the venue. */
  private async align(time: number): Promise<void> {
    const pool = this.deployment.pools[0];
    const place = { client: this.anvil.publicClient, deployment: this.deployment };
    const oracle = await readOracleFacts(place, MARKET_ID);
    if (!pool || !oracle) return;
    const account = toAccountId(pool.optionPool, 1);
    const facts = await readPoolFacts(place, { ...pool, account }, [...oracle.boards.keys()]);
    const fresh = whenFresh(oracle);
    const venue = referenceVolatilities(this.options.world.chain(time), MARKET_ID, STRIKE_STEP);
    this.alignment.add(misalignments(new PoolMaker(fresh, whenQuiet(facts)), fresh, venue));
  }

  /** Everybody gives back what he holds against the pool, and the LPs ask for everything. */
  private async windDown(): Promise<void> {
    // What the liquidator took over and could not hand on is given back in its name.
    await this.processes.stop("liquidator");
    const holders = [...this.traders, ...(this.arbitrageTrader ? [this.arbitrageTrader] : []), this.liquidator];
    const held = await Promise.all(
      holders.map(async (each, holder) => (await each.positions()).map((position) => ({ holder, position }))),
    );
    const books = await Promise.all(this.deployment.pools.map(({ optionPool }) => this.bookOf(optionPool)));
    for (const { holder, pool, order } of flattenPools(books, held.flat(), holders.length - 1)) {
      const trader = holders[holder];
      const maker = this.deployment.pools[pool]?.optionPool;
      if (!trader || !maker) throw new RangeError(`there is no holder ${holder} or pool ${pool}`);
      let outcome = await trader.swap([order], Infinity, maker);
      if ("refused" in outcome && outcome.refused.startsWith("Clearinghouse_")) {
        // A writer who has lost his collateral brings more before he buys back.
        await trader.topUp(TOP_UP);
        outcome = await trader.swap([order], Infinity, maker);
      }
      this.record(outcome);
    }
    for (const lp of this.lps) await lp.requestRedeemAll();
  }

  private async bookOf(optionPool: `0x${string}`): Promise<readonly Position[]> {
    const words = await this.anvil.publicClient.readContract({
      address: this.deployment.clearinghouse,
      abi: clearinghouseAbi,
      functionName: "strikes",
      args: [toAccountId(optionPool, 1)],
    });
    return words.flatMap(holdingsOf).map(({ option, size }) => ({ ...fromOptionId(option), size: fromSize(size) }));
  }

  /** What the LPs see at the end, and what was proved on the way. */
  async finish(): Promise<Omit<MarketReport, "lps">> {
    await Promise.all(this.lps.map((lp) => lp.claim()));
    const earned = await this.arbitrageur?.appraise();
    await this.conservation.check();
    const { world, schedule } = this.options;
    return {
      conservation: this.conservation.result(),
      expiriesSettled: this.settled.size,
      trades: this.trades,
      hedges: this.hedges,
      alignment: {
        within1: this.alignment.within1,
        optionsWithin1: this.alignment.optionsWithin1,
        distance: this.alignment.distance,
        ticks: this.alignment.count,
      },
      arbitrage: earned ? { ...this.arbitrageSums, result: earned.result } : null,
      refused: Object.fromEntries(this.refusals),
      model: {
        source: world.description,
        from: new Date(schedule.firstTick * 1000).toISOString(),
        to: new Date((schedule.firstTick + this.tickCount * schedule.tickSeconds) * 1000).toISOString(),
        ticks: this.tickCount,
      },
    };
  }

  get participants(): {
    readonly lps: readonly LiquidityProvider[];
    readonly anvil: Anvil;
    readonly deployment: Deployment;
  } {
    return { lps: this.lps, anvil: this.anvil, deployment: this.deployment };
  }

  /** Ends every process and server that was started; safe to call at any moment, and twice. */
  async stop(): Promise<void> {
    await this.processes.stop();
    await this.venues?.close();
    await this.anvil?.stop();
    if (!this.failed) rmSync(this.folder, { recursive: true, force: true });
  }

  // ───────────────────────────── One step ─────────────────────────────

  /** Moves the chain and the venues to `time` and waits for the nodes' report of it. */
  private async report(time: number): Promise<void> {
    await this.anvil.mineAt(time);
    this.venues.setTime(time);
    const oracle = { address: this.deployment.marketOracle, abi: marketOracleAbi, args: [MARKET_ID] } as const;
    const { publicClient } = this.anvil;
    const isReported = async () => {
      const state = await publicClient.readContract({ ...oracle, functionName: "marketState" });
      if (state.surfaceTime === time) return true;
      // A report that moves further than one may waits for the next to confirm it: until then the pool only closes.
      if (!state.unconfirmed) return false;
      const waiting = await publicClient.readContract({ ...oracle, functionName: "unconfirmed" });
      return waiting.surfaceTime === time;
    };
    await this.waitFor(isReported, "The oracle nodes made no report");
  }

  /** Waits for the settler with every series that was traded and has its price. */
  private async settleExpired(time: number): Promise<void> {
    await this.book.update();
    for (const { expiry } of this.book.series) {
      if (expiry > time || this.settled.has(expiry) || !(await this.hasPrice(expiry))) continue;
      await this.waitForSettlement(expiry);
      for (const trader of this.traders) await trader.redeem(expiry);
      this.settled.add(expiry);
    }
  }

  /** Not while Uniswap's mean disputes the oracle's average, for four hours at most: the market goes on meanwhile. */
  private async hasPrice(expiry: number): Promise<boolean> {
    const address = this.deployment.settlementPrice;
    const call = { address, abi: settlementPriceAbi, functionName: "priceOf", args: [MARKET_ID, expiry] } as const;
    try {
      return (await this.anvil.publicClient.readContract(call)) > 0n;
    } catch (error) {
      if (revertNameOf(error) !== "SettlementPrice_Disputed") throw error;
      return false;
    }
  }

  /** The settler does it on its own; the market goes on when the payout ratio is fixed and the pools have their credits. */
  private async waitForSettlement(expiry: number): Promise<void> {
    const ledger = { address: this.deployment.clearinghouse, abi: clearinghouseAbi } as const;
    const { publicClient } = this.anvil;
    const isOver = async () => {
      const word = await publicClient.readContract({
        ...ledger,
        functionName: "expiryWord",
        args: [MARKET_ID, expiry],
      });
      if ((word & 0xffn) !== FINAL) return false;
      const credits = await Promise.all(
        this.deployment.pools.map(({ optionPool }) => {
          const args = [toAccountId(optionPool, 1), MARKET_ID, expiry] as const;
          return publicClient.readContract({ ...ledger, functionName: "credit", args });
        }),
      );
      return credits.every((credit) => credit === 0n);
    };
    await this.waitFor(isOver, `The settler did not settle ${expiryName(expiry)}`);
  }

  /** Looks again and again until it holds; a process that has died, or patience that has ended, is an error. */
  private async waitFor(holds: () => Promise<boolean>, complaint: string): Promise<void> {
    const deadline = performance.now() + PATIENCE_MILLISECONDS;
    while (performance.now() < deadline) {
      if (this.processFailure) throw this.processFailure;
      if (await holds()) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    this.failed = true;
    throw new MeniscusError("internal", `${complaint} within ${PATIENCE_MILLISECONDS / 1000} s.`, {
      hint: `The logs of nodes and bots are in ${this.folder}.`,
    });
  }

  private async trade(seen: Observation): Promise<void> {
    const orders = this.random.poisson(this.options.ordersPerTick);
    for (let i = 0; i < orders; i++) {
      const trader = this.traderAt(Math.floor(this.random.uniform() * this.traders.length));
      const order = nextOrder(
        {
          boards: seen.boards,
          positions: await trader.positions(),
          canWrite: trader.canWrite,
          strikeStep: STRIKE_STEP,
          minTenor: 2.1 * 86_400,
          maxTenor: 100 * 86_400,
          typicalSize: 3,
        },
        this.random,
      );
      if (order.length > 0) this.record(await trader.swap(order));
    }
  }

  private record(outcome: Outcome): void {
    if ("refused" in outcome) {
      this.refusals.set(outcome.refused, (this.refusals.get(outcome.refused) ?? 0) + 1);
      return;
    }
    this.trades += 1;
    this.lastTrades.push(outcome.trade);
    if (this.lastTrades.length > 5) this.lastTrades.shift();
  }

  private async status(time: number, seen: Observation): Promise<MarketStatus> {
    const { schedule, world } = this.options;
    const result = this.conservation.result();
    const span = schedule.lastTick === undefined ? undefined : schedule.lastTick - schedule.firstTick;
    return {
      ...seen,
      source: world.description,
      modelTime: time,
      progress: span === undefined ? undefined : (time - schedule.firstTick) / span,
      uniswapSpot: await poolPrice(this.anvil.publicClient, this.market.ethPool),
      oracleAge: 0,
      trades: this.trades,
      hedges: this.hedges,
      deltaBeforeHedge: this.deltaBeforeHedge,
      alignment: { distance: this.alignment.last, within1: this.alignment.within1 },
      arbitrage: this.arbitrageur && { result: this.arbitrageur.stands.result, plans: this.arbitrageSums.plans },
      refused: [...this.refusals.values()].reduce((sum, count) => sum + count, 0),
      expiriesSettled: this.settled.size,
      lastTrades: this.lastTrades,
      checkedBlocks: result.checkedBlocks,
      violations: result.violations,
      rpcUrl: this.anvil.url,
    };
  }

  // ───────────────────────────── Setting up ─────────────────────────────

  private transactor(index: number): Transactor {
    return new Transactor(this.anvil.publicClient, this.anvil.wallet(index), { sync: true });
  }

  private async mint(index: number, amount: bigint): Promise<void> {
    const deployer = this.anvil.wallet(accounts.deployer);
    await mintLocalToken(deployer, this.market.ethPool.quoteToken, this.anvil.address(index), amount);
  }

  private traderAt(index: number): Trader {
    const trader = this.traders[index];
    if (!trader) throw new RangeError(`there is no trader ${index}`);
    return trader;
  }

  private nodePlans(): readonly ProcessPlan[] {
    const nodes = accounts.nodes.map((index, i) => ({
      address: this.anvil.address(index),
      url: `http://127.0.0.1:${this.nodePorts[i]}`,
    }));
    return accounts.nodes.map((index, i) => ({
      name: `node-${i + 1}`,
      program: nodeProgram,
      environment: { MENISCUS_NODE_KEY: this.anvil.privateKey(index) },
      config: {
        name: `node-${i + 1}`,
        keyVariable: "MENISCUS_NODE_KEY",
        port: this.nodePorts[i],
        nodes,
        // Its own venue, and its neighbour's: every node has two, and no two nodes have the same.
        optionVenues: [i, (i + 1) % accounts.nodes.length].map((venue) => ({
          url: this.venues.url(`venue-${venue + 1}`),
          currency: SYMBOL,
        })),
        spotVenues: [{ kind: "candles", url: this.venues.url(`venue-${i + 1}`), symbol: SPOT_SYMBOL }],
        rpcUrl: this.anvil.url,
        chainId: this.deployment.chainId,
        marketOracle: this.deployment.marketOracle,
        marketId: MARKET_ID,
        heartbeatSeconds: 60,
        // Hours pass in seconds here: the venues' time is the only one that makes sense.
        clock: "venue",
        leaderTimeoutMilliseconds: 2_500,
        stateFile: join(this.folder, `node-${i + 1}.state.json`),
      },
    }));
  }

  private async stakeInsurance(amount: bigint): Promise<void> {
    const { insuranceFund, quoteToken } = this.deployment;
    const staker = this.transactor(accounts.staker);
    await approve(staker, quoteToken, insuranceFund);
    await staker.write(insuranceFund, insuranceFundAbi, "deposit", [amount, staker.address]);
  }

  private botPlans(): readonly ProcessPlan[] {
    return (["liquidator", "settler"] as const).map((kind) => ({
      name: kind,
      program: botProgram,
      environment: { MENISCUS_BOT_KEY: this.anvil.privateKey(accounts[kind]) },
      config: {
        kind,
        name: kind,
        rpcUrl: this.anvil.url,
        deploymentFile: deploymentFile(this.deployment.chainId),
        keyVariable: "MENISCUS_BOT_KEY",
        pollMilliseconds: 250,
      },
    }));
  }

  /** Bots in this process, so that a tick goes on when they are done. */
  private async openBots(): Promise<void> {
    const connection = await connect({
      rpcUrl: this.anvil.url,
      deploymentFile: deploymentFile(this.deployment.chainId),
    });
    const senderOf = (index: number) =>
      new Sender(connection, privateKeyToAccount(this.anvil.privateKey(index)), undefined, { sync: true });
    this.hedger = new Hedger(senderOf(accounts.hedger), service, createLogger("hedger", "silent"));
    if (!this.options.arbitrage) return;
    const log = createLogger("arbitrageur", "silent");
    const place = { marketId: MARKET_ID, reference: this.venue };
    this.arbitrageur = new Arbitrageur(senderOf(accounts.arbitrageBot), arbitrageRules, log, place);
    await openArbitrage(this.anvil, this.market, this.deployment, accounts);
    const transactor = this.transactor(accounts.arbitrageBot);
    this.arbitrageTrader = new Trader("arbitrageur", this.deployment, transactor, true);
  }

  private async openAccounts(): Promise<void> {
    const { deployment } = this;
    this.keeper = new Keeper(deployment, this.transactor(accounts.keeper));
    this.venue = new ReplayVenue(this.options.world, this.options.schedule.firstTick);
    await this.openBots();
    this.lps = [
      ...accounts.liquidityProviders.map(
        (index, i) => new LiquidityProvider(i === 0 ? "Ada" : "Ben", deployment, this.transactor(index)),
      ),
      new LiquidityProvider("Cem", deployment, this.transactor(accounts.cautiousLp), "conservative"),
    ];
    this.traders = [
      ...accounts.wallets.map((index, i) => new Trader(`wallet ${i + 1}`, deployment, this.transactor(index), false)),
      ...accounts.writers.map((index, i) => new Trader(`writer ${i + 1}`, deployment, this.transactor(index), true)),
    ];
    this.liquidator = new Trader("liquidator", deployment, this.transactor(accounts.liquidator), true);
    const everyone = [
      ...accounts.liquidityProviders,
      ...accounts.wallets,
      ...accounts.writers,
      ...accounts.visitors,
      accounts.liquidator,
      accounts.staker,
      accounts.cautiousLp,
    ];
    for (const index of everyone) await this.mint(index, usdc(2_000_000));
    // The last writer is the reckless one: what he puts up does not carry him through a crash.
    const reckless = this.traders.at(-1);
    for (const trader of this.traders) await trader.open(usdc(trader === reckless ? 30_000 : 400_000));
    await this.liquidator.open(usdc(1_000_000));
    await this.stakeInsurance(usdc(250_000));
    const [ada, ben, cem] = this.lps;
    await ada?.requestDeposit(usdc(600_000));
    await ben?.requestDeposit(usdc(400_000));
    await cem?.requestDeposit(usdc(500_000));
  }
}

/** Ports that were free a moment ago: nodes must know each other's before they start. */
async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
