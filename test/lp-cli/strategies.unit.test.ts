import { describe, expect, test } from "vitest";
import { parseStrategy, strategies } from "../../lp-cli/strategies.ts";
import { optionName } from "../../src/chain/optionId.ts";
import { MeniscusError } from "../../src/runtime/errors.ts";
import { pool } from "./somePool.ts";

const named = (name: string) => strategies.find((strategy) => strategy.name === name)!;
const legsOf = (name: string, words: string, size = "1", side: 1n | -1n = 1n) => {
  const order = parseStrategy(named(name), words.split(" "), pool, { size, side });
  return order.legs.map((leg) => `${Number(leg.size) / 1e6} ${optionName("ETH", leg.terms)}`);
};

describe("named packages are their legs", () => {
  test.each([
    ["spread", "13FEB26 2000 2200 C", ["1 ETH-13FEB26-2000-C", "-1 ETH-13FEB26-2200-C"]],
    ["spread", "13FEB26 2200 2000 p", ["1 ETH-13FEB26-2200-P", "-1 ETH-13FEB26-2000-P"]],
    ["straddle", "13FEB26 2000", ["1 ETH-13FEB26-2000-C", "1 ETH-13FEB26-2000-P"]],
    ["strangle", "13FEB26 1800 2200", ["1 ETH-13FEB26-1800-P", "1 ETH-13FEB26-2200-C"]],
    [
      "condor",
      "13FEB26 1700 1800 2200 2300",
      ["1 ETH-13FEB26-1700-P", "-1 ETH-13FEB26-1800-P", "-1 ETH-13FEB26-2200-C", "1 ETH-13FEB26-2300-C"],
    ],
    [
      "butterfly",
      "13FEB26 1900 2000 2100 C",
      ["1 ETH-13FEB26-1900-C", "-2 ETH-13FEB26-2000-C", "1 ETH-13FEB26-2100-C"],
    ],
    ["calendar", "13FEB26 13MAR26 2000 C", ["-1 ETH-13FEB26-2000-C", "1 ETH-13MAR26-2000-C"]],
    ["collar", "13FEB26 1800 2200", ["1 ETH-13FEB26-1800-P", "-1 ETH-13FEB26-2200-C"]],
  ])("%s %s", (name, words, legs) => expect(legsOf(name, words)).toEqual(legs));

  test("every example in the help is one", () => {
    for (const { name, example } of strategies) expect(legsOf(name, example).length).toBeGreaterThan(1);
  });

  test("in their number, and turned round where sold", () => {
    expect(legsOf("butterfly", "13FEB26 1900 2000 2100 C", "2.5", -1n)).toEqual([
      "-2.5 ETH-13FEB26-1900-C",
      "5 ETH-13FEB26-2000-C",
      "-2.5 ETH-13FEB26-2100-C",
    ]);
  });
});

describe("what is no such package is refused with its usage", () => {
  test.each([
    ["straddle", "13FEB26", "takes 2 words, not 1"],
    ["spread", "13FEB26 2000 2200", "takes 4 words, not 3"],
    ["spread", "13FEB26 2000 2200 X", "neither C nor P"],
    ["spread", "13FEB26 2000 2000 C", "have to differ"],
    ["strangle", "13FEB26 2200 1800", "have to rise"],
    ["condor", "13FEB26 1700 1800 1800 2300", "have to differ"],
    ["straddle", "13FEB26 -5", "not a strike"],
    ["calendar", "13MAR26 13FEB26 2000 C", "near expiry comes first"],
    ["straddle", "31FEB26 2000", "not an expiry"],
  ])("%s %s", (name, words, message) => {
    try {
      legsOf(name, words);
    } catch (error) {
      expect(error).toBeInstanceOf(MeniscusError);
      expect((error as MeniscusError).kind).toBe("usage");
      expect((error as MeniscusError).message).toContain(message);
      return;
    }
    throw new Error("nothing was refused");
  });
});
