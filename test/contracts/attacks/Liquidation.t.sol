// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IClearinghouse} from "../../../pool-contracts/interfaces/IClearinghouse.sol";
import {ILiquidationAuction} from "../../../pool-contracts/interfaces/ILiquidationAuction.sol";
import {Grid} from "../../../pool-contracts/interfaces/IRiskEngine.sol";
import {AccountId} from "../../../pool-contracts/types/AccountId.sol";
import {Leg} from "../../../pool-contracts/types/Leg.sol";
import {LedgerFixture} from "../fixture/LedgerFixture.sol";
import {ScriptedMaker} from "../fixture/ScriptedMaker.sol";

/// Attacks on liquidation, by the numbers of the list that SECURITY.md names. The bidder and the fund are rich, so that nothing but the
/// account itself can stop a sale.
contract LiquidationAttacksTest is LedgerFixture {
    ScriptedMaker private maker;
    AccountId private bidder;

    function setUp() public override {
        super.setUp();
        maker = new ScriptedMaker();
        fundAccount(maker.account(), 50_000_000 * USD);
        bidder = margin(bob);
        fundAccount(bidder, 50_000_000 * USD);
        giveQuote(address(this), 5_000_000 * USD);
        quoteToken.approve(address(fund), type(uint256).max);
        fund.deposit(5_000_000 * USD, carol);
    }

    /// Whatever an account below maintenance holds, owes and has waited for, it is put up and sold, without one refusal but
    /// that of an account in which there is nothing. Guards the branches of
    /// price and share in `LiquidationAuction`.
    function testFuzz_attack_D5_everyUnhealthyAccountIsSold(
        int32[4] memory sizes,
        uint256 base,
        uint256 spot,
        uint256 volatility,
        uint256 wait,
        bool expires
    ) public {
        AccountId account = _leveraged(sizes, bound(base, 0, 20e18));
        if (expires) vm.warp(WEEK);
        else skip(60);
        spot = bound(spot, 600e18, 12_000e18);
        volatility = bound(volatility, 0.2e18, 2e18);
        oracle.report(spot, volatility, listed);
        if (expires) settle(WEEK, spot, ids(account));
        if (!_isLiquidatable(account)) return;
        if (ledger.strikes(account).length == 0 && auction.lot(account).gross == 0) {
            vm.expectRevert(
                abi.encodeWithSelector(ILiquidationAuction.LiquidationAuction_NothingForSale.selector, account)
            );
            auction.start(account, "");
            return;
        }
        auction.start(account, "");
        // Half of them at the end of the solvent phase, where all but the debt is given away.
        wait = bound(wait, 0, 8000);
        skip(wait <= 4000 ? wait : auction.terms().solventSeconds - 1 - wait % 30);
        oracle.report(spot, volatility, listed);
        if (auction.lot(account).maxShareWad != 0) _bid(account);
        else auction.end(account); // time made it healthy
        if (expires) ledger.settleAccounts(MARKET, WEEK, ids(account)); // what was raised pays its debt
        assertEq(auction.auction(account).startedAt, 0, "over");
        assertEq(auction.totalProvision(), 0);
        (int256 worst,) = ledger.health(account, Grid.Initial);
        if (ledger.strikes(account).length != 0) {
            assertGe(worst, 0, "what is left is healthy");
            assertEq(ledger.debt(account), 0, "and owes nothing");
        }
    }

    /// An owner and his confederate, who bids at the moment that suits them: together they never have more than before, as long as there is equity.
    /// Guards the penalty in `LiquidationAuction._payFor` and the solvent price.
    function testFuzz_attack_D1_ownerAndConfederateGainNothing(uint256 spot, uint256 wait) public {
        AccountId account = _leveraged([int32(-10e6), 0, 0, 0], 0);
        report(60, bound(spot, 3000e18, 4500e18));
        if (!_isLiquidatable(account)) return;
        (, int256 own) = ledger.health(account, Grid.Initial);
        if (own <= 0) return;
        auction.start(account, "");
        skip(bound(wait, 0, auction.terms().solventSeconds - 1));
        (, own) = ledger.health(account, Grid.Initial);
        if (own <= 0) return;
        (, int256 confederates) = ledger.health(bidder, Grid.Initial);
        uint256 inFund = ledger.cash(fund.account());
        int256 paid = _bid(account);
        (, int256 ownAfter) = ledger.health(account, Grid.Initial);
        (, int256 confederatesAfter) = ledger.health(bidder, Grid.Initial);
        uint256 penalty = uint256(paid) * auction.terms().penaltyWad / 1e18;
        assertEq(ledger.cash(fund.account()) - inFund, penalty, "the fund gains the penalty");
        assertApproxEqAbs(ownAfter + confederatesAfter + int256(penalty), own + confederates, 3, "which they lose");
    }

    /// Two accounts without equity in one block: the fund pays for each once, and nothing is left to ask for again. Guards the removal of an
    /// auction before the sale in `LiquidationAuction._sell`.
    function test_attack_D15_twoInsolvenciesOfABlockArePaidOnceEach() public {
        AccountId first = _leveraged([int32(-10e6), 0, 0, 0], 0);
        AccountId second = margin(carol);
        fundAccount(second, 30_000 * USD);
        _open(second, one(call(MONTH, 3000), -5 * ONE));
        report(60, 11_000e18);
        auction.start(first, "");
        auction.start(second, "");
        uint256 provisions = auction.totalProvision();
        uint256 provisionOfSecond = auction.auction(second).provision;
        uint256 inFund = ledger.cash(fund.account());
        int256 paid = _bid(first);
        assertLt(paid, 0, "no equity");
        assertEq(auction.totalProvision(), provisionOfSecond, "the second's stays");
        assertLt(provisionOfSecond, provisions);
        _refusesASecondBid(first);
        paid += _bid(second);
        _refusesASecondBid(second);
        assertEq(inFund - ledger.cash(fund.account()), uint256(-paid), "each once");
        assertEq(auction.totalProvision(), 0);
    }

    function _refusesASecondBid(AccountId account) private {
        bytes32 state = auction.lot(account).state;
        vm.prank(bob);
        vm.expectRevert(abi.encodeWithSelector(ILiquidationAuction.LiquidationAuction_NotStarted.selector, account));
        auction.bid(account, bidder, 1e18, type(int256).max, state, "");
    }

    /// Alice's account with these sizes of two weeks' and two months' options, and no more cash than its margin.
    function _leveraged(int32[4] memory sizes, uint256 base) private returns (AccountId account) {
        account = margin(alice);
        fundAccount(account, 10_000_000 * USD);
        if (base != 0) {
            vm.prank(alice);
            ledger.depositBase(account, MARKET, base);
        }
        Leg[4] memory legs = [
            Leg(call(MONTH, 3000), _size(sizes[0])),
            Leg(put(MONTH, 2900), _size(sizes[1])),
            Leg(call(WEEK, 3100), _size(sizes[2])),
            Leg(put(WEEK, 3000), _size(sizes[3]))
        ];
        for (uint256 i = 0; i < 4; ++i) {
            if (legs[i].size != 0) _open(account, one(legs[i].option, legs[i].size));
        }
        (int256 worst,) = ledger.health(account, Grid.Initial);
        uint256 free = uint256(worst);
        if (free > ledger.cash(account)) free = ledger.cash(account);
        vm.prank(alice);
        ledger.withdrawCash(account, free, alice);
    }

    /// At most twenty contracts; below the smallest size, none.
    function _size(int32 raw) private pure returns (int128 size) {
        size = int128(raw) % (20 * ONE);
        if (size > -10_000 && size < 10_000) size = 0;
    }

    function _open(AccountId account, Leg[] memory legs) private {
        IClearinghouse.Swap memory swap = swapOf(account, address(maker), legs);
        vm.prank(account.owner());
        ledger.trade(swap);
    }

    function _isLiquidatable(AccountId account) private view returns (bool) {
        (int256 worst,) = ledger.health(account, Grid.Maintenance);
        return worst < 0 || ledger.debt(account) > ledger.cash(account);
    }

    function _bid(AccountId account) private returns (int256 paid) {
        bytes32 state = auction.lot(account).state;
        vm.prank(bob);
        (, paid) = auction.bid(account, bidder, 1e18, type(int256).max, state, "");
    }
}
