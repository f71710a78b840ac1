// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {LocalToken} from "../../pool-contracts/local/LocalToken.sol";
import {QuoteToken} from "./shares/QuoteToken.sol";
import {SharesTest} from "./shares/SharesTest.sol";

/// @dev What an LP's acts and a mark's part for shares cost. Each call is a transaction of its own: 21,000, calldata, cold slots and
/// refunds are inside. The pool is in use: its accounts in the ledger hold something already, as they do after a first claim's rounding.
/// forge-config: default.isolate = true
contract PoolSharesGasTest is SharesTest {
    string internal constant GROUP = "PoolShares";
    address internal eve = makeAddr("eve");

    function setUp() public {
        deploy(6);
        depositNow(ben, 10_000 * one);
        fundUp(ann, 10_000 * one);
        fundUp(eve, 10_000 * one);
        fundUp(address(this), 2);
        ledger.depositCash(shares.escrowAccount(), 1);
        ledger.depositCash(shares.payoutAccount(), 1);
        skip(60);
    }

    /// @dev A token without the rules of the one for tests.
    function newToken(uint8 decimals) internal override returns (QuoteToken) {
        return QuoteToken(address(new LocalToken("Quote", "QUOTE", decimals)));
    }

    function test_Gas_OfARoundTrip() public {
        vm.prank(eve);
        shares.requestDeposit(1000 * one, eve, eve);
        vm.snapshotGasLastCall(GROUP, "request a deposit, first of its epoch");
        vm.prank(ann);
        shares.requestDeposit(1000 * one, ann, ann);
        vm.snapshotGasLastCall(GROUP, "request a deposit");
        uint256 nothing = gasOfMark("mark with nothing waiting", false);
        uint256 deposits = gasOfMark("mark that prices the deposits of an epoch", true);
        vm.snapshotValue(GROUP, "deposits of an epoch, beside the mark", deposits - nothing);

        vm.prank(ann);
        shares.deposit(1000 * one, ann, ann);
        vm.snapshotGasLastCall(GROUP, "claim a deposit");
        shares.claimFor(eve);
        vm.snapshotGasLastCall(GROUP, "claim a deposit for somebody");

        vm.prank(eve);
        shares.requestRedeem(500e18, eve, eve);
        vm.prank(ann);
        shares.requestRedeem(500e18, ann, ann);
        vm.snapshotGasLastCall(GROUP, "request a redemption");
        uint256 redemptions = gasOfMark("mark that pays the redemptions of an epoch", true);
        vm.snapshotValue(GROUP, "redemptions of an epoch, beside the mark", redemptions - nothing);
        vm.prank(ann);
        shares.redeem(500e18, ann, ann);
        vm.snapshotGasLastCall(GROUP, "claim a redemption");

        vm.prank(ann);
        shares.requestDeposit(1000 * one, ann, ann);
        vm.prank(ann);
        shares.requestRedeem(500e18, ann, ann);
        uint256 both = gasOfMark("mark of an epoch with both", true);
        vm.snapshotValue(GROUP, "an epoch with both, beside the mark", both - nothing);
    }

    function test_Gas_OfBoundsAndCancelations() public {
        vm.prank(eve);
        shares.requestDeposit(1000 * one, eve, eve);
        vm.prank(ann);
        shares.requestDeposit(1000 * one, ann, ann, 0.01e18);
        vm.snapshotGasLastCall(GROUP, "request a deposit with a bound, first of its class");
        uint256 id = idOf(ann, false);
        vm.prank(ann);
        shares.cancelDepositRequest(id, ann);
        vm.snapshotGasLastCall(GROUP, "cancel before the cut-off");
        shares.claimFor(ann);
        vm.snapshotGasLastCall(GROUP, "take a canceled deposit back");

        pool.setPayable(0);
        vm.prank(ben);
        shares.requestRedeem(500e18, ben, ben);
        gasOfMark("", true);
        id = idOf(ben, true);
        vm.prank(ben);
        shares.cancelRedeemRequest(id, ben);
        vm.snapshotGasLastCall(GROUP, "cancel a redemption that waits for money");
    }

    /// @dev A batch of all fifteen lots, which leave it partly paid: the dearest that requests can make of an epoch.
    function test_Gas_OfAnEpochWithEveryLot() public {
        uint256[7] memory bounds = [uint256(0.001e18), 0.002e18, 0.005e18, 0.01e18, 0.02e18, 0.05e18, 0.1e18];
        for (uint256 i = 0; i < 15; ++i) {
            depositNow(vm.addr(i + 1), 1000 * one);
        }
        for (uint256 i = 0; i < 15; ++i) {
            uint256 bound_ = i < 14 ? bounds[i % 7] : 1e18;
            vm.prank(vm.addr(i + 1));
            shares.requestRedeem(500e18, vm.addr(i + 1), vm.addr(i + 1), bound_);
        }
        pool.setPayable(1000 * one);
        gasOfMark("", true);
        for (uint256 i = 7; i < 15; ++i) {
            uint256 id = idOf(vm.addr(i + 1), true);
            vm.prank(vm.addr(i + 1));
            shares.cancelRedeemRequest(id, vm.addr(i + 1));
        }
        pool.setBook(0, 0, 0, uint256(pool.nav()) / 4);
        gasOfMark("mark at which all fifteen lots leave an epoch", true);
        assertEq(statusOf(vm.addr(1), true).pending, 0);
    }

    /// @dev Of a mark a minute later, or of one whose report is too early for whatever waits.
    function gasOfMark(string memory name, bool late) private returns (uint256 gas) {
        if (late) skip(60);
        pool.mark(uint40(late ? vm.getBlockTimestamp() : vm.getBlockTimestamp() - 1));
        gas = vm.lastCallGas().gasTotalUsed;
        if (bytes(name).length != 0) vm.snapshotGasLastCall(GROUP, name);
    }
}
