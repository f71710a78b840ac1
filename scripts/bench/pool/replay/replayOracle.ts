/** The oracle of a replay without its network: the nodes' arithmetic and signatures, in one process. */
import { join } from "node:path";
import { marketOracleAbi } from "../../../../src/chain/abis.ts";
import type { Anvil } from "../../../../src/chain/anvil.ts";
import type { Deployment } from "../../../../src/chain/deployments.ts";
import { packReport, signReport } from "../../../../src/chain/report.ts";
import { Transactor } from "../../../../src/chain/transactor.ts";
import { longerCandles, SECONDS_PER_HOUR, type World } from "../../../../src/market/world.ts";
import { minutePrices, type SpotCandle } from "../../../../src/market-data/marketData.ts";
import { ReplayVenue } from "../../../../src/market-data/replayVenue.ts";
import {
  expiriesToAverage,
  type ObservedAverage,
  runningAverage,
  windowOf,
} from "../../../../src/volatility-oracle/averages.ts";
import { composeReport, type Observation } from "../../../../src/volatility-oracle/consensus.ts";
import { forecastVolatility } from "../../../../src/volatility-oracle/forecast.ts";
import { GapBook } from "../../../../src/volatility-oracle/gapBook.ts";
import { observeSurface } from "../../../../src/volatility-oracle/lattice.ts";
import { levelByForecast, type SeenGap } from "../../../../src/volatility-oracle/level.ts";
import { quorumOf } from "../../../../src/volatility-oracle/rounds.ts";

/** A report that moves further than one may is confirmed by that of a minute later. */
const CONFIRMATION_SECONDS = 60;
const MAX_CONFIRMATIONS = 10;

export interface ReplayOracleSetup {
  readonly world: World;
  readonly anvil: Anvil;
  readonly deployment: Deployment;
  readonly marketId: number;
  /** Indices of the chain's accounts: the nodes, and who brings their reports. */
  readonly nodes: readonly number[];
  readonly sender: number;
  /** For what nodes remember. */
  readonly folder: string;
}

export class ReplayOracle {
  confirmations = 0;
  private readonly setup: ReplayOracleSetup;
  private readonly venue: ReplayVenue;
  private readonly sender: Transactor;
  private readonly gaps: GapBook;
  private readonly expiries = new Set<number>();
  private hours: readonly SpotCandle[] = [];
  private round = 0;

  constructor(setup: ReplayOracleSetup) {
    const { world, anvil, sender, folder } = setup;
    this.setup = setup;
    this.venue = new ReplayVenue(world);
    this.sender = new Transactor(anvil.publicClient, anvil.wallet(sender), { sync: true, unasked: true });
    this.gaps = new GapBook(join(folder, "gaps.json"), () => {});
  }

  /** Brings the surface of a time to the chain, and those of the next minutes until one is confirmed. @returns The last one's time. */
  async report(time: number): Promise<number> {
    await this.submit(time);
    let at = time;
    for (let i = 0; i < MAX_CONFIRMATIONS && (await this.isUnconfirmed()); i++) {
      this.confirmations += 1;
      at += CONFIRMATION_SECONDS;
      await this.submit(at);
    }
    return at;
  }

  private async submit(time: number): Promise<void> {
    const { anvil, deployment, nodes } = this.setup;
    await anvil.mineAt(time);
    const seen = await this.observe(time);
    this.round += 1;
    const quorum = quorumOf(nodes.length);
    // Every node sees the same venue here; the fit is that of four observations.
    const report = composeReport(Array<Observation>(nodes.length).fill(seen), {
      round: this.round,
      signerSet: 1,
      quorum,
    });
    const domain = { chainId: deployment.chainId, oracle: deployment.marketOracle };
    const signatures = await Promise.all(
      nodes.slice(0, quorum).map(async (node, index) => {
        return { index, signature: await signReport(anvil.wallet(node).account, report, domain) };
      }),
    );
    await this.sender.write(deployment.marketOracle, marketOracleAbi, "submitReport", [packReport(report, signatures)]);
  }

  private async observe(time: number): Promise<Observation> {
    this.venue.moveTo(time);
    const snapshot = await this.venue.snapshot();
    for (const { expiry } of snapshot.chains) this.expiries.add(expiry);
    const seen: SeenGap[] = [];
    const level = levelByForecast(
      forecastVolatility(this.hoursUntil(time)),
      (tenor) => this.gaps.usual(tenor),
      (gap) => seen.push(gap),
    );
    const surface = observeSurface([snapshot], { time, level });
    this.gaps.learn(time, seen);
    const averages = await this.averages(time);
    return { kind: "surface", marketId: this.setup.marketId, modelTime: time, spot: snapshot.spot, averages, surface };
  }

  /** Hourly candles that have closed; the same list for a whole hour, so that what is fitted to it is fitted once. */
  private hoursUntil(time: number): readonly SpotCandle[] {
    const { world } = this.setup;
    const last = this.hours.at(-1);
    const from = last ? last.time + SECONDS_PER_HOUR : world.historyFrom;
    const until = Math.floor(time / SECONDS_PER_HOUR) * SECONDS_PER_HOUR;
    if (until > from)
      this.hours = [...this.hours, ...longerCandles(world.minuteCandles(from, until), SECONDS_PER_HOUR)];
    return this.hours;
  }

  private async averages(time: number): Promise<readonly ObservedAverage[]> {
    const { world, anvil, deployment, marketId } = this.setup;
    const oracle = { address: deployment.marketOracle, abi: marketOracleAbi } as const;
    const averages: ObservedAverage[] = [];
    for (const expiry of expiriesToAverage(time, this.expiries)) {
      const settled = await anvil.publicClient.readContract({
        ...oracle,
        functionName: "settlementPrice",
        args: [marketId, expiry],
      });
      const { from, until } = windowOf(expiry, time);
      const average = runningAverage(expiry, time, minutePrices(world.minuteCandles(from, until)));
      if (settled === 0n && average) averages.push(average);
    }
    return averages;
  }

  private async isUnconfirmed(): Promise<boolean> {
    const { anvil, deployment, marketId } = this.setup;
    const { unconfirmed } = await anvil.publicClient.readContract({
      address: deployment.marketOracle,
      abi: marketOracleAbi,
      functionName: "marketState",
      args: [marketId],
    });
    return unconfirmed;
  }
}
