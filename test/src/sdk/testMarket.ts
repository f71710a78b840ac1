import {
  type Address,
  type ContractFunctionArgs,
  type ContractFunctionName,
  erc20Abi,
  maxUint256,
  zeroAddress,
} from "viem";
import {
  clearinghouseAbi,
  localTokenAbi,
  localTokenBytecode,
  marketOracleAbi,
  optionPoolAbi,
  poolSharesAbi,
} from "../../../src/chain/abis.ts";
import { type Anvil, type LocalPublicClient, startAnvil } from "../../../src/chain/anvil.ts";
import { revertNameOf } from "../../../src/chain/decodeError.ts";
import { deployProtocol, type PoolInput } from "../../../src/chain/deploy.ts";
import type { Deployment } from "../../../src/chain/deployments.ts";
import { type OptionTerms, toAccountId, toOptionId, toSize } from "../../../src/chain/optionId.ts";
import type { MarketTerms } from "../../../src/chain/parameters.ts";
import { placePermit2 } from "../../../src/chain/permit2.ts";
import { packReport, type Report, type RunningAverage, signReport } from "../../../src/chain/report.ts";
import { Transactor } from "../../../src/chain/transactor.ts";
import type { EthPoolFixture } from "../chain/ethPoolFixture.ts";

const MARKET_ID = 1;
const signers = [11, 12, 13, 14];
const YEAR = 365 * 86_400;
type Write = "nonpayable" | "payable";

export interface TestSurface {
  readonly time: number;
  readonly spot: number;
  /** At-the-money volatility, 0.6 is 60 %; of each expiry where they differ. */
  readonly volatility: number | ((expiry: number) => number);
  /** How many of the four nodes sign; by default the quorum. */
  readonly signatures?: 3 | 4;
  readonly rho?: number;
  readonly basis?: number;
  readonly averages?: readonly { readonly expiry: number; readonly average: number }[];
}

/** An option, and how many are bought (negative: sold). */
export type TestLeg = Omit<OptionTerms, "marketId"> & { readonly size: number };

function toLeg({ size, ...terms }: TestLeg) {
  return { option: toOptionId({ marketId: MARKET_ID, ...terms }), size: toSize(size) };
}

/** The protocol on a chain of its own, with reports signed here: what a statement is tested against. */
export class TestMarket {
  readonly anvil: Anvil;
  readonly deployment: Deployment;
  readonly baseToken: Address;
  readonly expiries: readonly number[];
  private readonly deployer: Transactor;
  private round = 0;

  private constructor(anvil: Anvil, deployment: Deployment, expiries: readonly number[]) {
    this.anvil = anvil;
    this.deployment = deployment;
    this.expiries = expiries;
    this.baseToken = deployment.markets[0]?.baseToken ?? zeroAddress;
    this.deployer = this.transactor(0);
  }

  static async start(
    timestamp: number,
    expiries: readonly number[],
    options: { readonly marketTerms?: Partial<MarketTerms> } = {},
  ): Promise<TestMarket> {
    const anvil = await startAnvil({ port: 0, timestamp });
    return await TestMarket.on(anvil, expiries, options);
  }

  /** On a chain that runs already; where others sign than those of `report`, they are given. */
  static async on(
    anvil: Anvil,
    expiries: readonly number[],
    options: {
      readonly signers?: readonly Address[];
      readonly marketTerms?: Partial<MarketTerms>;
      /** The pool "core". */
      readonly pool?: Omit<PoolInput, "name">;
      readonly otherPools?: readonly PoolInput[];
      /** The real Uniswap on that chain: its pool's tokens are traded, and settlement prices compared with it. */
      readonly uniswap?: Pick<EthPoolFixture, "contracts" | "pool">;
    },
  ): Promise<TestMarket> {
    const deployer = new Transactor(anvil.publicClient, anvil.wallet(0));
    const token = (name: string, decimals: number) =>
      deployer.deploy(localTokenAbi, localTokenBytecode, [name, name, decimals]);
    const quote = options.uniswap?.pool.quoteToken ?? (await token("USDC", 6));
    const base = options.uniswap?.pool.baseToken ?? (await token("WETH", 18));
    const uniswapV3Pool = options.uniswap?.pool.address ?? zeroAddress;
    const uniswapV3 = options.uniswap?.contracts ?? {
      factory: base,
      positionManager: base,
      swapRouter: base,
      quoter: base,
    };
    const deployment = await deployProtocol(deployer, {
      quote: { token: quote, symbol: "USDC", decimals: 6 },
      market: { marketId: MARKET_ID, symbol: "ETH", baseToken: base, baseDecimals: 18, uniswapV3Pool },
      uniswapV3,
      permit2: await placePermit2(anvil.testClient),
      oracleSigners: options.signers ?? signers.map((index) => anvil.address(index)),
      protocolFees: anvil.address(15),
      marketTerms: options.marketTerms ?? {},
      pools: [{ name: "core", ...options.pool }, ...(options.otherPools ?? [])],
    });
    return new TestMarket(anvil, deployment, expiries);
  }

  get pool() {
    const pool = this.deployment.pools[0];
    if (!pool) throw new Error("no pool");
    return pool;
  }

  transactor(index: number): Transactor {
    // Waiting for a block after it was mined would wait for ever on a chain that mines on demand.
    return new Transactor(this.anvil.publicClient, this.anvil.wallet(index), { sync: true });
  }

  get client(): LocalPublicClient {
    return this.anvil.publicClient;
  }

  /** The address of the n-th development account. */
  address(index: number): Address {
    return this.anvil.wallet(index).account.address;
  }

  /** Quote tokens for an account, and its consent that ledger and shares take them. */
  async fund(index: number, tokens: number): Promise<void> {
    const { quoteToken, clearinghouse } = this.deployment;
    const amount = BigInt(tokens) * 1_000_000n;
    await this.deployer.write(quoteToken, localTokenAbi, "mint", [this.address(index), amount]);
    for (const spender of [clearinghouse, this.pool.poolShares]) {
      await this.transactor(index).write(quoteToken, erc20Abi, "approve", [spender, maxUint256]);
    }
  }

  /** Base tokens for an account, paid into its margin account 1. */
  async openBase(index: number, tokens: number): Promise<void> {
    const amount = BigInt(Math.round(tokens * 1e6)) * 10n ** 12n;
    await this.deployer.write(this.baseToken, localTokenAbi, "mint", [this.address(index), amount]);
    const { clearinghouse } = this.deployment;
    await this.transactor(index).write(this.baseToken, erc20Abi, "approve", [clearinghouse, maxUint256]);
    await this.ledger(index, "depositBase", [toAccountId(this.address(index), 1), MARKET_ID, amount]);
  }

  /** Cash for the account's margin account 1. */
  async openMargin(index: number, tokens: number): Promise<void> {
    const account = toAccountId(this.address(index), 1);
    await this.ledger(index, "depositCash", [account, BigInt(tokens) * 1_000_000n]);
  }

  /** Mines a block at the report's time and submits a surface. */
  async report(surface: TestSurface): Promise<void> {
    const { time, spot, volatility, rho = -0.3, basis = 0.001 } = surface;
    const volatilityOf = typeof volatility === "number" ? () => volatility : volatility;
    await this.anvil.mineAt(time);
    this.round += 1;
    const slices = this.expiries
      .filter((expiry) => expiry > time)
      .map((expiry) => {
        const tenor = expiry - time;
        const effective = tenor >= 1800 ? tenor - 1200 : tenor ** 3 / (3 * 1800 ** 2);
        const theta = volatilityOf(expiry) ** 2 * (effective / YEAR);
        return {
          expiry,
          theta: BigInt(Math.round(theta * 1e11)),
          psi: BigInt(Math.round(0.9 * Math.sqrt(theta) * 1e10)),
          rho: Math.round(rho * 32_768),
          basis: Math.round(basis * 1e7),
          residual: 20,
        };
      });
    const common = { marketId: MARKET_ID, modelTime: time, spot: toWad(spot), signerSet: 1 };
    const averages = this.averagesOf(surface);
    const report = { kind: "surface", ...common, round: this.round, disagreement: 10, slices, averages } as const;
    await this.submit(report, surface.signatures);
  }

  /** A fresher spot with averages, no surface. */
  async reportSpot(surface: Omit<TestSurface, "volatility">): Promise<void> {
    const { time, spot } = surface;
    await this.anvil.mineAt(time);
    const averages = this.averagesOf(surface);
    await this.submit({
      kind: "spot",
      marketId: MARKET_ID,
      modelTime: time,
      spot: toWad(spot),
      signerSet: 1,
      averages,
    });
  }

  /** Whether a report waits for confirmation. */
  async isUnconfirmed(): Promise<boolean> {
    const { unconfirmed } = await this.client.readContract({
      address: this.deployment.marketOracle,
      abi: marketOracleAbi,
      functionName: "marketState",
      args: [MARKET_ID],
    });
    return unconfirmed;
  }

  async mark(): Promise<void> {
    for (const { optionPool } of this.deployment.pools) {
      await this.deployer.write(optionPool, optionPoolAbi, "mark", []);
      await this.deployer.write(this.deployment.clearinghouse, clearinghouseAbi, "stress", [
        toAccountId(optionPool, 1),
      ]);
    }
  }

  /** Swaps at any price; returns whether the market allowed it. */
  async swap(index: number, sub: number, legs: readonly TestLeg[]): Promise<boolean> {
    return (await this.refusalOf(index, sub, legs)) === undefined; // past a limit of the pool: part of a random walk
  }

  /** Swaps at any price; returns why the market did not allow it. */
  async refusalOf(index: number, sub: number, legs: readonly TestLeg[]): Promise<string | undefined> {
    const swap = {
      account: toAccountId(this.address(index), sub),
      maker: this.pool.optionPool,
      legs: legs.map(toLeg),
      limitCash: 10n ** 30n,
      deadline: 2_000_000_000,
      report: "0x",
      makerData: "0x",
    } as const;
    try {
      await this.transactor(index).write(this.deployment.clearinghouse, clearinghouseAbi, "trade", [swap]);
      return undefined;
    } catch (error) {
      return revertNameOf(error) ?? String(error);
    }
  }

  /** The pool's half-spread on a package now, WAD of the quote token. */
  async spreadOf(legs: readonly TestLeg[]): Promise<bigint> {
    const { spreadWad } = await this.client.readContract({
      address: this.pool.optionPool,
      abi: optionPoolAbi,
      functionName: "quote",
      args: [legs.map(toLeg), true],
    });
    return spreadWad;
  }

  async settle(expiry: number, accounts: readonly (readonly [index: number, sub: number])[]): Promise<void> {
    const ids = accounts.map(([index, sub]) => toAccountId(this.address(index), sub));
    const all = [toAccountId(this.pool.optionPool, 1), ...ids];
    await this.ledger(0, "startSettlement", [MARKET_ID, expiry]);
    await this.ledger(0, "settleAccounts", [MARKET_ID, expiry, all]);
    await this.ledger(0, "finalizeSettlement", [MARKET_ID, expiry]);
  }

  /** Pays the pool's credit of an expiry, where it has one; returns it in quote units. */
  async claimPoolCredit(expiry: number): Promise<bigint> {
    const account = toAccountId(this.pool.optionPool, 1);
    const credit = await this.client.readContract({
      address: this.deployment.clearinghouse,
      abi: clearinghouseAbi,
      functionName: "credit",
      args: [account, MARKET_ID, expiry],
    });
    if (credit > 0n) await this.ledger(0, "claimCredit", [account, MARKET_ID, expiry]);
    return credit;
  }

  async deposit(index: number, tokens: number): Promise<void> {
    const owner = this.address(index);
    await this.shares(index, "requestDeposit", [BigInt(tokens) * 1_000_000n, owner, owner]);
  }

  async redeem(index: number, amount: bigint): Promise<void> {
    const owner = this.address(index);
    await this.shares(index, "requestRedeem", [amount, owner, owner]);
  }

  async claim(index: number): Promise<void> {
    await this.shares(index, "claimFor", [this.address(index)]);
  }

  async balanceOfShares(index: number): Promise<bigint> {
    return await this.client.readContract({
      address: this.pool.poolShares,
      abi: poolSharesAbi,
      functionName: "balanceOf",
      args: [this.address(index)],
    });
  }

  async ledger<const TName extends ContractFunctionName<typeof clearinghouseAbi, Write>>(
    index: number,
    name: TName,
    args: ContractFunctionArgs<typeof clearinghouseAbi, Write, TName>,
  ): Promise<void> {
    await this.transactor(index).write(this.deployment.clearinghouse, clearinghouseAbi, name, args);
  }

  async shares<const TName extends ContractFunctionName<typeof poolSharesAbi, Write>>(
    index: number,
    name: TName,
    args: ContractFunctionArgs<typeof poolSharesAbi, Write, TName>,
  ): Promise<void> {
    await this.transactor(index).write(this.pool.poolShares, poolSharesAbi, name, args);
  }

  private averagesOf({ time, averages = [] }: Pick<TestSurface, "time" | "averages">): readonly RunningAverage[] {
    return averages.map(({ expiry, average }) => ({
      expiry,
      average: toWad(average),
      elapsed: Math.min(time, expiry) - (expiry - 1800),
    }));
  }

  private async submit(report: Report, signatureCount = 3): Promise<void> {
    const domain = { chainId: this.deployment.chainId, oracle: this.deployment.marketOracle };
    const signatures = await Promise.all(
      signers.slice(0, signatureCount).map(async (key, index) => ({
        index,
        signature: await signReport(this.anvil.wallet(key).account, report, domain),
      })),
    );
    const packed = packReport(report, signatures);
    await this.deployer.write(this.deployment.marketOracle, marketOracleAbi, "submitReport", [packed]);
  }
}

function toWad(value: number): bigint {
  return BigInt(Math.round(value * 1e6)) * 10n ** 12n;
}
