// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IMarketOracle} from "./interfaces/IMarketOracle.sol";
import {Grid, IRiskEngine} from "./interfaces/IRiskEngine.sol";
import {CashMath} from "./libraries/accounting/CashMath.sol";
import {OracleBoards} from "./libraries/oracle/OracleBoards.sol";
import {RollDown} from "./libraries/pricing/RollDown.sol";
import {SquareRoot} from "./libraries/pricing/SquareRoot.sol";
import {PayoffSag} from "./libraries/risk/PayoffSag.sol";
import {Scenario, ScenarioGrid, Shape} from "./libraries/risk/ScenarioGrid.sol";
import {ScenarioValues} from "./libraries/risk/ScenarioValues.sol";
import {Contingencies, ShockTable} from "./libraries/risk/ShockTable.sol";
import {ShockedBoard, ShockedBoards} from "./libraries/risk/ShockedBoard.sol";
import {Board, MarketState, Moment} from "./types/Board.sol";
import {StrikeWord} from "./types/StrikeWord.sol";
import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";

/// @title Scenario margin
/// @notice An account is healthy if cash plus the worst value of what it holds is not negative.
///
///     value(s, u) = Σ size·Black76(F′, K, v′) + base·S·(1 + s)                     F′ and v′ as in `ShockedBoards`, k′ = ln(K/F′)
///     W = present + weight·(value − present)                                       damped tails
///     worst = min over the grid, and between its spots (`PayoffSag`), of W
///             − short·S·(contracts short) − skew·|Σ size·vega·k| − basis·S·Σ |Δ of each expiry|
///             − stale·S·|Σ Δ + base|
///     stressed = min over the grid of value
///
/// Tails reach at least twice as far as what counts whole: what their damping leaves out of margin is what stress is for.
///
/// Each scenario moves spot and volatility together, the front of the term structure further than its back, or, inverted, the
/// two in opposite ways. The smile moves with spot. A smile that tilts by `skew` per k/√τ on every expiry, and forwards that
/// each move by `basis` against spot, are in no scenario: what they cost to first order is added. Vega is by v = σ√τ,
/// and vega·√τ·(k/√τ) = vega·k.
///
/// Where the positions say beforehand that some scenarios cannot be the worst, those are not looked at (`ScenarioGrid.front`): 9 of the
/// shipped 17 are left for a portfolio that is nowhere net long, 4 for short calls or short puts alone.
///
/// Every part is linear in the positions under one scenario or a norm of them, and the worst of a sum is at least the sum of
/// the worsts: margin grows in proportion to size and is sub-additive across accounts.
///
/// Where reporters differ every volatility shock is wider. So it is by 5 volatility points per √hour that the surface is older
/// than two minutes, and `stale` is 2 % per √hour that spot is: an old report hides moves, and liquidation must not wait for
/// the next. While a report that moves the market further than one may waits for confirmation, the worse of what is confirmed
/// and what waits counts. Inside the averaging window of an expiry a shock moves only what is still open of its forward.
/// Settled expiries count by their payoff.
contract RiskEngine is IRiskEngine, AccessManaged {
    /// @param initial Grid for opening and withdrawing, see `Scenario`.
    /// @param maintenance Grid for liquidation, nowhere wider.
    /// @param contingencies What both add.
    struct MarketGrids {
        uint256[3] initial;
        uint256[3] maintenance;
        Contingencies contingencies;
    }

    event GridsChanged(uint16 indexed marketId, MarketGrids grids);

    /// @dev A tenth of spot a contract.
    uint256 internal constant MAX_SHORT_CONTINGENCY = 0.1e18;
    /// @dev A wing of 25 delta, k/√τ of about 0.4, moves by 40 volatility points.
    uint256 internal constant MAX_SKEW_CONTINGENCY = 1e18;
    /// @dev Reports younger than this are as good as new.
    uint256 internal constant GRACE = 2 minutes;
    /// @dev What √hour of a surface's age adds to every volatility shock.
    uint256 internal constant STALE_VOLATILITY = 0.05e18;
    /// @dev How far spot may have moved in √hour: three standard deviations at 60 % a year.
    uint256 internal constant STALE_SPOT = 0.02e18;
    /// @dev A twentieth of spot.
    uint256 internal constant MAX_BASIS_CONTINGENCY = 0.05e18;

    IMarketOracle public immutable oracle;
    int256 internal immutable _divisor;
    mapping(uint16 marketId => mapping(uint256 gridAndShape => address)) private _tables; // see `ShockTable`
    mapping(uint16 marketId => MarketGrids) private _grids; // as they were set, for readers

    constructor(IMarketOracle oracle_, uint8 quoteDecimals, address authority) AccessManaged(authority) {
        oracle = oracle_;
        _divisor = CashMath.divisor(quoteDecimals);
    }

    // ───────────────────────────── Grids ─────────────────────────────

    /// @notice Sets both grids of a market together.
    function setGrids(uint16 marketId, MarketGrids calldata grids_) external restricted {
        Contingencies memory contingencies = grids_.contingencies;
        _requireAtMost(contingencies.shortWad, MAX_SHORT_CONTINGENCY);
        _requireAtMost(contingencies.skewWad, MAX_SKEW_CONTINGENCY);
        _requireAtMost(contingencies.basisWad, MAX_BASIS_CONTINGENCY);
        Scenario[] memory initial = ScenarioGrid.unpack(grids_.initial);
        Scenario[] memory maintenance = ScenarioGrid.unpack(grids_.maintenance);
        if (!ScenarioGrid.isValid(initial) || !ScenarioGrid.isValid(maintenance)) {
            revert RiskEngine_InvalidGrid(marketId);
        }
        uint256 outside = ScenarioGrid.firstOutside(maintenance, initial);
        if (outside != maintenance.length) revert RiskEngine_MaintenanceWider(marketId, outside);
        if (!ScenarioGrid.hasFarTails(initial)) revert RiskEngine_TailsTooNear(marketId);

        for (uint256 i = 0; i <= uint256(type(Shape).max); ++i) {
            Shape shape = Shape(i);
            _tables[marketId][_tableKey(Grid.Initial, shape)] =
                ShockTable.write(ScenarioGrid.front(initial, shape), contingencies);
            _tables[marketId][_tableKey(Grid.Maintenance, shape)] =
                ShockTable.write(ScenarioGrid.front(maintenance, shape), contingencies);
        }
        _grids[marketId] = grids_;
        emit GridsChanged(marketId, grids_);
    }

    function _requireAtMost(uint256 given, uint256 max) private pure {
        if (given > max) revert RiskEngine_ContingencyTooLarge(given, max);
    }

    function _tableKey(Grid grid, Shape shape) private pure returns (uint256) {
        return uint256(grid) << 8 | uint256(shape);
    }

    /// @dev What the words alone say of the worst scenarios.
    function _shapeOf(StrikeWord[] calldata words, uint256 baseSize) private pure returns (Shape) {
        unchecked {
            bool onlyCalls = baseSize == 0;
            bool onlyPuts = onlyCalls;
            bool isShort = true;
            bool isLong = true;
            for (uint256 i = 0; i < words.length; ++i) {
                (int256 calls, int256 puts) = (words[i].calls(), words[i].puts());
                if (calls + puts > 0) isShort = false; // sizes fit int80
                if (calls + puts < 0) isLong = false;
                if (calls > 0 || puts != 0) onlyCalls = false;
                if (puts > 0 || calls != 0) onlyPuts = false;
            }
            if (!isShort) return isLong ? Shape.Long : Shape.Any;
            return onlyCalls ? Shape.ShortCalls : onlyPuts ? Shape.ShortPuts : Shape.Short;
        }
    }

    function grids(uint16 marketId) external view returns (MarketGrids memory) {
        return _grids[marketId];
    }

    // ───────────────────────────── Values ─────────────────────────────

    /// @inheritdoc IRiskEngine
    function values(uint16 marketId, StrikeWord[] calldata words, uint256 baseSize, Grid grid)
        external
        view
        returns (int256 worst, int256 mid, int256 stressed)
    {
        if (words.length == 0 && baseSize == 0) return (0, 0, 0);
        address table = _tables[marketId][_tableKey(grid, _shapeOf(words, baseSize))];
        if (table == address(0)) revert RiskEngine_UnknownMarket(marketId);
        Request memory request;
        (request.table, request.marketId, request.baseSize) = (ShockTable.load(table), marketId, baseSize);
        (request.expiries, request.expiryOf) = _expiriesOf(words);
        (MarketState memory state, Board[] memory boards) =
            OracleBoards.read(oracle, abi.encodeCall(oracle.boards, (marketId, request.expiries, Moment.Held)));
        request.spotWad = state.spotWad;
        request.disagreementWad = state.disagreementWad + _stale(state.surfaceTime, STALE_VOLATILITY);
        request.staleSpotWad = _stale(state.spotTime, STALE_SPOT);
        (worst, mid, stressed) = _valuesOn(request, words, boards);
        if (!state.unconfirmed) return (worst, mid, stressed);

        // A larger move waits for confirmation: the worse of both counts, each scenario on its own surface and spot.
        (, boards) = oracle.boards(marketId, request.expiries, Moment.Unconfirmed);
        uint256 spotWad = oracle.unconfirmed(marketId).spotWad;
        if (spotWad != 0) request.spotWad = spotWad;
        (int256 worstWaiting, int256 midWaiting, int256 stressedWaiting) = _valuesOn(request, words, boards);
        if (worstWaiting < worst) worst = worstWaiting;
        if (midWaiting < mid) mid = midWaiting;
        if (stressedWaiting < stressed) stressed = stressedWaiting;
    }

    /// @inheritdoc IRiskEngine
    function staleness(uint16 marketId) external view returns (uint256 volatilityWad, uint256 spotWad) {
        MarketState memory state = oracle.marketState(marketId);
        return (_stale(state.surfaceTime, STALE_VOLATILITY), _stale(state.spotTime, STALE_SPOT));
    }

    /// @dev What valuing a portfolio needs on either of two markets.
    /// @param expiries The distinct expiries of the words.
    /// @param expiryOf For each word, which of them is its own.
    /// @param disagreementWad How far the reporters differ, and what an old surface adds.
    /// @param staleSpotWad How far spot may have moved since an old report, as a share.
    struct Request {
        ShockTable.Table table;
        uint16 marketId;
        uint32[] expiries;
        uint256[] expiryOf;
        uint256 baseSize;
        uint256 disagreementWad;
        uint256 spotWad;
        uint256 staleSpotWad;
    }

    /// @dev √(hours that a report is older than `GRACE`), at most a day, times what an hour adds, WAD.
    function _stale(uint256 time, uint256 perHourWad) private view returns (uint256) {
        unchecked {
            uint256 freshUntil = time + GRACE; // times are below 2^40
            if (block.timestamp <= freshUntil) return 0;
            uint256 stale = block.timestamp - freshUntil;
            if (stale > 1 days) stale = 1 days;
            return perHourWad * SquareRoot.sqrtWad(stale * 1e18 / 1 hours) / 1e18;
        }
    }

    function _expiriesOf(StrikeWord[] calldata words)
        private
        pure
        returns (uint32[] memory expiries, uint256[] memory expiryOf)
    {
        unchecked {
            expiries = new uint32[](words.length);
            expiryOf = new uint256[](words.length);
            uint256 count;
            for (uint256 i = 0; i < words.length; ++i) {
                uint256 expiry = words[i].key().expiry();
                assembly ("memory-safe") {
                    let list := add(expiries, 0x20)
                    let j := 0
                    for {} lt(j, count) { j := add(j, 1) } {
                        if eq(mload(add(list, shl(5, j))), expiry) { break }
                    }
                    mstore(add(list, shl(5, j)), expiry) // there are at most as many expiries as words
                    count := add(count, eq(j, count))
                    mstore(add(expiryOf, shl(5, add(i, 1))), j)
                }
            }
            assembly ("memory-safe") {
                mstore(expiries, count) // shortens the array in place
            }
        }
    }

    /// @dev The three values on one set of boards, quote units rounded down.
    function _valuesOn(Request memory request, StrikeWord[] calldata words, Board[] memory boards)
        private
        view
        returns (int256 worst, int256 mid, int256 stressed)
    {
        ShockedBoard[] memory shocked = _shock(request, boards);
        ShockedBoard[] memory boardOf = _boardOf(shocked, request.expiryOf);
        (int256 skewRaw, int256 settledRaw, uint256 shortContracts) = _addStrikes(words, boardOf);
        Weighed memory weighed = _weigh(request, shocked, settledRaw);
        int256 lowestRaw = PayoffSag.lowest(weighed.lowestRaw, weighed.spots, weighed.spotsEnd, words, boardOf);
        lowestRaw -= int256(_contingencyRaw(request, shocked, skewRaw, shortContracts)); // below 2^250
        worst = CashMath.toCashDown(lowestRaw, _divisor);
        mid = CashMath.toCashDown(weighed.presentRaw, _divisor);
        stressed = CashMath.toCashDown(weighed.stressedRaw, _divisor);
    }

    function _shock(Request memory request, Board[] memory boards)
        private
        view
        returns (ShockedBoard[] memory shocked)
    {
        shocked = new ShockedBoard[](boards.length);
        for (uint256 i = 0; i < boards.length; ++i) {
            uint256 fixedWad = _fixedPart(request.marketId, boards[i]);
            shocked[i] = ShockedBoards.shock(request.table, boards[i], fixedWad, request.disagreementWad);
        }
    }

    /// @dev The expiry of each word.
    function _boardOf(ShockedBoard[] memory shocked, uint256[] memory expiryOf)
        private
        pure
        returns (ShockedBoard[] memory boardOf)
    {
        assembly ("memory-safe") {
            // A copy in which each index, which is below the length of `shocked`, becomes the reference it stands for.
            boardOf := mload(0x40)
            let end := add(boardOf, shl(5, mload(expiryOf)))
            mstore(boardOf, mload(expiryOf))
            let offset := sub(expiryOf, boardOf)
            for { let entry := boardOf } lt(entry, end) {} {
                entry := add(entry, 0x20)
                mstore(entry, mload(add(add(shocked, 0x20), shl(5, mload(add(entry, offset))))))
            }
            mstore(0x40, add(end, 0x20))
        }
    }

    /// @dev Adds every strike to its expiry's sums.
    function _addStrikes(StrikeWord[] calldata words, ShockedBoard[] memory boardOf)
        private
        pure
        returns (int256 skewRaw, int256 settledRaw, uint256 shortContracts)
    {
        unchecked {
            for (uint256 i = 0; i < words.length; ++i) {
                StrikeWord word = words[i];
                ShockedBoard memory board = boardOf[i];
                if (board.settled) {
                    settledRaw += _payoffRaw(word, board.forwardWad);
                } else {
                    skewRaw += ScenarioValues.add(board, word);
                    shortContracts += _shortContracts(word);
                }
            }
        }
    }

    /// @dev What of a forward no longer moves with spot: elapsed·average/A inside the averaging window, else 0.
    function _fixedPart(uint16 marketId, Board memory board) private view returns (uint256) {
        if (board.settled || block.timestamp + RollDown.AVERAGING_WINDOW <= board.expiry) return 0;
        (uint256 averageWad, uint256 elapsed) = oracle.runningAverage(marketId, board.expiry);
        return averageWad * elapsed / RollDown.AVERAGING_WINDOW;
    }

    function _payoffRaw(StrikeWord word, uint256 settlementWad) private pure returns (int256) {
        uint256 strikeWad = word.key().strikeWad();
        // Prices are below 2^97 and sizes below 2^79.
        if (settlementWad > strikeWad) return word.calls() * int256(settlementWad - strikeWad);
        return word.puts() * int256(strikeWad - settlementWad);
    }

    function _shortContracts(StrikeWord word) private pure returns (uint256 contracts) {
        (int256 calls, int256 puts) = (word.calls(), word.puts());
        if (calls < 0) contracts = uint256(-calls);
        if (puts < 0) contracts += uint256(-puts);
    }

    /// @dev What the scenarios come to.
    /// @param presentRaw The value at present.
    /// @param lowestRaw The least weighed value.
    /// @param stressedRaw The least value with every tail whole.
    /// @param spots For `PayoffSag` the least weighed value at each spot of the table, in memory up to `spotsEnd`.
    struct Weighed {
        int256 presentRaw;
        int256 lowestRaw;
        int256 stressedRaw;
        uint256 spots;
        uint256 spotsEnd;
    }

    /// @dev The value of options and base in every scenario, as it is and weighed.
    function _weigh(Request memory request, ShockedBoard[] memory shocked, int256 settledRaw)
        private
        pure
        returns (Weighed memory weighed)
    {
        unchecked {
            ShockTable.Table memory table = request.table;
            uint256 length = table.spotCount * PayoffSag.SPOT_BYTES;
            uint256 spotsEnd;
            assembly ("memory-safe") {
                spotsEnd := mload(0x40)
                mstore(0x40, add(spotsEnd, length))
            }
            weighed.spots = spotsEnd;
            uint256 raw = _sums(shocked, table.scenarioCount);
            // Options are below 2^186; base in existence, as a size, and spot fit 2^108 and 2^96.
            int256 baseRaw = int256(request.baseSize * request.spotWad);
            int256 ofOptionsRaw;
            assembly ("memory-safe") {
                ofOptionsRaw := mload(sub(mload(0x40), 0x20)) // the present is the last scenario
            }
            int256 presentRaw = ofOptionsRaw + settledRaw + baseRaw;
            (weighed.presentRaw, weighed.lowestRaw, weighed.stressedRaw) = (presentRaw, presentRaw, presentRaw);
            uint256 record = ShockTable.spots(table);
            for (uint256 left = table.spotCount; left > 0; --left) {
                (uint256 factorWad, uint256 count) = ShockTable.spot(record);
                record += ShockTable.SPOT_BYTES;
                int256 moveRaw = _divideDown(baseRaw, 1e18) * (int256(factorWad) - 1e18) - ofOptionsRaw;
                int256 leastWholeRaw = type(int256).max;
                int256 leastRaw = type(int256).max;
                uint256 leastWeight = 100;
                for (; count > 0; --count) {
                    uint256 weight = ShockTable.weightPercent(record);
                    int256 changeRaw;
                    assembly ("memory-safe") {
                        changeRaw := add(mload(raw), moveRaw)
                    }
                    (record, raw) = (record + ShockTable.VOLATILITY_BYTES, raw + 32);
                    if (changeRaw < leastWholeRaw) leastWholeRaw = changeRaw;
                    if (weight != 100) changeRaw = _divideDown(changeRaw * int256(weight), 100);
                    if (changeRaw < leastRaw) leastRaw = changeRaw;
                    if (weight < leastWeight) leastWeight = weight;
                }
                leastRaw += presentRaw;
                if (leastRaw < weighed.lowestRaw) weighed.lowestRaw = leastRaw;
                leastWholeRaw += presentRaw;
                if (leastWholeRaw < weighed.stressedRaw) weighed.stressedRaw = leastWholeRaw;
                assembly ("memory-safe") {
                    mstore(spotsEnd, factorWad)
                    mstore(add(spotsEnd, 0x20), leastRaw)
                    mstore(add(spotsEnd, 0x40), leastWeight)
                    mstore(add(spotsEnd, 0x60), 0)
                }
                spotsEnd += PayoffSag.SPOT_BYTES;
            }
            weighed.spotsEnd = spotsEnd;
        }
    }

    /// @dev What the options of all expiries are worth in each scenario: words at the end of memory, from `start`.
    function _sums(ShockedBoard[] memory shocked, uint256 scenarioCount) private pure returns (uint256 start) {
        int256[] memory raws = new int256[](scenarioCount);
        for (uint256 i = 0; i < shocked.length; ++i) {
            ShockedBoards.addValues(shocked[i], raws);
        }
        assembly ("memory-safe") {
            start := add(raws, 0x20)
        }
    }

    /// @dev short·S·contracts + skew·|Σ size·vega·k| + basis·S·Σ |Δ| + stale·S·|Σ Δ + base|, rounded up.
    function _contingencyRaw(
        Request memory request,
        ShockedBoard[] memory shocked,
        int256 skewRaw,
        uint256 shortContracts
    ) private pure returns (uint256 raw) {
        unchecked {
            ShockTable.Table memory table = request.table;
            uint256 deltaRaw; // Σ |Δ|, size times WAD
            int256 netDeltaRaw = int256(request.baseSize * 1e18);
            for (uint256 i = 0; i < shocked.length; ++i) {
                int256 ofExpiry = shocked[i].deltaRaw;
                netDeltaRaw += ofExpiry;
                deltaRaw += uint256(ofExpiry < 0 ? -ofExpiry : ofExpiry);
            }
            // Sizes below 2^87 times spot below 2^96 times shares below 2^57; deltas below 2^147; vegas below 2^186 times 2^60.
            raw = shortContracts * request.spotWad * table.shortWad;
            raw += deltaRaw * (request.spotWad * table.basisWad / 1e18);
            raw += uint256(skewRaw < 0 ? -skewRaw : skewRaw) * table.skewWad;
            if (raw != 0) raw = raw / 1e18 + 1;
            if (request.staleSpotWad == 0 || netDeltaRaw == 0) return raw;
            // Base and options together, below 2^169; a tenth of spot at most.
            uint256 netRaw = uint256(netDeltaRaw < 0 ? -netDeltaRaw : netDeltaRaw);
            raw += netRaw / 1e9 * (request.spotWad * request.staleSpotWad / 1e18) / 1e9 + 1;
        }
    }

    /// @dev a/b towards minus infinity; b is positive.
    function _divideDown(int256 a, int256 b) private pure returns (int256 quotient) {
        quotient = a / b;
        if (a < 0 && quotient * b != a) --quotient;
    }
}
