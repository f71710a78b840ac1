// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Clearinghouse} from "../../pool-contracts/Clearinghouse.sol";
import {IClearinghouse} from "../../pool-contracts/interfaces/IClearinghouse.sol";
import {IInsuranceFund} from "../../pool-contracts/interfaces/IInsuranceFund.sol";
import {Grid} from "../../pool-contracts/interfaces/IRiskEngine.sol";
import {LocalToken} from "../../pool-contracts/local/LocalToken.sol";
import {AccountId, toAccountId} from "../../pool-contracts/types/AccountId.sol";
import {ExpiryState, ExpiryWord} from "../../pool-contracts/types/ExpiryWord.sol";
import {Leg} from "../../pool-contracts/types/Leg.sol";
import {OptionId, toOptionId, toStrikeKey} from "../../pool-contracts/types/OptionId.sol";
import {LedgerFixture} from "./fixture/LedgerFixture.sol";
import {ScriptedMaker} from "./fixture/ScriptedMaker.sol";
import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";

/// @notice Markets, custody, swaps and margin of the ledger: what each rule allows and what it refuses.
contract ClearinghouseTest is LedgerFixture {
    ScriptedMaker internal maker;
    AccountId internal makerAccount;

    function setUp() public override {
        super.setUp();
        maker = new ScriptedMaker();
        makerAccount = maker.account();
        fundAccount(makerAccount, 1_000_000 * USD);
    }

    function tradeWith(ScriptedMaker maker_, AccountId account, Leg[] memory legs) internal returns (int256) {
        IClearinghouse.Swap memory swap = swapOf(account, address(maker_), legs);
        vm.prank(account.owner());
        return ledger.trade(swap);
    }

    // ── Construction and markets

    function test_theLedgerStartsWithItsPartsAndAnswersForThem() public view {
        assertEq(ledger.quoteToken(), address(quoteToken));
        assertEq(ledger.quoteDecimals(), 6);
        assertEq(ledger.market(MARKET).baseToken, address(baseToken));
        assertFalse(ledger.isLocked());
    }

    function test_attack_E5_quoteTokenOutsideSixToEighteenDecimalsIsRefused() public {
        for (uint256 i = 0; i < 2; ++i) {
            uint8 decimals = i == 0 ? 5 : 19;
            LocalToken odd = new LocalToken("Odd", "ODD", decimals);
            vm.expectRevert(
                abi.encodeWithSelector(
                    IClearinghouse.Clearinghouse_UnsupportedToken.selector, address(odd), 18, decimals
                )
            );
            new Clearinghouse(
                address(odd),
                oracle,
                risk,
                settlementPrices,
                fund,
                permit2,
                address(auction),
                treasury,
                address(authority)
            );
        }
    }

    function test_givenAnInvalidMarket_itIsNotCreated() public {
        IClearinghouse.Market memory market = defaultMarket();
        _refusesMarket(0, market);
        _refusesMarket(MARKET, market); // markets never change
        market.baseToken = address(0);
        _refusesMarket(2, market);
        market = defaultMarket();
        market.minSize = 0;
        _refusesMarket(2, market);
        market = defaultMarket();
        market.strikeStepE6 = 0;
        _refusesMarket(2, market);
        market = defaultMarket();
        (market.insuranceFeeShareBps, market.protocolFeeShareBps) = (9000, 1001);
        _refusesMarket(2, market);
        market.protocolFeeShareBps = 1000;
        ledger.createMarket(2, market);
    }

    function _refusesMarket(uint16 id, IClearinghouse.Market memory market) private {
        vm.expectRevert(abi.encodeWithSelector(IClearinghouse.Clearinghouse_InvalidMarket.selector, id));
        ledger.createMarket(id, market);
    }

    function test_attack_B26_onlyGovernanceMakesMarketsAndRegistersMakers() public {
        vm.startPrank(alice);
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, alice));
        ledger.createMarket(2, defaultMarket());
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, alice));
        ledger.registerMaker(alice);
    }

    function test_givenAnAccountThatHoldsPositions_itIsNotRegisteredAsMaker() public {
        fundAccount(margin(alice), 10_000 * USD);
        trade(margin(alice), call(MONTH, 3000), ONE);
        vm.expectRevert(
            abi.encodeWithSelector(IClearinghouse.Clearinghouse_InvalidMaker.selector, alice, margin(alice))
        );
        ledger.registerMaker(alice);
    }

    // ── Custody

    function test_cashComesFromTheCallerAndLeavesToWhomTheOwnerSays() public {
        vm.startPrank(alice);
        ledger.depositCash(margin(alice), 100 * USD);
        ledger.withdrawCash(margin(alice), 60 * USD, carol);
        assertEq(ledger.cash(margin(alice)), 40 * USD);
        assertEq(quoteToken.balanceOf(carol), 10_000_060 * USD);
    }

    function test_anyonePaysIn_onlyTheOwnerTakesOut() public {
        vm.prank(bob);
        ledger.depositCash(margin(alice), 100 * USD);
        vm.prank(alice);
        ledger.setAccountOperator(margin(alice), bob, true);
        bytes memory refusal =
            abi.encodeWithSelector(IClearinghouse.Clearinghouse_NotAuthorized.selector, margin(alice), bob);
        vm.startPrank(bob); // an operator trades, and nothing else
        vm.expectRevert(refusal);
        ledger.withdrawCash(margin(alice), 1, bob);
        vm.expectRevert(refusal);
        ledger.moveCash(margin(alice), margin(bob), 1);
        vm.expectRevert(refusal);
        ledger.withdrawBase(margin(alice), MARKET, 1, bob);
        vm.expectRevert(refusal);
        ledger.withdrawOptions(margin(alice), call(MONTH, 3000), 1, bob);
        vm.expectRevert(refusal);
        ledger.depositOptions(margin(alice), call(MONTH, 3000), 1);
        vm.expectRevert(refusal);
        ledger.setAccountOperator(margin(alice), carol, true);
    }

    function test_givenMoreThanTheAccountHolds_nothingLeaves() public {
        fundAccount(margin(alice), 5 * USD);
        bytes memory refusal = abi.encodeWithSelector(
            IClearinghouse.Clearinghouse_InsufficientCash.selector, margin(alice), 6 * USD, 5 * USD
        );
        vm.startPrank(alice);
        vm.expectRevert(refusal);
        ledger.withdrawCash(margin(alice), 6 * USD, alice);
        vm.expectRevert(refusal);
        ledger.moveCash(margin(alice), margin(bob), 6 * USD);
        vm.expectRevert(
            abi.encodeWithSelector(IClearinghouse.Clearinghouse_InsufficientBase.selector, margin(alice), 1, 0)
        );
        ledger.withdrawBase(margin(alice), MARKET, 1, alice);
        vm.expectRevert(
            abi.encodeWithSelector(
                IClearinghouse.Clearinghouse_InsufficientOptions.selector, margin(alice), call(MONTH, 3000), 1, 0
            )
        );
        ledger.withdrawOptions(margin(alice), call(MONTH, 3000), 1, alice);
    }

    function test_anAmountOfZeroIsRefusedAtEveryDoor() public {
        bytes memory refusal = abi.encodeWithSelector(IClearinghouse.Clearinghouse_ZeroAmount.selector);
        OptionId option = call(MONTH, 3000);
        vm.startPrank(alice);
        vm.expectRevert(refusal);
        ledger.depositCash(margin(alice), 0);
        vm.expectRevert(refusal);
        ledger.depositCashWithCallback(margin(alice), 0, "");
        vm.expectRevert(refusal);
        ledger.withdrawCash(margin(alice), 0, alice);
        vm.expectRevert(refusal);
        ledger.depositBase(margin(alice), MARKET, 0);
        vm.expectRevert(refusal);
        ledger.withdrawBase(margin(alice), MARKET, 0, alice);
        vm.expectRevert(refusal);
        ledger.depositOptions(margin(alice), option, 0);
        vm.expectRevert(refusal);
        ledger.withdrawOptions(margin(alice), option, 0, alice);
    }

    function test_givenANameThatIsNotAnAccount_nothingIsPaidInto_it() public {
        AccountId twin = AccountId.wrap(AccountId.unwrap(margin(alice)) | 1 << 168); // alice, under a second name
        AccountId nobody = toAccountId(address(0), 1);
        for (uint256 i = 0; i < 2; ++i) {
            AccountId account = i == 0 ? twin : nobody;
            bytes memory refusal = abi.encodeWithSelector(IClearinghouse.Clearinghouse_InvalidAccount.selector, account);
            vm.startPrank(alice);
            vm.expectRevert(refusal);
            ledger.depositCash(account, 1);
            vm.expectRevert(refusal);
            ledger.depositCashWithCallback(account, 1, "");
            vm.expectRevert(refusal);
            ledger.depositBase(account, MARKET, 1);
            vm.expectRevert(refusal);
            ledger.moveCash(margin(alice), account, 0);
            vm.stopPrank();
            vm.expectRevert(refusal);
            vm.prank(account.owner());
            ledger.withdrawCash(account, 1, alice);
        }
    }

    function test_aWalletTakesNoCollateralNoOptionsAndNoOperator() public {
        trade(wallet(alice), call(MONTH, 3000), ONE);
        fundAccount(wallet(alice), 10_000 * USD);
        bytes memory refusal =
            abi.encodeWithSelector(IClearinghouse.Clearinghouse_InvalidAccount.selector, wallet(alice));
        vm.startPrank(alice);
        vm.expectRevert(refusal);
        ledger.depositBase(wallet(alice), MARKET, 1e18);
        vm.expectRevert(refusal);
        ledger.depositOptions(wallet(alice), call(MONTH, 3000), 1);
        vm.expectRevert(refusal);
        ledger.setAccountOperator(wallet(alice), bob, true);
    }

    /// @dev Regression: a wallet with cash could mint its options a second time against a short in a book of its own.
    function test_aWalletNeverBecomesShort_soItsOptionsAreNotWithdrawn() public {
        trade(wallet(alice), call(MONTH, 3000), ONE);
        fundAccount(wallet(alice), 100_000 * USD);
        vm.expectRevert(abi.encodeWithSelector(IClearinghouse.Clearinghouse_InvalidAccount.selector, wallet(alice)));
        vm.prank(alice);
        ledger.withdrawOptions(wallet(alice), call(MONTH, 3000), uint128(ONE), bob);
    }

    function test_baseCollateralIsCappedAndComesBack() public {
        IClearinghouse.Market memory market = defaultMarket();
        market.baseCap = 5e18;
        ledger.createMarket(2, market);
        vm.startPrank(alice);
        ledger.depositBase(margin(alice), 2, 5e18);
        vm.expectRevert(abi.encodeWithSelector(IClearinghouse.Clearinghouse_BaseCapExceeded.selector, 5e18 + 1, 5e18));
        ledger.depositBase(margin(alice), 2, 1);
        ledger.withdrawBase(margin(alice), 2, 2e18, bob);
        assertEq(baseToken.balanceOf(bob), 1002e18);
        ledger.depositBase(margin(alice), 2, 2e18);
        assertEq(ledger.base(margin(alice), 2), 5e18);
        vm.expectRevert(abi.encodeWithSelector(IClearinghouse.Clearinghouse_InvalidMarket.selector, 7));
        ledger.depositBase(margin(alice), 7, 1);
    }

    function test_aPayerPaysInsideItsCallback_andExactly() public {
        giveQuote(address(maker), 100);
        bytes memory deposit = abi.encodeCall(ledger.depositCashWithCallback, (makerAccount, 60, ""));
        uint256 before = ledger.cash(makerAccount);
        maker.execute(address(ledger), deposit);
        assertEq(ledger.cash(makerAccount), before + 60);
        for (uint256 i = 0; i < 2; ++i) {
            uint256 paid = i == 0 ? 29 : 31;
            vm.expectRevert(
                abi.encodeWithSelector(
                    IClearinghouse.Clearinghouse_UnsupportedToken.selector, address(quoteToken), 30, paid
                )
            );
            maker.execute(
                address(ledger), abi.encodeCall(ledger.depositCashWithCallback, (makerAccount, 30, abi.encode(paid)))
            );
        }
    }

    function test_optionsMoveBetweenAWalletAndAMarginAccountOfOneOwner() public {
        OptionId option = call(MONTH, 3000);
        trade(wallet(alice), option, ONE);
        vm.startPrank(alice);
        ledger.depositOptions(margin(alice), option, 400_000);
        assertEq(ledger.position(margin(alice), option), 400_000);
        assertEq(ledger.balanceOf(alice, OptionId.unwrap(option)), 600_000);
        ledger.withdrawOptions(margin(alice), option, 100_000, bob);
        assertEq(ledger.balanceOf(bob, OptionId.unwrap(option)), 100_000);
        assertEq(ledger.position(margin(alice), option), 300_000);
    }

    function test_givenAnIdThatNamesNothing_noOptionMoves() public {
        OptionId odd = OptionId.wrap(OptionId.unwrap(call(MONTH, 3000)) | 2);
        bytes memory refusal = abi.encodeWithSelector(IClearinghouse.Clearinghouse_InvalidOption.selector, odd);
        vm.startPrank(alice);
        vm.expectRevert(refusal);
        ledger.depositOptions(margin(alice), odd, 1);
        vm.expectRevert(refusal);
        ledger.withdrawOptions(margin(alice), odd, 1, alice);
    }

    function test_attack_B11_afterExpiry_optionsNeitherEnterNorLeave() public {
        trade(wallet(alice), call(WEEK, 3000), ONE);
        vm.warp(WEEK);
        bytes memory refusal = abi.encodeWithSelector(IClearinghouse.Clearinghouse_SeriesExpired.selector, WEEK);
        vm.startPrank(alice);
        vm.expectRevert(refusal);
        ledger.depositOptions(margin(alice), call(WEEK, 3000), 1);
        vm.expectRevert(refusal);
        ledger.withdrawOptions(margin(alice), call(WEEK, 3000), 1, alice);
    }

    // ── Swaps

    function test_aWalletBuysStraightFromItsTokens_andTheFeeIsSplit() public {
        uint256 poolBefore = ledger.cash(poolAccount);
        Leg[] memory legs = one(call(MONTH, 3000), ONE);
        uint256 fee = pool.quote(legs, false).fee;
        int256 cash = trade(wallet(alice), legs);
        assertGt(cash, 0);
        assertEq(quoteToken.balanceOf(alice), 10_000_000 * USD - uint256(cash));
        assertEq(ledger.balanceOf(alice, OptionId.unwrap(legs[0].option)), uint128(ONE));
        assertEq(ledger.position(poolAccount, legs[0].option), -ONE);
        assertEq(ledger.cash(ledger.insuranceAccount()), fee * 1000 / 10_000);
        uint256 taken = fee * 2000 / 10_000 + fee * 1000 / 10_000;
        assertEq(ledger.cash(ledger.protocolAccount()), taken - fee * 1000 / 10_000, "what a full fund leaves");
        assertEq(ledger.cash(poolAccount), poolBefore + uint256(cash) - taken);
    }

    function test_aWalletSellsWhatItHoldsAndIsPaid_neverMore() public {
        OptionId option = call(MONTH, 3000);
        trade(wallet(alice), option, ONE);
        uint256 before = quoteToken.balanceOf(alice);
        int256 cash = trade(wallet(alice), option, -ONE / 2);
        assertLt(cash, 0);
        assertEq(quoteToken.balanceOf(alice), before + uint256(-cash));
        vm.expectRevert(
            abi.encodeWithSelector(
                IClearinghouse.Clearinghouse_InsufficientOptions.selector, wallet(alice), option, 500_001, 500_000
            )
        );
        this.tradeAs(wallet(alice), option, -ONE / 2 - 1);
    }

    function tradeAs(AccountId account, OptionId option, int128 size) external returns (int256) {
        return trade(account, option, size);
    }

    function tradeLegsAs(AccountId account, Leg[] calldata legs) external returns (int256) {
        return trade(account, legs);
    }

    function test_onlyTheOwnerOrAnOperatorTrades_andForAWalletOnlyTheOwner() public {
        fundAccount(margin(alice), 10_000 * USD);
        vm.prank(alice);
        ledger.setAccountOperator(margin(alice), bob, true);
        assertTrue(ledger.isAccountOperator(margin(alice), bob));
        IClearinghouse.Swap memory swap = swapOf(margin(alice), address(pool), one(call(MONTH, 3000), ONE));
        vm.prank(bob);
        ledger.trade(swap);
        vm.expectRevert(
            abi.encodeWithSelector(IClearinghouse.Clearinghouse_NotAuthorized.selector, margin(alice), carol)
        );
        vm.prank(carol);
        ledger.trade(swap);
        swap.account = wallet(alice);
        vm.expectRevert(abi.encodeWithSelector(IClearinghouse.Clearinghouse_NotAuthorized.selector, wallet(alice), bob));
        vm.prank(bob);
        ledger.trade(swap);
    }

    function test_attack_B21_takersLimitAndDeadlineHold() public {
        Leg[] memory legs = one(call(MONTH, 3000), ONE);
        IClearinghouse.Swap memory swap = swapOf(wallet(alice), address(pool), legs);
        int256 cash = pool.quote(legs, false).cash;
        swap.limitCash = cash - 1;
        vm.expectRevert(abi.encodeWithSelector(IClearinghouse.Clearinghouse_LimitExceeded.selector, cash, cash - 1));
        vm.prank(alice);
        ledger.trade(swap);
        swap.limitCash = cash;
        swap.deadline = uint40(vm.getBlockTimestamp() - 1);
        vm.expectRevert(
            abi.encodeWithSelector(
                IClearinghouse.Clearinghouse_DeadlinePassed.selector, vm.getBlockTimestamp() - 1, vm.getBlockTimestamp()
            )
        );
        vm.prank(alice);
        ledger.trade(swap);
        swap.deadline = uint40(vm.getBlockTimestamp());
        vm.prank(alice);
        assertEq(ledger.trade(swap), cash);
    }

    function test_aReportThatComesWithTheSwapIsSubmittedFirst() public {
        IClearinghouse.Swap memory swap = swapOf(wallet(alice), address(pool), one(call(MONTH, 3000), ONE));
        swap.report = hex"c0ffee";
        vm.prank(alice);
        ledger.trade(swap);
        assertEq(oracle.lastReport(), hex"c0ffee");
    }

    function test_legsAreCheckedOneByOne() public {
        AccountId account = wallet(alice);
        OptionId option = call(MONTH, 3000);
        _refusesLegs(new Leg[](0), abi.encodeWithSelector(IClearinghouse.Clearinghouse_InvalidLegs.selector, 0));
        Leg[] memory nine = new Leg[](9);
        for (uint256 i = 0; i < 9; ++i) {
            nine[i] = Leg(call(MONTH, 2500 + 100 * i), ONE);
        }
        _refusesLegs(nine, abi.encodeWithSelector(IClearinghouse.Clearinghouse_InvalidLegs.selector, 9));
        _refusesLegs(
            two(option, ONE, option, ONE),
            abi.encodeWithSelector(IClearinghouse.Clearinghouse_DuplicateLeg.selector, option)
        );
        _refusesLegs(
            one(option, 0), abi.encodeWithSelector(IClearinghouse.Clearinghouse_BelowMinimum.selector, 0, 10_000)
        );
        _refusesLegs(
            one(option, 9999), abi.encodeWithSelector(IClearinghouse.Clearinghouse_BelowMinimum.selector, 9999, 10_000)
        );
        _refusesLegs(
            one(call(MONTH, 3001), ONE),
            abi.encodeWithSelector(IClearinghouse.Clearinghouse_StrikeNotOnGrid.selector, 3001e6, 25e6)
        );
        _refusesLegs(
            one(call(MONTH, 0), ONE),
            abi.encodeWithSelector(IClearinghouse.Clearinghouse_StrikeNotOnGrid.selector, 0, 25e6)
        );
        _refusesLegs(
            one(call(MONTH + 1, 3000), ONE),
            abi.encodeWithSelector(IClearinghouse.Clearinghouse_ExpiryNotListed.selector, MONTH + 1)
        );
        uint32 past = uint32(20_000 days + 8 hours);
        _refusesLegs(
            one(call(past, 3000), ONE),
            abi.encodeWithSelector(IClearinghouse.Clearinghouse_SeriesExpired.selector, past)
        );
        OptionId odd = OptionId.wrap(OptionId.unwrap(option) | 1 << 200);
        _refusesLegs(one(odd, ONE), abi.encodeWithSelector(IClearinghouse.Clearinghouse_InvalidOption.selector, odd));
        OptionId elsewhere = toOptionId(toStrikeKey(9, MONTH, 3000e6), false);
        _refusesLegs(
            one(elsewhere, ONE), abi.encodeWithSelector(IClearinghouse.Clearinghouse_InvalidMarket.selector, 9)
        );
        _refusesLegs(
            two(option, ONE, elsewhere, ONE),
            abi.encodeWithSelector(IClearinghouse.Clearinghouse_InvalidOption.selector, elsewhere)
        );
        assertEq(ledger.balanceOf(account.owner(), OptionId.unwrap(option)), 0);
    }

    function _refusesLegs(Leg[] memory legs, bytes memory refusal) private {
        vm.expectRevert(refusal);
        this.tradeLegsAs(wallet(alice), legs);
    }

    function test_dustIsTradedOnlyWhereItLeavesNothing() public {
        OptionId option = call(MONTH, 3000);
        fundAccount(margin(alice), 100_000 * USD);
        trade(margin(alice), option, 15_000);
        trade(margin(alice), option, -10_000);
        vm.expectRevert(abi.encodeWithSelector(IClearinghouse.Clearinghouse_BelowMinimum.selector, 4000, 10_000));
        this.tradeAs(margin(alice), option, -4000);
        trade(margin(alice), option, -5000);
        assertEq(ledger.strikes(margin(alice)).length, 0);
    }

    function test_attack_B19_marginAccountHoldsOneMarketAndThirtyTwoStrikes() public {
        fundAccount(margin(alice), 1_000_000 * USD);
        Leg[] memory legs = new Leg[](8);
        for (uint256 batch = 0; batch < 4; ++batch) {
            for (uint256 i = 0; i < 8; ++i) {
                legs[i] = Leg(call(QUARTER, 2600 + 25 * (batch * 8 + i)), 10_000);
            }
            trade(margin(alice), legs);
        }
        assertEq(ledger.strikes(margin(alice)).length, 32);
        trade(margin(alice), put(QUARTER, 2600), 10_000); // a put of a strike that is there takes no room
        vm.expectRevert(
            abi.encodeWithSelector(IClearinghouse.Clearinghouse_TooManyStrikes.selector, margin(alice), 33, 32)
        );
        this.tradeAs(margin(alice), call(QUARTER, 3400), 10_000);

        ledger.createMarket(2, defaultMarket());
        OptionId elsewhere = toOptionId(toStrikeKey(2, MONTH, 3000e6), false);
        vm.expectRevert(
            abi.encodeWithSelector(IClearinghouse.Clearinghouse_MarketMismatch.selector, margin(alice), 2, MARKET)
        );
        tradeWith(maker, margin(alice), one(elsewhere, ONE));
    }

    function test_attack_H2_givenASizeBeyondAPosition_theSwapIsRefusedByName() public {
        int128 size = int128(1 << 79);
        bytes memory refusal = abi.encodeWithSignature("StrikeWord_SizeOverflow(int256)", int256(size));
        IClearinghouse.Swap memory swap = swapOf(margin(alice), address(maker), one(call(MONTH, 3000), size));
        vm.expectRevert(refusal);
        vm.prank(alice);
        ledger.trade(swap);
        swap.legs[0].size = type(int128).min;
        swap.maker = address(pool); // before any maker computes with it
        vm.expectRevert(abi.encodeWithSignature("StrikeWord_SizeOverflow(int256)", type(int128).min));
        vm.prank(alice);
        ledger.trade(swap);
    }

    // ── Makers

    function test_aMakersAccountIsItsOwnOrOneThatMadeItOperator() public {
        Leg[] memory legs = one(call(MONTH, 3000), ONE);
        maker.answer(200e6, 0);
        fundAccount(margin(bob), 1_000_000 * USD);
        fundAccount(margin(alice), 1_000_000 * USD);

        maker.answerFor(margin(bob)); // somebody else's
        _refusesMaker(legs, margin(bob));
        maker.answerFor(toAccountId(address(maker), 0)); // a wallet
        _refusesMaker(legs, toAccountId(address(maker), 0));
        AccountId twin = AccountId.wrap(AccountId.unwrap(makerAccount) | 1 << 200); // a second name
        maker.answerFor(twin);
        _refusesMaker(legs, twin);

        maker.answerFor(margin(bob));
        vm.prank(bob);
        ledger.setAccountOperator(margin(bob), address(maker), true);
        tradeWith(maker, margin(alice), legs);
        assertEq(ledger.position(margin(bob), legs[0].option), -ONE);

        vm.prank(alice); // the taker's own account on the other side
        ledger.setAccountOperator(margin(alice), address(maker), true);
        maker.answerFor(margin(alice));
        _refusesMaker(legs, margin(alice));
    }

    function _refusesMaker(Leg[] memory legs, AccountId account) private {
        IClearinghouse.Swap memory swap = swapOf(margin(alice), address(maker), legs);
        vm.expectRevert(
            abi.encodeWithSelector(IClearinghouse.Clearinghouse_InvalidMaker.selector, address(maker), account)
        );
        vm.prank(alice);
        ledger.trade(swap);
    }

    function test_absurdCashAndFeesAreRefusedOrPaidByTheMaker() public {
        fundAccount(margin(alice), 1_000_000 * USD);
        IClearinghouse.Swap memory swap = swapOf(margin(alice), address(maker), one(call(MONTH, 3000), ONE));
        int256[3] memory absurd = [type(int256).max, type(int256).min, int256(type(int128).max) + 1];
        for (uint256 i = 0; i < 3; ++i) {
            maker.answer(absurd[i], 0);
            vm.expectRevert(abi.encodeWithSelector(IClearinghouse.Clearinghouse_LimitExceeded.selector, absurd[i], 0));
            vm.prank(alice);
            ledger.trade(swap);
        }
        maker.answer(type(int128).max, 0); // more than the taker has
        vm.expectPartialRevert(IClearinghouse.Clearinghouse_InsufficientCash.selector);
        vm.prank(alice);
        ledger.trade(swap);
        maker.answer(type(int128).min, 0); // more than the maker has
        vm.expectPartialRevert(IClearinghouse.Clearinghouse_InsufficientCash.selector);
        vm.prank(alice);
        ledger.trade(swap);
        maker.answer(0, uint256(type(uint96).max) + 1);
        vm.expectRevert(
            abi.encodeWithSelector(IClearinghouse.Clearinghouse_InvalidFee.selector, uint256(type(uint96).max) + 1)
        );
        vm.prank(alice);
        ledger.trade(swap);
        maker.answer(0, type(uint96).max); // the parts of the fee that are not his, he has to pay
        vm.expectPartialRevert(IClearinghouse.Clearinghouse_InsufficientCash.selector);
        vm.prank(alice);
        ledger.trade(swap);
        maker.answer(0, 1000 * USD); // a fee above the price is the maker's gift to the fund
        vm.prank(alice);
        ledger.trade(swap);
        assertEq(ledger.cash(makerAccount), 1_000_000 * USD - 300 * USD);
    }

    function test_aMakerThatIsNotRegisteredIsCheckedLikeAnyAccount() public {
        Leg[] memory legs = one(call(MONTH, 3000), 5000 * ONE);
        maker.answer(0, 0);
        fundAccount(margin(alice), 1_000_000 * USD);
        IClearinghouse.Swap memory swap = swapOf(margin(alice), address(maker), legs);
        vm.expectPartialRevert(IClearinghouse.Clearinghouse_Unhealthy.selector);
        vm.prank(alice);
        ledger.trade(swap);
    }

    function test_aRegisteredMakersRequirementGrowsWithEachSwapAndStressMakesItExact() public {
        trade(wallet(alice), call(MONTH, 3000), 10 * ONE);
        trade(wallet(alice), put(MONTH, 3000), 10 * ONE);
        int256 summed = ledger.requirement(poolAccount);
        assertGt(summed, 0);
        int256 exact = ledger.stress(poolAccount);
        assertEq(ledger.requirement(poolAccount), exact);
        assertLt(exact, summed, "a straddle's legs are not worst together");
        vm.expectRevert(abi.encodeWithSelector(IClearinghouse.Clearinghouse_InvalidAccount.selector, margin(alice)));
        ledger.stress(margin(alice));
    }

    function test_givenTooLittleCash_thePoolOpensNothingButStillCloses() public {
        trade(wallet(alice), call(MONTH, 3000), 100 * ONE);
        uint256 cash = ledger.cash(poolAccount);
        int256 needed = ledger.stress(poolAccount);
        vm.prank(address(pool)); // take out all that is free
        ledger.moveCash(poolAccount, margin(treasury), cash - uint256(needed));
        vm.expectPartialRevert(IClearinghouse.Clearinghouse_Unhealthy.selector);
        this.tradeAs(wallet(alice), call(MONTH, 3100), ONE);
        vm.prank(address(pool));
        vm.expectRevert(abi.encodeWithSelector(IClearinghouse.Clearinghouse_Unhealthy.selector, poolAccount, 1));
        ledger.moveCash(poolAccount, margin(treasury), 1);
        trade(wallet(alice), call(MONTH, 3000), -100 * ONE);
        assertEq(ledger.position(poolAccount, call(MONTH, 3000)), 0);
    }

    /// @dev Regression: a registered maker's stored requirement did not follow what it took out or traded as a taker.
    function test_aRegisteredMakersRequirementFollowsWhatItTakesOutAndTradesItself() public {
        ledger.registerMaker(address(maker));
        vm.prank(alice);
        ledger.depositBase(makerAccount, MARKET, 100e18);
        IClearinghouse.Swap memory swap = swapOf(makerAccount, address(pool), one(call(MONTH, 3000), -ONE));
        maker.execute(address(ledger), abi.encodeCall(ledger.trade, (swap)));
        int256 asTaker = ledger.requirement(makerAccount);
        assertGt(asTaker, 0);

        assertLt(ledger.stress(makerAccount), 0, "collateral frees cash");
        maker.execute(
            address(ledger), abi.encodeCall(ledger.withdrawBase, (makerAccount, MARKET, 100e18, address(maker)))
        );
        assertEq(ledger.requirement(makerAccount), asTaker);

        swap.legs[0] = Leg(call(QUARTER, 2800), ONE);
        maker.execute(address(ledger), abi.encodeCall(ledger.trade, (swap)));
        ledger.stress(makerAccount);
        bytes memory withdrawal =
            abi.encodeCall(ledger.withdrawOptions, (makerAccount, call(QUARTER, 2800), uint128(ONE), address(maker)));
        maker.execute(address(ledger), withdrawal);
        int256 stored = ledger.requirement(makerAccount);
        assertGe(stored, ledger.stress(makerAccount) - 2);
    }

    // ── Margin

    function test_aShortNeedsMargin_andItsCashStays() public {
        vm.expectPartialRevert(IClearinghouse.Clearinghouse_Unhealthy.selector);
        this.tradeAs(margin(alice), call(MONTH, 3000), -ONE);
        fundAccount(margin(alice), 1000 * USD);
        trade(margin(alice), call(MONTH, 3000), -ONE);
        (int256 worst, int256 equity) = ledger.health(margin(alice), Grid.Initial);
        assertGt(worst, 0);
        assertGt(equity, worst);
        (int256 maintenance,) = ledger.health(margin(alice), Grid.Maintenance);
        assertGt(maintenance, worst, "the narrow grid asks for less");
        vm.startPrank(alice);
        uint256 free = uint256(worst);
        vm.expectRevert(abi.encodeWithSelector(IClearinghouse.Clearinghouse_Unhealthy.selector, margin(alice), 1));
        ledger.withdrawCash(margin(alice), free + 1, alice);
        ledger.withdrawCash(margin(alice), free, alice);
        vm.expectRevert(abi.encodeWithSelector(IClearinghouse.Clearinghouse_Unhealthy.selector, margin(alice), 1));
        ledger.moveCash(margin(alice), toAccountId(alice, 2), 1);
    }

    function test_baseCoversAShortCall_andStaysWhileItDoes() public {
        vm.prank(alice);
        ledger.depositBase(margin(alice), MARKET, 1e18);
        trade(margin(alice), call(MONTH, 3000), -ONE); // covered: base and call move together
        vm.expectPartialRevert(IClearinghouse.Clearinghouse_Unhealthy.selector);
        vm.prank(alice);
        ledger.withdrawBase(margin(alice), MARKET, 1e18, alice);
    }

    function test_aLongHedgesAShort_andStaysWhileItDoes() public {
        fundAccount(margin(alice), 1000 * USD);
        OptionId hedge = call(MONTH, 3200);
        trade(margin(alice), two(call(MONTH, 3000), -5 * ONE, hedge, 5 * ONE));
        vm.expectPartialRevert(IClearinghouse.Clearinghouse_Unhealthy.selector);
        vm.prank(alice);
        ledger.withdrawOptions(margin(alice), hedge, uint128(5 * ONE), alice);
    }

    function _unhealthyAccount() private returns (AccountId account) {
        account = margin(alice);
        fundAccount(account, 4000 * USD);
        trade(account, call(MONTH, 3200), -4 * ONE);
        report(1 hours, 3700e18);
        pool.mark();
        (int256 worst,) = ledger.health(account, Grid.Initial);
        assertLt(worst, 0, "the move has made it unhealthy");
    }

    function test_belowMargin_aTradeThatLowersTheShortfallPasses() public {
        AccountId account = _unhealthyAccount();
        (int256 before,) = ledger.health(account, Grid.Initial);
        trade(account, call(MONTH, 3200), ONE);
        (int256 later,) = ledger.health(account, Grid.Initial);
        assertGt(later, before);
        assertLt(later, 0, "it passed though it is not healthy yet");
    }

    function test_belowMargin_aTradeThatRaisesTheShortfallIsRefused() public {
        AccountId account = _unhealthyAccount();
        vm.expectPartialRevert(IClearinghouse.Clearinghouse_Unhealthy.selector);
        this.tradeAs(account, call(MONTH, 3300), -ONE);
        vm.startPrank(alice);
        vm.expectPartialRevert(IClearinghouse.Clearinghouse_Unhealthy.selector);
        ledger.withdrawCash(account, 1, alice);
        vm.expectPartialRevert(IClearinghouse.Clearinghouse_Unhealthy.selector);
        ledger.moveCash(account, wallet(alice), 1);
    }

    function test_attack_D23_belowMargin_equityIsNotGivenAwayToAConfederate() public {
        AccountId account = _unhealthyAccount();
        (, int256 mid,) = risk.values(MARKET, ledger.strikes(account), 0, Grid.Initial);
        maker.answer(-mid / 4 + 10 * int256(USD), 0); // 10 a contract above mid: within half a per cent of notional
        IClearinghouse.Swap memory swap = swapOf(account, address(maker), one(call(MONTH, 3200), ONE));
        uint256 snapshot = vm.snapshotState();
        vm.prank(alice);
        ledger.trade(swap);
        vm.revertToState(snapshot);
        maker.answer(-mid / 4 + 30 * int256(USD), 0);
        vm.expectPartialRevert(IClearinghouse.Clearinghouse_Unhealthy.selector);
        vm.prank(alice);
        ledger.trade(swap);
    }

    /// @dev Regression: the contingency of a short that a trade opens was also counted before the trade, and so not at all.
    function test_belowMargin_aNewShortIsNotFreeOfItsContingency() public {
        AccountId account = margin(alice);
        fundAccount(account, 4000 * USD);
        trade(account, put(MONTH, 2900), -4 * ONE);
        report(1 hours, 2100e18);
        pool.mark();
        (int256 worst,) = ledger.health(account, Grid.Initial);
        assertLt(worst, 0);
        // A call far out of the money sold for a little more than nothing: worth less than its contingency of 24.
        maker.answer(-int256(10 * USD), 0);
        IClearinghouse.Swap memory swap = swapOf(account, address(maker), one(call(MONTH, 5000), -ONE));
        vm.expectPartialRevert(IClearinghouse.Clearinghouse_Unhealthy.selector);
        vm.prank(alice);
        ledger.trade(swap);
    }
}
