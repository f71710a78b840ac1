// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {AtomicExecutor} from "../../pool-contracts/AtomicExecutor.sol";
import {IAtomicExecutor} from "../../pool-contracts/interfaces/IAtomicExecutor.sol";
import {IClearinghouse} from "../../pool-contracts/interfaces/IClearinghouse.sol";
import {AccountId} from "../../pool-contracts/types/AccountId.sol";
import {Leg} from "../../pool-contracts/types/Leg.sol";
import {OptionId} from "../../pool-contracts/types/OptionId.sol";
import {HedgerFixture} from "./fixture/HedgerFixture.sol";
import {ScriptedMaker} from "./fixture/ScriptedMaker.sol";

/// @dev Two makers, Uniswap, or both in one transaction: for the owner alone, and not below what he asks for.
contract AtomicExecutorTest is HedgerFixture {
    AtomicExecutor internal executor;
    ScriptedMaker internal maker;
    AccountId internal account;
    OptionId internal option;

    function setUp() public override {
        super.setUp();
        executor = new AtomicExecutor(IClearinghouse(address(ledger)), MARKET, uniswap.pool());
        maker = new ScriptedMaker();
        account = margin(alice);
        option = call(MONTH, 3000);
        fundAccount(maker.account(), 1_000_000 * USD);
        vm.startPrank(alice);
        ledger.depositCash(account, 1_000_000 * USD);
        ledger.setAccountOperator(account, address(executor), true);
        quoteToken.approve(address(executor), type(uint256).max);
        baseToken.approve(address(executor), type(uint256).max);
        vm.stopPrank();
    }

    function swaps(int256 bought, int256 sold) internal returns (IClearinghouse.Swap[] memory list) {
        list = new IClearinghouse.Swap[](2);
        list[0] = swapOf(account, address(pool), one(option, ONE));
        list[1] = swapOf(account, address(maker), one(option, -ONE));
        list[0].limitCash = bought;
        maker.answer(sold, 0);
    }

    function noSwaps() internal pure returns (IClearinghouse.Swap[] memory) {
        return new IClearinghouse.Swap[](0);
    }

    function spot(int256 baseAmount) internal pure returns (IAtomicExecutor.SpotTrade memory) {
        return IAtomicExecutor.SpotTrade(baseAmount, 0);
    }

    function atLeast(int256 gain) internal view returns (IAtomicExecutor.Bound memory) {
        return IAtomicExecutor.Bound(SPOT, gain, uint40(vm.getBlockTimestamp()));
    }

    function execute(IClearinghouse.Swap[] memory list, int256 baseAmount, int256 least) internal returns (int256) {
        vm.prank(alice);
        return executor.execute(account, list, spot(baseAmount), atLeast(least));
    }

    // Swaps.

    function test_buysOfOneAndSellsToAnother_gainIsTheDifference() public {
        int256 price = trade(wallet(bob), option, ONE); // a little less than the pool asks afterwards
        IClearinghouse.Swap[] memory list = swaps(ANY_CASH, -(price + 50 * int256(USD)));
        uint256 before = ledger.cash(account);
        int256 gain = execute(list, 0, 40 * int256(USD));
        assertEq(gain, int256(ledger.cash(account)) - int256(before));
        assertGt(gain, 40 * int256(USD));
        assertEq(ledger.position(account, option), 0);
    }

    function test_revertsWhole_whereTheGainIsBelowTheBound() public {
        IClearinghouse.Swap[] memory list = swaps(ANY_CASH, 0);
        uint256 before = ledger.cash(account);
        vm.prank(alice);
        vm.expectPartialRevert(IAtomicExecutor.AtomicExecutor_TooLittle.selector);
        executor.execute(account, list, spot(0), atLeast(0));
        assertEq(ledger.cash(account), before);
        assertEq(ledger.position(account, option), 0);
    }

    function test_theBoundIsExact() public {
        IClearinghouse.Swap[] memory list = swaps(ANY_CASH, -int256(1000 * USD));
        uint256 snapshot = vm.snapshotState();
        int256 gain = execute(list, 0, 0);
        vm.revertToState(snapshot);
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(IAtomicExecutor.AtomicExecutor_TooLittle.selector, gain, gain + 1));
        executor.execute(account, list, spot(0), atLeast(gain + 1));
        assertEq(execute(list, 0, gain), gain);
    }

    function test_oneSwapThatFails_undoesTheOthers() public {
        IClearinghouse.Swap[] memory list = swaps(1, 0);
        vm.prank(alice);
        vm.expectPartialRevert(IClearinghouse.Clearinghouse_LimitExceeded.selector);
        executor.execute(account, list, spot(0), atLeast(type(int256).min));
        assertEq(ledger.position(account, option), 0);
    }

    // Uniswap.

    function testFuzz_tradesBaseExactly_outOfTheOwnersTokens(int256 amount) public {
        amount = bound(amount, -50e18, 50e18);
        if (amount == 0) return;
        (uint256 base, uint256 quote) = (baseToken.balanceOf(alice), quoteToken.balanceOf(alice));
        int256 gain = execute(noSwaps(), amount, type(int256).min);
        assertEq(int256(baseToken.balanceOf(alice)) - int256(base), amount);
        // Uniswap's fee, and nothing else: its price is spot and it is deep.
        int256 worth = amount * int256(SPOT) / 1e18 / 1e12;
        int256 fee = (worth < 0 ? -worth : worth) * 5 / 10_000;
        assertApproxEqAbs(int256(quoteToken.balanceOf(alice)) - int256(quote), gain - worth, 2);
        assertApproxEqAbs(gain, -fee, uint256(fee / 10) + 3);
        assertEq(baseToken.balanceOf(address(executor)) + quoteToken.balanceOf(address(executor)), 0);
    }

    function test_hedgesWhatItTrades() public {
        IClearinghouse.Swap[] memory list = new IClearinghouse.Swap[](1);
        list[0] = swapOf(account, address(pool), one(option, 10 * ONE));
        uint256 base = baseToken.balanceOf(alice);
        int256 gain = execute(list, -5e18, -int256(5000 * USD));
        assertEq(ledger.position(account, option), 10 * ONE);
        assertEq(base - baseToken.balanceOf(alice), 5e18);
        assertLt(gain, 0);
    }

    function test_aPriceLimitThatComesFirst_reverts() public {
        uniswap.pushTo(3010e18);
        (uint160 sqrtPriceX96,,,,,,) = uniswap.pool().slot0();
        IAtomicExecutor.SpotTrade memory limited = IAtomicExecutor.SpotTrade(-1e18, sqrtPriceX96);
        uniswap.pushTo(3000e18);
        vm.prank(alice);
        vm.expectRevert();
        executor.execute(account, noSwaps(), limited, atLeast(type(int256).min));
    }

    // Rights.

    function test_attack_E12_executorActsForNobodyButTheOwner() public {
        vm.prank(bob);
        vm.expectRevert(abi.encodeWithSelector(IAtomicExecutor.AtomicExecutor_NotOwner.selector, account, bob));
        executor.execute(account, noSwaps(), spot(1e18), atLeast(type(int256).min));
    }

    function test_anotherAccountsSwap_isRefused() public {
        IClearinghouse.Swap[] memory list = new IClearinghouse.Swap[](1);
        list[0] = swapOf(margin(bob), address(pool), one(option, ONE));
        vm.prank(alice);
        vm.expectRevert(
            abi.encodeWithSelector(IAtomicExecutor.AtomicExecutor_WrongAccount.selector, margin(bob), account)
        );
        executor.execute(account, list, spot(0), atLeast(type(int256).min));
    }

    function test_withoutTheOwnersConsent_tradesNothing() public {
        vm.prank(alice);
        ledger.setAccountOperator(account, address(executor), false);
        IClearinghouse.Swap[] memory list = swaps(ANY_CASH, 0);
        vm.prank(alice);
        vm.expectPartialRevert(IClearinghouse.Clearinghouse_NotAuthorized.selector);
        executor.execute(account, list, spot(0), atLeast(type(int256).min));
    }

    function test_attack_G3_executorsCallbackPaysUniswapAlone() public {
        vm.prank(bob);
        vm.expectRevert(abi.encodeWithSelector(IAtomicExecutor.AtomicExecutor_NotUniswap.selector, bob));
        executor.uniswapV3SwapCallback(1, 0, abi.encode(alice));
    }

    function test_attack_E12_makerThatCallsBackInTradesForItselfAtMost() public {
        IClearinghouse.Swap[] memory list = swaps(ANY_CASH, -int256(1000 * USD));
        bytes memory again =
            abi.encodeCall(executor.execute, (account, noSwaps(), spot(-1e18), atLeast(type(int256).min)));
        maker.callBack(address(executor), again);
        uint256 base = baseToken.balanceOf(alice);
        execute(list, 0, type(int256).min);
        assertFalse(maker.reentered());
        assertEq(baseToken.balanceOf(alice), base);
    }

    function test_pastItsDeadline_doesNothing() public {
        IAtomicExecutor.Bound memory late = atLeast(type(int256).min);
        late.deadline -= 1;
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(IAtomicExecutor.AtomicExecutor_Expired.selector, late.deadline));
        executor.execute(account, noSwaps(), spot(1e18), late);
    }
}
