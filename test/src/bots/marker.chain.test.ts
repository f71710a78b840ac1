import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { erc20Abi, type Hex } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type BountyRules, readBounties, service, withdrawBounties } from "../../../src/bots/bounty.ts";
import { Marker } from "../../../src/bots/marker.ts";
import { Reporter } from "../../../src/bots/reporter.ts";
import { marketOracleAbi } from "../../../src/chain/abis.ts";
import { startAnvil } from "../../../src/chain/anvil.ts";
import { writeDeployment } from "../../../src/chain/deployments.ts";
import { packReport, signReport } from "../../../src/chain/report.ts";
import { createLogger } from "../../../src/runtime/logger.ts";
import { type Connection, connect, Sender } from "../../../src/sdk/client.ts";
import { TestMarket } from "../sdk/testMarket.ts";

const START = Date.UTC(2026, 0, 31, 9) / 1000;
const MONTH = Date.UTC(2026, 2, 6, 8) / 1000;
const HOUR = 3_600;
const [LP, TRADER, KEEPER] = [3, 4, 5];
const log = createLogger("keeper", "silent");

let market: TestMarket;
let connection: Connection;
let folder: string;
let now = START;

beforeAll(async () => {
  market = await TestMarket.on(await startAnvil({ timestamp: START - 7_200 }), [MONTH], {
    otherPools: [{ name: "steady" }],
  });
  await market.anvil.testClient.setBlockTimestampInterval({ interval: 1 });
  for (const index of [LP, TRADER]) await market.fund(index, 1_000_000);
  folder = mkdtempSync(join(tmpdir(), "meniscus-marker-"));
  const deploymentFile = writeDeployment(market.deployment, join(folder, "deployment.json"));
  connection = await connect({ rpcUrl: market.anvil.url, deploymentFile });
}, 120_000);
afterAll(async () => {
  await market?.anvil.stop();
  rmSync(folder, { recursive: true, force: true });
});

const sender = () =>
  new Sender(connection, privateKeyToAccount(market.anvil.privateKey(KEEPER)), undefined, { sync: true });
const marker = (rules: BountyRules = service) => new Marker(sender(), rules, log);
/** Gas is cheap where the coin is. */
const paid: BountyRules = { minGain: 0n, asService: false, nativePrice: 100 };

async function report(seconds: number): Promise<void> {
  now += seconds;
  await market.report({ time: now, spot: 2_700, volatility: 0.6 });
}

describe("a keeper of marks", () => {
  test("as a service marks every pool under every report, once, and prices what LPs wait for", async () => {
    await report(60);
    await market.deposit(LP, 500_000);
    await report(120);
    expect((await marker().look()).marked).toEqual(["core", "steady"]);
    expect((await marker().look()).marked).toEqual([]);
    await market.claim(LP);
    expect(await market.balanceOfShares(LP)).toBeGreaterThan(0n);
  });

  test("for pay marks where the bounty pays for the gas: not before anybody has traded", async () => {
    await report(HOUR);
    expect((await marker(paid).look()).marked, "nobody traded").toEqual([]);
    await marker().look();
    expect(await market.swap(TRADER, 0, [{ expiry: MONTH, strike: 2_700, kind: "call", size: 3 }])).toBe(true);
    await report(HOUR);
    const before = await readBounties(sender());
    expect((await marker({ ...paid, minGain: 600_000n }).look()).marked, "half a token an hour").toEqual([]);
    expect((await marker(paid).look()).marked).toEqual(["core"]);
    const earned = (await readBounties(sender())) - before;
    expect(earned).toBeGreaterThan(490_000n);
    expect(earned).toBeLessThanOrEqual(500_000n);
  });

  test("takes its bounties home once they are worth it", async () => {
    const [earned, address] = [await readBounties(sender()), market.address(KEEPER)];
    const held = () =>
      market.client.readContract({
        address: market.deployment.quoteToken,
        abi: erc20Abi,
        functionName: "balanceOf",
        args: [address],
      });
    const before = await held();
    expect(await withdrawBounties(sender(), earned + 1n)).toBe(0n);
    expect(await withdrawBounties(sender(), earned)).toBe(earned);
    expect(await held()).toBe(before + earned);
    expect(await withdrawBounties(sender(), 0n)).toBe(0n);
  });

  test("advances money to those who wait where no report comes for the grace time; for pay it does not", async () => {
    await market.redeem(LP, (await market.balanceOfShares(LP)) / 4n);
    now += 7 * HOUR;
    await market.anvil.mineAt(now);
    expect((await marker(paid).look()).advanced).toEqual([]);
    expect((await marker().look()).advanced).toEqual(["core"]);
    expect((await marker().look()).advanced, "all of it is").toEqual([]);
  });
});

describe("a keeper of reports", () => {
  test("brings the newest report that a node holds, after its patience, once", async () => {
    now += HOUR;
    await market.anvil.mineAt(now);
    const spotReport = async (modelTime: number): Promise<Hex> => {
      const signed = {
        kind: "spot",
        marketId: 1,
        modelTime,
        spot: 2_710n * 10n ** 18n,
        signerSet: 1,
        averages: [],
      } as const;
      const domain = { chainId: market.deployment.chainId, oracle: market.deployment.marketOracle };
      const signatures = await Promise.all(
        [11, 12, 13].map(async (key, index) => {
          return { index, signature: await signReport(market.anvil.wallet(key).account, signed, domain) };
        }),
      );
      return packReport(signed, signatures);
    };
    let held: Hex | undefined = await spotReport(now - 20);
    const node = createServer((request, response) => {
      if (request.url !== "/reports/spot" || !held) response.writeHead(404).end("{}");
      else response.end(JSON.stringify({ report: held }));
    });
    await new Promise<void>((resolve) => node.listen(0, "127.0.0.1", resolve));
    try {
      const nodes = [`http://127.0.0.1:${(node.address() as AddressInfo).port}`, "http://127.0.0.1:1"];
      const reporter = (patienceSeconds: number) =>
        new Reporter(sender(), { nodes, kinds: ["surface", "spot"], patienceSeconds }, log);
      const spotTime = async () => {
        const state = { address: market.deployment.marketOracle, abi: marketOracleAbi, args: [1] } as const;
        return (await market.client.readContract({ ...state, functionName: "marketState" })).spotTime;
      };
      const before = await spotTime();
      expect(await reporter(25).look(), "the nodes have the first say").toEqual([]);
      expect(await spotTime()).toBe(before);
      expect(await reporter(5).look()).toEqual([now - 20]);
      expect(await spotTime()).toBe(now - 20);
      expect(await reporter(5).look(), "twice").toEqual([]);
      held = undefined;
      expect(await reporter(5).look()).toEqual([]);
    } finally {
      node.close();
    }
  });
});
