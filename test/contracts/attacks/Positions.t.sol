// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IClearinghouse} from "../../../pool-contracts/interfaces/IClearinghouse.sol";
import {IOptionPool} from "../../../pool-contracts/interfaces/IOptionPool.sol";
import {AccountId} from "../../../pool-contracts/types/AccountId.sol";
import {OptionId} from "../../../pool-contracts/types/OptionId.sol";
import {LedgerFixture} from "../fixture/LedgerFixture.sol";

/// Attacks on positions, their names and their payouts, by the numbers of the list that SECURITY.md names.
contract PositionAttacksTest is LedgerFixture {
    /// Most gas a keeper's transaction may need, below the cap of EIP-7825.
    uint256 private constant MOST_GAS = 15_000_000;

    /// Options bought, a part handed on, the rest settled: each is paid for what he holds, and together for what was bought.
    function testFuzz_attack_B6_handedOnInPartsPaysForTheWhole(uint256 part) public {
        OptionId option = call(WEEK, 3000);
        trade(wallet(alice), option, 10 * ONE);
        part = bound(part, 1, uint128(10 * ONE));
        vm.prank(alice);
        ledger.transfer(bob, OptionId.unwrap(option), part);
        settle(WEEK, 3200e18, ids(poolAccount));
        ledger.finalizeSettlement(MARKET, WEEK);
        uint256 hers = ledger.redeemOptions(alice, options(option));
        uint256 his = ledger.redeemOptions(bob, options(option));
        assertEq(his, 200 * USD * part / uint128(ONE), "rounded down");
        assertApproxEqAbs(hers + his, 2000 * USD, 1, "the whole");
        assertLe(hers + his, 2000 * USD, "and no more");
    }

    /// Whoever holds an option at settlement is paid, not whoever bought it.
    function test_attack_B27_holderAtSettlementIsPaid() public {
        OptionId option = call(WEEK, 3000);
        trade(wallet(alice), option, 10 * ONE);
        vm.prank(alice);
        ledger.transfer(bob, OptionId.unwrap(option), uint128(10 * ONE));
        settle(WEEK, 3200e18, ids(poolAccount));
        ledger.finalizeSettlement(MARKET, WEEK);
        assertEq(ledger.redeemOptions(alice, options(option)), 0, "sold");
        assertEq(ledger.redeemOptions(bob, options(option)), 2000 * USD);
    }

    function test_attack_B9_strikesOfNothing() public {
        uint256[3] memory strikes = [uint256(0), 1, 24];
        for (uint256 i = 0; i < 3; ++i) {
            _refuses(
                strikes[i],
                abi.encodeWithSelector(IClearinghouse.Clearinghouse_StrikeNotOnGrid.selector, strikes[i] * 1e6, 25e6)
            );
        }
        // On the grid, and never quoted: out of the pool's range of deltas.
        IClearinghouse.Swap memory swap = swapOf(wallet(alice), address(pool), one(call(MONTH, 25), ONE));
        vm.prank(alice);
        vm.expectPartialRevert(IOptionPool.OptionPool_DeltaOutOfRange.selector);
        ledger.trade(swap);
    }

    function testFuzz_attack_B10_strikesBetweenTheSteps(uint256 strike) public {
        strike = bound(strike, 1, 100_000);
        vm.assume(strike % 25 != 0);
        _refuses(
            strike, abi.encodeWithSelector(IClearinghouse.Clearinghouse_StrikeNotOnGrid.selector, strike * 1e6, 25e6)
        );
    }

    function _refuses(uint256 strike, bytes memory reason) private {
        IClearinghouse.Swap memory swap = swapOf(wallet(alice), address(pool), one(call(MONTH, strike), ONE));
        vm.prank(alice);
        vm.expectRevert(reason);
        ledger.trade(swap);
    }

    /// At any price a short owes no more than the ledger holds for it: what a pool cannot pay lowers the payout, nothing is printed.
    function testFuzz_attack_B16_pricesWithoutMeasure(uint256 priceWad) public {
        priceWad = bound(priceWad, 1, type(uint96).max);
        trade(wallet(alice), two(call(WEEK, 3000), 10 * ONE, put(WEEK, 2900), 10 * ONE));
        uint256 held = quoteToken.balanceOf(address(ledger));
        settle(WEEK, priceWad, ids(poolAccount));
        vm.warp(WEEK + 4 days);
        ledger.finalizeSettlement(MARKET, WEEK);
        OptionId[] memory both = new OptionId[](2);
        (both[0], both[1]) = (call(WEEK, 3000), put(WEEK, 2900));
        uint256 paid = ledger.redeemOptions(alice, both);
        uint256 intrinsic = priceWad > 3000e18 ? priceWad - 3000e18 : priceWad < 2900e18 ? 2900e18 - priceWad : 0;
        assertLe(paid, 10 * intrinsic / 1e12, "no more than it is worth");
        vm.prank(alice);
        if (paid != 0) ledger.withdrawCash(wallet(alice), paid, alice);
        assertEq(quoteToken.balanceOf(address(ledger)), held - paid, "out of what was there");
    }

    /// The work of a keeper on books and pages of full size stays below the cap on a transaction's gas.
    function test_attack_H11_fullBooksFitIntoATransaction() public {
        for (uint256 i = 0; i < 8; ++i) {
            trade(wallet(alice), two(call(WEEK, 3025 + 25 * i), ONE / 10, put(WEEK, 2975 - 25 * i), ONE / 10));
            trade(wallet(alice), two(call(MONTH, 3100 + 50 * i), ONE / 10, put(MONTH, 2900 - 50 * i), ONE / 10));
        }
        AccountId[] memory accounts = new AccountId[](101);
        for (uint256 i = 0; i < 100; ++i) {
            address trader = vm.addr(1000 + i);
            accounts[i] = margin(trader);
            fundAccount(accounts[i], 2000 * USD);
            IClearinghouse.Swap memory swap =
                swapOf(accounts[i], address(pool), two(call(WEEK, 3000), -ONE / 10, put(WEEK, 2900), -ONE / 10));
            vm.prank(trader);
            ledger.trade(swap);
        }
        accounts[100] = poolAccount;
        report(300, SPOT);
        uint256 before = gasleft();
        pool.mark();
        assertLt(before - gasleft(), MOST_GAS, "mark");
        vm.warp(WEEK);
        oracle.setSettlementPrice(WEEK, 3200e18);
        ledger.startSettlement(MARKET, WEEK);
        before = gasleft();
        ledger.settleAccounts(MARKET, WEEK, accounts);
        assertLt(before - gasleft(), MOST_GAS, "a page of a hundred accounts");
        ledger.finalizeSettlement(MARKET, WEEK);
    }
}
