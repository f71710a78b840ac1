import { privateKeyToAccount } from "viem/accounts";
import { describe, expect, test } from "vitest";
import type { Observation } from "../../../src/volatility-oracle/consensus.ts";
import { KnownKeys } from "../../../src/volatility-oracle/knownKeys.ts";
import { openObservation, proposal, signObservation } from "../../../src/volatility-oracle/messages.ts";
import { ObservationBook } from "../../../src/volatility-oracle/observationBook.ts";
import { honest, NOW } from "./observations.ts";

const other = privateKeyToAccount(`0x${"01".repeat(32)}`);
const account = privateKeyToAccount(`0x${"02".repeat(32)}`);
const keys = new KnownKeys([other.address, account.address]);
const domain = { chainId: 1, oracle: `0x${"ab".repeat(20)}` } as const;
const said = honest(0);
const sign = (value: Observation) => signObservation({ account, index: 1, domain }, value);

/** The list with its first item said twice. */
const twice = <T>(items: readonly T[]): readonly T[] => [...items.slice(0, 1), ...items];

describe("an observation", () => {
  test("is opened as it was said", async () => {
    expect(openObservation(await sign(said), domain, keys)).toEqual(said);
  });

  test("counts only for the chain and contract it was signed for", async () => {
    const signed = await sign(said);
    expect(openObservation(signed, { ...domain, chainId: 2 }, keys)).toBeUndefined();
    expect(openObservation(signed, { ...domain, oracle: `0x${"cd".repeat(20)}` }, keys)).toBeUndefined();
  });

  test("is worth nothing changed, from a stranger, or without a signature", async () => {
    const signed = await sign(said);
    expect(openObservation({ ...signed, body: signed.body.replace("3000", "3001") }, domain, keys)).toBeUndefined();
    expect(openObservation({ ...signed, index: 0 }, domain, keys)).toBeUndefined();
    expect(openObservation({ ...signed, index: 2 }, domain, keys)).toBeUndefined();
    expect(openObservation(signed, domain, new KnownKeys([account.address, other.address]))).toBeUndefined();
    expect(openObservation({ ...signed, signature: "0x" }, domain, keys)).toBeUndefined();
  });

  test.for([
    ["an expiry twice in the surface", { surface: twice(said.surface) }],
    ["an expiry twice in the averages", { averages: twice(said.averages) }],
    ["a lattice of another length", { surface: said.surface.map((item) => ({ ...item, halfWidth: [0.1] })) }],
    ["a spot of zero", { spot: 0 }],
    ["a wild variance", { surface: said.surface.map((item) => ({ ...item, totalVariance: Array(15).fill(1e9) })) }],
    ["a model time that is no integer", { modelTime: NOW + 0.5 }],
  ] as const)("is refused with %s", async ([, change]) => {
    expect(openObservation(await sign({ ...said, ...change }), domain, keys)).toBeUndefined();
  });
});

describe("a proposal", () => {
  test("is refused where it is malformed", () => {
    const good = {
      kind: "surface",
      leader: 0,
      round: 1,
      observations: [],
      digest: `0x${"12".repeat(32)}`,
      signature: "0x34",
    };
    expect(proposal.safeParse(good).success).toBe(true);
    for (const change of [
      { round: -1 },
      { leader: 64 },
      { kind: "other" },
      { round: 2 ** 32 },
      { digest: "12" },
      { digest: "0x" },
      { observations: "none" },
    ]) {
      expect(proposal.safeParse({ ...good, ...change }).success).toBe(false);
    }
  });
});

const surface = (modelTime: number) => ({ kind: "surface", modelTime }) as const;
const known = (index: number, modelTime: number, spot = 3_000) => ({
  index,
  signed: { index, body: String(spot), signature: "0x" } as const,
  observation: { ...said, modelTime, spot },
});

describe("the book of observations", () => {
  test("K17 keeps a node's first word about a moment", () => {
    const book = new ObservationBook();
    book.keep(known(1, NOW, 3_000));
    book.keep(known(1, NOW, 3_500));
    book.keep(known(0, NOW));
    expect(book.at(surface(NOW)).map(({ index, observation }) => [index, observation.spot])).toEqual([
      [0, 3_000],
      [1, 3_000],
    ]);
    expect(book.of(1, surface(NOW))?.observation.spot).toBe(3_000);
  });

  test("K24 a node that talks much pushes out only its own", () => {
    const book = new ObservationBook();
    book.keep(known(0, NOW));
    for (let i = 0; i < 100; i++) book.keep(known(1, NOW + i));
    expect(book.at(surface(NOW)).map(({ index }) => index)).toEqual([0]);
    expect(book.of(1, surface(NOW + 99))).toBeDefined();
  });
});
