// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {SharesTest} from "./shares/SharesTest.sol";

/// @dev What an LP's acts and a mark's part for shares cost, every call from cold storage; the ledger's part is inside, the
/// 21,000 of a transaction are not.
contract PoolSharesGasTest is SharesTest {
    string internal constant GROUP = "PoolShares";

    function setUp() public {
        deploy(6);
        depositNow(ben, 10_000 * one);
        fundUp(ann, 10_000 * one);
    }

    function test_Gas_OfARoundTrip() public {
        vm.prank(ann);
        cold();
        shares.requestDeposit(1000 * one, ann, ann);
        vm.snapshotGasLastCall(GROUP, "request a deposit, first of its epoch");
        fundUp(ben, 1000 * one);
        vm.prank(ben);
        cold();
        shares.requestDeposit(1000 * one, ben, ben);
        vm.snapshotGasLastCall(GROUP, "request a deposit");

        markCold("mark that prices the deposits of an epoch");
        shares.claimFor(ben);
        vm.prank(ann);
        cold();
        shares.deposit(1000 * one, ann, ann);
        vm.snapshotGasLastCall(GROUP, "claim a deposit");

        vm.prank(ann);
        cold();
        shares.requestRedeem(500e18, ann, ann);
        vm.snapshotGasLastCall(GROUP, "request a redemption");
        requestRedeem(ben, 100e18);
        markCold("mark that pays the redemptions of an epoch");
        vm.prank(ann);
        cold();
        shares.redeem(500e18, ann, ann);
        vm.snapshotGasLastCall(GROUP, "claim a redemption");
        markCold("mark with nothing waiting");
    }

    function markCold(string memory name) private {
        skip(60);
        cold();
        pool.mark(uint40(vm.getBlockTimestamp()));
        vm.snapshotGasLastCall(GROUP, name);
    }

    function cold() private {
        vm.cool(address(shares));
        vm.cool(address(ledger));
        vm.cool(address(token));
        vm.cool(address(pool));
    }
}
