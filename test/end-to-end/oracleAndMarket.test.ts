// What the market does while the oracle is late or has moved too far: seven nodes as processes, quorum 5, the whole protocol.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { marketOracleAbi } from "../../src/chain/abis.ts";
import { type TestLeg, TestMarket } from "../src/sdk/testMarket.ts";
import { DrillNetwork, type Fault } from "../src/volatility-oracle/drillNetwork.ts";
import { MARKET_ID } from "../src/volatility-oracle/oracleNetwork.ts";

const NODES = 7;
const HEARTBEAT = 60;
const MOMENT = 5;
/** Real time that one heartbeat may take here: far more than any needs, so that a busy machine fails nothing. */
const PATIENCE_MILLISECONDS = 25_000;
/** How long a report that is not to come is waited for. */
const SILENCE_MILLISECONDS = 4_000;
/** The chain's clock runs while reports are made: wide enough for a busy machine, and less than two heartbeats, seconds. */
const MAX_SPOT_AGE = 100;
const [LP, TRADER] = [9, 10];

let network: DrillNetwork;
let market: TestMarket;
let option: Omit<TestLeg, "size">;

const buy = () => market.refusalOf(TRADER, 1, [{ ...option, size: 1 }]);
const close = () => market.refusalOf(TRADER, 1, [{ ...option, size: -1 }]);
const spread = () => market.spreadOf([{ ...option, size: 1 }]);

beforeAll(async () => {
  network = await DrillNetwork.start(NODES, async (anvil, signers) => {
    market = await TestMarket.on(anvil, [], { signers, pool: { parameters: { maxSpotAge: MAX_SPOT_AGE } } });
    return market.deployment.marketOracle;
  });
  await reportNow(HEARTBEAT);
  for (const account of [LP, TRADER]) await market.fund(account, 10_000_000);
  await market.openMargin(TRADER, 1_000_000);
  await market.deposit(LP, 5_000_000);
  await reportNow(HEARTBEAT);
  await market.mark();
  await market.claim(LP);
  const expiry = (await network.base.reports()).at(-1)?.expiries.find((time) => time - network.time > 10 * 86_400);
  option = { expiry: expiry ?? 0, strike: Math.round(network.base.world.spot(network.time) / 100) * 100, kind: "call" };
}, 180_000);
afterAll(() => network?.stop());

/** Moves on, and expects a confirmed report of that moment. */
async function reportNow(seconds: number): Promise<void> {
  const time = await network.moveOn(seconds);
  if (!(await network.base.reported(time, PATIENCE_MILLISECONDS))) throw new Error(`no report of ${time}`);
}

/** Heartbeats until there is a report, two at most; then the book is marked under it. */
async function recover(): Promise<void> {
  let reported = false;
  for (let beat = 0; beat < 2 && !reported; beat++) {
    const time = await network.moveOn(HEARTBEAT);
    reported = await network.base.reported(time, PATIENCE_MILLISECONDS);
  }
  expect(reported).toBe(true);
  await market.mark();
}

async function unconfirmed() {
  return await network.base.anvil.publicClient.readContract({
    address: network.base.oracle,
    abi: marketOracleAbi,
    functionName: "unconfirmed",
    args: [MARKET_ID],
  });
}

test("given sound nodes, risk is taken", async () => {
  await reportNow(HEARTBEAT);
  await market.mark();
  expect(await buy()).toBeUndefined();
});

describe("given three faulty nodes of seven", () => {
  const faults: readonly (readonly [number, Fault])[] = [
    [1, "partition"],
    [3, "hung"],
    [6, "crash"],
  ];
  let lastRound = 0;

  test("no report is accepted, and the pool's spread widens with the age of the last", async () => {
    await reportNow(HEARTBEAT);
    await market.mark();
    const fresh = await spread();
    for (const [index, fault] of faults) await network.break(index, fault);
    lastRound = (await network.base.state()).round;
    await network.moveOn(HEARTBEAT / 2);
    const older = await spread();
    const time = await network.moveOn(HEARTBEAT / 2);
    expect(await network.base.reported(time, SILENCE_MILLISECONDS)).toBe(false);
    const oldest = await spread();
    expect((await network.base.state()).round).toBe(lastRound);
    // Volatility diffuses with the root of time.
    expect(Number(older) / Number(fresh)).toBeGreaterThan(1.1);
    expect(Number(oldest) / Number(older)).toBeGreaterThan(1.1);
  });

  test("at last no risk is added any more, and positions are still closed", async () => {
    const time = await network.moveOn(HEARTBEAT);
    expect(await network.base.reported(time, SILENCE_MILLISECONDS)).toBe(false);
    expect(await buy()).toBe("OptionPool_StaleSpot");
    expect(await close()).toBeUndefined();
    expect((await network.base.state()).round).toBe(lastRound);
  });

  test("when the third comes back, reports and trades do too, without a hand", async () => {
    await network.mend(6);
    await recover();
    expect((await network.base.state()).round).toBeGreaterThan(lastRound);
    expect(await buy()).toBeUndefined();
    await Promise.all([network.mend(1), network.mend(3)]);
    await recover();
  });
});

describe("given a move that is larger than one report may make it", () => {
  test("the report waits for confirmation, and meanwhile positions are only closed", async () => {
    const before = await network.base.state();
    network.base.shift = 1.1;
    const time = await network.moveOn(HEARTBEAT);
    await expect.poll(async () => (await unconfirmed()).surfaceTime, { timeout: PATIENCE_MILLISECONDS }).toBe(time);
    expect((await unconfirmed()).round).toBeGreaterThan(before.round);
    expect(await network.base.state()).toMatchObject({
      unconfirmed: true,
      round: before.round,
      spotWad: before.spotWad,
    });
    expect(await buy()).toBe("OptionPool_Unconfirmed");
    expect(await close()).toBeUndefined();
  });

  test("the next round, which follows at once, agrees: then all is as ever, at the new spot", async () => {
    const { round, spotWad } = await unconfirmed();
    let confirmed = false;
    // A machine that is busy may miss a moment; neither a heartbeat nor the next look at deviations is waited for.
    for (let look = 0; look < 2 && !confirmed; look++) {
      const time = await network.moveOn(MOMENT);
      confirmed = await network.base.reported(time, PATIENCE_MILLISECONDS / 2);
    }
    const state = await network.base.state();
    expect([confirmed, state.unconfirmed, state.round > round]).toEqual([true, false, true]);
    expect(Math.abs(Number(state.spotWad) / Number(spotWad) - 1)).toBeLessThan(0.01);
    expect(await unconfirmed()).toEqual({ round: 0, surfaceTime: 0, spotTime: 0, spotWad: 0n });
    await market.mark();
    expect(await buy()).toBeUndefined();
  });
});
