/** The market in memory beside the real contracts on a chain with the real Uniswap v3. */
import { isDeepStrictEqual } from "node:util";
import { swapToPrice } from "../../../src/chain/uniswapV3.ts";
import { type Action, type Outcome, sharePriceWad } from "../../../src/simulation/actions.ts";
import { ChainEngine } from "../../../src/simulation/engines/chainEngine.ts";
import { TwinEngine } from "../../../src/simulation/engines/twinEngine.ts";
import { marketTerms } from "../../../src/simulation/terms.ts";
import { startEthPool } from "../chain/ethPoolFixture.ts";
import { TestMarket } from "../sdk/testMarket.ts";
import { RandomActions } from "./randomActions.ts";

const START = Date.UTC(2026, 0, 31, 9) / 1000;
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

/** What both said of an act, and how the pool stood afterwards. */
export interface Seen {
  readonly outcome: Outcome;
  readonly pool: Awaited<ReturnType<ChainEngine["view"]>>;
  readonly sharePrice: bigint;
}

/**
 * Plays random acts on both and tells of each what they made of it; refusals that are no affair of the pool are passed over.
 *
 * @returns Gas of the acts on the chain.
 */
export async function playOnBoth(
  acts: number,
  onAct: (action: Action, chain: Seen, twin: Seen) => void,
): Promise<ChainEngine["gas"]> {
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
    const random = new RandomActions(7, START, { takers: Object.keys(takers), providers: Object.keys(providers) });
    for (let i = 0; i < acts; i++) {
      const action = random.next();
      const onChain = await chain.act(action);
      if (!onChain.done && ofOthers.includes(onChain.refused)) continue;
      const inMemory = twin.act(withFill(action, onChain));
      const [seen, kept] = [await chain.view(), twin.view()];
      onAct(
        action,
        { outcome: onChain, pool: seen, sharePrice: sharePriceWad(seen) },
        { outcome: inMemory, pool: kept, sharePrice: sharePriceWad(kept) },
      );
    }
    return chain.gas;
  } finally {
    await anvil.stop();
  }
}

/** After how many of the acts anything differs. */
export async function chainMismatches(acts: number): Promise<number> {
  let differing = 0;
  await playOnBoth(acts, (_, chain, twin) => {
    if (!isDeepStrictEqual(chain, twin)) differing += 1;
  });
  return differing;
}

/** The hedge as the venue filled it. */
function withFill(action: Action, outcome: Outcome): Action {
  if (action.kind !== "hedge" || !outcome.done || !outcome.hedge) return action;
  const { baseAmount, quoteAmount } = outcome.hedge;
  return { ...action, fill: { baseAmount, quoteAmount } };
}
