// One bot: `node --import tsx src/bots/main.ts CONFIG.json`. Ends on SIGTERM and on SIGINT, after what it is at.
import { setTimeout as sleep } from "node:timers/promises";
import { privateKeyToAccount } from "viem/accounts";
import { describeError, MeniscusError } from "../runtime/errors.ts";
import { createLogger, type Logger } from "../runtime/logger.ts";
import { connect, Sender } from "../sdk/client.ts";
import { type BotConfig, readBotConfig, readBotKey } from "./config.ts";
import { Hedger } from "./hedger.ts";
import { Liquidator } from "./liquidator.ts";
import { Settler } from "./settler.ts";

interface Bot {
  look(): Promise<unknown>;
}

function createBot(config: BotConfig, sender: Sender, log: Logger): Bot {
  const toUnits = (tokens: number) => BigInt(Math.round(tokens * 10 ** sender.connection.deployment.quoteDecimals));
  switch (config.kind) {
    case "settler":
      return new Settler(sender, log);
    case "hedger": {
      const { minGain, asService, nativePrice } = config;
      return new Hedger(sender, { minGain: toUnits(minGain), asService, nativePrice }, log);
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
  const connection = await connect({ rpcUrl: config.rpcUrl, deploymentFile: config.deploymentFile });
  const sender = new Sender(connection, privateKeyToAccount(readBotKey(config)));
  const bot = createBot(config, sender, log);
  const ending = new AbortController();
  process.once("SIGTERM", () => ending.abort());
  process.once("SIGINT", () => ending.abort());
  log.info({ kind: config.kind, address: sender.address }, "bot is up");
  while (!ending.signal.aborted) {
    try {
      await bot.look();
    } catch (error) {
      // The node may be away for a while: nothing is lost, the next look reads everything again.
      log.warn({ reason: describeError(error) }, "the chain could not be read");
    }
    await sleep(config.pollMilliseconds, undefined, { signal: ending.signal }).catch(() => {});
  }
}

main().catch((error: unknown) => {
  console.error(describeError(error));
  process.exit(error instanceof MeniscusError ? error.exitCode : 70);
});
