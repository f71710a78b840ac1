/** The market in memory against the real contracts on a chain with the real Uniswap v3: the same after every act, to the unit. */
import { expect, test } from "vitest";
import { swapToPrice } from "../../../src/chain/uniswapV3.ts";
import { type Action, type Outcome, sharePriceWad } from "../../../src/simulation/actions.ts";
import { ChainEngine } from "../../../src/simulation/engines/chainEngine.ts";
import { TwinEngine } from "../../../src/simulation/engines/twinEngine.ts";
import { marketTerms } from "../../../src/simulation/terms.ts";
import { startEthPool } from "../chain/ethPoolFixture.ts";
import { TestMarket } from "../sdk/testMarket.ts";
import { RandomActions } from "./randomActions.ts";

const START = Date.UTC(2026, 0, 31, 9) / 1000;
const ACTS = Number(process.env.MENISCUS_ACTS ?? 2_000);
const nodes = [11, 12, 13, 14];
const providers = { ada: 3, ben: 4 };
const takers = { cleo: 5, dan: 6, eve: 7, fay: 8, gus: 9, hal: 10, ida: 16, jon: 17, kay: 18, lea: 19 };
/** Where the Uniswap pool stands is the chain's own affair, and so is a taker who holds as many strikes as he may. */
const ofOthers = [
  "SpotHedger_MeanTooFar",
  "SpotHedger_PriceTooFar",
  "SpotHedger_NoMean",
  "SpotHedger_TooLittleFilled",
  "Clearinghouse_TooManyStrikes",
];

test(`${ACTS} random acts: each is refused or done alike, and cash, requirement, base, NAV, reserve, inventory and share price agree`, async () => {
  const { anvil, contracts, pool } = await startEthPool(START - 7_200, 2_000);
  try {
    const { deployment } = await TestMarket.on(anvil, [], { uniswap: { contracts, pool } });
    const chain = await ChainEngine.open({
      anvil,
      deployment,
      keeper: 0,
      nodes,
      people: { ...providers, ...takers },
      afterReport: async (spot) => {
        await swapToPrice(anvil.publicClient, anvil.wallet(1), contracts, pool, spot);
      },
    });
    const twin = new TwinEngine(marketTerms());
    const acts = new RandomActions(7, START, { takers: Object.keys(takers), providers: Object.keys(providers) });
    const counts = new Map<string, number>();
    for (let i = 0; i < ACTS; i++) {
      const action = acts.next();
      const onChain = await chain.act(action);
      if (!onChain.done && ofOthers.includes(onChain.refused)) continue;
      const inMemory = twin.act(withFill(action, onChain));
      expect({ i, action: action.kind, outcome: inMemory }).toEqual({ i, action: action.kind, outcome: onChain });
      const [seen, kept] = [await chain.view(), twin.view()];
      expect({ i, ...kept }).toEqual({ i, ...seen });
      expect(sharePriceWad(kept)).toBe(sharePriceWad(seen));
      const key = onChain.done ? action.kind : onChain.refused;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    console.log(Object.fromEntries([...counts].toSorted(([, a], [, b]) => b - a)));
  } finally {
    await anvil.stop();
  }
}, 900_000);

/** The hedge as the venue filled it. */
function withFill(action: Action, outcome: Outcome): Action {
  if (action.kind !== "hedge" || !outcome.done || !outcome.hedge) return action;
  const { baseAmount, quoteAmount } = outcome.hedge;
  return { ...action, fill: { baseAmount, quoteAmount } };
}
