// Two pools on one market, each with its own LPs and parameters: the command line takes the better price.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { localTokenAbi } from "../../src/chain/abis.ts";
import { startAnvil } from "../../src/chain/anvil.ts";
import { writeDeployment } from "../../src/chain/deployments.ts";
import { expiryName } from "../../src/chain/optionId.ts";
import { wad } from "../../src/chain/parameters.ts";
import type { SwapQuote } from "../../src/sdk/trader.ts";
import { TestMarket } from "../src/sdk/testMarket.ts";
import { type Answer, commandLine } from "./commandLine.ts";

const DAY = 86_400;
const start = Date.UTC(2026, 1, 1, 8) / 1000;
const month = start + 30 * DAY;
const TRADER = 17;
const [LP, OTHER_LP] = [15, 16] as const;
const call = `ETH-${expiryName(month)}-2500-C`;
const folder = mkdtempSync(join(tmpdir(), "meniscus-pools-"));
const deploymentFile = join(folder, "deployment.json");

let market: TestMarket;
let now = start;

async function tick(): Promise<void> {
  const block = await market.client.getBlock();
  now = Math.max(now + 60, Number(block.timestamp) + 2);
  await market.report({ time: now, spot: 2_500, volatility: 0.6 });
  await market.mark();
}

async function run(index: number, ...words: readonly string[]): Promise<Answer> {
  return await commandLine(market, deploymentFile, index, ["--database", "none", ...words]);
}

async function quoted(...words: readonly string[]): Promise<{ readonly quote: SwapQuote; readonly said: string }> {
  const { code, out, err } = await run(TRADER, "--json", ...words);
  expect(code, err).toBe(0);
  return { quote: JSON.parse(out) as SwapQuote, said: err };
}

beforeAll(async () => {
  const anvil = await startAnvil({ port: 0, timestamp: start - 300, accounts: 18 });
  market = await TestMarket.on(anvil, [month], {
    // Dearer, and for small sizes only.
    otherPools: [{ name: "steady", parameters: { netVegaSpread: wad(0.01), vegaFlowLimit: wad(0.01) } }],
  });
  writeDeployment(market.deployment, deploymentFile);
  const { quoteToken } = market.deployment;
  for (const index of [LP, OTHER_LP, TRADER]) {
    await market.transactor(0).write(quoteToken, localTokenAbi, "mint", [market.address(index), 10n ** 13n]);
  }
  await tick();
  for (const [index, pool, amount] of [
    [LP, "core", "200000"],
    [OTHER_LP, "steady", "1000000"],
  ] as const) {
    const { code, err } = await run(index, "--yes", "--pool", pool, "deposit", amount, "--no-wait");
    if (code !== 0) throw new Error(err);
  }
  await tick();
  await tick();
});

afterAll(async () => {
  await market?.anvil.stop();
  rmSync(folder, { recursive: true, force: true });
});

test("LPs of one pool have no part in the other", async () => {
  const { out } = await run(TRADER, "--json", "pools");
  expect(JSON.parse(out)).toMatchObject([
    { name: "core", nav: 200_000 },
    { name: "steady", nav: 1_000_000 },
  ]);
});

test("the better price is taken, the other one told; --pool names one", async () => {
  const { quote, said } = await quoted("quote", "1", call);
  expect(quote.pool).toBe("core");
  expect(said).toMatch(/^Pool core is the best of 2; steady [\d.]+ USDC$/m);
  const { quote: steady } = await quoted("--pool", "steady", "quote", "1", call);
  expect(steady.pool).toBe("steady");
  expect(steady.cash).toBeGreaterThan(quote.cash);
});

test("where the first has taken enough, the second trades; who refuses says why", async () => {
  // Small for a pool of a million, large for one of two hundred thousand: impact makes it dear.
  const { quote, said } = await quoted("quote", "25", call);
  expect(quote.pool).toBe("steady");
  expect(said).toContain("core ");
  const { quote: large, said: why } = await quoted("quote", "60", call);
  expect(large.pool).toBe("core");
  expect(why).toContain("steady: The pool has taken as much vega as it takes within a short time.");
});

test("a swap goes to the best pool, and closing it may go to another", async () => {
  const { code, out, err } = await run(TRADER, "--json", "--yes", "buy", "25", call);
  expect(code, err).toBe(0);
  expect(JSON.parse(out)).toMatchObject({ pool: "steady" });
  const sold = await run(TRADER, "--json", "--yes", "--pool", "core", "sell", "1", call);
  expect(sold.code, sold.err).toBe(0);
});
