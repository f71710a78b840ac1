// `npm start`: the local market. See `--help`.
import { writeFileSync } from "node:fs";
import { Command, InvalidArgumentError } from "commander";
import { revertNameOf } from "../chain/decodeError.ts";
import { openReplay } from "../market-data/csvReplay.ts";
import { describeError, MeniscusError } from "../runtime/errors.ts";
import { parseDate, parseDuration, planTicks } from "./clock.ts";
import { generateWorld } from "./generator.ts";
import { accounts, LocalMarket } from "./localMarket.ts";
import type { MarketReport } from "./report.ts";
import { lpReports, renderStatements } from "./statements.ts";
import { type MarketStatus, renderLine, renderStatus } from "./view.ts";
import type { World } from "./world.ts";

interface Options {
  readonly days?: number;
  readonly from?: number;
  readonly data?: string;
  readonly speed?: number;
  readonly tick?: number;
  readonly seed: number;
  readonly port: number;
  readonly orders: number;
  readonly report?: string;
  readonly arbitrage: boolean;
  readonly keepOpen?: boolean;
}

/** An option's parser that turns our errors into commander's. */
function parsed<T>(parse: (text: string) => T): (text: string) => T {
  return (text) => {
    try {
      return parse(text);
    } catch (error) {
      throw new InvalidArgumentError(describeError(error));
    }
  };
}

function number(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) throw new MeniscusError("usage", `"${text}" is not a number.`);
  return value;
}

const command = new Command("npm start --")
  .description(
    "Runs a whole options market on this machine: chain, Uniswap v3, protocol, oracle nodes, LPs, traders, keepers.",
  )
  .option("--days <n>", "end after n days of model time and print the LPs' statement", parsed(number))
  .option("--data <dir>", "replay real candles and option chains from this folder instead of generating a market")
  .option(
    "--from <date>",
    "first day, for example 2026-01-31 (default: the first day that has candles and chains)",
    parsed(parseDate),
  )
  .option(
    "--tick <duration>",
    "model time between reports: 1h, 30m … (default: 1h, or with --days 2h)",
    parsed(parseDuration),
  )
  .option(
    "--speed <n>",
    "model seconds per real second (default: 360, or with --days as fast as possible)",
    parsed(number),
  )
  .option("--seed <n>", "seed of the generated market and of the traders", parsed(number), 1)
  .option("--orders <n>", "orders per tick on average", parsed(number), 3)
  .option("--port <n>", "port of the chain's RPC; 0 takes a free one", parsed(number), 8545)
  .option("--no-arbitrage", "leave the arbitrage bot out")
  .option("--report <file>", "write the result as JSON")
  .helpOption("-h, --help", "show this")
  .exitOverride((error) => process.exit(error.code === "commander.helpDisplayed" ? 0 : 2));

async function openWorld(options: Options): Promise<World> {
  const from = options.from === undefined ? {} : { from: options.from };
  if (options.data === undefined) return generateWorld({ seed: options.seed, ...from });
  const days = options.days === undefined ? {} : { days: options.days };
  return await openReplay({ directory: options.data, ...from, ...days });
}

async function main(): Promise<void> {
  const options = command.parse().opts<Options>();
  const interactive = process.stdout.isTTY === true;
  const abort = new AbortController();
  const step = (text: string) => console.error(`meniscus: ${text} …`);

  step("market data");
  const world = await openWorld(options);
  const schedule = planTicks({
    worldFrom: Math.max(world.firstTime, options.from ?? 0),
    worldTo: world.lastTime,
    days: options.days,
    // A run to its end takes longer steps than one that people watch.
    tickSeconds: options.tick ?? (options.days === undefined ? undefined : 7_200),
    speed: options.speed,
  });
  let ticksSeen = 0;
  const show = (status: MarketStatus) => {
    ticksSeen += 1;
    if (interactive) process.stdout.write(`\u001b[H\u001b[2J${renderStatus(status)}\n`);
    else if (status.modelTime % 86_400 < schedule.tickSeconds || ticksSeen === 1) console.log(renderLine(status));
  };
  const market = new LocalMarket({
    world,
    schedule,
    seed: options.seed,
    port: options.port,
    ordersPerTick: options.orders,
    arbitrage: options.arbitrage,
    signal: abort.signal,
    onStep: step,
    onStatus: show,
  });

  // The first Ctrl-C ends the market in order, the second at once.
  const interrupt = () => {
    if (abort.signal.aborted) process.exit(130);
    step("stopping");
    abort.abort();
  };
  process.on("SIGINT", interrupt);
  process.on("SIGTERM", interrupt);
  try {
    await market.start();
    if (options.days === undefined) {
      const visitor = market.participants.anvil.privateKey(accounts.visitors[0]);
      step(`a funded development key for the other terminal: MENISCUS_PRIVATE_KEY=${visitor}`);
    }
    await market.run();
    const rest = await market.finish();
    const { anvil, deployment, lps } = market.participants;
    const report: MarketReport = { lps: await lpReports(anvil.publicClient, deployment, lps), ...rest };
    console.log(renderStatements(report, deployment.quoteSymbol));
    if (options.report) {
      writeFileSync(options.report, `${JSON.stringify(report, null, 2)}\n`);
      step(`report written to ${options.report}`);
    }
    if (report.conservation.violations > 0)
      throw new MeniscusError("internal", "Claims and tokens held differ: see above.");
  } finally {
    await market.stop();
  }
}

main()
  .then(() => process.exit(0))
  .catch((error: unknown) => {
    const revert = revertNameOf(error);
    console.error(revert ? `A transaction of the market was refused: ${revert}.` : describeError(error));
    if (process.env.MENISCUS_DEBUG) console.error(error);
    process.exit(error instanceof MeniscusError ? error.exitCode : 70);
  });
