// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {SignedOrders} from "../../pool-contracts/SignedOrders.sol";
import {IClearinghouse} from "../../pool-contracts/interfaces/IClearinghouse.sol";
import {Grid} from "../../pool-contracts/interfaces/IRiskEngine.sol";
import {ISignedOrders} from "../../pool-contracts/interfaces/ISignedOrders.sol";
import {AccountId, toAccountId} from "../../pool-contracts/types/AccountId.sol";
import {Leg} from "../../pool-contracts/types/Leg.sol";
import {LedgerFixture} from "./fixture/LedgerFixture.sol";
import {SigningContract} from "./fixture/SigningContract.sol";

/// @dev Dora signs, bob fills. Names are the branches.
contract SignedOrdersTest is LedgerFixture {
    SignedOrders internal orders;
    address internal dora;
    uint256 internal key;

    function setUp() public override {
        super.setUp();
        orders = new SignedOrders(IClearinghouse(address(ledger)), oracle);
        (dora, key) = makeAddrAndKey("dora");
        fundAccount(margin(dora), 50_000 * USD);
        fundAccount(margin(bob), 50_000 * USD);
        vm.prank(dora);
        ledger.setAccountOperator(margin(dora), address(orders), true);
    }

    function test_anOrder_isFilledOnce_atItsPrice() public {
        ISignedOrders.Order memory order = _order(ONE, 150e6);
        uint256 doras = ledger.cash(margin(dora));
        uint256 funds = ledger.cash(fund.account());
        bytes memory data = _signed(order, key);
        vm.expectEmit(address(orders));
        emit ISignedOrders.OrderFilled(margin(dora), 7, margin(bob), orders.digestOf(order));
        assertEq(_fill(margin(bob), order.legs, data), 150e6);
        assertEq(ledger.position(margin(bob), call(MONTH, 3000)), ONE);
        assertEq(ledger.position(margin(dora), call(MONTH, 3000)), -ONE);
        uint256 fee = 3000e6 * 3 / 10_000;
        assertEq(ledger.cash(margin(dora)), doras + 150e6 - fee * 3 / 10, "less the parts that are not the maker's");
        assertEq(ledger.cash(fund.account()) - funds, fee / 10, "half of a fifth: nobody is under stress");
        assertTrue(orders.isUsed(dora, 7));
        vm.expectRevert(abi.encodeWithSelector(ISignedOrders.SignedOrders_NonceUsed.selector, dora, 7));
        _fill(margin(bob), order.legs, data);
    }

    function test_theFee_isAtMostAnEighthOfThePrice() public {
        ISignedOrders.Order memory order = _order(ONE, 4e6);
        uint256 doras = ledger.cash(margin(dora));
        _fill(margin(bob), order.legs, _signed(order, key));
        assertEq(ledger.cash(margin(dora)), doras + 4e6 - 0.15e6, "three tenths of a fee of a half");
    }

    function test_whateverWasNotSigned_isRefused() public {
        ISignedOrders.Order memory order = _order(ONE, 150e6);
        bytes memory signature = _signature(order, key);
        order.cash = 100e6;
        _refused(order, signature, abi.encodeWithSelector(ISignedOrders.SignedOrders_InvalidSignature.selector, dora));
        order = _order(ONE, 150e6);
        order.nonce = 8;
        _refused(order, signature, abi.encodeWithSelector(ISignedOrders.SignedOrders_InvalidSignature.selector, dora));
        order = _order(ONE, 150e6);
        order.account = toAccountId(dora, 2);
        _refused(order, signature, abi.encodeWithSelector(ISignedOrders.SignedOrders_InvalidSignature.selector, dora));
        (, uint256 other) = makeAddrAndKey("thief");
        order = _order(ONE, 150e6);
        signature = _signature(order, other);
        _refused(order, signature, abi.encodeWithSelector(ISignedOrders.SignedOrders_InvalidSignature.selector, dora));
    }

    function test_attack_F2_partsOfAnOrderAreRefused() public {
        ISignedOrders.Order memory order = _order(ONE, 150e6);
        bytes memory data = _signed(order, key);
        vm.expectRevert(ISignedOrders.SignedOrders_WrongLegs.selector);
        _fill(margin(bob), one(call(MONTH, 3000), ONE / 2), data);
        vm.expectRevert(ISignedOrders.SignedOrders_WrongLegs.selector);
        _fill(margin(bob), one(call(MONTH, 3100), ONE), data);
    }

    function test_anOrderForOneTaker_isHisAlone() public {
        ISignedOrders.Order memory order = _order(ONE, 150e6);
        order.taker = margin(carol);
        bytes memory data = _signed(order, key);
        vm.expectRevert(
            abi.encodeWithSelector(ISignedOrders.SignedOrders_WrongTaker.selector, margin(bob), margin(carol))
        );
        _fill(margin(bob), order.legs, data);
        fundAccount(margin(carol), 1000 * USD);
        _fill(margin(carol), order.legs, data);
    }

    function test_anOrder_expires_andCanBeCancelled() public {
        ISignedOrders.Order memory order = _order(ONE, 150e6);
        bytes memory data = _signed(order, key);
        vm.prank(dora);
        orders.cancel(7);
        vm.expectRevert(abi.encodeWithSelector(ISignedOrders.SignedOrders_NonceUsed.selector, dora, 7));
        _fill(margin(bob), order.legs, data);
        order.nonce = 8;
        data = _signed(order, key);
        skip(61);
        vm.expectRevert(abi.encodeWithSelector(ISignedOrders.SignedOrders_Expired.selector, vm.getBlockTimestamp() - 1));
        _fill(margin(bob), order.legs, data);
    }

    function test_attack_F3_withoutAnOperatorsRightNothingIsFilled() public {
        vm.prank(dora);
        ledger.setAccountOperator(margin(dora), address(orders), false);
        ISignedOrders.Order memory order = _order(ONE, 150e6);
        bytes memory data = _signed(order, key);
        vm.expectRevert(
            abi.encodeWithSelector(IClearinghouse.Clearinghouse_InvalidMaker.selector, address(orders), margin(dora))
        );
        _fill(margin(bob), order.legs, data);
        assertFalse(orders.isUsed(dora, 7));
    }

    function test_onlyTheLedgerAsks() public {
        ISignedOrders.Order memory order = _order(ONE, 150e6);
        bytes memory data = _signed(order, key);
        vm.expectRevert(abi.encodeWithSelector(ISignedOrders.SignedOrders_NotLedger.selector, address(this)));
        orders.onTrade(margin(bob), order.legs, false, data);
    }

    function test_aContract_signsByErc1271() public {
        SigningContract owner = new SigningContract();
        AccountId account = margin(address(owner));
        fundAccount(account, 50_000 * USD);
        owner.approveOperator(ledger, account, address(orders));
        ISignedOrders.Order memory order = _order(ONE, 150e6);
        order.account = account;
        bytes memory data = abi.encode(order, bytes("anything"));
        vm.expectRevert(abi.encodeWithSelector(ISignedOrders.SignedOrders_InvalidSignature.selector, address(owner)));
        _fill(margin(bob), order.legs, data);
        owner.sign(orders.digestOf(order));
        _fill(margin(bob), order.legs, data);
        assertEq(ledger.position(account, call(MONTH, 3000)), -ONE);
    }

    /// @dev Dora is below initial margin. Her confederate may not buy her calls for a song; a fair close passes.
    function test_attack_F4_belowInitialMarginNobodyStripsTheAccount() public {
        trade(margin(dora), call(MONTH, 3000), -40 * ONE);
        report(60, 3700e18);
        (int256 worst, int256 equity) = ledger.health(margin(dora), Grid.Initial);
        assertLt(worst, 0);
        assertGt(equity, 0);
        fundAccount(margin(bob), 1_000_000 * USD);
        // Bob sells her back ten of her calls: they are worth about 750 each.
        ISignedOrders.Order memory order = _order(-10 * ONE, -12_000e6);
        bytes memory data = _signed(order, key);
        vm.expectPartialRevert(IClearinghouse.Clearinghouse_Unhealthy.selector);
        _fill(margin(bob), order.legs, data);
        order = _order(-10 * ONE, -7600e6);
        data = _signed(order, key);
        _fill(margin(bob), order.legs, data);
        assertEq(ledger.position(margin(dora), call(MONTH, 3000)), -30 * ONE);
    }

    // ───── What people do ─────

    /// @dev The taker gets `size` calls of a month at 3,000 and pays `cash`.
    function _order(int128 size, int256 cash) private view returns (ISignedOrders.Order memory) {
        return ISignedOrders.Order({
            account: margin(dora),
            taker: AccountId.wrap(0),
            legs: one(call(MONTH, 3000), size),
            cash: cash,
            nonce: 7,
            deadline: uint40(vm.getBlockTimestamp() + 60)
        });
    }

    function _signature(ISignedOrders.Order memory order, uint256 by) private view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(by, orders.digestOf(order));
        return abi.encodePacked(r, s, v);
    }

    function _signed(ISignedOrders.Order memory order, uint256 by) private view returns (bytes memory) {
        return abi.encode(order, _signature(order, by));
    }

    function _refused(ISignedOrders.Order memory order, bytes memory signature, bytes memory reason) private {
        vm.expectRevert(reason);
        _fill(margin(bob), order.legs, abi.encode(order, signature));
    }

    function _fill(AccountId taker, Leg[] memory legs, bytes memory data) private returns (int256) {
        IClearinghouse.Swap memory swap = swapOf(taker, address(orders), legs);
        swap.makerData = data;
        vm.prank(taker.owner());
        return ledger.trade(swap);
    }
}
