// One oracle node: `node --import tsx src/volatility-oracle/main.ts CONFIG.json`. Ends on SIGTERM, on SIGINT, and when the
// process that started it closes its standard input.
import { describeError, MeniscusError } from "../runtime/errors.ts";
import { createLogger } from "../runtime/logger.ts";
import { readNodeConfig, readNodeKey } from "./config.ts";
import { OracleNode } from "./node.ts";

async function main(): Promise<void> {
  const file = process.argv[2];
  if (!file) throw new MeniscusError("usage", "Which configuration?", { hint: "Pass the path of a node's JSON file." });
  const config = readNodeConfig(file);
  const node = new OracleNode(config, readNodeKey(config), createLogger(config.name));
  await node.start();
  const stop = () => void node.stop().finally(() => process.exit(0));
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
  if (!process.stdin.isTTY) process.stdin.on("end", stop).resume();
}

main().catch((error: unknown) => {
  console.error(describeError(error));
  process.exit(error instanceof MeniscusError ? error.exitCode : 70);
});
