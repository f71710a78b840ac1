// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {RiskEngine} from "../../pool-contracts/RiskEngine.sol";
import {Grid, IRiskEngine} from "../../pool-contracts/interfaces/IRiskEngine.sol";
import {Black76} from "../../pool-contracts/libraries/pricing/Black76.sol";
import {Essvi} from "../../pool-contracts/libraries/pricing/Essvi.sol";
import {Logarithm} from "../../pool-contracts/libraries/pricing/Logarithm.sol";
import {Contingencies} from "../../pool-contracts/libraries/risk/ShockTable.sol";
import {Board, Moment} from "../../pool-contracts/types/Board.sol";
import {OptionId} from "../../pool-contracts/types/OptionId.sol";
import {StrikeWord, toStrikeWord} from "../../pool-contracts/types/StrikeWord.sol";
import {LedgerFixture} from "./fixture/LedgerFixture.sol";
import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";

/// @notice What a portfolio is worth at worst.
contract RiskEngineTest is LedgerFixture {
    function _word(OptionId option, int256 size) internal pure returns (StrikeWord) {
        return toStrikeWord(option.key(), 0, 0).add(option.isPut(), size);
    }

    function _words(StrikeWord a) internal pure returns (StrikeWord[] memory words) {
        words = new StrikeWord[](1);
        words[0] = a;
    }

    function _words(StrikeWord a, StrikeWord b) internal pure returns (StrikeWord[] memory words) {
        words = new StrikeWord[](2);
        (words[0], words[1]) = (a, b);
    }

    function _values(StrikeWord[] memory words, uint256 baseSize) internal view returns (int256 worst, int256 mid) {
        (worst, mid,) = risk.values(MARKET, words, baseSize, Grid.Initial);
    }

    function _stressed(StrikeWord[] memory words, uint256 baseSize) internal view returns (int256 stressed) {
        (,, stressed) = risk.values(MARKET, words, baseSize, Grid.Initial);
    }

    function test_nothingIsWorthNothing() public view {
        (int256 worst, int256 mid, int256 stressed) = risk.values(MARKET, new StrikeWord[](0), 0, Grid.Initial);
        assertEq(worst, 0);
        assertEq(mid, 0);
        assertEq(stressed, 0);
    }

    function test_givenAMarketWithoutGrids_itSaysSo() public {
        vm.expectRevert(abi.encodeWithSelector(IRiskEngine.RiskEngine_UnknownMarket.selector, 5));
        risk.values(5, new StrikeWord[](0), 1, Grid.Initial);
    }

    function test_attack_D13_onlyGovernanceSetsGrids() public {
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, alice));
        vm.prank(alice);
        risk.setGrids(MARKET, defaultGrids());
    }

    function test_aGridThatCannotBeUsedIsRefused() public {
        uint256 present = scenario(0, 0, 100);
        _refusesGrid(0); // empty
        _refusesGrid(present); // the present alone
        _refusesGrid(scenario(100, 0, 100) | present << 32); // the present is not first
        _refusesGrid(scenario(0, 0, 90) | scenario(100, 0, 100) << 32);
        _refusesGrid(scenario(0, 1, 100) | scenario(100, 0, 100) << 32);
        _refusesGrid(present | scenario(-1000, 0, 100) << 32); // nothing left of spot
        _refusesGrid(present | scenario(1001, 0, 100) << 32); // more than doubled
        _refusesGrid(present | scenario(100, 0, 101) << 32); // weight above 100 %
        _refusesGrid( // equal spots apart
            present | scenario(100, 0, 100) << 32 | scenario(200, 0, 100) << 64 | scenario(100, 100, 100) << 96
        );
    }

    function _refusesGrid(uint256 word) private {
        RiskEngine.MarketGrids memory grids = defaultGrids();
        grids.initial = [word, 0, 0];
        vm.expectRevert(abi.encodeWithSelector(IRiskEngine.RiskEngine_InvalidGrid.selector, MARKET));
        risk.setGrids(MARKET, grids);
        grids = defaultGrids();
        grids.maintenance = [word, 0, 0];
        vm.expectRevert(abi.encodeWithSelector(IRiskEngine.RiskEngine_InvalidGrid.selector, MARKET));
        risk.setGrids(MARKET, grids);
    }

    function test_gridsAreKeptAsTheyWereSet() public view {
        assertEq(keccak256(abi.encode(risk.grids(MARKET))), keccak256(abi.encode(defaultGrids())));
    }

    /// @dev The formula of the engine's head, written again for one strike, scenario by scenario.
    function testFuzz_oneStrikeIsWorthItsWorstScenario(uint256 seed, int40 calls, int40 puts) public {
        if (seed >> 64 & 1 == 1) oracle.setDisagreement(0.02e18);
        OptionId option = call([WEEK, MONTH, QUARTER][seed % 3], 1500 + 25 * ((seed >> 8) % 120));
        (int256 worst, int256 mid) = _values(_words(toStrikeWord(option.key(), calls, puts)), 0);
        (int256 expectedWorst, int256 expectedMid) = _reference(option, calls, puts);
        // The engine prices to 1e-14 of strike or forward, up to 5,000: 5e-11 of a quote unit for each unit of size.
        uint256 priced = (calls < 0 ? uint256(-int256(calls)) : uint256(int256(calls))) / 1e10
            + (puts < 0 ? uint256(-int256(puts)) : uint256(int256(puts))) / 1e10;
        assertApproxEqAbs(worst, expectedWorst, 2 + priced);
        assertApproxEqAbs(mid, expectedMid, 1 + priced);
    }

    struct Node {
        int256 spot; // ‰
        int256 lowest;
        int256 weight;
    }

    function _reference(OptionId option, int256 calls, int256 puts) private view returns (int256 worst, int256 mid) {
        Node[7] memory nodes; // by spot
        int16[7] memory spots = [int16(-500), -200, -100, 0, 100, 200, 600];
        for (uint256 i = 0; i < 7; ++i) {
            nodes[i] = Node(spots[i], type(int256).max, i == 0 || i == 6 ? int256(35) : int256(100));
        }
        mid = _valueAt(option, calls, puts, 0, 0, false);
        worst = mid;
        uint256[3] memory words = gridOfWidth(1000);
        for (uint256 i = 0; i < 17; ++i) {
            uint256 lane = words[i / 8] >> (i % 8 * 32);
            (int256 spot, int256 volatility) = (_int12(lane >> 20), _int12(lane >> 8));
            int256 change = _valueAt(option, calls, puts, spot, volatility, lane >> 7 & 1 == 1) - mid;
            change = change * int256(lane & 0x7f) / 100;
            for (uint256 n = 0; n < 7; ++n) {
                if (nodes[n].spot == spot && mid + change < nodes[n].lowest) nodes[n].lowest = mid + change;
            }
            if (mid + change < worst) worst = mid + change;
        }
        if (calls + puts > 0) {
            for (uint256 n = 0; n < 6; ++n) {
                int256 value = _between(option, calls + puts, nodes[n], nodes[n + 1]);
                if (value < worst) worst = value;
            }
        }
        worst -= _contingencies(option, calls, puts);
        return (_floor(worst, 1e18), _floor(mid, 1e18));
    }

    function _int12(uint256 x) private pure returns (int256) {
        x &= 0xfff;
        return x < 2048 ? int256(x) : int256(x) - 4096;
    }

    /// @dev The value at the strike, if it stands between two spots: the line through them less the payoff's sag.
    function _between(OptionId option, int256 net, Node memory a, Node memory b) private view returns (int256) {
        Board memory board = _board(option);
        int256 strike = int256(option.key().strikeWad());
        int256 low = int256(board.forwardWad) * (1000 + a.spot) / 1000;
        int256 high = int256(board.forwardWad) * (1000 + b.spot) / 1000;
        if (strike < low || strike >= high) return type(int256).max;
        int256 width = (b.spot - a.spot) * 1e15;
        int256 fade = (2 * width - int256(_root(board.thetaWad * 1e18))) * 2e18 / (3 * width);
        if (fade < 0) fade = 0;
        if (fade > 1e18) fade = 1e18;
        int256 sag = net * ((strike - low) * (high - strike) / (high - low)) / 1e18 * fade;
        int256 line = a.lowest + (b.lowest - a.lowest) * ((strike - low) * 1e18 / (high - low)) / 1e18;
        return line - sag * (a.weight < b.weight ? a.weight : b.weight) / 100;
    }

    function _contingencies(OptionId option, int256 calls, int256 puts) private view returns (int256) {
        Board memory board = _board(option);
        uint256 strike = option.key().strikeWad();
        int256 k = Logarithm.lnWad(strike * 1e18 / board.forwardWad);
        uint256 v = Essvi.stdDev(k, board.thetaWad, board.rhoWad, board.psiWad);
        (,, int256 delta, uint256 vega) = Black76.priceDeltaVegaKnownLn(board.forwardWad, strike, k, v);
        int256 net = (calls + puts) * delta - puts * 1e18;
        int256 tilt = (calls + puts) * (int256(vega) * k / 1e18);
        int256 shorts = (calls < 0 ? -calls : int256(0)) + (puts < 0 ? -puts : int256(0));
        // 1 % of spot a short, 0.3 % of spot a delta, 0.1 a tilt.
        return shorts * 30e18 + (net < 0 ? -net : net) * 9 + (tilt < 0 ? -tilt : tilt) / 10;
    }

    function _board(OptionId option) private view returns (Board memory) {
        uint32[] memory expiries = new uint32[](1);
        expiries[0] = option.key().expiry();
        (, Board[] memory boards) = oracle.boards(MARKET, expiries, Moment.Now);
        return boards[0];
    }

    function _valueAt(
        OptionId option,
        int256 calls,
        int256 puts,
        int256 spotPermille,
        int256 volatilityPermille,
        bool inverted_
    ) private view returns (int256) {
        Board memory board = _board(option);
        uint256 strike = option.key().strikeWad();
        int256 k =
            Logarithm.lnWad(strike * 1e18 / board.forwardWad) - Logarithm.lnWad(uint256(1e18 + spotPermille * 1e15));
        int256 v = int256(Essvi.stdDev(k, board.thetaWad, board.rhoWad, board.psiWad));
        int256 tenorFactor = int256(_tenorFactor(board.effectiveSeconds)) - (inverted_ ? int256(1e18) : int256(0));
        int256 shift = volatilityPermille * 1e15 * tenorFactor / 1e18;
        v = v * (shift < -0.9e18 ? int256(0.1e18) : 1e18 + shift) / 1e18;
        int256 apart = int256(oracle.disagreementWad() * _root(board.effectiveSeconds * 1e36 / 365 days) / 1e18);
        v = shift == 0 ? v : shift > 0 ? v + apart : v - apart;
        if (v < 1e6) v = 1e6;
        (uint256 callWad, uint256 putWad) =
            Black76.priceKnownLn(board.forwardWad * uint256(1000 + spotPermille) / 1000, strike, k, uint256(v));
        return calls * int256(callWad) + puts * int256(putWad);
    }

    function _tenorFactor(uint256 effectiveSeconds) private pure returns (uint256) {
        uint256 factor = _root(30 days * 1e36 / effectiveSeconds);
        return factor < 3e18 ? factor : 3e18;
    }

    function _root(uint256 x) private pure returns (uint256 root) {
        root = x;
        for (uint256 next = x / 2 + 1; next < root; next = (next + x / next) / 2) {
            root = next;
        }
    }

    function _floor(int256 a, int256 b) private pure returns (int256 q) {
        q = a / b;
        if (a < 0 && q * b != a) --q;
    }

    function testFuzz_aLongOptionIsNeverWorthLessThanItsContingencies(uint256 seed, uint40 size) public view {
        OptionId option = call([WEEK, MONTH, QUARTER][seed % 3], 1500 + 25 * ((seed >> 8) % 120));
        int256 calls = seed >> 64 & 1 == 1 ? int256(uint256(size)) : int256(0);
        int256 puts = int256(uint256(size)) - calls;
        (int256 worst, int256 mid) = _values(_words(toStrikeWord(option.key(), calls, puts)), 0);
        assertGe(worst + 1 + int256(uint256(size) / 1e10), -_floor(_contingencies(option, calls, puts), 1e18));
        assertGe(mid, worst);
    }

    function test_baseAloneLosesWithSpot() public view {
        (int256 worst, int256 mid) = _values(new StrikeWord[](0), 1e6);
        assertEq(mid, 3000 * int256(USD));
        assertEq(worst, 2400 * int256(USD), "20 % down; half down counts for 35 %");
    }

    /// @dev Why a maker may carry one number: the worst of a sum is at least the sum of the worsts.
    function testFuzz_marginIsSubAdditive(uint256 seed, int64 sizeA, int64 sizeB) public view {
        OptionId a = call([WEEK, MONTH, QUARTER][seed % 3], 2500 + 25 * ((seed >> 8) % 40));
        OptionId b = put([WEEK, MONTH, QUARTER][(seed >> 16) % 3], 2500 + 25 * ((seed >> 24) % 40));
        (int256 worstA,) = _values(_words(_word(a, sizeA)), 0);
        (int256 worstB,) = _values(_words(_word(b, sizeB)), 0);
        (int256 together,) = _values(_words(_word(a, sizeA), _word(b, sizeB)), 0);
        assertGe(together + 1, worstA + worstB);
    }

    function testFuzz_attack_D4_maintenanceGridAsksForLess(uint256 seed, int64 size) public view {
        StrikeWord[] memory words = _words(_word(call(MONTH, 2500 + 25 * (seed % 40)), size));
        (int256 initial, int256 mid,) = risk.values(MARKET, words, 0, Grid.Initial);
        (int256 maintenance, int256 same,) = risk.values(MARKET, words, 0, Grid.Maintenance);
        assertGe(maintenance + 1, initial);
        assertEq(mid, same);
    }

    function test_attack_B4_oneStrikeInSeveralWordsIsTheirSum() public view {
        StrikeWord word = _word(call(MONTH, 3000), -ONE);
        (int256 twice, int256 midTwice) = _values(_words(word, word), 0);
        (int256 once, int256 mid) = _values(_words(_word(call(MONTH, 3000), -2 * ONE)), 0);
        assertEq(twice, once);
        assertEq(midTwice, mid);
    }

    /// While a larger move waits, what is held is worth the less of both markets; and it is as before once nothing waits.
    function test_whileAMoveWaits_theWorseOfBothCounts() public {
        StrikeWord[2] memory words = [_word(call(MONTH, 3000), -ONE), _word(put(MONTH, 3000), -ONE)];
        uint256[2] memory waiting = [uint256(3600e18), 2400e18];
        for (uint256 i = 0; i < 2; ++i) {
            (int256 worst, int256 mid) = _values(_words(words[i]), 1e6);
            for (uint256 j = 0; j < 2; ++j) {
                oracle.setUnconfirmedSpot(waiting[j]);
                (int256 worstOfBoth, int256 midOfBoth) = _values(_words(words[i]), 1e6);
                oracle.setUnconfirmedSpot(0);
                uint256 snapshot = vm.snapshotState();
                oracle.setSpot(waiting[j]);
                (int256 worstThen, int256 midThen) = _values(_words(words[i]), 1e6);
                vm.revertToState(snapshot);
                assertEq(worstOfBoth, worstThen < worst ? worstThen : worst);
                assertEq(midOfBoth, midThen < mid ? midThen : mid);
                assertTrue(midThen != mid);
            }
        }
    }

    /// Where reporters differ every volatility shock is wider: a short needs more, and the present value stays.
    function test_disagreementWidensTheVolatilityShocks() public {
        StrikeWord[2] memory words = [_word(call(MONTH, 3000), -ONE), _word(call(MONTH, 3000), ONE)];
        for (uint256 i = 0; i < 2; ++i) {
            (int256 agreed, int256 mid) = _values(_words(words[i]), 0);
            oracle.setDisagreement(0.02e18);
            (int256 apart, int256 same) = _values(_words(words[i]), 0);
            oracle.setDisagreement(0);
            assertEq(same, mid);
            assertLe(apart, agreed, "never in the holder's favour");
            if (i == 0) assertGt(agreed - apart, int256(USD) / 2);
        }
    }

    function test_aSettledStrikeCountsByItsPayoff() public {
        vm.warp(WEEK + 1);
        oracle.setSettlementPrice(WEEK, 3300e18);
        (int256 worst, int256 mid) = _values(_words(_word(call(WEEK, 3000), ONE)), 0);
        assertEq(mid, 300 * int256(USD));
        assertEq(worst, mid);
        (worst, mid) = _values(_words(_word(put(WEEK, 3500), -ONE)), 0);
        assertEq(mid, -200 * int256(USD));
        assertEq(worst, mid, "nothing is left to happen to it");
    }

    // ── The term structure

    /// An inverted shock moves the volatility of a tenor below 30 days up and of one above down, and the reverse.
    function test_anInversionMovesFrontAndBackOppositeWays() public {
        StrikeWord[] memory front = _words(_word(call(WEEK, 3000), -ONE));
        StrikeWord[] memory back = _words(_word(call(QUARTER, 3000), ONE));
        int256[2] memory shocks = [int256(500), -500];
        for (uint256 i = 0; i < 2; ++i) {
            _setScenarios(inverted(scenario(0, shocks[i], 100)));
            (int256 frontWorst, int256 frontMid) = _values(front, 0);
            (int256 backWorst, int256 backMid) = _values(back, 0);
            if (i == 0) {
                assertLt(frontWorst, frontMid - 50e6, "the front rises");
                assertLt(backWorst, backMid - 50e6, "the back falls");
            } else {
                assertEq(frontWorst, frontMid, "the front falls");
                assertEq(backWorst, backMid, "the back rises");
            }
        }
    }

    function test_atThirtyDaysAnInversionMovesNothing() public {
        _setScenarios(inverted(scenario(0, 500, 100)));
        vm.warp(MONTH - 30 days - 20 minutes); // the average of the last 30 minutes counts as 20 minutes less
        oracle.report(SPOT, VOLATILITY, listed);
        (int256 worst, int256 mid) = _values(_words(_word(call(MONTH, 3000), -ONE)), 0);
        assertEq(worst, mid);
    }

    /// @dev No contingencies, the present and what is given.
    function _setScenarios(uint256 lanes) private {
        uint256[3] memory grid;
        grid[0] = scenario(0, 0, 100) | lanes << 32;
        risk.setGrids(MARKET, RiskEngine.MarketGrids(grid, grid, Contingencies(0, 0, 0)));
    }

    // ── Near expiry: what the grid does not see between its spots

    /// A straddle between two spots of the grid pays nothing at its strike, and counts for nothing as its expiry comes.
    function test_attack_B17_nearExpiryALongStraddleCountsForNothing() public {
        _setWithoutContingencies();
        StrikeWord[] memory straddle = _words(toStrikeWord(call(WEEK, 3150).key(), ONE, ONE));
        vm.warp(WEEK - 1 days);
        oracle.report(SPOT, VOLATILITY, listed);
        (int256 worst, int256 mid) = _values(straddle, 0);
        assertGt(mid, 150 * int256(USD));
        assertLt(worst, 15 * int256(USD), "spots of the grid alone would say 150 and more");
        assertGe(worst, 0);
    }

    /// Short at 3150, long at 3050 and 3250: the worst, −100, is at the strike, and the grid's spots see −50 or less there.
    function test_nearExpiryAButterflyOwesItsPayoffAtItsStrikes() public {
        _setWithoutContingencies();
        StrikeWord[] memory words = new StrikeWord[](3);
        words[0] = _word(call(WEEK, 3050), -ONE);
        words[1] = _word(call(WEEK, 3150), 2 * ONE);
        words[2] = _word(call(WEEK, 3250), -ONE);
        vm.warp(WEEK - 1 hours);
        oracle.report(3050e18, VOLATILITY, listed);
        (int256 worst,) = _values(words, 0);
        assertLe(worst, -100 * int256(USD));
        assertGe(worst, -115 * int256(USD), "and what is left of time value");
    }

    /// Margin does not jump as time passes: from one hour to the next it moves by less than spot's thousandth.
    function test_theSagComesInWithoutAJump() public {
        _setWithoutContingencies();
        StrikeWord[] memory straddle = _words(toStrikeWord(call(QUARTER, 3150).key(), ONE, ONE));
        int256 before;
        for (uint256 time = QUARTER - 60 days; time < QUARTER - 4 hours; time += 2 hours) {
            vm.warp(time);
            oracle.report(SPOT, VOLATILITY, listed);
            (int256 worst,) = _values(straddle, 0);
            if (before != 0) assertApproxEqAbs(worst, before, uint256(3 * USD));
            before = worst;
        }
    }

    /// Boxes, parity hedges and covered calls bend nowhere upwards that nothing else holds: they need their contingencies.
    function testFuzz_risklessBooksNeedNoMoreThanTheirContingencies(uint256 seed, uint32 size) public {
        vm.assume(size > 0);
        if (seed & 1 == 1) vm.warp(WEEK - 1 days);
        oracle.report(SPOT, VOLATILITY, listed);
        uint32 expiry = [WEEK, MONTH, QUARTER][(seed >> 8) % 3];
        uint256 low = 2000 + 25 * ((seed >> 16) % 40);
        uint256 high = low + 25 * (1 + (seed >> 24) % 40);
        int256 q = int256(uint256(size));
        StrikeWord[] memory box =
            _words(toStrikeWord(call(expiry, low).key(), q, -q), toStrikeWord(call(expiry, high).key(), -q, q));
        (int256 worst, int256 mid) = _values(box, 0);
        assertEq(mid, q * int256(high - low));
        assertGe(worst, mid - 2 * q * 30 - 1, "two shorts at 1 %");

        // Short call, long put, base: worth the strike.
        (worst, mid) = _values(_words(toStrikeWord(call(expiry, low).key(), -q, q)), uint256(size));
        assertEq(mid, q * int256(low));
        assertGe(worst, mid - q * 30 - q * 9 - 2, "a short at 1 %, a delta at 0.3 %");

        (worst,) = _values(_words(_word(call(expiry, low), -q)), uint256(size));
        OptionId option = call(expiry, low);
        assertGe(worst, -_floor(_contingencies(option, -q, 0), 1e18) - 2, "a covered call");
    }

    function _setWithoutContingencies() private {
        RiskEngine.MarketGrids memory grids = defaultGrids();
        grids.contingencies = Contingencies(0, 0, 0);
        risk.setGrids(MARKET, grids);
    }

    // ── Inside the averaging window

    /// With 20 of 30 minutes fixed at 3,000, a fall of spot by 20 % moves the forward by a third of that.
    function test_insideTheWindowAShockMovesWhatIsOpen() public {
        _setScenarios(scenario(-200, 0, 100) | scenario(-400, 0, 1) << 32);
        vm.warp(WEEK - 10 minutes);
        oracle.report(SPOT, VOLATILITY, listed);
        oracle.setRunningAverage(WEEK, 3000e18, 20 minutes);
        (int256 worst, int256 mid) = _values(_words(_word(call(WEEK, 2000), ONE)), 0);
        assertApproxEqAbs(mid, 1000 * int256(USD), 1);
        assertApproxEqAbs(worst, 800 * int256(USD), 1);
    }

    // ── Old reports

    function test_aReportOfTwoMinutesIsAsGoodAsNew() public {
        StrikeWord[] memory words = _words(_word(call(QUARTER, 3000), -ONE));
        (int256 fresh,) = _values(words, 0);
        vm.warp(block.timestamp + 2 minutes);
        (int256 later,) = _values(words, 0);
        assertApproxEqAbs(later, fresh, USD / 100, "but for two minutes of time value");
    }

    /// Spot may have moved by 2 % in an hour and by 4 % in four, volatility by 5 and 10 points.
    function test_anOldReportWidensTheShocks() public {
        StrikeWord[] memory naked = _words(_word(call(QUARTER, 3000), -ONE));
        StrikeWord[] memory hedged = _words(toStrikeWord(call(QUARTER, 3000).key(), -ONE, ONE)); // short forward
        (int256 fresh,) = _values(naked, 0);
        (int256 freshForward,) = _values(hedged, 0);
        (int256 freshParity,) = _values(hedged, 1e6);
        uint256 start = block.timestamp;
        vm.warp(start + 2 minutes + 1 hours);
        (int256 hour,) = _values(naked, 0);
        (int256 hourForward,) = _values(hedged, 0);
        (int256 hourParity,) = _values(hedged, 1e6);
        assertLt(hour, fresh - 36 * int256(USD), "0.55 deltas of 60, and volatility");
        assertApproxEqAbs(hourForward, freshForward - 60 * int256(USD), USD, "2 % of spot");
        assertApproxEqAbs(hourParity, freshParity, USD / 100, "nothing is at stake");
        vm.warp(start + 2 minutes + 4 hours);
        (int256 fourForward,) = _values(hedged, 0);
        assertApproxEqAbs(fourForward, freshForward - 120 * int256(USD), USD);
        vm.warp(start + 5 days);
        (int256 last,) = _values(hedged, 0);
        assertApproxEqAbs(last, freshForward - 294 * int256(USD), USD, "a day's at most");
    }

    // ── Rules of grids

    function test_aMaintenanceGridThatReachesFurtherIsRefused() public {
        _refusesMaintenance(scenario(-200, 500, 100), 1); // volatility
        _refusesMaintenance(scenario(-300, 450, 100), 1); // spot, with all of the loss
        _refusesMaintenance(scenario(-300, 450, 36), 1); // more of the loss than the tail counts
        _refusesMaintenance(inverted(scenario(-200, 450, 100)), 1); // inverted away from the present spot
        RiskEngine.MarketGrids memory grids = defaultGrids();
        grids.maintenance = [scenario(0, 0, 100) | scenario(-300, 450, 35) << 32, 0, 0];
        risk.setGrids(MARKET, grids);
    }

    function _refusesMaintenance(uint256 lane, uint256 index) private {
        RiskEngine.MarketGrids memory grids = defaultGrids();
        grids.maintenance = [scenario(0, 0, 100) | lane << 32, 0, 0];
        vm.expectRevert(abi.encodeWithSelector(IRiskEngine.RiskEngine_MaintenanceWider.selector, MARKET, index));
        risk.setGrids(MARKET, grids);
    }

    function test_contingenciesAreBounded() public {
        Contingencies[3] memory tooLarge =
            [Contingencies(0.1e18 + 1, 0, 0), Contingencies(0, 1e18 + 1, 0), Contingencies(0, 0, 0.05e18 + 1)];
        uint256[3] memory max = [uint256(0.1e18), 1e18, 0.05e18];
        for (uint256 i = 0; i < 3; ++i) {
            RiskEngine.MarketGrids memory grids = defaultGrids();
            grids.contingencies = tooLarge[i];
            vm.expectRevert(
                abi.encodeWithSelector(IRiskEngine.RiskEngine_ContingencyTooLarge.selector, max[i] + 1, max[i])
            );
            risk.setGrids(MARKET, grids);
        }
    }

    // ── Stress

    /// The tails of the default grid stand at 1,500 and 4,800 and count whole.
    function test_stressCountsTailsWhole() public view {
        assertApproxEqAbs(_stressed(new StrikeWord[](0), 1e6), 1500 * int256(USD), 1);
        // Deep in the money little but intrinsic value is left.
        int256 shortPut = _stressed(_words(_word(put(WEEK, 3000), -ONE)), 0);
        assertApproxEqAbs(shortPut, -1500 * int256(USD), 25 * USD);
        int256 shortCall = _stressed(_words(_word(call(WEEK, 3000), -ONE)), 0);
        assertApproxEqAbs(shortCall, -1800 * int256(USD), 60 * USD);
    }

    function testFuzz_stressIsNeverMilderThanTheGrid(uint256 seed, int64 size, uint32 baseSize) public {
        _setWithoutContingencies();
        OptionId option = call([WEEK, MONTH, QUARTER][seed % 3], 2500 + 25 * ((seed >> 8) % 40));
        StrikeWord[] memory words = _words(
            seed >> 64 & 1 == 1
                ? _word(option, size)
                : _word(put(option.key().expiry(), option.key().strikeE6() / 1e6), size)
        );
        (int256 worst, int256 mid, int256 stressed) = risk.values(MARKET, words, baseSize, Grid.Initial);
        assertLe(stressed, mid);
        // Between its spots the grid's line sags by what a payoff bends: near expiry only, see `PayoffSag`.
        if (size <= 0) assertLe(stressed, worst + 1);
    }

    function test_anInitialGridWithoutFarTailsIsRefused() public {
        _refusesTails(scenario(-399, 450, 35), scenario(400, 450, 35));
        _refusesTails(scenario(-400, 450, 35), scenario(399, 450, 35));
        _refusesTails(scenario(-400, 450, 100), scenario(400, 450, 35)); // whole itself
        RiskEngine.MarketGrids memory grids = _withTails(scenario(-400, 450, 35), scenario(400, 450, 35));
        risk.setGrids(MARKET, grids);
    }

    function _refusesTails(uint256 down, uint256 up) private {
        RiskEngine.MarketGrids memory grids = _withTails(down, up);
        vm.expectRevert(abi.encodeWithSelector(IRiskEngine.RiskEngine_TailsTooNear.selector, MARKET));
        risk.setGrids(MARKET, grids);
    }

    function _withTails(uint256 down, uint256 up) private pure returns (RiskEngine.MarketGrids memory grids) {
        grids = defaultGrids();
        uint256 whole = scenario(0, 0, 100) | scenario(-200, 0, 100) << 32 | scenario(200, 0, 100) << 64;
        grids.initial = [whole | down << 96 | up << 128, 0, 0];
        grids.maintenance = [whole & type(uint64).max, 0, 0];
    }
}
