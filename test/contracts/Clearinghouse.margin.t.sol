// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IClearinghouse} from "../../pool-contracts/interfaces/IClearinghouse.sol";
import {ILiquidationAuction} from "../../pool-contracts/interfaces/ILiquidationAuction.sol";
import {Grid} from "../../pool-contracts/interfaces/IRiskEngine.sol";
import {AccountId, toAccountId} from "../../pool-contracts/types/AccountId.sol";
import {OptionId} from "../../pool-contracts/types/OptionId.sol";
import {LedgerFixture} from "./fixture/LedgerFixture.sol";
import {ScriptedMaker} from "./fixture/ScriptedMaker.sol";

/// @dev What the ledger asks of accounts beyond a swap's margin: stress, bounties, batches, moves. Names are the branches.
contract ClearinghouseMarginTest is LedgerFixture {
    uint16 internal constant STRICT = 2;

    function setUp() public override {
        super.setUp();
        fundAccount(margin(alice), 50_000 * USD);
        fundAccount(margin(bob), 50_000 * USD);
    }

    // ───── Stress ─────

    function test_anAccountThatCoversTheDoubleGrid_hasNoStressLoss() public {
        trade(margin(alice), call(MONTH, 3000), -ONE);
        assertEq(ledger.stressLoss(), 0);
        assertEq(ledger.insuranceTarget(), 0);
    }

    function test_stressLosses_addUpAndGoWithTheirShorts() public {
        trade(margin(alice), call(MONTH, 3000), -60 * ONE);
        uint256 alices = ledger.stressLoss();
        (,, int256 stressed) = risk.values(MARKET, ledger.strikes(margin(alice)), 0, Grid.Initial);
        int256 left = stressed + int256(ledger.cash(margin(alice)));
        assertEq(int256(alices), -left);
        assertGt(alices, 0);
        trade(margin(bob), put(WEEK, 3000), -60 * ONE);
        uint256 both = ledger.stressLoss();
        assertGt(both, alices);
        assertEq(ledger.insuranceTarget(), 2 * both);
        trade(margin(alice), call(MONTH, 3000), 60 * ONE);
        assertEq(ledger.stressLoss(), both - alices);
        settle(WEEK, 3000e18, ids(margin(bob)));
        assertEq(ledger.stressLoss(), 0, "settled shorts are no risk");
    }

    function test_aLiquidation_takesItsShareOfTheStress() public {
        trade(margin(alice), call(MONTH, 3000), -60 * ONE);
        fundAccount(margin(carol), 10_000_000 * USD);
        uint256 before = ledger.stressLoss();
        report(60, 3900e18);
        auction.start(margin(alice), "");
        bytes32 state = auction.lot(margin(alice)).state;
        vm.prank(carol);
        (uint256 taken,) = auction.bid(margin(alice), margin(carol), 1e18, type(int256).max, state, "");
        assertLt(taken, 1e18);
        assertApproxEqAbs(ledger.stressLoss(), before * (1e18 - taken) / 1e18, 2, "carol covers her part");
    }

    function test_attack_D16_givenAFundThatIsTooSmall_newShortsPostTheDoubleGrid() public {
        _strictMarket();
        ScriptedMaker maker = _maker();
        OptionId option = _strict(3000);
        maker.answer(-18_000e6, 0);
        vm.expectPartialRevert(IClearinghouse.Clearinghouse_StressLimit.selector);
        _tradeWith(maker, margin(alice), option, -60 * ONE);
        fundAccount(fund.account(), 100_000 * USD);
        _tradeWith(maker, margin(alice), option, -60 * ONE);
        uint256 loss = ledger.stressLoss();
        assertGt(loss, 0);
        assertLt(loss, 100_000 * USD);
        // Cash that covers the double grid may not leave while the fund could not pay in its place.
        _emptyFund();
        vm.prank(alice);
        vm.expectPartialRevert(IClearinghouse.Clearinghouse_StressLimit.selector);
        ledger.withdrawCash(margin(alice), 100 * USD, alice);
        // A close is never in its way.
        maker.answer(900e6, 0);
        _tradeWith(maker, margin(alice), option, 3 * ONE);
        assertLt(ledger.stressLoss(), loss);
    }

    function test_makersBehindTheFund_allowAsMuchStressAsTheyWouldPay() public {
        _strictMarket();
        ScriptedMaker maker = _maker();
        maker.answer(-18_000e6, 0);
        fundAccount(poolAccount, 100_000 * USD);
        vm.prank(address(pool));
        ledger.setBackstop(STRICT, 1);
        vm.expectPartialRevert(IClearinghouse.Clearinghouse_StressLimit.selector);
        _tradeWith(maker, margin(alice), _strict(3000), -60 * ONE);
        vm.prank(address(pool));
        ledger.setBackstop(STRICT, uint128(100_000 * USD));
        _tradeWith(maker, margin(alice), _strict(3000), -60 * ONE);
        assertLt(ledger.stressLoss(), 100_000 * USD);
    }

    // ───── Fees ─────

    function test_theFundsPartOfFees_fallsAsItFills() public {
        trade(margin(alice), call(MONTH, 3000), -60 * ONE);
        uint256 target = ledger.insuranceTarget();
        fundAccount(fund.account(), target - ledger.cash(fund.account()));
        assertEq(_insurancePart(), 0.2e18, "at its target");
        fundAccount(fund.account(), target / 4);
        assertEq(_insurancePart(), 0.15e18, "a quarter above");
        fundAccount(fund.account(), 10 * target);
        assertEq(_insurancePart(), 0.1e18, "never below a half");
        _emptyFund();
        assertEq(_insurancePart(), 0.3e18, "all that is not the maker's where it is empty");
    }

    /// @dev Part of a fee of 1,000 that reaches the fund, to a hundredth of a per cent.
    function _insurancePart() private returns (uint256) {
        uint256 state = vm.snapshotState();
        ScriptedMaker maker = _maker();
        maker.answer(2000e6, 1000e6);
        uint256 before = ledger.cash(fund.account());
        _tradeWith(maker, margin(bob), call(MONTH, 4000), ONE);
        uint256 part = ledger.cash(fund.account()) - before;
        vm.revertToState(state);
        return (part * 1e4 / 1000e6) * 1e14 + (part % 1e5 > 5e4 ? 1e14 : 0);
    }

    // ───── Bounties ─────

    function test_aShort_prepaysItsSettlement_andGetsItBackWhereItCloses() public {
        _strictMarket();
        ScriptedMaker maker = _maker();
        maker.answer(0, 0);
        uint256 before = ledger.cash(margin(alice));
        _tradeWith(maker, margin(alice), _strict(3000), -ONE);
        assertEq(before - ledger.cash(margin(alice)), 3 * USD);
        assertEq(ledger.pot(STRICT, MONTH), 3 * USD);
        _tradeWith(maker, margin(alice), _strict(3100), -ONE);
        assertEq(before - ledger.cash(margin(alice)), 3 * USD, "once for an expiry");
        _tradeWith(maker, margin(alice), _strict(3000), ONE);
        _tradeWith(maker, margin(alice), _strict(3100), ONE);
        assertEq(ledger.cash(margin(alice)), before);
        assertEq(ledger.pot(STRICT, MONTH), 0);
    }

    function test_whoSettlesAShort_isPaidItsBounty() public {
        _strictMarket();
        ScriptedMaker maker = _maker();
        maker.answer(0, 0);
        _tradeWith(maker, margin(alice), _strict(3000), -ONE);
        vm.warp(MONTH);
        oracle.setSettlementPrice(MONTH, 3100e18);
        ledger.startSettlement(STRICT, MONTH);
        address keeper = makeAddr("keeper");
        vm.startPrank(keeper);
        ledger.settleAccounts(STRICT, MONTH, ids(margin(alice), maker.account()));
        assertEq(ledger.cash(wallet(keeper)), 3 * USD);
        ledger.settleAccounts(STRICT, MONTH, ids(margin(alice), maker.account()));
        assertEq(ledger.cash(wallet(keeper)), 3 * USD, "once");
        ledger.withdrawCash(wallet(keeper), 3 * USD, keeper);
        vm.stopPrank();
        ledger.finalizeSettlement(STRICT, MONTH);
        ledger.claimCredit(maker.account(), STRICT, MONTH);
        assertEq(ledger.pot(STRICT, MONTH), 0, "nothing is left over");
    }

    // ───── Batches ─────

    function test_aBatch_isCheckedOnceAtItsEnd() public {
        AccountId account = toAccountId(carol, 1);
        bytes[] memory calls = new bytes[](3);
        // A short that needs 40,000 first, the cash for it last.
        calls[0] = abi.encodeCall(ledger.trade, (swapOf(account, address(pool), one(call(MONTH, 3000), -60 * ONE))));
        calls[1] = abi.encodeCall(ledger.trade, (swapOf(account, address(pool), one(call(MONTH, 3300), 60 * ONE))));
        calls[2] = abi.encodeCall(ledger.depositCash, (account, 30_000 * USD));
        vm.prank(carol);
        bytes[] memory results = ledger.batch(account, calls);
        assertLt(abi.decode(results[0], (int256)), 0, "what the short brought");
        assertEq(ledger.position(account, call(MONTH, 3000)), -60 * ONE);
        assertFalse(ledger.isLocked());
    }

    function test_aBatchThatEndsUnhealthy_leavesNothing() public {
        AccountId account = margin(alice);
        bytes[] memory calls = new bytes[](2);
        calls[0] = abi.encodeCall(ledger.trade, (swapOf(account, address(pool), one(call(MONTH, 3000), -60 * ONE))));
        calls[1] = abi.encodeCall(ledger.withdrawCash, (account, 50_000 * USD, alice));
        uint256 cash = ledger.cash(account);
        vm.prank(alice);
        vm.expectPartialRevert(IClearinghouse.Clearinghouse_Unhealthy.selector);
        ledger.batch(account, calls);
        assertEq(ledger.cash(account), cash);
        assertEq(ledger.strikes(account).length, 0);
    }

    function test_aBatch_bubblesTheErrorOfItsCall() public {
        bytes[] memory calls = new bytes[](1);
        calls[0] = abi.encodeCall(ledger.withdrawCash, (margin(bob), 1, alice));
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(IClearinghouse.Clearinghouse_NotAuthorized.selector, margin(bob), alice));
        ledger.batch(margin(alice), calls);
    }

    function test_aBatch_isTheOwnersOrAnOperators_andNeverNested() public {
        bytes[] memory calls = new bytes[](0);
        vm.prank(bob);
        vm.expectRevert(abi.encodeWithSelector(IClearinghouse.Clearinghouse_NotAuthorized.selector, margin(alice), bob));
        ledger.batch(margin(alice), calls);
        calls = new bytes[](1);
        calls[0] = abi.encodeCall(ledger.batch, (margin(alice), new bytes[](0)));
        vm.prank(alice);
        vm.expectRevert(IClearinghouse.Clearinghouse_Reentered.selector);
        ledger.batch(margin(alice), calls);
    }

    /// @dev In the middle of a batch the account is short without cash: a maker that is called then starts no auction.
    function test_halfwayThroughABatch_nobodyIsPutUpForAuction() public {
        ScriptedMaker maker = _maker();
        maker.answer(1, 0);
        maker.callBack(address(auction), abi.encodeCall(auction.start, (margin(alice), "")));
        bytes[] memory calls = new bytes[](4);
        calls[0] = abi.encodeCall(ledger.withdrawCash, (margin(alice), 50_000 * USD, alice));
        calls[1] =
            abi.encodeCall(ledger.trade, (swapOf(margin(alice), address(pool), one(call(MONTH, 3000), -60 * ONE))));
        calls[2] = abi.encodeCall(ledger.trade, (swapOf(margin(alice), address(maker), one(call(MONTH, 4000), ONE))));
        calls[3] = abi.encodeCall(ledger.depositCash, (margin(alice), 50_000 * USD));
        vm.prank(alice);
        ledger.batch(margin(alice), calls);
        assertFalse(maker.reentered());
        assertEq(
            maker.revertData(), abi.encodeWithSelector(ILiquidationAuction.LiquidationAuction_LedgerLocked.selector)
        );
    }

    function test_attack_E8_permitMayHaveBeenUsedBefore() public {
        (address dora, uint256 key) = makeAddrAndKey("dora");
        giveQuote(dora, 100 * USD);
        bytes32 typehash =
            keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
        bytes32 digest = keccak256(
            abi.encodePacked(
                "\x19\x01",
                quoteToken.DOMAIN_SEPARATOR(),
                keccak256(abi.encode(typehash, dora, address(ledger), 100 * USD, 0, block.timestamp))
            )
        );
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        bytes[] memory calls = new bytes[](2);
        calls[0] = abi.encodeCall(ledger.permitQuote, (100 * USD, block.timestamp, v, r, s));
        calls[1] = abi.encodeCall(ledger.depositCash, (margin(dora), 100 * USD));
        quoteToken.permit(dora, address(ledger), 100 * USD, block.timestamp, v, r, s); // somebody was faster
        vm.prank(dora);
        ledger.batch(margin(dora), calls);
        assertEq(ledger.cash(margin(dora)), 100 * USD);
    }

    // ───── Moves ─────

    function test_positionsMoveBetweenOnesOwnAccounts_longAndShort() public {
        trade(margin(alice), call(MONTH, 3000), -2 * ONE);
        trade(margin(alice), put(MONTH, 2800), 2 * ONE);
        uint256 shorts = ledger.expiryWord(MARKET, MONTH).openShortAccounts();
        AccountId second = toAccountId(alice, 2);
        fundAccount(second, 20_000 * USD);
        vm.startPrank(alice);
        ledger.moveOptions(margin(alice), second, call(MONTH, 3000), -2 * ONE);
        ledger.moveOptions(margin(alice), second, put(MONTH, 2800), ONE);
        assertEq(ledger.position(second, call(MONTH, 3000)), -2 * ONE);
        assertEq(ledger.position(margin(alice), call(MONTH, 3000)), 0);
        assertEq(ledger.position(margin(alice), put(MONTH, 2800)), ONE);
        assertEq(ledger.expiryWord(MARKET, MONTH).openShortAccounts(), shorts, "one more, one less");
        vm.expectRevert(
            abi.encodeWithSelector(
                IClearinghouse.Clearinghouse_InsufficientOptions.selector, margin(alice), put(MONTH, 2800), 2 * ONE, ONE
            )
        );
        ledger.moveOptions(margin(alice), second, put(MONTH, 2800), 2 * ONE);
        AccountId poor = toAccountId(alice, 3);
        vm.expectPartialRevert(IClearinghouse.Clearinghouse_Unhealthy.selector);
        ledger.moveOptions(second, poor, call(MONTH, 3000), -ONE);
        vm.expectRevert(abi.encodeWithSelector(IClearinghouse.Clearinghouse_NotAuthorized.selector, margin(bob), alice));
        ledger.moveOptions(second, margin(bob), call(MONTH, 3000), -ONE);
        vm.stopPrank();
    }

    // ───── What people do ─────

    /// @dev A second market on the same underlying with a bounty and no allowance.
    function _strictMarket() private {
        IClearinghouse.Market memory market = defaultMarket();
        (market.settlementBounty, market.stressAllowance) = (uint64(3 * USD), 0);
        ledger.createMarket(STRICT, market);
        risk.setGrids(STRICT, defaultGrids());
    }

    function _strict(uint256 strike) private pure returns (OptionId) {
        return OptionId.wrap(OptionId.unwrap(call(MONTH, strike)) + (uint256(STRICT - MARKET) << 88));
    }

    function _emptyFund() private {
        vm.startPrank(address(fund));
        ledger.withdrawCash(fund.account(), ledger.cash(fund.account()), address(fund));
        vm.stopPrank();
    }

    /// @dev A maker that is rich enough for any answer; each has an account of its own.
    function _maker() private returns (ScriptedMaker maker) {
        maker = new ScriptedMaker();
        fundAccount(maker.account(), 1_000_000 * USD);
    }

    function _tradeWith(ScriptedMaker maker, AccountId account, OptionId option, int128 size) private {
        IClearinghouse.Swap memory swap = swapOf(account, address(maker), one(option, size));
        vm.prank(account.owner());
        ledger.trade(swap);
    }
}
