// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IAccountTaker} from "../../pool-contracts/interfaces/IAccountTaker.sol";
import {IClearinghouse} from "../../pool-contracts/interfaces/IClearinghouse.sol";
import {ILiquidationAuction} from "../../pool-contracts/interfaces/ILiquidationAuction.sol";
import {IOptionPool, PoolParameters} from "../../pool-contracts/interfaces/IOptionPool.sol";
import {Grid} from "../../pool-contracts/interfaces/IRiskEngine.sol";
import {AccountId, toAccountId} from "../../pool-contracts/types/AccountId.sol";
import {Leg} from "../../pool-contracts/types/Leg.sol";
import {StrikeWord} from "../../pool-contracts/types/StrikeWord.sol";
import {LedgerFixture} from "./fixture/LedgerFixture.sol";
import {ScriptedMaker} from "./fixture/ScriptedMaker.sol";

/// @notice A taker that names whose account trades, and at which price.
contract HostileTaker is IAccountTaker {
    AccountId private immutable _account;
    int256 private immutable _cash;

    constructor(AccountId account, int256 cash) {
        (_account, _cash) = (account, cash);
    }

    function onTake(AccountId, Leg[] calldata) external view returns (AccountId, int256, uint256) {
        return (_account, _cash, 0);
    }
}

/// @dev Alice is short ten calls of a month at 3,000 on 12,000 USD; bob bids; carol stakes. Names are the branches.
contract LiquidationAuctionTest is LedgerFixture {
    AccountId internal short;
    AccountId internal bidder;

    function setUp() public override {
        super.setUp();
        short = margin(alice);
        bidder = margin(bob);
        fundAccount(short, 12_000 * USD);
        fundAccount(bidder, 1_000_000 * USD);
        trade(short, call(MONTH, 3000), -10 * ONE);
    }

    // ───── Start ─────

    function test_attack_D4_givenAHealthyAccount_noAuctionStarts() public {
        (int256 worst,) = ledger.health(short, Grid.Maintenance);
        assertGe(worst, 0);
        vm.expectRevert(abi.encodeWithSelector(ILiquidationAuction.LiquidationAuction_Healthy.selector, short, worst));
        auction.start(short, "");
        vm.expectRevert(
            abi.encodeWithSelector(ILiquidationAuction.LiquidationAuction_Healthy.selector, margin(carol), 0)
        );
        auction.start(margin(carol), "");
    }

    function test_givenAnAccountBelowMaintenance_anyoneStartsOnce() public {
        _jumpTo(3950e18);
        (int256 worst, int256 equity) = ledger.health(short, Grid.Maintenance);
        assertLt(worst, 0);
        assertGt(equity, 0);
        vm.expectEmit(address(auction));
        emit ILiquidationAuction.AuctionStarted(short, equity, worst, uint256(-worst));
        vm.prank(makeAddr("stranger"));
        auction.start(short, "");
        assertEq(auction.totalProvision(), uint256(-worst));
        assertEq(auction.auction(short).startedAt, vm.getBlockTimestamp());
        vm.expectRevert(
            abi.encodeWithSelector(
                ILiquidationAuction.LiquidationAuction_AlreadyStarted.selector, short, vm.getBlockTimestamp()
            )
        );
        auction.start(short, "");
    }

    function test_givenAReport_itIsSubmittedFirst() public {
        _jumpTo(3950e18);
        auction.start(short, hex"0102");
        assertEq(oracle.lastReport(), hex"0102");
        _bid(bidder, 1e18, hex"0304");
        assertEq(oracle.lastReport(), hex"0304");
    }

    // ───── Price ─────

    function test_thePriceFallsFromTheFirstDiscountToNothingAndThenTheFundPays() public {
        _start(3950e18);
        ILiquidationAuction.Lot memory lot = auction.lot(short);
        assertEq(lot.price, lot.equity - lot.equity * 2 / 100, "2 % off at first");
        assertEq(lot.gross, lot.equity, "no debts");
        skip(450);
        lot = auction.lot(short);
        assertEq(lot.price, lot.equity - lot.equity * 51 / 100, "halfway between 2 % and 100 %");
        skip(450);
        assertEq(auction.lot(short).price, 0);
        skip(900);
        (int256 worst,) = ledger.health(short, Grid.Maintenance);
        assertApproxEqAbs(
            auction.lot(short).price, worst / 2, 1, "half of the way to the worst of the maintenance grid"
        );
        assertEq(auction.lot(short).maxShareWad, 1e18);
        skip(10_000);
        (worst,) = ledger.health(short, Grid.Maintenance);
        assertEq(auction.lot(short).price, worst, "and no further");
    }

    function test_givenNoEquity_theFundPaysFromTheFirstMomentItWasSeen() public {
        _start(4700e18);
        ILiquidationAuction.Lot memory lot = auction.lot(short);
        assertLt(lot.equity, 0);
        assertEq(lot.price, lot.equity);
        skip(600);
        (int256 worst, int256 equity) = ledger.health(short, Grid.Maintenance);
        assertApproxEqAbs(auction.lot(short).price, equity - (equity - worst) / 3, 1);
    }

    function test_givenThatThingsGetWorse_thePriceFollowsTheMarket() public {
        _start(3950e18);
        skip(300);
        oracle.report(4700e18, VOLATILITY, listed);
        ILiquidationAuction.Lot memory lot = auction.lot(short);
        assertEq(lot.price, lot.equity, "seen without equity only now");
        auction.refresh(short);
        (int256 worst,) = ledger.health(short, Grid.Maintenance);
        assertEq(auction.totalProvision(), uint256(-worst));
        skip(300);
        assertLt(auction.lot(short).price, auction.lot(short).equity);
        oracle.report(3950e18, VOLATILITY, listed);
        auction.refresh(short);
        assertEq(auction.auction(short).insolventAt, 0);
        assertGt(auction.lot(short).price, 0, "and back");
    }

    // ───── Bid ─────

    function test_attack_D10_bid_takesTheSliceThatMakesTheRestHealthy() public {
        _start(3950e18);
        skip(100);
        ILiquidationAuction.Lot memory lot = auction.lot(short);
        assertGt(lot.maxShareWad, 0);
        assertLt(lot.maxShareWad, 1e18);
        (, int256 bidderBefore) = ledger.health(bidder, Grid.Initial);
        uint256 fundBefore = ledger.cash(fund.account());
        (uint256 taken, int256 paid) = _bid(bidder, 1e18, "");
        assertEq(taken, lot.maxShareWad);
        assertApproxEqAbs(paid, lot.price * int256(taken) / 1e18, 1);
        (int256 worst, int256 equity) = ledger.health(short, Grid.Initial);
        assertGe(worst, 0, "above initial margin");
        assertApproxEqRel(worst, (equity - worst) / 10, 0.001e18, "by the buffer, a tenth of it");
        assertEq(auction.auction(short).startedAt, 0, "over");
        assertEq(auction.totalProvision(), 0);
        assertEq(ledger.cash(fund.account()) - fundBefore, uint256(paid) * 2 / 100, "the penalty");
        (, int256 bidderAfter) = ledger.health(bidder, Grid.Initial);
        assertApproxEqAbs(
            bidderAfter - bidderBefore,
            (lot.equity - lot.price) * int256(taken) / 1e18,
            1000,
            "the bidder gains the discount, but for a millionth of a contract"
        );
        int256 size = -(10 * ONE * int256(taken) + 1e18 - 1) / 1e18; // shorts to the larger
        assertEq(ledger.position(bidder, call(MONTH, 3000)), size);
        assertEq(ledger.position(short, call(MONTH, 3000)), -10 * ONE - size);
    }

    function test_partOfASlice_leavesTheAuctionRunning() public {
        _start(3950e18);
        uint256 max = auction.lot(short).maxShareWad;
        uint256 provision = auction.totalProvision();
        _bid(bidder, max / 2, "");
        assertGt(auction.auction(short).startedAt, 0);
        assertApproxEqRel(auction.totalProvision(), provision * (1e18 - max / 2) / 1e18, 1e12);
        _bid(bidder, 1e18, "");
        assertEq(auction.auction(short).startedAt, 0);
        (int256 worst,) = ledger.health(short, Grid.Initial);
        assertGe(worst, 0);
    }

    function test_attack_D8_tinyBid_isRefused() public {
        _start(3950e18);
        bytes32 state = auction.lot(short).state;
        vm.prank(bob);
        vm.expectRevert(
            abi.encodeWithSelector(ILiquidationAuction.LiquidationAuction_ShareTooSmall.selector, 1e12, 0.1e18)
        );
        auction.bid(short, bidder, 1e12, type(int256).max, state, "");
    }

    function test_attack_D25_bidWithAPriceLimit_holds() public {
        _start(3950e18);
        ILiquidationAuction.Lot memory lot = auction.lot(short);
        vm.prank(bob);
        vm.expectRevert(
            abi.encodeWithSelector(
                ILiquidationAuction.LiquidationAuction_PriceLimitExceeded.selector, lot.price, lot.price - 1
            )
        );
        auction.bid(short, bidder, 1e18, lot.price - 1, lot.state, "");
    }

    function test_attack_D8_bidOnOtherPositionsThanSeen_isRefused_butAGiftTurnsNoBidAway() public {
        _start(3950e18);
        bytes32 seen = auction.lot(short).state;
        fundAccount(short, 1);
        trade(short, call(MONTH, 3000), ONE);
        bytes32 now_ = auction.lot(short).state;
        assertTrue(now_ != seen);
        vm.prank(bob);
        vm.expectRevert(
            abi.encodeWithSelector(ILiquidationAuction.LiquidationAuction_StateChanged.selector, seen, now_)
        );
        auction.bid(short, bidder, 1e18, type(int256).max, seen, "");
        fundAccount(short, 1);
        assertEq(auction.lot(short).state, now_);
    }

    function test_aBidderMustBeHealthyAfterwards() public {
        _start(3950e18);
        AccountId poor = margin(carol);
        fundAccount(poor, 100 * USD);
        bytes32 state = auction.lot(short).state;
        vm.prank(carol);
        vm.expectPartialRevert(IClearinghouse.Clearinghouse_Unhealthy.selector);
        auction.bid(short, poor, 1e18, type(int256).max, state, "");
    }

    function test_attack_D1_onlyTheOwnerOrAnOperatorBids_andNobodyForHimself() public {
        _start(3950e18);
        bytes32 state = auction.lot(short).state;
        vm.expectRevert(
            abi.encodeWithSelector(ILiquidationAuction.LiquidationAuction_NotAuthorized.selector, bidder, address(this))
        );
        auction.bid(short, bidder, 1e18, type(int256).max, state, "");
        AccountId own = toAccountId(alice, 2);
        vm.prank(alice);
        vm.expectRevert(
            abi.encodeWithSelector(ILiquidationAuction.LiquidationAuction_NotAuthorized.selector, own, alice)
        );
        auction.bid(short, own, 1e18, type(int256).max, state, "");
        vm.prank(bob);
        ledger.setAccountOperator(bidder, address(this), true);
        (uint256 taken,) = auction.bid(short, bidder, 1e18, type(int256).max, state, "");
        assertGt(taken, 0);
    }

    function test_aWalletOrAMakerIsNoBidder() public {
        _start(3950e18);
        bytes32 state = auction.lot(short).state;
        vm.startPrank(bob);
        vm.expectRevert(abi.encodeWithSelector(IClearinghouse.Clearinghouse_InvalidAccount.selector, wallet(bob)));
        auction.bid(short, wallet(bob), 1e18, type(int256).max, state, "");
        vm.stopPrank();
        vm.prank(address(pool));
        vm.expectRevert(abi.encodeWithSelector(IClearinghouse.Clearinghouse_InvalidAccount.selector, poolAccount));
        auction.bid(short, poolAccount, 1e18, type(int256).max, state, "");
    }

    function test_withoutAnAuction_nothingIsSold() public {
        _jumpTo(3950e18);
        ILiquidationAuction.Lot memory lot = auction.lot(short);
        assertEq(lot.price, 0);
        assertEq(lot.maxShareWad, 0);
        vm.prank(bob);
        vm.expectRevert(abi.encodeWithSelector(ILiquidationAuction.LiquidationAuction_NotStarted.selector, short));
        auction.bid(short, bidder, 1e18, type(int256).max, lot.state, "");
        vm.expectRevert(abi.encodeWithSelector(ILiquidationAuction.LiquidationAuction_NotStarted.selector, short));
        auction.refresh(short);
        vm.expectRevert(abi.encodeWithSelector(ILiquidationAuction.LiquidationAuction_NotStarted.selector, short));
        auction.end(short);
    }

    function test_attack_G3_onlyTheAuctionLiquidates() public {
        vm.prank(bob);
        vm.expectRevert(abi.encodeWithSelector(IClearinghouse.Clearinghouse_NotAuthorized.selector, short, bob));
        ledger.liquidate(IClearinghouse.Seizure(short, bidder, 1e18, 0, 0));
    }

    // ───── Insolvency ─────

    function test_givenNoEquity_theAccountIsSoldWholeAndTheFundPays() public {
        _fund(100_000);
        _start(4700e18);
        skip(900);
        oracle.report(4700e18, VOLATILITY, listed);
        uint256 fundBefore = ledger.cash(fund.account());
        ILiquidationAuction.Lot memory lot = auction.lot(short);
        (uint256 taken, int256 paid) = _bid(bidder, 1e18, "");
        assertEq(taken, 1e18);
        assertEq(paid, lot.price);
        assertLt(paid, 0);
        assertEq(fundBefore - ledger.cash(fund.account()), uint256(-paid));
        assertEq(ledger.strikes(short).length, 0);
        assertEq(ledger.cash(short), 0);
        assertEq(auction.totalProvision(), 0);
        assertEq(ledger.position(bidder, call(MONTH, 3000)), -10 * ONE);
    }

    function test_givenAFundThatIsTooSmall_whatItCanPayForIsTaken() public {
        _fund(2000);
        _start(4700e18);
        skip(900);
        bytes32 state = auction.lot(short).state;
        vm.prank(bob);
        vm.expectPartialRevert(IClearinghouse.Clearinghouse_InsufficientCash.selector);
        auction.bid(short, bidder, 1e18, type(int256).max, state, "");
        uint256 share = ledger.cash(fund.account()) * 1e18 / uint256(-auction.lot(short).price);
        (uint256 taken,) = _bid(bidder, share, "");
        assertEq(taken, share);
        assertLt(ledger.cash(fund.account()), 2);
        assertGt(auction.auction(short).startedAt, 0, "the rest waits for its settlement");
    }

    function test_attack_D14_fundShares_areWorthLessFromTheStartOfAnAuction() public {
        _fund(100_000);
        uint256 before = fund.totalAssets();
        _start(3950e18);
        assertEq(fund.totalAssets(), before - auction.totalProvision());
        assertGt(auction.totalProvision(), 0);
        _bid(bidder, 1e18, "");
        assertGe(fund.totalAssets(), before, "and more when it ends well");
    }

    // ───── End ─────

    function test_givenAnAccountThatIsHealthyAgain_anyoneEndsIt() public {
        _start(3950e18);
        (int256 worst,) = ledger.health(short, Grid.Initial);
        vm.expectRevert(abi.encodeWithSelector(ILiquidationAuction.LiquidationAuction_Unhealthy.selector, short, worst));
        auction.end(short);
        fundAccount(short, uint256(-worst));
        assertEq(auction.lot(short).maxShareWad, 0);
        bytes32 state = auction.lot(short).state;
        vm.prank(bob);
        vm.expectRevert(abi.encodeWithSelector(ILiquidationAuction.LiquidationAuction_Healthy.selector, short, 0));
        auction.bid(short, bidder, 1e18, type(int256).max, state, "");
        vm.expectEmit(address(auction));
        emit ILiquidationAuction.AuctionEnded(short);
        auction.end(short);
        assertEq(auction.totalProvision(), 0);
    }

    // ───── Debts ─────

    /// @dev Alice has base for her calls and no cash when they settle.
    function test_aDebtorWithValueButNoCash_isSoldForItsDebt() public {
        AccountId covered = toAccountId(alice, 3);
        vm.prank(alice);
        ledger.depositBase(covered, MARKET, 10e18);
        fundAccount(covered, 20_000 * USD);
        trade(covered, call(WEEK, 3000), -5 * ONE);
        trade(covered, call(MONTH, 3000), -ONE);
        uint256 free = ledger.cash(covered);
        vm.prank(alice);
        ledger.withdrawCash(covered, free, alice);
        vm.warp(WEEK);
        oracle.report(3600e18, VOLATILITY, listed);
        settle(WEEK, 3600e18, ids(covered));
        assertEq(ledger.debt(covered), 3000 * USD);
        assertEq(ledger.unpaidDebts(), 3000 * USD);
        auction.start(covered, "");
        (uint256 taken,) = _bidOn(covered, bidder, 1e18, "");
        assertLt(taken, 1e18);
        assertGe(ledger.cash(covered), 3000 * USD, "enough to pay with");
        ledger.settleAccounts(MARKET, WEEK, ids(covered));
        assertEq(ledger.debt(covered), 0);
        assertEq(ledger.unpaidDebts(), 0);
        assertGt(ledger.base(bidder, MARKET), 0);
    }

    /// @dev The same, and nothing else is left to alice: her base alone is sold, above or below what she owes.
    function test_aDebtorWithBaseAndNoStrike_isSoldForItsDebt() public {
        AccountId covered = _debtorWithBaseAlone(3600e18);
        assertEq(ledger.debt(covered), 3000 * USD);
        (int256 worst, int256 equity) = ledger.health(covered, Grid.Maintenance);
        assertEq(equity, 10 * 3600 * 1e6 - 3000 * 1e6, "base less debt");
        assertLt(worst, equity);
        auction.start(covered, "");
        (uint256 taken,) = _bidOn(covered, bidder, 1e18, "");
        assertLt(taken, 0.2e18);
        ledger.settleAccounts(MARKET, WEEK, ids(covered));
        assertEq(ledger.debt(covered), 0);
        assertEq(ledger.unpaidDebts(), 0);
        assertEq(ledger.base(bidder, MARKET) + ledger.base(covered, MARKET), 10e18);
        ledger.finalizeSettlement(MARKET, WEEK);
        uint256 rest = ledger.base(covered, MARKET);
        vm.prank(alice);
        ledger.withdrawBase(covered, MARKET, rest, alice);
    }

    function test_aDebtorWhoseBaseIsTooLittle_isSoldWhole() public {
        AccountId covered = _debtorWithBaseAlone(3600e18);
        oracle.report(200e18, VOLATILITY, listed); // 2,000 of base against 3,000 of debt
        auction.start(covered, "");
        (uint256 taken, int256 paid) = _bidOn(covered, bidder, 1e18, "");
        assertEq(taken, 1e18);
        assertEq(paid, 2000 * 1e6, "all of it, at first");
        assertEq(ledger.base(covered, MARKET), 0);
        ledger.settleAccounts(MARKET, WEEK, ids(covered));
        assertEq(ledger.debt(covered), 1000 * USD + 2000 * USD * 2 / 100, "the penalty is the fund's");
    }

    function test_givenADebtAndNothingElse_anAuctionEndsAndNoneStarts() public {
        AccountId ruined = toAccountId(alice, 3);
        fundAccount(ruined, 1500 * USD);
        trade(ruined, call(WEEK, 3000), -ONE);
        report(60, 4000e18);
        auction.start(ruined, "");
        assertGt(auction.totalProvision(), 0);
        vm.warp(WEEK);
        oracle.report(5000e18, VOLATILITY, listed);
        settle(WEEK, 5000e18, ids(ruined));
        assertEq(ledger.cash(ruined), 0);
        assertGt(ledger.debt(ruined), 0);
        auction.end(ruined);
        assertEq(auction.auction(ruined).startedAt, 0);
        assertEq(auction.totalProvision(), 0);
        vm.expectRevert(abi.encodeWithSelector(ILiquidationAuction.LiquidationAuction_NothingForSale.selector, ruined));
        auction.start(ruined, "");
    }

    function test_aDebtor_cannotHideItsBaseBehindAnotherOption() public {
        AccountId covered = _debtorWithBaseAlone(3600e18);
        trade(wallet(alice), call(MONTH, 3000), ONE);
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(IClearinghouse.Clearinghouse_Unhealthy.selector, covered, 3000 * USD));
        ledger.depositOptions(covered, call(MONTH, 3000), 1_000_000);
    }

    function _debtorWithBaseAlone(uint256 settlementWad) private returns (AccountId covered) {
        covered = toAccountId(alice, 3);
        vm.prank(alice);
        ledger.depositBase(covered, MARKET, 10e18);
        fundAccount(covered, 20_000 * USD);
        trade(covered, call(WEEK, 3000), -5 * ONE);
        uint256 free = ledger.cash(covered);
        vm.prank(alice);
        ledger.withdrawCash(covered, free, alice);
        vm.warp(WEEK);
        oracle.report(settlementWad, VOLATILITY, listed);
        settle(WEEK, settlementWad, ids(covered));
    }

    function test_givenAnExpiredStrike_settlementComesFirst() public {
        fundAccount(short, 4000 * USD);
        trade(short, call(WEEK, 3000), -ONE);
        vm.warp(WEEK);
        oracle.report(5000e18, VOLATILITY, listed);
        oracle.setSettlementPrice(WEEK, 5000e18);
        auction.start(short, "");
        bytes32 state = auction.lot(short).state;
        _fund(1_000_000);
        vm.prank(bob);
        vm.expectRevert(abi.encodeWithSelector(IClearinghouse.Clearinghouse_SeriesExpired.selector, WEEK));
        auction.bid(short, bidder, 1e18, type(int256).max, state, "");
        ledger.startSettlement(MARKET, WEEK);
        ledger.settleAccounts(MARKET, WEEK, ids(short));
        _bid(bidder, 1e18, "");
    }

    // ───── Takes ─────

    /// @dev Dora, short a fifth of a call on 240 USD, is small: terms call 400 USD of margin so.
    function _small(uint256 spotWad) private returns (AccountId dora) {
        ILiquidationAuction.Terms memory terms = defaultTerms(USD);
        terms.minimumRest = uint128(400 * USD);
        auction.setTerms(terms);
        pool.setTakes(true);
        dora = margin(makeAddr("dora"));
        fundAccount(dora, 240 * USD);
        trade(dora, two(call(MONTH, 3000), -ONE / 5, put(MONTH, 2500), ONE / 10));
        _jumpTo(spotWad);
        pool.mark();
    }

    function _take(AccountId account) private returns (int256 cash) {
        vm.prank(bob);
        return auction.take(account, pool, bidder, "");
    }

    function test_aPoolTakesASmallAccountAtOnce() public {
        AccountId dora = _small(3900e18);
        (int256 worst, int256 equity) = ledger.health(dora, Grid.Initial);
        uint256 requirement = uint256(equity - worst);
        uint256 bounty = requirement * 2 / 100;
        uint256 keeperBefore = ledger.cash(bidder);
        uint256 stressBefore = ledger.stressLoss();
        int256 pooled = ledger.position(poolAccount, call(MONTH, 3000));
        int256 asSwap = pool.quote(two(call(MONTH, 3000), ONE / 5, put(MONTH, 2500), -ONE / 10), true).cash;

        vm.expectEmit(true, true, true, false, address(auction));
        emit ILiquidationAuction.AccountTaken(dora, address(pool), bidder, 0, 0);
        int256 cash = _take(dora);
        assertApproxEqAbs(cash - asSwap, 0.3e6 * 3900 * 2 / 1000, 2, "20 bp of spot an option above the swap's price");
        assertEq(ledger.strikes(dora).length, 0);
        assertEq(ledger.position(poolAccount, call(MONTH, 3000)), pooled - ONE / 5);
        assertApproxEqAbs(ledger.cash(bidder) - keeperBefore, bounty, 1, "a fiftieth of the margin");
        int256 left = int256(ledger.cash(dora));
        assertGe(left, equity - int256(requirement / 5), "a fifth of the margin at most");
        assertLt(ledger.stressLoss(), stressBefore, "the account is at risk no more");
    }

    /// @dev A thief's own taker names the pool's account, which the auction may trade for, and a price at which the pool gives Dora, his
    /// confederate, half of what it has. Guards the owner of what a taker names, in `LiquidationAuction.onTrade`.
    function test_attack_X_takerNamesThePoolsAccount() public {
        AccountId dora = _small(3900e18);
        HostileTaker taker = new HostileTaker(poolAccount, -1_000_000 * int256(USD));
        uint256 pools = ledger.cash(poolAccount);
        uint256 doras = ledger.cash(dora);
        vm.prank(bob);
        vm.expectRevert(
            abi.encodeWithSelector(
                ILiquidationAuction.LiquidationAuction_NotAuthorized.selector, poolAccount, address(taker)
            )
        );
        auction.take(dora, taker, bidder, "");
        assertEq(ledger.cash(poolAccount), pools);
        assertEq(ledger.cash(dora), doras);
    }

    function test_theTakeEndsAnAuctionThatRuns() public {
        AccountId dora = _small(3900e18);
        auction.start(dora, "");
        assertGt(auction.totalProvision(), 0);
        _take(dora);
        assertEq(auction.auction(dora).startedAt, 0);
        assertEq(auction.totalProvision(), 0);
        vm.expectPartialRevert(ILiquidationAuction.LiquidationAuction_Healthy.selector);
        _take(dora);
    }

    function test_aHealthyOrALargeAccountIsNotTaken() public {
        AccountId dora = _small(3000e18);
        vm.expectPartialRevert(ILiquidationAuction.LiquidationAuction_Healthy.selector);
        _take(dora);
        report(60, 3950e18);
        pool.mark();
        vm.expectPartialRevert(ILiquidationAuction.LiquidationAuction_TooLarge.selector);
        _take(short);
    }

    function test_aPoolThatDidNotOptIn_orAStranger_takesNothing() public {
        AccountId dora = _small(3900e18);
        pool.setTakes(false);
        vm.expectRevert(
            abi.encodeWithSelector(IClearinghouse.Clearinghouse_InvalidMaker.selector, address(auction), poolAccount)
        );
        _take(dora);
        vm.expectRevert(abi.encodeWithSelector(IOptionPool.OptionPool_NotAuction.selector, address(this)));
        pool.onTake(dora, one(call(MONTH, 3000), ONE));
        vm.expectPartialRevert(ILiquidationAuction.LiquidationAuction_NotAuthorized.selector);
        auction.onTrade(dora, one(call(MONTH, 3000), ONE), false, "");
        IClearinghouse.Swap memory swap = swapOf(bidder, address(auction), one(call(MONTH, 3000), ONE));
        vm.prank(bob);
        vm.expectPartialRevert(ILiquidationAuction.LiquidationAuction_NotAuthorized.selector);
        ledger.trade(swap);
    }

    function test_aTakeThatCostsTooMuchIsLeftToBidders() public {
        AccountId dora = _small(3900e18);
        ILiquidationAuction.Terms memory terms = auction.terms();
        terms.takeCostWad = 0.03e18;
        auction.setTerms(terms);
        vm.expectPartialRevert(ILiquidationAuction.LiquidationAuction_TakeTooDear.selector);
        _take(dora);
        auction.start(dora, "");
        vm.expectPartialRevert(ILiquidationAuction.LiquidationAuction_TakeTooDear.selector);
        _take(dora);
        skip(600);
        report(0, 3900e18);
        pool.mark();
        _take(dora); // the auction asks for more than the pool by now
        assertGt(ledger.cash(dora), 0);
    }

    function test_aTakeThatAddsRisk_obeysThePoolsLimits() public {
        _small(3900e18);
        AccountId other = margin(makeAddr("other"));
        fundAccount(other, 240 * USD);
        ScriptedMaker maker = new ScriptedMaker();
        fundAccount(maker.account(), 100_000 * USD);
        maker.answer(-50e6, 0);
        report(60, 3000e18);
        IClearinghouse.Swap memory swap = swapOf(other, address(maker), one(call(MONTH, 2900), -ONE / 5));
        vm.prank(other.owner());
        ledger.trade(swap);
        report(60, 3900e18);
        pool.mark();
        vm.expectPartialRevert(IOptionPool.OptionPool_DeltaOutOfRange.selector);
        _take(other);
        auction.start(other, "");
    }

    function test_takesOfOneBlockAreBounded() public {
        AccountId dora = _small(3900e18);
        PoolParameters memory parameters = pool.parameters();
        parameters.takeLimit = 0.0002e18; // of about two million
        pool.setParameters(parameters);
        vm.expectPartialRevert(IOptionPool.OptionPool_TakeLimit.selector);
        _take(dora);
        parameters.takeLimit = 0.0007e18; // one of these accounts, not two: 1,170 each
        pool.setParameters(parameters);
        AccountId other = margin(makeAddr("other"));
        report(60, 3000e18);
        pool.mark();
        fundAccount(other, 240 * USD);
        trade(other, two(call(MONTH, 3000), -ONE / 5, put(MONTH, 2500), ONE / 10));
        report(60, 3900e18);
        pool.mark();
        _take(dora);
        vm.expectPartialRevert(IOptionPool.OptionPool_TakeLimit.selector);
        _take(other);
        vm.roll(vm.getBlockNumber() + 1);
        _take(other);
    }

    function test_attack_D1_nobodyTakesHimself() public {
        AccountId dora = _small(3900e18);
        AccountId own = toAccountId(dora.owner(), 2);
        vm.prank(dora.owner());
        vm.expectPartialRevert(ILiquidationAuction.LiquidationAuction_NotAuthorized.selector);
        auction.take(dora, pool, own, "");
    }

    /// @dev Whatever the price: nothing appears or is lost, the pool's gain is what the account and nobody else pays, and the
    /// account keeps what the terms promise.
    function testFuzz_attack_D5_takeConserves(uint256 spot) public {
        AccountId dora = _small(bound(spot, 2000e18, 4500e18));
        (int256 worst, int256 equity) = ledger.health(dora, Grid.Maintenance);
        (int256 worstInitial,) = ledger.health(dora, Grid.Initial);
        uint256 all = ledger.cash(dora) + ledger.cash(bidder) + ledger.cash(poolAccount) + ledger.cash(fund.account())
            + ledger.cash(ledger.protocolAccount());
        vm.prank(bob);
        try auction.take(dora, pool, bidder, "") {
            assertLt(worst, 0);
            int256 floor = equity - (equity - worstInitial) / 5;
            assertGe(int256(ledger.cash(dora)) + 1, floor);
            assertEq(ledger.strikes(dora).length, 0);
        } catch {}
        uint256 later = ledger.cash(dora) + ledger.cash(bidder) + ledger.cash(poolAccount) + ledger.cash(fund.account())
            + ledger.cash(ledger.protocolAccount());
        assertEq(later, all);
    }

    // ───── Makers ─────

    function test_aPool_isSoldOnlyWithoutEquity() public {
        (int256 worst,) = ledger.health(poolAccount, Grid.Maintenance);
        vm.expectRevert(
            abi.encodeWithSelector(ILiquidationAuction.LiquidationAuction_Healthy.selector, poolAccount, worst)
        );
        auction.start(poolAccount, "");
    }

    // ───── Terms ─────

    function test_attack_G4_termsAreBoundedAndRestricted() public {
        ILiquidationAuction.Terms memory terms = defaultTerms(USD);
        vm.prank(alice);
        vm.expectRevert();
        auction.setTerms(terms);
        terms.startDiscountWad = 0.2e18 + 1;
        vm.expectRevert(ILiquidationAuction.LiquidationAuction_InvalidTerms.selector);
        auction.setTerms(terms);
        terms = defaultTerms(USD);
        terms.solventSeconds = 59;
        vm.expectRevert(ILiquidationAuction.LiquidationAuction_InvalidTerms.selector);
        auction.setTerms(terms);
        terms = defaultTerms(USD);
        terms.bufferWad = 0.2e18;
        auction.setTerms(terms);
        assertEq(auction.terms().bufferWad, 0.2e18);
    }

    // ───── Properties ─────

    /// @dev Whatever the move, the time and the share: no value appears, the account ends no worse, and the bidder keeps no
    /// more than the equity and what the fund paid.
    function testFuzz_attack_D6_bidNeitherMakesMoneyNorHarmsTheAccount(uint256 spot, uint256 wait, uint256 share)
        public
    {
        spot = bound(spot, 3600e18, 5400e18);
        wait = bound(wait, 0, 4000);
        share = bound(share, 0.1e18, 1e18);
        _fund(100_000);
        _jumpTo(spot);
        (int256 worst,) = ledger.health(short, Grid.Maintenance);
        if (worst >= 0) return;
        auction.start(short, "");
        skip(wait);
        (int256 worstBefore, int256 equityBefore) = ledger.health(short, Grid.Initial);
        (, int256 bidderBefore) = ledger.health(bidder, Grid.Initial);
        uint256 fundBefore = ledger.cash(fund.account());
        uint256 heldBefore = quoteToken.balanceOf(address(ledger));
        (uint256 taken, int256 paid) = _bid(bidder, share, "");
        (int256 worstAfter, int256 equityAfter) = ledger.health(short, Grid.Initial);
        (, int256 bidderAfter) = ledger.health(bidder, Grid.Initial);
        int256 fundGain = int256(ledger.cash(fund.account())) - int256(fundBefore);
        assertEq(quoteToken.balanceOf(address(ledger)), heldBefore);
        assertApproxEqAbs(
            (equityAfter - equityBefore) + (bidderAfter - bidderBefore) + fundGain, 0, 3, "nothing appears or is lost"
        );
        assertGe(worstAfter + 3, worstBefore, "the shortfall does not grow");
        int256 fromEquity = equityBefore > 0 ? equityBefore * int256(taken) / 1e18 : int256(0);
        int256 fromFund = paid < 0 ? -paid : int256(0);
        assertLe(bidderAfter - bidderBefore, fromEquity + fromFund + 3);
    }

    // ───── What people do ─────

    function _jumpTo(uint256 spotWad) private {
        report(60, spotWad);
    }

    function _start(uint256 spotWad) private {
        _jumpTo(spotWad);
        auction.start(short, "");
    }

    function _bid(AccountId to, uint256 share, bytes memory report_) private returns (uint256, int256) {
        return _bidOn(short, to, share, report_);
    }

    function _bidOn(AccountId account, AccountId to, uint256 share, bytes memory report_)
        private
        returns (uint256, int256)
    {
        bytes32 state = auction.lot(account).state;
        vm.prank(to.owner());
        return auction.bid(account, to, share, type(int256).max, state, report_);
    }

    function _fund(uint256 dollars) private {
        quoteToken.approve(address(fund), type(uint256).max);
        giveQuote(address(this), dollars * USD);
        fund.deposit(dollars * USD, carol);
    }
}
