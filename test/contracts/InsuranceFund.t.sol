// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IInsuranceFund} from "../../pool-contracts/interfaces/IInsuranceFund.sol";
import {ITokenHook, QuoteToken} from "./shares/QuoteToken.sol";
import {SharesTest} from "./shares/SharesTest.sol";
import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {ERC4626} from "@openzeppelin/contracts/token/ERC20/extensions/ERC4626.sol";

/// @dev Given a fund of a ledger whose token has 6 decimals; names are the branches.
contract InsuranceFundTest is SharesTest {
    uint256 internal constant SHARE = 1e18;

    function setUp() public {
        deploy(6);
    }

    // ───── Stake ─────

    function test_Stake_GoesStraightToTheLedgersAccount() public {
        fundUp(ann, 1000e6);
        vm.expectEmit(address(fund));
        emit IERC4626.Deposit(ann, ben, 1000e6, 1000 * SHARE);
        vm.prank(ann);
        assertEq(fund.deposit(1000e6, ben), 1000 * SHARE);
        assertEq(fund.balanceOf(ben), 1000 * SHARE);
        assertEq(fundCash(), 1000e6);
        assertEq(fund.totalAssets(), 1000e6);
        assertEq(token.balanceOf(address(fund)), 0);
    }

    function test_Stake_BuysAtTheFundsValue() public {
        stake(ann, 1000e6);
        earn(1000e6);
        assertApproxEqAbs(stake(ben, 1000e6), 500 * SHARE, 1e12);
        assertApproxEqAbs(fund.convertToAssets(1000 * SHARE), 2000e6, 2);
        assertApproxEqAbs(fund.convertToShares(2000e6), 1000 * SHARE, 1e12);
    }

    function test_Stake_RefusesNothing() public {
        vm.prank(ann);
        vm.expectRevert(IInsuranceFund.InsuranceFund_ZeroAssets.selector);
        fund.deposit(0, ann);
    }

    /// @dev Below a millionth of par a few stakes would exhaust the 128 bits of a cooldown.
    function test_Stake_RefusesAFundThatHasAlmostNothingLeft() public {
        stake(ann, 1000e6);
        cover(1000e6 - 999);
        fundUp(ben, 1000e6);
        vm.prank(ben);
        _expectNoStakes();
        fund.deposit(1000e6, ben);
        earn(1);
        vm.prank(ben);
        assertGt(fund.deposit(1000e6, ben), 0);
    }

    function test_Transfer_OfMoreThanOneHasNamesTheBalanceAndNoLock() public {
        stake(ann, 1e6);
        vm.prank(ann);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, ann, SHARE, SHARE + 1));
        fund.transfer(ben, SHARE + 1);
    }

    function test_Stake_RefusesWhereRoundingWouldEatIt() public {
        earn(1e13 * one); // fees before the first stake: a share costs 10^19 of what it did
        fundUp(ann, one);
        vm.prank(ann);
        vm.expectRevert(IInsuranceFund.InsuranceFund_ZeroShares.selector);
        fund.deposit(one, ann);
    }

    function test_Stake_RefusesAnInsolventFund() public {
        stake(ann, 1000e6);
        cover(1000e6);
        fundUp(ben, 1000e6);
        vm.prank(ben);
        _expectNoStakes();
        fund.deposit(1000e6, ben);
    }

    function test_attack_G3_standingAllowancesToTheFundPayNobodyElse() public {
        fundUp(ann, 1000e6);
        vm.prank(thief);
        vm.expectRevert(abi.encodeWithSelector(IInsuranceFund.InsuranceFund_NotLedger.selector, thief));
        fund.onPayment(address(token), 1000e6, "");
        vm.prank(address(ledger));
        vm.expectRevert(
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, address(fund), 0, 1000e6)
        );
        fund.onPayment(address(token), 1000e6, "");
    }

    // ───── Cooldown ─────

    function test_Unstake_NeedsACooldownAndWaitsForIt() public {
        stake(ann, 1000e6);
        vm.startPrank(ann);
        vm.expectRevert(IInsuranceFund.InsuranceFund_NoCooldown.selector);
        fund.redeem(SHARE, ann, ann);
        uint256 readyAt = block.timestamp + COOLDOWN;
        vm.expectEmit(address(fund));
        emit IInsuranceFund.CooldownStarted(ann, 400 * SHARE, readyAt, readyAt + WINDOW);
        fund.startCooldown(400 * SHARE);
        vm.warp(readyAt - 1);
        vm.expectRevert(abi.encodeWithSelector(IInsuranceFund.InsuranceFund_CoolingDown.selector, readyAt));
        fund.redeem(SHARE, ann, ann);
        vm.warp(readyAt);
        vm.expectEmit(address(fund));
        emit IERC4626.Withdraw(ann, ben, ann, 300e6, 300 * SHARE);
        assertEq(fund.redeem(300 * SHARE, ben, ann), 300e6);
        assertEq(token.balanceOf(ben), 300e6);
        vm.expectRevert(
            abi.encodeWithSelector(IInsuranceFund.InsuranceFund_InsufficientStake.selector, 101 * SHARE, 100 * SHARE)
        );
        fund.redeem(101 * SHARE, ann, ann);
        fund.redeem(100 * SHARE, ann, ann);
        vm.expectRevert(IInsuranceFund.InsuranceFund_NoCooldown.selector);
        fund.redeem(1, ann, ann);
    }

    function test_Unstake_WindowLapses() public {
        stake(ann, 1000e6);
        vm.startPrank(ann);
        fund.startCooldown(400 * SHARE);
        uint256 lapsesAt = block.timestamp + COOLDOWN + WINDOW;
        vm.warp(lapsesAt);
        vm.expectRevert(abi.encodeWithSelector(IInsuranceFund.InsuranceFund_SharesLocked.selector, 400 * SHARE));
        fund.transfer(ben, 1000 * SHARE);
        vm.warp(lapsesAt + 1);
        vm.expectRevert(abi.encodeWithSelector(IInsuranceFund.InsuranceFund_WindowLapsed.selector, lapsesAt));
        fund.redeem(SHARE, ann, ann);
        fund.transfer(ben, 1000 * SHARE);
    }

    function test_attack_A16_sharesInCooldownDoNotMove() public {
        stake(ann, 1000e6);
        vm.startPrank(ann);
        fund.startCooldown(400 * SHARE);
        fund.transfer(ben, 600 * SHARE);
        vm.expectRevert(abi.encodeWithSelector(IInsuranceFund.InsuranceFund_SharesLocked.selector, 400 * SHARE));
        fund.transfer(ben, 1);
        (uint256 cooling, uint256 readyAt, uint256 lapsesAt) = fund.cooldownOf(ann);
        assertEq(cooling, 400 * SHARE);
        assertEq(readyAt, block.timestamp + COOLDOWN);
        assertEq(lapsesAt, readyAt + WINDOW);
    }

    function test_Cooldown_ASecondReplacesTheFirst() public {
        stake(ann, 1000e6);
        vm.startPrank(ann);
        fund.startCooldown(400 * SHARE);
        skip(COOLDOWN - 1);
        fund.startCooldown(900 * SHARE);
        skip(1);
        vm.expectRevert(
            abi.encodeWithSelector(
                IInsuranceFund.InsuranceFund_CoolingDown.selector, vm.getBlockTimestamp() - 1 + COOLDOWN
            )
        );
        fund.redeem(400 * SHARE, ann, ann);
    }

    function test_Cooldown_RefusesNothingAndMoreThanOneHas() public {
        stake(ann, 1000e6);
        vm.startPrank(ann);
        vm.expectRevert(IInsuranceFund.InsuranceFund_ZeroShares.selector);
        fund.startCooldown(0);
        vm.expectRevert(
            abi.encodeWithSelector(
                IInsuranceFund.InsuranceFund_InsufficientStake.selector, 1000 * SHARE + 1, 1000 * SHARE
            )
        );
        fund.startCooldown(1000 * SHARE + 1);
    }

    function test_Cooldown_StaysLiable() public {
        stake(ann, 1000e6);
        vm.prank(ann);
        fund.startCooldown(1000 * SHARE);
        skip(COOLDOWN);
        cover(600e6);
        vm.startPrank(ann);
        vm.expectRevert(IInsuranceFund.InsuranceFund_ZeroAssets.selector);
        fund.redeem(0, ann, ann);
        vm.expectRevert(IInsuranceFund.InsuranceFund_ZeroAssets.selector);
        fund.redeem(1, ann, ann);
        assertEq(fund.redeem(1000 * SHARE, ann, ann), 400e6);
    }

    // ───── Cover ─────

    function test_Cover_OnlyTheLedgerAndAtMostItsCash() public {
        stake(ann, 1000e6);
        vm.prank(thief);
        vm.expectRevert(abi.encodeWithSelector(IInsuranceFund.InsuranceFund_NotLedger.selector, thief));
        fund.cover(1, 1, 1);
        vm.startPrank(address(ledger));
        vm.expectEmit(address(fund));
        emit IInsuranceFund.Covered(1, 2, 300e6, 300e6);
        assertEq(fund.cover(1, 2, 300e6), 300e6);
        vm.expectEmit(address(fund));
        emit IInsuranceFund.Covered(1, 2, 1500e6, 1000e6);
        assertEq(fund.cover(1, 2, 1500e6), 1000e6);
    }

    // ───── Fuzz ─────

    /// @dev Stakes, fees, covers and unstakes of two people: nobody takes out more than stakes and fees less covers.
    function test_Fuzz_NobodyGainsFromAnother(uint256 a, uint256 b, uint256 fee, uint256 loss) public {
        a = bound(a, 1e6, 1e15);
        b = bound(b, 1e6, 1e15);
        fee = bound(fee, 0, 1e12);
        uint256 annsShares = stake(ann, a);
        earn(fee);
        loss = bound(loss, 0, (a + fee) / 2);
        cover(loss);
        uint256 before = fund.convertToAssets(SHARE);
        uint256 bensShares = stake(ben, b);
        assertGe(fund.convertToAssets(SHARE), before, "a stake lowers nobody's value");
        uint256 bens = unstake(ben, bensShares);
        assertLe(bens, b, "a round trip gains nothing");
        assertGe(bens + b / 1e6 + 2, b, "and loses at most a millionth");
        uint256 anns = unstake(ann, annsShares);
        assertLe(anns + bens, a + b + fee - loss);
        assertEq(fundCash(), a + b + fee - loss - anns - bens, "accounted to the unit");
    }

    function test_Fuzz_SplittingAnUnstakeGainsNothing(uint256 a, uint256 fee, uint256 part) public {
        a = bound(a, 2e6, 1e15);
        fee = bound(fee, 0, 1e15);
        uint256 annsShares = stake(ann, a);
        uint256 bensShares = stake(ben, a);
        earn(fee);
        part = bound(part, annsShares / 100, annsShares - annsShares / 100);
        uint256 snapshot = vm.snapshotState();
        uint256 whole = unstake(ann, annsShares);
        vm.revertToState(snapshot);
        uint256 split = unstake(ann, part) + unstake(ann, annsShares - part);
        assertLe(split, whole);
        assertGe(split + 2, whole);
        assertEq(fund.balanceOf(ben), bensShares);
    }

    /// @dev A1 to A4 on the fund: gifts are the donor's loss.
    function testFuzz_attack_D17_giftsCostTheDonorAndNotTheVictim(uint256 gift, uint256 victims) public {
        gift = bound(gift, 1, 1e11 * one);
        victims = bound(victims, one, 1e9 * one);
        uint256 thiefs = stake(thief, one);
        earn(gift);
        fundUp(ann, victims);
        vm.prank(ann);
        (bool entered, bytes memory result) = address(fund).call(abi.encodeCall(fund.deposit, (victims, ann)));
        if (entered) {
            uint256 back = unstake(ann, abi.decode(result, (uint256)));
            assertLe(back, victims);
            assertGe(back + victims / 1e6 + 2, victims);
        }
        assertLe(unstake(thief, thiefs), one + gift);
    }

    // ───── Reentrancy ─────

    function test_attack_D18_hookOfAStakeFindsTheDoorShutAndThePriceUnmoved() public {
        stake(ben, 1000e6);
        FundRobber robber = new FundRobber(fund, token);
        token.mint(address(robber), 1000e6);
        robber.arm();
        uint256 priceBefore = fund.convertToAssets(SHARE);
        robber.stake(500e6);
        assertEq(robber.tries(), 1);
        assertEq(robber.successes(), 0);
        assertEq(robber.priceInside(), priceBefore);
        assertEq(fund.balanceOf(address(robber)), 500 * SHARE);
    }

    // ───── What is known to be lost ─────

    function test_Liabilities_LowerWhatLeaversGetAndNotWhatComersPay() public {
        stake(ann, 1000e6);
        vm.prank(ann);
        fund.startCooldown(1000 * SHARE);
        skip(COOLDOWN);
        vm.mockCall(address(auction), abi.encodeCall(auction.totalProvision, ()), abi.encode(300e6));
        assertEq(fund.liabilities(), 300e6);
        assertEq(fund.totalAssets(), 700e6);
        assertEq(fund.previewDeposit(1000e6), 1000 * SHARE, "who comes pays for all that is held");
        vm.prank(ann);
        assertEq(fund.redeem(500 * SHARE, ann, ann), 350e6);
        vm.mockCall(address(auction), abi.encodeCall(auction.totalProvision, ()), abi.encode(2000e6));
        assertEq(fund.totalAssets(), 0, "never below zero");
        vm.prank(ann);
        vm.expectRevert(IInsuranceFund.InsuranceFund_ZeroAssets.selector);
        fund.redeem(500 * SHARE, ann, ann);
    }

    // ───── ERC-4626 ─────

    function test_Vault_WithdrawBurnsWhatThePreviewSays() public {
        stake(ann, 1000e6);
        earn(333e6 + 1);
        vm.startPrank(ann);
        fund.startCooldown(1000 * SHARE);
        assertEq(fund.maxRedeem(ann), 0);
        assertEq(fund.maxWithdraw(ann), 0);
        skip(COOLDOWN);
        assertEq(fund.maxRedeem(ann), 1000 * SHARE);
        uint256 expected = fund.previewWithdraw(100e6);
        assertEq(fund.withdraw(100e6, ben, ann), expected);
        assertEq(token.balanceOf(ben), 100e6);
        uint256 rest = fund.maxWithdraw(ann);
        fund.withdraw(rest, ann, ann);
        skip(WINDOW + 1);
        assertEq(fund.maxRedeem(ann), 0);
        vm.stopPrank();
    }

    function test_Vault_MintTakesWhatThePreviewSays() public {
        stake(ann, 1000e6);
        earn(333e6 + 1);
        uint256 expected = fund.previewMint(7 * SHARE);
        fundUp(ben, expected);
        vm.prank(ben);
        assertEq(fund.mint(7 * SHARE, ben), expected);
        assertEq(fund.balanceOf(ben), 7 * SHARE);
    }

    function test_Vault_AnotherRedeemsOnlyWithAnAllowance() public {
        stake(ann, 1000e6);
        vm.prank(ann);
        fund.startCooldown(1000 * SHARE);
        skip(COOLDOWN);
        vm.prank(thief);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, thief, 0, SHARE));
        fund.redeem(SHARE, thief, ann);
        vm.prank(ann);
        fund.approve(ben, SHARE);
        vm.prank(ben);
        assertEq(fund.redeem(SHARE, ben, ann), 1e6);
    }

    // ───── What people do ─────

    function _expectNoStakes() private {
        vm.expectRevert(abi.encodeWithSelector(ERC4626.ERC4626ExceededMaxDeposit.selector, ben, 1000e6, 0));
    }

    function stake(address who, uint256 assets) private returns (uint256) {
        fundUp(who, assets);
        vm.prank(who);
        return fund.deposit(assets, who);
    }

    function unstake(address who, uint256 amount) private returns (uint256) {
        vm.startPrank(who);
        fund.startCooldown(amount);
        vm.warp(vm.getBlockTimestamp() + COOLDOWN);
        uint256 assets = fund.redeem(amount, who, who);
        vm.stopPrank();
        return assets;
    }

    /// @dev Fees reach the fund's account.
    function earn(uint256 amount) private {
        if (amount == 0) return;
        fundUp(address(this), amount);
        ledger.depositCash(fund.account(), amount);
    }

    /// @dev A settlement takes what the fund covers. The ledger does so inside a call; here its part is played.
    function cover(uint256 amount) private {
        if (amount == 0) return;
        vm.prank(address(ledger));
        uint256 covered = fund.cover(1, 1, amount);
        vm.startPrank(address(fund));
        ledger.moveCash(fund.account(), poolAccount(), covered);
        vm.stopPrank();
    }
}

contract FundRobber is ITokenHook {
    IInsuranceFund internal immutable fund;
    QuoteToken internal immutable token;
    uint256 public tries;
    uint256 public successes;
    uint256 public priceInside;

    constructor(IInsuranceFund fund_, QuoteToken token_) {
        (fund, token) = (fund_, token_);
        token_.approve(address(fund_), type(uint256).max);
    }

    function arm() external {
        token.setHooked(true);
    }

    function stake(uint256 assets) external {
        fund.deposit(assets, address(this));
    }

    function onTokens(address, address, uint256 amount) external {
        attempt(abi.encodeCall(fund.deposit, (amount, address(this))));
        priceInside = fund.convertToAssets(1e18);
    }

    function attempt(bytes memory data) private {
        ++tries;
        (bool success,) = address(fund).call(data);
        if (success) ++successes;
    }
}
