import { describe, expect, test } from "vitest";
import { Timekeeper } from "../../../src/volatility-oracle/timekeeper.ts";

const T = 1_770_000_000;

/** A timekeeper whose clock and steady timer the test turns. */
function keeper(offset = 0) {
  const steady = { seconds: 0 };
  const clock = { now: () => T + offset + steady.seconds };
  return { time: new Timekeeper(clock, 20, () => steady.seconds), steady };
}

describe("K16 given a clock of its own", () => {
  test("all is well while venues and chain show the same time, the chain a little late", () => {
    const { time } = keeper();
    time.hearVenue("a", T + 1);
    time.hearVenue("b", T - 1);
    time.hearChain(T - 300);
    expect([time.trouble, time.now()]).toEqual([undefined, T]);
  });

  test.for([90, -90])("a clock that is off by %d s signs nothing", (offset) => {
    const { time } = keeper(offset);
    time.hearVenue("a", T);
    time.hearVenue("b", T + 1);
    expect(time.trouble).toMatch(
      /this clock and the venues' are -?89\.5 s apart|this clock and the venues' are 90\.5 s apart/,
    );
  });

  test("one venue of three that is off is no reason, and its time is not believed", () => {
    const { time } = keeper();
    for (const [name, at] of [
      ["a", T],
      ["b", T + 500],
      ["c", T],
    ] as const)
      time.hearVenue(name, at);
    expect(time.trouble).toBeUndefined();
    expect([time.isPlausible(T + 19), time.isPlausible(T + 500)]).toEqual([true, false]);
  });

  test("a chain from the future is a reason: blocks are late, never early", () => {
    const { time } = keeper();
    time.hearChain(T + 21);
    expect(time.trouble).toMatch(/in this clock's future/);
  });

  test("words of long ago say nothing", () => {
    const { time, steady } = keeper();
    time.hearVenue("a", T + 500);
    steady.seconds = 61;
    expect(time.trouble).toBeUndefined();
  });
});

describe("K16 given the venues' time", () => {
  test("it is theirs, and every jump of it is right", () => {
    const time = new Timekeeper(undefined, 20);
    time.hearVenue("a", T);
    time.hearVenue("a", T + 3_600);
    expect([time.now(), time.trouble, time.isPlausible(T + 1e6)]).toEqual([T + 3_600, undefined, true]);
  });

  test("venues that are behind the chain are wrong; before their first word there is nothing to compare", () => {
    const time = new Timekeeper(undefined, 20);
    time.hearChain(T);
    expect(time.trouble).toBeUndefined();
    time.hearVenue("a", T - 90);
    time.hearChain(T);
    expect(time.trouble).toMatch(/in this clock's future/);
  });
});
