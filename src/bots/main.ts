// One bot: `node --import tsx src/bots/main.ts CONFIG.json`. Ends on SIGTERM and on SIGINT, after what it is at.
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { parseGwei } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { Outbox } from "../chain/outbox.ts";
import { DeribitVenue } from "../market-data/deribit.ts";
import { describeError, MeniscusError } from "../runtime/errors.ts";
import { releaseLock, takeLock } from "../runtime/lockFile.ts";
import { createLogger, type Logger } from "../runtime/logger.ts";
import { serveMetrics } from "../runtime/metrics.ts";
import { connect, Sender } from "../sdk/client.ts";
import { Arbitrageur } from "./arbitrage/arbitrageur.ts";
import { withdrawBounties } from "./bounty.ts";
import { type BotConfig, readBotConfig, readBotKey } from "./config.ts";
import { Hedger } from "./hedger.ts";
import { Liquidator } from "./liquidator.ts";
import { Marker } from "./marker.ts";
import { BotMetrics } from "./metrics.ts";
import { NodeWatch } from "./nodeWatch.ts";
import { Reporter } from "./reporter.ts";
import { Settler } from "./settler.ts";

interface Bot {
  look(): Promise<unknown>;
  readonly metrics?: BotMetrics;
}

function createBot(config: BotConfig, sender: Sender, log: Logger): Bot {
  const toUnits = (tokens: number) => BigInt(Math.round(tokens * 10 ** sender.connection.deployment.quoteDecimals));
  switch (config.kind) {
    case "settler":
    case "hedger":
    case "marker": {
      const { kind, minGain, asService, nativePrice } = config;
      const keepers = { settler: Settler, hedger: Hedger, marker: Marker };
      return new keepers[kind](sender, { minGain: toUnits(minGain), asService, nativePrice }, log);
    }
    case "reporter":
      return new Reporter(sender, config, log);
    case "arbitrageur": {
      const { account, nativePrice, marketId, stateFile, reference } = config;
      const venue = reference && new DeribitVenue(reference.url, reference.currency);
      return new Arbitrageur(sender, { ...config, sub: account, nativePrice }, log, {
        marketId,
        reference: venue,
        stateFile,
      });
    }
    default: {
      const { account, edge, minProfit, unwindCost } = config;
      return new Liquidator(sender, { sub: account, edge, minProfit: toUnits(minProfit), unwindCost }, log);
    }
  }
}

async function main(): Promise<void> {
  const file = process.argv[2];
  if (!file) throw new MeniscusError("usage", "Which configuration?", { hint: "Pass the path of a bot's JSON file." });
  const config = readBotConfig(file);
  const log = createLogger(config.name);
  const { rpcUrl, otherRpcUrls, deploymentFile } = config;
  let metrics: BotMetrics | undefined;
  const degraded = new Set<string>();
  const onSilent = (url: string) => {
    metrics?.silent.inc({ url: new URL(url).host });
    degraded.add(url);
  };
  const connection = await connect({ rpcUrl, otherRpcUrls, onSilent, deploymentFile });
  const account = privateKeyToAccount(readBotKey(config));
  holdState(config.stateFile);
  const node = new NodeWatch(connection.client, connection.deployment.chainId);
  const { replaceAfterMilliseconds, bids, sendUrl, stateFile } = config;
  const outbox = new Outbox(connection.client, account, {
    terms: {
      maxFee: parseGwei(String(config.maxFeeGwei)),
      priorityFee: parseGwei(String(config.priorityFeeGwei)),
      replaceAfterMilliseconds,
      bids,
    },
    file: stateFile === undefined ? undefined : `${stateFile}.outbox`,
    sendUrl,
    notice: (text) => {
      metrics?.resent.inc();
      log.warn(text);
    },
  });
  const sender = new Sender(connection, account, undefined, { outbox });
  const bot = createBot(config, sender, log);
  metrics = bot.metrics ?? new BotMetrics();
  if (config.metricsPort !== undefined) {
    const server = await serveMetrics(metrics, config.metricsPort);
    const { port } = server.address() as AddressInfo;
    server.unref();
    log.info({ port }, "metrics are served");
  }
  const ending = new AbortController();
  process.once("SIGTERM", () => ending.abort());
  process.once("SIGINT", () => ending.abort());
  log.info({ kind: config.kind, address: sender.address }, "bot is up");
  while (!ending.signal.aborted) {
    let pause = config.pollMilliseconds;
    try {
      await node.check();
      await outbox.settleOpen();
      await bot.look();
      await takeHome(config, sender, metrics);
      metrics.looks.inc({ result: "done" });
      for (const url of degraded) log.warn({ host: new URL(url).host }, "an RPC does not answer, others do");
      degraded.clear();
    } catch (error) {
      metrics.looks.inc({ result: "failed" });
      // The node may be away for a while: nothing is lost, the next look reads everything again.
      log.warn({ reason: describeError(error) }, "the chain could not be read");
      // So that not all come back to it at once.
      pause *= 1 + Math.random();
    }
    await sleep(pause, undefined, { signal: ending.signal }).catch(() => {});
  }
}

/** Two processes with one state file would overwrite what the other has sent. The lock of a process that is gone is taken over. */
function holdState(stateFile: string | undefined): void {
  if (stateFile === undefined) return;
  const lock = `${stateFile}.lock`;
  const holder = takeLock(lock);
  if (holder !== undefined) {
    throw new MeniscusError("data", `Process ${holder} runs with ${stateFile} already.`, {
      hint: `Give each bot a state file and a key of its own, or remove ${lock} where that process is no bot.`,
    });
  }
  process.once("exit", () => releaseLock(lock));
}

/** Bounties wait in the ledger; the margin of bots that trade is not touched. */
async function takeHome({ withdrawAbove, kind }: BotConfig, sender: Sender, metrics: BotMetrics): Promise<void> {
  if (withdrawAbove === undefined) return;
  const unit = 10 ** sender.connection.deployment.quoteDecimals;
  const subs = kind === "liquidator" || kind === "arbitrageur" ? [0] : [0, 1];
  const taken = await withdrawBounties(sender, BigInt(Math.round(withdrawAbove * unit)), subs);
  if (taken > 0n) metrics.withdrawn.inc(Number(taken) / unit);
}

main().catch((error: unknown) => {
  console.error(describeError(error));
  process.exit(error instanceof MeniscusError ? error.exitCode : 70);
});
