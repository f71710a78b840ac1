// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {SettlementPrice} from "../../pool-contracts/SettlementPrice.sol";
import {ISettlementPrice, IUniswapV3Pool} from "../../pool-contracts/interfaces/ISettlementPrice.sol";
import {LedgerFixture} from "./fixture/LedgerFixture.sol";
import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";

/// @notice A Uniswap v3 pool whose tick has always been one, and which remembers so many seconds.
contract SteadyPool is IUniswapV3Pool {
    address public immutable token0;
    address public immutable token1;
    int56 public tick;
    uint256 public memorySeconds = 1 days;

    constructor(address first, address second, int56 tick_) {
        (token0, token1, tick) = (first, second, tick_);
    }

    function setTick(int56 tick_) external {
        tick = tick_;
    }

    function forget() external {
        memorySeconds = 0;
    }

    function observe(uint32[] calldata secondsAgos) external view returns (int56[] memory sums, uint160[] memory rest) {
        require(secondsAgos[0] <= memorySeconds, "OLD");
        sums = new int56[](secondsAgos.length);
        for (uint256 i = 0; i < sums.length; ++i) {
            sums[i] = tick * int56(int256(block.timestamp - secondsAgos[i]));
        }
        rest = new uint160[](secondsAgos.length);
    }
}

contract SettlementPriceTest is LedgerFixture {
    /// @dev Base of 18 decimals in quote of 6: 1.0001^tick is 3,000 / 10^12.
    int56 internal constant AT_3000 = -196_256;
    int56 internal constant AT_3100 = -195_928;
    SteadyPool internal reference_;

    function setUp() public override {
        super.setUp();
        reference_ = new SteadyPool(address(baseToken), address(quoteToken), AT_3000);
        settlementPrices.setReference(MARKET, reference_, address(baseToken));
    }

    function _price() private view returns (uint256) {
        return settlementPrices.priceOf(MARKET, WEEK);
    }

    function test_beforeTheExpiryThereIsNone() public {
        oracle.setSettlementPrice(WEEK, 3000e18);
        vm.warp(WEEK - 1);
        assertEq(_price(), 0);
        assertEq(settlementPrices.meanOf(MARKET, WEEK), 0);
    }

    function test_theMeanIsThePoolsPrice() public {
        vm.warp(WEEK + 10 minutes);
        assertApproxEqRel(settlementPrices.meanOf(MARKET, WEEK), 3000e18, 1e14, "a tick is a hundredth of a percent");
        SteadyPool other = new SteadyPool(address(quoteToken), address(baseToken), -AT_3000);
        settlementPrices.setReference(MARKET, other, address(baseToken));
        assertApproxEqRel(settlementPrices.meanOf(MARKET, WEEK), 3000e18, 1e14, "the other way round");
    }

    function test_whereBothAgreeTheOraclesAverageCountsAtOnce() public {
        vm.warp(WEEK);
        oracle.setSettlementPrice(WEEK, 3089e18);
        assertEq(_price(), 3089e18, "3 % above");
        oracle.setSettlementPrice(WEEK, 2911e18);
        assertEq(_price(), 2911e18, "3 % below");
    }

    function test_attack_B14_whereTheyDifferItWaitsForFourHours() public {
        reference_.setTick(AT_3100);
        vm.warp(WEEK);
        oracle.setSettlementPrice(WEEK, 3000e18);
        uint256 mean = settlementPrices.meanOf(MARKET, WEEK);
        bytes memory disputed = abi.encodeWithSelector(
            ISettlementPrice.SettlementPrice_Disputed.selector, MARKET, WEEK, 3000e18, mean, WEEK + 4 hours
        );
        vm.expectRevert(disputed);
        ledger.startSettlement(MARKET, WEEK);
        vm.warp(WEEK + 4 hours - 1);
        vm.expectRevert(disputed);
        ledger.startSettlement(MARKET, WEEK);
        vm.warp(WEEK + 4 hours);
        ledger.startSettlement(MARKET, WEEK);
        assertEq(ledger.settlementPrice(MARKET, WEEK), 3000e18, "the pool never chooses it");
    }

    function test_whereThePoolHasForgottenTheAverageCounts() public {
        reference_.setTick(AT_3100);
        reference_.forget();
        vm.warp(WEEK);
        oracle.setSettlementPrice(WEEK, 3000e18);
        assertEq(_price(), 3000e18);
        settlementPrices.setReference(MARKET, IUniswapV3Pool(address(0)), address(baseToken));
        assertEq(_price(), 3000e18, "as without a pool");
    }

    function test_attack_B15_whereTheOracleIsSilentTheRecordedMeanCountsAfterThreeDays() public {
        vm.warp(WEEK + 1 hours);
        uint256 mean = settlementPrices.recordMean(MARKET, WEEK);
        reference_.setTick(AT_3100);
        reference_.forget();
        assertEq(settlementPrices.recordMean(MARKET, WEEK), mean, "once");
        vm.warp(WEEK + 3 days - 1);
        assertEq(_price(), 0);
        vm.warp(WEEK + 3 days);
        ledger.startSettlement(MARKET, WEEK);
        assertEq(ledger.settlementPrice(MARKET, WEEK), mean);
    }

    function test_whereNobodyRecordedTheMeanNothingCounts() public {
        reference_.forget();
        vm.warp(WEEK + 4 days);
        assertEq(_price(), 0);
        vm.expectRevert(abi.encodeWithSelector(ISettlementPrice.SettlementPrice_NoMean.selector, MARKET, WEEK));
        settlementPrices.recordMean(MARKET, WEEK);
    }

    function test_onlyGovernanceSetsAPoolAndOnlyOfTheseTokens() public {
        SteadyPool wrong = new SteadyPool(address(baseToken), address(baseToken), 0);
        vm.expectRevert(abi.encodeWithSelector(ISettlementPrice.SettlementPrice_WrongPool.selector, wrong));
        settlementPrices.setReference(MARKET, wrong, address(baseToken));
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, alice));
        settlementPrices.setReference(MARKET, reference_, address(baseToken));
    }
}
