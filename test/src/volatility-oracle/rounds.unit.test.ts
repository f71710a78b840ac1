import { describe, expect, test } from "vitest";
import {
  dueFor,
  leaderOf,
  nextRoundOf,
  quorumOf,
  refusalOf,
  witnessesOf,
} from "../../../src/volatility-oracle/rounds.ts";

describe("rounds", () => {
  test("a quorum is more than two thirds", () => {
    expect([1, 2, 3, 4, 5, 6, 7, 10].map(quorumOf)).toEqual([1, 2, 3, 3, 4, 5, 5, 7]);
  });

  test("so many witnesses that one is honest: f + 1", () => {
    expect([1, 2, 3, 4, 6, 7, 10].map(witnessesOf)).toEqual([1, 1, 1, 2, 2, 3, 4]);
  });

  test("every node's next round is the first one after that it leads", () => {
    for (let last = 0; last < 12; last++) {
      const rounds = [0, 1, 2, 3, 4].map((index) => nextRoundOf(index, last, 5));
      expect(rounds.map((round) => leaderOf(round, 5))).toEqual([0, 1, 2, 3, 4]);
      expect(rounds.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5].map((step) => last + step));
    }
  });
});

describe("given node 2 of 4 proposes round 6 after the chain's round 5", () => {
  const facts = { round: 6, proposer: 2, nodes: 4, chainRound: 5, signedRound: 5, secondsSinceReport: 1 };
  const furthest = 5 + 4 * 17;

  test("it may be signed", () => expect(refusalOf(facts)).toBeUndefined());
  test("not if another node proposes it", () => expect(refusalOf({ ...facts, proposer: 1 })).toMatch(/another node/));
  test("not if the chain has it", () => expect(refusalOf({ ...facts, chainRound: 6 })).toMatch(/chain is past/));
  test("not after a later round", () => expect(refusalOf({ ...facts, signedRound: 7 })).toMatch(/later round/));
  test("not of a moment that the chain has", () =>
    expect(refusalOf({ ...facts, secondsSinceReport: 0 })).toMatch(/report of that moment/));
  test("again after itself: the digest decides", () => expect(refusalOf({ ...facts, signedRound: 6 })).toBeUndefined());

  test("rounds that turns can have burnt may be skipped, and no more", () => {
    const last = nextRoundOf(2, furthest - 4, 4);
    expect(refusalOf({ ...facts, round: last })).toBeUndefined();
    expect(refusalOf({ ...facts, round: last + 4 })).toMatch(/too far ahead/);
    expect(refusalOf({ ...facts, round: last + 4, secondsSinceReport: 2 })).toBeUndefined();
    expect(refusalOf({ ...facts, round: last + 4, signedRound: last })).toBeUndefined();
    expect(refusalOf({ ...facts, round: 2 ** 32 - 2 })).toMatch(/too far ahead/);
  });
});

describe("a report is due", () => {
  const rules = { heartbeat: 60, minGap: 5, spot: 0.01, volatility: 0.02 };
  const still = { seconds: 30, spot: 0, volatility: 0 };

  test.for([
    ["nothing has happened", still, undefined],
    ["a heartbeat has passed", { ...still, seconds: 60 }, "heartbeat"],
    ["spot has moved", { ...still, spot: 0.01 }, "deviation"],
    ["volatility has moved", { ...still, volatility: 0.02 }, "deviation"],
    ["both a little less", { ...still, spot: 0.0099, volatility: 0.0199 }, undefined],
    ["spot has moved, but just after a report", { ...still, seconds: 4, spot: 0.5 }, undefined],
  ] as const)("%s", ([, moved, why]) => expect(dueFor(moved, rules)).toBe(why));

  test("sooner for those who check what others saw", () => {
    expect(dueFor({ ...still, spot: 0.0085 }, rules, 0.8)).toBe("deviation");
    expect(dueFor({ ...still, spot: 0.0075 }, rules, 0.8)).toBeUndefined();
    expect(dueFor({ ...still, seconds: 48 }, rules, 0.8)).toBe("heartbeat");
  });

  test("without a heartbeat only on a move", () => {
    expect(dueFor({ ...still, seconds: 1e6 }, { ...rules, heartbeat: undefined })).toBeUndefined();
  });
});
