// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IPoolShares, RequestStatus} from "../../pool-contracts/interfaces/IPoolShares.sol";
import {SharesTest} from "./shares/SharesTest.sol";

/// @dev Bounds on the charge, and cancelations. Ann and ben own 1,000 shares each, a share is worth a token.
contract PoolSharesRequestsTest is SharesTest {
    uint256 internal constant SHARE = 1e18;

    function setUp() public {
        deploy(6);
        depositNow(ann, 1000e6);
        depositNow(ben, 1000e6);
    }

    // ───── Bounds ─────

    function test_Bound_IsTheLargestThatIsNotAboveWhatWasNamed() public {
        uint256[8] memory named =
            [uint256(0.001e18), 0.0049e18, 0.005e18, 0.0199e18, 0.02e18, 0.5e18, 1e18 - 1, type(uint256).max];
        uint256[8] memory holds =
            [uint256(0.001e18), 0.002e18, 0.005e18, 0.01e18, 0.02e18, 0.1e18, 0.1e18, type(uint256).max];
        for (uint256 i = 0; i < 8; ++i) {
            requestDeposit(vm.addr(i + 1), 1000e6, named[i]);
            assertEq(statusOf(vm.addr(i + 1), false).maxCharge, holds[i]);
        }
    }

    function test_Bound_BelowATenthOfAPercentIsRefused() public {
        fundUp(thief, 1000e6);
        vm.prank(thief);
        vm.expectRevert(abi.encodeWithSelector(IPoolShares.PoolShares_ChargeTooTight.selector, 0.001e18 - 1, 0.001e18));
        shares.requestDeposit(1000e6, thief, thief, 0.001e18 - 1);
    }

    function test_Bound_IsSaidInAnEvent() public {
        vm.expectEmit(address(shares));
        emit IPoolShares.ChargeBounded(ann, 7, 0.01e18);
        vm.prank(ann);
        shares.requestRedeem(SHARE, ann, ann, 0.013e18);
    }

    function test_Bound_RequestsOfOneMinuteNeedTheSameToJoin() public {
        uint256 id = requestDeposit(thief, 1000e6, 0.01e18);
        assertEq(requestDeposit(thief, 500e6, 0.011e18), id);
        assertEq(statusOf(thief, false).amount, 1500e6);
        fundUp(thief, 1000e6);
        vm.prank(thief);
        vm.expectRevert(abi.encodeWithSelector(IPoolShares.PoolShares_RequestOpen.selector, id));
        shares.requestDeposit(1000e6, thief, thief);
    }

    /// @dev Leaving costs 2 % of mid. Exactly the bound is accepted.
    function test_Bound_OfARedemptionIsAgainstMid() public {
        pool.setBook(0, 10e6, 0, 30e6);
        requestRedeem(ann, 500 * SHARE, 0.02e18);
        uint256 id = requestRedeem(ben, 500 * SHARE, 0.01e18);
        skip(60);
        vm.expectEmit(address(shares));
        emit IPoolShares.SentBack(id, 4, 500 * SHARE);
        pool.mark(uint40(vm.getBlockTimestamp()));
        assertApproxEqAbs(shares.maxWithdraw(ann), 490e6, 1);
        assertEq(shares.maxWithdraw(ben), 0);
        assertEq(shares.pendingRedeemRequest(id, ben), 0);
        assertEq(shares.claimableCancelRedeemRequest(id, ben), 500 * SHARE);
        assertEq(shares.totalSupply(), 1500 * SHARE);

        vm.expectEmit(address(shares));
        emit IPoolShares.CancelRedeemClaim(ben, thief, id, ben, 500 * SHARE);
        vm.prank(ben);
        assertEq(shares.claimCancelRedeemRequest(id, thief, ben), 500 * SHARE);
        assertEq(shares.balanceOf(thief), 500 * SHARE);
        assertEq(idOf(ben, true), 0, "forgotten");
    }

    /// @dev Of what a deposit pays, 1,960 a share in all, an exit at the same mark would bring 1,940: 1.02 %.
    function test_Bound_OfADepositIsAgainstWhatAnExitAtTheMarkPays() public {
        pool.setBook(0, 50e6, 40e6, 10e6);
        uint256 supply = shares.totalSupply() + 1e12;
        requestDeposit(thief, 980e6, 0.02e18);
        uint256 id = requestDeposit(makeAddr("tight"), 980e6, 0.01e18);
        markLater();
        assertEq(shares.maxMint(thief), 980e6 * supply / (1960e6 + 1));
        assertEq(shares.claimableCancelDepositRequest(id, makeAddr("tight")), 980e6);
        shares.claimFor(makeAddr("tight"));
        assertEq(token.balanceOf(makeAddr("tight")), 980e6);
        assertEq(escrow(), 0);
    }

    function test_Bound_HoldsInAnEmptyPool() public {
        deploy(6);
        requestDeposit(ann, 1000e6, 0.001e18);
        markLater();
        assertEq(shares.maxMint(ann), 1000 * SHARE);
    }

    /// @dev Paid a quarter at no charge; then leaving costs 10 %: what is left of ann's goes back, ben's is paid.
    function test_Bound_SendsBackWhatIsLeftOfAPartlyPaidRedemption() public {
        uint256 id = requestRedeem(ann, 800 * SHARE, 0.05e18);
        requestRedeem(ben, 400 * SHARE, 1e18);
        pool.setPayable(300e6);
        markLater();
        assertApproxEqAbs(shares.maxWithdraw(ann), 200e6, 1);
        pool.setBook(0, 0, 0, uint256(pool.nav()) / 10);
        pool.setPayable(type(uint256).max);
        markLater();
        RequestStatus memory status = statusOf(ann, true);
        assertApproxEqAbs(status.claimableAssets, 200e6, 1);
        assertApproxEqAbs(status.back, 600 * SHARE, 1e13);
        assertEq(status.pending, 0);
        assertApproxEqAbs(shares.maxWithdraw(ben), 100e6 + 270e6, 2);
        assertEq(statusOf(ben, true).pending, 0);

        shares.claimFor(ann);
        shares.claimFor(ben);
        assertApproxEqAbs(token.balanceOf(ann), 200e6, 1);
        assertApproxEqAbs(shares.balanceOf(ann), 800 * SHARE, 1e13);
        assertEq(shares.balanceOf(address(shares)), 0, "rounding keeps no share");
        assertEq(idOf(ann, true), 0);
        id;
    }

    function test_Bound_IsNotLookedAtWhereNothingCanBePaid() public {
        uint256 id = requestRedeem(ann, 800 * SHARE, 0.01e18);
        pool.setBook(0, 0, 0, 200e6);
        pool.setPayable(0);
        markLater();
        assertEq(shares.pendingRedeemRequest(id, ann), 800 * SHARE, "waits");
        pool.setBook(0, 0, 0, 0);
        pool.setPayable(type(uint256).max);
        markLater();
        assertEq(shares.claimableRedeemRequest(id, ann), 800 * SHARE);
    }

    // ───── Canceling before the cut-off ─────

    function test_Cancel_BeforeTheCutOffTakesADepositOutAtOnce() public {
        uint256 id = requestDeposit(thief, 1000e6);
        requestDeposit(makeAddr("other"), 500e6);
        skip(59);
        vm.expectEmit(address(shares));
        emit IPoolShares.CancelDepositRequest(thief, id, thief);
        vm.expectEmit(address(shares));
        emit IPoolShares.SentBack(id, 0, 1000e6);
        vm.prank(thief);
        shares.cancelDepositRequest(id, thief);
        assertEq(shares.pendingDepositRequest(id, thief), 0);
        assertFalse(shares.pendingCancelDepositRequest(id, thief));
        assertEq(shares.claimableCancelDepositRequest(id, thief), 1000e6);
        skip(1);
        pool.mark(uint40(vm.getBlockTimestamp()));
        assertEq(shares.maxMint(thief), 0);
        assertEq(escrow(), 1000e6);
        vm.prank(thief);
        assertEq(shares.claimCancelDepositRequest(id, thief, thief), 1000e6);
        assertEq(token.balanceOf(thief), 1000e6);
        assertEq(escrow(), 0);
        assertEq(idOf(thief, false), 0);
    }

    function test_Cancel_BeforeTheCutOffTakesARedemptionWithABoundOutAtOnce() public {
        uint256 id = requestRedeem(ann, 400 * SHARE, 0.01e18);
        requestRedeem(ben, 400 * SHARE, 0.01e18);
        vm.prank(ann);
        shares.cancelRedeemRequest(id, ann);
        pool.setBook(0, 0, 0, 200e6);
        markLater();
        assertEq(statusOf(ben, true).back, 400 * SHARE);
        shares.claimFor(ann);
        shares.claimFor(ben);
        assertEq(shares.balanceOf(ann), 1000 * SHARE);
        assertEq(shares.balanceOf(ben), 1000 * SHARE);
    }

    function test_Cancel_OnlyByTheControllerOrItsOperatorAndOnlyWhatIsThere() public {
        uint256 id = requestRedeem(ann, 400 * SHARE);
        vm.prank(thief);
        vm.expectRevert(abi.encodeWithSelector(IPoolShares.PoolShares_NotAuthorized.selector, ann, thief));
        shares.cancelRedeemRequest(id, ann);
        vm.startPrank(ann);
        bytes4 noRequest = IPoolShares.PoolShares_NoRequest.selector;
        vm.expectRevert(abi.encodeWithSelector(noRequest, id + 2, ann));
        shares.cancelRedeemRequest(id + 2, ann);
        vm.expectRevert(abi.encodeWithSelector(noRequest, id, ann));
        shares.cancelDepositRequest(id, ann);
        vm.expectRevert(abi.encodeWithSelector(noRequest, 0, ann));
        shares.cancelDepositRequest(0, ann);
        shares.cancelRedeemRequest(id, ann);
        bytes4 nothing = IPoolShares.PoolShares_NothingToCancel.selector;
        vm.expectRevert(abi.encodeWithSelector(nothing, id));
        shares.cancelRedeemRequest(id, ann);
        vm.expectRevert(abi.encodeWithSelector(IPoolShares.PoolShares_RequestOpen.selector, id));
        shares.requestRedeem(SHARE, ann, ann);
        shares.claimCancelRedeemRequest(id, ann, ann);
        vm.expectRevert(abi.encodeWithSelector(noRequest, id, ann));
        shares.claimCancelRedeemRequest(id, ann, ann);
        vm.stopPrank();

        id = requestRedeem(ann, 400 * SHARE);
        vm.prank(ann);
        vm.expectRevert(IPoolShares.PoolShares_ZeroClaim.selector);
        shares.claimCancelRedeemRequest(id, ann, ann);
        markLater();
        vm.prank(ann);
        vm.expectRevert(abi.encodeWithSelector(nothing, id));
        shares.cancelRedeemRequest(id, ann);
    }

    // ───── Canceling after the cut-off ─────

    /// @dev The report of the cut-off may be known when the cancelation is sent.
    function test_attack_B22_cancelAfterTheCutOffDoesNotEscapeAReportThatMayBeKnown() public {
        uint256 start = vm.getBlockTimestamp();
        uint256 id = requestDeposit(thief, 1000e6);
        skip(70);
        vm.prank(thief);
        shares.cancelDepositRequest(id, thief);
        assertTrue(shares.pendingCancelDepositRequest(id, thief));
        pool.mark(uint40(start + 119)); // the cancelation's cut-off is 120
        assertEq(shares.maxDeposit(thief), 1000e6, "priced");
        assertFalse(shares.pendingCancelDepositRequest(id, thief));
        assertEq(shares.claimableCancelDepositRequest(id, thief), 0);
        shares.claimFor(thief);
        assertApproxEqAbs(shares.balanceOf(thief), 1000 * SHARE, 1e13);
    }

    function test_Cancel_AfterTheCutOffIsFoundByALaterReport() public {
        uint256 id = requestDeposit(thief, 1000e6);
        requestDeposit(makeAddr("other"), 500e6);
        skip(70);
        vm.prank(thief);
        shares.cancelDepositRequest(id, thief);
        skip(50);
        vm.expectEmit(address(shares));
        emit IPoolShares.SentBack(id, 8, 1000e6);
        pool.mark(uint40(vm.getBlockTimestamp()));
        assertEq(shares.maxMint(thief), 0);
        assertGt(shares.maxMint(makeAddr("other")), 0);
        (, uint256 back) = shares.claimFor(thief);
        assertEq(back, 1000e6);
        assertEq(escrow(), 0);
    }

    /// @dev Half is paid before the cancelation's mark; the rest comes back.
    function test_Cancel_OfARedemptionLeavesWhatWasPaid() public {
        uint256 id = requestRedeem(ann, 800 * SHARE);
        requestRedeem(ben, 800 * SHARE);
        pool.setPayable(400e6);
        markLater();
        vm.prank(ann);
        shares.cancelRedeemRequest(id, ann);
        assertEq(shares.pendingCancelRedeemRequest(id, ann), true);
        pool.mark(uint40(vm.getBlockTimestamp() + 59)); // too early for the cancelation: it pays ann too
        markLater();
        RequestStatus memory status = statusOf(ann, true);
        assertApproxEqAbs(status.claimableAssets, 400e6, 2);
        assertApproxEqAbs(status.back, 400 * SHARE, 1e13);
        assertApproxEqAbs(shares.maxWithdraw(ben), 800e6, 2, "the liquidity is ben's");
        vm.prank(ann);
        shares.claimCancelRedeemRequest(id, ann, ann);
        vm.prank(ann);
        shares.redeem(status.claimableShares, ann, ann);
        assertEq(idOf(ann, true), 0);
        assertApproxEqAbs(token.balanceOf(ann), 400e6, 2);
    }

    /// @dev Behind a queue that gets nothing a cancelation is done at its mark, though that does not reach the epoch.
    function test_Cancel_BehindAQueueIsDoneAtItsMarkToo() public {
        requestRedeem(ann, 800 * SHARE);
        pool.setPayable(0);
        markLater();
        uint256 id = requestRedeem(ben, 800 * SHARE);
        markLater();
        vm.prank(ben);
        shares.cancelRedeemRequest(id, ben);
        assertEq(shares.claimableCancelRedeemRequest(id, ben), 0);
        markLater();
        assertEq(shares.claimableCancelRedeemRequest(id, ben), 800 * SHARE);
        pool.setPayable(type(uint256).max);
        markLater();
        assertEq(shares.maxRedeem(ben), 0, "not paid any more");
        vm.prank(ben);
        shares.claimCancelRedeemRequest(id, ben, ben);
        assertEq(shares.balanceOf(ben), 1000 * SHARE);
        shares.claimFor(ann);
        assertEq(shares.balanceOf(address(shares)), 0);
    }

    function test_Cancel_IsClaimableBeforeTheQueueReachesIt() public {
        requestRedeem(ann, 800 * SHARE);
        pool.setPayable(0);
        markLater();
        uint256 id = requestRedeem(ben, 400 * SHARE);
        depositNow(thief, 1000e6);
        markLater();
        vm.prank(ben);
        shares.cancelRedeemRequest(id, ben);
        markLater();
        shares.claimFor(ben);
        assertEq(shares.balanceOf(ben), 1000 * SHARE);
    }

    /// @dev Rounds of cancelations of one epoch: the second finds the first done, or has to wait for its mark.
    function test_Cancel_ComesInRounds() public {
        depositNow(thief, 1000e6);
        uint256 id = requestRedeem(ann, 400 * SHARE);
        requestRedeem(ben, 400 * SHARE);
        requestRedeem(thief, 400 * SHARE);
        pool.setPayable(120e6);
        markLater();
        uint256 cutOff = vm.getBlockTimestamp() + 60;
        vm.prank(ann);
        shares.cancelRedeemRequest(id, ann);
        skip(60);
        vm.prank(ben);
        vm.expectRevert(abi.encodeWithSelector(IPoolShares.PoolShares_CancelationsWait.selector, id, cutOff));
        shares.cancelRedeemRequest(id, ben);
        pool.setPayable(72e6);
        pool.mark(uint40(vm.getBlockTimestamp())); // ann leaves with a tenth, the others get another tenth of what waits
        vm.prank(ben);
        shares.cancelRedeemRequest(id, ben);
        markLater();
        assertApproxEqAbs(statusOf(ann, true).back, 360 * SHARE, 1e13);
        assertApproxEqAbs(statusOf(ann, true).claimableAssets, 40e6, 1);
        assertApproxEqAbs(statusOf(ben, true).back, 324 * SHARE, 1e13);
        assertApproxEqAbs(statusOf(ben, true).claimableAssets, 76e6, 1);
        assertApproxEqAbs(statusOf(thief, true).claimableAssets, 76e6 + 72e6, 2);
    }

    // ───── Nobody chooses his report ─────

    /// @dev Whatever he and others do after the cut-off, a deposit is priced by the first report of the cut-off or later, unless it
    /// was canceled before that report's time.
    function test_Fuzz_OnlyTheTimeOfRequestAndCancelationDecidesWhichReportPricesADeposit(
        uint256 asked,
        uint256 canceled,
        uint256 reported,
        uint256 noise,
        bool cancels
    ) public {
        uint256 start = vm.getBlockTimestamp();
        asked = bound(asked, 0, 150);
        canceled = bound(canceled, asked, 400);
        reported = bound(reported, 1, 500);
        skip(asked);
        uint256 id = requestDeposit(thief, 1000e6);
        address dust = makeAddr("dust");
        vm.warp(start + canceled);
        if (noise & 1 == 1) requestDeposit(dust, 1e6, noise & 2 == 0 ? 1e18 : 0.01e18);
        if (cancels) {
            vm.prank(thief);
            shares.cancelDepositRequest(id, thief);
        }
        skip(noise % 97);
        if (noise & 5 == 5) {
            uint256 dusts = idOf(dust, false);
            vm.prank(dust);
            shares.cancelDepositRequest(dusts, dust);
        }
        if (vm.getBlockTimestamp() < start + reported) vm.warp(start + reported);
        pool.mark(uint40(start + reported));

        uint256 cutOff = asked / 60 * 60 + 60;
        uint256 cancelCutOff = canceled < cutOff ? 0 : canceled / 60 * 60 + 60;
        bool out = cancels && (canceled < cutOff || reported >= cancelCutOff);
        RequestStatus memory status = statusOf(thief, false);
        assertEq(status.claimableAssets, !out && reported >= cutOff ? 1000e6 : 0, "priced");
        assertEq(status.back, out && (reported >= cutOff || canceled < cutOff) ? 1000e6 : 0, "back");
    }

    // ───── Helpers ─────

    function requestDeposit(address who, uint256 assets, uint256 maxCharge) private returns (uint256) {
        fundUp(who, assets);
        vm.prank(who);
        return shares.requestDeposit(assets, who, who, maxCharge);
    }

    function requestRedeem(address who, uint256 amount, uint256 maxCharge) private returns (uint256) {
        vm.prank(who);
        return shares.requestRedeem(amount, who, who, maxCharge);
    }
}
