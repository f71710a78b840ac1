// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {OptionPool} from "../../pool-contracts/OptionPool.sol";
import {SpotHedger} from "../../pool-contracts/SpotHedger.sol";
import {IClearinghouse} from "../../pool-contracts/interfaces/IClearinghouse.sol";
import {HedgeTrade, IOptionPool, PoolParameters} from "../../pool-contracts/interfaces/IOptionPool.sol";
import {
    HedgePlan,
    HedgerParameters,
    ISpotHedger,
    IUniswapV3SwapPool
} from "../../pool-contracts/interfaces/ISpotHedger.sol";
import {InventoryPotential} from "../../pool-contracts/libraries/pricing/InventoryPotential.sol";
import {UniswapPrice} from "../../pool-contracts/libraries/uniswap/UniswapPrice.sol";
import {LocalToken} from "../../pool-contracts/local/LocalToken.sol";
import {OptionId} from "../../pool-contracts/types/OptionId.sol";
import {HedgerFixture} from "./fixture/HedgerFixture.sol";
import {ScriptedMaker} from "./fixture/ScriptedMaker.sol";
import {UniswapFixture} from "./fixture/UniswapFixture.sol";
import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {Vm} from "forge-std/Vm.sol";

interface ISwapCallback {
    function uniswapV3SwapCallback(int256 amount0, int256 amount1, bytes calldata data) external;
}

/// @notice A pool that swaps as badly as it is told: what it pays and asks, in parts per thousand of the price of 3,000.
contract CrookedPool {
    address public immutable token0;
    address public immutable token1;
    uint24 public constant fee = 500;
    uint256 public askedPermille = 1000;
    uint256 public filledPermille = 1000;

    constructor(address base, address quote) {
        (token0, token1) = (base, quote);
    }

    function set(uint256 asked, uint256 filled) external {
        (askedPermille, filledPermille) = (asked, filled);
    }

    function slot0() external view returns (uint160, int24, uint16, uint16, uint16, uint8, bool) {
        return (UniswapPrice.toSqrtX96(3000e18, true, 12), 0, 0, 0, 0, 0, true);
    }

    function observe(uint32[] calldata secondsAgos) external pure returns (int56[] memory sums, uint160[] memory rest) {
        sums = new int56[](2);
        sums[1] = -196_256 * int56(uint56(secondsAgos[0]));
        return (sums, rest);
    }

    function swap(address to, bool, int256 specified, uint160, bytes calldata data) external returns (int256, int256) {
        require(specified < 0, "only buys");
        uint256 base = uint256(-specified) * filledPermille / 1000;
        uint256 quote = base * 3000 / 1e12 * askedPermille / 1000;
        LocalToken(token0).transfer(to, base);
        ISwapCallback(msg.sender).uniswapV3SwapCallback(-int256(base), int256(quote), data);
        return (-int256(base), int256(quote));
    }

    function callBack(address target, bytes calldata data) external {
        ISwapCallback(target).uniswapV3SwapCallback(-1, 1, data);
    }
}

/// @notice Hedges on a real Uniswap v3 pool: what they do, what they refuse, who may do what.
contract SpotHedgerTest is HedgerFixture {
    address internal keeper = makeAddr("keeper");

    function hedgeAs(address who) internal {
        vm.prank(who);
        hedger.hedge();
    }

    function hedge() internal {
        hedgeAs(keeper);
    }

    function _refuses(bytes memory refusal) internal {
        vm.expectRevert(refusal);
        hedger.plan();
        vm.expectRevert(refusal);
        hedger.hedge();
    }

    function _refusesWith(bytes4 selector) internal {
        vm.expectPartialRevert(selector);
        hedger.plan();
        vm.expectPartialRevert(selector);
        hedger.hedge();
    }

    /// @dev The pool is short some 56 units of delta, worth 8 % of NAV, and its gamma.
    function _becomeShort() internal {
        trade(wallet(alice), call(MONTH, 3000), 100 * ONE);
        reportAndMark(60, SPOT);
    }

    function _setParameters(HedgerParameters memory p) internal {
        hedger.setParameters(p);
    }

    function _holdsNothing() internal view {
        address[2] memory places = [address(hedger), address(pool)];
        for (uint256 i = 0; i < 2; ++i) {
            assertEq(baseToken.balanceOf(places[i]), 0, "base left");
            assertEq(quoteToken.balanceOf(places[i]), 0, "quote left");
            assertEq(baseToken.allowance(places[i], address(ledger)), 0, "base allowance left");
            assertEq(quoteToken.allowance(places[i], address(ledger)), 0, "quote allowance left");
        }
    }

    // ── What a hedge does

    function test_aShortDeltaIsBought_toTheBandsEdge() public {
        _becomeShort();
        int256 before = netShortDelta();
        uint256 cash = ledger.cash(poolAccount);
        HedgePlan memory plan = hedger.plan();
        assertTrue(plan.buysBase);
        assertEq(plan.netShortDelta, before);
        assertEq(plan.target, plan.band, "the edge: going on costs more than coming back");
        hedge();
        assertEq(netShortDelta(), int256(plan.band));
        assertEq(baseHeld(), uint256(before - int256(plan.band)) * 1e12);
        uint256 paid = cash - ledger.cash(poolAccount);
        uint256 worth = baseHeld() * 3000 / 1e12;
        assertGt(paid, worth * 10_005 / 10_000, "Uniswap's fee");
        assertLt(paid, worth * 10_011 / 10_000, "the worst price and the bounty");
        _holdsNothing();
    }

    function test_aLongDeltaIsSold_asFarAsThereIsBase() public {
        _becomeShort();
        hedge();
        uint256 bought = baseHeld();
        trade(wallet(alice), call(MONTH, 3000), -90 * ONE);
        reportAndMark(60, SPOT);
        int256 before = netShortDelta();
        assertLt(before, 0);
        uint256 cash = ledger.cash(poolAccount);
        HedgePlan memory plan = hedger.plan();
        assertFalse(plan.buysBase);
        hedge();
        assertEq(netShortDelta(), -int256(plan.band));
        uint256 sold = bought - baseHeld();
        assertEq(sold, uint256(-int256(plan.band) - before) * 1e12);
        uint256 got = ledger.cash(poolAccount) - cash;
        assertGt(got, sold * 3000 / 1e12 * 9989 / 10_000);
        assertLt(got, sold * 3000 / 1e12 * 9997 / 10_000); // what the purchase before moved is got back
        _holdsNothing();
    }

    function test_givenALongDeltaAndNoBase_nothingIsDone() public {
        fundAccount(margin(bob), 1_000_000 * USD);
        trade(margin(bob), call(MONTH, 3000), -100 * ONE);
        reportAndMark(60, SPOT);
        int256 delta = netShortDelta();
        assertLt(delta, 0);
        _refuses(abi.encodeWithSelector(ISpotHedger.SpotHedger_NoBase.selector, delta));
    }

    function test_aLongDeltaBeyondTheBase_sellsTheBaseAndNoMore() public {
        fundAccount(margin(bob), 1_000_000 * USD);
        trade(margin(bob), call(MONTH, 3000), -100 * ONE);
        vm.prank(bob);
        ledger.depositBase(poolAccount, MARKET, 2.5e18);
        reportAndMark(60, SPOT);
        int256 before = netShortDelta();
        HedgePlan memory plan = hedger.plan();
        assertEq(plan.amount, 2.5e18);
        assertEq(plan.target, uint256(-before) - 2_500_000);
        hedge();
        assertEq(baseHeld(), 0);
        assertEq(netShortDelta(), before + 2_500_000);
    }

    function test_theSecondCallFindsTheDeltaInTheBand() public {
        _becomeShort();
        uint256 band = hedger.plan().band;
        hedge();
        _refuses(abi.encodeWithSelector(ISpotHedger.SpotHedger_WithinBand.selector, int256(band), band));
    }

    /// Outside by less than the least notional: 500 dollars are a sixth of a unit.
    function test_aHedgeHasALeastSize() public {
        _becomeShort();
        uint256 excess = uint256(netShortDelta()) - hedger.plan().band;
        HedgerParameters memory p = hedgerParameters();
        p.minNotional = excess * 3000;
        _setParameters(p);
        hedger.plan();
        p.minNotional = excess * 3000 + 1;
        _setParameters(p);
        _refusesWith(ISpotHedger.SpotHedger_WithinBand.selector);
    }

    function test_whereTheFixedCostIsLarger_theWholeDeltaIsHedged() public {
        _becomeShort();
        HedgePlan memory plan = hedger.plan();
        uint256 wayToZero = plan.band * 3000 / 1000; // λ·S·H in quote units
        HedgerParameters memory p = hedgerParameters();
        p.fixedCost = wayToZero - 1;
        _setParameters(p);
        assertEq(hedger.plan().target, plan.band);
        p.fixedCost = wayToZero + 1;
        _setParameters(p);
        assertEq(hedger.plan().target, 0);
        hedge();
        assertEq(netShortDelta(), 0);
    }

    /// The book is gone, the hedge is not: all of it is sold, dust included.
    function test_aFlatBookKeepsNoBase() public {
        _becomeShort();
        hedge();
        trade(wallet(alice), call(MONTH, 3000), -100 * ONE);
        vm.prank(bob);
        ledger.depositBase(poolAccount, MARKET, 123);
        reportAndMark(60, SPOT);
        assertEq(hedger.plan().band, 0);
        hedge();
        assertEq(baseHeld(), 0);
        assertEq(netShortDelta(), 0);
        _refusesWith(ISpotHedger.SpotHedger_WithinBand.selector);
    }

    /// After an expiry settles its delta vanishes while the hedge stays.
    function test_afterAnExpiry_theHedgeIsRefusedUntilTheMark_thenSold() public {
        trade(wallet(alice), call(WEEK, 3000), 100 * ONE);
        reportAndMark(60, SPOT);
        hedge();
        assertGt(baseHeld(), 20e18);
        vm.warp(WEEK - 60);
        oracle.setRunningAverage(WEEK, 3000e18, 1740);
        reportAndMark(0, SPOT);
        vm.warp(WEEK);
        oracle.setSpot(SPOT);
        _refuses(abi.encodeWithSelector(ISpotHedger.SpotHedger_ExpiryPassed.selector, uint256(WEEK)));
        settle(WEEK, 3000e18, ids(poolAccount));
        report(1, SPOT);
        _refuses(abi.encodeWithSelector(ISpotHedger.SpotHedger_NotMarked.selector, 4, 5));
        pool.mark();
        hedge();
        assertEq(baseHeld(), 0);
    }

    function test_everyHedgeIsAnnouncedWhole() public {
        _becomeShort();
        HedgePlan memory plan = hedger.plan();
        vm.recordLogs();
        hedge();
        Vm.Log memory made = _logOf(ISpotHedger.HedgeMade.selector);
        assertEq(made.topics[1], bytes32(uint256(uint160(keeper))));
        (
            int256 deltaBefore,
            int256 deltaAfter,
            uint256 band,
            int256 baseAmount,
            int256 quoteAmount,
            uint256 priceWad,
            uint256 spotWad,
            uint256 bounty
        ) = abi.decode(made.data, (int256, int256, uint256, int256, int256, uint256, uint256, uint256));
        assertEq(deltaBefore, plan.netShortDelta);
        assertEq(deltaAfter, int256(plan.target));
        assertEq(band, plan.band);
        assertEq(baseAmount, int256(plan.amount));
        assertApproxEqRel(priceWad, uint256(-quoteAmount) * 1e30 / plan.amount, 1e6);
        assertEq(spotWad, SPOT);
        assertEq(bounty, plan.bounty);
    }

    function _logOf(bytes32 selector) private returns (Vm.Log memory) {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] == selector) return logs[i];
        }
        revert("not announced");
    }

    // ── NAV, reserve and margin

    /// Nobody who enters or leaves at a mark has a part in what a hedge cost; the next mark has it all.
    function test_navChangesByTheCostOfTheHedgeAndNothingElse() public {
        _becomeShort();
        uint256 snapshot = vm.snapshotState();
        report(60, SPOT);
        int256 unhedged = pool.mark().nav;
        vm.revertToState(snapshot);
        uint256 cash = ledger.cash(poolAccount);
        hedge();
        int256 cost = int256(cash - ledger.cash(poolAccount)) - int256(baseHeld() * 3000 / 1e12);
        assertGt(cost, 0);
        report(60, SPOT);
        assertApproxEqAbs(pool.mark().nav, unhedged - cost, 1);
    }

    function test_aHedgeBetweenReportAndMarkLeavesTheMarksValue() public {
        _becomeShort();
        report(60, SPOT);
        uint256 snapshot = vm.snapshotState();
        int256 undisturbed = pool.mark().nav;
        vm.revertToState(snapshot);
        _exchange(true, 10e18, 30_100 * USD, 50 * USD); // as no hedger that refuses it would
        assertApproxEqAbs(pool.mark().nav, undisturbed, 1);
        assertEq(netShortDelta(), _deltaWithout(10 * ONE));
        report(60, SPOT);
        assertLt(pool.mark().nav, undisturbed, "the next mark has what it cost");
    }

    /// @dev The book's own short delta less so much base.
    function _deltaWithout(int256 base) private returns (int256) {
        uint256 snapshot = vm.snapshotState();
        vm.prank(address(pool));
        ledger.withdrawBase(poolAccount, MARKET, uint256(base) * 1e12, address(this));
        report(0, SPOT);
        pool.mark();
        int256 delta = netShortDelta();
        vm.revertToState(snapshot);
        return delta - base;
    }

    /// @dev This test stands for a hedger: it brings one token and takes the other.
    function _exchange(bool buysBase, uint256 base, uint256 quote, uint256 bounty) internal returns (int256) {
        pool.setHedger(address(this));
        if (buysBase) giveBase(address(pool), base);
        else giveQuote(address(pool), quote);
        (uint256 received, uint256 paid) = buysBase ? (base, quote) : (quote, base);
        return pool.settleHedge(HedgeTrade(buysBase, received, paid, address(this), wallet(keeper), bounty));
    }

    function test_theReserveIsNeverAboveThePotentialOfWhatIsLeft() public {
        _becomeShort();
        hedge();
        (int256[4] memory netShort, uint256 reserveWad) = pool.inventory();
        PoolParameters memory p = pool.parameters();
        uint256 nav = uint256(pool.lastMark().nav);
        uint256 potential = InventoryPotential.potential(netShort, p.vegaPotential, p.deltaPotential, SPOT, nav);
        assertGt(reserveWad, 0);
        assertLe(reserveWad, potential);
    }

    /// The requirement was made exact before the base came: without a fresh stress the cash would seem to be needed.
    function test_wherePaidCashSeemsNeeded_whatTheBaseIsWorthIsFoundOutFirst() public {
        trade(wallet(alice), call(MONTH, 3000), 1200 * ONE);
        reportAndMark(60, SPOT);
        ledger.stress(poolAccount);
        uint256 free = uint256(int256(ledger.cash(poolAccount)) - ledger.requirement(poolAccount));
        vm.prank(address(pool));
        ledger.withdrawCash(poolAccount, free - 100_000 * USD, address(this));
        assertGt(hedger.plan().amount * 3000 / 1e12, 200_000 * USD);
        hedge();
        assertGe(int256(ledger.cash(poolAccount)), ledger.requirement(poolAccount));
    }

    // ── Price

    function test_aThinPoolFillsAPart_andTheRestWaits() public {
        uniswap.removeLiquidity(DEEP - THIN);
        _becomeShort();
        HedgePlan memory plan = hedger.plan();
        int256 before = netShortDelta();
        hedge();
        assertGt(baseHeld(), 0);
        assertLt(baseHeld(), plan.amount);
        assertEq(netShortDelta(), before - int256(baseHeld() / 1e12));
        _holdsNothing();
        _refusesWith(ISpotHedger.SpotHedger_PriceTooFar.selector);
        uniswap.pushTo(SPOT); // an arbitrageur
        hedge();
        assertLt(netShortDelta(), before - int256(baseHeld() / 1e12) + ONE);
        assertLt(baseHeld(), plan.amount);
    }

    function test_withoutLiquidity_nothingIsDone() public {
        uniswap.removeLiquidity(DEEP);
        _becomeShort();
        vm.expectRevert(abi.encodeWithSelector(ISpotHedger.SpotHedger_TooLittleFilled.selector, 0, 500 * USD));
        hedger.hedge();
    }

    /// 0.1 % with Uniswap's 0.05 % inside: a price 0.05 % up is too far to buy, not to sell.
    function test_theWorstPriceIsHeld() public {
        _becomeShort();
        uniswap.pushTo(3001.51e18);
        _refusesWith(ISpotHedger.SpotHedger_PriceTooFar.selector);
        uniswap.pushTo(3001.45e18);
        hedge();
        uniswap.pushTo(SPOT);
        trade(wallet(alice), call(MONTH, 3000), -90 * ONE);
        reportAndMark(600, SPOT);
        uniswap.pushTo(2998.49e18);
        _refusesWith(ISpotHedger.SpotHedger_PriceTooFar.selector);
        uniswap.pushTo(2998.55e18);
        hedge();
    }

    function test_theMeanHasToAgreeWithTheOracle() public {
        _becomeShort();
        uniswap.pushTo(3035e18); // 1.2 % for a minute
        vm.warp(vm.getBlockTimestamp() + 60);
        uniswap.pushTo(SPOT);
        reportAndMark(1, SPOT);
        _refusesWith(ISpotHedger.SpotHedger_MeanTooFar.selector);
        reportAndMark(30, SPOT); // half of it was half a minute ago
        hedge();
    }

    function test_aPushWithinOneBlockDoesNotMoveTheMean() public {
        _becomeShort();
        uniswap.pushTo(2500e18);
        assertApproxEqRel(hedger.plan().meanWad, SPOT, 1e14);
    }

    function test_givenAPoolWithoutMemory_nothingIsDone() public {
        _becomeShort();
        HedgerParameters memory p = hedgerParameters();
        p.meanSeconds = 1 hours;
        _setParameters(p);
        _refuses(abi.encodeWithSelector(ISpotHedger.SpotHedger_NoMean.selector, 1 hours));
    }

    function _crooked() private returns (CrookedPool crooked) {
        crooked = new CrookedPool(address(baseToken), address(quoteToken));
        giveBase(address(crooked), 1000e18);
        hedger = new SpotHedger(pool, IUniswapV3SwapPool(address(crooked)), hedgerParameters(), address(authority));
        pool.setHedger(address(hedger));
        _becomeShort();
    }

    function test_whoeverSwaps_asksNoMoreThanTheWorstPrice() public {
        CrookedPool crooked = _crooked();
        crooked.set(1002, 1000);
        vm.expectPartialRevert(ISpotHedger.SpotHedger_PriceExceeded.selector);
        hedger.hedge();
        crooked.set(1000, 1);
        vm.expectPartialRevert(ISpotHedger.SpotHedger_TooLittleFilled.selector);
        hedger.hedge();
        crooked.set(1000, 2000); // and pays out no more than was asked for
        vm.expectPartialRevert(ISpotHedger.SpotHedger_Overshot.selector);
        hedger.hedge();
        crooked.set(1000, 1000);
        hedge();
    }

    function test_attack_G3_onlyUniswapCallsBackAndOnlyInAHedge() public {
        CrookedPool crooked = _crooked();
        vm.expectRevert(abi.encodeWithSelector(ISpotHedger.SpotHedger_NotUniswapPool.selector, address(crooked)));
        crooked.callBack(address(hedger), "");
        vm.expectRevert(abi.encodeWithSelector(ISpotHedger.SpotHedger_NotUniswapPool.selector, keeper));
        vm.prank(keeper);
        hedger.uniswapV3SwapCallback(-1, 1, "");
    }

    // ── Refusals

    function test_oldOrDoubtfulDataAreNotHedgedOn() public {
        _becomeShort();
        oracle.setUnconfirmedSpot(3300e18);
        _refuses(abi.encodeWithSelector(ISpotHedger.SpotHedger_Unconfirmed.selector, 3));
        oracle.setUnconfirmedSpot(0);
        vm.warp(vm.getBlockTimestamp() + 30);
        hedger.plan();
        vm.warp(vm.getBlockTimestamp() + 1);
        _refuses(abi.encodeWithSelector(ISpotHedger.SpotHedger_StaleSpot.selector, 31, 30));
        vm.warp(vm.getBlockTimestamp() + 270);
        oracle.setSpot(SPOT);
        _refuses(abi.encodeWithSelector(ISpotHedger.SpotHedger_StaleSurface.selector, 301, 300));
        report(1, SPOT);
        _refuses(abi.encodeWithSelector(ISpotHedger.SpotHedger_NotMarked.selector, 3, 4));
        pool.mark();
        hedge();
    }

    function test_insideTheLedger_nothingIsHedged() public {
        _becomeShort();
        ScriptedMaker maker = new ScriptedMaker();
        fundAccount(maker.account(), 100_000 * USD);
        fundAccount(margin(alice), 100_000 * USD);
        maker.answer(100e6, 0);
        maker.callBack(address(hedger), abi.encodeCall(hedger.hedge, ()));
        IClearinghouse.Swap memory swap = swapOf(margin(alice), address(maker), one(call(MONTH, 3000), ONE));
        vm.prank(alice);
        ledger.trade(swap);
        assertEq(maker.revertData(), abi.encodeWithSelector(ISpotHedger.SpotHedger_LedgerLocked.selector));
    }

    // ── Caps

    function test_aBlockAndAnHourTradeAShareOfNavAtMost() public {
        HedgerParameters memory p = hedgerParameters();
        (p.blockShare, p.hourShare) = (0.01e18, 0.015e18);
        _setParameters(p);
        _becomeShort();
        uint256 nav = uint256(pool.lastMark().nav);
        uint256 left = hedger.notionalLeft();
        assertEq(left, nav / 100);
        hedge();
        assertApproxEqAbs(baseHeld() * 3000 / 1e12, nav / 100, 2);
        _refusesWith(ISpotHedger.SpotHedger_CapReached.selector);
        vm.roll(vm.getBlockNumber() + 1);
        assertApproxEqAbs(hedger.notionalLeft(), nav / 200, 2, "the hour");
        hedge();
        vm.roll(vm.getBlockNumber() + 1);
        _refusesWith(ISpotHedger.SpotHedger_CapReached.selector);
        reportAndMark(20 minutes, SPOT);
        assertApproxEqRel(hedger.notionalLeft(), nav / 200, 1e15, "a third of an hour brings a third back");
        reportAndMark(50 minutes, SPOT);
        assertApproxEqRel(hedger.notionalLeft(), nav / 100, 1e15, "the hour is whole again, the block is not larger");
    }

    function test_twoHedgesOfABlockNeverGoOppositeWays() public {
        _becomeShort();
        hedge();
        trade(wallet(alice), call(MONTH, 3000), -90 * ONE);
        _refuses(abi.encodeWithSelector(ISpotHedger.SpotHedger_Reversed.selector));
        vm.roll(vm.getBlockNumber() + 1);
        hedge();
        trade(wallet(alice), call(MONTH, 3000), 90 * ONE);
        _refuses(abi.encodeWithSelector(ISpotHedger.SpotHedger_Reversed.selector));
    }

    // ── Bounty

    /// ½·γ/NAV·σ²·T·(y² − H²), a tenth of it: 16 cents for a delta of 8 % of NAV.
    function test_theBountyIsAShareOfWhatLessRiskIsWorth() public {
        _becomeShort();
        HedgePlan memory plan = hedger.plan();
        uint256 y = uint256(plan.netShortDelta) * 3000;
        uint256 h = plan.band * 3000;
        uint256 saved = 15 * 36 * (y * y - h * h) / (100 * 8760 * uint256(pool.lastMark().nav));
        uint256 cash = ledger.cash(poolAccount);
        hedge();
        uint256 bounty = ledger.cash(wallet(keeper));
        assertGt(bounty, 0.1e6);
        assertApproxEqAbs(bounty, saved / 10, 2);
        assertEq(bounty, plan.bounty);
        assertGt(cash - ledger.cash(poolAccount), bounty);
        vm.prank(keeper);
        ledger.withdrawCash(wallet(keeper), bounty, keeper);
        assertEq(quoteToken.balanceOf(keeper), bounty);
    }

    function test_theBountyIsCappedByWhatWasTradedAndBySize() public {
        _becomeShort();
        HedgerParameters memory p = hedgerParameters();
        (p.bountyShare, p.aversion) = (0.5e18, 10_000e18);
        _setParameters(p);
        HedgePlan memory plan = hedger.plan();
        assertEq(plan.bounty, 10 * USD, "the most");
        p.maxBounty = 1000 * USD;
        _setParameters(p);
        assertApproxEqAbs(hedger.plan().bounty, plan.amount * 3000 / 1e12 / 10_000, 1, "a basis point of the trade");
    }

    function test_partsOfAHedgeEarnWhatTheWholeDoes() public {
        _becomeShort();
        uint256 whole = hedger.plan().bounty;
        uniswap.removeLiquidity(DEEP - 4e17);
        for (uint256 i = 0; i < 60; ++i) {
            try hedger.plan() {
                hedge();
            } catch {
                break;
            }
            uniswap.pushTo(SPOT);
        }
        assertEq(netShortDelta(), int256(hedgeBand()));
        assertLe(ledger.cash(wallet(keeper)), whole);
        assertApproxEqAbs(ledger.cash(wallet(keeper)), whole, 60);
    }

    function hedgeBand() internal returns (uint256 band) {
        uint256 snapshot = vm.snapshotState();
        trade(wallet(alice), call(MONTH, 3000), 50 * ONE);
        band = hedger.plan().band; // gamma is that of the mark
        vm.revertToState(snapshot);
    }

    /// Whoever turns delta over in options and calls the hedger each time pays more for the former than he earns by the latter,
    /// whatever share of the risk bounties are.
    function testFuzz_turningDeltaOverNeverPays(uint256[8] memory seeds) public {
        HedgerParameters memory p = hedgerParameters();
        (p.bountyShare, p.aversion, p.maxBounty, p.fixedCost) = (0.5e18, 1e24, 1e12, seeds[0] % 2 * 1e12);
        (p.minBand, p.minNotional) = (0, USD);
        _setParameters(p);
        fundAccount(margin(bob), 5_000_000 * USD);
        int256 paid;
        int256 held;
        for (uint256 i = 0; i < 8; ++i) {
            int128 size = int128(int256(ONE / 10 + int256(seeds[i] >> 8) % (60 * ONE)));
            if (seeds[i] >> 1 & 1 == 0) size = -size;
            if (i == 7) size = int128(-held);
            if (size == 0) continue;
            paid += trade(margin(bob), call(MONTH, 3000), size);
            held += size;
            vm.roll(vm.getBlockNumber() + 1);
            vm.prank(bob);
            try hedger.hedge() {} catch {}
        }
        assertGt(paid, int256(ledger.cash(wallet(bob))));
    }

    function test_aHedgerThatMayCostMoreThanQuotesChargeIsRefused() public {
        HedgerParameters memory p = hedgerParameters();
        p.maxCost = 0.00101e18;
        vm.expectRevert(abi.encodeWithSelector(ISpotHedger.SpotHedger_CostAboveSpread.selector, 0.00111e18, 0.0011e18));
        _setParameters(p);
    }

    // ── Who may what

    function test_onlyTheHedgerExchangesThePoolsProperty() public {
        HedgeTrade memory theft = HedgeTrade(true, 0, 1_000_000 * USD, alice, wallet(alice), 0);
        vm.expectRevert(abi.encodeWithSelector(IOptionPool.OptionPool_NotHedger.selector, alice));
        vm.prank(alice);
        pool.settleHedge(theft);
        OptionPool fresh = new OptionPool(
            IClearinghouse(address(ledger)), oracle, address(shares), MARKET, defaultParameters(), address(authority)
        );
        assertEq(fresh.hedger(), address(0), "nobody at first");
    }

    function test_onlyGovernanceNamesTheHedgerAndItsParameters() public {
        HedgerParameters memory p = hedgerParameters();
        bytes memory refusal = abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, alice);
        vm.startPrank(alice);
        vm.expectRevert(refusal);
        pool.setHedger(alice);
        vm.expectRevert(refusal);
        hedger.setParameters(p);
    }

    /// The pool does not take its hedger's word for a price: a twentieth of the worth at spot is the most it gives up.
    function test_noHedgerCostsMoreThanATwentieth() public {
        _becomeShort();
        _exchange(true, 10e18, 31_490 * USD, 0);
        vm.expectPartialRevert(IOptionPool.OptionPool_HedgeTooDear.selector);
        this.exchange(true, 10e18, 31_510 * USD, 0);
        vm.expectPartialRevert(IOptionPool.OptionPool_HedgeTooDear.selector);
        this.exchange(true, 10e18, 31_490 * USD, 20 * USD);
        _exchange(false, 5e18, 14_260 * USD, 0);
        vm.expectPartialRevert(IOptionPool.OptionPool_HedgeTooDear.selector);
        this.exchange(false, 5e18, 14_240 * USD, 0);
    }

    function exchange(bool buysBase, uint256 base, uint256 quote, uint256 bounty) external {
        _exchange(buysBase, base, quote, bounty);
    }

    function test_aBaseCapStopsTheBuying() public {
        _becomeShort();
        bytes memory capped = abi.encodeWithSelector(IClearinghouse.Clearinghouse_BaseCapExceeded.selector, 1, 0);
        vm.mockCallRevert(address(ledger), abi.encodeWithSelector(ledger.depositBase.selector), capped);
        vm.expectRevert(capped);
        hedger.hedge();
    }

    /// Tokens that somebody sent to the pool's contract are nobody's, and stand in nobody's way.
    function test_giftsDoNotStandInTheWay() public {
        _becomeShort();
        giveBase(address(pool), 100e18);
        giveQuote(address(pool), 5_000_000 * USD);
        giveBase(address(hedger), 100e18);
        HedgePlan memory plan = hedger.plan();
        hedge();
        assertEq(netShortDelta(), int256(plan.band));
        assertEq(baseHeld(), plan.amount);
    }

    function test_thePoolHasToBeOfTheseTokens() public {
        UniswapFixture other = new UniswapFixture(new LocalToken("A", "A", 18), new LocalToken("B", "B", 6), SPOT, 0);
        IUniswapV3SwapPool wrong = other.pool();
        HedgerParameters memory p = hedgerParameters();
        vm.expectRevert(abi.encodeWithSelector(ISpotHedger.SpotHedger_WrongPool.selector, wrong));
        new SpotHedger(pool, wrong, p, address(authority));
    }

    function test_attack_G4_everyParameterOfAHedgerHasABound() public {
        uint256[17] memory beyond = [
            uint256(1e24 + 1), // γ
            10e18 + 1, // σ
            0.05e18 + 1, // least band: above the largest
            1e18 + 1,
            0.03e18 + 1, // worst cost
            0.5e18 + 1, // distance of the mean
            1e18 + 1, // block above hour
            10e18 + 1,
            0.5e18 + 1, // share and rate of the bounty
            0.01e18 + 1,
            0, // largest bounty and fixed cost: any
            0,
            uint256(type(uint96).max) + 1,
            30 days + 1,
            1 hours + 1,
            1 hours + 1,
            1 days + 1
        ];
        for (uint256 i = 0; i < 17; ++i) {
            if (beyond[i] != 0) _refusesParameter(i, beyond[i]);
        }
        _refusesParameter(0, 0);
        _refusesParameter(4, 0.0005e18); // no more than Uniswap's fee
        _refusesParameter(5, 0);
        _refusesParameter(6, 0);
        _refusesParameter(12, USD - 1);
        _refusesParameter(14, 0);
    }

    function _refusesParameter(uint256 word, uint256 value) private {
        bytes memory encoded = abi.encode(hedger.parameters());
        assembly ("memory-safe") {
            mstore(add(encoded, mul(add(word, 1), 32)), value)
        }
        vm.expectRevert(ISpotHedger.SpotHedger_InvalidParameters.selector);
        hedger.setParameters(abi.decode(encoded, (HedgerParameters)));
    }

    // ── Whatever the book and the market

    /// @dev Random books, liquidity, prices: a hedge brings the delta nearer and never across zero, costs at most what it may, leaves no
    /// token anywhere, and what follows in the same direction only goes on.
    function testFuzz_attack_B2_hedgeOnlyEverBringsTheDeltaNearer(
        uint256[4] memory seeds,
        uint256 gift,
        uint256 liquidity,
        uint256 push,
        bool toZero
    ) public {
        fundAccount(margin(bob), 5_000_000 * USD);
        for (uint256 i = 0; i < 4; ++i) {
            uint256 strike = 2700 + 50 * (seeds[i] % 13);
            int128 size = int128(int256(ONE + int256(seeds[i] >> 16) % (150 * ONE)));
            if ((seeds[i] >> 8) % 2 == 0) size = -size;
            bool isPut = (seeds[i] >> 9) % 2 == 0;
            try this.tradeAs(isPut ? put(MONTH, strike) : call(MONTH, strike), size) {} catch {}
        }
        vm.prank(bob);
        ledger.depositBase(poolAccount, MARKET, 1 + gift % 50e18);
        uniswap.removeLiquidity(DEEP);
        uniswap.addLiquidity(uint128(1e15 + liquidity % 1e18));
        if (toZero) {
            HedgerParameters memory p = hedgerParameters();
            p.fixedCost = 1e12;
            _setParameters(p);
        }
        reportAndMark(60, SPOT);
        uniswap.pushTo(SPOT * (9995 + push % 11) / 10_000);
        for (uint256 i = 0; i < 3; ++i) {
            if (!_hedgeAndCheck()) break;
            vm.roll(vm.getBlockNumber() + 1);
        }
    }

    function tradeAs(OptionId option, int128 size) external {
        trade(margin(bob), option, size);
    }

    function _hedgeAndCheck() private returns (bool) {
        int256 before = netShortDelta();
        (uint256 cash, uint256 base, uint256 earned) =
            (ledger.cash(poolAccount), baseHeld(), ledger.cash(wallet(keeper)));
        HedgePlan memory plan;
        try hedger.plan() returns (HedgePlan memory plan_) {
            plan = plan_;
        } catch {
            return false;
        }
        vm.prank(keeper);
        try hedger.hedge() {}
        catch (bytes memory reason) {
            assertEq(bytes4(reason), ISpotHedger.SpotHedger_TooLittleFilled.selector);
            return false;
        }
        int256 later = netShortDelta();
        if (before > 0) assertTrue(later < before && later >= int256(plan.target), "bought past the target");
        else assertTrue(later > before && later <= -int256(plan.target), "sold past the target");
        uint256 traded = plan.buysBase ? baseHeld() - base : base - baseHeld();
        assertLe(traded, plan.amount);
        int256 worth = int256(traded * 3000 / 1e12);
        int256 gained = int256(ledger.cash(poolAccount)) - int256(cash) + (plan.buysBase ? worth : -worth);
        uint256 bounty = ledger.cash(wallet(keeper)) - earned;
        assertGe(gained, -worth / 1000 - int256(bounty) - 4, "dearer than the worst price");
        assertLe(bounty, uint256(worth) / 10_000);
        _holdsNothing();
        return true;
    }
}
