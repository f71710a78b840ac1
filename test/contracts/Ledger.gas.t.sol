// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IClearinghouse} from "../../pool-contracts/interfaces/IClearinghouse.sol";
import {AccountId} from "../../pool-contracts/types/AccountId.sol";
import {Leg} from "../../pool-contracts/types/Leg.sol";
import {LedgerFixture} from "./fixture/LedgerFixture.sol";

/// @notice Gas of what users and keepers call, in snapshots/Ledger.json. Each call is a transaction of its own: 21,000,
/// calldata, cold slots and refunds are inside. The oracle behind it is the test's, which keeps a slice in three more slots
/// than the real one; for swaps see Pool.gas.t.sol.
/// forge-config: default.isolate = true
contract LedgerGasTest is LedgerFixture {
    string internal constant SUITE = "Ledger";

    function setUp() public override {
        super.setUp();
        fundAccount(poolAccount, 20_000_000 * USD);
        fundAccount(margin(alice), 1_000_000 * USD);
        fundAccount(margin(bob), 1_000_000 * USD);
        trade(wallet(carol), call(MONTH, 3000), ONE);
        report(60, SPOT);
        pool.mark();
        vm.warp(vm.getBlockTimestamp() + 13);
    }

    function test_gas_marginCheckOfEightStrikes() public {
        for (uint256 i = 0; i < 8; ++i) {
            trade(margin(alice), call(MONTH, 2900 + 25 * i), -100_000);
        }
        vm.prank(alice);
        ledger.withdrawCash(margin(alice), 1, alice);
        vm.snapshotGasLastCall(SUITE, "withdrawal of cash beside 8 short strikes");
    }

    function test_gas_settleAccount() public {
        trade(margin(alice), call(WEEK, 3000), -ONE);
        trade(margin(bob), _eight());
        vm.warp(WEEK);
        oracle.setSettlementPrice(WEEK, 3050e18);
        ledger.startSettlement(MARKET, WEEK);
        vm.snapshotGasLastCall(SUITE, "start of a settlement");
        ledger.settleAccounts(MARKET, WEEK, ids(margin(alice)));
        vm.snapshotGasLastCall(SUITE, "settlement of an account with 1 strike");
        ledger.settleAccounts(MARKET, WEEK, ids(margin(bob)));
        vm.snapshotGasLastCall(SUITE, "settlement of an account with 8 strikes");
    }

    function _eight() private pure returns (Leg[] memory legs) {
        legs = new Leg[](8);
        for (uint256 i = 0; i < 8; ++i) {
            legs[i] = Leg(call(WEEK, 2900 + 25 * i), i % 2 == 0 ? ONE : -ONE);
        }
    }

    function test_gas_depositAndWithdrawal() public {
        vm.startPrank(alice);
        ledger.depositCash(margin(alice), 100);
        vm.snapshotGasLastCall(SUITE, "deposit of cash");
        ledger.withdrawCash(margin(alice), 100, alice);
        vm.snapshotGasLastCall(SUITE, "withdrawal of cash");
    }
}
