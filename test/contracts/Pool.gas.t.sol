// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Authority} from "../../pool-contracts/Authority.sol";
import {OptionPool} from "../../pool-contracts/OptionPool.sol";
import {PoolShares} from "../../pool-contracts/PoolShares.sol";
import {RiskEngine} from "../../pool-contracts/RiskEngine.sol";
import {IClearinghouse} from "../../pool-contracts/interfaces/IClearinghouse.sol";
import {LocalToken} from "../../pool-contracts/local/LocalToken.sol";
import {AccountId, toAccountId} from "../../pool-contracts/types/AccountId.sol";
import {Leg} from "../../pool-contracts/types/Leg.sol";
import {OptionId, toOptionId, toStrikeKey} from "../../pool-contracts/types/OptionId.sol";
import {OracleReports, TestReport} from "./OracleReports.sol";
import {DefaultGrids} from "./fixture/DefaultGrids.sol";
import {LedgerDeployment} from "./fixture/LedgerDeployment.sol";
import {PoolDeployment} from "./fixture/PoolDeployment.sol";
import {TradePermits} from "./fixture/TradePermits.sol";

/// @notice Gas of a pool on the real oracle, with shares, fund and bounty as a market is deployed, in snapshots/Pool.json. Each call is a
/// transaction of its own: 21,000, calldata, cold slots and refunds are inside. The pool is warm: it holds what is swapped
/// already; the trader does not, unless the name says so. The worse of two reports counts no longer.
/// forge-config: default.isolate = true
contract PoolGasTest is OracleReports, LedgerDeployment, DefaultGrids, PoolDeployment, TradePermits {
    string internal constant SUITE = "Pool";
    uint256 internal constant USD = 1e6;
    uint32 internal constant WEEK = 1_770_796_800; // 11 February 2026, 08:00 UTC
    uint32 internal constant MONTH = 1_772_611_200; // 4 March 2026
    uint32 internal constant QUARTER = 1_777_622_400; // 1 May 2026
    int128 internal constant ONE = 1e6;

    OptionPool internal pool;
    PoolShares internal shares;
    LocalToken internal quoteToken;
    address internal alice = makeAddr("alice");
    address internal bob = makeAddr("bob");

    function setUp() public {
        _deploy(4);
        Authority authority = new Authority(address(this));
        quoteToken = new LocalToken("Quote", "USD", 6);
        LocalToken baseToken = new LocalToken("Base", "BASE", 18);
        RiskEngine risk = new RiskEngine(oracle, 6, address(authority));
        deployLedger(address(quoteToken), oracle, risk, makeAddr("treasury"), address(authority));
        ledger.createMarket(
            MARKET,
            IClearinghouse.Market({
                baseToken: address(baseToken),
                minSize: 10_000,
                strikeStepE6: 25e6,
                insuranceFeeShareBps: 2000,
                protocolFeeShareBps: 1000,
                baseCap: type(uint128).max,
                settlementBounty: 0.25e6,
                stressAllowance: 0
            })
        );
        risk.setGrids(MARKET, defaultGrids());
        (pool, shares) = deployPoolWithShares(ledger, oracle, MARKET, address(authority));
        ledger.registerMaker(address(pool));
        quoteToken.mint(address(this), 1e15);
        quoteToken.approve(address(ledger), type(uint256).max);
        ledger.depositCash(pool.account(), 20_000_000 * USD);
        ledger.depositCash(toAccountId(address(fund), 1), 100_000 * USD);
        ledger.depositCash(toAccountId(makeAddr("treasury"), 1), 1);
        for (uint256 i = 0; i < 2; ++i) {
            address trader = [alice, bob][i];
            quoteToken.mint(trader, 1e13);
            vm.startPrank(trader);
            quoteToken.approve(address(ledger), type(uint256).max);
            ledger.depositCash(toAccountId(trader, 1), 1_000_000 * USD);
            vm.stopPrank();
        }
        _report(START, 1);
        pool.mark();
        // What others have traded before.
        _swap(toAccountId(bob, 1), _one(_call(3100), ONE));
        _swap(toAccountId(bob, 1), _condor(ONE));
        _swap(toAccountId(bob, 1), _one(_put(2700), ONE));
        _report(START + 60, 2);
        pool.mark();
        vm.warp(START + 60 + 13);
    }

    // ───── Swaps ─────

    function test_gas_swapOfOneLeg() public {
        _swap(toAccountId(alice, 0), _one(_call(3100), ONE));
        vm.snapshotGasLastCall(SUITE, "swap, 1 leg, wallet");
    }

    function test_gas_swapOfOneLegThatIsHeld() public {
        _swap(toAccountId(alice, 0), _one(_call(3100), ONE));
        _swap(toAccountId(alice, 0), _one(_call(3100), ONE));
        vm.snapshotGasLastCall(SUITE, "swap, 1 leg that is held, wallet");
    }

    function test_gas_swapWithPermit() public {
        (address dora, uint256 key) = makeAddrAndKey("dora");
        quoteToken.mint(dora, 1e13);
        vm.prank(dora);
        quoteToken.approve(PERMIT2, type(uint256).max);
        _swapWithPermit(toAccountId(dora, 0), key, 0);
        vm.snapshotGasLastCall(SUITE, "swap with permit, 1 leg, wallet");
        _swapWithPermit(toAccountId(dora, 1), key, 256); // a nonce in another word
        vm.snapshotGasLastCall(SUITE, "swap with permit, 1 leg, margin account");
    }

    function _swapWithPermit(AccountId account, uint256 key, uint256 nonce) private {
        IClearinghouse.Swap memory swap = IClearinghouse.Swap(
            account, address(pool), _one(_call(3100), ONE), type(int256).max, type(uint40).max, "", ""
        );
        bytes32 digest = permitDigest(address(quoteToken), address(ledger), swap, 1000 * USD, nonce);
        ledger.tradeWithPermit(swap, IClearinghouse.PermitPayment(1000 * USD, nonce, signatureOf(key, digest)));
    }

    function test_gas_swapOfFourLongLegs() public {
        Leg[] memory legs = _condor(ONE);
        for (uint256 i = 0; i < 4; ++i) {
            legs[i].size = ONE;
        }
        _swap(toAccountId(alice, 0), legs);
        vm.snapshotGasLastCall(SUITE, "swap, 4 legs, wallet");
    }

    function test_gas_swapOfFourLegs() public {
        _swap(toAccountId(alice, 1), _condor(ONE));
        vm.snapshotGasLastCall(SUITE, "swap, 4 legs, margin account");
    }

    function test_gas_closeOfOneLeg() public {
        _swap(toAccountId(alice, 0), _one(_call(3100), 2 * ONE));
        _swap(toAccountId(alice, 0), _one(_call(3100), -ONE));
        vm.snapshotGasLastCall(SUITE, "close, 1 leg of 2 contracts, wallet");
    }

    function test_gas_closeOfFourLegs() public {
        _swap(toAccountId(alice, 1), _condor(ONE));
        _swap(toAccountId(alice, 1), _condor(-ONE));
        vm.snapshotGasLastCall(SUITE, "close, 4 legs, margin account");
    }

    function test_gas_take() public {
        AccountId small = toAccountId(makeAddr("small"), 1);
        ledger.depositCash(small, 30 * USD);
        pool.setTakes(true);
        _swap(small, _one(_call(3200), -ONE / 20));
        TestReport memory report = _surfaceOf(START + 1 hours, 3);
        report.spot = 3_700e18;
        vm.warp(START + 1 hours);
        oracle.submitReport(_signed(report, 4));
        vm.prank(alice);
        auction.take(small, pool, toAccountId(alice, 1), "");
        vm.snapshotGasLastCall(SUITE, "take of a small account, 1 leg");
    }

    // ───── Book ─────

    function test_gas_markAndStressOfThirtyStrikes() public {
        _fill(27, 30);
        _report(START + 120, 3);
        pool.mark();
        vm.snapshotGasLastCall(SUITE, "mark of 30 strikes");
        ledger.stress(pool.account());
        vm.snapshotGasLastCall(SUITE, "stress of 30 strikes, 17 scenarios");
    }

    /// @dev As many expiries: what twenty more strikes cost is what a strike costs.
    function test_gas_markAndStressOfTenStrikes() public {
        _fill(6, 10);
        _report(START + 120, 3);
        pool.mark();
        vm.snapshotGasLastCall(SUITE, "mark of 10 strikes");
        ledger.stress(pool.account());
        vm.snapshotGasLastCall(SUITE, "stress of 10 strikes, 17 scenarios");
    }

    /// @dev Others buy calls of three expiries, strike after strike, until the pool holds so many.
    function _fill(uint256 options, uint256 strikes) private {
        for (uint256 i = 0; i < options; i += 3) {
            Leg[] memory legs = new Leg[](i == 24 ? 2 : 3); // the pool holds a strike of the month already
            for (uint256 j = 0; j < legs.length; ++j) {
                uint32 expiry = [WEEK, MONTH, QUARTER][j];
                legs[j] = Leg(toOptionId(toStrikeKey(MARKET, expiry, uint48(2850e6 + 25e6 * i / 3)), false), 100_000);
            }
            _swap(toAccountId(alice, 0), legs);
        }
        assertEq(ledger.strikes(pool.account()).length, strikes);
    }

    // ───── What people do ─────

    function _report(uint40 time, uint32 round) private {
        vm.warp(time);
        oracle.submitReport(_signed(_surfaceOf(time, round), 3));
    }

    function _surfaceOf(uint40 time, uint32 round) private pure returns (TestReport memory report) {
        report = _surface(round, time, 3);
        for (uint256 i = 0; i < 3; ++i) {
            report.slices[i] = _slice([WEEK, MONTH, QUARTER][i], time);
        }
    }

    function _swap(AccountId account, Leg[] memory legs) private {
        IClearinghouse.Swap memory swap =
            IClearinghouse.Swap(account, address(pool), legs, type(int128).max, type(uint40).max, "", "");
        vm.prank(account.owner());
        ledger.trade(swap);
    }

    function _one(OptionId option, int128 size) private pure returns (Leg[] memory legs) {
        legs = new Leg[](1);
        legs[0] = Leg(option, size);
    }

    function _condor(int128 size) private pure returns (Leg[] memory legs) {
        legs = new Leg[](4);
        legs[0] = Leg(_put(2700), size);
        legs[1] = Leg(_put(2850), -size);
        legs[2] = Leg(_call(3150), -size);
        legs[3] = Leg(_call(3300), size);
    }

    function _call(uint256 strike) private pure returns (OptionId) {
        return toOptionId(toStrikeKey(MARKET, MONTH, uint48(strike * 1e6)), false);
    }

    function _put(uint256 strike) private pure returns (OptionId) {
        return toOptionId(toStrikeKey(MARKET, MONTH, uint48(strike * 1e6)), true);
    }
}
