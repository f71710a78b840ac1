import { type Address, getContractAddress, type Hex, zeroAddress } from "viem";
import {
  atomicExecutorAbi,
  atomicExecutorBytecode,
  authorityAbi,
  authorityBytecode,
  backstopsBytecode,
  batchesBytecode,
  clearinghouseAbi,
  clearinghouseBytecode,
  clearinghouseLinks,
  deleveragingBytecode,
  hedgeExchangeBytecode,
  insuranceFundAbi,
  insuranceFundBytecode,
  liquidationAuctionAbi,
  liquidationAuctionBytecode,
  marketOracleAbi,
  marketOracleBytecode,
  marketsBytecode,
  marksBytecode,
  optionPoolAbi,
  optionPoolBytecode,
  optionPoolLinks,
  parameterCodeBytecode,
  permittedTradesBytecode,
  poolLensAbi,
  poolLensBytecode,
  poolSharesAbi,
  poolSharesBytecode,
  poolSharesLinks,
  riskEngineAbi,
  riskEngineBytecode,
  settlementBytecode,
  settlementPriceAbi,
  settlementPriceBytecode,
  signedOrdersAbi,
  signedOrdersBytecode,
  spotHedgerAbi,
  spotHedgerBytecode,
  transfersBytecode,
} from "./abis.ts";
import type { Deployment } from "./deployments.ts";
import {
  defaultAuctionTerms,
  defaultGrids,
  defaultHedgerParameters,
  defaultMarket,
  defaultPoolParameters,
  governanceDelaySeconds,
  type HedgerParameters,
  insuranceCooldownSeconds,
  insuranceWindowSeconds,
  type MarketTerms,
  type PoolParameters,
} from "./parameters.ts";
import type { Transactor } from "./transactor.ts";

/** What the protocol is deployed on. */
export interface DeployInput {
  readonly quote: { readonly token: Address; readonly symbol: string; readonly decimals: number };
  readonly market: {
    readonly marketId: number;
    readonly symbol: string;
    readonly baseToken: Address;
    readonly baseDecimals: number;
    /** Of base and quote token, to compare settlement prices with and to hedge on; zero where there is none. */
    readonly uniswapV3Pool: Address;
  };
  readonly uniswapV3: Deployment["uniswapV3"];
  /** Uniswap's Permit2: it must be there. */
  readonly permit2: Address;
  /** Addresses of the oracle nodes; ⌊2n/3⌋ + 1 of them make a report. */
  readonly oracleSigners: readonly Address[];
  readonly protocolFees: Address;
  readonly marketTerms?: Partial<MarketTerms>;
  /** Each with its own LPs and parameters; the first is the one that is meant where none is named. */
  readonly pools: readonly PoolInput[];
  /** Called before each step, for progress. */
  readonly onStep?: (step: string) => void;
}

/** A pool to deploy: what is not said is as `defaultPoolParameters` and `defaultHedgerParameters` have it. */
export interface PoolInput {
  readonly name: string;
  readonly parameters?: Partial<PoolParameters>;
  /** What the pool stands behind the insurance fund with, quote units; nothing by default. */
  readonly backstopCap?: bigint;
  readonly hedgerParameters?: Partial<HedgerParameters>;
}

/**
 * Deploys the whole protocol for one market and its pools, checks that every address fell where it was predicted, and gives
 * the deployer's rights the governance delay.
 *
 * @returns The deployment, to be written with `writeDeployment`.
 */
export async function deployProtocol(transactor: Transactor, input: DeployInput): Promise<Deployment> {
  const step = input.onStep ?? (() => {});
  const { client, address: deployer } = transactor;

  step("authority, oracle, risk engine");
  const authority = await transactor.deploy(authorityAbi, authorityBytecode, [deployer]);
  const marketOracle = await transactor.deploy(marketOracleAbi, marketOracleBytecode, [input.oracleSigners, authority]);
  const riskEngine = await transactor.deploy(riskEngineAbi, riskEngineBytecode, [
    marketOracle,
    input.quote.decimals,
    authority,
  ]);

  const settlementPrice = await transactor.deploy(settlementPriceAbi, settlementPriceBytecode, [
    marketOracle,
    input.quote.token,
    authority,
  ]);

  step("insurance fund, liquidation auction, clearinghouse");
  const predict = async (offset: number): Promise<Address> => {
    const nonce = await client.getTransactionCount({ address: deployer });
    return getContractAddress({ from: deployer, nonce: BigInt(nonce + offset) });
  };
  const libraries = {
    Backstops: await transactor.deploy([], backstopsBytecode, []),
    Settlement: await transactor.deploy([], settlementBytecode, []),
    Deleveraging: await transactor.deploy([], deleveragingBytecode, []),
    Transfers: await transactor.deploy([], transfersBytecode, []),
    Markets: await transactor.deploy([], marketsBytecode, []),
    PermittedTrades: await transactor.deploy([], permittedTradesBytecode, []),
  };
  const expectedClearinghouse = await predict(2);
  const insuranceFund = await transactor.deploy(insuranceFundAbi, insuranceFundBytecode, [
    expectedClearinghouse,
    input.quote.token,
    insuranceCooldownSeconds,
    insuranceWindowSeconds,
  ]);
  const liquidationAuction = await transactor.deploy(liquidationAuctionAbi, liquidationAuctionBytecode, [
    expectedClearinghouse,
    marketOracle,
    defaultAuctionTerms(input.quote.decimals),
    authority,
  ]);
  const ledgerCode = linked(clearinghouseBytecode, clearinghouseLinks, libraries);
  const clearinghouse = await transactor.deploy(clearinghouseAbi, ledgerCode, [
    input.quote.token,
    marketOracle,
    riskEngine,
    settlementPrice,
    insuranceFund,
    input.permit2,
    liquidationAuction,
    input.protocolFees,
    authority,
  ]);
  requireEqual("Clearinghouse", clearinghouse, expectedClearinghouse);

  const signedOrders = await transactor.deploy(signedOrdersAbi, signedOrdersBytecode, [clearinghouse, marketOracle]);

  step("market, margin grids");
  const { marketId, baseToken } = input.market;
  const market = { baseToken, ...defaultMarket(input.quote.decimals), ...input.marketTerms };
  await transactor.write(clearinghouse, clearinghouseAbi, "createMarket", [marketId, market]);
  await transactor.write(riskEngine, riskEngineAbi, "setGrids", [marketId, defaultGrids]);
  await transactor.write(marketOracle, marketOracleAbi, "addMarket", [marketId]);
  if (input.market.uniswapV3Pool !== zeroAddress) {
    const reference = [marketId, input.market.uniswapV3Pool, baseToken] as const;
    await transactor.write(settlementPrice, settlementPriceAbi, "setReference", reference);
  }
  const atomicExecutor =
    input.market.uniswapV3Pool === zeroAddress
      ? zeroAddress
      : await transactor.deploy(atomicExecutorAbi, atomicExecutorBytecode, [
          clearinghouse,
          marketId,
          input.market.uniswapV3Pool,
        ]);

  step("pool libraries, lens");
  const poolLens = await transactor.deploy(poolLensAbi, poolLensBytecode, [riskEngine]);
  const libraryOfPools = {
    HedgeExchange: await transactor.deploy([], hedgeExchangeBytecode, []),
    Marks: await transactor.deploy([], marksBytecode, []),
    ParameterCode: await transactor.deploy([], parameterCodeBytecode, []),
  };
  const poolCode = linked(optionPoolBytecode, optionPoolLinks, libraryOfPools);
  const sharesCode = linked(poolSharesBytecode, poolSharesLinks, {
    Batches: await transactor.deploy([], batchesBytecode, []),
  });
  const pools: Deployment["pools"] = [];
  for (const pool of input.pools) {
    step(`pool ${pool.name}`);
    pools.push(
      await deployPool({
        transactor,
        input,
        pool,
        poolCode,
        sharesCode,
        clearinghouse,
        marketOracle,
        authority,
        predict,
      }),
    );
  }

  step("governance delay");
  const adminRole = 0n;
  await transactor.write(authority, authorityAbi, "grantRole", [adminRole, deployer, governanceDelaySeconds]);

  return {
    chainId: client.chain.id,
    quoteToken: input.quote.token,
    quoteSymbol: input.quote.symbol,
    quoteDecimals: input.quote.decimals,
    markets: [{ ...input.market, atomicExecutor }],
    authority,
    marketOracle,
    riskEngine,
    settlementPrice,
    clearinghouse,
    insuranceFund,
    liquidationAuction,
    signedOrders,
    permit2: input.permit2,
    poolLens,
    pools,
    uniswapV3: input.uniswapV3,
    deployedAtBlock: Number(await client.getBlockNumber()),
  };
}

interface PoolDeployment {
  readonly transactor: Transactor;
  readonly input: DeployInput;
  readonly pool: PoolInput;
  readonly poolCode: Hex;
  readonly sharesCode: Hex;
  readonly clearinghouse: Address;
  readonly marketOracle: Address;
  readonly authority: Address;
  /** The address of the contract that the deployer will have deployed by so many transactions from now. */
  readonly predict: (offset: number) => Promise<Address>;
}

/** Deploys one pool with its shares and its hedger, and makes it a maker of the ledger. */
async function deployPool(place: PoolDeployment): Promise<Deployment["pools"][number]> {
  const { transactor, input, pool, poolCode, sharesCode, clearinghouse, marketOracle, authority, predict } = place;
  const { marketId, symbol, uniswapV3Pool } = input.market;
  const parameters = { ...defaultPoolParameters(input.quote.decimals), ...pool.parameters };
  const expectedShares = await predict(1);
  const optionPool = await transactor.deploy(optionPoolAbi, poolCode, [
    clearinghouse,
    marketOracle,
    expectedShares,
    marketId,
    parameters,
    authority,
  ]);
  const poolShares = await transactor.deploy(poolSharesAbi, sharesCode, [
    optionPool,
    clearinghouse,
    `Meniscus ${symbol} ${pool.name}`,
    `m${symbol}-${pool.name}`,
  ]);
  requireEqual("PoolShares", poolShares, expectedShares);
  await transactor.write(clearinghouse, clearinghouseAbi, "registerMaker", [optionPool]);
  await transactor.write(optionPool, optionPoolAbi, "setTakes", [true]);
  if (pool.backstopCap) await transactor.write(optionPool, optionPoolAbi, "setBackstop", [pool.backstopCap]);

  let spotHedger: Address = zeroAddress;
  if (uniswapV3Pool !== zeroAddress) {
    const hedging = { ...defaultHedgerParameters(input.quote.decimals), ...pool.hedgerParameters };
    const constructed = [optionPool, uniswapV3Pool, hedging, authority] as const;
    spotHedger = await transactor.deploy(spotHedgerAbi, spotHedgerBytecode, constructed);
    await transactor.write(optionPool, optionPoolAbi, "setHedger", [spotHedger]);
  }
  return { name: pool.name, optionPool, poolShares, marketId, spotHedger };
}

function requireEqual(what: string, actual: Address, expected: Address): void {
  if (actual.toLowerCase() !== expected.toLowerCase()) {
    throw new Error(
      `${what} stands at ${actual}, not at ${expected}: another transaction of the deployer came between`,
    );
  }
}

/** Creation code with the addresses of its libraries in their places. */
function linked<Name extends string>(
  code: string,
  links: Readonly<Record<Name, string>>,
  libraries: Readonly<Record<Name, Address>>,
): Hex {
  const names = Object.keys(links) as Name[];
  return names.reduce((text, name) => text.replaceAll(links[name], libraries[name].slice(2)), code) as Hex;
}
