// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IClearinghouse} from "../../../pool-contracts/interfaces/IClearinghouse.sol";
import {Grid} from "../../../pool-contracts/interfaces/IRiskEngine.sol";
import {LocalToken} from "../../../pool-contracts/local/LocalToken.sol";
import {AccountId, toAccountId} from "../../../pool-contracts/types/AccountId.sol";
import {Leg} from "../../../pool-contracts/types/Leg.sol";
import {OptionId} from "../../../pool-contracts/types/OptionId.sol";
import {LedgerFixture} from "../fixture/LedgerFixture.sol";
import {FeeOnTransferToken, HookedToken} from "../fixture/OddTokens.sol";
import {ScriptedMaker} from "../fixture/ScriptedMaker.sol";

/// @notice Somebody tries to come back into the ledger while it works, from a maker, a payer or a token.
contract ReentrancyTest is LedgerFixture {
    ScriptedMaker internal maker;
    HookedToken internal hooked;
    bytes internal constant REENTERED = abi.encodeWithSelector(IClearinghouse.Clearinghouse_Reentered.selector);

    function newQuoteToken(uint8) internal override returns (LocalToken) {
        hooked = new HookedToken();
        return hooked;
    }

    function setUp() public override {
        super.setUp();
        maker = new ScriptedMaker();
        fundAccount(maker.account(), 1_000_000 * USD);
        fundAccount(margin(alice), 1_000_000 * USD);
        trade(wallet(alice), call(WEEK, 3000), ONE);
    }

    /// @dev Every function that changes the ledger under its lock.
    function _entryPoints() internal view returns (bytes[] memory calls) {
        AccountId account = maker.account();
        OptionId option = call(MONTH, 3000);
        calls = new bytes[](20);
        calls[0] = abi.encodeCall(ledger.trade, (swapOf(account, address(pool), one(option, ONE))));
        calls[1] = abi.encodeCall(ledger.stress, (poolAccount));
        calls[2] = abi.encodeCall(ledger.depositCash, (account, 1));
        calls[3] = abi.encodeCall(ledger.depositCashWithCallback, (account, 1, ""));
        calls[4] = abi.encodeCall(ledger.withdrawCash, (account, 1, address(maker)));
        calls[5] = abi.encodeCall(ledger.moveCash, (account, margin(bob), 1));
        calls[6] = abi.encodeCall(ledger.depositBase, (account, MARKET, 1));
        calls[7] = abi.encodeCall(ledger.withdrawBase, (account, MARKET, 1, address(maker)));
        calls[8] = abi.encodeCall(ledger.depositOptions, (account, option, 1));
        calls[9] = abi.encodeCall(ledger.withdrawOptions, (account, option, 1, address(maker)));
        calls[10] = abi.encodeCall(ledger.startSettlement, (MARKET, WEEK));
        calls[11] = abi.encodeCall(ledger.settleAccounts, (MARKET, WEEK, ids(account)));
        calls[12] = abi.encodeCall(ledger.finalizeSettlement, (MARKET, WEEK));
        calls[13] = abi.encodeCall(ledger.claimCredit, (account, MARKET, WEEK));
        calls[14] = abi.encodeCall(ledger.redeemOptions, (address(maker), options(option)));
        IClearinghouse.PermitPayment memory payment = IClearinghouse.PermitPayment(0, 0, "");
        calls[15] =
            abi.encodeCall(ledger.tradeWithPermit, (swapOf(margin(alice), address(pool), one(option, ONE)), payment));
        calls[16] = abi.encodeCall(ledger.moveOptions, (account, account, option, 1));
        calls[17] = abi.encodeCall(ledger.liquidate, (IClearinghouse.Seizure(margin(bob), account, 1e18, 0, 0)));
        calls[18] = abi.encodeCall(ledger.setBackstop, (MARKET, 1));
        calls[19] = abi.encodeCall(ledger.batch, (account, new bytes[](0)));
    }

    function test_attack_E6_makerCannotComeBackInsideASwap() public {
        bytes[] memory calls = _entryPoints();
        maker.answer(100e6, 0);
        for (uint256 i = 0; i < calls.length; ++i) {
            maker.callBack(address(ledger), calls[i]);
            IClearinghouse.Swap memory swap = swapOf(margin(alice), address(maker), one(call(MONTH, 3000), ONE));
            vm.prank(alice);
            ledger.trade(swap);
            assertFalse(maker.reentered());
            assertEq(maker.revertData(), REENTERED);
        }
    }

    function test_attack_E6_payerCannotComeBackInsideADeposit() public {
        bytes[] memory calls = _entryPoints();
        giveQuote(address(maker), 1000);
        for (uint256 i = 0; i < calls.length; ++i) {
            maker.callBack(address(ledger), calls[i]);
            maker.execute(address(ledger), abi.encodeCall(ledger.depositCashWithCallback, (maker.account(), 10, "")));
            assertFalse(maker.reentered());
            assertEq(maker.revertData(), REENTERED);
        }
    }

    function test_attack_E6_hookedTokenCannotComeBackWhileItMoves() public {
        bytes[] memory calls = _entryPoints();
        for (uint256 i = 0; i < calls.length; ++i) {
            hooked.hook(address(ledger), calls[i]);
            vm.prank(alice);
            ledger.withdrawCash(margin(alice), 1, alice);
            assertFalse(hooked.succeeded());
            assertEq(hooked.answer(), REENTERED);
        }
        hooked.hook(address(ledger), calls[4]);
        trade(wallet(alice), call(MONTH, 3000), ONE); // the wallet pays at the very end
        assertEq(hooked.answer(), REENTERED);
    }

    /// @dev The token functions of options are not under the lock; inside a swap they move only what the maker has.
    function test_attack_B7_makerThatSellsItsWalletsOptionsInsideTheSwapGainsNothing() public {
        OptionId option = call(MONTH, 3000);
        trade(wallet(alice), option, ONE);
        vm.prank(alice);
        ledger.transfer(address(maker), OptionId.unwrap(option), uint128(ONE));
        maker.answer(100e6, 0);
        maker.callBack(address(ledger), abi.encodeCall(ledger.transfer, (bob, OptionId.unwrap(option), uint128(ONE))));
        IClearinghouse.Swap memory swap = swapOf(margin(alice), address(maker), one(option, ONE));
        vm.prank(alice);
        ledger.trade(swap);
        assertTrue(maker.reentered());
        int256 sum = ledger.position(wallet(bob), option) + ledger.position(wallet(address(maker)), option)
            + ledger.position(margin(alice), option) + ledger.position(maker.account(), option)
            + ledger.position(poolAccount, option) + ledger.position(wallet(alice), option);
        assertEq(sum, 0);
    }

    function test_attack_G7_afterACallTheLedgerIsOpenAgain() public {
        trade(wallet(alice), call(MONTH, 3000), ONE);
        assertFalse(ledger.isLocked());
        vm.expectRevert();
        ledger.withdrawCash(margin(alice), 1, alice);
        assertFalse(ledger.isLocked());
    }
}

/// @notice A quote token that takes a fee on the way.
contract FeeOnTransferTest is LedgerFixture {
    function newQuoteToken(uint8) internal override returns (LocalToken) {
        return new FeeOnTransferToken();
    }

    function setUp() public override {
        vm.warp(START);
        deployLedger(6);
        deployPool(defaultParameters());
        listed = [WEEK, MONTH, QUARTER];
        oracle.report(SPOT, VOLATILITY, listed);
        pool.mark();
    }

    function testFuzz_attack_E1_whatArrivesIsMeasured(uint256 percent) public {
        percent = bound(percent, 1, 99);
        FeeOnTransferToken(address(quoteToken)).take(percent);
        giveQuote(alice, 1000 * USD);
        bytes memory refusal = abi.encodeWithSelector(
            IClearinghouse.Clearinghouse_UnsupportedToken.selector,
            address(quoteToken),
            100 * USD,
            (100 - percent) * USD
        );
        vm.startPrank(alice);
        quoteToken.approve(address(ledger), type(uint256).max);
        vm.expectRevert(refusal);
        ledger.depositCash(margin(alice), 100 * USD);
        assertEq(ledger.cash(margin(alice)), 0);
    }

    function test_attack_E1_walletCannotPayForOptionsWithIt() public {
        giveQuote(alice, 1_000_000 * USD);
        FeeOnTransferToken(address(quoteToken)).take(0);
        ScriptedMaker maker = new ScriptedMaker();
        fundAccount(maker.account(), 1_000_000 * USD);
        maker.answer(100e6, 0);
        FeeOnTransferToken(address(quoteToken)).take(1);
        IClearinghouse.Swap memory swap = swapOf(wallet(alice), address(maker), one(call(MONTH, 3000), ONE));
        vm.prank(alice);
        quoteToken.approve(address(ledger), type(uint256).max);
        vm.expectRevert(
            abi.encodeWithSelector(
                IClearinghouse.Clearinghouse_UnsupportedToken.selector, address(quoteToken), 100e6, 99e6
            )
        );
        vm.prank(alice);
        ledger.trade(swap);
    }

    function test_attack_E1_baseThatTakesAFeeIsRefusedToo() public {
        FeeOnTransferToken taker = new FeeOnTransferToken();
        IClearinghouse.Market memory market = defaultMarket();
        market.baseToken = address(taker);
        ledger.createMarket(2, market);
        taker.mint(address(this), 100);
        taker.approve(address(ledger), 100);
        vm.expectRevert(
            abi.encodeWithSelector(IClearinghouse.Clearinghouse_UnsupportedToken.selector, address(taker), 100, 99)
        );
        ledger.depositBase(margin(alice), 2, 100);
    }
}

/// @notice Somebody tries to leave with more than is his.
contract MarginAttackTest is LedgerFixture {
    function tradeAs(AccountId account, OptionId option, int128 size) external returns (int256) {
        return trade(account, option, size);
    }

    /// @dev D2: no door that lowers equity leaves an account below margin; fuzzed over doors and amounts.
    function testFuzz_attack_D2_noDoorLeavesAnAccountBelowMargin(uint256 seed, uint64 amount) public {
        AccountId account = margin(alice);
        fundAccount(account, 30_000 * USD);
        vm.prank(alice);
        ledger.depositBase(account, MARKET, 3e18);
        trade(account, two(call(MONTH, 3000), -10 * ONE, call(MONTH, 3300), 4 * ONE));
        report(1 hours, 2600e18 + seed % 1000e18);
        (int256 before,) = ledger.health(account, Grid.Initial);
        vm.startPrank(alice);
        bytes memory data = [
            abi.encodeCall(ledger.withdrawCash, (account, uint256(amount) % 30_000e6 + 1, alice)),
            abi.encodeCall(ledger.moveCash, (account, wallet(alice), uint256(amount) % 30_000e6 + 1)),
            abi.encodeCall(ledger.withdrawBase, (account, MARKET, uint256(amount) % 3e18 + 1, alice)),
            abi.encodeCall(ledger.withdrawOptions, (account, call(MONTH, 3300), uint256(amount) % 4e6 + 1, alice))
        ][(seed >> 128) % 4];
        (bool left,) = address(ledger).call(data);
        (int256 later,) = ledger.health(account, Grid.Initial);
        if (left) assertGe(later, 0);
        else assertEq(later, before);
    }

    /// @dev Two accounts of one owner and a maker of his own: moving a loss from one to the other leaves nothing behind.
    function testFuzz_attack_D2_confederateMakerCannotEmptyAnUnhealthyAccount(uint256 seed, int64 price) public {
        ScriptedMaker maker = new ScriptedMaker();
        fundAccount(maker.account(), 1_000_000 * USD);
        AccountId account = margin(alice);
        fundAccount(account, 4000 * USD);
        trade(account, call(MONTH, 3200), -4 * ONE);
        report(1 hours, 3700e18);
        pool.mark();
        (int256 worst, int256 equity) = ledger.health(account, Grid.Initial);
        assertLt(worst, 0);
        for (uint256 i = 0; i < 4; ++i) {
            int128 size = int128(int256(seed >> (i * 8) & 0xff)) * 20_000 - 2_500_000;
            OptionId option = seed >> (64 + i) & 1 == 0 ? call(MONTH, 3200) : put(MONTH, 3500);
            maker.answer(int256(price) % 5_000_000_000, 0);
            IClearinghouse.Swap memory swap = swapOf(account, address(maker), one(option, size == 0 ? ONE : size));
            vm.prank(alice);
            try ledger.trade(swap) {
                (int256 later, int256 equityLater) = ledger.health(account, Grid.Initial);
                if (later < 0) {
                    assertGe(later, worst, "a trade below margin never raises the shortfall");
                    // 0.5 % of the notional at 3,700, and rounding
                    int256 allowance = int256(size < 0 ? -size : size == 0 ? ONE : size) * 18.5e6 / 1e6 + 2;
                    assertGe(equityLater, equity - allowance);
                }
                (worst, equity) = (later, equityLater);
                if (later >= 0) return;
            } catch {}
        }
    }

    /// @dev Nobody puts positions into somebody else's account, however he is named in the swap.
    function test_attack_F3_nobodyElsesAccountTakesTheOtherSide() public {
        ScriptedMaker maker = new ScriptedMaker();
        fundAccount(margin(bob), 1_000_000 * USD);
        fundAccount(margin(alice), 1_000_000 * USD);
        AccountId[4] memory victims =
            [margin(bob), poolAccount, ledger.insuranceAccount(), toAccountId(address(maker), 0)];
        for (uint256 i = 0; i < 4; ++i) {
            maker.answerFor(victims[i]);
            maker.answer(-1000e6, 0);
            IClearinghouse.Swap memory swap = swapOf(margin(alice), address(maker), one(call(MONTH, 3000), ONE));
            vm.expectRevert(
                abi.encodeWithSelector(IClearinghouse.Clearinghouse_InvalidMaker.selector, address(maker), victims[i])
            );
            vm.prank(alice);
            ledger.trade(swap);
        }
    }

    /// @dev A maker's operator right comes from the owner alone; the maker cannot give it to itself.
    function test_attack_F3_makerCannotMakeItselfOperator() public {
        ScriptedMaker maker = new ScriptedMaker();
        bytes memory attempt = abi.encodeCall(ledger.setAccountOperator, (margin(bob), address(maker), true));
        vm.expectRevert(
            abi.encodeWithSelector(IClearinghouse.Clearinghouse_NotAuthorized.selector, margin(bob), address(maker))
        );
        maker.execute(address(ledger), attempt);
    }

    function test_attack_A5_tokensSentWithoutADepositAreNobodys() public {
        giveQuote(address(ledger), 1000 * USD);
        uint256 before = ledger.cash(poolAccount);
        report(60, SPOT);
        pool.mark();
        assertEq(ledger.cash(poolAccount), before);
        assertEq(pool.lastMark().nav, int256(before));
        vm.prank(alice);
        ledger.depositCash(margin(alice), 10 * USD); // what was sent does not pay for it
        assertEq(ledger.cash(margin(alice)), 10 * USD);
    }

    /// @dev Dust: minimum sizes hold at every door that trades, so marking cost cannot be raised for nothing.
    function testFuzz_attack_B18_noTradeOpensLessThanTheMinimum(int64 size) public {
        fundAccount(margin(alice), 1_000_000 * USD);
        int128 dust = int128(size) % 10_000;
        if (dust == 0) dust = 1;
        vm.expectPartialRevert(IClearinghouse.Clearinghouse_BelowMinimum.selector);
        this.tradeAs(margin(alice), call(MONTH, 3000), dust);
    }
}
