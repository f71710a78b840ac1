import { dirname, join } from "node:path";
import { runProgram } from "../../lp-cli/program.ts";
import type { TestMarket } from "../src/sdk/testMarket.ts";

/** What a command line printed and how it ended. */
export interface Answer {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs one command line against a market, as its n-th development account or, undefined, as somebody without a key. */
export async function commandLine(
  market: TestMarket,
  deploymentFile: string,
  index: number | undefined,
  words: readonly string[],
): Promise<Answer> {
  const [out, err]: [string[], string[]] = [[], []];
  const key = index === undefined ? {} : { MENISCUS_PRIVATE_KEY: market.anvil.privateKey(index) };
  const code = await runProgram(["--rpc", market.anvil.url, "--deployment", deploymentFile, ...words], {
    environment: { ...key, MENISCUS_KEYSTORES: join(dirname(deploymentFile), "none") },
    out: (text) => out.push(text),
    err: (text) => err.push(text),
  });
  return { code, out: out.join("\n"), err: err.join("\n") };
}
