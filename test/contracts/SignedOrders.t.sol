// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {SignedOrders} from "../../pool-contracts/SignedOrders.sol";
import {IClearinghouse} from "../../pool-contracts/interfaces/IClearinghouse.sol";
import {Grid} from "../../pool-contracts/interfaces/IRiskEngine.sol";
import {ISignedOrders} from "../../pool-contracts/interfaces/ISignedOrders.sol";
import {AccountId, toAccountId} from "../../pool-contracts/types/AccountId.sol";
import {Leg} from "../../pool-contracts/types/Leg.sol";
import {OptionId} from "../../pool-contracts/types/OptionId.sol";
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

    function test_attack_G3_onlyTheLedgerAsksForOrders() public {
        ISignedOrders.Order memory order = _order(ONE, 150e6);
        bytes memory data = _signed(order, key);
        vm.expectRevert(abi.encodeWithSelector(ISignedOrders.SignedOrders_NotLedger.selector, address(this)));
        orders.onTrade(margin(bob), order.legs, false, data);
    }

    /// @dev Of a contract that signs, and lets orders be filled from its account.
    function _contractsAccount() private returns (SigningContract owner, AccountId account) {
        owner = new SigningContract();
        account = margin(address(owner));
        fundAccount(account, 50_000 * USD);
        owner.approveOperator(ledger, account, address(orders));
    }

    function test_aContract_signsByErc1271() public {
        (SigningContract owner, AccountId account) = _contractsAccount();
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

    // ───── Attacks ─────

    /// @dev Guards `_used` in `SignedOrders.onTrade`: a nonce is used up whatever it signs.
    function test_attack_F1_usedNonceFillsNothingElse() public {
        ISignedOrders.Order memory order = _order(ONE, 150e6);
        _fill(margin(bob), order.legs, _signed(order, key));
        order.cash = 151e6;
        bytes memory used = abi.encodeWithSelector(ISignedOrders.SignedOrders_NonceUsed.selector, dora, 7);
        _refused(order, _signature(order, key), used);
        order.legs = one(call(MONTH, 3100), ONE);
        _refused(order, _signature(order, key), used);
        order.nonce = 7 + 256; // another word of the map
        _fill(margin(bob), order.legs, _signed(order, key));
    }

    /// @dev Two fills in one block, by two takers: the order is filled once. Guards the same line.
    function test_attack_F2_twoTakersFillOnce() public {
        ISignedOrders.Order memory order = _order(ONE, 150e6);
        bytes memory data = _signed(order, key);
        fundAccount(margin(carol), 50_000 * USD);
        _fill(margin(carol), order.legs, data);
        vm.expectRevert(abi.encodeWithSelector(ISignedOrders.SignedOrders_NonceUsed.selector, dora, 7));
        _fill(margin(bob), order.legs, data);
        assertEq(ledger.position(margin(dora), call(MONTH, 3000)), -ONE);
    }

    /// @dev Who signs for another's account is nobody, though he be his operator. Guards the signer in `SignedOrders.onTrade`.
    function test_attack_F3_operatorSignsNoOrders() public {
        (address thief, uint256 thiefs) = makeAddrAndKey("thief");
        vm.prank(dora);
        ledger.setAccountOperator(margin(dora), thief, true);
        ISignedOrders.Order memory order = _order(ONE, 1e6);
        bytes memory signature = _signature(order, thiefs);
        _refused(order, signature, abi.encodeWithSelector(ISignedOrders.SignedOrders_InvalidSignature.selector, dora));
        // Nor does a signature of Dora's first account stand for one of another owner.
        order.account = margin(carol);
        signature = _signature(order, key);
        _refused(order, signature, abi.encodeWithSelector(ISignedOrders.SignedOrders_InvalidSignature.selector, carol));
    }

    /// @dev Prices at the ends of every width: refused by name, by the ledger, whatever the taker's limit. Guards the range of
    /// `cash` in `Clearinghouse._swap`.
    function test_attack_F4_extremePricesAreRefused() public {
        int256[6] memory prices = [
            type(int256).max,
            type(int256).min,
            int256(type(int128).max) + 1,
            int256(type(int128).min) - 1,
            int256(type(int128).max),
            int256(type(int128).min)
        ];
        for (uint256 i = 0; i < prices.length; ++i) {
            ISignedOrders.Order memory order = _order(ONE, prices[i]);
            bytes memory data = _signed(order, key);
            vm.expectPartialRevert(
                i < 4
                    ? IClearinghouse.Clearinghouse_LimitExceeded.selector
                    : IClearinghouse.Clearinghouse_InsufficientCash.selector
            );
            _fill(margin(bob), order.legs, data);
        }
        assertFalse(orders.isUsed(dora, 7));
    }

    /// @dev Guards the key of `_used` in `SignedOrders.cancel`.
    function test_attack_F5_othersCancelNothing() public {
        vm.prank(bob);
        orders.cancel(7);
        vm.prank(address(ledger));
        orders.cancel(7);
        assertFalse(orders.isUsed(dora, 7));
        ISignedOrders.Order memory order = _order(ONE, 150e6);
        _fill(margin(bob), order.legs, _signed(order, key));
    }

    /// @dev A fill and a cancelation in one block, in either order: filled once, or not at all.
    function test_attack_F6_cancelationAndFillInOneBlock() public {
        ISignedOrders.Order memory order = _order(ONE, 150e6);
        bytes memory data = _signed(order, key);
        uint256 state = vm.snapshotState();
        _fill(margin(bob), order.legs, data);
        vm.prank(dora);
        orders.cancel(7);
        assertEq(ledger.position(margin(dora), call(MONTH, 3000)), -ONE);
        vm.revertToState(state);
        vm.prank(dora);
        orders.cancel(7);
        vm.expectRevert(abi.encodeWithSelector(ISignedOrders.SignedOrders_NonceUsed.selector, dora, 7));
        _fill(margin(bob), order.legs, data);
        assertEq(ledger.position(margin(dora), call(MONTH, 3000)), 0);
    }

    /// @dev What viem's `hashTypedData` makes of an order with two legs, signed numbers and fields at their limits.
    function test_attack_F7_digestIsWhatViemSigns() public {
        address place = address(uint160(type(uint160).max / 5)); // 0x3333…
        vm.chainId(31_337);
        vm.etch(place, address(orders).code);
        ISignedOrders.Order memory order = ISignedOrders.Order({
            account: toAccountId(address(uint160(type(uint160).max / 15)), 1),
            taker: toAccountId(address(uint160(type(uint160).max / 15 * 2)), 3),
            legs: two(OptionId.wrap(123_456_789), -1_000_000, OptionId.wrap(2 ** 200), 2 ** 126),
            cash: -int256(2 ** 100),
            nonce: 2 ** 200 + 7,
            deadline: type(uint40).max
        });
        assertEq(
            SignedOrders(place).digestOf(order), 0x7b97c7413ef12f4e136041e11ea02ebbb3c609d16c29dca186afad708e60d8cc
        );
    }

    /// @dev A chain that forks: what was signed for the one is nothing on the other. Guards the domain.
    function test_attack_F7_orderOfAnotherChainOrContract() public {
        ISignedOrders.Order memory order = _order(ONE, 150e6);
        bytes memory signature = _signature(order, key);
        vm.chainId(31_338);
        _refused(order, signature, abi.encodeWithSelector(ISignedOrders.SignedOrders_InvalidSignature.selector, dora));
        vm.chainId(31_337);
        SignedOrders other = new SignedOrders(IClearinghouse(address(ledger)), oracle);
        vm.prank(dora);
        ledger.setAccountOperator(margin(dora), address(other), true);
        IClearinghouse.Swap memory swap = swapOf(margin(bob), address(other), order.legs);
        swap.makerData = abi.encode(order, signature);
        vm.prank(bob);
        vm.expectRevert(abi.encodeWithSelector(ISignedOrders.SignedOrders_InvalidSignature.selector, dora));
        ledger.trade(swap);
        _fill(margin(bob), order.legs, abi.encode(order, signature));
    }

    /// @dev A contract that signed and thinks better of it: asked when it is filled, and in a batch nothing of it happens.
    function test_attack_F9_contractWithdrawsItsSignature() public {
        (SigningContract owner, AccountId account) = _contractsAccount();
        ISignedOrders.Order memory order = _order(ONE, 150e6);
        ISignedOrders.Order memory others = _order(ONE, 150e6);
        order.account = account;
        owner.sign(orders.digestOf(order));
        owner.sign(0);
        bytes[] memory calls = new bytes[](2);
        IClearinghouse.Swap memory swap = swapOf(margin(bob), address(orders), order.legs);
        swap.makerData = _signed(others, key);
        calls[0] = abi.encodeCall(ledger.trade, (swap));
        swap.makerData = abi.encode(order, "");
        calls[1] = abi.encodeCall(ledger.trade, (swap));
        vm.prank(bob);
        vm.expectRevert(abi.encodeWithSelector(ISignedOrders.SignedOrders_InvalidSignature.selector, address(owner)));
        ledger.batch(margin(bob), calls);
        assertFalse(orders.isUsed(dora, 7));
        _fill(margin(bob), others.legs, _signed(others, key)); // the other order is as good as before
    }

    /// @dev Guards `SignedOrders_WrongLegs`: legs in their order, all of them, with their signs.
    function test_attack_F11_legsReorderedOmittedAddedOrTurned() public {
        ISignedOrders.Order memory order = _order(ONE, 150e6);
        order.legs = two(call(MONTH, 3000), ONE, call(MONTH, 3100), -ONE);
        bytes memory data = _signed(order, key);
        Leg[][4] memory wrong = [
            two(call(MONTH, 3100), -ONE, call(MONTH, 3000), ONE),
            one(call(MONTH, 3000), ONE),
            two(call(MONTH, 3000), -ONE, call(MONTH, 3100), ONE),
            two(call(MONTH, 3000), ONE, put(MONTH, 3100), -ONE)
        ];
        for (uint256 i = 0; i < 4; ++i) {
            vm.expectRevert(ISignedOrders.SignedOrders_WrongLegs.selector);
            _fill(margin(bob), wrong[i], data);
        }
        _fill(margin(bob), order.legs, data);
    }

    /// @dev Who trades with himself pays the fund's and the protocol's part of the fee each time, and is paid for nothing.
    function test_attack_F12_tradesWithOneselfCost() public {
        AccountId second = toAccountId(dora, 2);
        fundAccount(second, 50_000 * USD);
        uint256 before = ledger.cash(margin(dora)) + ledger.cash(second);
        for (uint256 i = 0; i < 10; ++i) {
            ISignedOrders.Order memory order = _order(i % 2 == 0 ? ONE : -ONE, i % 2 == 0 ? int256(150e6) : -150e6);
            order.nonce = i;
            bytes memory data = _signed(order, key);
            _fill(second, order.legs, data);
        }
        report(1 hours, SPOT);
        vm.prank(dora);
        pool.mark();
        assertEq(ledger.strikes(second).length, 0);
        uint256 fee = 3000e6 * 3 / 10_000;
        assertEq(ledger.cash(margin(dora)) + ledger.cash(second), before - 10 * fee * 3 / 10);
    }

    /// @dev The bits above an account's owner would name it a second time. Guards that an operator's right is kept by the whole name, and
    /// `isCanonical` in `_requireMakerAccount`.
    function test_attack_X_orderForASecondNameOfAnAccount() public {
        ISignedOrders.Order memory order = _order(ONE, 150e6);
        order.account = AccountId.wrap(AccountId.unwrap(margin(dora)) | 1 << 200);
        bytes memory data = _signed(order, key);
        vm.expectRevert(
            abi.encodeWithSelector(IClearinghouse.Clearinghouse_InvalidMaker.selector, address(orders), order.account)
        );
        _fill(margin(bob), order.legs, data);
    }

    /// @dev An order filled by its own account: the sides of one account would cancel and leave a fee.
    function test_attack_X_orderFilledByItsOwnAccount() public {
        ISignedOrders.Order memory order = _order(ONE, 150e6);
        bytes memory data = _signed(order, key);
        vm.expectRevert(
            abi.encodeWithSelector(IClearinghouse.Clearinghouse_InvalidMaker.selector, address(orders), margin(dora))
        );
        _fill(margin(dora), order.legs, data);
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
