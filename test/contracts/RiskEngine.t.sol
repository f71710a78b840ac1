// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {RiskEngine} from "../../pool-contracts/RiskEngine.sol";
import {Grid, IRiskEngine} from "../../pool-contracts/interfaces/IRiskEngine.sol";
import {Black76} from "../../pool-contracts/libraries/pricing/Black76.sol";
import {Essvi} from "../../pool-contracts/libraries/pricing/Essvi.sol";
import {Logarithm} from "../../pool-contracts/libraries/pricing/Logarithm.sol";
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
        return risk.values(MARKET, words, baseSize, Grid.Initial);
    }

    function test_nothingIsWorthNothing() public view {
        (int256 worst, int256 mid) = risk.values(MARKET, new StrikeWord[](0), 0, Grid.Initial);
        assertEq(worst, 0);
        assertEq(mid, 0);
    }

    function test_givenAMarketWithoutGrids_itSaysSo() public {
        vm.expectRevert(abi.encodeWithSelector(IRiskEngine.RiskEngine_UnknownMarket.selector, 5));
        risk.values(5, new StrikeWord[](0), 1, Grid.Initial);
    }

    function test_onlyGovernanceSetsGrids() public {
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
        RiskEngine.MarketGrids memory grids = defaultGrids();
        grids.shortContingencyWad = 0.1e18 + 1;
        vm.expectRevert(abi.encodeWithSelector(IRiskEngine.RiskEngine_InvalidGrid.selector, MARKET));
        risk.setGrids(MARKET, grids);
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
    function testFuzz_oneStrikeIsWorthItsWorstScenario(uint256 seed, int40 calls, int40 puts) public view {
        OptionId option = call([WEEK, MONTH, QUARTER][seed % 3], 2000 + 25 * ((seed >> 8) % 80));
        (int256 worst, int256 mid) = _values(_words(toStrikeWord(option.key(), calls, puts)), 0);
        (int256 expectedWorst, int256 expectedMid) = _reference(option, calls, puts);
        // Tails are weighed after a division by 1e18 raw: one unit, and one for the rounding of cash.
        assertApproxEqAbs(worst, expectedWorst, 2);
        assertApproxEqAbs(mid, expectedMid, 1);
    }

    function _reference(OptionId option, int256 calls, int256 puts) private view returns (int256 worst, int256 mid) {
        int16[3] memory volatilities = [int16(0), -300, 450];
        int16[7] memory spots = [int16(0), -200, -100, 100, 200, -500, 600];
        mid = _valueAt(option, calls, puts, 0, 0);
        worst = mid;
        for (uint256 i = 0; i < 7; ++i) {
            for (uint256 j = i < 5 ? 0 : 2; j < 3; ++j) {
                int256 change = _valueAt(option, calls, puts, spots[i], volatilities[j]) - mid;
                if (i >= 5) change = change * 35 / 100;
                if (mid + change < worst) worst = mid + change;
            }
        }
        int256 shorts = (calls < 0 ? -calls : int256(0)) + (puts < 0 ? -puts : int256(0));
        worst -= shorts * 30e18; // 1 % of spot
        return (_floor(worst, 1e18), _floor(mid, 1e18));
    }

    function _valueAt(OptionId option, int256 calls, int256 puts, int256 spotPermille, int256 volatilityPermille)
        private
        view
        returns (int256)
    {
        uint32[] memory expiries = new uint32[](1);
        expiries[0] = option.key().expiry();
        (, Board[] memory boards) = oracle.boards(MARKET, expiries, Moment.Now);
        uint256 strike = option.key().strikeWad();
        int256 k = Logarithm.lnWad(strike * 1e18 / boards[0].forwardWad)
            - Logarithm.lnWad(uint256(1e18 + spotPermille * 1e15));
        uint256 v = Essvi.stdDev(k, boards[0].thetaWad, boards[0].rhoWad, boards[0].psiWad);
        uint256 factor = _tenorFactor(boards[0].effectiveSeconds);
        int256 shock = 1e18 + volatilityPermille * 1e15 * int256(factor) / 1e18;
        if (shock < 0.1e18) shock = 0.1e18;
        (uint256 callWad, uint256 putWad) = Black76.priceKnownLn(
            boards[0].forwardWad * uint256(1000 + spotPermille) / 1000, strike, k, v * uint256(shock) / 1e18
        );
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

    function test_aLongOptionIsNeverWorthLessThanNothing() public view {
        (int256 worst, int256 mid) = _values(_words(_word(call(MONTH, 3000), ONE)), 0);
        assertGe(worst, 0);
        assertGt(mid, worst);
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

    function testFuzz_theMaintenanceGridAsksForLess(uint256 seed, int64 size) public view {
        StrikeWord[] memory words = _words(_word(call(MONTH, 2500 + 25 * (seed % 40)), size));
        (int256 initial, int256 mid) = risk.values(MARKET, words, 0, Grid.Initial);
        (int256 maintenance, int256 same) = risk.values(MARKET, words, 0, Grid.Maintenance);
        assertGe(maintenance + 1, initial);
        assertEq(mid, same);
    }

    function test_oneStrikeInSeveralWordsIsTheirSum() public view {
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
}
