import { type Chain, erc20Abi, type HttpTransport, type PublicClient } from "viem";
import { clearinghouseAbi } from "../../chain/abis.ts";
import { fromOptionId, fromSize, holdingsOf } from "../../chain/optionId.ts";
import { readCurve } from "../../chain/uniswapCurve.ts";
import { POOL_FEE_PIPS } from "../../chain/uniswapV3.ts";
import type { MarketSnapshot, OptionVenue } from "../../market-data/marketData.ts";
import { describeError, MeniscusError } from "../../runtime/errors.ts";
import type { Logger } from "../../runtime/logger.ts";
import { type Connection, findPool, type Pool, type Sender } from "../../sdk/client.ts";
import { readOracleFacts, readPoolFacts } from "./collector.ts";
import { PlanExecutor, WITHOUT_LEAVE } from "./executor.ts";
import { type Greeks, noGreeks, rememberedGreeks, scaled, sumOf } from "./greeks.ts";
import { inventoryPlans } from "./inventory.ts";
import { isStopped, isWithinLimits, type RiskLimits } from "./limits.ts";
import { type OracleFacts, PoolMaker } from "./makers.ts";
import { ArbitrageMetrics, type ArbitrageStanding } from "./metrics.ts";
import type { ListedExpiry } from "./packages.ts";
import { parityPlans } from "./parity.ts";
import type { ArbitrageFacts, Plan } from "./plan.ts";
import { isSameOption, type ReferenceQuote, referencePlans, toUnderlying } from "./reference.ts";
import type { ArbitrageRules } from "./rules.ts";
import { hedgePlan, spotPlan } from "./spot.ts";
import { ArbitrageMemory } from "./state.ts";

/** Plans of one look at most: each changes what the next is worth. */
const PLANS_PER_LOOK = 12;
/** Strikes of an expiry that packages are made of, and how far they reach, standard deviations. */
const [PACKAGE_STRIKES, PACKAGE_REACH] = [9, 1.5];

/** Refusals that a smaller plan may not meet: of the own account, or of a pool. */
const TOO_LARGE: ReadonlySet<string> = new Set(["Clearinghouse_Unhealthy", "Clearinghouse_InsufficientCash"]);

/** Where another market's quotes come from. */
export type ReferenceSource = Pick<OptionVenue, "snapshot">;

export interface ArbitrageurRules extends ArbitrageRules {
  /** The margin account that trades; the wallet holds what is traded on Uniswap v3. */
  readonly sub: number;
  readonly limits: RiskLimits;
  /** Half-width of the delta that is left alone, units of the underlying, and what a hedge may cost, share of what is traded. */
  readonly hedge: { readonly band: number; readonly maxCost: number };
  /** A reference or an oracle's spot that is older says nothing, seconds. */
  readonly maxReferenceAge: number;
  /** What the chain's own coin is worth, quote tokens; undefined: spot. */
  readonly nativePrice: number | undefined;
  /** Says what it would do and does nothing. */
  readonly dryRun: boolean;
}

/** A plan that was carried out. */
export interface ArbitrageAct {
  readonly kind: Plan["kind"];
  /** What it was to gain after all costs, quote tokens. */
  readonly gain: number;
}

/**
 * Looks for what is priced differently in two places and takes it, all legs at once: pools against another market's quotes, packages across
 * pools and Uniswap v3, Uniswap v3 against spot, what it holds against what a pool pays for it back. Keeps its delta in a band. Safe to run
 * twice: the second finds what the first has left.
 */
export class Arbitrageur {
  readonly metrics: ArbitrageMetrics;
  private readonly sender: Sender;
  private readonly pool: Pool;
  private readonly rules: ArbitrageurRules;
  private readonly reference: ReferenceSource | undefined;
  private readonly memory: ArbitrageMemory;
  private readonly executor: PlanExecutor;
  private readonly log: Logger;
  /** Most contracts of a leg in this look: fewer once a plan was refused for its size. */
  private most = 0;
  private lot = 0n;
  private strikeStep = 0;
  private standing: ArbitrageStanding = { ...noGreeks, result: 0, cash: 0, stopped: false };

  /**
   * @param options.marketId Market whose pools are traded with.
   * @param options.reference Without it, pools are compared with each other and with Uniswap v3 alone.
   * @param options.stateFile Where the bot's memory is; without it, it begins anew with each process.
   * @throws MeniscusError `data` where the market has no Uniswap v3 pool, or the memory is not one.
   */
  constructor(
    sender: Sender,
    rules: ArbitrageurRules,
    log: Logger,
    options: {
      readonly marketId: number;
      readonly reference?: ReferenceSource | undefined;
      readonly stateFile?: string | undefined;
    },
  ) {
    const pool = sender.connection.deployment.pools.find(({ marketId }) => marketId === options.marketId);
    if (!pool) throw new MeniscusError("data", `Market ${options.marketId} has no pool.`);
    this.sender = sender;
    this.rules = rules;
    this.log = log;
    this.pool = findPool(sender.connection, pool.name);
    this.reference = options.reference;
    this.memory = new ArbitrageMemory(options.stateFile);
    this.executor = new PlanExecutor(sender, options.marketId, rules);
    this.metrics = new ArbitrageMetrics(() => this.standing);
  }

  /** Looks once: carries out the best plan, looks again, until nothing is left that gains. */
  async look(): Promise<readonly ArbitrageAct[]> {
    if (this.lot === 0n) await this.open();
    const acts: ArbitrageAct[] = [];
    const refused = new Set<string>();
    this.most = this.rules.maxContracts;
    for (let i = 0; i < PLANS_PER_LOOK; i++) {
      const seen = await this.collect();
      if (!seen) break;
      const plan = this.choose(seen, refused);
      if (!plan) break;
      const act = await this.carryOut(plan, seen.facts, refused);
      if (act) acts.push(act);
      if (this.rules.dryRun) break;
    }
    return acts;
  }

  /** Looks at what it holds and trades nothing. */
  async appraise(): Promise<ArbitrageStanding> {
    await this.collect();
    return this.standing;
  }

  /** What it earned since its memory begins, quote tokens, and its risks, as of the last look. */
  get stands(): ArbitrageStanding {
    return this.standing;
  }

  private get connection(): Connection {
    return this.sender.connection;
  }

  private get ledger() {
    return { address: this.connection.deployment.clearinghouse, abi: clearinghouseAbi, blockTag: "pending" } as const;
  }

  private async open(): Promise<void> {
    const { minSize, strikeStepE6 } = await this.connection.client.readContract({
      ...this.ledger,
      functionName: "market",
      args: [this.pool.marketId],
    });
    await this.executor.prepare(this.pool.market.baseToken);
    this.strikeStep = strikeStepE6 / 1e6;
    this.lot = minSize;
  }

  /** The best plan that limits allow and that was not refused in this look. */
  private choose({ facts, quotes, held, listed }: Seen, refused: ReadonlySet<string>): Plan | undefined {
    const rules = { ...this.rules, maxContracts: this.most };
    const { limits } = rules;
    // At the band's edge the next breath of the market would have it hedged back, at a loss.
    const spot = spotPlan(facts, rules, held.delta, rules.hedge.band / 2);
    const closing = inventoryPlans(facts, quotes, rules);
    const opening = this.standing.stopped
      ? []
      : [
          ...referencePlans(facts, quotes, held, rules, limits),
          ...parityPlans(facts, listed, held, rules, limits),
          ...(spot ? [spot] : []),
        ];
    const hedge = hedgePlan(facts, held.delta, rules.hedge);
    for (const { kind } of [...closing, ...opening]) this.metrics.found.inc({ kind });
    const plans = [...closing, ...opening].toSorted((a, b) => b.gain - a.gain);
    return [...plans, ...(hedge ? [hedge] : [])].find(
      (plan) => !refused.has(keyOf(plan)) && (plan.kind === "hedge" || isWithinLimits(held, plan.greeks, limits)),
    );
  }

  private async carryOut(plan: Plan, facts: ArbitrageFacts, refused: Set<string>): Promise<ArbitrageAct | undefined> {
    const { kind, gain } = plan;
    const words = { kind, gain: round(gain), legs: describeLegs(plan), base: toUnderlying(facts, plan.base) };
    const outcome = await this.executor.execute(
      plan,
      kind === "hedge" ? gain - this.hedgeSlack(facts, plan) : this.rules.minGain,
    );
    if ("dry" in outcome) {
      this.log.info(words, "would trade");
      return undefined;
    }
    if ("refused" in outcome) {
      if (TOO_LARGE.has(outcome.refused) && this.most > 1) this.most /= 4;
      else refused.add(keyOf(plan));
      // A reorganisation may have taken the leave back: the next look gives it again.
      if (WITHOUT_LEAVE.includes(outcome.refused)) this.lot = 0n;
      this.metrics.refused.inc({ kind, reason: outcome.refused });
      this.log.info({ ...words, reason: outcome.refused }, "not traded");
      return undefined;
    }
    const gas = (Number(outcome.done.gasUsed) * Number(facts.gas.gasPrice) * facts.gas.nativePrice) / 1e18;
    this.metrics.carriedOut.inc({ kind });
    this.metrics.gas.inc(gas);
    if (kind !== "hedge") this.metrics.gained.inc({ kind }, gain);
    const known = this.memory.known;
    if (known) {
      const earned = kind === "hedge" ? 0 : gain;
      this.memory.write({ ...known, plans: known.plans + 1, gain: known.gain + earned, gas: known.gas + gas });
    }
    this.log.info({ ...words, gas: round(gas) }, "traded");
    return { kind, gain };
  }

  /** A hedge may cost as much more as its bound leaves. */
  private hedgeSlack(facts: ArbitrageFacts, { base, spot }: Plan): number {
    return this.rules.hedge.maxCost * Math.abs(toUnderlying(facts, base)) * spot;
  }

  /** Everything that is decided on, as of the next block; undefined while the oracle is silent. */
  private async collect(): Promise<Seen | undefined> {
    const { connection, rules } = this;
    const { deployment } = connection;
    const pools = deployment.pools
      .filter(({ marketId }) => marketId === this.pool.marketId)
      .map(({ name }) => findPool(connection, name));
    const [oracle, reference, uniswap, own, gasPrice] = await Promise.all([
      readOracleFacts(connection, this.pool.marketId),
      this.readReference(),
      readCurve(connection.client as PublicClient<HttpTransport, Chain>, this.uniswapPool()),
      this.readOwn(),
      connection.client.getGasPrice(),
    ]);
    if (!oracle) return undefined;
    const expiries = [...oracle.boards.keys()];
    const states = await Promise.all(pools.map((pool) => readPoolFacts(connection, pool, expiries)));
    const isSpotFresh = oracle.timestamp - oracle.state.spotTime <= rules.maxReferenceAge;
    const isReferenceFresh = reference !== undefined && oracle.timestamp - reference.time <= rules.maxReferenceAge;
    if (!isSpotFresh && !isReferenceFresh) return undefined;
    const spot = isReferenceFresh ? reference.spot : Number(oracle.state.spotWad) / 1e18;
    const makers = states.map((state) => new PoolMaker(oracle, state));
    const quotes = isReferenceFresh
      ? reference.chains.flatMap((chain) =>
          chain.quotes.map(({ expiry, strike, kind, bid, ask }) => {
            return { terms: { marketId: this.pool.marketId, expiry, strike, kind }, bid, ask };
          }),
        )
      : [];
    const baseAtStart = this.memory.known?.baseAtStart ?? own.base;
    const facts: ArbitrageFacts = {
      now: oracle.timestamp,
      spot,
      makers,
      greeksOf: rememberedGreeks(oracle),
      forwards: new Map([...oracle.boards].map(([expiry, { current }]) => [expiry, Number(current.forwardWad) / 1e18])),
      uniswap,
      baseDecimals: this.pool.market.baseDecimals,
      quoteDecimals: deployment.quoteDecimals,
      gas: { gasPrice, nativePrice: rules.nativePrice ?? spot },
      lot: this.lot,
      holdings: { positions: own.positions, base: own.base - baseAtStart },
    };
    const held = this.stand(facts, own, quotes);
    const onGrid = quotes.filter(({ terms }) => terms.strike % this.strikeStep === 0);
    return { facts, quotes: onGrid, held, listed: this.listedOf(oracle, facts) };
  }

  /** The other market's quotes; undefined where there is none or it does not answer: the rest goes on. */
  private async readReference(): Promise<MarketSnapshot | undefined> {
    try {
      return await this.reference?.snapshot();
    } catch (error) {
      this.log.warn({ reason: describeError(error) }, "no reference");
      return undefined;
    }
  }

  private uniswapPool() {
    const { market } = this.pool;
    const { quoteToken, quoteDecimals } = this.connection.deployment;
    return {
      address: market.uniswapV3Pool,
      baseToken: market.baseToken,
      quoteToken,
      quoteDecimals,
      feePips: POOL_FEE_PIPS,
    };
  }

  private async readOwn() {
    const { client, deployment } = this.connection;
    const { account } = this.executor;
    const balance = (address: `0x${string}`) =>
      client.readContract({
        address,
        abi: erc20Abi,
        functionName: "balanceOf",
        args: [this.sender.address],
        blockTag: "pending",
      });
    const [words, cash, base, quote] = await Promise.all([
      client.readContract({ ...this.ledger, functionName: "strikes", args: [account] }),
      client.readContract({ ...this.ledger, functionName: "cash", args: [account] }),
      balance(this.pool.market.baseToken),
      balance(deployment.quoteToken),
    ]);
    const unit = 10 ** deployment.quoteDecimals;
    return {
      positions: new Map(words.flatMap(holdingsOf).map(({ option, size }) => [option, size])),
      cash: Number(cash) / unit,
      quote: Number(quote) / unit,
      base: Number(base) / 10 ** this.pool.market.baseDecimals,
    };
  }

  /** Risks of options and base, what was earned, and whether to stop; remembers the best result. */
  private stand(
    facts: ArbitrageFacts,
    own: { readonly cash: number; readonly quote: number; readonly base: number },
    quotes: readonly ReferenceQuote[],
  ): Greeks {
    let value = 0;
    const risks: Greeks[] = [];
    for (const [option, size] of facts.holdings.positions) {
      const terms = fromOptionId(option);
      const greeks = facts.greeksOf(terms);
      if (!greeks) continue; // expired: its settlement pays
      const quote = quotes.find(({ terms: other }) => isSameOption(other, terms));
      value += fromSize(size) * (quote ? (quote.bid + quote.ask) / 2 : greeks.value);
      risks.push(scaled(greeks, fromSize(size)));
    }
    const base = facts.holdings.base;
    const wealth = own.cash + own.quote + value + base * facts.spot;
    const known = this.memory.known ?? {
      baseAtStart: own.base,
      wealthAtStart: wealth,
      best: 0,
      plans: 0,
      gain: 0,
      gas: 0,
    };
    const result = wealth - known.wealthAtStart - known.gas;
    const best = Math.max(known.best, result);
    if (best !== this.memory.known?.best) this.memory.write({ ...known, best });
    const options = sumOf(risks);
    const held = { ...options, delta: options.delta + base };
    const stopped = isStopped({ now: result, best }, this.rules.limits);
    if (stopped && !this.standing.stopped)
      this.log.error({ result: round(result), best: round(best) }, "loss limit reached");
    this.standing = { ...held, result, cash: own.cash, stopped };
    return held;
  }

  /** Strikes around the money of every expiry, for packages. */
  private listedOf(oracle: OracleFacts, { forwards }: ArbitrageFacts): readonly ListedExpiry[] {
    return [...oracle.boards].map(([expiry, { current }]) => {
      const forward = forwards.get(expiry) ?? 0;
      const reach = Math.exp(PACKAGE_REACH * Math.sqrt(Number(current.thetaWad) / 1e18));
      const [low, high] = [
        Math.ceil(forward / reach / this.strikeStep),
        Math.floor((forward * reach) / this.strikeStep),
      ];
      const stride = Math.max(1, Math.ceil((high - low + 1) / PACKAGE_STRIKES));
      const strikes = Array.from({ length: Math.max(0, high - low + 1) }, (_, i) => low + i)
        .filter((multiple) => multiple > 0 && multiple % stride === 0)
        .map((multiple) => multiple * this.strikeStep);
      return { marketId: this.pool.marketId, expiry, forward, strikes };
    });
  }
}

interface Seen {
  readonly facts: ArbitrageFacts;
  readonly quotes: readonly ReferenceQuote[];
  readonly held: Greeks;
  readonly listed: readonly ListedExpiry[];
}

/** A plan that was refused is not tried again in the same look, whatever its size. */
function keyOf({ kind, swaps }: Plan): string {
  return `${kind} ${swaps.map(({ maker, legs }) => `${maker.name} ${legs.map(({ terms }) => Object.values(terms).join("-")).join()}`).join()}`;
}

function describeLegs({ swaps }: Plan): string {
  return swaps
    .flatMap(({ maker, legs }) =>
      legs.map(({ terms, size }) => `${fromSize(size)} ${terms.expiry}-${terms.strike}-${terms.kind} at ${maker.name}`),
    )
    .join(", ");
}

function round(tokens: number): number {
  return Math.round(tokens * 100) / 100;
}
