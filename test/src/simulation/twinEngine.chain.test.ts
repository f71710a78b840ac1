/** The market in memory against the real contracts: the same after every act, to the unit. */
import { expect, test } from "vitest";
import { playOnBoth } from "./chainMismatches.ts";

test("2,000 random acts: each is refused or done alike, and cash, requirement, base, NAV, reserve, inventory and share price agree", async () => {
  const counts = new Map<string, number>();
  const gas = await playOnBoth(2_000, (action, chain, twin) => {
    expect({ action, ...twin }).toEqual({ action, ...chain });
    const key = chain.outcome.done ? action.kind : chain.outcome.refused;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  });
  // All that can happen has happened, and what the pool refuses was refused for several reasons.
  for (const kind of ["swap", "mark", "stress", "hedge", "deposit", "redeem", "claim"]) {
    expect({ kind, count: counts.get(kind) ?? 0 }).toMatchObject({ count: expect.toSatisfy((count) => count > 8) });
  }
  expect(counts.get("settle")).toBeGreaterThan(2);
  expect([...counts.keys()].filter((key) => key.includes("_")).length).toBeGreaterThan(8);
  if (process.env.MENISCUS_GAS) {
    for (const [kind, { used, count }] of gas) console.log(kind, Number(used) / count);
  }
}, 900_000);
