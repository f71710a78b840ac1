/** A real market of some weeks, replayed on a chain of its own with a pool, its LPs, its hedger and customers, in one process. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { privateKeyToAccount } from "viem/accounts";
import { AlignmentTally, misalignments, whenFresh, whenQuiet } from "../../../../src/bots/arbitrage/alignment.ts";
import { Arbitrageur } from "../../../../src/bots/arbitrage/arbitrageur.ts";
import { readOracleFacts, readPoolFacts } from "../../../../src/bots/arbitrage/collector.ts";
import { PoolMaker } from "../../../../src/bots/arbitrage/makers.ts";
import { service } from "../../../../src/bots/bounty.ts";
import { Hedger } from "../../../../src/bots/hedger.ts";
import { Liquidator } from "../../../../src/bots/liquidator.ts";
import { Settler } from "../../../../src/bots/settler.ts";
import { clearinghouseAbi, insuranceFundAbi, optionPoolAbi, spotHedgerAbi } from "../../../../src/chain/abis.ts";
import { type Anvil, startAnvil } from "../../../../src/chain/anvil.ts";
import { deployProtocol } from "../../../../src/chain/deploy.ts";
import { type Deployment, writeDeployment } from "../../../../src/chain/deployments.ts";
import { fromSize, toAccountId } from "../../../../src/chain/optionId.ts";
import { placePermit2 } from "../../../../src/chain/permit2.ts";
import { Transactor } from "../../../../src/chain/transactor.ts";
import { mintLocalToken, swapToPrice } from "../../../../src/chain/uniswapV3.ts";
import { arbitrageRules, openArbitrage } from "../../../../src/market/arbitrage.ts";
import { type EthMarket, openEthMarket } from "../../../../src/market/ethMarket.ts";
import { accountCount, accounts, hourly } from "../../../../src/market/localMarket.ts";
import { approve, Keeper, LiquidityProvider, TOO_DEAR, Trader } from "../../../../src/market/participants.ts";
import { createRandom, mixSeed, type Random } from "../../../../src/market/random.ts";
import { referenceVolatilities } from "../../../../src/market/reference.ts";
import { EXPIRY_SECOND_OF_DAY, SECONDS_PER_DAY, SECONDS_PER_HOUR, type World } from "../../../../src/market/world.ts";
import { ReplayVenue } from "../../../../src/market-data/replayVenue.ts";
import { createLogger } from "../../../../src/runtime/logger.ts";
import { type Connection, connect, Sender } from "../../../../src/sdk/client.ts";
import { type PoolStatement, readStatement } from "../../../../src/sdk/statement.ts";
import { closingWish, openingWish } from "./customers.ts";
import { ReplayOracle } from "./replayOracle.ts";

const MARKET_ID = 1;
const HEDGES_PER_TICK = 8;
const STRIKE_STEP = 25;
/** What follows upon a report happens within seconds of it, as its spot must be fresh. */
const BLOCK_SECONDS = 1;
/** For so long after an expiry the settler looks: a price that Uniswap disputes waits four hours. */
const SETTLING_SECONDS = 5 * SECONDS_PER_HOUR;
/** Looking at every account costs as much as the rest of an hour, and writers are rich here. */
const LIQUIDATOR_SECONDS = 4 * SECONDS_PER_HOUR;
const usdc = (tokens: number) => BigInt(tokens) * 1_000_000n;

/** Customers in an hour on average; of those who open a position, how many buy; how many come to close one. */
const ORDERS_PER_HOUR = 3;
const BUYERS = 0.7;
const CLOSERS = 0.3;

export interface ReplayOptions {
  readonly world: World;
  /** Unix seconds. */
  readonly from: number;
  readonly days: number;
  readonly seed: number;
  /** Whether an arbitrage bot compares the pool with the venue; by default none does. */
  readonly arbitrage?: boolean;
  /** Called after each day of the market. */
  readonly onDay?: (day: number) => void;
}

export interface ReplayResult {
  readonly statement: PoolStatement;
  readonly trades: number;
  /** Orders whose price was above what the customer would have paid elsewhere, and those that the protocol refused, by error. */
  readonly tooDear: number;
  readonly refused: ReadonlyMap<string, number>;
  readonly hedges: HedgeSums;
  readonly settled: number;
  readonly liquidations: number;
  readonly confirmations: number;
  /** Hour by hour, increasing. */
  readonly exposures: readonly Exposure[];
  readonly alignment: AlignmentTally;
  readonly arbitrage: ArbitrageSums;
}

/** What the arbitrage bot did, quote tokens: plans were to gain so much after all costs, by day; and what it had earned in the end. */
export interface ArbitrageSums {
  readonly plans: number;
  readonly promised: number;
  readonly result: number;
  readonly days: readonly ArbitrageDay[];
}

/** One day: how well the pool was aligned at the end of its hours, and what the bot's plans were to gain. */
export interface ArbitrageDay {
  readonly within1: number;
  /** Volatility points. */
  readonly distance: number;
  readonly promised: number;
}

/** What a pool's hedger did, quote tokens: what it traded at the oracle's spot, and what that cost against it, bounties included. */
export interface HedgeSums {
  readonly count: number;
  readonly turnover: number;
  readonly cost: number;
}

/** The pool after an hour's hedges, before anyone trades; units of the underlying. */
export interface Exposure {
  /** Unix seconds. */
  readonly time: number;
  /** Net delta of options and base, positive long. */
  readonly delta: number;
  readonly base: number;
}

/** Runs the market hour by hour and states what became of pool and LPs. */
export async function runReplay(options: ReplayOptions): Promise<ReplayResult> {
  const folder = mkdtempSync(join(tmpdir(), "meniscus-replay-"));
  const anvil = await startAnvil({
    timestamp: options.from - SECONDS_PER_HOUR,
    accounts: accountCount,
    recentStatesOnly: true,
  });
  try {
    // Not the wall clock: a run is the same on every machine.
    await anvil.testClient.setBlockTimestampInterval({ interval: BLOCK_SECONDS });
    const market = await ReplayMarket.open(options, anvil, folder);
    return await market.run();
  } finally {
    await anvil.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

class ReplayMarket {
  private readonly options: ReplayOptions;
  private readonly anvil: Anvil;
  private readonly deployment: Deployment;
  private readonly eth: EthMarket;
  private readonly random: Random;
  private readonly oracle: ReplayOracle;
  private readonly keeper: Keeper;
  private readonly hedger: Hedger;
  private readonly settler: Settler;
  private readonly liquidator: Liquidator;
  private readonly lps: readonly LiquidityProvider[];
  /** Wallets, which buy, and writers, which sell on margin. */
  private readonly wallets: readonly Trader[];
  private readonly writers: readonly Trader[];
  private readonly refused = new Map<string, number>();
  private readonly exposures: Exposure[] = [];
  private readonly venue: ReplayVenue;
  private readonly arbitrageBot: Arbitrageur | undefined;
  private readonly alignment = new AlignmentTally();
  private readonly days: ArbitrageDay[] = [];
  private today = { alignment: new AlignmentTally(), promised: 0 };
  private plans = 0;
  private trades = 0;
  private settled = 0;
  private liquidations = 0;

  private constructor(options: ReplayOptions, anvil: Anvil, eth: EthMarket, connection: Connection, folder: string) {
    const { deployment } = connection;
    const transactor = (index: number) =>
      new Transactor(anvil.publicClient, anvil.wallet(index), { sync: true, unasked: true });
    const bot = (index: number) =>
      new Sender(connection, privateKeyToAccount(anvil.privateKey(index)), undefined, { sync: true });
    const log = createLogger("replay", "silent");
    const { nodes, keeper, deployer } = accounts;
    this.options = options;
    this.anvil = anvil;
    this.eth = eth;
    this.deployment = deployment;
    this.random = createRandom(mixSeed(options.seed, "customers"));
    this.oracle = new ReplayOracle({
      world: options.world,
      anvil,
      deployment,
      marketId: MARKET_ID,
      nodes,
      sender: deployer,
      folder,
    });
    this.keeper = new Keeper(deployment, transactor(keeper));
    this.hedger = new Hedger(bot(accounts.hedger), service, log);
    this.settler = new Settler(bot(accounts.settler), service, log);
    const rules = { sub: 1, edge: 0.1, minProfit: usdc(5), unwindCost: 0.05 };
    this.liquidator = new Liquidator(bot(accounts.liquidator), rules, log);
    this.venue = new ReplayVenue(options.world);
    this.arbitrageBot = options.arbitrage
      ? new Arbitrageur(bot(accounts.arbitrageBot), arbitrageRules, log, { marketId: MARKET_ID, reference: this.venue })
      : undefined;
    const names = ["Ada", "Ben"];
    this.lps = accounts.liquidityProviders.map(
      (index, i) => new LiquidityProvider(names[i] ?? "", deployment, transactor(index)),
    );
    this.wallets = accounts.wallets.map(
      (index, i) => new Trader(`wallet ${i + 1}`, deployment, transactor(index), false),
    );
    this.writers = accounts.writers.map(
      (index, i) => new Trader(`writer ${i + 1}`, deployment, transactor(index), true),
    );
  }

  static async open(options: ReplayOptions, anvil: Anvil, folder: string): Promise<ReplayMarket> {
    const { world, from } = options;
    const deployer = new Transactor(anvil.publicClient, anvil.wallet(accounts.deployer), { sync: true });
    const eth = await openEthMarket(anvil, world.spot(from), accounts);
    const { ethPool, uniswap } = eth;
    const deployment = await deployProtocol(deployer, {
      quote: { token: ethPool.quoteToken, symbol: "USDC", decimals: 6 },
      market: {
        marketId: MARKET_ID,
        symbol: "ETH",
        baseToken: ethPool.baseToken,
        baseDecimals: 18,
        uniswapV3Pool: ethPool.address,
      },
      uniswapV3: uniswap,
      permit2: await placePermit2(anvil.testClient),
      oracleSigners: accounts.nodes.map((index) => anvil.address(index)),
      protocolFees: anvil.address(accounts.protocolFees),
      pools: [{ name: "core", ...hourly }],
    });
    const deploymentFile = join(folder, "deployment.json");
    writeDeployment(deployment, deploymentFile);
    const market = new ReplayMarket(options, anvil, eth, await connect({ rpcUrl: anvil.url, deploymentFile }), folder);
    await market.fund();
    await market.report(from);
    await market.keeper.mark();
    return market;
  }

  async run(): Promise<ReplayResult> {
    const { from, days, onDay } = this.options;
    for (let hour = 1; hour <= days * 24; hour++) {
      await this.step(from + hour * SECONDS_PER_HOUR);
      if (hour % 24 === 0) this.endDay();
      if (hour % 24 === 0) onDay?.(hour / 24);
    }
    const [ada] = this.lps;
    if (!ada) throw new Error("there is no LP");
    const names = Object.fromEntries(this.lps.map(({ address, name }) => [address, name]));
    const statement = await readStatement(this.anvil.publicClient, this.deployment, {
      names,
      rows: { of: ada.address },
    });
    const { trades, settled, liquidations, refused } = this;
    const hedges = await this.hedgeSums();
    const tooDear = refused.get(TOO_DEAR) ?? 0;
    refused.delete(TOO_DEAR);
    return {
      statement,
      trades,
      tooDear,
      refused,
      hedges,
      settled,
      liquidations,
      confirmations: this.oracle.confirmations,
      exposures: this.exposures,
      alignment: this.alignment,
      arbitrage: {
        plans: this.plans,
        promised: this.days.reduce((sum, { promised }) => sum + promised, 0),
        result: this.arbitrageBot?.stands.result ?? 0,
        days: this.days,
      },
    };
  }

  private async step(time: number): Promise<void> {
    await this.report(time);
    if ((time - EXPIRY_SECOND_OF_DAY) % SECONDS_PER_DAY <= SETTLING_SECONDS) await this.settle(time);
    await this.keeper.mark();
    await this.hedge(time);
    this.exposures.push(await this.exposure(time));
    for (const lp of this.lps) if (lp.isWaiting) await lp.claim();
    if (time % LIQUIDATOR_SECONDS === 0) this.liquidations += (await this.liquidator.look()).started.length;
    await this.arbitrageOptions(time);
    await this.trade(time);
    await this.arbitrageOptions(time);
    await this.align(time);
  }

  private async arbitrageOptions(time: number): Promise<void> {
    this.venue.moveTo(time);
    const acts = (await this.arbitrageBot?.look()) ?? [];
    this.plans += acts.length;
    this.today.promised += acts.reduce((sum, { kind, gain }) => sum + (kind === "hedge" ? 0 : gain), 0);
  }

  /** The pool as it stays until the next report. */
  private async align(time: number): Promise<void> {
    const place = { client: this.anvil.publicClient, deployment: this.deployment };
    const oracle = await readOracleFacts(place, MARKET_ID);
    if (!oracle) return;
    const account = toAccountId(this.pool.optionPool, 1);
    const pool = await readPoolFacts(place, { ...this.pool, account }, [...oracle.boards.keys()]);
    const fresh = whenFresh(oracle);
    const venue = referenceVolatilities(this.options.world.chain(time), MARKET_ID, STRIKE_STEP);
    const found = misalignments(new PoolMaker(fresh, whenQuiet(pool)), fresh, venue);
    this.alignment.add(found);
    this.today.alignment.add(found);
  }

  private endDay(): void {
    const { alignment, promised } = this.today;
    this.days.push({ within1: alignment.within1, distance: alignment.distance, promised });
    this.today = { alignment: new AlignmentTally(), promised: 0 };
  }

  private async report(time: number): Promise<void> {
    await this.oracle.report(time);
    await this.arbitrage(time);
  }

  /** Uniswap's price follows the market's. */
  private async arbitrage(time: number): Promise<void> {
    const { publicClient } = this.anvil;
    const wallet = this.anvil.wallet(accounts.arbitrageur);
    await swapToPrice(publicClient, wallet, this.eth.uniswap, this.eth.ethPool, this.options.world.spot(time));
  }

  private async settle(time: number): Promise<void> {
    const finals = await this.settler.look();
    if (finals === 0) return;
    this.settled += finals;
    const expiry = Math.floor((time - EXPIRY_SECOND_OF_DAY) / SECONDS_PER_DAY) * SECONDS_PER_DAY + EXPIRY_SECOND_OF_DAY;
    for (const wallet of this.wallets) await wallet.redeem(expiry);
  }

  /** In as many steps as Uniswap's depth and the caps ask for. */
  private async hedge(time: number): Promise<void> {
    for (let i = 0; i < HEDGES_PER_TICK; i++) {
      const [act] = await this.hedger.look();
      if (!act) return;
      await this.arbitrage(time);
    }
  }

  private async exposure(time: number): Promise<Exposure> {
    const { publicClient } = this.anvil;
    const { optionPool } = this.pool;
    const [[netShort], base] = await Promise.all([
      publicClient.readContract({ address: optionPool, abi: optionPoolAbi, functionName: "inventory" }),
      publicClient.readContract({
        address: this.deployment.clearinghouse,
        abi: clearinghouseAbi,
        functionName: "base",
        args: [toAccountId(optionPool, 1), MARKET_ID],
      }),
    ]);
    return { time, delta: -fromSize(netShort[3]), base: Number(base) / 1e18 };
  }

  private get pool(): Deployment["pools"][number] {
    const pool = this.deployment.pools[0];
    if (!pool) throw new Error("the deployment has no pool");
    return pool;
  }

  private async hedgeSums(): Promise<HedgeSums> {
    const { publicClient } = this.anvil;
    const address = this.pool.spotHedger;
    const range = { fromBlock: BigInt(this.deployment.deployedAtBlock), strict: true } as const;
    const made = await publicClient.getContractEvents({
      address,
      abi: spotHedgerAbi,
      eventName: "HedgeMade",
      ...range,
    });
    let [turnover, cost] = [0, 0];
    for (const { args } of made) {
      const worth = (Number(args.baseAmount) / 1e18) * (Number(args.spotWad) / 1e18);
      turnover += Math.abs(worth);
      cost += Number(args.bounty - args.quoteAmount) / 1e6 - worth;
    }
    return { count: made.length, turnover, cost };
  }

  private async trade(time: number): Promise<void> {
    const { random } = this;
    const chain = this.options.world.chain(time);
    for (let i = random.poisson(ORDERS_PER_HOUR); i > 0; i--) {
      const buys = random.uniform() < BUYERS;
      const people = buys ? this.wallets : this.writers;
      const trader = people[Math.floor(random.uniform() * people.length)];
      if (!trader) continue;
      const held = random.uniform() < CLOSERS ? await trader.positions() : [];
      const open = held.filter(({ expiry }) => expiry > time);
      const position = open[Math.floor(random.uniform() * open.length)];
      const wish = position ? closingWish(chain, position, random) : openingWish(chain, buys ? "buy" : "sell", random);
      if (!wish) continue;
      const outcome = await trader.swap([wish.order], wish.most);
      if ("trade" in outcome) this.trades += 1;
      else this.count(outcome.refused);
    }
  }

  private count(refusal: string): void {
    const reason = refusal.replace(/ \(transaction .*/, "");
    this.refused.set(reason, (this.refused.get(reason) ?? 0) + 1);
  }

  private async fund(): Promise<void> {
    const { anvil, deployment } = this;
    const { liquidityProviders, wallets, writers, liquidator, staker } = accounts;
    const deployer = anvil.wallet(accounts.deployer);
    for (const index of [...liquidityProviders, ...wallets, ...writers, liquidator, staker]) {
      await mintLocalToken(deployer, this.eth.ethPool.quoteToken, anvil.address(index), usdc(10_000_000));
    }
    for (const trader of this.wallets) await trader.open(0n);
    for (const trader of this.writers) await trader.open(usdc(1_000_000));
    await openArbitrage(anvil, this.eth, deployment, accounts);
    const bids = new Transactor(anvil.publicClient, anvil.wallet(liquidator), { sync: true });
    await new Trader("liquidator", deployment, bids, true).open(usdc(1_000_000));
    const stakes = new Transactor(anvil.publicClient, anvil.wallet(staker), { sync: true });
    await approve(stakes, deployment.quoteToken, deployment.insuranceFund);
    await stakes.write(deployment.insuranceFund, insuranceFundAbi, "deposit", [usdc(250_000), stakes.address]);
    const [ada, ben] = this.lps;
    await ada?.requestDeposit(usdc(600_000));
    await ben?.requestDeposit(usdc(400_000));
  }
}
