// `meniscus oracle` against a real chain with reports that real keys signed; what goes wrong says so in a line.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Hex } from "viem";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ReportResult, SmileResult, StatusResult, TermResult } from "../../lp-cli/commands/oracle.ts";
import { runProgram } from "../../lp-cli/program.ts";
import { writeDeployment } from "../../src/chain/deployments.ts";
import { expiryName } from "../../src/chain/optionId.ts";
import { connect } from "../../src/sdk/client.ts";
import { findReport } from "../../src/sdk/oracle.ts";
import { TestMarket } from "../src/sdk/testMarket.ts";
import { type Answer, commandLine } from "./commandLine.ts";

const DAY = 86_400;
const start = Date.UTC(2026, 1, 1, 8) / 1000;
const expiries = [3, 12, 40].map((days) => start + days * DAY);
const SIGNERS = [11, 12, 13, 14];
const folder = mkdtempSync(join(tmpdir(), "meniscus-cli-oracle-"));
const deploymentFile = join(folder, "deployment.json");

let market: TestMarket;
let packed: Hex;
let hash: Hex;

async function oracle(...words: readonly string[]): Promise<Answer> {
  return await commandLine(market, deploymentFile, undefined, ["oracle", ...words]);
}

async function json<T>(...words: readonly string[]): Promise<T> {
  const answer = await oracle("--json", ...words);
  expect([answer.code, answer.err], words.join(" ")).toEqual([0, ""]);
  return JSON.parse(answer.out) as T;
}

beforeAll(async () => {
  market = await TestMarket.start(start, expiries);
  writeDeployment(market.deployment, deploymentFile);
  await market.report({ time: start + 60, spot: 2_500, volatility: 0.6 });
  await market.report({ time: start + 120, spot: 2_510, volatility: 0.62 });
  const connection = await connect({ rpcUrl: market.anvil.url, deploymentFile });
  ({ packed, hash } = await findReport(connection, 1, "last"));
});

afterAll(async () => {
  await market?.anvil.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe("status", () => {
  test("says what the chain has, in human units", async () => {
    const status = await json<StatusResult>("status");
    expect(status).toMatchObject({ round: 2, surfaceTime: start + 120, spot: 2_510, quorum: 3, nodes: [] });
    expect(status.signers).toEqual(SIGNERS.map((index) => market.address(index)));
    expect(status.disagreement).toBeCloseTo(0.001, 12);
    expect(status.slices.map(({ name }) => name)).toEqual(expiries.map(expiryName));
    for (const { volatility, rho, basis, residual, days } of status.slices) {
      // The report's θ is on effective time, twenty minutes less than the tenor.
      expect(volatility).toBeCloseTo(0.62 * Math.sqrt(1 - 1_200 / (days * DAY)), 5);
      expect([rho, basis, residual]).toEqual([expect.closeTo(-0.3, 4), expect.closeTo(0.001, 7), 0.002]);
    }
    const shown = (await oracle("status")).out;
    expect(shown).toMatch(/round\s+2\n/);
    expect(shown).toMatch(/signers\s+3 of 4/);
    expect(shown).toMatch(/nodes differ by\s+0\.10 vol points/);
  });

  test("asks nodes how they are, and says which are silent", async () => {
    const health = {
      healthy: false,
      problems: ["the clock is off"],
      name: "n",
      signedRound: 7,
      lag: 61,
      clockOffset: -90,
    };
    const server = createServer((_request, response) => response.writeHead(503).end(JSON.stringify(health)));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { nodes } = await json<StatusResult>("status", "--node", url, "http://127.0.0.1:9");
    server.close();
    expect(nodes).toMatchObject([
      { url, answers: true, healthy: false, clockOffset: -90 },
      { url: "http://127.0.0.1:9", answers: false },
    ]);
    expect((await oracle("status", "--node", "nowhere")).err).toMatch(/"nowhere" is not a node's URL/);
  });
});

describe("report", () => {
  test("shows who signed what: the last, by round, by transaction", async () => {
    const last = await json<ReportResult>("report");
    expect(last).toMatchObject({
      kind: "surface",
      round: 2,
      spot: 2_510,
      quorum: { valid: 3, needed: 3 },
      problems: [],
    });
    expect(last.signatures).toEqual(
      [0, 1, 2].map((index) => ({ index, signer: market.address(SIGNERS[index] ?? 0), valid: true })),
    );
    expect(last.transaction).toMatchObject({ hash, submitter: market.address(0) });
    expect(await json<ReportResult>("report", hash)).toEqual(last);
    expect(await json<ReportResult>("report", "1")).toMatchObject({ round: 1, spot: 2_500 });
    expect((await oracle("report")).out).toMatch(/0x[0-9a-fA-F]{40}\s+valid/);
  });

  test.for([
    ["a round that was not", ["9"], 6, /no surface of round 9/],
    ["a transaction that was not", [`0x${"12".repeat(32)}`], 6, /no mined transaction 0x1212/],
    ["neither", ["last"], 2, /neither a transaction nor a round/],
  ] as const)("%s", async ([, words, code, says]) => {
    const answer = await oracle("report", ...words);
    expect([answer.code, answer.out]).toEqual([code, ""]);
    expect(answer.err).toMatch(says);
  });
});

describe("verify", () => {
  const list = () => SIGNERS.map((index) => market.address(index)).join(",");

  test("accepts the bytes, a file of them, and what a node serves", async () => {
    const hexFile = join(folder, "report.hex");
    const jsonFile = join(folder, "report.json");
    writeFileSync(hexFile, `${packed}\n`);
    writeFileSync(jsonFile, JSON.stringify({ report: packed }));
    for (const source of [packed, hexFile, jsonFile]) {
      expect(await json<ReportResult>("verify", source, "--signers", list())).toMatchObject({
        round: 2,
        quorum: { valid: 3, needed: 3 },
        problems: [],
        transaction: null,
      });
    }
    const unjudged = await json<ReportResult>("verify", packed);
    expect(unjudged.quorum).toBeNull();
    expect(unjudged.signatures[0]).toEqual({ index: 0, signer: market.address(11), valid: null });
  });

  test("needs no chain", async () => {
    const out: string[] = [];
    const code = await runProgram(
      [
        "--rpc",
        "http://127.0.0.1:1",
        "oracle",
        "verify",
        packed,
        "--signers",
        list(),
        "--chain-id",
        "31337",
        "--oracle",
        market.deployment.marketOracle,
      ],
      { environment: {}, out: (text) => out.push(text), err: () => {} },
    );
    expect(code).toBe(0);
    expect(out.join("\n")).toContain("3 valid signatures, 3 are needed.");
  });

  test.for([
    [
      "another signer list",
      (p: Hex) => [
        p,
        "--signers",
        SIGNERS.toReversed()
          .map((i) => market.address(i))
          .join(","),
      ],
      7,
      /signature of signer 0 is not valid/,
    ],
    [
      "a larger quorum",
      (p: Hex) => [p, "--signers", list(), "--quorum", "4"],
      7,
      /3 valid signatures where 4 are needed/,
    ],
    [
      "a contract in a key's place",
      // The last signature's v as it stands where a contract is to be asked: 27 or 28 less 27.
      (p: Hex) => [`${p.slice(0, -2)}0${Number(`0x${p.slice(-2)}`) - 27}`, "--signers", list()],
      7,
      /signer 2 is a contract, which only the chain can ask/,
    ],
    ["a changed byte of spot", (p: Hex) => [`${p.slice(0, 40)}ff${p.slice(42)}`, "--signers", list()], 7, /not valid/],
    [
      "another chain",
      (p: Hex) => [p, "--signers", list(), "--chain-id", "1", "--oracle", market.deployment.marketOracle],
      7,
      /not valid/,
    ],
    ["bytes that end early", (p: Hex) => [p.slice(0, -2)], 7, /no report: .* bytes where/],
    ["a file that is not there", () => ["nowhere.hex"], 2, /neither a file nor hexadecimal/],
    ["a quorum of nobody", (p: Hex) => [p, "--quorum", "3"], 2, /A quorum of which signers/],
  ] as const)("refuses %s", async ([, words, code, says]) => {
    const answer = await oracle("verify", ...words(packed));
    expect(answer.err).toMatch(says);
    expect([answer.code, answer.out]).toEqual([code, ""]);
  });
});

describe("smile and term", () => {
  test("a smile's middle is the volatility at the money, its left wing is higher", async () => {
    const { smiles } = await json<SmileResult>("smile");
    expect(smiles).toHaveLength(3);
    for (const { points, volatility, forward } of smiles) {
      const middle = points[points.length >> 1];
      expect(middle).toMatchObject({ deviations: 0, strike: forward });
      expect(middle?.volatility).toBeCloseTo(volatility, 10);
      expect(points[0]?.volatility).toBeGreaterThan(points.at(-1)?.volatility ?? Infinity);
    }
  });

  test("drawn with axes, units and a legend by expiry", async () => {
    const one = (await oracle("smile", expiryName(expiries[1] ?? 0))).out;
    expect(one).toMatch(/ETH smile of 13FEB26/);
    expect(one).toMatch(/strike, USDC/);
    expect(one).toMatch(/implied volatility, per cent a year/);
    expect(one).toContain("┬");
    const term = (await oracle("term")).out;
    expect(term).toMatch(/days to expiry/);
    const { slices } = await json<TermResult>("term");
    expect(slices.map(({ days }) => Math.round(days))).toEqual([3, 12, 40]);
  });

  test("as SVG and as a page that needs nothing else", async () => {
    const svg = join(folder, "smile.svg");
    expect((await oracle("smile", "--out", svg)).out).toContain(`Written to ${svg}.`);
    const picture = readFileSync(svg, "utf8");
    expect(picture).toMatch(/^<svg /);
    for (const expiry of expiries) expect(picture).toContain(`>${expiryName(expiry)}`);
    expect(picture.match(/<path /g)).toHaveLength(3);
    expect(picture).not.toContain("NaN");
    const page = join(folder, "term.html");
    await oracle("term", "--out", page);
    const text = readFileSync(page, "utf8");
    expect(text).toContain("<table>");
    expect(text).not.toMatch(/(?:src|href)=/);
  });

  test.for([
    ["an expiry that is not there", ["smile", "1MAR27"], 6, /no expiry 1MAR27.*It has 4FEB26/],
    ["no expiry at all", ["smile", "soon"], 2, /"soon" is not an expiry/],
    ["a picture of another kind", ["term", "--out", "term.png"], 2, /neither \.svg nor \.html/],
    ["a configuration that is not there", ["run", "nowhere.json"], 7, /no configuration at nowhere\.json/],
  ] as const)("%s", async ([, words, code, says]) => {
    const answer = await oracle(...words);
    expect([answer.code, answer.out]).toEqual([code, ""]);
    expect(answer.err).toMatch(says);
  });
});
