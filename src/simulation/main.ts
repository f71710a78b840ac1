/**
 * npm run simulate -- --data DIR [options]
 *
 * Lets a population trade with a pool on a recorded market, many times, and writes a page. What was run is kept: the same command goes on
 * where it was stopped. `meniscus simulate-market` is the same.
 */
import { parseArgs } from "node:util";
import { describeError } from "../runtime/errors.ts";
import { simulate } from "./simulate.ts";
import { renderMarketSimulation, simulationFlags, simulationOptions } from "./words.ts";

const usage = `npm run simulate -- --data DIR [options]

${simulationFlags.map(([flags, meaning]) => `  ${flags.padEnd(20)} ${meaning}`).join("\n")}`;

try {
  const { values } = parseArgs({
    options: {
      data: { type: "string" },
      from: { type: "string" },
      to: { type: "string" },
      agents: { type: "string" },
      seeds: { type: "string" },
      sweep: { type: "string" },
      regimes: { type: "boolean" },
      engine: { type: "string" },
      synthetic: { type: "string" },
      workers: { type: "string" },
      out: { type: "string" },
      help: { type: "boolean" },
    },
  });
  console.log(values.help ? usage : renderMarketSimulation(await simulate(simulationOptions(values))));
} catch (error) {
  console.error(`simulate: ${describeError(error)}`);
  process.exitCode = 1;
}
