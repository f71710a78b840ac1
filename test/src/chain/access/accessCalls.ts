import { type Abi, type Address, type Hex, zeroHash } from "viem";
import {
  atomicExecutorAbi,
  authorityAbi,
  clearinghouseAbi,
  insuranceFundAbi,
  liquidationAuctionAbi,
  marketOracleAbi,
  optionPoolAbi,
  poolSharesAbi,
  riskEngineAbi,
  settlementPriceAbi,
  signedOrdersAbi,
  spotHedgerAbi,
} from "../../../../src/chain/abis.ts";
import type { Deployment } from "../../../../src/chain/deployments.ts";
import { toAccountId, toOptionId } from "../../../../src/chain/optionId.ts";
import {
  defaultAuctionTerms,
  defaultGrids,
  defaultHedgerParameters,
  defaultMarket,
  defaultPoolParameters,
} from "../../../../src/chain/parameters.ts";

/** Who has what: Ann an account, options, shares and a stake; Ben claims; Cara canceled requests; Dora too little margin. */
export type Owner = "ann" | "ben" | "cara" | "dora";

/** What the calls are made of. */
export interface AccessPlace {
  readonly deployment: Deployment;
  readonly pool: Deployment["pools"][number];
  readonly baseToken: Address;
  readonly near: number;
  readonly far: number;
  readonly owners: Readonly<Record<Owner, Address>>;
  readonly stranger: Address;
  readonly governor: Address;
  /** Newest request of an owner. */
  readonly requests: Readonly<Record<Owner, { readonly deposit: bigint; readonly redemption: bigint }>>;
  /** A report that was accepted already. */
  readonly oldReport: Hex;
}

export interface AccessCall {
  readonly args: readonly unknown[];
  /** Whose property it touches: by default Ann's. */
  readonly owner?: Owner;
  /** The contract that may call it, where that is nobody with a key. */
  readonly only?: Address;
}

export interface AccessContract {
  readonly address: Address;
  readonly abi: Abi;
  /** By signature; where one says too little, others follow with words after it. */
  readonly calls: Readonly<Record<string, AccessCall>>;
}

const LEG = "(uint256,int128)[]";
const SWAP = `(uint256,address,${LEG},int256,uint40,bytes,bytes)`;
const NEVER = 4_000_000_000;
const ONE = 1_000_000n;
/** A signature by nobody. */
const UNSIGNED = [27, zeroHash, zeroHash] as const;

/** Every function of every deployed contract that changes something, with arguments that its owner could mean. */
export function accessContracts(place: AccessPlace): Readonly<Record<string, AccessContract>> {
  const { deployment, pool, near, far, owners, stranger, governor, requests, baseToken } = place;
  const { ann, ben, cara, dora } = owners;
  const margin = toAccountId(ann, 1);
  const poolAccount = toAccountId(pool.optionPool, 1);
  const option = (expiry: number, strike: number) => toOptionId({ marketId: 1, expiry, strike, kind: "call" });
  const legs = [{ option: option(far, 2_700), size: ONE }];
  const swap = {
    account: margin,
    maker: pool.optionPool,
    legs,
    limitCash: 10n ** 30n,
    deadline: NEVER,
    report: "0x",
    makerData: "0x",
  };
  const nothing = "0x00000000"; // the selector of no function
  const auction = deployment.liquidationAuction;
  const ledger = deployment.clearinghouse;
  const mark = {
    round: 9,
    surfaceTime: 9,
    nav: 10n ** 12n,
    reserve: 0n,
    freshReserve: 0n,
    unwind: 0n,
    provision: 0n,
  };
  const hedge = {
    buysBase: true,
    received: 0n,
    paid: 0n,
    payee: stranger,
    keeper: toAccountId(stranger, 1),
    bounty: 0n,
  };
  const setAuthority = { "setAuthority(address)": { args: [ledger], only: deployment.authority } };
  return {
    Clearinghouse: {
      address: ledger,
      abi: clearinghouseAbi,
      calls: {
        "approve(address,uint256,uint256)": { args: [stranger, option(far, 2_700), ONE] },
        "batch(uint256,bytes[])": { args: [margin, []] },
        "claimCredit(uint256,uint16,uint32)": { args: [margin, 1, near] },
        "createMarket(uint16,(uint64,uint48,uint16,uint16,uint64,address,uint128,uint128))": {
          args: [2, { baseToken, ...defaultMarket(6) }],
        },
        "depositBase(uint256,uint16,uint256)": { args: [margin, 1, ONE] },
        "depositCash(uint256,uint256)": { args: [margin, ONE] },
        "depositCashWithCallback(uint256,uint256,bytes)": { args: [margin, ONE, "0x"] },
        "depositOptions(uint256,uint256,uint256)": { args: [margin, option(far, 2_700), ONE] },
        "finalizeSettlement(uint16,uint32)": { args: [1, near] },
        "liquidate((uint256,uint256,uint256,int256,uint256))": {
          args: [
            {
              account: toAccountId(dora, 1),
              bidder: toAccountId(stranger, 1),
              shareWad: 10n ** 17n,
              price: 0n,
              penalty: 0n,
            },
          ],
          owner: "dora",
          only: auction,
        },
        "moveCash(uint256,uint256,uint256)": { args: [margin, toAccountId(stranger, 1), ONE] },
        "moveOptions(uint256,uint256,uint256,int256)": {
          args: [margin, toAccountId(ann, 2), option(far, 2_800), ONE],
        },
        "permitQuote(uint256,uint256,uint8,bytes32,bytes32)": { args: [ONE, NEVER, ...UNSIGNED] },
        "redeemOptions(address,uint256[])": { args: [ann, [option(near, 2_700)]] },
        "registerMaker(address)": { args: [stranger] },
        "setAccountOperator(uint256,address,bool)": { args: [margin, stranger, true] },
        ...setAuthority,
        "setBackstop(uint16,uint128)": { args: [1, ONE], only: pool.optionPool },
        "setOperator(address,bool)": { args: [stranger, true] },
        "settleAccounts(uint16,uint32,uint256[])": { args: [1, near, [margin]] },
        "startSettlement(uint16,uint32)": { args: [1, near] },
        "stress(uint256)": { args: [poolAccount] },
        [`trade(${SWAP})`]: { args: [swap] },
        [`trade(${SWAP}) that closes`]: { args: [{ ...swap, legs: [{ option: option(far, 2_800), size: -ONE }] }] },
        [`tradeWithPermit(${SWAP},(uint256,uint256,bytes))`]: {
          args: [swap, { amount: ONE, nonce: 1n, signature: `0x${"11".repeat(65)}` }],
        },
        "transfer(address,uint256,uint256)": { args: [stranger, option(far, 2_700), ONE] },
        "transferFrom(address,address,uint256,uint256)": { args: [ann, stranger, option(far, 2_700), ONE] },
        "withdrawBase(uint256,uint16,uint256,address)": { args: [margin, 1, ONE, stranger] },
        "withdrawCash(uint256,uint256,address)": { args: [margin, ONE, stranger] },
        "withdrawOptions(uint256,uint256,uint256,address)": { args: [margin, option(far, 2_800), ONE, stranger] },
      },
    },
    OptionPool: {
      address: pool.optionPool,
      abi: optionPoolAbi,
      calls: {
        "mark()": { args: [] },
        [`onTake(uint256,${LEG})`]: { args: [margin, legs], only: auction },
        [`onTrade(uint256,${LEG},bool,bytes)`]: { args: [margin, legs, false, "0x"], only: ledger },
        "payRedeemers(uint256)": { args: [1n], only: pool.poolShares },
        "payableToRedeemers()": { args: [] },
        ...setAuthority,
        "setBackstop(uint128)": { args: [ONE] },
        "setHedger(address)": { args: [stranger] },
        "setParameters((uint256[6],uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint32,uint32,uint32,uint32,uint32,uint32,uint32,uint32,bool))":
          { args: [defaultPoolParameters(6)] },
        "setTakes(bool)": { args: [false] },
        "settleHedge((bool,uint256,uint256,address,uint256,uint256))": { args: [hedge], only: pool.spotHedger },
      },
    },
    PoolShares: {
      address: pool.poolShares,
      abi: poolSharesAbi,
      calls: {
        "advance()": { args: [] },
        "approve(address,uint256)": { args: [stranger, 1n] },
        "cancelDepositRequest(uint256,address)": { args: [requests.ann.deposit, ann] },
        "cancelRedeemRequest(uint256,address)": { args: [requests.ann.redemption, ann] },
        "claimCancelDepositRequest(uint256,address,address)": {
          args: [requests.cara.deposit, stranger, cara],
          owner: "cara",
        },
        "claimCancelRedeemRequest(uint256,address,address)": {
          args: [requests.cara.redemption, stranger, cara],
          owner: "cara",
        },
        "claimFor(address)": { args: [ben], owner: "ben" },
        "deposit(uint256,address)": { args: [ONE, stranger], owner: "ben" },
        "deposit(uint256,address,address)": { args: [ONE, stranger, ben], owner: "ben" },
        "mint(uint256,address)": { args: [1n, stranger], owner: "ben" },
        "mint(uint256,address,address)": { args: [1n, stranger, ben], owner: "ben" },
        "onMark((uint32,uint40,int256,uint256,uint256,uint256,uint256))": { args: [mark], only: pool.optionPool },
        "onPayment(address,uint256,bytes)": { args: [deployment.quoteToken, 1n, "0x"], only: ledger },
        "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)": {
          args: [ann, stranger, 1n, NEVER, ...UNSIGNED],
        },
        "redeem(uint256,address,address)": { args: [10n ** 18n, stranger, ben], owner: "ben" },
        "requestDeposit(uint256,address,address)": { args: [ONE, dora, dora], owner: "dora" },
        "requestDeposit(uint256,address,address,uint256)": { args: [ONE, dora, dora, 10n ** 18n], owner: "dora" },
        "requestRedeem(uint256,address,address)": { args: [10n ** 18n, dora, dora], owner: "dora" },
        "requestRedeem(uint256,address,address,uint256)": { args: [10n ** 18n, dora, dora, 10n ** 18n], owner: "dora" },
        ...setAuthority,
        "setOperator(address,bool)": { args: [stranger, true] },
        "transfer(address,uint256)": { args: [stranger, 1n] },
        "transferFrom(address,address,uint256)": { args: [ann, stranger, 1n] },
        "windDown()": { args: [] },
        "withdraw(uint256,address,address)": { args: [ONE, stranger, ben], owner: "ben" },
      },
    },
    InsuranceFund: {
      address: deployment.insuranceFund,
      abi: insuranceFundAbi,
      calls: {
        "approve(address,uint256)": { args: [stranger, 1n] },
        "cover(uint16,uint32,uint256)": { args: [1, near, ONE], only: ledger },
        "deposit(uint256,address)": { args: [ONE, stranger] },
        "mint(uint256,address)": { args: [10n ** 18n, stranger] },
        "onPayment(address,uint256,bytes)": { args: [deployment.quoteToken, 1n, "0x"], only: ledger },
        "redeem(uint256,address,address)": { args: [10n ** 18n, stranger, ann] },
        "startCooldown(uint256)": { args: [1n] },
        "transfer(address,uint256)": { args: [stranger, 1n] },
        "transferFrom(address,address,uint256)": { args: [ann, stranger, 1n] },
        "withdraw(uint256,address,address)": { args: [ONE, stranger, ann] },
      },
    },
    LiquidationAuction: {
      address: auction,
      abi: liquidationAuctionAbi,
      calls: {
        "bid(uint256,uint256,uint256,int256,bytes32,bytes)": {
          args: [toAccountId(dora, 2), margin, 10n ** 18n, 10n ** 30n, zeroHash, "0x"],
        },
        "end(uint256)": { args: [toAccountId(dora, 2)] },
        [`onTrade(uint256,${LEG},bool,bytes)`]: { args: [margin, legs, false, "0x"] },
        "refresh(uint256)": { args: [toAccountId(dora, 2)] },
        ...setAuthority,
        "setTerms((uint32,uint32,uint128,uint64,uint64,uint64,uint64))": { args: [defaultAuctionTerms(6)] },
        "start(uint256,bytes)": { args: [toAccountId(dora, 1), "0x"] },
        "take(uint256,address,uint256,bytes)": { args: [toAccountId(dora, 1), pool.optionPool, margin, "0x"] },
      },
    },
    MarketOracle: {
      address: deployment.marketOracle,
      abi: marketOracleAbi,
      calls: {
        "addMarket(uint16)": { args: [2] },
        ...setAuthority,
        "setMovementLimits(uint16,(uint8,uint8,uint8))": {
          args: [1, { spotMovePercent: 20, volatilityMovePercent: 60, minGapSeconds: 5 }],
        },
        "setSigners(address[],uint256)": { args: [[ann, ben, cara, dora], 3n] },
        "submitIfNewer(bytes)": { args: [place.oldReport] },
        "submitReport(bytes)": { args: [place.oldReport] },
      },
    },
    RiskEngine: {
      address: deployment.riskEngine,
      abi: riskEngineAbi,
      calls: {
        ...setAuthority,
        "setGrids(uint16,(uint256[3],uint256[3],(uint256,uint256,uint256)))": { args: [1, defaultGrids] },
      },
    },
    SettlementPrice: {
      address: deployment.settlementPrice,
      abi: settlementPriceAbi,
      calls: {
        "recordMean(uint16,uint32)": { args: [1, near] },
        ...setAuthority,
        "setReference(uint16,address,address)": {
          args: [1, deployment.markets[0]?.uniswapV3Pool, baseToken],
        },
      },
    },
    SignedOrders: {
      address: deployment.signedOrders,
      abi: signedOrdersAbi,
      calls: {
        "cancel(uint256)": { args: [7n] },
        [`onTrade(uint256,${LEG},bool,bytes)`]: { args: [margin, legs, false, "0x"], only: ledger },
      },
    },
    SpotHedger: {
      address: pool.spotHedger,
      abi: spotHedgerAbi,
      calls: {
        "hedge()": { args: [] },
        ...setAuthority,
        "setParameters((uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint32,uint32,uint32,uint32))":
          { args: [defaultHedgerParameters(6)] },
        "uniswapV3SwapCallback(int256,int256,bytes)": { args: [1n, 0n, "0x"] },
      },
    },
    AtomicExecutor: {
      address: deployment.markets[0]?.atomicExecutor ?? ann,
      abi: atomicExecutorAbi,
      calls: {
        [`execute(uint256,${SWAP}[],(int256,uint160),(uint256,int256,uint40))`]: {
          args: [
            margin,
            [swap],
            { baseAmount: 0n, sqrtPriceLimitX96: 0n },
            { basePriceWad: 10n ** 18n, leastGain: -(10n ** 30n), deadline: NEVER },
          ],
        },
        "uniswapV3SwapCallback(int256,int256,bytes)": {
          args: [0n, 0n, `0x${ann.slice(2).padStart(64, "0")}`],
          ...(deployment.markets[0] && { only: deployment.markets[0].uniswapV3Pool }),
        },
      },
    },
    Authority: {
      address: deployment.authority,
      abi: authorityAbi,
      calls: {
        "cancel(address,address,bytes)": { args: [governor, deployment.marketOracle, nothing] },
        "consumeScheduledOp(address,bytes)": { args: [governor, nothing] },
        "execute(address,bytes)": { args: [deployment.marketOracle, nothing] },
        "grantRole(uint64,address,uint32)": { args: [0n, stranger, 0] },
        "labelRole(uint64,string)": { args: [5n, "guardian"] },
        "multicall(bytes[])": { args: [[]] },
        "renounceRole(uint64,address)": { args: [0n, governor] },
        "revokeRole(uint64,address)": { args: [0n, governor] },
        "schedule(address,bytes,uint48)": { args: [deployment.marketOracle, nothing, 0] },
        "setGrantDelay(uint64,uint32)": { args: [5n, 0] },
        "setRoleAdmin(uint64,uint64)": { args: [5n, 6n] },
        "setRoleGuardian(uint64,uint64)": { args: [5n, 6n] },
        "setTargetAdminDelay(address,uint32)": { args: [ledger, 0] },
        "setTargetClosed(address,bool)": { args: [ledger, false] },
        "setTargetFunctionRole(address,bytes4[],uint64)": { args: [ledger, [], 5n] },
        "updateAuthority(address,address)": { args: [ledger, pool.optionPool] },
      },
    },
  };
}
