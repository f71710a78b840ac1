// A node of the drills: the real one, whose clock the test turns and whose faults the test switches on and off. Started with
// an IPC channel; takes `DrillOrder`s, answers each with its number, and hands on what it says as `DrillWord`s.
import { type Hex, isAddressEqual, keccak256, toHex } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { reportDigest } from "../../../src/chain/report.ts";
import { CandleApi } from "../../../src/market-data/candleApi.ts";
import { DeribitVenue } from "../../../src/market-data/deribit.ts";
import type { MarketSnapshot, OptionVenue, SpotPrice } from "../../../src/market-data/marketData.ts";
import { describeError } from "../../../src/runtime/errors.ts";
import { createLogger } from "../../../src/runtime/logger.ts";
import { readNodeConfig, readNodeKey } from "../../../src/volatility-oracle/config.ts";
import { composeReport, type Observation } from "../../../src/volatility-oracle/consensus.ts";
import { type Proposal, type SignedObservation, signObservation } from "../../../src/volatility-oracle/messages.ts";
import { OracleNode } from "../../../src/volatility-oracle/node.ts";
import { httpTransport, type Peer, type PeerTransport } from "../../../src/volatility-oracle/peers.ts";
import { quorumOf } from "../../../src/volatility-oracle/rounds.ts";
import type { DrillOrder, DrillWord, NodeFault } from "./drillOrders.ts";

const file = process.argv[2] ?? "";
const config = readNodeConfig(file);
const key = readNodeKey(config);
const account = privateKeyToAccount(key);
const domain = { chainId: config.chainId, oracle: config.marketOracle };
let fault: NodeFault | undefined;
let time = 0;

const clock = { now: () => time + (fault === "clock" ? 90 : 0) };

/** A venue whose data stand still while its stamps go on: the fault that no stamp betrays. */
class Freezable implements OptionVenue {
  readonly name: string;
  private readonly venue: OptionVenue;
  private price: number | undefined;
  private last: MarketSnapshot | undefined;

  constructor(venue: OptionVenue) {
    this.name = venue.name;
    this.venue = venue;
  }

  subscribe(onIndex: (index: SpotPrice) => void): () => void {
    return this.venue.subscribe((index) => {
      this.price = fault === "frozen" ? (this.price ?? index.price) : index.price;
      onIndex({ time: index.time, price: this.price });
    });
  }

  async snapshot(): Promise<MarketSnapshot> {
    const fresh = await this.venue.snapshot();
    if (fault !== "frozen" || !this.last) this.last = fresh;
    if (this.last === fresh) return fresh;
    const chains = this.last.chains.map((chain) => ({
      ...chain,
      quotes: chain.quotes.map((quote) => ({ ...quote, time: fresh.time })),
    }));
    return { ...this.last, time: fresh.time, chains };
  }
}

/** Values far from the truth; `seed` makes different lies for different ears. */
function lieAbout(observation: Observation, seed: number): Observation {
  const factor = 3 + seed;
  return {
    ...observation,
    spot: observation.spot * factor,
    averages: observation.averages.map((item) => ({ ...item, average: item.average * factor })),
    surface: observation.surface.map((item) => ({
      ...item,
      basis: 0.5,
      totalVariance: item.totalVariance.map((w) => (w === null ? null : Math.min(99, w * factor * factor))),
    })),
  };
}

const index = config.nodes.findIndex(({ address }) => isAddressEqual(address, account.address));
const sign = (observation: Observation) => signObservation({ account, index, domain }, observation);
const read = (signed: SignedObservation) => JSON.parse(signed.body) as Observation;
/** What was said in honest days, for repeating it. */
const said: (readonly [path: string, text: string])[] = [];

async function tamperObservation(text: string, peer: Peer): Promise<string> {
  const observation = read(JSON.parse(text) as SignedObservation);
  if (fault === "equivocation") return JSON.stringify(await sign(lieAbout(observation, peer.index / 7)));
  if (fault === "future")
    return JSON.stringify(await sign({ ...observation, modelTime: observation.modelTime + 3_600 }));
  return JSON.stringify(await sign(lieAbout(observation, 0)));
}

/** As a leader: a proposal with our lie in it instead of the true one, properly signed and for the same round. */
async function tamperProposal(text: string): Promise<string> {
  const given = JSON.parse(text) as Proposal;
  if (given.kind !== "surface") return text;
  if (fault === "future") return JSON.stringify({ ...given, round: given.round + 7_000 });
  const observations = await Promise.all(
    given.observations.map(async (signed) => {
      const own = (await sign(read(signed))).signature === signed.signature;
      return own ? await sign(lieAbout(read(signed), 1)) : signed;
    }),
  );
  const frame = { round: given.round, signerSet: 1, quorum: quorumOf(config.nodes.length) };
  const digest = reportDigest(composeReport(observations.map(read), frame), domain);
  const signature = await account.sign({ hash: digest });
  return JSON.stringify({ ...given, observations, digest, signature });
}

function garbage(text: string): string {
  const sorts = [
    "",
    "{",
    "[1e999]",
    '{"body":5,"signature":"0x"}',
    text.slice(0, 60),
    text.replace("0x", "0xzz"),
    "x".repeat(1e6),
  ];
  return sorts[Math.floor(Math.random() * sorts.length)] ?? "";
}

/** Asks for a signature of a false report; an equivocator asks for one of each, the true one first at every second peer. */
async function tempt(peer: Peer, text: string) {
  const lie = await tamperProposal(text);
  if (fault !== "equivocation") return await httpTransport.post(peer, "/proposals", lie);
  const [first, second] = peer.index % 2 === 0 ? [text, lie] : [lie, text];
  const answers = [
    await httpTransport.post(peer, "/proposals", first),
    await httpTransport.post(peer, "/proposals", second),
  ];
  return answers.find((answer) => answer?.ok) ?? answers[0];
}

const transport: PeerTransport = {
  async post(peer, path, text) {
    if (fault === undefined) {
      said.push([path, text]);
      if (said.length > 200) said.shift();
    }
    switch (fault) {
      case "malformed":
        return await httpTransport.post(peer, path, garbage(text));
      case "replay": {
        const old = said.filter(([past]) => past === path).at(-1 - Math.floor(Math.random() * 5));
        return old && (await httpTransport.post(peer, path, old[1]));
      }
      case "wild":
      case "equivocation":
      case "future":
        if (path === "/observations") return await httpTransport.post(peer, path, await tamperObservation(text, peer));
        if (path === "/proposals") return await tempt(peer, text);
        return undefined; // and keeps the reports to itself
      default:
        if (path === "/observations" && fault === undefined) tell({ observation: text, id: keccak256(toHex(text)) });
        return await httpTransport.post(peer, path, text);
    }
  },
};

function tell(word: DrillWord): void {
  process.send?.(word);
}

process.on("message", (order: DrillOrder) => {
  if (order.time !== undefined) time = order.time;
  if (order.fault !== undefined) fault = order.fault ?? undefined;
  tell({ done: order.number });
});
process.on("disconnect", () => process.exit(0));

const candles = config.spotVenues.flatMap((venue) =>
  venue.kind === "candles" ? [new CandleApi(venue.url, venue.symbol)] : [],
);
const options = config.optionVenues.map(({ url, currency }) => new Freezable(new DeribitVenue(url, currency)));
const node = new OracleNode(config, key satisfies Hex, createLogger(config.name), {
  clock,
  transport,
  // Spot comes from the option venues' indices, so that a frozen node is frozen altogether.
  venues: { options, spots: [], histories: candles },
});

async function main(): Promise<void> {
  // The first order brings the time.
  await new Promise((resolve) => process.once("message", resolve));
  await node.start();
}

main().catch((error: unknown) => {
  console.error(describeError(error));
  process.exit(70);
});
