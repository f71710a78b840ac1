/** The market in float64 against the market to the unit, which itself is held against the contracts. */
import { expect, test } from "vitest";
import { type Action, sharePriceWad } from "../../../src/simulation/actions.ts";
import { FloatEngine } from "../../../src/simulation/engines/floatEngine.ts";
import { TwinEngine } from "../../../src/simulation/engines/twinEngine.ts";
import { marketTerms } from "../../../src/simulation/terms.ts";
import { RandomActions } from "./randomActions.ts";

const START = Date.UTC(2026, 0, 31, 9) / 1000;
const MONTH = 30 * 86_400;

test("a simulated month of random acts: outcomes alike, share price within 1e-9", () => {
  const terms = marketTerms();
  const [twin, float] = [new TwinEngine(terms), new FloatEngine(terms)];
  const acts = new RandomActions(11, START, { takers: ["cleo"], providers: ["ada", "ben"] });
  const counts = new Map<string, number>();
  let worst = 0;
  for (let action: Action = acts.next(); action.time < START + MONTH; action = acts.next()) {
    const [exact, fast] = [twin.act(action), float.act(action)];
    expect({ action, fast: fast.done || fast.refused }).toEqual({ action, fast: exact.done || exact.refused });
    const key = exact.done ? action.kind : exact.refused;
    counts.set(key, (counts.get(key) ?? 0) + 1);
    const [kept, seen] = [twin.view(), float.view()];
    const price = sharePriceWad(kept);
    worst = Math.max(worst, Math.abs(Number(sharePriceWad(seen) - price) / Number(price)));
  }
  for (const kind of ["swap", "mark", "hedge", "deposit", "redeem", "claim", "settle"]) {
    expect(counts.get(kind)).toBeGreaterThan(15);
  }
  expect(worst).toBeLessThan(1e-9);
}, 300_000);
