// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IClearinghouse} from "../../pool-contracts/interfaces/IClearinghouse.sol";
import {Grid} from "../../pool-contracts/interfaces/IRiskEngine.sol";
import {AccountId, toAccountId} from "../../pool-contracts/types/AccountId.sol";
import {ExpiryState, ExpiryWord} from "../../pool-contracts/types/ExpiryWord.sol";
import {Leg} from "../../pool-contracts/types/Leg.sol";
import {OptionId} from "../../pool-contracts/types/OptionId.sol";
import {LedgerFixture} from "./fixture/LedgerFixture.sol";
import {ScriptedMaker} from "./fixture/ScriptedMaker.sol";

/// @notice From expiry to the last payout: the order of losses, and that nobody's payout depends on who claims first.
contract SettlementTest is LedgerFixture {
    function _word() internal view returns (ExpiryWord) {
        return ledger.expiryWord(MARKET, WEEK);
    }

    function _start(uint256 priceWad) internal {
        vm.warp(WEEK);
        oracle.setSettlementPrice(WEEK, priceWad);
        ledger.startSettlement(MARKET, WEEK);
    }

    function _all() internal view returns (AccountId[] memory accounts) {
        accounts = new AccountId[](4);
        (accounts[0], accounts[1], accounts[2], accounts[3]) = (poolAccount, margin(alice), margin(bob), margin(carol));
    }

    // ── The way through

    function test_attack_B12_settlementStartsOnceAfterExpiryWithAPrice() public {
        vm.expectRevert(abi.encodeWithSelector(IClearinghouse.Clearinghouse_NotExpired.selector, WEEK));
        ledger.startSettlement(MARKET, WEEK);
        vm.expectRevert(abi.encodeWithSelector(IClearinghouse.Clearinghouse_NotSettling.selector, WEEK));
        ledger.settleAccounts(MARKET, WEEK, ids(margin(alice)));
        vm.expectRevert(abi.encodeWithSelector(IClearinghouse.Clearinghouse_NotSettling.selector, WEEK));
        ledger.finalizeSettlement(MARKET, WEEK);
        vm.warp(WEEK + 100);
        vm.expectRevert(abi.encodeWithSelector(IClearinghouse.Clearinghouse_NoSettlementPrice.selector, WEEK));
        ledger.startSettlement(MARKET, WEEK);
        oracle.setSettlementPrice(WEEK, 3100e18);
        ledger.startSettlement(MARKET, WEEK);
        assertEq(ledger.settlementPrice(MARKET, WEEK), 3100e18);
        assertEq(_word().settledAfter(), 100);
        assertTrue(_word().state() == ExpiryState.Settling);
        vm.expectRevert(abi.encodeWithSelector(IClearinghouse.Clearinghouse_NotSettling.selector, WEEK));
        ledger.startSettlement(MARKET, WEEK);
        oracle.setSettlementPrice(WEEK, 9000e18); // the price the ledger took stays
        assertEq(ledger.settlementPrice(MARKET, WEEK), 3100e18);
        ledger.finalizeSettlement(MARKET, WEEK);
        vm.expectRevert(abi.encodeWithSelector(IClearinghouse.Clearinghouse_AlreadyFinal.selector, WEEK));
        ledger.finalizeSettlement(MARKET, WEEK);
    }

    function test_aWalletIsPaidByTheShortPool_throughItsCash() public {
        OptionId option = call(WEEK, 3000);
        trade(wallet(alice), option, 10 * ONE);
        _start(3200e18);
        vm.expectRevert(abi.encodeWithSelector(IClearinghouse.Clearinghouse_ShortAccountsRemain.selector, WEEK, 1));
        ledger.finalizeSettlement(MARKET, WEEK);
        uint256 poolCash = ledger.cash(poolAccount);
        ledger.settleAccounts(MARKET, WEEK, ids(poolAccount));
        assertEq(ledger.cash(poolAccount), poolCash - 2000 * USD);
        assertEq(ledger.pot(MARKET, WEEK), 2000 * USD);
        vm.expectRevert(abi.encodeWithSelector(IClearinghouse.Clearinghouse_NotFinal.selector, WEEK));
        ledger.redeemOptions(alice, options(option));
        ledger.finalizeSettlement(MARKET, WEEK);
        vm.prank(bob); // anyone may: it pays only the wallet
        assertEq(ledger.redeemOptions(alice, options(option)), 2000 * USD);
        assertEq(ledger.cash(wallet(alice)), 2000 * USD);
        assertEq(ledger.balanceOf(alice, OptionId.unwrap(option)), 0);
        assertEq(ledger.redeemOptions(alice, options(option)), 0, "once");
        vm.prank(alice);
        ledger.withdrawCash(wallet(alice), 2000 * USD, alice);
        assertEq(ledger.pot(MARKET, WEEK), 0);
    }

    function test_anAccountIsNettedFirst_soASpreadsLongPaysItsShort() public {
        fundAccount(margin(alice), 2000 * USD);
        trade(margin(alice), two(call(WEEK, 3000), -5 * ONE, call(WEEK, 3200), 5 * ONE));
        _start(3500e18);
        uint256 before = ledger.cash(margin(alice));
        ledger.settleAccounts(MARKET, WEEK, ids(margin(alice), poolAccount));
        assertEq(ledger.cash(margin(alice)), before - 1000 * USD, "200 a contract, not 500");
        ledger.finalizeSettlement(MARKET, WEEK);
        assertEq(ledger.claimCredit(poolAccount, MARKET, WEEK), 1000 * USD);
        vm.expectRevert(
            abi.encodeWithSelector(IClearinghouse.Clearinghouse_NothingToSettle.selector, poolAccount, WEEK)
        );
        ledger.claimCredit(poolAccount, MARKET, WEEK);
    }

    function test_aCreditIsClaimedOnlyOnceTheRatioIsFixed() public {
        fundAccount(margin(alice), 10_000 * USD);
        trade(margin(alice), call(WEEK, 3000), ONE);
        _start(3100e18);
        ledger.settleAccounts(MARKET, WEEK, ids(margin(alice)));
        assertEq(ledger.credit(margin(alice), MARKET, WEEK), 100 * USD);
        vm.expectRevert(abi.encodeWithSelector(IClearinghouse.Clearinghouse_NotFinal.selector, WEEK));
        ledger.claimCredit(margin(alice), MARKET, WEEK);
    }

    function test_aLongAccountMaySettleAfterFinality() public {
        fundAccount(margin(alice), 10_000 * USD);
        trade(margin(alice), call(WEEK, 3000), ONE);
        _start(3100e18);
        ledger.settleAccounts(MARKET, WEEK, ids(poolAccount));
        ledger.finalizeSettlement(MARKET, WEEK);
        ledger.settleAccounts(MARKET, WEEK, ids(margin(alice)));
        assertEq(ledger.claimCredit(margin(alice), MARKET, WEEK), 100 * USD);
    }

    function test_attack_F15_batchMayNameAnybodyTwiceOrInVain() public {
        fundAccount(margin(alice), 10_000 * USD);
        trade(margin(alice), call(WEEK, 3000), ONE);
        _start(3100e18);
        AccountId[] memory accounts = new AccountId[](4);
        (accounts[0], accounts[1], accounts[2]) = (poolAccount, poolAccount, margin(bob));
        accounts[3] = AccountId.wrap(type(uint256).max);
        ledger.settleAccounts(MARKET, WEEK, accounts);
        assertEq(_word().owed(), 100 * USD);
        assertEq(_word().openShortAccounts(), 0);
    }

    function test_shortAccountsAreCountedAsTheyComeAndGo() public {
        for (uint256 i = 0; i < 2; ++i) {
            fundAccount(margin([alice, bob][i]), 100_000 * USD);
        }
        trade(margin(alice), two(call(WEEK, 3000), -ONE, put(WEEK, 2800), -ONE));
        assertEq(_word().openShortAccounts(), 1);
        trade(margin(bob), call(WEEK, 3000), 2 * ONE); // now the pool is short: one, net
        assertEq(_word().openShortAccounts(), 2);
        trade(margin(alice), call(WEEK, 3000), ONE);
        assertEq(_word().openShortAccounts(), 2, "the put is left");
        trade(margin(alice), put(WEEK, 2800), ONE);
        assertEq(_word().openShortAccounts(), 1);
        trade(margin(bob), call(WEEK, 3000), -2 * ONE);
        assertEq(_word().openShortAccounts(), 0);
    }

    function test_attack_B5_optionsOfTheSameExpiryOnly_theRestOfTheBookStays() public {
        fundAccount(margin(alice), 100_000 * USD);
        trade(margin(alice), two(call(WEEK, 3000), ONE, call(MONTH, 3000), -ONE));
        trade(margin(alice), put(WEEK, 2900), ONE);
        _start(3100e18);
        ledger.settleAccounts(MARKET, WEEK, ids(margin(alice)));
        assertEq(ledger.strikes(margin(alice)).length, 1);
        assertEq(ledger.position(margin(alice), call(MONTH, 3000)), -ONE);
    }

    // ── Debtors

    /// @dev Alice, short 10 calls, has 2,000 cash and no way to pay 10,000; bob holds the options. Both trade with a maker
    /// outside the pool, so that nobody else is a party.
    function _aDebtor() internal returns (ScriptedMaker maker) {
        maker = new ScriptedMaker();
        maker.answer(0, 0);
        fundAccount(maker.account(), 1_000_000 * USD);
        fundAccount(margin(alice), 10_000 * USD);
        vm.prank(alice);
        ledger.depositBase(margin(alice), MARKET, 10e18);
        IClearinghouse.Swap memory swap = swapOf(margin(alice), address(maker), one(call(WEEK, 3000), -10 * ONE));
        vm.prank(alice);
        ledger.trade(swap);
        vm.prank(alice);
        ledger.withdrawCash(margin(alice), 8000 * USD, alice); // covered by base: healthy
    }

    function test_aDebtorWithBaseButNoCashIsRecorded_andHisBaseStays() public {
        ScriptedMaker maker = _aDebtor();
        _start(4000e18);
        ledger.settleAccounts(MARKET, WEEK, ids(margin(alice), maker.account()));
        assertEq(ledger.cash(margin(alice)), 0);
        assertEq(ledger.debt(margin(alice)), 8000 * USD);
        bytes memory refusal =
            abi.encodeWithSelector(IClearinghouse.Clearinghouse_Unhealthy.selector, margin(alice), 8000 * USD);
        vm.startPrank(alice);
        vm.expectRevert(refusal);
        ledger.withdrawBase(margin(alice), MARKET, 1, alice);
        IClearinghouse.Swap memory swap = swapOf(margin(alice), address(pool), one(call(MONTH, 3000), ONE));
        vm.expectRevert(refusal);
        ledger.trade(swap);
        ledger.depositCash(margin(alice), 100 * USD); // what comes in cannot leave
        vm.expectRevert(refusal);
        ledger.withdrawCash(margin(alice), 1, alice);
        vm.stopPrank();
        vm.expectRevert(
            abi.encodeWithSelector(IClearinghouse.Clearinghouse_DebtsPending.selector, WEEK, WEEK + 2 hours)
        );
        ledger.finalizeSettlement(MARKET, WEEK);
    }

    function test_attack_H10_debtPaidInTimeLeavesNobodyShort() public {
        ScriptedMaker maker = _aDebtor();
        _start(4000e18);
        ledger.settleAccounts(MARKET, WEEK, ids(margin(alice), maker.account()));
        fundAccount(margin(alice), 9000 * USD);
        ledger.settleAccounts(MARKET, WEEK, ids(margin(alice)));
        assertEq(ledger.debt(margin(alice)), 0);
        assertEq(ledger.cash(margin(alice)), 1000 * USD);
        ledger.finalizeSettlement(MARKET, WEEK);
        assertEq(ledger.claimCredit(maker.account(), MARKET, WEEK), 10_000 * USD);
        vm.prank(alice);
        ledger.withdrawBase(margin(alice), MARKET, 10e18, alice);
    }

    function test_theInsuranceFundPaysWhatIsMissing_andCollectsWhatComesLate() public {
        quoteToken.approve(address(fund), type(uint256).max);
        fundAccount(margin(treasury), 1); // gives this contract an approval and a balance history
        giveQuote(address(this), 50_000 * USD);
        quoteToken.approve(address(fund), type(uint256).max);
        fund.deposit(50_000 * USD, address(this));
        ScriptedMaker maker = _aDebtor();
        _start(4000e18);
        ledger.settleAccounts(MARKET, WEEK, ids(margin(alice), maker.account()));
        vm.warp(WEEK + 2 hours);
        uint256 before = ledger.cash(ledger.insuranceAccount());
        ledger.finalizeSettlement(MARKET, WEEK);
        assertEq(ledger.cash(ledger.insuranceAccount()), before - 8000 * USD);
        assertEq(ledger.claimCredit(maker.account(), MARKET, WEEK), 10_000 * USD);
        fundAccount(margin(alice), 3000 * USD);
        ledger.settleAccounts(MARKET, WEEK, ids(margin(alice)));
        assertEq(ledger.cash(ledger.insuranceAccount()), before - 5000 * USD);
        assertEq(ledger.debt(margin(alice)), 5000 * USD);
    }

    /// @dev A third of the debt is covered or none: everybody is paid the same part of what he is due, in any order.
    function testFuzz_attack_H12_payoutsDoNotDependOnTheOrderOfClaims(
        uint256 order,
        uint64 price,
        uint32 inFund,
        uint32[3] memory sizes
    ) public {
        ScriptedMaker maker = _aDebtor();
        uint256 settlement = 3000e18 + uint256(price) % 3000e18;
        if (inFund % 4 != 0) {
            giveQuote(address(this), uint256(inFund) + 1e6);
            quoteToken.approve(address(fund), type(uint256).max);
            fund.deposit(uint256(inFund) + 1e6, address(this));
        }
        // The maker's ten calls go to bob's and carol's wallets and to a margin account of carol's.
        uint256[3] memory held;
        uint256 left = 10e6;
        for (uint256 i = 0; i < 3; ++i) {
            held[i] = i == 2 ? left : sizes[i] % (left - (2 - i)) + 1;
            left -= held[i];
        }
        OptionId option = call(WEEK, 3000);
        AccountId from = maker.account();
        address[3] memory to = [bob, carol, carol];
        for (uint256 i = 0; i < 3; ++i) {
            bytes memory withdrawal = abi.encodeCall(ledger.withdrawOptions, (from, option, held[i], to[i]));
            maker.execute(address(ledger), withdrawal);
        }
        vm.prank(carol);
        ledger.depositOptions(margin(carol), option, held[2]);

        _start(settlement);
        ledger.settleAccounts(MARKET, WEEK, ids(margin(alice), margin(carol)));
        vm.warp(WEEK + 2 hours);
        ledger.finalizeSettlement(MARKET, WEEK);
        (uint256 owed, uint256 collected) = (_word().owed(), _word().collected());
        assertLe(collected, owed);
        assertEq(ledger.pot(MARKET, WEEK), collected);

        uint256 first = order % 3;
        uint256 second = (first + 1 + order / 3 % 2) % 3;
        uint256[3] memory sequence = [first, second, 3 - first - second];
        for (uint256 i = 0; i < 3; ++i) {
            uint256 who = sequence[i];
            uint256 due = held[who] * (settlement - 3000e18) / 1e18;
            uint256 expected = collected >= owed ? due : due * collected / owed;
            uint256 paid;
            if (who < 2) {
                paid = ledger.redeemOptions(to[who], options(option));
            } else if (ledger.credit(margin(carol), MARKET, WEEK) != 0) {
                paid = ledger.claimCredit(margin(carol), MARKET, WEEK);
            }
            assertEq(paid, expected, "the same part of what is due, whoever comes first");
        }
        assertLe(ledger.pot(MARKET, WEEK), 5, "nothing is left but what rounding kept");
    }

    function test_aDebtorsCreditFromAnotherExpiryPaysHisDebt() public {
        ScriptedMaker maker = _aDebtor();
        trade(wallet(alice), call(MONTH, 3000), 20 * ONE);
        vm.prank(alice);
        ledger.depositOptions(margin(alice), call(MONTH, 3000), uint128(20 * ONE));
        _start(4000e18);
        ledger.settleAccounts(MARKET, WEEK, ids(margin(alice), maker.account()));
        vm.warp(WEEK + 2 hours);
        uint256 fundBefore = ledger.cash(ledger.insuranceAccount());
        ledger.finalizeSettlement(MARKET, WEEK);
        assertGt(ledger.debt(margin(alice)), 0);
        settle(MONTH, 4000e18, ids(poolAccount, margin(alice)));
        ledger.finalizeSettlement(MARKET, MONTH);
        assertEq(ledger.claimCredit(margin(alice), MARKET, MONTH), 20_000 * USD);
        ledger.settleAccounts(MARKET, WEEK, ids(margin(alice)));
        assertEq(ledger.debt(margin(alice)), 0);
        assertEq(ledger.cash(ledger.insuranceAccount()), fundBefore, "no more than it had covered");
        assertEq(ledger.claimCredit(maker.account(), MARKET, WEEK), 10_000 * USD, "so those who were due are paid");
    }

    /// @dev What comes after finality pays creditors first, those who have claimed and those who have not alike, then the fund.
    function testFuzz_latePaymentsRaiseThePayoutForAll(uint32 inFund, uint64[3] memory late, uint8 claims) public {
        ScriptedMaker maker = _aDebtor();
        uint256 covered = uint256(inFund) % 8000e6;
        if (covered != 0) {
            giveQuote(address(this), covered);
            quoteToken.approve(address(fund), type(uint256).max);
            fund.deposit(covered, address(this));
        }
        // Three calls stay with the maker, four go to bob's wallet, three to carol's.
        OptionId option = call(WEEK, 3000);
        maker.execute(address(ledger), abi.encodeCall(ledger.withdrawOptions, (maker.account(), option, 4e6, bob)));
        maker.execute(address(ledger), abi.encodeCall(ledger.withdrawOptions, (maker.account(), option, 3e6, carol)));
        _start(4000e18);
        ledger.settleAccounts(MARKET, WEEK, ids(margin(alice), maker.account()));
        vm.warp(WEEK + 2 hours);
        uint256 debt = ledger.debt(margin(alice));
        assertEq(debt, 8000 * USD);
        ledger.finalizeSettlement(MARKET, WEEK);

        AccountId[3] memory creditors = [maker.account(), wallet(bob), wallet(carol)];
        uint256[3] memory due = [3000 * USD, 4000 * USD, 3000 * USD];
        uint256[3] memory before;
        for (uint256 i = 0; i < 3; ++i) {
            before[i] = ledger.cash(creditors[i]);
        }
        uint256 paidLate;
        for (uint256 round = 0; round < 3; ++round) {
            for (uint256 i = 0; i < 3; ++i) {
                if (claims >> (round * 2 + i) & 1 == 1) _claim(creditors[i], option);
            }
            uint256 payment = uint256(late[round]) % (debt / 2);
            if (payment == 0) continue;
            fundAccount(margin(alice), payment);
            ledger.settleAccounts(MARKET, WEEK, ids(margin(alice)));
            paidLate += payment < debt - paidLate ? payment : debt - paidLate;
        }
        uint256 short = debt - covered; // what the creditors were not paid at finality
        uint256 toCreditors = paidLate < short ? paidLate : short;
        assertEq(ledger.debt(margin(alice)), debt - paidLate);
        assertEq(ledger.cash(ledger.insuranceAccount()), paidLate - toCreditors, "the rest repays the fund");
        uint256 collected = 2000 * USD + covered + toCreditors;
        assertEq(_word().collected(), collected);
        for (uint256 i = 0; i < 3; ++i) {
            _claim(creditors[i], option);
            assertEq(ledger.cash(creditors[i]) - before[i], due[i] * collected / (10_000 * USD), "one ratio for all");
            assertEq(ledger.credit(creditors[i], MARKET, WEEK), 0, "nothing more for now");
        }
        assertEq(ledger.pendingCredit(maker.account()), 0);
        assertLe(ledger.pot(MARKET, WEEK), 2, "nothing is left but what rounding kept");
    }

    function _claim(AccountId account, OptionId option) private {
        if (account.isWallet()) ledger.redeemOptions(account.owner(), options(option));
        if (ledger.credit(account, MARKET, WEEK) != 0) ledger.claimCredit(account, MARKET, WEEK);
    }

    // ── The maker's requirement

    /// @dev Regression: longs that settled stayed in the requirement as value that frees cash.
    function test_settledLongsNoLongerFreeAMakersCash() public {
        fundAccount(margin(alice), 100_000 * USD);
        trade(margin(alice), call(WEEK, 2900), -20 * ONE); // the pool is long
        vm.warp(WEEK - 3 days);
        oracle.report(5000e18, VOLATILITY, listed);
        assertLt(ledger.stress(poolAccount), -20_000 * int256(USD), "deep in the money, even at worst");
        uint256 snapshot = vm.snapshotState();
        for (uint256 i = 0; i < 2; ++i) {
            _start(i == 0 ? 2500e18 : 5000e18); // worth nothing, or a credit that is no cash yet
            ledger.settleAccounts(MARKET, WEEK, ids(poolAccount, margin(alice)));
            assertEq(ledger.requirement(poolAccount), 0);
            vm.revertToState(snapshot);
        }
    }

    /// @dev Settlement is never gated: where the rest of the book has no price, the requirement grows by the credit instead.
    function test_attack_D11_makerIsSettledThoughTheRestOfItsBookHasNoPrice() public {
        fundAccount(margin(alice), 100_000 * USD);
        trade(margin(alice), call(WEEK, 2900), -20 * ONE);
        trade(wallet(bob), call(MONTH, 3000), ONE);
        int256 before = ledger.stress(poolAccount);
        vm.warp(MONTH + 1); // the month has expired too, and its price is not known
        oracle.setSettlementPrice(WEEK, 3700e18);
        ledger.startSettlement(MARKET, WEEK);
        ledger.settleAccounts(MARKET, WEEK, ids(poolAccount, margin(alice)));
        assertEq(ledger.requirement(poolAccount), before + 16_000 * int256(USD));
        assertEq(ledger.credit(poolAccount, MARKET, WEEK), 16_000 * USD);
    }

    // ── What settlements owe the pool, in its marks

    /// @dev Regression: a credit was neither cash nor book between settlement and claim, and who entered then entered cheap.
    function test_aCreditCountsInTheMark_fromSettlementToClaim() public {
        fundAccount(margin(alice), 100_000 * USD);
        trade(margin(alice), call(WEEK, 2900), -20 * ONE);
        _start(3200e18);
        ledger.settleAccounts(MARKET, WEEK, ids(poolAccount, margin(alice)));
        assertEq(ledger.settlementBalance(poolAccount), 6_000 * int256(USD));
        oracle.report(SPOT, VOLATILITY, listed);
        int256 nav = pool.mark().nav;
        assertEq(nav, int256(ledger.cash(poolAccount)) + 6_000 * int256(USD));
        ledger.finalizeSettlement(MARKET, WEEK);
        ledger.claimCredit(poolAccount, MARKET, WEEK);
        assertEq(ledger.settlementBalance(poolAccount), 0);
        oracle.report(SPOT, VOLATILITY, listed);
        assertEq(pool.mark().nav, nav);
    }

    /// @dev alice owes 40,000 and has 15,000 and her premium.
    function _poolIsOwedMoreThanThereIs(uint256 inFund) internal returns (uint256 collected) {
        fundAccount(margin(alice), 15_000 * USD);
        trade(margin(alice), call(WEEK, 3000), -20 * ONE);
        quoteToken.mint(address(this), inFund);
        ledger.depositCash(ledger.insuranceAccount(), inFund);
        _start(5000e18);
        ledger.settleAccounts(MARKET, WEEK, ids(poolAccount, margin(alice)));
        collected = _word().collected();
        assertLt(collected, _word().owed());
    }

    function test_aCreditThatDebtorsCannotPayCountsForWhatTheFundCovers() public {
        uint256 collected = _poolIsOwedMoreThanThereIs(5_000 * USD);
        uint256 inFund = ledger.cash(ledger.insuranceAccount());
        int256 counted = ledger.settlementBalance(poolAccount);
        assertEq(counted, int256(40_000 * USD * (collected + inFund) / (40_000 * USD)));
        vm.warp(WEEK + 2 hours);
        ledger.finalizeSettlement(MARKET, WEEK);
        assertEq(ledger.settlementBalance(poolAccount), counted, "finality changes nothing that was known");
        assertEq(int256(ledger.claimCredit(poolAccount, MARKET, WEEK)), counted);
    }

    function test_attack_D15_oneFundCoversTwoExpiriesOnlyOnce() public {
        fundAccount(margin(alice), 30_000 * USD);
        trade(margin(alice), two(call(WEEK, 3000), -20 * ONE, call(MONTH, 3000), -20 * ONE));
        vm.warp(MONTH);
        uint32[2] memory expiries = [WEEK, MONTH];
        for (uint256 i = 0; i < 2; ++i) {
            oracle.setSettlementPrice(expiries[i], 6000e18);
            ledger.startSettlement(MARKET, expiries[i]);
            ledger.settleAccounts(MARKET, expiries[i], ids(poolAccount, margin(alice)));
        }
        ExpiryWord week = ledger.expiryWord(MARKET, WEEK);
        ExpiryWord month = ledger.expiryWord(MARKET, MONTH);
        uint256 there = week.collected() + month.collected() + ledger.cash(ledger.insuranceAccount());
        assertEq(ledger.settlementBalance(poolAccount), int256(there));
    }

    function test_aDebtOfThePoolCountsAgainstIt_andItsPaymentIsAnnounced() public {
        trade(wallet(alice), call(WEEK, 3000), 20 * ONE);
        uint256 cash = ledger.cash(poolAccount);
        vm.prank(address(pool));
        ledger.moveCash(poolAccount, margin(bob), cash - 50_000 * USD);
        _start(8000e18); // the pool owes 100,000
        ledger.settleAccounts(MARKET, WEEK, ids(poolAccount));
        assertEq(ledger.settlementBalance(poolAccount), -50_000 * int256(USD));
        fundAccount(poolAccount, 20_000 * USD);
        vm.expectEmit(address(ledger));
        emit IClearinghouse.DebtCollected(poolAccount, MARKET, WEEK, 20_000 * USD, 30_000 * USD);
        ledger.settleAccounts(MARKET, WEEK, ids(poolAccount));
        assertEq(ledger.settlementBalance(poolAccount), -30_000 * int256(USD));
        ledger.settleAccounts(MARKET, WEEK, ids(poolAccount)); // nothing to collect, nothing to announce
    }

    // ── Debts and credits in margin

    /// @dev Alice's long week pays for her short month; until it is paid it keeps her from liquidation and cannot leave.
    function test_attack_D21_creditCountsForMaintenance_andCannotBeWithdrawn() public {
        fundAccount(margin(alice), 30_000 * USD);
        trade(margin(alice), call(MONTH, 3000), -10 * ONE);
        trade(margin(alice), call(WEEK, 3000), 10 * ONE);
        report(7 days - 1 hours, 4500e18);
        _start(4500e18);
        oracle.report(4500e18, VOLATILITY, listed);
        (int256 maintenanceBefore,) = ledger.health(margin(alice), Grid.Maintenance);
        ledger.settleAccounts(MARKET, WEEK, ids(margin(alice)));
        assertEq(ledger.pendingCredit(margin(alice)), 15_000 * USD);
        (int256 maintenance,) = ledger.health(margin(alice), Grid.Maintenance);
        (int256 initial, int256 equity) = ledger.health(margin(alice), Grid.Initial);
        assertEq(maintenance, maintenanceBefore, "settlement makes nobody liquidatable");
        assertEq(
            equity, int256(ledger.cash(margin(alice))) + equityOfBook(margin(alice)), "what may leave is without it"
        );
        assertLt(initial, maintenance - 15_000e6);
        ledger.settleAccounts(MARKET, WEEK, ids(poolAccount));
        ledger.finalizeSettlement(MARKET, WEEK);
        ledger.claimCredit(margin(alice), MARKET, WEEK);
        assertEq(ledger.pendingCredit(margin(alice)), 0);
        (maintenance,) = ledger.health(margin(alice), Grid.Maintenance);
        assertEq(maintenance, maintenanceBefore, "nor does the claim change a thing");
    }

    function equityOfBook(AccountId account) private view returns (int256 mid) {
        (, mid,) = risk.values(MARKET, ledger.strikes(account), 0, Grid.Initial);
    }

    /// @dev Short in two expiries and ruined: the first does not eat what both have a claim to, however often it is asked.
    function test_anInsolventAccount_paysEachExpiryItsPart() public {
        AccountId short = margin(alice);
        fundAccount(short, 12_000 * USD);
        trade(short, call(WEEK, 3000), -5 * ONE);
        trade(short, call(MONTH, 3000), -5 * ONE);
        uint256 cash = ledger.cash(short);
        _start(6000e18);
        oracle.report(6000e18, VOLATILITY, listed);
        int256 liability = -equityOfBook(short) - 15_000e6; // the week's part of the book is worth −15,000
        assertGt(liability, 14_000e6);
        ledger.settleAccounts(MARKET, WEEK, ids(short));
        uint256 paid = cash - ledger.cash(short);
        assertApproxEqAbs(paid, cash * 15_000e6 / (15_000e6 + uint256(liability)), 1e6);
        ledger.settleAccounts(MARKET, WEEK, ids(short));
        ledger.settleAccounts(MARKET, WEEK, ids(short, short));
        assertApproxEqAbs(cash - ledger.cash(short), paid, 2, "asked again, it pays no more");
        assertEq(ledger.debt(short), 15_000e6 - (cash - ledger.cash(short)));
        // At the month the rest goes to those who are due then.
        uint256 rest = ledger.cash(short);
        vm.warp(MONTH);
        oracle.setSettlementPrice(MONTH, 6000e18);
        ledger.startSettlement(MARKET, MONTH);
        ledger.settleAccounts(MARKET, MONTH, ids(short));
        assertLt(ledger.cash(short), rest / 100, "all of it, the last debt aside");
    }

    function test_aRichAccountShortInTwoExpiries_paysTheFirstWhole() public {
        AccountId short = margin(alice);
        fundAccount(short, 100_000 * USD);
        trade(short, call(WEEK, 3000), -5 * ONE);
        trade(short, call(MONTH, 3000), -5 * ONE);
        _start(6000e18);
        oracle.report(6000e18, VOLATILITY, listed);
        ledger.settleAccounts(MARKET, WEEK, ids(short));
        assertEq(ledger.debt(short), 0);
        assertEq(ledger.unpaidDebts(), 0);
    }
}
