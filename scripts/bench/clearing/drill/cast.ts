/** Who takes part in a drill, and how they come to hold what they hold when the market falls. */
import { erc20Abi } from "viem";
import { insuranceFundAbi } from "../../../../src/chain/abis.ts";
import type { Drill, DrillLeg, Writer } from "./description.ts";
import type { MarketPath } from "./marketPath.ts";
import type { Stage, StageLeg } from "./stage.ts";

const USDC = 1_000_000n;
const BASE_UNIT = 10n ** 18n;

/** Development accounts by what they do; 11 to 15 sign reports and collect fees. */
export const CAST = { stays: 16, leaves: 17, staker: 18, settler: 19, poolBuyer: 21 } as const;
const [FIRST_LIQUIDATOR, FIRST_WRITER, FIRST_WALLET] = [24, 30, 45] as const;
const WALLETS = 5;

export interface Member {
  readonly index: number;
  /** 0 is a wallet. */
  readonly sub: number;
  readonly name: string;
  /** Cash and base that were paid in, and what of it was taken out again at the opening. */
  readonly cashIn: bigint;
  readonly baseIn: bigint;
}

export interface Cast {
  readonly writers: readonly Member[];
  readonly wallets: readonly Member[];
  readonly liquidators: readonly Member[];
  /** Every option that anybody holds. */
  readonly options: readonly bigint[];
  /** What the wallets bought from the pool. */
  readonly boughtFromPool: readonly StageLeg[];
  /** What each writer sold by order, and to which wallet. */
  readonly sold: readonly { readonly writer: number; readonly wallet: number; readonly legs: readonly StageLeg[] }[];
}

/** Pays in, opens every position, and takes out what initial margin leaves free. */
export async function openPositions(stage: Stage, drill: Drill, path: MarketPath): Promise<Cast> {
  const { market } = stage;
  const spot = path.spot(drill.openAt);
  await fundEverybody(stage, drill);
  const [stays, leaves] = drill.poolDeposits;
  await stage.report(drill.openAt);
  await market.deposit(CAST.stays, stays);
  await market.deposit(CAST.leaves, leaves);
  await stake(stage, drill.insuranceStake);
  await stage.report((await stage.now()) + 60); // past the cut-off of the minute in which they asked
  for (const index of [CAST.stays, CAST.leaves]) await market.claim(index);

  const liquidators: Member[] = [];
  for (const [i, cash] of drill.liquidatorCash.entries()) {
    const index = FIRST_LIQUIDATOR + i;
    await market.openMargin(index, cash);
    liquidators.push({ index, sub: 1, name: `liquidator ${i + 1}`, cashIn: BigInt(cash) * USDC, baseIn: 0n });
  }

  const boughtFromPool = (["put", "call"] as const).map((kind) => ({
    option: stage.optionOf(drill.expiries[1]!, strikeOf(drill, spot, kind === "put" ? 0.9 : 1.1), kind),
    size: contractsOf(0.3 * notionalOf(drill), spot),
  }));
  await stage.swapWithPool(CAST.poolBuyer, 0, boughtFromPool);

  const writers: Member[] = [];
  const sold: Cast["sold"][number][] = [];
  for (const [i, writer] of drill.writers.entries()) {
    const index = FIRST_WRITER + i;
    const legs = writer.legs.map((leg) => stageLeg(stage, drill, spot, leg));
    const member = await openShort(stage, writer, { index, wallet: FIRST_WALLET + (i % WALLETS), legs, spot });
    writers.push(member);
    if (writer.sellsTo === "wallets") sold.push({ writer: index, wallet: FIRST_WALLET + (i % WALLETS), legs });
  }
  const wallet = (index: number, name: string): Member => ({ index, sub: 0, name, cashIn: 0n, baseIn: 0n });
  return {
    writers,
    liquidators,
    wallets: [
      ...Array.from({ length: WALLETS }, (_, i) => wallet(FIRST_WALLET + i, `wallet ${i + 1}`)),
      wallet(CAST.poolBuyer, "wallet of the pool's buyer"),
    ],
    options: [...new Set([...sold.flatMap(({ legs }) => legs), ...boughtFromPool].map(({ option }) => option))],
    boughtFromPool,
    sold,
  };
}

async function fundEverybody(stage: Stage, drill: Drill): Promise<void> {
  const writers = drill.writers.map((_, i) => FIRST_WRITER + i);
  const wallets = Array.from({ length: WALLETS }, (_, i) => FIRST_WALLET + i);
  const liquidators = drill.liquidatorCash.map((_, i) => FIRST_LIQUIDATOR + i);
  const others = Object.values(CAST);
  for (const index of [...others, ...liquidators, ...writers, ...wallets]) await stage.market.fund(index, 2_000_000);
}

async function stake(stage: Stage, tokens: number): Promise<void> {
  const { market } = stage;
  const { quoteToken, insuranceFund } = market.deployment;
  const owner = market.address(CAST.staker);
  const amount = BigInt(tokens) * USDC;
  const transactor = market.transactor(CAST.staker);
  await transactor.write(quoteToken, erc20Abi, "approve", [insuranceFund, amount]);
  await transactor.write(insuranceFund, insuranceFundAbi, "deposit", [amount, owner]);
}

/** Sells with more cash than needed, then withdraws down to initial margin and a fiftieth of what it takes. */
async function openShort(
  stage: Stage,
  writer: Writer,
  place: {
    readonly index: number;
    readonly wallet: number;
    readonly legs: readonly StageLeg[];
    readonly spot: number;
  },
): Promise<Member> {
  const { market } = stage;
  const { index, legs, spot } = place;
  const account = stage.account(index);
  const notional = writer.legs.reduce((sum, leg) => sum + Math.abs(leg.notional), 0);
  const cash = Math.round(notional);
  await market.openMargin(index, cash);
  const baseTokens = ((writer.baseShare ?? 0) * notional) / spot;
  if (baseTokens > 0) await market.openBase(index, baseTokens);
  if (writer.sellsTo === "pool") {
    await stage.report((await stage.now()) + 10);
    await stage.swapWithPool(index, 1, legs);
  } else {
    await stage.allowOrders(index);
    await stage.swapByOrder(
      index,
      place.wallet,
      0,
      legs.map(({ option, size }) => ({ option, size: -size })),
    );
  }
  const [worst, held] = [await stage.worstInitial(account), await stage.cash(account)];
  const required = held - worst;
  const cushion = (required > 0n ? required : 0n) / 50n + USDC;
  const free = worst - cushion;
  const cashOut = free < held ? free : held;
  if (cashOut > 0n) await market.ledger(index, "withdrawCash", [account, cashOut, market.address(index)]);
  // What base covers beyond margin leaves too, a twentieth at a time: its haircut is the grid's.
  const step = (await stage.base(account)) / 20n;
  const stepWorth = (step * BigInt(Math.round(spot * 1e6))) / BASE_UNIT;
  if (step > 0n) {
    for (let i = 0; i < 20 && (await stage.worstInitial(account)) > stepWorth + cushion; i++) {
      await market.ledger(index, "withdrawBase", [account, 1, step, market.address(index)]);
    }
  }
  return {
    index,
    sub: 1,
    name: writer.name,
    cashIn: BigInt(cash) * USDC - (cashOut > 0n ? cashOut : 0n),
    baseIn: await stage.base(account),
  };
}

function stageLeg(stage: Stage, drill: Drill, spot: number, leg: DrillLeg): StageLeg {
  const strike = strikeOf(drill, spot, leg.moneyness);
  const size = contractsOf(Math.abs(leg.notional), spot);
  return {
    option: stage.optionOf(drill.expiries[leg.expiry]!, strike, leg.kind),
    size: leg.notional > 0 ? -size : size,
  };
}

/** The writers' largest leg. */
function notionalOf(drill: Drill): number {
  return Math.max(...drill.writers.flatMap(({ legs }) => legs.map(({ notional }) => notional)));
}

function strikeOf({ strikeStep }: Drill, spot: number, moneyness: number): number {
  return Math.round((spot * moneyness) / strikeStep) * strikeStep;
}

function contractsOf(notional: number, spot: number): bigint {
  return BigInt(Math.round((notional / spot) * 100)) * 10_000n;
}
