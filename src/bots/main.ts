// One bot: `node --import tsx src/bots/main.ts CONFIG.json`. Ends on SIGTERM and on SIGINT, after what it is at.
import { setTimeout as sleep } from "node:timers/promises";
import { privateKeyToAccount } from "viem/accounts";
import { describeError, MeniscusError } from "../runtime/errors.ts";
import { createLogger } from "../runtime/logger.ts";
import { connect, Sender } from "../sdk/client.ts";
import { readBotConfig, readBotKey } from "./config.ts";
import { Liquidator } from "./liquidator.ts";
import { Settler } from "./settler.ts";

async function main(): Promise<void> {
  const file = process.argv[2];
  if (!file) throw new MeniscusError("usage", "Which configuration?", { hint: "Pass the path of a bot's JSON file." });
  const config = readBotConfig(file);
  const log = createLogger(config.name);
  const connection = await connect({ rpcUrl: config.rpcUrl, deploymentFile: config.deploymentFile });
  const sender = new Sender(connection, privateKeyToAccount(readBotKey(config)));
  const bot =
    config.kind === "settler"
      ? new Settler(sender, log)
      : new Liquidator(
          sender,
          {
            sub: config.account,
            edge: config.edge,
            minProfit: BigInt(Math.round(config.minProfit * 10 ** connection.deployment.quoteDecimals)),
            unwindCost: config.unwindCost,
          },
          log,
        );
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
