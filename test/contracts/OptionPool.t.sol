// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {OptionPool} from "../../pool-contracts/OptionPool.sol";
import {IClearinghouse} from "../../pool-contracts/interfaces/IClearinghouse.sol";
import {IMarketOracle} from "../../pool-contracts/interfaces/IMarketOracle.sol";
import {IOptionPool, Mark, PoolParameters, Quote} from "../../pool-contracts/interfaces/IOptionPool.sol";
import {Grid} from "../../pool-contracts/interfaces/IRiskEngine.sol";
import {AccountId, toAccountId} from "../../pool-contracts/types/AccountId.sol";
import {Leg} from "../../pool-contracts/types/Leg.sol";
import {OptionId, toOptionId, toStrikeKey} from "../../pool-contracts/types/OptionId.sol";
import {StrikeWord} from "../../pool-contracts/types/StrikeWord.sol";
import {LedgerFixture, ScriptedShares} from "./fixture/LedgerFixture.sol";
import {ScriptedMaker} from "./fixture/ScriptedMaker.sol";
import {SettableOracle} from "./fixture/SettableOracle.sol";
import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";

/// @notice What a pool quotes, what it refuses, what a mark does.
contract OptionPoolTest is LedgerFixture {
    function quote(OptionId option, int128 size) internal view returns (Quote memory) {
        return pool.quote(one(option, size), false);
    }

    function _refuses(OptionId option, int128 size, bytes memory refusal) internal {
        vm.expectRevert(refusal);
        pool.quote(one(option, size), false);
    }

    // ── Construction and parameters

    function test_thePoolKnowsItsPlace() public view {
        assertEq(address(pool.clearinghouse()), address(ledger));
        assertEq(pool.shares(), address(shares));
        assertEq(pool.marketId(), MARKET);
        assertEq(AccountId.unwrap(pool.account()), AccountId.unwrap(toAccountId(address(pool), 1)));
    }

    function test_givenAMarketThatIsNotThere_noPoolIsMade() public {
        PoolParameters memory parameters = defaultParameters();
        vm.expectRevert(abi.encodeWithSelector(IOptionPool.OptionPool_WrongMarket.selector, 9, 0));
        new OptionPool(
            IClearinghouse(address(ledger)),
            IMarketOracle(address(oracle)),
            address(shares),
            9,
            parameters,
            address(authority)
        );
    }

    function test_onlyGovernanceSetsParameters() public {
        PoolParameters memory parameters = defaultParameters();
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, alice));
        vm.prank(alice);
        pool.setParameters(parameters);
        parameters.feeRate = 0.0005e18;
        pool.setParameters(parameters);
        assertEq(keccak256(abi.encode(pool.parameters())), keccak256(abi.encode(parameters)));
    }

    /// @dev One word of the parameters at a time goes one beyond its bound.
    function test_attack_G4_everyParameterOfAPoolHasABound() public {
        uint256[33] memory beyond = [
            uint256(100e18 + 1), // κ 00 … 22, then κ_Δ
            100e18 + 1,
            100e18 + 1,
            100e18 + 1,
            100e18 + 1,
            100e18 + 1,
            10e18 + 1,
            0.5e18 + 1, // s₀, s₁
            0.5e18 + 1,
            0.05e18 + 1, // g, s_Δ
            0.05e18 + 1,
            20e18 + 1, // c, ξ
            20e18 + 1,
            0.01e18 + 1, // fee rate and cap
            0.25e18 + 1,
            1e18 + 1, // largest delta
            0.8e18, // smallest delta: not below the largest
            100e18 + 1, // limits of vega and delta
            10e18 + 1,
            100e18 + 1, // of an expiry's vega and gamma
            10_000e18 + 1,
            100e18 + 1, // of flow
            10e18 + 1,
            1e18 + 1, // utilisation, redemption share
            1e18 + 1,
            0.05e18 + 1, // spread and limit of takes
            10e18 + 1,
            10e6 + 1, // bounty of marks: a thousandth of the NAV floor
            uint256(type(uint96).max) + 1, // NAV floor
            1 hours - 1, // shortest tenor; the longest is not above it
            2 days,
            1 hours + 1, // ages of spot and surface
            1 days + 1
        ];
        for (uint256 i = 0; i < 33; ++i) {
            _refusesParameter(i, beyond[i]);
        }
        _refusesParameter(33, 1 hours + 1); // worse-of window
        _refusesParameter(34, 60 days); // front bucket not shorter than the middle one
        _refusesParameter(36, 1 days + 1); // flow
        _refusesParameter(36, 0);
        _refusesParameter(23, 0);
        _refusesParameter(24, 0);
        _refusesParameter(28, 0);
        _refusesParameter(28, 999_999); // less than one quote token: NAV in the potential would round to nothing
    }

    function _refusesParameter(uint256 word, uint256 value) private {
        bytes memory encoded = abi.encode(pool.parameters());
        assembly ("memory-safe") {
            mstore(add(encoded, mul(add(word, 1), 32)), value)
        }
        vm.expectRevert(IOptionPool.OptionPool_InvalidParameters.selector);
        pool.setParameters(abi.decode(encoded, (PoolParameters)));
    }

    function test_aPotentialThatIsNotPositiveSemidefiniteIsRefused() public {
        PoolParameters memory parameters = defaultParameters();
        parameters.vegaPotential = [uint256(0.1e18), 0.2e18, 0, 0.1e18, 0, 0.1e18]; // correlation above one
        vm.expectRevert(IOptionPool.OptionPool_InvalidParameters.selector);
        pool.setParameters(parameters);
        parameters.vegaPotential = [uint256(1e18), 0.9e18, 0, 1e18, 0.9e18, 1e18]; // pairs are fine, the three are not
        vm.expectRevert(IOptionPool.OptionPool_InvalidParameters.selector);
        pool.setParameters(parameters);
    }

    // ── Who may call

    function test_attack_G3_onlyTheLedgerTradesOnlySharesArePaid() public {
        vm.expectRevert(abi.encodeWithSelector(IOptionPool.OptionPool_NotLedger.selector, alice));
        vm.prank(alice);
        pool.onTrade(wallet(alice), one(call(MONTH, 3000), ONE), true, "");
        vm.expectRevert(abi.encodeWithSelector(IOptionPool.OptionPool_NotShares.selector, alice));
        vm.prank(alice);
        pool.payRedeemers(1);
    }

    function test_insideTheLedger_theBookIsNotMarked() public {
        ScriptedMaker maker = new ScriptedMaker();
        fundAccount(maker.account(), 100_000 * USD);
        fundAccount(margin(alice), 100_000 * USD);
        maker.answer(100e6, 0);
        maker.callBack(address(pool), abi.encodeCall(pool.mark, ()));
        IClearinghouse.Swap memory swap = swapOf(margin(alice), address(maker), one(call(MONTH, 3000), ONE));
        vm.prank(alice);
        ledger.trade(swap);
        assertEq(maker.revertData(), abi.encodeWithSelector(IOptionPool.OptionPool_LedgerLocked.selector));
    }

    // ── Quotes

    function test_aQuoteIsWhatTheSwapCosts_andItsPartsAddUp() public {
        Leg[] memory legs = two(call(MONTH, 3100), 5 * ONE, put(QUARTER, 2800), -3 * ONE);
        fundAccount(margin(alice), 100_000 * USD);
        Quote memory q = pool.quote(legs, false);
        int256 total = q.midWad + q.impactWad + int256(q.spreadWad + q.feeWad);
        assertEq(q.cash, (total + 1e12 - 1) / 1e12, "one rounding, up");
        assertEq(q.fee, q.feeWad / 1e12);
        assertEq(trade(margin(alice), legs), q.cash);
    }

    function test_anAskIsAboveMid_aBidBelow_byAtLeastTheSpread() public view {
        Quote memory ask = quote(call(MONTH, 3000), ONE);
        Quote memory bid = quote(call(MONTH, 3000), -ONE);
        assertGt(ask.cash * 1e12, ask.midWad);
        assertLt(-bid.cash * 1e12, ask.midWad);
        // s₀·vega + s₁·vega + g·S with vega ≈ 3.4 a point
        assertGt(ask.spreadWad, 0.0004e18 * 3000 + 0.006e18 * 300);
    }

    /// A synthetic forward is all delta: what hedging it may cost at most is paid for whole, and a straddle's small delta for little.
    function test_netDeltaIsPricedAtWhatHedgingItCosts() public {
        Leg[] memory forward = two(call(MONTH, 3000), 10 * ONE, put(MONTH, 3000), -10 * ONE);
        Leg[] memory straddle = two(call(MONTH, 3000), 10 * ONE, put(MONTH, 3000), 10 * ONE);
        (uint256 spread, uint256 hedged) = (pool.quote(forward, false).spreadWad, pool.quote(straddle, false).spreadWad);
        PoolParameters memory parameters = defaultParameters();
        parameters.deltaSpread = 0;
        pool.setParameters(parameters);
        assertApproxEqAbs(spread - pool.quote(forward, false).spreadWad, 10 * 0.0011e18 * 3000, 10);
        assertLt(hedged - pool.quote(straddle, false).spreadWad, 0.1 * 10 * 0.0011e18 * 3000);
    }

    /// Who lowers the pool's risk is paid impact back, and never trades better than mid.
    function test_whatIsPaidBackIsAtMostTheSpread() public {
        trade(wallet(alice), call(MONTH, 3000), 200 * ONE);
        Quote memory bid = quote(call(MONTH, 3000), -20 * ONE);
        assertEq(bid.impactWad, -int256(bid.spreadWad), "there was more to pay back");
        assertGe(bid.cash * 1e12, bid.midWad + int256(bid.feeWad));
        Quote memory small = quote(call(MONTH, 2900), -ONE / 100);
        assertGe(small.cash * 1e12, small.midWad + int256(small.feeWad));
        // What the reserve keeps so is earned at the next mark, which cuts it to the potential.
        trade(wallet(alice), call(MONTH, 3000), -200 * ONE);
        (, uint256 kept) = pool.inventory();
        assertGt(kept, 0);
        report(60, SPOT);
        pool.mark();
        (, kept) = pool.inventory();
        assertEq(kept, 0);
    }

    function test_aPackageIsNeverSoldBelowItsLeastPayoff() public {
        // Buying this box pays 200 whatever happens; the reserve pays so much impact back that it would cost less.
        trade(wallet(alice), call(MONTH, 3000), 100 * ONE);
        trade(wallet(alice), put(MONTH, 3200), 100 * ONE);
        Leg[] memory box = new Leg[](4);
        box[0] = Leg(call(MONTH, 2900), 5 * ONE);
        box[1] = Leg(call(MONTH, 3100), -5 * ONE);
        box[2] = Leg(put(MONTH, 3100), 5 * ONE);
        box[3] = Leg(put(MONTH, 2900), -5 * ONE);
        Quote memory q = pool.quote(box, false);
        assertGe(q.cash, 1000 * int256(USD));
    }

    function test_afterAReport_theWorseOfTheTwoPricesHolds() public {
        Quote memory before = quote(call(MONTH, 3000), ONE);
        report(1, 2900e18); // spot falls: a buyer pays the old price for a while
        pool.mark();
        assertApproxEqRel(quote(call(MONTH, 3000), ONE).midWad, before.midWad, 1e12);
        int256 sold = quote(call(MONTH, 3000), -ONE).midWad; // a seller has the new one at once
        assertLt(-sold, before.midWad);
        vm.warp(vm.getBlockTimestamp() + 12);
        assertGt(quote(call(MONTH, 3000), ONE).midWad, -sold);
        vm.warp(vm.getBlockTimestamp() + 1);
        assertLt(quote(call(MONTH, 3000), ONE).midWad, before.midWad * 9 / 10);
    }

    function test_spreadWidensWithTheAgeOfSpotAndOfTheSurface() public {
        uint256 fresh = quote(call(MONTH, 3000), ONE).spreadWad;
        vm.warp(vm.getBlockTimestamp() + 15);
        uint256 older = quote(call(MONTH, 3000), ONE).spreadWad;
        assertGt(older, fresh);
        vm.warp(vm.getBlockTimestamp() + 200);
        oracle.setSpot(SPOT); // fresh spot, old surface
        uint256 oldSurface = quote(call(MONTH, 3000), ONE).spreadWad;
        assertGt(oldSurface, fresh);
        assertLt(oldSurface, older, "fifteen seconds of spot weigh more than minutes of volatility");
    }

    // ── What adds risk, and what may always close

    function test_riskIsAddedOnFreshDataOnly() public {
        OptionId option = call(MONTH, 3000);
        vm.warp(START + 16);
        _refuses(option, ONE, abi.encodeWithSelector(IOptionPool.OptionPool_StaleSpot.selector, 16, 15));
        vm.warp(START + 301);
        oracle.setSpot(SPOT);
        _refuses(option, ONE, abi.encodeWithSelector(IOptionPool.OptionPool_StaleSurface.selector, 301, 300));
        oracle.report(SPOT, VOLATILITY, listed);
        _refuses(option, ONE, abi.encodeWithSelector(IOptionPool.OptionPool_NotMarked.selector, 1, 2));
        pool.mark();
        quote(option, ONE);
        oracle.setStale(MONTH);
        _refuses(option, ONE, abi.encodeWithSelector(IOptionPool.OptionPool_SliceRefused.selector, MONTH));
        quote(call(QUARTER, 3000), ONE); // the other expiries go on
    }

    /// A move that waits for confirmation: no risk is added, a close pays the worse of both prices and is not refused.
    function test_whileAMoveWaits_thePoolOnlyCloses_atTheWorsePrice() public {
        fundAccount(margin(alice), 100_000 * USD);
        trade(margin(alice), call(MONTH, 3000), -ONE);
        Leg[] memory close = one(call(MONTH, 3000), ONE);
        int256 before = pool.quote(close, true).midWad;
        oracle.setUnconfirmedSpot(3300e18);
        vm.expectRevert(abi.encodeWithSelector(IOptionPool.OptionPool_Unconfirmed.selector, 1));
        pool.quote(close, false);
        int256 mid = pool.quote(close, true).midWad;
        assertGt(mid, before + 100e18, "buying back costs what the call is worth if the move is true");
        trade(margin(alice), close);
        oracle.setUnconfirmedSpot(2700e18);
        assertEq(pool.quote(close, true).midWad, before, "and not less if it is one the other way");
        oracle.setUnconfirmedSpot(0);
        pool.quote(close, false);
    }

    function test_spreadWidensWithDisagreement() public {
        Leg[] memory legs = one(call(MONTH, 3000), ONE);
        uint256 agreed = pool.quote(legs, false).spreadWad;
        oracle.setDisagreement(0.01e18);
        uint256 apart = pool.quote(legs, false).spreadWad;
        // A point of volatility on a vega of some 340: ten cents on the dollar of vega.
        assertApproxEqRel(apart - agreed, 3.4e18, 0.05e18);
    }

    function test_attack_B17_riskIsAddedInsideRangesOfTenorAndDeltaOnly() public {
        vm.warp(WEEK - 1 days);
        oracle.report(SPOT, VOLATILITY, listed);
        pool.mark();
        bytes4 tenor = IOptionPool.OptionPool_TenorOutOfRange.selector;
        _refuses(call(WEEK, 3000), ONE, abi.encodeWithSelector(tenor, WEEK, 1 days));
        uint32 far = uint32(20_500 days + 8 hours);
        listed.push(far);
        oracle.report(SPOT, VOLATILITY, listed);
        oracle.report(SPOT, VOLATILITY, listed); // the report before knows it too: the worse of both holds
        pool.mark();
        _refuses(call(far, 3000), ONE, abi.encodeWithSelector(tenor, far, far - vm.getBlockTimestamp()));
        vm.expectPartialRevert(IOptionPool.OptionPool_DeltaOutOfRange.selector);
        quote(call(MONTH, 2000), ONE);
        vm.expectPartialRevert(IOptionPool.OptionPool_DeltaOutOfRange.selector);
        quote(call(MONTH, 5000), ONE);
    }

    function test_attack_B25_vegaAndDeltaAreLimited_andTheLimitStopsOnlyWhatGoesFurther() public {
        vm.expectPartialRevert(IOptionPool.OptionPool_VegaLimit.selector);
        quote(call(QUARTER, 3000), 20_000 * ONE);
        PoolParameters memory parameters = pool.parameters();
        parameters.deltaLimit = 0.01e18; // one per cent of NAV: about 6.7 units
        pool.setParameters(parameters);
        vm.expectPartialRevert(IOptionPool.OptionPool_DeltaLimit.selector);
        quote(call(MONTH, 3000), 20 * ONE);
        trade(wallet(alice), call(MONTH, 3000), 10 * ONE);
        parameters.deltaLimit = 0.001e18; // beyond the limit now: only what lowers delta passes
        pool.setParameters(parameters);
        vm.expectPartialRevert(IOptionPool.OptionPool_DeltaLimit.selector);
        quote(call(MONTH, 3100), ONE);
        quote(put(MONTH, 2900), ONE);
    }

    function test_eachExpirysVegaAndGammaAreLimited() public {
        PoolParameters memory parameters = pool.parameters();
        parameters.expiryVegaLimit = 0.01e18; // 20,000 of vega: some 58 calls of the month
        pool.setParameters(parameters);
        trade(wallet(alice), call(MONTH, 3000), 40 * ONE);
        bytes4 vega = IOptionPool.OptionPool_ExpiryVegaLimit.selector;
        _refusesPartially(call(MONTH, 3100), 30 * ONE, vega);
        quote(call(QUARTER, 3000), 30 * ONE); // another expiry has its own
        (int256 netShortVega, int256 netShortGamma) = pool.expiryRisk(MONTH);
        (int256[4] memory netShort,) = pool.inventory();
        assertEq(netShortVega, netShort[1], "the bucket holds nothing else");
        assertGt(netShortGamma, 0);
        trade(wallet(alice), call(MONTH, 3100), 10 * ONE);
        report(60, SPOT);
        pool.mark(); // and a mark finds what the swaps added up
        _refusesPartially(call(MONTH, 3000), 15 * ONE, vega);
        quote(call(MONTH, 3000), -40 * ONE); // the other side is open
        parameters.expiryVegaLimit = 1e18;
        parameters.expiryGammaLimit = 0.5e18; // 1 % of spot moves delta by half a per cent of NAV
        pool.setParameters(parameters);
        _refusesPartially(call(WEEK, 3000), 80 * ONE, IOptionPool.OptionPool_ExpiryGammaLimit.selector);
        quote(call(WEEK, 3000), 20 * ONE);
        trade(wallet(alice), call(MONTH, 3000), -40 * ONE); // closes whatever the limits are
    }

    function _refusesPartially(OptionId option, int128 size, bytes4 refusal) private {
        vm.expectPartialRevert(refusal);
        this.quoteOf(option, size);
    }

    function quoteOf(OptionId option, int128 size) external view returns (Quote memory) {
        return quote(option, size);
    }

    function test_whatIsTakenAtOnceIsLimited_andForgottenAtAConstantRate() public {
        PoolParameters memory parameters = pool.parameters();
        parameters.vegaFlowLimit = 0.01e18; // 20,000 of vega: some 58 calls of the month
        pool.setParameters(parameters);
        trade(wallet(alice), call(MONTH, 3000), 40 * ONE);
        bytes4 tooMuch = IOptionPool.OptionPool_VegaFlowLimit.selector;
        (int256 vega, int256 delta) = pool.flow();
        assertApproxEqAbs(vega, 0.68e18, 0.02e18, "of 20,000");
        assertGt(delta, 0);
        _refusesPartially(call(MONTH, 3000), 30 * ONE, tooMuch);
        _refusesPartially(call(QUARTER, 3000), 30 * ONE, tooMuch); // of all expiries together
        quote(call(MONTH, 3000), -90 * ONE); // the other way there is room for both
        vm.warp(vm.getBlockTimestamp() + 30); // half of the limit has run off
        oracle.setSpot(SPOT);
        quote(call(MONTH, 3000), 30 * ONE);
        _refusesPartially(call(MONTH, 3000), 60 * ONE, tooMuch);
        parameters.vegaFlowLimit = 1e18;
        parameters.deltaFlowLimit = 0.001e18;
        pool.setParameters(parameters);
        _refusesPartially(call(MONTH, 3000), 10 * ONE, IOptionPool.OptionPool_DeltaFlowLimit.selector);
        trade(wallet(alice), call(MONTH, 3000), -40 * ONE); // a close is never refused for it
    }

    function test_attack_G9_windingDownThePoolOnlyCloses() public {
        trade(wallet(alice), call(MONTH, 3000), 10 * ONE);
        PoolParameters memory parameters = pool.parameters();
        parameters.reduceOnly = true;
        pool.setParameters(parameters);
        _refuses(call(MONTH, 3000), ONE, abi.encodeWithSelector(IOptionPool.OptionPool_ReduceOnly.selector));
        _refuses(call(MONTH, 3000), -20 * ONE, abi.encodeWithSelector(IOptionPool.OptionPool_ReduceOnly.selector));
        trade(wallet(alice), call(MONTH, 3000), -10 * ONE);
    }

    function test_whoMarksIsPaidForTime_whereSomebodyTrades() public {
        AccountId keeper = margin(makeAddr("keeper"));
        report(30 minutes, SPOT);
        _markAs(keeper);
        assertEq(ledger.cash(keeper), 0, "nobody has traded");
        trade(wallet(alice), call(MONTH, 3000), ONE);
        report(30 minutes, SPOT);
        uint256 before = ledger.cash(poolAccount);
        Mark memory mark = _markAs(keeper);
        assertEq(ledger.cash(keeper), 0.25e6, "half of what an hour brings");
        assertEq(ledger.cash(poolAccount), before - 0.25e6);
        assertEq(mark.nav, pool.lastMark().nav);
        _markAs(keeper);
        assertEq(ledger.cash(keeper), 0.25e6, "once a report");
        trade(wallet(alice), call(MONTH, 3000), ONE);
        report(5 hours, SPOT);
        _markAs(keeper);
        assertEq(ledger.cash(keeper), 0.75e6, "an hour at most");
    }

    function _markAs(AccountId keeper) private returns (Mark memory) {
        vm.prank(keeper.owner());
        return pool.mark();
    }

    /// Inside the averaging window a part of the average is fixed: delta by the underlying is of the open part alone.
    function test_insideTheAveragingWindow_deltaIsOfWhatIsOpen() public {
        trade(wallet(alice), call(WEEK, 3000), 10 * ONE);
        vm.warp(WEEK - 10 minutes);
        oracle.setRunningAverage(WEEK, 3500e18, 20 minutes);
        oracle.report(3500e18, VOLATILITY, listed);
        pool.mark();
        (int256[4] memory netShort,) = pool.inventory();
        assertApproxEqAbs(netShort[3], 10 * ONE / 3, 10, "a third of the average is open");
    }

    function test_givenNothingLeft_thePoolOnlyCloses() public {
        trade(wallet(alice), call(MONTH, 3000), 500 * ONE);
        report(1 hours, 12_000e18);
        pool.mark();
        assertLt(pool.lastMark().nav, 0);
        vm.expectRevert(abi.encodeWithSelector(IOptionPool.OptionPool_Insolvent.selector, pool.lastMark().nav));
        quote(call(MONTH, 12_000), ONE);
        trade(wallet(alice), call(MONTH, 3000), -ONE);
    }

    function test_aCloseIsNeverRefusedForALimit() public {
        trade(wallet(alice), two(call(WEEK, 3000), 10 * ONE, call(MONTH, 3100), 10 * ONE));
        vm.warp(WEEK - 6 hours); // stale, not marked, too short, too deep
        oracle.report(4000e18, VOLATILITY, listed);
        vm.warp(vm.getBlockTimestamp() + 2 hours);
        oracle.setStale(WEEK);
        Leg[] memory legs = two(call(WEEK, 3000), -10 * ONE, call(MONTH, 3100), -10 * ONE);
        Quote memory q = pool.quote(legs, true);
        assertLe(q.impactWad, 0);
        assertEq(trade(wallet(alice), legs), q.cash);
        assertEq(ledger.strikes(poolAccount).length, 0);
    }

    function test_aSwapThatCrossesZeroIsNotAClose() public {
        OptionId option = call(MONTH, 3000);
        fundAccount(margin(alice), 100_000 * USD);
        trade(margin(alice), option, 10 * ONE);
        vm.warp(vm.getBlockTimestamp() + 60);
        vm.expectRevert(abi.encodeWithSelector(IOptionPool.OptionPool_StaleSpot.selector, 60, 15));
        this.tradeAs(margin(alice), option, -11 * ONE);
        trade(margin(alice), option, -10 * ONE);
    }

    function tradeAs(AccountId account, OptionId option, int128 size) external returns (int256) {
        return trade(account, option, size);
    }

    function test_givenNoReportYet_thereIsNoPriceAndNoMark() public {
        oracle = new SettableOracle();
        shares = new ScriptedShares();
        PoolParameters memory parameters = defaultParameters();
        OptionPool empty = new OptionPool(
            IClearinghouse(address(ledger)),
            IMarketOracle(address(oracle)),
            address(shares),
            MARKET,
            parameters,
            address(authority)
        );
        vm.expectRevert(IOptionPool.OptionPool_NoSurface.selector);
        empty.mark();
        // A settled expiry has a price before the surface has any; the oracle refuses to draw it.
        oracle.setSettlementPrice(MONTH, SPOT);
        vm.warp(MONTH);
        vm.expectPartialRevert(IMarketOracle.MarketOracle_UnknownExpiry.selector);
        empty.quote(one(call(MONTH, 3000), ONE), true);
    }

    function test_anotherMarketsOptionIsNotPriced() public {
        OptionId elsewhere = toOptionId(toStrikeKey(2, MONTH, 3000e6), false);
        _refuses(elsewhere, ONE, abi.encodeWithSelector(IOptionPool.OptionPool_WrongMarket.selector, 2, MARKET));
    }

    // ── Marks

    function test_aMarkValuesTheBookOnceAReport() public {
        trade(wallet(alice), call(MONTH, 3000), 50 * ONE);
        report(60, 3050e18);
        Mark memory mark = pool.mark();
        assertEq(mark.round, 2);
        (, int256 mid,) = risk.values(MARKET, ledger.strikes(poolAccount), 0, Grid.Initial);
        assertApproxEqAbs(mark.nav, int256(ledger.cash(poolAccount)) + mid, 2, "spot and surface are of one moment");
        vm.warp(vm.getBlockTimestamp() + 100);
        oracle.setSpot(3500e18); // a spot report changes no mark
        assertEq(keccak256(abi.encode(pool.mark())), keccak256(abi.encode(mark)));
        assertGt(mark.unwind, 0);
    }

    function test_theReserveIsCutToThePotential_andWhatStaysIsNoLongerFresh() public {
        trade(wallet(alice), call(MONTH, 3000), 100 * ONE);
        (, uint256 collected) = pool.inventory();
        assertGt(collected, 0);
        report(60, SPOT);
        Mark memory first = pool.mark();
        assertApproxEqAbs(first.reserve, collected / 1e12, 1e6);
        assertEq(first.freshReserve, first.reserve, "all of it came since the mark before");
        report(60, SPOT);
        Mark memory second = pool.mark();
        assertEq(second.freshReserve, 0, "it has survived a mark");
        report(20 days, SPOT); // the book decays: its potential with it
        Mark memory third = pool.mark();
        assertLt(third.reserve, second.reserve);
        (, uint256 kept) = pool.inventory();
        assertLe(kept, uint256(third.reserve) * 1e12);
    }

    function test_swapsBetweenReportAndMarkLeaveTheMarksValue() public {
        trade(wallet(alice), call(MONTH, 3000), 10 * ONE);
        report(60, SPOT);
        uint256 snapshot = vm.snapshotState();
        int256 undisturbed = pool.mark().nav;
        vm.revertToState(snapshot);
        trade(wallet(alice), call(MONTH, 3000), -5 * ONE); // a close: the pool keeps spread and fee
        int256 disturbed = pool.mark().nav;
        assertApproxEqAbs(disturbed, undisturbed, 3, "who enters at this mark has no part in it");
        report(60, SPOT);
        assertGt(pool.mark().nav, undisturbed, "the next mark has it");
    }

    function test_baseCollateralIsValueAndLongDelta() public {
        int256 before = pool.lastMark().nav;
        vm.prank(alice);
        ledger.depositBase(poolAccount, MARKET, 2e18);
        report(60, 3100e18);
        assertEq(pool.mark().nav, before + 6200 * int256(USD));
        (int256[4] memory netShort,) = pool.inventory();
        assertEq(netShort[3], -2 * ONE);
    }

    function test_aSettledExpiryCountsByItsPayoff() public {
        trade(wallet(alice), two(call(WEEK, 3000), 10 * ONE, put(WEEK, 3000), 5 * ONE));
        vm.warp(WEEK + 60);
        oracle.setSettlementPrice(WEEK, 3300e18);
        oracle.report(SPOT, VOLATILITY, listed);
        int256 cash = int256(ledger.cash(poolAccount)) - 0.5e6; // an hour's bounty for the mark
        assertEq(pool.mark().nav, cash - 3000 * int256(USD));
        oracle.setSettlementPrice(WEEK, 2900e18);
        report(60, SPOT);
        assertEq(pool.mark().nav, cash - 500 * int256(USD));
    }

    function test_attack_A18_leavingProvidersArePaidWhatTheBookDoesNotNeed() public {
        assertEq(pool.payableToRedeemers(), ledger.cash(poolAccount), "no book, all of it");
        trade(wallet(alice), call(MONTH, 3000), 200 * ONE);
        report(60, SPOT);
        pool.mark();
        uint256 payable_ = pool.payableToRedeemers();
        int256 requirement = ledger.requirement(poolAccount);
        int256 nav = pool.lastMark().nav;
        assertEq(payable_, uint256(nav - requirement * 10 / 8) / 2, "utilisation 80 %, half of what is free");
        shares.script(0, payable_);
        report(60, SPOT);
        pool.mark();
        assertEq(ledger.cash(toAccountId(address(shares), 2)), payable_);
        PoolParameters memory parameters = pool.parameters();
        parameters.utilisationLimit = 0.05e18;
        pool.setParameters(parameters);
        assertEq(pool.payableToRedeemers(), 0, "the book needs more than a twentieth of NAV");
    }
}

/// @notice What a trader may try inside one state of the oracle: pump, split, cycle.
contract OptionPoolAttackTest is LedgerFixture {
    uint256 internal constant MAX_TRADES = 12;

    function setUp() public override {
        super.setUp();
        fundAccount(margin(alice), 5_000_000 * USD);
        fundAccount(margin(bob), 5_000_000 * USD);
        fundAccount(margin(carol), 100_000 * USD);
        // Somebody else's risk is in the book, and the impact he paid in the reserve.
        trade(margin(carol), call(MONTH, 3200), 40 * ONE);
    }

    function _anOption(uint256 random) internal pure returns (OptionId) {
        uint32 expiry = [WEEK, MONTH, QUARTER][random % 3];
        uint256 strike = 2800 + 50 * ((random >> 8) % 9);
        return (random >> 16) % 2 == 0 ? call(expiry, strike) : put(expiry, strike);
    }

    function _anAccount(uint256 random) internal view returns (AccountId) {
        return (random >> 24) % 2 == 0 ? margin(alice) : margin(bob);
    }

    function tradeLegsAs(AccountId account, Leg[] calldata legs) external returns (int256) {
        return trade(account, legs);
    }

    /// @dev Closes both accounts against the pool, one strike after another from the end the seed names.
    function _closeAll(uint256 seed) internal returns (int256 cash) {
        for (uint256 i = 0; i < 2; ++i) {
            AccountId account = i == 0 ? margin(alice) : margin(bob);
            StrikeWord[] memory words = ledger.strikes(account);
            while (words.length != 0) {
                StrikeWord word = words[seed % words.length];
                bool isPut = word.calls() == 0;
                int256 held = isPut ? word.puts() : word.calls();
                cash += trade(account, toOptionId(word.key(), isPut), int128(-held)); // sizes here are small
                words = ledger.strikes(account);
            }
        }
    }

    /// @dev B1: whatever is bought and sold between two accounts within one state of the oracle, all closed again, costs.
    function testFuzz_attack_B1_cycleNeverGains(uint256[12] memory seeds, uint256 ageSeed) public {
        vm.warp(vm.getBlockTimestamp() + ageSeed % 15);
        int256 cash;
        uint256 done;
        for (uint256 i = 0; i < MAX_TRADES; ++i) {
            uint256 random = seeds[i];
            Leg[] memory legs = one(_anOption(random), _aSize(random >> 32));
            if ((random >> 96) % 3 == 0) {
                OptionId other = _anOption(random >> 128);
                if (OptionId.unwrap(other) != OptionId.unwrap(legs[0].option)) {
                    legs = two(legs[0].option, legs[0].size, other, _aSize(random >> 160));
                }
            }
            try this.tradeLegsAs(_anAccount(random), legs) returns (int256 paid) {
                cash += paid;
                ++done;
            } catch {} // refused for a limit
        }
        cash += _closeAll(seeds[0]);
        if (done != 0) assertGt(cash, 0, "the cycle gained");
    }

    function _aSize(uint256 random) internal pure returns (int128 size) {
        size = int128(int256(10_000 + random % (30 * uint256(uint128(ONE)))));
        return random >> 63 & 1 == 0 ? size : -size;
    }

    /// @dev The same leg in parts costs at least what it costs at once.
    function testFuzz_splittingAnOrderIsNeverCheaper(uint256 random, uint8 parts) public {
        uint256 n = 2 + parts % 9;
        OptionId option = _anOption(random);
        int128 part = _aSize(random >> 32) / int128(int256(n));
        vm.assume(part > 10_000 || part < -10_000);
        (bool possible, int256 whole) = _tryQuote(one(option, part * int128(int256(n))));
        vm.assume(possible);
        int256 sum;
        for (uint256 i = 0; i < n; ++i) {
            sum += trade(margin(alice), option, part);
        }
        assertGe(sum, whole);
    }

    /// @dev The legs of a package one by one, in the order given, cost at least what the package costs.
    function testFuzz_splittingAPackageIsNeverCheaper(uint256[4] memory seeds, uint256 age) public {
        vm.warp(vm.getBlockTimestamp() + age % 15);
        Leg[] memory legs = new Leg[](4);
        for (uint256 i = 0; i < 4; ++i) {
            legs[i] = Leg(_anOption(seeds[i]), _aSize(seeds[i] >> 32));
            for (uint256 j = 0; j < i; ++j) {
                vm.assume(OptionId.unwrap(legs[j].option) != OptionId.unwrap(legs[i].option));
            }
        }
        (bool possible, int256 whole) = _tryQuote(legs);
        vm.assume(possible);
        int256 sum;
        for (uint256 i = 0; i < 4; ++i) {
            (possible,) = _tryQuote(one(legs[i].option, legs[i].size));
            vm.assume(possible);
            sum += trade(margin(alice), legs[i].option, legs[i].size);
        }
        assertGe(sum, whole);
    }

    function _tryQuote(Leg[] memory legs) internal view returns (bool, int256) {
        try pool.quote(legs, false) returns (Quote memory q) {
            return (true, q.cash);
        } catch {
            return (false, 0);
        }
    }

    /// @dev Regression: the largest volatility of a package widened every leg's delta, so splitting it was cheaper.
    function test_aVolatileWingDoesNotMakeAnotherLegsDeltaDearer() public {
        vm.warp(vm.getBlockTimestamp() + 15);
        Leg[] memory legs = two(call(QUARTER, 3000), 50 * ONE, put(WEEK, 2600), 10_000);
        Quote memory both = pool.quote(legs, false);
        Quote memory main = pool.quote(one(legs[0].option, legs[0].size), false);
        Quote memory wing = pool.quote(one(legs[1].option, legs[1].size), false);
        assertLe(both.spreadWad, main.spreadWad + wing.spreadWad);
    }

    /// @dev Regression: deposits at a mark lowered the potential below the reserve, and a cycle took the difference.
    function test_depositsAtAMarkDoNotLeaveMoreReserveThanPotential() public {
        trade(margin(alice), call(MONTH, 3000), 200 * ONE);
        fundAccount(toAccountId(address(shares), 1), 20_000_000 * USD);
        shares.script(20_000_000 * USD, 0); // NAV eleven times what it was
        report(60, SPOT);
        Mark memory mark = pool.mark();
        (, uint256 reserveWad) = pool.inventory();
        assertLt(reserveWad, mark.reserve * 1e12 / 5, "the potential is an eleventh, so is the reserve");
        vm.warp(vm.getBlockTimestamp() + 13);
        oracle.setSpot(SPOT);
        vm.warp(vm.getBlockTimestamp() + 13); // beyond the worse-of window
        (, uint256 before) = pool.inventory();
        int256 impact = pool.quote(one(call(MONTH, 3000), 100 * ONE), false).impactWad;
        trade(margin(alice), call(MONTH, 3000), 100 * ONE);
        int256 back = pool.quote(one(call(MONTH, 3000), -100 * ONE), false).impactWad;
        assertGe(impact + back, 0, "impact paid back was collected before");
        assertLe(uint256(-back), before + uint256(impact));
    }

    /// @dev R stays within what was collected and not returned, over any sequence.
    function testFuzz_attack_B24_reserveIsWhatWasCollectedLessWhatWasReturned(uint256[12] memory seeds) public {
        (, uint256 reserve) = pool.inventory();
        for (uint256 i = 0; i < MAX_TRADES; ++i) {
            Leg[] memory legs = one(_anOption(seeds[i]), _aSize(seeds[i] >> 32));
            (bool possible,) = _tryQuote(legs);
            if (!possible) continue;
            int256 impact = pool.quote(legs, false).impactWad;
            trade(_anAccount(seeds[i]), legs);
            (, uint256 later) = pool.inventory();
            assertEq(int256(later), int256(reserve) + impact);
            reserve = later;
        }
    }
}
