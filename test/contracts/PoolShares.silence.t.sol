// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IClearinghouse} from "../../pool-contracts/interfaces/IClearinghouse.sol";
import {IPoolShares, RequestStatus} from "../../pool-contracts/interfaces/IPoolShares.sol";
import {SharesTest} from "./shares/SharesTest.sol";
import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";

/// @dev No report comes for six hours, or the pool ends. Ann and ben own 1,000 shares each, a share is worth a token.
contract PoolSharesSilenceTest is SharesTest {
    uint256 internal constant SHARE = 1e18;
    uint256 internal constant GRACE = 6 hours;

    function setUp() public {
        deploy(6);
        depositNow(ann, 1000e6);
        depositNow(ben, 1000e6);
    }

    // ───── Deposits ─────

    function test_Silence_ADepositGoesBackOnceNoReportOfItsGraceTimeCanCome() public {
        uint256 id = requestDeposit(thief, 1000e6);
        skip(60 + GRACE + 30);
        assertEq(shares.pendingDepositRequest(id, thief), 1000e6);
        assertEq(shares.claimableCancelDepositRequest(id, thief), 0);
        skip(1);
        assertEq(shares.pendingDepositRequest(id, thief), 0);
        vm.prank(ann);
        (, uint256 back) = shares.claimFor(thief);
        assertEq(back, 1000e6, "whoever calls");
        assertEq(escrow(), 0);
        pool.mark(uint40(vm.getBlockTimestamp()));
        assertEq(shares.totalSupply(), 2000 * SHARE);
        assertGt(depositNow(thief, 1000e6), 0, "welcome again");
    }

    /// @dev Else who sees both the report and the market could choose.
    function test_Silence_WhereAReportOfTheGraceTimeWaitsForItsMarkTheDepositIsPriced() public {
        uint256 id = requestDeposit(thief, 1000e6);
        uint40 last = uint40(vm.getBlockTimestamp() + 60 + GRACE);
        skip(60 + GRACE + 31);
        pool.report(last);
        assertEq(shares.claimableCancelDepositRequest(id, thief), 0);
        pool.mark(last);
        assertEq(shares.maxDeposit(thief), 1000e6);
    }

    function test_Silence_AReportAfterTheGraceTimePricesNoDeposit() public {
        uint256 id = requestDeposit(thief, 1000e6);
        skip(60 + GRACE + 1);
        pool.report(uint40(vm.getBlockTimestamp()));
        assertEq(shares.claimableCancelDepositRequest(id, thief), 0, "not before the mark, or half a minute later");
        pool.mark(uint40(vm.getBlockTimestamp()));
        assertEq(shares.maxDeposit(thief), 0);
        assertEq(shares.claimableCancelDepositRequest(id, thief), 1000e6);
        vm.prank(thief);
        shares.claimCancelDepositRequest(id, ben, thief);
        assertEq(token.balanceOf(ben), 1000e6);
    }

    function testFuzz_attack_H9_whatBecomesOfADepositIsDecidedByTheReportsTimeAlone(uint256 reported, uint256 late)
        public
    {
        uint256 start = vm.getBlockTimestamp();
        requestDeposit(thief, 1000e6);
        reported = bound(reported, 1, 2 * GRACE);
        late = bound(late, 0, 30);
        vm.warp(start + reported + late);
        bool tookBack = statusOf(thief, false).back != 0;
        pool.mark(uint40(start + reported));
        RequestStatus memory status = statusOf(thief, false);
        if (tookBack) assertEq(status.back, 1000e6, "for ever");
        assertEq(status.claimableAssets, reported >= 60 && reported <= 60 + GRACE ? 1000e6 : 0);
        if (reported > 60 + GRACE) assertEq(status.back, 1000e6);
    }

    // ───── Advances ─────

    function test_Advance_IsRefusedBeforeTheGraceTimeIsOver() public {
        requestRedeem(ann, 500 * SHARE);
        uint256 last = vm.getBlockTimestamp();
        vm.warp(last + GRACE - 1);
        vm.expectRevert(abi.encodeWithSelector(IPoolShares.PoolShares_NotSilent.selector, last + GRACE));
        shares.advance();
        pool.report(uint40(last + 1));
        vm.warp(last + GRACE);
        vm.expectRevert(abi.encodeWithSelector(IPoolShares.PoolShares_NotSilent.selector, last + 1 + GRACE));
        shares.advance();
    }

    /// @dev The worst scenario leaves 1,200 of 2,000; reserve and unwinding take 200.
    function test_Advance_PaysEverybodyHisPartOfTheWorstScenario() public {
        pool.setBook(0, 80e6, 0, 120e6);
        markLater();
        requestRedeem(ann, 500 * SHARE);
        requestRedeem(ben, 250 * SHARE);
        skip(60 + GRACE);
        worstIs(1200e6);
        vm.expectEmit(address(shares));
        emit IPoolShares.RedemptionAdvanced(3, 375e6 - 1);
        vm.prank(thief);
        assertEq(shares.advance(), 375e6 - 1);
        assertApproxEqAbs(shares.maxWithdraw(ann), 250e6, 1);
        assertEq(shares.maxRedeem(ann), 0, "no share is paid for yet");
        assertEq(statusOf(ann, true).pending, 500 * SHARE);
        (, uint256 annsMoney) = shares.claimFor(ann);
        assertApproxEqAbs(annsMoney, 250e6, 1);
        assertEq(shares.totalSupply(), 2000 * SHARE);
        vm.expectRevert(IPoolShares.PoolShares_NothingToAdvance.selector);
        shares.advance();
    }

    /// @dev The advance is part of the next mark's price: all in all ann is paid as if she had waited, and ben has lost nothing.
    function test_Advance_CountsAtTheNextMarkForWhatItIsWorthThere() public {
        requestRedeem(ann, 500 * SHARE);
        skip(60 + GRACE);
        worstIs(1200e6);
        shares.advance(); // 300
        shares.claimFor(ann);
        pool.setBook(-200e6, 0, 0, 0); // all shares together are worth 1,800, a share 0.9
        vm.expectEmit(true, true, true, false, address(shares));
        emit IPoolShares.AdvanceSettled(3, 3, 0, 0);
        pool.mark(uint40(vm.getBlockTimestamp()));
        shares.claimFor(ann);
        assertApproxEqAbs(token.balanceOf(ann), 450e6, 2);
        assertEq(idOf(ann, true), 0);
        assertApproxEqAbs(shares.totalSupply(), 1500 * SHARE, 1e13);
        assertApproxEqAbs(shares.totalAssets(), 1350e6, 2, "and ben's shares are worth 0.9 each");
    }

    /// @dev What cannot be paid at that mark waits on, and is priced when it is paid.
    function test_Advance_WhatIsLeftWaitsOn() public {
        requestRedeem(ann, 1000 * SHARE);
        skip(60 + GRACE);
        worstIs(1200e6);
        shares.advance(); // 600
        pool.setPayable(0);
        pool.mark(uint40(vm.getBlockTimestamp()));
        assertApproxEqAbs(statusOf(ann, true).pending, 400 * SHARE, 1e13);
        pool.setPayable(type(uint256).max);
        pool.setBook(-700e6, 0, 0, 0); // 700 are left for 1,400 shares
        markLater();
        assertApproxEqAbs(shares.maxWithdraw(ann), 600e6 + 200e6, 2);
        assertEq(statusOf(ann, true).pending, 0);
    }

    /// @dev A part was advanced, at more than a share is worth in the end: it counts for more shares than it was thought to.
    function test_Advance_CountsAtALowerPriceForMoreOfTheSharesThatWait() public {
        requestRedeem(ann, 1000 * SHARE);
        skip(60 + GRACE);
        worstIs(1200e6);
        pool.setPayable(300e6);
        shares.advance(); // 300 of 600
        pool.setPayable(0);
        pool.setBook(-1200e6, 0, 0, 0); // with the advance all shares together are worth 800, a share 0.4
        pool.mark(uint40(vm.getBlockTimestamp()));
        assertApproxEqAbs(statusOf(ann, true).pending, 250 * SHARE, 1e13, "750 are gone, not 500");
        assertApproxEqAbs(shares.totalAssets(), 500e6, 1, "0.4 for each of 1,250");
    }

    /// @dev Below its worst scenario the pool is worth a fifth. Ann keeps 0.6 a share, those who stay have what is left.
    function test_Advance_BeyondTheWorstScenarioThoseWhoStayBearTheDifference() public {
        requestRedeem(ann, 500 * SHARE);
        skip(60 + GRACE);
        worstIs(1200e6);
        shares.advance();
        pool.setBook(-1550e6, 0, 0, 0); // 150 are left, for 1,500 shares
        requestRedeem(ben, 1000 * SHARE);
        pool.mark(uint40(vm.getBlockTimestamp()));
        assertApproxEqAbs(shares.maxWithdraw(ann), 300e6, 1);
        assertEq(statusOf(ann, true).pending, 0, "nothing more is due");
        markLater();
        assertApproxEqAbs(shares.maxWithdraw(ben), 100e6, 2, "a tenth a share");
    }

    function test_Advance_ComesAsFarAsThePoolIsLiquidAndOlderEpochsFirst() public {
        requestRedeem(ann, 500 * SHARE);
        skip(60);
        requestRedeem(ben, 500 * SHARE);
        skip(60 + GRACE);
        worstIs(1200e6);
        pool.setPayable(400e6);
        assertEq(shares.advance(), 400e6);
        assertApproxEqAbs(shares.maxWithdraw(ann), 300e6, 1);
        assertApproxEqAbs(shares.maxWithdraw(ben), 100e6, 1);
        worstIs(800e6);
        assertApproxEqAbs(shares.advance(), 200e6, 2, "the rest, at the same price");
        assertApproxEqAbs(shares.maxWithdraw(ben), 300e6, 2);
        vm.expectRevert(IPoolShares.PoolShares_NothingToAdvance.selector);
        shares.advance();
    }

    function test_Advance_StopsWhereTheRestOfThePoolIsWorthLessAShare() public {
        requestRedeem(ann, 500 * SHARE);
        requestRedeem(ben, 500 * SHARE);
        skip(60 + GRACE);
        worstIs(1200e6);
        pool.setPayable(300e6);
        shares.advance(); // for 500 shares; 1,500 are left
        worstIs(900e6 - 1);
        vm.expectRevert(IPoolShares.PoolShares_NothingToAdvance.selector);
        shares.advance();
        worstIs(901e6);
        assertEq(shares.advance(), 300e6 - 1);
    }

    function test_Advance_OfNothingWhereTheWorstScenarioLeavesNothing() public {
        requestRedeem(ann, 500 * SHARE);
        skip(60 + GRACE);
        worstIs(-1);
        vm.expectRevert(IPoolShares.PoolShares_NothingToAdvance.selector);
        shares.advance();
    }

    /// @dev Who asks when it is silent already has not waited.
    function test_Advance_OnlyForThoseWhoHaveWaitedAsLong() public {
        skip(GRACE);
        requestRedeem(ann, 500 * SHARE);
        skip(GRACE);
        vm.expectRevert(IPoolShares.PoolShares_NothingToAdvance.selector);
        shares.advance();
        skip(60);
        assertGt(shares.advance(), 0);
    }

    function test_Advance_NotForThoseWhoHaveCanceled() public {
        requestRedeem(ann, 500 * SHARE);
        requestRedeem(ben, 500 * SHARE);
        pool.setPayable(0);
        markLater();
        uint256 id = idOf(ann, true);
        vm.prank(ann);
        shares.cancelRedeemRequest(id, ann);
        markLater();
        skip(GRACE);
        pool.setPayable(type(uint256).max);
        assertApproxEqAbs(shares.advance(), 500e6, 1);
        assertEq(shares.maxWithdraw(ann), 0);
        shares.claimFor(ann);
        assertEq(shares.balanceOf(ann), 1000 * SHARE);
    }

    /// @dev Whatever the worst scenario said and the next mark says: never more than that mark's price, or than the advance alone;
    /// and who stays has at least what he had without the advance, if that was not more than the price.
    function test_Fuzz_AnAdvanceBringsNoMoreThanTheNextMarkAndTakesNothingFromOthers(
        uint256 part,
        uint256 worst,
        uint256 liquid,
        uint256 nav,
        uint256 charge,
        bool claims
    ) public {
        part = bound(part, 1e15, 1000 * SHARE);
        worst = bound(worst, 1e6, 2000e6);
        nav = bound(nav, 1e6, 4000e6);
        charge = bound(charge, 0, nav / 4);
        requestRedeem(ann, part);
        skip(60 + GRACE);
        worstIs(int256(worst));
        pool.setPayable(bound(liquid, 1, 2000e6));
        uint256 advanced;
        try shares.advance() returns (uint256 assets) {
            advanced = assets;
        } catch {
            return; // too little to count in units
        }
        if (claims) shares.claimFor(ann);
        pool.setPayable(type(uint256).max);
        // What the pool would be worth had nothing been advanced.
        pool.setBook(int256(nav) - 2000e6, charge / 2, 0, charge - charge / 2);
        pool.setPayable(type(uint256).max);
        uint256 exitValue = nav - charge;
        // The book's cash pays: what it lacks comes from outside.
        if (int256(pool.cash()) < int256(exitValue)) topUp();
        pool.mark(uint40(vm.getBlockTimestamp()));
        shares.claimFor(ann);
        uint256 fair = part * exitValue / (2000 * SHARE + 1e12);
        uint256 got = token.balanceOf(ann);
        assertGe(got + 3, fair, "no less than the mark's price");
        if (advanced > fair) {
            assertEq(got, advanced, "more was advanced, and no more is due");
            return;
        }
        assertLe(got, fair + 1, "and no more");
        uint256 left = uint256(pool.nav()) - charge;
        uint256 counted = shares.totalSupply() + 1e12;
        assertGe((left + 1) * (2000 * SHARE + 1e12), exitValue * counted, "those who stay");
    }

    /// @dev The worst scenario's value a share of those who stay never falls by an advance.
    function test_Fuzz_AnAdvanceNeverLowersTheWorstOfThoseWhoStay(uint256 part, uint256 worst, uint256 liquid) public {
        part = bound(part, 1e15, 1000 * SHARE);
        worst = bound(worst, 1e6, 2000e6);
        requestRedeem(ann, part);
        skip(60 + GRACE);
        worstIs(int256(worst));
        pool.setPayable(bound(liquid, 0, 2000e6));
        uint256 advanced;
        try shares.advance() returns (uint256 assets) {
            advanced = assets;
        } catch {}
        uint256 counted = 2000 * SHARE + 1e12;
        assertGe((worst - advanced) * counted, worst * (counted - part));
    }

    // ───── The end ─────

    function test_WindDown_OnlyByThePoolsAuthority() public {
        vm.prank(thief);
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, thief));
        shares.windDown();
        vm.expectEmit(address(shares));
        emit IPoolShares.WindDownStarted();
        shares.windDown();
        assertTrue(shares.isWindingDown());
        assertEq(shares.authority(), pool.authority());
    }

    function test_WindDown_SendsWaitingDepositsBackAndTakesNone() public {
        uint256 id = requestDeposit(thief, 1000e6);
        shares.windDown();
        assertEq(shares.claimableCancelDepositRequest(id, thief), 1000e6);
        markLater();
        assertEq(shares.maxDeposit(thief), 0);
        (, uint256 back) = shares.claimFor(thief);
        assertEq(back, 1000e6);
        fundUp(thief, 1000e6);
        vm.prank(thief);
        vm.expectRevert(IPoolShares.PoolShares_WindingDown.selector);
        shares.requestDeposit(1000e6, thief, thief);
    }

    function test_WindDown_PricedDepositsStayClaimable() public {
        requestDeposit(thief, 1000e6);
        markLater();
        shares.windDown();
        (uint256 got,) = shares.claimFor(thief);
        assertApproxEqAbs(got, 1000 * SHARE, 1e13);
    }

    /// @dev In order and pro rata, as money comes; the last takes what is left to the unit.
    function test_WindDown_TheLastRedemptionEmptiesThePool() public {
        depositNow(thief, 777e6);
        shares.windDown();
        requestRedeem(ann, 1000 * SHARE);
        pool.setBook(333e6, 0, 0, 50e6);
        pool.setPayable(600e6);
        markLater();
        uint256 thiefs = shares.balanceOf(thief);
        requestRedeem(ben, 1000 * SHARE);
        requestRedeem(thief, thiefs);
        markLater();
        assertEq(statusOf(ann, true).pending, 0);
        pool.setBook(0, 0, 0, 0); // the last option has expired
        pay(333e6);
        pool.setPayable(type(uint256).max);
        markLater();
        assertEq(pool.cash(), 0);
        assertEq(shares.totalSupply(), 0);
        for (uint256 i = 0; i < 3; ++i) {
            shares.claimFor([ann, ben, thief][i]);
        }
        assertLe(payouts(), 2);
        markLater();
    }

    // ───── Helpers ─────

    function worstIs(int256 worst) private {
        bytes memory asked = abi.encodeWithSelector(IClearinghouse.health.selector);
        vm.mockCall(address(ledger), asked, abi.encode(worst, worst));
    }

    /// @dev Cash in place of book value that cannot be paid out.
    function topUp() private {
        int256 value = pool.bookValue();
        pool.setBook(0, pool.reserve(), pool.freshReserve(), pool.unwind());
        if (value > 0) pay(uint256(value));
        if (value < 0) pool.lose(uint256(-value));
    }
}
