// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IClearinghouse} from "../../pool-contracts/interfaces/IClearinghouse.sol";
import {Mark} from "../../pool-contracts/interfaces/IOptionPool.sol";
import {AccountId} from "../../pool-contracts/types/AccountId.sol";
import {LedgerFixture} from "./fixture/LedgerFixture.sol";
import {ScriptedMaker} from "./fixture/ScriptedMaker.sol";

/// @notice Makers behind the insurance fund. Alice owes 10,000 of week calls to `creditor`, has paid 2,000 and cannot pay the rest.
contract BackstopsTest is LedgerFixture {
    ScriptedMaker internal creditor;

    // ───── Who and how much ─────

    function test_onlyARegisteredMakerStandsBehindTheFund() public {
        address stranger = makeAddr("stranger");
        AccountId account = margin(stranger);
        vm.expectRevert(abi.encodeWithSelector(IClearinghouse.Clearinghouse_InvalidMaker.selector, stranger, account));
        vm.prank(stranger);
        ledger.setBackstop(MARKET, 1);
        vm.prank(alice);
        vm.expectRevert(); // the authority's
        pool.setBackstop(1);
    }

    function test_atMostFourStandBehindAMarket_andOneThatLeavesMakesRoom() public {
        ScriptedMaker[5] memory makers;
        for (uint256 i = 0; i < 5; ++i) {
            makers[i] = _backstop(0, 0);
        }
        for (uint256 i = 0; i < 4; ++i) {
            _setCap(makers[i], 10);
        }
        vm.expectRevert(abi.encodeWithSelector(IClearinghouse.Clearinghouse_TooManyBackstops.selector, MARKET, 4));
        _setCap(makers[4], 10);
        _setCap(makers[1], 0);
        vm.expectEmit(address(ledger));
        emit IClearinghouse.BackstopChanged(makers[4].account(), MARKET, 20);
        _setCap(makers[4], 20);
        assertEq(ledger.backstopCap(makers[4].account(), MARKET), 20);
        assertEq(ledger.backstopCap(makers[1].account(), MARKET), 0);
    }

    // ───── The order of losses ─────

    function test_theyPayAfterTheFundAndBeforeTheRatio() public {
        ScriptedMaker maker = _backstop(10_000, 4000);
        _fund(3000);
        _owe();
        vm.expectEmit(address(ledger));
        emit IClearinghouse.BackstopPaid(maker.account(), MARKET, WEEK, 4000 * USD);
        vm.expectEmit(address(ledger));
        emit IClearinghouse.SettlementFinal(MARKET, WEEK, 10_000 * USD, 9000 * USD, 3000 * USD, 4000 * USD);
        ledger.finalizeSettlement(MARKET, WEEK);
        assertEq(ledger.cash(maker.account()), 6000 * USD);
        assertEq(ledger.backstopCap(maker.account(), MARKET), 0, "used up");
        assertEq(ledger.claimCredit(creditor.account(), MARKET, WEEK), 9000 * USD);
    }

    function test_whatTheFundPaysCostsThemNothing() public {
        ScriptedMaker maker = _backstop(10_000, 4000);
        _fund(8000);
        _owe();
        assertEq(ledger.backstopProvision(maker.account(), MARKET), 0);
        ledger.finalizeSettlement(MARKET, WEEK);
        assertEq(ledger.cash(maker.account()), 10_000 * USD);
        assertEq(ledger.backstopCap(maker.account(), MARKET), 4000 * USD);
    }

    function test_theyShareByWhatEachCanPay() public {
        ScriptedMaker large = _backstop(100_000, 9000);
        ScriptedMaker small = _backstop(1000, 9000); // no more than its cash
        _owe();
        ledger.finalizeSettlement(MARKET, WEEK);
        assertEq(100_000 * USD - ledger.cash(large.account()), 7200 * USD, "8,000 as 9,000 to 1,000");
        assertEq(1000 * USD - ledger.cash(small.account()), 800 * USD);
        assertEq(ledger.claimCredit(creditor.account(), MARKET, WEEK), 10_000 * USD);
    }

    function test_theyPayNothingThatTheirOwnBookNeeds() public {
        trade(wallet(bob), call(MONTH, 3000), 100 * ONE);
        pool.setBackstop(uint128(8000 * USD));
        _owe();
        int256 needed = ledger.stress(poolAccount);
        uint256 cash = ledger.cash(poolAccount);
        vm.prank(address(pool));
        ledger.moveCash(poolAccount, margin(bob), cash - uint256(needed) - 500 * USD);
        ledger.finalizeSettlement(MARKET, WEEK);
        assertEq(ledger.cash(poolAccount), uint256(needed), "500 were free");
        assertEq(ledger.backstopCap(poolAccount, MARKET), 7500 * USD);
    }

    /// @dev What comes late repays who bore the loss last: creditors, then makers, then the fund; to the unit.
    function testFuzz_latePaymentsGoBackUpTheOrder(uint32 inFund, uint32 capA, uint32 capB, uint64[3] memory late)
        public
    {
        _fund(inFund % 9000);
        ScriptedMaker a = _backstop(5000, capA % 9000);
        ScriptedMaker b = _backstop(5000, capB % 9000);
        _owe();
        uint256 fundBefore = ledger.cash(ledger.insuranceAccount());
        ledger.finalizeSettlement(MARKET, WEEK);
        uint256 covered = fundBefore - ledger.cash(ledger.insuranceAccount());
        uint256 backed = 10_000 * USD - ledger.cash(a.account()) - ledger.cash(b.account());
        uint256 short = 8000 * USD - covered - backed;
        if (short != 0) assertEq(ledger.cash(ledger.insuranceAccount()), 0, "the fund first");

        uint256 paid;
        for (uint256 i = 0; i < 3; ++i) {
            uint256 payment = late[i] % (4000 * USD);
            if (payment == 0) continue;
            fundAccount(margin(alice), payment);
            ledger.settleAccounts(MARKET, WEEK, ids(margin(alice)));
            paid += payment < 8000 * USD - paid ? payment : 8000 * USD - paid;
        }
        uint256 toCreditors = paid < short ? paid : short;
        uint256 toMakers = paid - toCreditors < backed ? paid - toCreditors : backed;
        assertEq(ledger.claimCredit(creditor.account(), MARKET, WEEK), 10_000 * USD - short + toCreditors);
        assertEq(ledger.cash(a.account()) + ledger.cash(b.account()), 10_000 * USD - backed + toMakers);
        assertEq(ledger.cash(ledger.insuranceAccount()), fundBefore - covered + paid - toCreditors - toMakers);
        assertLe(ledger.cash(a.account()), 5000 * USD, "no more than it had paid");
        assertLe(ledger.cash(b.account()), 5000 * USD);
        assertEq(ledger.pot(MARKET, WEEK), 0);
    }

    // ───── Nobody runs ahead ─────

    function test_aMarkProvidesForKnownLosses_andTheCapStaysAboveThem() public {
        pool.setBackstop(uint128(6000 * USD));
        _owe();
        oracle.report(4000e18, VOLATILITY, listed);
        Mark memory mark = pool.mark();
        assertEq(mark.provision, 6000 * USD, "8,000 are missing, the fund is empty");
        assertEq(ledger.backstopProvision(poolAccount, MARKET), 6000 * USD);
        vm.expectRevert(
            abi.encodeWithSelector(IClearinghouse.Clearinghouse_BackstopLiable.selector, poolAccount, 6000 * USD)
        );
        pool.setBackstop(uint128(6000 * USD - 1));
        _fund(5000);
        assertEq(ledger.backstopProvision(poolAccount, MARKET), 3000 * USD);
        pool.setBackstop(uint128(3000 * USD));
        uint256 cash = ledger.cash(poolAccount);
        ledger.finalizeSettlement(MARKET, WEEK);
        assertEq(ledger.cash(poolAccount), cash - 3000 * USD, "what it had provided for");
        oracle.report(4000e18, VOLATILITY, listed);
        Mark memory later = pool.mark();
        assertEq(later.provision, 0);
        assertEq(later.nav, mark.nav - int256(3000 * USD));
    }

    function test_provisionsAreSharedByCaps() public {
        ScriptedMaker a = _backstop(0, 9000);
        ScriptedMaker b = _backstop(0, 3000);
        _owe();
        assertEq(ledger.backstopProvision(a.account(), MARKET), 6000 * USD);
        assertEq(ledger.backstopProvision(b.account(), MARKET), 2000 * USD);
    }

    // ───── What people do ─────

    function _backstop(uint256 dollars, uint256 cap) private returns (ScriptedMaker maker) {
        maker = new ScriptedMaker();
        ledger.registerMaker(address(maker));
        if (dollars != 0) fundAccount(maker.account(), dollars * USD);
        if (cap != 0) _setCap(maker, cap * USD);
    }

    function _setCap(ScriptedMaker maker, uint256 cap) private {
        maker.execute(address(ledger), abi.encodeCall(ledger.setBackstop, (MARKET, uint128(cap))));
    }

    function _fund(uint256 dollars) private {
        if (dollars != 0) fundAccount(ledger.insuranceAccount(), dollars * USD);
    }

    /// @dev Two hours after the expiry: the settlement may become final.
    function _owe() private {
        creditor = new ScriptedMaker();
        creditor.answer(0, 0);
        fundAccount(creditor.account(), 1_000_000 * USD);
        fundAccount(margin(alice), 10_000 * USD);
        vm.prank(alice);
        ledger.depositBase(margin(alice), MARKET, 10e18);
        IClearinghouse.Swap memory swap = swapOf(margin(alice), address(creditor), one(call(WEEK, 3000), -10 * ONE));
        vm.prank(alice);
        ledger.trade(swap);
        vm.prank(alice);
        ledger.withdrawCash(margin(alice), 8000 * USD, alice); // covered by base: healthy
        settle(WEEK, 4000e18, ids(margin(alice), creditor.account()));
        vm.warp(WEEK + 2 hours);
    }
}
