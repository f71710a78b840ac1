// One oracle node: `node --import tsx src/volatility-oracle/main.ts CONFIG.json`. Ends on SIGTERM and on SIGINT.
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
}

main().catch((error: unknown) => {
  console.error(describeError(error));
  process.exit(error instanceof MeniscusError ? error.exitCode : 70);
});
