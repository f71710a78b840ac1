// A real node under a history in a database: what a restart asks for, a reorganisation, a chain that began anew.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readHistory } from "../../lp-cli/history.ts";
import { writeDeployment } from "../../src/chain/deployments.ts";
import { toAccountId } from "../../src/chain/optionId.ts";
import { openDatabase } from "../../src/runtime/database.ts";
import { type Connection, connect } from "../../src/sdk/client.ts";
import { ProtocolHistory } from "../../src/sdk/history.ts";
import { reorganise } from "../drills/reorganise.ts";
import { TestMarket } from "../src/sdk/testMarket.ts";

const start = Date.UTC(2026, 1, 1) / 1000;
const far = Date.UTC(2026, 1, 8, 8) / 1000;
const folder = mkdtempSync(join(tmpdir(), "meniscus-history-"));
const place = join(folder, "db");

let market: TestMarket;
let connection: Connection;
let ranges: string[] = [];
let said: string[] = [];

beforeAll(async () => {
  market = await TestMarket.start(start, [far]);
  const deploymentFile = writeDeployment(market.deployment, join(folder, "deployment.json"));
  connection = await counted(await connect({ rpcUrl: market.anvil.url, deploymentFile }));
  await market.fund(1, 1_000);
  await market.openMargin(1, 100);
});

afterAll(async () => {
  await market?.anvil.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Remembers which blocks are asked for their logs. */
async function counted(opened: Connection): Promise<Connection> {
  const { client } = opened;
  const getLogs: typeof client.getLogs = async (args) => {
    ranges.push(`${args?.fromBlock}-${args?.toBlock}`);
    return await client.getLogs(args);
  };
  return await Promise.resolve({ ...opened, client: Object.assign(Object.create(client), { getLogs }) });
}

/** As a command of its own does. */
async function readAnew(location: string | undefined = place) {
  ranges = [];
  said = [];
  const history = await readHistory(connection, location, (text) => said.push(text));
  return history.events.map(({ name, blockNumber, logIndex }) => `${name} ${blockNumber} ${logIndex}`);
}

/** What the chain says, without a database. */
const truth = async () => await readAnew(undefined);

const pay = async (tokens: bigint) =>
  await market.ledger(1, "depositCash", [toAccountId(market.address(1), 1), tokens * 1_000_000n]);

test("a restart reads no block twice", async () => {
  const first = await readAnew();
  expect(first.length).toBeGreaterThan(5);
  expect(ranges).toHaveLength(1);
  expect(await readAnew()).toEqual(first);
  expect(ranges).toEqual([]);
  const head = await market.client.getBlockNumber();
  await pay(1n);
  expect(await readAnew()).toHaveLength(first.length + 1);
  expect(ranges).toEqual([`${head + 1n}-${head + 1n}`]);
  expect(said).toEqual([]);
});

test("K5 what a reorganisation takes back is dropped, what replaces it is read", async () => {
  const before = await readAnew();
  await pay(2n);
  await pay(3n);
  const longer = await readAnew();
  expect(longer).toHaveLength(before.length + 2);
  await reorganise(market.anvil, 2);
  await pay(5n);
  const after = await readAnew();
  expect(after).toHaveLength(before.length + 1);
  expect(after).toEqual(await truth());
});

test("K7 a chain that was set back is followed", async () => {
  const before = await readAnew();
  const snapshot = await market.anvil.testClient.snapshot();
  await pay(1n);
  await readAnew();
  await market.anvil.testClient.revert({ id: snapshot });
  expect(await readAnew()).toEqual(before);
});

test("K15 a database that is in use is gone without, and that is said", async () => {
  const other = join(folder, "other");
  const held = await openDatabase(other, 0);
  try {
    expect(await readAnew(other)).toEqual(await truth());
  } finally {
    await held.close();
  }
  await readAnew("postgres://nobody:secret@127.0.0.1:1/x");
  expect(said).toEqual([expect.stringMatching(/^No database at 127.0.0.1:1.*read from the chain instead/)]);
  expect(said.join()).not.toContain("secret");
}, 60_000);

test("another chain with the same contracts is read from its beginning", async () => {
  const restarted = await TestMarket.start(start + 3_600, [far]);
  try {
    expect(restarted.deployment.clearinghouse).toBe(market.deployment.clearinghouse);
    const opened = await connect({ rpcUrl: restarted.anvil.url, deploymentFile: join(folder, "deployment.json") });
    const read = await readHistory(opened, place, () => {});
    const alone = new ProtocolHistory(restarted.client, restarted.deployment);
    await alone.update();
    expect(read.events).toEqual(alone.events);
  } finally {
    await restarted.anvil.stop();
  }
});
