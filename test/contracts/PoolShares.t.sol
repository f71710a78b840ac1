// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {PoolShares} from "../../pool-contracts/PoolShares.sol";
import {Mark} from "../../pool-contracts/interfaces/IOptionPool.sol";
import {IOptionPool} from "../../pool-contracts/interfaces/IOptionPool.sol";
import {IPoolShares} from "../../pool-contracts/interfaces/IPoolShares.sol";
import {SharesTest} from "./shares/SharesTest.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

/// @dev Given a new pool and a token of 6 decimals; names are the branches.
contract PoolSharesTest is SharesTest {
    uint256 internal constant SHARE = 1e18;

    function setUp() public {
        deploy(6);
    }

    // ───── Deployment ─────

    function test_attack_G8_sharesRefuseAPoolThatNamesOthers() public {
        vm.expectRevert(abi.encodeWithSelector(IPoolShares.PoolShares_WrongPool.selector, address(pool)));
        new PoolShares(IOptionPool(address(pool)), ledger, "x", "x");
    }

    function test_Deployment_SupportsTheInterfacesByTheirPublishedIds() public view {
        assertTrue(shares.supportsInterface(0x01ffc9a7), "ERC-165");
        assertTrue(shares.supportsInterface(0xe3bc4e65), "operators");
        assertTrue(shares.supportsInterface(0xce3bbe50), "deposits");
        assertTrue(shares.supportsInterface(0x620ee8e4), "redemptions");
        assertTrue(shares.supportsInterface(0x2f0a18c5), "ERC-7575 vault");
        assertTrue(shares.supportsInterface(0xf815c03d), "ERC-7575 share");
        assertTrue(shares.supportsInterface(0x8bf840e3), "cancelations of deposits");
        assertTrue(shares.supportsInterface(0xe76cffc7), "cancelations of redemptions");
        assertFalse(shares.supportsInterface(0xffffffff));
    }

    function test_Deployment_NamesItsTokens() public view {
        assertEq(shares.share(), address(shares));
        assertEq(shares.asset(), address(token));
        assertEq(shares.vault(address(token)), address(shares));
        assertEq(shares.vault(address(shares)), address(0));
        assertEq(shares.decimals(), 18);
        assertEq(shares.convertToAssets(SHARE), 1e6, "par before anybody entered");
        assertEq(shares.convertToShares(1e6), SHARE);
    }

    // ───── Deposit: request ─────

    function test_RequestDeposit_TakesTheTokensStraightIntoTheLedgersEscrow() public {
        fundUp(ann, 1000e6);
        vm.expectEmit(address(shares));
        emit IPoolShares.DepositRequest(ann, ann, 2, ann, 1000e6);
        vm.prank(ann);
        uint256 id = shares.requestDeposit(1000e6, ann, ann);
        assertEq(id, 2, "epoch 1, direction 0");
        assertEq(escrow(), 1000e6);
        assertEq(token.balanceOf(address(shares)), 0);
        assertEq(shares.pendingDepositRequest(id, ann), 1000e6);
        assertEq(shares.claimableDepositRequest(id, ann), 0);
        assertEq(shares.maxDeposit(ann), 0);
        assertEq(shares.totalAssets(), 0, "waiting deposits are not the pool's");
        assertEq(shares.pendingDepositRequest(id | 1, ann), 0, "the other direction's id");
    }

    function test_RequestDeposit_OnlyByTheOwnerOrItsOperator() public {
        fundUp(ann, 1000e6);
        vm.prank(thief);
        vm.expectRevert(abi.encodeWithSelector(IPoolShares.PoolShares_NotAuthorized.selector, ann, thief));
        shares.requestDeposit(1000e6, thief, ann);

        vm.prank(ann);
        assertTrue(shares.setOperator(ben, true));
        vm.prank(ben);
        uint256 id = shares.requestDeposit(1000e6, ben, ann);
        assertEq(shares.pendingDepositRequest(id, ben), 1000e6);
    }

    function test_RequestDeposit_RefusesLessThanOneTokenAndNobody() public {
        fundUp(ann, 1000e6);
        vm.startPrank(ann);
        vm.expectRevert(abi.encodeWithSelector(IPoolShares.PoolShares_BelowMinimum.selector, 1e6 - 1, 1e6));
        shares.requestDeposit(1e6 - 1, ann, ann);
        vm.expectRevert(abi.encodeWithSelector(IPoolShares.PoolShares_NotAuthorized.selector, address(0), ann));
        shares.requestDeposit(1e6, address(0), ann);
    }

    function test_RequestDeposit_AddsUpWithinAnEpoch() public {
        requestDeposit(ann, 1000e6);
        uint256 id = requestDeposit(ann, 500e6);
        requestDeposit(ben, 70e6);
        assertEq(shares.pendingDepositRequest(id, ann), 1500e6);
        assertEq(escrow(), 1570e6);
        assertEq(idOf(ann, false), id);
    }

    function test_attack_A17_requestsRefuseWhatABatchCannotHold() public {
        requestDeposit(ann, 1000e6);
        uint256 left = type(uint112).max - 1000e6;
        fundUp(ben, left + 1);
        vm.prank(ben);
        vm.expectRevert(abi.encodeWithSelector(IPoolShares.PoolShares_TooLarge.selector, left + 1, left));
        shares.requestDeposit(left + 1, ben, ben);
    }

    function test_attack_E12_standingAllowancesToTheSharesPayNobodyElse() public {
        fundUp(ann, 1000e6);
        vm.prank(thief);
        vm.expectRevert(abi.encodeWithSelector(IPoolShares.PoolShares_NotLedger.selector, thief));
        shares.onPayment(address(token), 1000e6, "");
        vm.prank(address(ledger));
        vm.expectRevert(
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, address(shares), 0, 1000e6)
        );
        shares.onPayment(address(token), 1000e6, "");
    }

    // ───── Epochs ─────

    function test_attack_G3_onlyThePoolReportsMarks() public {
        Mark memory mark;
        vm.expectRevert(abi.encodeWithSelector(IPoolShares.PoolShares_NotPool.selector, address(this)));
        shares.onMark(mark);
    }

    function test_Mark_OfTheCutOffPricesTheEpoch() public {
        skip(17);
        uint256 id = requestDeposit(ann, 1000e6);
        assertEq(statusOf(ann, false).cutOff, START + 60, "the end of the minute");
        skip(43);
        pool.mark(uint40(START + 60));
        assertEq(shares.claimableDepositRequest(id, ann), 1000e6);
        assertEq(shares.pendingDepositRequest(id, ann), 0);
        assertEq(escrow(), 0);
        assertEq(pool.cash(), 1000e6);
        assertEq(shares.totalSupply(), 1000 * SHARE);
    }

    function test_Mark_BeforeTheCutOffLeavesEverythingAsItIs() public {
        uint256 id = requestDeposit(ann, 1000e6);
        skip(70);
        pool.mark(uint40(START + 59));
        assertEq(shares.pendingDepositRequest(id, ann), 1000e6, "the report may have been known");
        uint256 second = requestDeposit(ben, 1000e6);
        assertEq(epochOf(second), epochOf(id) + 1);
        pool.mark(uint40(START + 60));
        assertEq(shares.claimableDepositRequest(id, ann), 1000e6);
        assertEq(shares.pendingDepositRequest(second, ben), 1000e6);
    }

    function test_Mark_RequestsOfOneMinuteAreOneEpoch() public {
        uint256 first = requestDeposit(ann, 1000e6);
        skip(59);
        assertEq(requestDeposit(ben, 500e6), first);
        skip(1);
        assertEq(requestDeposit(thief, 500e6), first + 2);
        skip(3600);
        assertEq(requestRedeem(withShares(), SHARE), first + 2 * 2 + 1, "minutes in which nobody asks do not count");
    }

    /// @dev A request after the cut-off, when the report that prices it may be known, each time before the mark.
    function test_Mark_NobodyDelaysTheRequestsOfOthersNorHisOwn() public {
        uint256 id = requestDeposit(ann, 1000e6);
        skip(61);
        requestDeposit(thief, 1e6);
        pool.mark(uint40(START + 60));
        assertEq(shares.claimableDepositRequest(id, ann), 1000e6);
    }

    function test_Mark_PricesAllEpochsWhoseCutOffHasPassedUpToEight() public {
        uint256[10] memory ids;
        for (uint256 i = 0; i < 10; ++i) {
            ids[i] = requestDeposit(vm.addr(i + 1), 100e6);
            skip(60);
        }
        pool.mark(uint40(START + 600));
        for (uint256 i = 0; i < 10; ++i) {
            assertEq(shares.claimableDepositRequest(ids[i], vm.addr(i + 1)), i < 8 ? 100e6 : 0);
        }
        assertEq(shares.totalSupply(), 800 * SHARE);
        markLater();
        assertEq(shares.claimableDepositRequest(ids[9], vm.addr(10)), 100e6);
    }

    function test_Mark_WithNothingWaitingChangesNothing() public {
        markLater();
        assertEq(shares.totalSupply(), 0);
    }

    // ───── Deposit: price ─────

    function test_Price_DepositsBuyAtMidLessTheFreshReserve() public {
        depositNow(ann, 1000e6);
        pool.setBook(500e6, 300e6, 100e6, 50e6); // nav 1500: deposits at 1400, redemptions at 1150
        uint256 id = requestDeposit(ben, 700e6);
        uint256 supply = shares.totalSupply();
        uint256 expected = 700e6 * (supply + 1e12) / (1400e6 + 1);
        skip(60);
        Mark memory mark = Mark(2, uint40(block.timestamp), 1500e6, 300e6, 100e6, 50e6, 0);
        vm.expectEmit(address(shares));
        emit IPoolShares.EpochPriced(epochOf(id), 2, mark, supply + 1e12, 700e6, expected, 0, false);
        pool.mark(uint40(block.timestamp));
        assertEq(shares.maxMint(ben), expected);
        assertApproxEqAbs(expected, 500 * SHARE, 1e12);
    }

    function test_Price_RedemptionsAreWorthMidLessReserveAndUnwind() public {
        uint256 received = depositNow(ann, 1000e6);
        depositNow(ben, 1000e6);
        pool.setBook(-500e6, 200e6, 100e6, 100e6); // nav 1500: redemptions at 1200
        uint256 money = redeemNow(ann, received);
        assertEq(money, 600e6 - 1, "half of 1200, less the virtual shares' part, rounded down");
    }

    /// @dev Both see the supply and the value of the moment before, so neither depends on the other.
    function test_Price_DepositsAndRedemptionsOfOneEpochAtOneMarkHaveTheirOwnPrices() public {
        uint256 received = depositNow(ann, 1000e6);
        pool.setBook(0, 100e6, 50e6, 50e6);
        uint256 inId = requestDeposit(ben, 950e6);
        uint256 outId = requestRedeem(ann, received / 2);
        assertEq(inId >> 1, outId >> 1, "one epoch");
        assertEq(outId, inId | 1, "two ids");
        markLater();
        assertApproxEqAbs(shares.maxMint(ben), 1000 * SHARE, 1e12, "at 0.95");
        assertApproxEqAbs(shares.maxWithdraw(ann), 425e6, 1, "at 0.85");
    }

    // ───── Deposit: claim ─────

    function test_Deposit_ClaimsInPartsAndEmitsAsTheStandardSays() public {
        requestDeposit(ann, 1000e6);
        markLater();
        vm.expectEmit(address(shares));
        emit IPoolShares.Deposit(ann, ben, 400e6, 400 * SHARE);
        vm.prank(ann);
        assertEq(shares.deposit(400e6, ben, ann), 400 * SHARE);
        assertEq(shares.balanceOf(ben), 400 * SHARE);
        assertEq(shares.maxDeposit(ann), 600e6);
        assertEq(shares.maxMint(ann), 600 * SHARE);
        vm.prank(ann);
        assertEq(shares.mint(600 * SHARE, ann), 600e6);
        assertEq(shares.maxDeposit(ann), 0);
        assertEq(idOf(ann, false), 0, "forgotten");
    }

    function test_Deposit_OnlyByTheControllerOrItsOperator() public {
        requestDeposit(ann, 1000e6);
        markLater();
        bytes memory refusal = abi.encodeWithSelector(IPoolShares.PoolShares_NotAuthorized.selector, ann, thief);
        vm.startPrank(thief);
        vm.expectRevert(refusal);
        shares.deposit(1000e6, thief, ann);
        vm.expectRevert(refusal);
        shares.mint(SHARE, thief, ann);
        vm.expectRevert(refusal);
        shares.redeem(SHARE, thief, ann);
        vm.expectRevert(refusal);
        shares.withdraw(1e6, thief, ann);
    }

    function test_Deposit_RefusesMoreThanIsClaimableAndNothing() public {
        requestDeposit(ann, 1000e6);
        vm.startPrank(ann);
        vm.expectRevert(abi.encodeWithSelector(IPoolShares.PoolShares_ExceedsClaimable.selector, 1, 0));
        shares.deposit(1, ann);
        vm.stopPrank();
        markLater();
        vm.startPrank(ann);
        vm.expectRevert(abi.encodeWithSelector(IPoolShares.PoolShares_ExceedsClaimable.selector, 1000e6 + 1, 1000e6));
        shares.deposit(1000e6 + 1, ann);
        vm.expectRevert(IPoolShares.PoolShares_ZeroClaim.selector);
        shares.deposit(0, ann);
        vm.expectRevert(IPoolShares.PoolShares_ZeroClaim.selector);
        shares.mint(0, ann);
        vm.expectRevert(
            abi.encodeWithSelector(IPoolShares.PoolShares_ExceedsClaimable.selector, 1001 * SHARE, 1000 * SHARE)
        );
        shares.mint(1001 * SHARE, ann);
    }

    function test_ClaimFor_PaysOnlyTheControllerWhoeverCalls() public {
        requestDeposit(ann, 1000e6);
        markLater();
        vm.prank(thief);
        shares.claimFor(ann);
        assertEq(shares.balanceOf(ann), 1000 * SHARE);
        requestRedeem(ann, 1000 * SHARE);
        markLater();
        vm.prank(thief);
        shares.claimFor(ann);
        assertEq(token.balanceOf(ann), 1000e6 - 1);
        assertEq(token.balanceOf(thief), 0);
    }

    // ───── Redemption: request ─────

    function test_RequestRedeem_EscrowsTheSharesWhichStayInTheSupply() public {
        depositNow(ann, 1000e6);
        vm.expectEmit(address(shares));
        emit IPoolShares.RedeemRequest(ann, ann, 5, ann, 400 * SHARE);
        uint256 id = requestRedeem(ann, 400 * SHARE);
        assertEq(id, 5, "epoch 2, direction 1");
        assertEq(shares.balanceOf(ann), 600 * SHARE);
        assertEq(shares.balanceOf(address(shares)), 400 * SHARE);
        assertEq(shares.totalSupply(), 1000 * SHARE);
        assertEq(shares.pendingRedeemRequest(id, ann), 400 * SHARE);
        assertEq(shares.pendingRedeemRequest(id - 1, ann), 0);
        assertEq(shares.maxRedeem(ann), 0);
    }

    function test_RequestRedeem_ByOperatorOrAllowance() public {
        depositNow(ann, 1000e6);
        vm.prank(thief);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, thief, 0, 400 * SHARE));
        shares.requestRedeem(400 * SHARE, thief, ann);

        vm.prank(ann);
        shares.approve(ben, 400 * SHARE);
        vm.prank(ben);
        uint256 id = shares.requestRedeem(400 * SHARE, ben, ann);
        assertEq(shares.pendingRedeemRequest(id, ben), 400 * SHARE);
        assertEq(shares.allowance(ann, ben), 0, "spent");

        vm.prank(ann);
        shares.setOperator(ben, true);
        vm.prank(ben);
        shares.requestRedeem(600 * SHARE, ann, ann);
        assertEq(shares.pendingRedeemRequest(id, ann), 600 * SHARE);
    }

    function test_RequestRedeem_RefusesLessThanAThousandthOfAShareUnlessItIsAll() public {
        depositNow(ann, 1000e6);
        vm.startPrank(ann);
        vm.expectRevert(abi.encodeWithSelector(IPoolShares.PoolShares_BelowMinimum.selector, 1e15 - 1, 1e15));
        shares.requestRedeem(1e15 - 1, ann, ann);
        vm.expectRevert(abi.encodeWithSelector(IPoolShares.PoolShares_BelowMinimum.selector, 0, 1e15));
        shares.requestRedeem(0, ann, ann);
        shares.transfer(ben, 5e14);
        vm.expectRevert(abi.encodeWithSelector(IPoolShares.PoolShares_NotAuthorized.selector, address(0), ann));
        shares.requestRedeem(SHARE, address(0), ann);
        vm.stopPrank();
        assertEq(redeemNow(ben, 5e14), 499);
        vm.prank(ben);
        vm.expectRevert(abi.encodeWithSelector(IPoolShares.PoolShares_BelowMinimum.selector, 0, 1e15));
        shares.requestRedeem(0, ben, ben);
    }

    // ───── Redemption: payment ─────

    function test_Payment_MovesMoneyToThePayoutAccountAndBurnsWhatItPaid() public {
        depositNow(ann, 1000e6);
        uint256 id = requestRedeem(ann, 400 * SHARE);
        skip(60);
        vm.expectEmit(address(shares));
        emit IPoolShares.RedemptionPaid(epochOf(id), 2, 400 * SHARE, 400e6 - 1, 0);
        pool.mark(uint40(block.timestamp));
        assertEq(payouts(), 400e6 - 1);
        assertEq(pool.cash(), 600e6 + 1);
        assertEq(shares.totalSupply(), 600 * SHARE);
        assertEq(shares.claimableRedeemRequest(id, ann), 400 * SHARE);
        vm.expectEmit(address(shares));
        emit IPoolShares.Withdraw(ann, ben, ann, 400e6 - 1, 400 * SHARE);
        vm.prank(ann);
        assertEq(shares.redeem(400 * SHARE, ben, ann), 400e6 - 1);
        assertEq(token.balanceOf(ben), 400e6 - 1);
        assertEq(payouts(), 0);
    }

    /// @dev 1,000 are asked and 250 can be paid; then the price falls by half; the rest gets what it is worth then.
    function test_Payment_IsProRataAndTheRestIsPricedWhenPaid() public {
        depositNow(ann, 600e6);
        depositNow(ben, 400e6);
        uint256 id = requestRedeem(ann, 600 * SHARE);
        requestRedeem(ben, 400 * SHARE);
        pool.setPayable(250e6);
        markLater();
        assertApproxEqAbs(shares.claimableRedeemRequest(id, ann), 150 * SHARE, 1e13);
        assertApproxEqAbs(shares.claimableRedeemRequest(id, ben), 100 * SHARE, 1e13);
        assertApproxEqAbs(shares.maxWithdraw(ann), 150e6, 1);
        assertApproxEqAbs(shares.maxWithdraw(ben), 100e6, 1);
        (, uint256 first) = shares.claimFor(ann); // ann claims between the payments, ben does not

        pool.lose(375e6);
        pool.setPayable(type(uint256).max);
        markLater();
        (, uint256 second) = shares.claimFor(ann);
        (, uint256 bens) = shares.claimFor(ben);
        assertApproxEqAbs(first + second, 150e6 + 225e6, 3);
        assertApproxEqAbs(bens, 100e6 + 150e6, 3);
        assertEq(shares.totalSupply(), 0);
        assertEq(idOf(ann, true), 0, "forgotten");
    }

    function test_Payment_ServesOlderEpochsFirst() public {
        depositNow(ann, 500e6);
        depositNow(ben, 500e6);
        pool.setPayable(0);
        uint256 older = requestRedeem(ann, 500 * SHARE);
        markLater();
        uint256 younger = requestRedeem(ben, 500 * SHARE);
        pool.setPayable(600e6);
        markLater();
        assertEq(shares.claimableRedeemRequest(older, ann), 500 * SHARE);
        assertApproxEqAbs(shares.claimableRedeemRequest(younger, ben), 100 * SHARE, 1e13);
        assertApproxEqAbs(shares.pendingRedeemRequest(younger, ben), 400 * SHARE, 1e13);
    }

    function test_Payment_TakesAtMostEightEpochsAMark() public {
        for (uint256 i = 0; i < 10; ++i) {
            depositNow(vm.addr(i + 1), 100e6);
        }
        pool.setPayable(0);
        for (uint256 i = 0; i < 10; ++i) {
            requestRedeem(vm.addr(i + 1), 100 * SHARE);
            markLater();
        }
        pool.setPayable(type(uint256).max);
        markLater();
        for (uint256 i = 0; i < 10; ++i) {
            assertEq(shares.maxRedeem(vm.addr(i + 1)), i < 8 ? 100 * SHARE : 0);
        }
        markLater();
        assertEq(shares.maxRedeem(vm.addr(10)), 100 * SHARE);
        assertEq(shares.totalSupply(), 0);
    }

    function test_Payment_OfNothingBurnsNothing() public {
        depositNow(ann, 1000e6);
        uint256 id = requestRedeem(ann, 400 * SHARE);
        pool.setPayable(0);
        markLater();
        assertEq(shares.pendingRedeemRequest(id, ann), 400 * SHARE);
        assertEq(shares.totalSupply(), 1000 * SHARE);
        (uint256 received, uint256 paid) = shares.claimFor(ann);
        assertEq(received + paid, 0);
    }

    /// @dev One share unit is worth 10^-12 of a quote unit. Who requests it alone in an epoch must not stop the queue.
    function test_Payment_OfDustHoldsUpNobodyBehindIt() public {
        depositNow(ann, 1000e6);
        vm.prank(ann);
        shares.transfer(thief, 1);
        uint256 dust = requestRedeem(thief, 1);
        skip(60);
        vm.expectEmit(address(shares));
        emit IPoolShares.RedemptionPaid(epochOf(dust), 2, 1, 0, 0);
        pool.mark(uint40(block.timestamp));
        assertApproxEqAbs(redeemNow(ann, 400 * SHARE), 400e6, 1);
        assertEq(shares.maxRedeem(thief), 1);
        (, uint256 paid) = shares.claimFor(thief);
        assertEq(paid, 0);
        assertEq(idOf(thief, true), 0, "forgotten");
    }

    function test_Withdraw_ClaimsExactMoneyAndRefusesMore() public {
        depositNow(ann, 1000e6);
        requestRedeem(ann, 400 * SHARE);
        markLater();
        vm.startPrank(ann);
        vm.expectRevert(abi.encodeWithSelector(IPoolShares.PoolShares_ExceedsClaimable.selector, 400e6, 400e6 - 1));
        shares.withdraw(400e6, ann, ann);
        assertApproxEqAbs(shares.withdraw(100e6, ann, ann), 100 * SHARE, 1e12);
        vm.expectRevert(IPoolShares.PoolShares_ZeroClaim.selector);
        shares.withdraw(0, ann, ann);
        vm.expectRevert(IPoolShares.PoolShares_ZeroClaim.selector);
        shares.redeem(0, ann, ann);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InvalidReceiver.selector, address(0)));
        shares.withdraw(1e6, address(0), ann);
        shares.withdraw(300e6 - 1, ann, ann);
        assertEq(shares.maxRedeem(ann), 0);
    }

    // ───── Provisions ─────

    function test_GivenAProvision_WhoLeavesBearsItAndWhoComesBuysWithoutIt() public {
        depositNow(ann, 1000e6);
        pool.setProvision(200e6);
        uint256 inId = requestDeposit(ben, 500e6);
        requestRedeem(ann, 500 * SHARE);
        skip(60);
        pool.mark(uint40(block.timestamp));
        assertApproxEqAbs(shares.maxWithdraw(ann), 400e6, 1, "half of 1,000 less 200");
        assertApproxEqAbs(shares.claimableDepositRequest(inId, ben), 500e6, 0);
        assertApproxEqAbs(shares.maxMint(ben), 500 * SHARE, SHARE / 1e3, "at mid");
        assertApproxEqAbs(shares.totalAssets(), 1000e6 + 500e6 - 400e6 - 200e6, 1);
    }

    // ───── Wiped out ─────

    function test_WipedOut_RefundsWaitingDepositsAndLetsRedemptionsWait() public {
        depositNow(ann, 1000e6);
        uint256 inId = requestDeposit(ben, 500e6);
        uint256 outId = requestRedeem(ann, 400 * SHARE);
        uint256 supply = shares.totalSupply() + 1e12;
        pool.setBook(-900e6, 60e6, 0, 40e6); // nav 100, less reserve and unwind 0
        skip(60);
        Mark memory mark = Mark(2, uint40(block.timestamp), 100e6, 60e6, 0, 40e6, 0);
        vm.expectEmit(address(shares));
        emit IPoolShares.EpochPriced(epochOf(inId), 2, mark, supply, 500e6, 0, 400 * SHARE, true);
        pool.mark(uint40(block.timestamp));

        assertEq(shares.pendingDepositRequest(inId, ben), 0);
        assertEq(shares.claimableDepositRequest(inId, ben), 0);
        assertEq(shares.maxDeposit(ben) + shares.maxMint(ben), 0);
        vm.expectEmit(address(shares));
        emit IPoolShares.CancelDepositClaim(ben, ben, inId, thief, 500e6);
        vm.prank(thief);
        (uint256 received, uint256 back) = shares.claimFor(ben);
        assertEq(received, 0);
        assertEq(back, 500e6);
        assertEq(token.balanceOf(ben), 500e6, "to the controller, whoever calls");
        (, back) = shares.claimFor(ben);
        assertEq(back, 0, "once");
        assertEq(escrow(), 0);

        assertEq(shares.pendingRedeemRequest(outId, ann), 400 * SHARE, "waits");
        pool.setBook(0, 0, 0, 0); // the book recovers
        markLater();
        assertEq(shares.maxWithdraw(ann), 400e6 - 1);
        assertApproxEqAbs(depositNow(ben, 1e6), SHARE, 1e10, "welcome again");
    }

    /// @dev A share at a millionth of par or more is sold and bought, below it neither.
    function test_WipedOut_BeginsBelowAMillionthOfPar() public {
        depositNow(ann, 1000e6);
        uint256 inId = requestDeposit(ben, 1e6);
        uint256 outId = requestRedeem(ann, 400 * SHARE);
        pool.setBook(-1000e6 + 1000, 0, 0, 0); // a thousand units for a thousand shares and the virtual ones
        markLater();
        assertEq(shares.claimableDepositRequest(inId, ben), 0);
        assertEq(shares.pendingRedeemRequest(outId, ann), 400 * SHARE);
        shares.claimFor(ben);
        inId = requestDeposit(ben, 1e6);
        pool.setBook(-1000e6 + 1001, 0, 0, 0);
        markLater();
        assertEq(shares.claimableDepositRequest(inId, ben), 1e6);
        assertEq(shares.claimableRedeemRequest(outId, ann), 400 * SHARE);
    }

    function test_WipedOut_WithoutOwnersOnlyIfThereIsADebt() public {
        requestDeposit(ann, 1000e6);
        pool.setBook(-1, 0, 0, 0);
        markLater();
        (, uint256 back) = shares.claimFor(ann);
        assertEq(back, 1000e6, "nobody takes over a debt");
        pool.setBook(0, 0, 0, 0);
        assertEq(depositNow(ann, 1000e6), 1000 * SHARE);
    }

    // ───── One request a direction ─────

    function test_OneRequest_AnotherWaitsUntilItIsClaimed() public {
        uint256 id = requestDeposit(ann, 1000e6);
        skip(60);
        fundUp(ann, 1000e6);
        bytes memory refusal = abi.encodeWithSelector(IPoolShares.PoolShares_RequestOpen.selector, id);
        vm.prank(ann);
        vm.expectRevert(refusal);
        shares.requestDeposit(1000e6, ann, ann);
        markLater();
        vm.prank(ann);
        vm.expectRevert(refusal);
        shares.requestDeposit(1000e6, ann, ann);
        shares.claimFor(ann);
        requestRedeem(ann, SHARE); // the other direction is free
        assertEq(requestDeposit(ann, 1000e6) >> 1, 2);
    }

    /// @dev Else anybody could keep somebody from asking, with a crumb that waits in a queue.
    function test_OneRequest_OthersOpenNoneInSomebodysName() public {
        depositNow(thief, 1000e6);
        fundUp(thief, 1000e6);
        bytes memory refusal = abi.encodeWithSelector(IPoolShares.PoolShares_NotAuthorized.selector, ann, thief);
        vm.startPrank(thief);
        vm.expectRevert(refusal);
        shares.requestRedeem(SHARE, ann, thief);
        vm.expectRevert(refusal);
        shares.requestDeposit(1000e6, ann, thief);
        vm.stopPrank();
        vm.prank(ann);
        shares.setOperator(thief, true);
        vm.prank(thief);
        shares.requestDeposit(1000e6, ann, thief);
        assertEq(statusOf(ann, false).pending, 1000e6);
    }

    // ───── Dust of claims ─────

    /// @dev A tiny payment may give a request a unit of money and no unit of its shares: it is paid, once.
    function test_ClaimFor_PaysAUnitWithoutItsShareOnlyOnce() public {
        deploy(18);
        depositNow(ann, 70e18);
        depositNow(ben, 40e18);
        pool.setBook(int256(165e18), 0, 0, 0); // a share is worth 2.5
        uint256 id = requestRedeem(ann, 60 * SHARE);
        requestRedeem(ben, 40 * SHARE);
        pool.setPayable(2);
        markLater();
        assertEq(payouts(), 2);
        assertEq(shares.claimableRedeemRequest(id, ann), 0, "no share");
        assertEq(shares.maxWithdraw(ann), 1, "a unit");
        (, uint256 paid) = shares.claimFor(ann);
        assertEq(paid, 1);
        (, paid) = shares.claimFor(ann);
        assertEq(paid, 0);
        assertEq(payouts(), 1, "the other's is there");
    }

    // ───── Views ─────

    function test_Previews_AlwaysRevert() public {
        bytes4 refusal = IPoolShares.PoolShares_NoPreview.selector;
        vm.expectRevert(refusal);
        shares.previewDeposit(1);
        vm.expectRevert(refusal);
        shares.previewMint(1);
        vm.expectRevert(refusal);
        shares.previewRedeem(0);
        vm.expectRevert(refusal);
        shares.previewWithdraw(type(uint256).max);
    }

    function test_Views_OfRequestsAnswerAnyQuestion(uint256 requestId, address who) public view {
        assertEq(shares.pendingDepositRequest(requestId, who), 0);
        assertEq(shares.claimableDepositRequest(requestId, who), 0);
        assertEq(shares.pendingRedeemRequest(requestId, who), 0);
        assertEq(shares.claimableRedeemRequest(requestId, who), 0);
        assertEq(shares.maxDeposit(who) + shares.maxMint(who) + shares.maxRedeem(who) + shares.maxWithdraw(who), 0);
    }

    function test_Views_ConvertAtTheMidOfTheLastMark() public {
        depositNow(ann, 1000e6);
        pool.setBook(1000e6, 100e6, 0, 100e6);
        markLater();
        assertEq(shares.totalAssets(), 2000e6);
        assertApproxEqAbs(shares.convertToAssets(SHARE), 2e6, 1);
        assertApproxEqRel(shares.convertToShares(2e6), SHARE, 1e9);
        pool.setBook(-5000e6, 0, 0, 0);
        markLater();
        assertEq(shares.totalAssets(), 0);
        assertEq(shares.convertToAssets(SHARE), 0);
    }

    function test_Permit_AllowsARedemptionByOneSignature() public {
        (address signer, uint256 key) = makeAddrAndKey("signer");
        depositNow(signer, 1000e6);
        bytes32 message = keccak256(
            abi.encode(
                keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"),
                signer,
                ben,
                SHARE,
                0,
                block.timestamp
            )
        );
        (uint8 v, bytes32 r, bytes32 s) =
            vm.sign(key, keccak256(abi.encodePacked(hex"1901", shares.DOMAIN_SEPARATOR(), message)));
        shares.permit(signer, ben, SHARE, block.timestamp, v, r, s);
        vm.prank(ben);
        shares.requestRedeem(SHARE, signer, signer);
        assertEq(shares.balanceOf(signer), 999 * SHARE);
    }

    function withShares() private returns (address who) {
        who = makeAddr("early");
        deal(address(shares), who, SHARE);
    }
}
