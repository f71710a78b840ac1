/** Gas of a pool's swaps, book and shares, beside a swap on the real Uniswap v3 in the same run; what players of its prices gain; real markets replayed. */

import { swapToPrice } from "../../src/chain/uniswapV3.ts";
import { createRandom } from "../../src/market/random.ts";
import { startEthPool } from "../../test/src/chain/ethPoolFixture.ts";
import type { BenchOptions, BenchReport, Figure } from "./figure.ts";
import { gasFigures } from "./gasSnapshots.ts";
import { type Book, crossingGain, drawBook, searchRoundTrip, splitAdvantage } from "./pool/pricingGames.ts";
import { benchReplay } from "./pool/replay.ts";

const [FEW, MANY] = [10, 30];
/** Books that quotes are played against each other on, and orders cut into parts. */
const BOOKS = 10_000;
/** Searches for a sequence that gains, and how many changes each tries. */
const SEARCHES = 300;
const TRIES = 200;

export async function benchPool(options: BenchOptions): Promise<BenchReport> {
  const replay = await benchReplay(options);
  const swaps = gasFigures("Pool", [
    { of: "swap, 1 leg, wallet", name: "swap.gas.1", bound: 155_000 },
    { of: "swap, 4 legs, wallet", name: "swap.gas.4", bound: 310_000 },
    { of: "swap, 4 legs, margin account", name: "swap.gas.4.condor", bound: 310_000 },
    { of: "close, 1 leg of 2 contracts, wallet", name: "close.gas.1", bound: 130_000 },
  ]);
  const take = gasFigures("Pool", [{ of: "take of a small account, 1 leg", name: "take.gas.1", bound: 500_000 }]);
  const book = [
    gasOfAStrike("mark.perStrike.gas", (strikes) => `mark of ${strikes} strikes`, 6_000),
    gasOfAStrike("stress.perStrike.gas", (strikes) => `stress of ${strikes} strikes, 17 scenarios`, 23_000),
    ...take,
  ];
  const shares = gasFigures("PoolShares", [
    { of: "request a deposit", name: "request.gas", bound: 100_000 },
    { of: "claim a redemption", name: "claim.gas", bound: 75_000 },
    { of: "an epoch with both, beside the mark", name: "processEpoch.gas", bound: 120_000 },
  ]);
  const uniswap = await uniswapSwap();
  const games = pricingFigures();
  const times = ({ name, value }: Figure) =>
    `${name.padEnd(14)} ${(value / uniswap.value).toFixed(2)} of a Uniswap v3 swap`;
  return {
    lines: [...swaps.map(times), "", ...(replay.lines ?? [])],
    figures: [...swaps, uniswap, ...book, ...shares, ...games, ...replay.figures],
  };
}

/** What a book costs for each strike more, between ten and thirty: what it costs beside its strikes is not in it, and is told. */
function gasOfAStrike(name: string, snapshot: (strikes: number) => string, bound: number): Figure {
  const at = (strikes: number) => gasFigures("Pool", [{ of: snapshot(strikes), name, bound }])[0]!.value;
  const [few, many] = [at(FEW), at(MANY)];
  const value = Math.round((many - few) / (MANY - FEW));
  return { name, value, unit: `gas for a further strike (bound ${bound}); ${many} for all ${MANY}` };
}

/** What players gain at most, quote units (1e-6 of a token): 0 or less is sound. */
function pricingFigures(): readonly Figure[] {
  const random = createRandom("bench");
  const most = (count: number, game: (book: Book) => bigint): number =>
    Number(Array.from({ length: count }, () => game(drawBook(random))).reduce((a, b) => (b > a ? b : a)));
  const unit = "1e-6 quote tokens";
  return [
    { name: "crossing.gain.max", value: most(BOOKS, (book) => crossingGain(random, book)), unit },
    { name: "split.advantage.max", value: most(BOOKS, (book) => splitAdvantage(random, book)), unit },
    {
      name: "roundTrip.gain.max",
      value: most(SEARCHES, (book) => searchRoundTrip(random, book, TRIES)),
      unit,
    },
  ];
}

/** A swap of one pool through the router, tokens of OpenZeppelin's code, on a chain of its own; the second, as all slots are warm by then. */
async function uniswapSwap(): Promise<Figure> {
  const { anvil, contracts, pool } = await startEthPool(1_770_000_000);
  try {
    const trader = anvil.wallet(1);
    let gas = 0n;
    for (const price of [2_705, 2_710]) {
      await swapToPrice(anvil.publicClient, trader, contracts, pool, price);
      const block = await anvil.publicClient.getBlock({ includeTransactions: true });
      const last = block.transactions.at(-1);
      if (!last) throw new Error("the swap is in no block");
      gas = (await anvil.publicClient.getTransactionReceipt({ hash: last.hash })).gasUsed;
    }
    return { name: "uniswapV3.swap.gas", value: Number(gas), unit: "gas, exact input through the router" };
  } finally {
    await anvil.stop();
  }
}
